//! PKCS#7 padding around CBC (RFC 5652 section 6.3): each message ends in bytes, one to a block of them, that tell
//! their number.

use crate::crypto::cipher::BlockMode;
use crate::error::{Error, Result};
use crate::mechanism::operation::{Cipher, Length};
use crate::mechanism::put;

use zeroize::Zeroizing;

/// The largest block of any cipher, in bytes.
const MAX_BLOCK: usize = 16;

/// An encryption that pads.
pub(super) struct Padding<M> {
    cipher: M,
}

impl<M: BlockMode> Padding<M> {
    pub(super) fn new(cipher: M) -> Self {
        Self { cipher }
    }
}

impl<M: BlockMode> Cipher for Padding<M> {
    fn update_len(&self, input: usize) -> Length {
        Length::Exact(self.cipher.output_len(input))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        Ok(self.cipher.update(input, output)?)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(self.cipher.block())
    }

    fn finish(mut self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        let count = self.cipher.block() - self.cipher.buffered();
        let padding = [count as u8; MAX_BLOCK];
        Ok(self.cipher.update(padding.get(..count).ok_or(Error::GeneralError)?, output)?)
    }

    fn once_len(&self, input: usize) -> Length {
        let block = self.cipher.block();
        Length::Exact((input - input % block).saturating_add(block))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let written = self.cipher.update(input, output)?;
        let last = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + last)
    }
}

/// A decryption that takes the padding off. Up to one block of ciphertext is held back, as it may be the last.
pub(super) struct Unpadding<M> {
    cipher: M,
    held: [u8; MAX_BLOCK],
    held_len: usize,
}

impl<M: BlockMode> Unpadding<M> {
    pub(super) fn new(cipher: M) -> Self {
        Self { cipher, held: [0; MAX_BLOCK], held_len: 0 }
    }

    /// Bytes that may be decrypted when `input` more arrive: all whole blocks but the last.
    fn released(&self, input: usize) -> usize {
        let total = self.held_len.saturating_add(input);
        total.saturating_sub(1) / self.cipher.block() * self.cipher.block()
    }

    /// Keeps bytes for later; they fit by the arithmetic of `released`.
    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.held_len + bytes.len();
        self.held.get_mut(self.held_len..end).ok_or(Error::GeneralError)?.copy_from_slice(bytes);
        self.held_len = end;
        Ok(())
    }
}

impl<M: BlockMode> Cipher for Unpadding<M> {
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
        Length::AtMost(self.cipher.block() - 1)
    }

    fn finish(mut self: Box<Self>, output: &mut [u8]) -> Result<usize> {
        if self.held_len != self.cipher.block() {
            return Err(Error::EncryptedDataLenRange);
        }
        let mut block = Zeroizing::new([0; MAX_BLOCK]);
        let held = self.held.get(..self.held_len).ok_or(Error::GeneralError)?;
        let written = self.cipher.update(held, block.as_mut_slice())?;
        let block = block.get(..written).ok_or(Error::GeneralError)?;
        let length = unpad(block).ok_or(Error::EncryptedDataInvalid)?;
        put(block.get(..length).ok_or(Error::GeneralError)?, output)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::AtMost(input.saturating_sub(1))
    }

    fn once(mut self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if input.is_empty() || !input.len().is_multiple_of(self.cipher.block()) {
            return Err(Error::EncryptedDataLenRange);
        }
        let written = self.update(input, output)?;
        let last = self.finish(output.get_mut(written..).ok_or(Error::GeneralError)?)?;
        Ok(written + last)
    }
}

/// The bytes before the padding, or `None` for a wrong one. Looks at every byte whatever the padding says, so that
/// time tells nothing beyond right or wrong.
fn unpad(block: &[u8]) -> Option<usize> {
    let count = *block.last()?;
    let wrong = block.iter().rev().enumerate().fold(0, |sum, (index, byte)| {
        let counts = u8::from(index < usize::from(count)).wrapping_neg();
        sum | (counts & (byte ^ count))
    });
    let right = (wrong == 0) & (count != 0) & (usize::from(count) <= block.len());
    right.then(|| block.len() - usize::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_right_padding_comes_off() {
        for (length, count) in
            [8, 16].into_iter().flat_map(|length| (0..=255u8).map(move |count| (length, count)))
        {
            let mut block = vec![0x55; length];
            block.iter_mut().rev().take(usize::from(count)).for_each(|byte| *byte = count);
            block[length - 1] = count;
            let right = (1..=length).contains(&usize::from(count));
            assert_eq!(unpad(&block), right.then(|| length - usize::from(count)), "{count}");
            for place in length.saturating_sub(usize::from(count))..length - 1 {
                let mut wrong = block.clone();
                wrong[place] ^= 1;
                assert_eq!(unpad(&wrong), None);
            }
        }
    }
}
