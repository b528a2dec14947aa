//! Salsa20 with nonces of 64 bits and of 192 bits (XSalsa20), by RustCrypto: the engine does not have it.

use ::salsa20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};

use super::cipher::BlockMode;
use super::{Error, Result};

/// The length of a key in bytes.
pub const KEY: usize = 32;

/// The block of key stream in bytes.
const BLOCK: u128 = 64;

/// Salsa20 as a stream; its own inverse.
pub enum Salsa20 {
    Original(::salsa20::Salsa20),
    Extended(::salsa20::XSalsa20),
}

impl Salsa20 {
    /// `counter`: the first block of the key stream. `Error::KeySize` unless the key has 32 bytes, `Error::Argument`
    /// unless the nonce has 8 or 24.
    pub fn new(key: &[u8], nonce: &[u8], counter: u64) -> Result<Self> {
        if key.len() != KEY {
            return Err(Error::KeySize);
        }
        let place = u128::from(counter) * BLOCK;
        let wrong = |_| Error::Argument;
        Ok(match nonce.len() {
            8 => {
                let mut stream = ::salsa20::Salsa20::new_from_slices(key, nonce).map_err(wrong)?;
                stream.try_seek(place).map_err(|_| Error::Argument)?;
                Self::Original(stream)
            }
            24 => {
                let mut stream = ::salsa20::XSalsa20::new_from_slices(key, nonce).map_err(wrong)?;
                stream.try_seek(place).map_err(|_| Error::Argument)?;
                Self::Extended(stream)
            }
            _ => return Err(Error::Argument),
        })
    }
}

impl BlockMode for Salsa20 {
    fn block(&self) -> usize {
        1
    }

    fn buffered(&self) -> usize {
        0
    }

    /// `Error::Length` past the last block that the counter can tell.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let output = output.get_mut(..input.len()).ok_or(Error::Buffer)?;
        let applied = match self {
            Self::Original(stream) => stream.try_apply_keystream_b2b(input, output),
            Self::Extended(stream) => stream.try_apply_keystream_b2b(input, output),
        };
        applied.map(|()| input.len()).map_err(|_| Error::Length)
    }
}
