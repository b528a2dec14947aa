//! AES without authentication: ECB, CBC, CBC with PKCS#7 padding (PKCS#11 section 6.10) and CTR (section 6.11), after
//! SP 800-38A.

use crate::ck::*;
use crate::crypto::aes::{BLOCK, Direction, Mode};
use crate::crypto::cipher::{self, BlockMode};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::block_modes::{BlockCipher, Modes};
use super::operation::{Cipher, Length};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::wrapping::cipher_ops;

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_AES_ECB, "CKM_AES_ECB", ParamKind::None, Modes::<Aes>::ECB),
    row(CKM_AES_CBC, "CKM_AES_CBC", ParamKind::Bytes(BLOCK), Modes::<Aes>::CBC),
    row(CKM_AES_CBC_PAD, "CKM_AES_CBC_PAD", ParamKind::Bytes(BLOCK), Modes::<Aes>::CBC_PAD),
    row(CKM_AES_CTR, "CKM_AES_CTR", ParamKind::AesCtr, cipher_ops!(ctr, ctr)),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    let key = KeyNeed::secret(&[CKK_AES]);
    Mechanism { id, name, params, key, sizes: (16, 32), flags: 0, approval: Approval::Approved, ops }
}

pub(super) struct Aes;

impl BlockCipher for Aes {
    type Mode = cipher::Cipher;

    fn ecb(key: &UsableKey, direction: Direction) -> Result<Self::Mode> {
        Ok(super::aes_key(key)?.start(&Mode::Ecb, direction)?)
    }

    fn cbc(key: &UsableKey, iv: &[u8], direction: Direction) -> Result<Self::Mode> {
        let iv = iv.try_into().map_err(|_| Error::MechanismParamInvalid)?;
        Ok(super::aes_key(key)?.start(&Mode::Cbc(iv), direction)?)
    }
}

/// CTR is its own inverse.
fn ctr(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let key = super::aes_key(key)?;
    counter(params, |block| Ok(key.start(&Mode::Ctr(block), Direction::Encrypt)?))
}

/// A cipher that `start` begins at the counter block of the parameter, and that ends with the counter bits.
pub(super) fn counter<M: BlockMode + 'static>(
    params: &Params,
    start: impl FnOnce(&[u8; BLOCK]) -> Result<M>,
) -> Result<Box<dyn Cipher>> {
    let Params::AesCtr { counter_bits, counter_block } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let remaining = counter_capacity(*counter_bits, counter_block).ok_or(Error::MechanismParamInvalid)?;
    Ok(Box::new(Counter { cipher: start(counter_block)?, remaining }))
}

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
struct Counter<M> {
    cipher: M,
    remaining: u128,
}

impl<M: BlockMode> Cipher for Counter<M> {
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
