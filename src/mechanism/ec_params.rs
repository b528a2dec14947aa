//! CKA_EC_PARAMS: the DER choice of an object identifier or a curve name (PKCS#11 section 6.3.3).

use crate::crypto::ec::Curve;
use crate::error::{Error, Result};

/// A curve that Coffer knows, of any of the three families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Short Weierstrass form: CKK_EC.
    Weierstrass(Curve),
    /// CKK_EC_EDWARDS.
    Edwards25519,
    /// CKK_EC_MONTGOMERY.
    Curve25519,
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const PRINTABLE_STRING: u8 = 0x13;

/// id-Ed25519 (RFC 8410), and the older 1.3.6.1.4.1.11591.15.1 that some clients still send.
const EDWARDS25519: &[&[u8]] =
    &[&[0x2b, 0x65, 0x70], &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01]];
/// id-X25519 (RFC 8410), and the older 1.3.6.1.4.1.3029.1.5.1.
const CURVE25519: &[&[u8]] =
    &[&[0x2b, 0x65, 0x6e], &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01]];

/// What pkcs11-tool sends for "EC:curve25519": the length is one too many.
const CURVE25519_OF_OPENSC: &[u8] = b"\x13\x0bcurve25519";

/// Errors: CKR_CURVE_NOT_SUPPORTED for another curve; CKR_DOMAIN_PARAMS_INVALID for explicit parameters,
/// implicitlyCA and whatever is not DER.
pub(super) fn parse(params: &[u8]) -> Result<Named> {
    if params == CURVE25519_OF_OPENSC {
        return Ok(Named::Curve25519);
    }
    let [tag, length, contents @ ..] = params else {
        return Err(Error::DomainParamsInvalid);
    };
    if usize::from(*length) != contents.len() || contents.is_empty() {
        return Err(Error::DomainParamsInvalid);
    }
    let named = match *tag {
        OBJECT_IDENTIFIER => by_oid(contents),
        PRINTABLE_STRING => by_name(contents),
        _ => return Err(Error::DomainParamsInvalid),
    };
    named.ok_or(Error::CurveNotSupported)
}

/// The object identifier of a curve as CKA_EC_PARAMS has it.
pub(super) fn encode(named: Named) -> Vec<u8> {
    let oid = match named {
        Named::Weierstrass(curve) => curve.oid(),
        Named::Edwards25519 => &[0x2b, 0x65, 0x70],
        Named::Curve25519 => &[0x2b, 0x65, 0x6e],
    };
    // Every one of them is shorter than 128 bytes.
    [&[OBJECT_IDENTIFIER, oid.len() as u8], oid].concat()
}

fn by_oid(oid: &[u8]) -> Option<Named> {
    if EDWARDS25519.contains(&oid) {
        return Some(Named::Edwards25519);
    }
    if CURVE25519.contains(&oid) {
        return Some(Named::Curve25519);
    }
    Curve::from_oid(oid).map(Named::Weierstrass)
}

fn by_name(name: &[u8]) -> Option<Named> {
    let name = std::str::from_utf8(name).ok()?;
    if ["edwards25519", "Ed25519", "id-Ed25519"].iter().any(|held| held.eq_ignore_ascii_case(name)) {
        return Some(Named::Edwards25519);
    }
    if ["curve25519", "X25519", "id-X25519"].iter().any(|held| held.eq_ignore_ascii_case(name)) {
        return Some(Named::Curve25519);
    }
    Curve::from_name(name).map(Named::Weierstrass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_known_by_its_identifier_and_its_names() {
        for curve in Curve::ALL.iter().copied() {
            assert_eq!(parse(&encode(Named::Weierstrass(curve))), Ok(Named::Weierstrass(curve)));
            for name in curve.names() {
                let der = [&[PRINTABLE_STRING, name.len() as u8], name.as_bytes()].concat();
                assert_eq!(parse(&der), Ok(Named::Weierstrass(curve)), "{name}");
            }
        }
        for named in [Named::Edwards25519, Named::Curve25519] {
            assert_eq!(parse(&encode(named)), Ok(named));
        }
        // The example of PKCS#11 section 6.3.5.
        assert_eq!(parse(b"\x13\x0cedwards25519"), Ok(Named::Edwards25519));
        assert_eq!(parse(b"\x13\x0acurve25519"), Ok(Named::Curve25519));
        assert_eq!(parse(b"\x13\x0bcurve25519"), Ok(Named::Curve25519));
    }

    #[test]
    fn other_curves_are_not_supported_and_other_forms_not_valid() {
        let prime239v1 = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 4];
        let ed448 = [6, 3, 0x2b, 0x65, 0x71];
        for unknown in [&prime239v1[..], &ed448, b"\x13\x07unknown"] {
            assert_eq!(parse(unknown), Err(Error::CurveNotSupported), "{unknown:02x?}");
        }
        let explicit = [0x30, 3, 2, 1, 1];
        for wrong in
            [&[][..], &[6], &[6, 0], &[5, 0], &explicit, &[6, 9, 1], &[0x13, 1, 0x2b, 0x2b], &[6, 0x81, 1]]
        {
            assert_eq!(parse(wrong), Err(Error::DomainParamsInvalid), "{wrong:02x?}");
        }
    }
}
