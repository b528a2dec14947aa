//! The encrypted token: records `(id, bytes)` in one append-only file, sealed under a PIN. It knows no PKCS#11.
//!
//! A [`Vault`] is what can be done without a PIN, an [`Unlocked`] what can be done with one. Both may be shared by
//! any number of threads; any number of vaults, in any number of processes, may use one file. The format is described
//! in `docs/token-format.md`.
//!
//! A vault does not watch its file by itself: what other processes have committed is seen after
//! [`Vault::refresh`] (and after every commit and login). Every commit has a [`Revision`]; the caller keeps the
//! revision up to which it knows the token and is told what has happened since.

#![forbid(unsafe_code)]

// What the file looks like.
mod argon2id;
mod bytes;
mod chain;
pub mod encoding;
mod event;
mod format;
mod keys;
mod record;
mod seal;
// From bytes to a state and back.
mod recover;
mod rules;
mod salvage;
mod scan;
mod snapshot;
mod source;
mod survey;
mod transaction;
// A file in use.
mod commit;
mod compact;
mod entries;
mod history;
mod login;
mod pin;
mod tags;
mod traces;
mod unlocked;
mod verify;
mod view;
mod write;
// Words.
mod error;
mod random;
mod types;
#[cfg(test)]
mod forgery;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(test)]
mod vectors;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lock::{Mutex, RwLock, Turn};
use crate::reserve;
use crate::store::{Backend, Guard};
use format::{FLAG_UNAUTHENTICATED, Kind};
use record::{Base, Holds, Parts, PutHead, encode_put};
use recover::Slot;
use snapshot::Snapshot;
use transaction::Builder;
use view::{Look, View};

pub use argon2id::{Argon2Cost, argon2id};
pub use error::Error;
pub use event::{EventText, Tally};
pub use salvage::{Lost, Proof, Salvage, Saved, SavedEntry, is_separated, salvage};
pub use survey::record_at_offset;
pub use traces::Trace;
pub use types::*;
pub use unlocked::Unlocked;

/// Whether these bytes, the contents of a whole file, hold a token, and what stands out about it. Pure: for tests,
/// fuzzing and diagnosis. Checks what [`Vault::open`] checks.
pub fn examine(contents: &[u8]) -> Result<(Revision, Vec<Note>), Error> {
    let recovered = recover::recover(contents)?;
    Ok((Revision(recovered.state.position.generation), recovered.notes))
}

/// A token file, without its keys.
pub struct Vault {
    backend: Arc<dyn Backend>,
    options: Options,
    /// Held to ask or to take in what was read; never across I/O or cryptography.
    view: RwLock<View>,
    /// One thread at a time reads what others have written.
    reading: Mutex<()>,
    /// One thread at a time writes.
    writer: Turn,
    /// What threads want to be committed by whoever writes next.
    queue: commit::Queue,
    /// A write could not be made durable.
    failed: AtomicBool,
    /// The length of the file below which no compaction is tried, because one has failed.
    compact_from: AtomicU64,
    /// The number of the first event that a compaction keeps; 0 where nobody has said.
    keep_from: AtomicU64,
}

impl Record {
    fn of(id: RecordId, slot: &Slot) -> Self {
        Self {
            id,
            tag: slot.tag.as_deref().and_then(TagBytes::new),
            visibility: slot.visibility(),
            authenticated: slot.authenticated(),
            sequence: slot.sequence,
            has_secret: slot.has_secret,
        }
    }
}

impl Vault {
    /// Makes a new token. [`crate::store::Error::Exists`] if the name is taken.
    pub fn create(
        backend: Arc<dyn Backend>,
        options: Options,
        new: NewToken<'_>,
    ) -> Result<Arc<Self>, Error> {
        Self::create_with(backend, options, new, &[])
    }

    /// As [`Vault::create`], with the events that the life of the token begins with.
    pub fn create_with(
        backend: Arc<dyn Backend>,
        options: Options,
        new: NewToken<'_>,
        events: &[EventText],
    ) -> Result<Arc<Self>, Error> {
        let uuid = *uuid::Builder::from_random_bytes(random::bytes()?).as_uuid().as_bytes();
        let base = Base { chain: [0; 32], generation: 0, next_sequence: 1, root_version: 1 };
        let salt = random::bytes()?;
        let pin_key = keys::pin_key(new.so_pin, &salt, new.kdf, &options)?;
        let past = (Tally::default(), Vec::new());
        let contents = new_file(&new, uuid, &base, (salt, &pin_key), past, events)?;
        backend.create(&contents)?;
        Self::open(backend, options)
    }

