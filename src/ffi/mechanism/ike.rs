//! Parameters of the IKE derivations (section 6.64).

use crate::ck::*;
use crate::error::Result;
use crate::mechanism::Params;
use crate::mechanism::ike::{Ike1ExtendedParams, Ike1PrfParams, IkePrfParams, PrfPlusParams};
use crate::token::ObjectHandle;

use super::{References, field, flag};

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn prf_plus(
    params: CK_IKE2_PRF_PLUS_DERIVE_PARAMS,
    references: &mut References,
) -> Result<Params> {
    if flag(params.bHasSeedKey)? {
        references.keys.push(ObjectHandle(params.hSeedKey));
    }
    // SAFETY: passed on from the caller.
    let seed = unsafe { field(params.pSeedData, params.ulSeedDataLen) }?;
    Ok(Params::Ike2PrfPlus(PrfPlusParams { prf: params.prfMechanism, seed }))
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn initial(
    params: CK_IKE_PRF_DERIVE_PARAMS,
    references: &mut References,
) -> Result<Params> {
    let (data_as_key, rekey) = (flag(params.bDataAsKey)?, flag(params.bRekey)?);
    if rekey && !data_as_key {
        references.keys.push(ObjectHandle(params.hNewKey));
    }
    // SAFETY: passed on from the caller.
    let nonces = unsafe { [field(params.pNi, params.ulNiLen)?, field(params.pNr, params.ulNrLen)?].concat() };
    Ok(Params::IkePrf(IkePrfParams { prf: params.prfMechanism, data_as_key, rekey, nonces }))
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn ike1(params: CK_IKE1_PRF_DERIVE_PARAMS, references: &mut References) -> Result<Params> {
    if flag(params.bHasPrevKey)? {
        references.keys.push(ObjectHandle(params.hPrevKey));
    }
    references.keys.push(ObjectHandle(params.hKeygxy));
    // SAFETY: passed on from the caller.
    let cookies =
        unsafe { [field(params.pCKYi, params.ulCKYiLen)?, field(params.pCKYr, params.ulCKYrLen)?].concat() };
    Ok(Params::Ike1Prf(Ike1PrfParams { prf: params.prfMechanism, cookies, number: params.keyNumber }))
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn ike1_extended(
    params: CK_IKE1_EXTENDED_DERIVE_PARAMS,
    references: &mut References,
) -> Result<Params> {
    if flag(params.bHasKeygxy)? {
        references.keys.push(ObjectHandle(params.hKeygxy));
    }
    // SAFETY: passed on from the caller.
    let extra = unsafe { field(params.pExtraData, params.ulExtraDataLen) }?;
    Ok(Params::Ike1Extended(Ike1ExtendedParams { prf: params.prfMechanism, extra }))
}
