//! SHAKE128 and SHAKE256 (FIPS 202 section 6.2): as many bytes as are asked for.

use aws_lc_sys::{EVP_MD_CTX_free, EVP_MD_CTX_new};

use super::{Error, Owned, Result, succeed};

/// An extendable-output function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shake {
    Bits128,
    Bits256,
}

impl Shake {
    /// Fills `output` from `data`.
    pub fn expand(self, data: &[u8], output: &mut [u8]) -> Result<()> {
        // SAFETY: a new context, released by its own function.
        let mut context = unsafe { Owned::new(EVP_MD_CTX_new(), EVP_MD_CTX_free)? };
        let context = context.as_mut_ptr();
        // SAFETY: a live context and a static description.
        let code = unsafe {
            let function = match self {
                Shake::Bits128 => aws_lc_sys::EVP_shake128(),
                Shake::Bits256 => aws_lc_sys::EVP_shake256(),
            };
            aws_lc_sys::EVP_DigestInit_ex(context, function, std::ptr::null_mut())
        };
        succeed(code, Error::Engine)?;
        // SAFETY: an initialised context; each pointer and length are those of one live slice.
        let codes = unsafe {
            [
                aws_lc_sys::EVP_DigestUpdate(context, data.as_ptr().cast(), data.len()),
                aws_lc_sys::EVP_DigestFinalXOF(context, output.as_mut_ptr(), output.len()),
            ]
        };
        codes.into_iter().try_for_each(|code| succeed(code, Error::Engine))
    }
}
