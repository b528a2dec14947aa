//! Private keys: what they all have (section 4.10) and the tables of their types (chapter 6).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::key::KEY;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows};

const PRIVATE_KEY: &[Rule] = rows! {
    CKA_SUBJECT [8] Empty;
    CKA_SENSITIVE [8, 9, 11] Sensitive;
    CKA_DECRYPT [8, 9] Usage;
    CKA_SIGN [8, 9] Usage;
    CKA_SIGN_RECOVER [8, 9] Usage;
    CKA_UNWRAP [8, 9] Usage;
    CKA_DECAPSULATE [8, 9] Usage;
    CKA_EXTRACTABLE [8, 9, 12] Extractable;
    CKA_ALWAYS_SENSITIVE [2, 4, 6] Computed;
    CKA_NEVER_EXTRACTABLE [2, 4, 6] Computed;
    CKA_WRAP_WITH_TRUSTED [11] False;
    CKA_UNWRAP_TEMPLATE [] Absent;
    CKA_DECAPSULATE_TEMPLATE [] Absent;
    CKA_DERIVE_TEMPLATE [] Absent;
    CKA_ALWAYS_AUTHENTICATE [] False;
    CKA_PUBLIC_KEY_INFO [8] Computed;
    CKA_PUBLIC_CRC64_VALUE [4, 13] Absent;
};

const RSA: &[Rule] = rows! {
    CKA_MODULUS [1, 4, 6] Absent;
    CKA_PUBLIC_EXPONENT [1, 4, 6] Absent;
    CKA_PRIVATE_EXPONENT [1, 4, 6, 7] Absent;
    CKA_PRIME_1 [4, 6, 7] Absent;
    CKA_PRIME_2 [4, 6, 7] Absent;
    CKA_EXPONENT_1 [4, 6, 7] Absent;
    CKA_EXPONENT_2 [4, 6, 7] Absent;
    CKA_COEFFICIENT [4, 6, 7] Absent;
};

/// CKA_EC_POINT is Coffer's: clients give it with the private key and look for it there.
const EC: &[Rule] = rows! {
    CKA_EC_PARAMS [1, 4, 6] Absent;
    CKA_VALUE [1, 4, 6, 7] Absent;
    CKA_EC_POINT [4, 6] Absent;
};

/// DSA and X9.42 Diffie-Hellman.
const WITH_SUBPRIME: &[Rule] = rows! {
    CKA_PRIME [1, 4, 6] Absent;
    CKA_SUBPRIME [1, 4, 6] Absent;
    CKA_BASE [1, 4, 6] Absent;
    CKA_VALUE [1, 4, 6, 7] Absent;
};

const DH: &[Rule] = rows! {
    CKA_PRIME [1, 4, 6] Absent;
    CKA_BASE [1, 4, 6] Absent;
    CKA_VALUE [1, 4, 6, 7] Absent;
    CKA_VALUE_BITS [2] Computed;
};

/// ML-DSA and ML-KEM: the seed, the value or both (`seed_or_value`), so that CKA_VALUE goes without footnote 1.
const SEED: &[Rule] = rows! {
    CKA_PARAMETER_SET [1, 4, 6] Absent;
    CKA_SEED [4, 6, 7] Absent;
    CKA_VALUE [4, 6, 7] Absent;
};

const SLH_DSA: &[Rule] = rows! {
    CKA_PARAMETER_SET [1, 4, 6] Absent;
    CKA_VALUE [1, 4, 6, 7] Absent;
};

/// Such keys are only generated: CKA_SENSITIVE, CKA_EXTRACTABLE and CKA_COPYABLE are then what they must be, and nothing changes them back.
/// What the key has signed is told beside its value (CKA_COFFER_ONE_TIME_KEYS_USED), and changes with each signature.
const HSS: &[Rule] = rows! {
    CKA_HSS_LEVELS [1, 3] Absent;
    CKA_HSS_LMS_TYPES [1, 3] Absent;
    CKA_HSS_LMOTS_TYPES [1, 3] Absent;
    CKA_VALUE [1, 4, 6, 7] Absent;
    CKA_HSS_KEYS_REMAINING [2, 4] Computed;
    CKA_COFFER_ONE_TIME_KEYS_USED [2, 4, 6] Absent;
};

/// CKA_ALWAYS_AUTHENTICATE "may only be set to CK_TRUE when CKA_PRIVATE is also CK_TRUE" (section 4.10).
fn private_key(attributes: &Attributes) -> Result<()> {
    if attributes.is_true(CKA_ALWAYS_AUTHENTICATE) && !attributes.is_true(CKA_PRIVATE) {
        return Err(Error::TemplateInconsistent);
    }
    Ok(())
}

/// One of CKA_SEED and CKA_VALUE at least (sections 6.67.3 and 6.68.3).
fn seed_or_value(attributes: &Attributes) -> Result<()> {
    private_key(attributes)?;
    match attributes.contains(CKA_SEED) || attributes.contains(CKA_VALUE) {
        true => Ok(()),
        false => Err(Error::TemplateIncomplete),
    }
}

macro_rules! table {
    ($key_type:ident, $rows:ident, [$($usage:ident),*], $check:ident) => {
        Table {
            class: CKO_PRIVATE_KEY,
            subtype: Some($key_type),
            sections: &[COMMON, STORAGE, KEY, PRIVATE_KEY, $rows],
            private: true,
            usages: &[$($usage),*],
            value_lengths: &[],
            check: $check,
        }
    };
}

pub(super) const TABLES: &[Table] = &[
    table!(CKK_RSA, RSA, [CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP, CKA_DECAPSULATE], private_key),
    table!(CKK_EC, EC, [CKA_SIGN], private_key),
    table!(CKK_EC_EDWARDS, EC, [CKA_SIGN], private_key),
    table!(CKK_EC_MONTGOMERY, EC, [], private_key),
    table!(CKK_DSA, WITH_SUBPRIME, [CKA_SIGN], private_key),
    table!(CKK_DH, DH, [], private_key),
    table!(CKK_X9_42_DH, WITH_SUBPRIME, [], private_key),
    table!(CKK_ML_DSA, SEED, [CKA_SIGN], seed_or_value),
    table!(CKK_SLH_DSA, SLH_DSA, [CKA_SIGN], private_key),
    table!(CKK_ML_KEM, SEED, [CKA_DECAPSULATE], seed_or_value),
    table!(CKK_HSS, HSS, [CKA_SIGN], private_key),
];
