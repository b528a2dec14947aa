//! The profile of a token: what it forbids beyond the standard's rules. Chosen when the token is made, kept in its
//! authenticated information, and written here and nowhere else (docs/policy.md).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Defaults, Object, rules};

use super::strength;
use super::usage::{Need, Use};

/// What a token forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// What the standard allows, and what applications of other tokens expect.
    #[default]
    Compatible,
    /// One role for each key, no weak mechanism, and no way from one role to another.
    Strict,
}

/// How a new key comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// C_CreateObject, or from a password: somebody outside knows its value.
    Imported,
    Generated,
    Unwrapped,
    /// From other keys, by derivation or encapsulation.
    Derived,
    Copied,
}

/// Why `strict` refuses the use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A signature over SHA-1 or MD5.
    BrokenHash,
    /// DES with one, two or three keys.
    Des,
    /// RSA decryption without OAEP.
    Padding,
    /// Below 112 bits of security.
    WeakKey,
    /// A wrapping mechanism that does not notice changes.
    Unauthenticated,
    /// Wrapping under a nonce of the caller.
    CallersNonce,
    /// A tag of an authenticated cipher below 96 bits.
    ShortTag,
    /// An IV or nonce of zeros.
    ZeroIv,
}

impl Refusal {
    pub(super) fn error(self, purpose: Use) -> Error {
        match self {
            Refusal::BrokenHash | Refusal::Des | Refusal::Padding | Refusal::Unauthenticated => {
                Error::MechanismInvalid
            }
            Refusal::WeakKey => purpose.size_range(),
            Refusal::CallersNonce | Refusal::ShortTag | Refusal::ZeroIv => Error::MechanismParamInvalid,
        }
    }
}

/// What the parameter of a mechanism tells that a profile asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameter<'a> {
    /// IV, nonce or counter block.
    pub iv: Option<&'a [u8]>,
    /// Length of the tag of an authenticated cipher in bits.
    pub tag_bits: Option<u64>,
    /// The hash of a signature, where the parameter tells it.
    pub hash: Option<CK_MECHANISM_TYPE>,
}

/// The shortest tag of an authenticated cipher in bits (SP 800-38D, section 5.2.1.2).
const SHORTEST_TAG: u64 = 96;

/// Roles that a key has alone. With decryption beside it, a wrapped key can be decrypted, with encryption a known key
/// wrapped; and encryption, a MAC or a derivation gives the key stream under which CTR modes wrap.
const WRAPPING: &[CK_ATTRIBUTE_TYPE] = &[CKA_WRAP, CKA_UNWRAP];

/// Wrapping mechanisms that give two keys under one nonce away, if one of them is known.
const NONCE_WRAPPING: &[CK_MECHANISM_TYPE] = &[CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305];

/// Wrapping mechanisms under which a changed key does not come out.
const AUTHENTICATED_WRAPPING: &[CK_MECHANISM_TYPE] = &[
    CKM_AES_GCM,
    CKM_AES_CCM,
    CKM_CHACHA20_POLY1305,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_PAD,
    CKM_AES_KEY_WRAP_KWP,
    CKM_AES_KEY_WRAP_PKCS7,
    CKM_RSA_PKCS_OAEP,
    CKM_RSA_AES_KEY_WRAP,
    CKM_ECDH_AES_KEY_WRAP,
    CKM_ECDH_COF_AES_KEY_WRAP,
    CKM_ECDH_X_AES_KEY_WRAP,
];

/// Signatures over SHA-1 or MD5.
const BROKEN_SIGNATURES: &[CK_MECHANISM_TYPE] = &[
    CKM_MD5_RSA_PKCS,
    CKM_SHA1_RSA_PKCS,
    CKM_SHA1_RSA_PKCS_PSS,
    CKM_SHA1_RSA_X9_31,
    CKM_DSA_SHA1,
    CKM_ECDSA_SHA1,
];

/// RSA decryption that tells by its outcome what the padding was, or takes none.
const WITHOUT_OAEP: &[CK_MECHANISM_TYPE] = &[CKM_RSA_PKCS, CKM_RSA_X_509];

