//! RSA: signatures, encryption and keys (PKCS#11 3.2, 6.1; PKCS #1).

use super::rsa_vectors::*;
use super::{keys, not_every_parameter};
use crate::call;
use crate::expect::{Check, equal, expect, expect_any, holds, refused, same, unhex};
use crate::module::Outcome;
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session, input, len};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// The known key without its CRT parts.
fn private_template() -> Template {
    Template::new()
        .class(CKO_PRIVATE_KEY)
        .ulong(CKA_KEY_TYPE, CKK_RSA)
        .bool(CKA_TOKEN, false)
        .bool(CKA_SIGN, true)
        .bool(CKA_DECRYPT, true)
        .bytes(CKA_MODULUS, &unhex(MODULUS))
        .bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1])
        .bytes(CKA_PRIVATE_EXPONENT, &unhex(PRIVATE_EXPONENT))
}

fn crt_template() -> Template {
    private_template()
        .bytes(CKA_PRIME_1, &unhex(PRIME_1))
        .bytes(CKA_PRIME_2, &unhex(PRIME_2))
        .bytes(CKA_EXPONENT_1, &unhex(EXPONENT_1))
        .bytes(CKA_EXPONENT_2, &unhex(EXPONENT_2))
        .bytes(CKA_COEFFICIENT, &unhex(COEFFICIENT))
}

pub fn private_key(session: &Session) -> Outcome<CK_OBJECT_HANDLE> {
    session.create(&crt_template())
}

pub fn public_key(session: &Session) -> Outcome<CK_OBJECT_HANDLE> {
    let template = Template::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_RSA).bool(CKA_TOKEN, false);
    let template = template.bool(CKA_VERIFY, true).bool(CKA_ENCRYPT, true).bool(CKA_PRIVATE, false);
    session.create(&template.bytes(CKA_MODULUS, &unhex(MODULUS)).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]))
}

/// Signs with the known private key, verifies with the known public key, and refuses other data.
fn round_trip(h: &Host, mechanism: &Mechanism, data: &[u8], other: &[u8]) -> Check<Vec<u8>> {
    h.needs(&[mechanism.raw.mechanism])?;
    let session = h.user()?;
    let (private, public) = (private_key(&session)?, public_key(&session)?);
    let signature = session.sign(mechanism, private, data)?;
    equal("bytes of the signature", signature.len(), 256)?;
    session.verify(mechanism, public, data, &signature)?;
    expect(session.verify(mechanism, public, other, &signature), CKR_SIGNATURE_INVALID)?;
    expect(session.verify(mechanism, public, data, &signature[..255]), CKR_SIGNATURE_LEN_RANGE)?;
    Ok(signature)
}

/// Decrypts what OpenSSL encrypted; encrypts and decrypts.
fn decrypts(h: &Host, mechanism: &Mechanism, sealed: &str) -> Check {
    h.needs_flags(mechanism.raw.mechanism, CKF_ENCRYPT | CKF_DECRYPT)?;
    let session = h.user()?;
    let (private, public) = (private_key(&session)?, public_key(&session)?);
    same("the plaintext", session.run(Kind::Decrypt, mechanism, private, &unhex(sealed))?, b"abc")?;
    let own = session.run(Kind::Encrypt, mechanism, public, b"some other data")?;
    equal("bytes of the ciphertext", own.len(), 256)?;
    same("the plaintext", session.run(Kind::Decrypt, mechanism, private, &own)?, b"some other data")
}

/// DigestInfo of SHA-256("abc").
fn digest_info() -> Vec<u8> {
    let mut info = unhex("3031300d060960864801650304020105000420");
    info.extend(super::digest::sha256_abc());
    info
}

fn pss_sha256() -> Mechanism {
    Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)
}

/// Begins a signature that must be refused because of its parameter.
fn bad_parameter(h: &Host, mechanism: &Mechanism) -> Check {
    h.needs(&[mechanism.raw.mechanism])?;
    let session = h.user()?;
    let key = private_key(&session)?;
    expect(session.init(Kind::Sign, mechanism, key), CKR_MECHANISM_PARAM_INVALID)
}

