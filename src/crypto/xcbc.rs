//! AES-XCBC-MAC (RFC 3566): a CBC-MAC that is sound for messages of any length. Superseded by CMAC.

use zeroize::Zeroizing;

use super::aes::{self, BLOCK};
use super::cbc_mac::CbcMac;
use super::cipher::Direction;
use super::digest::{Accumulate, Value};
use super::{Error, Result};

/// The length of a key in bytes.
pub const KEY: usize = 16;

/// A MAC in the making.
pub struct Xcbc {
    chain: CbcMac<aes::Schedule, BLOCK>,
    /// Masks the last block where it is full.
    full: Zeroizing<[u8; BLOCK]>,
    /// Masks the last block where it is padded.
    padded: Zeroizing<[u8; BLOCK]>,
}

impl Xcbc {
    /// `Error::KeySize` for a key of other than 128 bits: the RFC defines no other.
    pub fn new(key: &aes::Key) -> Result<Self> {
        if key.as_bytes().len() != KEY {
            return Err(Error::KeySize);
        }
        let derived = |number: u8| key.encrypt_block(&[number; BLOCK]).map(Zeroizing::new);
        let chaining = aes::Key::new(&*derived(1)?)?;
        Ok(Self {
            chain: CbcMac::new(chaining.schedule(Direction::Encrypt)?),
            full: derived(2)?,
            padded: derived(3)?,
        })
    }
}

impl Accumulate for Xcbc {
    fn output_len(&self) -> usize {
        BLOCK
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.chain.take(data);
        Ok(())
    }

    /// A last block that is not full ends in a one bit and zeros (RFC 3566 section 4).
    fn finish(self) -> Result<Value> {
        let Self { chain, full, padded } = self;
        let mac = chain.end(|block, length| {
            let mask = if length == BLOCK { full } else { padded };
            let padding = std::iter::once(0x80).chain(std::iter::repeat(0));
            block.iter_mut().skip(length).zip(padding).for_each(|(place, byte)| *place = byte);
            block.iter_mut().zip(mask.iter()).for_each(|(place, byte)| *place ^= byte);
        });
        Value::copy_of(&*mac)
    }
}
