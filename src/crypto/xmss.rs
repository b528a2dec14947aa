//! XMSS and XMSS^MT: verification of stateful hash-based signatures (RFC 8391, SP 800-208). Keys are not made and signatures not
//! given: whoever copies a private key signs twice with the same one-time key.
//!
//! A public key is the number of its parameter set in four bytes, the root and the public seed (RFC 8391 section 4.1.7).

use super::digest::{MAX_LEN, Value};
use super::hash_based::{Base, Function, Reader, digits};
use super::{Error, Result, equal};

/// Which of the two schemes; each numbers its parameter sets anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Xmss,
    XmssMt,
}

/// A parameter set of RFC 8391 section 5 or SP 800-208 section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterSet {
    scheme: Scheme,
    function: Function,
    /// Bytes of the number before each input that tells what a hash is for.
    prefix_len: usize,
    /// The height of all layers together.
    height: u32,
    layers: u32,
}

/// Digits have four bits (w = 16).
const W: usize = 4;
/// The chains of the checksum, three for every set.
const CHECKSUM_CHAINS: usize = 3;

/// The heights of XMSS, and heights with layers of XMSS^MT, in the order of the numbers.
const XMSS: [(u32, u32); 3] = [(10, 1), (16, 1), (20, 1)];
const XMSS_MT: [(u32, u32); 8] = [(20, 2), (20, 4), (40, 2), (40, 4), (40, 8), (60, 3), (60, 6), (60, 12)];

/// Functions in the order of the numbers, with the length of their prefix: those of RFC 8391 (SHA2_256, SHA2_512, SHAKE_256,
/// SHAKE_512), then those of SP 800-208 (SHA2_192, SHAKE256_256, SHAKE256_192).
const FUNCTIONS: [(Function, usize); 7] = [
    (Function { base: Base::Sha256, length: 32 }, 32),
    (Function { base: Base::Sha512, length: 64 }, 64),
    (Function { base: Base::Shake128, length: 32 }, 32),
    (Function { base: Base::Shake256, length: 64 }, 64),
    (Function { base: Base::Sha256, length: 24 }, 4),
    (Function { base: Base::Shake256, length: 32 }, 32),
    (Function { base: Base::Shake256, length: 24 }, 4),
];

impl ParameterSet {
    /// The set with this number; `None` where there is none.
    pub fn of(scheme: Scheme, number: u64) -> Option<Self> {
        let sizes: &[(u32, u32)] = match scheme {
            Scheme::Xmss => &XMSS,
            Scheme::XmssMt => &XMSS_MT,
        };
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        let (height, layers) = *sizes.get(place % sizes.len())?;
        let (function, prefix_len) = *FUNCTIONS.get(place / sizes.len())?;
        Some(Self { scheme, function, prefix_len, height, layers })
    }

    /// Bytes of a public key.
    pub fn public_len(self) -> usize {
        4 + 2 * self.function.length
    }

    /// Bytes of the index in a signature.
    fn index_len(self) -> usize {
        match self.scheme {
            Scheme::Xmss => 4,
            Scheme::XmssMt => self.height.div_ceil(8) as usize,
        }
    }

    /// len: the chains of a one-time signature.
    fn chains(self) -> usize {
        8 * self.function.length / W + CHECKSUM_CHAINS
    }

    fn layer_height(self) -> u32 {
        self.height / self.layers
    }

    /// Bytes of every signature.
    pub fn signature_len(self) -> usize {
        let values = 1 + self.layers as usize * self.chains() + self.height as usize;
        self.index_len() + self.function.length * values
    }
}

/// What a hash address is for (RFC 8391 section 2.5).
const ONE_TIME: u32 = 0;
const L_TREE: u32 = 1;
const HASH_TREE: u32 = 2;

/// A hash address as its eight words: layer, tree (two), type, and four whose meaning the type tells.
#[derive(Clone, Copy)]
struct Address([u32; 8]);

impl Address {
    fn new(layer: u32, tree: u64) -> Self {
        Self([layer, (tree >> 32) as u32, tree as u32, 0, 0, 0, 0, 0])
    }

    /// An address of this kind. The three words: OTS address, chain, hash; L-tree address, height, index; or zero, height,
    /// index.
    fn at(self, kind: u32, [first, second, third]: [u32; 3]) -> Self {
        let [layer, high, low, ..] = self.0;
        Self([layer, high, low, kind, first, second, third, 0])
    }

    /// The bytes, with keyAndMask.
    fn bytes(self, key_and_mask: u32) -> [u8; 32] {
        let mut words = self.0;
        words[7] = key_and_mask;
        let mut bytes = [0; 32];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

/// The hash functions of a key (RFC 8391 section 5.1).
struct Hashes<'a> {
    set: ParameterSet,
    /// The public seed.
    seed: &'a [u8],
}

impl Hashes<'_> {
    /// The hash of `toByte(purpose, prefix) || parts`.
    fn hash(&self, purpose: u8, parts: [&[u8]; 3]) -> Result<Value> {
        let mut prefix = [0; MAX_LEN];
        let prefix = prefix.get_mut(..self.set.prefix_len).ok_or(Error::Length)?;
        if let Some(last) = prefix.last_mut() {
            *last = purpose;
        }
        self.set.function.hash(&[prefix, parts[0], parts[1], parts[2]])
    }

    fn prf(&self, address: Address, key_and_mask: u32) -> Result<Value> {
        self.hash(3, [self.seed, &address.bytes(key_and_mask), &[]])
    }

