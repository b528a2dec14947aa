//! The audit log beside a token: `NAME.coffer.audit`, append-only, chained, with a key that evolves record by record.
//!
//! It holds a copy of each event of the token file, and what is told nowhere else: uses of keys, refusals, failed logins. A
//! process gathers these in memory and appends them in blocks, under the lock of the log, which nobody holds while working
//! with a key. There is one file and one chain for all processes: their blocks stand one after the other.

mod append;
mod format;
pub mod verify;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::crypto::random;
use crate::error::{Error, Result};
use crate::lock::{Mutex, Turn};
use crate::store::Backend;
use crate::token::{Audit, AuditMode, AuditSink, Event, Outcome, Token, What};
use crate::vault::{EventText, Tally};

pub use append::Trouble;

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error.into(),
            Trouble::NotALog => Error::DeviceError,
        }
    }
}

/// Notes are written when so many bytes of them are waiting, or the oldest is so many milliseconds old.
const BLOCK: usize = 64 << 10;
const PATIENCE: u64 = 1000;
/// More is not kept where the log cannot be written to; what is left out is counted.
const MOST_WAITING: usize = 16 << 20;
const MOST_EVENTS: usize = 8192;
/// Once so many events have been copied, the log is made durable, so that the token file may drop them.
const SYNC_EVERY: u64 = 1000;
/// Nobody waits longer than this for another process that writes to the log.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// A log that this process writes to.
pub struct AuditLog {
    backend: Arc<dyn Backend>,
    uuid: [u8; 16],
    id: [u8; 16],
    /// The process that made this value: a forked child leaves alone what its parent has gathered.
    process: u32,
    /// Write every note at once.
    each: bool,
    waiting: Mutex<Waiting>,
    writer: Turn,
    begun: Instant,
    /// When the oldest waiting note came, in milliseconds since `begun`; `u64::MAX`: none waits.
    oldest: AtomicU64,
    /// The last attempt to write has failed.
    failing: AtomicBool,
    /// The number of the last event that is durable in the log, and that of the last that is in it.
    durable: AtomicU64,
    copied: AtomicU64,
}

/// What was gathered.
#[derive(Default)]
struct Waiting {
    /// Notes, each behind its length.
    notes: Vec<u8>,
    /// Notes that had no room.
    lost: u64,
    /// Events that this process has committed, to spare it their reading.
    events: VecDeque<(u64, EventText)>,
}

/// Where the log of a token file stands: `NAME.coffer.audit`.
pub fn path_beside(token: &Path) -> PathBuf {
    let mut name = token.to_owned().into_os_string();
    name.push(".audit");
    name.into()
}

/// The first key of a log.
pub type FirstKey = Zeroizing<[u8; 32]>;

/// Gives a token a log and answers its first key, which is kept nowhere. Errors: CKR_FUNCTION_FAILED where a log (or another
/// file) stands in its place, CKR_USER_NOT_LOGGED_IN, and those of writing.
pub fn enable(
    token: &Token,
    backend: Arc<dyn Backend>,
    each: bool,
    mode: AuditMode,
    required: bool,
) -> Result<FirstKey> {
    let mut first_key = FirstKey::default();
    random::fill(&mut *first_key)?;
    let id = create(&*backend, token, &first_key, Vec::new())?;
    token.attach_log(Arc::new(AuditLog::open(backend, each)?));
    configure(token, What::AuditEnabled, &Audit { mode, required, log: Some(id) })?;
    token.flush_log(true);
    Ok(first_key)
}

/// Changes how much is told, with an event. Errors: CKR_USER_NOT_LOGGED_IN, and those of writing.
pub fn configure(token: &Token, what: What, audit: &Audit) -> Result<()> {
    let detail = format!("audit {}{}", audit.mode.name(), if audit.required { ", required" } else { "" });
    // Whoever turns it off is told of, and whoever turns it on, too.
    token.audit_as(AuditMode::Events);
    let changed = token.transact(|batch| {
        let mut identity = token.identity()?;
        identity.settings.audit = audit.clone();
        batch.info(identity.encode()?);
        batch.event(token.event(what).detail(&detail));
        Ok(())
    });
    token.read_audit();
    changed
}

