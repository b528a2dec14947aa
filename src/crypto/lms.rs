//! LMS and HSS: stateful hash-based signatures (RFC 8554, SP 800-208). This file verifies; `private` makes keys and signs with
//! a one-time key that the caller names, and it is the caller's duty to name none twice.
//!
//! A public key is the XDR encoding of RFC 8554: levels, LMS type, LM-OTS type, I and the root. Nothing of a signature is
//! believed before it has been compared with the key: types first, lengths next.

use super::digest::Value;
use super::hash_based::{Base, Function, Reader, digits};
use super::{Error, Result, equal};

mod private;
mod tree;

pub use private::{PrivateKey, generate, signatures};

/// Most levels of a key (RFC 8554 section 6).
const MAX_LEVELS: u64 = 8;
/// Bytes of I, the name of a tree.
const NAME_LEN: usize = 16;

/// What a hash is for (RFC 8554 section 7.1).
const D_PBLC: [u8; 2] = [0x80, 0x80];
const D_MESG: [u8; 2] = [0x81, 0x81];
const D_LEAF: [u8; 2] = [0x82, 0x82];
const D_INTR: [u8; 2] = [0x83, 0x83];

/// The hash functions in the order of the type numbers: SHA-256, SHA-256/192, SHAKE256/256, SHAKE256/192 (SP 800-208
/// sections 4.1 to 4.4).
const FUNCTIONS: [Function; 4] = [
    Function { base: Base::Sha256, length: 32 },
    Function { base: Base::Sha256, length: 24 },
    Function { base: Base::Shake256, length: 32 },
    Function { base: Base::Shake256, length: 24 },
];

/// A type of tree: `LMS_SHA256_M32_H5` is 5, then five heights for each function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TreeType {
    function: Function,
    height: u32,
}

impl TreeType {
    fn of(number: u64) -> Option<Self> {
        let place = usize::try_from(number.checked_sub(5)?).ok()?;
        let height = [5, 10, 15, 20, 25].get(place % 5)?;
        Some(Self { function: *FUNCTIONS.get(place / 5)?, height: *height })
    }

    /// What `of` takes.
    fn number(self) -> u32 {
        (5..=24).find(|number| Self::of(u64::from(*number)) == Some(self)).unwrap_or_default()
    }
}

/// A type of one-time signature: `LMOTS_SHA256_N32_W1` is 1, then four widths for each function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OneTimeType {
    function: Function,
    /// Bits of a digit.
    w: usize,
}

impl OneTimeType {
    fn of(number: u64) -> Option<Self> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        let w = [1, 2, 4, 8].get(place % 4)?;
        Some(Self { function: *FUNCTIONS.get(place / 4)?, w: *w })
    }

    /// What `of` takes.
    fn number(self) -> u32 {
        (1..=16).find(|number| Self::of(u64::from(*number)) == Some(self)).unwrap_or_default()
    }

    /// Steps of a chain from its beginning to its end.
    fn steps(self) -> u32 {
        (1 << self.w) - 1
    }

    /// Digits of a hash.
    fn hash_digits(self) -> usize {
        8 * self.function.length / self.w
    }

    /// Digits of the checksum, and how far it is shifted (RFC 8554 appendix B).
    fn checksum_digits(self) -> (usize, usize) {
        let most = ((1 << self.w) - 1) * self.hash_digits();
        let bits = (usize::BITS - most.leading_zeros()) as usize;
        let digits = bits.div_ceil(self.w);
        (digits, 16 - digits * self.w)
    }

    /// p: the chains of a signature.
    fn chains(self) -> usize {
        self.hash_digits() + self.checksum_digits().0
    }

    /// Q and its checksum as digits (RFC 8554 section 4.4).
    fn digits_of(self, hash: &[u8]) -> Vec<u32> {
        let mut all: Vec<u32> = digits(hash, self.w).collect();
        let sum: u32 = all.iter().map(|digit| self.steps() - digit).sum();
        let checksum = ((sum << self.checksum_digits().1) as u16).to_be_bytes();
        all.extend(digits(&checksum, self.w).take(self.checksum_digits().0));
        all
    }
}

/// Bytes of every signature of a tree (RFC 8554 section 5.4).
fn signature_len(kind: TreeType, one_time: OneTimeType) -> usize {
    12 + kind.function.length * (1 + one_time.chains() + kind.height as usize)
}

/// The public key of one tree.
struct Tree<'a> {
    kind: TreeType,
    one_time: OneTimeType,
    name: &'a [u8],
    root: &'a [u8],
}

