//! Parameters of the simple key derivations (section 6.43), of encrypted data and of HKDF.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::mechanism::hkdf::{HkdfParams, Salt};
use crate::token::ObjectHandle;

use super::{Parameter, References, field, flag};

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn string_data(params: CK_KEY_DERIVATION_STRING_DATA) -> Result<Params> {
    // SAFETY: passed on from the caller.
    unsafe { field(params.pData, params.ulLen) }.map(Params::Bytes)
}

/// CK_AES_CBC_ENCRYPT_DATA_PARAMS or CK_DES_CBC_ENCRYPT_DATA_PARAMS, by the length of the IV.
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn cbc_data(parameter: Parameter, iv_len: usize) -> Result<Params> {
    // SAFETY: passed on from the caller.
    unsafe {
        let (iv, data, length) = if iv_len == 8 {
            let params: CK_DES_CBC_ENCRYPT_DATA_PARAMS = parameter.structure()?;
            (params.iv.to_vec(), params.pData, params.length)
        } else {
            let params: CK_AES_CBC_ENCRYPT_DATA_PARAMS = parameter.structure()?;
            (params.iv.to_vec(), params.pData, params.length)
        };
        Ok(Params::CbcData { iv, data: field(data, length)? })
    }
}

/// The salt is looked at only where it is used (section 6.62: "should be ignored if bExtract is false").
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn hkdf(params: CK_HKDF_PARAMS, references: &mut References) -> Result<Params> {
    let (extract, expand) = (flag(params.bExtract)?, flag(params.bExpand)?);
    let salt = match (extract, params.ulSaltType) {
        (false, _) | (true, CKF_HKDF_SALT_NULL) => Salt::Null,
        // SAFETY: passed on from the caller.
        (true, CKF_HKDF_SALT_DATA) => Salt::Data(unsafe { field(params.pSalt, params.ulSaltLen) }?),
        (true, CKF_HKDF_SALT_KEY) => {
            references.keys.push(ObjectHandle(params.hSaltKey));
            Salt::Key
        }
        _ => return Err(Error::MechanismParamInvalid),
    };
    // SAFETY: passed on from the caller.
    let info = if expand { unsafe { field(params.pInfo, params.ulInfoLen) }? } else { Vec::new() };
    Ok(Params::Hkdf(HkdfParams { extract, expand, hash: params.prfHashMechanism, salt, info }))
}
