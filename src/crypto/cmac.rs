//! CMAC with AES (SP 800-38B, RFC 4493) and Triple DES (SP 800-38B).

use aws_lc_sys::{CMAC_CTX, CMAC_CTX_free, CMAC_CTX_new, EVP_CIPHER};

use super::aes::{self, Key, Mode};
use super::des;
use super::digest::{Accumulate, Value};
use super::{Error, Owned, Result, succeed};

/// A CMAC in the making.
pub struct Cmac {
    context: Owned<CMAC_CTX>,
    /// The block of the cipher and the length of the whole MAC, in bytes.
    block: usize,
}

impl Cmac {
    /// With AES.
    pub fn new(key: &Key) -> Result<Self> {
        let cipher = key.engine_cipher(&Mode::Cbc(&[0; aes::BLOCK]));
        // SAFETY: a static cipher, and a key of exactly that cipher's length.
        unsafe { Self::start(cipher, key.as_bytes(), aes::BLOCK) }
    }

    /// With DES or Triple DES.
    pub fn with_des(key: &des::Key) -> Result<Self> {
        let cipher = key.engine_cipher(&des::Mode::Cbc(&[0; des::BLOCK]));
        // SAFETY: a static cipher, and a key of exactly that cipher's length.
        unsafe { Self::start(cipher, key.as_bytes(), des::BLOCK) }
    }

    /// CMAC is built on the CBC form of the cipher.
    ///
    /// # Safety
    /// `cipher` is static, has blocks of `block` bytes and takes keys of `key.len()` bytes.
    unsafe fn start(cipher: *const EVP_CIPHER, key: &[u8], block: usize) -> Result<Self> {
        // SAFETY: a new context, released by its own function.
        let mut context = unsafe { Owned::new(CMAC_CTX_new(), CMAC_CTX_free)? };
        // SAFETY: a live context; cipher and key are as the caller promises.
        let code = unsafe {
            aws_lc_sys::CMAC_Init(
                context.as_mut_ptr(),
                key.as_ptr().cast(),
                key.len(),
                cipher,
                std::ptr::null_mut(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(Self { context, block })
    }

    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        // SAFETY: an initialised context; pointer and length are those of one live slice.
        let code = unsafe { aws_lc_sys::CMAC_Update(self.context.as_mut_ptr(), data.as_ptr(), data.len()) };
        succeed(code, Error::Engine)
    }

    /// The whole MAC, one block; truncation is the caller's.
    pub fn finish(mut self) -> Result<Value> {
        Value::written_by(|bytes| {
            let mut length = bytes.len();
            // SAFETY: an initialised context; a CMAC has at most 16 bytes and the buffer 64.
            let code =
                unsafe { aws_lc_sys::CMAC_Final(self.context.as_mut_ptr(), bytes.as_mut_ptr(), &mut length) };
            succeed(code, Error::Engine)?;
            Ok(self.block)
        })
    }
}

impl Accumulate for Cmac {
    fn output_len(&self) -> usize {
        self.block
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        Cmac::update(self, data)
    }

    fn finish(self) -> Result<Value> {
        Cmac::finish(self)
    }
}
