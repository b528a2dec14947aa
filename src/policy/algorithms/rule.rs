//! One rule of an algorithm policy: what it is about, and until when.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::ck::*;
use crate::object::Attributes;
use crate::policy::dates;
use crate::policy::strength;
use crate::policy::usage::Use;
use crate::policy::validity::Class;

/// A rule. A condition that is not given holds; all that are given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    #[serde(default)]
    algorithms: Vec<Algorithm>,
    #[serde(default)]
    uses: Vec<Purpose>,
    /// Bits of security, as SP 800-57 Part 1 tells them.
    strength_below: Option<u64>,
    /// Bits of the modulus, prime or secret.
    bits_below: Option<u64>,
    /// Bits of the hash that is signed.
    hash_bits_below: Option<u64>,
    #[serde(default)]
    modes: Vec<Mode>,
    /// The last day on which it is as good as any other.
    #[serde(default, deserialize_with = "day")]
    deprecated_after: Option<u64>,
    /// The last day on which it protects; `never`.
    #[serde(default, deserialize_with = "day")]
    protect_until: Option<u64>,
    /// The last day on which it processes; `never`.
    #[serde(default, deserialize_with = "day")]
    process_until: Option<u64>,
    /// The document, its revision and the place in it.
    pub source: String,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Algorithm {
    Rsa,
    Dsa,
    /// Diffie-Hellman in finite fields.
    Dh,
    /// ECDSA and ECDH.
    Ec,
    /// Ed25519 and Ed448.
    Edwards,
    /// X25519 and X448.
    Montgomery,
    MlKem,
    MlDsa,
    SlhDsa,
    /// LMS and HSS.
    Hss,
    /// XMSS and XMSS^MT.
    Xmss,
    Aes,
    AesXts,
    Des,
    Des2,
    Des3,
    Camellia,
    Aria,
    #[serde(rename = "chacha20")]
    ChaCha20,
    Salsa20,
    Poly1305,
    Hmac,
    /// Generic secrets and what there is else.
    Generic,
}

