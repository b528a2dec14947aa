//! The objects of a token as this process sees them: handle to entry, with indexes by CKA_ID and CKA_LABEL.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::lock::OnceCell;

use crate::ck::CK_OBJECT_HANDLE;
use crate::object::{Lasting, Object};
use crate::reserve;
use crate::vault::RecordId;

use super::batch::LedgerTag;
use super::handle::{ObjectHandle, SessionHandle};
use super::tag::Tag;

/// Where an object lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the memory of this process, as long as the session is open (CKA_TOKEN false).
    Session(SessionHandle),
    /// In the token file.
    Record(RecordId),
}

/// One object: its place and its tag; the object itself is read from the token file at its first use.
pub struct Entry {
    pub handle: ObjectHandle,
    pub place: Place,
    pub tag: Tag,
    /// CKA_PRIVATE.
    pub private: bool,
    /// When the record was written; another number means that it was changed.
    pub sequence: u64,
    /// False for a record that was added by a process without the keys, and before a login.
    pub authenticated: bool,
    pub object: OnceCell<Arc<Object>>,
    /// What was computed from the key before the record was changed.
    pub lasting: Option<Lasting>,
}

impl Entry {
    /// The same entry without its object.
    fn unopened(&self) -> Self {
        let Self { handle, place, tag, private, sequence, authenticated, .. } = *self;
        let (object, lasting) = (OnceCell::new(), None);
        Self { handle, place, tag, private, sequence, authenticated, object, lasting }
    }
}

/// All entries of a token.
#[derive(Default)]
pub struct Table {
    entries: BTreeMap<ObjectHandle, Arc<Entry>>,
    by_record: HashMap<RecordId, ObjectHandle>,
    by_id: BTreeSet<(u64, ObjectHandle)>,
    by_label: BTreeSet<(u64, ObjectHandle)>,
    /// The records that are no objects, with the number of their version.
    ledger: HashMap<RecordId, (LedgerTag, u64)>,
}

impl Table {
    pub fn entry(&self, handle: ObjectHandle) -> Option<Arc<Entry>> {
        self.entries.get(&handle).cloned()
    }

    /// What was computed from the key of this entry, and goes on to the next version of it.
    pub fn lasting_of(&self, handle: ObjectHandle) -> Option<Lasting> {
        let entry = self.entries.get(&handle)?;
        let opened = entry.object.get().and_then(|object| object.lasting());
        opened.or(entry.lasting.as_ref()).cloned()
    }

    pub fn handle_of(&self, record: RecordId) -> Option<ObjectHandle> {
        self.by_record.get(&record).copied()
    }

    /// Adds entries with new handles, in ascending order. Faster than one after the other: each index is added to in its
    /// own order.
    pub fn put_new(&mut self, entries: Vec<Arc<Entry>>) {
        let by = |digest: fn(&Tag) -> u64| {
            let mut pairs = reserve::collect(entries.iter().map(|entry| (digest(&entry.tag), entry.handle)));
            pairs.sort_unstable();
            pairs
        };
        let (ids, labels) = (by(|tag| tag.id), by(|tag| tag.label));
        reserve::need(self.by_record.try_reserve(entries.len()));
        // Where memory ends in between, the indexes name handles that nothing stands for, which is of no consequence.
        for (index, pairs) in [(&mut self.by_id, ids), (&mut self.by_label, labels)] {
            for pair in pairs {
                reserve::check();
                index.insert(pair);
            }
        }
        for entry in entries {
            reserve::check();
            if let Place::Record(record) = entry.place {
                self.by_record.insert(record, entry.handle);
            }
            self.entries.insert(entry.handle, entry);
        }
    }

    /// Whether an entry stands for a record of the token file.
    pub fn shows_records(&self) -> bool {
        !self.by_record.is_empty()
    }

