//! ECDSA on the short Weierstrass curves (PKCS#11 3.2, 6.3; values of RFC 6979, appendix A.2).

use super::ec_vectors::{Known, P256, P384, P521, P521_SHORT};
use super::keys;
use crate::expect::{Check, Verdict, equal, expect, expect_any, holds, refused, same, unhex};
use crate::module::Outcome;
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// An octet string in DER, as CKA_EC_POINT holds it.
pub fn der(point: &[u8]) -> Vec<u8> {
    let length = point.len() as u8;
    let mut der = if length < 0x80 { vec![4, length] } else { vec![4, 0x81, length] };
    der.extend_from_slice(point);
    der
}

/// Imports a public key with its point as given (DER or raw).
fn public_key(session: &Session, parameters: &str, point: &[u8]) -> Outcome<CK_OBJECT_HANDLE> {
    let template = Template::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_EC).bool(CKA_TOKEN, false);
    let template = template.bool(CKA_PRIVATE, false).bool(CKA_VERIFY, true);
    session.create(&template.bytes(CKA_EC_PARAMS, &unhex(parameters)).bytes(CKA_EC_POINT, point))
}

pub fn private_key(
    session: &Session,
    parameters: &str,
    value: &str,
    usage: CK_ATTRIBUTE_TYPE,
) -> Outcome<CK_OBJECT_HANDLE> {
    let template = Template::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC).bool(CKA_TOKEN, false);
    let template = template.bool(usage, true).bytes(CKA_EC_PARAMS, &unhex(parameters));
    session.create(&template.bytes(CKA_VALUE, &unhex(value)))
}

/// Verifies the published signature of "sample" with CKM_ECDSA over its digest.
fn verifies(h: &Host, known: &Known, hash: CK_MECHANISM_TYPE) -> Check {
    h.needs(&[CKM_ECDSA, hash])?;
    let session = h.user()?;
    let key = public_key(&session, known.parameters, &der(&unhex(known.public)))?;
    let digest = session.run(Kind::Digest, &Mechanism::plain(hash), 0, b"sample")?;
    let (mechanism, signature) = (Mechanism::plain(CKM_ECDSA), unhex(known.signature));
    session.verify(&mechanism, key, &digest, &signature)?;
    let mut wrong = signature;
    wrong[10] ^= 1;
    expect(session.verify(&mechanism, key, &digest, &wrong), CKR_SIGNATURE_INVALID)
}

/// Verifies it with the mechanism that hashes, and signs with the private key.
fn hashes_and_signs(h: &Host, known: &Known, mechanism: CK_MECHANISM_TYPE) -> Check {
    h.needs(&[mechanism])?;
    let (session, mechanism) = (h.user()?, Mechanism::plain(mechanism));
    let public = public_key(&session, known.parameters, &der(&unhex(known.public)))?;
    let private = private_key(&session, known.parameters, known.private, CKA_SIGN)?;
    session.verify(&mechanism, public, b"sample", &unhex(known.signature))?;
    let signature = session.run_parts(Kind::Sign, &mechanism, private, &[b"other ", b"data"])?;
    equal("bytes of the signature", signature.len(), unhex(known.signature).len())?;
    session.verify(&mechanism, public, b"other data", &signature)?;
    expect(session.verify(&mechanism, public, b"other date", &signature), CKR_SIGNATURE_INVALID)
}

/// Generates a pair, signs a digest and verifies.
fn generates(h: &Host, parameters: &str, length: usize) -> Check {
    h.needs(&[CKM_ECDSA])?;
    let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_ECDSA));
    let (public, private) = keys::ec(h, &session, parameters)?;
    let signature = session.sign(&mechanism, private, &[7; 32])?;
    equal("bytes of the signature", signature.len(), length)?;
    session.verify(&mechanism, public, &[7; 32], &signature)?;
    expect(session.verify(&mechanism, public, &[8; 32], &signature), CKR_SIGNATURE_INVALID)
}

