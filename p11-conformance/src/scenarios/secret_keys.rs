//! Generic secrets, key generation and derivation of secret keys (PKCS#11 3.2, 4.11, 5.18, 6.8, 6.43).

use super::keys;
use crate::call;
use crate::expect::{equal, expect, expect_any, holds, refused, same};
use crate::scenario::Scenario;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::ptr;

fn generation() -> Mechanism {
    Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN)
}

/// A template for a readable key.
fn readable() -> Template {
    Template::new().bool(CKA_TOKEN, false).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "generic-secret-of-any-length",
        "6.8 generic secret key generation",
        "1, 20 and 100 bytes",
        |h| {
            let info = h.mechanism(CKM_GENERIC_SECRET_KEY_GEN)?;
            let session = h.user()?;
            // The sizes of this mechanism are in bits, and several tokens give them in bytes: 100 is in both ranges.
            for length in [1_u64, 20, 100].into_iter().filter(|length| *length >= info.ulMinKeySize) {
                let key = session.generate(&generation(), &readable().ulong(CKA_VALUE_LEN, length))?;
                equal("bytes of CKA_VALUE", session.attribute(key, CKA_VALUE)?.len() as CK_ULONG, length)?;
                equal("CKA_KEY_TYPE", session.ulong(key, CKA_KEY_TYPE)?, CKK_GENERIC_SECRET)?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "generic-secret-without-length",
        "6.8 footnote 3",
        "CKA_VALUE_LEN: CKR_TEMPLATE_INCOMPLETE",
        |h| {
            h.needs(&[CKM_GENERIC_SECRET_KEY_GEN])?;
            expect(h.user()?.generate(&generation(), &readable()), CKR_TEMPLATE_INCOMPLETE)
        },
    ),
    Scenario::new(
        "imported-generic-secret",
        "6.8 generic secret key objects",
        "CKA_VALUE_LEN follows the value",
        |h| {
            let session = h.user()?;
            let key = session.create(&keys::secret(CKK_GENERIC_SECRET, &[7; 33]))?;
            equal("CKA_VALUE_LEN", session.ulong(key, CKA_VALUE_LEN)?, 33)?;
            same("CKA_VALUE", session.attribute(key, CKA_VALUE)?, [7; 33])
        },
    ),
    Scenario::new(
        "generate-with-unknown-mechanism",
        "5.18 C_GenerateKey",
        "a mechanism that generates nothing: CKR_MECHANISM_INVALID",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let outcome = h.user()?.generate(&Mechanism::plain(CKM_SHA256), &readable());
            expect(outcome, CKR_MECHANISM_INVALID)
        },
    ),
    Scenario::new(
        "generate-pair-with-key-mechanism",
        "5.18 C_GenerateKeyPair",
        "CKR_MECHANISM_INVALID",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let mechanism = Mechanism::plain(CKM_AES_KEY_GEN);
            let outcome = h.user()?.generate_pair(&mechanism, &Template::new(), &Template::new());
            expect(outcome, CKR_MECHANISM_INVALID)
        },
    ),
    Scenario::new(
        "generate-to-null",
        "5.18 C_GenerateKey",
        "without a place for the handle: CKR_ARGUMENTS_BAD",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let (session, template) = (h.user()?, readable().ulong(CKA_VALUE_LEN, 16));
            let (mut attributes, mechanism) = (template.attributes(), Mechanism::plain(CKM_AES_KEY_GEN));
            let (pointer, count, m) = (attributes.pointer(), attributes.count(), mechanism.pointer());
            expect(
                call!(h.module, C_GenerateKey, session.handle, m, pointer, count, ptr::null_mut()),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "generate-private-key-without-login",
        "5.1.6 CKR_USER_NOT_LOGGED_IN",
        "a private key is not generated in a public session",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let template = Template::new().ulong(CKA_VALUE_LEN, 16).bool(CKA_PRIVATE, true);
            let outcome = h.session()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template);
            expect(outcome, CKR_USER_NOT_LOGGED_IN)
        },
    ),
    Scenario::new(
        "generate-token-key-in-read-only-session",
        "5.18 C_GenerateKey / 5.1.6 CKR_SESSION_READ_ONLY",
        "a token key is not generated in a read-only session",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            h.user()?;
            let template = Template::new().ulong(CKA_VALUE_LEN, 16).bool(CKA_TOKEN, true);
            let outcome = h.read_only()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template);
            expect(outcome, CKR_SESSION_READ_ONLY)
        },
    ),
    Scenario::new(
        "generate-session-key-in-read-only-session",
        "5.18 C_GenerateKey / 5.7 C_CreateObject",
        "a session key is generated in a read-only session",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            h.user()?;
            let template = Template::new().ulong(CKA_VALUE_LEN, 16).bool(CKA_TOKEN, false);
            let outcome = h.read_only()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template);
            Ok(outcome.map(|_| ())?)
        },
    ),
    Scenario::new(
        "derive-by-concatenation",
        "6.43 CKM_CONCATENATE_BASE_AND_DATA",
        "the key's value and then the data",
        |h| {
            h.needs(&[CKM_CONCATENATE_BASE_AND_DATA])?;
            let session = h.user()?;
            let base = session.create(&keys::secret(CKK_GENERIC_SECRET, b"base").bool(CKA_DERIVE, true))?;
            let data: Box<[u8]> = Box::from(*b" and data");
            let (pointer, length) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
            let parameter = CK_KEY_DERIVATION_STRING_DATA { pData: pointer, ulLen: length };
            let mechanism = Mechanism::with(CKM_CONCATENATE_BASE_AND_DATA, parameter, vec![Box::new(data)]);
            let key = session.derive(&mechanism, base, &readable())?;
            same("CKA_VALUE", session.attribute(key, CKA_VALUE)?, b"base and data")
        },
    ),
    Scenario::new(
        "derive-with-bad-key",
        "5.1.6 / 5.18 C_DeriveKey",
        "no such key: CKR_KEY_HANDLE_INVALID",
        |h| {
            h.needs(&[CKM_ECDH1_DERIVE])?;
            let mechanism = Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &[4; 65], b"");
            expect(h.user()?.derive(&mechanism, 0x7FFF_0001, &readable()), CKR_KEY_HANDLE_INVALID)
        },
    ),
    Scenario::new("token-key-is-kept", "4.4 CKA_TOKEN", "a generated token key signs after a restart", |h| {
        h.needs(&[CKM_SHA256_HMAC, CKM_GENERIC_SECRET_KEY_GEN])?;
        let (slot, mechanism) = (h.token()?, Mechanism::plain(CKM_SHA256_HMAC));
        let session = h.user()?;
        let template = Template::new().ulong(CKA_VALUE_LEN, 32).bool(CKA_TOKEN, true).bool(CKA_SIGN, true);
        let key = session.generate(&generation(), &template.label("kept").bool(CKA_PRIVATE, true))?;
        let mac = session.sign(&mechanism, key, b"data")?;
        crate::scenario::finalize(&h.module)?;
        crate::scenario::initialize(&h.module)?;
        let session = crate::session::Session::open(&h.module, slot, 0)?;
        session.login(CKU_USER, crate::scenario::USER_PIN)?;
        let found = session.find(&Template::new().label("kept"))?;
        equal("keys found", found.len(), 1)?;
        same("the MAC", session.sign(&mechanism, found.first().copied().unwrap_or(0), b"data")?, mac)
    }),
    Scenario::new(
        "allowed-mechanisms",
        "4.8 CKA_ALLOWED_MECHANISMS",
        "a key is only used with the mechanisms it allows",
        |h| {
            h.needs(&[CKM_AES_ECB, CKM_AES_CBC])?;
            let session = h.user()?;
            let list = CKM_AES_CBC.to_ne_bytes();
            let template = keys::secret(CKK_AES, &[1; 16]).bool(CKA_ENCRYPT, true);
            let key = session.create(&template.bytes(CKA_ALLOWED_MECHANISMS, &list))?;
            session.run(
                crate::session::Kind::Encrypt,
                &Mechanism::bytes(CKM_AES_CBC, &[0; 16]),
                key,
                &[0; 16],
            )?;
            let outcome = session.init(crate::session::Kind::Encrypt, &Mechanism::plain(CKM_AES_ECB), key);
            expect_any(outcome, &[CKR_MECHANISM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED])
        },
    ),
    Scenario::new(
        "generate-with-history",
        "4.11 footnote 4",
        "CKA_NEVER_EXTRACTABLE is not for the caller to say",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let template = Template::new().ulong(CKA_VALUE_LEN, 16).bool(CKA_NEVER_EXTRACTABLE, true);
            let template = template.bool(CKA_EXTRACTABLE, true);
            refused(h.user()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template))
        },
    ),
    Scenario::new(
        "sensitive-by-wish",
        "4.11 CKA_SENSITIVE",
        "a key asked to be sensitive is, and hides its value",
        |h| {
            let session = h.user()?;
            let key = keys::generate_aes(h, &session, 16, Template::new().bool(CKA_SENSITIVE, true))?;
            holds("CKA_SENSITIVE is true", session.bool(key, CKA_SENSITIVE)?)?;
            expect(session.attribute(key, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE)
        },
    ),
];
