//! Public keys: what they all have (section 4.9) and the tables of their types (chapter 6).

use crate::ck::*;

use super::Initial::*;
use super::key::KEY;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows, unchecked};

const PUBLIC_KEY: &[Rule] = rows! {
    CKA_SUBJECT [8] Empty;
    CKA_ENCRYPT [8, 9] Usage;
    CKA_VERIFY [8, 9] Usage;
    CKA_VERIFY_RECOVER [8, 9] Usage;
    CKA_WRAP [8, 9] Usage;
    CKA_ENCAPSULATE [8, 9] Usage;
    CKA_TRUSTED [10] False;
    CKA_WRAP_TEMPLATE [] Absent;
    CKA_ENCAPSULATE_TEMPLATE [] Absent;
    CKA_PUBLIC_KEY_INFO [] Computed;
    CKA_PUBLIC_CRC64_VALUE [4, 13] Absent;
};

const RSA: &[Rule] = rows! {
    CKA_MODULUS [1, 4] Absent;
    CKA_MODULUS_BITS [2, 3] Computed;
    CKA_PUBLIC_EXPONENT [1] Absent;
};

const EC: &[Rule] = rows! {
    CKA_EC_PARAMS [1, 3] Absent;
    CKA_EC_POINT [1, 4] Absent;
};

/// DSA and X9.42 Diffie-Hellman.
const WITH_SUBPRIME: &[Rule] = rows! {
    CKA_PRIME [1, 3] Absent;
    CKA_SUBPRIME [1, 3] Absent;
    CKA_BASE [1, 3] Absent;
    CKA_VALUE [1, 4] Absent;
};

const DH: &[Rule] = rows! {
    CKA_PRIME [1, 3] Absent;
    CKA_BASE [1, 3] Absent;
    CKA_VALUE [1, 4] Absent;
};

/// ML-DSA, ML-KEM, SLH-DSA, XMSS and XMSS^MT.
const PARAMETER_SET: &[Rule] = rows! {
    CKA_PARAMETER_SET [1, 3] Absent;
    CKA_VALUE [1, 4] Absent;
};

/// Told by the value, which has the parameters in it.
const HSS: &[Rule] = rows! {
    CKA_HSS_LEVELS [2, 4] Computed;
    CKA_HSS_LMS_TYPE [2, 4] Computed;
    CKA_HSS_LMOTS_TYPE [2, 4] Computed;
    CKA_VALUE [1, 4] Absent;
};

macro_rules! table {
    ($key_type:ident, $rows:ident, [$($usage:ident),*]) => {
        Table {
            class: CKO_PUBLIC_KEY,
            subtype: Some($key_type),
            sections: &[COMMON, STORAGE, KEY, PUBLIC_KEY, $rows],
            private: false,
            usages: &[$($usage),*],
            value_lengths: &[],
            check: unchecked,
        }
    };
}

pub(super) const TABLES: &[Table] = &[
    table!(CKK_RSA, RSA, [CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_ENCAPSULATE]),
    table!(CKK_EC, EC, [CKA_VERIFY]),
    table!(CKK_EC_EDWARDS, EC, [CKA_VERIFY]),
    table!(CKK_EC_MONTGOMERY, EC, []),
    table!(CKK_DSA, WITH_SUBPRIME, [CKA_VERIFY]),
    table!(CKK_DH, DH, []),
    table!(CKK_X9_42_DH, WITH_SUBPRIME, []),
    table!(CKK_ML_DSA, PARAMETER_SET, [CKA_VERIFY]),
    table!(CKK_SLH_DSA, PARAMETER_SET, [CKA_VERIFY]),
    table!(CKK_ML_KEM, PARAMETER_SET, [CKA_ENCAPSULATE]),
    table!(CKK_HSS, HSS, [CKA_VERIFY]),
    table!(CKK_XMSS, PARAMETER_SET, [CKA_VERIFY]),
    table!(CKK_XMSSMT, PARAMETER_SET, [CKA_VERIFY]),
];
