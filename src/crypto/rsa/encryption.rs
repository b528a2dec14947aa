//! RSA encryption: RSAES-OAEP and RSAES-PKCS1-v1_5 (RFC 8017 sections 7.1 and 7.2).

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::super::digest::Hash;
use super::super::{Error, Result, succeed};
use super::signature::PKCS1_OVERHEAD;
use super::{PrivateKey, PublicKey};
use crate::secret::Secret;

impl PublicKey {
    /// Block type 2. `Length`: the data has more than `modulus_len` - 11 bytes.
    pub fn encrypt_pkcs1(&self, data: &[u8]) -> Result<Vec<u8>> {
        if data.len() + PKCS1_OVERHEAD > self.modulus_len() {
            return Err(Error::Length);
        }
        self.encrypt(data, aws_lc_sys::RSA_PKCS1_PADDING)
    }

    /// RSAES-OAEP. `Length`: the data has more than `max_oaep_len` bytes, or the key is too small for the hash.
    pub fn encrypt_oaep(&self, hash: Hash, mgf_hash: Hash, label: &[u8], data: &[u8]) -> Result<Vec<u8>> {
        if max_oaep_len(self.modulus_len(), hash).is_none_or(|most| data.len() > most) {
            return Err(Error::Length);
        }
        let mut block = Secret::zeroed(self.modulus_len());
        // SAFETY: pointers and lengths are those of live slices; the engine writes the whole block.
        let code = unsafe {
            aws_lc_sys::RSA_padding_add_PKCS1_OAEP_mgf1(
                block.as_mut_bytes().as_mut_ptr(),
                block.len(),
                data.as_ptr(),
                data.len(),
                label.as_ptr(),
                label.len(),
                hash.engine(),
                mgf_hash.engine(),
            )
        };
        succeed(code, Error::Engine)?;
        self.encrypt(block.as_bytes(), aws_lc_sys::RSA_NO_PADDING)
    }

    fn encrypt(&self, input: &[u8], padding: i32) -> Result<Vec<u8>> {
        let mut ciphertext = vec![0; self.modulus_len()];
        let mut written = 0;
        // SAFETY: the key is live and not changed but for its locked caches; pointers and lengths are those of live
        // slices, and the engine writes at most `ciphertext.len()` bytes.
        let code = unsafe {
            aws_lc_sys::RSA_encrypt(
                self.rsa.as_ptr().cast_mut(),
                &mut written,
                ciphertext.as_mut_ptr(),
                ciphertext.len(),
                input.as_ptr(),
                input.len(),
                padding,
            )
        };
        succeed(code, Error::Data)?;
        Ok(ciphertext)
    }
}

/// The longest message that OAEP with this hash takes under a modulus of `key_len` bytes.
pub fn max_oaep_len(key_len: usize, hash: Hash) -> Option<usize> {
    key_len.checked_sub(2 * hash.output_len() + 2)
}

impl PrivateKey {
    /// Decrypts block type 2 with implicit rejection: a wrongly padded ciphertext gives a message that depends on key
    /// and ciphertext alone and looks as random as a real one, so that nobody learns whether the padding was right
    /// (draft-irtf-cfrg-rsa-guidance). Errors tell only what everybody sees: `Length`, and `Data` for a number that is
    /// not below the modulus.
    pub fn decrypt_pkcs1(&self, ciphertext: &[u8]) -> Result<Secret> {
        let block = self.raw(ciphertext)?;
        let alternative = super::rejection::Alternative::new(&self.rejection_seed, ciphertext)?;
        Ok(alternative.unpad(block.as_bytes()))
    }

    /// RSAES-OAEP. Errors: `Length` and `Data` as for `decrypt_pkcs1`, and one and the same `Decrypt` for everything
    /// that is wrong inside.
    pub fn decrypt_oaep(
        &self,
        hash: Hash,
        mgf_hash: Hash,
        label: &[u8],
        ciphertext: &[u8],
    ) -> Result<Secret> {
        max_oaep_len(self.modulus_len(), hash).ok_or(Error::Length)?;
        let mut block = self.raw(ciphertext)?;
        let (first, rest) = block.as_mut_bytes().split_at_mut(1);
        let (seed, data) = rest.split_at_mut(hash.output_len());
        mask(seed, data, mgf_hash)?;
        mask(data, seed, mgf_hash)?;
        let (label_hash, padded) = data.split_at(hash.output_len());
        let good = first.ct_eq(&[0]) & label_hash.ct_eq(hash.digest(label)?.as_bytes());
        let (found, start) = message_start(padded);
        // Whether the padding was right is public from here on, but not where it was wrong.
        if !bool::from(good & found) {
            return Err(Error::Decrypt);
        }
        padded.get(start..).map(Secret::copy_of).ok_or(Error::Decrypt)
    }
}

/// Finds the 01 that ends the zeros; looks at every byte whatever stands there.
fn message_start(padded: &[u8]) -> (Choice, usize) {
    let (mut found, mut valid, mut start) = (Choice::from(0), Choice::from(1), 0u64);
    for (index, byte) in (0u64..).zip(padded) {
        let one = byte.ct_eq(&1);
        let zero = byte.ct_eq(&0);
        start.conditional_assign(&(index + 1), one & !found);
        valid &= found | one | zero;
        found |= one;
    }
    (found & valid, usize::try_from(start).unwrap_or(usize::MAX))
}

/// XORs `target` with MGF1 of `seed` (RFC 8017 appendix B.2.1).
fn mask(target: &mut [u8], seed: &[u8], hash: Hash) -> Result<()> {
    for (counter, chunk) in (0u32..).zip(target.chunks_mut(hash.output_len())) {
        let mut hasher = super::super::digest::Hasher::new(hash)?;
        hasher.update(seed)?;
        hasher.update(&counter.to_be_bytes())?;
        let stream = hasher.finish()?;
        for (byte, key) in chunk.iter_mut().zip(stream.as_bytes()) {
            *byte ^= key;
        }
    }
    Ok(())
}
