//! Random numbers: the engine's CTR_DRBG, seeded by the operating system, safe across fork.
//!
//! A copy of a virtual machine is a fork that nobody notices: both go on with one state of the generator. So each call
//! adds fresh bytes of the operating system (prediction resistance, NIST SP 800-90A section 8.8), which costs less
//! than a microsecond.

use super::{Error, Result, succeed};
use crate::secret::Secret;

/// Bytes that the engine takes from outside for each call.
const FRESH: usize = 32;

/// Fills `buffer` with random bytes.
pub fn fill(buffer: &mut [u8]) -> Result<()> {
    let mut fresh = Secret::zeroed(FRESH);
    getrandom::fill(fresh.as_mut_bytes()).map_err(|_| Error::Random)?;
    // SAFETY: pointer and length are those of one live, writable slice; the last argument has the length that the engine
    // wants (RAND_PRED_RESISTANCE_LEN).
    let code = unsafe {
        aws_lc_sys::RAND_bytes_with_user_prediction_resistance(
            buffer.as_mut_ptr(),
            buffer.len(),
            fresh.as_bytes().as_ptr(),
        )
    };
    succeed(code, Error::Random)
}

/// Makes the state of this thread's generator anew, before the engine draws a key from it.
pub fn renew() -> Result<()> {
    fill(&mut [0])
}

/// `length` fresh random bytes, wiped when dropped.
pub fn secret(length: usize) -> Result<Secret> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    bytes.resize(length, 0);
    let mut secret = Secret::new(bytes);
    fill(secret.as_mut_bytes())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_differ_and_may_be_none_at_all() {
        let (first, second) = (secret(32).unwrap(), secret(32).unwrap());
        assert_ne!(first, second);
        assert_eq!(secret(0).unwrap().len(), 0);
    }

    #[test]
    fn an_absurd_length_is_an_error_and_no_abort() {
        assert_eq!(secret(usize::MAX).err(), Some(Error::Memory));
    }
}
