//! The states of an operation: begun, going on, ended (PKCS#11 3.2, 5.8 to 5.15). Each rule is asked of all kinds.

use super::keys::{self, MAC_DATA, MAC_KEY};
use crate::call;
use crate::expect::{Check, Verdict, equal, expect, expect_any, holds, same, unhex};
use crate::scenario::{Host, Scenario, token_info};
use crate::session::{Kind, Session, input, len};
use crate::template::Mechanism;
use cryptoki_sys::*;

/// One rule for all five kinds of operation.
macro_rules! for_each_kind {
    ($($name:literal, $rule:literal, $check:ident;)*) => { &[$(
        Scenario::new(concat!("encrypt-", $name), "5.8 C_Encrypt…", $rule, |h| $check(h, Kind::Encrypt)),
        Scenario::new(concat!("decrypt-", $name), "5.10 C_Decrypt…", $rule, |h| $check(h, Kind::Decrypt)),
        Scenario::new(concat!("digest-", $name), "5.12 C_Digest…", $rule, |h| $check(h, Kind::Digest)),
        Scenario::new(concat!("sign-", $name), "5.13 C_Sign…", $rule, |h| $check(h, Kind::Sign)),
        Scenario::new(concat!("verify-", $name), "5.15 C_Verify…", $rule, |h| $check(h, Kind::Verify)),
    )*] };
}

/// One rule for the four kinds that take a key.
macro_rules! for_each_keyed_kind {
    ($($name:literal, $rule:literal, $check:ident;)*) => { &[$(
        Scenario::new(concat!("encrypt-", $name), "5.1.6 / 5.8 C_EncryptInit", $rule, |h| $check(h, Kind::Encrypt)),
        Scenario::new(concat!("decrypt-", $name), "5.1.6 / 5.10 C_DecryptInit", $rule, |h| $check(h, Kind::Decrypt)),
        Scenario::new(concat!("sign-", $name), "5.1.6 / 5.13 C_SignInit", $rule, |h| $check(h, Kind::Sign)),
        Scenario::new(concat!("verify-", $name), "5.1.6 / 5.15 C_VerifyInit", $rule, |h| $check(h, Kind::Verify)),
    )*] };
}

pub const BY_KIND: &[Scenario] = for_each_kind! {
    "without-init",
    "without Init the one-part, update and final functions say CKR_OPERATION_NOT_INITIALIZED",
    without_init;
    "init-twice",
    "while an operation is active a second Init of its kind says CKR_OPERATION_ACTIVE",
    init_twice;
    "one-part-after-update",
    "the one-part function cannot end a multi-part operation: CKR_OPERATION_ACTIVE (client need)",
    one_part_after_update;
    "ends-after-one-part",
    "after the one-part function the operation is over: CKR_OPERATION_NOT_INITIALIZED",
    ends_after_one_part;
    "ends-after-final",
    "after the final function the operation is over: CKR_OPERATION_NOT_INITIALIZED",
    ends_after_final;
    "parts-equal-the-whole",
    "a sequence of updates and the final function is equivalent to the one-part function",
    parts_equal_the_whole;
    "unknown-mechanism",
    "a mechanism that the token does not know: CKR_MECHANISM_INVALID",
    unknown_mechanism;
    "failed-init-starts-nothing",
    "after an Init that failed there is no operation, and a right Init works",
    failed_init_starts_nothing;
};

