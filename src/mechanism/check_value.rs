//! CKA_CHECK_VALUE (PKCS#11 sections 4.6.3, 4.11.3, 6.8 and 6.10): three bytes by which people compare keys.

use crate::ck::*;
use crate::crypto::national::{self, Algorithm};
use crate::crypto::{aes, des, digest::Hash};
use crate::object::Attributes;

/// AES, DES, Camellia and ARIA keys: the front of one encrypted block of zeros. Generic secrets, HMAC keys, ChaCha20 keys and certificates: the front of the
/// SHA-1 digest of CKA_VALUE. `None` for other objects, and without a value.
pub(super) fn check_value(attributes: &Attributes) -> Option<Vec<u8>> {
    let value = attributes.bytes(CKA_VALUE).filter(|value| !value.is_empty())?;
    let class = attributes.ulong(CKA_CLASS)?;
    if class == CKO_CERTIFICATE {
        return sha_1(value);
    }
    if class != CKO_SECRET_KEY {
        return None;
    }
    match attributes.ulong(CKA_KEY_TYPE)? {
        CKK_AES => front(&aes::Key::new(value).ok()?.encrypt_block(&[0; aes::BLOCK]).ok()?),
        CKK_CAMELLIA => national(Algorithm::Camellia, value),
        CKK_ARIA => national(Algorithm::Aria, value),
        CKK_DES | CKK_DES2 | CKK_DES3 => front(&des::Key::new(value).ok()?.encrypt_block(&[0; des::BLOCK])),
        CKK_CHACHA20 | CKK_SALSA20 | CKK_GENERIC_SECRET | CKK_MD5_HMAC | CKK_SHA_1_HMAC | CKK_SHA224_HMAC
        | CKK_SHA256_HMAC | CKK_SHA384_HMAC | CKK_SHA512_HMAC | CKK_SHA512_224_HMAC | CKK_SHA512_256_HMAC
        | CKK_SHA512_T_HMAC | CKK_SHA3_224_HMAC | CKK_SHA3_256_HMAC | CKK_SHA3_384_HMAC
        | CKK_SHA3_512_HMAC | CKK_BLAKE2B_160_HMAC | CKK_BLAKE2B_256_HMAC | CKK_BLAKE2B_384_HMAC
        | CKK_BLAKE2B_512_HMAC => sha_1(value),
        _ => None,
    }
}

fn national(algorithm: Algorithm, value: &[u8]) -> Option<Vec<u8>> {
    front(&national::Key::new(algorithm, value).ok()?.encrypt_block(&[0; national::BLOCK]))
}

fn sha_1(value: &[u8]) -> Option<Vec<u8>> {
    front(Hash::Sha1.digest(value).ok()?.as_bytes())
}

fn front(bytes: &[u8]) -> Option<Vec<u8>> {
    bytes.get(..3).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Value;
    use crate::secret::Secret;

    fn object(class: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE, value: &[u8]) -> Attributes {
        Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(class)),
            (CKA_KEY_TYPE, Value::Ulong(key_type)),
            (CKA_VALUE, Value::Secret(Secret::copy_of(value))),
        ])
    }

    /// FIPS 197 and the GCM specification: a zero block under a zero key of 128 and 256 bits.
    #[test]
    fn an_aes_key_shows_the_front_of_an_encrypted_zero_block() {
        let zero_128 = object(CKO_SECRET_KEY, CKK_AES, &[0; 16]);
        assert_eq!(check_value(&zero_128), Some(vec![0x66, 0xe9, 0x4b]));
        let zero_256 = object(CKO_SECRET_KEY, CKK_AES, &[0; 32]);
        assert_eq!(check_value(&zero_256), Some(vec![0xdc, 0x95, 0xc0]));
    }

    /// FIPS 46-3: a zero block under the key 0123456789abcdef gives d5d44ff720683d0d.
    #[test]
    fn a_des_key_shows_the_front_of_an_encrypted_zero_block() {
        let value = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        for (key_type, value) in
            [(CKK_DES, value.to_vec()), (CKK_DES2, value.repeat(2)), (CKK_DES3, value.repeat(3))]
        {
            assert_eq!(check_value(&object(CKO_SECRET_KEY, key_type, &value)), Some(vec![0xd5, 0xd4, 0x4f]));
        }
    }

    /// FIPS 180: the SHA-1 digest of "abc" begins with a9993e.
    #[test]
    fn generic_secrets_hmac_keys_and_certificates_show_the_front_of_a_digest() {
        for (class, key_type) in
            [(CKO_SECRET_KEY, CKK_GENERIC_SECRET), (CKO_SECRET_KEY, CKK_SHA256_HMAC), (CKO_CERTIFICATE, 0)]
        {
            assert_eq!(check_value(&object(class, key_type, b"abc")), Some(vec![0xa9, 0x99, 0x3e]));
        }
    }

    #[test]
    fn other_objects_and_empty_values_have_no_check_value() {
        assert_eq!(check_value(&object(CKO_SECRET_KEY, CKK_GENERIC_SECRET, b"")), None);
        assert_eq!(check_value(&object(CKO_SECRET_KEY, CKK_AES, &[0; 15])), None);
        assert_eq!(check_value(&object(CKO_PRIVATE_KEY, CKK_EC, b"abc")), None);
        assert_eq!(check_value(&object(CKO_DATA, 0, b"abc")), None);
    }
}
