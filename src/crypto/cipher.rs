//! What the block ciphers of the engine share: directions, contexts, and the unpadded modes in parts.

use std::ffi::c_int;

use aws_lc_sys::{EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new};

use super::{Error, Owned, Result, succeed};

/// The most that one call of the engine takes, whose lengths are `int`: a multiple of every block.
const CHUNK: usize = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Encrypt,
    Decrypt,
}

/// An encryption or decryption in an unpadded mode, in any number of parts. ECB and CBC hold a partial block back
/// until it is full.
pub trait BlockMode: Send {
    /// The block in bytes; 1 for modes that take bytes as they come.
    fn block(&self) -> usize;

    /// Bytes of an unfinished block, held back: fewer than a block.
    fn buffered(&self) -> usize;

    /// Writes `output_len(input.len())` bytes; `Error::Buffer` unless `output` has room for them.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize>;

    /// Bytes that `update` writes for `input` bytes.
    fn output_len(&self, input: usize) -> usize {
        let total = self.buffered().saturating_add(input);
        total - total % self.block()
    }
}

/// A mode with ciphertext stealing, whose ciphertext is as long as its plaintext: whole blocks of 16 bytes first, then
/// one tail.
pub trait StealingMode: Send {
    /// Whole blocks; `output` is as long.
    fn blocks(&mut self, input: &[u8], output: &mut [u8]) -> Result<()>;

    /// The end, of 16 to 31 bytes; `output` is as long.
    fn tail(&mut self, input: &[u8], output: &mut [u8]) -> Result<()>;
}

/// A fresh engine context.
///
/// # Safety
/// `cipher` is one of the engine's static ciphers; the key has that cipher's length, and the IV as well where it has
/// one and is not set later.
pub(crate) unsafe fn context(
    cipher: *const EVP_CIPHER,
    key: &[u8],
    iv: Option<&[u8]>,
    direction: Direction,
) -> Result<Owned<EVP_CIPHER_CTX>> {
    // SAFETY: a new context, released by its own function.
    let mut context = unsafe { Owned::new(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free)? };
    // SAFETY: a live context; the rest is the caller's promise.
    let code = unsafe {
        aws_lc_sys::EVP_CipherInit_ex(
            context.as_mut_ptr(),
            cipher,
            std::ptr::null_mut(),
            key.as_ptr(),
            iv.map_or(std::ptr::null(), <[u8]>::as_ptr),
            c_int::from(direction == Direction::Encrypt),
        )
    };
    succeed(code, Error::Engine)?;
    Ok(context)
}

/// Runs `input` through an initialised context; `output` must have room for every byte that the context may write:
/// `input.len()` rounded up to the block for block modes, `input.len()` for the others. Answers the bytes written.
///
/// # Safety
/// The context must write no more than `output.len()` bytes for this input.
pub(crate) unsafe fn run(
    context: &mut Owned<EVP_CIPHER_CTX>,
    input: &[u8],
    output: &mut [u8],
) -> Result<usize> {
    let mut written = 0;
    for part in input.chunks(CHUNK) {
        let rest = output.get_mut(written..).ok_or(Error::Buffer)?;
        let mut length: c_int = 0;
        // SAFETY: the caller vouches for the room; a chunk is smaller than INT_MAX minus a block.
        let code = unsafe {
            aws_lc_sys::EVP_CipherUpdate(
                context.as_mut_ptr(),
                rest.as_mut_ptr(),
                &mut length,
                part.as_ptr(),
                part.len() as c_int,
            )
        };
        succeed(code, Error::Engine)?;
        written += usize::try_from(length).map_err(|_| Error::Engine)?;
    }
    Ok(written)
}

/// The engine at work in one of the unpadded modes.
pub struct Cipher {
    context: Owned<EVP_CIPHER_CTX>,
    block: usize,
    buffered: usize,
}

impl Cipher {
    /// Takes an initialised context of a mode that works in units of `block` bytes.
    pub(crate) fn new(mut context: Owned<EVP_CIPHER_CTX>, block: usize) -> Result<Self> {
        // SAFETY: an initialised context.
        let code = unsafe { aws_lc_sys::EVP_CIPHER_CTX_set_padding(context.as_mut_ptr(), 0) };
        succeed(code, Error::Engine)?;
        Ok(Self { context, block, buffered: 0 })
    }
}

impl BlockMode for Cipher {
    fn block(&self) -> usize {
        self.block
    }

    fn buffered(&self) -> usize {
        self.buffered
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let expected = self.output_len(input.len());
        if output.len() < expected {
            return Err(Error::Buffer);
        }
        // SAFETY: with padding off the context writes whole blocks only, `output_len` bytes in all.
        let written = unsafe { run(&mut self.context, input, output)? };
        self.buffered = (self.buffered + input.len()) - expected;
        if written == expected { Ok(written) } else { Err(Error::Engine) }
    }
}