const IN_PARTS: &str = "a hash-and-sign mechanism signs in parts as in one";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "sha256-pkcs-known",
        "6.1 PKCS #1 v1.5 with SHA-256",
        "the signature is the one of OpenSSL",
        |h| {
            h.needs(&[CKM_SHA256_RSA_PKCS])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_SHA256_RSA_PKCS));
            let (private, public) = (private_key(&session)?, public_key(&session)?);
            same("the signature", session.sign(&mechanism, private, b"abc")?, unhex(SIGNATURE))?;
            Ok(session.verify(&mechanism, public, b"abc", &unhex(SIGNATURE))?)
        },
    ),
    Scenario::new("pkcs-known", "6.1 PKCS #1 v1.5 RSA", "a DigestInfo is signed as it is", |h| {
        h.needs(&[CKM_RSA_PKCS])?;
        let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_RSA_PKCS));
        let key = private_key(&session)?;
        same("the signature", session.sign(&mechanism, key, &digest_info())?, unhex(SIGNATURE))
    }),
    Scenario::new("sha1-pkcs", "6.1 PKCS #1 v1.5 with SHA-1", "signs and verifies", |h| {
        round_trip(h, &Mechanism::plain(CKM_SHA1_RSA_PKCS), b"data", b"date").map(|_| ())
    }),
    Scenario::new("sha384-pkcs", "6.1 PKCS #1 v1.5 with SHA-384", "signs and verifies", |h| {
        round_trip(h, &Mechanism::plain(CKM_SHA384_RSA_PKCS), b"data", b"date").map(|_| ())
    }),
    Scenario::new("sha512-pkcs", "6.1 PKCS #1 v1.5 with SHA-512", "signs and verifies", |h| {
        round_trip(h, &Mechanism::plain(CKM_SHA512_RSA_PKCS), b"data", b"date").map(|_| ())
    }),
    Scenario::new("sha256-pkcs-in-parts", "6.1 PKCS #1 v1.5 with SHA-256", IN_PARTS, |h| {
        h.needs(&[CKM_SHA256_RSA_PKCS])?;
        let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_SHA256_RSA_PKCS));
        let (private, public) = (private_key(&session)?, public_key(&session)?);
        let signature = session.run_parts(Kind::Sign, &mechanism, private, &[b"a", b"", b"bc"])?;
        same("the signature", &signature, unhex(SIGNATURE))?;
        Ok(session.verify_parts(&mechanism, public, &[b"ab", b"c"], &signature)?)
    }),
    Scenario::new(
        "pkcs-has-no-parts",
        "6.1 PKCS #1 v1.5 RSA, footnote 1",
        "CKM_RSA_PKCS is for single-part operations only: C_SignUpdate is refused",
        |h| {
            h.needs(&[CKM_RSA_PKCS])?;
            let session = h.user()?;
            session.init(Kind::Sign, &Mechanism::plain(CKM_RSA_PKCS), private_key(&session)?)?;
            refused(session.update(Kind::Sign, b"data").and_then(|_| session.finish(Kind::Sign)))
        },
    ),
    Scenario::new("pkcs-too-long", "6.1 PKCS #1 v1.5 RSA", "more than k-11 bytes: CKR_DATA_LEN_RANGE", |h| {
        h.needs(&[CKM_RSA_PKCS])?;
        let session = h.user()?;
        let outcome = session.sign(&Mechanism::plain(CKM_RSA_PKCS), private_key(&session)?, &[1; 246]);
        expect_any(outcome, &[CKR_DATA_LEN_RANGE, CKR_DATA_INVALID])
    }),
    Scenario::new("pkcs-longest", "6.1 PKCS #1 v1.5 RSA", "k-11 bytes are signed", |h| {
        round_trip(h, &Mechanism::plain(CKM_RSA_PKCS), &[1; 245], &[2; 245]).map(|_| ())
    }),
    Scenario::new(
        "x509-sign",
        "6.1 X.509 (raw) RSA",
        "k bytes are signed without padding, and verify",
        |h| {
            let mut block = vec![0x11; 256];
            block[0] = 0;
            let mut other = block.clone();
            other[255] = 0;
            round_trip(h, &Mechanism::plain(CKM_RSA_X_509), &block, &other).map(|_| ())
        },
    ),
    Scenario::new("x509-decrypt", "6.1 X.509 (raw) RSA", "a raw decryption shows the PKCS #1 block", |h| {
        h.needs_flags(CKM_RSA_X_509, CKF_DECRYPT)?;
        let session = h.user()?;
        let key = private_key(&session)?;
        let block = session.run(Kind::Decrypt, &Mechanism::plain(CKM_RSA_X_509), key, &unhex(ENCRYPTED))?;
        holds("the block is 00 02 … 00 abc", block.starts_with(&[0, 2]) && block.ends_with(b"\0abc"))
    }),
    Scenario::new(
        "pkcs-decrypt",
        "6.1 PKCS #1 v1.5 RSA",
        "what OpenSSL encrypted is decrypted, and own data",
        |h| decrypts(h, &Mechanism::plain(CKM_RSA_PKCS), ENCRYPTED),
    ),
    Scenario::new(
        "pkcs-encrypt-too-long",
        "6.1 PKCS #1 v1.5 RSA",
        "more than k-11 bytes: CKR_DATA_LEN_RANGE",
        |h| {
            h.needs_flags(CKM_RSA_PKCS, CKF_ENCRYPT)?;
            let session = h.user()?;
            let key = public_key(&session)?;
            let outcome = session.run(Kind::Encrypt, &Mechanism::plain(CKM_RSA_PKCS), key, &[1; 246]);
            expect(outcome, CKR_DATA_LEN_RANGE)
        },
    ),
    Scenario::new(
        "pkcs-decrypt-short",
        "6.1 PKCS #1 v1.5 RSA",
        "a ciphertext of another length than k: CKR_ENCRYPTED_DATA_LEN_RANGE",
        |h| {
            h.needs_flags(CKM_RSA_PKCS, CKF_DECRYPT)?;
            let session = h.user()?;
            let key = private_key(&session)?;
            let outcome = session.run(Kind::Decrypt, &Mechanism::plain(CKM_RSA_PKCS), key, &[1; 255]);
            expect_any(outcome, &[CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID])
        },
    ),
    Scenario::new(
        "oaep-sha1",
        "6.1 PKCS #1 RSA OAEP",
        "SHA-1, no label: what OpenSSL encrypted, and own data",
        |h| decrypts(h, &Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b""), OAEP_SHA1),
    ),
    Scenario::new("oaep-sha256-label", "6.1 PKCS #1 RSA OAEP", "SHA-256 and a label: as OpenSSL", |h| {
        h.needs_flags(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT | CKF_DECRYPT)?;
        let session = h.user()?;
        let mechanism = Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"label");
        let key = private_key(&session)?;
        not_every_parameter(session.init(Kind::Decrypt, &mechanism, key))?;
        same("the plaintext", session.once(Kind::Decrypt, &unhex(OAEP_SHA256))?, b"abc")
    }),
    Scenario::new(
        "oaep-other-label",
        "6.1 PKCS #1 RSA OAEP",
        "another label: CKR_ENCRYPTED_DATA_INVALID",
        |h| {
            h.needs_flags(CKM_RSA_PKCS_OAEP, CKF_DECRYPT)?;
            let session = h.user()?;
            let mechanism = Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"other");
            let key = private_key(&session)?;
            not_every_parameter(session.init(Kind::Decrypt, &mechanism, key))?;
            expect(session.once(Kind::Decrypt, &unhex(OAEP_SHA256)), CKR_ENCRYPTED_DATA_INVALID)
        },
    ),
    Scenario::new(
        "oaep-too-long",
        "6.1 PKCS #1 RSA OAEP",
        "more than k-2-2hLen bytes: CKR_DATA_LEN_RANGE",
        |h| {
            h.needs_flags(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT)?;
            let session = h.user()?;
            let key = public_key(&session)?;
            let mechanism = Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"");
            expect(session.run(Kind::Encrypt, &mechanism, key, &[1; 215]), CKR_DATA_LEN_RANGE)
        },
    ),
    Scenario::new(
        "oaep-wrong-parameter",
        "6.1 CK_RSA_PKCS_OAEP_PARAMS",
        "a structure of another size: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            h.needs_flags(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT)?;
            let session = h.user()?;
            let key = public_key(&session)?;
            let mechanism = Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"").with_length(8);
            expect(session.init(Kind::Encrypt, &mechanism, key), CKR_MECHANISM_PARAM_INVALID)
        },
    ),
    Scenario::new(
        "pss-sha256-known",
        "6.1 PKCS #1 RSA PSS with SHA-256",
        "OpenSSL's signature verifies",
        |h| {
            h.needs(&[CKM_SHA256_RSA_PKCS_PSS])?;
            let session = h.user()?;
            let key = public_key(&session)?;
            Ok(session.verify(&pss_sha256(), key, b"abc", &unhex(PSS_SHA256))?)
        },
    ),
    Scenario::new(
        "pss-sha384-known",
        "6.1 PKCS #1 RSA PSS with SHA-384",
        "OpenSSL's, salt of 20 bytes, verifies",
        |h| {
            h.needs(&[CKM_SHA384_RSA_PKCS_PSS])?;
            let session = h.user()?;
            let key = public_key(&session)?;
            let mechanism = Mechanism::pss(CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 20);
            Ok(session.verify(&mechanism, key, b"abc", &unhex(PSS_SHA384))?)
        },
    ),
    Scenario::new(
        "pss-of-a-digest",
        "6.1 PKCS #1 RSA PSS",
        "CKM_RSA_PKCS_PSS signs a digest of hLen bytes",
        |h| {
            let mechanism = Mechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32);
            let signature = round_trip(h, &mechanism, &super::digest::sha256_abc(), &[0; 32])?;
            if h.needs(&[CKM_SHA256_RSA_PKCS_PSS]).is_err() {
                return Ok(());
            }
            let session = h.session()?;
            let key = public_key(&session)?;
            Ok(session.verify(&pss_sha256(), key, b"abc", &signature)?)
        },
    ),
    Scenario::new(
        "pss-of-a-wrong-length",
        "6.1 PKCS #1 RSA PSS",
        "data of other than hLen bytes: CKR_DATA_LEN_RANGE",
        |h| {
            h.needs(&[CKM_RSA_PKCS_PSS])?;
            let session = h.user()?;
            let mechanism = Mechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32);
            expect(session.sign(&mechanism, private_key(&session)?, &[1; 31]), CKR_DATA_LEN_RANGE)
        },
    ),
    Scenario::new(
        "pss-signs",
        "6.1 PKCS #1 RSA PSS with SHA-256",
        "signs and verifies; two signatures differ",
        |h| {
            let first = round_trip(h, &pss_sha256(), b"data", b"date")?;
            let session = h.session()?;
            let second = session.sign(&pss_sha256(), private_key(&session)?, b"data")?;
            holds("the signatures differ, the salt is random", first != second)
        },
    ),
    Scenario::new(
        "pss-without-salt",
        "6.1 CK_RSA_PKCS_PSS_PARAMS",
        "a salt of 0 bytes is a typical value",
        |h| {
            let mechanism = Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 0);
            round_trip(h, &mechanism, b"data", b"date").map(|_| ())
        },
    ),
    Scenario::new(
        "pss-other-salt-length",
        "6.1 PKCS #1 RSA PSS",
        "another salt length does not verify",
        |h| {
            h.needs(&[CKM_SHA256_RSA_PKCS_PSS])?;
            let session = h.user()?;
            let key = public_key(&session)?;
            let mechanism = Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 20);
            expect(session.verify(&mechanism, key, b"abc", &unhex(PSS_SHA256)), CKR_SIGNATURE_INVALID)
        },
    ),
    Scenario::new(
        "pss-hash-that-does-not-match",
        "6.1 CK_RSA_PKCS_PSS_PARAMS, hashAlg",
        "with a hash-and-sign mechanism hashAlg must be its hash: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let mechanism = Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 32);
            bad_parameter(h, &mechanism)
        },
    ),
    Scenario::new(
        "pss-salt-too-long",
        "6.1 PKCS #1 RSA PSS",
        "sLen is at most k*-2-hLen: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            let mechanism = Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 223);
            bad_parameter(h, &mechanism)
        },
    ),
    Scenario::new(
        "pss-wrong-parameter",
        "6.1 CK_RSA_PKCS_PSS_PARAMS",
        "a structure of another size: CKR_MECHANISM_PARAM_INVALID",
        |h| bad_parameter(h, &pss_sha256().with_length(4)),
    ),
    Scenario::new("pss-in-parts", "6.1 PKCS #1 RSA PSS with SHA-256", IN_PARTS, |h| {
        h.needs(&[CKM_SHA256_RSA_PKCS_PSS])?;
        let session = h.user()?;
        let (private, public) = (private_key(&session)?, public_key(&session)?);
        let signature = session.run_parts(Kind::Sign, &pss_sha256(), private, &[b"da", b"ta"])?;
        session.verify(&pss_sha256(), public, b"data", &signature)?;
        Ok(session.verify_parts(&pss_sha256(), public, &[b"d", b"ata"], &signature)?)
    }),
    Scenario::new(
        "key-without-crt",
        "6.1 RSA private key objects (client need)",
        "a private key of n, e and d alone signs like the one with its CRT parts",
        |h| {
            h.needs(&[CKM_SHA256_RSA_PKCS])?;
            let session = h.user()?;
            let key = session.create(&private_template())?;
            let signature = session.sign(&Mechanism::plain(CKM_SHA256_RSA_PKCS), key, b"abc")?;
            same("the signature", signature, unhex(SIGNATURE))
        },
    ),
    Scenario::new(
        "key-that-contradicts-itself",
        "4.1.1 rule 5",
        "primes that are not those of the modulus",
        |h| {
            let mut wrong = unhex(PRIME_1);
            if let Some(last) = wrong.last_mut() {
                *last ^= 4;
            }
            let template = private_template().bytes(CKA_PRIME_1, &wrong).bytes(CKA_PRIME_2, &unhex(PRIME_2));
            let template =
                template.bytes(CKA_EXPONENT_1, &unhex(EXPONENT_1)).bytes(CKA_EXPONENT_2, &unhex(EXPONENT_2));
            let session = h.user()?;
            let Ok(key) = session.create(&template.bytes(CKA_COEFFICIENT, &unhex(COEFFICIENT))) else {
                return Ok(());
            };
            // Accepted, the key must at least not make a wrong signature, which would give its factors away.
            match session.sign(&Mechanism::plain(CKM_SHA256_RSA_PKCS), key, b"abc") {
                Ok(signature) => same("the signature", signature, unhex(SIGNATURE)),
                Err(_) => Ok(()),
            }
        },
    ),
    Scenario::new(
        "generate-2048",
        "6.1 RSA key pair generation",
        "a pair of 2048 bits signs and verifies",
        |h| generated(h, 2048),
    ),
    Scenario::new(
        "generate-3072",
        "6.1 RSA key pair generation",
        "a pair of 3072 bits signs and verifies",
        |h| generated(h, 3072),
    ),
    Scenario::new(
        "generate-without-bits",
        "6.1 footnote 3",
        "CKA_MODULUS_BITS is needed: CKR_TEMPLATE_INCOMPLETE",
        |h| {
            h.needs(&[CKM_RSA_PKCS_KEY_PAIR_GEN])?;
            let mechanism = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
            let public = Template::new().bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
            expect(h.user()?.generate_pair(&mechanism, &public, &Template::new()), CKR_TEMPLATE_INCOMPLETE)
        },
    ),
    Scenario::new(
        "generate-with-wild-bits",
        "6.1 CK_MECHANISM_INFO",
        "a size outside of the listed range is refused, and quickly",
        |h| {
            h.needs(&[CKM_RSA_PKCS_KEY_PAIR_GEN])?;
            let mechanism = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
            let (session, exponent) = (h.user()?, [1, 0, 1]);
            for bits in [0, 7, 1 << 20, CK_ULONG::MAX] {
                let public =
                    Template::new().ulong(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, &exponent);
                refused(session.generate_pair(&mechanism, &public, &Template::new()))?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "sign-recover",
        "6.1 PKCS #1 v1.5 RSA, C_SignRecover",
        "the signed data comes back out of the signature",
        |h| {
            h.needs_flags(CKM_RSA_PKCS, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)?;
            let session = h.user()?;
            let (public, private) = (Template::new().bool(CKA_VERIFY_RECOVER, true), Template::new());
            let (public, private) =
                keys::rsa(h, &session, 2048, public, private.bool(CKA_SIGN_RECOVER, true))?;
            let (mechanism, data) = (Mechanism::plain(CKM_RSA_PKCS), b"recoverable");
            let (mut signature, mut length, mut back, mut back_length) = ([0_u8; 256], 256, [0_u8; 256], 256);
            call!(h.module, C_SignRecoverInit, session.handle, mechanism.pointer(), private)?;
            let (from, to) = (input(data), signature.as_mut_ptr());
            call!(h.module, C_SignRecover, session.handle, from, len(data), to, &mut length)?;
            call!(h.module, C_VerifyRecoverInit, session.handle, mechanism.pointer(), public)?;
            let (from, to) = (signature.as_mut_ptr(), back.as_mut_ptr());
            call!(h.module, C_VerifyRecover, session.handle, from, 256, to, &mut back_length)?;
            same("the recovered data", &back[..back_length as usize], data)
        },
    ),
];

fn generated(h: &Host, bits: CK_ULONG) -> Check {
    h.needs(&[CKM_SHA256_RSA_PKCS])?;
    let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_SHA256_RSA_PKCS));
    let (public, private) = (Template::new().bool(CKA_VERIFY, true), Template::new().bool(CKA_SIGN, true));
    let (public, private) = keys::rsa(h, &session, bits, public, private)?;
    let signature = session.sign(&mechanism, private, b"data")?;
    equal("bytes of the signature", signature.len() as CK_ULONG * 8, bits)?;
    session.verify(&mechanism, public, b"data", &signature)?;
    expect(session.verify(&mechanism, public, b"date", &signature), CKR_SIGNATURE_INVALID)
}
