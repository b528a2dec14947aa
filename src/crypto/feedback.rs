//! OFB and CFB (SP 800-38A sections 6.3 and 6.4) over any block cipher that encrypts a block. Own code, because the
//! engine has no CFB64 and none of these modes for DES.

use zeroize::Zeroizing;

use super::cipher::{BlockMode, Direction};
use super::{Error, Result};

/// A keyed block cipher with blocks of N bytes.
pub trait EncryptBlock<const N: usize>: Send {
    /// Encrypts one block in place.
    fn encrypt(&self, block: &mut [u8; N]);
}

/// Which feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// Output feedback of whole blocks.
    Ofb,
    /// Ciphertext feedback in segments of so many bytes, one to a block.
    Cfb(usize),
    /// Ciphertext feedback in segments of one bit.
    Cfb1,
}

/// An encryption or decryption with feedback; takes bytes as they come.
pub struct Stream<C, const N: usize> {
    cipher: C,
    feedback: Feedback,
    direction: Direction,
    /// What is encrypted next.
    register: Zeroizing<[u8; N]>,
    /// The encrypted register, of which a segment is used.
    output: Zeroizing<[u8; N]>,
    /// Bytes of the segment that are used.
    used: usize,
}

impl<C: EncryptBlock<N>, const N: usize> Stream<C, N> {
    /// `cipher` encrypts, whatever the direction. `Error::Argument` for segments of no byte or more than a block.
    pub(crate) fn new(cipher: C, feedback: Feedback, iv: &[u8; N], direction: Direction) -> Result<Self> {
        if matches!(feedback, Feedback::Cfb(length) if length == 0 || length > N) {
            return Err(Error::Argument);
        }
        let (register, output) = (Zeroizing::new(*iv), Zeroizing::new([0; N]));
        Ok(Self { cipher, feedback, direction, register, output, used: 0 })
    }

    fn ofb(&mut self, byte: u8) -> u8 {
        if self.used == 0 {
            self.cipher.encrypt(&mut self.register);
        }
        let key = self.register.get(self.used).copied().unwrap_or_default();
        self.used = (self.used + 1) % N;
        byte ^ key
    }

    /// At the start of a segment the register moves by its length; the ciphertext fills the gap.
    fn cfb(&mut self, byte: u8, segment: usize) -> u8 {
        if self.used == 0 {
            *self.output = *self.register;
            self.cipher.encrypt(&mut self.output);
            self.register.rotate_left(segment);
        }
        let result = byte ^ self.output.get(self.used).copied().unwrap_or_default();
        if let Some(place) = self.register.get_mut(N - segment + self.used) {
            *place = if self.direction == Direction::Encrypt { result } else { byte };
        }
        self.used = (self.used + 1) % segment;
        result
    }

    /// The highest bit first.
    fn cfb_1(&mut self, byte: u8) -> u8 {
        (0..8).rev().fold(0, |result, position| {
            *self.output = *self.register;
            self.cipher.encrypt(&mut self.output);
            let input = byte >> position & 1;
            let bit = input ^ self.output.first().copied().unwrap_or_default() >> 7;
            let mut carry = if self.direction == Direction::Encrypt { bit } else { input };
            for place in self.register.iter_mut().rev() {
                (*place, carry) = (*place << 1 | carry, *place >> 7);
            }
            result << 1 | bit
        })
    }
}

impl<C: EncryptBlock<N>, const N: usize> BlockMode for Stream<C, N> {
    fn block(&self) -> usize {
        1
    }

    fn buffered(&self) -> usize {
        0
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let output = output.get_mut(..input.len()).ok_or(Error::Buffer)?;
        for (place, byte) in output.iter_mut().zip(input) {
            *place = match self.feedback {
                Feedback::Ofb => self.ofb(*byte),
                Feedback::Cfb(segment) => self.cfb(*byte, segment),
                Feedback::Cfb1 => self.cfb_1(*byte),
            };
        }
        Ok(input.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::aes;

    #[test]
    fn segments_of_no_byte_or_more_than_a_block_are_refused() {
        let key = aes::Key::new(&[1; 16]).unwrap();
        for length in [0, 17] {
            let started = key.feedback(Feedback::Cfb(length), &[0; 16], Direction::Encrypt);
            assert_eq!(started.err(), Some(Error::Argument));
        }
        let mut stream = key.feedback(Feedback::Ofb, &[0; 16], Direction::Encrypt).unwrap();
        assert_eq!(stream.update(&[0; 9], &mut [0; 8]), Err(Error::Buffer));
    }
}
