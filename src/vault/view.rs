//! What a vault knows of its file, and how it follows what others write.
//!
//! Readers take no file lock: they look at the commit pointer and read what it says has become durable. A writer, who
//! holds the lock, reads to the very end instead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::format::{HEAD_LENGTH, POINTERS_LENGTH, POINTERS_OFFSET, Pointers};
use super::history::History;
use super::recover::{Event, Place, Recovered, Slot, State, Tail, recover_from};
use super::source::{Source, Whole, Window};
use super::types::{Note, RecordId};
use super::{Error, Vault, chain};
use crate::store::{self, Image};

/// How often the name is looked up although the commit pointer has not moved: the process that exchanged the file
/// may have died before it could mark the old one.
const LOOK_UP_EVERY: Duration = Duration::from_secs(1);

pub(super) struct View {
    pub(super) image: Arc<dyn Image>,
    pub(super) state: State,
    pub(super) history: History,
    pub(super) notes: Vec<Note>,
    /// The commit pointers as last seen.
    pointers: [u8; POINTERS_LENGTH],
    looked_up: Instant,
    /// The folder has been synced since the file was opened: the name will not go back to an older file.
    pub(super) settled: bool,
}

/// A record, the image that holds it, and the version of the root key that it is sealed under: they belong together,
/// and another thread may exchange the file at any time.
pub(super) struct Located {
    pub(super) image: Arc<dyn Image>,
    pub(super) slot: Slot,
    pub(super) root_version: u32,
}

/// How thoroughly to look for news.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// At the commit pointer, as readers do.
    Glance,
    /// At the name and the end of the file, as writers do, who hold the lock.
    Thorough,
}

fn read_pointers(image: &dyn Image) -> Result<[u8; POINTERS_LENGTH], Error> {
    let mut bytes = [0; POINTERS_LENGTH];
    store::read_up_to(image, &mut bytes, POINTERS_OFFSET as u64)?;
    Ok(bytes)
}

fn became_shorter(offset: u64) -> Error {
    Error::Damaged { offset, what: "the file has become shorter" }
}

impl View {
    fn new(
        image: Arc<dyn Image>,
        pointers: [u8; POINTERS_LENGTH],
        contents: &mut impl Source,
    ) -> Result<Self, Error> {
        let Recovered { state, mut notes } = recover_from(contents)?;
        // A mark on the file that the name stands for is ignored: it is a copy of an old file.
        if notes.contains(&Note::Superseded) {
            notes.retain(|note| *note != Note::RolledBack);
        }
        let history = History::new(state.position.generation);
        Ok(Self { image, state, history, notes, pointers, looked_up: Instant::now(), settled: false })
    }

    pub(super) fn slot(&self, id: RecordId) -> Option<&Slot> {
        self.state.slots.get(&id)
    }

    /// How far the file is durable, as far as the commit pointers tell; 0 if they tell nothing.
    pub(super) fn pointed_length(&self) -> u64 {
        let pointers = Pointers::parse(&self.pointers, &self.state.identity.instance);
        pointers.newest.map_or(0, |pointer| pointer.length)
    }

    /// Puts a newer file in the place of the one that was read.
    fn replace(&mut self, mut new: Self) -> Result<(), Error> {
        let (old, state) = (&self.state, &new.state);
        if old.identity.instance != state.identity.instance {
            new.history = History::reborn(state.position.generation);
            *self = new;
            return Ok(());
        }
        let rolled_back = state.position.generation < old.position.generation
            || (state.base.generation == old.position.generation && state.base.chain != old.position.chain);
        if rolled_back {
            return Err(Error::Damaged { offset: 0, what: "an older or another copy was put in its place" });
        }
        let mut event = Event { generation: state.position.generation, ids: Vec::new(), info: true };
        let changed = |id: &RecordId| {
            old.slots.get(id).map(|slot| slot.sequence) != state.slots.get(id).map(|slot| slot.sequence)
        };
        event.ids.extend(state.slots.keys().filter(|id| changed(id)));
        event.ids.extend(old.slots.keys().filter(|id| !state.slots.contains_key(id)));
        let mut history = std::mem::replace(&mut self.history, History::new(0));
        history.push(event);
        new.history = history;
        *self = new;
        Ok(())
    }
}

