//! The only use of `bincode`: the plaintext of the INDEX, and the structures that layers above keep in records and events.
//! It is decoded after its authentication code was verified, under a limit, and must be used up exactly.
//!
//! The encoding is the fixed-width one, little-endian: a list is its length in eight bytes and its elements.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::secret::Secret;

/// The longest plaintext of an INDEX in bytes.
const LIMIT: usize = 1 << 29;
/// Of the number of entries, and of an entry without its tag.
const COUNT_LENGTH: usize = 8;
const ENTRY_LENGTH: usize = 16 + 8 + 8 + 8;

/// What the INDEX tells about one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexEntry<'a> {
    pub(super) id: [u8; 16],
    pub(super) sequence: u64,
    /// Of the PUT, in bytes from the beginning of the file.
    pub(super) offset: u64,
    #[serde(borrow, with = "in_one_piece")]
    pub(super) tag: Cow<'a, [u8]>,
}

/// Bytes as one piece and not as a list of numbers; the encoding is the same, the decoding much faster.
mod in_one_piece {
    use std::borrow::Cow;
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Cow<'de, [u8]>, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Cow<'de, [u8]>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("bytes")
        }

        fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(bytes))
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

/// Encodes a value behind what `bytes` holds. Errors: [`Error::TooLarge`].
pub fn encode_onto<T: Serialize>(bytes: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    let written = bincode::serde::encode_into_std_write(value, bytes, configuration());
    written.map(drop).map_err(|_| Error::TooLarge)
}

/// Decodes a value out of bytes that have been authenticated; `None` where they are no such value, or longer.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, configuration()).ok()?;
    (used == bytes.len()).then_some(value)
}

pub(super) fn encode_index(entries: &[IndexEntry<'_>]) -> Result<Secret, Error> {
    // In memory that may be refused: there is an entry for each record.
    let length: usize = entries.iter().map(|entry| ENTRY_LENGTH + entry.tag.len()).sum();
    let mut plaintext = Secret::zeroed(COUNT_LENGTH + length);
    let used = bincode::serde::encode_into_slice(entries, plaintext.as_mut_bytes(), configuration());
    used.ok().filter(|used| *used == plaintext.len()).map(|_| plaintext).ok_or(Error::TooLarge)
}

/// Gives the entries out one by one; `None` where the plaintext is no INDEX, and some may have been given out.
pub(super) fn decode_index<'a>(plaintext: &'a Secret, mut each: impl FnMut(IndexEntry<'a>)) -> Option<()> {
    let (count, mut rest) = plaintext.as_bytes().split_first_chunk::<COUNT_LENGTH>()?;
    for _ in 0..u64::from_le_bytes(*count) {
        let (entry, used) = bincode::serde::borrow_decode_from_slice(rest, configuration()).ok()?;
        rest = rest.get(used..)?;
        each(entry);
    }
    rest.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_encoded_as_the_format_says() {
        let entry = IndexEntry { id: [0xaa; 16], sequence: 2, offset: 3, tag: Cow::Borrowed(&[7, 8]) };
        let plaintext = encode_index(std::slice::from_ref(&entry)).unwrap();
        let expected = format!(
            "0100000000000000{}020000000000000003000000000000000200000000000000{}",
            "aa".repeat(16),
            "0708"
        );
        assert_eq!(hex::encode(plaintext.as_bytes()), expected);
        let decode = |plaintext: &Secret| {
            let mut entries = 0;
            decode_index(plaintext, |found| {
                assert_eq!(found, entry);
                entries += 1;
            })
            .map(|()| entries)
        };
        assert_eq!(decode(&plaintext), Some(1));
        let mut longer = plaintext.as_bytes().to_vec();
        longer.push(0);
        assert_eq!(decode(&Secret::new(longer)), None);
        assert_eq!(decode(&Secret::copy_of(&[0xff; 16])), None);
    }
}