    /// Opens a token file and reads it whole: structure and keyless chain are checked, nothing is decrypted.
    ///
    /// Errors: [`Error::Empty`], [`Error::NotOurs`], [`Error::Version`], [`Error::Damaged`], [`Error::Store`].
    pub fn open(backend: Arc<dyn Backend>, options: Options) -> Result<Arc<Self>, Error> {
        let view = view::load_patiently(|| backend.open())?;
        Ok(Arc::new(Self {
            backend,
            options,
            view: RwLock::new(view),
            reading: Mutex::new(()),
            writer: Turn::default(),
            queue: commit::Queue::default(),
            failed: AtomicBool::new(false),
            compact_from: AtomicU64::new(0),
            keep_from: AtomicU64::new(0),
        }))
    }

    /// The unique number of the token; kept when it is initialised anew.
    pub fn uuid(&self) -> [u8; 16] {
        self.view.read().state.identity.uuid
    }

    /// The token information as of the last refresh (not verified before a login).
    pub fn info(&self) -> Vec<u8> {
        self.view.read().state.info.clone()
    }

    /// The revision up to which this vault has read the file.
    pub fn revision(&self) -> Revision {
        Revision(self.view.read().state.position.generation)
    }

    /// Which root key the file is under, counted from 1: one more after each rotation.
    pub fn root_version(&self) -> u32 {
        self.view.read().state.base.root_version
    }

    /// False when the file or its storage cannot be written to.
    pub fn writable(&self) -> bool {
        self.view.read().image.writable()
    }

    /// Whether logins are allowed where failures cannot be counted.
    pub fn allows_readonly_login(&self) -> bool {
        self.view.read().state.identity.allow_readonly_login
    }

    /// Tells other processes that this one has sessions with the token, until the guard is dropped; `None` where that
    /// cannot be told.
    pub fn attend(&self) -> Result<Option<Box<dyn Guard + Send + Sync>>, Error> {
        Ok(self.backend.attend()?)
    }

    /// Makes sure that no process has sessions with the token ([`crate::store::Error::InUse`]), as long as the guard lives;
    /// `None` where that cannot be known.
    pub fn exclude(&self) -> Result<Option<Box<dyn Guard + Send + Sync>>, Error> {
        Ok(self.backend.exclude()?)
    }

    /// Whether the security officer's PIN opens no objects (see [`NewToken::separated`]).
    pub fn separated(&self) -> bool {
        self.view.read().state.identity.separated
    }

    /// How the key of a PIN is derived; `None` where the role has none, or it is unknown here.
    pub fn kdf(&self, entry: Entry) -> Option<Kdf> {
        self.view.read().state.wraps.get(&entry.number())?.kdf()
    }

    /// What a careful owner wants to know about the file.
    pub fn notes(&self) -> Vec<Note> {
        self.view.read().notes.clone()
    }

    /// The length of the file in bytes as far as it is committed, and how many of them are of no use any more.
    pub fn sizes(&self) -> (u64, u64) {
        let view = self.view.read();
        let keep = self.kept_events(&view.state.tally);
        (view.state.position.offset, view.state.garbage(keep))
    }

    /// How many events the life of the token has had as of the last refresh, and the head of their chain.
    pub fn tally(&self) -> Tally {
        self.view.read().state.tally
    }

    /// The number of the first event that is still in the file; one more than that of the last if none is.
    pub fn first_event(&self) -> u64 {
        self.view.read().state.first_event
    }

    /// Says from which number on (at least 1) a compaction has to keep events, because those before it are durable
    /// somewhere else. Until somebody says so, the newest [`Options::keep_events`] are kept.
    pub fn keep_events_from(&self, number: u64) {
        self.keep_from.store(number.max(1), Ordering::Relaxed);
    }

    /// The number of the first event that a compaction keeps.
    fn kept_events(&self, tally: &Tally) -> u64 {
        match self.keep_from.load(Ordering::Relaxed) {
            0 => tally.count.saturating_sub(self.options.keep_events).saturating_add(1),
            number => number,
        }
    }

    /// Whether the file may have changed since the last refresh: one read of 64 bytes, no lock. (Once a second it says
    /// yes without a reason, so that a refresh looks the name up.)
    pub fn changed(&self) -> Result<bool, Error> {
        self.has_news()
    }

    /// Reads what others have committed, and says what has happened since the revision `since`, by whomever. Costs one
    /// read of 64 bytes when nothing has. Takes no file lock.
    pub fn refresh(&self, since: Revision) -> Result<Changes, Error> {
        self.catch_up(Look::Glance)?;
        Ok(self.view.read().history.since(since))
    }

