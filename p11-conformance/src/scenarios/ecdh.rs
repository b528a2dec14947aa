//! ECDH (PKCS#11 3.2, 6.3 CKM_ECDH1_DERIVE; X9.63 key derivation; RFC 7748).

use super::ec::{der, private_key};
use super::ec_vectors::P256;
use super::{keys, not_every_parameter};
use crate::expect::{Check, equal, expect, expect_any, holds, refused, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::Session;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// The point of the private key 0x1111111122222222…88888888 on P-256, and its secret with the key of RFC 6979.
const PEER: &str = "04 94267928183d2f99767ab569f66d9e1107a97f14e7b857e77a6a14636ac90600
                    69d891070432ef16849e58fe7e3059f92429a25fd4d92676c369854e657c616a";
const SECRET: &str = "deb9dcf09a24348d1d213cca371043a981dbc3d5240b1a08b53ab462c9916605";

/// A derived generic secret that can be read.
fn readable() -> Template {
    Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .bool(CKA_TOKEN, false)
        .bool(CKA_SENSITIVE, false)
        .bool(CKA_EXTRACTABLE, true)
}

/// A user session and the known private key, for derivation.
fn started(h: &Host) -> Check<(Session<'_>, CK_OBJECT_HANDLE)> {
    h.needs(&[CKM_ECDH1_DERIVE])?;
    let session = h.user()?;
    let key = private_key(&session, P256.parameters, P256.private, CKA_DERIVE)?;
    Ok((session, key))
}

/// Derives `secret` with a KDF and shared data.
fn derives(h: &Host, kdf: CK_EC_KDF_TYPE, shared: &[u8], secret: &str) -> Check {
    let (session, base) = started(h)?;
    let wanted = unhex(secret);
    let template = readable().ulong(CKA_VALUE_LEN, wanted.len() as CK_ULONG);
    let mechanism = Mechanism::ecdh(CKM_ECDH1_DERIVE, kdf, &unhex(PEER), shared);
    let key = not_every_parameter(session.derive(&mechanism, base, &template))?;
    same("the derived key", session.attribute(key, CKA_VALUE)?, wanted)
}

fn null(point: &[u8]) -> Mechanism {
    Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, point, b"")
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("p256-known", "6.3 CKM_ECDH1_DERIVE", "CKD_NULL gives the x coordinate", |h| {
        derives(h, CKD_NULL, b"", SECRET)
    }),
    Scenario::new(
        "without-value-length",
        "6.3 CKM_ECDH1_DERIVE (client need)",
        "a generic secret without CKA_VALUE_LEN gets the whole secret",
        |h| {
            let (session, base) = started(h)?;
            let key = session.derive(&null(&unhex(PEER)), base, &readable())?;
            same("the derived key", session.attribute(key, CKA_VALUE)?, unhex(SECRET))?;
            equal("CKA_VALUE_LEN", session.ulong(key, CKA_VALUE_LEN)?, 32)
        },
    ),
    Scenario::new(
        "shorter-value-length",
        "6.3 CKM_ECDH1_DERIVE",
        "the secret is cut at its leading end",
        |h| {
            let (session, base) = started(h)?;
            let key = session.derive(&null(&unhex(PEER)), base, &readable().ulong(CKA_VALUE_LEN, 16))?;
            same("the derived key", session.attribute(key, CKA_VALUE)?, &unhex(SECRET)[16..])
        },
    ),
    Scenario::new(
        "too-long-value-length",
        "6.3 CKM_ECDH1_DERIVE",
        "more bytes than the secret has are refused",
        |h| {
            let (session, base) = started(h)?;
            refused(session.derive(&null(&unhex(PEER)), base, &readable().ulong(CKA_VALUE_LEN, 33)))
        },
    ),
    Scenario::new(
        "point-in-der",
        "6.3 CK_ECDH1_DERIVE_PARAMS (client need)",
        "the other party's point is accepted in DER as well as raw",
        |h| {
            let (session, base) = started(h)?;
            let key =
                session.derive(&null(&der(&unhex(PEER))), base, &readable().ulong(CKA_VALUE_LEN, 32))?;
            same("the derived key", session.attribute(key, CKA_VALUE)?, unhex(SECRET))
        },
    ),
    Scenario::new(
        "aes-key",
        "6.3 CKM_ECDH1_DERIVE",
        "the secret can become an AES key of a given length",
        |h| {
            let (session, base) = started(h)?;
            let template =
                Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
            let template =
                template.bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true).ulong(CKA_VALUE_LEN, 32);
            let key = session.derive(&null(&unhex(PEER)), base, &template)?;
            same("the derived key", session.attribute(key, CKA_VALUE)?, unhex(SECRET))?;
            holds("CKA_LOCAL is false", !session.bool(key, CKA_LOCAL)?)
        },
    ),
    Scenario::new("kdf-sha1", "6.3 CKD_SHA1_KDF", "the key of X9.63 with SHA-1", |h| {
        derives(h, CKD_SHA1_KDF, b"", "6e76e105187003ec001a9825bf5cca612c5f5059be031168371ebabba02adc92")
    }),
    Scenario::new("kdf-sha256", "6.3 CKD_SHA256_KDF", "the key of X9.63 with SHA-256", |h| {
        derives(h, CKD_SHA256_KDF, b"", "6de7e3f00792e58e974600b3d66c172fbc1ff279f8997cdf62cb4c3a6fa16515")
    }),
    Scenario::new(
        "kdf-sha256-shared-data",
        "6.3 CKD_SHA256_KDF",
        "48 bytes with shared data, of two blocks",
        |h| {
            let secret = "635844cbd571bc45ba682d695cfa8cb16d5190eaff66722e
                      97718a751ae2cf8e4f389cabb9102c91e9f6622765e62d07";
            derives(h, CKD_SHA256_KDF, b"shared info", secret)
        },
    ),
    Scenario::new("kdf-sha384", "6.3 CKD_SHA384_KDF", "the key of X9.63 with SHA-384", |h| {
        derives(h, CKD_SHA384_KDF, b"", "a7d91aa584a0d154b0301a0a688c4300373f8c21e8ba517aec5b6580bd419bf4")
    }),
    Scenario::new("kdf-sha512", "6.3 CKD_SHA512_KDF", "the key of X9.63 with SHA-512", |h| {
        derives(h, CKD_SHA512_KDF, b"", "67d22e484de08a6c5662cb9b4fb85ea36ea3440071e855a3443f43a91770b0fb")
    }),
    Scenario::new("both-sides-agree", "6.3 CKM_ECDH1_DERIVE", "two generated pairs give one secret", |h| {
        h.needs(&[CKM_ECDH1_DERIVE])?;
        let session = h.user()?;
        let derive = || Template::new().bool(CKA_DERIVE, true);
        let one = keys::curve(h, &session, CKM_EC_KEY_PAIR_GEN, keys::P384, Template::new(), derive())?;
        let two = keys::curve(h, &session, CKM_EC_KEY_PAIR_GEN, keys::P384, Template::new(), derive())?;
        agree(&session, one, two)
    }),
    Scenario::new(
        "point-off-the-curve",
        "5.1.6 CKR_PUBLIC_KEY_INVALID",
        "a point off the curve derives nothing",
        |h| {
            let (session, base) = started(h)?;
            let mut point = unhex(PEER);
            point[64] ^= 1;
            refused(session.derive(&null(&point), base, &readable().ulong(CKA_VALUE_LEN, 32)))
        },
    ),
    Scenario::new(
        "point-that-is-none",
        "5.1.6 CKR_PUBLIC_KEY_INVALID",
        "bytes that are no point derive nothing",
        |h| {
            let (session, base) = started(h)?;
            for point in [&[][..], &[0], &[4; 64], &[0xFF; 300]] {
                refused(session.derive(&null(point), base, &readable().ulong(CKA_VALUE_LEN, 32)))?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "null-kdf-with-shared-data",
        "6.3 CK_ECDH1_DERIVE_PARAMS",
        "with CKD_NULL there is no shared data: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let (session, base) = started(h)?;
            let mechanism = Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &unhex(PEER), b"shared");
            let wanted = [CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD];
            expect_any(session.derive(&mechanism, base, &readable().ulong(CKA_VALUE_LEN, 32)), &wanted)
        },
    ),
    Scenario::new(
        "unknown-kdf",
        "6.3 CK_EC_KDF_TYPE",
        "a KDF that does not exist: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let (session, base) = started(h)?;
            let mechanism = Mechanism::ecdh(CKM_ECDH1_DERIVE, 0x7777, &unhex(PEER), b"");
            let outcome = session.derive(&mechanism, base, &readable().ulong(CKA_VALUE_LEN, 32));
            expect(outcome, CKR_MECHANISM_PARAM_INVALID)
        },
    ),
    Scenario::new(
        "wrong-parameter",
        "6.3 CK_ECDH1_DERIVE_PARAMS",
        "another size: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let (session, base) = started(h)?;
            let mechanism = null(&unhex(PEER)).with_length(8);
            let outcome = session.derive(&mechanism, base, &readable().ulong(CKA_VALUE_LEN, 32));
            expect(outcome, CKR_MECHANISM_PARAM_INVALID)
        },
    ),
    Scenario::new(
        "key-not-for-derivation",
        "5.1.6 CKR_KEY_FUNCTION_NOT_PERMITTED",
        "CKA_DERIVE must be true",
        |h| {
            h.needs(&[CKM_ECDH1_DERIVE])?;
            let session = h.user()?;
            let template =
                Template::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC).bool(CKA_DERIVE, false);
            let template = template.bytes(CKA_EC_PARAMS, &unhex(P256.parameters));
            let base = session.create(&template.bytes(CKA_VALUE, &unhex(P256.private)))?;
            let outcome = session.derive(&null(&unhex(PEER)), base, &readable().ulong(CKA_VALUE_LEN, 32));
            expect(outcome, CKR_KEY_FUNCTION_NOT_PERMITTED)
        },
    ),
    Scenario::new(
        "x25519-agrees",
        "6.3 Montgomery keys",
        "two generated X25519 pairs give one secret",
        |h| {
            h.needs(&[CKM_ECDH1_DERIVE])?;
            let session = h.user()?;
            let generate = CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
            let derive = || Template::new().bool(CKA_DERIVE, true);
            let one = keys::curve(h, &session, generate, keys::X25519, Template::new(), derive())?;
            let two = keys::curve(h, &session, generate, keys::X25519, Template::new(), derive())?;
            agree(&session, one, two)
        },
    ),
    Scenario::new("x25519-known", "6.3 Montgomery keys", "the secret of RFC 7748, section 6.1", |h| {
        h.needs(&[CKM_ECDH1_DERIVE, CKM_EC_MONTGOMERY_KEY_PAIR_GEN])?;
        let session = h.user()?;
        let value = unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let template = Template::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC_MONTGOMERY);
        let template = template.bool(CKA_TOKEN, false).bool(CKA_DERIVE, true).bytes(CKA_VALUE, &value);
        let base = session.create(&template.bytes(CKA_EC_PARAMS, &unhex(keys::X25519)))?;
        let peer = unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let key = session.derive(&null(&peer), base, &readable().ulong(CKA_VALUE_LEN, 32))?;
        let secret = unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        same("the secret", session.attribute(key, CKA_VALUE)?, secret)
    }),
];

/// Each side derives with the other's point; both secrets must be equal.
fn agree(
    session: &Session,
    one: (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE),
    two: (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE),
) -> Check {
    let (first, second) = (session.attribute(one.0, CKA_EC_POINT)?, session.attribute(two.0, CKA_EC_POINT)?);
    let ours = session.derive(&null(keys::point(&second)), one.1, &readable())?;
    let theirs = session.derive(&null(keys::point(&first)), two.1, &readable())?;
    same("the secret", session.attribute(ours, CKA_VALUE)?, session.attribute(theirs, CKA_VALUE)?)
}
