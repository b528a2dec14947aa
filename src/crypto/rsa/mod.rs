//! RSA (RFC 8017): keys, and the two raw transformations that everything else is made of.
//!
//! The engine blinds every private operation and checks its result with the public exponent before it gives it out,
//! so that a computing fault cannot leak a prime.

mod encryption;
mod generate;
mod recover;
mod rejection;
mod signature;
mod x931;

use aws_lc_sys::{BIGNUM, RSA, RSA_free};
use std::ptr;

use super::digest::Hash;
use super::number::Number;
use super::{Error, Owned, Result, succeed};
use crate::secret::Secret;

pub use encryption::max_oaep_len;
pub use generate::generate;
pub use signature::{PKCS1_OVERHEAD, digest_info_prefix, max_salt_len};
pub use x931::X931_OVERHEAD;

/// The smallest and the largest modulus that is accepted at all, in bits. Mechanisms may ask for more.
pub const MIN_BITS: usize = 512;
pub const MAX_BITS: usize = 16384;

/// Bits by which a power must be longer than the modulus, so that nobody tries all multiples of it.
const ROOT_MARGIN: usize = 128;

/// Longer public exponents need the engine's consent (they make the public operation slow).
const USUAL_EXPONENT_BITS: usize = 33;

/// The numbers of a private key (RFC 8017 section 3.2), big-endian, without leading zeros.
#[derive(Clone)]
pub struct Components {
    pub modulus: Vec<u8>,
    pub public_exponent: Vec<u8>,
    pub private_exponent: Secret,
    pub crt: Option<Crt>,
}

/// What makes the private operation fast. The last three may be empty: they follow from the primes.
#[derive(Clone)]
pub struct Crt {
    pub prime_1: Secret,
    pub prime_2: Secret,
    pub exponent_1: Secret,
    pub exponent_2: Secret,
    pub coefficient: Secret,
}

/// A public key, ready for use.
pub struct PublicKey {
    rsa: Owned<RSA>,
    bits: usize,
}

/// A private key, ready for use.
pub struct PrivateKey {
    rsa: Owned<RSA>,
    bits: usize,
    /// SHA-256 of the private exponent, from which the answers to wrongly padded ciphertexts are derived.
    rejection_seed: Secret,
}

// SAFETY: an RSA structure may be used by several threads at once as long as none changes it (`openssl/rsa.h`);
// after construction nothing here does. Its caches (Montgomery contexts, blindings) have a lock of their own that the
// engine holds only to hand out an entry, never during the arithmetic.
unsafe impl Sync for PublicKey {}
// SAFETY: as for `PublicKey`.
unsafe impl Sync for PrivateKey {}

impl PublicKey {
    /// Modulus and public exponent, big-endian. Errors: `KeySize`, and `PublicKey` where they cannot be a key's
    /// (an even modulus; an exponent that is even, 1, or not below the modulus).
    pub fn new(modulus: &[u8], public_exponent: &[u8]) -> Result<Self> {
        let (n, e) = (Number::from_bytes(modulus)?, Number::from_bytes(public_exponent)?);
        let bits = checked_size(&n)?;
        // SAFETY: two live numbers, which the engine copies and checks; the result is ours.
        let rsa = unsafe {
            let rsa = if e.bits() <= USUAL_EXPONENT_BITS {
                aws_lc_sys::RSA_new_public_key(n.as_ptr(), e.as_ptr())
            } else {
                aws_lc_sys::RSA_new_public_key_large_e(n.as_ptr(), e.as_ptr())
            };
            Owned::new(rsa, RSA_free).map_err(|_| Error::PublicKey)?
        };
        Ok(Self { rsa, bits })
    }

    /// Length of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Length of the modulus, and so of every ciphertext and signature, in bytes.
    pub fn modulus_len(&self) -> usize {
        self.bits.div_ceil(8)
    }

    fn modulus(&self) -> Result<Number> {
        // SAFETY: a live key with a modulus, which lives as long as it.
        unsafe { Number::copy_of(aws_lc_sys::RSA_get0_n(self.rsa.as_ptr())) }
    }

