//! BLAKE2b (RFC 7693) with digests of 160, 256, 384 and 512 bits, without a key or keyed as a MAC. The engine has
//! only the digest of 256 bits.

use ::blake2::Blake2bMac;
use ::blake2::digest::consts::{U20, U32, U48, U64};
use ::blake2::digest::{FixedOutput, Update};

use super::digest::{Accumulate, Copyable, Value};
use super::{Error, Result};

/// The longest key in bytes (RFC 7693 section 2.1).
pub const MAX_KEY: usize = 64;

/// The length of a digest or MAC; it goes into the computation, so that a shorter one is not the front of a longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Bits160,
    Bits256,
    Bits384,
    Bits512,
}

impl Size {
    /// In bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Size::Bits160 => 20,
            Size::Bits256 => 32,
            Size::Bits384 => 48,
            Size::Bits512 => 64,
        }
    }
}

/// A BLAKE2b digest or MAC in the making; wiped when dropped.
#[derive(Clone)]
pub enum Blake2b {
    Bits160(Blake2bMac<U20>),
    Bits256(Blake2bMac<U32>),
    Bits384(Blake2bMac<U48>),
    Bits512(Blake2bMac<U64>),
}

impl Blake2b {
    /// The digest, which has no key.
    pub fn digest(size: Size) -> Result<Self> {
        Self::new(size, None)
    }

    /// The MAC. `Error::KeySize` unless the key has 1 to 64 bytes.
    pub fn keyed(size: Size, key: &[u8]) -> Result<Self> {
        match key.len() {
            1..=MAX_KEY => Self::new(size, Some(key)),
            _ => Err(Error::KeySize),
        }
    }

    fn new(size: Size, key: Option<&[u8]>) -> Result<Self> {
        let refused = |_| Error::KeySize;
        Ok(match size {
            Size::Bits160 => {
                Self::Bits160(Blake2bMac::new_with_salt_and_personal(key, &[], &[]).map_err(refused)?)
            }
            Size::Bits256 => {
                Self::Bits256(Blake2bMac::new_with_salt_and_personal(key, &[], &[]).map_err(refused)?)
            }
            Size::Bits384 => {
                Self::Bits384(Blake2bMac::new_with_salt_and_personal(key, &[], &[]).map_err(refused)?)
            }
            Size::Bits512 => {
                Self::Bits512(Blake2bMac::new_with_salt_and_personal(key, &[], &[]).map_err(refused)?)
            }
        })
    }

    fn size(&self) -> Size {
        match self {
            Self::Bits160(_) => Size::Bits160,
            Self::Bits256(_) => Size::Bits256,
            Self::Bits384(_) => Size::Bits384,
            Self::Bits512(_) => Size::Bits512,
        }
    }
}

impl Copyable for Blake2b {
    fn try_clone(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Accumulate for Blake2b {
    fn output_len(&self) -> usize {
        self.size().output_len()
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        match self {
            Self::Bits160(state) => state.update(data),
            Self::Bits256(state) => state.update(data),
            Self::Bits384(state) => state.update(data),
            Self::Bits512(state) => state.update(data),
        }
        Ok(())
    }

    fn finish(self) -> Result<Value> {
        match self {
            Self::Bits160(state) => Value::copy_of(&state.finalize_fixed()),
            Self::Bits256(state) => Value::copy_of(&state.finalize_fixed()),
            Self::Bits384(state) => Value::copy_of(&state.finalize_fixed()),
            Self::Bits512(state) => Value::copy_of(&state.finalize_fixed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(size: Size, data: &[u8]) -> String {
        let mut state = Blake2b::digest(size).unwrap();
        state.update(data).unwrap();
        hex::encode(state.finish().unwrap())
    }

    /// RFC 7693 appendix A.
    #[test]
    fn the_example_of_rfc_7693_comes_out() {
        assert_eq!(
            digest(Size::Bits512, b"abc"),
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
             7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
        );
    }

    /// The engine's own BLAKE2b-256 is another implementation.
    #[test]
    fn the_256_bit_digest_is_that_of_the_engine() {
        for length in [0, 1, 127, 128, 129, 256, 1000] {
            let data = vec![0x5a; length];
            let mut expected = [0; 32];
            // SAFETY: reads `length` bytes and writes 32.
            unsafe { aws_lc_sys::BLAKE2B256(data.as_ptr().cast(), length, expected.as_mut_ptr()) };
            assert_eq!(digest(Size::Bits256, &data), hex::encode(expected), "{length}");
        }
    }

    #[test]
    fn a_key_has_one_to_sixty_four_bytes() {
        assert_eq!(Blake2b::keyed(Size::Bits256, &[]).err(), Some(Error::KeySize));
        assert_eq!(Blake2b::keyed(Size::Bits256, &[1; 65]).err(), Some(Error::KeySize));
        assert!(Blake2b::keyed(Size::Bits160, &[1; 64]).is_ok());
    }
}
