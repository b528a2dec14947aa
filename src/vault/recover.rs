//! Recovery: from the bytes of a file to the state of its token. Pure, so that every byte prefix and every flipped
//! bit can be tried.
//!
//! A tail is *torn* only if the last transaction is incomplete, lies behind what the commit pointer calls durable, and no
//! later transaction follows. Everything else that does not verify is damage, and nothing is repaired silently.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Error;
use super::chain::{self, Hash};
use super::event::{Sealed, Tally};
use super::format::{
    FLAG_PRIVATE, FLAG_UNAUTHENTICATED, HEADER_LENGTH, IDENTITY_LENGTH, Identity, Kind, POINTERS_LENGTH,
    POINTERS_OFFSET, Pointer, Pointers,
};
use super::pin;
use super::record::{Base, Wrap, parse_delete, parse_end};
use super::rules::{checked_event, parse_put};
use super::scan::{self, CommitSeal, Frame, Mark, Next, Position, Scan, Step, Transaction};
use super::source::{Source, Whole};
use super::types::{MAXIMUM_INFO, Note, RecordId, Visibility};
use crate::reserve;

/// Where a record of the file is and what it must hash to, so that it can be read again and believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Of the head, in bytes from the beginning of the file.
    pub(super) offset: u64,
    pub(super) body_length: u32,
    pub(super) digest: Hash,
}

impl Place {
    pub(super) fn of(frame: &Frame<'_>) -> Self {
        Self { offset: frame.offset, body_length: frame.head.body_length, digest: frame.digest }
    }

    /// The length of head, body and chain value.
    pub(super) fn frame_length(&self) -> u64 {
        (super::format::HEAD_LENGTH + super::format::CHAIN_LENGTH) as u64 + u64::from(self.body_length)
    }
}

/// What is kept in memory of a live record.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) place: Place,
    pub(super) sequence: u64,
    pub(super) flags: u8,
    pub(super) has_secret: bool,
    /// Of public records only.
    pub(super) tag: Option<Box<[u8]>>,
}

impl Slot {
    pub(super) fn visibility(&self) -> Visibility {
        if self.flags & FLAG_PRIVATE != 0 { Visibility::Private } else { Visibility::Public }
    }

    pub(super) fn authenticated(&self) -> bool {
        self.flags & FLAG_UNAUTHENTICATED == 0
    }
}

/// What one transaction did, for those who follow.
#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    pub(super) generation: u64,
    pub(super) ids: Vec<RecordId>,
    pub(super) info: bool,
}

/// A token as its file describes it up to a transaction.
pub(super) struct State {
    pub(super) identity: Identity,
    /// What the file continues, and its root key.
    pub(super) base: Base,
    pub(super) position: Position,
    pub(super) next_sequence: u64,
    pub(super) info: Vec<u8>,
    pub(super) wraps: BTreeMap<u32, Wrap>,
    pub(super) slots: HashMap<RecordId, Slot>,
    /// The length of all live records in the file, without events.
    pub(super) live: u64,
    /// The events of the token's life, up to now.
    pub(super) tally: Tally,
    /// The number of the first event that is still in the file, and the length of all that are.
    pub(super) first_event: u64,
    event_bytes: u64,
    /// How many live records have a sealed tag that no INDEX tells.
    pub(super) unindexed: usize,
    /// The last COMMIT with an authentication code, which covers everything before it.
    pub(super) seal: CommitSeal,
    /// The INDEX of the snapshot that the file begins with, if there is one.
    pub(super) index: Option<Place>,
    /// The generation of that snapshot.
    pub(super) first_generation: u64,
}

/// What [`recover`] found.
pub(super) struct Recovered {
    pub(super) state: State,
    pub(super) notes: Vec<Note>,
}

pub(super) fn damaged(offset: u64, what: &'static str) -> Error {
    Error::Damaged { offset, what }
}

/// Reads a whole file that is in memory.
pub(super) fn recover(bytes: &[u8]) -> Result<Recovered, Error> {
    recover_from(&mut Whole { bytes, start: 0 })
}

/// Reads a whole file, from front to back.
pub(super) fn recover_from(source: &mut impl Source) -> Result<Recovered, Error> {
    let file = source.bytes(0, HEADER_LENGTH)?;
    let identity = Identity::parse(file)?;
    let header = file.get(..HEADER_LENGTH).ok_or(Error::NotOurs)?;
    let pointer_bytes = header.get(POINTERS_OFFSET..POINTERS_OFFSET + POINTERS_LENGTH).unwrap_or_default();
    let pointers = Pointers::parse(pointer_bytes, &identity.instance);
    let mut notes = Vec::new();
    if pointers.spoiled {
        notes.push(Note::CommitPointer);
    }
    if pointers.superseded {
        notes.push(Note::Superseded);
    }
    if pin::spoiled_places(header, &identity.instance) > 0 {
        notes.push(Note::PinState);
    }
    let genesis = chain::genesis(header.first_chunk::<IDENTITY_LENGTH>().ok_or(Error::NotOurs)?);
    let mut state = State::first(source, identity, genesis, pointers.newest)?;
    let tail = state.extend(source, pointers.newest, |_| {})?;
    if tail == Tail::Torn {
        notes.push(Note::TornTail);
    }
    if pointers.newest.is_some_and(|pointer| pointer.length > source.end()) {
        notes.push(Note::RolledBack);
    }
    Ok(Recovered { state, notes })
}

