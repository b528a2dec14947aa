//! Keys wrapped for the holder of a private key: a new AES key travels under RSA (PKCS#11 section 6.1) or follows
//! from an agreement with a new key pair (sections 6.3.20 to 6.3.22), and wraps the key itself with
//! CKM_AES_KEY_WRAP_KWP.

use crate::ck::*;
use crate::crypto::aes::Key;
use crate::crypto::key_wrap::{self, KWP_IV};
use crate::crypto::{ec, random};
use crate::error::{Error, Result};
use crate::object::ec_point;
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::agreement::Kdf;
use super::ec_keys::{self, FLAGS, SIZES, SIZES_255_448};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::{rsa_cipher, rsa_keys};

macro_rules! ecdh_row {
    ($id:ident, $types:expr, $sizes:expr, $point:ident) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::EcdhAesKeyWrap,
            key: KeyNeed::pair($types),
            sizes: $sizes,
            flags: FLAGS,
            approval: Approval::Approved,
            ops: Ops {
                wrap: Some(|key, params, material| ecdh_wrap(key, params, material, Point::$point)),
                unwrap: Some(|key, params, wrapped| ecdh_unwrap(key, params, wrapped, Point::$point)),
                ..Ops::NONE
            },
        }
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism {
        id: CKM_RSA_AES_KEY_WRAP,
        name: "CKM_RSA_AES_KEY_WRAP",
        params: ParamKind::RsaAesKeyWrap,
        key: KeyNeed::pair(&[CKK_RSA]),
        sizes: rsa_keys::SIZES,
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { wrap: Some(rsa_wrap), unwrap: Some(rsa_unwrap), ..Ops::NONE },
    },
    ecdh_row!(CKM_ECDH_AES_KEY_WRAP, &[CKK_EC, CKK_EC_MONTGOMERY], SIZES, Raw),
    // All curves of the type CKK_EC have the cofactor one.
    ecdh_row!(CKM_ECDH_COF_AES_KEY_WRAP, &[CKK_EC], SIZES, Wrapped),
    ecdh_row!(CKM_ECDH_X_AES_KEY_WRAP, &[CKK_EC_MONTGOMERY], SIZES_255_448, Raw),
];

/// Bytes of the AES key. CKR_MECHANISM_PARAM_INVALID: not 128, 192 or 256 bits.
fn key_len(bits: u64) -> Result<usize> {
    match bits {
        128 | 192 | 256 => Ok(bits as usize / 8),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// CKR_KEY_SIZE_RANGE: nothing to wrap, or too much.
fn seal(key: &Secret, material: &[u8]) -> Result<Vec<u8>> {
    key_wrap::wrap_padded(&Key::new(key.as_bytes())?, &KWP_IV, material).map_err(|_| Error::KeySizeRange)
}

/// CKR_WRAPPED_KEY_INVALID whatever is wrong, so that nobody learns which of both keys it was.
fn open(key: &Secret, wrapped: &[u8]) -> Result<Secret> {
    key_wrap::unwrap_padded(&Key::new(key.as_bytes())?, &KWP_IV, wrapped)
        .map_err(|_| Error::WrappedKeyInvalid)
}

fn rsa_params(params: &Params) -> Result<(usize, &Params)> {
    match params {
        Params::RsaAesKeyWrap { key_bits, oaep } => Ok((key_len(*key_bits)?, oaep)),
        _ => Err(Error::MechanismParamInvalid),
    }
}

fn rsa_wrap(key: &UsableKey, params: &Params, material: &[u8]) -> Result<Vec<u8>> {
    let (length, oaep) = rsa_params(params)?;
    let transport = random::secret(length)?;
    let mut output = rsa_cipher::wrap_oaep(key, oaep, transport.as_bytes())?;
    output.extend_from_slice(&seal(&transport, material)?);
    Ok(output)
}

/// Where the AES key does not decrypt, a random one takes its place: the answer is the same as for a wrong second part.
fn rsa_unwrap(key: &UsableKey, params: &Params, wrapped: &[u8]) -> Result<Secret> {
    let (length, oaep) = rsa_params(params)?;
    let modulus_len = rsa_keys::private(key)?.modulus_len();
    let (first, second) = wrapped.split_at_checked(modulus_len).ok_or(Error::WrappedKeyLenRange)?;
    let random = random::secret(length)?;
    let transport = match rsa_cipher::unwrap_oaep(key, oaep, first) {
        Ok(transport) if transport.len() == length => transport,
        Ok(_) | Err(Error::WrappedKeyInvalid) => random,
        Err(error) => return Err(error),
    };
    open(&transport, second)
}

/// How the public value of the new pair stands before the wrapped key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Point {
    /// The uncompressed point of SEC 1, or the bytes of RFC 7748.
    Raw,
    /// "DER-encoded OCTET STRING of the ANSI X9.62 ECPoint value".
    Wrapped,
}

fn ecdh_params(params: &Params) -> Result<(usize, Kdf, &[u8])> {
    match params {
        Params::EcdhAesKeyWrap { key_bits, kdf, shared_data } => {
            Ok((key_len(*key_bits)?, Kdf::of_ec(*kdf, shared_data)?, shared_data))
        }
        _ => Err(Error::MechanismParamInvalid),
    }
}

fn ecdh_wrap(key: &UsableKey, params: &Params, material: &[u8], form: Point) -> Result<Vec<u8>> {
    let (length, kdf, data) = ecdh_params(params)?;
    let key_type = key.object().key_type().ok_or(Error::GeneralError)?;
    let (point, shared) = ec_keys::agree_fresh(key)?;
    let mut output = match form {
        Point::Raw => point,
        Point::Wrapped => ec_point::wrapped(key_type, &point)?,
    };
    output.extend_from_slice(&seal(&kdf.leading(shared, data, length)?, material)?);
    Ok(output)
}

/// CKR_WRAPPED_KEY_LEN_RANGE: too short for a public value; CKR_WRAPPED_KEY_INVALID: it is none of the curve, or the
/// wrapped key is wrong.
fn ecdh_unwrap(key: &UsableKey, params: &Params, wrapped: &[u8], form: Point) -> Result<Secret> {
    let (length, kdf, data) = ecdh_params(params)?;
    let key_type = key.object().key_type().ok_or(Error::GeneralError)?;
    let raw_len = match key_type {
        CKK_EC_MONTGOMERY => ec_keys::montgomery_private(key)?.curve().value_len(),
        _ => 1 + 2 * ec_keys::private(key)?.curve().field_len(),
    };
    let point_len = match form {
        Point::Raw => raw_len,
        // Two or three bytes of DER.
        Point::Wrapped => raw_len + if raw_len < 0x80 { 2 } else { 3 },
    };
    let (point, sealed) = wrapped.split_at_checked(point_len).ok_or(Error::WrappedKeyLenRange)?;
    let point = match form {
        Point::Raw => point,
        Point::Wrapped => ec_point::raw(key_type, point).ok_or(Error::WrappedKeyInvalid)?,
    };
    let agreed = if key_type == CKK_EC_MONTGOMERY {
        ec_keys::montgomery_private(key)?.agree(point)
    } else {
        let own = ec_keys::private(key)?;
        ec::PublicKey::new(own.curve(), point).and_then(|other| own.agree(&other))
    };
    let shared = agreed.map_err(|_| Error::WrappedKeyInvalid)?;
    open(&kdf.leading(shared, data, length)?, sealed)
}
