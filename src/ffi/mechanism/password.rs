//! Parameters of password-based keys (sections 6.37 and 6.38).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::mechanism::password::{PbeParams, Pbkdf2Params};
use crate::secret::Secret;

use super::super::host;
use super::{References, field};

/// The longest password in bytes. It tells the two forms of the PBKDF2 parameter apart, which have one size: in the older
/// one the length is a pointer to the length, and no pointer is so small.
const MAX_PASSWORD: CK_ULONG = 1 << 16;

/// CK_PKCS5_PBKD2_PARAMS2, or CK_PKCS5_PBKD2_PARAMS of the editions before 2.40.
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn pbkdf2(params: CK_PKCS5_PBKD2_PARAMS2) -> Result<Params> {
    if params.saltSource != CKZ_SALT_SPECIFIED || !params.pPrfData.is_null() || params.ulPrfDataLen != 0 {
        return Err(Error::MechanismParamInvalid);
    }
    let length = match params.ulPasswordLen {
        length @ ..=MAX_PASSWORD => length,
        pointer => host::number_at(pointer)
            .filter(|length| *length <= MAX_PASSWORD)
            .ok_or(Error::MechanismParamInvalid)?,
    };
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(Params::Pbkdf2(Pbkdf2Params {
            salt: field(params.pSaltSourceData.cast(), params.ulSaltSourceDataLen)?,
            iterations: params.iterations,
            prf: params.prf,
            password: Secret::new(field(params.pPassword, length)?),
        }))
    }
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn pbe(params: CK_PBE_PARAMS, iv: bool, references: &mut References) -> Result<Params> {
    if params.ulPasswordLen > MAX_PASSWORD {
        return Err(Error::MechanismParamInvalid);
    }
    if iv {
        references.returned_bytes(params.pInitVector, 8)?;
    }
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(Params::Pbe(PbeParams {
            password: Secret::new(field(params.pPassword, params.ulPasswordLen)?),
            salt: field(params.pSalt, params.ulSaltLen)?,
            iterations: params.ulIteration,
        }))
    }
}
