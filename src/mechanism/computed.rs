//! CKA_CHECK_VALUE and CKA_PUBLIC_KEY_INFO, which only the engine can tell.

use crate::ck::*;
use crate::crypto::pkcs8::{self, Public};
use crate::object::{Attributes, Computed, ec_point};

use super::ec_keys;
use super::ec_params::{self, Named};
use super::{ffc_keys, lattice_keys, private_key_info, slh_dsa, stateful};

/// Computes with the engine.
pub struct Engine;

impl Computed for Engine {
    fn public_key_info(&self, attributes: &Attributes) -> Option<Vec<u8>> {
        public_key_info(attributes)
    }

    fn check_value(&self, attributes: &Attributes) -> Option<Vec<u8>> {
        super::check_value::check_value(attributes)
    }
}

/// CKA_PUBLIC_KEY_INFO (sections 4.6 to 4.9): the DER SubjectPublicKeyInfo of a public key, a private key or an X.509
/// certificate. `None` for other objects and for keys that do not tell their public half.
pub fn public_key_info(attributes: &Attributes) -> Option<Vec<u8>> {
    match attributes.ulong(CKA_CLASS)? {
        CKO_CERTIFICATE => {
            let certificate = attributes.bytes(CKA_VALUE)?;
            pkcs8::of_certificate(certificate).ok().map(<[u8]>::to_vec)
        }
        CKO_PUBLIC_KEY | CKO_PRIVATE_KEY => public_half(attributes).map(|key| pkcs8::encode_public(&key)),
        _ => None,
    }
}

/// The public key that the attributes of a public or private key tell.
pub(super) fn public_half(attributes: &Attributes) -> Option<Public> {
    let key_type = attributes.ulong(CKA_KEY_TYPE)?;
    if key_type == CKK_RSA {
        return Some(Public::Rsa {
            modulus: attributes.bytes(CKA_MODULUS)?.to_vec(),
            public_exponent: attributes.bytes(CKA_PUBLIC_EXPONENT)?.to_vec(),
        });
    }
    if matches!(key_type, CKK_ML_DSA | CKK_ML_KEM) {
        return lattice_keys::public_half(attributes);
    }
    if let Some(group) = private_key_info::group_of(attributes, key_type) {
        let value = attributes.bytes(CKA_VALUE)?;
        let value = match attributes.ulong(CKA_CLASS)? {
            CKO_PRIVATE_KEY => ffc_keys::domain_of(attributes, key_type).ok()?.public_of(value).ok()?,
            _ => value.to_vec(),
        };
        return Some(Public::Field { group, value });
    }
    if key_type == CKK_SLH_DSA {
        return slh_dsa::public_half(attributes);
    }
    if stateful::scheme_of(key_type).is_some() {
        return stateful::public_half(attributes);
    }
    let named = match key_type {
        CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY => {
            ec_params::parse(attributes.bytes(CKA_EC_PARAMS)?).ok()?
        }
        _ => return None,
    };
    let point = match attributes.bytes(CKA_EC_POINT) {
        Some(point) => ec_point::raw(key_type, point)?.to_vec(),
        None => ec_keys::point_of(named, attributes.bytes(CKA_VALUE)?).ok()?,
    };
    Some(match named {
        Named::Weierstrass(curve) => Public::Ec { curve, point },
        Named::Edwards(curve) => Public::Edwards { curve, point },
        Named::Montgomery(curve) => Public::Montgomery { curve, value: point },
    })
}
