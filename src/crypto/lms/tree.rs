//! The private half of one LMS tree: one-time keys from a seed (RFC 8554 appendix A, SP 800-208 section 6.1), their signatures
//! and the nodes above them.

use zeroize::Zeroizing;

use super::{D_INTR, D_LEAF, D_MESG, D_PBLC, NAME_LEN, OneTimeType, TreeType};
use crate::crypto::hash_based::Function;
use crate::crypto::{Error, Result};
use crate::secret::Secret;

/// What stands before the value in the hash of a chain: I, q, the number of the chain, the number of the step.
const STEP_PREFIX: usize = NAME_LEN + 4 + 2 + 1;
/// The step number that makes a chain's beginning from the seed.
const FROM_SEED: u8 = 0xff;

// Chain numbers that no chain has, for what else follows from the seed of a tree. They are those of the reference
// implementation of the author of RFC 8554, so that a seed gives the same key in both.
const CHILD_SEED: u16 = 0xfffe;
const CHILD_NAME: u16 = 0xffff;
const CHILD_RANDOMIZER: u16 = 0xfffd;

/// The input of a chain's hash function, which is also the place of its value.
struct Step {
    function: Function,
    input: Zeroizing<[u8; STEP_PREFIX + 32]>,
}

impl Step {
    /// The value that a number of a one-time key begins with: H(I || q || number || 0xff || SEED).
    fn from_seed(tree: &PrivateTree, leaf: u32, number: u16) -> Result<Self> {
        let mut input = Zeroizing::new([0; STEP_PREFIX + 32]);
        let prefix = [&tree.name[..], &leaf.to_be_bytes(), &number.to_be_bytes(), &[FROM_SEED]];
        let parts = prefix.into_iter().chain([tree.seed.as_bytes()]).flatten();
        for (place, byte) in input.iter_mut().zip(parts) {
            *place = *byte;
        }
        let mut step = Self { function: tree.kind.function, input };
        step.hash(FROM_SEED)?;
        Ok(step)
    }

    fn hash(&mut self, number: u8) -> Result<()> {
        let length = STEP_PREFIX + self.function.length;
        *self.input.get_mut(STEP_PREFIX - 1).ok_or(Error::Length)? = number;
        let mut place = Zeroizing::new([0; 32]);
        let value = self.function.hash_short(self.input.get(..length).ok_or(Error::Length)?, &mut place)?;
        self.input.get_mut(STEP_PREFIX..length).ok_or(Error::Length)?.copy_from_slice(value);
        Ok(())
    }

    /// Goes from the beginning of the chain to this place on it.
    fn walk(&mut self, steps: u32) -> Result<()> {
        (0..steps).try_for_each(|step| self.hash(step as u8))
    }

    fn value(&self) -> &[u8] {
        self.input.get(STEP_PREFIX..STEP_PREFIX + self.function.length).unwrap_or_default()
    }
}

/// A tree of hashes in one piece, its root first: the children of node r are 2r and 2r + 1, and the root is 1.
pub(super) struct Heap {
    function: Function,
    height: u32,
    /// Node 0 does not exist, and has a place all the same.
    bytes: Vec<u8>,
}

impl Heap {
    fn empty(function: Function, height: u32) -> Result<Self> {
        let length = function.length.checked_shl(height + 1).ok_or(Error::Memory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length)?;
        bytes.resize(length, 0);
        Ok(Self { function, height, bytes })
    }

    pub(super) fn height(&self) -> u32 {
        self.height
    }

    pub(super) fn node(&self, number: u32) -> Result<&[u8]> {
        let start = number as usize * self.function.length;
        self.bytes.get(start..start + self.function.length).ok_or(Error::Length)
    }

    fn set(&mut self, number: u32, value: &[u8]) -> Result<()> {
        let start = number as usize * self.function.length;
        self.bytes.get_mut(start..start + value.len()).ok_or(Error::Length)?.copy_from_slice(value);
        Ok(())
    }

    pub(super) fn root(&self) -> Result<&[u8]> {
        self.node(1)
    }

    /// The lowest nodes, one behind the other.
    pub(super) fn bottom(&self) -> &[u8] {
        self.bytes.get(self.bytes.len() / 2..).unwrap_or_default()
    }

    /// Appends the siblings on the way from a lowest node to the root (RFC 8554 section 5.4).
    pub(super) fn path(&self, place: u32, signature: &mut Vec<u8>) -> Result<()> {
        let mut node = (1 << self.height) + place;
        while node > 1 {
            signature.extend_from_slice(self.node(node ^ 1)?);
            node /= 2;
        }
        Ok(())
    }
}

/// A tree whose one-time keys all follow from one seed.
pub(super) struct PrivateTree {
    pub(super) kind: TreeType,
    pub(super) one_time: OneTimeType,
    /// I.
    pub(super) name: [u8; NAME_LEN],
    pub(super) seed: Secret,
}

