//! The only use of `bincode`: the plaintext of the INDEX, and the structures that layers above keep in records and events.
//! It is decoded after its authentication code was verified, under a limit, and must be used up exactly.
//!
//! The encoding is the fixed-width one, little-endian: a list is its length in eight bytes and its elements.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::secret::Secret;

/// The longest plaintext of an INDEX in bytes.
const LIMIT: usize = 1 << 29;

/// What the INDEX tells about one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexEntry {
    pub(super) id: [u8; 16],
    pub(super) sequence: u64,
    /// Of the PUT, in bytes from the beginning of the file.
    pub(super) offset: u64,
    #[serde(with = "in_one_piece")]
    pub(super) tag: Box<[u8]>,
}

/// Bytes as one piece and not as a list of numbers; the encoding is the same, the decoding much faster.
mod in_one_piece {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[u8]>, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Box<[u8]>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(bytes.into())
        }
    }
}

fn configuration() -> bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<LIMIT>,
> {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Encodes a value. Errors: [`Error::TooLarge`].
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, configuration()).map_err(|_| Error::TooLarge)
}

/// Decodes a value out of bytes that have been authenticated; `None` where they are no such value, or longer.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, configuration()).ok()?;
    (used == bytes.len()).then_some(value)
}

pub(super) fn encode_index(entries: &[IndexEntry]) -> Result<Secret, Error> {
    bincode::serde::encode_to_vec(entries, configuration()).map(Secret::new).map_err(|_| Error::TooLarge)
}

pub(super) fn decode_index(plaintext: &Secret) -> Option<Vec<IndexEntry>> {
    let (entries, used) =
        bincode::serde::borrow_decode_from_slice(plaintext.as_bytes(), configuration()).ok()?;
    (used == plaintext.len()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_encoded_as_the_format_says() {
        let entry = IndexEntry { id: [0xaa; 16], sequence: 2, offset: 3, tag: Box::new([7, 8]) };
        let plaintext = encode_index(std::slice::from_ref(&entry)).unwrap();
        let expected = format!(
            "0100000000000000{}020000000000000003000000000000000200000000000000{}",
            "aa".repeat(16),
            "0708"
        );
        assert_eq!(hex::encode(plaintext.as_bytes()), expected);
        assert_eq!(decode_index(&plaintext), Some(vec![entry]));
        let mut longer = plaintext.as_bytes().to_vec();
        longer.push(0);
        assert_eq!(decode_index(&Secret::new(longer)), None);
        assert_eq!(decode_index(&Secret::copy_of(&[0xff; 16])), None);
    }
}
