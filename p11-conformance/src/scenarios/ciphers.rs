//! Ciphers beside the modes of `aes` and `gcm`: AES-CCM, AES-XTS, ChaCha20-Poly1305, Triple DES (PKCS#11 3.2, 6.13, 6.15,
//! 6.18, 6.61), with published values.

use super::keys;
use crate::expect::{Check, Verdict, expect, expect_any, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session};
use crate::template::Mechanism;
use cryptoki_sys::*;

/// A session object of this type; a token that does not take it is not judged.
fn key(session: &Session, kind: CK_KEY_TYPE, value: &str) -> Check<CK_OBJECT_HANDLE> {
    let template = keys::secret(kind, &unhex(value)).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
    session.create(&template).map_err(|error| Verdict::NotSupported(error.to_string()))
}

/// A user session with a token that encrypts and decrypts with this mechanism.
fn started(h: &Host, mechanism: CK_MECHANISM_TYPE) -> Check<Session<'_>> {
    h.needs_flags(mechanism, CKF_ENCRYPT | CKF_DECRYPT)?;
    h.user()
}

/// Encrypts and decrypts in one part, and encrypts in two.
fn known(
    session: &Session,
    mechanism: &Mechanism,
    kind: CK_KEY_TYPE,
    value: &str,
    plain: &str,
    sealed: &str,
) -> Check {
    let (plain, sealed) = (unhex(plain), unhex(sealed));
    let key = key(session, kind, value)?;
    same("the ciphertext", session.run(Kind::Encrypt, mechanism, key, &plain)?, &sealed)?;
    same("the plaintext", session.run(Kind::Decrypt, mechanism, key, &sealed)?, &plain)?;
    let (first, rest) = plain.split_at(plain.len() / 3);
    same("in parts", session.run_parts(Kind::Encrypt, mechanism, key, &[first, rest])?, &sealed)
}

/// Decrypts what must be refused.
fn forged(session: &Session, mechanism: &Mechanism, kind: CK_KEY_TYPE, value: &str, sealed: &str) -> Check {
    let key = key(session, kind, value)?;
    let mut sealed = unhex(sealed);
    if let Some(last) = sealed.last_mut() {
        *last ^= 1;
    }
    let wanted = [CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED];
    expect_any(session.run(Kind::Decrypt, mechanism, key, &sealed), &wanted)
}

const CCM_KEY: &str = "404142434445464748494a4b4c4d4e4f";
const CCM_SEALED: &str = "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd";

/// Example 2 of SP 800-38C, appendix C.
fn ccm() -> Mechanism {
    Mechanism::ccm(16, &unhex("1011121314151617"), &unhex("000102030405060708090a0b0c0d0e0f"), 6)
}

const CHACHA_KEY: &str = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
const CHACHA_PLAIN: &str = "4c616469657320616e642047656e746c656d656e206f662074686520636c6173
                            73206f66202739393a204966204920636f756c64206f6666657220796f75206f
                            6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73
                            637265656e20776f756c642062652069742e";
const CHACHA_SEALED: &str = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
                             3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
                             92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
                             3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";

/// The example of RFC 8439, section 2.8.2.
fn chacha20_poly1305(nonce_len: CK_ULONG) -> Mechanism {
    let aad = unhex("50515253c0c1c2c3c4c5c6c7");
    Mechanism::chacha20_poly1305(&unhex("070000004041424344454647"), nonce_len, &aad)
}

