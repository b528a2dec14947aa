//! Sealing: AES-256-CTR, then HMAC-SHA-256 over the ciphertext, under keys derived from a fresh 256-bit salt.
//!
//! No nonce is ever counted: two copies of one file that both go on must not encrypt two texts under one key and counter.
//! The code is verified before anything is decrypted.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Error, random};
use crate::secret::Secret;

/// A key of 256 bits, wiped when dropped.
pub(super) type Key = crate::pages::Array<32>;

pub(super) const SALT_LENGTH: usize = 32;
pub(super) const CODE_LENGTH: usize = 32;
/// So much longer than the plaintext is the sealed text: salt, ciphertext, code.
pub(super) const OVERHEAD: usize = SALT_LENGTH + CODE_LENGTH;

/// HMAC-SHA-256 (FIPS 198-1) over the concatenation of the parts.
pub(super) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut result = Key::default();
    // HMAC takes keys of any length: the error cannot occur, and would leave a code that verifies nothing of use.
    if let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) {
        for part in parts {
            mac.update(part);
        }
        result.copy_from_slice(&mac.finalize().into_bytes());
    }
    result
}

/// HKDF-Extract with SHA-256 (RFC 5869, 2.2).
pub(super) fn hkdf_extract(salt: &[u8], input: &[u8]) -> Key {
    hmac_sha256(salt, &[input])
}

/// The first block of HKDF-Expand with SHA-256 (RFC 5869, 2.3): 32 bytes.
pub(super) fn hkdf_expand(pseudorandom_key: &Key, info: &[u8]) -> Key {
    hmac_sha256(&**pseudorandom_key, &[info, &[1]])
}

/// What a sealed text is bound to: a label for its kind and the pieces that identify its place. It is not stored.
pub(super) type Context<'a> = &'a [&'a [u8]];

struct SealKeys {
    encryption: Key,
    authentication: Key,
}

impl SealKeys {
    fn derive(key: &Key, salt: &[u8]) -> Self {
        let pseudorandom_key = hkdf_extract(salt, &**key);
        let info: &[u8] = b"coffer seal v1";
        let encryption = hkdf_expand(&pseudorandom_key, info);
        let authentication = hmac_sha256(&*pseudorandom_key, &[&*encryption, info, &[2]]);
        Self { encryption, authentication }
    }

    fn crypt(&self, text: &mut [u8]) {
        let zero = [0_u8; 16];
        if let Ok(mut cipher) = Ctr128BE::<Aes256>::new_from_slices(&*self.encryption, &zero) {
            cipher.apply_keystream(text);
        }
    }

    fn code(&self, context: Context<'_>, ciphertext: &[u8]) -> Key {
        let length = context.iter().map(|part| part.len() as u64).sum::<u64>().to_le_bytes();
        let mut parts = Vec::with_capacity(context.len() + 2);
        parts.push(length.as_slice());
        parts.extend_from_slice(context);
        parts.push(ciphertext);
        hmac_sha256(&*self.authentication, &parts)
    }
}

/// Seals `plaintext`: 32 bytes of fresh salt, the ciphertext, 32 bytes of code.
pub(super) fn seal(key: &Key, context: Context<'_>, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(seal_with_salt(key, context, plaintext, &random::bytes::<SALT_LENGTH>()?))
}

/// As [`seal`], for test vectors: a salt must never be used twice.
pub(super) fn seal_with_salt(
    key: &Key,
    context: Context<'_>,
    plaintext: &[u8],
    salt: &[u8; SALT_LENGTH],
) -> Vec<u8> {
    let keys = SealKeys::derive(key, salt);
    // The vector never grows over plaintext, which would leave a copy behind.
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
    sealed.extend_from_slice(salt);
    sealed.extend_from_slice(plaintext);
    let (_, text) = sealed.split_at_mut(SALT_LENGTH);
    keys.crypt(text);
    let code = keys.code(context, text);
    sealed.extend_from_slice(&*code);
    sealed
}

/// Opens what [`seal`] made; `None` if key, context or any bit differs.
pub(super) fn open(key: &Key, context: Context<'_>, sealed: &[u8]) -> Option<Secret> {
    let (salt, rest) = sealed.split_at_checked(SALT_LENGTH)?;
    let (ciphertext, code) = rest.split_at_checked(rest.len().checked_sub(CODE_LENGTH)?)?;
    let keys = SealKeys::derive(key, salt);
    if !bool::from(keys.code(context, ciphertext).ct_eq(code)) {
        return None;
    }
    let mut plaintext = Secret::copy_of(ciphertext);
    keys.crypt(plaintext.as_mut_bytes());
    Some(plaintext)
}

/// Opens a sealed key.
pub(super) fn open_key(key: &Key, context: Context<'_>, sealed: &[u8]) -> Option<Key> {
    let opened = open(key, context, sealed)?;
    Some(Key::new(*opened.as_bytes().first_chunk()?)).filter(|_| opened.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_gives_the_first_block_of_rfc_5869_test_case_1() {
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        let extracted = hkdf_extract(&salt, &[0x0b; 22]);
        assert_eq!(
            hex::encode(*extracted),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
        );
        let expanded = hkdf_expand(&extracted, &info);
        assert_eq!(
            hex::encode(*expanded),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        );
    }

    #[test]
    fn what_was_sealed_opens_only_with_the_same_key_context_and_bits() {
        let key = Key::new([7; 32]);
        let sealed = seal(&key, &[b"a", b"b"], b"attack at dawn").unwrap();
        assert_eq!(sealed.len(), 14 + OVERHEAD);
        assert_eq!(open(&key, &[b"a", b"b"], &sealed).unwrap().as_bytes(), b"attack at dawn");
        assert!(open(&Key::new([8; 32]), &[b"a", b"b"], &sealed).is_none());
        assert!(open(&key, &[b"a"], &sealed).is_none());
        for bit in (0..sealed.len() * 8).step_by(if cfg!(miri) { 31 } else { 1 }) {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key, &[b"a", b"b"], &flipped).is_none(), "bit {bit}");
        }
        for length in (0..sealed.len()).step_by(if cfg!(miri) { 5 } else { 1 }) {
            assert!(open(&key, &[b"a", b"b"], &sealed[..length]).is_none());
        }
    }

    #[test]
    fn one_text_sealed_twice_looks_different() {
        let key = Key::new([7; 32]);
        assert_ne!(seal(&key, &[], b"x").unwrap(), seal(&key, &[], b"x").unwrap());
    }
}
