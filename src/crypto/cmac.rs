//! CMAC with AES (SP 800-38B, RFC 4493).

use aws_lc_sys::{CMAC_CTX, CMAC_CTX_free, CMAC_CTX_new};

use super::aes::{BLOCK, Key, Mode};
use super::digest::{Accumulate, Value};
use super::{Error, Owned, Result, succeed};

/// A CMAC in the making.
pub struct Cmac {
    context: Owned<CMAC_CTX>,
}

impl Cmac {
    pub fn new(key: &Key) -> Result<Self> {
        // SAFETY: a new context, released by its own function.
        let mut context = unsafe { Owned::new(CMAC_CTX_new(), CMAC_CTX_free)? };
        let bytes = key.as_bytes();
        // CMAC is built on the CBC form of the cipher.
        let cipher = key.engine_cipher(&Mode::Cbc(&[0; BLOCK]));
        // SAFETY: a live context, a static cipher, and a key of exactly that cipher's length.
        let code = unsafe {
            aws_lc_sys::CMAC_Init(
                context.as_mut_ptr(),
                bytes.as_ptr().cast(),
                bytes.len(),
                cipher,
                std::ptr::null_mut(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(Self { context })
    }

    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        // SAFETY: an initialised context; pointer and length are those of one live slice.
        let code = unsafe { aws_lc_sys::CMAC_Update(self.context.as_mut_ptr(), data.as_ptr(), data.len()) };
        succeed(code, Error::Engine)
    }

    /// The whole MAC of 16 bytes; truncation is the caller's.
    pub fn finish(mut self) -> Result<Value> {
        Value::written_by(|bytes| {
            let mut length = bytes.len();
            // SAFETY: an initialised context; a CMAC has 16 bytes and the buffer 64.
            let code =
                unsafe { aws_lc_sys::CMAC_Final(self.context.as_mut_ptr(), bytes.as_mut_ptr(), &mut length) };
            succeed(code, Error::Engine)?;
            Ok(BLOCK)
        })
    }
}

impl Accumulate for Cmac {
    fn output_len(&self) -> usize {
        BLOCK
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        Cmac::update(self, data)
    }

    fn finish(self) -> Result<Value> {
        Cmac::finish(self)
    }
}
