//! Random numbers: C_GenerateRandom and C_SeedRandom (PKCS#11 section 5.19).

use crate::crypto::digest::{Hash, Hasher, Value};
use crate::crypto::{self, random};
use crate::error::Result;

use super::Session;

/// What applications have given with C_SeedRandom. It is mixed into random numbers: it can add to what the engine's
/// generator gives and take nothing away from it.
#[derive(Default)]
pub struct Seed {
    /// The digest of everything that was given; `None` before the first seed.
    digest: Option<Value>,
    /// Blocks that were made of this digest.
    blocks: u64,
}

impl Session {
    pub fn generate_random(&self, buffer: &mut [u8]) -> Result<()> {
        random::fill(buffer)?;
        if let Some(seed) = &mut self.state().seed {
            seed.mix_into(buffer)?;
        }
        Ok(())
    }

    /// The seed counts for this session.
    pub fn seed_random(&self, seed: &[u8]) -> Result<()> {
        self.state().seed.get_or_insert_default().take_in(seed)
    }
}

impl Seed {
    fn take_in(&mut self, seed: &[u8]) -> Result<()> {
        let mut hasher = Hasher::new(Hash::Sha512)?;
        if let Some(digest) = &self.digest {
            hasher.update(digest.as_bytes())?;
        }
        hasher.update(seed)?;
        self.digest = Some(hasher.finish()?);
        Ok(())
    }

    /// Adds SHA-512(digest, number of the block) to each block.
    fn mix_into(&mut self, buffer: &mut [u8]) -> Result<()> {
        let Some(digest) = &self.digest else { return Ok(()) };
        for block in buffer.chunks_mut(crypto::digest::MAX_LEN) {
            self.blocks = self.blocks.wrapping_add(1);
            let mut hasher = Hasher::new(Hash::Sha512)?;
            hasher.update(digest.as_bytes())?;
            hasher.update(&self.blocks.to_le_bytes())?;
            for (byte, mixed) in block.iter_mut().zip(hasher.finish()?.as_bytes()) {
                *byte ^= mixed;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-512 over the seed's digest and a counter, written out.
    #[test]
    fn a_seed_changes_every_block_differently() {
        let mut seed = Seed::default();
        let mut buffer = [0; 100];
        seed.mix_into(&mut buffer).unwrap();
        assert_eq!(buffer, [0; 100], "nothing was given");
        seed.take_in(b"seed").unwrap();
        seed.mix_into(&mut buffer).unwrap();
        let digest = Hash::Sha512.digest(b"seed").unwrap();
        let first = Hash::Sha512.digest(&[digest.as_bytes(), &1u64.to_le_bytes()].concat()).unwrap();
        let second = Hash::Sha512.digest(&[digest.as_bytes(), &2u64.to_le_bytes()].concat()).unwrap();
        assert_eq!(buffer[..64], *first.as_bytes());
        assert_eq!(buffer[64..], second.as_bytes()[..36]);
        let mut other = Seed::default();
        other.take_in(b"se").unwrap();
        other.take_in(b"ed").unwrap();
        let mut mixed = [0; 100];
        other.mix_into(&mut mixed).unwrap();
        assert_ne!(mixed, buffer);
    }
}
