//! HKDF (PKCS#11 section 6.62, RFC 5869): keys and data. TLS 1.3 makes its key schedule of it (RFC 8446 section 7.1).

use crate::ck::*;
use crate::crypto::hkdf;
use crate::error::{Error, Result};
use crate::object::{Attributes, Value};
use crate::secret::Secret;

use super::operation::{Derivation, Derived};
use super::params::{ParamKind, Params};
use super::row::{Approval, DeriveFn, KeyNeed, Mechanism, Ops};
use super::{hashes, secret_value};

/// CK_HKDF_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HkdfParams {
    pub extract: bool,
    pub expand: bool,
    pub hash: CK_MECHANISM_TYPE,
    pub salt: Salt,
    pub info: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Salt {
    Null,
    Data(Vec<u8>),
    /// The one key that the parameter names.
    Key,
}

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_HKDF_DERIVE, "CKM_HKDF_DERIVE", |input| Ok(Derived::key(derive(input)?))),
    row(CKM_HKDF_DATA, "CKM_HKDF_DATA", |input| {
        let value = derive(input)?;
        Ok(Derived::object(Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_DATA)),
            (CKA_VALUE, Value::Bytes(value.as_bytes().to_vec())),
        ])))
    }),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, derive: DeriveFn) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::Hkdf,
        key: KeyNeed::secret(&[CKK_HKDF, CKK_GENERIC_SECRET]),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// Without the second step the result has the length of the hash. Errors: CKR_MECHANISM_PARAM_INVALID for no step, an
/// unknown hash or a missing salt key; CKR_TEMPLATE_INCOMPLETE without a length for the second step;
/// CKR_KEY_SIZE_RANGE for another length than the first step gives, or more than 255 digests.
fn derive(input: &Derivation) -> Result<Secret> {
    let Params::Hkdf(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let hash = hashes::of_mechanism(params.hash).ok_or(Error::MechanismParamInvalid)?;
    let base = secret_value(input.base)?;
    let extracted = match (params.extract, &params.salt, input.keys) {
        (false, _, _) => None,
        (true, Salt::Null, _) => Some(hkdf::extract(hash, base, &[])?),
        (true, Salt::Data(salt), _) => Some(hkdf::extract(hash, base, salt)?),
        (true, Salt::Key, [salt]) => Some(hkdf::extract(hash, base, secret_value(salt)?)?),
        (true, Salt::Key, _) => return Err(Error::MechanismParamInvalid),
    };
    if params.expand {
        let length = input.wanted.ok_or(Error::TemplateIncomplete)?;
        let key = extracted.as_ref().map_or(base, |key| key.as_bytes());
        return Ok(hkdf::expand(hash, key, &params.info, length)?);
    }
    match (extracted, input.wanted) {
        (None, _) => Err(Error::MechanismParamInvalid),
        (Some(key), Some(wanted)) if wanted != key.as_bytes().len() => Err(Error::KeySizeRange),
        (Some(key), _) => Ok(Secret::copy_of(key.as_bytes())),
    }
}

#[cfg(test)]
mod tests;
