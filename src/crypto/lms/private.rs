//! Private keys of HSS (RFC 8554 section 6): what they are kept as, and signatures with the one-time key of a given index.
//!
//! Everything follows from one name (I) and one seed: the trees below the first as well. The upper nodes of the first tree are
//! kept with the key, so that a process which starts anew computes the part below one of them and not the whole. The
//! trees below are computed when they are needed, which bounds their heights.

use std::sync::Arc;

use super::tree::{Heap, PrivateTree};
use super::{MAX_LEVELS, NAME_LEN, OneTimeType, Tree, TreeType, signature_len};
use crate::crypto::hash_based::{Base, Reader};
use crate::crypto::{Error, Result, equal, random};
use crate::lock::RwLock;
use crate::secret::Secret;

/// What the encoding of a private key begins with.
const VERSION: u8 = 1;
/// The lowest nodes that are kept are so deep at most.
const MAX_DEPTH: u32 = 8;
/// The most hashes of the first tree: minutes. Heights of 25 with wide digits would take hours.
const MAX_TOP_WORK: u64 = 1 << 34;
/// The most hashes of a tree below: a second, in the middle of a signature.
const MAX_LOWER_WORK: u64 = 1 << 24;
/// So many hashes of SHA-256 take as long as one of SHAKE256.
const SHAKE_COST: u64 = 8;
/// The logarithm of the most signatures that are counted.
const MAX_SIGNATURES_LOG: u32 = 63;

type Types = (TreeType, OneTimeType);

/// What the signatures of one level come from, for as long as they come from the same tree, or the same part of the first one.
struct Branch {
    /// Which tree of its level it is; of the first tree, which part.
    number: u64,
    tree: Arc<PrivateTree>,
    nodes: Heap,
    /// The signature of this tree by the one above, and its public key; empty for the first.
    signed: Vec<u8>,
}

/// A private key with what it has computed so far.
pub struct PrivateKey {
    levels: Vec<Types>,
    top: Arc<PrivateTree>,
    /// The nodes of the first tree that are kept.
    crown: Heap,
    /// The branch of each level that was used last.
    branches: RwLock<Vec<Option<Arc<Branch>>>>,
}

/// The hashes that it takes to make a tree, SHA-256 counted as one.
fn work((kind, one_time): Types) -> u64 {
    let cost = if kind.function.base == Base::Sha256 { 1 } else { SHAKE_COST };
    (one_time.chains() as u64 * u64::from(one_time.steps() + 1) * cost) << kind.height
}

/// The types of the levels, by the numbers of RFC 8554 and SP 800-208. Errors: `Parameters` for none or too many levels, an
/// unknown type, or different hash functions (SP 800-208 section 4 wants one for all levels).
fn levels_of(numbers: &[(u64, u64)]) -> Result<Vec<Types>> {
    let levels: Option<Vec<Types>> = numbers
        .iter()
        .map(|(kind, one_time)| Some((TreeType::of(*kind)?, OneTimeType::of(*one_time)?)))
        .collect();
    let levels = levels.ok_or(Error::Parameters)?;
    let (first, _) = *levels.first().ok_or(Error::Parameters)?;
    let alike =
        |(kind, one_time): &Types| kind.function == first.function && one_time.function == first.function;
    if levels.len() as u64 > MAX_LEVELS || !levels.iter().all(alike) {
        return Err(Error::Parameters);
    }
    Ok(levels)
}

/// How many signatures a key with trees of these LMS types gives: one for each leaf of the lowest level, and not more than
/// 2^63. `None` for an unknown type.
pub fn signatures(types: &[u64]) -> Option<u64> {
    let heights: Option<Vec<u32>> = types.iter().map(|kind| Some(TreeType::of(*kind)?.height)).collect();
    Some(1 << heights?.iter().sum::<u32>().min(MAX_SIGNATURES_LOG))
}

/// How deep the nodes are that are kept of the first tree.
fn depth((kind, _): Types) -> u32 {
    (kind.height / 2).min(MAX_DEPTH)
}

/// Makes a private key: LMS and LM-OTS type of each level, the first tree first. The first tree is computed here, which takes
/// from milliseconds to minutes. Errors: `Parameters` as said at `levels_of`, `KeySize` for trees that take too long.
pub fn generate(numbers: &[(u64, u64)]) -> Result<PrivateKey> {
    let levels = levels_of(numbers)?;
    let most = std::iter::once(MAX_TOP_WORK).chain(std::iter::repeat(MAX_LOWER_WORK));
    if levels.iter().zip(most).any(|(types, most)| work(*types) > most) {
        return Err(Error::KeySize);
    }
    let n = levels.first().map_or(0, |(kind, _)| kind.function.length);
    let mut name = [0; NAME_LEN];
    random::fill(&mut name)?;
    PrivateKey::from_seed(levels, name, random::secret(n)?)
}

