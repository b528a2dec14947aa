//! DES and Triple DES with two or three keys (FIPS 46-3, SP 800-67) in the modes ECB and CBC, without padding.

use aws_lc_sys::{DES_cblock, DES_key_schedule, EVP_CIPHER};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

use super::cipher::{self, Cipher, Direction};
use super::feedback::{EncryptBlock, Feedback, Stream};
use super::{Error, Result};

/// The block of DES in bytes; also the length of one DES key with its parity bits.
pub const BLOCK: usize = 8;

/// One, two or three DES keys. Held as three: the first again where the third is missing (SP 800-67 section 3), and
/// one key three times, which makes E(D(E())) the same as E().
pub struct Key(Secret);

/// A mode with its IV.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    Ecb,
    Cbc(&'a [u8; BLOCK]),
}

impl Key {
    /// `Error::KeySize` unless the value has 8, 16 or 24 bytes. Parity bits are not looked at.
    pub fn new(value: &[u8]) -> Result<Self> {
        if !matches!(value.len(), 8 | 16 | 24) {
            return Err(Error::KeySize);
        }
        let mut bytes = Secret::zeroed(3 * BLOCK);
        bytes.as_mut_bytes().iter_mut().zip(value.iter().cycle()).for_each(|(place, byte)| *place = *byte);
        Ok(Self(bytes))
    }

    /// The three keys in a row.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The engine's description of the cipher: static, never NULL, for keys of 24 bytes.
    pub(crate) fn engine_cipher(&self, mode: &Mode<'_>) -> *const EVP_CIPHER {
        // SAFETY: these functions take nothing and answer pointers to static data.
        unsafe {
            match mode {
                Mode::Ecb => aws_lc_sys::EVP_des_ede3(),
                Mode::Cbc(_) => aws_lc_sys::EVP_des_ede3_cbc(),
            }
        }
    }

    /// A fresh encryption or decryption.
    pub fn start(&self, mode: &Mode<'_>, direction: Direction) -> Result<Cipher> {
        let iv = match mode {
            Mode::Ecb => None,
            Mode::Cbc(iv) => Some(iv.as_slice()),
        };
        // SAFETY: a static cipher, 24 bytes of key, and an IV of 8 bytes for the mode that reads one.
        let context = unsafe { cipher::context(self.engine_cipher(mode), self.as_bytes(), iv, direction)? };
        Cipher::new(context, BLOCK)
    }

    /// A fresh encryption or decryption with feedback.
    pub fn feedback(
        &self,
        feedback: Feedback,
        iv: &[u8; BLOCK],
        direction: Direction,
    ) -> Result<Stream<Schedule, BLOCK>> {
        Stream::new(self.schedule(), feedback, iv, direction)
    }

    /// The expanded key for the encryption of single blocks.
    pub(crate) fn schedule(&self) -> Schedule {
        let mut schedule = Schedule { keys: [DES_key_schedule { subkeys: [[0; 2]; 16] }; 3] };
        for (place, key) in schedule.keys.iter_mut().zip(self.as_bytes().chunks_exact(BLOCK)) {
            let key = key.as_ptr().cast::<DES_cblock>();
            // SAFETY: a key of 8 bytes, read without alignment, and a writable schedule.
            unsafe { aws_lc_sys::DES_set_key_unchecked(key, place) };
        }
        schedule
    }

    /// One block, encrypted.
    pub fn encrypt_block(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut output = *block;
        self.schedule().encrypt(&mut output);
        output
    }
}

/// An expanded key, wiped when dropped.
pub struct Schedule {
    keys: [DES_key_schedule; 3],
}

impl EncryptBlock<BLOCK> for Schedule {
    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        let [first, second, third] = &self.keys;
        let pointer = block.as_mut_ptr().cast::<DES_cblock>();
        // SAFETY: input and output are the same 8 bytes, which the engine reads in full before it writes; three
        // expanded keys.
        unsafe { aws_lc_sys::DES_ecb3_encrypt(pointer, pointer, first, second, third, 1) };
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.keys.iter_mut().for_each(|key| key.subkeys.zeroize());
    }
}

/// Sets the lowest bit of each byte so that the byte has an odd number of ones (FIPS 46-3).
pub fn set_odd_parity(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = (*byte & 0xfe) | u8::from((*byte >> 1).count_ones() % 2 == 0);
    }
}

