//! Ed25519 (RFC 8032; PKCS#11 3.2, 6.3 EdDSA).

use super::keys;
use crate::expect::{Check, equal, expect, expect_any, holds, same, unhex};
use crate::module::Outcome;
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// A test of RFC 8032, section 7.1.
struct Test {
    private: &'static str,
    public: &'static str,
    message: &'static str,
    signature: &'static str,
}

const TEST_1: Test = Test {
    private: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
                5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
};

const TEST_2: Test = Test {
    private: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
                085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
};

const TEST_3: Test = Test {
    private: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    public: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
                18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
};

fn public_key(session: &Session, point: &[u8]) -> Outcome<CK_OBJECT_HANDLE> {
    let template =
        Template::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS).bool(CKA_TOKEN, false);
    let template = template.bool(CKA_PRIVATE, false).bool(CKA_VERIFY, true);
    session.create(&template.bytes(CKA_EC_PARAMS, &unhex(keys::ED25519)).bytes(CKA_EC_POINT, point))
}

fn private_key(session: &Session, value: &str) -> Outcome<CK_OBJECT_HANDLE> {
    let template =
        Template::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS).bool(CKA_TOKEN, false);
    let template = template.bool(CKA_SIGN, true).bytes(CKA_EC_PARAMS, &unhex(keys::ED25519));
    session.create(&template.bytes(CKA_VALUE, &unhex(value)))
}

fn eddsa() -> Mechanism {
    Mechanism::plain(CKM_EDDSA)
}

/// The deterministic signature is the published one; it verifies with the public key, raw or in DER.
fn known(h: &Host, test: &Test) -> Check {
    h.needs(&[CKM_EDDSA])?;
    let session = h.user()?;
    let (private, message) = (private_key(&session, test.private)?, unhex(test.message));
    let public = public_key(&session, &super::ec::der(&unhex(test.public)))?;
    same("the signature", session.sign(&eddsa(), private, &message)?, unhex(test.signature))?;
    session.verify(&eddsa(), public, &message, &unhex(test.signature))?;
    let other = session.verify(&eddsa(), public, b"something else", &unhex(test.signature));
    expect(other, CKR_SIGNATURE_INVALID)
}

fn generated(h: &Host, session: &Session) -> Check<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let (public, private) = (Template::new().bool(CKA_VERIFY, true), Template::new().bool(CKA_SIGN, true));
    keys::curve(h, session, CKM_EC_EDWARDS_KEY_PAIR_GEN, keys::ED25519, public, private)
}

const KNOWN: &str = "the signature is the one of RFC 8032, and verifies";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("ed25519-test-1", "6.3 EdDSA", KNOWN, |h| known(h, &TEST_1)),
    Scenario::new("ed25519-test-2", "6.3 EdDSA", KNOWN, |h| known(h, &TEST_2)),
    Scenario::new("ed25519-test-3", "6.3 EdDSA", KNOWN, |h| known(h, &TEST_3)),
    Scenario::new(
        "raw-point-is-accepted",
        "6.3 Edwards public key objects, CKA_EC_POINT",
        "the public key is the little-endian bytes of RFC 8032, without a DER wrapping",
        |h| {
            h.needs(&[CKM_EDDSA])?;
            let session = h.user()?;
            let key = public_key(&session, &unhex(TEST_3.public))?;
            Ok(session.verify(&eddsa(), key, &unhex(TEST_3.message), &unhex(TEST_3.signature))?)
        },
    ),
    Scenario::new(
        "generate",
        "6.3 Edwards key pair generation",
        "a generated pair signs and verifies",
        |h| {
            h.needs(&[CKM_EDDSA])?;
            let session = h.user()?;
            let (public, private) = generated(h, &session)?;
            let signature = session.sign(&eddsa(), private, b"data")?;
            equal("bytes of the signature", signature.len(), 64)?;
            session.verify(&eddsa(), public, b"data", &signature)?;
            expect(session.verify(&eddsa(), public, b"date", &signature), CKR_SIGNATURE_INVALID)
        },
    ),
    Scenario::new(
        "generate-by-curve-name",
        "6.3 Edwards key pair generation",
        "the curve can be named by the PrintableString edwards25519",
        |h| {
            h.needs(&[CKM_EC_EDWARDS_KEY_PAIR_GEN])?;
            let session = h.user()?;
            let public = Template::new().bytes(CKA_EC_PARAMS, b"\x13\x0cedwards25519").bool(CKA_VERIFY, true);
            let mechanism = Mechanism::plain(CKM_EC_EDWARDS_KEY_PAIR_GEN);
            let outcome = session.generate_pair(&mechanism, &public, &Template::new().bool(CKA_SIGN, true));
            let (public, private) = outcome?;
            let signature = session.sign(&eddsa(), private, b"data")?;
            Ok(session.verify(&eddsa(), public, b"data", &signature)?)
        },
    ),
    Scenario::new(
        "public-point-has-32-bytes",
        "6.3 Edwards public key objects",
        "the point is 32 bytes, raw or in DER",
        |h| {
            let session = h.user()?;
            let (public, _) = generated(h, &session)?;
            let point = session.attribute(public, CKA_EC_POINT)?;
            holds(
                "32 bytes, or 04 20 and 32 bytes",
                point.len() == 32 || point.starts_with(&[4, 32]) && point.len() == 34,
            )
        },
    ),
    Scenario::new("in-parts", "6.3 EdDSA", "signs in parts as in one, or CKR_TOKEN_RESOURCE_EXCEEDED", |h| {
        h.needs(&[CKM_EDDSA])?;
        let session = h.user()?;
        let private = private_key(&session, TEST_3.private)?;
        let signature = session.run_parts(Kind::Sign, &eddsa(), private, &[&[0xaf], &[0x82]]);
        if signature.as_ref().is_err_and(|error| error.rv == CKR_TOKEN_RESOURCE_EXCEEDED) {
            return Ok(());
        }
        same("the signature", signature?, unhex(TEST_3.signature))
    }),
    Scenario::new(
        "short-signature",
        "5.15 C_Verify",
        "a signature of 63 bytes: CKR_SIGNATURE_LEN_RANGE",
        |h| {
            h.needs(&[CKM_EDDSA])?;
            let session = h.user()?;
            let (public, _) = generated(h, &session)?;
            let wanted = [CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID];
            expect_any(session.verify(&eddsa(), public, b"data", &unhex(TEST_1.signature)[..63]), &wanted)
        },
    ),
    Scenario::new(
        "wrong-type-of-key",
        "5.1.6 CKR_KEY_TYPE_INCONSISTENT",
        "an EC key is no Edwards key",
        |h| {
            h.needs(&[CKM_EDDSA])?;
            let session = h.user()?;
            let (_, key) = keys::ec(h, &session, keys::P256)?;
            expect(session.init(Kind::Sign, &eddsa(), key), CKR_KEY_TYPE_INCONSISTENT)
        },
    ),
    Scenario::new(
        "edwards-curve-with-ec-generation",
        "6.3 Edwards key pair generation",
        "edwards25519 with CKM_EC_KEY_PAIR_GEN: CKR_CURVE_NOT_SUPPORTED",
        |h| {
            h.needs(&[CKM_EC_KEY_PAIR_GEN, CKM_EC_EDWARDS_KEY_PAIR_GEN])?;
            let public = Template::new().bytes(CKA_EC_PARAMS, &unhex(keys::ED25519));
            let mechanism = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
            let outcome = h.user()?.generate_pair(&mechanism, &public, &Template::new());
            expect(outcome, CKR_CURVE_NOT_SUPPORTED)
        },
    ),
];