/// How the bytes that were read end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    Clean,
    /// With an incomplete transaction, which is to be cut off before the next one is written.
    Torn,
}

/// What transactions are checked with, one after the other.
#[derive(Default)]
struct Scratch {
    marks: Vec<Mark>,
    seen: HashSet<RecordId>,
}

impl State {
    /// Reads the first transaction, which holds BASE, INFO and the entries, and records if it is a snapshot.
    fn first(
        source: &mut impl Source,
        identity: Identity,
        genesis: Hash,
        pointer: Option<Pointer>,
    ) -> Result<Self, Error> {
        let offset = HEADER_LENGTH as u64;
        let start = Position { offset, generation: 0, chain: genesis };
        if source.bytes(offset, 1)?.is_empty() {
            return Err(damaged(offset, "the file ends before its first transaction"));
        }
        let mut scan = Scan::new(&start, None);
        let cut = pointer.is_none_or(|pointer| pointer.length > source.end());
        let broken =
            |offset, what| damaged(offset, if cut { "the first transaction is incomplete" } else { what });
        let (base, generation) = match scan.step(source)? {
            Step::Record(frame) => {
                let base = Base::parse(frame.body).filter(|_| frame.head.kind == Kind::Base);
                (base.ok_or(damaged(offset, "the first record is not a BASE"))?, frame.head.generation)
            }
            Step::Commit(..) => return Err(damaged(offset, "the first record is not a BASE")),
            Step::Broken { offset, what } => return Err(broken(offset, what)),
        };
        let mut state = Self::of(identity, base, start);
        let mut infos = 0;
        loop {
            reserve::check();
            match scan.step(source)? {
                Step::Record(frame) => {
                    infos += usize::from(frame.head.kind == Kind::Info);
                    state.make_room(1)?;
                    state.snapshot_record(&frame)?;
                    source.release(scan.offset());
                }
                Step::Commit(commit, after) => {
                    (state.seal, state.position) = (commit, after);
                    break;
                }
                Step::Broken { offset, what } => return Err(broken(offset, what)),
            }
        }
        if base.generation.checked_add(1) != Some(generation)
            || !state.seal.authenticated()
            || state.seal.commit.root_version != base.root_version
        {
            return Err(damaged(offset, "the first transaction does not fit its BASE"));
        }
        if infos != 1 || state.wraps.is_empty() {
            return Err(damaged(offset, "the first transaction lacks the token information or the entries"));
        }
        state.first_generation = generation;
        // Without an INDEX, which not everybody can seal, every private record has to be opened for its tag.
        state.unindexed = state.slots.values().filter(|slot| state.lacks_index(slot)).count();
        Ok(state)
    }

    /// A state without anything but what the file continues.
    fn of(identity: Identity, base: Base, position: Position) -> Self {
        Self {
            identity,
            base,
            position,
            next_sequence: base.next_sequence,
            info: Vec::new(),
            wraps: BTreeMap::new(),
            slots: HashMap::new(),
            live: 0,
            tally: Tally::default(),
            first_event: 1,
            event_bytes: 0,
            unindexed: 0,
            seal: CommitSeal::none(&position),
            index: None,
            first_generation: base.generation,
        }
    }

    /// Takes in a record of the first transaction, not its BASE.
    fn snapshot_record(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        match frame.head.kind {
            Kind::Put => {
                let (put, slot) = parse_put(frame)?;
                let fits = put.replaces == 0 && put.sequence > 0 && put.sequence < self.next_sequence;
                if !fits || !self.insert(put.id, slot) {
                    return Err(damaged(frame.offset, "a record of the snapshot does not fit the others"));
                }
            }
            Kind::Wrap => self.set_wrap(frame)?,
            Kind::Info => self.set_info(frame)?,
            Kind::Index if self.index.is_none() => self.index = Some(Place::of(frame)),
            Kind::Tally if self.tally == Tally::default() => {
                self.tally = Tally::parse(frame.body)
                    .filter(|tally| tally.count > 0)
                    .ok_or(damaged(frame.offset, "a TALLY is malformed"))?;
                self.first_event = self.tally.count.saturating_add(1);
            }
            Kind::Event => {
                let event = checked_event(frame, self.tally.count)?;
                self.count_event(frame, &event);
            }
            Kind::Base | Kind::Delete | Kind::Index | Kind::Tally | Kind::Commit => {
                return Err(damaged(frame.offset, "a record of this kind does not belong into a snapshot"));
            }
        }
        Ok(())
    }

