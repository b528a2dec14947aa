//! Data objects (section 4.5).

use crate::ck::*;

use super::Initial::*;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows, unchecked};

/// Applications rewrite their data in place, and the standard does not forbid it: footnote 8 is Coffer's.
const DATA: &[Rule] = rows! {
    CKA_APPLICATION [8] Empty;
    CKA_OBJECT_ID [8] Empty;
    CKA_VALUE [8] Empty;
};

pub(super) const TABLES: &[Table] = &[Table {
    class: CKO_DATA,
    subtype: None,
    sections: &[COMMON, STORAGE, DATA],
    private: true,
    usages: &[],
    value_lengths: &[],
    check: unchecked,
}];
