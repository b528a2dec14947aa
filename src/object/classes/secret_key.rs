//! Secret keys: what they all have (section 4.11) and the tables of their types (chapter 6).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::key::KEY;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows, unchecked};

pub(super) const SECRET_KEY: &[Rule] = rows! {
    CKA_SENSITIVE [8, 11] False;
    CKA_ENCRYPT [8, 9] Usage;
    CKA_DECRYPT [8, 9] Usage;
    CKA_SIGN [8, 9] Usage;
    CKA_VERIFY [8, 9] Usage;
    CKA_WRAP [8, 9] Usage;
    CKA_UNWRAP [8, 9] Usage;
    CKA_EXTRACTABLE [8, 9, 12] Extractable;
    CKA_ALWAYS_SENSITIVE [2, 4, 6] Computed;
    CKA_NEVER_EXTRACTABLE [2, 4, 6] Computed;
    CKA_CHECK_VALUE [] Computed;
    CKA_WRAP_WITH_TRUSTED [11] False;
    CKA_TRUSTED [10] False;
    CKA_WRAP_TEMPLATE [] Absent;
    CKA_UNWRAP_TEMPLATE [] Absent;
    CKA_DERIVE_TEMPLATE [] Absent;
};

/// Keys of several lengths.
const WITH_LENGTH: &[Rule] = rows! {
    CKA_VALUE [1, 4, 6, 7] Absent;
    CKA_VALUE_LEN [2, 3] Computed;
};

/// DES keys: their type tells their length.
const FIXED_LENGTH: &[Rule] = rows! {
    CKA_VALUE [1, 4, 6, 7] Absent;
};

/// "DES keys must always have their parity bits properly set" (section 6.18).
fn odd_parity(attributes: &Attributes) -> Result<()> {
    let value = attributes.bytes(CKA_VALUE).unwrap_or_default();
    match value.iter().all(|byte| byte.count_ones() % 2 == 1) {
        true => Ok(()),
        false => Err(Error::AttributeValueInvalid),
    }
}

/// The two halves of an XTS key must differ (FIPS 140-3 IG C.I).
fn unequal_halves(attributes: &Attributes) -> Result<()> {
    let value = attributes.bytes(CKA_VALUE).unwrap_or_default();
    let (data, tweak) = value.split_at(value.len() / 2);
    if data == tweak { Err(Error::AttributeValueInvalid) } else { Ok(()) }
}

const CIPHER: &[CK_ATTRIBUTE_TYPE] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
const STREAM_CIPHER: &[CK_ATTRIBUTE_TYPE] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP];
pub(super) const MAC: &[CK_ATTRIBUTE_TYPE] = &[CKA_SIGN, CKA_VERIFY];

const fn table(
    key_type: CK_KEY_TYPE,
    sections: &'static [&'static [Rule]],
    value_lengths: &'static [usize],
    usages: &'static [CK_ATTRIBUTE_TYPE],
) -> Table {
    Table {
        class: CKO_SECRET_KEY,
        subtype: Some(key_type),
        sections,
        private: true,
        usages,
        value_lengths,
        check: unchecked,
    }
}

const fn des(key_type: CK_KEY_TYPE, value_lengths: &'static [usize]) -> Table {
    Table { check: odd_parity, ..table(key_type, FIXED, value_lengths, CIPHER) }
}

const fn hmac(key_type: CK_KEY_TYPE) -> Table {
    table(key_type, LONG, &[], MAC)
}

const LONG: &[&[Rule]] = &[COMMON, STORAGE, KEY, SECRET_KEY, WITH_LENGTH];
const FIXED: &[&[Rule]] = &[COMMON, STORAGE, KEY, SECRET_KEY, FIXED_LENGTH];

pub(super) const TABLES: &[Table] = &[
    table(CKK_GENERIC_SECRET, LONG, &[], MAC),
    table(CKK_HKDF, LONG, &[], &[]),
    table(CKK_AES, LONG, &[16, 24, 32], CIPHER),
    Table { check: unequal_halves, ..table(CKK_AES_XTS, LONG, &[32, 64], STREAM_CIPHER) },
    table(CKK_CHACHA20, LONG, &[32], STREAM_CIPHER),
    table(CKK_SALSA20, LONG, &[32], STREAM_CIPHER),
    table(CKK_CAMELLIA, LONG, &[16, 24, 32], CIPHER),
    table(CKK_ARIA, LONG, &[16, 24, 32], CIPHER),
    table(CKK_POLY1305, LONG, &[32], MAC),
    des(CKK_DES, &[8]),
    des(CKK_DES2, &[16]),
    des(CKK_DES3, &[24]),
    hmac(CKK_MD5_HMAC),
    hmac(CKK_SHA_1_HMAC),
    hmac(CKK_SHA224_HMAC),
    hmac(CKK_SHA256_HMAC),
    hmac(CKK_SHA384_HMAC),
    hmac(CKK_SHA512_HMAC),
    hmac(CKK_SHA512_224_HMAC),
    hmac(CKK_SHA512_256_HMAC),
    hmac(CKK_SHA512_T_HMAC),
    hmac(CKK_SHA3_224_HMAC),
    hmac(CKK_SHA3_256_HMAC),
    hmac(CKK_SHA3_384_HMAC),
    hmac(CKK_SHA3_512_HMAC),
    hmac(CKK_BLAKE2B_160_HMAC),
    hmac(CKK_BLAKE2B_256_HMAC),
    hmac(CKK_BLAKE2B_384_HMAC),
    hmac(CKK_BLAKE2B_512_HMAC),
];
