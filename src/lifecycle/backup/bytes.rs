//! Reading bytes of a fixed layout, and digests of them.

use super::error::{Error, Result, damaged};
use crate::crypto::digest::{Hash, Hasher};
use crate::secret::Secret;

/// Bytes that are read from the front.
pub(in crate::lifecycle) struct Reader<'a> {
    rest: &'a [u8],
    /// What is read, for the error: "the share".
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(in crate::lifecycle) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn short(&self) -> Error {
        damaged(format!("{} ends too early", self.what))
    }

    pub(in crate::lifecycle) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(in crate::lifecycle) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| self.short())
    }

    pub(in crate::lifecycle) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Bytes behind their length in one byte.
    pub(in crate::lifecycle) fn short_text(&mut self) -> Result<&'a [u8]> {
        let length = self.u8()?;
        self.bytes(length.into())
    }

    /// Nothing may be left.
    pub(in crate::lifecycle) fn end(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(damaged(format!("{} is too long", self.what))) }
    }
}

/// Copies as many bytes as both have, from the front; answers how many.
pub(super) fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let length = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
    length
}

/// The parts, one behind the other, in memory for secrets.
pub(super) fn joined(parts: &[&[u8]]) -> Secret {
    let mut joined = Secret::zeroed(parts.iter().map(|part| part.len()).sum());
    let mut rest = joined.as_mut_bytes();
    for part in parts {
        let copied = copy(rest, part);
        rest = rest.get_mut(copied..).unwrap_or_default();
    }
    joined
}

/// SHA-256 of the parts, one behind the other.
pub(super) fn digest(parts: &[&[u8]]) -> Result<[u8; 32]> {
    let mut hasher = Hasher::new(Hash::Sha256)?;
    for part in parts {
        hasher.update(part)?;
    }
    let digest = hasher.finish()?;
    digest.as_bytes().try_into().map_err(|_| crate::crypto::Error::Engine.into())
}

/// The first 16 bytes of it.
pub(super) fn digest16(parts: &[&[u8]]) -> Result<[u8; 16]> {
    let mut first = [0; 16];
    for (place, byte) in first.iter_mut().zip(digest(parts)?) {
        *place = byte;
    }
    Ok(first)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
