//! RSA signatures (PKCS#11 section 6.1): PKCS #1 v1.5 and PSS, over a digest made elsewhere or over the message; and
//! raw RSA.

use crate::ck::*;
use crate::crypto::digest::{self, Hash};
use crate::crypto::{self, Error as CryptoError, rsa};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::hashes;
use super::operation::{Sign, Verify};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::rsa_keys::{self, SIZES};
use super::signing::{self, Message, Scheme, signatures};

/// PKCS #1 v1.5 over the message: `pkcs1!(hash, mechanism, approval)`.
macro_rules! pkcs1 {
    ($hash:ident, $id:ident, $approval:ident) => {
        row(
            $id,
            stringify!($id),
            ParamKind::None,
            Approval::$approval,
            signatures!(|key, _| key, Some(Hash::$hash), Padding::Pkcs1(Some(Hash::$hash))),
        )
    };
}

/// PSS over the message: `pss!(hash, mechanism, approval)`.
macro_rules! pss {
    ($hash:ident, $id:ident, $approval:ident) => {
        row(
            $id,
            stringify!($id),
            ParamKind::Pss,
            Approval::$approval,
            signatures!(|key, params| key, Some(Hash::$hash), Padding::pss(params, Some(Hash::$hash))?),
        )
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    // MD5 has been broken for signatures since 2004: for checking what is old.
    pkcs1!(Md5, CKM_MD5_RSA_PKCS, NotApproved),
    pkcs1!(Sha1, CKM_SHA1_RSA_PKCS, Legacy),
    pkcs1!(Sha224, CKM_SHA224_RSA_PKCS, Approved),
    pkcs1!(Sha256, CKM_SHA256_RSA_PKCS, Approved),
    pkcs1!(Sha384, CKM_SHA384_RSA_PKCS, Approved),
    pkcs1!(Sha512, CKM_SHA512_RSA_PKCS, Approved),
    pkcs1!(Sha3_224, CKM_SHA3_224_RSA_PKCS, Approved),
    pkcs1!(Sha3_256, CKM_SHA3_256_RSA_PKCS, Approved),
    pkcs1!(Sha3_384, CKM_SHA3_384_RSA_PKCS, Approved),
    pkcs1!(Sha3_512, CKM_SHA3_512_RSA_PKCS, Approved),
    row(
        CKM_RSA_PKCS_PSS,
        "CKM_RSA_PKCS_PSS",
        ParamKind::Pss,
        Approval::Approved,
        signatures!(|key, params| key, None, Padding::pss(params, None)?),
    ),
    pss!(Sha1, CKM_SHA1_RSA_PKCS_PSS, Legacy),
    pss!(Sha224, CKM_SHA224_RSA_PKCS_PSS, Approved),
    pss!(Sha256, CKM_SHA256_RSA_PKCS_PSS, Approved),
    pss!(Sha384, CKM_SHA384_RSA_PKCS_PSS, Approved),
    pss!(Sha512, CKM_SHA512_RSA_PKCS_PSS, Approved),
    pss!(Sha3_224, CKM_SHA3_224_RSA_PKCS_PSS, Approved),
    pss!(Sha3_256, CKM_SHA3_256_RSA_PKCS_PSS, Approved),
    pss!(Sha3_384, CKM_SHA3_384_RSA_PKCS_PSS, Approved),
    pss!(Sha3_512, CKM_SHA3_512_RSA_PKCS_PSS, Approved),
];

const fn row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    params: ParamKind,
    approval: Approval,
    ops: Ops,
) -> Mechanism {
    Mechanism { id, name, params, key: KeyNeed::pair(&[CKK_RSA]), sizes: SIZES, flags: 0, approval, ops }
}

/// How a message becomes a block as long as the modulus.
#[derive(Clone, Copy)]
pub(super) enum Padding {
    /// Block type 1; over a DigestInfo of the digest where a hash is named.
    Pkcs1(Option<Hash>),
    Pss {
        hash: Hash,
        mgf_hash: Hash,
        salt_len: usize,
    },
    /// Zeros in front.
    Raw,
}

impl Padding {
    /// CKR_MECHANISM_PARAM_INVALID: unknown functions, or another hash than the mechanism's own.
    fn pss(params: &Params, own: Option<Hash>) -> Result<Self> {
        let Params::Pss { hash, mgf, salt_len } = params else {
            return Err(Error::MechanismParamInvalid);
        };
        let hash = hashes::of_mechanism(*hash).ok_or(Error::MechanismParamInvalid)?;
        if own.is_some_and(|own| own != hash) {
            return Err(Error::MechanismParamInvalid);
        }
        let mgf_hash = hashes::of_mask(*mgf).ok_or(Error::MechanismParamInvalid)?;
        let salt_len = usize::try_from(*salt_len).map_err(|_| Error::MechanismParamInvalid)?;
        Ok(Padding::Pss { hash, mgf_hash, salt_len })
    }

