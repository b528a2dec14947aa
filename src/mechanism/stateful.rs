//! Stateful hash-based signatures: public keys of HSS (PKCS#11 section 6.65, RFC 8554), XMSS and XMSS^MT (section 6.66, RFC 8391,
//! SP 800-208), and their verification. Private keys are in `hss`; XMSS has none: a one-time key that signs twice gives itself
//! away, and a token file can be copied.

use crate::ck::*;
use crate::crypto::Error as CryptoError;
use crate::crypto::hash_based::Stateful;
use crate::crypto::pkcs8::Public;
use crate::crypto::{lms, xmss};
use crate::error::{Error, Result};
use crate::object::{Attributes, Value};
use crate::policy::UsableKey;

use super::operation::Verify;
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::append;

/// Most bytes of a message: it is needed as a whole.
pub(super) const MAX_MESSAGE: usize = 64 << 20;

macro_rules! row {
    ($id:ident, $types:expr, $scheme:expr) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::None,
            key: KeyNeed::pair($types),
            sizes: (0, 0),
            flags: 0,
            approval: Approval::Approved,
            ops: Ops { verify: Some(|key, _| verify($scheme, key)), ..Ops::NONE },
        }
    };
}

pub(super) static ROWS: &[Mechanism] =
    &[row!(CKM_XMSS, &[CKK_XMSS], Stateful::Xmss), row!(CKM_XMSSMT, &[CKK_XMSSMT], Stateful::XmssMt)];

/// The scheme of a key type.
pub(super) fn scheme_of(key_type: CK_KEY_TYPE) -> Option<Stateful> {
    match key_type {
        CKK_HSS => Some(Stateful::Hss),
        CKK_XMSS => Some(Stateful::Xmss),
        CKK_XMSSMT => Some(Stateful::XmssMt),
        _ => None,
    }
}

/// The scheme of XMSS; `None` for HSS.
fn xmss_of(scheme: Stateful) -> Option<xmss::Scheme> {
    match scheme {
        Stateful::Hss => None,
        Stateful::Xmss => Some(xmss::Scheme::Xmss),
        Stateful::XmssMt => Some(xmss::Scheme::XmssMt),
    }
}

/// What the value of a public key tells beside itself: CKA_HSS_LEVELS and the types of the top tree, or CKA_PARAMETER_SET.
fn told(scheme: Stateful, value: &[u8]) -> Result<Attributes> {
    let invalid = |_| Error::AttributeValueInvalid;
    Ok(match xmss_of(scheme) {
        None => {
            let lms::Parameters { levels, tree, one_time } = lms::parameters(value).map_err(invalid)?;
            Attributes::from_iter([
                (CKA_HSS_LEVELS, Value::Ulong(levels)),
                (CKA_HSS_LMS_TYPE, Value::Ulong(tree)),
                (CKA_HSS_LMOTS_TYPE, Value::Ulong(one_time)),
            ])
        }
        Some(scheme) => {
            let (number, _) = xmss::parameter_set(scheme, value).map_err(invalid)?;
            Attributes::from_iter([(CKA_PARAMETER_SET, Value::Ulong(number))])
        }
    })
}

/// The attributes of a public key that comes from outside, with what its value tells. Errors: CKR_TEMPLATE_INCOMPLETE without a
/// value, CKR_ATTRIBUTE_VALUE_INVALID for one that is no public key, CKR_PARAMETER_SET_NOT_SUPPORTED,
/// CKR_TEMPLATE_INCONSISTENT for another parameter set than that of the value.
pub(super) fn checked(attributes: &Attributes, scheme: Stateful) -> Result<Attributes> {
    let value = attributes.bytes(CKA_VALUE).ok_or(Error::TemplateIncomplete)?;
    if let (Some(scheme), Some(number)) = (xmss_of(scheme), attributes.ulong(CKA_PARAMETER_SET)) {
        xmss::ParameterSet::of(scheme, number).ok_or(Error::ParameterSetNotSupported)?;
    }
    let mut checked = attributes.clone();
    for (id, value) in told(scheme, value)? {
        if attributes.value(id).is_some_and(|given| *given != value) {
            return Err(Error::TemplateInconsistent);
        }
        checked.set(id, value);
    }
    Ok(checked)
}

/// The public key of a key file: type, value, and the parameter set that templates must have.
pub(super) fn set_public(attributes: &mut Attributes, scheme: Stateful, value: Vec<u8>) {
    let key_type = match scheme {
        Stateful::Hss => CKK_HSS,
        Stateful::Xmss => CKK_XMSS,
        Stateful::XmssMt => CKK_XMSSMT,
    };
    attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
    if let (Some(_), Ok(told)) = (xmss_of(scheme), told(scheme, &value)) {
        for (id, value) in told {
            attributes.set(id, value);
        }
    }
    attributes.set(CKA_VALUE, Value::Bytes(value));
}

/// The key that a public key tells.
pub(super) fn public_half(attributes: &Attributes) -> Option<Public> {
    let scheme = scheme_of(attributes.ulong(CKA_KEY_TYPE)?)?;
    if attributes.ulong(CKA_CLASS)? == CKO_PRIVATE_KEY {
        return super::hss::public_half(attributes);
    }
    Some(Public::Stateful { scheme, value: attributes.bytes(CKA_VALUE)?.to_vec() })
}

pub(super) fn verify(scheme: Stateful, key: UsableKey) -> Result<Box<dyn Verify>> {
    Ok(Box::new(Verifying { scheme, key, message: Vec::new() }))
}

struct Verifying {
    scheme: Stateful,
    key: UsableKey,
    message: Vec<u8>,
}

impl Verify for Verifying {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        append(&mut self.message, data, MAX_MESSAGE, Error::TokenResourceExceeded)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        let public = self.key.object().bytes(CKA_VALUE).ok_or(Error::GeneralError)?;
        let verified = match xmss_of(self.scheme) {
            None => lms::verify(public, &self.message, signature),
            Some(scheme) => xmss::verify(scheme, public, &self.message, signature),
        };
        verified.map_err(|error| match error {
            CryptoError::Length => Error::SignatureLenRange,
            other => other.into(),
        })
    }

    /// "Single-part operations only" (sections 6.65 and 6.66).
    fn multi_part(&self) -> bool {
        false
    }
}
