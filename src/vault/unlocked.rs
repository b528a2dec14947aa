//! A token file with its keys: reading what is sealed, and every change but an unauthenticated addition.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::event::{EventText, Held};
use super::format::HEADER_LENGTH;
use super::keys::{Keys, Opener, Part};
use super::record::{Parts, PutHead};
use super::recover::{Place, Slot};
use super::scan::CommitSeal;
use super::seal::Key;
use super::tags::Tags;
use super::types::{Entry, Record, RecordId, TagBytes, Visibility};
use super::view::{Located, read_body};

use super::{Error, Vault, encoding};
use crate::lock::{Mutex, RwLock};
use crate::reserve;
use crate::secret::Secret;
use crate::store::{self, Image};

/// A token file with its keys, which are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Unlocked {
    vault: Arc<Vault>,
    ring: Arc<KeyRing>,
}

struct KeyRing {
    entry: Entry,
    /// Opens the entry again when the root key has been rotated by somebody else.
    opener: Mutex<Opener>,
    keys: RwLock<Arc<Keys>>,
    /// The last COMMIT whose code has been verified. Compared whole, and not by its generation, because a forged file may
    /// be put in the place of a verified one.
    verified: Mutex<Option<CommitSeal>>,
    /// The tags of private records, with the sequence number of the version that they belong to.
    tags: Mutex<Tags>,
    /// The generation of the snapshot whose INDEX has been read.
    indexed: AtomicU64,
}

impl Unlocked {
    pub(super) fn new(vault: Arc<Vault>, entry: Entry, opener: Opener, keys: Keys) -> Self {
        let ring = KeyRing {
            entry,
            opener: Mutex::new(opener),
            keys: RwLock::new(Arc::new(keys)),
            verified: Mutex::default(),
            tags: Mutex::default(),
            indexed: AtomicU64::new(0),
        };
        Self { vault, ring: Arc::new(ring) }
    }

    /// The vault that this opens.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The PIN of an entry was changed; if it is that of this login, the new one opens it from now on.
    pub(super) fn changed_pin(&self, entry: Entry, pin_key: Key) {
        if entry == self.ring.entry {
            *self.ring.opener.lock() = Opener::Pin(pin_key);
        }
    }

    /// Whose PIN opened it.
    pub fn entry(&self) -> Entry {
        self.ring.entry
    }

    /// The present keys, after the chain has been verified up to its last authentication code, which covers all
    /// that was written before it. Cheap when nothing has happened since the last time.
    pub(super) fn keys(&self) -> Result<Arc<Keys>, Error> {
        let mut keys = Arc::clone(&self.ring.keys.read());
        let seal = {
            let view = self.vault.view.read();
            let state = &view.state;
            if state.identity.realm() != keys.realm() {
                return Err(Error::KeysChanged);
            }
            if state.base.root_version != keys.version() {
                let wrap = state.wraps.get(&self.ring.entry.number()).ok_or(Error::KeysChanged)?;
                let opened = Keys::open(wrap, &self.ring.opener.lock(), keys.realm());
                keys = Arc::new(opened.ok_or(Error::KeysChanged)?);
            } else if self.ring.verified.lock().as_ref() == Some(&state.seal) {
                return Ok(keys);
            }
            state.seal.clone()
        };
        if !keys.verifies(&seal) {
            return Err(Error::Tampered { offset: seal.offset });
        }
        *self.ring.keys.write() = Arc::clone(&keys);
        *self.ring.verified.lock() = Some(seal);
        Ok(keys)
    }

    /// A record, and the keys that it is sealed under, after the chain has been verified.
    fn locate(&self, id: RecordId) -> Result<Option<(Located, Arc<Keys>)>, Error> {
        loop {
            let Some(located) = self.vault.locate(id) else { return Ok(None) };
            let keys = self.keys()?;
            // Another thread may have taken in a rotation in between; then the record is somewhere else too.
            if keys.version() == located.root_version {
                return Ok(Some((located, keys)));
            }
        }
    }