    /// Steps of a chain (RFC 8391 algorithm 2) from `start` to the end, 15.
    fn chain(&self, value: &[u8], start: u32, address: [u32; 2], tree: Address) -> Result<Value> {
        let mut value = Value::copy_of(value)?;
        for step in start..(1 << W) - 1 {
            let address = tree.at(ONE_TIME, [address[0], address[1], step]);
            let (key, mask) = (self.prf(address, 0)?, self.prf(address, 1)?);
            let masked = xor(value.as_bytes(), mask.as_bytes());
            value = self.hash(0, [key.as_bytes(), masked.as_bytes()?, &[]])?;
        }
        Ok(value)
    }

    /// RAND_HASH (algorithm 7).
    fn node(&self, left: &[u8], right: &[u8], address: Address) -> Result<Value> {
        let key = self.prf(address, 0)?;
        let left = xor(left, self.prf(address, 1)?.as_bytes());
        let right = xor(right, self.prf(address, 2)?.as_bytes());
        self.hash(1, [key.as_bytes(), left.as_bytes()?, right.as_bytes()?])
    }

    /// The leaf to which a one-time signature of a message of n bytes belongs (algorithms 6 and 8).
    fn leaf(&self, message: &[u8], signature: &[u8], index: u32, tree: Address) -> Result<Value> {
        let mut all: Vec<u32> = digits(message, W).collect();
        let sum: u32 = all.iter().map(|digit| 15 - digit).sum();
        let checksum = ((sum << 4) as u16).to_be_bytes();
        all.extend(digits(&checksum, W).take(CHECKSUM_CHAINS));
        let starts = signature.chunks_exact(self.set.function.length).zip(all);
        let mut nodes: Vec<Value> = (0..)
            .zip(starts)
            .map(|(chain, (value, digit))| self.chain(value, digit, [index, chain], tree))
            .collect::<Result<_>>()?;
        let mut height = 0;
        while nodes.len() > 1 {
            let mut above = Vec::with_capacity(nodes.len().div_ceil(2));
            for (place, pair) in (0..).zip(nodes.chunks(2)) {
                above.push(match pair {
                    [left, right] => {
                        let address = tree.at(L_TREE, [index, height, place]);
                        self.node(left.as_bytes(), right.as_bytes(), address)?
                    }
                    rest => rest.first().cloned().ok_or(Error::Length)?,
                });
            }
            nodes = above;
            height += 1;
        }
        nodes.pop().ok_or(Error::Length)
    }

    /// The root of a tree from a signature of a message of n bytes in it (algorithm 13).
    fn root(&self, message: &[u8], signature: &[u8], index: u32, tree: Address) -> Result<Value> {
        let n = self.set.function.length;
        let (one_time, path) = signature.split_at_checked(n * self.set.chains()).ok_or(Error::Length)?;
        let mut value = self.leaf(message, one_time, index, tree)?;
        for (height, sibling) in (0..).zip(path.chunks_exact(n)) {
            let address = tree.at(HASH_TREE, [0, height, index >> (height + 1)]);
            value = match index >> height & 1 {
                0 => self.node(value.as_bytes(), sibling, address)?,
                _ => self.node(sibling, value.as_bytes(), address)?,
            };
        }
        Ok(value)
    }
}

/// Two values of equal length, bit by bit.
fn xor(left: &[u8], right: &[u8]) -> Masked {
    let mut bytes = [0; MAX_LEN];
    let pairs = left.iter().zip(right);
    for (place, (left, right)) in bytes.iter_mut().zip(pairs) {
        *place = left ^ right;
    }
    Masked { bytes, length: left.len().min(right.len()) }
}

struct Masked {
    bytes: [u8; MAX_LEN],
    length: usize,
}

impl Masked {
    fn as_bytes(&self) -> Result<&[u8]> {
        self.bytes.get(..self.length).ok_or(Error::Length)
    }
}

/// The parameter set of a public key and its number. `PublicKey`: an unknown number, or another length.
pub fn parameter_set(scheme: Scheme, public: &[u8]) -> Result<(u64, ParameterSet)> {
    let number = Reader(public).number(4).map_err(|_| Error::PublicKey)?;
    let set = ParameterSet::of(scheme, number).ok_or(Error::PublicKey)?;
    if public.len() == set.public_len() { Ok((number, set)) } else { Err(Error::PublicKey) }
}

/// XMSS and XMSS^MT verification (algorithms 14 and 17). `Length` for a signature of another length than those of the key,
/// `Signature` for a wrong one, `PublicKey`.
pub fn verify(scheme: Scheme, public: &[u8], message: &[u8], signature: &[u8]) -> Result<()> {
    let (_, set) = parameter_set(scheme, public)?;
    if signature.len() != set.signature_len() {
        return Err(Error::Length);
    }
    let n = set.function.length;
    let mut reader = Reader(public);
    reader.take(4)?;
    let (root, seed) = (reader.take(n)?, reader.take(n)?);
    let hashes = Hashes { set, seed };
    let mut reader = Reader(signature);
    let index = reader.number(set.index_len())?;
    if index >> set.height != 0 {
        return Err(Error::Signature);
    }
    let mut padded_index = [0; MAX_LEN];
    let padded_index = padded_index.get_mut(..n).ok_or(Error::Length)?;
    padded_index.get_mut(n - 8..).ok_or(Error::Length)?.copy_from_slice(&index.to_be_bytes());
    let key = [reader.take(n)?, root, padded_index].concat();
    let mut value = hashes.hash(2, [&key, message, &[]])?;
    let (mut tree, height) = (index, set.layer_height());
    for layer in 0..set.layers {
        let leaf = (tree & ((1 << height) - 1)) as u32;
        tree >>= height;
        let part = reader.take(n * (set.chains() + height as usize))?;
        value = hashes.root(value.as_bytes(), part, leaf, Address::new(layer, tree))?;
    }
    if equal(value.as_bytes(), root) { Ok(()) } else { Err(Error::Signature) }
}

#[cfg(test)]
mod tests;
