//! A token file with its keys: reading what is sealed, and every change but an unauthenticated addition.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::format::{FLAG_PRIVATE, FLAG_UNAUTHENTICATED, Kind};
use super::keys::{Keys, Part, pin_key};
use super::record::{Parts, PutHead, encode_delete, encode_put};
use super::recover::{Place, Slot};
use super::seal::Key;
use super::tags::Tags;
use super::transaction::Builder;
use super::types::{
    Change, Entry, Kdf, MAXIMUM_INFO, Put, Record, RecordId, Revision, SecretPart, Visibility,
};
use super::view::read_body;
use super::write::Writing;
use super::{Error, Vault, encoding, pin, random};
use crate::secret::Secret;
use crate::store::Image;

/// A token file with its keys, which are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Unlocked {
    vault: Arc<Vault>,
    ring: Arc<KeyRing>,
}

struct KeyRing {
    entry: Entry,
    /// Opens the entry again when the root key has been rotated by somebody else.
    pin_key: Mutex<Key>,
    keys: RwLock<Arc<Keys>>,
    /// The chain has been verified up to this generation.
    verified: AtomicU64,
    /// The tags of private records, with the sequence number of the version that they belong to.
    tags: Mutex<Tags>,
    /// The generation of the snapshot whose INDEX has been read.
    indexed: AtomicU64,
}

impl Unlocked {
    pub(super) fn new(vault: Arc<Vault>, entry: Entry, pin_key: Key, keys: Keys) -> Self {
        let ring = KeyRing {
            entry,
            pin_key: Mutex::new(pin_key),
            keys: RwLock::new(Arc::new(keys)),
            verified: AtomicU64::new(0),
            tags: Mutex::default(),
            indexed: AtomicU64::new(0),
        };
        Self { vault, ring: Arc::new(ring) }
    }

    /// The vault that this opens.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Whose PIN opened it.
    pub fn entry(&self) -> Entry {
        self.ring.entry
    }

    /// The present keys, after the chain has been verified up to its last authentication code, which covers all
    /// that was written before it. Cheap when nothing has happened since the last time.
    pub(super) fn keys(&self) -> Result<Arc<Keys>, Error> {
        let mut keys = Arc::clone(&self.ring.keys.read());
        let verified = self.ring.verified.load(Ordering::Acquire);
        let seal = {
            let view = self.vault.view.read();
            let state = &view.state;
            if state.identity.instance != *keys.instance() {
                return Err(Error::KeysChanged);
            }
            if state.base.root_version != keys.version() {
                let wrap = state.wraps.get(&self.ring.entry.number()).ok_or(Error::KeysChanged)?;
                let opened = Keys::unwrap(wrap, &self.ring.pin_key.lock(), state.identity.instance);
                keys = Arc::new(opened.ok_or(Error::KeysChanged)?);
            } else if state.seal.generation <= verified {
                return Ok(keys);
            }
            state.seal.clone()
        };
        if !keys.verifies(&seal) {
            return Err(Error::Tampered { offset: seal.offset });
        }
        *self.ring.keys.write() = Arc::clone(&keys);
        self.ring.verified.fetch_max(seal.generation, Ordering::AcqRel);
        Ok(keys)
    }

