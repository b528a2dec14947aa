//! Trust objects (section 4.7): what a certificate may be trusted for. Coffer stores them and attaches no meaning.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows};

const TRUST: &[Rule] = rows! {
    CKA_ISSUER [1] Empty;
    CKA_SERIAL_NUMBER [1] Empty;
    CKA_HASH_OF_CERTIFICATE [] Empty;
    CKA_NAME_HASH_ALGORITHM [] Absent;
    CKA_TRUST_SERVER_AUTH [] Absent;
    CKA_TRUST_CLIENT_AUTH [] Absent;
    CKA_TRUST_CODE_SIGNING [] Absent;
    CKA_TRUST_EMAIL_PROTECTION [] Absent;
    CKA_TRUST_IPSEC_IKE [] Absent;
    CKA_TRUST_TIME_STAMPING [] Absent;
    CKA_TRUST_OCSP_SIGNING [] Absent;
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

/// The certificate's hash and its algorithm must be told "unless all trust attributes are CKT_TRUST_UNKNOWN, or
/// CKT_NOT_TRUSTED" (section 4.7, footnote 2).
fn trust(attributes: &Attributes) -> Result<()> {
    let needs_hash = |used: &CK_ATTRIBUTE_TYPE| {
        let trust = attributes.ulong(*used).unwrap_or(u64::from(CKT_TRUST_UNKNOWN));
        trust != u64::from(CKT_TRUST_UNKNOWN) && trust != u64::from(CKT_NOT_TRUSTED)
    };
    let hash = attributes.bytes(CKA_HASH_OF_CERTIFICATE).unwrap_or_default();
    if USES.iter().any(needs_hash) && (hash.is_empty() || !attributes.contains(CKA_NAME_HASH_ALGORITHM)) {
        return Err(Error::TemplateIncomplete);
    }
    Ok(())
}

pub(super) const TABLES: &[Table] = &[Table {
    class: CKO_TRUST,
    subtype: None,
    sections: &[COMMON, STORAGE, TRUST],
    private: false,
    usages: &[],
    check: trust,
}];