impl Algorithm {
    fn of(key_type: CK_KEY_TYPE) -> Self {
        match key_type {
            CKK_RSA => Self::Rsa,
            CKK_DSA => Self::Dsa,
            CKK_DH | CKK_X9_42_DH => Self::Dh,
            CKK_EC => Self::Ec,
            CKK_EC_EDWARDS => Self::Edwards,
            CKK_EC_MONTGOMERY => Self::Montgomery,
            CKK_ML_KEM => Self::MlKem,
            CKK_ML_DSA => Self::MlDsa,
            CKK_SLH_DSA => Self::SlhDsa,
            CKK_HSS => Self::Hss,
            CKK_XMSS | CKK_XMSSMT => Self::Xmss,
            CKK_AES => Self::Aes,
            CKK_AES_XTS => Self::AesXts,
            CKK_DES => Self::Des,
            CKK_DES2 => Self::Des2,
            CKK_DES3 => Self::Des3,
            CKK_CAMELLIA => Self::Camellia,
            CKK_ARIA => Self::Aria,
            CKK_CHACHA20 => Self::ChaCha20,
            CKK_SALSA20 => Self::Salsa20,
            CKK_POLY1305 => Self::Poly1305,
            CKK_MD5_HMAC
            | CKK_SHA_1_HMAC
            | CKK_SHA224_HMAC
            | CKK_SHA256_HMAC
            | CKK_SHA384_HMAC
            | CKK_SHA512_HMAC
            | CKK_SHA3_224_HMAC..=CKK_SHA3_512_HMAC => Self::Hmac,
            _ => Self::Generic,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Purpose {
    Signature,
    Mac,
    Encryption,
    /// Wrapping, deriving and encapsulating, and their undoing.
    KeyEstablishment,
}

impl Purpose {
    fn of(purpose: Use, secret: bool) -> Self {
        match purpose {
            Use::Sign | Use::SignRecover | Use::Verify | Use::VerifyRecover if secret => Self::Mac,
            Use::Sign | Use::SignRecover | Use::Verify | Use::VerifyRecover => Self::Signature,
            Use::Encrypt | Use::Decrypt => Self::Encryption,
            Use::Wrap | Use::Unwrap | Use::Derive | Use::Encapsulate | Use::Decapsulate => {
                Self::KeyEstablishment
            }
        }
    }
}

/// Modes of operation that a rule can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Ecb,
}

const ECB: [CK_MECHANISM_TYPE; 5] = [CKM_AES_ECB, CKM_DES_ECB, CKM_DES3_ECB, CKM_CAMELLIA_ECB, CKM_ARIA_ECB];

/// A key, what it is to be used for, and with what.
pub(super) struct Question {
    algorithm: Algorithm,
    purpose: Purpose,
    strength: Option<u64>,
    bits: Option<u64>,
    /// `None`: a question about the key alone.
    mechanism: Option<(CK_MECHANISM_TYPE, Option<CK_MECHANISM_TYPE>)>,
}

impl Question {
    pub(super) fn new(
        key: &Attributes,
        purpose: Use,
        mechanism: Option<(CK_MECHANISM_TYPE, Option<CK_MECHANISM_TYPE>)>,
    ) -> Self {
        let secret = matches!(key.ulong(CKA_CLASS), Some(CKO_SECRET_KEY | CKO_OTP_KEY));
        Self {
            algorithm: Algorithm::of(key.ulong(CKA_KEY_TYPE).unwrap_or(UNAVAILABLE)),
            purpose: Purpose::of(purpose, secret),
            strength: strength::of(key),
            bits: strength::bits(key),
            mechanism,
        }
    }
}

impl Rule {
    /// Whether the rule is about this.
    pub(super) fn applies(&self, question: &Question) -> bool {
        let below = |limit: Option<u64>, is: Option<u64>| match (limit, is) {
            (Some(limit), Some(is)) => is < limit,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let hash = question.mechanism.and_then(|(mechanism, told)| hash_bits(told.unwrap_or(mechanism)));
        let mode = question.mechanism.filter(|(mechanism, _)| ECB.contains(mechanism)).map(|_| Mode::Ecb);
        (self.algorithms.is_empty() || self.algorithms.contains(&question.algorithm))
            && (self.uses.is_empty() || self.uses.contains(&question.purpose))
            && (self.modes.is_empty() || mode.is_some_and(|mode| self.modes.contains(&mode)))
            && below(self.strength_below, question.strength)
            && below(self.bits_below, question.bits)
            && below(self.hash_bits_below, hash)
    }

    /// The second from which on such uses are disallowed; 0: they always were.
    pub fn stop(&self, class: Class) -> Option<u64> {
        match class {
            Class::Protect => self.protect_until,
            Class::Process => self.process_until,
        }
    }

    /// The second from which on protecting so is deprecated.
    pub fn deprecated_from(&self) -> Option<u64> {
        self.deprecated_after
    }
}

/// The second after a day `2030-12-31`; 0 for `never`.
fn day<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "never" {
        return Ok(Some(0));
    }
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = matches!(parts[..], [year, month, day] if (year.len(), month.len(), day.len()) == (4, 2, 2));
    let second =
        dates::second_after(parts.concat().as_bytes()).filter(|_| is_day && parts.iter().all(digits));
    second
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is neither a day such as 2030-12-31 nor never")))
}

/// Bits of the hash in a signing mechanism, or of a hash itself, where they are below 384.
fn hash_bits(mechanism: CK_MECHANISM_TYPE) -> Option<u64> {
    match mechanism {
        CKM_MD5 | CKM_MD5_RSA_PKCS => Some(128),
        CKM_SHA_1
        | CKM_SHA1_RSA_PKCS
        | CKM_SHA1_RSA_PKCS_PSS
        | CKM_SHA1_RSA_X9_31
        | CKM_DSA_SHA1
        | CKM_ECDSA_SHA1 => Some(160),
        CKM_SHA224
        | CKM_SHA3_224
        | CKM_SHA512_224
        | CKM_SHA224_RSA_PKCS
        | CKM_SHA224_RSA_PKCS_PSS
        | CKM_SHA3_224_RSA_PKCS
        | CKM_SHA3_224_RSA_PKCS_PSS
        | CKM_DSA_SHA224
        | CKM_DSA_SHA3_224
        | CKM_ECDSA_SHA224
        | CKM_ECDSA_SHA3_224
        | CKM_HASH_ML_DSA_SHA224
        | CKM_HASH_ML_DSA_SHA3_224
        | CKM_HASH_SLH_DSA_SHA224
        | CKM_HASH_SLH_DSA_SHA3_224 => Some(224),
        CKM_SHA256
        | CKM_SHA3_256
        | CKM_SHA512_256
        | CKM_SHA256_RSA_PKCS
        | CKM_SHA256_RSA_PKCS_PSS
        | CKM_SHA3_256_RSA_PKCS
        | CKM_SHA3_256_RSA_PKCS_PSS
        | CKM_DSA_SHA256
        | CKM_DSA_SHA3_256
        | CKM_ECDSA_SHA256
        | CKM_ECDSA_SHA3_256
        | CKM_HASH_ML_DSA_SHA256
        | CKM_HASH_ML_DSA_SHA3_256
        | CKM_HASH_SLH_DSA_SHA256
        | CKM_HASH_SLH_DSA_SHA3_256 => Some(256),
        _ => None,
    }
}