    /// True where the power of a message of so many bytes is far larger than the modulus. Otherwise the ciphertext is the
    /// power itself, or that and a few times the modulus, and its root is the message.
    pub fn reduces(&self, message_len: usize) -> Result<bool> {
        // SAFETY: a live key with an exponent, which lives as long as it.
        let exponent = unsafe { Number::copy_of(aws_lc_sys::RSA_get0_e(self.rsa.as_ptr())) }?;
        let exponent = exponent
            .to_public()?
            .iter()
            .fold(0usize, |number, byte| number.saturating_mul(256).saturating_add(usize::from(*byte)));
        Ok(exponent.saturating_mul(message_len.saturating_mul(8)) >= self.bits + ROOT_MARGIN)
    }

    /// The raw public operation on a block of exactly `modulus_len` bytes. `Data`: it is not below the modulus.
    pub fn raw(&self, block: &[u8]) -> Result<Vec<u8>> {
        if block.len() != self.modulus_len() {
            return Err(Error::Length);
        }
        let mut result = vec![0; self.modulus_len()];
        let mut written = 0;
        // SAFETY: the key is live and not changed; pointers and lengths are those of live slices, and the engine
        // writes at most `result.len()` bytes.
        let code = unsafe {
            aws_lc_sys::RSA_verify_raw(
                self.rsa.as_ptr().cast_mut(),
                &mut written,
                result.as_mut_ptr(),
                result.len(),
                block.as_ptr(),
                block.len(),
                aws_lc_sys::RSA_NO_PADDING,
            )
        };
        succeed(code, Error::Data)?;
        Ok(result)
    }
}

impl PrivateKey {
    /// Checks the numbers against each other, and finds the primes where they are missing (the operation is some
    /// eight times faster with them). Errors: `KeySize`; `Key` where the numbers do not belong together.
    pub fn new(components: &Components) -> Result<Self> {
        let n = Number::from_bytes(&components.modulus)?;
        let e = Number::from_bytes(&components.public_exponent)?;
        let d = Number::from_bytes(components.private_exponent.as_bytes())?;
        let bits = checked_size(&n)?;
        if !n.is_odd() || !e.is_odd() || e.is_one() || d.is_zero() || d.bits() > bits || e.bits() > bits {
            return Err(Error::Key);
        }
        let crt = match &components.crt {
            Some(crt) => recover::Factors::given(crt, &n, &d)?,
            None => recover::Factors::found(&n, &e, &d)?,
        };
        let make = if e.bits() <= USUAL_EXPONENT_BITS {
            aws_lc_sys::RSA_new_private_key
        } else {
            aws_lc_sys::RSA_new_private_key_large_e
        };
        // SAFETY: eight live numbers, which the engine copies and checks; the result is ours.
        let rsa = unsafe {
            let rsa = make(
                n.as_ptr(),
                e.as_ptr(),
                d.as_ptr(),
                crt.p.as_ptr(),
                crt.q.as_ptr(),
                crt.dp.as_ptr(),
                crt.dq.as_ptr(),
                crt.qinv.as_ptr(),
            );
            Owned::new(rsa, RSA_free).map_err(|_| Error::Key)?
        };
        Self::over(rsa)
    }

    /// Takes over a complete key of the engine.
    fn over(rsa: Owned<RSA>) -> Result<Self> {
        // SAFETY: a live key; its numbers live as long as it does.
        let (bits, d) = unsafe {
            (aws_lc_sys::RSA_bits(rsa.as_ptr()), Number::copy_of(aws_lc_sys::RSA_get0_d(rsa.as_ptr()))?)
        };
        let bits = bits as usize;
        let padded = d.to_secret_of(bits.div_ceil(8))?;
        let rejection_seed = Secret::copy_of(Hash::Sha256.digest(padded.as_bytes())?.as_bytes());
        Ok(Self { rsa, bits, rejection_seed })
    }

