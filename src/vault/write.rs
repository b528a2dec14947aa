//! The one way into the file: process mutex, file lock, read what others wrote, cut a torn end, one write, one sync,
//! commit pointer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::format::{HEADER_LENGTH, POINTERS_OFFSET, Pointer};
use super::recover::{State, Tail};
use super::scan::Position;
use super::source::Whole;
use super::transaction::Made;
use super::types::{Note, Revision};
use super::view::Look;
use super::{Error, Vault};
use crate::lock::TurnGuard;
use crate::store::{self, Guard, Image};

/// The proof that this thread alone may write, and has seen everything that was written before.
pub(super) struct Writing<'a> {
    vault: &'a Vault,
    pub(super) image: Arc<dyn Image>,
    // Dropped in this order: the file lock first, so that a waiting thread finds it free.
    _lock: Box<dyn Guard>,
    _writer: TurnGuard<'a>,
}

impl Vault {
    /// Takes the locks and catches up with the file.
    pub(super) fn begin(&self) -> Result<Writing<'_>, Error> {
        let writer = self.writer.take_within(self.options.lock_timeout).ok_or(store::Error::Busy)?;
        self.begin_as(writer)
    }

    /// As [`Vault::begin`], for the thread that holds the writer's mutex already.
    pub(super) fn begin_as<'a>(&'a self, writer: TurnGuard<'a>) -> Result<Writing<'a>, Error> {
        let timeout = self.options.lock_timeout;
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::Failed);
        }
        if !self.view.read().image.writable() {
            return Err(Error::ReadOnly);
        }
        let lock = self.backend.lock(timeout).map_err(|error| match error {
            // The folder does not take a lock file: nothing can be written safely.
            store::Error::Denied => Error::ReadOnly,
            error => error.into(),
        })?;
        self.catch_up(Look::Thorough)?;
        let image = Arc::clone(&self.view.read().image);
        if !image.writable() {
            return Err(Error::ReadOnly);
        }
        if !self.view.read().settled {
            self.backend.sync_name()?;
            self.view.write().settled = true;
        }
        let writing = Writing { vault: self, image, _lock: lock, _writer: writer };
        writing.adopt()?;
        Ok(writing)
    }
}

impl<'a> Writing<'a> {
    pub(super) fn vault(&self) -> &'a Vault {
        self.vault
    }

    /// Asks the state, which nobody changes as long as this value lives.
    pub(super) fn state<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        ask(&self.vault.view.read().state)
    }

    pub(super) fn position(&self) -> Position {
        self.state(|state| state.position)
    }

    /// Writes a transaction. With `Ok` it is durable; with an error it is not in the file, or the vault has failed.
    pub(super) fn append(&self, made: &Made) -> Result<Revision, Error> {
        // Now: when the bytes are durable nothing may fail any more.
        self.vault.view.write().state.make_room(made.records as usize)?;
        let end = self.position().offset;
        self.cut(end)?;
        if let Err(error) = store::write_all(&*self.image, &made.bytes, end) {
            if store::truncate(&*self.image, end).is_err() {
                self.vault.failed.store(true, Ordering::Release);
            }
            return Err(error.into());
        }
        if let Err(error) = store::sync(&*self.image) {
            // The system may have dropped the pages: nothing that builds on them may be called durable.
            self.vault.failed.store(true, Ordering::Release);
            let _ = store::truncate(&*self.image, end);
            return Err(error.into());
        }
        let position = {
            let mut view = self.vault.view.write();
            let view = &mut *view;
            let history = &mut view.history;
            let mut bytes = Whole { bytes: &made.bytes, start: end };
            let tail = view.state.extend(&mut bytes, None, |event| history.push(event))?;
            debug_assert_eq!(tail, Tail::Clean);
            view.notes.retain(|note| *note != Note::TornTail);
            view.state.position
        };
        self.point_to(&position);
        Ok(Revision(position.generation))
    }

    /// Makes durable what stands behind the commit pointer. Its writer died before that, or could not: after a failed
    /// sync the system goes on showing what it has not stored, and no later sync tries that again. So it is written
    /// again, as it is.
    fn adopt(&self) -> Result<(), Error> {
        let end = self.position().offset;
        let start = self.vault.view.read().pointed_length().max(HEADER_LENGTH as u64);
        let Some(length) = end.checked_sub(start).filter(|length| *length > 0) else { return Ok(()) };
        let length = usize::try_from(length).map_err(|_| Error::TooLarge)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| Error::TooLarge)?;
        bytes.resize(length, 0);
        if store::read_up_to(&*self.image, &mut bytes, start)? != length {
            return Err(Error::Damaged { offset: start, what: "the file has become shorter" });
        }
        store::write_all(&*self.image, &bytes, start)?;
        if let Err(error) = store::sync(&*self.image) {
            self.vault.failed.store(true, Ordering::Release);
            return Err(error.into());
        }
        self.point_to(&self.position());
        Ok(())
    }

    /// Cuts off what an interrupted writer has left behind the last transaction.
    fn cut(&self, end: u64) -> Result<(), Error> {
        let length = self.image.length().map_err(|error| store::Error::from_io("measure", &error))?;
        if length > end {
            store::truncate(&*self.image, end)?;
            // So that no mixture of the old end and the new transaction can come out of a crash.
            store::sync(&*self.image)?;
        }
        Ok(())
    }

    /// Whether a snapshot is worth its price: it costs as much as all that is live, and is paid for by as much garbage, or by
    /// a quarter as many new records, so that the price of a change does not depend on the number of records.
    pub(super) fn wants_compaction(&self) -> bool {
        let options = &self.vault.options;
        self.state(|state| {
            let garbage = state.garbage(self.vault.kept_events(&state.tally));
            let wasteful = garbage > options.compact_above && garbage > state.live;
            let slow = state.unindexed > options.index_above && state.unindexed > state.slots.len() / 4;
            (wasteful || slow) && state.position.offset >= self.vault.compact_from.load(Ordering::Relaxed)
        })
    }

    /// After a snapshot that could not be put in its place: not tried again before the file has grown by half.
    pub(super) fn put_off_compaction(&self) {
        let length = self.position().offset;
        self.vault.compact_from.store(length.saturating_add(length / 2), Ordering::Relaxed);
    }

    /// Stores the commit pointer. It is advice for readers: a failure costs them time and nothing else.
    fn point_to(&self, position: &Position) {
        let pointer = Pointer { generation: position.generation, length: position.offset };
        let instance = self.state(|state| state.identity.instance);
        let _ = store::write_all(&*self.image, &pointer.encode(&instance), pointer.offset());
    }

    /// Puts a new file in the place of the present one and tells those who have the old one open.
    pub(super) fn replace(&self, contents: &[u8]) -> Result<Revision, Error> {
        let (generation, instance) = self.state(|state| (state.position.generation, state.identity.instance));
        self.vault.backend.replace(&*self.image, contents)?;
        let mark = Pointer::superseded(generation, &instance);
        let _ = store::write_all(&*self.image, &mark, POINTERS_OFFSET as u64);
        self.vault.catch_up(Look::Thorough)?;
        Ok(Revision(self.position().generation))
    }
}