    /// All records with their tags, after verification of the chain. Opens no secrets. No order is promised.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        let (image, index, mut records) = {
            let view = self.vault.view.read();
            let index = view.state.index.map(|place| (view.state.first_generation, place));
            let records: Vec<_> = view.state.slots.iter().map(|(id, slot)| Record::of(*id, slot)).collect();
            (Arc::clone(&view.image), index, records)
        };
        let keys = self.keys()?;
        if let Some((generation, place)) = index {
            self.read_index(&*image, generation, &place, &keys)?;
        }
        {
            let mut tags = self.ring.tags.lock();
            tags.tidy(&records);
            for record in records.iter_mut().filter(|record| record.tag.is_none()) {
                record.tag = tags.of(record.id, record.sequence).map(<[u8]>::to_vec);
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
        let entries = encoding::decode_index(&plaintext).ok_or(damaged)?;
        self.ring.tags.lock().extend(entries);
        self.ring.indexed.store(generation, Ordering::Release);
        Ok(())
    }

    /// The tag of a private record, if this version of it has been opened before.
    pub(super) fn known_tag(&self, id: RecordId, sequence: u64) -> Option<Box<[u8]>> {
        self.ring.tags.lock().of(id, sequence).map(Box::from)
    }

    /// One record with its tag, if it exists.
    pub fn record(&self, id: RecordId) -> Result<Option<Record>, Error> {
        let Some((image, slot)) = self.vault.locate(id) else { return Ok(None) };
        let keys = self.keys()?;
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
            record.tag = Some(tag.into_vec());
            return Ok(record);
        }
        let tag = open_parts(image, slot, |_, parts| keys.open_tag(record.id, slot.sequence, parts.tag))?;
        self.remember_tag(record.id, slot.sequence, tag.as_bytes());
        record.tag = Some(tag.as_bytes().to_vec());
        Ok(record)
    }

    fn remember_tag(&self, id: RecordId, sequence: u64, tag: &[u8]) {
        self.ring.tags.lock().remember(id, sequence, tag);
    }

    /// The metadata of a record.
    pub fn metadata(&self, id: RecordId) -> Result<Vec<u8>, Error> {
        let (image, slot) = self.vault.locate(id).ok_or(Error::NoSuchRecord)?;
        let keys = self.keys()?;
        let metadata = open_parts(&*image, &slot, |_, parts| match slot.visibility() {
            Visibility::Public => Some(Secret::copy_of(parts.metadata)),
            Visibility::Private => keys.open_object_key(id, parts.key)?.open(Part::Metadata, parts.metadata),
        })?;
        Ok(metadata.as_bytes().to_vec())
    }

    /// The secret part of a record; [`Error::NoSuchRecord`] also for one that has none.
    pub fn secret(&self, id: RecordId) -> Result<Secret, Error> {
        let (image, slot) = self.vault.locate(id).ok_or(Error::NoSuchRecord)?;
        if !slot.has_secret {
            return Err(Error::NoSuchRecord);
        }
        let keys = self.keys()?;
        open_parts(&*image, &slot, |_, parts| {
            keys.open_object_key(id, parts.key)?.open(Part::Secret, parts.secret)
        })
    }

    /// Makes these changes, together or not at all. When it returns `Ok` they are durable.
    ///
    /// Errors: [`Error::RecordExists`], [`Error::NoSuchRecord`], [`Error::Conflict`] (also when one record is named
    /// twice), [`Error::TooLarge`], [`Error::KeysChanged`], [`Error::Failed`], [`Error::Store`].
    pub fn commit(&self, changes: Vec<Change>) -> Result<Revision, Error> {
        for change in &changes {
            match change {
                Change::Add(put) | Change::Replace { put, .. } => put.check()?,
                Change::Info(info) if info.len() > MAXIMUM_INFO => return Err(Error::TooLarge),
                Change::Info(_) | Change::Delete(_) => {}
            }
        }
        if changes.is_empty() {
            return Ok(self.vault.revision());
        }
        let writing = self.vault.begin()?;
        let keys = self.keys()?;
        let mut builder = Builder::new(&writing.position());
        let mut sequence = writing.state(|state| state.next_sequence);
        let mut named = HashSet::new();
        let mut tags = Vec::new();
        for change in &changes {
            match change {
                Change::Info(info) => builder.record(Kind::Info, 0, info)?,
                Change::Delete(id) => {
                    let slot = present(&writing, *id, &mut named)?.ok_or(Error::NoSuchRecord)?;
                    builder.record(Kind::Delete, 0, &encode_delete(*id, slot.sequence))?;
                }
                Change::Add(put) => {
                    if present(&writing, put.id, &mut named)?.is_some() {
                        return Err(Error::RecordExists);
                    }
                    append_put(&mut builder, &writing, &keys, put, None, sequence)?;
                    tags.push((put, sequence));
                    sequence += 1;
                }
                Change::Replace { put, expected } => {
                    let slot = present(&writing, put.id, &mut named)?.ok_or(Error::NoSuchRecord)?;
                    if expected.is_some_and(|expected| expected != slot.sequence) {
                        return Err(Error::Conflict);
                    }
                    append_put(&mut builder, &writing, &keys, put, Some(&slot), sequence)?;
                    tags.push((put, sequence));
                    sequence += 1;
                }
            }
        }
        let revision = writing.append(&builder.finish(keys.version(), Some(&keys))?)?;
        self.ring.verified.fetch_max(revision.0, Ordering::AcqRel);
        for (put, sequence) in tags {
            if put.visibility == Visibility::Private {
                self.remember_tag(put.id, sequence, &put.tag);
            }
        }
        let (live, garbage) = writing.state(|state| (state.live, state.garbage()));
        if garbage > self.vault.options.compact_above && garbage > live {
            // A convenience: where the file cannot be replaced it just goes on growing.
            let _ = self.write_snapshot(&writing, &keys, None);
        }
        Ok(revision)
    }

    /// Sets the PIN of an entry and its failure count to zero. Whether the caller may do that is the caller's to
    /// decide (C_InitPIN: the SO for the user; C_SetPIN: after [`Vault::verify_pin`]).
    ///
    /// One new entry is appended; then, where an older one was there, the file is compacted, because whoever knows the
    /// old PIN could open what is left of it. Where that is not possible it happens with the next compaction.
    pub fn set_entry(&self, entry: Entry, pin: &Secret, kdf: Kdf) -> Result<Revision, Error> {
        let salt = random::bytes()?;
        let new_key = pin_key(pin, &salt, kdf, &self.vault.options)?;
        let writing = self.vault.begin()?;
        let keys = self.keys()?;
        let wrap = keys.wrap(entry, salt, kdf, &new_key)?;
        let (replaces, instance) =
            writing.state(|state| (state.wraps.contains_key(&entry.number()), state.identity.instance));
        let mut builder = Builder::new(&writing.position());
        builder.record(Kind::Wrap, 0, &wrap.encode())?;
        let revision = writing.append(&builder.finish(keys.version(), Some(&keys))?)?;
        self.ring.verified.fetch_max(revision.0, Ordering::AcqRel);
        if entry == self.ring.entry {
            *self.ring.pin_key.lock() = new_key;
        }
        pin::set(&*writing.image, &instance, entry.number(), 0, true)?;
        if replaces {
            let _ = self.write_snapshot(&writing, &keys, None);
        }
        Ok(revision)
    }
}

