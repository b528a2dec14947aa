//! What the keys of ML-DSA and ML-KEM have in common: a parameter set, a seed, an expanded form.

use super::{Error, Result, ml_dsa, ml_kem};
use crate::secret::Secret;

/// An algorithm with its parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    MlDsa(ml_dsa::ParameterSet),
    MlKem(ml_kem::ParameterSet),
}

use Algorithm::{MlDsa, MlKem};

impl From<ml_dsa::ParameterSet> for Algorithm {
    fn from(set: ml_dsa::ParameterSet) -> Self {
        MlDsa(set)
    }
}

impl From<ml_kem::ParameterSet> for Algorithm {
    fn from(set: ml_kem::ParameterSet) -> Self {
        MlKem(set)
    }
}

/// A private key in its expanded form, with the parameter set of its algorithm.
pub struct PrivateKey<S> {
    set: S,
    expanded: Secret,
}

impl<S: Copy + Into<Algorithm>> PrivateKey<S> {
    /// From the expanded form, which the parameter set has made or checked. `Key`: another length.
    pub fn new(set: S, expanded: &[u8]) -> Result<Self> {
        match expanded.len() == set.into().expanded_len() {
            true => Ok(Self { set, expanded: Secret::copy_of(expanded) }),
            false => Err(Error::Key),
        }
    }

    pub fn set(&self) -> S {
        self.set
    }

    pub(super) fn expanded(&self) -> &[u8] {
        self.expanded.as_bytes()
    }
}

impl Algorithm {
    pub fn all() -> impl Iterator<Item = Algorithm> {
        let signing = ml_dsa::ParameterSet::ALL.iter().copied().map(MlDsa);
        signing.chain(ml_kem::ParameterSet::ALL.iter().copied().map(MlKem))
    }

    /// The content of the object identifier's DER encoding: 2.16.840.1.101.3.4.3.17 to 19 (RFC 9881 section 2) and
    /// 2.16.840.1.101.3.4.4.1 to 3 (RFC 9935 section 3).
    pub fn oid(self) -> [u8; 9] {
        let (arc, number) = match self {
            MlDsa(ml_dsa::ParameterSet::MlDsa44) => (3, 17),
            MlDsa(ml_dsa::ParameterSet::MlDsa65) => (3, 18),
            MlDsa(ml_dsa::ParameterSet::MlDsa87) => (3, 19),
            MlKem(ml_kem::ParameterSet::MlKem512) => (4, 1),
            MlKem(ml_kem::ParameterSet::MlKem768) => (4, 2),
            MlKem(ml_kem::ParameterSet::MlKem1024) => (4, 3),
        };
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, arc, number]
    }

    pub fn of_oid(oid: &[u8]) -> Option<Self> {
        Self::all().find(|algorithm| algorithm.oid() == oid)
    }

    /// Bytes of the seed.
    pub const fn seed_len(self) -> usize {
        match self {
            MlDsa(_) => ml_dsa::SEED_LEN,
            MlKem(_) => ml_kem::SEED_LEN,
        }
    }

    pub const fn public_len(self) -> usize {
        match self {
            MlDsa(set) => set.public_len(),
            MlKem(set) => set.public_len(),
        }
    }

    pub const fn expanded_len(self) -> usize {
        match self {
            MlDsa(set) => set.expanded_len(),
            MlKem(set) => set.expanded_len(),
        }
    }

    /// The public key and the expanded private key of a seed. `Key`: another length than `seed_len`.
    pub fn expand(self, seed: &[u8]) -> Result<(Vec<u8>, Secret)> {
        match self {
            MlDsa(set) => set.expand(seed),
            MlKem(set) => set.expand(seed),
        }
    }

    /// The public key of an expanded private key. `Key`: another length, or parts that do not belong together.
    pub fn public_of(self, expanded: &[u8]) -> Result<Vec<u8>> {
        match self {
            MlDsa(set) => set.public_of(expanded),
            MlKem(set) => set.public_of(expanded),
        }
    }

    /// `PublicKey`: not a public key of this parameter set.
    pub fn check_public(self, public: &[u8]) -> Result<()> {
        match self {
            MlDsa(set) if public.len() == set.public_len() => Ok(()),
            MlDsa(_) => Err(Error::PublicKey),
            MlKem(set) => set.check_public(public),
        }
    }

    /// The pairwise check of a new key pair. `Engine`: the halves do not belong together.
    pub fn check_pair(self, public: &[u8], expanded: &[u8]) -> Result<()> {
        match self {
            MlDsa(set) => ml_dsa::check_pair(set, public, expanded),
            MlKem(set) => ml_kem::check_pair(set, public, expanded),
        }
    }
}