    /// Length of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Length of the modulus, and so of every ciphertext and signature, in bytes.
    pub fn modulus_len(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey> {
        let numbers = self.components()?;
        PublicKey::new(&numbers.modulus, &numbers.public_exponent)
    }

    /// All numbers of the key, the CRT parts included.
    pub fn components(&self) -> Result<Components> {
        let (mut n, mut e, mut d) = (ptr::null(), ptr::null(), ptr::null());
        let (mut p, mut q) = (ptr::null(), ptr::null());
        let (mut dp, mut dq, mut qinv) = (ptr::null(), ptr::null(), ptr::null());
        // SAFETY: a live key that is not changed; the engine stores pointers to numbers that live as long as it.
        unsafe {
            aws_lc_sys::RSA_get0_key(self.rsa.as_ptr(), &mut n, &mut e, &mut d);
            aws_lc_sys::RSA_get0_factors(self.rsa.as_ptr(), &mut p, &mut q);
            aws_lc_sys::RSA_get0_crt_params(self.rsa.as_ptr(), &mut dp, &mut dq, &mut qinv);
        }
        let secret = |number: *const BIGNUM| {
            // SAFETY: NULL or a number of the key, see above.
            unsafe { Number::copy_of(number) }?.to_secret()
        };
        Ok(Components {
            modulus: secret(n)?.as_bytes().to_vec(),
            public_exponent: secret(e)?.as_bytes().to_vec(),
            private_exponent: secret(d)?,
            crt: Some(Crt {
                prime_1: secret(p)?,
                prime_2: secret(q)?,
                exponent_1: secret(dp)?,
                exponent_2: secret(dq)?,
                coefficient: secret(qinv)?,
            }),
        })
    }

    /// The raw private operation on a block of exactly `modulus_len` bytes. `Data`: it is not below the modulus.
    pub fn raw(&self, block: &[u8]) -> Result<Secret> {
        if block.len() != self.modulus_len() {
            return Err(Error::Length);
        }
        if let Some(trivial) = self.trivial(block)? {
            return Ok(trivial);
        }
        let mut result = Secret::zeroed(self.modulus_len());
        self.transform(block, aws_lc_sys::RSA_NO_PADDING, result.as_mut_bytes())?;
        Ok(result)
    }

    /// Zero, one and the modulus less one, which the engine does not take, are their own results.
    fn trivial(&self, block: &[u8]) -> Result<Option<Secret>> {
        let (number, modulus) = (Number::from_bytes(block)?, self.modulus()?);
        if number.compare(&modulus).is_ge() {
            return Err(Error::Data);
        }
        let from_modulus = modulus.minus(&number)?;
        let own = number.is_zero() || number.is_one() || from_modulus.is_one();
        Ok(own.then(|| Secret::copy_of(block)))
    }

    fn modulus(&self) -> Result<Number> {
        // SAFETY: a live key with a modulus, which lives as long as it.
        unsafe { Number::copy_of(aws_lc_sys::RSA_get0_n(self.rsa.as_ptr())) }
    }

    /// Pads as told and applies the private operation; `result` has `modulus_len` bytes.
    fn transform(&self, input: &[u8], padding: i32, result: &mut [u8]) -> Result<()> {
        if result.len() < self.modulus_len() {
            return Err(Error::Buffer);
        }
        let mut written = 0;
        // SAFETY: the key is live and not changed but for its locked caches; pointers and lengths are those of live
        // slices, and the engine writes at most `result.len()` bytes.
        let code = unsafe {
            aws_lc_sys::RSA_sign_raw(
                self.rsa.as_ptr().cast_mut(),
                &mut written,
                result.as_mut_ptr(),
                result.len(),
                input.as_ptr(),
                input.len(),
                padding,
            )
        };
        succeed(code, Error::Data)
    }
}

fn checked_size(modulus: &Number) -> Result<usize> {
    let bits = modulus.bits();
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(Error::KeySize);
    }
    Ok(bits)
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
