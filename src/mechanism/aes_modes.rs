//! AES without authentication: ECB, CBC, CBC with PKCS#7 padding (PKCS#11 section 6.10) and CTR (section 6.11), after
//! SP 800-38A.

use crate::ck::*;
use crate::crypto::aes::{self, BLOCK, Direction, Mode};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Cipher, Length};
use super::params::{ParamKind, Params};
use super::row::{Approval, CipherFn, KeyNeed, Mechanism, Ops};
use super::wrapping;

mod padding;

use padding::{Padding, Unpadding};

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_AES_ECB,
        "CKM_AES_ECB",
        ParamKind::None,
        Ops {
            encrypt: Some(|key, _| blocks(&key, &Mode::Ecb, Direction::Encrypt)),
            decrypt: Some(|key, _| blocks(&key, &Mode::Ecb, Direction::Decrypt)),
            wrap: Some(|key, _, material| {
                wrap_zero_padded(blocks(key, &Mode::Ecb, Direction::Encrypt)?, material)
            }),
            unwrap: Some(|key, _, wrapped| {
                wrapping::decrypt(blocks(key, &Mode::Ecb, Direction::Decrypt)?, wrapped)
            }),
            ..Ops::NONE
        },
    ),
    row(
        CKM_AES_CBC,
        "CKM_AES_CBC",
        ParamKind::Bytes(BLOCK),
        Ops {
            encrypt: Some(|key, params| cbc(&key, params, Direction::Encrypt)),
            decrypt: Some(|key, params| cbc(&key, params, Direction::Decrypt)),
            wrap: Some(|key, params, material| {
                wrap_zero_padded(cbc(key, params, Direction::Encrypt)?, material)
            }),
            unwrap: Some(|key, params, wrapped| {
                wrapping::decrypt(cbc(key, params, Direction::Decrypt)?, wrapped)
            }),
            ..Ops::NONE
        },
    ),
    row(
        CKM_AES_CBC_PAD,
        "CKM_AES_CBC_PAD",
        ParamKind::Bytes(BLOCK),
        Ops {
            encrypt: Some(|key, params| padded(&key, params)),
            decrypt: Some(|key, params| unpadded(&key, params)),
            wrap: Some(|key, params, material| wrapping::encrypt(padded(key, params)?, material)),
            unwrap: Some(|key, params, wrapped| wrapping::decrypt(unpadded(key, params)?, wrapped)),
            ..Ops::NONE
        },
    ),
    row(
        CKM_AES_CTR,
        "CKM_AES_CTR",
        ParamKind::AesCtr,
        Ops { encrypt: Some(CTR), decrypt: Some(CTR), ..Ops::NONE },
    ),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    let key = KeyNeed::secret(&[CKK_AES]);
    Mechanism { id, name, params, key, sizes: (16, 32), flags: 0, approval: Approval::Approved, ops }
}

fn iv(params: &Params) -> Result<&[u8; BLOCK]> {
    params.bytes().try_into().map_err(|_| Error::MechanismParamInvalid)
}

fn blocks(key: &UsableKey, mode: &Mode<'_>, direction: Direction) -> Result<Box<dyn Cipher>> {
    let cipher = aes::Cipher::new(super::aes_key(key)?, mode, direction)?;
    Ok(Box::new(Blocks { cipher, partial: partial_block(direction) }))
}

fn cbc(key: &UsableKey, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>> {
    blocks(key, &Mode::Cbc(iv(params)?), direction)
}

fn padded(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let mode = Mode::Cbc(iv(params)?);
    Ok(Box::new(Padding::new(aes::Cipher::new(super::aes_key(key)?, &mode, Direction::Encrypt)?)))
}

fn unpadded(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let mode = Mode::Cbc(iv(params)?);
    Ok(Box::new(Unpadding::new(aes::Cipher::new(super::aes_key(key)?, &mode, Direction::Decrypt)?)))
}

/// Section 6.10: a key is "padded on the trailing end with up to block size minus one null bytes". Unwrapping gives
/// the zeros back; the template's CKA_VALUE_LEN cuts them off.
fn wrap_zero_padded(cipher: Box<dyn Cipher>, material: &[u8]) -> Result<Vec<u8>> {
    let length = material.len().checked_next_multiple_of(BLOCK).ok_or(Error::KeySizeRange)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    bytes.extend_from_slice(material);
    bytes.resize(length, 0);
    wrapping::encrypt(cipher, Secret::new(bytes).as_bytes())
}

/// What a length that is no multiple of the block means.
fn partial_block(direction: Direction) -> Error {
    match direction {
        Direction::Encrypt => Error::DataLenRange,
        Direction::Decrypt => Error::EncryptedDataLenRange,
    }
}

/// ECB or CBC without padding: whole blocks go through, the rest waits for more input.
struct Blocks {
    cipher: aes::Cipher,
    partial: Error,
}

impl Cipher for Blocks {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(self.cipher.output_len(input))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        Ok(self.cipher.update(input, output)?)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(0)
    }

    fn finish(self: Box<Self>, _: &mut [u8]) -> Result<usize> {
        if self.cipher.buffered() == 0 { Ok(0) } else { Err(self.partial) }
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if !input.len().is_multiple_of(BLOCK) {
            return Err(self.partial);
        }
        Ok(self.cipher.update(input, output)?)
    }
}

/// CTR is its own inverse.
const CTR: CipherFn = |key, params| {
    let Params::AesCtr { counter_bits, counter_block } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let remaining = counter_capacity(*counter_bits, counter_block).ok_or(Error::MechanismParamInvalid)?;
    let cipher = aes::Cipher::new(super::aes_key(&key)?, &Mode::Ctr(counter_block), Direction::Encrypt)?;
    Ok(Box::new(Counter { cipher, remaining }))
};

/// Bytes until the counter bits overflow, at most `u128::MAX`; `None` unless 0 < bits <= 128 (section 6.11).
fn counter_capacity(bits: u64, block: &[u8; BLOCK]) -> Option<u128> {
    let spare = 128u32.checked_sub(u32::try_from(bits).ok()?)?;
    if bits == 0 {
        return None;
    }
    let largest = u128::MAX >> spare;
    let first = u128::from_be_bytes(*block) & largest;
    let blocks = (largest - first).saturating_add(1);
    Some(blocks.saturating_mul(BLOCK as u128))
}

/// Section 6.11: input that would overflow the counter bits is CKR_DATA_LEN_RANGE.
struct Counter {
    cipher: aes::Cipher,
    remaining: u128,
}

impl Cipher for Counter {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.remaining = self.remaining.checked_sub(input.len() as u128).ok_or(Error::DataLenRange)?;
        Ok(self.cipher.update(input, output)?)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(0)
    }

    fn finish(self: Box<Self>, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.update(input, output)
    }
}

#[cfg(test)]
mod tests;