/// The present version of a record that a transaction wants to change; each record may be named once.
fn present(
    writing: &Writing<'_>,
    id: RecordId,
    named: &mut HashSet<RecordId>,
) -> Result<Option<Slot>, Error> {
    if !named.insert(id) {
        return Err(Error::Conflict);
    }
    Ok(writing.state(|state| state.slots.get(&id).cloned()))
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

/// Seals a record and appends its PUT. `old`: the version that it replaces, whose object key it keeps.
fn append_put(
    builder: &mut Builder,
    writing: &Writing<'_>,
    keys: &Keys,
    put: &Put,
    old: Option<&Slot>,
    sequence: u64,
) -> Result<(), Error> {
    let private = put.visibility == Visibility::Private;
    let (old_key, old_secret) = match old {
        Some(slot) => {
            open_parts(&*writing.image, slot, |_, parts| Some((parts.key.to_vec(), parts.secret.to_vec())))?
        }
        None => Default::default(),
    };
    let keeps = matches!(put.secret, SecretPart::Keep) && !old_secret.is_empty();
    let needs_key = private || keeps || matches!(put.secret, SecretPart::New(_));
    let (object_key, sealed_key) = match (needs_key, old_key.is_empty()) {
        (false, _) => (None, Vec::new()),
        (true, true) => {
            let fresh = keys.new_object_key(put.id)?;
            let sealed = keys.seal_object_key(put.id, &fresh.key)?;
            (Some(fresh), sealed)
        }
        (true, false) => (Some(keys.open_object_key(put.id, &old_key).ok_or(Error::KeysChanged)?), old_key),
    };
    let secret = match (&put.secret, &object_key) {
        (SecretPart::New(secret), Some(key)) => key.seal(Part::Secret, secret.as_bytes())?,
        (SecretPart::Keep, _) => old_secret,
        _ => Vec::new(),
    };
    let (tag, metadata) = match &object_key {
        Some(key) if private => {
            (keys.seal_tag(put.id, sequence, &put.tag)?, key.seal(Part::Metadata, &put.metadata)?)
        }
        _ => (put.tag.clone(), put.metadata.clone()),
    };
    let parts = Parts { tag: &tag, key: &sealed_key, metadata: &metadata, secret: &secret };
    let replaces = old.map_or(0, |slot| slot.sequence);
    // What came in without the keys stays marked, whoever changes it.
    let mark = old.filter(|slot| !slot.authenticated()).map_or(0, |_| FLAG_UNAUTHENTICATED);
    let flags = mark | if private { FLAG_PRIVATE } else { 0 };
    builder.record(Kind::Put, flags, &encode_put(put.id, sequence, replaces, parts)?)
}
