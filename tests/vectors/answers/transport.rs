//! Keys wrapped under RSA and AES, and after an agreement: put together by Python's cryptography from OAEP or ECDH and
//! AES-KWP. The key inside is 00 01 .. 17.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::public_keys::key;
use super::signatures::{p256, rsa};
use super::{Key, Known, hex, unwraps};

const INSIDE: &str = "000102030405060708090a0b0c0d0e0f1011121314151617";

/// OAEP with SHA-256 and an AES key of 256 bits.
const RSA_BLOB: &str = "5870b8a0cd418ab79da3cb0b0cc05751b97927454a0a4d81b876b46dc3c0a18b649c44b5e70fba4e597230d5b278a1d6e7ba\
     ecb3d73abeed52aeae88042015ff2b99fa61b8684b51507b0a36f505479c9e730f8291cee5d6708c0816d4624e8cd9bdb16c\
     9f34bacb08d6842e06a518a7c376ef279d6ea93563a55b16f45d1ebcdfca4af4c7887b2e7f14a4f3f948e73094fd1b0ecae6\
     76398a180d69bd1d81a4";
/// CKD_SHA256_KDF with "info", and 256 bits.
const P256_BLOB: &str = "0470da02cf2389338f3c6e3281547b7997f64b78955cd0cce70904f02659335dadafc3dea090ebba49df9ae18240b9ff5234\
     b55e4d3bf2455901f4f42b745eb34452d6b70da23128cb92f40ef003cfc2f4f81b87ebd979ce6445ccaa02d916d96f";
/// A pair of X25519; CKD_NULL and 128 bits.
const X25519_VALUE: &str = "9840d2fe0241686f21c7a977f768247e79618d02c7a74158d1fe15b641a8147c";
const X25519_PUBLIC: &str = "e0889d913abe74c85ca2076f3b840f353709ba11abf72b93d5c40ae996583729";
const X25519_BLOB: &str = "b6283b2ff3864a06340a4dbf6fabcd9802a3b4a58825d5537f6f022e7e633138042cbbc2a6ffba4df737c493f5113d3220ef\
     365856cc7d5203fbd861654728be";

fn rsa_aes() -> Mechanism {
    let oaep = Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"").structure_bytes();
    Mechanism::with(CKM_RSA_AES_KEY_WRAP, [&oaep], |[oaep]| CK_RSA_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: 256,
        pOAEPParams: oaep.0.cast(),
    })
}

fn ecdh(id: CK_MECHANISM_TYPE, bits: CK_ULONG, kdf: CK_ULONG, data: &[u8]) -> Mechanism {
    Mechanism::with(id, [data], |[data]| CK_ECDH_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: bits,
        kdf,
        ulSharedDataLen: data.1,
        pSharedData: data.0,
    })
}

/// The key of signatures.rs, which may wrap and unwrap.
fn wrapping(key: Key) -> Key {
    let Key { mut public, mut private } = key;
    public.push((CKA_WRAP, vec![CK_TRUE]));
    private.push((CKA_UNWRAP, vec![CK_TRUE]));
    Key { public, private }
}

fn x25519() -> Key {
    let params = hex("06032b656e");
    let public = [(CKA_EC_PARAMS, params.as_slice()), (CKA_EC_POINT, &hex(X25519_PUBLIC))];
    let private = [(CKA_EC_PARAMS, params.as_slice()), (CKA_VALUE, &hex(X25519_VALUE))];
    Key {
        public: key(CKO_PUBLIC_KEY, CKK_EC_MONTGOMERY, &public),
        private: key(CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY, &private),
    }
}

pub fn answers() -> Vec<Known> {
    let info = |id| ecdh(id, 256, CKD_SHA256_KDF, b"info");
    let wrapped_point = ["0441", P256_BLOB].concat();
    vec![
        unwraps(rsa_aes(), wrapping(rsa()), RSA_BLOB, INSIDE),
        unwraps(info(CKM_ECDH_AES_KEY_WRAP), wrapping(p256()), P256_BLOB, INSIDE),
        unwraps(info(CKM_ECDH_COF_AES_KEY_WRAP), wrapping(p256()), &wrapped_point, INSIDE),
        unwraps(ecdh(CKM_ECDH_X_AES_KEY_WRAP, 128, CKD_NULL, b""), wrapping(x25519()), X25519_BLOB, INSIDE),
    ]
}
