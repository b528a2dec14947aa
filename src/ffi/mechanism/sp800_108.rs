//! Parameters of SP 800-108 key derivation (section 6.42).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::mechanism::sp800_108::{Number, PrfData, Sp800108Params};
use crate::token::ObjectHandle;

use super::super::template;
use super::{Parameter, References, array, field, flag};

/// Most segments of data, and most additional keys.
const MAX_SEGMENTS: usize = 1024;
const MAX_KEYS: usize = 256;

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn kdf(params: CK_SP800_108_KDF_PARAMS, references: &mut References) -> Result<Params> {
    let params = CK_SP800_108_FEEDBACK_KDF_PARAMS {
        prfType: params.prfType,
        ulNumberOfDataParams: params.ulNumberOfDataParams,
        pDataParams: params.pDataParams,
        ulIVLen: 0,
        pIV: std::ptr::null_mut(),
        ulAdditionalDerivedKeys: params.ulAdditionalDerivedKeys,
        pAdditionalDerivedKeys: params.pAdditionalDerivedKeys,
    };
    // SAFETY: passed on from the caller.
    unsafe { feedback(params, references) }
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn feedback(
    params: CK_SP800_108_FEEDBACK_KDF_PARAMS,
    references: &mut References,
) -> Result<Params> {
    // SAFETY: the caller promises arrays of the lengths beside them, and what they point to as well.
    unsafe {
        let segments = array(params.pDataParams, params.ulNumberOfDataParams, MAX_SEGMENTS)?;
        let data = segments.into_iter().map(|segment| data(segment, references)).collect::<Result<_>>()?;
        let mut additional = Vec::new();
        for key in array(params.pAdditionalDerivedKeys, params.ulAdditionalDerivedKeys, MAX_KEYS)? {
            references.further_key(key.phKey)?;
            additional.push(template::read(key.pTemplate, key.ulAttributeCount)?);
        }
        let iv = field(params.pIV, params.ulIVLen)?;
        Ok(Params::Sp800108(Sp800108Params { prf: params.prfType, data, iv, additional }))
    }
}

/// # Safety
/// As `super::Parameter::params`.
unsafe fn data(segment: CK_PRF_DATA_PARAM, references: &mut References) -> Result<PrfData> {
    let value = Parameter { place: segment.pValue.cast(), len: segment.ulValueLen };
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(match segment.type_ {
            CK_SP800_108_ITERATION_VARIABLE if value.place.is_null() && value.len == 0 => {
                PrfData::Iteration(None)
            }
            CK_SP800_108_ITERATION_VARIABLE => PrfData::Iteration(Some(counter(value)?)),
            CK_SP800_108_COUNTER => PrfData::Counter(counter(value)?),
            CK_SP800_108_DKM_LENGTH => length(value)?,
            CK_SP800_108_BYTE_ARRAY => PrfData::Bytes(field(value.place, value.len)?),
            CK_SP800_108_KEY_HANDLE => {
                references.keys.push(ObjectHandle(value.structure()?));
                PrfData::Key
            }
            _ => return Err(Error::MechanismParamInvalid),
        })
    }
}

/// # Safety
/// As `super::Parameter::params`.
unsafe fn counter(value: Parameter) -> Result<Number> {
    // SAFETY: passed on from the caller.
    let form: CK_SP800_108_COUNTER_FORMAT = unsafe { value.structure() }?;
    Ok(Number { little_endian: flag(form.bLittleEndian)?, bits: form.ulWidthInBits })
}

/// # Safety
/// As `super::Parameter::params`.
unsafe fn length(value: Parameter) -> Result<PrfData> {
    // SAFETY: passed on from the caller.
    let form: CK_SP800_108_DKM_LENGTH_FORMAT = unsafe { value.structure() }?;
    let segments = match form.dkmLengthMethod {
        CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS => false,
        CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS => true,
        _ => return Err(Error::MechanismParamInvalid),
    };
    let form = Number { little_endian: flag(form.bLittleEndian)?, bits: form.ulWidthInBits };
    Ok(PrfData::Length { segments, form })
}
