//! HMAC (PKCS#11 section 6.22, FIPS 198-1) with the hash functions of the engine, with its full length or with a length
//! from the parameter.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::hmac::Hmac;
use crate::error::Result;
use crate::policy::UsableKey;

use super::mac::{Leading, mac};
use super::params::Params;
use super::row::Mechanism;

/// The longest HMAC key, in bytes. Keys down to none at all are taken, as applications make them.
pub(super) const MAX_KEY: u64 = 1 << 20;

/// `hmac!(Hash, key type, mechanism, form of the parameter, approval)`.
macro_rules! hmac {
    ($hash:ident, $key_type:ident, $id:ident, $params:ident, $approval:ident) => {
        mac!($id, $params, &[CKK_GENERIC_SECRET, $key_type], (0, MAX_KEY), $approval, |key, params| hmac(
            Hash::$hash,
            key,
            params
        ))
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    hmac!(Md5, CKK_MD5_HMAC, CKM_MD5_HMAC, None, NotApproved),
    hmac!(Md5, CKK_MD5_HMAC, CKM_MD5_HMAC_GENERAL, MacGeneral, NotApproved),
    hmac!(Sha1, CKK_SHA_1_HMAC, CKM_SHA_1_HMAC, None, Approved),
    hmac!(Sha1, CKK_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha224, CKK_SHA224_HMAC, CKM_SHA224_HMAC, None, Approved),
    hmac!(Sha224, CKK_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha256, CKK_SHA256_HMAC, CKM_SHA256_HMAC, None, Approved),
    hmac!(Sha256, CKK_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha384, CKK_SHA384_HMAC, CKM_SHA384_HMAC, None, Approved),
    hmac!(Sha384, CKK_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha512, CKK_SHA512_HMAC, CKM_SHA512_HMAC, None, Approved),
    hmac!(Sha512, CKK_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha512_224, CKK_SHA512_224_HMAC, CKM_SHA512_224_HMAC, None, Approved),
    hmac!(Sha512_224, CKK_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha512_256, CKK_SHA512_256_HMAC, CKM_SHA512_256_HMAC, None, Approved),
    hmac!(Sha512_256, CKK_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha3_224, CKK_SHA3_224_HMAC, CKM_SHA3_224_HMAC, None, Approved),
    hmac!(Sha3_224, CKK_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha3_256, CKK_SHA3_256_HMAC, CKM_SHA3_256_HMAC, None, Approved),
    hmac!(Sha3_256, CKK_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha3_384, CKK_SHA3_384_HMAC, CKM_SHA3_384_HMAC, None, Approved),
    hmac!(Sha3_384, CKK_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, MacGeneral, Approved),
    hmac!(Sha3_512, CKK_SHA3_512_HMAC, CKM_SHA3_512_HMAC, None, Approved),
    hmac!(Sha3_512, CKK_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, MacGeneral, Approved),
];

fn hmac(hash: Hash, key: &UsableKey, params: &Params) -> Result<Leading<Hmac>> {
    Leading::asked(Hmac::new(hash, super::secret_value(key)?)?, params)
}

#[cfg(test)]
mod tests;
