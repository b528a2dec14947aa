//! Camellia (RFC 3713) and ARIA (RFC 5794), which the engine lacks, in the modes ECB, CBC and CTR (SP 800-38A), without
//! padding. Blocks of 16 bytes, keys of 128, 192 and 256 bits.

use std::sync::Arc;

use ::aria::{Aria128, Aria192, Aria256};
use ::camellia::cipher::consts::U16;
use ::camellia::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use ::camellia::{Camellia128, Camellia192, Camellia256};
use zeroize::Zeroizing;

use super::cipher::{BlockMode, Direction};
use super::feedback::EncryptBlock;
use super::{Error, Result};

/// The block in bytes.
pub const BLOCK: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Camellia,
    Aria,
}

/// A mode with its IV or first counter block.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    Ecb,
    Cbc(&'a [u8; BLOCK]),
    /// The whole block counts, big-endian.
    Ctr(&'a [u8; BLOCK]),
}

/// Single blocks, in place.
trait Blocks: Send + Sync {
    fn encrypt(&self, block: &mut [u8; BLOCK]);
    fn decrypt(&self, block: &mut [u8; BLOCK]);
}

impl<C> Blocks for C
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Send + Sync,
{
    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        self.encrypt_block(<&mut Array<u8, U16>>::from(block));
    }

    fn decrypt(&self, block: &mut [u8; BLOCK]) {
        self.decrypt_block(<&mut Array<u8, U16>>::from(block));
    }
}

impl EncryptBlock<BLOCK> for Key {
    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        self.0.encrypt(block);
    }
}

/// An expanded key.
#[derive(Clone)]
pub struct Key(Arc<dyn Blocks>);

impl Key {
    /// `Error::KeySize` unless the value has 16, 24 or 32 bytes.
    pub fn new(algorithm: Algorithm, value: &[u8]) -> Result<Self> {
        fn expanded<C: KeyInit + Blocks + 'static>(value: &[u8]) -> Result<Arc<dyn Blocks>> {
            Ok(Arc::new(C::new_from_slice(value).map_err(|_| Error::KeySize)?))
        }
        Ok(Self(match (algorithm, value.len()) {
            (Algorithm::Camellia, 16) => expanded::<Camellia128>(value)?,
            (Algorithm::Camellia, 24) => expanded::<Camellia192>(value)?,
            (Algorithm::Camellia, 32) => expanded::<Camellia256>(value)?,
            (Algorithm::Aria, 16) => expanded::<Aria128>(value)?,
            (Algorithm::Aria, 24) => expanded::<Aria192>(value)?,
            (Algorithm::Aria, 32) => expanded::<Aria256>(value)?,
            _ => return Err(Error::KeySize),
        }))
    }

    /// One block, encrypted.
    pub fn encrypt_block(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut output = *block;
        self.0.encrypt(&mut output);
        output
    }

    /// A fresh encryption or decryption.
    pub fn start(&self, mode: &Mode<'_>, direction: Direction) -> Cipher {
        let (unit, chain, chaining) = match mode {
            Mode::Ecb => (BLOCK, [0; BLOCK], Chaining::Ecb),
            Mode::Cbc(iv) => (BLOCK, **iv, Chaining::Cbc),
            Mode::Ctr(first) => (1, **first, Chaining::Ctr),
        };
        let held = Zeroizing::new([0; BLOCK]);
        // CTR begins with a used-up block of key stream.
        let held_len = if unit == 1 { BLOCK } else { 0 };
        Cipher { key: self.clone(), chaining, direction, unit, chain, held, held_len }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chaining {
    Ecb,
    Cbc,
    Ctr,
}

/// A cipher at work.
pub struct Cipher {
    key: Key,
    chaining: Chaining,
    direction: Direction,
    unit: usize,
    /// The last block of ciphertext, or the next counter block.
    chain: [u8; BLOCK],
    /// The front of the next block; in CTR the block of key stream.
    held: Zeroizing<[u8; BLOCK]>,
    held_len: usize,
}

impl Cipher {
    /// The held block, through the cipher.
    fn process(&mut self) -> [u8; BLOCK] {
        let mut block = *self.held;
        let mix = |block: &mut [u8; BLOCK], with: &[u8; BLOCK]| {
            block.iter_mut().zip(with).for_each(|(place, byte)| *place ^= byte);
        };
        match (self.chaining, self.direction) {
            (Chaining::Cbc, Direction::Encrypt) => {
                mix(&mut block, &self.chain);
                self.key.0.encrypt(&mut block);
                self.chain = block;
            }
            (Chaining::Cbc, Direction::Decrypt) => {
                self.key.0.decrypt(&mut block);
                mix(&mut block, &self.chain);
                self.chain = *self.held;
            }
            (_, Direction::Encrypt) => self.key.0.encrypt(&mut block),
            (_, Direction::Decrypt) => self.key.0.decrypt(&mut block),
        }
        block
    }

    /// The next byte of CTR's key stream.
    fn key_stream(&mut self) -> u8 {
        if self.held_len == BLOCK {
            *self.held = self.key.encrypt_block(&self.chain);
            self.chain = u128::from_be_bytes(self.chain).wrapping_add(1).to_be_bytes();
            self.held_len = 0;
        }
        let byte = self.held.get(self.held_len).copied().unwrap_or_default();
        self.held_len += 1;
        byte
    }
}

impl BlockMode for Cipher {
    fn block(&self) -> usize {
        self.unit
    }

    fn buffered(&self) -> usize {
        if self.chaining == Chaining::Ctr { 0 } else { self.held_len }
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let length = self.output_len(input.len());
        let output = output.get_mut(..length).ok_or(Error::Buffer)?;
        if self.chaining == Chaining::Ctr {
            output.iter_mut().zip(input).for_each(|(place, byte)| *place = byte ^ self.key_stream());
            return Ok(length);
        }
        let mut blocks = output.chunks_exact_mut(BLOCK);
        for byte in input {
            if let Some(place) = self.held.get_mut(self.held_len) {
                *place = *byte;
                self.held_len += 1;
            }
            if self.held_len == BLOCK {
                let block = Zeroizing::new(self.process());
                blocks.next().ok_or(Error::Buffer)?.copy_from_slice(block.as_slice());
                self.held_len = 0;
            }
        }
        Ok(length)
    }
}
