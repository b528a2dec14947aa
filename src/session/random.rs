//! Random numbers: C_GenerateRandom and C_SeedRandom (PKCS#11 section 5.19).

use crate::crypto;
use crate::error::{Error, Result};

use super::Session;

impl Session {
    pub fn generate_random(&self, buffer: &mut [u8]) -> Result<()> {
        crypto::random::fill(buffer)?;
        Ok(())
    }

    /// The generator seeds itself from the operating system and takes nothing from applications.
    pub fn seed_random(&self, _seed: &[u8]) -> Result<()> {
        Err(Error::RandomSeedNotSupported)
    }
}