    /// All records with their tags, after verification of the chain; the public ones where the objects do not open. Opens no
    /// secrets. No order is promised.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        let mut records = loop {
            let (image, index, root_version, records) = {
                let view = self.vault.view.read();
                let state = &view.state;
                let index = state.index.map(|place| (state.first_generation, place));
                let records = reserve::collect(state.slots.iter().map(|(id, slot)| Record::of(*id, slot)));
                (Arc::clone(&view.image), index, state.base.root_version, records)
            };
            let keys = self.keys()?;
            if keys.version() != root_version {
                continue;
            }
            if let Some((generation, place)) = index.filter(|_| keys.open_objects()) {
                self.read_index(&*image, generation, &place, &keys)?;
            }
            if !keys.open_objects() {
                return Ok(records
                    .into_iter()
                    .filter(|record| record.visibility == Visibility::Public)
                    .collect());
            }
            break records;
        };
        records.sort_unstable_by_key(|record| record.sequence);
        {
            let mut tags = self.ring.tags.lock();
            tags.tidy(&records);
            for record in records.iter_mut().filter(|record| record.tag.is_none()) {
                record.tag = tags.of(record.id, record.sequence);
            }
        }
        // What was written after the snapshot is opened one by one; what has vanished meanwhile is left out.
        let mut vanished = HashSet::new();
        for record in records.iter_mut().filter(|record| record.tag.is_none()) {
            match self.record(record.id)? {
                Some(found) => *record = found,
                None => drop(vanished.insert(record.id)),
            }
        }
        records.retain(|record| !vanished.contains(&record.id));
        Ok(records)
    }

    /// Takes the tags of a snapshot from its INDEX, once.
    fn read_index(
        &self,
        image: &dyn Image,
        generation: u64,
        place: &Place,
        keys: &Keys,
    ) -> Result<(), Error> {
        if self.ring.indexed.load(Ordering::Acquire) == generation {
            return Ok(());
        }
        let damaged = Error::Damaged { offset: place.offset, what: "the INDEX does not open" };
        let body = read_body(image, place)?;
        let plaintext = keys.open_index(generation, &body).ok_or(damaged.clone())?;
        let mut tags = self.ring.tags.lock();
        encoding::decode_index(&plaintext, |entry| {
            reserve::check();
            tags.remember(RecordId(entry.id), entry.sequence, &entry.tag);
        })
        .ok_or(damaged)?;
        drop(tags);
        self.ring.indexed.store(generation, Ordering::Release);
        Ok(())
    }

    /// The tag of a private record, if this version of it has been opened before.
    pub(super) fn known_tag(&self, id: RecordId, sequence: u64) -> Option<TagBytes> {
        self.ring.tags.lock().of(id, sequence)
    }

    /// One record with its tag, if it exists; none where it is private and does not open.
    pub fn record(&self, id: RecordId) -> Result<Option<Record>, Error> {
        let Some((Located { image, slot, .. }, keys)) = self.locate(id)? else { return Ok(None) };
        if slot.visibility() == Visibility::Private && !keys.open_objects() {
            return Ok(None);
        }
        self.with_tag(Record::of(id, &slot), &slot, &*image, &keys).map(Some)
    }

    fn with_tag(
        &self,
        mut record: Record,
        slot: &Slot,
        image: &dyn Image,
        keys: &Keys,
    ) -> Result<Record, Error> {
        if record.tag.is_some() {
            return Ok(record);
        }
        if let Some(tag) = self.known_tag(record.id, record.sequence) {
            record.tag = Some(tag);
            return Ok(record);
        }
        let tag = open_parts(image, slot, |_, parts| keys.open_tag(record.id, slot.sequence, parts.tag))?;
        self.remember_tag(record.id, slot.sequence, tag.as_bytes());
        record.tag = TagBytes::new(tag.as_bytes());
        Ok(record)
    }

    pub(super) fn remember_tag(&self, id: RecordId, sequence: u64, tag: &[u8]) {
        self.ring.tags.lock().remember(id, sequence, tag);
    }

    /// The metadata of a record. [`Error::NotAllowed`] where it is private and does not open.
    pub fn metadata(&self, id: RecordId) -> Result<Vec<u8>, Error> {
        let (Located { image, slot, .. }, keys) = self.locate(id)?.ok_or(Error::NoSuchRecord)?;
        if slot.visibility() == Visibility::Private && !keys.open_objects() {
            return Err(Error::NotAllowed);
        }
        let metadata = open_parts(&*image, &slot, |_, parts| match slot.visibility() {
            Visibility::Public => Some(Secret::copy_of(parts.metadata)),
            Visibility::Private => keys.open_object_key(id, parts.key)?.open(Part::Metadata, parts.metadata),
        })?;
        Ok(metadata.as_bytes().to_vec())
    }

    /// The events from number `from` on that are still in the file, each with its number, in order. Reads the whole file.
    pub fn events(&self, from: u64) -> Result<Vec<(u64, EventText)>, Error> {
        loop {
            let (image, tally, end, root_version) = {
                let view = self.vault.view.read();
                let state = &view.state;
                (Arc::clone(&view.image), state.tally, state.position.offset, state.base.root_version)
            };
            let keys = self.keys()?;
            if keys.version() != root_version {
                continue;
            }
            let mut records = store::read_to_end(&*image, HEADER_LENGTH as u64)?;
            records.truncate(usize::try_from(end.saturating_sub(HEADER_LENGTH as u64)).unwrap_or(usize::MAX));
            let held = Held::of(&records, from, &tally)?;
            let numbers = held.events.iter().map(|event| event.number);
            return Ok(numbers.zip(held.open(&keys)?).collect());
        }
    }

    /// The secret part of a record; [`Error::NoSuchRecord`] also for one that has none, [`Error::NotAllowed`] where it
    /// does not open.
    pub fn secret(&self, id: RecordId) -> Result<Secret, Error> {
        let (Located { image, slot, .. }, keys) = self.locate(id)?.ok_or(Error::NoSuchRecord)?;
        if !slot.has_secret {
            return Err(Error::NoSuchRecord);
        }
        if !keys.open_objects() {
            return Err(Error::NotAllowed);
        }
        open_parts(&*image, &slot, |_, parts| {
            keys.open_object_key(id, parts.key)?.open(Part::Secret, parts.secret)
        })
    }
}

/// Reads a PUT and opens something in it; what does not open is damage.
pub(super) fn open_parts<T>(
    image: &dyn Image,
    slot: &Slot,
    open: impl FnOnce(&PutHead, Parts<'_>) -> Option<T>,
) -> Result<T, Error> {
    let body = read_body(image, &slot.place)?;
    let opened = PutHead::parse(&body, slot.visibility() == Visibility::Private)
        .and_then(|put| open(&put, put.parts(&body)?));
    opened.ok_or(Error::Damaged { offset: slot.place.offset, what: "a sealed part does not verify" })
}