/// Whether the keys in a row are fit for use: none is weak or semi-weak, and no two are equal, which would make Triple
/// DES the single one (SP 800-67 section 3.3). Parity bits do not count.
pub fn is_strong(value: &[u8]) -> bool {
    let mut value = Zeroizing::new(value.to_vec());
    set_odd_parity(&mut value);
    let keys = || value.chunks_exact(BLOCK);
    let weak = |key: &[u8]| {
        // SAFETY: a key of 8 bytes, read without alignment.
        unsafe { aws_lc_sys::DES_is_weak_key(key.as_ptr().cast::<DES_cblock>()) == 1 }
    };
    let repeated = keys().enumerate().any(|(index, key)| keys().skip(index + 1).any(|other| other == key));
    !repeated && !keys().any(weak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::cipher::BlockMode;

    fn run(key: &str, mode: &Mode<'_>, direction: Direction, input: &str) -> String {
        let input = hex::decode(input).unwrap();
        let mut output = vec![0; input.len()];
        let key = Key::new(&hex::decode(key).unwrap()).unwrap();
        assert_eq!(key.start(mode, direction).unwrap().update(&input, &mut output), Ok(input.len()));
        hex::encode(output)
    }

    /// FIPS 81 table B1 ("Now is the time for all ") and table C1.
    #[test]
    fn one_key_gives_the_examples_of_fips_81() {
        let (key, text) = ("0123456789abcdef", "4e6f77206973207468652074696d6520666f7220616c6c20");
        let ecb = "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53";
        assert_eq!(run(key, &Mode::Ecb, Direction::Encrypt, text), ecb);
        assert_eq!(run(key, &Mode::Ecb, Direction::Decrypt, ecb), text);
        let mode = Mode::Cbc(&[0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef]);
        let cbc = "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6";
        assert_eq!(run(key, &mode, Direction::Encrypt, text), cbc);
        assert_eq!(run(key, &mode, Direction::Decrypt, cbc), text);
    }

    /// SP 800-67 appendix B.1.
    #[test]
    fn three_keys_give_the_example_of_sp_800_67() {
        let key = "0123456789abcdef23456789abcdef01456789abcdef0123";
        let text = "5468652071756663 6b2062726f776e20 666f78206a756d70".replace(' ', "");
        let ecb = "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900";
        assert_eq!(run(key, &Mode::Ecb, Direction::Encrypt, &text), ecb);
        assert_eq!(run(key, &Mode::Ecb, Direction::Decrypt, ecb), text);
    }

    #[test]
    fn two_keys_are_three_of_which_the_last_is_the_first() {
        let (two, three) =
            ("0123456789abcdef23456789abcdef01", "0123456789abcdef23456789abcdef010123456789abcdef");
        let text = "00112233445566778899aabbccddeeff";
        let expected = run(three, &Mode::Ecb, Direction::Encrypt, text);
        assert_eq!(run(two, &Mode::Ecb, Direction::Encrypt, text), expected);
    }

    #[test]
    fn single_blocks_agree_with_the_mode() {
        for length in [8u8, 16, 24] {
            let value: Vec<u8> = (1..=length).collect();
            let key = Key::new(&value).unwrap();
            let block = key.encrypt_block(b"12345678");
            let by_mode =
                run(&hex::encode(&value), &Mode::Ecb, Direction::Encrypt, &hex::encode(b"12345678"));
            assert_eq!(hex::encode(block), by_mode);
        }
    }

    #[test]
    fn other_key_sizes_are_refused() {
        for length in (0..40).filter(|length| ![8, 16, 24].contains(length)) {
            assert_eq!(Key::new(&vec![1; length]).err(), Some(Error::KeySize));
        }
    }

    #[test]
    fn parity_makes_every_byte_odd_and_keeps_the_other_bits() {
        let mut bytes: Vec<u8> = (0..=255).collect();
        set_odd_parity(&mut bytes);
        for (index, byte) in bytes.into_iter().enumerate() {
            assert_eq!(byte.count_ones() % 2, 1);
            assert_eq!(usize::from(byte) & 0xfe, index & 0xfe);
        }
    }

    /// SP 800-67 revision 2 section 3.3.2 lists the weak and semi-weak keys.
    #[test]
    fn weak_and_repeated_keys_are_not_strong() {
        assert!(is_strong(&hex::decode("0123456789abcdef23456789abcdef01").unwrap()));
        for weak in [
            "0101010101010101",
            "fefefefefefefefe",
            "01fe01fe01fe01fe",
            "e0fee0fef1fef1fe",
            "0000000000000000",
        ] {
            assert!(!is_strong(&hex::decode(format!("0123456789abcdef{weak}")).unwrap()), "{weak}");
        }
        assert!(!is_strong(&hex::decode("0123456789abcdef0022456789abcdef0123456789abcdee").unwrap()));
    }
}
