//! Trust objects (section 4.7): what a certificate may be trusted for. Coffer stores them and attaches no meaning.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows};

const UNKNOWN: u64 = CKT_TRUST_UNKNOWN as u64;

const TRUST: &[Rule] = rows! {
    CKA_ISSUER [1] Empty;
    CKA_SERIAL_NUMBER [1] Empty;
    CKA_HASH_OF_CERTIFICATE [] Empty;
    CKA_NAME_HASH_ALGORITHM [] Ulong(CKM_SHA_1);
    CKA_TRUST_SERVER_AUTH [] Ulong(UNKNOWN);
    CKA_TRUST_CLIENT_AUTH [] Ulong(UNKNOWN);
    CKA_TRUST_CODE_SIGNING [] Ulong(UNKNOWN);
    CKA_TRUST_EMAIL_PROTECTION [] Ulong(UNKNOWN);
    CKA_TRUST_IPSEC_IKE [] Ulong(UNKNOWN);
    CKA_TRUST_TIME_STAMPING [] Ulong(UNKNOWN);
    CKA_TRUST_OCSP_SIGNING [] Ulong(UNKNOWN);
};

const USES: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_TRUST_SERVER_AUTH,
    CKA_TRUST_CLIENT_AUTH,
    CKA_TRUST_CODE_SIGNING,
    CKA_TRUST_EMAIL_PROTECTION,
    CKA_TRUST_IPSEC_IKE,
    CKA_TRUST_TIME_STAMPING,
    CKA_TRUST_OCSP_SIGNING,
];

/// The certificate's hash must be told "unless all trust attributes are CKT_TRUST_UNKNOWN, or CKT_NOT_TRUSTED"
/// (section 4.7, footnote 2).
fn trust(attributes: &Attributes) -> Result<()> {
    let needs_hash = |used: &CK_ATTRIBUTE_TYPE| {
        let trust = attributes.ulong(*used).unwrap_or(UNKNOWN);
        trust != UNKNOWN && trust != u64::from(CKT_NOT_TRUSTED)
    };
    let has_hash = attributes.bytes(CKA_HASH_OF_CERTIFICATE).is_some_and(|hash| !hash.is_empty());
    match USES.iter().any(needs_hash) && !has_hash {
        true => Err(Error::TemplateIncomplete),
        false => Ok(()),
    }
}

pub(super) const TABLES: &[Table] = &[Table {
    class: CKO_TRUST,
    subtype: None,
    sections: &[COMMON, STORAGE, TRUST],
    private: false,
    usages: &[],
    value_lengths: &[],
    check: trust,
}];
