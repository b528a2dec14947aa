//! ChaCha20 with nonces of 64 bits (Bernstein), 96 bits (RFC 8439) and 192 bits (XChaCha20), alone and with Poly1305.

use zeroize::Zeroizing;

use crate::secret::Secret;

use super::aead::{Aead, Engine, TAG};
use super::cipher::{self, BlockMode, Direction};
use super::{Error, Result};

/// The length of a key in bytes.
pub const KEY: usize = 32;

/// The block of key stream in bytes.
const BLOCK: usize = 64;

/// The most text of ChaCha20-Poly1305 in bytes: 2^32 - 1 blocks (RFC 8439 section 2.8).
const MAX_TEXT: u64 = (u32::MAX as u64) * BLOCK as u64;

/// A key of 32 bytes.
pub struct Key(Secret);

impl Key {
    /// `Error::KeySize` unless the value has 32 bytes.
    pub fn new(value: &[u8]) -> Result<Self> {
        if value.len() == KEY { Ok(Self(Secret::copy_of(value))) } else { Err(Error::KeySize) }
    }

    /// HChaCha20: the key that XChaCha20 uses in place of this one. The engine does not offer it; it is the block of
    /// ChaCha20 without the last addition, which is taken off again.
    fn derived(&self, nonce: &[u8; 16]) -> Self {
        let words = |bytes: &[u8]| -> Vec<u32> {
            bytes
                .chunks_exact(4)
                .map(|word| word.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
                .collect()
        };
        let (counter, rest) = nonce.split_at(4);
        let mut block = Zeroizing::new([0; BLOCK]);
        let counter = words(counter).first().copied().unwrap_or_default();
        if let Ok(rest) = rest.try_into() {
            key_stream(self, rest, counter, &[0; BLOCK], block.as_mut_slice());
        }
        let added = [words(b"expand 32-byte k"), words(nonce)].concat();
        let (first, last) = (block.chunks_exact(16).next(), block.chunks_exact(16).next_back());
        let sums =
            Zeroizing::new([words(first.unwrap_or_default()), words(last.unwrap_or_default())].concat());
        let mut key = Secret::zeroed(KEY);
        for (place, (sum, added)) in key.as_mut_bytes().chunks_exact_mut(4).zip(sums.iter().zip(added)) {
            place.copy_from_slice(&sum.wrapping_sub(added).to_le_bytes());
        }
        Self(key)
    }
}

/// Mixes `input` with the key stream from a block on; the counter must not overflow.
fn key_stream(key: &Key, nonce: &[u8; 12], counter: u32, input: &[u8], output: &mut [u8]) {
    let length = input.len().min(output.len());
    // SAFETY: both slices have the length given and do not overlap; key and nonce have their only length.
    unsafe {
        aws_lc_sys::CRYPTO_chacha_20(
            output.as_mut_ptr(),
            input.as_ptr(),
            length,
            key.0.as_bytes().as_ptr(),
            nonce.as_ptr(),
            counter,
        );
    }
}

/// ChaCha20 as a stream; its own inverse.
pub struct ChaCha20 {
    key: Key,
    /// The last eight bytes of the nonce; behind the counter's upper half, or behind the nonce's first four bytes.
    nonce: [u8; 8],
    /// The first block that was not used, with the nonce's first four bytes above a counter of 32 bits.
    counter: u64,
    /// Blocks that may still be used.
    left: u128,
    /// The last block, of which `used` bytes are gone.
    block: Zeroizing<[u8; BLOCK]>,
    used: usize,
}

impl ChaCha20 {
    /// `counter`: the first block of the key stream. `Error::Argument` unless the nonce has 8, 12 or 24 bytes, and for a
    /// counter of more than 32 bits with a nonce of 12.
    pub fn new(key: &Key, nonce: &[u8], counter: u64) -> Result<Self> {
        let (head, tail) =
            nonce.split_last_chunk::<8>().map(|(head, tail)| (head, *tail)).ok_or(Error::Argument)?;
        let whole = u128::from(u64::MAX) + 1;
        let (key, counter, end) = match head.len() {
            0 => (Key(key.0.clone()), counter, whole),
            4 => {
                let low = u32::try_from(counter).map_err(|_| Error::Argument)?;
                let high = head.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                let start = high << 32 | u64::from(low);
                (Key(key.0.clone()), start, u128::from(high + 1) << 32)
            }
            16 => (key.derived(head.try_into().map_err(|_| Error::Argument)?), counter, whole),
            _ => return Err(Error::Argument),
        };
        let left = end - u128::from(counter);
        Ok(Self { key, nonce: tail, counter, left, block: Zeroizing::new([0; BLOCK]), used: BLOCK })
    }

