//! Security strengths of keys in bits (SP 800-57 Part 1 Revision 5, tables 2 and 4; FIPS 203, 204, 205 for the lattices and
//! hashes).

use crate::ck::*;
use crate::crypto::{ec, edwards, montgomery};
use crate::object::Attributes;

/// Below this a public-key algorithm protects nothing any more (SP 800-131A).
const LEAST: u64 = 112;
/// The highest strength that the tables know.
const MOST: u64 = 256;

/// The strength of a key from what its attributes tell without its secrets; `None` where they do not.
pub fn of(attributes: &Attributes) -> Option<u64> {
    let bits = |id| attributes.bytes(id).map(bit_length);
    match attributes.ulong(CKA_KEY_TYPE)? {
        CKK_RSA => bits(CKA_MODULUS).map(of_modulus),
        CKK_DSA | CKK_DH | CKK_X9_42_DH => bits(CKA_PRIME).map(of_modulus),
        CKK_EC => of_curve(attributes.bytes(CKA_EC_PARAMS)?),
        CKK_EC_EDWARDS | CKK_EC_MONTGOMERY => Some(of_rfc_7748(attributes.bytes(CKA_EC_PARAMS)?)),
        CKK_ML_KEM | CKK_ML_DSA => attributes.ulong(CKA_PARAMETER_SET).and_then(of_lattice),
        CKK_SLH_DSA => attributes.ulong(CKA_PARAMETER_SET).and_then(of_slh_dsa),
        CKK_DES => Some(56),
        CKK_DES2 => Some(80),
        CKK_DES3 => Some(112),
        CKK_AES_XTS => attributes.ulong(CKA_VALUE_LEN).map(|length| of_bytes(length / 2)),
        _ => attributes.ulong(CKA_VALUE_LEN).map(of_bytes),
    }
}

/// The size of a key in bits: of its modulus, prime or secret; `None` where its attributes do not tell.
pub(super) fn bits(attributes: &Attributes) -> Option<u64> {
    let length = |id| attributes.bytes(id).map(bit_length);
    match attributes.ulong(CKA_KEY_TYPE)? {
        CKK_RSA => length(CKA_MODULUS),
        CKK_DSA | CKK_DH | CKK_X9_42_DH => length(CKA_PRIME),
        _ => attributes.ulong(CKA_VALUE_LEN).map(|bytes| bytes.saturating_mul(8)),
    }
}

/// True for a public or private key that is too short. (Secret keys of any length are somebody's protocol.)
pub(super) fn is_weak(attributes: &Attributes) -> bool {
    let pair = matches!(attributes.ulong(CKA_CLASS), Some(CKO_PUBLIC_KEY | CKO_PRIVATE_KEY));
    pair && of(attributes).is_some_and(|strength| strength < LEAST)
}

fn of_bytes(length: u64) -> u64 {
    length.saturating_mul(8).min(MOST)
}

fn of_modulus(bits: u64) -> u64 {
    match bits {
        0..1024 => 0,
        1024..2048 => 80,
        2048..3072 => 112,
        3072..7680 => 128,
        7680..15360 => 192,
        _ => MOST,
    }
}

fn of_curve(params: &[u8]) -> Option<u64> {
    let content = content(params)?;
    let by_name = || ec::Curve::from_name(std::str::from_utf8(content).ok()?);
    match ec::Curve::from_oid(content).or_else(by_name)?.bits() {
        0..160 => Some(0),
        160..224 => Some(80),
        224..256 => Some(112),
        256..384 => Some(128),
        384..512 => Some(192),
        _ => Some(MOST),
    }
}

/// Curves 25519 and 448.
fn of_rfc_7748(params: &[u8]) -> u64 {
    let content = content(params).unwrap_or_default();
    let named = |names: &[&str]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(content));
    let (edwards, montgomery) = (edwards::Curve::Ed448, montgomery::Curve::X448);
    let is_448 = [edwards.oid(), montgomery.oid()].contains(&content)
        || named(edwards.names())
        || named(montgomery.names());
    if is_448 { 224 } else { 128 }
}

/// The object identifier or name in CKA_EC_PARAMS: both are short.
fn content(params: &[u8]) -> Option<&[u8]> {
    params.get(2..)
}

fn of_lattice(parameter_set: u64) -> Option<u64> {
    match parameter_set {
        1 => Some(128),
        2 => Some(192),
        3 => Some(256),
        _ => None,
    }
}

fn of_slh_dsa(parameter_set: u64) -> Option<u64> {
    match parameter_set {
        CKP_SLH_DSA_SHA2_128S..=CKP_SLH_DSA_SHAKE_128F => Some(128),
        CKP_SLH_DSA_SHA2_192S..=CKP_SLH_DSA_SHAKE_192F => Some(192),
        CKP_SLH_DSA_SHA2_256S..=CKP_SLH_DSA_SHAKE_256F => Some(256),
        _ => None,
    }
}

/// Bits of an unsigned big-endian integer.
pub(super) fn bit_length(integer: &[u8]) -> u64 {
    let mut significant = integer.iter().skip_while(|byte| **byte == 0);
    match significant.next() {
        Some(first) => significant.count() as u64 * 8 + u64::from(8 - first.leading_zeros()),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Value;

    fn key(key_type: CK_KEY_TYPE, id: CK_ATTRIBUTE_TYPE, value: Value) -> Option<u64> {
        of(&Attributes::from_iter([(CKA_KEY_TYPE, Value::Ulong(key_type)), (id, value)]))
    }

    fn modulus(bits: usize) -> Value {
        Value::Bytes(vec![0x80; bits / 8])
    }

    #[test]
    fn strengths_are_those_of_the_tables() {
        for (bits, strength) in [(1024, 80), (2048, 112), (3072, 128), (7680, 192), (15360, 256)] {
            assert_eq!(key(CKK_RSA, CKA_MODULUS, modulus(bits)), Some(strength));
            assert_eq!(key(CKK_DH, CKA_PRIME, modulus(bits)), Some(strength));
        }
        for (curve, strength) in [
            (ec::Curve::P192, 80),
            (ec::Curve::P224, 112),
            (ec::Curve::P256, 128),
            (ec::Curve::P384, 192),
            (ec::Curve::P521, 256),
        ] {
            let oid = [&[6, curve.oid().len() as u8], curve.oid()].concat();
            assert_eq!(key(CKK_EC, CKA_EC_PARAMS, Value::Bytes(oid)), Some(strength));
        }
        for (key_type, length, strength) in
            [(CKK_AES, 16, 128), (CKK_AES, 32, 256), (CKK_AES_XTS, 64, 256), (CKK_GENERIC_SECRET, 99, 256)]
        {
            assert_eq!(key(key_type, CKA_VALUE_LEN, Value::Ulong(length)), Some(strength));
        }
        assert_eq!(key(CKK_DES3, CKA_LABEL, Value::Bytes(vec![])), Some(112));
        assert_eq!(key(CKK_ML_KEM, CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_768)), Some(192));
        assert_eq!(key(CKK_SLH_DSA, CKA_PARAMETER_SET, Value::Ulong(CKP_SLH_DSA_SHAKE_256F)), Some(256));
        assert_eq!(
            key(CKK_EC_EDWARDS, CKA_EC_PARAMS, Value::Bytes(b"\x13\x0cedwards25519".to_vec())),
            Some(128)
        );
    }

    #[test]
    fn bit_lengths_skip_leading_zeros() {
        assert_eq!(bit_length(&[0, 0x01, 0xff]), 9);
        assert_eq!(bit_length(&[0, 0]), 0);
    }
}