    /// Errors: CKR_MECHANISM_PARAM_INVALID where the salt does not fit into a block of so many bits (section 6.1, PSS),
    /// CKR_KEY_SIZE_RANGE where the digest does not.
    fn check(self, bits: usize) -> Result<()> {
        match self {
            Padding::Pkcs1(Some(hash)) => {
                let needed = rsa::digest_info_prefix(hash).len() + hash.output_len() + rsa::PKCS1_OVERHEAD;
                if bits.div_ceil(8) < needed { Err(Error::KeySizeRange) } else { Ok(()) }
            }
            Padding::Pss { hash, salt_len, .. }
                if rsa::max_salt_len(bits, hash).is_none_or(|most| salt_len > most) =>
            {
                Err(Error::MechanismParamInvalid)
            }
            _ => Ok(()),
        }
    }

    /// What to do with the message of a mechanism that hashes it, or does not.
    fn message(self, hash: Option<Hash>, key_len: usize) -> Result<Message> {
        match (hash, self) {
            (Some(hash), _) => Message::hashed(hash),
            (None, Padding::Pkcs1(_)) => Ok(Message::raw(key_len.saturating_sub(rsa::PKCS1_OVERHEAD))),
            (None, Padding::Pss { hash, .. }) => Ok(Message::raw(hash.output_len())),
            (None, Padding::Raw) => Ok(Message::raw(key_len)),
        }
    }
}

pub(super) fn sign(key: UsableKey, hash: Option<Hash>, padding: Padding) -> Result<Box<dyn Sign>> {
    let private = rsa_keys::private(&key)?;
    padding.check(private.bits())?;
    let message = padding.message(hash, private.modulus_len())?;
    signing::sign(message, Signer { key, padding })
}

pub(super) fn verify(key: UsableKey, hash: Option<Hash>, padding: Padding) -> Result<Box<dyn Verify>> {
    let public = rsa_keys::public(&key)?;
    padding.check(public.bits())?;
    let message = padding.message(hash, public.modulus_len())?;
    signing::verify(message, Signer { key, padding })
}

pub(super) struct Signer {
    pub(super) key: UsableKey,
    pub(super) padding: Padding,
}

impl Scheme for Signer {
    fn signature_len(&self) -> Result<usize> {
        Ok(rsa_keys::private(&self.key)?.modulus_len())
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        let key = rsa_keys::private(&self.key)?;
        Ok(match self.padding {
            Padding::Pkcs1(hash) => key.sign_pkcs1(DigestInfo::new(hash, message).as_bytes(), signature)?,
            Padding::Pss { hash, mgf_hash, salt_len } => {
                key.sign_pss(hash, mgf_hash, salt_len, message, signature)?
            }
            Padding::Raw => {
                let block = rsa_keys::padded(message, key.modulus_len()).ok_or(Error::DataLenRange)?;
                super::put(key.raw(block.as_bytes())?.as_bytes(), signature)?
            }
        })
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let key = rsa_keys::public(&self.key)?;
        if signature.len() != key.modulus_len() {
            return Err(Error::SignatureLenRange);
        }
        match self.padding {
            Padding::Pkcs1(hash) => {
                key.verify_pkcs1(DigestInfo::new(hash, message).as_bytes(), signature)?;
            }
            Padding::Pss { hash, mgf_hash, salt_len } => {
                key.verify_pss(hash, mgf_hash, salt_len, message, signature)?;
            }
            Padding::Raw => {
                let block = rsa_keys::padded(message, key.modulus_len()).ok_or(Error::DataLenRange)?;
                let opened = key.raw(signature).map_err(|error| match error {
                    CryptoError::Data => Error::SignatureInvalid,
                    other => other.into(),
                })?;
                if !crypto::equal(&opened, block.as_bytes()) {
                    return Err(Error::SignatureInvalid);
                }
            }
        }
        Ok(())
    }
}

/// A digest with the DER of its algorithm in front, without an allocation; or the bytes as they are.
enum DigestInfo<'a> {
    Made { bytes: [u8; DigestInfo::MAX_LEN], length: usize },
    Given(&'a [u8]),
}

impl<'a> DigestInfo<'a> {
    const MAX_LEN: usize = 19 + digest::MAX_LEN;

    fn new(hash: Option<Hash>, message: &'a [u8]) -> Self {
        let Some(hash) = hash else {
            return DigestInfo::Given(message);
        };
        let mut bytes = [0; DigestInfo::MAX_LEN];
        let mut length = 0;
        for (to, from) in bytes.iter_mut().zip(rsa::digest_info_prefix(hash).iter().chain(message)) {
            *to = *from;
            length += 1;
        }
        DigestInfo::Made { bytes, length }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            DigestInfo::Made { bytes, length } => bytes.get(..*length).unwrap_or(bytes),
            DigestInfo::Given(bytes) => bytes,
        }
    }
}
