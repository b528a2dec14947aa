//! The opened tags of private records, so that each is opened once.

use std::collections::{HashMap, HashSet};

use super::encoding::IndexEntry;
use super::types::{Record, RecordId};
use crate::reserve;

/// For each record the sequence number of the version that the tag belongs to, and the tag.
#[derive(Default)]
pub(super) struct Tags(HashMap<RecordId, (u64, Box<[u8]>)>);

impl Tags {
    /// The tag of this version of a record, if it has been opened before.
    pub(super) fn of(&self, id: RecordId, sequence: u64) -> Option<&[u8]> {
        self.0.get(&id).filter(|(known, _)| *known == sequence).map(|(_, tag)| &**tag)
    }

    /// Where there is no memory it is opened again: the record may just have become durable, and nothing may fail then.
    pub(super) fn remember(&mut self, id: RecordId, sequence: u64, tag: &[u8]) {
        if self.0.try_reserve(1).is_ok() {
            self.0.insert(id, (sequence, tag.into()));
        }
    }

    /// Takes in a whole INDEX.
    pub(super) fn extend(&mut self, entries: Vec<IndexEntry>) {
        reserve::need(self.0.try_reserve(entries.len()));
        self.0.extend(entries.into_iter().map(|entry| (RecordId(entry.id), (entry.sequence, entry.tag))));
    }

    /// Forgets records that do not exist any more, when they have become the majority.
    pub(super) fn tidy(&mut self, live: &[Record]) {
        if self.0.len() > 2 * live.len() {
            let mut ids = HashSet::new();
            reserve::need(ids.try_reserve(live.len()));
            ids.extend(live.iter().map(|record| record.id));
            self.0.retain(|id, _| ids.contains(id));
        }
    }
}
