//! Derivations from secret keys (PKCS#11 3.2, 6.17, 6.43, 6.62), with published values.

use super::{keys, not_every_parameter};
use crate::expect::{Check, expect_any, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::template::{Mechanism, Template, hold};
use cryptoki_sys::*;

/// A generic secret of so many bytes that can be read.
fn readable(length: usize) -> Template {
    Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .bool(CKA_TOKEN, false)
        .bool(CKA_SENSITIVE, false)
        .bool(CKA_EXTRACTABLE, true)
        .ulong(CKA_VALUE_LEN, length as CK_ULONG)
}

fn string_data(id: CK_MECHANISM_TYPE, data: &[u8]) -> Mechanism {
    let (pointer, owned) = hold(data);
    let parameter = CK_KEY_DERIVATION_STRING_DATA { pData: pointer, ulLen: data.len() as CK_ULONG };
    Mechanism::with(id, parameter, vec![owned])
}

fn hkdf(salt: &[u8], info: &[u8]) -> Mechanism {
    let ((salt_place, salt_owned), (info_place, info_owned)) = (hold(salt), hold(info));
    let parameter = CK_HKDF_PARAMS {
        bExtract: CK_TRUE,
        bExpand: CK_TRUE,
        prfHashMechanism: CKM_SHA256,
        ulSaltType: CKF_HKDF_SALT_DATA,
        pSalt: salt_place,
        ulSaltLen: salt.len() as CK_ULONG,
        hSaltKey: CK_INVALID_HANDLE,
        pInfo: info_place,
        ulInfoLen: info.len() as CK_ULONG,
    };
    Mechanism::with(CKM_HKDF_DERIVE, parameter, vec![salt_owned, info_owned])
}

/// Derives `wanted` from a key that can be read.
fn derives(h: &Host, mechanism: &Mechanism, kind: CK_KEY_TYPE, value: &str, wanted: &str) -> Check {
    h.needs(&[mechanism.raw.mechanism])?;
    let (session, wanted) = (h.user()?, unhex(wanted));
    let base = session.create(&keys::secret(kind, &unhex(value)).bool(CKA_DERIVE, true))?;
    let key = not_every_parameter(session.derive(mechanism, base, &readable(wanted.len())))?;
    same("the derived key", session.attribute(key, CKA_VALUE)?, wanted)
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("hkdf-known", "6.62 CKM_HKDF_DERIVE, RFC 5869 A.1", "extract and expand", |h| {
        let mechanism = hkdf(&unhex("000102030405060708090a0b0c"), &unhex("f0f1f2f3f4f5f6f7f8f9"));
        let wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        derives(h, &mechanism, CKK_HKDF, &"0b".repeat(22), wanted)
    }),
    Scenario::new("aes-ecb-encrypt-data", "6.17, SP 800-38A F.1.1", "the ciphertext is the key", |h| {
        let mechanism = string_data(CKM_AES_ECB_ENCRYPT_DATA, &unhex("6bc1bee22e409f96e93d7e117393172a"));
        let (key, wanted) = ("2b7e151628aed2a6abf7158809cf4f3c", "3ad77bb40d7a3660a89ecaf32466ef97");
        derives(h, &mechanism, CKK_AES, key, wanted)
    }),
    Scenario::new("xor-known", "6.43 CKM_XOR_BASE_AND_DATA", "the standard's own example", |h| {
        let mechanism = string_data(CKM_XOR_BASE_AND_DATA, &unhex("89abcdef"));
        derives(h, &mechanism, CKK_GENERIC_SECRET, "01234567", "88888888")
    }),
    Scenario::new("extract-known", "6.43 CKM_EXTRACT_KEY_FROM_KEY", "the standard's own example", |h| {
        let first_bit: CK_EXTRACT_PARAMS = 21;
        let mechanism = Mechanism::with(CKM_EXTRACT_KEY_FROM_KEY, first_bit, Vec::new());
        derives(h, &mechanism, CKK_GENERIC_SECRET, "329f84a9", "9526")
    }),
    Scenario::new(
        "hidden-base-hides-the-key",
        "6.43 key sensitivity",
        "a key from one that cannot be read cannot be read",
        |h| {
            h.needs(&[CKM_CONCATENATE_BASE_AND_DATA])?;
            let session = h.user()?;
            let template = Template::new()
                .class(CKO_SECRET_KEY)
                .ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
                .bytes(CKA_VALUE, &[1; 32])
                .bool(CKA_TOKEN, false)
                .bool(CKA_SENSITIVE, true)
                .bool(CKA_EXTRACTABLE, false)
                .bool(CKA_DERIVE, true);
            let base = session.create(&template)?;
            let mechanism = string_data(CKM_CONCATENATE_BASE_AND_DATA, b"and data");
            match session.derive(&mechanism, base, &readable(40)) {
                Ok(key) => expect_any(session.attribute(key, CKA_VALUE), &[CKR_ATTRIBUTE_SENSITIVE]),
                refused => expect_any(refused, &[CKR_TEMPLATE_INCONSISTENT]),
            }
        },
    ),
];
