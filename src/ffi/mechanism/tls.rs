//! Parameters of TLS 1.0 to 1.2 (sections 6.39 and 6.40).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::mechanism::tls_keys::{
    KeyMaterialParams, MasterParams, MasterSeed, Randoms, TlsKdfParams, TlsPrfParams,
};

use super::super::pointer;
use super::{References, field, flag};

/// # Safety
/// As `super::Parameter::params`.
unsafe fn randoms(data: CK_SSL3_RANDOM_DATA) -> Result<Randoms> {
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(Randoms {
            client: field(data.pClientRandom, data.ulClientRandomLen)?,
            server: field(data.pServerRandom, data.ulServerRandomLen)?,
        })
    }
}

/// A place for the version that an RSA pre-master secret tells. Those of Diffie-Hellman tell none: NULL is wanted.
fn version(place: *mut CK_VERSION, told: bool, references: &mut References) -> Result<()> {
    match (place.is_null(), told) {
        (false, true) => references.returned_bytes(place.cast(), size_of::<CK_VERSION>()),
        (false, false) => Err(Error::MechanismParamInvalid),
        (true, _) => Ok(()),
    }
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn master(
    params: CK_SSL3_MASTER_KEY_DERIVE_PARAMS,
    told: bool,
    references: &mut References,
) -> Result<Params> {
    version(params.pVersion, told, references)?;
    // SAFETY: passed on from the caller.
    let seed = MasterSeed::Randoms(unsafe { randoms(params.RandomInfo) }?);
    Ok(Params::TlsMaster(MasterParams { hash: None, seed }))
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn tls12_master(
    params: CK_TLS12_MASTER_KEY_DERIVE_PARAMS,
    told: bool,
    references: &mut References,
) -> Result<Params> {
    version(params.pVersion, told, references)?;
    // SAFETY: passed on from the caller.
    let seed = MasterSeed::Randoms(unsafe { randoms(params.RandomInfo) }?);
    Ok(Params::TlsMaster(MasterParams { hash: Some(params.prfHashMechanism), seed }))
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn extended_master(
    params: CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS,
    told: bool,
    references: &mut References,
) -> Result<Params> {
    version(params.pVersion, told, references)?;
    // SAFETY: passed on from the caller.
    let seed = MasterSeed::Session(unsafe { field(params.pSessionHash, params.ulSessionHashLen) }?);
    Ok(Params::TlsMaster(MasterParams { hash: Some(params.prfHashMechanism), seed }))
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn key_material(
    params: CK_SSL3_KEY_MAT_PARAMS,
    references: &mut References,
) -> Result<Params> {
    let params = CK_TLS12_KEY_MAT_PARAMS {
        ulMacSizeInBits: params.ulMacSizeInBits,
        ulKeySizeInBits: params.ulKeySizeInBits,
        ulIVSizeInBits: params.ulIVSizeInBits,
        bIsExport: params.bIsExport,
        RandomInfo: params.RandomInfo,
        pReturnedKeyMaterial: params.pReturnedKeyMaterial,
        prfHashMechanism: CKM_TLS_PRF,
    };
    // SAFETY: passed on from the caller.
    unsafe { tls12_key_material(params, references) }
}

/// Keys without bits are not made: their handles become CK_INVALID_HANDLE.
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn tls12_key_material(
    params: CK_TLS12_KEY_MAT_PARAMS,
    references: &mut References,
) -> Result<Params> {
    if flag(params.bIsExport)? || params.pReturnedKeyMaterial.is_null() {
        return Err(Error::MechanismParamInvalid);
    }
    references.no_main_key = true;
    let place = params.pReturnedKeyMaterial;
    // SAFETY: not NULL, and a CK_SSL3_KEY_MAT_OUT as the caller promises; no reference is made to it.
    unsafe {
        for (bits, places) in [
            (
                params.ulMacSizeInBits,
                [&raw mut (*place).hClientMacSecret, &raw mut (*place).hServerMacSecret],
            ),
            (params.ulKeySizeInBits, [&raw mut (*place).hClientKey, &raw mut (*place).hServerKey]),
        ] {
            for place in places {
                if bits == 0 { references.absent_key(place) } else { references.further_key(place)? }
            }
        }
        if params.ulIVSizeInBits > 0 {
            let length = pointer::length(params.ulIVSizeInBits / 8, 1)?;
            let material = pointer::read(place)?;
            references.returned_bytes(material.pIVClient, length)?;
            references.returned_bytes(material.pIVServer, length)?;
        }
        Ok(Params::TlsKeyMaterial(KeyMaterialParams {
            hash: Some(params.prfHashMechanism),
            mac_bits: params.ulMacSizeInBits,
            key_bits: params.ulKeySizeInBits,
            iv_bits: params.ulIVSizeInBits,
            randoms: randoms(params.RandomInfo)?,
        }))
    }
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn kdf(params: CK_TLS_KDF_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    unsafe {
        let context = match params.pContextData.is_null() && params.ulContextDataLength == 0 {
            true => None,
            false => Some(field(params.pContextData, params.ulContextDataLength)?),
        };
        Ok(Params::TlsKdf(TlsKdfParams {
            prf: params.prfMechanism,
            label: field(params.pLabel, params.ulLabelLength)?,
            randoms: randoms(params.RandomInfo)?,
            context,
        }))
    }
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn prf(params: CK_TLS_PRF_PARAMS, references: &mut References) -> Result<Params> {
    // SAFETY: passed on from the caller; the length is read once, after the fields that tell an absurd parameter.
    unsafe {
        let seed = field(params.pSeed, params.ulSeedLen)?;
        let label = field(params.pLabel, params.ulLabelLen)?;
        let length =
            pointer::read(params.pulOutputLen.cast_const()).map_err(|_| Error::MechanismParamInvalid)?;
        let bytes = pointer::length(length, 1).map_err(|_| Error::MechanismParamInvalid)?;
        references.returned_bytes(params.pOutput, bytes)?;
        references.no_main_key = true;
        Ok(Params::TlsPrf(TlsPrfParams { seed, label, length }))
    }
}

pub(super) fn mac(params: CK_TLS_MAC_PARAMS) -> Params {
    Params::TlsMac { prf: params.prfHashMechanism, length: params.ulMacLength, side: params.ulServerOrClient }
}
