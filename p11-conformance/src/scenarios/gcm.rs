//! AES-GCM (SP 800-38D and the test cases of its submission; PKCS#11 3.2, 6.13).

use super::keys;
use crate::expect::{Check, Verdict, equal, expect, expect_any, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session};
use crate::template::Mechanism;
use cryptoki_sys::*;

const KEY: &str = "feffe9928665731c6d6a8f9467308308";
const IV: &str = "cafebabefacedbaddecaf888";
const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
                     1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const SEALED: &str = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
                      21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
                      5bc94fbc3221a5db94fae95ae7121a47";

const KNOWN: &str = "ciphertext and tag are those of the submission's test case, and back";

fn known(h: &Host, key: &str, mechanism: &Mechanism, plain: &str, sealed: &str) -> Check {
    h.needs(&[CKM_AES_GCM])?;
    let (session, plain, sealed) = (h.user()?, unhex(plain), unhex(sealed));
    let key = keys::aes(&session, &unhex(key))?;
    same("ciphertext and tag", session.run(Kind::Encrypt, mechanism, key, &plain)?, &sealed)?;
    same("the plaintext", session.run(Kind::Decrypt, mechanism, key, &sealed)?, &plain)
}

fn case_4() -> Mechanism {
    Mechanism::gcm(&unhex(IV), &unhex(AAD), 128)
}

/// A user session and the key of test case 4.
fn started(h: &Host) -> Check<(Session<'_>, CK_OBJECT_HANDLE)> {
    h.needs(&[CKM_AES_GCM])?;
    let session = h.user()?;
    let key = keys::aes(&session, &unhex(KEY))?;
    Ok((session, key))
}

