//! Commits with the keys. Threads that commit at the same time share one transaction, and so one write and one sync.
//!
//! Each puts its changes into a queue and waits for the writer's mutex. Who gets it commits everything that is in the queue;
//! the others find their result there when their turn comes.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::event::{Tally, seal_event};
use super::format::{FLAG_PRIVATE, FLAG_UNAUTHENTICATED, Kind};
use super::keys::{Keys, Part};
use super::record::{Parts, encode_delete, encode_put};
use super::recover::Slot;
use super::transaction::Builder;
use super::types::{Change, Committed, MAXIMUM_INFO, Put, RecordId, Revision, SecretPart, Visibility};
use super::unlocked::{Unlocked, open_parts};
use super::write::Writing;
use super::{Error, Vault};
use crate::lock::{Mutex, TurnGuard};
use crate::store;

/// So many threads share a transaction at most.
const GROUP: usize = 64;

/// The changes of one caller, and what became of them.
struct Job {
    changes: Vec<Change>,
    /// Identifies the keys under which the caller wants them sealed.
    instance: [u8; 16],
    result: Mutex<Option<Result<Committed, Error>>>,
}

/// The changes that wait to be written.
#[derive(Default)]
pub(super) struct Queue(Mutex<Vec<Arc<Job>>>);

impl Queue {
    fn push(&self, job: &Arc<Job>) {
        self.0.lock().push(Arc::clone(job));
    }

    /// Takes a job back; false if somebody has it in hand.
    fn withdraw(&self, job: &Arc<Job>) -> bool {
        let mut jobs = self.0.lock();
        let before = jobs.len();
        jobs.retain(|waiting| !Arc::ptr_eq(waiting, job));
        jobs.len() < before
    }

    /// Takes up to [`GROUP`] others that want the same keys.
    fn take(&self, instance: &[u8; 16]) -> Vec<Arc<Job>> {
        let mut jobs = self.0.lock();
        let mut taken = Vec::new();
        jobs.retain(|job| {
            let takes = taken.len() < GROUP && job.instance == *instance;
            if takes {
                taken.push(Arc::clone(job));
            }
            !takes
        });
        taken
    }

    fn put_back(&self, job: Arc<Job>) {
        self.0.lock().push(job);
    }
}

impl Vault {
    /// Waits for the writer's mutex, or for the result that another thread brings about meanwhile.
    fn turn(&self, job: &Arc<Job>) -> Result<TurnGuard<'_>, Result<Committed, Error>> {
        let writer = match self.writer.take_within(self.options.lock_timeout) {
            Some(writer) => writer,
            None if self.queue.withdraw(job) => return Err(Err(store::Error::Busy.into())),
            // Whoever has the job in hand has the locks, and does not hold them for long.
            None => self.writer.take(),
        };
        match job.result.lock().take() {
            Some(result) => Err(result),
            None => Ok(writer),
        }
    }
}

impl Unlocked {
    /// Makes these changes, together or not at all. When it returns `Ok` they are durable.
    ///
    /// Errors: [`Error::RecordExists`], [`Error::NoSuchRecord`], [`Error::Conflict`] (also when one record is named
    /// twice), [`Error::TooLarge`], [`Error::KeysChanged`], [`Error::Failed`], [`Error::Store`].
    pub fn commit(&self, changes: Vec<Change>) -> Result<Revision, Error> {
        self.commit_events(changes).map(|committed| committed.revision)
    }

    /// As [`Unlocked::commit`], and tells the numbers that the events among the changes have been given.
    pub fn commit_events(&self, changes: Vec<Change>) -> Result<Committed, Error> {
        for change in &changes {
            match change {
                Change::Add(put) | Change::Replace { put, .. } => put.check()?,
                Change::Info(info) | Change::ReplaceInfo { info, .. } if info.len() > MAXIMUM_INFO => {
                    return Err(Error::TooLarge);
                }
                Change::Info(_) | Change::ReplaceInfo { .. } | Change::Delete(_) | Change::Event(_) => {}
            }
        }
        let vault = self.vault();
        if changes.is_empty() {
            return Ok(Committed { revision: vault.revision(), events: 0..0 });
        }
        let instance = *self.keys()?.instance();
        let job = Arc::new(Job { changes, instance, result: Mutex::default() });
        vault.queue.push(&job);
        let writer = match vault.turn(&job) {
            Ok(writer) => writer,
            Err(result) => return result,
        };
        vault.queue.withdraw(&job);
        let writing = vault.begin_as(writer)?;
        let keys = self.keys()?;
        self.commit_group(&writing, &keys, &job)
    }

    /// Commits `own` and, in the same transaction, what else is waiting and does not contradict it.
    fn commit_group(
        &self,
        writing: &Writing<'_>,
        keys: &Arc<Keys>,
        own: &Arc<Job>,
    ) -> Result<Committed, Error> {
        let mut group = Group::new(writing, keys);
        let own_result = group.add(&own.changes);
        let mut members = Vec::new();
        for job in writing.vault().queue.take(keys.instance()) {
            // A record is named once in a transaction; who names it too comes later.
            if group.names(&job.changes) {
                writing.vault().queue.put_back(job);
                continue;
            }
            match group.add(&job.changes) {
                Ok(events) => members.push((job, events)),
                Err(error) => *job.result.lock() = Some(Err(error)),
            }
        }
        let written = group.finish(self);
        for (job, events) in members {
            *job.result.lock() = Some(written.clone().map(|revision| Committed { revision, events }));
        }
        let events = own_result?;
        let revision = written?;
        if keys.open_objects()
            && writing.wants_compaction()
            && self.write_snapshot(writing, keys, None).is_err()
        {
            // A convenience: where the file cannot be replaced it just goes on growing.
            writing.put_off_compaction();
        }
        Ok(Committed { revision, events })
    }
}