pub const KEYED: &[Scenario] = for_each_keyed_kind! {
    "with-no-key",
    "a handle that is no object is no key: CKR_KEY_HANDLE_INVALID (client need)",
    with_no_key;
    "with-an-object-that-is-no-key",
    "a handle of an object that is not a key: CKR_KEY_HANDLE_INVALID",
    with_data_object;
    "not-permitted",
    "a key whose usage attribute is false: CKR_KEY_FUNCTION_NOT_PERMITTED",
    not_permitted;
    "with-wrong-type-of-key",
    "a key of another type than the mechanism's: CKR_KEY_TYPE_INCONSISTENT",
    wrong_type;
};

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "error-ends-encryption",
        "5.8 C_Encrypt (client need)",
        "an error other than CKR_BUFFER_TOO_SMALL ends the operation: data of no full block, then nothing is active",
        |h| {
            let session = begun(h, Kind::Encrypt)?;
            expect(session.once(Kind::Encrypt, &[0; 15]), CKR_DATA_LEN_RANGE)?;
            expect(session.once(Kind::Encrypt, &[0; 16]), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "error-ends-decryption",
        "5.10 C_Decrypt (client need)",
        "an error other than CKR_BUFFER_TOO_SMALL ends the operation: no full block, then nothing is active",
        |h| {
            let session = begun(h, Kind::Decrypt)?;
            let wanted = [CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID];
            expect_any(session.once(Kind::Decrypt, &[0; 15]), &wanted)?;
            expect(session.once(Kind::Decrypt, &[0; 16]), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "error-ends-multi-part-encryption",
        "5.8 C_EncryptFinal",
        "a last block that is not full: CKR_DATA_LEN_RANGE from C_EncryptFinal, then nothing is active",
        |h| {
            let session = begun(h, Kind::Encrypt)?;
            session.update(Kind::Encrypt, &[0; 15])?;
            expect(session.finish(Kind::Encrypt), CKR_DATA_LEN_RANGE)?;
            expect(session.finish(Kind::Encrypt), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "wrong-signature-ends-verification",
        "5.15 C_Verify",
        "a call of C_Verify always ends the operation, also when the signature is wrong",
        |h| {
            let session = begun(h, Kind::Verify)?;
            let mut mac = mac();
            mac[3] ^= 1;
            expect(verify(&session, MAC_DATA, &mac), CKR_SIGNATURE_INVALID)?;
            expect(verify(&session, MAC_DATA, &self::mac()), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "short-signature-is-a-length-error",
        "5.15 C_Verify",
        "a MAC of a wrong length: CKR_SIGNATURE_LEN_RANGE, and the operation is over",
        |h| {
            let session = begun(h, Kind::Verify)?;
            expect(verify(&session, MAC_DATA, &mac()[..31]), CKR_SIGNATURE_LEN_RANGE)?;
            expect(verify(&session, MAC_DATA, &mac()), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new("verify-accepts-the-right-mac", "5.15 C_Verify", "a valid signature: CKR_OK", |h| {
        let session = begun(h, Kind::Verify)?;
        Ok(verify(&session, MAC_DATA, &mac())?)
    }),
    Scenario::new("verify-rejects-other-data", "5.15 C_Verify", "other data: CKR_SIGNATURE_INVALID", |h| {
        let session = begun(h, Kind::Verify)?;
        expect(verify(&session, b"other data", &mac()), CKR_SIGNATURE_INVALID)
    }),
    Scenario::new(
        "sign-and-digest-at-once",
        "5.1.6 CKR_OPERATION_ACTIVE",
        "two kinds of operation in one session either work both, or the second is refused with CKR_OPERATION_ACTIVE",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = begun(h, Kind::Sign)?;
            let second = session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0);
            if second.is_ok() {
                same("the digest", session.once(Kind::Digest, b"abc")?, super::digest::sha256_abc())?;
            } else {
                expect(second, CKR_OPERATION_ACTIVE)?;
            }
            same("the MAC", session.once(Kind::Sign, MAC_DATA)?, mac())
        },
    ),
    Scenario::new(
        "digest-and-encrypt-in-one-call",
        "5.17 C_DigestEncryptUpdate",
        "with CKF_DUAL_CRYPTO_OPERATIONS a part is digested and encrypted by one call",
        |h| {
            h.needs(&[CKM_SHA256])?;
            if token_info(&h.module, h.token()?)?.flags & CKF_DUAL_CRYPTO_OPERATIONS == 0 {
                return Err(Verdict::NotSupported("CKF_DUAL_CRYPTO_OPERATIONS is not set".into()));
            }
            let session = begun(h, Kind::Encrypt)?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            let (plain, mut out, mut length) = ([7_u8; 32], [0_u8; 64], 64);
            let (data, place) = (input(&plain), out.as_mut_ptr());
            call!(h.module, C_DigestEncryptUpdate, session.handle, data, 32, place, &mut length)?;
            let mut sealed = out[..length as usize].to_vec();
            sealed.extend(session.finish(Kind::Encrypt)?);
            let digest = session.finish(Kind::Digest)?;
            let again = session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, &plain)?;
            same("the digest of the part", digest, again)?;
            session.init(Kind::Encrypt, &cbc(), aes_key(&session)?)?;
            same("the ciphertext", sealed, session.once(Kind::Encrypt, &plain)?)
        },
    ),
    Scenario::new(
        "dual-function-without-operations",
        "5.17 C_DigestEncryptUpdate",
        "without both operations: CKR_OPERATION_NOT_INITIALIZED",
        |h| {
            let session = h.session()?;
            let (mut out, mut length) = ([0_u8; 32], 32);
            let place = out.as_mut_ptr();
            let outcome =
                call!(h.module, C_DigestEncryptUpdate, session.handle, place, 16, place, &mut length);
            expect(outcome, CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "key-of-a-closed-session",
        "5.6 C_CloseSession / 5.13 C_SignInit",
        "a session key is gone with its session: CKR_KEY_HANDLE_INVALID",
        |h| {
            h.needs(&[CKM_SHA256_HMAC])?;
            let (session, other) = (h.user()?, h.session()?);
            let key = keys::generic(&other, &[1; 32])?;
            other.close()?;
            expect(session.init(Kind::Sign, &Mechanism::plain(CKM_SHA256_HMAC), key), CKR_KEY_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "private-key-without-login",
        "5.6 C_Logout",
        "after a logout the handle of a private key is not valid",
        |h| {
            h.needs(&[CKM_SHA256_HMAC])?;
            let session = h.user()?;
            let key = keys::generic(&session, &[1; 32])?;
            session.logout()?;
            let wanted = [CKR_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_OBJECT_HANDLE_INVALID];
            expect_any(session.init(Kind::Sign, &Mechanism::plain(CKM_SHA256_HMAC), key), &wanted)
        },
    ),
    Scenario::new("empty-parts", "5.8 C_EncryptUpdate", "a part of no bytes is a part", |h| {
        let session = begun(h, Kind::Encrypt)?;
        equal("bytes out of an empty part", session.update(Kind::Encrypt, b"")?.len(), 0)?;
        session.update(Kind::Encrypt, &[0; 16])?;
        session.finish(Kind::Encrypt).map(|_| ()).map_err(Verdict::from)
    }),
    Scenario::new(
        "public-key-cannot-sign",
        "5.1.6 CKR_KEY_TYPE_INCONSISTENT",
        "a public key is no key for signing",
        |h| {
            h.needs(&[CKM_RSA_PKCS])?;
            let session = h.user()?;
            let (public, _) = keys::rsa_2048(h, &session)?;
            let wanted = [CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_HANDLE_INVALID];
            expect_any(session.init(Kind::Sign, &Mechanism::plain(CKM_RSA_PKCS), public), &wanted)
        },
    ),
];

/// RFC 4231 test case 6.
fn mac() -> Vec<u8> {
    unhex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
}

fn cbc() -> Mechanism {
    Mechanism::bytes(CKM_AES_CBC, &[0; 16])
}

fn aes_key(session: &Session) -> Check<CK_OBJECT_HANDLE> {
    Ok(keys::aes(session, &[1; 16])?)
}

/// A right mechanism and key for a kind: AES-CBC, SHA-256, HMAC-SHA-256.
fn right(h: &Host, session: &Session, kind: Kind) -> Check<(Mechanism, CK_OBJECT_HANDLE)> {
    match kind {
        Kind::Encrypt | Kind::Decrypt => {
            h.needs(&[CKM_AES_CBC])?;
            Ok((cbc(), aes_key(session)?))
        }
        Kind::Digest => {
            h.needs(&[CKM_SHA256])?;
            Ok((Mechanism::plain(CKM_SHA256), 0))
        }
        Kind::Sign | Kind::Verify => {
            h.needs(&[CKM_SHA256_HMAC])?;
            Ok((Mechanism::plain(CKM_SHA256_HMAC), keys::generic(session, &MAC_KEY)?))
        }
    }
}

/// A user session with an operation right after its Init.
fn begun(h: &Host, kind: Kind) -> Check<Session<'_>> {
    let session = h.user()?;
    let (mechanism, key) = right(h, &session, kind)?;
    session.init(kind, &mechanism, key)?;
    Ok(session)
}

fn verify(session: &Session, data: &[u8], signature: &[u8]) -> crate::module::Outcome {
    let (data, length) = (input(data), len(data));
    call!(session.module, C_Verify, session.handle, data, length, input(signature), len(signature))
}

fn without_init(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    expect(session.once(kind, &[0; 32]), CKR_OPERATION_NOT_INITIALIZED)?;
    expect(session.update(kind, &[0; 32]), CKR_OPERATION_NOT_INITIALIZED)?;
    expect(session.finish(kind), CKR_OPERATION_NOT_INITIALIZED)
}

fn init_twice(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    let (mechanism, key) = right(h, &session, kind)?;
    expect(session.init(kind, &mechanism, key), CKR_OPERATION_ACTIVE)
}

fn one_part_after_update(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    session.update(kind, &[0; 16])?;
    expect(session.once(kind, &[0; 16]), CKR_OPERATION_ACTIVE)
}

/// Ends the operation with the one-part function; a wrong signature ends it as well.
fn ends_after_one_part(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    let ended = session.once_into(kind, &[0; 32], 32);
    if kind == Kind::Verify {
        expect(ended.result, CKR_SIGNATURE_INVALID)?;
    } else {
        ended.bytes()?;
    }
    expect(session.once(kind, &[0; 32]), CKR_OPERATION_NOT_INITIALIZED)?;
    expect(session.finish(kind), CKR_OPERATION_NOT_INITIALIZED)
}

fn ends_after_final(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    session.update(kind, &[0; 32])?;
    let ended = session.finish_into(kind, 32);
    if kind == Kind::Verify {
        expect(ended.result, CKR_SIGNATURE_INVALID)?;
    } else {
        ended.bytes()?;
    }
    expect(session.finish(kind), CKR_OPERATION_NOT_INITIALIZED)?;
    expect(session.update(kind, &[0; 32]), CKR_OPERATION_NOT_INITIALIZED)
}

fn parts_equal_the_whole(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (mechanism, key) = right(h, &session, kind)?;
    let data: Vec<u8> = (0..64).collect();
    let parts = [&data[..1], &data[1..17], &data[17..17], &data[17..40], &data[40..]];
    if kind == Kind::Verify {
        let signature = session.sign(&mechanism, key, &data)?;
        return Ok(session.verify_parts(&mechanism, key, &parts, &signature)?);
    }
    let whole = session.run(kind, &mechanism, key, &data)?;
    same("the output in parts", session.run_parts(kind, &mechanism, key, &parts)?, whole)
}

fn unknown_mechanism(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (_, key) = right(h, &session, kind)?;
    expect(session.init(kind, &Mechanism::plain(0x7FFF_FF01), key), CKR_MECHANISM_INVALID)
}

fn failed_init_starts_nothing(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (mechanism, key) = right(h, &session, kind)?;
    let failed = session.init(kind, &Mechanism::plain(0x7FFF_FF01), key);
    holds("the wrong Init fails", failed.is_err())?;
    expect(session.update(kind, &[0; 16]), CKR_OPERATION_NOT_INITIALIZED)?;
    Ok(session.init(kind, &mechanism, key)?)
}

fn with_no_key(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (mechanism, _) = right(h, &session, kind)?;
    expect(session.init(kind, &mechanism, 0x7FFF_0001), CKR_KEY_HANDLE_INVALID)?;
    expect(session.init(kind, &mechanism, CK_INVALID_HANDLE), CKR_KEY_HANDLE_INVALID)
}

fn with_data_object(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (mechanism, _) = right(h, &session, kind)?;
    let object = session.create(&keys::data("no key", b"x"))?;
    let wanted = [CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT];
    expect_any(session.init(kind, &mechanism, object), &wanted)
}

fn not_permitted(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (mechanism, _) = right(h, &session, kind)?;
    let template = match kind {
        Kind::Sign | Kind::Verify => keys::secret(CKK_GENERIC_SECRET, &[1; 32]),
        _ => keys::secret(CKK_AES, &[1; 16]),
    };
    let none = [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
    let key = session.create(&none.into_iter().fold(template, |all, usage| all.bool(usage, false)))?;
    expect(session.init(kind, &mechanism, key), CKR_KEY_FUNCTION_NOT_PERMITTED)
}

/// A generic secret for AES, an AES key for RSA signatures.
fn wrong_type(h: &Host, kind: Kind) -> Check {
    let session = h.user()?;
    let (mechanism, key) = match kind {
        Kind::Sign | Kind::Verify => {
            h.needs(&[CKM_RSA_PKCS])?;
            (Mechanism::plain(CKM_RSA_PKCS), aes_key(&session)?)
        }
        _ => {
            let template = keys::secret(CKK_GENERIC_SECRET, &[1; 16]);
            let usages = template.bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
            (right(h, &session, kind)?.0, session.create(&usages)?)
        }
    };
    expect(session.init(kind, &mechanism, key), CKR_KEY_TYPE_INCONSISTENT)
}
