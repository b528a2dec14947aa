//! Wrapping and unwrapping keys (PKCS#11 3.2, 5.18 C_WrapKey and C_UnwrapKey; 6.7, 6.16; RFC 3394, RFC 5649).

use super::keys;
use crate::expect::{Check, equal, expect, expect_any, holds, refused, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// A template for an unwrapped secret key that can be read.
fn readable(kind: CK_KEY_TYPE) -> Template {
    Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, kind)
        .bool(CKA_TOKEN, false)
        .bool(CKA_SENSITIVE, false)
        .bool(CKA_EXTRACTABLE, true)
}

/// Wraps a key of known value under a known key, compares, and unwraps it again.
fn known(h: &Host, mechanism: CK_MECHANISM_TYPE, wrapping: &str, value: &str, wrapped: &str) -> Check {
    h.needs_flags(mechanism, CKF_WRAP | CKF_UNWRAP)?;
    let (session, mechanism, value) = (h.user()?, Mechanism::plain(mechanism), unhex(value));
    let wrapping = keys::aes(&session, &unhex(wrapping))?;
    let key = session.create(&keys::secret(CKK_GENERIC_SECRET, &value))?;
    same("the wrapped key", session.wrap(&mechanism, wrapping, key)?, unhex(wrapped))?;
    let back = session.unwrap(&mechanism, wrapping, &unhex(wrapped), &readable(CKK_GENERIC_SECRET))?;
    same("the unwrapped key", session.attribute(back, CKA_VALUE)?, value)
}

/// A user session, a wrapping AES key, and CKM_AES_KEY_WRAP.
fn started(h: &Host) -> Check<(Session<'_>, CK_OBJECT_HANDLE, Mechanism)> {
    h.needs_flags(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP)?;
    let session = h.user()?;
    let wrapping = keys::aes(&session, &[3; 32])?;
    Ok((session, wrapping, Mechanism::plain(CKM_AES_KEY_WRAP)))
}

/// Wraps a private key and unwraps it again; both sign so that the public key verifies.
fn private_key(
    h: &Host,
    mechanism: &Mechanism,
    sign: &Mechanism,
    kind: CK_KEY_TYPE,
    make: fn(&Host, &Session) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)>,
) -> Check {
    h.needs_flags(mechanism.raw.mechanism, CKF_WRAP | CKF_UNWRAP)?;
    h.needs(&[sign.raw.mechanism])?;
    let session = h.user()?;
    let wrapping = keys::aes(&session, &[3; 32])?;
    let (public, private) = make(h, &session)?;
    let wrapped = session.wrap(mechanism, wrapping, private)?;
    let template = Template::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, kind).bool(CKA_TOKEN, false);
    let back = session.unwrap(mechanism, wrapping, &wrapped, &template.bool(CKA_SIGN, true))?;
    let signature = session.sign(sign, back, &[7; 32])?;
    Ok(session.verify(sign, public, &[7; 32], &signature)?)
}

fn rsa_pair(h: &Host, session: &Session) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let private = Template::new().bool(CKA_SIGN, true).bool(CKA_EXTRACTABLE, true).bool(CKA_SENSITIVE, false);
    keys::rsa(h, session, 2048, Template::new().bool(CKA_VERIFY, true), private)
}

fn ec_pair(h: &Host, session: &Session) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let private = Template::new().bool(CKA_SIGN, true).bool(CKA_EXTRACTABLE, true).bool(CKA_SENSITIVE, false);
    keys::curve(h, session, CKM_EC_KEY_PAIR_GEN, keys::P256, Template::new().bool(CKA_VERIFY, true), private)
}

/// Wraps an AES key with an RSA public key and unwraps it with the private key.
fn with_rsa(h: &Host, mechanism: &Mechanism) -> Check {
    h.needs_flags(mechanism.raw.mechanism, CKF_WRAP | CKF_UNWRAP)?;
    let session = h.user()?;
    let (public, private) = (Template::new().bool(CKA_WRAP, true), Template::new().bool(CKA_UNWRAP, true));
    let (public, private) = keys::rsa(h, &session, 2048, public, private)?;
    let key = keys::aes(&session, &[9; 32])?;
    let wrapped = session.wrap(mechanism, public, key)?;
    equal("bytes of the wrapped key", wrapped.len(), 256)?;
    let back = session.unwrap(mechanism, private, &wrapped, &readable(CKK_AES))?;
    same("the unwrapped key", session.attribute(back, CKA_VALUE)?, [9; 32])
}