const DES: &[CK_KEY_TYPE] = &[CKK_DES, CKK_DES2, CKK_DES3];

impl Profile {
    pub const ALL: [Profile; 2] = [Profile::Compatible, Profile::Strict];

    pub fn name(self) -> &'static str {
        match self {
            Profile::Compatible => "compatible",
            Profile::Strict => "strict",
        }
    }

    /// The uses (CKF_SIGN …) that the profile refuses to every key with this mechanism, which takes keys of these types; all
    /// bits where it refuses the mechanism altogether.
    pub fn refused_flags(self, mechanism: CK_MECHANISM_TYPE, key_types: &[CK_KEY_TYPE]) -> CK_FLAGS {
        let only_des = !key_types.is_empty() && key_types.iter().all(|key_type| DES.contains(key_type));
        match self {
            Profile::Compatible => 0,
            Profile::Strict if only_des || BROKEN_SIGNATURES.contains(&mechanism) => CK_FLAGS::MAX,
            Profile::Strict => {
                let wraps = AUTHENTICATED_WRAPPING.contains(&mechanism);
                let decrypts = !WITHOUT_OAEP.contains(&mechanism);
                let refused = |is_refused: bool, flags| if is_refused { flags } else { 0 };
                refused(!wraps, CKF_WRAP | CKF_UNWRAP)
                    | refused(!decrypts, CKF_DECRYPT | CKF_UNWRAP | CKF_DECAPSULATE)
            }
        }
    }

    /// What a template that leaves things out gets.
    pub fn defaults(self) -> Defaults {
        match self {
            Profile::Compatible => Defaults::Compatible,
            Profile::Strict => Defaults::Strict,
        }
    }

    /// Whether the token may have such a new object. Errors: CKR_ATTRIBUTE_VALUE_INVALID for a key that is too weak,
    /// CKR_TEMPLATE_INCONSISTENT for everything else.
    pub fn check_new(self, attributes: &Attributes, source: Source) -> Result<()> {
        if self == Profile::Compatible || !attributes.contains(CKA_KEY_TYPE) {
            return Ok(());
        }
        let from_outside = matches!(source, Source::Imported | Source::Unwrapped);
        let hides = attributes.ulong(CKA_CLASS) == Some(CKO_PUBLIC_KEY) || attributes.is_true(CKA_SENSITIVE);
        if strength::is_weak(attributes) {
            return Err(Error::AttributeValueInvalid);
        }
        if is_des(attributes) || has_conflict(|role| attributes.is_true(role)) || (from_outside && !hides) {
            return Err(Error::TemplateInconsistent);
        }
        check_wrapping_role(attributes, source)
    }

    /// The roles of the two halves of a new key pair together. Errors: CKR_TEMPLATE_INCONSISTENT.
    pub fn check_pair(self, public: &Attributes, private: &Attributes) -> Result<()> {
        let conflict = || has_conflict(|role| public.is_true(role) || private.is_true(role));
        if self == Profile::Strict && conflict() { Err(Error::TemplateInconsistent) } else { Ok(()) }
    }

    /// Whether an object, or its copy, may become so. Errors: CKR_ATTRIBUTE_READ_ONLY for a role that the key has not, or
    /// a protection that would be taken away; CKR_TEMPLATE_INCONSISTENT as `check_new`.
    pub fn check_change(self, held: &Attributes, new: &Attributes) -> Result<()> {
        if self == Profile::Compatible {
            return Ok(());
        }
        let gains = |id: &CK_ATTRIBUTE_TYPE| !held.is_true(*id) && new.is_true(*id);
        let never_gained = rules::USES.iter().chain(&[CKA_MODIFIABLE, CKA_DESTROYABLE]);
        let loses_login = held.is_true(CKA_ALWAYS_AUTHENTICATE) && !new.is_true(CKA_ALWAYS_AUTHENTICATE);
        if loses_login || never_gained.into_iter().any(gains) {
            return Err(Error::AttributeReadOnly);
        }
        self.check_new(new, Source::Copied)
    }

    /// Whether one key may wrap another: a weaker one may not (SP 800-57 Part 1, section 5.6.2). Errors:
    /// CKR_KEY_NOT_WRAPPABLE.
    pub fn check_wrap(self, wrapping_key: &Object, key: &Object) -> Result<()> {
        let of = |key: &Object| strength::of(key.attributes());
        match (self, of(wrapping_key), of(key)) {
            (Profile::Strict, Some(wraps), Some(wrapped)) if wraps < wrapped => Err(Error::KeyNotWrappable),
            _ => Ok(()),
        }
    }

    /// Whether the digest of a key's value may be told: keys that are derived by digesting are such digests.
    pub(super) fn digests(self, key: &Object) -> bool {
        let readable = !key.is_true(CKA_SENSITIVE) && key.is_true(CKA_EXTRACTABLE);
        self == Profile::Compatible || readable
    }

    /// Why a key must not be used so, if it must not. `permit` asks.
    pub(super) fn refuses(self, key: &Object, need: &Need, purpose: Use) -> Option<Refusal> {
        if self == Profile::Compatible {
            return None;
        }
        let Parameter { iv, tag_bits, hash } = need.parameter;
        let decrypts = matches!(purpose, Use::Decrypt | Use::Unwrap | Use::Decapsulate);
        let without_oaep = WITHOUT_OAEP.contains(&need.mechanism);
        let wraps = matches!(purpose, Use::Wrap | Use::Unwrap);
        let protects = matches!(purpose, Use::Encrypt | Use::Wrap | Use::Sign);
        let zero = |iv: &[u8]| !iv.is_empty() && iv.iter().all(|byte| *byte == 0);
        let reasons = [
            (is_des(key.attributes()), Refusal::Des),
            (BROKEN_SIGNATURES.contains(&need.mechanism) || hash == Some(CKM_SHA_1), Refusal::BrokenHash),
            (decrypts && without_oaep, Refusal::Padding),
            (wraps && !AUTHENTICATED_WRAPPING.contains(&need.mechanism), Refusal::Unauthenticated),
            (strength::is_weak(key.attributes()), Refusal::WeakKey),
            (
                purpose == Use::Wrap && iv.is_some() && NONCE_WRAPPING.contains(&need.mechanism),
                Refusal::CallersNonce,
            ),
            (tag_bits.is_some_and(|bits| bits < SHORTEST_TAG), Refusal::ShortTag),
            (protects && iv.is_some_and(zero), Refusal::ZeroIv),
        ];
        reasons.into_iter().find(|(applies, _)| *applies).map(|(_, refusal)| refusal)
    }
}

/// A key that wraps or unwraps never leaves the token, and wraps only if it was made here or the SO trusts it: otherwise
/// it could come back, or come in, with a value that somebody knows or in another role.
fn check_wrapping_role(attributes: &Attributes, source: Source) -> Result<()> {
    let (wraps, unwraps) = (attributes.is_true(CKA_WRAP), attributes.is_true(CKA_UNWRAP));
    let made_here = attributes.is_true(CKA_LOCAL) && matches!(source, Source::Generated | Source::Copied);
    let vouched = made_here || attributes.is_true(CKA_TRUSTED);
    let leaves = attributes.is_true(CKA_EXTRACTABLE) && (wraps || unwraps);
    if leaves || (wraps && !vouched) { Err(Error::TemplateInconsistent) } else { Ok(()) }
}

fn has_conflict(has: impl Fn(CK_ATTRIBUTE_TYPE) -> bool) -> bool {
    let wraps = WRAPPING.iter().any(|role| has(*role));
    wraps && rules::USES.iter().any(|role| !WRAPPING.contains(role) && has(*role))
}

fn is_des(attributes: &Attributes) -> bool {
    attributes.ulong(CKA_KEY_TYPE).is_some_and(|key_type| DES.contains(&key_type))
}
