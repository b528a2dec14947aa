//! CKA_EC_PARAMS: the DER choice of an object identifier or a curve name (PKCS#11 section 6.3.3).

use crate::crypto::ec::Curve;
use crate::crypto::{edwards, montgomery};
use crate::error::{Error, Result};

/// A curve that Coffer knows, of any of the three families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Short Weierstrass form: CKK_EC.
    Weierstrass(Curve),
    /// CKK_EC_EDWARDS.
    Edwards(edwards::Curve),
    /// CKK_EC_MONTGOMERY.
    Montgomery(montgomery::Curve),
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const PRINTABLE_STRING: u8 = 0x13;

/// Older identifiers of edwards25519 (1.3.6.1.4.1.11591.15.1) and curve25519 (1.3.6.1.4.1.3029.1.5.1) that some
/// clients still send.
const OLD_EDWARDS25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
const OLD_CURVE25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01];

/// What pkcs11-tool sends for "EC:curve25519": the length is one too many.
const CURVE25519_OF_OPENSC: &[u8] = b"\x13\x0bcurve25519";

/// Errors: CKR_CURVE_NOT_SUPPORTED for another curve; CKR_DOMAIN_PARAMS_INVALID for explicit parameters,
/// implicitlyCA and whatever is not DER.
pub(super) fn parse(params: &[u8]) -> Result<Named> {
    if params == CURVE25519_OF_OPENSC {
        return Ok(Named::Montgomery(montgomery::Curve::X25519));
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
        Named::Edwards(curve) => curve.oid(),
        Named::Montgomery(curve) => curve.oid(),
    };
    // Every one of them is shorter than 128 bytes.
    [&[OBJECT_IDENTIFIER, oid.len() as u8], oid].concat()
}

fn by_oid(oid: &[u8]) -> Option<Named> {
    match oid {
        OLD_EDWARDS25519 => return Some(Named::Edwards(edwards::Curve::Ed25519)),
        OLD_CURVE25519 => return Some(Named::Montgomery(montgomery::Curve::X25519)),
        _ => {}
    }
    let weierstrass = Curve::from_oid(oid).map(Named::Weierstrass);
    let edwards = || edwards::Curve::ALL.iter().copied().find(|curve| curve.oid() == oid);
    let montgomery = || montgomery::Curve::ALL.iter().copied().find(|curve| curve.oid() == oid);
    weierstrass.or_else(|| edwards().map(Named::Edwards)).or_else(|| montgomery().map(Named::Montgomery))
}

fn by_name(name: &[u8]) -> Option<Named> {
    let name = std::str::from_utf8(name).ok()?;
    let has = |names: &[&str]| names.iter().any(|held| held.eq_ignore_ascii_case(name));
    let weierstrass = Curve::from_name(name).map(Named::Weierstrass);
    let edwards = || edwards::Curve::ALL.iter().copied().find(|curve| has(curve.names()));
    let montgomery = || montgomery::Curve::ALL.iter().copied().find(|curve| has(curve.names()));
    weierstrass.or_else(|| edwards().map(Named::Edwards)).or_else(|| montgomery().map(Named::Montgomery))
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
        let edwards = edwards::Curve::ALL.iter().map(|curve| (Named::Edwards(*curve), curve.names()));
        let montgomery =
            montgomery::Curve::ALL.iter().map(|curve| (Named::Montgomery(*curve), curve.names()));
        for (named, names) in edwards.chain(montgomery) {
            assert_eq!(parse(&encode(named)), Ok(named));
            for name in names {
                let der = [&[PRINTABLE_STRING, name.len() as u8], name.as_bytes()].concat();
                assert_eq!(parse(&der), Ok(named), "{name}");
            }
        }
        let old = |oid: &[u8]| parse(&[&[OBJECT_IDENTIFIER, oid.len() as u8], oid].concat());
        assert_eq!(old(OLD_EDWARDS25519), Ok(Named::Edwards(edwards::Curve::Ed25519)));
        assert_eq!(old(OLD_CURVE25519), Ok(Named::Montgomery(montgomery::Curve::X25519)));
        // The example of PKCS#11 section 6.3.5.
        assert_eq!(parse(b"\x13\x0cedwards25519"), Ok(Named::Edwards(edwards::Curve::Ed25519)));
        assert_eq!(parse(b"\x13\x0acurve25519"), Ok(Named::Montgomery(montgomery::Curve::X25519)));
        assert_eq!(parse(b"\x13\x0bcurve25519"), Ok(Named::Montgomery(montgomery::Curve::X25519)));
    }

    #[test]
    fn other_curves_are_not_supported_and_other_forms_not_valid() {
        let prime239v1 = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 4];
        for unknown in [&prime239v1[..], b"\x13\x07unknown"] {
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
