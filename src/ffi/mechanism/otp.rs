//! Parameters of one-time passwords (section 6.53).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;

use super::field;

/// Most parameters of one password; the standard has eight kinds.
const MAX_COUNT: CK_ULONG = 32;

/// Challenges, times and PINs are ignored by the mechanisms that Coffer has, and are not read. One parameter twice is
/// CKR_MECHANISM_PARAM_INVALID.
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn otp(params: CK_OTP_PARAMS) -> Result<Params> {
    if params.ulCount > MAX_COUNT || (params.pParams.is_null() && params.ulCount > 0) {
        return Err(Error::MechanismParamInvalid);
    }
    let (mut counter, mut flags, mut length, mut format) = (None, None, None, None);
    for index in 0..params.ulCount as usize {
        // SAFETY: the caller promises that there are so many; alignment is not assumed.
        let param = unsafe { params.pParams.add(index).read_unaligned() };
        let place = match param.type_ {
            CK_OTP_COUNTER => &mut counter,
            CK_OTP_FLAGS => &mut flags,
            CK_OTP_OUTPUT_LENGTH => &mut length,
            CK_OTP_OUTPUT_FORMAT => &mut format,
            CK_OTP_CHALLENGE | CK_OTP_TIME | CK_OTP_PIN => continue,
            _ => return Err(Error::MechanismParamInvalid),
        };
        // SAFETY: passed on from the caller.
        let value = unsafe { field(param.pValue.cast(), param.ulValueLen) }?;
        let value: [u8; 8] = value.try_into().map_err(|_| Error::MechanismParamInvalid)?;
        if place.replace(value).is_some() {
            return Err(Error::MechanismParamInvalid);
        }
    }
    let number = |value: Option<[u8; 8]>| value.map(CK_ULONG::from_ne_bytes);
    Ok(Params::Otp {
        counter: counter.map(u64::from_be_bytes),
        flags: number(flags).unwrap_or(0),
        length: number(length),
        format: number(format),
    })
}
