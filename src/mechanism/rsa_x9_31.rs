//! RSA signatures of ANSI X9.31 (PKCS#11 section 6.1.13): over a digest with its identifier behind it, made elsewhere,
//! or over the message with SHA-1.

use crate::ck::*;
use crate::crypto::Error as CryptoError;
use crate::crypto::digest::Hash;
use crate::crypto::rsa;
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::operation::{Sign, Verify};
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::rsa_keys::{self, SIZES};
use super::signing::{self, Message, Scheme, signatures};

/// The identifier of SHA-1 in ISO/IEC 10118, which stands behind the digest.
const SHA1_IDENTIFIER: u8 = 0x33;

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_RSA_X9_31, "CKM_RSA_X9_31", signatures!(|key, _| key, None)),
    row(CKM_SHA1_RSA_X9_31, "CKM_SHA1_RSA_X9_31", signatures!(|key, _| key, Some(Hash::Sha1))),
];

/// FIPS 186-5 has withdrawn X9.31: its signatures may only be verified.
const fn row(id: CK_MECHANISM_TYPE, name: &'static str, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_RSA]),
        sizes: SIZES,
        flags: 0,
        approval: Approval::Legacy,
        ops,
    }
}

/// CKR_KEY_SIZE_RANGE: the modulus has not whole bytes, so that the block would be no number below it.
fn message(hash: Option<Hash>, bits: usize) -> Result<Message> {
    if !bits.is_multiple_of(8) {
        return Err(Error::KeySizeRange);
    }
    match hash {
        Some(hash) => Message::hashed(hash),
        None => Ok(Message::raw((bits / 8).saturating_sub(rsa::X931_OVERHEAD))),
    }
}

fn sign(key: UsableKey, hash: Option<Hash>) -> Result<Box<dyn Sign>> {
    let bits = rsa_keys::private(&key)?.bits();
    signing::sign(message(hash, bits)?, X931 { key, hashed: hash.is_some() })
}

fn verify(key: UsableKey, hash: Option<Hash>) -> Result<Box<dyn Verify>> {
    let bits = rsa_keys::public(&key)?.bits();
    signing::verify(message(hash, bits)?, X931 { key, hashed: hash.is_some() })
}

struct X931 {
    key: UsableKey,
    hashed: bool,
}

impl X931 {
    fn data(&self, message: &[u8]) -> Vec<u8> {
        let mut data = message.to_vec();
        if self.hashed {
            data.push(SHA1_IDENTIFIER);
        }
        data
    }
}

impl Scheme for X931 {
    fn signature_len(&self) -> Result<usize> {
        Ok(rsa_keys::private(&self.key)?.modulus_len())
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        Ok(rsa_keys::private(&self.key)?.sign_x931(&self.data(message), signature)?)
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let key = rsa_keys::public(&self.key)?;
        if signature.len() != key.modulus_len() {
            return Err(Error::SignatureLenRange);
        }
        key.verify_x931(&self.data(message), signature).map_err(|error| match error {
            CryptoError::Length => Error::DataLenRange,
            other => other.into(),
        })
    }
}