/// The length of the nonce in the unit that this token takes.
fn nonce_len(session: &Session) -> Check<CK_ULONG> {
    let key = key(session, CKK_CHACHA20, CHACHA_KEY)?;
    let bits = session.run(Kind::Encrypt, &chacha20_poly1305(96), key, b"").is_ok();
    Ok(if bits { 96 } else { 12 })
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("ccm", "6.13 AES-CCM", "example 2 of SP 800-38C, appendix C, and back", |h| {
        let plain = "202122232425262728292a2b2c2d2e2f";
        known(&started(h, CKM_AES_CCM)?, &ccm(), CKK_AES, CCM_KEY, plain, CCM_SEALED)
    }),
    Scenario::new("ccm-forged-tag", "6.13 AES-CCM", "a wrong MAC: CKR_ENCRYPTED_DATA_INVALID", |h| {
        forged(&started(h, CKM_AES_CCM)?, &ccm(), CKK_AES, CCM_KEY, CCM_SEALED)
    }),
    Scenario::new(
        "ccm-odd-tag",
        "6.13 CK_CCM_PARAMS",
        "a MAC of 7 bytes: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let session = started(h, CKM_AES_CCM)?;
            let key = key(&session, CKK_AES, CCM_KEY)?;
            let mechanism = Mechanism::ccm(16, &[1; 12], b"", 7);
            expect(session.init(Kind::Encrypt, &mechanism, key), CKR_MECHANISM_PARAM_INVALID)
        },
    ),
    Scenario::new("xts", "6.15 AES-XTS", "vectors 3 and 15 of IEEE 1619, and back", |h| {
        let session = started(h, CKM_AES_XTS)?;
        let (data, number) = ("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0", "33333333330000000000000000000000");
        let mechanism = Mechanism::bytes(CKM_AES_XTS, &unhex(number));
        let key = format!("{data}22222222222222222222222222222222");
        let sealed = "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89";
        known(&session, &mechanism, CKK_AES_XTS, &key, &"44".repeat(32), sealed)?;
        let mechanism = Mechanism::bytes(CKM_AES_XTS, &unhex("9a785634120000000000000000000000"));
        let (key, plain) =
            (format!("{data}bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0"), "000102030405060708090a0b0c0d0e0f10");
        known(&session, &mechanism, CKK_AES_XTS, &key, plain, "6c1625db4671522d3d7599601de7ca09ed")
    }),
    Scenario::new(
        "chacha20-poly1305",
        "6.61 ChaCha20/Poly1305",
        "the example of RFC 8439, section 2.8.2, and back",
        |h| {
            let session = started(h, CKM_CHACHA20_POLY1305)?;
            let mechanism = chacha20_poly1305(nonce_len(&session)?);
            known(&session, &mechanism, CKK_CHACHA20, CHACHA_KEY, CHACHA_PLAIN, CHACHA_SEALED)
        },
    ),
    Scenario::new(
        "chacha20-poly1305-forged-tag",
        "6.61 ChaCha20/Poly1305",
        "a wrong tag: CKR_ENCRYPTED_DATA_INVALID",
        |h| {
            let session = started(h, CKM_CHACHA20_POLY1305)?;
            let mechanism = chacha20_poly1305(nonce_len(&session)?);
            forged(&session, &mechanism, CKK_CHACHA20, CHACHA_KEY, CHACHA_SEALED)
        },
    ),
    Scenario::new("des3-cbc", "6.18 Triple DES in CBC mode", "the example values of NIST, and back", |h| {
        let value = "0123456789abcdef23456789abcdef01456789abcdef0123";
        let plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
        let sealed = "2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7";
        let mechanism = Mechanism::bytes(CKM_DES3_CBC, &unhex("f69f2445df4f9b17"));
        known(&started(h, CKM_DES3_CBC)?, &mechanism, CKK_DES3, value, plain, sealed)
    }),
    Scenario::new(
        "des3-cbc-wrong-iv",
        "6.18 Triple DES in CBC mode",
        "an IV of 16 bytes: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let session = started(h, CKM_DES3_CBC)?;
            let key = key(&session, CKK_DES3, "0123456789abcdef23456789abcdef01456789abcdef0123")?;
            let mechanism = Mechanism::bytes(CKM_DES3_CBC, &[0; 16]);
            expect(session.init(Kind::Encrypt, &mechanism, key), CKR_MECHANISM_PARAM_INVALID)
        },
    ),
];
