//! Key generation: keys have the attributes that were asked for and differ; a length or a curve that cannot be is refused.

use coffer_pkcs11::ck::*;

use super::super::curves::curve;
use super::super::symmetric::readable;
use super::super::token::{Attributes, ulong};
use super::{Known, generates, generates_pair};

/// A secret key that can be read back, of so many bytes.
fn bytes(key_type: CK_KEY_TYPE, len: CK_ULONG) -> Attributes {
    let mut template = readable(key_type);
    template.push((CKA_VALUE_LEN, ulong(len)));
    template
}

fn on(name: &str) -> Attributes {
    let params = curve(name).map_or_else(|| b"\x06\x03\x2a\x03\x04".to_vec(), |(params, _)| params);
    vec![(CKA_EC_PARAMS, params)]
}

fn bits(bits: CK_ULONG) -> Attributes {
    vec![(CKA_MODULUS_BITS, ulong(bits)), (CKA_PUBLIC_EXPONENT, vec![1, 0, 1])]
}

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let hmac = |id, key_type| generates(id, bytes(key_type, 32), bytes(key_type, 0));
    vec![
        generates(CKM_AES_KEY_GEN, bytes(CKK_AES, 24), bytes(CKK_AES, 17)),
        generates(CKM_GENERIC_SECRET_KEY_GEN, bytes(CKK_GENERIC_SECRET, 7), bytes(CKK_GENERIC_SECRET, 0)),
        hmac(CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC),
        hmac(CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC),
        hmac(CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC),
        hmac(CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC),
        hmac(CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC),
        hmac(CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC),
        hmac(CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC),
        generates(CKM_AES_XTS_KEY_GEN, bytes(CKK_AES_XTS, 64), bytes(CKK_AES_XTS, 48)),
        generates(CKM_CHACHA20_KEY_GEN, bytes(CKK_CHACHA20, 32), bytes(CKK_CHACHA20, 16)),
        hmac(CKM_SHA512_T_KEY_GEN, CKK_SHA512_T_HMAC),
        hmac(CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC),
        hmac(CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC),
        hmac(CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC),
        hmac(CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC),
        hmac(CKM_BLAKE2B_160_KEY_GEN, CKK_BLAKE2B_160_HMAC),
        hmac(CKM_BLAKE2B_256_KEY_GEN, CKK_BLAKE2B_256_HMAC),
        hmac(CKM_BLAKE2B_384_KEY_GEN, CKK_BLAKE2B_384_HMAC),
        hmac(CKM_BLAKE2B_512_KEY_GEN, CKK_BLAKE2B_512_HMAC),
        generates(CKM_POLY1305_KEY_GEN, bytes(CKK_POLY1305, 32), bytes(CKK_POLY1305, 16)),
        generates(CKM_SALSA20_KEY_GEN, bytes(CKK_SALSA20, 32), bytes(CKK_SALSA20, 16)),
        generates(CKM_DES_KEY_GEN, readable(CKK_DES), bytes(CKK_DES, 8)),
        generates(CKM_DES2_KEY_GEN, readable(CKK_DES2), bytes(CKK_DES2, 16)),
        generates(CKM_DES3_KEY_GEN, readable(CKK_DES3), bytes(CKK_DES3, 24)),
        generates_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, bits(2048), bits(2047)),
        generates_pair(CKM_EC_KEY_PAIR_GEN, on("secp384r1"), on("none")),
        generates_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, on("edwards25519"), on("curve25519")),
        generates_pair(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, on("curve25519"), on("edwards25519")),
    ]
}