    /// All records; the tags of private ones are sealed. No order is promised.
    pub fn records(&self) -> Vec<Record> {
        reserve::collect(self.view.read().state.slots.iter().map(|(id, slot)| Record::of(*id, slot)))
    }

    /// The public records.
    pub fn public_records(&self) -> Vec<Record> {
        let view = self.view.read();
        let public = view.state.slots.iter().filter(|(_, slot)| slot.visibility() == Visibility::Public);
        reserve::collect(public.map(|(id, slot)| Record::of(*id, slot)))
    }

    /// One record, if it exists.
    pub fn record(&self, id: RecordId) -> Option<Record> {
        self.view.read().slot(id).map(|slot| Record::of(id, slot))
    }

    /// The metadata of a public record; [`Error::NotAllowed`] for a private one.
    pub fn metadata(&self, id: RecordId) -> Result<Vec<u8>, Error> {
        let view::Located { image, slot, .. } = self.locate(id).ok_or(Error::NoSuchRecord)?;
        if slot.visibility() == Visibility::Private {
            return Err(Error::NotAllowed);
        }
        let body = view::read_body(&*image, &slot.place)?;
        let metadata = PutHead::parse(&body, false).and_then(|put| Some(put.parts(&body)?.metadata.to_vec()));
        metadata.ok_or(Error::Damaged { offset: slot.place.offset, what: "a PUT is malformed" })
    }

    /// Adds public records without a login: no secrets, new ids only. They stay marked as not authenticated.
    pub fn add_unauthenticated(&self, records: Vec<Put>) -> Result<Revision, Error> {
        for put in &records {
            put.check()?;
            if put.visibility != Visibility::Public || !matches!(put.secret, SecretPart::None) {
                return Err(Error::NotAllowed);
            }
        }
        if records.is_empty() {
            return Ok(self.revision());
        }
        let writing = self.begin()?;
        let mut builder = Builder::new(&writing.position());
        let first = writing.state(|state| state.next_sequence);
        let mut seen = std::collections::HashSet::new();
        for (sequence, put) in (first..).zip(&records) {
            if !seen.insert(put.id) || writing.state(|state| state.slots.contains_key(&put.id)) {
                return Err(Error::RecordExists);
            }
            let parts = Parts { tag: &put.tag, key: &[], metadata: &put.metadata, secret: &[] };
            builder.record(Kind::Put, FLAG_UNAUTHENTICATED, &encode_put(put.id, sequence, 0, parts)?)?;
        }
        writing.append(&builder.finish(writing.state(|state| state.base.root_version), None)?)
    }
}

impl Put {
    /// The limits of the format.
    fn check(&self) -> Result<(), Error> {
        let secret = match &self.secret {
            SecretPart::New(secret) => secret.len(),
            SecretPart::None | SecretPart::Keep => 0,
        };
        let fits =
            self.tag.len() <= MAXIMUM_TAG && self.metadata.len() <= MAXIMUM_PART && secret <= MAXIMUM_PART;
        if fits { Ok(()) } else { Err(Error::TooLarge) }
    }
}

/// The contents of the file of a token without records, under fresh keys. `(salt, pin_key)` are those of the security
/// officer's PIN; `past` are the events that are taken over and the tally before them, `events` those that follow.
fn new_file(
    new: &NewToken<'_>,
    uuid: [u8; 16],
    base: &Base,
    (salt, pin_key): ([u8; 32], &seal::Key),
    (before, past): (Tally, Vec<EventText>),
    events: &[EventText],
) -> Result<Vec<u8>, Error> {
    if new.info.len() > MAXIMUM_INFO || new.pin_limit == 0 {
        return Err(Error::TooLarge);
    }
    let identity = format::Identity {
        uuid,
        instance: random::bytes()?,
        allow_readonly_login: new.allow_readonly_login,
        separated: new.separated,
        pin_limit: new.pin_limit,
    };
    let keys = keys::Keys::random(base.root_version, identity.realm())?;
    let pin_state = pin::initial(&identity.instance);
    let mut snapshot = Snapshot::begin(&identity.encode(), identity.instance, &pin_state, base, &new.info)?;
    let holds = if new.separated { Holds::Administration } else { Holds::Root };
    let (entry, about) = (Entry::SecurityOfficer, Vec::new());
    let entry = keys::NewEntry { entry, holds, salt, kdf: new.kdf, about };
    snapshot.wrap(&keys.wrap(entry, pin_key)?)?;
    snapshot.events(&keys, before, past.into_iter().chain(events.iter().cloned()).map(Ok))?;
    snapshot.finish(&keys)
}
