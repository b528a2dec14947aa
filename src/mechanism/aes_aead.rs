//! AES-GCM (PKCS#11 section 6.13, SP 800-38D): any IV of one byte or more, every tag length of SP 800-38D.
//! AES-CCM (section 6.13, SP 800-38C): nonces of 7 to 13 bytes, tags of 4 to 16 bytes, and the length of the data told
//! before; for keys it follows from the key.

use crate::ck::*;
use crate::crypto::aes::Direction;
use crate::crypto::ccm::Ccm;
use crate::crypto::gcm::Gcm;
use crate::crypto::{self};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::aead::{Opening, Sealing};
use super::operation::Cipher;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::wrapping::{self, cipher_ops};

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_AES_GCM,
        "CKM_AES_GCM",
        ParamKind::Gcm,
        Ops {
            message: Some(|message, aad| Params::Gcm {
                iv: message.nonce,
                aad,
                tag_bits: message.tag_len as u64 * 8,
            }),
            ..cipher_ops!(encrypt_gcm, decrypt_gcm)
        },
    ),
    row(
        CKM_AES_CCM,
        "CKM_AES_CCM",
        ParamKind::Ccm,
        Ops {
            encrypt: Some(|key, params| encrypt_ccm(&key, params, None)),
            decrypt: Some(|key, params| decrypt_ccm(&key, params, None)),
            wrap: Some(|key, params, material| {
                wrapping::encrypt(encrypt_ccm(key, params, Some(material.len()))?, material)
            }),
            message: Some(|message, aad| Params::Ccm {
                data_len: message.data_len,
                nonce: message.nonce,
                aad,
                tag_len: message.tag_len as u64,
            }),
            unwrap: Some(|key, params, wrapped| {
                wrapping::decrypt(decrypt_ccm(key, params, Some(wrapped.len()))?, wrapped)
            }),
            ..Ops::NONE
        },
    ),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    let key = KeyNeed::secret(&[CKK_AES]);
    Mechanism { id, name, params, key, sizes: (16, 32), flags: 0, approval: Approval::Approved, ops }
}

fn encrypt_gcm(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let (gcm, tag_len) = start_gcm(key, params, Direction::Encrypt)?;
    Ok(Sealing::boxed(gcm, tag_len))
}

fn decrypt_gcm(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    let (gcm, tag_len) = start_gcm(key, params, Direction::Decrypt)?;
    Ok(Opening::boxed(gcm, tag_len))
}

fn start_gcm(key: &UsableKey, params: &Params, direction: Direction) -> Result<(Gcm, usize)> {
    let Params::Gcm { iv, aad, tag_bits } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let tag_len = tag_len(*tag_bits)?;
    let gcm = Gcm::new(super::aes_key(key)?, direction, iv, aad).map_err(bad_parameter)?;
    Ok((gcm, tag_len))
}

/// The tag in bytes; SP 800-38D section 5.2.1.2 and section 6.13 name these seven lengths.
pub(super) fn tag_len(bits: u64) -> Result<usize> {
    match bits {
        128 => Ok(16),
        120 => Ok(15),
        112 => Ok(14),
        104 => Ok(13),
        96 => Ok(12),
        64 => Ok(8),
        32 => Ok(4),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// `key_len`: the length of the key, where it is a key that is wrapped: "tokens SHALL ignore any value provided" for
/// the length of the data then.
fn encrypt_ccm(key: &UsableKey, params: &Params, key_len: Option<usize>) -> Result<Box<dyn Cipher>> {
    let (ccm, tag_len) = start_ccm(key, params, Direction::Encrypt, key_len)?;
    Ok(Sealing::boxed(ccm, tag_len))
}

/// `wrapped_len`: the length of a wrapped key with its tag, as in `encrypt_ccm`.
fn decrypt_ccm(key: &UsableKey, params: &Params, wrapped_len: Option<usize>) -> Result<Box<dyn Cipher>> {
    let key_len = match (wrapped_len, params) {
        (Some(length), Params::Ccm { tag_len, .. }) => {
            let tag_len = usize::try_from(*tag_len).map_err(|_| Error::MechanismParamInvalid)?;
            Some(length.checked_sub(tag_len).ok_or(Error::WrappedKeyLenRange)?)
        }
        _ => None,
    };
    let (ccm, tag_len) = start_ccm(key, params, Direction::Decrypt, key_len)?;
    Ok(Opening::boxed(ccm, tag_len))
}

fn start_ccm(
    key: &UsableKey,
    params: &Params,
    direction: Direction,
    key_len: Option<usize>,
) -> Result<(Ccm, usize)> {
    let Params::Ccm { data_len, nonce, aad, tag_len } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let data_len = key_len.map_or(*data_len, |length| length as u64);
    let tag_len = usize::try_from(*tag_len).map_err(|_| Error::MechanismParamInvalid)?;
    let ccm =
        Ccm::new(super::aes_key(key)?, direction, nonce, aad, data_len, tag_len).map_err(bad_parameter)?;
    Ok((ccm, tag_len))
}

/// What cannot be started is the parameter's fault.
fn bad_parameter(error: crypto::Error) -> Error {
    match error {
        crypto::Error::Argument | crypto::Error::Length => Error::MechanismParamInvalid,
        other => other.into(),
    }
}

#[cfg(test)]
mod ccm_tests;
#[cfg(test)]
mod tests;
