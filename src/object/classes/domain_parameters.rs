//! Domain parameters (section 4.12) of DSA (6.2), Diffie-Hellman and X9.42 Diffie-Hellman (6.4).

use crate::ck::*;

use super::Initial::*;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows, unchecked};

const DOMAIN_PARAMETERS: &[Rule] = rows! {
    CKA_KEY_TYPE [1] Absent;
    CKA_LOCAL [2, 4] Computed;
};

/// CKA_SUBPRIME_BITS is not in the DSA table, but in the text below it.
const DSA: &[Rule] = rows! {
    CKA_PRIME [1, 4] Absent;
    CKA_SUBPRIME [1, 4] Absent;
    CKA_BASE [1, 4] Absent;
    CKA_PRIME_BITS [2, 3] Computed;
    CKA_SUBPRIME_BITS [2] Computed;
};

const DH: &[Rule] = rows! {
    CKA_PRIME [1, 4] Absent;
    CKA_BASE [1, 4] Absent;
    CKA_PRIME_BITS [2, 3] Computed;
};

const X9_42_DH: &[Rule] = rows! {
    CKA_PRIME [1, 4] Absent;
    CKA_BASE [1, 4] Absent;
    CKA_SUBPRIME [1, 4] Absent;
    CKA_PRIME_BITS [2, 3] Computed;
    CKA_SUBPRIME_BITS [2, 3] Computed;
};

const fn table(key_type: CK_KEY_TYPE, sections: &'static [&'static [Rule]]) -> Table {
    Table {
        class: CKO_DOMAIN_PARAMETERS,
        subtype: Some(key_type),
        sections,
        private: false,
        usages: &[],
        value_lengths: &[],
        check: unchecked,
    }
}

pub(super) const TABLES: &[Table] = &[
    table(CKK_DSA, &[COMMON, STORAGE, DOMAIN_PARAMETERS, DSA]),
    table(CKK_DH, &[COMMON, STORAGE, DOMAIN_PARAMETERS, DH]),
    table(CKK_X9_42_DH, &[COMMON, STORAGE, DOMAIN_PARAMETERS, X9_42_DH]),
];
