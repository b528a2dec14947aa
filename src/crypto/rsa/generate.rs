//! RSA key generation (FIPS 186-5 appendix A.1.3: probable primes).

use aws_lc_sys::{RSA_free, RSA_new};
use std::ptr;

use super::super::number::{Number, Scratch};
use super::super::{Error, Owned, Result, succeed};
use super::{Components, Crt, MAX_BITS, MIN_BITS, PrivateKey, PublicKey};

/// The engine rounds other sizes down to a multiple of this.
const ENGINE_STEP: usize = 128;
/// The engine makes no keys with longer public exponents.
const ENGINE_EXPONENT_BITS: usize = 32;

/// Makes a key whose modulus has exactly `bits` bits (an even number). Errors: `KeySize`; `Argument` where the public
/// exponent is even, below 3 or longer than 256 bits.
pub fn generate(bits: usize, public_exponent: &[u8]) -> Result<PrivateKey> {
    if !(MIN_BITS..=MAX_BITS).contains(&bits) || !bits.is_multiple_of(2) {
        return Err(Error::KeySize);
    }
    let e = Number::from_bytes(public_exponent)?;
    if !e.is_odd() || e.is_one() || e.bits() > 256 {
        return Err(Error::Argument);
    }
    let key = if bits.is_multiple_of(ENGINE_STEP) && e.bits() <= ENGINE_EXPONENT_BITS {
        by_engine(bits, &e)?
    } else {
        by_hand(bits, &e)?
    };
    if key.bits() != bits {
        return Err(Error::Engine);
    }
    check_pair(&key, &key.public()?)?;
    Ok(key)
}

/// The pairwise check: what the private key signs, the public one verifies. `Engine` otherwise.
fn check_pair(private: &PrivateKey, public: &PublicKey) -> Result<()> {
    let mut signature = vec![0; private.modulus_len()];
    private.sign_pkcs1(b"pairwise check", &mut signature)?;
    public.verify_pkcs1(b"pairwise check", &signature).map_err(|_| Error::Engine)
}

fn by_engine(bits: usize, e: &Number) -> Result<PrivateKey> {
    let bits = i32::try_from(bits).map_err(|_| Error::KeySize)?;
    // SAFETY: a new key, released by its own function.
    let mut rsa = unsafe { Owned::new(RSA_new(), RSA_free)? };
    // SAFETY: a live key that nobody else sees, a live number; the engine takes NULL for no callback.
    let code =
        unsafe { aws_lc_sys::RSA_generate_key_ex(rsa.as_mut_ptr(), bits, e.as_ptr(), ptr::null_mut()) };
    succeed(code, Error::Engine)?;
    PrivateKey::over(rsa)
}

/// The same for the sizes and exponents that the engine's generator does not offer.
fn by_hand(bits: usize, e: &Number) -> Result<PrivateKey> {
    let scratch = &mut Scratch::new()?;
    let one = Number::one()?;
    let half = bits / 2;
    loop {
        let (p, q) = (prime(half, e, scratch)?, prime(half, e, scratch)?);
        let (p, q) = if p.compare(&q).is_lt() { (q, p) } else { (p, q) };
        if p.minus(&q)?.bits() <= half.saturating_sub(100) {
            continue;
        }
        let n = p.times(&q, scratch)?;
        let (p_less, q_less) = (p.minus(&one)?, q.minus(&one)?);
        let common = p_less.gcd(&q_less, scratch)?;
        let (totient, _) = p_less.times(&q_less, scratch)?.divided_by(&common, scratch)?;
        let d = e.inverse(&totient, scratch)?;
        if n.bits() != bits || d.bits() <= half {
            continue;
        }
        let empty = crate::secret::Secret::default;
        return PrivateKey::new(&Components {
            modulus: n.to_public()?,
            public_exponent: e.to_public()?,
            private_exponent: d.to_secret()?,
            crt: Some(Crt {
                prime_1: p.to_secret()?,
                prime_2: q.to_secret()?,
                exponent_1: empty(),
                exponent_2: empty(),
                coefficient: empty(),
            }),
        });
    }
}

/// A prime with `prime - 1` coprime to the public exponent.
fn prime(bits: usize, e: &Number, scratch: &mut Scratch) -> Result<Number> {
    let one = Number::one()?;
    loop {
        let prime = Number::random_prime(bits)?;
        if prime.minus(&one)?.gcd(e, scratch)?.is_one() {
            return Ok(prime);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_two_pairs_fail_the_pairwise_check() {
        let [mine, other] = [generate(512, &[3]).unwrap(), generate(512, &[3]).unwrap()];
        check_pair(&mine, &mine.public().unwrap()).unwrap();
        assert_eq!(check_pair(&mine, &other.public().unwrap()), Err(Error::Engine));
    }
}
