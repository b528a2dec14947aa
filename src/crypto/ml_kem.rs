//! ML-KEM (FIPS 203): a shared secret for the holder of a private key.
//!
//! The engine exports more than its bindings declare; the names below carry the version that `Cargo.toml` pins, and a
//! newer engine does not link before they are changed.

use std::ffi::c_int;

use super::{Error, Result, clear_errors, equal, lattice};
use crate::secret::Secret;

/// Bytes of the seed d ‖ z.
pub const SEED_LEN: usize = 64;
/// Bytes of the shared secret.
pub const SECRET_LEN: usize = 32;
/// Bytes of H(ek) and z, which end a private key (FIPS 203, Algorithm 16).
const END_LEN: usize = 64;

/// The parameter sets of FIPS 203 section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterSet {
    MlKem512,
    MlKem768,
    MlKem1024,
}

/// The engine's functions for one parameter set; all answer 0 for success. Lengths are read as the room that there is, and
/// written.
struct Functions {
    /// Public key, private key, seed.
    keypair: unsafe extern "C" fn(*mut u8, *mut usize, *mut u8, *mut usize, *const u8) -> c_int,
    /// Ciphertext, secret, public key.
    encapsulate: unsafe extern "C" fn(*mut u8, *mut usize, *mut u8, *mut usize, *const u8) -> c_int,
    /// Secret, ciphertext, private key.
    decapsulate: unsafe extern "C" fn(*mut u8, *mut usize, *const u8, *const u8) -> c_int,
    check_public: unsafe extern "C" fn(*const u8, usize) -> c_int,
    check_private: unsafe extern "C" fn(*const u8, usize) -> c_int,
}

macro_rules! functions {
    ($keypair:literal $encapsulate:literal $decapsulate:literal $check_public:literal $check_private:literal) => {{
        unsafe extern "C" {
            #[link_name = $keypair]
            fn keypair(
                public: *mut u8,
                public_len: *mut usize,
                private: *mut u8,
                private_len: *mut usize,
                seed: *const u8,
            ) -> c_int;
            #[link_name = $encapsulate]
            fn encapsulate(
                ciphertext: *mut u8,
                ciphertext_len: *mut usize,
                secret: *mut u8,
                secret_len: *mut usize,
                public: *const u8,
            ) -> c_int;
            #[link_name = $decapsulate]
            fn decapsulate(
                secret: *mut u8,
                secret_len: *mut usize,
                ciphertext: *const u8,
                private: *const u8,
            ) -> c_int;
            #[link_name = $check_public]
            fn check_public(public: *const u8, public_len: usize) -> c_int;
            #[link_name = $check_private]
            fn check_private(private: *const u8, private_len: usize) -> c_int;
        }
        &Functions { keypair, encapsulate, decapsulate, check_public, check_private }
    }};
}

/// Turns "0 is success" into a `Result`.
fn succeed(code: c_int, otherwise: Error) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    clear_errors();
    Err(otherwise)
}

impl ParameterSet {
    pub const ALL: &'static [ParameterSet] =
        &[ParameterSet::MlKem512, ParameterSet::MlKem768, ParameterSet::MlKem1024];

    /// Bytes of public (encapsulation) keys (FIPS 203 table 3).
    pub const fn public_len(self) -> usize {
        match self {
            ParameterSet::MlKem512 => 800,
            ParameterSet::MlKem768 => 1184,
            ParameterSet::MlKem1024 => 1568,
        }
    }

    /// Bytes of private (decapsulation) keys in their expanded form.
    pub const fn expanded_len(self) -> usize {
        match self {
            ParameterSet::MlKem512 => 1632,
            ParameterSet::MlKem768 => 2400,
            ParameterSet::MlKem1024 => 3168,
        }
    }

    pub const fn ciphertext_len(self) -> usize {
        match self {
            ParameterSet::MlKem512 => 768,
            ParameterSet::MlKem768 => 1088,
            ParameterSet::MlKem1024 => 1568,
        }
    }

