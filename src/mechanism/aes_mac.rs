//! Message authentication codes with AES: CMAC (PKCS#11 section 6.14, SP 800-38B), GMAC (section 6.13, SP 800-38D), and
//! the older XCBC-MAC (section 6.10, RFC 3566) and CBC-MAC (section 6.10, FIPS 113).

use crate::ck::*;
use crate::crypto::cbc_mac;
use crate::crypto::cmac::Cmac;
use crate::crypto::digest::Accumulate;
use crate::crypto::gmac::Gmac;
use crate::crypto::{aes, xcbc::Xcbc};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::aes_aead::tag_len;
use super::aes_key;
use super::mac::{Leading, mac};
use super::params::Params;
use super::row::Mechanism;

pub(super) static ROWS: &[Mechanism] = &[
    mac!(CKM_AES_CMAC, None, &[CKK_AES], (16, 32), Approved, cmac),
    mac!(CKM_AES_CMAC_GENERAL, MacGeneral, &[CKK_AES], (16, 32), Approved, cmac),
    mac!(CKM_AES_GMAC, Gcm, &[CKK_AES], (16, 32), Approved, gmac).for_one_message(),
    mac!(CKM_AES_XCBC_MAC, None, &[CKK_AES], (16, 16), NotApproved, xcbc),
    mac!(CKM_AES_XCBC_MAC_96, None, &[CKK_AES], (16, 16), NotApproved, xcbc_96),
    mac!(CKM_AES_MAC, None, &[CKK_AES], (16, 32), NotApproved, half),
    mac!(CKM_AES_MAC_GENERAL, MacGeneral, &[CKK_AES], (16, 32), NotApproved, general),
];

fn cmac(key: &UsableKey, params: &Params) -> Result<Leading<Cmac>> {
    Leading::asked(Cmac::new(aes_key(key)?)?, params)
}

/// The data is the additional data of GCM, so that the parameter must bring none.
fn gmac(key: &UsableKey, params: &Params) -> Result<Leading<Gmac>> {
    match params {
        Params::Gcm { iv, aad, tag_bits } if aad.is_empty() => {
            Ok(Leading::fixed(Gmac::new(aes_key(key)?, iv)?, tag_len(*tag_bits)?))
        }
        _ => Err(Error::MechanismParamInvalid),
    }
}

fn xcbc(key: &UsableKey, params: &Params) -> Result<Leading<Xcbc>> {
    Leading::asked(Xcbc::new(aes_key(key)?)?, params)
}

fn xcbc_96(key: &UsableKey, _: &Params) -> Result<Leading<Xcbc>> {
    Ok(Leading::fixed(Xcbc::new(aes_key(key)?)?, 12))
}

fn general(key: &UsableKey, params: &Params) -> Result<Leading<impl Accumulate + use<>>> {
    Leading::asked(cbc_mac::with_aes(aes_key(key)?)?, params)
}

/// CKM_AES_MAC gives half a block.
fn half(key: &UsableKey, _: &Params) -> Result<Leading<impl Accumulate + use<>>> {
    Ok(Leading::fixed(cbc_mac::with_aes(aes_key(key)?)?, aes::BLOCK / 2))
}

#[cfg(test)]
mod tests;
