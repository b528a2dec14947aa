//! What all keys have (section 4.8).

use crate::ck::*;

use super::Initial::*;
use super::{Rule, rows};

/// CKA_OBJECT_VALIDATION_FLAGS are the library's claim, so that no template may give them (2).
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
};
