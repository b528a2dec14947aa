//! Finite-field cryptography: the domain parameters of DSA (FIPS 186-4) and of both kinds of Diffie-Hellman (PKCS #3,
//! ANSI X9.42), and what is computed in their groups. Numbers are big-endian.

mod groups;
mod parameters;

use super::number::{Number, Scratch};
use super::{Error, Result};
use crate::secret::Secret;

pub use groups::group;
pub use parameters::{generate, safe_prime};

/// Sizes of the prime that are taken at all, in bits.
pub const MIN_BITS: usize = 512;
pub const MAX_BITS: usize = 8192;

/// The fewest bits of a private value whose template asks for a short one.
pub const MIN_PRIVATE_BITS: usize = 160;

/// The group of an odd prime p, a base g and, where it is known, the prime q that is the order of g.
pub struct Domain {
    p: Number,
    q: Option<Number>,
    g: Number,
}

impl Domain {
    /// Errors: `KeySize` for a prime of another size; `Parameters` where p is even, g is not from 2 to p - 2, or q does
    /// not divide p - 1 or is not the order of g. Whether p and q are primes is not checked: that takes long, and who
    /// may choose them can choose worse.
    pub fn new(prime: &[u8], subprime: Option<&[u8]>, base: &[u8]) -> Result<Self> {
        let (p, g) = (Number::from_bytes(prime)?, Number::from_bytes(base)?);
        if !(MIN_BITS..=MAX_BITS).contains(&p.bits()) {
            return Err(Error::KeySize);
        }
        if !p.is_odd() {
            return Err(Error::Parameters);
        }
        let mut domain = Self { p, q: None, g };
        if !domain.in_range(&domain.g)? {
            return Err(Error::Parameters);
        }
        if let Some(subprime) = subprime {
            let scratch = &mut Scratch::new()?;
            let q = Number::from_bytes(subprime)?;
            if q.bits() < MIN_PRIVATE_BITS || !q.is_odd() || q.compare(&domain.p).is_ge() {
                return Err(Error::Parameters);
            }
            let (_, remainder) = domain.p.minus(&Number::one()?)?.divided_by(&q, scratch)?;
            if !remainder.is_zero() || !domain.g.power(&q, &domain.p, scratch)?.is_one() {
                return Err(Error::Parameters);
            }
            domain.q = Some(q);
        }
        Ok(domain)
    }

    /// Length of the prime in bits.
    pub fn bits(&self) -> usize {
        self.p.bits()
    }

    /// Length of the prime, and so of shared secrets, in bytes.
    pub fn prime_len(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// True for 2 to p - 2.
    fn in_range(&self, number: &Number) -> Result<bool> {
        let above = !number.is_zero() && !number.is_one();
        Ok(above && number.compare(&self.p.minus(&Number::one()?)?).is_lt())
    }

    /// NIST SP 800-56A section 5.6.2.3.1: the value is from 2 to p - 2 and, where the order is known, in the subgroup:
    /// either because q is given, or because p is a prime of a named group whose base is 2. `PublicKey` otherwise.
    pub fn check_public(&self, value: &[u8]) -> Result<()> {
        let value = Number::from_bytes(value)?;
        if !self.in_range(&value)? {
            return Err(Error::PublicKey);
        }
        let named;
        let order = match &self.q {
            Some(q) => Some(q),
            None => {
                named = self.named_order()?;
                named.as_ref()
            }
        };
        match order {
            Some(q) if !value.power(q, &self.p, &mut Scratch::new()?)?.is_one() => Err(Error::PublicKey),
            _ => Ok(()),
        }
    }

    /// (p - 1) / 2 for the safe primes of the named groups with the base 2, which makes the subgroup of that order.
    fn named_order(&self) -> Result<Option<Number>> {
        if self.g.compare(&Number::from_bytes(&[2])?).is_ne() || !groups::is_named(&self.p)? {
            return Ok(None);
        }
        let (half, _) = self.p.minus(&Number::one()?)?.odd_part()?;
        Ok(Some(half))
    }

    /// Checks that a private value is from 1 to q - 1, or to p - 2 where q is not known. `Key` otherwise.
    pub fn check_private(&self, value: &[u8]) -> Result<()> {
        let value = Number::from_bytes(value)?;
        let bound = match &self.q {
            Some(q) => q,
            None => &self.p.minus(&Number::one()?)?,
        };
        if value.is_zero() || value.compare(bound).is_ge() { Err(Error::Key) } else { Ok(()) }
    }

    /// The public value of a private one: g to its power.
    pub fn public_of(&self, private: &[u8]) -> Result<Vec<u8>> {
        let private = Number::from_bytes(private)?;
        self.g.power(&private, &self.p, &mut Scratch::new()?)?.to_public()
    }

    /// The shared secret, as long as the prime: PKCS #3 section 7.3 and SP 800-56A keep its leading zeros. `PublicKey`:
    /// see `check_public`; the result is never one.
    pub fn agree(&self, private: &[u8], public: &[u8]) -> Result<Secret> {
        self.check_public(public)?;
        let (private, public) = (Number::from_bytes(private)?, Number::from_bytes(public)?);
        let shared = public.power(&private, &self.p, &mut Scratch::new()?)?;
        if shared.is_zero() || shared.is_one() {
            return Err(Error::PublicKey);
        }
        shared.to_secret_of(self.prime_len())
    }

    /// A new private value. With q: from 2 to q - 1. Without: of exactly `bits` bits, where that is asked for; of twice
    /// the security strength in a named group (SP 800-56A section 5.6.1.1.1); else from 2 to p - 2. `Argument`: fewer
    /// than `MIN_PRIVATE_BITS` bits, or not fewer than p has.
    pub fn random_private(&self, bits: Option<usize>) -> Result<Secret> {
        let bits = match bits {
            Some(bits) if (MIN_PRIVATE_BITS..self.bits()).contains(&bits) => Some(bits),
            Some(_) => return Err(Error::Argument),
            None if self.q.is_none() && self.named_order()?.is_some() => {
                Some(groups::private_bits(self.bits()))
            }
            None => None,
        };
        match (bits, &self.q) {
            (Some(bits), _) => Number::random_of_bits(bits)?.to_secret(),
            (None, Some(q)) => Number::random_below(q)?.to_secret(),
            (None, None) => Number::random_below(&self.p.minus(&Number::one()?)?)?.to_secret(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
