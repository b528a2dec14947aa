//! What all keys have (section 4.8).

use crate::ck::*;

use super::Initial::*;
use super::{Rule, rows};

/// CKA_OBJECT_VALIDATION_FLAGS are the library's claim, so that no template may give them (2). Coffer's own attributes
/// (include/coffer.h) are the key's life: of those that may be modified, dates and limits may only be tightened
/// (`policy::check_life_change`).
pub(super) const KEY: &[Rule] = rows! {
    CKA_KEY_TYPE [1, 5] Absent;
    CKA_ID [8] Empty;
    CKA_START_DATE [8] Empty;
    CKA_END_DATE [8] Empty;
    CKA_DERIVE [8] False;
    CKA_LOCAL [2, 4, 6] Computed;
    CKA_KEY_GEN_MECHANISM [2, 4, 6] Computed;
    CKA_ALLOWED_MECHANISMS [] Absent;
    CKA_OBJECT_VALIDATION_FLAGS [2, 4, 6, 9, 12] Ulong(0);
    CKA_COFFER_STATE [2, 4, 6] Absent;
    CKA_COFFER_ACTIVATION_DATE [8] Absent;
    CKA_COFFER_PROTECT_STOP_DATE [8] Absent;
    CKA_COFFER_PROCESS_STOP_DATE [8] Absent;
    CKA_COFFER_CREATION_DATE [2, 4, 6] Computed;
    CKA_COFFER_OWNER [8] Absent;
    CKA_COFFER_CUSTODIAN [8] Absent;
    CKA_COFFER_PURPOSE [8] Absent;
    CKA_COFFER_VERSION [2, 4, 6] Absent;
    CKA_COFFER_PREDECESSOR [2, 4, 6] Absent;
    CKA_COFFER_SUCCESSOR [2, 4, 6] Absent;
    CKA_COFFER_USE_LIMIT [8] Absent;
    CKA_COFFER_BYTE_LIMIT [8] Absent;
    CKA_COFFER_USES [2, 4, 6] Absent;
    CKA_COFFER_BYTES [2, 4, 6] Absent;
    CKA_COFFER_LAST_USED [2, 4, 6] Absent;
    CKA_COFFER_COPIES [2, 4, 6] Absent;
    CKA_COFFER_STATE_REASON [2, 4, 6] Absent;
    CKA_COFFER_EXCEPTION_UNTIL [2, 4, 6] Absent;
};
