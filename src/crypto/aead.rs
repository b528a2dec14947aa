//! Authenticated encryption with associated data: what the modes share, and the engine's contexts for it.

use std::ffi::c_int;

use aws_lc_sys::{EVP_CIPHER_CTX, EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG};

use super::{Error, Owned, Result, cipher, succeed};

/// The full tag in bytes.
pub const TAG: usize = 16;

/// An authenticated encryption or decryption in any number of parts.
pub trait Aead: Send {
    /// Writes exactly `input.len()` bytes to the front of `output`. What a decryption gives here is not yet
    /// authentic: nobody may see it before `verify` has said so.
    ///
    /// `Error::Buffer` for a short output, `Error::Length` past the limit of the mode.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize>;

    /// Ends an encryption: the full tag, of which the leading bytes are a shorter one.
    fn tag(self) -> Result<[u8; TAG]>;

    /// Ends a decryption: `Error::Decrypt` unless `tag` (1 to 16 leading bytes of the full one) matches; the
    /// comparison takes constant time.
    fn verify(self, tag: &[u8]) -> Result<()>;
}

/// An AEAD cipher of the engine at work: a context with key and IV, and how many bytes of text it may still take.
pub(super) struct Engine {
    pub(super) context: Owned<EVP_CIPHER_CTX>,
    pub(super) left: u64,
}

impl Engine {
    /// Takes in additional data, in any number of parts before any text.
    pub(super) fn authenticate(&mut self, aad: &[u8]) -> Result<()> {
        for part in aad.chunks(1 << 30) {
            let mut length: c_int = 0;
            // SAFETY: an initialised context; without an output the input is additional data and nothing is written.
            let code = unsafe {
                aws_lc_sys::EVP_CipherUpdate(
                    self.context.as_mut_ptr(),
                    std::ptr::null_mut(),
                    &mut length,
                    part.as_ptr(),
                    part.len() as c_int,
                )
            };
            succeed(code, Error::Engine)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let mut nothing = [0u8; TAG];
        let mut length: c_int = 0;
        // SAFETY: an initialised context; an AEAD cipher writes no data at the end.
        let code = unsafe {
            aws_lc_sys::EVP_CipherFinal_ex(self.context.as_mut_ptr(), nothing.as_mut_ptr(), &mut length)
        };
        succeed(code, Error::Decrypt)
    }
}

impl Aead for Engine {
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if output.len() < input.len() {
            return Err(Error::Buffer);
        }
        let left = self.left.checked_sub(input.len() as u64).ok_or(Error::Length)?;
        // SAFETY: an AEAD cipher writes as many bytes as it reads, and the output has room for them.
        let written = unsafe { cipher::run(&mut self.context, input, output)? };
        self.left = left;
        if written == input.len() { Ok(written) } else { Err(Error::Engine) }
    }

    fn tag(mut self) -> Result<[u8; TAG]> {
        self.end()?;
        let mut tag = [0; TAG];
        // SAFETY: a finished encryption; the control writes 16 bytes to a buffer of 16.
        let code = unsafe {
            aws_lc_sys::EVP_CIPHER_CTX_ctrl(
                self.context.as_mut_ptr(),
                EVP_CTRL_AEAD_GET_TAG,
                TAG as c_int,
                tag.as_mut_ptr().cast(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(tag)
    }

    fn verify(mut self, tag: &[u8]) -> Result<()> {
        if tag.is_empty() || tag.len() > TAG {
            return Err(Error::Argument);
        }
        let mut copy = [0; TAG];
        copy.iter_mut().zip(tag).for_each(|(place, byte)| *place = *byte);
        // SAFETY: a decryption context; the control reads at most 16 bytes from a buffer of 16.
        let code = unsafe {
            aws_lc_sys::EVP_CIPHER_CTX_ctrl(
                self.context.as_mut_ptr(),
                EVP_CTRL_AEAD_SET_TAG,
                tag.len() as c_int,
                copy.as_mut_ptr().cast(),
            )
        };
        succeed(code, Error::Engine)?;
        self.end()
    }
}