impl PrivateTree {
    /// The tree below a leaf: name and seed follow from those of this one.
    pub(super) fn below(&self, leaf: u32, (kind, one_time): (TreeType, OneTimeType)) -> Result<Self> {
        let name = Step::from_seed(self, leaf, CHILD_NAME)?;
        let name = *name.value().first_chunk::<NAME_LEN>().ok_or(Error::Length)?;
        let seed = Secret::copy_of(Step::from_seed(self, leaf, CHILD_SEED)?.value());
        Ok(Self { kind, one_time, name, seed })
    }

    /// The randomizer of the signature of the tree below a leaf. It is always the same one: whoever computes that signature
    /// again must not sign another hash with the same one-time key.
    pub(super) fn randomizer_below(&self, leaf: u32) -> Result<Secret> {
        Ok(Secret::copy_of(Step::from_seed(self, leaf, CHILD_RANDOMIZER)?.value()))
    }

    /// The public key (RFC 8554 section 5.3).
    pub(super) fn public(&self, root: &[u8]) -> Vec<u8> {
        let types = [self.kind.number(), self.one_time.number()].map(u32::to_be_bytes);
        [&types.concat(), &self.name[..], root].concat()
    }

    /// The hash of a one-time public key, as the node that it is (RFC 8554 sections 4.3 and 5.3).
    fn leaf(&self, leaf: u32, ends: &mut Zeroizing<Vec<u8>>) -> Result<super::Value> {
        let function = self.kind.function;
        ends.clear();
        for chain in 0..self.one_time.chains() as u16 {
            let mut step = Step::from_seed(self, leaf, chain)?;
            step.walk(self.one_time.steps())?;
            ends.extend_from_slice(step.value());
        }
        let key = function.hash(&[&self.name, &leaf.to_be_bytes(), &D_PBLC, ends])?;
        let node = (1_u32 << self.kind.height) + leaf;
        function.hash(&[&self.name, &node.to_be_bytes(), &D_LEAF, key.as_bytes()])
    }

    /// The nodes from `top` down to the leaves below it.
    pub(super) fn below_node(&self, top: u32) -> Result<Heap> {
        let height = top.leading_zeros().saturating_sub(31 - self.kind.height);
        let mut heap = Heap::empty(self.kind.function, height)?;
        let first = (top << height) - (1 << self.kind.height);
        let mut ends = Zeroizing::new(Vec::new());
        ends.try_reserve_exact(self.one_time.chains() * self.kind.function.length)?;
        for place in 0..1 << height {
            heap.set((1 << height) + place, self.leaf(first + place, &mut ends)?.as_bytes())?;
        }
        self.fill(&mut heap, top)?;
        Ok(heap)
    }

    /// The nodes from the root down to these, which are the lowest of them.
    pub(super) fn above(&self, lowest: &[u8], height: u32) -> Result<Heap> {
        let mut heap = Heap::empty(self.kind.function, height)?;
        let half = heap.bytes.len() / 2;
        let place = heap.bytes.get_mut(half..).filter(|place| place.len() == lowest.len());
        place.ok_or(Error::Length)?.copy_from_slice(lowest);
        self.fill(&mut heap, 1)?;
        Ok(heap)
    }

    /// Computes what stands above the lowest nodes. The root of the heap is the node `top` of the tree.
    fn fill(&self, heap: &mut Heap, top: u32) -> Result<()> {
        for node in (1..1_u32 << heap.height).rev() {
            let depth = node.ilog2();
            let number = (top << depth) + (node - (1 << depth));
            let (left, right) = (heap.node(2 * node)?, heap.node(2 * node + 1)?);
            let value =
                self.kind.function.hash(&[&self.name, &number.to_be_bytes(), &D_INTR, left, right])?;
            heap.set(node, value.as_bytes())?;
        }
        Ok(())
    }

    /// The signature of the tree without its path (RFC 8554 sections 4.5 and 5.4): q, the one-time signature, the type.
    pub(super) fn sign(&self, leaf: u32, randomizer: &[u8], message: &[u8]) -> Result<Vec<u8>> {
        let hash =
            self.kind.function.hash(&[&self.name, &leaf.to_be_bytes(), &D_MESG, randomizer, message])?;
        let mut signature = Vec::new();
        signature.try_reserve_exact(super::signature_len(self.kind, self.one_time))?;
        signature.extend_from_slice(&leaf.to_be_bytes());
        signature.extend_from_slice(&self.one_time.number().to_be_bytes());
        signature.extend_from_slice(randomizer);
        for (chain, digit) in (0_u16..).zip(self.one_time.digits_of(hash.as_bytes())) {
            let mut step = Step::from_seed(self, leaf, chain)?;
            step.walk(digit)?;
            signature.extend_from_slice(step.value());
        }
        signature.extend_from_slice(&self.kind.number().to_be_bytes());
        Ok(signature)
    }
}
