//! What every object has (section 4.2) and what every storage object has (section 4.4).

use crate::ck::*;

use super::Initial::*;
use super::{Rule, rows};

pub(super) const COMMON: &[Rule] = rows! {
    CKA_CLASS [1] Absent;
    CKA_UNIQUE_ID [2, 4, 6] Computed;
};

/// Of these, the text below the standard's table lets only CKA_LABEL be modified (8), and CKA_COPYABLE only be set
/// to CK_FALSE (12). CKA_TOKEN, CKA_PRIVATE, CKA_MODIFIABLE and CKA_DESTROYABLE can change in a copy: see
/// `rules::copy`.
pub(super) const STORAGE: &[Rule] = rows! {
    CKA_TOKEN [] False;
    CKA_PRIVATE [] Private;
    CKA_MODIFIABLE [] True;
    CKA_LABEL [8] Empty;
    CKA_COPYABLE [12] True;
    CKA_DESTROYABLE [] True;
};
