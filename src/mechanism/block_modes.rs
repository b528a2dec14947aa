//! ECB, CBC and CBC with PKCS#7 padding: what the block ciphers share. A family tells how to start its cipher, and its
//! rows take the functions from here.

use std::marker::PhantomData;

use crate::crypto::cipher::{BlockMode, Direction};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Cipher, Length};
use super::row::Ops;
use super::wrapping;

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
        encrypt: Some(|key, _| Ok(Blocks::boxed(C::ecb(&key, Direction::Encrypt)?, Direction::Encrypt))),
        decrypt: Some(|key, _| Ok(Blocks::boxed(C::ecb(&key, Direction::Decrypt)?, Direction::Decrypt))),
        wrap: Some(|key, _, material| wrap_zero_padded(C::ecb(key, Direction::Encrypt)?, material)),
        unwrap: Some(|key, _, wrapped| {
            wrapping::decrypt(Blocks::boxed(C::ecb(key, Direction::Decrypt)?, Direction::Decrypt), wrapped)
        }),
        ..Ops::NONE
    };

    pub(super) const CBC: Ops = Ops {
        encrypt: Some(|key, params| {
            Ok(Blocks::boxed(C::cbc(&key, params.bytes(), Direction::Encrypt)?, Direction::Encrypt))
        }),
        decrypt: Some(|key, params| {
            Ok(Blocks::boxed(C::cbc(&key, params.bytes(), Direction::Decrypt)?, Direction::Decrypt))
        }),
        wrap: Some(|key, params, material| {
            wrap_zero_padded(C::cbc(key, params.bytes(), Direction::Encrypt)?, material)
        }),
        unwrap: Some(|key, params, wrapped| {
            let cipher = C::cbc(key, params.bytes(), Direction::Decrypt)?;
            wrapping::decrypt(Blocks::boxed(cipher, Direction::Decrypt), wrapped)
        }),
        ..Ops::NONE
    };

    pub(super) const CBC_PAD: Ops = Ops {
        encrypt: Some(|key, params| {
            Ok(Box::new(Padding::new(C::cbc(&key, params.bytes(), Direction::Encrypt)?)))
        }),
        decrypt: Some(|key, params| {
            Ok(Box::new(Unpadding::new(C::cbc(&key, params.bytes(), Direction::Decrypt)?)))
        }),
        wrap: Some(|key, params, material| {
            let cipher = C::cbc(key, params.bytes(), Direction::Encrypt)?;
            wrapping::encrypt(Box::new(Padding::new(cipher)), material)
        }),
        unwrap: Some(|key, params, wrapped| {
            let cipher = C::cbc(key, params.bytes(), Direction::Decrypt)?;
            wrapping::decrypt(Box::new(Unpadding::new(cipher)), wrapped)
        }),
        ..Ops::NONE
    };
}

/// Section 6.10: a key is "padded on the trailing end with up to block size minus one null bytes". Unwrapping gives
/// the zeros back; the template's CKA_VALUE_LEN cuts them off.
fn wrap_zero_padded<M: BlockMode + 'static>(cipher: M, material: &[u8]) -> Result<Vec<u8>> {
    let length = material.len().checked_next_multiple_of(cipher.block()).ok_or(Error::KeySizeRange)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    bytes.extend_from_slice(material);
    bytes.resize(length, 0);
    wrapping::encrypt(Blocks::boxed(cipher, Direction::Encrypt), Secret::new(bytes).as_bytes())
}

/// ECB or CBC without padding: whole blocks go through, the rest waits for more input.
struct Blocks<M> {
    cipher: M,
    /// What a length that is no multiple of the block means.
    partial: Error,
}

impl<M: BlockMode + 'static> Blocks<M> {
    fn boxed(cipher: M, direction: Direction) -> Box<dyn Cipher> {
        let partial = match direction {
            Direction::Encrypt => Error::DataLenRange,
            Direction::Decrypt => Error::EncryptedDataLenRange,
        };
        Box::new(Self { cipher, partial })
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
