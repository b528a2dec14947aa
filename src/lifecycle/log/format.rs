//! The bytes of an audit log (`docs/audit.md`): header, mark, records; its chain and its keys.
//!
//! The key evolves with every record, and only the newest one is in the file: whoever takes the file over today can write what
//! comes next, and cannot write anew what was written before.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::vault::{EventText, Tally};

pub(super) const MAGIC: &[u8; 8] = b"COFFERAU";
pub(super) const VERSION: u16 = 1;
pub(super) const HEADER_LENGTH: usize = 1024;
/// The part of the header that never changes; the chain begins with it.
pub(super) const IDENTITY_LENGTH: usize = 512;
const IDENTITY_CHECKED: usize = IDENTITY_LENGTH - 32;
/// Two marks stand in the header, one after the other.
pub(super) const MARK_LENGTH: usize = 144;
pub(super) const HEAD_LENGTH: usize = 16;
/// Chain value and code behind the body of a record.
pub(super) const TAIL_LENGTH: usize = 64;
/// The longest body of a record: an event with its number and its random bytes.
pub(super) const LONGEST_BODY: usize = 8192;
pub(super) const LONGEST_RECORD: usize = HEAD_LENGTH + LONGEST_BODY + TAIL_LENGTH;

pub(super) type Hash = [u8; 32];
pub(super) type Key = Zeroizing<[u8; 32]>;

pub(super) fn hash(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The code of a record, under its own key.
pub(super) fn code(key: &Key, chain: &Hash) -> Hash {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(&**key) else { return [0; 32] };
    mac.update(b"coffer audit code v1");
    mac.update(chain);
    mac.finalize().into_bytes().into()
}

/// The key of the record after that of `key`.
pub(super) fn next_key(key: &Key) -> Key {
    Zeroizing::new(hash(&[b"coffer audit key v1", &**key]))
}

/// The id of a log, which its first key and no other one gives: the settings of the token name it, and so vouch for the key.
pub(super) fn log_id(uuid: &[u8; 16], first_key: &Key) -> [u8; 16] {
    let digest = hash(&[b"coffer audit id v1", uuid, &**first_key]);
    digest.first_chunk().copied().unwrap_or_default()
}

pub(super) fn same(left: &Hash, right: &Hash) -> bool {
    left.ct_eq(right).into()
}

/// What never changes in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The token's.
    pub(super) uuid: [u8; 16],
    /// See [`log_id`].
    pub(super) id: [u8; 16],
    /// Seconds since 1970 UTC.
    pub(super) created: u64,
    /// The token's events before the first one that is copied.
    pub(super) before: Tally,
}

impl Identity {
    pub(super) fn encode(&self) -> Option<[u8; IDENTITY_LENGTH]> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(HEADER_LENGTH as u16).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.uuid);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.created.to_le_bytes());
        bytes.extend_from_slice(&self.before.count.to_le_bytes());
        bytes.extend_from_slice(&self.before.head);
        bytes.resize(IDENTITY_CHECKED, 0);
        let check = hash(&[&bytes]);
        bytes.extend_from_slice(&check);
        bytes.try_into().ok()
    }

    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let block = block.first_chunk::<IDENTITY_LENGTH>()?;
        let before = u64::from_le_bytes(*block.get(56..)?.first_chunk()?);
        let identity = Self {
            uuid: *block.get(16..)?.first_chunk()?,
            id: *block.get(32..)?.first_chunk()?,
            created: u64::from_le_bytes(*block.get(48..)?.first_chunk()?),
            before: Tally { count: before, head: *block.get(64..)?.first_chunk()? },
        };
        (identity.encode()? == *block).then_some(identity)
    }

    /// The chain value before the first record.
    pub(super) fn genesis(block: &[u8]) -> Hash {
        hash(&[b"coffer audit chain v1", block])
    }
}

/// Where the log stands: what a writer needs to go on, and a reader to see that nothing is missing at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Counts the writes of marks; of two that verify the higher one counts.
    pub(super) write: u64,
    /// How many records there are, and where the last one ends.
    pub(super) records: u64,
    pub(super) length: u64,
    /// The token's events that have been copied: their number, and the head of their chain.
    pub(super) events: Tally,
    /// The chain value after the last record, and the key for the next one.
    pub(super) chain: Hash,
    pub(super) key: Key,
}