impl PrivateKey {
    fn from_seed(levels: Vec<Types>, name: [u8; NAME_LEN], seed: Secret) -> Result<Self> {
        let types = *levels.first().ok_or(Error::Parameters)?;
        let top = PrivateTree { kind: types.0, one_time: types.1, name, seed };
        let mut lowest = Vec::new();
        for node in 1_u32 << depth(types)..2 << depth(types) {
            lowest.extend_from_slice(top.below_node(node)?.root()?);
        }
        let crown = top.above(&lowest, depth(types))?;
        Ok(Self { levels, top: Arc::new(top), crown, branches: RwLock::default() })
    }

    /// The key as it is kept: a version (one byte), the number of levels (one byte), LMS and LM-OTS type of each level (four bytes
    /// each, big-endian), I, the seed, and the nodes of the first tree at half its height, eight at most. The state is kept
    /// by who calls.
    pub fn encode(&self) -> Secret {
        let mut bytes = vec![VERSION, self.levels.len() as u8];
        for (kind, one_time) in &self.levels {
            bytes.extend_from_slice(&kind.number().to_be_bytes());
            bytes.extend_from_slice(&one_time.number().to_be_bytes());
        }
        let parts = [&bytes[..], &self.top.name, self.top.seed.as_bytes(), self.crown.bottom()];
        Secret::new(parts.concat())
    }

    /// The key that was kept so. Errors: `Key`.
    pub fn decode(value: &[u8]) -> Result<Self> {
        Self::read(Reader(value)).map_err(|_| Error::Key)
    }

    fn read(mut reader: Reader) -> Result<Self> {
        if reader.number(1)? != u64::from(VERSION) {
            return Err(Error::Key);
        }
        let count = reader.number(1)?;
        let numbers: Result<Vec<_>> =
            (0..count).map(|_| Ok((reader.number(4)?, reader.number(4)?))).collect();
        let levels = levels_of(&numbers?)?;
        let types = *levels.first().ok_or(Error::Key)?;
        let name = *reader.take(NAME_LEN)?.first_chunk().ok_or(Error::Key)?;
        let seed = Secret::copy_of(reader.take(types.0.function.length)?);
        let top = PrivateTree { kind: types.0, one_time: types.1, name, seed };
        let crown = top.above(reader.take(types.0.function.length << depth(types))?, depth(types))?;
        reader.end()?;
        Ok(Self { levels, top: Arc::new(top), crown, branches: RwLock::default() })
    }

    /// The public key (RFC 8554 section 6.1).
    pub fn public(&self) -> Result<Vec<u8>> {
        let levels = (self.levels.len() as u32).to_be_bytes();
        Ok([&levels[..], &self.top.public(self.crown.root()?)].concat())
    }

    /// LMS and LM-OTS type of each level.
    pub fn types(&self) -> Vec<(u64, u64)> {
        let numbers = |(kind, one_time): &Types| (u64::from(kind.number()), u64::from(one_time.number()));
        self.levels.iter().map(numbers).collect()
    }

    /// As the function of this name.
    pub fn signatures(&self) -> u64 {
        1 << self.height_from(0).min(MAX_SIGNATURES_LOG)
    }

    /// Bytes of every signature.
    pub fn signature_len(&self) -> usize {
        let trees: usize = self.levels.iter().map(|(kind, one_time)| signature_len(*kind, *one_time)).sum();
        let public = |(kind, _): &Types| 8 + NAME_LEN + kind.function.length;
        4 + trees + self.levels.iter().skip(1).map(public).sum::<usize>()
    }

    /// The heights of this level and those below.
    fn height_from(&self, level: usize) -> u32 {
        self.levels.iter().skip(level).map(|(kind, _)| kind.height).sum()
    }

    /// Which tree of a level the index belongs to, and which leaf of it.
    fn place(&self, level: usize, index: u64) -> (u64, u32) {
        let height = self.levels.get(level).map_or(0, |(kind, _)| kind.height);
        let leaf = index.checked_shr(self.height_from(level + 1)).unwrap_or(0);
        (leaf >> height, (leaf & ((1 << height) - 1)) as u32)
    }

