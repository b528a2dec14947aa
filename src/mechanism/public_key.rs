//! CKM_PUB_KEY_FROM_PRIV_KEY (PKCS#11 section 6.43.8): the public key object of a private key.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Object, Value};
use crate::secret::Secret;

use super::operation::{Derivation, Derived};
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::{computed, private_key_info};

pub(super) static ROWS: &[Mechanism] = &[Mechanism {
    id: CKM_PUB_KEY_FROM_PRIV_KEY,
    name: "CKM_PUB_KEY_FROM_PRIV_KEY",
    params: ParamKind::None,
    key: KeyNeed::pair(&[
        CKK_RSA,
        CKK_EC,
        CKK_EC_EDWARDS,
        CKK_EC_MONTGOMERY,
        CKK_DSA,
        CKK_DH,
        CKK_X9_42_DH,
        CKK_SLH_DSA,
        CKK_HSS,
        CKK_ML_DSA,
        CKK_ML_KEM,
    ]),
    sizes: (0, 0),
    flags: 0,
    approval: Approval::Approved,
    ops: Ops { derive: Some(derive), ..Ops::NONE },
}];

/// What the public key takes over from the private one where the template does not tell: its attribute, then the
/// private key's.
const INHERITED: &[(CK_ATTRIBUTE_TYPE, CK_ATTRIBUTE_TYPE)] = &[
    (CKA_ENCRYPT, CKA_DECRYPT),
    (CKA_VERIFY, CKA_SIGN),
    (CKA_VERIFY_RECOVER, CKA_SIGN_RECOVER),
    (CKA_WRAP, CKA_UNWRAP),
    (CKA_ENCAPSULATE, CKA_DECAPSULATE),
    (CKA_DERIVE, CKA_DERIVE),
    (CKA_ID, CKA_ID),
    (CKA_START_DATE, CKA_START_DATE),
    (CKA_END_DATE, CKA_END_DATE),
    (CKA_SUBJECT, CKA_SUBJECT),
    (CKA_ALLOWED_MECHANISMS, CKA_ALLOWED_MECHANISMS),
];

/// CKR_TEMPLATE_INCONSISTENT: the template asks for another key type.
fn derive(input: &Derivation) -> Result<Derived> {
    let object: &Object = input.base.object();
    let key_type = object.key_type().ok_or(Error::GeneralError)?;
    if input.template.ulong(CKA_KEY_TYPE).is_some_and(|asked| asked != key_type) {
        return Err(Error::TemplateInconsistent);
    }
    let mut private = object.attributes().clone();
    if let Some(value) = object.material(CKA_VALUE)? {
        private.set(CKA_VALUE, Value::Secret(Secret::copy_of(value)));
    }
    let half = computed::public_half(&private).ok_or(Error::FunctionFailed)?;
    let mut public = private_key_info::public_attributes_of(half)?;
    // In the form that the private key has: identifier or name.
    if let Some(params) = private.value(CKA_EC_PARAMS) {
        public.set(CKA_EC_PARAMS, params.clone());
    }
    for (own, from) in INHERITED {
        if let Some(value) = private.value(*from).filter(|_| !input.template.contains(*own)) {
            public.set(*own, value.clone());
        }
    }
    Ok(Derived::object(public))
}
