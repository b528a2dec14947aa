//! Private keys as C_WrapKey and C_UnwrapKey carry them: PrivateKeyInfo of PKCS #8 (PKCS#11 section 6.7).

use crate::ck::*;
use crate::crypto::Error as CryptoError;
use crate::crypto::pkcs8::{self, Field, Group};
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value, ec_point};
use crate::secret::Secret;

use super::ec_params::{self, Named};
use super::{ec_keys, import, lattice_keys, rsa_keys, slh_dsa, stateful};

/// The DER of a private key object. CKR_KEY_NOT_WRAPPABLE: another class, another type, or parts are missing.
pub fn encode(object: &Object) -> Result<Secret> {
    if object.class() != CKO_PRIVATE_KEY {
        return Err(Error::KeyNotWrappable);
    }
    let key = match object.key_type() {
        Some(CKK_RSA) => {
            let numbers = rsa_keys::components(|id| object.material(id)).map_err(not_wrappable)?;
            pkcs8::Private::Rsa(numbers)
        }
        Some(CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY) => curve_key(object)?,
        Some(CKK_ML_DSA | CKK_ML_KEM) => lattice_keys::to_encode(object)?,
        Some(key_type @ (CKK_DSA | CKK_DH | CKK_X9_42_DH)) => {
            let group = group_of(object.attributes(), key_type).ok_or(Error::KeyNotWrappable)?;
            let value = Secret::copy_of(object.material(CKA_VALUE)?.ok_or(Error::KeyNotWrappable)?);
            pkcs8::Private::Field { group, value }
        }
        Some(CKK_SLH_DSA) => pkcs8::Private::SlhDsa {
            set: slh_dsa::parameter_set(object.attributes()).map_err(|_| Error::KeyNotWrappable)?,
            value: Secret::copy_of(object.material(CKA_VALUE)?.ok_or(Error::KeyNotWrappable)?),
        },
        _ => return Err(Error::KeyNotWrappable),
    };
    pkcs8::encode_private(&key).map_err(|_| Error::KeyNotWrappable)
}

fn not_wrappable(error: Error) -> Error {
    match error {
        Error::TemplateIncomplete => Error::KeyNotWrappable,
        other => other,
    }
}

fn curve_key(object: &Object) -> Result<pkcs8::Private> {
    let params = object.bytes(CKA_EC_PARAMS).ok_or(Error::KeyNotWrappable)?;
    let value = Secret::copy_of(object.material(CKA_VALUE)?.ok_or(Error::KeyNotWrappable)?);
    Ok(match ec_params::parse(params)? {
        Named::Weierstrass(curve) => {
            // Most readers want the point, which costs one multiplication where the object has none.
            let point = Some(ec_keys::point_of(Named::Weierstrass(curve), value.as_bytes())?);
            pkcs8::Private::Ec { curve, value, point }
        }
        Named::Edwards(curve) => pkcs8::Private::Edwards { curve, seed: value },
        Named::Montgomery(curve) => pkcs8::Private::Montgomery { curve, value },
    })
}

