//! Mechanisms: one row each in the table, one file a family.
//!
//! A mechanism takes a key that `policy::permit` has passed and a parameter that the C boundary has read; it sees
//! no session, no token and no handle.
#![forbid(unsafe_code)]

pub mod aead;
mod aes_aead;
mod aes_feedback;
mod aes_mac;
mod aes_modes;
mod aes_stealing;
mod aes_wrap;
mod block_modes;
mod blake2;
mod chacha20;
mod check_value;
pub mod computed;
mod des;
mod des_mac;
mod digest;
mod ec_keys;
mod ec_params;
mod ecdh;
mod ecdsa;
mod eddsa;
mod generate;
mod hashes;
mod hmac;
pub mod import;
mod mac;
pub mod operation;
pub mod params;
mod poly1305;
pub mod private_key_info;
pub mod row;
mod rsa_cipher;
mod rsa_keys;
mod rsa_recover;
mod rsa_sign;
mod sha512_t;
pub mod self_test;
mod signing;
#[cfg(test)]
mod pair_tests;
mod table;
#[cfg(test)]
mod testing;
mod wrapping;

use crate::ck::{CK_KEY_TYPE, CKA_VALUE, CKK_DES, CKK_DES2, CKK_DES3};
use crate::crypto::{self, aes};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

pub use operation::{Cipher, Derivation, Derived, Digest, KeyPair, Length, Sign, Verify};
pub use params::{ParamKind, Params};
pub use row::{Approval, KeyNeed, Mechanism, Ops};
pub use table::{all, lookup, ready};

/// The value of a secret key.
fn secret_value(key: &UsableKey) -> Result<&[u8]> {
    key.object().material(CKA_VALUE)?.ok_or(Error::GeneralError)
}

/// The AES key of an object, made once and kept in the object.
fn aes_key(key: &UsableKey) -> Result<&aes::Key> {
    key.object().engine_key(|object| {
        let value = object.material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
        Ok(aes::Key::new(value)?)
    })
}

/// A derived value as a key of this type: DES keys with their parity bits set (section 6.43, and at each derivation).
pub fn with_parity(key_type: CK_KEY_TYPE, mut value: Secret) -> Secret {
    if matches!(key_type, CKK_DES | CKK_DES2 | CKK_DES3) {
        crypto::des::set_odd_parity(value.as_mut_bytes());
    }
    value
}

/// Copies a result to the front of the caller's buffer, which was measured before: a short one is a mistake of ours.
fn put(result: &[u8], buffer: &mut [u8]) -> Result<usize> {
    buffer.get_mut(..result.len()).ok_or(Error::GeneralError)?.copy_from_slice(result);
    Ok(result.len())
}
