//! SHA-512/t (FIPS 180-4 section 5.3.6) for any t, and HMAC over it (FIPS 198-1). The engine knows t = 224 and 256
//! only; its SHA-512 does the work from other initial values.

use aws_lc_sys::SHA512_CTX;
use zeroize::{Zeroize, Zeroizing};

use super::digest::{Accumulate, Copyable, Value};
use super::{Error, Result, succeed};

/// The length of the whole SHA-512 in bytes.
const FULL: usize = 64;

/// The blocks that SHA-512 works on, in bytes.
const BLOCK: usize = 128;

/// What the initial values of SHA-512 are combined with to make those of the generation function.
const GENERATION: u64 = 0xa5a5_a5a5_a5a5_a5a5;

/// A digest of t bits in the making; wiped when dropped.
pub struct Sha512T {
    context: SHA512_CTX,
    bits: usize,
}

impl Sha512T {
    /// `Error::Argument` unless 0 < t < 512 and t is not 384.
    pub fn new(bits: u64) -> Result<Self> {
        let bits = match bits {
            384 => None,
            1..512 => usize::try_from(bits).ok(),
            _ => None,
        };
        let bits = bits.ok_or(Error::Argument)?;
        let mut generation = Self { context: initialised()?, bits: 8 * FULL };
        generation.context.h.iter_mut().for_each(|word| *word ^= GENERATION);
        generation.update(format!("SHA-512/{bits}").as_bytes())?;
        let mut digest = Self { context: initialised()?, bits };
        let initial = generation.whole()?;
        for (word, bytes) in digest.context.h.iter_mut().zip(initial.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        Ok(digest)
    }

    /// All 512 bits of the state.
    fn whole(mut self) -> Result<Zeroizing<[u8; FULL]>> {
        let mut output = Zeroizing::new([0; FULL]);
        // SAFETY: an initialised context of the full length, which writes 64 bytes.
        let code = unsafe { aws_lc_sys::SHA512_Final(output.as_mut_ptr(), &mut self.context) };
        succeed(code, Error::Engine)?;
        Ok(output)
    }
}

fn initialised() -> Result<SHA512_CTX> {
    let mut context = SHA512_CTX { h: [0; 8], Nl: 0, Nh: 0, p: [0; BLOCK], num: 0, md_len: 0 };
    // SAFETY: a writable context.
    let code = unsafe { aws_lc_sys::SHA512_Init(&mut context) };
    succeed(code, Error::Engine)?;
    Ok(context)
}

impl Copyable for Sha512T {
    fn try_clone(&self) -> Result<Self> {
        Ok(Self { context: self.context, bits: self.bits })
    }
}

impl Accumulate for Sha512T {
    /// t bits in whole bytes.
    fn output_len(&self) -> usize {
        self.bits.div_ceil(8)
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        // SAFETY: an initialised context; pointer and length are those of one live slice.
        let code = unsafe { aws_lc_sys::SHA512_Update(&mut self.context, data.as_ptr().cast(), data.len()) };
        succeed(code, Error::Engine)
    }

    /// The leftmost t bits; the bits that are left over in the last byte are zero.
    fn finish(self) -> Result<Value> {
        let (length, spare) = (self.output_len(), self.output_len() * 8 - self.bits);
        let mut whole = self.whole()?;
        let digest = whole.get_mut(..length).ok_or(Error::Engine)?;
        if let Some(last) = digest.last_mut() {
            *last &= 0xff << spare;
        }
        Value::copy_of(digest)
    }
}

impl Drop for Sha512T {
    fn drop(&mut self) {
        self.context.h.zeroize();
        self.context.p.zeroize();
    }
}

/// An HMAC over SHA-512/t in the making.
pub struct HmacSha512T {
    inner: Sha512T,
    outer: Sha512T,
}

impl HmacSha512T {
    /// `Error::Argument` unless t is one of SHA-512/t and a whole number of bytes: the inner digest is hashed again, and
    /// the hash takes bytes.
    pub fn new(bits: u64, key: &[u8]) -> Result<Self> {
        if !bits.is_multiple_of(8) {
            return Err(Error::Argument);
        }
        let mut inner = Sha512T::new(bits)?;
        let mut outer = Sha512T::new(bits)?;
        let hashed;
        let key = if key.len() > BLOCK {
            let mut hash = Sha512T::new(bits)?;
            hash.update(key)?;
            hashed = hash.finish()?;
            hashed.as_bytes()
        } else {
            key
        };
        let padded = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK]);
            block.iter_mut().zip(key).for_each(|(place, byte)| *place ^= byte);
            block
        };
        inner.update(&*padded(0x36))?;
        outer.update(&*padded(0x5c))?;
        Ok(Self { inner, outer })
    }
}

impl Accumulate for HmacSha512T {
    fn output_len(&self) -> usize {
        self.outer.output_len()
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.inner.update(data)
    }

    fn finish(mut self) -> Result<Value> {
        self.outer.update(self.inner.finish()?.as_bytes())?;
        self.outer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::digest::Hash;
    use crate::crypto::hmac::hmac;

    fn digest(bits: u64, data: &[u8]) -> Value {
        let mut hash = Sha512T::new(bits).unwrap();
        hash.update(data).unwrap();
        hash.finish().unwrap()
    }

    /// FIPS 180-4: the two lengths that the engine computes from published initial values.
    #[test]
    fn the_generated_initial_values_are_the_published_ones() {
        for data in [&b""[..], b"abc", &[0x61; 300]] {
            assert_eq!(digest(224, data).as_bytes(), Hash::Sha512_224.digest(data).unwrap().as_bytes());
            assert_eq!(digest(256, data).as_bytes(), Hash::Sha512_256.digest(data).unwrap().as_bytes());
        }
    }

    #[test]
    fn hmac_is_that_of_the_engine_where_the_engine_has_it() {
        for key in [&b""[..], b"key", &[7; 128], &[7; 129]] {
            for (bits, hash) in [(224, Hash::Sha512_224), (256, Hash::Sha512_256)] {
                let mut mac = HmacSha512T::new(bits, key).unwrap();
                mac.update(b"some ").unwrap();
                mac.update(b"data").unwrap();
                let expected = hmac(hash, key, b"some data").unwrap();
                assert_eq!(mac.finish().unwrap().as_bytes(), expected.as_bytes(), "{bits}");
            }
        }
    }

    #[test]
    fn a_length_that_the_standard_excludes_is_refused() {
        for bits in [0, 384, 512, 513, u64::MAX] {
            assert_eq!(Sha512T::new(bits).err(), Some(Error::Argument), "{bits}");
        }
        assert_eq!(HmacSha512T::new(100, b"key").err(), Some(Error::Argument));
    }

    #[test]
    fn a_length_in_bits_leaves_the_rest_of_the_last_byte_zero() {
        for bits in 1..512 {
            let Ok(mut hash) = Sha512T::new(bits) else { continue };
            hash.update(b"abc").unwrap();
            let value = hash.finish().unwrap();
            assert_eq!(value.as_bytes().len() as u64, bits.div_ceil(8));
            let spare = value.as_bytes().len() as u64 * 8 - bits;
            assert!(u64::from(value.as_bytes().last().unwrap().trailing_zeros()) >= spare, "{bits}");
        }
    }
}
