//! Mechanisms in a test case: the type, and a parameter of bytes or the structure of HKDF.

use super::constants::MECHANISM;
use super::datum::Kind;
use super::play::{Argument, Arguments};
use crate::template::{Mechanism, hold};
use cryptoki_sys::*;

/// The mechanism of a call.
pub fn read(given: &Arguments) -> Argument<Mechanism> {
    let given = given.inside("Mechanism")?;
    let id = given.number("Type", MECHANISM)?;
    if given.has("Parameter") {
        return Ok(Mechanism::bytes(id, &given.bytes("Parameter", Kind::Bytes)?));
    }
    if given.has("HkdfParams") {
        return hkdf(id, &given.inside("HkdfParams")?);
    }
    Ok(Mechanism::plain(id))
}

/// CK_HKDF_PARAMS (PKCS#11 3.2, 6.62).
fn hkdf(id: CK_MECHANISM_TYPE, given: &Arguments) -> Argument<Mechanism> {
    let (salt, info) = (given.bytes("Salt", Kind::Bytes)?, given.bytes("Info", Kind::Bytes)?);
    let ((salt_place, salt_owned), (info_place, info_owned)) = (hold(&salt), hold(&info));
    let parameter = CK_HKDF_PARAMS {
        bExtract: given.number("Extract", Kind::Bool)? as CK_BBOOL,
        bExpand: given.number("Expand", Kind::Bool)? as CK_BBOOL,
        prfHashMechanism: given.number("PrfHashMechanism", MECHANISM)?,
        ulSaltType: if salt.is_empty() { CKF_HKDF_SALT_NULL } else { CKF_HKDF_SALT_DATA },
        pSalt: salt_place,
        ulSaltLen: salt.len() as CK_ULONG,
        hSaltKey: 0,
        pInfo: info_place,
        ulInfoLen: info.len() as CK_ULONG,
    };
    Ok(Mechanism::with(id, parameter, vec![salt_owned, info_owned]))
}
