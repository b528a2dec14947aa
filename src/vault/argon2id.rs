//! Argon2id (RFC 9106): the key derivation that costs memory as well as time, so that guessing on graphics cards pays less.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use super::Error;
use super::seal::Key;
use crate::secret::Secret;

/// What one derivation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    pub memory_mib: u16,
    pub passes: u8,
    pub lanes: u8,
}

impl Default for Argon2Cost {
    /// The second recommended choice of RFC 9106 section 4.
    fn default() -> Self {
        Self { memory_mib: 64, passes: 3, lanes: 4 }
    }
}

impl Argon2Cost {
    /// A doctored file can neither make guessing cheaper nor take all memory or hours: 19 MiB and 2 passes are the least, 1 GiB, 16
    /// passes and 16 lanes the most.
    pub(super) fn is_allowed(self) -> bool {
        (19..=1024).contains(&self.memory_mib)
            && (2..=16).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
    }

    /// As files have it: passes, lanes, memory.
    pub fn encode(self) -> u32 {
        let [low, high] = self.memory_mib.to_le_bytes();
        u32::from_le_bytes([self.passes, self.lanes, low, high])
    }

    pub fn decode(cost: u32) -> Self {
        let [passes, lanes, low, high] = cost.to_le_bytes();
        Self { memory_mib: u16::from_le_bytes([low, high]), passes, lanes }
    }
}

/// Derives a key. [`Error::KdfRefused`] for a cost outside the limits, [`Error::TooLarge`] where there is no memory.
pub(super) fn derive(pin: &Secret, salt: &[u8; 32], cost: Argon2Cost) -> Result<Key, Error> {
    if !cost.is_allowed() {
        return Err(Error::KdfRefused);
    }
    let memory = u32::from(cost.memory_mib) * 1024;
    let params = Params::new(memory, cost.passes.into(), cost.lanes.into(), Some(32))
        .map_err(|_| Error::KdfRefused)?;
    // An allocation that fails would end the process: it is tried first.
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(params.block_count()).map_err(|_| Error::TooLarge)?;
    blocks.resize(params.block_count(), Block::default());
    let mut key = Key::default();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let derived = argon2.hash_password_into_with_memory(pin.as_bytes(), salt, &mut *key, &mut blocks);
    blocks.iter_mut().for_each(Zeroize::zeroize);
    derived.map(|()| key).map_err(|_| Error::KdfRefused)
}

/// 32 bytes from a passphrase, for files beside the token. Errors: those of a PIN.
pub fn argon2id(passphrase: &Secret, salt: &[u8; 32], cost: Argon2Cost) -> Result<Secret, Error> {
    derive(passphrase, salt, cost).map(|key| Secret::copy_of(&*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_9106_is_computed() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .output_len(32)
            .build()
            .unwrap();
        let argon2 =
            Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params.clone()).unwrap();
        let mut blocks = vec![Block::default(); params.block_count()];
        let mut tag = [0; 32];
        argon2.hash_password_into_with_memory(&[1; 32], &[2; 16], &mut tag, &mut blocks).unwrap();
        assert_eq!(hex::encode(tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    #[test]
    fn a_cost_outside_the_limits_is_refused_before_any_work() {
        let cost = Argon2Cost { memory_mib: 19, passes: 2, lanes: 1 };
        assert_eq!(Argon2Cost::decode(cost.encode()), cost);
        for cost in [
            Argon2Cost { memory_mib: 18, ..cost },
            Argon2Cost { memory_mib: 1025, ..cost },
            Argon2Cost { passes: 1, ..cost },
            Argon2Cost { passes: 17, ..cost },
            Argon2Cost { lanes: 0, ..cost },
            Argon2Cost { lanes: 17, ..cost },
        ] {
            assert_eq!(derive(&Secret::copy_of(b"1234"), &[0; 32], cost).err(), Some(Error::KdfRefused));
        }
    }
}
