//! Signature mechanisms that hash, each compared with its hash and the mechanism that does not (PKCS#11 3.2, 6.1,
//! 6.3, 6.20), and data of a megabyte.

use super::{keys, rsa};
use crate::expect::{Check, Verdict, equal, holds, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::Kind;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// A hash with its mechanisms and the start of its DigestInfo (RFC 8017, section 9.2).
struct Hash {
    digest: CK_MECHANISM_TYPE,
    mgf: CK_ULONG,
    length: CK_ULONG,
    pkcs: CK_MECHANISM_TYPE,
    pss: CK_MECHANISM_TYPE,
    ecdsa: CK_MECHANISM_TYPE,
    info: &'static str,
}

const HASHES: &[Hash] = &[
    Hash {
        digest: CKM_SHA_1,
        mgf: CKG_MGF1_SHA1,
        length: 20,
        pkcs: CKM_SHA1_RSA_PKCS,
        pss: CKM_SHA1_RSA_PKCS_PSS,
        ecdsa: CKM_ECDSA_SHA1,
        info: "3021300906052b0e03021a05000414",
    },
    Hash {
        digest: CKM_SHA224,
        mgf: CKG_MGF1_SHA224,
        length: 28,
        pkcs: CKM_SHA224_RSA_PKCS,
        pss: CKM_SHA224_RSA_PKCS_PSS,
        ecdsa: CKM_ECDSA_SHA224,
        info: "302d300d06096086480165030402040500041c",
    },
    Hash {
        digest: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        length: 32,
        pkcs: CKM_SHA256_RSA_PKCS,
        pss: CKM_SHA256_RSA_PKCS_PSS,
        ecdsa: CKM_ECDSA_SHA256,
        info: "3031300d060960864801650304020105000420",
    },
    Hash {
        digest: CKM_SHA384,
        mgf: CKG_MGF1_SHA384,
        length: 48,
        pkcs: CKM_SHA384_RSA_PKCS,
        pss: CKM_SHA384_RSA_PKCS_PSS,
        ecdsa: CKM_ECDSA_SHA384,
        info: "3041300d060960864801650304020205000430",
    },
    Hash {
        digest: CKM_SHA512,
        mgf: CKG_MGF1_SHA512,
        length: 64,
        pkcs: CKM_SHA512_RSA_PKCS,
        pss: CKM_SHA512_RSA_PKCS_PSS,
        ecdsa: CKM_ECDSA_SHA512,
        info: "3051300d060960864801650304020305000440",
    },
];

const DATA: &[u8] = b"some data to be hashed and signed";

/// Runs a check for every hash of which the mechanisms are listed; there must be one.
fn each(h: &Host, ids: fn(&Hash) -> Vec<CK_MECHANISM_TYPE>, check: impl Fn(&Hash) -> Check) -> Check {
    let listed: Vec<&Hash> = HASHES.iter().filter(|hash| h.needs(&ids(hash)).is_ok()).collect();
    if listed.is_empty() {
        return Err(Verdict::NotSupported("none of the mechanisms is listed".into()));
    }
    listed.into_iter().try_for_each(check)
}

const PATTERN: &str =
    "hashing and signing in one mechanism is the same as one after the other, for each hash that is listed";
const MEGABYTE: &str = "a megabyte in one part and in uneven parts gives the same";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("rsa-pkcs-with-each-hash", "6.1 PKCS #1 v1.5 with hashing", PATTERN, |h| {
        let session = h.user()?;
        let (private, public) = (rsa::private_key(&session)?, rsa::public_key(&session)?);
        each(
            h,
            |hash| vec![CKM_RSA_PKCS, hash.digest, hash.pkcs],
            |hash| {
                let mut info = unhex(hash.info);
                info.extend(session.run(Kind::Digest, &Mechanism::plain(hash.digest), 0, DATA)?);
                let signature = session.sign(&Mechanism::plain(hash.pkcs), private, DATA)?;
                same(
                    "the signature",
                    &signature,
                    session.sign(&Mechanism::plain(CKM_RSA_PKCS), private, &info)?,
                )?;
                Ok(session.verify(&Mechanism::plain(hash.pkcs), public, DATA, &signature)?)
            },
        )
    }),
    Scenario::new("rsa-pss-with-each-hash", "6.1 PKCS #1 RSA PSS with hashing", PATTERN, |h| {
        let session = h.user()?;
        let (private, public) = (rsa::private_key(&session)?, rsa::public_key(&session)?);
        each(
            h,
            |hash| vec![CKM_RSA_PKCS_PSS, hash.digest, hash.pss],
            |hash| {
                let digest = session.run(Kind::Digest, &Mechanism::plain(hash.digest), 0, DATA)?;
                let hashing = Mechanism::pss(hash.pss, hash.digest, hash.mgf, hash.length);
                let plain = Mechanism::pss(CKM_RSA_PKCS_PSS, hash.digest, hash.mgf, hash.length);
                let signature = session.sign(&hashing, private, DATA)?;
                session.verify(&plain, public, &digest, &signature)?;
                let signature = session.sign(&plain, private, &digest)?;
                Ok(session.verify(&hashing, public, DATA, &signature)?)
            },
        )
    }),
    Scenario::new("ecdsa-with-each-hash", "6.3 ECDSA with hashing", PATTERN, |h| {
        let session = h.user()?;
        let (public, private) = keys::ec(h, &session, keys::P256)?;
        each(
            h,
            |hash| vec![CKM_ECDSA, hash.digest, hash.ecdsa],
            |hash| {
                let digest = session.run(Kind::Digest, &Mechanism::plain(hash.digest), 0, DATA)?;
                let (hashing, plain) = (Mechanism::plain(hash.ecdsa), Mechanism::plain(CKM_ECDSA));
                session.verify(&plain, public, &digest, &session.sign(&hashing, private, DATA)?)?;
                Ok(session.verify(&hashing, public, DATA, &session.sign(&plain, private, &digest)?)?)
            },
        )
    }),
    Scenario::new(
        "oaep-with-each-hash",
        "6.1 PKCS #1 RSA OAEP",
        "encrypts and decrypts with each hash and a label",
        |h| {
            h.needs_flags(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT | CKF_DECRYPT)?;
            let session = h.user()?;
            let (private, public) = (rsa::private_key(&session)?, rsa::public_key(&session)?);
            for hash in HASHES {
                let mechanism = Mechanism::oaep(hash.digest, hash.mgf, b"a label");
                super::not_every_parameter(session.init(Kind::Encrypt, &mechanism, public))?;
                let sealed = session.once(Kind::Encrypt, DATA)?;
                same("the plaintext", session.run(Kind::Decrypt, &mechanism, private, &sealed)?, DATA)?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "rsa-pair-without-exponent",
        "6.1 RSA key pair generation",
        "without CKA_PUBLIC_EXPONENT the exponent is 65537, or another that the token prefers",
        |h| {
            h.needs(&[CKM_RSA_PKCS_KEY_PAIR_GEN])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN));
            let public = Template::new().bool(CKA_TOKEN, false).ulong(CKA_MODULUS_BITS, 2048);
            let (public, _) = session.generate_pair(&mechanism, &public, &Template::new())?;
            holds(
                "CKA_PUBLIC_EXPONENT is odd",
                session.attribute(public, CKA_PUBLIC_EXPONENT)?.ends_with(&[1]),
            )
        },
    ),
    Scenario::new("megabyte-through-cbc", "6.10 AES-CBC", MEGABYTE, |h| {
        megabyte(h, CKM_AES_CBC, &Mechanism::bytes(CKM_AES_CBC, &[7; 16]))
    }),
    Scenario::new("megabyte-through-ctr", "6.11 AES with counter", MEGABYTE, |h| {
        megabyte(h, CKM_AES_CTR, &Mechanism::ctr(128, [7; 16]))
    }),
    Scenario::new("megabyte-through-gcm", "6.13 AES-GCM", MEGABYTE, |h| {
        megabyte(h, CKM_AES_GCM, &Mechanism::gcm(&[7; 12], b"aad", 128))
    }),
];

