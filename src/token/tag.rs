//! The tag that the token file keeps beside each record, so that objects are found without being opened.

use sha2::{Digest, Sha256};

use crate::ck::*;
use crate::object::Attributes;

/// Class, and digests of CKA_ID and CKA_LABEL. In the token file: 4 + 8 + 8 bytes, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub class: u32,
    pub id: u64,
    pub label: u64,
}

impl Tag {
    pub const LEN: usize = 20;

    pub fn of(attributes: &Attributes) -> Self {
        let class = attributes.ulong(CKA_CLASS).and_then(|class| u32::try_from(class).ok());
        Self {
            class: class.unwrap_or(u32::MAX),
            id: digest(attributes.bytes(CKA_ID).unwrap_or_default()),
            label: digest(attributes.bytes(CKA_LABEL).unwrap_or_default()),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend_from_slice(&self.class.to_le_bytes());
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.extend_from_slice(&self.label.to_le_bytes());
        bytes
    }

    /// `None` where the bytes are not a tag.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let (class, rest) = bytes.split_first_chunk::<4>()?;
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let label: [u8; 8] = rest.try_into().ok()?;
        Some(Self {
            class: u32::from_le_bytes(*class),
            id: u64::from_le_bytes(*id),
            label: u64::from_le_bytes(label),
        })
    }
}

/// The first eight bytes of SHA-256, as a number. It only narrows a search; a match is always checked.
pub fn digest(bytes: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Value;

    #[test]
    fn a_tag_survives_its_encoding() {
        let attributes = Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
            (CKA_ID, Value::Bytes(vec![1])),
            (CKA_LABEL, Value::Bytes(b"zone".to_vec())),
        ]);
        let tag = Tag::of(&attributes);
        assert_eq!(Tag::decode(&tag.encode()), Some(tag));
        assert_eq!(Tag::decode(&tag.encode()[1..]), None);
        assert_ne!(tag.id, tag.label);
    }
}
