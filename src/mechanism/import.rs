//! Keys that come from outside (C_CreateObject, C_UnwrapKey): their values are checked, and completed where parts are
//! missing that follow from the others.

use crate::ck::*;
use crate::crypto::{Error as CryptoError, ec, edwards, montgomery, rsa};
use crate::error::{Error, Result};
use crate::object::{Attributes, Value, ec_point};

use super::ec_params::{self, Named};
use super::{ec_keys, ffc_keys, lattice_keys, rsa_keys, slh_dsa, stateful};

/// The attributes with values that are checked and complete: RSA private keys with all CRT parts, points wrapped in
/// an OCTET STRING, private values of curves in their full length, keys of ML-DSA and ML-KEM with their expanded form.
/// Other keys and objects come back as they are.
///
/// Errors: CKR_TEMPLATE_INCOMPLETE; CKR_TEMPLATE_INCONSISTENT for parts that do not belong together;
/// CKR_ATTRIBUTE_VALUE_INVALID (also for every HSS private key); CKR_PUBLIC_KEY_INVALID for a point that is not on its curve; CKR_CURVE_NOT_SUPPORTED,
/// CKR_DOMAIN_PARAMS_INVALID and CKR_PARAMETER_SET_NOT_SUPPORTED.
pub fn check_key(attributes: &Attributes) -> Result<Attributes> {
    let (class, key_type) = (attributes.ulong(CKA_CLASS), attributes.ulong(CKA_KEY_TYPE));
    match (class, key_type) {
        (Some(CKO_PUBLIC_KEY), Some(CKK_RSA)) => rsa_public(attributes),
        (Some(CKO_PRIVATE_KEY), Some(CKK_RSA)) => rsa_private(attributes),
        (Some(CKO_PUBLIC_KEY), Some(key_type @ (CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY))) => {
            curve_public(attributes, key_type)
        }
        (Some(CKO_PRIVATE_KEY), Some(key_type @ (CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY))) => {
            curve_private(attributes, key_type)
        }
        (Some(CKO_DOMAIN_PARAMETERS), Some(key_type @ (CKK_DSA | CKK_DH | CKK_X9_42_DH))) => {
            field_parameters(attributes, key_type)
        }
        (Some(CKO_PUBLIC_KEY | CKO_PRIVATE_KEY), Some(key_type @ (CKK_DSA | CKK_DH | CKK_X9_42_DH))) => {
            field_key(attributes, key_type)
        }
        (Some(CKO_PUBLIC_KEY), Some(CKK_ML_DSA | CKK_ML_KEM)) => lattice_keys::check_public(attributes),
        (Some(CKO_PRIVATE_KEY), Some(CKK_ML_DSA | CKK_ML_KEM)) => lattice_keys::check_private(attributes),
        (Some(CKO_PUBLIC_KEY | CKO_PRIVATE_KEY), Some(CKK_SLH_DSA)) => slh_dsa::checked(attributes),
        (Some(CKO_PUBLIC_KEY), Some(key_type @ (CKK_HSS | CKK_XMSS | CKK_XMSSMT))) => {
            let scheme = stateful::scheme_of(key_type).ok_or(Error::GeneralError)?;
            stateful::checked(attributes, scheme)
        }
        // No state comes in from outside: nobody could tell what has been signed with it.
        (Some(CKO_PRIVATE_KEY), Some(CKK_HSS)) => Err(Error::AttributeValueInvalid),
        (Some(CKO_OTP_KEY), _) => Ok(one_time(attributes)),
        _ => Ok(attributes.clone()),
    }
}