/// The number of the last event of the token that is in the log, after the log was made durable.
pub fn durable_events(backend: &dyn Backend) -> std::result::Result<u64, Trouble> {
    append::append(backend, LOCK_WAIT, true, |_| {}).map(|tally| tally.count)
}

/// A new log for a token. It begins with the token's first event if all of them are still in the token file, else with the next
/// one. `sealed`: the first key for the auditor. Answers its id.
pub fn create(
    backend: &dyn Backend,
    token: &Token,
    first_key: &FirstKey,
    sealed: Vec<u8>,
) -> std::result::Result<[u8; 16], Trouble> {
    let id = *uuid::Uuid::new_v4().as_bytes();
    let whole = token.vault().first_event() == 1;
    let before = if whole { Tally::default() } else { token.vault().tally() };
    let identity = format::Identity { uuid: token.uuid(), id, created: token.now(), before, sealed };
    let begun = token.event(What::LogBegun).detail(&format!("after event {} of the token", before.count));
    append::create(backend, &identity, first_key, |log| log.note(&begun.encode()))?;
    Ok(id)
}

impl AuditLog {
    /// The log in this place, if there is one. `each`: write every note at once.
    pub fn open(backend: Arc<dyn Backend>, each: bool) -> std::result::Result<Self, Trouble> {
        let format::Identity { uuid, id, .. } = append::identity(&*backend)?;
        Ok(Self {
            backend,
            uuid,
            id,
            process: std::process::id(),
            each,
            waiting: Mutex::default(),
            writer: Turn::default(),
            begun: Instant::now(),
            oldest: AtomicU64::new(u64::MAX),
            failing: AtomicBool::new(false),
            durable: AtomicU64::new(0),
            copied: AtomicU64::new(0),
        })
    }

    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The unique number of the token that it belongs to.
    pub fn uuid(&self) -> &[u8; 16] {
        &self.uuid
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Gathers a note; true where it is time to write.
    fn gather(&self, event: &Event) -> bool {
        let bytes = event.encode();
        let now = self.milliseconds();
        let oldest = self.oldest.fetch_min(now, Ordering::Relaxed).min(now);
        let mut waiting = self.waiting.lock();
        if waiting.notes.len() >= MOST_WAITING {
            waiting.lost += 1;
            return now.saturating_sub(oldest) >= PATIENCE;
        }
        waiting.notes.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        waiting.notes.extend_from_slice(&bytes);
        self.each || waiting.notes.len() >= BLOCK || now.saturating_sub(oldest) >= PATIENCE
    }

    /// Writes what was gathered. Where another thread is writing, it is left to that one or to the next.
    fn write(&self, token: &Token, sync: bool) {
        if self.process != std::process::id() {
            return;
        }
        let patience = if sync { LOCK_WAIT } else { Duration::ZERO };
        let Some(_turn) = self.writer.take_within(patience) else { return };
        let Waiting { notes, lost, events } = std::mem::take(&mut *self.waiting.lock());
        self.oldest.store(u64::MAX, Ordering::Relaxed);
        let tally = token.vault().tally();
        let gap = token.event(What::LogGap);
        let appended = append::append(&*self.backend, LOCK_WAIT, sync, |log| {
            if log.missing > 0 {
                let detail = format!("{} records at the end of the log were missing", log.missing);
                log.note(&gap.clone().detail(&detail).outcome(Outcome::Failed(0)).encode());
            }
            if lost > 0 {
                let detail = format!("{lost} uses could not be told: the log could not be written to");
                log.note(&gap.detail(&detail).outcome(Outcome::Failed(0)).encode());
            }
            each_note(&notes, |note| log.note(note));
            copy_events(log, token, &tally, &events);
        });
        match appended {
            Ok(events) => {
                self.failing.store(false, Ordering::Relaxed);
                self.copied.store(events.count, Ordering::Relaxed);
                if sync {
                    self.durable.store(events.count, Ordering::Relaxed);
                    token.vault().keep_events_from(events.count.saturating_add(1));
                }
            }
            Err(_) => self.give_back(notes, lost, events),
        }
    }

    /// Keeps what could not be written for the next time.
    fn give_back(&self, notes: Vec<u8>, lost: u64, mut events: VecDeque<(u64, EventText)>) {
        self.failing.store(true, Ordering::Relaxed);
        let mut waiting = self.waiting.lock();
        let newer = std::mem::replace(&mut waiting.notes, notes);
        waiting.notes.extend_from_slice(&newer);
        waiting.lost += lost;
        events.append(&mut waiting.events);
        waiting.events = events;
        // Not tried at every use: again after a while.
        self.oldest.store(self.milliseconds(), Ordering::Relaxed);
    }

    fn behind(&self) -> u64 {
        self.copied.load(Ordering::Relaxed).saturating_sub(self.durable.load(Ordering::Relaxed))
    }
}

fn each_note(mut notes: &[u8], mut tell: impl FnMut(&[u8])) {
    while let Some((length, rest)) = notes.split_first_chunk::<4>() {
        let Some((note, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { return };
        tell(note);
        notes = rest;
    }
}

/// Copies the events that the log does not have, in their order: from what this process has written, or from the token file,
/// which needs a login. Where neither can tell the next one, the copy ends there, and whoever can goes on.
fn copy_events(log: &mut append::Appender, token: &Token, tally: &Tally, own: &VecDeque<(u64, EventText)>) {
    let mut own = own.iter().peekable();
    let mut told: Option<VecDeque<(u64, EventText)>> = None;
    while log.mark.events.count < tally.count {
        let next = log.mark.events.count + 1;
        while own.peek().is_some_and(|(number, _)| *number < next) {
            own.next();
        }
        if let Some((_, event)) = own.next_if(|(number, _)| *number == next) {
            log.event(event);
            continue;
        }
        let told = told.get_or_insert_with(|| token.events(next).unwrap_or_default().into());
        while told.front().is_some_and(|(number, _)| *number < next) {
            told.pop_front();
        }
        match told.pop_front() {
            Some((number, event)) if number == next => log.event(&event),
            _ => return,
        }
    }
}

impl AuditSink for AuditLog {
    fn committed(&self, token: &Token, events: Vec<(u64, EventText)>) {
        let full = {
            let mut waiting = self.waiting.lock();
            waiting.events.extend(events);
            let surplus = waiting.events.len().saturating_sub(2 * MOST_EVENTS);
            // They can be read from the token file.
            waiting.events.drain(..surplus);
            waiting.events.len() >= MOST_EVENTS
        };
        let now = self.milliseconds();
        let oldest = self.oldest.fetch_min(now, Ordering::Relaxed).min(now);
        if full || self.each || now.saturating_sub(oldest) >= PATIENCE {
            self.write(token, self.behind() >= SYNC_EVERY);
        }
    }

    fn note(&self, token: &Token, event: &Event, now: bool) {
        if self.gather(event) || now {
            self.write(token, false);
        }
    }

    fn flush(&self, token: &Token, sync: bool) {
        // In a forked child another thread of the parent may have held the lock.
        if self.process != std::process::id() {
            return;
        }
        let waits = self.oldest.load(Ordering::Relaxed) != u64::MAX;
        if waits || (sync && self.behind() > 0) {
            let events = !self.waiting.lock().events.is_empty() || self.behind() > 0;
            self.write(token, sync && events);
        }
    }

    fn works(&self, token: &Token) -> bool {
        if self.failing.load(Ordering::Relaxed) {
            self.write(token, false);
        }
        !self.failing.load(Ordering::Relaxed)
    }
}
