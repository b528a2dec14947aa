//! ML-DSA (FIPS 204). The engine signs and verifies the message representative μ, which is computed here: so messages come
//! in parts, with any context, hashed before or not.
//!
//! The engine exports more than its bindings declare; the names below carry the version that `Cargo.toml` pins, and a
//! newer engine does not link before they are changed.

use std::ffi::c_int;

use super::shake::{Shake, Shaker};
use super::{Error, Result, lattice, random, succeed};
use crate::secret::Secret;

/// Bytes of the seed ξ.
pub const SEED_LEN: usize = 32;
/// Most bytes of a context, also of SLH-DSA (FIPS 204 section 5.2, FIPS 205 section 10.2).
pub const MAX_CONTEXT: usize = 255;
/// Bytes of μ, and of the digest of a public key, tr.
const DIGEST_LEN: usize = 64;
/// Where tr stands in a private key (FIPS 204, Algorithm 24).
const DIGEST_PLACE: usize = 64;

/// The parameter sets of FIPS 204 section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterSet {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

/// The engine's functions for one parameter set; all answer 1 for success.
struct Functions {
    /// Public key, private key, seed.
    keypair: unsafe extern "C" fn(*mut u8, *mut u8, *const u8) -> c_int,
    /// Public key, private key; fails for a private key whose parts do not belong together.
    public_of: unsafe extern "C" fn(*mut u8, *const u8) -> c_int,
    /// Private key, signature and its length, μ and its length, nothing, 32 random bytes.
    sign: Sign,
    /// Public key, signature and its length, μ and its length.
    verify: unsafe extern "C" fn(*const u8, *const u8, usize, *const u8, usize) -> c_int,
}

type Sign = unsafe extern "C" fn(
    *const u8,
    *mut u8,
    *mut usize,
    *const u8,
    usize,
    *const u8,
    usize,
    *const u8,
) -> c_int;

macro_rules! functions {
    ($keypair:literal $public_of:literal $sign:literal $verify:literal) => {{
        unsafe extern "C" {
            #[link_name = $keypair]
            fn keypair(public: *mut u8, private: *mut u8, seed: *const u8) -> c_int;
            #[link_name = $public_of]
            fn public_of(public: *mut u8, private: *const u8) -> c_int;
            #[link_name = $sign]
            fn sign(
                private: *const u8,
                signature: *mut u8,
                signature_len: *mut usize,
                representative: *const u8,
                representative_len: usize,
                prefix: *const u8,
                prefix_len: usize,
                random: *const u8,
            ) -> c_int;
            #[link_name = $verify]
            fn verify(
                public: *const u8,
                signature: *const u8,
                signature_len: usize,
                representative: *const u8,
                representative_len: usize,
            ) -> c_int;
        }
        &Functions { keypair, public_of, sign, verify }
    }};
}

impl ParameterSet {
    pub const ALL: &'static [ParameterSet] =
        &[ParameterSet::MlDsa44, ParameterSet::MlDsa65, ParameterSet::MlDsa87];

    /// Bytes of public keys (FIPS 204 table 2).
    pub const fn public_len(self) -> usize {
        match self {
            ParameterSet::MlDsa44 => 1312,
            ParameterSet::MlDsa65 => 1952,
            ParameterSet::MlDsa87 => 2592,
        }
    }

    /// Bytes of private keys in their expanded form.
    pub const fn expanded_len(self) -> usize {
        match self {
            ParameterSet::MlDsa44 => 2560,
            ParameterSet::MlDsa65 => 4032,
            ParameterSet::MlDsa87 => 4896,
        }
    }

    pub const fn signature_len(self) -> usize {
        match self {
            ParameterSet::MlDsa44 => 2420,
            ParameterSet::MlDsa65 => 3309,
            ParameterSet::MlDsa87 => 4627,
        }
    }

    fn functions(self) -> &'static Functions {
        match self {
            ParameterSet::MlDsa44 => functions!(
                "aws_lc_0_47_0_ml_dsa_44_keypair_internal"
                "aws_lc_0_47_0_ml_dsa_44_pack_pk_from_sk"
                "aws_lc_0_47_0_ml_dsa_extmu_44_sign_internal"
                "aws_lc_0_47_0_ml_dsa_extmu_44_verify"
            ),
            ParameterSet::MlDsa65 => functions!(
                "aws_lc_0_47_0_ml_dsa_65_keypair_internal"
                "aws_lc_0_47_0_ml_dsa_65_pack_pk_from_sk"
                "aws_lc_0_47_0_ml_dsa_extmu_65_sign_internal"
                "aws_lc_0_47_0_ml_dsa_extmu_65_verify"
            ),
            ParameterSet::MlDsa87 => functions!(
                "aws_lc_0_47_0_ml_dsa_87_keypair_internal"
                "aws_lc_0_47_0_ml_dsa_87_pack_pk_from_sk"
                "aws_lc_0_47_0_ml_dsa_extmu_87_sign_internal"
                "aws_lc_0_47_0_ml_dsa_extmu_87_verify"
            ),
        }
    }

    /// ML-DSA.KeyGen_internal: the public key, and the private key in its expanded form. `Key`: another length than
    /// `SEED_LEN`.
    pub fn expand(self, seed: &[u8]) -> Result<(Vec<u8>, Secret)> {
        let seed: &[u8; SEED_LEN] = seed.try_into().map_err(|_| Error::Key)?;
        let mut public = vec![0; self.public_len()];
        let mut expanded = Secret::zeroed(self.expanded_len());
        let private = expanded.as_mut_bytes().as_mut_ptr();
        // SAFETY: the three buffers have the lengths of this parameter set.
        let code = unsafe { (self.functions().keypair)(public.as_mut_ptr(), private, seed.as_ptr()) };
        succeed(code, Error::Engine)?;
        Ok((public, expanded))
    }

    /// The public key of a private key. `Key`: another length, or parts that do not belong together.
    pub fn public_of(self, expanded: &[u8]) -> Result<Vec<u8>> {
        if expanded.len() != self.expanded_len() {
            return Err(Error::Key);
        }
        let mut public = vec![0; self.public_len()];
        // SAFETY: both buffers have the lengths of this parameter set.
        let code = unsafe { (self.functions().public_of)(public.as_mut_ptr(), expanded.as_ptr()) };
        succeed(code, Error::Key)?;
        Ok(public)
    }
}

