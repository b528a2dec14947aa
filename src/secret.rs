//! Bytes that must not leak: they wipe themselves, compare in constant time and do not print. They lie in memory of their
//! own (`pages`).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::pages::Block;

/// Secret bytes of any length: a PIN, a key value, a decrypted record.
#[derive(Default)]
pub struct Secret {
    block: Block,
    /// How many bytes of the block count.
    len: usize,
}

impl Secret {
    /// Takes over bytes that the caller already holds, and wipes the caller's.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self::copy_of(&Zeroizing::new(bytes))
    }

    /// Copies bytes that somebody else owns.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self { block: Block::copy_of(bytes), len: bytes.len() }
    }

    /// `length` zero bytes, to be filled by the caller.
    pub fn zeroed(length: usize) -> Self {
        Self { block: Block::zeroed(length), len: length }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.block.get(..self.len).unwrap_or_default()
    }

    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.block.get_mut(..self.len).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Shortens the value to `length` bytes and wipes the rest.
    pub fn truncate(&mut self, length: usize) {
        if let Some(rest) = self.block.get_mut(length..) {
            rest.zeroize();
        }
        self.len = self.len.min(length);
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::copy_of(self.as_bytes())
    }
}

impl Zeroize for Secret {
    /// Wipes the bytes; none are left.
    fn zeroize(&mut self) {
        *self = Self::default();
    }
}

impl ZeroizeOnDrop for Secret {}

/// As plain bytes: the length and each byte.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::new)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_its_bytes() {
        assert_eq!(format!("{:?}", Secret::copy_of(b"1234")), "Secret(4 bytes)");
    }

    #[test]
    fn secrets_are_equal_only_with_the_same_bytes_and_length() {
        assert_eq!(Secret::copy_of(b"abc"), Secret::copy_of(b"abc"));
        assert_ne!(Secret::copy_of(b"abc"), Secret::copy_of(b"abd"));
        assert_ne!(Secret::copy_of(b"abc"), Secret::copy_of(b"ab"));
    }
}