impl Mark {
    pub(super) fn encode(&self, id: &[u8; 16]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MARK_LENGTH + 32);
        for number in [self.write, self.records, self.length, self.events.count] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.events.head);
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&*self.key);
        let check = hash(&[b"coffer audit mark v1", id, &bytes]);
        bytes.extend_from_slice(check.get(..16).unwrap_or_default());
        bytes
    }

    fn parse(place: &[u8], id: &[u8; 16]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(*place.get(at..)?.first_chunk()?));
        let mark = Self {
            write: number(0)?,
            records: number(8)?,
            length: number(16)?,
            events: Tally { count: number(24)?, head: *place.get(32..)?.first_chunk()? },
            chain: *place.get(64..)?.first_chunk()?,
            key: Zeroizing::new(*place.get(96..)?.first_chunk()?),
        };
        (mark.encode(id) == place).then_some(mark)
    }

    /// Where this mark stands in the file, and the other place, which is wiped after it.
    pub(super) fn places(&self) -> (u64, u64) {
        let place = |number: u64| (IDENTITY_LENGTH as u64) + (number % 2) * MARK_LENGTH as u64;
        (place(self.write), place(self.write.wrapping_add(1)))
    }

    /// The newest mark of a header that verifies.
    pub(super) fn newest(header: &[u8], id: &[u8; 16]) -> Option<Self> {
        let places =
            header.get(IDENTITY_LENGTH..IDENTITY_LENGTH + 2 * MARK_LENGTH)?.chunks_exact(MARK_LENGTH);
        places.filter_map(|place| Self::parse(place, id)).max_by_key(|mark| mark.write)
    }
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// An event of the token file: its number, and what was sealed there.
    Event = 1,
    /// Something that is told here alone.
    Note = 2,
    /// The first key of the log, sealed for an auditor, and the text of the event that tells of it.
    SealedKey = 3,
}

/// A record as it stands in the file, unverified.
pub(super) struct Record<'a> {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
    /// Head and body, which the chain covers.
    covered: &'a [u8],
    pub(super) chain: Hash,
    pub(super) code: Hash,
    /// Of the whole record.
    pub(super) length: usize,
}

impl<'a> Record<'a> {
    /// The record that begins here, if it is there whole.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD_LENGTH>()?;
        let body_length = u32::from_le_bytes(*head.first_chunk()?) as usize;
        let kind = match head.get(4..8)? {
            [1, 0, 0, 0] => Kind::Event,
            [2, 0, 0, 0] => Kind::Note,
            [3, 0, 0, 0] => Kind::SealedKey,
            _ => return None,
        };
        if body_length > LONGEST_BODY {
            return None;
        }
        let covered = bytes.get(..HEAD_LENGTH + body_length)?;
        let tail = bytes.get(covered.len()..)?.first_chunk::<TAIL_LENGTH>()?;
        Some(Self {
            number: u64::from_le_bytes(*head.get(8..)?.first_chunk()?),
            kind,
            body: covered.get(HEAD_LENGTH..)?,
            covered,
            chain: *tail.first_chunk()?,
            code: *tail.last_chunk()?,
            length: covered.len() + TAIL_LENGTH,
        })
    }

    /// The chain value that it must have after `before`.
    pub(super) fn chain_after(&self, before: &Hash) -> Hash {
        hash(&[before, self.covered])
    }

    /// The token's event that it copies, with its number.
    pub(super) fn event(&self) -> Option<(u64, EventText)> {
        let (number, text) = self.body.split_first_chunk::<8>()?;
        (self.kind == Kind::Event).then_some((u64::from_le_bytes(*number), EventText::from_bytes(text)?))
    }
}

/// Appends a record to `bytes` and takes the mark one further.
pub(super) fn write_record(mark: &mut Mark, kind: Kind, body: &[&[u8]], bytes: &mut Vec<u8>) {
    let start = bytes.len();
    let length: usize = body.iter().map(|part| part.len()).sum();
    mark.records = mark.records.saturating_add(1);
    bytes.extend_from_slice(&(length as u32).to_le_bytes());
    bytes.extend_from_slice(&[kind as u8, 0, 0, 0]);
    bytes.extend_from_slice(&mark.records.to_le_bytes());
    for part in body {
        bytes.extend_from_slice(part);
    }
    mark.chain = hash(&[&mark.chain, bytes.get(start..).unwrap_or_default()]);
    bytes.extend_from_slice(&mark.chain);
    bytes.extend_from_slice(&code(&mark.key, &mark.chain));
    mark.key = next_key(&mark.key);
    mark.length = mark.length.saturating_add((bytes.len() - start) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_and_marks_are_read_back_and_no_flipped_bit_is_taken() {
        let before = Tally { count: 7, head: [5; 32] };
        let identity = Identity { uuid: [1; 16], id: [2; 16], created: 3, before };
        let block = identity.encode().unwrap();
        assert_eq!(Identity::parse(&block), Some(identity));
        let mark = Mark {
            write: 5,
            records: 6,
            length: 7,
            events: Tally { count: 8, head: [9; 32] },
            chain: [10; 32],
            key: Zeroizing::new([11; 32]),
        };
        let place = mark.encode(&[2; 16]);
        assert_eq!(place.len(), MARK_LENGTH);
        assert_eq!(Mark::parse(&place, &[2; 16]), Some(mark));
        for at in 0..IDENTITY_LENGTH {
            let mut changed = block;
            changed[at] ^= 1;
            assert_eq!(Identity::parse(&changed), None, "byte {at}");
        }
        for at in 0..MARK_LENGTH {
            let mut changed = place.clone();
            changed[at] ^= 1;
            assert_eq!(Mark::parse(&changed, &[2; 16]), None, "byte {at}");
        }
    }
}