/// Reads a record again and makes sure that it is still what the chain covers.
pub(super) fn read_body(image: &dyn Image, place: &Place) -> Result<Vec<u8>, Error> {
    let length = HEAD_LENGTH + place.body_length as usize;
    let mut bytes = store::zeroed(length)?;
    store::read_up_to(image, &mut bytes, place.offset)?;
    if chain::digest(&bytes) != place.digest {
        return Err(Error::Damaged {
            offset: place.offset,
            what: "a record has changed since it was verified",
        });
    }
    bytes.drain(..HEAD_LENGTH);
    Ok(bytes)
}

impl Vault {
    /// A record as it is now.
    pub(super) fn locate(&self, id: RecordId) -> Option<Located> {
        let view = self.view.read();
        let slot = view.slot(id)?.clone();
        let root_version = view.state.base.root_version;
        Some(Located { image: Arc::clone(&view.image), slot, root_version })
    }

    /// Whether the commit pointer has moved or the name has to be looked up.
    pub(super) fn has_news(&self) -> Result<bool, Error> {
        let (image, seen, looked_up) = {
            let view = self.view.read();
            (Arc::clone(&view.image), view.pointers, view.looked_up)
        };
        Ok(read_pointers(&*image)? != seen || looked_up.elapsed() >= LOOK_UP_EVERY)
    }

    /// Takes in what has happened to the file. With [`Look::Thorough`] the caller holds the lock.
    pub(super) fn catch_up(&self, look: Look) -> Result<(), Error> {
        if look == Look::Glance && !self.has_news()? {
            return Ok(());
        }
        let _reading = self.reading.lock();
        let (image, end, instance, looked_up) = {
            let view = self.view.read();
            let instance = view.state.identity.instance;
            (Arc::clone(&view.image), view.state.position.offset, instance, view.looked_up)
        };
        let bytes = read_pointers(&*image)?;
        let pointers = Pointers::parse(&bytes, &instance);
        if look == Look::Thorough || pointers.superseded || looked_up.elapsed() >= LOOK_UP_EVERY {
            if self.backend.identity()? != image.identity() {
                return self.reload();
            }
            self.view.write().looked_up = Instant::now();
        }
        let length = image.length().map_err(|error| store::Error::from_io("measure", &error))?;
        let wanted = match (look, pointers.newest) {
            (Look::Glance, Some(pointer)) if pointer.length > length => return Err(became_shorter(length)),
            (Look::Glance, Some(pointer)) => pointer.length,
            _ => length,
        };
        if look == Look::Thorough && length < end {
            return Err(became_shorter(length));
        }
        let missing = usize::try_from(wanted.saturating_sub(end)).map_err(|_| Error::TooLarge)?;
        let mut tail = store::zeroed(missing)?;
        let count = store::read_up_to(&*image, &mut tail, end)?;
        tail.truncate(count);

        let mut view = self.view.write();
        let View { state, history, notes, .. } = &mut *view;
        let mut tail = Whole { bytes: &tail, start: end };
        let found = state.extend(&mut tail, pointers.newest, |event| history.push(event))?;
        if found == Tail::Clean && (look == Look::Thorough || count > 0) {
            notes.retain(|note| *note != Note::TornTail);
        } else if found == Tail::Torn && !notes.contains(&Note::TornTail) {
            notes.push(Note::TornTail);
        }
        view.pointers = bytes;
        Ok(())
    }

    /// Reads the file that the name stands for now.
    fn reload(&self) -> Result<(), Error> {
        let new = load_patiently(|| self.backend.open())?;
        self.view.write().replace(new)
    }
}

/// Opens and reads a file that others may be writing to. While a torn end is cut off and written over, a reader without
/// the lock can see a mixture; what is damaged and reads the same a second time is damaged.
pub(super) fn load_patiently(open: impl Fn() -> Result<Arc<dyn Image>, store::Error>) -> Result<View, Error> {
    let image = open()?;
    let pointers = read_pointers(&*image)?;
    match View::new(Arc::clone(&image), pointers, &mut Window::new(&*image)?) {
        Err(Error::Damaged { .. }) => {}
        result => return result,
    }
    let mut seen = None;
    loop {
        let image = open()?;
        // Before the contents: what the pointer calls durable is then certainly among what is read.
        let pointers = read_pointers(&*image)?;
        let contents = store::read_to_end(&*image, 0)?;
        match View::new(image, pointers, &mut Whole { bytes: &contents, start: 0 }) {
            Err(Error::Damaged { .. }) if seen.as_ref() != Some(&contents) => seen = Some(contents),
            result => return result,
        }
    }
}
