//! AES with ciphertext stealing: CBC (PKCS#11 section 6.12, the variant CS1 of the addendum to SP 800-38A) and XTS
//! (section 6.15, IEEE 1619, SP 800-38E) with the generation of XTS keys. Data has 16 bytes or more.

use crate::ck::*;
use crate::crypto::aes::{BLOCK, Direction};
use crate::crypto::cipher::StealingMode;
use crate::crypto::cts::Cts;
use crate::crypto::xts::{self, Xts};
use crate::crypto::{self};
use crate::error::{Error, Result};
use crate::object::Attributes;
use crate::policy::UsableKey;

use super::block_modes::wrong_length;
use super::operation::{Cipher, Length};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::wrapping::cipher_ops;

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism {
        id: CKM_AES_CTS,
        name: "CKM_AES_CTS",
        params: ParamKind::Bytes(BLOCK),
        key: KeyNeed::secret(&[CKK_AES]),
        sizes: (16, 32),
        flags: 0,
        approval: Approval::Approved,
        ops: cipher_ops!(
            |key: &UsableKey, params: &Params| cts(key, params, Direction::Encrypt),
            |key: &UsableKey, params: &Params| cts(key, params, Direction::Decrypt)
        ),
    },
    Mechanism {
        id: CKM_AES_XTS,
        name: "CKM_AES_XTS",
        params: ParamKind::Bytes(BLOCK),
        key: KeyNeed::secret(&[CKK_AES_XTS]),
        sizes: (32, 64),
        flags: 0,
        approval: Approval::Approved,
        ops: cipher_ops!(
            |key: &UsableKey, params: &Params| xts(key, params, Direction::Encrypt),
            |key: &UsableKey, params: &Params| xts(key, params, Direction::Decrypt)
        ),
    },
    Mechanism {
        id: CKM_AES_XTS_KEY_GEN,
        name: "CKM_AES_XTS_KEY_GEN",
        params: ParamKind::None,
        key: KeyNeed::secret(&[CKK_AES_XTS]),
        sizes: (32, 64),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { generate_key: Some(|_, template| generate(template)), ..Ops::NONE },
    },
];

fn iv(params: &Params) -> Result<&[u8; BLOCK]> {
    params.bytes().try_into().map_err(|_| Error::MechanismParamInvalid)
}

fn cts(key: &UsableKey, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>> {
    Ok(Stealing::boxed(Cts::new(super::aes_key(key)?, iv(params)?, direction)?, direction))
}

fn xts(key: &UsableKey, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>> {
    let key: &xts::Key = key.object().engine_key(|object| {
        let value = object.material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
        Ok(xts::Key::new(value)?)
    })?;
    Ok(Stealing::boxed(Xts::new(key, iv(params)?, direction)?, direction))
}

/// A key whose halves differ.
fn generate(template: &Attributes) -> Result<Attributes> {
    loop {
        let made = super::generate::generate(CKK_AES_XTS, template, |length| matches!(length, 32 | 64))?;
        if xts::Key::new(made.bytes(CKA_VALUE).unwrap_or_default()).is_ok() {
            return Ok(made);
        }
    }
}

/// Whole blocks go through; 16 to 31 bytes are held back, as they may be the end.
struct Stealing<M> {
    cipher: M,
    held: [u8; 2 * BLOCK],
    held_len: usize,
    /// What a length that the mode cannot take means.
    wrong_length: Error,
}

impl<M: StealingMode + 'static> Stealing<M> {
    fn boxed(cipher: M, direction: Direction) -> Box<dyn Cipher> {
        let wrong_length = wrong_length(direction);
        Box::new(Self { cipher, held: [0; 2 * BLOCK], held_len: 0, wrong_length })
    }

    /// Bytes that go through when `input` more arrive.
    fn released(&self, input: usize) -> usize {
        let total = self.held_len.saturating_add(input);
        total.saturating_sub(BLOCK) / BLOCK * BLOCK
    }

    fn error(&self, error: crypto::Error) -> Error {
        if error == crypto::Error::Length { self.wrong_length } else { error.into() }
    }

    /// Keeps bytes for later; they fit by the arithmetic of `released`.
    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.held_len + bytes.len();
        self.held.get_mut(self.held_len..end).ok_or(Error::GeneralError)?.copy_from_slice(bytes);
        self.held_len = end;
        Ok(())
    }

    fn blocks(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.cipher.blocks(input, output).map_err(|error| self.error(error))
    }
}

impl<M: StealingMode + 'static> Cipher for Stealing<M> {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(self.released(input))
    }

    /// What is held is filled up to whole blocks, of which the last stays if nothing follows.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let released = self.released(input.len());
        if released == 0 {
            self.hold(input)?;
            return Ok(0);
        }
        let missing = self.held_len.next_multiple_of(BLOCK).min(released).saturating_sub(self.held_len);
        let (now, input) = input.split_at_checked(missing).ok_or(Error::GeneralError)?;
        self.hold(now)?;
        let (held, held_len) = (self.held, self.held_len.min(released));
        let (first, output) = output.split_at_mut_checked(held_len).ok_or(Error::GeneralError)?;
        self.blocks(held.get(..held_len).ok_or(Error::GeneralError)?, first)?;
        self.held.copy_within(held_len..self.held_len, 0);
        self.held_len -= held_len;
        let (through, later) = input.split_at_checked(released - held_len).ok_or(Error::GeneralError)?;
        self.blocks(through, output.get_mut(..through.len()).ok_or(Error::GeneralError)?)?;
        self.hold(later)?;
        Ok(released)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(self.held_len)
    }

    fn finish(mut self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        let held = self.held.get(..self.held_len).ok_or(Error::GeneralError)?;
        if held.len() < BLOCK {
            return Err(self.wrong_length);
        }
        let output = output.get_mut(..held.len()).ok_or(Error::GeneralError)?;
        let ended = self.cipher.tail(held, output);
        ended.map(|()| self.held_len).map_err(|error| self.error(error))
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let written = self.update(input, output)?;
        let last = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + last)
    }
}

#[cfg(test)]
mod tests;
