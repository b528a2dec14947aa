//! CKA_EC_POINT: applications give points raw or wrapped in a DER OCTET STRING (X25519 and its like also in a BIT
//! STRING); they are stored and shown wrapped.

use crate::ck::*;
use crate::error::{Error, Result};

const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;

/// Bytes of one coordinate on the curves in use. A wrapped point looks like a raw one of another curve only where
/// one coordinate is a byte longer than another, or is twice another less two: among these, none is.
const COORDINATES: &[usize] = &[20, 24, 28, 32, 40, 48, 64, 66];

/// Bytes of a raw public key on edwards25519 and curve25519, curve448, edwards448.
const RAW_KEYS: &[usize] = &[32, 56, 57];

/// The point in a DER OCTET STRING. Error: CKR_ATTRIBUTE_VALUE_INVALID for bytes that are no point of the key type.
pub fn wrapped(key_type: CK_KEY_TYPE, point: &[u8]) -> Result<Vec<u8>> {
    let raw = raw(key_type, point).ok_or(Error::AttributeValueInvalid)?;
    let length = u8::try_from(raw.len()).map_err(|_| Error::AttributeValueInvalid)?;
    let mut der = vec![OCTET_STRING];
    if length >= 0x80 {
        der.push(0x81);
    }
    der.push(length);
    der.extend_from_slice(raw);
    Ok(der)
}

/// The point itself: SEC 1 form for CKK_EC, little-endian bytes for Edwards and Montgomery keys; `None` for bytes
/// that are no point of the key type.
pub fn raw(key_type: CK_KEY_TYPE, point: &[u8]) -> Option<&[u8]> {
    let is_raw = if key_type == CKK_EC { is_sec1 } else { is_raw_key };
    if is_raw(point) {
        return Some(point);
    }
    let inner = match point {
        [OCTET_STRING, rest @ ..] => contents(rest)?,
        [BIT_STRING, rest @ ..] if key_type != CKK_EC => contents(rest)?.strip_prefix(&[0])?,
        _ => return None,
    };
    is_raw(inner).then_some(inner)
}

/// What follows a DER length, if it is exactly that long.
fn contents(rest: &[u8]) -> Option<&[u8]> {
    let (length, contents) = match rest {
        [0x81, length, contents @ ..] if *length >= 0x80 => (*length, contents),
        [length, contents @ ..] if *length < 0x80 => (*length, contents),
        _ => return None,
    };
    (contents.len() == usize::from(length)).then_some(contents)
}

/// A point of SEC 1 section 2.3.3: compressed, uncompressed or hybrid.
fn is_sec1(point: &[u8]) -> bool {
    match point {
        [2 | 3, x @ ..] => COORDINATES.contains(&x.len()),
        [4 | 6 | 7, xy @ ..] => xy.len() % 2 == 0 && COORDINATES.contains(&(xy.len() / 2)),
        _ => false,
    }
}

fn is_raw_key(key: &[u8]) -> bool {
    RAW_KEYS.contains(&key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uncompressed(coordinate: usize, first: u8) -> Vec<u8> {
        let mut point = vec![4, first];
        point.resize(1 + 2 * coordinate, 0x5a);
        point
    }

    #[test]
    fn raw_and_wrapped_points_end_in_one_form() {
        for coordinate in COORDINATES {
            // Every first byte, among them the one that makes a raw point look like a DER length.
            for first in 0..=255 {
                let point = uncompressed(*coordinate, first);
                let once = wrapped(CKK_EC, &point).unwrap();
                assert_eq!(wrapped(CKK_EC, &once).unwrap(), once);
                assert_eq!(raw(CKK_EC, &once), Some(&point[..]));
                assert_eq!(raw(CKK_EC, &point), Some(&point[..]));
            }
        }
    }

    #[test]
    fn edwards_and_montgomery_keys_are_told_by_their_length() {
        for length in RAW_KEYS {
            for first in [0, 3, 4, 0xff] {
                let key = vec![first; *length];
                let once = wrapped(CKK_EC_EDWARDS, &key).unwrap();
                assert_eq!(once.len(), length + 2);
                assert_eq!(wrapped(CKK_EC_EDWARDS, &once).unwrap(), once);
                let bits = [&[3, *length as u8 + 1, 0], &key[..]].concat();
                assert_eq!(raw(CKK_EC_MONTGOMERY, &bits), Some(&key[..]));
            }
        }
    }

    #[test]
    fn what_is_no_point_is_refused() {
        for bytes in [&[][..], &[4], &[4, 1], &[0; 65], &[4; 64], &[5; 65]] {
            assert_eq!(wrapped(CKK_EC, bytes), Err(Error::AttributeValueInvalid), "{bytes:?}");
        }
        assert_eq!(wrapped(CKK_EC_EDWARDS, &[1; 31]), Err(Error::AttributeValueInvalid));
    }
}
