//! HSS (PKCS#11 section 6.65, RFC 8554, SP 800-208): key pairs and signatures, where the token's settings have stateful
//! signatures. The index of each one-time key comes from the token, which counts it as used before it gives it out.

use crate::ck::*;
use crate::crypto::Error as CryptoError;
use crate::crypto::hash_based::Stateful;
use crate::crypto::lms;
use crate::crypto::pkcs8::Public;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value};
use crate::policy::UsableKey;

use super::operation::{KeyPair, Sign};
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::append;
use super::stateful::{self, MAX_MESSAGE};
use super::{put, secret_value};

/// "ulMinKeySize and ulMaxKeySize … are not used and must be set to 0."
const fn row(id: CK_MECHANISM_TYPE, name: &'static str, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_HSS]),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { stateful: true, slow: true, ..ops },
    }
}

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_HSS_KEY_PAIR_GEN,
        "CKM_HSS_KEY_PAIR_GEN",
        Ops { generate_key_pair: Some(|_, _, private| generate(private)), ..Ops::NONE },
    ),
    row(
        CKM_HSS,
        "CKM_HSS",
        Ops {
            sign: Some(|key, _| Ok(Box::new(Signing::new(key)?))),
            verify: Some(|key, _| stateful::verify(Stateful::Hss, key)),
            ..Ops::NONE
        },
    ),
];

/// "CKA_SENSITIVE MUST be true, CKA_EXTRACTABLE MUST be false, and CKA_COPYABLE MUST be false" (section 6.65.3). A template that
/// says otherwise is CKR_TEMPLATE_INCONSISTENT.
const STAYS: [(CK_ATTRIBUTE_TYPE, Value); 3] = [
    (CKA_SENSITIVE, Value::Bool(true)),
    (CKA_EXTRACTABLE, Value::Bool(false)),
    (CKA_COPYABLE, Value::Bool(false)),
];

/// LMS and LM-OTS type of each level of a template. Errors: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT for lists of another
/// length than CKA_HSS_LEVELS.
fn types_of(template: &Attributes) -> Result<Vec<(u64, u64)>> {
    let levels = template.ulong(CKA_HSS_LEVELS).ok_or(Error::TemplateIncomplete)?;
    let list = |id| match template.value(id) {
        Some(Value::Mechanisms(types)) => Ok(types),
        _ => Err(Error::TemplateIncomplete),
    };
    let (trees, one_time) = (list(CKA_HSS_LMS_TYPES)?, list(CKA_HSS_LMOTS_TYPES)?);
    if trees.len() as u64 != levels || one_time.len() as u64 != levels {
        return Err(Error::TemplateInconsistent);
    }
    Ok(trees.iter().copied().zip(one_time.iter().copied()).collect())
}

/// Errors besides those of `types_of`: CKR_ATTRIBUTE_VALUE_INVALID for no or too many levels, unknown types and different hash
/// functions, CKR_KEY_SIZE_RANGE for trees that take too long to make.
fn generate(template: &Attributes) -> Result<KeyPair> {
    let types = types_of(template)?;
    // Now, and not after minutes.
    if STAYS.iter().any(|(id, must)| template.value(*id).is_some_and(|given| given != must)) {
        return Err(Error::TemplateInconsistent);
    }
    let key = lms::generate(&types).map_err(|error| match error {
        CryptoError::Parameters => Error::AttributeValueInvalid,
        CryptoError::KeySize => Error::KeySizeRange,
        other => other.into(),
    })?;
    let mut public = Attributes::new();
    stateful::set_public(&mut public, Stateful::Hss, key.public()?);
    let public = stateful::checked(&public, Stateful::Hss)?;
    let (trees, one_time) = types.into_iter().unzip();
    let private = Attributes::from_iter([
        (CKA_KEY_TYPE, Value::Ulong(CKK_HSS)),
        (CKA_HSS_LEVELS, Value::Ulong(template.ulong(CKA_HSS_LEVELS).unwrap_or_default())),
        (CKA_HSS_LMS_TYPES, Value::Mechanisms(trees)),
        (CKA_HSS_LMOTS_TYPES, Value::Mechanisms(one_time)),
        (CKA_VALUE, Value::Secret(key.encode())),
        (CKA_COFFER_ONE_TIME_KEYS_USED, Value::Ulong(0)),
        (CKA_HSS_KEYS_REMAINING, Value::Ulong(key.signatures().min(0xffff_ffff))),
    ]);
    let private = private.into_iter().chain(STAYS).collect();
    Ok(KeyPair { public, private })
}

/// The public key that a private key tells.
pub(super) fn public_half(attributes: &Attributes) -> Option<Public> {
    let key = lms::PrivateKey::decode(attributes.bytes(CKA_VALUE)?).ok()?;
    Some(Public::Stateful { scheme: Stateful::Hss, value: key.public().ok()? })
}

/// The key with the trees that it has computed, for as long as somebody is logged in.
fn private_key(key: &UsableKey) -> Result<&lms::PrivateKey> {
    key.object().lasting_key(|_: &Object| Ok(lms::PrivateKey::decode(secret_value(key)?)?))
}

struct Signing {
    key: UsableKey,
    message: Vec<u8>,
    length: usize,
}

impl Signing {
    fn new(key: UsableKey) -> Result<Self> {
        let length = private_key(&key)?.signature_len();
        Ok(Self { key, message: Vec::new(), length })
    }
}

impl Sign for Signing {
    fn output_len(&self) -> usize {
        self.length
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        append(&mut self.message, data, MAX_MESSAGE, Error::TokenResourceExceeded)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        let private = private_key(&self.key)?;
        let index = self.key.take_counter()?;
        put(&private.sign(index, &self.message)?, signature)
    }

    fn slow(&self) -> bool {
        true
    }

    /// "Single-part operations only" (section 6.65).
    fn multi_part(&self) -> bool {
        false
    }
}