    /// Takes in all whole transactions from the present position on. `event` is told about each.
    pub(super) fn extend(
        &mut self,
        source: &mut impl Source,
        pointer: Option<Pointer>,
        mut event: impl FnMut(Event),
    ) -> Result<Tail, Error> {
        let mut scratch = Scratch::default();
        loop {
            let generation = self.position.generation.checked_add(1);
            match scan::next(source, &self.position, generation, &mut scratch.marks)? {
                Next::End => return Ok(Tail::Clean),
                Next::Transaction(transaction) => {
                    self.check(&transaction, &mut scratch.seen)?;
                    event(self.apply(&transaction)?);
                }
                Next::Broken { offset, what } => {
                    let position = &self.position;
                    let durable = pointer.is_some_and(|pointer| {
                        position.offset < pointer.length && pointer.length <= source.end()
                    });
                    let rest = source.bytes(position.offset, usize::MAX)?;
                    if durable || scan::has_later_transaction(rest, position.offset, position) {
                        return Err(damaged(offset, what));
                    }
                    return Ok(Tail::Torn);
                }
            }
        }
    }

    /// Memory for so many more records, before anything is changed.
    pub(super) fn make_room(&mut self, records: usize) -> Result<(), Error> {
        reserve::check();
        self.slots.try_reserve(records).map_err(|_| Error::TooLarge)
    }

    /// Takes in one transaction that was checked, all of it or, with an error, none.
    fn apply(&mut self, transaction: &Transaction<'_>) -> Result<Event, Error> {
        let mut event = Event { generation: transaction.generation, ..Event::default() };
        event.ids.try_reserve_exact(transaction.len()).map_err(|_| Error::TooLarge)?;
        self.make_room(transaction.len())?;
        for frame in transaction.records() {
            match frame.head.kind {
                Kind::Put => {
                    let (put, slot) = parse_put(&frame)?;
                    self.next_sequence = put.sequence.saturating_add(1);
                    self.insert(put.id, slot);
                    event.ids.push(put.id);
                }
                Kind::Delete => {
                    if let Some((id, _)) = parse_delete(frame.body) {
                        self.remove(&id);
                        event.ids.push(id);
                    }
                }
                Kind::Wrap => {
                    self.set_wrap(&frame)?;
                    event.info = true;
                }
                Kind::Info => {
                    self.set_info(&frame)?;
                    event.info = true;
                }
                Kind::Event => {
                    let sealed = checked_event(&frame, self.tally.count)?;
                    self.count_event(&frame, &sealed);
                }
                Kind::Base | Kind::Index | Kind::Commit | Kind::Tally => {}
            }
        }
        if transaction.commit.authenticated() {
            self.seal = transaction.commit.clone();
        }
        self.position = transaction.after;
        Ok(event)
    }

    fn set_wrap(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let malformed = damaged(frame.offset, "an entry is malformed");
        if !self.accepts(frame.body) {
            return Err(malformed);
        }
        match parse_end(frame.body) {
            Some((entry, _)) => drop(self.wraps.remove(&entry)),
            None => {
                let wrap = Wrap::parse(frame.body).ok_or(malformed)?;
                self.wraps.insert(wrap.entry, wrap);
            }
        }
        Ok(())
    }

    fn set_info(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        if frame.body.len() > MAXIMUM_INFO {
            return Err(damaged(frame.offset, "the token information is too long"));
        }
        self.info = frame.body.to_vec();
        Ok(())
    }

    /// Whether the id is new.
    fn insert(&mut self, id: RecordId, slot: Slot) -> bool {
        self.live += slot.place.frame_length();
        self.unindexed += usize::from(self.lacks_index(&slot));
        let old = self.slots.insert(id, slot);
        if let Some(old) = &old {
            self.forget(old);
        }
        old.is_none()
    }

    fn remove(&mut self, id: &RecordId) {
        if let Some(old) = self.slots.remove(id) {
            self.forget(&old);
        }
    }

    fn forget(&mut self, old: &Slot) {
        self.live = self.live.saturating_sub(old.place.frame_length());
        self.unindexed = self.unindexed.saturating_sub(usize::from(self.lacks_index(old)));
    }

    /// Whether a login has to open the tag of this record by itself: it was written after the snapshot.
    fn lacks_index(&self, slot: &Slot) -> bool {
        let after = self.index.is_none() || slot.sequence >= self.base.next_sequence;
        slot.visibility() == Visibility::Private && after
    }

    fn count_event(&mut self, frame: &Frame<'_>, event: &Sealed<'_>) {
        self.tally = self.tally.after_digest(&event.digest);
        self.event_bytes = self.event_bytes.saturating_add(frame.head.frame_length() as u64);
    }

    /// How many bytes of the file are of no use any more, if events are kept from the number `keep` on (all events are
    /// taken to be of one length).
    pub(super) fn garbage(&self, keep: u64) -> u64 {
        let held = self.tally.count.saturating_add(1).saturating_sub(self.first_event);
        let kept = self.tally.count.saturating_add(1).saturating_sub(keep.max(self.first_event));
        let kept_bytes = (u128::from(self.event_bytes) * u128::from(kept)).checked_div(u128::from(held));
        let kept_bytes = kept_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let used = self.live.saturating_add(kept_bytes);
        self.position.offset.saturating_sub(HEADER_LENGTH as u64).saturating_sub(used)
    }
}
