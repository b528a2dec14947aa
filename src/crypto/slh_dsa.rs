//! SLH-DSA (FIPS 205), all twelve parameter sets, by the crate `slh-dsa`: the engine offers none of them.
//!
//! Keys are the bytes of FIPS 205 section 9.1: a private key is SK.seed, SK.prf and the public key, a public key PK.seed and
//! PK.root. Of the crate only the internal functions of FIPS 205 section 9 are used, so that the domain separation of
//! section 10.2 stands here.
//!
//! The crate keeps signatures of up to 49,856 bytes on the stack, and copies of them. The host's threads may have less room
//! than that, so that everything here runs on a stack of its own.

use slh_dsa::{Signature, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::{Error, Result, equal, random};
use crate::secret::Secret;

/// Bytes of the stack that the work is done on. The largest set takes 185,000 of them, and 900,000 where nothing is optimised;
/// those that are never touched cost nothing.
const STACK: usize = 2 << 20;

/// Runs `work` on a stack of its own, with a page behind it that nobody can touch. It takes three system calls, a few
/// microseconds of milliseconds. Where the system gives no memory the call panics, which ends it with CKR_GENERAL_ERROR.
fn apart<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(STACK, work)
}

/// A parameter set (FIPS 205 section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterSet {
    Sha2_128s,
    Sha2_128f,
    Sha2_192s,
    Sha2_192f,
    Sha2_256s,
    Sha2_256f,
    Shake128s,
    Shake128f,
    Shake192s,
    Shake192f,
    Shake256s,
    Shake256f,
}

/// Calls `$function::<P>(…)` for the type `P` that the crate has for a parameter set.
macro_rules! for_set {
    ($set:expr, $function:ident($($argument:expr),*)) => {
        match $set {
            ParameterSet::Sha2_128s => $function::<slh_dsa::Sha2_128s>($($argument),*),
            ParameterSet::Sha2_128f => $function::<slh_dsa::Sha2_128f>($($argument),*),
            ParameterSet::Sha2_192s => $function::<slh_dsa::Sha2_192s>($($argument),*),
            ParameterSet::Sha2_192f => $function::<slh_dsa::Sha2_192f>($($argument),*),
            ParameterSet::Sha2_256s => $function::<slh_dsa::Sha2_256s>($($argument),*),
            ParameterSet::Sha2_256f => $function::<slh_dsa::Sha2_256f>($($argument),*),
            ParameterSet::Shake128s => $function::<slh_dsa::Shake128s>($($argument),*),
            ParameterSet::Shake128f => $function::<slh_dsa::Shake128f>($($argument),*),
            ParameterSet::Shake192s => $function::<slh_dsa::Shake192s>($($argument),*),
            ParameterSet::Shake192f => $function::<slh_dsa::Shake192f>($($argument),*),
            ParameterSet::Shake256s => $function::<slh_dsa::Shake256s>($($argument),*),
            ParameterSet::Shake256f => $function::<slh_dsa::Shake256f>($($argument),*),
        }
    };
}

impl ParameterSet {
    /// In the order of their object identifiers.
    pub const ALL: &'static [ParameterSet] = &[
        ParameterSet::Sha2_128s,
        ParameterSet::Sha2_128f,
        ParameterSet::Sha2_192s,
        ParameterSet::Sha2_192f,
        ParameterSet::Sha2_256s,
        ParameterSet::Sha2_256f,
        ParameterSet::Shake128s,
        ParameterSet::Shake128f,
        ParameterSet::Shake192s,
        ParameterSet::Shake192f,
        ParameterSet::Shake256s,
        ParameterSet::Shake256f,
    ];

    /// n, the bytes of each hash value, and the bytes of a signature (FIPS 205 table 2).
    const fn lengths(self) -> (usize, usize) {
        match self {
            ParameterSet::Sha2_128s | ParameterSet::Shake128s => (16, 7856),
            ParameterSet::Sha2_128f | ParameterSet::Shake128f => (16, 17088),
            ParameterSet::Sha2_192s | ParameterSet::Shake192s => (24, 16224),
            ParameterSet::Sha2_192f | ParameterSet::Shake192f => (24, 35664),
            ParameterSet::Sha2_256s | ParameterSet::Shake256s => (32, 29792),
            ParameterSet::Sha2_256f | ParameterSet::Shake256f => (32, 49856),
        }
    }

    pub const fn signature_len(self) -> usize {
        self.lengths().1
    }

    pub const fn public_len(self) -> usize {
        2 * self.lengths().0
    }

    pub const fn private_len(self) -> usize {
        4 * self.lengths().0
    }

    /// The contents of the object identifier, 2.16.840.1.101.3.4.3.20 to 31 (RFC 9909 section 3).
    pub const fn oid(self) -> &'static [u8] {
        macro_rules! oid {
            ($last:literal) => {
                &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, $last]
            };
        }
        match self {
            ParameterSet::Sha2_128s => oid!(20),
            ParameterSet::Sha2_128f => oid!(21),
            ParameterSet::Sha2_192s => oid!(22),
            ParameterSet::Sha2_192f => oid!(23),
            ParameterSet::Sha2_256s => oid!(24),
            ParameterSet::Sha2_256f => oid!(25),
            ParameterSet::Shake128s => oid!(26),
            ParameterSet::Shake128f => oid!(27),
            ParameterSet::Shake192s => oid!(28),
            ParameterSet::Shake192f => oid!(29),
            ParameterSet::Shake256s => oid!(30),
            ParameterSet::Shake256f => oid!(31),
        }
    }
}