/// The domain parameters of a key over a finite field; `None` where one is missing.
pub(super) fn group_of(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Option<Group> {
    let (field, subprime) = match key_type {
        CKK_DSA => (Field::Dsa, Some(attributes.bytes(CKA_SUBPRIME)?.to_vec())),
        CKK_DH => (Field::Dh, None),
        CKK_X9_42_DH => (Field::X942Dh, Some(attributes.bytes(CKA_SUBPRIME)?.to_vec())),
        _ => return None,
    };
    let (prime, base) = (attributes.bytes(CKA_PRIME)?.to_vec(), attributes.bytes(CKA_BASE)?.to_vec());
    Some(Group { field, prime, subprime, base })
}

/// Key type and domain parameters of a key over a finite field.
fn set_group(attributes: &mut Attributes, group: Group) {
    let key_type = match group.field {
        Field::Dsa => CKK_DSA,
        Field::Dh => CKK_DH,
        Field::X942Dh => CKK_X9_42_DH,
    };
    attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
    attributes.set(CKA_PRIME, Value::Bytes(group.prime));
    attributes.set(CKA_BASE, Value::Bytes(group.base));
    if let Some(subprime) = group.subprime {
        attributes.set(CKA_SUBPRIME, Value::Bytes(subprime));
    }
}

/// The attributes that a PrivateKeyInfo contributes to the new key: CKA_CLASS, CKA_KEY_TYPE and the values, checked
/// and complete. CKR_WRAPPED_KEY_INVALID: it is not one, or its numbers make no key; CKR_CURVE_NOT_SUPPORTED.
pub fn decode(der: &[u8]) -> Result<Attributes> {
    let key = pkcs8::decode_private(without_filling(der)).map_err(|error| match error {
        CryptoError::Curve => Error::CurveNotSupported,
        CryptoError::Parameters => Error::DomainParamsInvalid,
        _ => Error::WrappedKeyInvalid,
    })?;
    import::check_key(&attributes_of(key)?).map_err(|error| match error {
        Error::TemplateIncomplete
        | Error::TemplateInconsistent
        | Error::AttributeValueInvalid
        | Error::DomainParamsInvalid
        | Error::PublicKeyInvalid => Error::WrappedKeyInvalid,
        other => other,
    })
}

/// The encoding without the zeros, fewer than a block of AES, that a mechanism without a padding has put behind it
/// (section 6.16: CKM_AES_KEY_WRAP "ignores trailing zero bytes").
fn without_filling(der: &[u8]) -> &[u8] {
    let length = match *der {
        [0x30, length @ 0..=0x7f, ..] => usize::from(length) + 2,
        [0x30, 0x81, length, ..] => usize::from(length) + 3,
        [0x30, 0x82, high, low, ..] => usize::from(u16::from_be_bytes([high, low])) + 4,
        _ => return der,
    };
    match der.split_at_checked(length) {
        Some((key, filling)) if filling.len() < 16 && filling.iter().all(|byte| *byte == 0) => key,
        _ => der,
    }
}

/// The attributes of a private key from a file, not yet checked.
pub fn attributes_of(key: pkcs8::Private) -> Result<Attributes> {
    let mut attributes = Attributes::from_iter([(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY))]);
    let (key_type, named, value) = match key {
        pkcs8::Private::Rsa(numbers) => {
            attributes.set(CKA_KEY_TYPE, Value::Ulong(CKK_RSA));
            attributes.set(CKA_MODULUS, Value::Bytes(numbers.modulus.clone()));
            attributes.set(CKA_PUBLIC_EXPONENT, Value::Bytes(numbers.public_exponent.clone()));
            rsa_keys::set_private(&mut attributes, &numbers);
            return Ok(attributes);
        }
        pkcs8::Private::Ec { curve, value, point } => {
            if let Some(point) = point {
                let wrapped = ec_point::wrapped(CKK_EC, &point).map_err(|_| Error::WrappedKeyInvalid)?;
                attributes.set(CKA_EC_POINT, Value::Bytes(wrapped));
            }
            (CKK_EC, Named::Weierstrass(curve), value)
        }
        pkcs8::Private::Lattice { algorithm, seed, expanded } => {
            lattice_keys::identify(&mut attributes, algorithm);
            for (id, value) in [(CKA_SEED, seed), (CKA_VALUE, expanded)] {
                if let Some(value) = value {
                    attributes.set(id, Value::Secret(value));
                }
            }
            return Ok(attributes);
        }
        pkcs8::Private::Edwards { curve, seed } => (CKK_EC_EDWARDS, Named::Edwards(curve), seed),
        pkcs8::Private::Field { group, value } => {
            set_group(&mut attributes, group);
            attributes.set(CKA_VALUE, Value::Secret(value));
            return Ok(attributes);
        }
        pkcs8::Private::SlhDsa { set, value } => {
            slh_dsa::set_type(&mut attributes, set);
            attributes.set(CKA_VALUE, Value::Secret(value));
            return Ok(attributes);
        }
        pkcs8::Private::Montgomery { curve, value } => (CKK_EC_MONTGOMERY, Named::Montgomery(curve), value),
    };
    attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
    attributes.set(CKA_EC_PARAMS, Value::Bytes(ec_params::encode(named)));
    attributes.set(CKA_VALUE, Value::Secret(value));
    Ok(attributes)
}

/// The attributes of a public key from a file: CKA_CLASS, CKA_KEY_TYPE and the values, not yet checked.
pub fn public_attributes_of(key: pkcs8::Public) -> Result<Attributes> {
    let mut attributes = Attributes::from_iter([(CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY))]);
    let (key_type, named, point) = match key {
        pkcs8::Public::Rsa { modulus, public_exponent } => {
            attributes.set(CKA_KEY_TYPE, Value::Ulong(CKK_RSA));
            attributes.set(CKA_MODULUS, Value::Bytes(modulus));
            attributes.set(CKA_PUBLIC_EXPONENT, Value::Bytes(public_exponent));
            return Ok(attributes);
        }
        pkcs8::Public::Ec { curve, point } => (CKK_EC, Named::Weierstrass(curve), point),
        pkcs8::Public::Lattice { algorithm, value } => {
            lattice_keys::identify(&mut attributes, algorithm);
            attributes.set(CKA_VALUE, Value::Bytes(value));
            return Ok(attributes);
        }
        pkcs8::Public::Edwards { curve, point } => (CKK_EC_EDWARDS, Named::Edwards(curve), point),
        pkcs8::Public::Field { group, value } => {
            set_group(&mut attributes, group);
            attributes.set(CKA_VALUE, Value::Bytes(value));
            return Ok(attributes);
        }
        pkcs8::Public::SlhDsa { set, value } => {
            slh_dsa::set_type(&mut attributes, set);
            attributes.set(CKA_VALUE, Value::Bytes(value));
            return Ok(attributes);
        }
        pkcs8::Public::Stateful { scheme, value } => {
            stateful::set_public(&mut attributes, scheme, value);
            return Ok(attributes);
        }
        pkcs8::Public::Montgomery { curve, value } => (CKK_EC_MONTGOMERY, Named::Montgomery(curve), value),
    };
    attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
    attributes.set(CKA_EC_PARAMS, Value::Bytes(ec_params::encode(named)));
    attributes.set(CKA_EC_POINT, Value::Bytes(ec_point::wrapped(key_type, &point)?));
    Ok(attributes)
}
