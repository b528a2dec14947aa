//! HKDF (RFC 5869), its two steps apart.

use super::digest::{Hash, Value};
use super::{Error, Result, succeed};
use crate::secret::Secret;

/// The pseudo-random key: HMAC of the secret under the salt. No salt at all is one of zeros.
pub fn extract(hash: Hash, secret: &[u8], salt: &[u8]) -> Result<Value> {
    Value::written_by(|bytes| {
        let mut length = 0;
        // SAFETY: the buffer has digest::MAX_LEN bytes, the hash is static, and each pointer has the length of its slice.
        let code = unsafe {
            aws_lc_sys::HKDF_extract(
                bytes.as_mut_ptr(),
                &mut length,
                hash.engine(),
                secret.as_ptr(),
                secret.len(),
                salt.as_ptr(),
                salt.len(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(length)
    })
}

/// `length` bytes from a pseudo-random key. `Error::KeySize` for more than 255 digests.
pub fn expand(hash: Hash, key: &[u8], info: &[u8], length: usize) -> Result<Secret> {
    if length > 255 * hash.output_len() {
        return Err(Error::KeySize);
    }
    let mut output = Secret::zeroed(length);
    let bytes = output.as_mut_bytes();
    // SAFETY: each pointer has the length of its slice, the hash is static.
    let code = unsafe {
        aws_lc_sys::HKDF_expand(
            bytes.as_mut_ptr(),
            bytes.len(),
            hash.engine(),
            key.as_ptr(),
            key.len(),
            info.as_ptr(),
            info.len(),
        )
    };
    succeed(code, Error::Engine)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_5869_case_1_comes_out() {
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let key = extract(Hash::Sha256, &[0x0b; 22], &salt).unwrap();
        assert_eq!(hex::encode(&key), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        let output = expand(Hash::Sha256, key.as_bytes(), &info, 42).unwrap();
        assert_eq!(
            hex::encode(output.as_bytes()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn no_more_comes_out_than_255_digests() {
        assert_eq!(expand(Hash::Sha256, &[1; 32], b"", 255 * 32).unwrap().len(), 255 * 32);
        assert_eq!(expand(Hash::Sha256, &[1; 32], b"", 255 * 32 + 1), Err(Error::KeySize));
    }
}
