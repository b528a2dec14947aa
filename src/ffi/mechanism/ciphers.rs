//! Parameters of ciphers.

use crate::ck::*;
use crate::error::Result;
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
