//! The entries inside a backup.

use super::bytes::{Reader, joined};
use super::error::{Result, damaged};
use crate::secret::Secret;
use crate::vault::MAXIMUM_PART;

/// Kind and length.
pub(super) const ENTRY_HEAD: usize = 5;
/// The longest body: two parts and what tells them apart.
const MAX_BODY: usize = 2 * MAXIMUM_PART + 5;

const OBJECT: u8 = 1;
pub(super) const DESTROYED: u8 = 2;
const LEFT_OUT: u8 = 3;
const END: u8 = 4;

const UNAUTHENTICATED: u8 = 1;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Object(Copy),
    Destroyed(Destroyed),
    LeftOut(LeftOut),
    End(Counts),
}

/// An object as it is: both parts encoded as in the token file (`docs/object-encoding.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// It was added to the token without a login.
    pub unauthenticated: bool,
    pub attributes: Secret,
    /// Empty: there are none.
    pub secrets: Secret,
}

/// A key that the token has destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Seconds since 1970 UTC.
    pub when: u64,
    pub unique_id: String,
    pub label: String,
}

/// A key that is not in the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub reason: Reason,
    pub unique_id: String,
    pub label: String,
}

/// Why a key is not in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A private key that signs. A copy could sign as well, and nobody could tell.
    Signature = 1,
    /// A stateful hash-based private key: a copy would use one-time keys again (SP 800-208 section 8).
    Stateful = 2,
    /// CKA_EXTRACTABLE is false, and only extractable keys were wanted.
    NotExtractable = 3,
}

impl Reason {
    pub fn text(self) -> &'static str {
        match self {
            Reason::Signature => "a signature key: --include-signing takes it in",
            Reason::Stateful => "a stateful hash-based key: a copy would use its one-time keys again",
            Reason::NotExtractable => "not extractable, and only extractable keys were wanted",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Reason::Signature => "signature-key",
            Reason::Stateful => "stateful-key",
            Reason::NotExtractable => "not-extractable",
        }
    }

    fn from_number(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Reason::Signature),
            2 => Ok(Reason::Stateful),
            3 => Ok(Reason::NotExtractable),
            _ => Err(damaged("a reason in the backup is not known here")),
        }
    }
}

/// How many entries of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub objects: u32,
    pub destroyed: u32,
    pub left_out: u32,
}

/// A text behind its length; what is longer than 255 bytes is cut (unique ids have 36).
fn short(text: &str) -> Vec<u8> {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let bytes = text.as_bytes().get(..end).unwrap_or_default();
    [&[bytes.len() as u8], bytes].concat()
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a name in the backup is not text"))
}

impl Entry {
    /// Kind, length and body.
    pub fn encode(&self) -> Result<Secret> {
        let (kind, body): (u8, Secret) = match self {
            Entry::Object(copy) => (OBJECT, copy.encode()?),
            Entry::Destroyed(destroyed) => (DESTROYED, destroyed.body().into()),
            Entry::LeftOut(LeftOut { reason, unique_id, label }) => {
                (LEFT_OUT, [&[*reason as u8][..], &short(unique_id), label.as_bytes()].concat().into())
            }
            Entry::End(counts) => {
                let numbers = [counts.objects, counts.destroyed, counts.left_out];
                (END, numbers.map(u32::to_le_bytes).as_flattened().to_vec().into())
            }
        };
        let length = u32::try_from(body.len()).ok().filter(|length| *length as usize <= MAX_BODY);
        let length = length.ok_or_else(|| damaged("an object is too large for a backup"))?;
        Ok(joined(&[&[kind], &length.to_le_bytes(), body.as_bytes()]))
    }

    /// The kind and the length of the body that follows.
    pub(super) fn head(bytes: &[u8]) -> Result<(u8, usize)> {
        let mut reader = Reader::new(bytes, "the entry");
        let (kind, length) = (reader.u8()?, reader.u32()? as usize);
        if length <= MAX_BODY {
            Ok((kind, length))
        } else {
            Err(damaged("an entry has an impossible length"))
        }
    }

    /// An entry of this kind and body.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body, "an entry of the backup");
        match kind {
            OBJECT => Copy::decode(reader).map(Entry::Object),
            DESTROYED => {
                let (when, unique_id) = (reader.u64()?, text(reader.short_text()?)?);
                Ok(Entry::Destroyed(Destroyed { when, unique_id, label: text(reader.rest())? }))
            }
            LEFT_OUT => {
                let (reason, unique_id) = (Reason::from_number(reader.u8()?)?, text(reader.short_text()?)?);
                Ok(Entry::LeftOut(LeftOut { reason, unique_id, label: text(reader.rest())? }))
            }
            END => {
                let (objects, destroyed, left_out) = (reader.u32()?, reader.u32()?, reader.u32()?);
                reader.end()?;
                Ok(Entry::End(Counts { objects, destroyed, left_out }))
            }
            _ => Err(damaged("an entry of the backup is of a kind that is not known here")),
        }
    }
}

impl Destroyed {
    pub(super) fn body(&self) -> Vec<u8> {
        [&self.when.to_le_bytes()[..], &short(&self.unique_id), self.label.as_bytes()].concat()
    }
}

impl Copy {
    fn encode(&self) -> Result<Secret> {
        let (attributes, secrets) = (self.attributes.as_bytes(), self.secrets.as_bytes());
        let length =
            u32::try_from(attributes.len()).map_err(|_| damaged("an object is too large for a backup"))?;
        let flags = if self.unauthenticated { UNAUTHENTICATED } else { 0 };
        Ok(joined(&[&[flags], &length.to_le_bytes(), attributes, secrets]))
    }

    fn decode(mut reader: Reader) -> Result<Self> {
        let unauthenticated = match reader.u8()? {
            0 => false,
            UNAUTHENTICATED => true,
            _ => return Err(damaged("an object has flags that are not known here")),
        };
        let length = reader.u32()? as usize;
        let attributes = Secret::copy_of(reader.bytes(length)?);
        Ok(Self { unauthenticated, attributes, secrets: Secret::copy_of(reader.rest()) })
    }
}

impl Counts {
    /// Counts one more entry. `Damaged`: more than can be counted.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<()> {
        let count = match entry {
            Entry::Object(_) => &mut self.objects,
            Entry::Destroyed(_) => &mut self.destroyed,
            Entry::LeftOut(_) => &mut self.left_out,
            Entry::End(_) => return Ok(()),
        };
        *count = count.checked_add(1).ok_or_else(|| damaged("there are too many entries"))?;
        Ok(())
    }
}
