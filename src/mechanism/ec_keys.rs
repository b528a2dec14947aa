//! Keys on elliptic curves of all three families (PKCS#11 section 6.3): generation, and the engine's view of key
//! objects.

use crate::ck::*;
use crate::crypto::{ec, edwards, montgomery};
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value, ec_point};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::ec_params::{self, Named};
use super::operation::KeyPair;
use super::params::ParamKind;
use super::row::{Approval, GenerateKeyPairFn, KeyNeed, Mechanism, Ops};

/// Sizes of the field in bits: CKK_EC; Edwards and Montgomery curves (sections 6.3.9 and 6.3.10 name both numbers).
pub(super) const SIZES: (u64, u64) = (160, 521);
pub(super) const SIZES_255_448: (u64, u64) = (255, 448);

/// What C_GetMechanismInfo tells of every mechanism on curves: prime fields, curves by identifier or name, points
/// taken in both forms.
pub(super) const FLAGS: CK_FLAGS =
    CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS;

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN", &[CKK_EC], SIZES, Approval::Approved, |_, public, _| {
        generate(CKK_EC, public)
    }),
    row(
        CKM_EC_EDWARDS_KEY_PAIR_GEN,
        "CKM_EC_EDWARDS_KEY_PAIR_GEN",
        &[CKK_EC_EDWARDS],
        SIZES_255_448,
        Approval::Approved,
        |_, public, _| generate(CKK_EC_EDWARDS, public),
    ),
    row(
        CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
        "CKM_EC_MONTGOMERY_KEY_PAIR_GEN",
        &[CKK_EC_MONTGOMERY],
        SIZES_255_448,
        Approval::NotApproved,
        |_, public, _| generate(CKK_EC_MONTGOMERY, public),
    ),
];

const fn row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    types: &'static [CK_KEY_TYPE],
    sizes: (u64, u64),
    approval: Approval,
    generate: GenerateKeyPairFn,
) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::pair(types),
        sizes,
        flags: FLAGS,
        approval,
        ops: Ops { generate_key_pair: Some(generate), ..Ops::NONE },
    }
}

/// Errors: CKR_TEMPLATE_INCOMPLETE without CKA_EC_PARAMS; CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID.
fn generate(key_type: CK_KEY_TYPE, public: &Attributes) -> Result<KeyPair> {
    let params = public.bytes(CKA_EC_PARAMS).ok_or(Error::TemplateIncomplete)?;
    let (value, point) = match (key_type, ec_params::parse(params)?) {
        (CKK_EC, Named::Weierstrass(curve)) => {
            let key = ec::PrivateKey::generate(curve)?;
            (key.value()?, key.public_point()?)
        }
        (CKK_EC_EDWARDS, Named::Edwards(curve)) => {
            let key = edwards::PrivateKey::generate(curve)?;
            (key.seed(), key.public_point().to_vec())
        }
        (CKK_EC_MONTGOMERY, Named::Montgomery(curve)) => {
            let key = montgomery::PrivateKey::generate(curve)?;
            (key.value().clone(), key.public_value()?)
        }
        // A curve of another family (sections 6.3.9 and 6.3.10).
        _ => return Err(Error::CurveNotSupported),
    };
    let public = Attributes::from_iter([
        (CKA_EC_PARAMS, Value::Bytes(params.to_vec())),
        (CKA_EC_POINT, Value::Bytes(ec_point::wrapped(key_type, &point)?)),
    ]);
    let mut private = public.clone();
    private.set(CKA_VALUE, Value::Secret(value));
    Ok(KeyPair { public, private })
}

