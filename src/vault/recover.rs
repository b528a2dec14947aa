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
use super::record::{Base, Holds, PutHead, Wrap, parse_delete, parse_end};
use super::scan::{self, CommitSeal, Frame, Next, Position, Transaction};
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
    fn of(frame: &Frame<'_>) -> Self {
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

fn damaged(offset: u64, what: &'static str) -> Error {
    Error::Damaged { offset, what }
}

/// Reads a whole file.
pub(super) fn recover(bytes: &[u8]) -> Result<Recovered, Error> {
    let identity = Identity::parse(bytes)?;
    let header = bytes.get(..HEADER_LENGTH).ok_or(Error::NotOurs)?;
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
    let mut state = State::first(bytes, identity, pointers.newest)?;
    let tail = state.extend(bytes, 0, pointers.newest, |_| {})?;
    if tail == Tail::Torn {
        notes.push(Note::TornTail);
    }
    if pointers.newest.is_some_and(|pointer| pointer.length > bytes.len() as u64) {
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

impl State {
    /// Reads the first transaction, which holds BASE, INFO and the entries, and records if it is a snapshot.
    fn first(bytes: &[u8], identity: Identity, pointer: Option<Pointer>) -> Result<Self, Error> {
        let offset = HEADER_LENGTH as u64;
        let block = bytes.first_chunk::<IDENTITY_LENGTH>().ok_or(Error::NotOurs)?;
        let start = Position { offset, generation: 0, chain: chain::genesis(block) };
        let first = match scan::next(bytes, 0, &start, None) {
            Next::Transaction(first) => first,
            Next::End => return Err(damaged(offset, "the file ends before its first transaction")),
            Next::Broken { offset, what } => {
                let cut = pointer.is_none_or(|pointer| pointer.length > bytes.len() as u64);
                let what = if cut { "the first transaction is incomplete" } else { what };
                return Err(damaged(offset, what));
            }
        };
        let mut records = first.records.iter();
        let base = records
            .next()
            .filter(|frame| frame.head.kind == Kind::Base)
            .and_then(|frame| Base::parse(frame.body))
            .ok_or(damaged(offset, "the first record is not a BASE"))?;
        if base.generation.checked_add(1) != Some(first.generation)
            || !first.commit.authenticated()
            || first.commit.commit.root_version != base.root_version
        {
            return Err(damaged(offset, "the first transaction does not fit its BASE"));
        }
        let mut state = Self {
            identity,
            base,
            position: Position { offset: first.end, generation: first.generation, chain: first.chain },
            next_sequence: base.next_sequence,
            info: Vec::new(),
            wraps: BTreeMap::new(),
            slots: HashMap::new(),
            live: 0,
            tally: Tally::default(),
            first_event: 1,
            event_bytes: 0,
            unindexed: 0,
            seal: first.commit.clone(),
            index: None,
            first_generation: first.generation,
        };
        state.make_room(first.records.len())?;
        let mut infos = 0;
        for frame in records {
            reserve::check();
            match frame.head.kind {
                Kind::Info => infos += 1,
                Kind::Index if state.index.is_none() => state.index = Some(Place::of(frame)),
                Kind::Tally if state.tally == Tally::default() => {}
                Kind::Put | Kind::Wrap | Kind::Event => {}
                _ => {
                    return Err(damaged(
                        frame.offset,
                        "a record of this kind does not belong into a snapshot",
                    ));
                }
            }
            state.snapshot_record(frame)?;
        }
        if infos != 1 || state.wraps.is_empty() {
            return Err(damaged(offset, "the first transaction lacks the token information or the entries"));
        }
        // Without an INDEX, which not everybody can seal, every private record has to be opened for its tag.
        state.unindexed = state.slots.values().filter(|slot| state.lacks_index(slot)).count();
        Ok(state)
    }

    /// Takes in a record of the first transaction.
    fn snapshot_record(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        match frame.head.kind {
            Kind::Put => {
                let (put, slot) = parse_put(frame)?;
                let known = self.slots.contains_key(&put.id);
                if known || put.replaces != 0 || put.sequence == 0 || put.sequence >= self.next_sequence {
                    return Err(damaged(frame.offset, "a record of the snapshot does not fit the others"));
                }
                self.insert(put.id, slot);
            }
            Kind::Wrap => self.set_wrap(frame)?,
            Kind::Info => self.set_info(frame)?,
            Kind::Tally => {
                self.tally = Tally::parse(frame.body)
                    .filter(|tally| tally.count > 0)
                    .ok_or(damaged(frame.offset, "a TALLY is malformed"))?;
                self.first_event = self.tally.count.saturating_add(1);
            }
            Kind::Event => {
                check_event(frame, self.tally.count)?;
                self.count_event(frame);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes in all whole transactions from the present position on. `bytes` are those of the file from `start` to
    /// its end. `event` is told about each.
    pub(super) fn extend(
        &mut self,
        bytes: &[u8],
        start: u64,
        pointer: Option<Pointer>,
        mut event: impl FnMut(Event),
    ) -> Result<Tail, Error> {
        loop {
            let generation = self.position.generation.checked_add(1);
            match scan::next(bytes, start, &self.position, generation) {
                Next::End => return Ok(Tail::Clean),
                Next::Transaction(transaction) => event(self.apply(&transaction)?),
                Next::Broken { offset, what } => {
                    let file_length = start.saturating_add(bytes.len() as u64);
                    let durable = pointer.is_some_and(|pointer| {
                        self.position.offset < pointer.length && pointer.length <= file_length
                    });
                    if durable || scan::has_later_transaction(bytes, start, &self.position) {
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

    /// Takes in one transaction, all of it or, with an error, none.
    fn apply(&mut self, transaction: &Transaction<'_>) -> Result<Event, Error> {
        self.check(transaction)?;
        let mut event = Event { generation: transaction.generation, ..Event::default() };
        event.ids.try_reserve_exact(transaction.records.len()).map_err(|_| Error::TooLarge)?;
        self.make_room(transaction.records.len())?;
        for frame in &transaction.records {
            match frame.head.kind {
                Kind::Put => {
                    let (put, slot) = parse_put(frame)?;
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
                    self.set_wrap(frame)?;
                    event.info = true;
                }
                Kind::Info => {
                    self.set_info(frame)?;
                    event.info = true;
                }
                Kind::Event => self.count_event(frame),
                Kind::Base | Kind::Index | Kind::Commit | Kind::Tally => {}
            }
        }
        if transaction.commit.authenticated() {
            self.seal = transaction.commit.clone();
        }
        self.position = Position {
            offset: transaction.end,
            generation: transaction.generation,
            chain: transaction.chain,
        };
        Ok(event)
    }

    /// The rules that every transaction but the first obeys. Who breaks one has written with a correct keyless
    /// chain, so this is damage wherever it stands.
    fn check(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let authenticated = transaction.commit.authenticated();
        let commit = &transaction.commit.commit;
        if commit.root_version != self.base.root_version || (!authenticated && commit.code != [0; 32]) {
            return Err(damaged(transaction.commit.offset, "a COMMIT does not fit the file"));
        }
        if transaction.records.is_empty() {
            return Err(damaged(transaction.offset, "a transaction is empty"));
        }
        let (mut sequence, mut events) = (self.next_sequence, self.tally.count);
        let mut seen = HashSet::new();
        seen.try_reserve(transaction.records.len()).map_err(|_| Error::TooLarge)?;
        for frame in &transaction.records {
            reserve::check();
            let wrong = |what| Err(damaged(frame.offset, what));
            match frame.head.kind {
                Kind::Put => {
                    let (put, slot) = parse_put(frame)?;
                    let present = self.slots.get(&put.id);
                    let marked = !slot.authenticated();
                    if put.sequence != sequence || !seen.insert(put.id) {
                        return wrong("a record is out of its sequence");
                    }
                    sequence = sequence.saturating_add(1);
                    if put.replaces != present.map_or(0, |present| present.sequence) {
                        return wrong("a record replaces another version than the present one");
                    }
                    // A mark is never lost, and only an addition without keys brings a new one in.
                    let expected = present.map_or(!authenticated, |present| !present.authenticated());
                    if marked != expected {
                        return wrong("a record is not marked as it must be");
                    }
                    if !authenticated && (present.is_some() || put.key_length > 0) {
                        return wrong("a change was made that needs the keys, without them");
                    }
                }
                Kind::Delete => {
                    let Some((id, version)) = parse_delete(frame.body) else {
                        return wrong("a DEL is malformed");
                    };
                    let present = self.slots.get(&id).map(|slot| slot.sequence);
                    if present != Some(version) || !seen.insert(id) {
                        return wrong("a deleted record does not exist");
                    }
                    if !authenticated {
                        return wrong("a change was made that needs the keys, without them");
                    }
                }
                Kind::Wrap | Kind::Info => {
                    if !authenticated {
                        return wrong("a change was made that needs the keys, without them");
                    }
                    let sound = match frame.head.kind {
                        Kind::Wrap => self.accepts(frame.body),
                        _ => frame.body.len() <= MAXIMUM_INFO,
                    };
                    if !sound {
                        return wrong("an entry or the token information is malformed");
                    }
                }
                Kind::Event => {
                    if !authenticated {
                        return wrong("an event was written without the keys");
                    }
                    check_event(frame, events)?;
                    events = events.saturating_add(1);
                }
                Kind::Base | Kind::Index | Kind::Commit | Kind::Tally => {
                    return wrong("a record of this kind belongs into the first transaction only");
                }
            }
        }
        Ok(())
    }

    /// Whether this is the body of a WRAP that fits the file. One that ends an entry names one that is there.
    fn accepts(&self, body: &[u8]) -> bool {
        if let Some((entry, version)) = parse_end(body) {
            return version == self.base.root_version && self.wraps.contains_key(&entry);
        }
        let separated = self.identity.separated;
        Wrap::parse(body).is_some_and(|wrap| {
            wrap.root_version == self.base.root_version && (separated || wrap.holds == Holds::Root)
        })
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

    fn insert(&mut self, id: RecordId, slot: Slot) {
        self.live += slot.place.frame_length();
        self.unindexed += usize::from(self.lacks_index(&slot));
        if let Some(old) = self.slots.insert(id, slot) {
            self.forget(&old);
        }
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

    fn count_event(&mut self, frame: &Frame<'_>) {
        if let Some(event) = Sealed::parse(frame.body) {
            self.tally = self.tally.after_digest(&event.digest);
            self.event_bytes = self.event_bytes.saturating_add(frame.head.frame_length() as u64);
        }
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

/// An EVENT has the next number.
fn check_event(frame: &Frame<'_>, before: u64) -> Result<(), Error> {
    match Sealed::parse(frame.body) {
        Some(event) if Some(event.number) == before.checked_add(1) => Ok(()),
        Some(_) => Err(damaged(frame.offset, "an event is out of its sequence")),
        None => Err(damaged(frame.offset, "an EVENT is malformed")),
    }
}

fn parse_put(frame: &Frame<'_>) -> Result<(PutHead, Slot), Error> {
    let private = frame.head.flags & FLAG_PRIVATE != 0;
    let malformed = damaged(frame.offset, "a PUT is malformed");
    let Some(put) = PutHead::parse(frame.body, private) else { return Err(malformed) };
    let Some(parts) = put.parts(frame.body) else { return Err(malformed) };
    let slot = Slot {
        place: Place::of(frame),
        sequence: put.sequence,
        flags: frame.head.flags,
        has_secret: put.secret_length > 0,
        tag: (!private).then(|| parts.tag.into()),
    };
    Ok((put, slot))
}