    fn functions(self) -> &'static Functions {
        match self {
            ParameterSet::MlKem512 => functions!(
                "aws_lc_0_47_0_ml_kem_512_keypair_deterministic"
                "aws_lc_0_47_0_ml_kem_512_encapsulate"
                "aws_lc_0_47_0_ml_kem_512_decapsulate"
                "aws_lc_0_47_0_ml_kem_512_check_pk"
                "aws_lc_0_47_0_ml_kem_512_check_sk"
            ),
            ParameterSet::MlKem768 => functions!(
                "aws_lc_0_47_0_ml_kem_768_keypair_deterministic"
                "aws_lc_0_47_0_ml_kem_768_encapsulate"
                "aws_lc_0_47_0_ml_kem_768_decapsulate"
                "aws_lc_0_47_0_ml_kem_768_check_pk"
                "aws_lc_0_47_0_ml_kem_768_check_sk"
            ),
            ParameterSet::MlKem1024 => functions!(
                "aws_lc_0_47_0_ml_kem_1024_keypair_deterministic"
                "aws_lc_0_47_0_ml_kem_1024_encapsulate"
                "aws_lc_0_47_0_ml_kem_1024_decapsulate"
                "aws_lc_0_47_0_ml_kem_1024_check_pk"
                "aws_lc_0_47_0_ml_kem_1024_check_sk"
            ),
        }
    }

    /// ML-KEM.KeyGen_internal: the public key, and the private key in its expanded form. `Key`: another length than
    /// `SEED_LEN`.
    pub fn expand(self, seed: &[u8]) -> Result<(Vec<u8>, Secret)> {
        let seed: &[u8; SEED_LEN] = seed.try_into().map_err(|_| Error::Key)?;
        let mut public = vec![0; self.public_len()];
        let mut expanded = Secret::zeroed(self.expanded_len());
        let (mut public_len, mut private_len) = (public.len(), expanded.len());
        let private = expanded.as_mut_bytes().as_mut_ptr();
        // SAFETY: the buffers have the lengths that are told, and the seed has 64 bytes.
        let code = unsafe {
            let place = public.as_mut_ptr();
            (self.functions().keypair)(place, &mut public_len, private, &mut private_len, seed.as_ptr())
        };
        succeed(code, Error::Engine)?;
        Ok((public, expanded))
    }

    /// The public key of a private key, after the checks of FIPS 203 section 7.3 and a pairwise check. `Key`: another
    /// length, or parts that do not belong together.
    pub fn public_of(self, expanded: &[u8]) -> Result<Vec<u8>> {
        // SAFETY: pointer and length are those of one live slice.
        let code = unsafe { (self.functions().check_private)(expanded.as_ptr(), expanded.len()) };
        succeed(code, Error::Key)?;
        let end = expanded.len().saturating_sub(END_LEN);
        let public = expanded.get(end.saturating_sub(self.public_len())..end).ok_or(Error::Key)?;
        self.check_public(public).map_err(|_| Error::Key)?;
        check_pair(self, public, expanded).map_err(|_| Error::Key)?;
        Ok(public.to_vec())
    }

    /// FIPS 203 section 7.2: length and modulus. `PublicKey` otherwise.
    pub fn check_public(self, public: &[u8]) -> Result<()> {
        // SAFETY: pointer and length are those of one live slice.
        let code = unsafe { (self.functions().check_public)(public.as_ptr(), public.len()) };
        succeed(code, Error::PublicKey)
    }
}

/// A public key.
pub struct PublicKey {
    set: ParameterSet,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// `PublicKey`: another length, or a coefficient that is not reduced.
    pub fn new(set: ParameterSet, bytes: &[u8]) -> Result<Self> {
        set.check_public(bytes)?;
        Ok(Self { set, bytes: bytes.to_vec() })
    }

    pub fn set(&self) -> ParameterSet {
        self.set
    }

    /// A fresh secret, and the ciphertext that carries it.
    pub fn encapsulate(&self) -> Result<(Vec<u8>, Secret)> {
        let mut ciphertext = vec![0; self.set.ciphertext_len()];
        let mut secret = Secret::zeroed(SECRET_LEN);
        let (mut ciphertext_len, mut secret_len) = (ciphertext.len(), secret.len());
        let (place, public) = (secret.as_mut_bytes().as_mut_ptr(), self.bytes.as_ptr());
        // SAFETY: the buffers have the lengths that are told, and the key that of its parameter set.
        let code = unsafe {
            let ciphertext = ciphertext.as_mut_ptr();
            (self.set.functions().encapsulate)(
                ciphertext,
                &mut ciphertext_len,
                place,
                &mut secret_len,
                public,
            )
        };
        succeed(code, Error::Engine)?;
        Ok((ciphertext, secret))
    }
}

pub type PrivateKey = lattice::PrivateKey<ParameterSet>;

impl PrivateKey {
    /// The secret that a ciphertext carries; for a ciphertext that nobody made for this key a secret that nobody else
    /// knows (implicit rejection). `Length`: another length.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret> {
        if ciphertext.len() != self.set().ciphertext_len() {
            return Err(Error::Length);
        }
        let mut secret = Secret::zeroed(SECRET_LEN);
        let mut secret_len = secret.len();
        let place = secret.as_mut_bytes().as_mut_ptr();
        // SAFETY: ciphertext and key have the lengths of this parameter set, the secret the one that is told.
        let code = unsafe {
            let private = self.expanded().as_ptr();
            (self.set().functions().decapsulate)(place, &mut secret_len, ciphertext.as_ptr(), private)
        };
        succeed(code, Error::Engine)?;
        Ok(secret)
    }
}

/// The pairwise check: what is encapsulated for the public key, the private one takes out. `Engine` otherwise.
pub fn check_pair(set: ParameterSet, public: &[u8], expanded: &[u8]) -> Result<()> {
    let (ciphertext, made) = PublicKey::new(set, public)?.encapsulate()?;
    let taken = PrivateKey::new(set, expanded)?.decapsulate(&ciphertext)?;
    if equal(made.as_bytes(), taken.as_bytes()) { Ok(()) } else { Err(Error::Engine) }
}
