//! How SoftHSM2 seals: AES-256-CBC with the padding of PKCS#7, an IV in front, and no check of integrity.

use crate::crypto::aes::{BLOCK, Direction, Key, Mode};
use crate::crypto::cipher::BlockMode;
use crate::crypto::digest::{Hash, Hasher};
use crate::secret::Secret;

use super::{Error, Result};

/// In front of a sealed token key.
const SALT_LEN: usize = 8;
/// Hashes besides those that the last byte of the salt adds.
const ITERATIONS: usize = 1500;
/// In front of the token key itself: tells a right PIN from a wrong one.
const MAGIC: &[u8] = b"RJR";
const KEY_LEN: usize = 32;

/// The key under which a token's private byte strings are sealed.
#[derive(Debug)]
pub struct TokenKey(Secret);

impl TokenKey {
    /// Opens the token's key: salt, IV, then the encrypted magic and key. Errors: `PinIncorrect`, `Malformed`.
    pub(super) fn unseal(sealed: &[u8], pin: &Secret) -> Result<Self> {
        let (salt, rest) = sealed
            .split_at_checked(SALT_LEN)
            .filter(|(_, rest)| rest.len() > BLOCK && rest.len().is_multiple_of(BLOCK))
            .ok_or(Error::Malformed("the key that the PIN seals has no possible length"))?;
        let opened = decrypt(&derive(pin, salt)?, rest).map_err(|error| match error {
            Error::Sealed => Error::PinIncorrect,
            error => error,
        })?;
        match opened.as_bytes().strip_prefix(MAGIC) {
            Some(key) if key.len() == KEY_LEN => Ok(Self(Secret::copy_of(key))),
            _ => Err(Error::PinIncorrect),
        }
    }

    /// A private byte string; empty ones are not sealed. Errors: `Sealed`.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Secret> {
        if sealed.is_empty() { Ok(Secret::default()) } else { decrypt(&self.0, sealed) }
    }

    /// Any key, for tests of what is read with one.
    #[doc(hidden)]
    pub fn from_bytes(key: [u8; KEY_LEN]) -> Self {
        Self(Secret::copy_of(&key))
    }
}

/// SHA-256 over salt and PIN, then over its own result again and again.
fn derive(pin: &Secret, salt: &[u8]) -> Result<Secret> {
    let more = salt.last().copied().map_or(0, usize::from);
    let first = || {
        let mut hasher = Hasher::new(Hash::Sha256)?;
        hasher.update(salt)?;
        hasher.update(pin.as_bytes())?;
        hasher.finish()
    };
    let mut value = first().map_err(|_| Error::Engine)?;
    for _ in 1..ITERATIONS + more {
        value = Hash::Sha256.digest(value.as_bytes()).map_err(|_| Error::Engine)?;
    }
    Ok(Secret::copy_of(value.as_bytes()))
}

/// IV, then whole blocks, the last of which is padded. Errors: `Sealed`.
fn decrypt(key: &Secret, sealed: &[u8]) -> Result<Secret> {
    let (iv, blocks) = sealed.split_first_chunk::<BLOCK>().ok_or(Error::Sealed)?;
    if blocks.is_empty() || !blocks.len().is_multiple_of(BLOCK) {
        return Err(Error::Sealed);
    }
    let mut opened = Secret::zeroed(blocks.len());
    Key::new(key.as_bytes())
        .and_then(|key| key.start(&Mode::Cbc(iv), Direction::Decrypt))
        .and_then(|mut cipher| cipher.update(blocks, opened.as_mut_bytes()))
        .map_err(|_| Error::Engine)?;
    let padding = opened.as_bytes().last().copied().map_or(0, usize::from);
    let length = opened.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
    let length = length.ok_or(Error::Sealed)?;
    let padded = opened.as_bytes().get(length..).unwrap_or_default();
    if padded.iter().any(|byte| usize::from(*byte) != padding) {
        return Err(Error::Sealed);
    }
    opened.truncate(length);
    Ok(opened)
}
