//! ChaCha20-Poly1305 (RFC 8439) in one go.

use super::error::Result;
use crate::crypto::aead::{Aead, TAG as FULL_TAG};
use crate::crypto::aes::Direction;
use crate::crypto::chacha20::{ChaCha20Poly1305, Key};
use crate::crypto::{Error, Result as CryptoResult};
use crate::secret::Secret;

/// Bytes that the sealed text has more.
pub(super) const TAG: usize = FULL_TAG;
/// For keys that seal one text in their life.
pub(super) const NO_NONCE: [u8; 12] = [0; 12];

pub(super) fn seal(key: &Secret, nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let mut cipher = ChaCha20Poly1305::new(&Key::new(key.as_bytes())?, Direction::Encrypt, nonce, aad)?;
    let mut sealed = Vec::with_capacity(text.len() + TAG);
    sealed.resize(text.len(), 0);
    cipher.update(text, &mut sealed)?;
    sealed.extend_from_slice(&cipher.tag()?);
    Ok(sealed)
}

/// `Decrypt` where the sealed text is not what `seal` made with this key, nonce and additional data.
pub(super) fn open(key: &Secret, nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> CryptoResult<Secret> {
    let length = sealed.len().checked_sub(TAG).ok_or(Error::Decrypt)?;
    let (text, tag) = sealed.split_at_checked(length).ok_or(Error::Decrypt)?;
    let mut cipher = ChaCha20Poly1305::new(&Key::new(key.as_bytes())?, Direction::Decrypt, nonce, aad)?;
    let mut opened = Secret::zeroed(length);
    cipher.update(text, opened.as_mut_bytes())?;
    cipher.verify(tag)?;
    Ok(opened)
}