/// The point itself, without the OCTET STRING around it. Montgomery and Edwards keys of other lengths than the
/// curve's are refused by who parses them.
pub(super) fn raw_point(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<&[u8]> {
    let point = attributes.bytes(CKA_EC_POINT).ok_or(Error::TemplateIncomplete)?;
    ec_point::raw(key_type, point).ok_or(Error::AttributeValueInvalid)
}

fn params(object: &Object) -> Result<Named> {
    ec_params::parse(object.bytes(CKA_EC_PARAMS).ok_or(Error::GeneralError)?)
}

fn value(object: &Object) -> Result<&[u8]> {
    object.material(CKA_VALUE)?.ok_or(Error::GeneralError)
}

/// The engine's key of a private key object of the type CKK_EC, made once.
pub(super) fn private(key: &UsableKey) -> Result<&ec::PrivateKey> {
    key.object().engine_key(|object| match params(object)? {
        Named::Weierstrass(curve) => Ok(ec::PrivateKey::new(curve, value(object)?)?),
        _ => Err(Error::KeyTypeInconsistent),
    })
}

/// The engine's key of a public key object of the type CKK_EC, made once.
pub(super) fn public(key: &UsableKey) -> Result<&ec::PublicKey> {
    key.object().engine_key(|object| match params(object)? {
        Named::Weierstrass(curve) => Ok(ec::PublicKey::new(curve, raw_point(object.attributes(), CKK_EC)?)?),
        _ => Err(Error::KeyTypeInconsistent),
    })
}

/// The engine's key of a private key object of the type CKK_EC_EDWARDS, made once.
pub(super) fn edwards_private(key: &UsableKey) -> Result<&edwards::PrivateKey> {
    key.object().engine_key(|object| match params(object)? {
        Named::Edwards(curve) => Ok(edwards::PrivateKey::new(curve, value(object)?)?),
        _ => Err(Error::KeyTypeInconsistent),
    })
}

/// The engine's key of a public key object of the type CKK_EC_EDWARDS, made once.
pub(super) fn edwards_public(key: &UsableKey) -> Result<&edwards::PublicKey> {
    key.object().engine_key(|object| match params(object)? {
        Named::Edwards(curve) => {
            Ok(edwards::PublicKey::new(curve, raw_point(object.attributes(), CKK_EC_EDWARDS)?)?)
        }
        _ => Err(Error::KeyTypeInconsistent),
    })
}

/// The engine's key of a private key object of the type CKK_EC_MONTGOMERY, made once.
pub(super) fn montgomery_private(key: &UsableKey) -> Result<&montgomery::PrivateKey> {
    key.object().engine_key(|object| match params(object)? {
        Named::Montgomery(curve) => Ok(montgomery::PrivateKey::new(curve, value(object)?)?),
        _ => Err(Error::KeyTypeInconsistent),
    })
}

/// Curve and public value of a public key object of the type CKK_EC_MONTGOMERY.
pub(super) fn montgomery_public(key: &UsableKey) -> Result<(montgomery::Curve, &[u8])> {
    match params(key.object())? {
        Named::Montgomery(curve) => Ok((curve, raw_point(key.object().attributes(), CKK_EC_MONTGOMERY)?)),
        _ => Err(Error::KeyTypeInconsistent),
    }
}

/// The public value of a new key pair, and the secret that it shares with a public key object of the type CKK_EC or
/// CKK_EC_MONTGOMERY.
pub(super) fn agree_fresh(key: &UsableKey) -> Result<(Vec<u8>, Secret)> {
    if key.object().key_type() == Some(CKK_EC_MONTGOMERY) {
        let (curve, other) = montgomery_public(key)?;
        let own = montgomery::PrivateKey::generate(curve)?;
        return Ok((own.public_value()?, own.agree(other)?));
    }
    let other = public(key)?;
    let own = ec::PrivateKey::generate(other.curve())?;
    Ok((own.public_point()?, own.agree(other)?))
}

/// The private value in the form that is stored: as long as the order, or as the curve's seeds and values. Errors:
/// CKR_ATTRIBUTE_VALUE_INVALID for a value that no key of the curve has.
pub(super) fn checked_value(named: Named, value: &[u8]) -> Result<Secret> {
    let invalid = |_| Error::AttributeValueInvalid;
    match named {
        Named::Weierstrass(curve) => Ok(ec::PrivateKey::new(curve, value).map_err(invalid)?.value()?),
        Named::Edwards(curve) => {
            let seed = unwrapped_value(value, curve.point_len());
            Ok(edwards::PrivateKey::new(curve, seed).map_err(invalid)?.seed())
        }
        Named::Montgomery(curve) => {
            let value = unwrapped_value(value, curve.value_len());
            Ok(montgomery::PrivateKey::new(curve, value).map_err(invalid)?.value().clone())
        }
    }
}

/// Some clients give the private bytes of RFC 8410: an OCTET STRING of the curve's length.
fn unwrapped_value(value: &[u8], length: usize) -> &[u8] {
    match value {
        [0x04, told, inner @ ..] if usize::from(*told) == length && inner.len() == length => inner,
        _ => value,
    }
}

/// The raw public point that belongs to a private value.
pub(super) fn point_of(named: Named, value: &[u8]) -> Result<Vec<u8>> {
    Ok(match named {
        Named::Weierstrass(curve) => ec::PrivateKey::new(curve, value)?.public_point()?,
        Named::Edwards(curve) => edwards::PrivateKey::new(curve, value)?.public_point().to_vec(),
        Named::Montgomery(curve) => montgomery::PrivateKey::new(curve, value)?.public_value()?,
    })
}