/// How a message is signed, with its context of at most `MAX_CONTEXT` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// ML-DSA (FIPS 204, Algorithm 2).
    Pure(&'a [u8]),
    /// HashML-DSA (Algorithm 4): what is signed is the digest, behind the DER object identifier of its hash function.
    Prehashed { context: &'a [u8], oid: &'a [u8] },
}

/// μ in the making: SHAKE256 over tr and the formatted message (Algorithm 7, step 6). `Argument`: the context is too long.
fn representative(digest: &[u8], scheme: Scheme) -> Result<Shaker> {
    let (domain, context, oid) = match scheme {
        Scheme::Pure(context) => (0, context, [].as_slice()),
        Scheme::Prehashed { context, oid } => (1, context, oid),
    };
    let length = u8::try_from(context.len()).map_err(|_| Error::Argument)?;
    let mut shaker = Shake::Bits256.start(DIGEST_LEN)?;
    for part in [digest, &[domain, length], context, oid] {
        shaker.update(part)?;
    }
    Ok(shaker)
}

pub type PrivateKey = lattice::PrivateKey<ParameterSet>;

impl PrivateKey {
    /// Takes the message and ends in μ.
    pub fn representative(&self, scheme: Scheme) -> Result<Shaker> {
        let place = DIGEST_PLACE..DIGEST_PLACE + DIGEST_LEN;
        representative(self.expanded().get(place).ok_or(Error::Key)?, scheme)
    }

    /// Signs μ: hedged with fresh random bytes, or always alike (FIPS 204 section 3.4). Errors: `Buffer`; `Length`.
    pub fn sign(&self, representative: &[u8], hedged: bool, signature: &mut [u8]) -> Result<usize> {
        let random = if hedged { random::secret(SEED_LEN)? } else { Secret::zeroed(SEED_LEN) };
        self.sign_with(representative, &random, signature)
    }

    fn sign_with(&self, representative: &[u8], random: &Secret, signature: &mut [u8]) -> Result<usize> {
        let signature = signature.get_mut(..self.set().signature_len()).ok_or(Error::Buffer)?;
        if representative.len() != DIGEST_LEN {
            return Err(Error::Length);
        }
        let mut written = signature.len();
        // SAFETY: key and signature have the lengths of this parameter set, the random bytes are 32, and the prefix
        // is none.
        let code = unsafe {
            (self.set().functions().sign)(
                self.expanded().as_ptr(),
                signature.as_mut_ptr(),
                &mut written,
                representative.as_ptr(),
                representative.len(),
                std::ptr::null(),
                0,
                random.as_bytes().as_ptr(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(written)
    }
}

/// A public key.
pub struct PublicKey {
    set: ParameterSet,
    bytes: Vec<u8>,
    /// tr.
    digest: [u8; DIGEST_LEN],
}

impl PublicKey {
    /// `PublicKey`: another length; every content is a key.
    pub fn new(set: ParameterSet, bytes: &[u8]) -> Result<Self> {
        if bytes.len() != set.public_len() {
            return Err(Error::PublicKey);
        }
        let mut digest = [0; DIGEST_LEN];
        Shake::Bits256.expand(bytes, &mut digest)?;
        Ok(Self { set, bytes: bytes.to_vec(), digest })
    }

    pub fn set(&self) -> ParameterSet {
        self.set
    }

    /// Takes the message and ends in μ.
    pub fn representative(&self, scheme: Scheme) -> Result<Shaker> {
        representative(&self.digest, scheme)
    }

    /// Errors: `Length` for a signature of another length, otherwise `Signature`.
    pub fn verify(&self, representative: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != self.set.signature_len() {
            return Err(Error::Length);
        }
        // SAFETY: the key has the length of this parameter set; pointers and lengths are those of live slices.
        let code = unsafe {
            (self.set.functions().verify)(
                self.bytes.as_ptr(),
                signature.as_ptr(),
                signature.len(),
                representative.as_ptr(),
                representative.len(),
            )
        };
        succeed(code, Error::Signature)
    }
}

/// The pairwise check: what the private key signs, the public one verifies. `Engine` otherwise.
pub fn check_pair(set: ParameterSet, public: &[u8], expanded: &[u8]) -> Result<()> {
    let (public, private) = (PublicKey::new(set, public)?, PrivateKey::new(set, expanded)?);
    let mut signature = vec![0; set.signature_len()];
    let representative = |shaker: Result<Shaker>| {
        let mut shaker = shaker?;
        shaker.update(b"pairwise check")?;
        shaker.finish()
    };
    private.sign(
        representative(private.representative(Scheme::Pure(&[])))?.as_bytes(),
        true,
        &mut signature,
    )?;
    let representative = representative(public.representative(Scheme::Pure(&[])))?;
    public.verify(representative.as_bytes(), &signature).map_err(|_| Error::Engine)
}
