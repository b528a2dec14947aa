//! One-time-password keys (section 6.53): what secret keys have and the attributes of passwords.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::key::KEY;
use super::secret_key::{MAC, SECRET_KEY};
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows};

/// The length of a counter in bytes, big-endian.
const COUNTER: usize = 8;

/// Nothing lets an application change the counter of a key that exists, so that no password comes twice. HOTP knows no
/// challenge, no time and no PIN.
const OTP_KEY: &[Rule] = rows! {
    CKA_OTP_FORMAT [] Ulong(CK_OTP_FORMAT_DECIMAL);
    CKA_OTP_LENGTH [9] Ulong(6);
    CKA_OTP_USER_FRIENDLY_MODE [9] True;
    CKA_OTP_CHALLENGE_REQUIREMENT [9] Ulong(CK_OTP_PARAM_IGNORED);
    CKA_OTP_TIME_REQUIREMENT [9] Ulong(CK_OTP_PARAM_IGNORED);
    CKA_OTP_COUNTER_REQUIREMENT [9] Ulong(CK_OTP_PARAM_OPTIONAL);
    CKA_OTP_PIN_REQUIREMENT [9] Ulong(CK_OTP_PARAM_IGNORED);
    CKA_OTP_COUNTER [] Empty;
    CKA_OTP_TIME [] Empty;
    CKA_OTP_USER_IDENTIFIER [] Empty;
    CKA_OTP_SERVICE_IDENTIFIER [] Empty;
    CKA_OTP_SERVICE_LOGO [] Empty;
    CKA_OTP_SERVICE_LOGO_TYPE [] Empty;
    CKA_VALUE [1, 4, 6, 7] Absent;
    CKA_VALUE_LEN [2, 3] Computed;
};

/// What HOTP can serve (RFC 4226 section 5.3): decimal passwords of six to eight digits, and counters of eight bytes.
fn hotp(attributes: &Attributes) -> Result<()> {
    let ulong = |id| attributes.ulong(id).unwrap_or_default();
    let ignored = [CKA_OTP_CHALLENGE_REQUIREMENT, CKA_OTP_TIME_REQUIREMENT, CKA_OTP_PIN_REQUIREMENT];
    let counter = attributes.bytes(CKA_OTP_COUNTER).unwrap_or_default();
    let served = ulong(CKA_OTP_FORMAT) == CK_OTP_FORMAT_DECIMAL
        && (6..=8).contains(&ulong(CKA_OTP_LENGTH))
        && ignored.into_iter().all(|id| ulong(id) == CK_OTP_PARAM_IGNORED)
        && ulong(CKA_OTP_COUNTER_REQUIREMENT) <= CK_OTP_PARAM_MANDATORY
        && matches!(counter.len(), 0 | COUNTER);
    if served { Ok(()) } else { Err(Error::AttributeValueInvalid) }
}

pub(super) const TABLES: &[Table] = &[Table {
    class: CKO_OTP_KEY,
    subtype: Some(CKK_HOTP),
    sections: &[COMMON, STORAGE, KEY, SECRET_KEY, OTP_KEY],
    private: true,
    usages: MAC,
    value_lengths: &[],
    check: hotp,
}];
