//! PKCS#7 padding around CBC (RFC 5652 section 6.3): each message ends in 1 to 16 bytes that tell their number.

use crate::crypto::aes::{self, BLOCK};
use crate::error::{Error, Result};
use crate::mechanism::operation::{Cipher, Length};
use crate::mechanism::put;

use zeroize::Zeroizing;

/// An encryption that pads.
pub(super) struct Padding {
    cipher: aes::Cipher,
}

impl Padding {
    pub(super) fn new(cipher: aes::Cipher) -> Self {
        Self { cipher }
    }
}

impl Cipher for Padding {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(self.cipher.output_len(input))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        Ok(self.cipher.update(input, output)?)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(BLOCK)
    }

    fn finish(mut self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        let count = BLOCK - self.cipher.buffered() % BLOCK;
        let padding = [count as u8; BLOCK];
        Ok(self.cipher.update(padding.get(..count).unwrap_or(&padding), output)?)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact((input - input % BLOCK).saturating_add(BLOCK))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let written = self.cipher.update(input, output)?;
        let last = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + last)
    }
}

/// A decryption that takes the padding off. Up to one block of ciphertext is held back, as it may be the last.
pub(super) struct Unpadding {
    cipher: aes::Cipher,
    held: [u8; BLOCK],
    held_len: usize,
}

impl Unpadding {
    pub(super) fn new(cipher: aes::Cipher) -> Self {
        Self { cipher, held: [0; BLOCK], held_len: 0 }
    }

    /// Bytes that may be decrypted when `input` more arrive: all whole blocks but the last.
    fn released(&self, input: usize) -> usize {
        let total = self.held_len.saturating_add(input);
        total.saturating_sub(1) / BLOCK * BLOCK
    }

    /// Keeps bytes for later; they fit by the arithmetic of `released`.
    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.held_len + bytes.len();
        self.held.get_mut(self.held_len..end).ok_or(Error::GeneralError)?.copy_from_slice(bytes);
        self.held_len = end;
        Ok(())
    }
}

impl Cipher for Unpadding {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(self.released(input))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let released = self.released(input.len());
        if released == 0 {
            self.hold(input)?;
            return Ok(0);
        }
        let (now, later) = input.split_at_checked(released - self.held_len).ok_or(Error::GeneralError)?;
        let held = self.held.get(..self.held_len).ok_or(Error::GeneralError)?;
        let first = self.cipher.update(held, output)?;
        let second = self.cipher.update(now, output.get_mut(first..).ok_or(Error::GeneralError)?)?;
        self.held_len = 0;
        self.hold(later)?;
        Ok(first + second)
    }

    fn finish_len(&self) -> Length {
        Length::AtMost(BLOCK - 1)
    }

    fn finish(mut self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        if self.held_len != BLOCK {
            return Err(Error::EncryptedDataLenRange);
        }
        let mut block = Zeroizing::new([0; BLOCK]);
        self.cipher.update(&self.held, block.as_mut_slice())?;
        let length = unpad(&block).ok_or(Error::EncryptedDataInvalid)?;
        put(block.get(..length).ok_or(Error::GeneralError)?, output)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::AtMost(input.saturating_sub(1))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if input.is_empty() || !input.len().is_multiple_of(BLOCK) {
            return Err(Error::EncryptedDataLenRange);
        }
        let written = self.update(input, output)?;
        let last = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + last)
    }
}

/// The bytes before the padding, or `None` for a wrong one. Looks at every byte whatever the padding says, so that
/// time tells nothing beyond right or wrong.
fn unpad(block: &[u8; BLOCK]) -> Option<usize> {
    let count = block[BLOCK - 1];
    let wrong = block.iter().rev().enumerate().fold(0, |sum, (index, byte)| {
        let counts = u8::from(index < usize::from(count)).wrapping_neg();
        sum | (counts & (byte ^ count))
    });
    let right = (wrong == 0) & (count != 0) & (usize::from(count) <= BLOCK);
    right.then(|| BLOCK - usize::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_right_padding_comes_off() {
        for count in 0..=255u8 {
            let mut block = [0x55; BLOCK];
            block.iter_mut().rev().take(usize::from(count)).for_each(|byte| *byte = count);
            block[BLOCK - 1] = count;
            let right = (1..=16).contains(&count);
            assert_eq!(unpad(&block), right.then(|| BLOCK - usize::from(count)), "{count}");
            for place in BLOCK.saturating_sub(usize::from(count))..BLOCK - 1 {
                let mut wrong = block;
                wrong[place] ^= 1;
                assert_eq!(unpad(&wrong), None);
            }
        }
    }
}