/// How a message is told apart from others: its context, and the DER object identifier of the function that has hashed
/// it, if any (FIPS 205 section 10.2).
#[derive(Clone, Copy, Debug)]
pub struct Domain<'a> {
    pub context: &'a [u8],
    pub prehash: Option<&'a [u8]>,
}

impl Domain<'_> {
    /// What stands before the message (Algorithms 22 and 23). `Argument`: the context has more than 255 bytes.
    fn prefix(self) -> Result<Vec<u8>> {
        let length = u8::try_from(self.context.len()).map_err(|_| Error::Argument)?;
        let kind = u8::from(self.prehash.is_some());
        Ok([&[kind, length], self.context, self.prehash.unwrap_or_default()].concat())
    }
}

/// A new key pair: private and public key (Algorithm 21).
pub fn generate(set: ParameterSet) -> Result<(Secret, Vec<u8>)> {
    let seeds = random::secret(3 * set.lengths().0)?;
    let private = from_seeds(set, seeds.as_bytes())?;
    let public = public_of(set, &private)?.to_vec();
    Ok((private, public))
}

/// SK.seed, SK.prf and PK.seed make a key (Algorithm 18). `Length`: they are not as long as those of the set.
fn from_seeds(set: ParameterSet, seeds: &[u8]) -> Result<Secret> {
    fn make<P: slh_dsa::ParameterSet>(sk_seed: &[u8], sk_prf: &[u8], pk_seed: &[u8]) -> Secret {
        let key = SigningKey::<P>::slh_keygen_internal(sk_seed, sk_prf, pk_seed);
        let bytes = Zeroizing::new(key.to_bytes());
        Secret::copy_of(bytes.as_slice())
    }
    let n = set.lengths().0;
    let (sk_seed, rest) = seeds.split_at_checked(n).ok_or(Error::Length)?;
    let (sk_prf, pk_seed) = rest.split_at_checked(n).ok_or(Error::Length)?;
    if pk_seed.len() != n {
        return Err(Error::Length);
    }
    Ok(apart(|| for_set!(set, make(sk_seed, sk_prf, pk_seed))))
}

/// Checks that the parts of a private key belong together: PK.root is computed again, which takes as long as a key
/// generation. `Key`: another length, or they do not.
pub fn check_private(set: ParameterSet, private: &[u8]) -> Result<()> {
    if private.len() != set.private_len() {
        return Err(Error::Key);
    }
    let seeds = private.get(..3 * set.lengths().0).ok_or(Error::Key)?;
    let made = from_seeds(set, seeds)?;
    if equal(made.as_bytes(), private) { Ok(()) } else { Err(Error::Key) }
}

/// A public key is any two hash values. `PublicKey`: another length.
pub fn check_public(set: ParameterSet, public: &[u8]) -> Result<()> {
    if public.len() == set.public_len() { Ok(()) } else { Err(Error::PublicKey) }
}

/// The public key inside a private one. `Key`: another length.
pub fn public_of(set: ParameterSet, private: &Secret) -> Result<&[u8]> {
    match private.as_bytes().split_at_checked(set.public_len()) {
        Some((_, public)) if public.len() == set.public_len() => Ok(public),
        _ => Err(Error::Key),
    }
}

/// Writes a signature to the front of `signature`: hedged with fresh random numbers, or always the same. Errors: `Key`,
/// `Buffer`, and those of the domain.
pub fn sign(
    set: ParameterSet,
    private: &[u8],
    domain: Domain,
    message: &[u8],
    hedged: bool,
    signature: &mut [u8],
) -> Result<usize> {
    let prefix = domain.prefix()?;
    let randomness = if hedged { Some(random::secret(set.lengths().0)?) } else { None };
    let randomness = randomness.as_ref().map(Secret::as_bytes);
    sign_internal(set, private, &[&prefix, message], randomness, signature)
}

/// slh_sign_internal (Algorithm 19). `randomness` has n bytes.
fn sign_internal(
    set: ParameterSet,
    private: &[u8],
    message: &[&[u8]],
    randomness: Option<&[u8]>,
    signature: &mut [u8],
) -> Result<usize> {
    // A frame of its own for each set.
    #[inline(never)]
    fn make<P: slh_dsa::ParameterSet>(
        private: &[u8],
        message: &[&[u8]],
        randomness: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        let key = SigningKey::<P>::try_from(private).map_err(|_| Error::Key)?;
        Ok(key.slh_sign_internal(message, randomness).to_vec())
    }
    let made = apart(|| for_set!(set, make(private, message, randomness)))?;
    signature.get_mut(..made.len()).ok_or(Error::Buffer)?.copy_from_slice(&made);
    Ok(made.len())
}

/// Errors: `Length` for a signature of another length, `Signature` for a wrong one, `PublicKey`, and those of the domain.
pub fn verify(
    set: ParameterSet,
    public: &[u8],
    domain: Domain,
    message: &[u8],
    signature: &[u8],
) -> Result<()> {
    #[inline(never)]
    fn check<P: slh_dsa::ParameterSet>(public: &[u8], message: &[&[u8]], signature: &[u8]) -> Result<()> {
        let key = VerifyingKey::<P>::try_from(public).map_err(|_| Error::PublicKey)?;
        let signature = Signature::<P>::try_from(signature).map_err(|_| Error::Length)?;
        key.slh_verify_internal(message, &signature).map_err(|_| Error::Signature)
    }
    let prefix = domain.prefix()?;
    apart(|| for_set!(set, check(public, &[&prefix, message], signature)))
}

#[cfg(test)]
mod tests;
