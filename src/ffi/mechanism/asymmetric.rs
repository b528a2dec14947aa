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
pub(super) unsafe fn sign_context(params: CK_SIGN_ADDITIONAL_CONTEXT) -> Result<Params> {
    // SAFETY: passed on from the caller.
    let context = unsafe { field(params.pContext, params.ulContextLen) }?;
    Ok(Params::SignContext { hedge: params.hedgeVariant, context, hash: None })
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn hash_sign_context(params: CK_HASH_SIGN_ADDITIONAL_CONTEXT) -> Result<Params> {
    // SAFETY: passed on from the caller.
    let context = unsafe { field(params.pContext, params.ulContextLen) }?;
    Ok(Params::SignContext { hedge: params.hedgeVariant, context, hash: Some(params.hash) })
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

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn x9_42_dh1(params: CK_X9_42_DH1_DERIVE_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(Params::X942Dh1 {
            kdf: params.kdf,
            other_info: field(params.pOtherInfo, params.ulOtherInfoLen)?,
            public_data: field(params.pPublicData, params.ulPublicDataLen)?,
        })
    }
}

/// The size of the AES key is looked at first: it tells an absurd structure before a pointer is followed.
///
/// # Safety
/// As `super::Parameter::params`; `pOAEPParams` is NULL or leads to a structure.
pub(super) unsafe fn rsa_aes_key_wrap(params: CK_RSA_AES_KEY_WRAP_PARAMS) -> Result<Params> {
    if !matches!(params.ulAESKeyBits, 128 | 192 | 256) || params.pOAEPParams.is_null() {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: not NULL, and readable as the caller promises; alignment is not assumed.
    let oaep = unsafe { oaep(params.pOAEPParams.read_unaligned()) }?;
    Ok(Params::RsaAesKeyWrap { key_bits: params.ulAESKeyBits, oaep: Box::new(oaep) })
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn ecdh_aes_key_wrap(params: CK_ECDH_AES_KEY_WRAP_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    let shared_data = unsafe { field(params.pSharedData, params.ulSharedDataLen) }?;
    Ok(Params::EcdhAesKeyWrap { key_bits: params.ulAESKeyBits, kdf: params.kdf, shared_data })
}
