//! RSA encryption and key wrapping (PKCS#11 section 6.1): PKCS #1 v1.5, OAEP and raw RSA. The rows of the two
//! mechanisms that sign as well, CKM_RSA_PKCS and CKM_RSA_X_509, stand here.
//!
//! Decryption of PKCS #1 v1.5 never tells whether the padding was right: see `crypto::rsa::PrivateKey::decrypt_pkcs1`.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::{Error as CryptoError, rsa};
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::hashes;
use super::operation::{Cipher, Length};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::rsa_encapsulate;
use super::rsa_keys::{self, SIZES};
use super::rsa_recover;
use super::rsa_sign::{self, Padding};

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism {
        id: CKM_RSA_PKCS,
        name: "CKM_RSA_PKCS",
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_RSA]),
        sizes: SIZES,
        flags: 0,
        approval: Approval::Approved,
        ops: Ops {
            sign: Some(|key, _| rsa_sign::sign(key, None, Padding::Pkcs1(None))),
            sign_recover: Some(|key, _| rsa_recover::sign(key, Padding::Pkcs1(None))),
            verify: Some(|key, _| rsa_sign::verify(key, None, Padding::Pkcs1(None))),
            verify_recover: Some(|key, _| rsa_recover::verify(key, Padding::Pkcs1(None))),
            ..cipher_ops()
        },
    },
    Mechanism {
        id: CKM_RSA_X_509,
        name: "CKM_RSA_X_509",
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_RSA]),
        sizes: SIZES,
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops {
            sign: Some(|key, _| rsa_sign::sign(key, None, Padding::Raw)),
            sign_recover: Some(|key, _| rsa_recover::sign(key, Padding::Raw)),
            verify: Some(|key, _| rsa_sign::verify(key, None, Padding::Raw)),
            verify_recover: Some(|key, _| rsa_recover::verify(key, Padding::Raw)),
            encrypt: Some(|key, _| encrypt(key, Encoding::Raw)),
            decrypt: Some(|key, _| decrypt(key, Encoding::Raw)),
            wrap: Some(|key, _, material| wrap(key, &Encoding::Raw, material)),
            unwrap: Some(|key, _, wrapped| unwrap(key, &Encoding::Raw, wrapped)),
            encapsulate: Some(rsa_encapsulate::raw),
            decapsulate: Some(rsa_encapsulate::open_raw),
            ..Ops::NONE
        },
    },
    Mechanism {
        id: CKM_RSA_PKCS_OAEP,
        name: "CKM_RSA_PKCS_OAEP",
        params: ParamKind::Oaep,
        key: KeyNeed::pair(&[CKK_RSA]),
        sizes: SIZES,
        flags: 0,
        approval: Approval::Approved,
        ops: Ops {
            encrypt: Some(|key, params| encrypt(key, Encoding::oaep(params)?)),
            decrypt: Some(|key, params| decrypt(key, Encoding::oaep(params)?)),
            wrap: Some(|key, params, material| wrap(key, &Encoding::oaep(params)?, material)),
            unwrap: Some(|key, params, wrapped| unwrap(key, &Encoding::oaep(params)?, wrapped)),
            encapsulate: Some(|input| rsa_encapsulate::wrapped(input, &Encoding::oaep(input.params)?)),
            decapsulate: Some(|input, ciphertext| {
                unwrap(input.key, &Encoding::oaep(input.params)?, ciphertext)
            }),
            ..Ops::NONE
        },
    },
];

const fn cipher_ops() -> Ops {
    Ops {
        encrypt: Some(|key, _| encrypt(key, Encoding::Pkcs1)),
        decrypt: Some(|key, _| decrypt(key, Encoding::Pkcs1)),
        wrap: Some(|key, _, material| wrap(key, &Encoding::Pkcs1, material)),
        unwrap: Some(|key, _, wrapped| unwrap(key, &Encoding::Pkcs1, wrapped)),
        encapsulate: Some(|input| rsa_encapsulate::wrapped(input, &Encoding::Pkcs1)),
        decapsulate: Some(|input, ciphertext| unwrap(input.key, &Encoding::Pkcs1, ciphertext)),
        ..Ops::NONE
    }
}

/// How a message becomes a block as long as the modulus.
pub(super) enum Encoding {
    /// Block type 2.
    Pkcs1,
    Oaep {
        hash: Hash,
        mgf_hash: Hash,
        label: Vec<u8>,
    },
    /// Zeros in front.
    Raw,
}

impl Encoding {
    fn oaep(params: &Params) -> Result<Self> {
        let Params::Oaep { hash, mgf, label } = params else {
            return Err(Error::MechanismParamInvalid);
        };
        Ok(Encoding::Oaep {
            hash: hashes::of_mechanism(*hash).ok_or(Error::MechanismParamInvalid)?,
            mgf_hash: hashes::of_mask(*mgf).ok_or(Error::MechanismParamInvalid)?,
            label: label.clone(),
        })
    }

    /// The longest message under a modulus of `key_len` bytes; `None` where the key is too small for any.
    fn max_message_len(&self, key_len: usize) -> Option<usize> {
        match self {
            Encoding::Pkcs1 => key_len.checked_sub(rsa::PKCS1_OVERHEAD),
            Encoding::Oaep { hash, .. } => rsa::max_oaep_len(key_len, *hash),
            Encoding::Raw => Some(key_len),
        }
    }

