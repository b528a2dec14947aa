//! AES in the mode XTS (IEEE 1619, SP 800-38E). Own code over the engine's ECB, because the engine has XTS for 256 bits
//! alone and takes a data unit in one call.

use super::aes::{BLOCK, Direction, Key as AesKey, Mode, Schedule};
use super::cipher::{BlockMode, Cipher, StealingMode};
use super::{Error, Result, equal};
use zeroize::Zeroizing;

/// The most blocks of one data unit (SP 800-38E section 4).
const MAX_BLOCKS: u64 = 1 << 20;

/// Bytes that go through the engine at a time.
const CHUNK: usize = 64 * BLOCK;

/// A key of 32 or 64 bytes: one half for the data, the other for the tweak.
pub struct Key {
    data: AesKey,
    tweak: AesKey,
}

impl Key {
    /// `Error::KeySize` unless the value has 32 or 64 bytes, `Error::Key` for equal halves (FIPS 140-3 IG C.I).
    pub fn new(value: &[u8]) -> Result<Self> {
        if !matches!(value.len(), 32 | 64) {
            return Err(Error::KeySize);
        }
        let (data, tweak) = value.split_at(value.len() / 2);
        if equal(data, tweak) {
            return Err(Error::Key);
        }
        Ok(Self { data: AesKey::new(data)?, tweak: AesKey::new(tweak)? })
    }
}

/// The encryption or decryption of one data unit.
pub struct Xts {
    ecb: Cipher,
    single: Schedule,
    tweak: u128,
    direction: Direction,
    left: u64,
}

impl Xts {
    /// `number`: the data unit's sequence number, least significant byte first.
    pub fn new(key: &Key, number: &[u8; BLOCK], direction: Direction) -> Result<Self> {
        let tweak = u128::from_le_bytes(key.tweak.encrypt_block(number)?);
        let ecb = key.data.start(&Mode::Ecb, direction)?;
        Ok(Self { ecb, single: key.data.schedule(direction)?, tweak, direction, left: MAX_BLOCKS })
    }

    /// One block under a tweak.
    fn block(&self, block: &mut [u8; BLOCK], tweak: u128) {
        *block = (u128::from_le_bytes(*block) ^ tweak).to_le_bytes();
        self.single.apply(block);
        *block = (u128::from_le_bytes(*block) ^ tweak).to_le_bytes();
    }

    /// Takes blocks off those that the data unit may still have.
    fn count(&mut self, blocks: usize) -> Result<()> {
        self.left = self.left.checked_sub(blocks as u64).ok_or(Error::Length)?;
        Ok(())
    }
}

/// The tweak of the next block: multiplied by alpha in GF(2^128).
fn next(tweak: u128) -> u128 {
    tweak << 1 ^ if tweak >> 127 == 1 { 0x87 } else { 0 }
}

/// Mixes each block with its tweak; answers the tweak behind the last.
fn mix(bytes: &mut [u8], mut tweak: u128) -> u128 {
    for block in bytes.chunks_exact_mut(BLOCK) {
        for (place, byte) in block.iter_mut().zip(tweak.to_le_bytes()) {
            *place ^= byte;
        }
        tweak = next(tweak);
    }
    tweak
}

impl StealingMode for Xts {
    fn blocks(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.count(input.len() / BLOCK)?;
        let mut mixed = Zeroizing::new([0; CHUNK]);
        for (input, output) in input.chunks(CHUNK).zip(output.chunks_mut(CHUNK)) {
            let mixed = mixed.get_mut(..input.len()).ok_or(Error::Length)?;
            mixed.copy_from_slice(input);
            mix(mixed, self.tweak);
            self.ecb.update(mixed, output)?;
            self.tweak = mix(output, self.tweak);
        }
        Ok(())
    }