const PRIVATE: &str = "a private key is wrapped as PKCS #8, and signs after it was unwrapped";
const IV_16: [u8; 16] = [5; 16];

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("aes-key-wrap-128", "6.16 CKM_AES_KEY_WRAP", "RFC 3394, section 4.1", |h| {
        let value = "00112233445566778899aabbccddeeff";
        let wrapped = "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5";
        known(h, CKM_AES_KEY_WRAP, "000102030405060708090a0b0c0d0e0f", value, wrapped)
    }),
    Scenario::new("aes-key-wrap-256", "6.16 CKM_AES_KEY_WRAP", "RFC 3394, section 4.6", |h| {
        let wrapping = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let value = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
        let wrapped = "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
        known(h, CKM_AES_KEY_WRAP, wrapping, value, wrapped)
    }),
    Scenario::new("aes-key-wrap-kwp-20-bytes", "6.16 CKM_AES_KEY_WRAP_KWP", "RFC 5649, section 6", |h| {
        let wrapped = "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a";
        known(h, CKM_AES_KEY_WRAP_KWP, RFC_5649, "c37b7e6492584340bed12207808941155068f738", wrapped)
    }),
    Scenario::new("aes-key-wrap-kwp-7-bytes", "6.16 CKM_AES_KEY_WRAP_KWP", "RFC 5649, section 6", |h| {
        known(h, CKM_AES_KEY_WRAP_KWP, RFC_5649, "466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f")
    }),
    Scenario::new(
        "aes-key-wrap-encrypts",
        "6.16 CKM_AES_KEY_WRAP",
        "the mechanism encrypts data as it wraps keys",
        |h| {
            h.needs_flags(CKM_AES_KEY_WRAP, CKF_ENCRYPT | CKF_DECRYPT)?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_AES_KEY_WRAP));
            let key = keys::aes(&session, &unhex("000102030405060708090a0b0c0d0e0f"))?;
            let plain = unhex("00112233445566778899aabbccddeeff");
            let sealed = unhex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
            same("the ciphertext", session.run(Kind::Encrypt, &mechanism, key, &plain)?, &sealed)?;
            same("the plaintext", session.run(Kind::Decrypt, &mechanism, key, &sealed)?, &plain)
        },
    ),
    Scenario::new(
        "aes-cbc-pad",
        "6.10 AES-CBC with PKCS padding",
        "wraps and unwraps a secret of any length",
        |h| {
            h.needs_flags(CKM_AES_CBC_PAD, CKF_WRAP | CKF_UNWRAP)?;
            let (session, mechanism) = (h.user()?, Mechanism::bytes(CKM_AES_CBC_PAD, &IV_16));
            let wrapping = keys::aes(&session, &[3; 32])?;
            let key = session.create(&keys::secret(CKK_GENERIC_SECRET, &[6; 20]))?;
            let wrapped = session.wrap(&mechanism, wrapping, key)?;
            equal("bytes of the wrapped key", wrapped.len(), 32)?;
            let back = session.unwrap(&mechanism, wrapping, &wrapped, &readable(CKK_GENERIC_SECRET))?;
            same("the unwrapped key", session.attribute(back, CKA_VALUE)?, [6; 20])
        },
    ),
    Scenario::new("rsa-key-with-aes-cbc-pad", "6.7 / 6.10 AES-CBC with PKCS padding", PRIVATE, |h| {
        let (wrap, sign) = (Mechanism::bytes(CKM_AES_CBC_PAD, &IV_16), Mechanism::plain(CKM_SHA256_RSA_PKCS));
        private_key(h, &wrap, &sign, CKK_RSA, rsa_pair)
    }),
    Scenario::new("rsa-key-with-kwp", "6.7 / 6.16 CKM_AES_KEY_WRAP_KWP", PRIVATE, |h| {
        let (wrap, sign) = (Mechanism::plain(CKM_AES_KEY_WRAP_KWP), Mechanism::plain(CKM_SHA256_RSA_PKCS));
        private_key(h, &wrap, &sign, CKK_RSA, rsa_pair)
    }),
    Scenario::new("ec-key-with-aes-cbc-pad", "6.7 / 6.10 AES-CBC with PKCS padding", PRIVATE, |h| {
        let (wrap, sign) = (Mechanism::bytes(CKM_AES_CBC_PAD, &IV_16), Mechanism::plain(CKM_ECDSA));
        private_key(h, &wrap, &sign, CKK_EC, ec_pair)
    }),
    Scenario::new("ec-key-with-kwp", "6.7 / 6.16 CKM_AES_KEY_WRAP_KWP", PRIVATE, |h| {
        let (wrap, sign) = (Mechanism::plain(CKM_AES_KEY_WRAP_KWP), Mechanism::plain(CKM_ECDSA));
        private_key(h, &wrap, &sign, CKK_EC, ec_pair)
    }),
    Scenario::new(
        "with-rsa-pkcs",
        "6.1 PKCS #1 v1.5 RSA",
        "a public key wraps, its private key unwraps",
        |h| with_rsa(h, &Mechanism::plain(CKM_RSA_PKCS)),
    ),
    Scenario::new(
        "with-rsa-oaep",
        "6.1 PKCS #1 RSA OAEP",
        "a public key wraps, its private key unwraps",
        |h| with_rsa(h, &Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"")),
    ),
    Scenario::new(
        "unextractable-key",
        "5.18 C_WrapKey",
        "CKA_EXTRACTABLE is false: CKR_KEY_UNEXTRACTABLE",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let template =
                Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
            let key = session.create(&template.bytes(CKA_VALUE, &[1; 16]).bool(CKA_EXTRACTABLE, false))?;
            expect(session.wrap(&mechanism, wrapping, key), CKR_KEY_UNEXTRACTABLE)
        },
    ),
    Scenario::new(
        "sensitive-key",
        "5.18 C_WrapKey",
        "a sensitive key that is extractable can be wrapped",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let template =
                Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
            let template = template.bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, true);
            let key = session.create(&template.bytes(CKA_VALUE, &[1; 16]))?;
            equal("bytes of the wrapped key", session.wrap(&mechanism, wrapping, key)?.len(), 24)
        },
    ),
    Scenario::new(
        "with-no-key",
        "5.1.6 CKR_WRAPPING_KEY_HANDLE_INVALID",
        "the wrapping key does not exist",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            expect(session.wrap(&mechanism, 0x7FFF_0001, wrapping), CKR_WRAPPING_KEY_HANDLE_INVALID)
        },
    ),
    Scenario::new("of-no-key", "5.1.6 CKR_KEY_HANDLE_INVALID", "the key to be wrapped does not exist", |h| {
        let (session, wrapping, mechanism) = started(h)?;
        expect(session.wrap(&mechanism, wrapping, 0x7FFF_0001), CKR_KEY_HANDLE_INVALID)
    }),
    Scenario::new(
        "unwrap-with-no-key",
        "5.1.6 CKR_UNWRAPPING_KEY_HANDLE_INVALID",
        "the key does not exist",
        |h| {
            let (session, _, mechanism) = started(h)?;
            let outcome = session.unwrap(&mechanism, 0x7FFF_0001, &[0; 24], &readable(CKK_AES));
            expect(outcome, CKR_UNWRAPPING_KEY_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "key-not-for-wrapping",
        "5.18 C_WrapKey",
        "CKA_WRAP is false: CKR_KEY_FUNCTION_NOT_PERMITTED",
        |h| {
            let (session, key, mechanism) = started(h)?;
            let wrapping = session.create(&keys::secret(CKK_AES, &[1; 16]).bool(CKA_WRAP, false))?;
            expect(session.wrap(&mechanism, wrapping, key), CKR_KEY_FUNCTION_NOT_PERMITTED)
        },
    ),
    Scenario::new(
        "key-not-for-unwrapping",
        "5.18 C_UnwrapKey",
        "CKA_UNWRAP is false: CKR_KEY_FUNCTION_NOT_PERMITTED",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let wrapped = session.wrap(&mechanism, wrapping, wrapping)?;
            let other = session.create(&keys::secret(CKK_AES, &[3; 32]).bool(CKA_UNWRAP, false))?;
            let outcome = session.unwrap(&mechanism, other, &wrapped, &readable(CKK_AES));
            expect(outcome, CKR_KEY_FUNCTION_NOT_PERMITTED)
        },
    ),
    Scenario::new(
        "wrong-type-of-wrapping-key",
        "5.1.6 CKR_WRAPPING_KEY_TYPE_INCONSISTENT",
        "not an AES key",
        |h| {
            let (session, key, mechanism) = started(h)?;
            let wrapping =
                session.create(&keys::secret(CKK_GENERIC_SECRET, &[1; 16]).bool(CKA_WRAP, true))?;
            expect(session.wrap(&mechanism, wrapping, key), CKR_WRAPPING_KEY_TYPE_INCONSISTENT)
        },
    ),
    Scenario::new(
        "broken-wrapping",
        "5.1.6 CKR_WRAPPED_KEY_INVALID",
        "a wrapped key that was changed is refused",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let mut wrapped = session.wrap(&mechanism, wrapping, wrapping)?;
            wrapped[9] ^= 1;
            expect(
                session.unwrap(&mechanism, wrapping, &wrapped, &readable(CKK_AES)),
                CKR_WRAPPED_KEY_INVALID,
            )
        },
    ),
    Scenario::new(
        "short-wrapping",
        "5.1.6 CKR_WRAPPED_KEY_LEN_RANGE",
        "a wrapped key of an impossible length",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let outcome = session.unwrap(&mechanism, wrapping, &[0; 23], &readable(CKK_AES));
            expect_any(outcome, &[CKR_WRAPPED_KEY_LEN_RANGE, CKR_WRAPPED_KEY_INVALID])
        },
    ),
    Scenario::new(
        "history-of-an-unwrapped-key",
        "5.18 C_UnwrapKey",
        "it was not always sensitive, not never extractable, is not local, and is extractable by default",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let wrapped = session.wrap(&mechanism, wrapping, wrapping)?;
            let template =
                Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
            let key = session.unwrap(&mechanism, wrapping, &wrapped, &template.bool(CKA_SENSITIVE, true))?;
            holds("CKA_ALWAYS_SENSITIVE is false", !session.bool(key, CKA_ALWAYS_SENSITIVE)?)?;
            holds("CKA_NEVER_EXTRACTABLE is false", !session.bool(key, CKA_NEVER_EXTRACTABLE)?)?;
            holds("CKA_LOCAL is false", !session.bool(key, CKA_LOCAL)?)?;
            holds("CKA_EXTRACTABLE is true", session.bool(key, CKA_EXTRACTABLE)?)
        },
    ),
    Scenario::new(
        "wrap-with-trusted",
        "4.10, 4.11 CKA_WRAP_WITH_TRUSTED",
        "a key that is only wrapped by trusted keys is not wrapped by another: CKR_KEY_NOT_WRAPPABLE",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let key = session.create(&keys::secret(CKK_AES, &[1; 16]).bool(CKA_WRAP_WITH_TRUSTED, true))?;
            expect(session.wrap(&mechanism, wrapping, key), CKR_KEY_NOT_WRAPPABLE)
        },
    ),
    Scenario::new(
        "wrap-template",
        "5.18 C_WrapKey, CKA_WRAP_TEMPLATE",
        "a key that does not match the wrapping key's template: CKR_KEY_HANDLE_INVALID; one that does is wrapped",
        |h| {
            h.needs_flags(CKM_AES_KEY_WRAP, CKF_WRAP)?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_AES_KEY_WRAP));
            let only = Template::new().ulong(CKA_KEY_TYPE, CKK_AES);
            let template =
                keys::secret(CKK_AES, &[1; 16]).bool(CKA_WRAP, true).nested(CKA_WRAP_TEMPLATE, only);
            let wrapping = session.create(&template)?;
            let other = session.create(&keys::secret(CKK_GENERIC_SECRET, &[2; 16]))?;
            expect(session.wrap(&mechanism, wrapping, other), CKR_KEY_HANDLE_INVALID)?;
            let matching = keys::aes(&session, &[2; 16])?;
            Ok(session.wrap(&mechanism, wrapping, matching).map(|_| ())?)
        },
    ),
    Scenario::new(
        "unwrap-template",
        "5.18 C_UnwrapKey, CKA_UNWRAP_TEMPLATE",
        "the unwrapping key's template is added; a conflict with the caller's: CKR_TEMPLATE_INCONSISTENT",
        |h| {
            h.needs_flags(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP)?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_AES_KEY_WRAP));
            let added = Template::new().bool(CKA_EXTRACTABLE, false);
            let template = keys::secret(CKK_AES, &[1; 16]).bool(CKA_WRAP, true).bool(CKA_UNWRAP, true);
            let wrapping = session.create(&template.nested(CKA_UNWRAP_TEMPLATE, added))?;
            let wrapped = session.wrap(&mechanism, wrapping, keys::aes(&session, &[2; 16])?)?;
            let template =
                Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
            let key = session.unwrap(&mechanism, wrapping, &wrapped, &template.clone())?;
            holds("CKA_EXTRACTABLE is false", !session.bool(key, CKA_EXTRACTABLE)?)?;
            let conflict = template.bool(CKA_EXTRACTABLE, true);
            expect(session.unwrap(&mechanism, wrapping, &wrapped, &conflict), CKR_TEMPLATE_INCONSISTENT)
        },
    ),
    Scenario::new(
        "unwrap-without-type",
        "5.18 C_UnwrapKey",
        "a template without a key type is incomplete",
        |h| {
            let (session, wrapping, mechanism) = started(h)?;
            let wrapped = session.wrap(&mechanism, wrapping, wrapping)?;
            let outcome =
                session.unwrap(&mechanism, wrapping, &wrapped, &Template::new().class(CKO_SECRET_KEY));
            expect_any(outcome, &[CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT])
        },
    ),
    Scenario::new("unwrap-with-value", "6.10 footnote 6", "CKA_VALUE is not for the caller to give", |h| {
        let (session, wrapping, mechanism) = started(h)?;
        let wrapped = session.wrap(&mechanism, wrapping, wrapping)?;
        let template = readable(CKK_AES).bytes(CKA_VALUE, &[1; 32]);
        refused(session.unwrap(&mechanism, wrapping, &wrapped, &template))
    }),
];

/// The wrapping key of RFC 5649, section 6.
const RFC_5649: &str = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8";
