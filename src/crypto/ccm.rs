//! AES in the mode Counter with CBC-MAC (SP 800-38C, RFC 3610). Composed of the engine's CBC and CTR, because the
//! engine's CCM takes the whole text in one call.

use zeroize::Zeroizing;

use super::aead::{Aead, TAG};
use super::aes::{BLOCK, Direction, Key, Mode};
use super::cipher::{BlockMode, Cipher};
use super::{Error, Result, equal};

/// Bytes that go through CBC at a time.
const CHUNK: usize = 64 * BLOCK;

/// A text of a length that was told before.
pub struct Ccm {
    cbc: Cipher,
    ctr: Cipher,
    /// The last block of CBC.
    mac: Zeroizing<[u8; BLOCK]>,
    /// The encrypted counter block of zero, which hides the MAC.
    mask: Zeroizing<[u8; BLOCK]>,
    direction: Direction,
    left: u64,
}

impl Ccm {
    /// `Error::Argument` unless the nonce has 7 to 13 bytes and the tag an even number from 4 to 16 of them;
    /// `Error::Length` for a text that the nonce leaves no room to count.
    pub fn new(
        key: &Key,
        direction: Direction,
        nonce: &[u8],
        aad: &[u8],
        text_len: u64,
        tag_len: usize,
    ) -> Result<Self> {
        if !(7..=13).contains(&nonce.len()) || !(4..=TAG).contains(&tag_len) || !tag_len.is_multiple_of(2) {
            return Err(Error::Argument);
        }
        let count_len = BLOCK - 1 - nonce.len();
        if count_len < 8 && text_len >> (8 * count_len) != 0 {
            return Err(Error::Length);
        }
        let flags = u8::from(!aad.is_empty()) << 6 | (((tag_len as u8 - 2) / 2) << 3) | (count_len as u8 - 1);
        let counter = |number| block(count_len as u8 - 1, nonce, number);
        let mut ccm = Self {
            cbc: key.start(&Mode::Cbc(&[0; BLOCK]), Direction::Encrypt)?,
            ctr: key.start(&Mode::Ctr(&counter(1)), Direction::Encrypt)?,
            mac: Zeroizing::new([0; BLOCK]),
            mask: Zeroizing::new(key.encrypt_block(&counter(0))?),
            direction,
            left: text_len,
        };
        ccm.absorb(&block(flags, nonce, text_len))?;
        ccm.authenticate(aad)?;
        Ok(ccm)
    }

    /// The additional data behind its length, filled up to whole blocks (SP 800-38C appendix A.2.2).
    fn authenticate(&mut self, aad: &[u8]) -> Result<()> {
        match aad.len() as u64 {
            0 => return Ok(()),
            length @ 1..0xff00 => self.absorb(&(length as u16).to_be_bytes())?,
            length @ 0xff00..=0xffff_ffff => {
                self.absorb(&[0xff, 0xfe])?;
                self.absorb(&(length as u32).to_be_bytes())?;
            }
            length => {
                self.absorb(&[0xff, 0xff])?;
                self.absorb(&length.to_be_bytes())?;
            }
        }
        self.absorb(aad)?;
        self.fill()
    }

    /// Takes bytes into the MAC.
    fn absorb(&mut self, bytes: &[u8]) -> Result<()> {
        let mut output = Zeroizing::new([0; CHUNK + BLOCK]);
        for part in bytes.chunks(CHUNK) {
            let written = self.cbc.update(part, output.as_mut_slice())?;
            if let Some((_, last)) = output.get(..written).and_then(<[u8]>::split_last_chunk) {
                *self.mac = *last;
            }
        }
        Ok(())
    }

    /// Fills the last block of the MAC with zeros.
    fn fill(&mut self) -> Result<()> {
        let missing = (BLOCK - self.cbc.buffered()) % BLOCK;
        self.absorb([0; BLOCK].get(..missing).unwrap_or_default())
    }
}

/// Flags, nonce and a number in the bytes that are left; it fits.
fn block(flags: u8, nonce: &[u8], number: u64) -> [u8; BLOCK] {
    let mut block = u128::from(number).to_be_bytes();
    for (place, byte) in block.iter_mut().zip([&[flags], nonce].concat()) {
        *place = byte;
    }
    block
}

impl Aead for Ccm {
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let output = output.get_mut(..input.len()).ok_or(Error::Buffer)?;
        self.left = self.left.checked_sub(input.len() as u64).ok_or(Error::Length)?;
        if self.direction == Direction::Encrypt {
            self.absorb(input)?;
        }
        let written = self.ctr.update(input, output)?;
        if self.direction == Direction::Decrypt {
            self.absorb(output)?;
        }
        Ok(written)
    }

    /// `Error::Length` where the text was shorter than told.
    fn tag(mut self) -> Result<[u8; TAG]> {
        if self.left != 0 {
            return Err(Error::Length);
        }
        self.fill()?;
        let mut tag = *self.mask;
        tag.iter_mut().zip(self.mac.iter()).for_each(|(place, byte)| *place ^= byte);
        Ok(tag)
    }

    fn verify(self, tag: &[u8]) -> Result<()> {
        let full = self.tag()?;
        let right = full.get(..tag.len()).is_some_and(|front| !tag.is_empty() && equal(front, tag));
        if right { Ok(()) } else { Err(Error::Decrypt) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_tags_and_texts_of_wrong_lengths_are_refused() {
        let key = Key::new(&[7; 16]).unwrap();
        let start = |nonce: usize, text, tag| {
            Ccm::new(&key, Direction::Encrypt, &vec![0; nonce], b"", text, tag).map(|_| ())
        };
        assert_eq!(start(13, 0xffff, 16), Ok(()));
        assert_eq!(start(13, 0x1_0000, 16), Err(Error::Length));
        assert_eq!(start(7, u64::MAX, 4), Ok(()));
        for nonce in [0, 6, 14, 16] {
            assert_eq!(start(nonce, 1, 16), Err(Error::Argument));
        }
        for tag in [0, 2, 3, 5, 15, 17, 18] {
            assert_eq!(start(12, 1, tag), Err(Error::Argument));
        }
    }

    #[test]
    fn a_text_is_as_long_as_told() {
        let key = Key::new(&[7; 16]).unwrap();
        let start = || Ccm::new(&key, Direction::Encrypt, &[0; 12], b"", 20, 16).unwrap();
        assert_eq!(start().update(&[0; 21], &mut [0; 21]), Err(Error::Length));
        assert_eq!(start().update(&[0; 20], &mut [0; 19]), Err(Error::Buffer));
        assert_eq!(start().tag(), Err(Error::Length));
        assert_eq!(start().verify(b""), Err(Error::Length));
    }
}
