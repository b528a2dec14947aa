//! GMAC (SP 800-38D section 3): GCM without a text, so that the tag authenticates the additional data alone.

use super::aead::Aead;
use super::aes::{Direction, Key};
use super::digest::{Accumulate, Value};
use super::gcm::{Gcm, MAX_AAD, TAG};
use super::{Error, Result};

/// A MAC in the making.
pub struct Gmac {
    gcm: Gcm,
    taken: u64,
}

impl Gmac {
    /// An IV serves one message. `Error::Argument` for an empty IV or one that the engine cannot take.
    pub fn new(key: &Key, iv: &[u8]) -> Result<Self> {
        Ok(Self { gcm: Gcm::new(key, Direction::Encrypt, iv, &[])?, taken: 0 })
    }
}

impl Accumulate for Gmac {
    fn output_len(&self) -> usize {
        TAG
    }

    /// `Error::Length` past the limit of SP 800-38D.
    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.taken = self.taken.checked_add(data.len() as u64).ok_or(Error::Length)?;
        if self.taken > MAX_AAD {
            return Err(Error::Length);
        }
        self.gcm.authenticate(data)
    }

    fn finish(self) -> Result<Value> {
        Value::copy_of(&self.gcm.tag()?)
    }
}
