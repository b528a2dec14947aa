//! The primes and the CRT exponents of a key that came without them.

use super::super::number::{Number, Scratch};
use super::super::{Error, Result};
use super::Crt;

/// Tries until the primes must have been found; each one fails for at most half of all numbers.
const TRIES: usize = 100;

/// The five CRT numbers of RFC 8017 section 3.2.
pub(super) struct Factors {
    pub p: Number,
    pub q: Number,
    pub dp: Number,
    pub dq: Number,
    pub qinv: Number,
}

impl Factors {
    /// Takes what the caller has, and computes what is empty. That the numbers belong together is checked later.
    pub(super) fn given(crt: &Crt, n: &Number, d: &Number) -> Result<Self> {
        let (p, q) =
            (Number::from_bytes(crt.prime_1.as_bytes())?, Number::from_bytes(crt.prime_2.as_bytes())?);
        for prime in [&p, &q] {
            if !prime.is_odd() || prime.is_one() || prime.compare(n).is_ge() {
                return Err(Error::Key);
            }
        }
        let computed = Self::from_primes(p, q, d)?;
        let or_given = |computed: Number, given: &crate::secret::Secret| {
            if given.is_empty() { Ok(computed) } else { Number::from_bytes(given.as_bytes()) }
        };
        Ok(Self {
            dp: or_given(computed.dp, &crt.exponent_1)?,
            dq: or_given(computed.dq, &crt.exponent_2)?,
            qinv: or_given(computed.qinv, &crt.coefficient)?,
            ..computed
        })
    }

    /// Factors the modulus with the help of the private exponent (NIST SP 800-56B revision 2, appendix C.1).
    pub(super) fn found(n: &Number, e: &Number, d: &Number) -> Result<Self> {
        let scratch = &mut Scratch::new()?;
        let one = Number::one()?;
        let last = n.minus(&one)?;
        // d·e - 1 is a multiple of the order of every element, so its odd part leads to roots of one.
        let (exponent, twos) = d.times(e, scratch)?.minus(&one)?.odd_part().map_err(|_| Error::Key)?;
        for _ in 0..TRIES {
            let mut root = Number::random_below(&last)?.power(&exponent, n, scratch)?;
            let mut squarings = twos;
            while !root.is_one() && !root.compare(&last).is_eq() {
                // Only for a wrong exponent is the root still another one: no use in trying on.
                squarings = squarings.checked_sub(1).ok_or(Error::Key)?;
                let square = root.squared(n, scratch)?;
                if square.is_one() {
                    let p = root.minus(&one)?.gcd(n, scratch)?;
                    let (q, rest) = n.divided_by(&p, scratch)?;
                    if !rest.is_zero() || p.is_one() || q.is_one() {
                        return Err(Error::Key);
                    }
                    // The larger prime first, as everybody has it.
                    let (p, q) = if p.compare(&q).is_lt() { (q, p) } else { (p, q) };
                    return Self::from_primes(p, q, d);
                }
                root = square;
            }
        }
        Err(Error::Key)
    }

    fn from_primes(p: Number, q: Number, d: &Number) -> Result<Self> {
        let scratch = &mut Scratch::new()?;
        let one = Number::one()?;
        let (_, dp) = d.divided_by(&p.minus(&one)?, scratch)?;
        let (_, dq) = d.divided_by(&q.minus(&one)?, scratch)?;
        let (_, q_reduced) = q.divided_by(&p, scratch)?;
        let qinv = q_reduced.inverse(&p, scratch).map_err(|_| Error::Key)?;
        Ok(Self { p, q, dp, dq, qinv })
    }
}
