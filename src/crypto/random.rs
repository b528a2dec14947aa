//! Random numbers: the engine's CTR_DRBG, seeded by the operating system, safe across fork.

use super::{Error, Result, succeed};
use crate::secret::Secret;

/// Fills `buffer` with random bytes.
pub fn fill(buffer: &mut [u8]) -> Result<()> {
    // SAFETY: pointer and length are those of one live, writable slice.
    let code = unsafe { aws_lc_sys::RAND_bytes(buffer.as_mut_ptr(), buffer.len()) };
    succeed(code, Error::Random)
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