    /// Whole blocks, up to the next overflow of the counter's lower half.
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let blocks = (input.len() / BLOCK) as u64;
        self.left = self.left.checked_sub(u128::from(blocks)).ok_or(Error::Length)?;
        let [high, low] = [(self.counter >> 32) as u32, self.counter as u32];
        let mut nonce = [0; 12];
        nonce
            .iter_mut()
            .zip([&high.to_le_bytes()[..], &self.nonce].concat())
            .for_each(|(place, byte)| *place = byte);
        key_stream(&self.key, &nonce, low, input, output);
        self.counter = self.counter.wrapping_add(blocks);
        Ok(())
    }

    /// Bytes from the last block.
    fn rest(&mut self, input: &[u8], output: &mut [u8]) {
        let stream = self.block.iter().skip(self.used);
        let mixed = output.iter_mut().zip(input.iter().zip(stream));
        self.used += mixed.map(|(place, (byte, stream))| *place = byte ^ stream).count();
    }
}

impl BlockMode for ChaCha20 {
    fn block(&self) -> usize {
        1
    }

    fn buffered(&self) -> usize {
        0
    }

    /// `Error::Length` past the last block that the counter can tell; nothing is written then.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let mut output = output.get_mut(..input.len()).ok_or(Error::Buffer)?;
        let held = BLOCK - self.used;
        if input.len().saturating_sub(held).div_ceil(BLOCK) as u128 > self.left {
            return Err(Error::Length);
        }
        let (now, mut input_left) = input.split_at(held.min(input.len()));
        let (first, rest) = output.split_at_mut(now.len());
        self.rest(now, first);
        output = rest;
        while input_left.len() >= BLOCK {
            let until_overflow = ((1u64 << 32) - (self.counter & 0xffff_ffff)).saturating_mul(BLOCK as u64);
            let most = usize::try_from(until_overflow).unwrap_or(usize::MAX);
            let length = (input_left.len() - input_left.len() % BLOCK).min(most);
            let (now, later) = input_left.split_at(length);
            let (place, rest) = output.split_at_mut(length);
            self.run(now, place)?;
            (input_left, output) = (later, rest);
        }
        if !input_left.is_empty() {
            let mut block = Zeroizing::new([0; BLOCK]);
            self.run(&[0; BLOCK], block.as_mut_slice())?;
            (self.block, self.used) = (block, 0);
            self.rest(input_left, output);
        }
        Ok(input.len())
    }
}

/// ChaCha20-Poly1305 (RFC 8439 section 2.8) and XChaCha20-Poly1305.
pub struct ChaCha20Poly1305(Engine);

impl ChaCha20Poly1305 {
    /// `Error::Argument` unless the nonce has 12 or 24 bytes.
    pub fn new(key: &Key, direction: Direction, nonce: &[u8], aad: &[u8]) -> Result<Self> {
        let (key, nonce) = match nonce.split_first_chunk::<16>() {
            Some((head, tail)) if tail.len() == 8 => (key.derived(head), [&[0; 4], tail].concat()),
            None if nonce.len() == 12 => (Key(key.0.clone()), nonce.to_vec()),
            _ => return Err(Error::Argument),
        };
        // SAFETY: takes nothing and answers a pointer to static data.
        let cipher = unsafe { aws_lc_sys::EVP_chacha20_poly1305() };
        // SAFETY: a static cipher with keys of 32 bytes and IVs of 12.
        let context = unsafe { cipher::context(cipher, key.0.as_bytes(), Some(&nonce), direction)? };
        let mut engine = Engine { context, left: MAX_TEXT };
        engine.authenticate(aad)?;
        Ok(Self(engine))
    }
}