    /// Adds the entry, in place of one with the same handle.
    pub fn put(&mut self, entry: Entry) {
        reserve::check();
        reserve::need(self.by_record.try_reserve(1));
        self.remove(entry.handle);
        if let Place::Record(record) = entry.place {
            self.by_record.insert(record, entry.handle);
        }
        self.by_id.insert((entry.tag.id, entry.handle));
        self.by_label.insert((entry.tag.label, entry.handle));
        self.entries.insert(entry.handle, Arc::new(entry));
    }

    /// Puts an entry in the place of this one; false if another has taken it, or none is there any more.
    pub fn replace(&mut self, present: &Arc<Entry>, entry: Entry) -> bool {
        let is_there = self.entries.get(&entry.handle).is_some_and(|known| Arc::ptr_eq(known, present));
        if is_there {
            self.put(entry);
        }
        is_there
    }

    pub fn remove(&mut self, handle: ObjectHandle) -> Option<Arc<Entry>> {
        let entry = self.entries.remove(&handle)?;
        if let Place::Record(record) = entry.place {
            self.by_record.remove(&record);
        }
        self.by_id.remove(&(entry.tag.id, handle));
        self.by_label.remove(&(entry.tag.label, handle));
        Some(entry)
    }

    /// The ledger's records that are wanted, with the number of their version, in no order.
    pub(super) fn ledger(&self, wanted: impl Fn(&LedgerTag) -> bool) -> Vec<(RecordId, LedgerTag, u64)> {
        let records = self.ledger.iter().filter(|(_, (tag, _))| wanted(tag));
        records.map(|(id, (tag, sequence))| (*id, *tag, *sequence)).collect()
    }

    pub(super) fn put_ledger(&mut self, id: RecordId, tag: LedgerTag, sequence: u64) {
        self.ledger.insert(id, (tag, sequence));
    }

    pub fn remove_ledger(&mut self, id: RecordId) {
        self.ledger.remove(&id);
    }

    pub fn clear_ledger(&mut self) {
        self.ledger.clear();
    }

    /// Lets go of the object of a token object; it is read again at its next use.
    pub fn close(&mut self, handle: ObjectHandle) {
        if let Some(entry) = self.entries.get_mut(&handle)
            && matches!(entry.place, Place::Record(_))
        {
            *entry = Arc::new(entry.unopened());
        }
    }

    /// Allocates nothing: what has to go goes.
    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let Self { entries, by_record, by_id, by_label, ledger: _ } = self;
        entries.retain(|handle, entry| {
            let stays = keep(entry);
            if !stays {
                if let Place::Record(record) = entry.place {
                    by_record.remove(&record);
                }
                by_id.remove(&(entry.tag.id, *handle));
                by_label.remove(&(entry.tag.label, *handle));
            }
            stays
        });
    }

    /// Entries that can match the digests and the class, in the order of their handles; `None` asks nothing.
    pub fn candidates(&self, class: Option<u32>, id: Option<u64>, label: Option<u64>) -> Vec<Arc<Entry>> {
        let fits = |entry: &&Arc<Entry>| {
            class.is_none_or(|class| class == entry.tag.class)
                && id.is_none_or(|id| id == entry.tag.id)
                && label.is_none_or(|label| label == entry.tag.label)
        };
        let listed = match (id, label) {
            (Some(id), _) => listed(&self.by_id, id),
            (None, Some(label)) => listed(&self.by_label, label),
            (None, None) => return reserve::collect(self.entries.values().filter(fits).cloned()),
        };
        reserve::collect(listed.filter_map(|handle| self.entries.get(&handle)).filter(fits).cloned())
    }
}

fn listed(index: &BTreeSet<(u64, ObjectHandle)>, digest: u64) -> impl Iterator<Item = ObjectHandle> {
    index
        .range((digest, ObjectHandle(0))..=(digest, ObjectHandle(CK_OBJECT_HANDLE::MAX)))
        .map(|(_, handle)| *handle)
}
