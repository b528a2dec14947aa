//! Poly1305 (RFC 8439 section 2.5): a MAC under a key that serves for one message only. The engine has it inside
//! ChaCha20-Poly1305 alone.

use ::poly1305::universal_hash::{KeyInit, UniversalHash};
use ::poly1305::{Block, Key, Poly1305 as State};
use zeroize::Zeroizing;

use super::digest::{Accumulate, Value};
use super::{Error, Result};

/// The length of a key in bytes.
pub const KEY: usize = 32;

/// The length of the MAC in bytes, and of the blocks that it is computed from.
pub const BLOCK: usize = 16;

/// A MAC in the making.
pub struct Poly1305 {
    state: State,
    /// The front of the next block.
    held: Zeroizing<Vec<u8>>,
}

impl Poly1305 {
    /// `Error::KeySize` unless the key has 32 bytes.
    pub fn new(key: &[u8]) -> Result<Self> {
        let key = <&[u8; KEY]>::try_from(key).map_err(|_| Error::KeySize)?;
        let state = State::new(<&Key>::from(key));
        Ok(Self { state, held: Zeroizing::new(Vec::with_capacity(BLOCK)) })
    }

    /// Takes in the held block if it is full.
    fn absorb_full(&mut self) {
        if let Ok(block) = <&[u8; BLOCK]>::try_from(self.held.as_slice()) {
            self.state.update(&[Block::from(*block)]);
            self.held.clear();
        }
    }
}

impl Accumulate for Poly1305 {
    fn output_len(&self) -> usize {
        BLOCK
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        let missing = (BLOCK - self.held.len()) % BLOCK;
        let (front, rest) = data.split_at(missing.min(data.len()));
        self.held.extend_from_slice(front);
        self.absorb_full();
        let (blocks, rest) = Block::slice_as_chunks(rest);
        self.state.update(blocks);
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn finish(self) -> Result<Value> {
        Value::copy_of(&self.state.compute_unpadded(&self.held))
    }
}
