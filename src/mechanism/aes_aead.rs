//! AES-GCM (PKCS#11 section 6.13, SP 800-38D): any IV of one byte or more, every tag length of SP 800-38D.
//!
//! Encryption streams. Decryption gives nothing out before the tag has been verified: in parts, the ciphertext is held
//! up to a limit; in one part, the output is wiped where the tag is wrong.
//!
//! A wrong tag is CKR_ENCRYPTED_DATA_INVALID for C_Decrypt and C_DecryptFinal (section 5.10 lists no other code for
//! it; CKR_AEAD_DECRYPT_FAILED belongs to the message functions of section 5.11).

use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroize;

use crate::ck::*;
use crate::crypto::aes::Direction;
use crate::crypto::gcm::{Gcm, TAG};
use crate::crypto::{self};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::operation::{Cipher, Length};
use super::params::{ParamKind, Params};
use super::put;
use super::row::{Approval, KeyNeed, Mechanism};
use super::wrapping::cipher_ops;

pub(super) static ROWS: &[Mechanism] = &[Mechanism {
    id: CKM_AES_GCM,
    name: "CKM_AES_GCM",
    params: ParamKind::Gcm,
    key: KeyNeed::secret(&[CKK_AES]),
    sizes: (16, 32),
    flags: 0,
    approval: Approval::Approved,
    ops: cipher_ops!(encrypt, decrypt),
}];

/// Bytes that a decryption in parts may hold, unless the configuration says otherwise.
pub const DEFAULT_HELD_LIMIT: usize = 64 << 20;

static HELD_LIMIT: AtomicUsize = AtomicUsize::new(DEFAULT_HELD_LIMIT);

/// Sets how many bytes of ciphertext and tag a decryption in parts may hold before its tag has been verified. More is
/// CKR_ENCRYPTED_DATA_LEN_RANGE. Decryption in one part holds nothing and has no limit.
pub fn set_held_limit(bytes: usize) {
    HELD_LIMIT.store(bytes, Ordering::Relaxed);
}

fn encrypt(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let (gcm, tag_len) = start(key, params, Direction::Encrypt)?;
    Ok(Box::new(Sealing { gcm, tag_len }))
}

fn decrypt(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let (gcm, tag_len) = start(key, params, Direction::Decrypt)?;
    Ok(Box::new(Opening { gcm, tag_len, held: Vec::new(), limit: HELD_LIMIT.load(Ordering::Relaxed) }))
}

fn start(key: &UsableKey, params: &Params, direction: Direction) -> Result<(Gcm, usize)> {
    let Params::Gcm { iv, aad, tag_bits } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let tag_len = tag_len(*tag_bits)?;
    let gcm = Gcm::new(super::aes_key(key)?, direction, iv, aad).map_err(|error| match error {
        crypto::Error::Argument | crypto::Error::Length => Error::MechanismParamInvalid,
        other => other.into(),
    })?;
    Ok((gcm, tag_len))
}

/// The tag in bytes; SP 800-38D section 5.2.1.2 and section 6.13 name these seven lengths.
pub(super) fn tag_len(bits: u64) -> Result<usize> {
    match bits {
        128 => Ok(16),
        120 => Ok(15),
        112 => Ok(14),
        104 => Ok(13),
        96 => Ok(12),
        64 => Ok(8),
        32 => Ok(4),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// An encryption: ciphertext as the plaintext comes, the tag at the end.
struct Sealing {
    gcm: Gcm,
    tag_len: usize,
}

impl Cipher for Sealing {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        Ok(self.gcm.update(input, output)?)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(self.tag_len)
    }

    fn finish(self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        let tag: [u8; TAG] = self.gcm.tag()?;
        put(tag.get(..self.tag_len).ok_or(Error::GeneralError)?, output)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input.saturating_add(self.tag_len))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let written = self.gcm.update(input, output)?;
        let tag = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + tag)
    }
}

/// A decryption: the ciphertext is held until its end shows the tag.
struct Opening {
    gcm: Gcm,
    tag_len: usize,
    held: Vec<u8>,
    limit: usize,
}

impl Cipher for Opening {
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
        let opened = self.gcm.update(ciphertext, output).and_then(|_| self.gcm.verify(tag));
        opened.map(|()| length).map_err(|error| {
            output.zeroize();
            match error {
                crypto::Error::Length => Error::EncryptedDataLenRange,
                other => other.into(),
            }
        })
    }
}

#[cfg(test)]
mod tests;
