//! Elliptic-curve Diffie-Hellman (PKCS#11 sections 6.3.16 to 6.3.20, NIST SP 800-56A, RFC 7748).

use crate::ck::*;
use crate::crypto::ec;
use crate::error::{Error, Result};
use crate::object::ec_point;
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::agreement::Kdf;
use super::ec_keys::{self, FLAGS, SIZES};
use super::operation::{Derivation, Derived, Encapsulation};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_ECDH1_DERIVE, "CKM_ECDH1_DERIVE", KeyNeed::pair(&[CKK_EC, CKK_EC_MONTGOMERY])),
    // All curves of the type CKK_EC have the cofactor one, so that both mechanisms are the same.
    row(CKM_ECDH1_COFACTOR_DERIVE, "CKM_ECDH1_COFACTOR_DERIVE", KeyNeed::pair(&[CKK_EC])),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, key: KeyNeed) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::Ecdh1,
        key,
        sizes: SIZES,
        flags: FLAGS,
        approval: Approval::Approved,
        ops: Ops {
            derive: Some(derive),
            encapsulate: Some(encapsulate),
            decapsulate: Some(decapsulate),
            ..Ops::NONE
        },
    }
}

/// Without a KDF the secret is the x coordinate; a shorter key is its tail ("the truncation removes bytes from the
/// leading end"). With a KDF it is as long as wanted, or as the shared secret where nothing is said. Errors:
/// CKR_MECHANISM_PARAM_INVALID; CKR_PUBLIC_KEY_INVALID for a point that is not on the curve;
/// CKR_KEY_SIZE_RANGE for a longer key than there is.
fn derive(input: &Derivation) -> Result<Derived> {
    let Params::Ecdh1 { kdf, shared_data, public_data } = input.params else {
        return Err(Error::MechanismParamInvalid);
    };
    let function = Kdf::of_ec(*kdf, shared_data)?;
    let shared = agree(input.base, public_data)?;
    Ok(Derived::key(function.key(shared, shared_data, input.wanted)?))
}

/// The KDF and its data. CKR_MECHANISM_PARAM_INVALID: "pPublicData and ulPublicDataLen must be set to NULL and 0".
fn without_point<'a>(input: &Encapsulation<'a>) -> Result<(Kdf, &'a [u8])> {
    match input.params {
        Params::Ecdh1 { kdf, shared_data, public_data } if public_data.is_empty() => {
            Ok((Kdf::of_ec(*kdf, shared_data)?, shared_data))
        }
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// The ciphertext is the public value of a new key pair, as it stands in no OCTET STRING.
fn encapsulate(input: &Encapsulation) -> Result<(Vec<u8>, Secret)> {
    let (kdf, data) = without_point(input)?;
    let (point, shared) = ec_keys::agree_fresh(input.key)?;
    Ok((point, kdf.key(shared, data, input.wanted)?))
}

/// CKR_WRAPPED_KEY_INVALID: the ciphertext is no public value of the key's curve.
fn decapsulate(input: &Encapsulation, ciphertext: &[u8]) -> Result<Secret> {
    let (kdf, data) = without_point(input)?;
    let shared = agree(input.key, ciphertext).map_err(|error| match error {
        Error::MechanismParamInvalid | Error::PublicKeyInvalid => Error::WrappedKeyInvalid,
        other => other,
    })?;
    kdf.key(shared, data, input.wanted).map_err(|error| match error {
        Error::KeySizeRange => Error::WrappedKeyLenRange,
        other => other,
    })
}

/// The other party's point may come raw or wrapped in an OCTET STRING (section 6.3.15, footnote 1).
fn agree(key: &UsableKey, public_data: &[u8]) -> Result<Secret> {
    let key_type = key.object().key_type().ok_or(Error::GeneralError)?;
    let point = ec_point::raw(key_type, public_data).ok_or(Error::MechanismParamInvalid)?;
    if key_type == CKK_EC_MONTGOMERY {
        return Ok(ec_keys::montgomery_private(key)?.agree(point)?);
    }
    let private = ec_keys::private(key)?;
    Ok(private.agree(&ec::PublicKey::new(private.curve(), point)?)?)
}
