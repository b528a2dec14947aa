//! Parameters of ciphers.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;

use super::field;

pub(super) fn aes_ctr(params: CK_AES_CTR_PARAMS) -> Params {
    Params::AesCtr { counter_bits: params.ulCounterBits, counter_block: params.cb }
}

/// `ulIvBits` is not looked at: clients leave it zero, and the IV has whole bytes.
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn gcm(params: CK_GCM_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    let (iv, aad) = unsafe { (field(params.pIv, params.ulIvLen)?, field(params.pAAD, params.ulAADLen)?) };
    Ok(Params::Gcm { iv, aad, tag_bits: params.ulTagBits })
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn ccm(params: CK_CCM_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    let (nonce, aad) =
        unsafe { (field(params.pNonce, params.ulNonceLen)?, field(params.pAAD, params.ulAADLen)?) };
    Ok(Params::Ccm { data_len: params.ulDataLen, nonce, aad, tag_len: params.ulMACLen })
}

/// The block counter has 32 or 64 bits, least significant byte first (section 6.58).
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn chacha20(params: CK_CHACHA20_PARAMS) -> Result<Params> {
    if !matches!(params.blockCounterBits, 32 | 64) || !params.ulNonceBits.is_multiple_of(8) {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: passed on from the caller.
    let (counter, nonce) = unsafe {
        let counter = field(params.pBlockCounter, params.blockCounterBits / 8)?;
        (counter, field(params.pNonce, params.ulNonceBits / 8)?)
    };
    let counter = counter.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Ok(Params::ChaCha20 { counter, nonce })
}

/// The block counter has 64 bits, least significant byte first (section 6.59).
///
/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn salsa20(params: CK_SALSA20_PARAMS) -> Result<Params> {
    if !params.ulNonceBits.is_multiple_of(8) {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: passed on from the caller.
    let (counter, nonce) =
        unsafe { (field(params.pBlockCounter, 8)?, field(params.pNonce, params.ulNonceBits / 8)?) };
    let counter = counter.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Ok(Params::Salsa20 { counter, nonce })
}

/// The length of a nonce in bytes. Section 6.61 tells it in bits; clients tell it in bytes as well, and no length can be
/// both.
pub(super) fn poly1305_nonce_len(told: CK_ULONG) -> CK_ULONG {
    match told {
        64 | 96 | 192 => told / 8,
        bytes => bytes,
    }
}

/// # Safety
/// As `super::Parameter::params`.
pub(super) unsafe fn chacha20_poly1305(params: CK_SALSA20_CHACHA20_POLY1305_PARAMS) -> Result<Params> {
    let nonce_len = poly1305_nonce_len(params.ulNonceLen);
    // SAFETY: passed on from the caller.
    let (nonce, aad) = unsafe { (field(params.pNonce, nonce_len)?, field(params.pAAD, params.ulAADLen)?) };
    Ok(Params::ChaCha20Poly1305 { nonce, aad })
}