impl<'a> Tree<'a> {
    /// `PublicKey`: unknown types, types of different hash functions, or too few bytes.
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let read = |reader: &mut Reader<'a>| {
            let kind = TreeType::of(reader.number(4)?).ok_or(Error::PublicKey)?;
            let one_time = OneTimeType::of(reader.number(4)?).ok_or(Error::PublicKey)?;
            let (name, root) = (reader.take(NAME_LEN)?, reader.take(kind.function.length)?);
            if kind.function != one_time.function {
                return Err(Error::PublicKey);
            }
            Ok(Self { kind, one_time, name, root })
        };
        read(reader).map_err(|_| Error::PublicKey)
    }

    /// Bytes of every signature under this key.
    fn signature_len(&self) -> usize {
        signature_len(self.kind, self.one_time)
    }

    /// Algorithm 6: takes a signature from the front. `Length`, `Signature`.
    fn verify(&self, signature: &mut Reader, message: &[u8]) -> Result<()> {
        let function = self.kind.function;
        let leaf = signature.number(4)?;
        if OneTimeType::of(signature.number(4)?) != Some(self.one_time) {
            return Err(Error::Signature);
        }
        let randomizer = signature.take(function.length)?;
        let chains = signature.take(function.length * self.one_time.chains())?;
        if TreeType::of(signature.number(4)?) != Some(self.kind) {
            return Err(Error::Signature);
        }
        let path = signature.take(function.length * self.kind.height as usize)?;
        let leaf = u32::try_from(leaf).map_err(|_| Error::Signature)?;
        if leaf >> self.kind.height != 0 {
            return Err(Error::Signature);
        }
        let key = self.one_time_key(leaf, randomizer, chains, message)?;
        let root = self.root_of(leaf, key.as_bytes(), path)?;
        if equal(root.as_bytes(), self.root) { Ok(()) } else { Err(Error::Signature) }
    }

    /// Algorithm 4b: the one-time public key that this signature belongs to.
    fn one_time_key(&self, leaf: u32, randomizer: &[u8], chains: &[u8], message: &[u8]) -> Result<Value> {
        let (function, leaf) = (self.kind.function, leaf.to_be_bytes());
        let hash = function.hash(&[self.name, &leaf, &D_MESG, randomizer, message])?;
        let digits = self.one_time.digits_of(hash.as_bytes());
        let mut ends = Vec::with_capacity(chains.len());
        for (index, (start, digit)) in (0_u16..).zip(chains.chunks_exact(function.length).zip(digits)) {
            let mut value = Value::copy_of(start)?;
            for step in digit..self.one_time.steps() {
                let place = [step as u8];
                value = function.hash(&[self.name, &leaf, &index.to_be_bytes(), &place, value.as_bytes()])?;
            }
            ends.extend_from_slice(value.as_bytes());
        }
        function.hash(&[self.name, &leaf, &D_PBLC, &ends])
    }

    /// The root above a leaf (Algorithm 6a, from step 3).
    fn root_of(&self, leaf: u32, key: &[u8], path: &[u8]) -> Result<Value> {
        let function = self.kind.function;
        let mut node = (1 << self.kind.height) + leaf;
        let mut value = function.hash(&[self.name, &node.to_be_bytes(), &D_LEAF, key])?;
        for sibling in path.chunks_exact(function.length) {
            let parent = (node / 2).to_be_bytes();
            let (left, right) =
                if node % 2 == 1 { (sibling, value.as_bytes()) } else { (value.as_bytes(), sibling) };
            value = function.hash(&[self.name, &parent, &D_INTR, left, right])?;
            node /= 2;
        }
        Ok(value)
    }
}

/// What a public key tells of itself: levels, and LMS and LM-OTS type of the top tree, as RFC 8554 and SP 800-208 number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub levels: u64,
    pub tree: u64,
    pub one_time: u64,
}

/// `PublicKey` for anything but a public key of HSS with one to eight levels.
pub fn parameters(public: &[u8]) -> Result<Parameters> {
    read(public)?;
    let mut reader = Reader(public);
    Ok(Parameters { levels: reader.number(4)?, tree: reader.number(4)?, one_time: reader.number(4)? })
}

/// The levels and the top tree of a public key.
fn read(public: &[u8]) -> Result<(u64, Tree<'_>)> {
    let mut reader = Reader(public);
    let levels = reader.number(4).map_err(|_| Error::PublicKey)?;
    let top = Tree::read(&mut reader)?;
    reader.end().map_err(|_| Error::PublicKey)?;
    if (1..=MAX_LEVELS).contains(&levels) { Ok((levels, top)) } else { Err(Error::PublicKey) }
}

/// HSS verification (RFC 8554 section 6.3). `Length` for a signature of a length that none can have, `Signature` for a wrong one,
/// `PublicKey`.
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<()> {
    let (levels, mut tree) = read(public)?;
    let mut reader = Reader(signature);
    if reader.number(4)? + 1 != levels {
        return Err(Error::Signature);
    }
    for _ in 1..levels {
        let mut below = Reader(reader.0);
        below.take(tree.signature_len())?;
        let signed = below.0;
        let next = Tree::read(&mut below).map_err(|_| Error::Signature)?;
        let signed = signed.get(..signed.len() - below.0.len()).ok_or(Error::Length)?;
        tree.verify(&mut reader, signed)?;
        reader = below;
        tree = next;
    }
    if reader.0.len() != tree.signature_len() {
        return Err(Error::Length);
    }
    tree.verify(&mut reader, message)
}

#[cfg(test)]
mod tests;
