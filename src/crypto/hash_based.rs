//! What the hash-based signatures LMS and XMSS share: hash functions that are cut to n bytes, and a reader of what others have
//! written.

#[cfg(test)]
pub(super) mod testing;

use super::digest::{Hash, Hasher, Value};
use super::shake::Shake;
use super::{Error, Result};

/// A stateful scheme, as key files name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stateful {
    Hss,
    Xmss,
    XmssMt,
}

impl Stateful {
    pub const ALL: &'static [Stateful] = &[Stateful::Hss, Stateful::Xmss, Stateful::XmssMt];

    /// The contents of the object identifier: id-alg-hss-lms-hashsig 1.2.840.113549.1.9.16.3.17 (RFC 9708),
    /// id-alg-xmss-hashsig 1.3.6.1.5.5.7.6.34 and id-alg-xmssmt-hashsig 1.3.6.1.5.5.7.6.35 (RFC 9802).
    pub fn oid(self) -> &'static [u8] {
        match self {
            Stateful::Hss => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x11],
            Stateful::Xmss => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x06, 0x22],
            Stateful::XmssMt => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x06, 0x23],
        }
    }
}

/// The function under a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Sha256,
    Sha512,
    Shake128,
    Shake256,
}

/// A hash function of `length` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub base: Base,
    pub length: usize,
}

impl Function {
    /// The hash of the parts, one behind the other.
    pub fn hash(self, parts: &[&[u8]]) -> Result<Value> {
        let hash = match self.base {
            Base::Sha256 => Hash::Sha256,
            Base::Sha512 => Hash::Sha512,
            Base::Shake128 => return self.shake(Shake::Bits128, parts),
            Base::Shake256 => return self.shake(Shake::Bits256, parts),
        };
        let mut hasher = Hasher::new(hash)?;
        for part in parts {
            hasher.update(part)?;
        }
        let digest = hasher.finish()?;
        if digest.as_bytes().len() == self.length {
            return Ok(digest);
        }
        Value::copy_of(digest.as_bytes().get(..self.length).ok_or(Error::Length)?)
    }

    /// The hash of a few bytes, without an allocation where the engine allows it: for the millions of a tree. Answers what
    /// counts of `place`.
    pub fn hash_short<'a>(self, data: &[u8], place: &'a mut [u8; 32]) -> Result<&'a [u8]> {
        let cut = place.get_mut(..self.length).ok_or(Error::Length)?;
        match self.base {
            Base::Sha256 => {
                // SAFETY: pointer and length are those of one live slice; the engine writes 32 bytes, which `place` has.
                unsafe { aws_lc_sys::SHA256(data.as_ptr(), data.len(), place.as_mut_ptr()) };
            }
            Base::Shake256 => Shake::Bits256.expand(data, cut)?,
            Base::Sha512 | Base::Shake128 => return Err(Error::Unsupported),
        }
        place.get(..self.length).ok_or(Error::Length)
    }

    fn shake(self, function: Shake, parts: &[&[u8]]) -> Result<Value> {
        let mut shaker = function.start(self.length)?;
        for part in parts {
            shaker.update(part)?;
        }
        shaker.finish()
    }
}

/// Bytes that are taken from the front. `Length`: there are too few.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Error::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned big-endian integer of up to eight bytes.
    pub fn number(&mut self, count: usize) -> Result<u64> {
        Ok(self.take(count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// `Length`: something is left.
    pub fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Length) }
    }
}

/// The digits of `bytes` in the base 2^w, most significant first. w is 1, 2, 4 or 8.
pub(super) fn digits(bytes: &[u8], w: usize) -> impl Iterator<Item = u32> {
    let per_byte = 8 / w;
    let mask = (1_u32 << w) - 1;
    bytes
        .iter()
        .flat_map(move |byte| (1..=per_byte).map(move |place| u32::from(*byte) >> (8 - w * place) & mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_from_the_left() {
        let read = |w| digits(&[0b1011_0001], w).collect::<Vec<_>>();
        assert_eq!(read(1), [1, 0, 1, 1, 0, 0, 0, 1]);
        assert_eq!(read(2), [2, 3, 0, 1]);
        assert_eq!(read(4), [11, 1]);
        assert_eq!(read(8), [0b1011_0001]);
    }

    #[test]
    fn a_reader_ends_where_the_bytes_end() {
        let mut reader = Reader(&[0, 0, 1, 2, 7]);
        assert_eq!(reader.number(4), Ok(258));
        assert_eq!(reader.take(2), Err(Error::Length));
        assert_eq!(reader.take(1), Ok(&[7][..]));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn the_short_way_to_a_hash_is_the_same_hash() {
        for base in [Base::Sha256, Base::Shake256] {
            for length in [24, 32] {
                let function = Function { base, length };
                let whole = function.hash(&[b"ab", b"c"]).unwrap();
                assert_eq!(function.hash_short(b"abc", &mut [0; 32]).unwrap(), whole.as_bytes());
            }
        }
    }

    #[test]
    fn a_hash_is_cut_to_its_length() {
        let cut = Function { base: Base::Sha256, length: 24 };
        let whole = Hash::Sha256.digest(b"abc").unwrap();
        assert_eq!(cut.hash(&[b"a", b"bc"]).unwrap().as_bytes(), &whole.as_bytes()[..24]);
    }
}
