//! Message authentication codes with DES: CMAC (PKCS#11 section 6.19, SP 800-38B) and the older CBC-MAC (section 6.18,
//! FIPS 113), with Triple DES and for old data with DES.

use crate::ck::*;
use crate::crypto::cbc_mac;
use crate::crypto::cmac::Cmac;
use crate::crypto::des::BLOCK;
use crate::crypto::digest::Accumulate;
use crate::error::Result;
use crate::policy::UsableKey;

use super::des::des_key;
use super::mac::{Leading, mac};
use super::params::Params;
use super::row::Mechanism;

/// The type of a key tells its size.
const ANY: (u64, u64) = (0, 0);

pub(super) static ROWS: &[Mechanism] = &[
    mac!(CKM_DES3_CMAC, None, &[CKK_DES3, CKK_DES2], ANY, Legacy, cmac),
    mac!(CKM_DES3_CMAC_GENERAL, MacGeneral, &[CKK_DES3, CKK_DES2], ANY, Legacy, cmac),
    mac!(CKM_DES3_MAC, None, &[CKK_DES3, CKK_DES2], ANY, NotApproved, half),
    mac!(CKM_DES3_MAC_GENERAL, MacGeneral, &[CKK_DES3, CKK_DES2], ANY, NotApproved, general),
    mac!(CKM_DES_MAC, None, &[CKK_DES], ANY, NotApproved, half),
    mac!(CKM_DES_MAC_GENERAL, MacGeneral, &[CKK_DES], ANY, NotApproved, general),
];

fn cmac(key: &UsableKey, params: &Params) -> Result<Leading<Cmac>> {
    Leading::asked(Cmac::with_des(des_key(key)?)?, params)
}

fn general(key: &UsableKey, params: &Params) -> Result<Leading<impl Accumulate + use<>>> {
    Leading::asked(cbc_mac::with_des(des_key(key)?), params)
}

/// CKM_DES_MAC and CKM_DES3_MAC give half a block.
fn half(key: &UsableKey, _: &Params) -> Result<Leading<impl Accumulate + use<>>> {
    Ok(Leading::fixed(cbc_mac::with_des(des_key(key)?), BLOCK / 2))
}

#[cfg(test)]
mod tests;
