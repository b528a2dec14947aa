//! AES key wrap (PKCS#11 section 6.16, SP 800-38F): KW, KWP and KW with PKCS#7 padding; for keys and, in one part,
//! for data.
//!
//! CKM_AES_KEY_WRAP_PAD is deprecated and its padding was never told exactly; here it is KWP (RFC 5649), as SoftHSM2
//! has it, so that keys which were wrapped there can be unwrapped here.

use crate::ck::*;
use crate::crypto::aes::{Direction, Key};
use crate::crypto::key_wrap::{self, KW_IV, KWP_IV, SEMIBLOCK};
use crate::crypto::{self};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Cipher, Length, one_part_only};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::{put, wrapping};

/// One row: mechanism, length of its optional initial value, form.
macro_rules! row {
    ($id:ident, $iv_len:expr, $form:ident) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::OptionalBytes($iv_len),
            key: KeyNeed::secret(&[CKK_AES]),
            sizes: (16, 32),
            flags: 0,
            approval: Approval::Approved,
            ops: Ops {
                encrypt: Some(|key, params| start(&key, params, Form::$form, Direction::Encrypt)),
                decrypt: Some(|key, params| start(&key, params, Form::$form, Direction::Decrypt)),
                wrap: Some(|key, params, material| {
                    let material = Form::$form.zero_padded(material)?;
                    wrapping::encrypt(
                        start(key, params, Form::$form, Direction::Encrypt)?,
                        material.as_bytes(),
                    )
                }),
                unwrap: Some(|key, params, wrapped| {
                    wrapping::decrypt(start(key, params, Form::$form, Direction::Decrypt)?, wrapped)
                }),
                ..Ops::NONE
            },
        }
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    row!(CKM_AES_KEY_WRAP, 8, Kw),
    row!(CKM_AES_KEY_WRAP_PAD, 4, Kwp),
    row!(CKM_AES_KEY_WRAP_KWP, 4, Kwp),
    row!(CKM_AES_KEY_WRAP_PKCS7, 8, Pkcs7),
];

/// How the input is brought to whole semiblocks of eight bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Data must come in whole semiblocks; keys are filled with zeros.
    Kw,
    /// RFC 5649: zeros, and the length in the initial value.
    Kwp,
    /// One to eight bytes that tell their number.
    Pkcs7,
}

impl Form {
    /// Section 6.16: CKM_AES_KEY_WRAP fills a key with zeros to a multiple of eight bytes. Unwrapping gives the zeros
    /// back; the template's CKA_VALUE_LEN cuts them off.
    fn zero_padded(self, material: &[u8]) -> Result<Secret> {
        let length = match self {
            Form::Kw => material.len().checked_next_multiple_of(SEMIBLOCK).ok_or(Error::KeySizeRange)?,
            Form::Kwp | Form::Pkcs7 => material.len(),
        };
        extended(material, length, 0)
    }
}

/// `bytes`, brought to `length` with the byte `filler`.
fn extended(bytes: &[u8], length: usize, filler: u8) -> Result<Secret> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(length)?;
    copy.extend_from_slice(bytes);
    copy.resize(length, filler);
    Ok(Secret::new(copy))
}

fn start(key: &UsableKey, params: &Params, form: Form, direction: Direction) -> Result<Box<dyn Cipher>> {
    let iv = Iv::new(form, params.bytes())?;
    super::aes_key(key)?;
    Ok(Box::new(OnePart { key: key.clone(), iv, form, direction }))
}

/// The initial value: the standard's, or the caller's.
enum Iv {
    Kw([u8; 8]),
    Kwp([u8; 4]),
}

impl Iv {
    fn new(form: Form, given: &[u8]) -> Result<Self> {
        let wrong = |_| Error::MechanismParamInvalid;
        Ok(match (form, given.is_empty()) {
            (Form::Kwp, true) => Iv::Kwp(KWP_IV),
            (Form::Kwp, false) => Iv::Kwp(given.try_into().map_err(wrong)?),
            (Form::Kw | Form::Pkcs7, true) => Iv::Kw(KW_IV),
            (Form::Kw | Form::Pkcs7, false) => Iv::Kw(given.try_into().map_err(wrong)?),
        })
    }
}

/// Section 6.16: "The mechanisms support only single-part operations".
struct OnePart {
    key: UsableKey,
    iv: Iv,
    form: Form,
    direction: Direction,
}

impl OnePart {
    fn encrypt(&self, key: &Key, input: &[u8]) -> Result<Vec<u8>> {
        Ok(match &self.iv {
            Iv::Kwp(iv) => key_wrap::wrap_padded(key, iv, input)?,
            Iv::Kw(iv) if self.form == Form::Pkcs7 => key_wrap::wrap(key, iv, pkcs7(input)?.as_bytes())?,
            Iv::Kw(iv) => key_wrap::wrap(key, iv, input)?,
        })
    }

    fn decrypt(&self, key: &Key, input: &[u8]) -> Result<Secret> {
        let mut output = match &self.iv {
            Iv::Kwp(iv) => key_wrap::unwrap_padded(key, iv, input),
            Iv::Kw(iv) => key_wrap::unwrap(key, iv, input),
        }
        .map_err(|error| match error {
            crypto::Error::Length => Error::EncryptedDataLenRange,
            other => other.into(),
        })?;
        if self.form == Form::Pkcs7 {
            let length = pkcs7_len(output.as_bytes()).ok_or(Error::EncryptedDataInvalid)?;
            output.truncate(length);
        }
        Ok(output)
    }
}

/// The input with one to eight bytes that tell their number.
fn pkcs7(input: &[u8]) -> Result<Secret> {
    let count = SEMIBLOCK - input.len() % SEMIBLOCK;
    extended(input, input.len().checked_add(count).ok_or(Error::DataLenRange)?, count as u8)
}

/// The length without the padding. The wrap has authenticated it: no secret hangs on the time this takes.
fn pkcs7_len(padded: &[u8]) -> Option<usize> {
    let count = usize::from(*padded.last()?);
    let length = padded.len().checked_sub(count)?;
    let padding = padded.get(length..)?;
    let right = (1..=SEMIBLOCK).contains(&count) && padding.iter().all(|byte| usize::from(*byte) == count);
    right.then_some(length)
}

impl Cipher for OnePart {
    one_part_only!();

    fn once_len(&self, input: usize) -> Length {
        match (self.direction, self.form) {
            (Direction::Encrypt, Form::Kw) => Length::Exact(input.saturating_add(SEMIBLOCK)),
            (Direction::Encrypt, Form::Kwp) => Length::Exact(key_wrap::wrapped_padded_len(input)),
            (Direction::Encrypt, Form::Pkcs7) => {
                Length::Exact((input - input % SEMIBLOCK).saturating_add(2 * SEMIBLOCK))
            }
            (Direction::Decrypt, Form::Kw) => Length::Exact(input.saturating_sub(SEMIBLOCK)),
            (Direction::Decrypt, _) => Length::AtMost(input.saturating_sub(SEMIBLOCK)),
        }
    }

    fn once(self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let key = super::aes_key(&self.key)?;
        match self.direction {
            Direction::Encrypt => put(&self.encrypt(key, input)?, output),
            Direction::Decrypt => put(self.decrypt(key, input)?.as_bytes(), output),
        }
    }
}

#[cfg(test)]
mod tests;
