//! Pseudo-random functions that parameters name by the mechanism of a MAC: for SP 800-108 and IKE.

use crate::ck::*;
use crate::crypto::cmac::Cmac;
use crate::crypto::digest::{Accumulate, Hash, Value};
use crate::crypto::hmac::Hmac;
use crate::crypto::xcbc::Xcbc;
use crate::crypto::{aes, des};
use crate::error::{Error, Result};

use super::params::ParamKind;
use super::row::{Approval, DeriveFn, KeyNeed, Mechanism, Ops};

/// Keys that serve as keys of one of the functions.
pub(super) const KEYS: &[CK_KEY_TYPE] = &[
    CKK_GENERIC_SECRET,
    CKK_HKDF,
    CKK_AES,
    CKK_DES2,
    CKK_DES3,
    CKK_SHA_1_HMAC,
    CKK_SHA224_HMAC,
    CKK_SHA256_HMAC,
    CKK_SHA384_HMAC,
    CKK_SHA512_HMAC,
    CKK_SHA512_224_HMAC,
    CKK_SHA512_256_HMAC,
    CKK_SHA3_224_HMAC,
    CKK_SHA3_256_HMAC,
    CKK_SHA3_384_HMAC,
    CKK_SHA3_512_HMAC,
];

/// A row of a derivation with one of the functions.
pub(super) const fn row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    params: ParamKind,
    derive: DeriveFn,
) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::secret(KEYS),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// A pseudo-random function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prf {
    /// With the key type of its mechanism.
    Hmac(Hash, CK_KEY_TYPE),
    AesCmac,
    AesXcbc,
    Des3Cmac,
}

impl Prf {
    pub(super) fn of_mechanism(id: CK_MECHANISM_TYPE) -> Option<Self> {
        Some(match id {
            CKM_SHA_1_HMAC => Prf::Hmac(Hash::Sha1, CKK_SHA_1_HMAC),
            CKM_SHA224_HMAC => Prf::Hmac(Hash::Sha224, CKK_SHA224_HMAC),
            CKM_SHA256_HMAC => Prf::Hmac(Hash::Sha256, CKK_SHA256_HMAC),
            CKM_SHA384_HMAC => Prf::Hmac(Hash::Sha384, CKK_SHA384_HMAC),
            CKM_SHA512_HMAC => Prf::Hmac(Hash::Sha512, CKK_SHA512_HMAC),
            CKM_SHA512_224_HMAC => Prf::Hmac(Hash::Sha512_224, CKK_SHA512_224_HMAC),
            CKM_SHA512_256_HMAC => Prf::Hmac(Hash::Sha512_256, CKK_SHA512_256_HMAC),
            CKM_SHA3_224_HMAC => Prf::Hmac(Hash::Sha3_224, CKK_SHA3_224_HMAC),
            CKM_SHA3_256_HMAC => Prf::Hmac(Hash::Sha3_256, CKK_SHA3_256_HMAC),
            CKM_SHA3_384_HMAC => Prf::Hmac(Hash::Sha3_384, CKK_SHA3_384_HMAC),
            CKM_SHA3_512_HMAC => Prf::Hmac(Hash::Sha3_512, CKK_SHA3_512_HMAC),
            CKM_AES_CMAC => Prf::AesCmac,
            CKM_AES_XCBC_MAC => Prf::AesXcbc,
            CKM_DES3_CMAC => Prf::Des3Cmac,
            _ => return None,
        })
    }

    /// The type of the keys that belong to the mechanism.
    pub(super) fn key_type(self) -> CK_KEY_TYPE {
        match self {
            Prf::Hmac(_, key_type) => key_type,
            Prf::AesCmac | Prf::AesXcbc => CKK_AES,
            Prf::Des3Cmac => CKK_DES3,
        }
    }

    /// The length of the output in bytes.
    pub(super) fn output_len(self) -> usize {
        match self {
            Prf::Hmac(hash, _) => hash.output_len(),
            Prf::AesCmac | Prf::AesXcbc => aes::BLOCK,
            Prf::Des3Cmac => des::BLOCK,
        }
    }

    /// The function with a key. CKR_KEY_SIZE_RANGE for a key that the cipher cannot have.
    pub(super) fn keyed(self, key: &[u8]) -> Result<Keyed<'_>> {
        Ok(match self {
            Prf::Hmac(hash, _) => Keyed::Hmac(hash, key),
            Prf::AesCmac => Keyed::AesCmac(aes::Key::new(key)?),
            Prf::AesXcbc => Keyed::AesXcbc(aes::Key::new(key)?),
            Prf::Des3Cmac => Keyed::Des3Cmac(des::Key::new(key)?),
        })
    }
}

/// A pseudo-random function with its key.
pub(super) enum Keyed<'a> {
    Hmac(Hash, &'a [u8]),
    AesCmac(aes::Key),
    AesXcbc(aes::Key),
    Des3Cmac(des::Key),
}

impl Keyed<'_> {
    /// The output for the parts, one behind the other.
    pub(super) fn output(&self, parts: &[&[u8]]) -> Result<Value> {
        match self {
            Keyed::Hmac(hash, key) => mac(Hmac::new(*hash, key)?, parts),
            Keyed::AesCmac(key) => mac(Cmac::new(key)?, parts),
            Keyed::AesXcbc(key) => mac(Xcbc::new(key)?, parts),
            Keyed::Des3Cmac(key) => mac(Cmac::with_des(key)?, parts),
        }
    }
}

fn mac(mut mac: impl Accumulate, parts: &[&[u8]]) -> Result<Value> {
    parts.iter().try_for_each(|part| mac.update(part))?;
    Ok(mac.finish()?)
}

/// `CKR_MECHANISM_PARAM_INVALID` for a mechanism that is no pseudo-random function.
pub(super) fn of_parameter(id: CK_MECHANISM_TYPE) -> Result<Prf> {
    Prf::of_mechanism(id).ok_or(Error::MechanismParamInvalid)
}