impl Aead for ChaCha20Poly1305 {
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.0.update(input, output)
    }

    fn tag(self) -> Result<[u8; TAG]> {
        self.0.tag()
    }

    fn verify(self, tag: &[u8]) -> Result<()> {
        if tag.len() == TAG { self.0.verify(tag) } else { Err(Error::Argument) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(nonce: &[u8], counter: u64) -> ChaCha20 {
        let key: Vec<u8> = (0..32).collect();
        ChaCha20::new(&Key::new(&key).unwrap(), nonce, counter).unwrap()
    }

    fn bytes(stream: &mut ChaCha20, length: usize) -> Vec<u8> {
        let mut output = vec![0; length];
        stream.update(&vec![0; length], &mut output).unwrap();
        output
    }

    /// draft-irtf-cfrg-xchacha-03 section 2.2.1.
    #[test]
    fn the_derived_key_is_that_of_the_draft() {
        let key: Vec<u8> = (0..32).collect();
        let nonce = hex::decode("000000090000004a0000000031415927").unwrap();
        let derived = Key::new(&key).unwrap().derived(nonce.as_slice().try_into().unwrap());
        let expected = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc";
        assert_eq!(hex::encode(derived.0.as_bytes()), expected);
    }

    #[test]
    fn a_counter_of_64_bits_goes_over_the_edge_of_its_lower_half() {
        let edge = u64::from(u32::MAX);
        let mut across = stream(&[1; 8], edge - 1);
        let expected: Vec<u8> =
            (edge - 1..edge + 3).flat_map(|block| bytes(&mut stream(&[1; 8], block), 64)).collect();
        assert_eq!(bytes(&mut across, 256), expected);
        let upper = bytes(&mut stream(&[1; 8], edge + 1), 64);
        let same = stream(&[&[1, 0, 0, 0][..], &[1; 8]].concat(), 0);
        assert_eq!(bytes(&mut { same }, 64), upper);
    }

    #[test]
    fn the_key_stream_ends_with_the_counter() {
        for (nonce, last) in [(&[1; 12][..], u64::from(u32::MAX)), (&[1; 8], u64::MAX), (&[1; 24], u64::MAX)]
        {
            let mut at_the_end = stream(nonce, last - 1);
            assert_eq!(at_the_end.update(&[0; 129], &mut [0; 129]), Err(Error::Length));
            assert_eq!(at_the_end.update(&[0; 100], &mut [0; 100]), Ok(100));
            assert_eq!(at_the_end.update(&[0; 29], &mut [0; 29]), Err(Error::Length));
            assert_eq!(at_the_end.update(&[0; 28], &mut [0; 28]), Ok(28));
        }
    }

    #[test]
    fn wrong_nonces_counters_and_keys_are_refused() {
        let key = Key::new(&[7; 32]).unwrap();
        for length in (0..40).filter(|length| ![8, 12, 24].contains(length)) {
            assert_eq!(ChaCha20::new(&key, &vec![0; length], 0).err(), Some(Error::Argument));
        }
        assert_eq!(ChaCha20::new(&key, &[0; 12], 1 << 32).err(), Some(Error::Argument));
        for length in (0..40).filter(|length| ![12, 24].contains(length)) {
            let started = ChaCha20Poly1305::new(&key, Direction::Encrypt, &vec![0; length], b"");
            assert_eq!(started.err(), Some(Error::Argument));
        }
        for length in [0, 16, 31, 33] {
            assert_eq!(Key::new(&vec![0; length]).err(), Some(Error::KeySize));
        }
    }
}
