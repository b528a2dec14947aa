//! What authenticated encryption with associated data shares, whatever the cipher.
//!
//! Encryption streams. Decryption gives nothing out before the tag has been verified: in parts, the ciphertext is held
//! up to a limit; in one part, the output is wiped where the tag is wrong.
//!
//! A wrong tag is CKR_ENCRYPTED_DATA_INVALID for C_Decrypt and C_DecryptFinal (section 5.10 lists no other code for
//! it; CKR_AEAD_DECRYPT_FAILED belongs to the message functions of section 5.11).

use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroize;

use crate::crypto::aead::{Aead, TAG};
use crate::crypto::{self};
use crate::error::{Error, Result};

use super::operation::{Cipher, Length};
use super::put;

/// Bytes that a decryption in parts may hold, unless the configuration says otherwise.
pub const DEFAULT_HELD_LIMIT: usize = 64 << 20;

static HELD_LIMIT: AtomicUsize = AtomicUsize::new(DEFAULT_HELD_LIMIT);

/// Sets how many bytes of ciphertext and tag a decryption in parts may hold before its tag has been verified. More is
/// CKR_ENCRYPTED_DATA_LEN_RANGE. Decryption in one part holds nothing and has no limit.
pub fn set_held_limit(bytes: usize) {
    HELD_LIMIT.store(bytes, Ordering::Relaxed);
}

/// An encryption: ciphertext as the plaintext comes, the tag at the end.
pub(super) struct Sealing<A> {
    aead: A,
    tag_len: usize,
}

impl<A: Aead + 'static> Sealing<A> {
    /// `tag_len`: 1 to 16 bytes.
    pub(super) fn boxed(aead: A, tag_len: usize) -> Box<dyn Cipher> {
        Box::new(Self { aead, tag_len })
    }
}

impl<A: Aead> Cipher for Sealing<A> {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        Ok(self.aead.update(input, output)?)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(self.tag_len)
    }

    fn finish(self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        let tag: [u8; TAG] = self.aead.tag()?;
        put(tag.get(..self.tag_len).ok_or(Error::GeneralError)?, output)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input.saturating_add(self.tag_len))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let written = self.aead.update(input, output)?;
        let tag = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + tag)
    }
}

/// A decryption: the ciphertext is held until its end shows the tag.
pub(super) struct Opening<A> {
    aead: A,
    tag_len: usize,
    held: Vec<u8>,
    limit: usize,
}

impl<A: Aead + 'static> Opening<A> {
    /// `tag_len`: 1 to 16 bytes.
    pub(super) fn boxed(aead: A, tag_len: usize) -> Box<dyn Cipher> {
        Box::new(Self::new(aead, tag_len, HELD_LIMIT.load(Ordering::Relaxed)))
    }

    /// `limit`: bytes that may be held.
    pub(super) fn new(aead: A, tag_len: usize, limit: usize) -> Self {
        Self { aead, tag_len, held: Vec::new(), limit }
    }
}

impl<A: Aead> Cipher for Opening<A> {
    fn update_len(&self, _: usize) -> Length {
        Length::Exact(0)
    }

    fn update(&mut self, input: &[u8], _: &mut [u8]) -> Result<usize> {
        let total = self.held.len().checked_add(input.len()).filter(|total| *total <= self.limit);
        if total.is_none() {
            return Err(Error::EncryptedDataLenRange);
        }
        self.held.try_reserve(input.len())?;
        self.held.extend_from_slice(input);
        Ok(0)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(self.held.len().saturating_sub(self.tag_len))
    }

    fn finish(mut self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        let held = std::mem::take(&mut self.held);
        self.once(&held, output)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input.saturating_sub(self.tag_len))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let length = input.len().checked_sub(self.tag_len).ok_or(Error::EncryptedDataLenRange)?;
        let (ciphertext, tag) = input.split_at_checked(length).ok_or(Error::EncryptedDataLenRange)?;
        let output = output.get_mut(..length).ok_or(Error::GeneralError)?;
        let opened = self.aead.update(ciphertext, output).and_then(|_| self.aead.verify(tag));
        opened.map(|()| length).map_err(|error| {
            output.zeroize();
            match error {
                crypto::Error::Length => Error::EncryptedDataLenRange,
                other => other.into(),
            }
        })
    }
}
