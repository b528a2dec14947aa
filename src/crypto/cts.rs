//! AES-CBC with ciphertext stealing, the variant CS1 of the addendum to SP 800-38A.

use super::aes::{BLOCK, Direction, Key, Mode, Schedule};
use super::cipher::{BlockMode, Cipher, StealingMode};
use super::{Error, Result};
use zeroize::Zeroizing;

/// An encryption or decryption in CBC-CS1.
pub struct Cts {
    cbc: Cipher,
    /// For the last whole block of a decryption, which is not chained yet.
    single: Schedule,
    direction: Direction,
}

impl Cts {
    pub fn new(key: &Key, iv: &[u8; BLOCK], direction: Direction) -> Result<Self> {
        let cbc = key.start(&Mode::Cbc(iv), direction)?;
        Ok(Self { cbc, single: key.schedule(direction)?, direction })
    }

    /// The last block is filled with zeros; the block before it is cut to the length of the last.
    fn steal(&mut self, first: &[u8; BLOCK], rest: &[u8], output: &mut [u8]) -> Result<()> {
        let (mut before, mut filled) = ([0; BLOCK], Zeroizing::new([0; BLOCK]));
        self.cbc.update(first, &mut before)?;
        filled.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        let (cut, last) = output.split_at_mut_checked(rest.len()).ok_or(Error::Buffer)?;
        cut.iter_mut().zip(before).for_each(|(place, byte)| *place = byte);
        self.cbc.update(filled.as_slice(), last)?;
        Ok(())
    }

    /// The last block, decrypted alone, gives back what was cut from the block before it.
    fn give_back(&mut self, cut: &[u8], last: &[u8; BLOCK], output: &mut [u8]) -> Result<()> {
        let mut single = Zeroizing::new(*last);
        self.single.apply(&mut single);
        let (plaintext, rest) = output.split_at_mut_checked(BLOCK).ok_or(Error::Buffer)?;
        for ((place, byte), stolen) in rest.iter_mut().zip(single.iter()).zip(cut) {
            *place = byte ^ stolen;
        }
        single.iter_mut().zip(cut).for_each(|(place, byte)| *place = *byte);
        self.cbc.update(single.as_slice(), plaintext)?;
        Ok(())
    }
}

impl StealingMode for Cts {
    fn blocks(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.cbc.update(input, output).map(|_| ())
    }

    fn tail(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        if input.len() == BLOCK {
            return self.blocks(input, output);
        }
        match self.direction {
            Direction::Encrypt => {
                let (first, rest) = input.split_first_chunk().ok_or(Error::Length)?;
                self.steal(first, rest, output)
            }
            Direction::Decrypt => {
                let (cut, last) = input.split_last_chunk().ok_or(Error::Length)?;
                self.give_back(cut, last, output)
            }
        }
    }
}