/// Encrypts and decrypts a megabyte, whole and in parts of changing size.
fn megabyte(h: &Host, id: CK_MECHANISM_TYPE, mechanism: &Mechanism) -> Check {
    h.needs_flags(id, CKF_ENCRYPT | CKF_DECRYPT)?;
    let session = h.user()?;
    let key = keys::aes(&session, &[1; 32])?;
    let plain: Vec<u8> = (0..1_u32 << 20).map(|n| (n % 251) as u8).collect();
    let sealed = session.run(Kind::Encrypt, mechanism, key, &plain)?;
    holds(
        "the ciphertext in parts is the same",
        in_parts(&session, Kind::Encrypt, mechanism, key, &plain)? == sealed,
    )?;
    equal("bytes of the plaintext", session.run(Kind::Decrypt, mechanism, key, &sealed)?.len(), plain.len())?;
    holds(
        "the plaintext in parts is the same",
        in_parts(&session, Kind::Decrypt, mechanism, key, &sealed)? == plain,
    )
}

fn in_parts(
    session: &crate::session::Session,
    kind: Kind,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
) -> Check<Vec<u8>> {
    session.init(kind, mechanism, key)?;
    let (mut out, mut rest, mut size) = (Vec::new(), data, 1);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(size.min(rest.len()));
        out.extend(session.update(kind, part)?);
        rest = after;
        size = size * 5 % 99_991 + 1;
    }
    out.extend(session.finish_into(kind, data.len() + 64).bytes()?);
    Ok(out)
}