/// Domain parameters must make a group.
fn field_parameters(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<Attributes> {
    ffc_keys::domain_of(attributes, key_type)?;
    Ok(attributes.clone())
}

/// FIPS 186-4 and SP 800-56A: the public value is from 2 to p - 2 and of the order q, the private one below q.
fn field_key(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<Attributes> {
    let domain = ffc_keys::domain_of(attributes, key_type)?;
    let value = attributes.bytes(CKA_VALUE).ok_or(Error::TemplateIncomplete)?;
    if attributes.ulong(CKA_CLASS) == Some(CKO_PUBLIC_KEY) {
        domain.check_public(value)?;
    } else {
        domain.check_private(value).map_err(|_| Error::AttributeValueInvalid)?;
    }
    Ok(attributes.clone())
}

/// "The CKA_OTP_COUNTER value shall be an 8 bytes unsigned integer" (section 6.53), though its default is empty.
fn one_time(attributes: &Attributes) -> Attributes {
    let mut attributes = attributes.clone();
    if attributes.bytes(CKA_OTP_COUNTER).is_none_or(<[u8]>::is_empty) {
        attributes.set(CKA_OTP_COUNTER, Value::Bytes(vec![0; 8]));
    }
    attributes
}

fn rsa_public(attributes: &Attributes) -> Result<Attributes> {
    let modulus = attributes.bytes(CKA_MODULUS).ok_or(Error::TemplateIncomplete)?;
    let exponent = attributes.bytes(CKA_PUBLIC_EXPONENT).ok_or(Error::TemplateIncomplete)?;
    rsa::PublicKey::new(modulus, exponent).map_err(rsa_error)?;
    Ok(attributes.clone())
}

fn rsa_private(attributes: &Attributes) -> Result<Attributes> {
    let given = rsa_keys::components(|id| Ok(attributes.bytes(id)))?;
    let complete = rsa::PrivateKey::new(&given).and_then(|key| key.components()).map_err(rsa_error)?;
    let mut attributes = attributes.clone();
    rsa_keys::set_private(&mut attributes, &complete);
    Ok(attributes)
}

fn rsa_error(error: CryptoError) -> Error {
    match error {
        CryptoError::KeySize | CryptoError::PublicKey => Error::AttributeValueInvalid,
        CryptoError::Key => Error::TemplateInconsistent,
        other => other.into(),
    }
}

/// The curve of CKA_EC_PARAMS, which must be one of the key type.
fn curve_of(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<Named> {
    let params = attributes.bytes(CKA_EC_PARAMS).ok_or(Error::TemplateIncomplete)?;
    match (key_type, ec_params::parse(params)?) {
        (CKK_EC, named @ Named::Weierstrass(_)) => Ok(named),
        (CKK_EC_EDWARDS, named @ Named::Edwards(_)) => Ok(named),
        (CKK_EC_MONTGOMERY, named @ Named::Montgomery(_)) => Ok(named),
        _ => Err(Error::CurveNotSupported),
    }
}

fn curve_public(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<Attributes> {
    let named = curve_of(attributes, key_type)?;
    let point = ec_keys::raw_point(attributes, key_type)?;
    check_point(named, point)?;
    let mut checked = attributes.clone();
    checked.set(CKA_EC_POINT, Value::Bytes(ec_point::wrapped(key_type, point)?));
    Ok(checked)
}

fn check_point(named: Named, point: &[u8]) -> Result<()> {
    match named {
        Named::Weierstrass(curve) => ec::PublicKey::new(curve, point).map(|_| ())?,
        Named::Edwards(curve) => edwards::PublicKey::new(curve, point).map(|_| ())?,
        Named::Montgomery(curve) => montgomery::check_public(curve, point)?,
    }
    Ok(())
}

fn curve_private(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<Attributes> {
    let named = curve_of(attributes, key_type)?;
    let value = attributes.bytes(CKA_VALUE).ok_or(Error::TemplateIncomplete)?;
    let value = ec_keys::checked_value(named, value)?;
    let mut checked = attributes.clone();
    if attributes.bytes(CKA_EC_POINT).is_some_and(|point| !point.is_empty()) {
        let given = ec_keys::raw_point(attributes, key_type)?;
        if !same_point(named, given, &ec_keys::point_of(named, value.as_bytes())?) {
            return Err(Error::TemplateInconsistent);
        }
        checked.set(CKA_EC_POINT, Value::Bytes(ec_point::wrapped(key_type, given)?));
    }
    checked.set(CKA_VALUE, Value::Secret(value));
    Ok(checked)
}

/// True where a point, compressed or not, is the one that the private value makes.
fn same_point(named: Named, given: &[u8], made: &[u8]) -> bool {
    match named {
        Named::Weierstrass(curve) => {
            ec::PublicKey::new(curve, given).and_then(|key| key.point()).is_ok_and(|given| given == made)
        }
        Named::Edwards(_) | Named::Montgomery(_) => given == made,
    }
}
