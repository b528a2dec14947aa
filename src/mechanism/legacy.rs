//! Ciphers for data that exists already, offered only with `mechanisms.legacy`: Camellia (PKCS#11 section 6.47, RFC
//! 3713) and ARIA (section 6.49, RFC 5794) with key generation, ECB, CBC, CBC with PKCS#7 padding and CBC-MAC;
//! Camellia also with a counter.

use crate::ck::*;
use crate::crypto::cbc_mac::CbcMac;
use crate::crypto::cipher::Direction;
use crate::crypto::digest::Accumulate;
use crate::crypto::national::{Algorithm, BLOCK, Cipher, Key, Mode};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::aes_modes::counter;
use super::block_modes::{BlockCipher, Modes};
use super::generate;
use super::mac::{Leading, mac};
use super::operation;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::wrapping::cipher_ops;

/// One row: mechanism, type of its keys, parameter, functions.
macro_rules! row {
    ($id:ident, $key_type:ident, $params:expr, $ops:expr) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: $params,
            key: KeyNeed::secret(&[$key_type]),
            sizes: (16, 32),
            flags: 0,
            approval: Approval::NotApproved,
            ops: $ops,
        }
    };
}

/// One row of key generation: mechanism, type of the key that it makes.
macro_rules! generate {
    ($id:ident, $key_type:ident) => {
        row!(
            $id,
            $key_type,
            ParamKind::None,
            Ops {
                generate_key: Some(|_, template| {
                    generate::generate($key_type, template, |length| matches!(length, 16 | 24 | 32))
                }),
                ..Ops::NONE
            }
        )
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    generate!(CKM_CAMELLIA_KEY_GEN, CKK_CAMELLIA),
    row!(CKM_CAMELLIA_ECB, CKK_CAMELLIA, ParamKind::None, Modes::<Camellia>::ECB),
    row!(CKM_CAMELLIA_CBC, CKK_CAMELLIA, ParamKind::Bytes(BLOCK), Modes::<Camellia>::CBC),
    row!(CKM_CAMELLIA_CBC_PAD, CKK_CAMELLIA, ParamKind::Bytes(BLOCK), Modes::<Camellia>::CBC_PAD),
    mac!(CKM_CAMELLIA_MAC, None, &[CKK_CAMELLIA], (16, 32), NotApproved, camellia_mac),
    mac!(CKM_CAMELLIA_MAC_GENERAL, MacGeneral, &[CKK_CAMELLIA], (16, 32), NotApproved, camellia_mac),
    row!(CKM_CAMELLIA_CTR, CKK_CAMELLIA, ParamKind::AesCtr, cipher_ops!(camellia_ctr, camellia_ctr)),
    generate!(CKM_ARIA_KEY_GEN, CKK_ARIA),
    row!(CKM_ARIA_ECB, CKK_ARIA, ParamKind::None, Modes::<Aria>::ECB),
    row!(CKM_ARIA_CBC, CKK_ARIA, ParamKind::Bytes(BLOCK), Modes::<Aria>::CBC),
    row!(CKM_ARIA_CBC_PAD, CKK_ARIA, ParamKind::Bytes(BLOCK), Modes::<Aria>::CBC_PAD),
    mac!(CKM_ARIA_MAC, None, &[CKK_ARIA], (16, 32), NotApproved, aria_mac),
    mac!(CKM_ARIA_MAC_GENERAL, MacGeneral, &[CKK_ARIA], (16, 32), NotApproved, aria_mac),
];

pub(super) struct Camellia;
pub(super) struct Aria;

impl BlockCipher for Camellia {
    type Mode = Cipher;

    fn ecb(key: &UsableKey, direction: Direction) -> Result<Cipher> {
        start(Algorithm::Camellia, key, &Mode::Ecb, direction)
    }

    fn cbc(key: &UsableKey, iv: &[u8], direction: Direction) -> Result<Cipher> {
        start(Algorithm::Camellia, key, &cbc(iv)?, direction)
    }
}

impl BlockCipher for Aria {
    type Mode = Cipher;

    fn ecb(key: &UsableKey, direction: Direction) -> Result<Cipher> {
        start(Algorithm::Aria, key, &Mode::Ecb, direction)
    }

    fn cbc(key: &UsableKey, iv: &[u8], direction: Direction) -> Result<Cipher> {
        start(Algorithm::Aria, key, &cbc(iv)?, direction)
    }
}

fn cbc(iv: &[u8]) -> Result<Mode<'_>> {
    Ok(Mode::Cbc(iv.try_into().map_err(|_| Error::MechanismParamInvalid)?))
}

/// The key of an object, made once and kept in the object.
fn key(algorithm: Algorithm, key: &UsableKey) -> Result<&Key> {
    key.object().engine_key(|object| {
        let value = object.material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
        Ok(Key::new(algorithm, value)?)
    })
}

fn start(algorithm: Algorithm, usable: &UsableKey, mode: &Mode<'_>, direction: Direction) -> Result<Cipher> {
    Ok(key(algorithm, usable)?.start(mode, direction))
}

/// CBC-MAC: half a block, or as long as the parameter says.
fn cbc_mac(
    algorithm: Algorithm,
    usable: &UsableKey,
    params: &Params,
) -> Result<Leading<impl Accumulate + use<>>> {
    let mac = CbcMac::new(key(algorithm, usable)?.clone());
    match params {
        Params::None => Ok(Leading::fixed(mac, BLOCK / 2)),
        _ => Leading::asked(mac, params),
    }
}

fn camellia_mac(key: &UsableKey, params: &Params) -> Result<Leading<impl Accumulate + use<>>> {
    cbc_mac(Algorithm::Camellia, key, params)
}

fn aria_mac(key: &UsableKey, params: &Params) -> Result<Leading<impl Accumulate + use<>>> {
    cbc_mac(Algorithm::Aria, key, params)
}

fn camellia_ctr(key: &UsableKey, params: &Params) -> Result<Box<dyn operation::Cipher>> {
    counter(params, |block| start(Algorithm::Camellia, key, &Mode::Ctr(block), Direction::Encrypt))
}

#[cfg(test)]
mod tests;
