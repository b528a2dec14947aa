//! SHAKE128 and SHAKE256 (FIPS 202 section 6.2): as many bytes as are asked for.

use aws_lc_sys::{EVP_MD_CTX, EVP_MD_CTX_free, EVP_MD_CTX_new};

use super::digest::Value;
use super::{Error, Owned, Result, succeed};

/// An extendable-output function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shake {
    Bits128,
    Bits256,
}

impl Shake {
    /// Takes bytes in parts, and ends in `output_len` of them, at most `digest::MAX_LEN`. `Length`: more.
    pub fn start(self, output_len: usize) -> Result<Shaker> {
        if output_len > super::digest::MAX_LEN {
            return Err(Error::Length);
        }
        Ok(Shaker { context: self.context()?, output_len })
    }

    /// Fills `output` from `data`.
    pub fn expand(self, data: &[u8], output: &mut [u8]) -> Result<()> {
        let mut context = self.context()?;
        absorb(&mut context, data)?;
        squeeze(&mut context, output)
    }

    fn context(self) -> Result<Owned<EVP_MD_CTX>> {
        // SAFETY: a new context, released by its own function.
        let mut context = unsafe { Owned::new(EVP_MD_CTX_new(), EVP_MD_CTX_free)? };
        // SAFETY: a live context and a static description.
        let code = unsafe {
            let function = match self {
                Shake::Bits128 => aws_lc_sys::EVP_shake128(),
                Shake::Bits256 => aws_lc_sys::EVP_shake256(),
            };
            aws_lc_sys::EVP_DigestInit_ex(context.as_mut_ptr(), function, std::ptr::null_mut())
        };
        succeed(code, Error::Engine)?;
        Ok(context)
    }
}

fn absorb(context: &mut Owned<EVP_MD_CTX>, data: &[u8]) -> Result<()> {
    // SAFETY: an initialised context; pointer and length are those of one live slice.
    let code =
        unsafe { aws_lc_sys::EVP_DigestUpdate(context.as_mut_ptr(), data.as_ptr().cast(), data.len()) };
    succeed(code, Error::Engine)
}

fn squeeze(context: &mut Owned<EVP_MD_CTX>, output: &mut [u8]) -> Result<()> {
    // SAFETY: an initialised context; the engine writes as many bytes as the slice has.
    let code =
        unsafe { aws_lc_sys::EVP_DigestFinalXOF(context.as_mut_ptr(), output.as_mut_ptr(), output.len()) };
    succeed(code, Error::Engine)
}

/// An output in the making, of a length that is known from the start.
pub struct Shaker {
    context: Owned<EVP_MD_CTX>,
    output_len: usize,
}

impl Shaker {
    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        absorb(&mut self.context, data)
    }

    pub fn finish(mut self) -> Result<Value> {
        Value::written_by(|bytes| {
            squeeze(&mut self.context, bytes.get_mut(..self.output_len).ok_or(Error::Length)?)?;
            Ok(self.output_len)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_give_what_the_whole_gives() {
        let mut whole = [0; 64];
        Shake::Bits256.expand(b"abcdef", &mut whole).unwrap();
        let mut shaker = Shake::Bits256.start(64).unwrap();
        shaker.update(b"abc").unwrap();
        shaker.update(b"def").unwrap();
        assert_eq!(shaker.finish().unwrap().as_bytes(), whole);
        assert_eq!(Shake::Bits128.start(65).err(), Some(Error::Length));
    }
}
