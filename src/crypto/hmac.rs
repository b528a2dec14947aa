//! HMAC (FIPS 198-1, RFC 2104) over every hash of `digest`.

use std::ffi::c_uint;

use aws_lc_sys::{HMAC_CTX, HMAC_CTX_free, HMAC_CTX_new};

use super::digest::{Accumulate, Hash, Value};
use super::{Error, Owned, Result, succeed};

/// An HMAC in the making.
pub struct Hmac {
    context: Owned<HMAC_CTX>,
    hash: Hash,
}

impl Hmac {
    /// Keys of any length are taken, none at all included.
    pub fn new(hash: Hash, key: &[u8]) -> Result<Self> {
        // SAFETY: a new context, released by its own function.
        let mut context = unsafe { Owned::new(HMAC_CTX_new(), HMAC_CTX_free)? };
        // SAFETY: a live context, a static hash; pointer and length are those of one live slice, never NULL.
        let code = unsafe {
            aws_lc_sys::HMAC_Init_ex(
                context.as_mut_ptr(),
                key.as_ptr().cast(),
                key.len(),
                hash.engine(),
                std::ptr::null_mut(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(Self { context, hash })
    }

    /// The length of the whole MAC in bytes.
    pub fn output_len(&self) -> usize {
        self.hash.output_len()
    }

    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        // SAFETY: an initialised context; pointer and length are those of one live slice.
        let code = unsafe { aws_lc_sys::HMAC_Update(self.context.as_mut_ptr(), data.as_ptr(), data.len()) };
        succeed(code, Error::Engine)
    }

    /// The whole MAC; truncation is the caller's.
    pub fn finish(mut self) -> Result<Value> {
        Value::written_by(|bytes| {
            let mut length: c_uint = 0;
            // SAFETY: an initialised context; no MAC is longer than digest::MAX_LEN, the size of the buffer.
            let code =
                unsafe { aws_lc_sys::HMAC_Final(self.context.as_mut_ptr(), bytes.as_mut_ptr(), &mut length) };
            succeed(code, Error::Engine)?;
            Ok(self.hash.output_len())
        })
    }
}

impl Accumulate for Hmac {
    fn output_len(&self) -> usize {
        Hmac::output_len(self)
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        Hmac::update(self, data)
    }

    fn finish(self) -> Result<Value> {
        Hmac::finish(self)
    }
}

/// The HMAC of `data` in one step.
pub fn hmac(hash: Hash, key: &[u8], data: &[u8]) -> Result<Value> {
    let mut hmac = Hmac::new(hash, key)?;
    hmac.update(data)?;
    hmac.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4231_case_2_comes_out_for_a_short_key() {
        let mac = hmac(Hash::Sha256, b"Jefe", b"what do ya want for nothing?").unwrap();
        assert_eq!(hex::encode(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn an_empty_key_is_a_key() {
        // The MAC of nothing under an empty key, as RFC 2104 defines it.
        let mac = hmac(Hash::Sha256, b"", b"").unwrap();
        assert_eq!(hex::encode(mac), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    }

    #[test]
    fn every_hash_makes_a_mac_of_its_own_length() {
        for hash in Hash::ALL {
            assert_eq!(hmac(*hash, b"key", b"data").unwrap().as_bytes().len(), hash.output_len());
        }
    }
}
