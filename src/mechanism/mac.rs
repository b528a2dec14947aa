//! Message authentication codes: HMAC with SHA-1 and SHA-2 (PKCS#11 section 6.22, FIPS 198-1) and CMAC with AES
//! (section 6.14, SP 800-38B), each with its full length or with a length from the parameter.

use crate::ck::*;
use crate::crypto::cmac::Cmac;
use crate::crypto::digest::{Hash, Value};
use crate::crypto::{self, aes, hmac::Hmac};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::operation::{Sign, Verify};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops, SignFn, VerifyFn};

/// The longest HMAC key, in bytes. Keys down to none at all are taken, as applications make them.
pub(super) const MAX_HMAC_KEY: u64 = 1 << 20;

/// A full-length HMAC and the one with a length parameter: `hmac!(Hash, key type, mechanism, kind of parameter)`.
macro_rules! hmac {
    ($hash:ident, $key_type:ident, $id:ident, $params:ident) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::$params,
            key: KeyNeed::secret(&[CKK_GENERIC_SECRET, $key_type]),
            sizes: (0, MAX_HMAC_KEY),
            flags: 0,
            approval: Approval::Approved,
            ops: Ops {
                sign: Some(|key, params| sign(hmac(&key, Hash::$hash)?, params)),
                verify: Some(|key, params| verify(hmac(&key, Hash::$hash)?, params)),
                ..Ops::NONE
            },
        }
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    hmac!(Sha1, CKK_SHA_1_HMAC, CKM_SHA_1_HMAC, None),
    hmac!(Sha1, CKK_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, MacGeneral),
    hmac!(Sha224, CKK_SHA224_HMAC, CKM_SHA224_HMAC, None),
    hmac!(Sha224, CKK_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, MacGeneral),
    hmac!(Sha256, CKK_SHA256_HMAC, CKM_SHA256_HMAC, None),
    hmac!(Sha256, CKK_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, MacGeneral),
    hmac!(Sha384, CKK_SHA384_HMAC, CKM_SHA384_HMAC, None),
    hmac!(Sha384, CKK_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, MacGeneral),
    hmac!(Sha512, CKK_SHA512_HMAC, CKM_SHA512_HMAC, None),
    hmac!(Sha512, CKK_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, MacGeneral),
    hmac!(Sha512_224, CKK_SHA512_224_HMAC, CKM_SHA512_224_HMAC, None),
    hmac!(Sha512_224, CKK_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, MacGeneral),
    hmac!(Sha512_256, CKK_SHA512_256_HMAC, CKM_SHA512_256_HMAC, None),
    hmac!(Sha512_256, CKK_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, MacGeneral),
    cmac_row(CKM_AES_CMAC, "CKM_AES_CMAC", ParamKind::None),
    cmac_row(CKM_AES_CMAC_GENERAL, "CKM_AES_CMAC_GENERAL", ParamKind::MacGeneral),
];

const fn cmac_row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind) -> Mechanism {
    const SIGN: SignFn = |key, params| sign(cmac(&key)?, params);
    const VERIFY: VerifyFn = |key, params| verify(cmac(&key)?, params);
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::secret(&[CKK_AES]),
        sizes: (16, 32),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { sign: Some(SIGN), verify: Some(VERIFY), ..Ops::NONE },
    }
}

fn hmac(key: &UsableKey, hash: Hash) -> Result<Mac> {
    let value = key.object().material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
    Ok(Mac::Hmac(Hmac::new(hash, value)?))
}

fn cmac(key: &UsableKey) -> Result<Mac> {
    Ok(Mac::Cmac(Cmac::new(super::aes_key(key)?)?))
}

enum Mac {
    Hmac(Hmac),
    Cmac(Cmac),
}

impl Mac {
    fn full_len(&self) -> usize {
        match self {
            Mac::Hmac(hmac) => hmac.output_len(),
            Mac::Cmac(_) => aes::BLOCK,
        }
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        match self {
            Mac::Hmac(hmac) => hmac.update(data)?,
            Mac::Cmac(cmac) => cmac.update(data)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Value> {
        Ok(match self {
            Mac::Hmac(hmac) => hmac.finish()?,
            Mac::Cmac(cmac) => cmac.finish()?,
        })
    }
}

fn sign(mac: Mac, params: &Params) -> Result<Box<dyn Sign>> {
    Ok(Box::new(Running::new(mac, params)?))
}

fn verify(mac: Mac, params: &Params) -> Result<Box<dyn Verify>> {
    Ok(Box::new(Running::new(mac, params)?))
}

/// A MAC of which the leading `length` bytes count.
struct Running {
    mac: Mac,
    length: usize,
}

impl Running {
    /// Section 6.22: a length from the parameter lies between 1 and the full length.
    fn new(mac: Mac, params: &Params) -> Result<Self> {
        let full = mac.full_len();
        let length = match params {
            Params::MacGeneral(length) => {
                usize::try_from(*length).ok().filter(|length| (1..=full).contains(length))
            }
            Params::None => Some(full),
            _ => None,
        };
        Ok(Self { mac, length: length.ok_or(Error::MechanismParamInvalid)? })
    }

    fn value(self, mut take: impl FnMut(&[u8]) -> Result<usize>) -> Result<usize> {
        let length = self.length;
        let value = self.mac.finish()?;
        take(value.as_bytes().get(..length).ok_or(Error::GeneralError)?)
    }
}

impl Sign for Running {
    fn output_len(&self) -> usize {
        self.length
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.mac.update(data)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        self.value(|value| super::put(value, signature))
    }
}

impl Verify for Running {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.mac.update(data)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        if signature.len() != self.length {
            return Err(Error::SignatureLenRange);
        }
        self.value(
            |value| if crypto::equal(value, signature) { Ok(0) } else { Err(Error::SignatureInvalid) },
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
