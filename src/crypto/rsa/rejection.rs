//! Implicit rejection for PKCS #1 v1.5 decryption (draft-irtf-cfrg-rsa-guidance section 7; what OpenSSL 3.2 does too,
//! so that a key gives the same answer everywhere).

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};

use super::super::digest::Hash;
use super::super::{Error, Result, clear_errors};
use crate::secret::Secret;

/// 00 02, at least eight bytes that are not zero, and the zero that ends them.
const HEADER: usize = 2;
const MIN_PADDING: usize = 8;

/// Candidates for the length of the alternative; one of them fits but with a probability of 2^-128.
const CANDIDATES: usize = 128;

/// The message that a wrongly padded ciphertext decrypts to.
pub(super) struct Alternative {
    /// As long as the block; the message is its tail.
    bytes: Secret,
    /// Length of the tail.
    length: u32,
}

impl Alternative {
    /// `seed`: SHA-256 of the private exponent. The ciphertext has the length of the modulus.
    pub(super) fn new(seed: &Secret, ciphertext: &[u8]) -> Result<Self> {
        let key = hmac(seed.as_bytes(), &[ciphertext])?;
        let bytes = expand(&key, b"message", ciphertext.len())?;
        let lengths = expand(&key, b"length", CANDIDATES * 2)?;
        let bound = u32::try_from(ciphertext.len().saturating_sub(HEADER + MIN_PADDING))
            .map_err(|_| Error::Length)?;
        let mask = bound.checked_next_power_of_two().map_or(u32::MAX, |power| {
            // All bits of the bound: for a power of two itself that is one bit more.
            if power == bound { power.saturating_mul(2) - 1 } else { power - 1 }
        });
        let mut length = 0u32;
        for candidate in lengths.as_bytes().chunks_exact(2) {
            let candidate = candidate.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) & mask;
            length.conditional_assign(&candidate, candidate.ct_lt(&bound));
        }
        Ok(Self { bytes, length })
    }

    /// The message in a right block, this one otherwise; in constant time up to the length of what is given out.
    pub(super) fn unpad(self, block: &[u8]) -> Secret {
        let total = block.len();
        let mut good = block.first().map_or(Choice::from(0), |byte| byte.ct_eq(&0))
            & block.get(1).unwrap_or(&0).ct_eq(&2);
        let (mut found, mut separator) = (Choice::from(0), 0u32);
        for (index, byte) in (0u32..).zip(block).skip(HEADER) {
            let zero = byte.ct_eq(&0);
            separator.conditional_assign(&index, zero & !found);
            found |= zero;
        }
        good &= found & separator.ct_gt(&((HEADER + MIN_PADDING - 1) as u32));
        let alternative_start = (total as u32).saturating_sub(self.length);
        let start = u32::conditional_select(&alternative_start, &(separator + 1), good);
        let mut chosen = self.bytes;
        for (byte, real) in chosen.as_mut_bytes().iter_mut().zip(block) {
            byte.conditional_assign(real, good);
        }
        // The caller learns the length anyway.
        Secret::copy_of(chosen.as_bytes().get(start as usize..).unwrap_or(&[]))
    }
}

/// The pseudo-random function of the draft: HMAC-SHA-256 over a counter, a label and the length wanted in bits.
fn expand(key: &Secret, label: &[u8], length: usize) -> Result<Secret> {
    let bits = u16::try_from(length * 8).map_err(|_| Error::Length)?.to_be_bytes();
    let mut output = Secret::zeroed(length);
    for (counter, chunk) in (0u16..).zip(output.as_mut_bytes().chunks_mut(32)) {
        let block = hmac(key.as_bytes(), &[&counter.to_be_bytes(), label, &bits])?;
        for (byte, value) in chunk.iter_mut().zip(block.as_bytes()) {
            *byte = *value;
        }
    }
    Ok(output)
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Result<Secret> {
    let data = Secret::new(parts.concat());
    let mut code = Secret::zeroed(32);
    let mut written = 0;
    // SAFETY: pointers and lengths are those of live slices; HMAC-SHA-256 writes 32 bytes.
    let answer = unsafe {
        aws_lc_sys::HMAC(
            Hash::Sha256.engine(),
            key.as_ptr().cast(),
            key.len(),
            data.as_bytes().as_ptr(),
            data.len(),
            code.as_mut_bytes().as_mut_ptr(),
            &mut written,
        )
    };
    if answer.is_null() {
        clear_errors();
        return Err(Error::Engine);
    }
    Ok(code)
}