    fn tail(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        if input.len() == BLOCK {
            return self.blocks(input, output);
        }
        self.count(2)?;
        let (first, rest) = input.split_first_chunk::<BLOCK>().ok_or(Error::Length)?;
        // A decryption meets the two tweaks in the other order.
        let (this, that) = match self.direction {
            Direction::Encrypt => (self.tweak, next(self.tweak)),
            Direction::Decrypt => (next(self.tweak), self.tweak),
        };
        let mut block = Zeroizing::new(*first);
        self.block(&mut block, this);
        let (whole, cut) = output.split_at_mut_checked(BLOCK).ok_or(Error::Buffer)?;
        for ((place, byte), input) in cut.iter_mut().zip(block.iter_mut()).zip(rest) {
            (*place, *byte) = (*byte, *input);
        }
        self.block(&mut block, that);
        whole.copy_from_slice(block.as_slice());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypt(key: &Key, number: &[u8; BLOCK], input: &[u8]) -> Result<Vec<u8>> {
        let mut output = vec![0; input.len()];
        let mut xts = Xts::new(key, number, Direction::Encrypt)?;
        let split = (input.len() / BLOCK - 1) * BLOCK;
        xts.blocks(&input[..split], &mut output[..split])?;
        xts.tail(&input[split..], &mut output[split..])?;
        Ok(output)
    }

    /// The engine's XTS-AES-256, which takes whole data units.
    fn by_the_engine(key: &[u8; 64], number: &[u8; BLOCK], input: &[u8]) -> Vec<u8> {
        let (mut output, mut length) = (vec![0; input.len()], 0);
        // SAFETY: a static cipher with 64 bytes of key and 16 of IV; it writes as many bytes as it reads.
        let code = unsafe {
            let cipher = aws_lc_sys::EVP_aes_256_xts();
            let mut context =
                crate::crypto::cipher::context(cipher, key, Some(number), Direction::Encrypt).unwrap();
            aws_lc_sys::EVP_CipherUpdate(
                context.as_mut_ptr(),
                output.as_mut_ptr(),
                &mut length,
                input.as_ptr(),
                input.len() as i32,
            )
        };
        assert_eq!((code, length as usize), (1, input.len()));
        output
    }

    #[test]
    fn the_engine_agrees_on_every_length() {
        let bytes: Vec<u8> = (0..3000u32).map(|number| (number * 37 / 8) as u8).collect();
        let key: [u8; 64] = bytes[..64].try_into().unwrap();
        let number = bytes[100..116].try_into().unwrap();
        for length in (16..100).chain([1024, 1040, 1041, 2047, 2999]) {
            let ours = encrypt(&Key::new(&key).unwrap(), &number, &bytes[..length]);
            assert_eq!(ours, Ok(by_the_engine(&key, &number, &bytes[..length])), "{length}");
        }
    }

    #[test]
    fn wrong_sizes_and_equal_halves_are_no_keys() {
        for length in [0, 16, 31, 33, 48, 63, 65] {
            let value: Vec<u8> = (0..length).collect();
            assert_eq!(Key::new(&value).err(), Some(Error::KeySize));
        }
        for length in [32, 64] {
            assert_eq!(Key::new(&vec![7; length]).err(), Some(Error::Key));
        }
    }

    #[test]
    fn a_data_unit_has_no_more_blocks_than_sp_800_38e_allows() {
        let value: Vec<u8> = (0..32).collect();
        let mut xts = Xts::new(&Key::new(&value).unwrap(), &[0; 16], Direction::Encrypt).unwrap();
        xts.left = 3;
        assert_eq!(xts.blocks(&[0; 64], &mut [0; 64]), Err(Error::Length));
        assert_eq!(xts.blocks(&[0; 32], &mut [0; 32]), Ok(()));
        assert_eq!(xts.tail(&[0; 17], &mut [0; 17]), Err(Error::Length));
        assert_eq!(xts.tail(&[0; 16], &mut [0; 16]), Ok(()));
    }
}