/// A record in the making: kind, flags, body.
type Prepared = (Kind, u8, Vec<u8>);

/// The changes of several callers on their way into one transaction.
pub(super) struct Group<'a> {
    writing: &'a Writing<'a>,
    keys: &'a Keys,
    records: Vec<Prepared>,
    named: HashSet<RecordId>,
    next_sequence: u64,
    tally: Tally,
    /// Of private records, to be remembered when they are written.
    tags: Vec<(RecordId, u64, Vec<u8>)>,
}

impl<'a> Group<'a> {
    pub(super) fn new(writing: &'a Writing<'a>, keys: &'a Keys) -> Self {
        let (next_sequence, tally) = writing.state(|state| (state.next_sequence, state.tally));
        let (records, named, tags) = Default::default();
        Self { writing, keys, records, named, next_sequence, tally, tags }
    }

    fn names(&self, changes: &[Change]) -> bool {
        changes.iter().filter_map(named).any(|id| self.named.contains(&id))
    }

    /// Takes in the changes of one caller, all or none, and tells the numbers of its events.
    pub(super) fn add(&mut self, changes: &[Change]) -> Result<Range<u64>, Error> {
        let (records, tags, sequence) = (self.records.len(), self.tags.len(), self.next_sequence);
        let tally = self.tally;
        let mut own = HashSet::new();
        let added = changes.iter().try_for_each(|change| {
            if named(change).is_some_and(|id| !own.insert(id)) {
                return Err(Error::Conflict);
            }
            self.add_one(change)
        });
        match added {
            Ok(()) => self.named.extend(own),
            Err(_) => {
                self.records.truncate(records);
                self.tags.truncate(tags);
                self.next_sequence = sequence;
                self.tally = tally;
            }
        }
        added.map(|()| tally.count.saturating_add(1)..self.tally.count.saturating_add(1))
    }

    fn add_one(&mut self, change: &Change) -> Result<(), Error> {
        let present = |id: &RecordId| self.writing.state(|state| state.slots.get(id).cloned());
        match change {
            Change::Info(info) => {
                self.records.push((Kind::Info, 0, info.clone()));
                Ok(())
            }
            Change::ReplaceInfo { info, expected } => {
                // What others have put into the same transaction is not in the state yet.
                let waiting = self.records.iter().rfind(|(kind, ..)| *kind == Kind::Info);
                let present = match waiting {
                    Some((_, _, info)) => info.clone(),
                    None => self.writing.state(|state| state.info.clone()),
                };
                if present != *expected {
                    return Err(Error::Conflict);
                }
                self.records.push((Kind::Info, 0, info.clone()));
                Ok(())
            }
            Change::Event(event) => {
                let (body, tally) = seal_event(self.keys, &self.tally, event)?;
                self.records.push((Kind::Event, 0, body));
                self.tally = tally;
                Ok(())
            }
            Change::Delete(id) => {
                let slot = present(id).ok_or(Error::NoSuchRecord)?;
                self.records.push((Kind::Delete, 0, encode_delete(*id, slot.sequence)));
                Ok(())
            }
            Change::Add(put) => match present(&put.id) {
                Some(_) => Err(Error::RecordExists),
                None => self.add_put(put, None),
            },
            Change::Replace { put, expected } => {
                let slot = present(&put.id).ok_or(Error::NoSuchRecord)?;
                if expected.is_some_and(|expected| expected != slot.sequence) {
                    return Err(Error::Conflict);
                }
                self.add_put(put, Some(&slot))
            }
        }
    }

    fn add_put(&mut self, put: &Put, old: Option<&Slot>) -> Result<(), Error> {
        let sequence = self.next_sequence;
        let sealed = seal_put(self.writing, self.keys, put, old, sequence)?;
        self.records.push(sealed);
        self.next_sequence = sequence.checked_add(1).ok_or(Error::TooLarge)?;
        if put.visibility == Visibility::Private {
            self.tags.push((put.id, sequence, put.tag.clone()));
        }
        Ok(())
    }

    /// Takes in a record as it is.
    pub(super) fn add_record(&mut self, kind: Kind, body: Vec<u8>) {
        self.records.push((kind, 0, body));
    }

    /// Writes the transaction, if there is anything to write.
    pub(super) fn finish(self, unlocked: &Unlocked) -> Result<Revision, Error> {
        let position = self.writing.position();
        if self.records.is_empty() {
            return Ok(Revision(position.generation));
        }
        let mut builder = Builder::new(&position);
        for (kind, flags, body) in &self.records {
            builder.record(*kind, *flags, body)?;
        }
        let revision = self.writing.append(&builder.finish(self.keys.version(), Some(self.keys))?)?;
        for (id, sequence, tag) in &self.tags {
            unlocked.remember_tag(*id, *sequence, tag);
        }
        Ok(revision)
    }
}

/// The record that a change is about.
fn named(change: &Change) -> Option<RecordId> {
    match change {
        Change::Add(put) | Change::Replace { put, .. } => Some(put.id),
        Change::Delete(id) => Some(*id),
        Change::Info(_) | Change::ReplaceInfo { .. } | Change::Event(_) => None,
    }
}

/// Seals a record. `old`: the version that it replaces, whose object key it keeps.
fn seal_put(
    writing: &Writing<'_>,
    keys: &Keys,
    put: &Put,
    old: Option<&Slot>,
    sequence: u64,
) -> Result<Prepared, Error> {
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
    Ok((Kind::Put, flags, encode_put(put.id, sequence, replaces, parts)?))
}
