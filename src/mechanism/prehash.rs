//! What the parameters of ML-DSA and SLH-DSA have in common: context and hedging, and the hash functions of the signatures
//! that hash their message before (FIPS 204 section 5.4, FIPS 205 section 10.2): how mechanisms and parameters name them,
//! and how signatures do.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::ml_dsa::MAX_CONTEXT;
use crate::crypto::shake::Shake;
use crate::error::{Error, Result};

use super::hashes;
use super::params::Params;
use super::signing::Message;

/// The context of a signature, and whether it is hedged, as CKH_HEDGE_PREFERRED is, too. CKR_MECHANISM_PARAM_INVALID: a
/// context of more than 255 bytes, or an unknown CK_HEDGE_TYPE.
pub(super) fn context_and_hedge(params: &Params) -> Result<(Vec<u8>, bool)> {
    let (hedge, context) = match params {
        Params::None => (CKH_HEDGE_PREFERRED, Vec::new()),
        Params::SignContext { hedge, context, .. } if context.len() <= MAX_CONTEXT => {
            (*hedge, context.clone())
        }
        _ => return Err(Error::MechanismParamInvalid),
    };
    match hedge {
        CKH_HEDGE_PREFERRED | CKH_HEDGE_REQUIRED => Ok((context, true)),
        CKH_DETERMINISTIC_REQUIRED => Ok((context, false)),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// A hash function with a name in such signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prehash {
    Hash(Hash),
    /// With 32 bytes of output for SHAKE128, 64 for SHAKE256.
    Shake(Shake),
}

impl Prehash {
    /// The field `hash` of CK_HASH_SIGN_ADDITIONAL_CONTEXT. CKR_MECHANISM_PARAM_INVALID: none of SHA-2 and SHA-3 (no
    /// mechanism stands for SHAKE as a hash function).
    pub(super) fn of_parameter(params: &Params) -> Result<Self> {
        let Params::SignContext { hash: Some(hash), .. } = params else {
            return Err(Error::MechanismParamInvalid);
        };
        match hashes::of_mechanism(*hash) {
            Some(hash) if number(hash).is_some() => Ok(Prehash::Hash(hash)),
            _ => Err(Error::MechanismParamInvalid),
        }
    }

    /// Bytes of the digest.
    pub(super) fn output_len(self) -> usize {
        match self {
            Prehash::Hash(hash) => hash.output_len(),
            Prehash::Shake(Shake::Bits128) => 32,
            Prehash::Shake(Shake::Bits256) => 64,
        }
    }

    /// Takes the message and ends in the digest.
    pub(super) fn message(self) -> Result<Message> {
        match self {
            Prehash::Hash(hash) => Message::hashed(hash),
            Prehash::Shake(shake) => Ok(Message::shaken(shake.start(self.output_len())?)),
        }
    }

    /// The DER object identifier that stands before the digest: 2.16.840.1.101.3.4.2 and the number of the function.
    /// CKR_MECHANISM_PARAM_INVALID: it has none.
    pub(super) fn oid(self) -> Result<[u8; 11]> {
        let number = match self {
            Prehash::Hash(hash) => number(hash).ok_or(Error::MechanismParamInvalid)?,
            Prehash::Shake(Shake::Bits128) => 11,
            Prehash::Shake(Shake::Bits256) => 12,
        };
        Ok([6, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number])
    }
}

fn number(hash: Hash) -> Option<u8> {
    Some(match hash {
        Hash::Sha256 => 1,
        Hash::Sha384 => 2,
        Hash::Sha512 => 3,
        Hash::Sha224 => 4,
        Hash::Sha512_224 => 5,
        Hash::Sha512_256 => 6,
        Hash::Sha3_224 => 7,
        Hash::Sha3_256 => 8,
        Hash::Sha3_384 => 9,
        Hash::Sha3_512 => 10,
        Hash::Md5 | Hash::Sha1 => return None,
    })
}
