//! AES (FIPS 197) in the modes ECB, CBC and CTR (SP 800-38A), without padding.

use std::ffi::c_int;

use aws_lc_sys::{AES_KEY, EVP_CIPHER, EVP_CIPHER_CTX};

use crate::secret::Secret;

use super::cipher::{self, Cipher};
use super::feedback::{EncryptBlock, Feedback, Stream};
use super::{Error, Owned, Result, succeed};

pub use super::cipher::Direction;

/// The block of AES in bytes.
pub const BLOCK: usize = 16;

/// An AES key of 128, 192 or 256 bits; serves every mode.
pub struct Key(Secret);

/// A mode with its IV or first counter block.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    Ecb,
    Cbc(&'a [u8; BLOCK]),
    /// The whole block counts, big-endian; whoever has fewer counter bits must stop before they overflow.
    Ctr(&'a [u8; BLOCK]),
    /// For `gcm`, which sets the IV itself.
    Gcm,
}

impl Key {
    /// `Error::KeySize` unless the value has 16, 24 or 32 bytes.
    pub fn new(value: &[u8]) -> Result<Self> {
        match value.len() {
            16 | 24 | 32 => Ok(Self(Secret::copy_of(value))),
            _ => Err(Error::KeySize),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The engine's description of the cipher: static, never NULL, with exactly this key's length.
    pub(crate) fn engine_cipher(&self, mode: &Mode<'_>) -> *const EVP_CIPHER {
        // SAFETY: these functions take nothing and answer pointers to static data.
        unsafe {
            match (mode, self.0.len()) {
                (Mode::Ecb, 16) => aws_lc_sys::EVP_aes_128_ecb(),
                (Mode::Ecb, 24) => aws_lc_sys::EVP_aes_192_ecb(),
                (Mode::Ecb, _) => aws_lc_sys::EVP_aes_256_ecb(),
                (Mode::Cbc(_), 16) => aws_lc_sys::EVP_aes_128_cbc(),
                (Mode::Cbc(_), 24) => aws_lc_sys::EVP_aes_192_cbc(),
                (Mode::Cbc(_), _) => aws_lc_sys::EVP_aes_256_cbc(),
                (Mode::Ctr(_), 16) => aws_lc_sys::EVP_aes_128_ctr(),
                (Mode::Ctr(_), 24) => aws_lc_sys::EVP_aes_192_ctr(),
                (Mode::Ctr(_), _) => aws_lc_sys::EVP_aes_256_ctr(),
                (Mode::Gcm, 16) => aws_lc_sys::EVP_aes_128_gcm(),
                (Mode::Gcm, 24) => aws_lc_sys::EVP_aes_192_gcm(),
                (Mode::Gcm, _) => aws_lc_sys::EVP_aes_256_gcm(),
            }
        }
    }

    /// A fresh encryption or decryption. `Error::Argument` for GCM, which is no plain mode: see `gcm`.
    pub fn start(&self, mode: &Mode<'_>, direction: Direction) -> Result<Cipher> {
        let block = match mode {
            Mode::Ecb | Mode::Cbc(_) => BLOCK,
            Mode::Ctr(_) => 1,
            Mode::Gcm => return Err(Error::Argument),
        };
        Cipher::new(context(self, mode, direction)?, block)
    }

    /// A fresh encryption or decryption with feedback.
    pub fn feedback(
        &self,
        feedback: Feedback,
        iv: &[u8; BLOCK],
        direction: Direction,
    ) -> Result<Stream<Schedule, BLOCK>> {
        Stream::new(self.schedule(Direction::Encrypt)?, feedback, iv, direction)
    }

    /// The expanded key for single blocks in one direction.
    pub(crate) fn schedule(&self, direction: Direction) -> Result<Schedule> {
        let mut key = AES_KEY { rd_key: [0; 60], rounds: 0 };
        let bits = (self.0.len() * 8) as u32;
        let bytes = self.as_bytes().as_ptr();
        // SAFETY: `bytes` has `bits / 8` bytes and `key` is a writable AES_KEY.
        let code = unsafe {
            match direction {
                Direction::Encrypt => aws_lc_sys::AES_set_encrypt_key(bytes, bits, &mut key),
                Direction::Decrypt => aws_lc_sys::AES_set_decrypt_key(bytes, bits, &mut key),
            }
        };
        // These two functions answer 0 for success.
        succeed(c_int::from(code == 0), Error::KeySize)?;
        Ok(Schedule { key, direction })
    }

    /// One block, encrypted.
    pub fn encrypt_block(&self, block: &[u8; BLOCK]) -> Result<[u8; BLOCK]> {
        let mut output = *block;
        self.schedule(Direction::Encrypt)?.apply(&mut output);
        Ok(output)
    }
}

/// An expanded key, wiped when dropped.
pub struct Schedule {
    key: AES_KEY,
    direction: Direction,
}

impl Schedule {
    pub(crate) fn as_ptr(&self) -> *const AES_KEY {
        &self.key
    }

    /// Encrypts or decrypts one block in place.
    pub(crate) fn apply(&self, block: &mut [u8; BLOCK]) {
        let pointer = block.as_mut_ptr();
        // SAFETY: an expanded key of this direction; input and output are the same 16 bytes, which the engine allows.
        unsafe {
            match self.direction {
                Direction::Encrypt => aws_lc_sys::AES_encrypt(pointer, pointer, &self.key),
                Direction::Decrypt => aws_lc_sys::AES_decrypt(pointer, pointer, &self.key),
            }
        }
    }
}

impl EncryptBlock<BLOCK> for Schedule {
    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        self.apply(block);
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key.rd_key);
    }
}

/// A fresh engine context for the key, the mode and the direction.
pub(crate) fn context(key: &Key, mode: &Mode<'_>, direction: Direction) -> Result<Owned<EVP_CIPHER_CTX>> {
    let iv = match mode {
        Mode::Cbc(iv) | Mode::Ctr(iv) => Some(iv.as_slice()),
        Mode::Ecb | Mode::Gcm => None,
    };
    // SAFETY: a static cipher, a key of that cipher's length, and an IV of 16 bytes for the modes that read one.
    unsafe { cipher::context(key.engine_cipher(mode), key.as_bytes(), iv, direction) }
}