    /// Signs with the one-time key of this index (RFC 8554 section 6.2): two messages with one index give the key away. Errors:
    /// `Argument` for an index that the key does not have, `Engine` where a tree does not come out as it did before.
    pub fn sign(&self, index: u64, message: &[u8]) -> Result<Vec<u8>> {
        let (kind, _) = self.levels.last().ok_or(Error::Key)?;
        self.sign_with(index, random::secret(kind.function.length)?.as_bytes(), message)
    }

    fn sign_with(&self, index: u64, randomizer: &[u8], message: &[u8]) -> Result<Vec<u8>> {
        if index >= self.signatures() {
            return Err(Error::Argument);
        }
        let mut signature = Vec::new();
        signature.try_reserve_exact(self.signature_len())?;
        signature.extend_from_slice(&(self.levels.len() as u32).saturating_sub(1).to_be_bytes());
        let (_, mut leaf) = self.place(0, index);
        let mut branch = self.top_branch(leaf)?;
        for level in 1..self.levels.len() {
            let (number, below) = self.place(level, index);
            branch = self.branch_below(level, number, &branch, leaf)?;
            signature.extend_from_slice(&branch.signed);
            leaf = below;
        }
        signature.extend_from_slice(&self.signed_by(&branch, leaf, randomizer, message)?);
        Ok(signature)
    }

    /// A whole signature of one tree.
    fn signed_by(&self, branch: &Branch, leaf: u32, randomizer: &[u8], message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = branch.tree.sign(leaf, randomizer, message)?;
        let height = branch.nodes.height();
        branch.nodes.path(leaf & ((1 << height) - 1), &mut signature)?;
        if branch.signed.is_empty() {
            self.crown.path(leaf >> height, &mut signature)?;
        }
        Ok(signature)
    }

    fn kept(&self, level: usize, number: u64) -> Option<Arc<Branch>> {
        let branches = self.branches.read();
        let branch = branches.get(level)?.as_ref()?;
        (branch.number == number).then(|| Arc::clone(branch))
    }

    fn keep(&self, level: usize, branch: Branch) -> Arc<Branch> {
        let branch = Arc::new(branch);
        let mut branches = self.branches.write();
        branches.resize_with(self.levels.len(), || None);
        if let Some(place) = branches.get_mut(level) {
            *place = Some(Arc::clone(&branch));
        }
        branch
    }

    /// The part of the first tree that has this leaf.
    fn top_branch(&self, leaf: u32) -> Result<Arc<Branch>> {
        let depth = self.crown.height();
        let node = (1 << depth) + (leaf >> (self.top.kind.height - depth));
        if let Some(branch) = self.kept(0, u64::from(node)) {
            return Ok(branch);
        }
        let nodes = self.top.below_node(node)?;
        if !equal(nodes.root()?, self.crown.node(node)?) {
            return Err(Error::Engine);
        }
        let (number, tree) = (u64::from(node), Arc::clone(&self.top));
        Ok(self.keep(0, Branch { number, tree, nodes, signed: Vec::new() }))
    }

    /// The tree of a level below the first, under a leaf of the one above it. Whoever could make it come out differently once
    /// would have two signatures of one one-time key: it is computed twice, and its signature is verified.
    fn branch_below(&self, level: usize, number: u64, above: &Branch, leaf: u32) -> Result<Arc<Branch>> {
        if let Some(branch) = self.kept(level, number) {
            return Ok(branch);
        }
        let types = *self.levels.get(level).ok_or(Error::Key)?;
        let tree = above.tree.below(leaf, types)?;
        let nodes = tree.below_node(1)?;
        if !equal(nodes.root()?, above.tree.below(leaf, types)?.below_node(1)?.root()?) {
            return Err(Error::Engine);
        }
        let public = tree.public(nodes.root()?);
        let randomizer = above.tree.randomizer_below(leaf)?;
        let mut signed = self.signed_by(above, leaf, randomizer.as_bytes(), &public)?;
        self.verify_by(above, &signed, &public).map_err(|_| Error::Engine)?;
        signed.extend_from_slice(&public);
        Ok(self.keep(level, Branch { number, tree: Arc::new(tree), nodes, signed }))
    }

    fn verify_by(&self, branch: &Branch, signature: &[u8], message: &[u8]) -> Result<()> {
        let root = if branch.signed.is_empty() { self.crown.root()? } else { branch.nodes.root()? };
        let PrivateTree { kind, one_time, name, .. } = &*branch.tree;
        let public = Tree { kind: *kind, one_time: *one_time, name, root };
        public.verify(&mut Reader(signature), message)
    }
}

#[cfg(test)]
mod tests;
