//! BLAKE2b (PKCS#11 sections 6.20 and 6.22, RFC 7693): digests, MACs and their keys. CKM_BLAKE2B_…_HMAC is no HMAC but
//! "the keyed variant of BLAKE2b".

use crate::ck::*;
use crate::crypto::blake2::{Blake2b, MAX_KEY, Size};
use crate::error::Result;
use crate::policy::UsableKey;

use super::digest::{row, running};
use super::generate::generate;
use super::mac::{Leading, mac};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

/// Lengths of keys, in bytes.
const KEYS: (u64, u64) = (1, MAX_KEY as u64);

macro_rules! digest {
    ($id:ident, $size:ident) => {
        Mechanism {
            approval: Approval::NotApproved,
            ..row($id, stringify!($id), |_| Ok(running(Blake2b::digest(Size::$size)?)))
        }
    };
}

macro_rules! keyed {
    ($id:ident, $params:ident, $key_type:ident, $size:ident) => {
        mac!($id, $params, &[CKK_GENERIC_SECRET, $key_type], KEYS, NotApproved, |key, params| keyed(
            Size::$size,
            key,
            params
        ))
    };
}

macro_rules! key_gen {
    ($id:ident, $key_type:ident) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::None,
            key: KeyNeed::secret(&[$key_type]),
            sizes: KEYS,
            flags: 0,
            approval: Approval::NotApproved,
            ops: Ops {
                generate_key: Some(|_, template| generate($key_type, template, key_len)),
                ..Ops::NONE
            },
        }
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    digest!(CKM_BLAKE2B_160, Bits160),
    keyed!(CKM_BLAKE2B_160_HMAC, None, CKK_BLAKE2B_160_HMAC, Bits160),
    keyed!(CKM_BLAKE2B_160_HMAC_GENERAL, MacGeneral, CKK_BLAKE2B_160_HMAC, Bits160),
    key_gen!(CKM_BLAKE2B_160_KEY_GEN, CKK_BLAKE2B_160_HMAC),
    digest!(CKM_BLAKE2B_256, Bits256),
    keyed!(CKM_BLAKE2B_256_HMAC, None, CKK_BLAKE2B_256_HMAC, Bits256),
    keyed!(CKM_BLAKE2B_256_HMAC_GENERAL, MacGeneral, CKK_BLAKE2B_256_HMAC, Bits256),
    key_gen!(CKM_BLAKE2B_256_KEY_GEN, CKK_BLAKE2B_256_HMAC),
    digest!(CKM_BLAKE2B_384, Bits384),
    keyed!(CKM_BLAKE2B_384_HMAC, None, CKK_BLAKE2B_384_HMAC, Bits384),
    keyed!(CKM_BLAKE2B_384_HMAC_GENERAL, MacGeneral, CKK_BLAKE2B_384_HMAC, Bits384),
    key_gen!(CKM_BLAKE2B_384_KEY_GEN, CKK_BLAKE2B_384_HMAC),
    digest!(CKM_BLAKE2B_512, Bits512),
    keyed!(CKM_BLAKE2B_512_HMAC, None, CKK_BLAKE2B_512_HMAC, Bits512),
    keyed!(CKM_BLAKE2B_512_HMAC_GENERAL, MacGeneral, CKK_BLAKE2B_512_HMAC, Bits512),
    key_gen!(CKM_BLAKE2B_512_KEY_GEN, CKK_BLAKE2B_512_HMAC),
];

fn keyed(size: Size, key: &UsableKey, params: &Params) -> Result<Leading<Blake2b>> {
    Leading::asked(Blake2b::keyed(size, super::secret_value(key)?)?, params)
}

fn key_len(length: u64) -> bool {
    (KEYS.0..=KEYS.1).contains(&length)
}

#[cfg(test)]
mod tests;
