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
mod agreement;
mod block_modes;
mod blake2;
mod chacha20;
mod check_value;
pub mod computed;
mod concatenate;
mod des;
mod des_mac;
mod dh;
mod digest;
mod dsa;
mod ec_keys;
mod ec_params;
mod ecdh;
mod ecdsa;
mod eddsa;
mod encrypt_data;
mod ffc_keys;
mod generate;
mod hash_derive;
mod hashes;
mod hmac;
mod hotp;
mod hss;
pub mod hkdf;
pub mod ike;
pub mod import;
mod key_transport;
mod legacy;
mod lattice_keys;
mod mac;
mod ml_dsa;
mod message;
mod ml_kem;
pub mod operation;
pub mod params;
mod poly1305;
pub mod password;
mod prehash;
mod prf;
pub mod private_key_info;
mod public_key;
pub mod row;
mod rsa_cipher;
mod rsa_encapsulate;
mod rsa_keys;
mod rsa_recover;
mod rsa_sign;
mod rsa_x9_31;
mod salsa20;
mod sha512_t;
pub mod self_test;
mod signing;
mod slh_dsa;
mod stateful;
#[cfg(test)]
mod pair_tests;
pub mod sp800_108;
mod table;
#[cfg(test)]
mod testing;
pub mod tls_keys;
mod tls_mac;
mod wrapping;

use crate::ck::*;
use crate::crypto::{self, aes};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

pub use message::MessageParams;
pub use operation::{Cipher, Derivation, Derived, Digest, Encapsulation, KeyPair, Length, Sign, Verify};
pub use params::{ParamKind, Params};
pub use row::{Approval, KeyNeed, Mechanism, Ops};
pub use table::{all, lookup, ready};

/// The types of all secret keys.
const ANY_SECRET: &[CK_KEY_TYPE] = &[
    CKK_GENERIC_SECRET,
    CKK_HKDF,
    CKK_AES,
    CKK_AES_XTS,
    CKK_CHACHA20,
    CKK_SALSA20,
    CKK_CAMELLIA,
    CKK_ARIA,
    CKK_POLY1305,
    CKK_DES,
    CKK_DES2,
    CKK_DES3,
    CKK_MD5_HMAC,
    CKK_SHA_1_HMAC,
    CKK_SHA224_HMAC,
    CKK_SHA256_HMAC,
    CKK_SHA384_HMAC,
    CKK_SHA512_HMAC,
    CKK_SHA512_224_HMAC,
    CKK_SHA512_256_HMAC,
    CKK_SHA512_T_HMAC,
    CKK_SHA3_224_HMAC,
    CKK_SHA3_256_HMAC,
    CKK_SHA3_384_HMAC,
    CKK_SHA3_512_HMAC,
    CKK_BLAKE2B_160_HMAC,
    CKK_BLAKE2B_256_HMAC,
    CKK_BLAKE2B_384_HMAC,
    CKK_BLAKE2B_512_HMAC,
];

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::classes;

    #[test]
    fn the_types_of_all_secret_keys_are_those_of_the_attribute_tables() {
        let mut types: Vec<_> = classes::tables()
            .filter(|table| table.class == CKO_SECRET_KEY)
            .filter_map(|table| table.subtype)
            .collect();
        let mut listed = ANY_SECRET.to_vec();
        types.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, types);
    }
}
