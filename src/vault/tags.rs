//! The opened tags of private records, so that each is opened once.

use super::types::{Record, RecordId, TagBytes};

/// The tags, in the order of the sequence numbers of the versions that they belong to. Records get these numbers in the order
/// in which they are written, so a new one nearly always comes last.
#[derive(Default)]
pub(super) struct Tags {
    opened: Vec<Opened>,
    /// The tags themselves, one behind the other.
    bytes: Vec<u8>,
}

struct Opened {
    id: RecordId,
    sequence: u64,
    /// Of the tag in `bytes`.
    start: u32,
    length: u8,
}

impl Tags {
    /// The tag of this version of a record, if it has been opened before.
    pub(super) fn of(&self, id: RecordId, sequence: u64) -> Option<TagBytes> {
        let at = self.opened.binary_search_by_key(&sequence, |opened| opened.sequence).ok()?;
        let found = self.opened.get(at).filter(|opened| opened.id == id)?;
        let start = found.start as usize;
        TagBytes::new(self.bytes.get(start..start + usize::from(found.length))?)
    }

    /// Where there is no memory it is opened again: the record may just have become durable, and nothing may fail then.
    pub(super) fn remember(&mut self, id: RecordId, sequence: u64, tag: &[u8]) {
        // No tag is longer, and there are never four gigabytes of them.
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u8::try_from(tag.len())) else {
            return;
        };
        if self.opened.try_reserve(1).is_err() || self.bytes.try_reserve(tag.len()).is_err() {
            return;
        }
        self.bytes.extend_from_slice(tag);
        let opened = Opened { id, sequence, start, length };
        if self.opened.last().is_none_or(|last| last.sequence < sequence) {
            return self.opened.push(opened);
        }
        match self.opened.binary_search_by_key(&sequence, |opened| opened.sequence) {
            Err(at) => self.opened.insert(at, opened),
            Ok(at) => {
                if let Some(known) = self.opened.get_mut(at) {
                    *known = opened;
                }
            }
        }
    }

    /// Forgets records that do not exist any more, when they have become the majority. `live`: in the order of their sequence
    /// numbers.
    pub(super) fn tidy(&mut self, live: &[Record]) {
        if self.opened.len() > 2 * live.len() {
            let mut kept = Self::default();
            for record in live {
                if let Some(tag) = self.of(record.id, record.sequence) {
                    kept.remember(record.id, record.sequence, &tag);
                }
            }
            *self = kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::Visibility;
    use super::*;

    fn record(number: u8, sequence: u64) -> Record {
        Record {
            id: RecordId([number; 16]),
            tag: None,
            visibility: Visibility::Private,
            authenticated: true,
            sequence,
            has_secret: false,
        }
    }

    #[test]
    fn a_tag_is_known_of_its_version_of_its_record_only() {
        let mut tags = Tags::default();
        for sequence in [5, 7, 1, 9, 3] {
            tags.remember(RecordId([sequence as u8; 16]), sequence, &[sequence as u8; 20]);
        }
        tags.remember(RecordId([7; 16]), 7, b"anew");
        let of = |number, sequence| tags.of(RecordId([number; 16]), sequence).map(|tag| tag.to_vec());
        assert_eq!((of(1, 1), of(9, 9)), (Some(vec![1; 20]), Some(vec![9; 20])));
        assert_eq!(of(7, 7), Some(b"anew".to_vec()));
        assert_eq!((of(1, 5), of(1, 2), of(1, 10)), (None, None, None));
        tags.tidy(&[record(3, 3), record(9, 10)]);
        assert_eq!(tags.opened.len(), 1);
        assert_eq!(tags.of(RecordId([3; 16]), 3).map(|tag| tag.to_vec()), Some(vec![3; 20]));
    }
}
