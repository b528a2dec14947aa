//! Certificates (section 4.6): X.509, WTLS and X.509 attribute certificates.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows};

const CERTIFICATE: &[Rule] = rows! {
    CKA_CERTIFICATE_TYPE [1] Absent;
    CKA_TRUSTED [10] False;
    CKA_CERTIFICATE_CATEGORY [] Ulong(CK_CERTIFICATE_CATEGORY_UNSPECIFIED);
    CKA_CHECK_VALUE [] Computed;
    CKA_START_DATE [] Empty;
    CKA_END_DATE [] Empty;
    CKA_PUBLIC_KEY_INFO [] Empty;
};

const X_509: &[Rule] = rows! {
    CKA_SUBJECT [1] Absent;
    CKA_ID [8] Empty;
    CKA_ISSUER [8] Empty;
    CKA_SERIAL_NUMBER [8] Empty;
    CKA_VALUE [1] Absent;
    CKA_URL [] Empty;
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY [] Empty;
    CKA_HASH_OF_ISSUER_PUBLIC_KEY [] Empty;
    CKA_JAVA_MIDP_SECURITY_DOMAIN [] Ulong(CK_SECURITY_DOMAIN_UNSPECIFIED);
    CKA_NAME_HASH_ALGORITHM [] Ulong(CKM_SHA_1);
};

const WTLS: &[Rule] = rows! {
    CKA_SUBJECT [1] Absent;
    CKA_ISSUER [8] Empty;
    CKA_VALUE [1] Absent;
    CKA_URL [] Empty;
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY [] Empty;
    CKA_HASH_OF_ISSUER_PUBLIC_KEY [] Empty;
    CKA_NAME_HASH_ALGORITHM [] Ulong(CKM_SHA_1);
};

const ATTRIBUTE_CERTIFICATE: &[Rule] = rows! {
    CKA_OWNER [1] Absent;
    CKA_AC_ISSUER [8] Empty;
    CKA_SERIAL_NUMBER [8] Empty;
    CKA_ATTR_TYPES [8] Empty;
    CKA_VALUE [1] Absent;
};

fn category(attributes: &Attributes) -> Result<()> {
    let category = attributes.ulong(CKA_CERTIFICATE_CATEGORY).unwrap_or(CK_CERTIFICATE_CATEGORY_UNSPECIFIED);
    let domain = attributes.ulong(CKA_JAVA_MIDP_SECURITY_DOMAIN).unwrap_or(CK_SECURITY_DOMAIN_UNSPECIFIED);
    match category <= CK_CERTIFICATE_CATEGORY_OTHER_ENTITY && domain <= CK_SECURITY_DOMAIN_THIRD_PARTY {
        true => Ok(()),
        false => Err(Error::AttributeValueInvalid),
    }
}

/// CKA_VALUE or CKA_URL must be non-empty, and a URL comes with both hashes (footnotes 2 to 4 of the tables).
fn value_or_url(attributes: &Attributes) -> Result<()> {
    category(attributes)?;
    let empty = |attribute| attributes.bytes(attribute).is_none_or(<[u8]>::is_empty);
    if empty(CKA_URL) {
        return if empty(CKA_VALUE) { Err(Error::TemplateInconsistent) } else { Ok(()) };
    }
    match empty(CKA_HASH_OF_SUBJECT_PUBLIC_KEY) || empty(CKA_HASH_OF_ISSUER_PUBLIC_KEY) {
        true => Err(Error::TemplateInconsistent),
        false => Ok(()),
    }
}

/// A WTLS certificate's subject "can only be empty if CKA_VALUE is empty".
fn wtls(attributes: &Attributes) -> Result<()> {
    value_or_url(attributes)?;
    let empty = |attribute| attributes.bytes(attribute).is_none_or(<[u8]>::is_empty);
    match empty(CKA_SUBJECT) && !empty(CKA_VALUE) {
        true => Err(Error::TemplateInconsistent),
        false => Ok(()),
    }
}

fn attribute_certificate(attributes: &Attributes) -> Result<()> {
    category(attributes)?;
    match attributes.bytes(CKA_VALUE).is_none_or(<[u8]>::is_empty) {
        true => Err(Error::AttributeValueInvalid),
        false => Ok(()),
    }
}

const fn table(
    certificate_type: CK_CERTIFICATE_TYPE,
    sections: &'static [&'static [Rule]],
    check: fn(&Attributes) -> Result<()>,
) -> Table {
    Table {
        class: CKO_CERTIFICATE,
        subtype: Some(certificate_type),
        sections,
        private: false,
        usages: &[],
        value_lengths: &[],
        check,
    }
}

pub(super) const TABLES: &[Table] = &[
    table(CKC_X_509, &[COMMON, STORAGE, CERTIFICATE, X_509], value_or_url),
    table(CKC_WTLS, &[COMMON, STORAGE, CERTIFICATE, WTLS], wtls),
    table(CKC_X_509_ATTR_CERT, &[COMMON, STORAGE, CERTIFICATE, ATTRIBUTE_CERTIFICATE], attribute_certificate),
];
