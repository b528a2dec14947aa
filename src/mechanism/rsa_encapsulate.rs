//! Encapsulation with RSA (PKCS#11 sections 6.1.6, 6.1.8 and 6.1.12): a new key under PKCS #1 v1.5 or OAEP, or the random number
//! of RSASVE (SP 800-56B section 7.2.1).

use crate::crypto::{Error as CryptoError, random};
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::operation::{Encapsulation, End, cut};
use super::rsa_cipher::{self, Encoding};
use super::rsa_keys;

/// How often a random number is drawn that must be below the modulus: one in two is.
const MAX_DRAWS: usize = 128;

/// "The secret key is generated ... and then wrapped". CKR_TEMPLATE_INCOMPLETE: nothing tells its length.
pub(super) fn wrapped(input: &Encapsulation, encoding: &Encoding) -> Result<(Vec<u8>, Secret)> {
    let length = input.wanted.ok_or(Error::TemplateIncomplete)?;
    if length > rsa_keys::public(input.key)?.modulus_len() {
        return Err(Error::KeySizeRange);
    }
    let value = random::secret(length)?;
    let ciphertext =
        rsa_cipher::wrap(input.key, encoding, value.as_bytes()).map_err(|error| match error {
            Error::WrappingKeySizeRange => Error::KeySizeRange,
            other => other,
        })?;
    Ok((ciphertext, value))
}

/// RSASVE: the secret is as long as the modulus, and a shorter key is its tail, as when unwrapping.
pub(super) fn raw(input: &Encapsulation) -> Result<(Vec<u8>, Secret)> {
    let key = rsa_keys::public(input.key)?;
    for _ in 0..MAX_DRAWS {
        let number = random::secret(key.modulus_len())?;
        match key.raw(number.as_bytes()) {
            Ok(ciphertext) => return Ok((ciphertext, cut(number, input.wanted, End::Trailing)?)),
            // Not below the modulus.
            Err(CryptoError::Data) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::FunctionFailed)
}

pub(super) fn open_raw(input: &Encapsulation, ciphertext: &[u8]) -> Result<Secret> {
    let number = rsa_cipher::unwrap(input.key, &Encoding::Raw, ciphertext)?;
    cut(number, input.wanted, End::Trailing).map_err(|_| Error::WrappedKeyLenRange)
}
