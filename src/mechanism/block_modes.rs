//! ECB, CBC and CBC with PKCS#7 padding: what the block ciphers share. A family tells how to start its cipher, and its
//! rows take the functions from here.

use std::marker::PhantomData;

use crate::crypto::cipher::{BlockMode, Direction};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Cipher, Length};
use super::params::Params;
use super::row::Ops;
use super::wrapping::{self, cipher_ops};

mod padding;

use padding::{Padding, Unpadding};

/// A block cipher.
pub(super) trait BlockCipher: 'static {
    type Mode: BlockMode + 'static;

    fn ecb(key: &UsableKey, direction: Direction) -> Result<Self::Mode>;

    /// CKR_MECHANISM_PARAM_INVALID for an IV that is no block.
    fn cbc(key: &UsableKey, iv: &[u8], direction: Direction) -> Result<Self::Mode>;
}

/// The functions of the three modes over one block cipher.
pub(super) struct Modes<C>(PhantomData<C>);

impl<C: BlockCipher> Modes<C> {
    pub(super) const ECB: Ops = Ops {
        wrap: Some(|key, _, material| wrap_zero_padded(C::ecb(key, Direction::Encrypt)?, material)),
        ..cipher_ops!(Self::encrypt_ecb, Self::decrypt_ecb)
    };

    pub(super) const CBC: Ops = Ops {
        wrap: Some(|key, params, material| {
            wrap_zero_padded(C::cbc(key, params.bytes(), Direction::Encrypt)?, material)
        }),
        ..cipher_ops!(Self::encrypt_cbc, Self::decrypt_cbc)
    };

    pub(super) const CBC_PAD: Ops = cipher_ops!(Self::padding, Self::unpadding);

    fn encrypt_ecb(key: &UsableKey, _: &Params) -> Result<Box<dyn Cipher>> {
        Ok(unpadded(C::ecb(key, Direction::Encrypt)?, Direction::Encrypt))
    }

    fn decrypt_ecb(key: &UsableKey, _: &Params) -> Result<Box<dyn Cipher>> {
        Ok(unpadded(C::ecb(key, Direction::Decrypt)?, Direction::Decrypt))
    }

    fn encrypt_cbc(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
        Ok(unpadded(C::cbc(key, params.bytes(), Direction::Encrypt)?, Direction::Encrypt))
    }

    fn decrypt_cbc(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
        Ok(unpadded(C::cbc(key, params.bytes(), Direction::Decrypt)?, Direction::Decrypt))
    }

    fn padding(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
        Ok(Box::new(Padding::new(C::cbc(key, params.bytes(), Direction::Encrypt)?)))
    }

    fn unpadding(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
        Ok(Box::new(Unpadding::new(C::cbc(key, params.bytes(), Direction::Decrypt)?)))
    }
}

/// Section 6.10: a key is "padded on the trailing end with up to block size minus one null bytes". Unwrapping gives
/// the zeros back; the template's CKA_VALUE_LEN cuts them off.
fn wrap_zero_padded<M: BlockMode + 'static>(cipher: M, material: &[u8]) -> Result<Vec<u8>> {
    let length = material.len().checked_next_multiple_of(cipher.block()).ok_or(Error::KeySizeRange)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    bytes.extend_from_slice(material);
    bytes.resize(length, 0);
    wrapping::encrypt(unpadded(cipher, Direction::Encrypt), Secret::new(bytes).as_bytes())
}

/// Whole blocks go through, the rest waits for more input.
struct Blocks<M> {
    cipher: M,
    /// What a length that is no multiple of the block means.
    partial: Error,
}

/// An operation that neither adds nor takes away a byte; modes that work in blocks want whole ones.
pub(super) fn unpadded<M: BlockMode + 'static>(cipher: M, direction: Direction) -> Box<dyn Cipher> {
    Box::new(Blocks { cipher, partial: wrong_length(direction) })
}

/// What a length that the mode cannot take means.
pub(super) fn wrong_length(direction: Direction) -> Error {
    match direction {
        Direction::Encrypt => Error::DataLenRange,
        Direction::Decrypt => Error::EncryptedDataLenRange,
    }
}

impl<M: BlockMode> Cipher for Blocks<M> {
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
        if !input.len().is_multiple_of(self.cipher.block()) {
            return Err(self.partial);
        }
        Ok(self.cipher.update(input, output)?)
    }
}