/// A decryption whose tag is wrong.
const FORGED: &[CK_RV] = &[CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED];

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("gcm-case-4", "6.13 AES-GCM", KNOWN, |h| known(h, KEY, &case_4(), PLAIN, SEALED)),
    Scenario::new("gcm-of-nothing", "6.13 AES-GCM", KNOWN, |h| {
        let zero = "00000000000000000000000000000000";
        known(h, zero, &Mechanism::gcm(&[0; 12], b"", 128), "", "58e2fccefa7e3061367f1d57a4e7455a")
    }),
    Scenario::new("gcm-iv-of-8-bytes", "6.13 AES-GCM", "test case 5: an IV of 8 bytes is hashed", |h| {
        let sealed = "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423
                      73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598
                      3612d2e79e3b0785561be14aaca2fccb";
        known(h, KEY, &Mechanism::gcm(&unhex("cafebabefacedbad"), &unhex(AAD), 128), PLAIN, sealed)
    }),
    Scenario::new("gcm-256-bit-key", "6.13 AES-GCM", "test case 16", |h| {
        let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        let sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
                      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
                      76fc6ece0f4e1768cddf8853bb2d551b";
        known(h, key, &case_4(), PLAIN, sealed)
    }),
    Scenario::new("gcm-short-tag", "6.13 AES-GCM", "a tag of 96 bits is the start of the full tag", |h| {
        let sealed: String = SEALED.split_whitespace().collect();
        known(h, KEY, &Mechanism::gcm(&unhex(IV), &unhex(AAD), 96), PLAIN, &sealed[..sealed.len() - 8])
    }),
    Scenario::new("gcm-in-parts", "6.13 AES-GCM", "in several parts as in one", |h| {
        let (session, key) = started(h)?;
        let (plain, sealed) = (unhex(PLAIN), unhex(SEALED));
        let parts = [&plain[..1], &plain[1..33], &plain[33..]];
        same("the ciphertext", session.run_parts(Kind::Encrypt, &case_4(), key, &parts)?, &sealed)?;
        let parts = [&sealed[..5], &sealed[5..50], &sealed[50..]];
        same("the plaintext", session.run_parts(Kind::Decrypt, &case_4(), key, &parts)?, &plain)
    }),
    Scenario::new(
        "gcm-releases-nothing-unverified",
        "6.13 AES-GCM, decrypt",
        "no data is returned until C_Decrypt or C_DecryptFinal",
        |h| {
            let (session, key) = started(h)?;
            session.init(Kind::Decrypt, &case_4(), key)?;
            equal("bytes out of C_DecryptUpdate", session.update(Kind::Decrypt, &unhex(SEALED))?.len(), 0)?;
            same("the plaintext", session.finish(Kind::Decrypt)?, unhex(PLAIN))
        },
    ),
    Scenario::new(
        "gcm-forged-tag",
        "6.13 AES-GCM",
        "a wrong tag: CKR_ENCRYPTED_DATA_INVALID, no plaintext",
        |h| {
            let (session, key) = started(h)?;
            let mut sealed = unhex(SEALED);
            if let Some(last) = sealed.last_mut() {
                *last ^= 1;
            }
            session.init(Kind::Decrypt, &case_4(), key)?;
            let filled = session.once_into(Kind::Decrypt, &sealed, 100);
            expect_any(filled.result, FORGED)?;
            let plain = unhex(PLAIN);
            crate::expect::holds("no plaintext is in the buffer", !filled.buffer.starts_with(&plain[..16]))
        },
    ),
    Scenario::new(
        "gcm-other-aad",
        "6.13 AES-GCM",
        "other additional data: CKR_ENCRYPTED_DATA_INVALID",
        |h| {
            let (session, key) = started(h)?;
            let mechanism = Mechanism::gcm(&unhex(IV), b"other", 128);
            expect_any(session.run(Kind::Decrypt, &mechanism, key, &unhex(SEALED)), FORGED)
        },
    ),
    Scenario::new(
        "gcm-cut-ciphertext",
        "6.13 AES-GCM",
        "less than a tag: CKR_ENCRYPTED_DATA_LEN_RANGE",
        |h| {
            let (session, key) = started(h)?;
            let wanted = [CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED];
            expect_any(session.run(Kind::Decrypt, &case_4(), key, &unhex(SEALED)[..10]), &wanted)
        },
    ),
    Scenario::new(
        "gcm-shorter-structure",
        "6.13 CK_GCM_PARAMS (client need)",
        "a parameter of another size: CKR_MECHANISM_PARAM_INVALID; Java tries an older, shorter one first",
        |h| {
            let (session, key) = started(h)?;
            let shorter = (size_of::<CK_GCM_PARAMS>() - size_of::<CK_ULONG>()) as CK_ULONG;
            let outcome = session.init(Kind::Encrypt, &case_4().with_length(shorter), key);
            expect(outcome, CKR_MECHANISM_PARAM_INVALID)?;
            Ok(session.init(Kind::Encrypt, &case_4(), key)?)
        },
    ),
    Scenario::new(
        "gcm-long-tag",
        "6.13 CK_GCM_PARAMS",
        "a tag of more than 128 bits: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let (session, key) = started(h)?;
            let mechanism = Mechanism::gcm(&unhex(IV), b"", 136);
            expect(session.init(Kind::Encrypt, &mechanism, key), CKR_MECHANISM_PARAM_INVALID)
        },
    ),
    Scenario::new("gcm-without-iv", "6.13 CK_GCM_PARAMS", "no IV: CKR_MECHANISM_PARAM_INVALID", |h| {
        let (session, key) = started(h)?;
        let wanted = [CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD];
        expect_any(session.init(Kind::Encrypt, &Mechanism::gcm(b"", b"", 128), key), &wanted)
    }),
    Scenario::new(
        "gcm-buffers",
        "5.2 / 6.13 AES-GCM",
        "the length query for a decryption suffices, and a short buffer can be followed by a larger one",
        |h| {
            let (session, key) = started(h)?;
            let (plain, sealed) = (unhex(PLAIN), unhex(SEALED));
            session.init(Kind::Decrypt, &case_4(), key)?;
            let length = session.query(Kind::Decrypt, &sealed)?;
            crate::expect::holds("the length suffices", length >= plain.len())?;
            let filled = session.once_into(Kind::Decrypt, &sealed, 10);
            expect(filled.result, CKR_BUFFER_TOO_SMALL)?;
            same("the plaintext", session.once(Kind::Decrypt, &sealed)?, &plain)
        },
    ),
    Scenario::new(
        "gcm-needs-an-aes-key",
        "6.13 AES-GCM",
        "another type of key: CKR_KEY_TYPE_INCONSISTENT",
        |h| {
            let (session, _) = started(h)?;
            let key = session.create(&keys::secret(CKK_GENERIC_SECRET, &[1; 16]).bool(CKA_ENCRYPT, true));
            let key = key.map_err(|error| Verdict::NotSupported(error.to_string()))?;
            expect(session.init(Kind::Encrypt, &case_4(), key), CKR_KEY_TYPE_INCONSISTENT)
        },
    ),
];
