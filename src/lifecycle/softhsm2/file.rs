//! An object file: a generation number, then attributes until the end. Every number has eight bytes, the highest first.

use crate::ck::*;
use crate::secret::Secret;

use super::{Error, Result};

/// Objects of SoftHSM2 have about forty attributes.
const MAX_ATTRIBUTES: usize = 256;
/// More mechanisms than PKCS#11 knows.
const MAX_MECHANISMS: u64 = 4096;

/// A value as the file holds it, sealed or not.
pub(super) enum Raw {
    Bool(bool),
    Ulong(u64),
    Bytes(Secret),
    Mechanisms(Vec<CK_MECHANISM_TYPE>),
    Map(Vec<(CK_ATTRIBUTE_TYPE, Raw)>),
}

/// The numbers that tell a value's form.
mod form {
    pub const BOOL: u64 = 1;
    pub const ULONG: u64 = 2;
    pub const BYTES: u64 = 3;
    pub const MAP: u64 = 4;
    pub const MECHANISMS: u64 = 5;
}

/// Every attribute of a file, in its order. Errors: `Malformed`.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(CK_ATTRIBUTE_TYPE, Raw)>> {
    let mut input = Input(bytes);
    let _generation = input.number()?;
    attributes(input, true)
}

/// Attributes until the end of the input; maps are in no maps.
fn attributes(mut input: Input<'_>, maps: bool) -> Result<Vec<(CK_ATTRIBUTE_TYPE, Raw)>> {
    let mut all = Vec::new();
    while !input.0.is_empty() {
        if all.len() == MAX_ATTRIBUTES {
            return Err(Error::Malformed("it has more attributes than any object"));
        }
        let id = input.number()?;
        let value = match input.number()? {
            form::BOOL => Raw::Bool(input.take(1)? != [0]),
            form::ULONG => Raw::Ulong(input.number()?),
            form::BYTES => Raw::Bytes(Secret::copy_of(input.counted()?)),
            form::MAP if maps => Raw::Map(attributes(Input(input.counted()?), false)?),
            form::MECHANISMS => Raw::Mechanisms(input.mechanisms()?),
            _ => return Err(Error::Malformed("it has an attribute of an unknown form")),
        };
        all.push((id, value));
    }
    Ok(all)
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(Error::Malformed("it ends in the middle of an attribute"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64> {
        Ok(self.take(8)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn counted(&mut self) -> Result<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    fn mechanisms(&mut self) -> Result<Vec<CK_MECHANISM_TYPE>> {
        let count = self.number()?;
        if count > MAX_MECHANISMS {
            return Err(Error::Malformed("it allows more mechanisms than there are"));
        }
        (0..count).map(|_| self.number()).collect()
    }
}
