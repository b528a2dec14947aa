//! Parameters of RSA and of the elliptic curves.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;

use super::{field, flag};

pub(super) fn pss(params: CK_RSA_PKCS_PSS_PARAMS) -> Params {
    Params::Pss { hash: params.hashAlg, mgf: params.mgf, salt_len: params.sLen }
}

/// A label needs the source CKZ_DATA_SPECIFIED (section 6.1.7); clients without one leave the source zero.
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn oaep(params: CK_RSA_PKCS_OAEP_PARAMS) -> Result<Params> {
    if params.source != CKZ_DATA_SPECIFIED && (params.source != 0 || params.ulSourceDataLen != 0) {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: passed on from the caller.
    let label = unsafe { field(params.pSourceData.cast(), params.ulSourceDataLen) }?;
    Ok(Params::Oaep { hash: params.hashAlg, mgf: params.mgf, label })
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn eddsa(params: CK_EDDSA_PARAMS) -> Result<Params> {
    let prehash = flag(params.phFlag)?;
    // SAFETY: passed on from the caller.
    let context = unsafe { field(params.pContextData, params.ulContextDataLen) }?;
    Ok(Params::Eddsa { prehash, context })
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn ecdh1(params: CK_ECDH1_DERIVE_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(Params::Ecdh1 {
            kdf: params.kdf,
            shared_data: field(params.pSharedData, params.ulSharedDataLen)?,
            public_data: field(params.pPublicData, params.ulPublicDataLen)?,
        })
    }
}