const RFC_6979: &str = "the published signature of RFC 6979 verifies";
const GENERATES: &str = "a generated pair signs and verifies; the signature is twice the length of the order";
const HASHES: &str = "the mechanism that hashes verifies the published signature, and signs in parts";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("p256-known", "6.3 ECDSA without hashing", RFC_6979, |h| verifies(h, &P256, CKM_SHA256)),
    Scenario::new("p384-known", "6.3 ECDSA without hashing", RFC_6979, |h| verifies(h, &P384, CKM_SHA384)),
    Scenario::new("p521-known", "6.3 ECDSA without hashing", RFC_6979, |h| verifies(h, &P521, CKM_SHA512)),
    Scenario::new("p256-sha256", "6.3 ECDSA with hashing", HASHES, |h| {
        hashes_and_signs(h, &P256, CKM_ECDSA_SHA256)
    }),
    Scenario::new("p384-sha384", "6.3 ECDSA with hashing", HASHES, |h| {
        hashes_and_signs(h, &P384, CKM_ECDSA_SHA384)
    }),
    Scenario::new("p521-sha512", "6.3 ECDSA with hashing", HASHES, |h| {
        hashes_and_signs(h, &P521, CKM_ECDSA_SHA512)
    }),
    Scenario::new("generate-p224", "6.3 EC key pair generation", GENERATES, |h| {
        generates(h, "06052b81040021", 56)
    }),
    Scenario::new("generate-p256", "6.3 EC key pair generation", GENERATES, |h| generates(h, keys::P256, 64)),
    Scenario::new("generate-p384", "6.3 EC key pair generation", GENERATES, |h| generates(h, keys::P384, 96)),
    Scenario::new("generate-p521", "6.3 EC key pair generation", GENERATES, |h| {
        generates(h, keys::P521, 132)
    }),
    Scenario::new("generate-secp256k1", "6.3 EC key pair generation", GENERATES, |h| {
        generates(h, "06052b8104000a", 64)
    }),
    Scenario::new("generate-brainpool-p256r1", "6.3 EC key pair generation", GENERATES, |h| {
        generates(h, "06092b2403030208010107", 64)
    }),
    Scenario::new(
        "short-signature-verifies",
        "6.3 ECDSA, C_Verify ≤ 2nLen (client need)",
        "a signature whose halves lack their leading zeros verifies (Java makes such, P-521)",
        |h| {
            h.needs(&[CKM_ECDSA, CKM_SHA512])?;
            let session = h.user()?;
            let key = public_key(&session, P521.parameters, &der(&unhex(P521.public)))?;
            let digest = session.run(Kind::Digest, &Mechanism::plain(CKM_SHA512), 0, b"message 0")?;
            let (mechanism, full) = (Mechanism::plain(CKM_ECDSA), unhex(P521_SHORT));
            session.verify(&mechanism, key, &digest, &full)?;
            let short = [&full[1..66], &full[67..]].concat();
            Ok(session.verify(&mechanism, key, &digest, &short)?)
        },
    ),
    Scenario::new(
        "signature-too-long",
        "5.15 C_Verify",
        "more than 2nLen bytes: CKR_SIGNATURE_LEN_RANGE",
        |h| {
            h.needs(&[CKM_ECDSA])?;
            let session = h.user()?;
            let key = public_key(&session, P256.parameters, &der(&unhex(P256.public)))?;
            let mut long = unhex(P256.signature);
            long.extend([0, 0]);
            let wanted = [CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID];
            expect_any(session.verify(&Mechanism::plain(CKM_ECDSA), key, &[7; 32], &long), &wanted)
        },
    ),
    Scenario::new("signature-of-zeros", "6.3 ECDSA", "r = s = 0 is no signature", |h| {
        h.needs(&[CKM_ECDSA])?;
        let session = h.user()?;
        let key = public_key(&session, P256.parameters, &der(&unhex(P256.public)))?;
        expect(session.verify(&Mechanism::plain(CKM_ECDSA), key, &[7; 32], &[0; 64]), CKR_SIGNATURE_INVALID)
    }),
    Scenario::new(
        "long-digest",
        "6.3 ECDSA without hashing, footnote 3",
        "a digest longer than the order is cut",
        |h| {
            h.needs(&[CKM_ECDSA])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_ECDSA));
            let (public, private) = keys::ec(h, &session, keys::P256)?;
            let digest: Vec<u8> = (0..64).collect();
            let signature = session.sign(&mechanism, private, &digest)?;
            session.verify(&mechanism, public, &digest, &signature)?;
            Ok(session.verify(&mechanism, public, &digest[..32], &signature)?)
        },
    ),
    Scenario::new(
        "point-in-der",
        "6.3 EC public key objects",
        "CKA_EC_POINT is the DER encoding of the point",
        |h| {
            let session = h.user()?;
            let (public, _) = keys::ec(h, &session, keys::P256)?;
            let point = session.attribute(public, CKA_EC_POINT)?;
            equal("bytes of CKA_EC_POINT", point.len(), 67)?;
            holds("it begins 04 41 04", point.starts_with(&[0x04, 0x41, 0x04]))
        },
    ),
    Scenario::new(
        "raw-point-is-accepted",
        "6.3 EC public key objects (client need)",
        "clients hand in the point without its DER wrapping; the key verifies as well",
        |h| {
            h.needs(&[CKM_ECDSA, CKM_SHA256])?;
            let session = h.user()?;
            let key = public_key(&session, P256.parameters, &unhex(P256.public))?;
            let digest = session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, b"sample")?;
            Ok(session.verify(&Mechanism::plain(CKM_ECDSA), key, &digest, &unhex(P256.signature))?)
        },
    ),
    Scenario::new(
        "point-off-the-curve",
        "5.1.6 CKR_PUBLIC_KEY_INVALID",
        "a point that is not on the curve is refused when the key is made or used",
        |h| {
            h.needs(&[CKM_ECDSA])?;
            let session = h.user()?;
            let mut point = unhex(P256.public);
            point[64] ^= 1;
            let Ok(key) = public_key(&session, P256.parameters, &der(&point)) else { return Ok(()) };
            refused(session.verify(&Mechanism::plain(CKM_ECDSA), key, &[7; 32], &unhex(P256.signature)))
        },
    ),
    Scenario::new(
        "unknown-curve",
        "6.3 / 5.1.6 CKR_CURVE_NOT_SUPPORTED",
        "a curve that the token does not know: CKR_CURVE_NOT_SUPPORTED or CKR_DOMAIN_PARAMS_INVALID",
        |h| {
            h.needs(&[CKM_EC_KEY_PAIR_GEN])?;
            let public = Template::new().bytes(CKA_EC_PARAMS, &unhex("06052b81047f7f"));
            let mechanism = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
            let outcome = h.user()?.generate_pair(&mechanism, &public, &Template::new());
            let wanted = [CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID, CKR_ATTRIBUTE_VALUE_INVALID];
            expect_any(outcome, &wanted)
        },
    ),
    Scenario::new(
        "generate-without-curve",
        "6.3 footnote 3",
        "no CKA_EC_PARAMS: CKR_TEMPLATE_INCOMPLETE",
        |h| {
            h.needs(&[CKM_EC_KEY_PAIR_GEN])?;
            let mechanism = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
            let outcome = h.user()?.generate_pair(&mechanism, &Template::new(), &Template::new());
            expect(outcome, CKR_TEMPLATE_INCOMPLETE)
        },
    ),
    Scenario::new(
        "private-key-by-hand",
        "6.3 EC private key objects",
        "an imported private key signs",
        |h| {
            h.needs(&[CKM_ECDSA])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_ECDSA));
            let private = private_key(&session, P256.parameters, P256.private, CKA_SIGN)?;
            let public = public_key(&session, P256.parameters, &der(&unhex(P256.public)))?;
            let signature = session.sign(&mechanism, private, &[7; 32])?;
            Ok(session.verify(&mechanism, public, &[7; 32], &signature)?)
        },
    ),
    Scenario::new(
        "generated-pair-shares-its-curve",
        "6.3 EC key pair generation",
        "both keys have CKA_EC_PARAMS",
        |h| {
            let session = h.user()?;
            let (public, private) = keys::ec(h, &session, keys::P384)?;
            same(
                "CKA_EC_PARAMS of the public key",
                session.attribute(public, CKA_EC_PARAMS)?,
                unhex(keys::P384),
            )?;
            same(
                "CKA_EC_PARAMS of the private key",
                session.attribute(private, CKA_EC_PARAMS)?,
                unhex(keys::P384),
            )
        },
    ),
    Scenario::new(
        "signatures-differ",
        "6.3 ECDSA",
        "two signatures of the same data do not share r, unless they are equal",
        |h| {
            h.needs(&[CKM_ECDSA])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_ECDSA));
            let (_, private) = keys::ec(h, &session, keys::P256)?;
            let (one, two) =
                (session.sign(&mechanism, private, &[1; 32])?, session.sign(&mechanism, private, &[2; 32])?);
            holds("the nonces differ", one[..32] != two[..32])
        },
    ),
    Scenario::new(
        "pair-is-made-together",
        "5.18 C_GenerateKeyPair",
        "when one template cannot be supported, neither key is made",
        |h| {
            h.needs(&[CKM_EC_KEY_PAIR_GEN])?;
            let session = h.user()?;
            let public = Template::new().bytes(CKA_EC_PARAMS, &unhex(keys::P256)).label("pair");
            let private = Template::new().label("pair").bytes(CKA_VENDOR_DEFINED | 0x7654, b"?");
            let mechanism = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
            if session.generate_pair(&mechanism, &public, &private).is_ok() {
                return Err(Verdict::NotSupported("unknown attributes are accepted".into()));
            }
            equal("keys", session.find(&Template::new().label("pair"))?.len(), 0)
        },
    ),
];
