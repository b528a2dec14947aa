//! Wrapping and unwrapping keys with a mechanism that encrypts and decrypts: the same operation, other error codes.

use crate::error::{Error, Result};
use crate::secret::Secret;

use super::operation::Cipher;

/// The material of a key, encrypted in one part. A length that the mechanism cannot take is CKR_KEY_SIZE_RANGE.
pub(super) fn encrypt(cipher: Box<dyn Cipher>, material: &[u8]) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    let most = cipher.once_len(material.len()).most();
    output.try_reserve_exact(most)?;
    output.resize(most, 0);
    let written = cipher.once(material, &mut output).map_err(|error| match error {
        Error::DataLenRange => Error::KeySizeRange,
        other => other,
    })?;
    output.truncate(written);
    Ok(output)
}

/// A wrapped key, decrypted in one part: CKR_WRAPPED_KEY_LEN_RANGE or CKR_WRAPPED_KEY_INVALID where that fails.
pub(super) fn decrypt(cipher: Box<dyn Cipher>, wrapped: &[u8]) -> Result<Secret> {
    let mut output = Vec::new();
    let most = cipher.once_len(wrapped.len()).most();
    output.try_reserve_exact(most)?;
    output.resize(most, 0);
    let mut material = Secret::new(output);
    let written = cipher.once(wrapped, material.as_mut_bytes()).map_err(|error| match error {
        Error::EncryptedDataLenRange => Error::WrappedKeyLenRange,
        Error::EncryptedDataInvalid => Error::WrappedKeyInvalid,
        other => other,
    })?;
    material.truncate(written);
    Ok(material)
}

/// The functions of a mechanism that wraps keys as it encrypts data, from two functions of a key and parameters.
macro_rules! cipher_ops {
    ($encrypt:expr, $decrypt:expr) => {
        $crate::mechanism::row::Ops {
            encrypt: Some(|key, params| $encrypt(&key, params)),
            decrypt: Some(|key, params| $decrypt(&key, params)),
            wrap: Some(|key, params, material| {
                $crate::mechanism::wrapping::encrypt($encrypt(key, params)?, material)
            }),
            unwrap: Some(|key, params, wrapped| {
                $crate::mechanism::wrapping::decrypt($decrypt(key, params)?, wrapped)
            }),
            ..$crate::mechanism::row::Ops::NONE
        }
    };
}
pub(super) use cipher_ops;
