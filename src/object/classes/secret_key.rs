//! Secret keys: what they all have (section 4.11) and the tables of their types (chapter 6).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::value::Attributes;

use super::Initial::*;
use super::key::KEY;
use super::storage::{COMMON, STORAGE};
use super::{Rule, Table, rows, unchecked};

const SECRET_KEY: &[Rule] = rows! {
    CKA_SENSITIVE [8, 11] False;
    CKA_ENCRYPT [8] Usage;
    CKA_DECRYPT [8] Usage;
    CKA_SIGN [8] Usage;
    CKA_VERIFY [8] Usage;
    CKA_WRAP [8] Usage;
    CKA_UNWRAP [8] Usage;
    CKA_EXTRACTABLE [8, 12] Extractable;
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

fn value_length(attributes: &Attributes, lengths: &[usize]) -> Result<()> {
    match attributes.bytes(CKA_VALUE) {
        Some(value) if lengths.contains(&value.len()) => Ok(()),
        _ => Err(Error::AttributeValueInvalid),
    }
}

fn aes(attributes: &Attributes) -> Result<()> {
    value_length(attributes, &[16, 24, 32])
}

fn aes_xts(attributes: &Attributes) -> Result<()> {
    value_length(attributes, &[32, 64])
}

fn of_32_bytes(attributes: &Attributes) -> Result<()> {
    value_length(attributes, &[32])
}

fn des(attributes: &Attributes) -> Result<()> {
    value_length(attributes, &[8]).and_then(|()| odd_parity(attributes))
}

fn des2(attributes: &Attributes) -> Result<()> {
    value_length(attributes, &[16]).and_then(|()| odd_parity(attributes))
}

fn des3(attributes: &Attributes) -> Result<()> {
    value_length(attributes, &[24]).and_then(|()| odd_parity(attributes))
}

/// "DES keys must always have their parity bits properly set" (section 6.18).
fn odd_parity(attributes: &Attributes) -> Result<()> {
    let value = attributes.bytes(CKA_VALUE).unwrap_or_default();
    match value.iter().all(|byte| byte.count_ones() % 2 == 1) {
        true => Ok(()),
        false => Err(Error::AttributeValueInvalid),
    }
}

const CIPHER: &[CK_ATTRIBUTE_TYPE] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
const STREAM_CIPHER: &[CK_ATTRIBUTE_TYPE] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP];
const MAC: &[CK_ATTRIBUTE_TYPE] = &[CKA_SIGN, CKA_VERIFY];

const fn table(
    key_type: CK_KEY_TYPE,
    sections: &'static [&'static [Rule]],
    usages: &'static [CK_ATTRIBUTE_TYPE],
    check: fn(&Attributes) -> Result<()>,
) -> Table {
    Table { class: CKO_SECRET_KEY, subtype: Some(key_type), sections, private: true, usages, check }
}

const LONG: &[&[Rule]] = &[COMMON, STORAGE, KEY, SECRET_KEY, WITH_LENGTH];
const FIXED: &[&[Rule]] = &[COMMON, STORAGE, KEY, SECRET_KEY, FIXED_LENGTH];

pub(super) const TABLES: &[Table] = &[
    table(CKK_GENERIC_SECRET, LONG, MAC, unchecked),
    table(CKK_HKDF, LONG, &[], unchecked),
    table(CKK_AES, LONG, CIPHER, aes),
    table(CKK_AES_XTS, LONG, STREAM_CIPHER, aes_xts),
    table(CKK_CHACHA20, LONG, STREAM_CIPHER, of_32_bytes),
    table(CKK_POLY1305, LONG, MAC, of_32_bytes),
    table(CKK_DES, FIXED, CIPHER, des),
    table(CKK_DES2, FIXED, CIPHER, des2),
    table(CKK_DES3, FIXED, CIPHER, des3),
    table(CKK_MD5_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA_1_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA224_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA256_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA384_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA512_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA512_224_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA512_256_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA512_T_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA3_224_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA3_256_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA3_384_HMAC, LONG, MAC, unchecked),
    table(CKK_SHA3_512_HMAC, LONG, MAC, unchecked),
    table(CKK_BLAKE2B_160_HMAC, LONG, MAC, unchecked),
    table(CKK_BLAKE2B_256_HMAC, LONG, MAC, unchecked),
    table(CKK_BLAKE2B_384_HMAC, LONG, MAC, unchecked),
    table(CKK_BLAKE2B_512_HMAC, LONG, MAC, unchecked),
];