    fn seal(&self, key: &rsa::PublicKey, message: &[u8]) -> Result<Vec<u8>> {
        Ok(match self {
            Encoding::Pkcs1 => key.encrypt_pkcs1(message)?,
            Encoding::Oaep { hash, mgf_hash, label } => key.encrypt_oaep(*hash, *mgf_hash, label, message)?,
            Encoding::Raw => {
                let block = rsa_keys::padded(message, key.modulus_len()).ok_or(Error::DataLenRange)?;
                key.raw(block.as_bytes())?
            }
        })
    }

    fn open(&self, key: &rsa::PrivateKey, ciphertext: &[u8]) -> Result<Secret> {
        let opened = match self {
            Encoding::Pkcs1 => key.decrypt_pkcs1(ciphertext),
            Encoding::Oaep { hash, mgf_hash, label } => key.decrypt_oaep(*hash, *mgf_hash, label, ciphertext),
            Encoding::Raw => key.raw(ciphertext),
        };
        opened.map_err(|error| match error {
            CryptoError::Length => Error::EncryptedDataLenRange,
            CryptoError::Data | CryptoError::Decrypt => Error::EncryptedDataInvalid,
            other => other.into(),
        })
    }
}

/// CKR_KEY_SIZE_RANGE: the key is too small for the hash function of OAEP.
fn encrypt(key: UsableKey, encoding: Encoding) -> Result<Box<dyn Cipher>> {
    let length = rsa_keys::public(&key)?.modulus_len();
    encoding.max_message_len(length).ok_or(Error::KeySizeRange)?;
    Ok(Box::new(Encrypting { key, encoding, length }))
}

fn decrypt(key: UsableKey, encoding: Encoding) -> Result<Box<dyn Cipher>> {
    let length = rsa_keys::private(&key)?.modulus_len();
    let most = encoding.max_message_len(length).ok_or(Error::KeySizeRange)?;
    let length = if matches!(encoding, Encoding::Raw) { Length::Exact(most) } else { Length::AtMost(most) };
    Ok(Box::new(Decrypting { key, encoding, length }))
}

/// The key's material as a ciphertext. A key too long to be wrapped so, and one that raw RSA would only raise to a power
/// below the modulus, whose root anybody can draw: CKR_KEY_SIZE_RANGE.
pub(super) fn wrap(key: &UsableKey, encoding: &Encoding, material: &[u8]) -> Result<Vec<u8>> {
    let public = rsa_keys::public(key)?;
    encoding.max_message_len(public.modulus_len()).ok_or(Error::WrappingKeySizeRange)?;
    if matches!(encoding, Encoding::Raw) && !public.reduces(material.len())? {
        return Err(Error::KeySizeRange);
    }
    encoding.seal(public, material).map_err(|error| match error {
        Error::DataLenRange => Error::KeySizeRange,
        Error::DataInvalid => Error::KeyNotWrappable,
        other => other,
    })
}

/// The key's material. Raw RSA gives all bytes of the block: the key is its tail, as long as the template says.
pub(super) fn unwrap(key: &UsableKey, encoding: &Encoding, wrapped: &[u8]) -> Result<Secret> {
    let private = rsa_keys::private(key)?;
    encoding.max_message_len(private.modulus_len()).ok_or(Error::UnwrappingKeySizeRange)?;
    encoding.open(private, wrapped).map_err(|error| match error {
        Error::EncryptedDataLenRange => Error::WrappedKeyLenRange,
        Error::EncryptedDataInvalid => Error::WrappedKeyInvalid,
        other => other,
    })
}

/// As `wrap`, with the parameter of CKM_RSA_PKCS_OAEP.
pub(super) fn wrap_oaep(key: &UsableKey, params: &Params, material: &[u8]) -> Result<Vec<u8>> {
    wrap(key, &Encoding::oaep(params)?, material)
}

/// As `unwrap`, with the parameter of CKM_RSA_PKCS_OAEP.
pub(super) fn unwrap_oaep(key: &UsableKey, params: &Params, wrapped: &[u8]) -> Result<Secret> {
    unwrap(key, &Encoding::oaep(params)?, wrapped)
}

struct Encrypting {
    key: UsableKey,
    encoding: Encoding,
    length: usize,
}

struct Decrypting {
    key: UsableKey,
    encoding: Encoding,
    length: Length,
}

/// One-part operations (section 6.1, table "Mechanisms vs. Functions", footnote 1).
macro_rules! one_part {
    ($name:ident, $length:expr, $once:expr) => {
        impl Cipher for $name {
            $crate::mechanism::operation::one_part_only!();

            fn once_len(&self, _: usize) -> Length {
                let length: fn(&Self) -> Length = $length;
                length(self)
            }

            fn once(self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
                let once: fn(&Self, &[u8]) -> Result<Secret> = $once;
                let result = once(&self, input)?;
                super::put(result.as_bytes(), output)
            }
        }
    };
}

pub(super) use one_part;

one_part!(Encrypting, |this| Length::Exact(this.length), |this, input| {
    Ok(Secret::new(this.encoding.seal(rsa_keys::public(&this.key)?, input)?))
});
one_part!(Decrypting, |this| this.length, |this, input| {
    this.encoding.open(rsa_keys::private(&this.key)?, input)
});
