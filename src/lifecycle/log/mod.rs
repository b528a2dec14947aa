//! The audit log beside a token: `NAME.coffer.audit`, append-only, chained, with a key that evolves record by record.
//!
//! It holds a copy of each event of the token file, and what is told nowhere else: uses of keys, refusals, failed logins. A
//! process gathers these in memory and appends them in blocks, under the lock of the log, which nobody holds while working
//! with a key. There is one file and one chain for all processes: their blocks stand one after the other.

mod append;
mod format;
mod sealed;
pub mod verify;
mod window;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::crypto::random;
use crate::error::{Error, Result};
use crate::lifecycle::backup::PublicHalf;
use crate::lifecycle::settings;
use crate::lock::{Mutex, Turn};
use crate::store::Backend;
use crate::token::{Audit, AuditMode, AuditSink, Event, Outcome, Token, What};
use crate::vault::{EventText, Tally};

pub use append::Trouble;
pub use sealed::{MOST_AUDITORS, Unopened, open_first_key};

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error.into(),
            Trouble::NotALog | Trouble::Another => Error::DeviceError,
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
/// Nobody waits longer than this for another process that writes to the log; and who uses a key not that long, unless the log
/// is required.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const SHORT_WAIT: Duration = Duration::from_millis(100);
/// Where writing has failed, it is tried again after so many milliseconds.
const PAUSE: u64 = 5000;

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
    /// Not to be tried again before, in milliseconds since `begun`.
    paused_until: AtomicU64,
    /// So many events were copied by this process since it has made the log durable.
    unsynced: AtomicU64,
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

/// How a log is begun.
#[derive(Clone, Copy, Default)]
pub struct Begin<'a> {
    pub mode: AuditMode,
    /// Keys are not used while the log cannot be written to.
    pub required: bool,
    /// Write every note at once.
    pub each: bool,
    /// The first key is sealed to each of them, at most 16, and nobody else sees it.
    pub auditors: &'a [PublicHalf],
}

/// Gives a token a log. Answers its first key, which is kept nowhere; `None` where it was sealed to auditors. Errors:
/// CKR_FUNCTION_FAILED where a log (or another file) stands in its place, CKR_USER_NOT_LOGGED_IN, CKR_ARGUMENTS_BAD for too many
/// auditors, and those of writing.
pub fn enable(token: &Token, backend: Arc<dyn Backend>, begin: &Begin<'_>) -> Result<Option<FirstKey>> {
    let mut first_key = FirstKey::default();
    random::fill(&mut *first_key)?;
    let id = format::log_id(&token.uuid(), &first_key);
    let sealed = sealed::seal(token, &id, &first_key, begin.auditors)?;
    create(&*backend, token, id, &first_key, &sealed)?;
    let audit = Audit { mode: begin.mode, required: begin.required, log: Some(id) };
    configure(token, What::AuditEnabled, &audit)?;
    let log = Arc::new(AuditLog::open(backend, begin.each)?);
    token.attach_log(log.clone());
    // The events of before, and the one of this.
    log.write(token, true);
    Ok(Some(first_key).filter(|_| begin.auditors.is_empty()))
}

/// Changes how much is told, with an event. Errors: as `settings::change`.
pub fn configure(token: &Token, what: What, audit: &Audit) -> Result<()> {
    let begun = (what == What::AuditEnabled).then_some(what);
    settings::change_telling(token, begun, None, |settings| settings.audit = audit.clone()).map(drop)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When each key was last used, as a log tells it, unverified: seconds since 1970 UTC by CKA_UNIQUE_ID. `None`: it is no audit
/// log.
pub fn last_uses(log: impl io::Read) -> io::Result<Option<HashMap<String, u64>>> {
    let mut uses: HashMap<String, u64> = HashMap::new();
    let is_log = verify::read(log, |entry| {
        let Some(event) = entry.event.filter(|event| event.what.is_use() && event.outcome == Outcome::Done)
        else {
            return;
        };
        let Some(key) = event.key else { return };
        match uses.get_mut(&key.unique_id) {
            Some(last) => *last = event.time.max(*last),
            None => drop(uses.insert(key.unique_id, event.time)),
        }
    })?;
    Ok(is_log.then_some(uses))
}

/// The number of the last event of a token that is in the log of that id, after the log was made durable.
pub fn durable_events(backend: &dyn Backend, id: &[u8; 16]) -> std::result::Result<u64, Trouble> {
    let appended = append::append(backend, LOCK_WAIT, true, |identity| identity.id == *id, |_| {})?;
    Ok(if appended.durable { appended.events.count } else { 0 })
}

/// A new log for a token. It begins with the token's first event if all of them are still in the token file, else with the next
/// one.
fn create(
    backend: &dyn Backend,
    token: &Token,
    id: [u8; 16],
    first_key: &FirstKey,
    sealed: &[sealed::SealedKey],
) -> std::result::Result<(), Trouble> {
    let whole = token.vault().first_event() == 1;
    let before = if whole { Tally::default() } else { token.vault().tally() };
    let identity = format::Identity { uuid: token.uuid(), id, created: token.now(), before };
    let begun = token.event(What::LogBegun).detail(&format!("after event {} of the token", before.count));
    append::create(backend, &identity, first_key, |log| {
        log.note(&begun.encode());
        for sealed in sealed {
            log.sealed_key(&*sealed.wrapped, &sealed.event.encode());
        }
    })
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
            paused_until: AtomicU64::new(0),
            unsynced: AtomicU64::new(0),
        })
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

    /// As `write`, but not again and again where that has just failed: using keys does not wait for that.
    fn write_sometimes(&self, token: &Token, sync: bool) {
        if self.milliseconds() >= self.paused_until.load(Ordering::Relaxed) {
            self.write(token, sync);
        }
    }

    /// Writes what was gathered. Where another thread is writing, it is left to that one or to the next.
    fn write(&self, token: &Token, sync: bool) {
        if self.process != std::process::id() {
            return;
        }
        let Some(_turn) = self.writer.take_within(if sync { LOCK_WAIT } else { Duration::ZERO }) else {
            return;
        };
        let Waiting { notes, lost, events } = std::mem::take(&mut *self.waiting.lock());
        self.oldest.store(u64::MAX, Ordering::Relaxed);
        let tally = token.vault().tally();
        let gap = token.event(What::LogGap).outcome(Outcome::Failed(0));
        let is_ours = |identity: &format::Identity| self.is_of(token, identity);
        let patience = if sync || token.requires_log() { LOCK_WAIT } else { SHORT_WAIT };
        let mut copied = 0;
        let appended = append::append(&*self.backend, patience, sync, is_ours, |log| {
            if log.missing > 0 {
                let detail = format!("{} records at the end of the log were missing", log.missing);
                log.note(&gap.clone().detail(&detail).encode());
            }
            if lost > 0 {
                let detail = format!("{lost} uses could not be told: the log could not be written to");
                log.note(&gap.detail(&detail).encode());
            }
            each_note(&notes, |note| log.note(note));
            let before = log.mark.events.count;
            copy_events(log, token, &tally, &events);
            copied = log.mark.events.count.saturating_sub(before);
        });
        match appended {
            Ok(append::Appended { events, durable }) => {
                self.unsynced.fetch_add(copied, Ordering::Relaxed);
                if durable {
                    self.unsynced.store(0, Ordering::Relaxed);
                    token.vault().keep_events_from(events.count.saturating_add(1));
                }
                self.has_failed(sync && !durable);
            }
            Err(_) => self.give_back(notes, lost, events),
        }
    }

    fn has_failed(&self, failed: bool) {
        self.failing.store(failed, Ordering::Relaxed);
        let until = if failed { self.milliseconds().saturating_add(PAUSE) } else { 0 };
        self.paused_until.store(until, Ordering::Relaxed);
    }

    /// Whether the file in this place is the token's log: the one that was opened, or the one that the token names now. Another
    /// one is not written to.
    fn is_of(&self, token: &Token, identity: &format::Identity) -> bool {
        let named = || token.settings().is_ok_and(|settings| settings.audit.log == Some(identity.id));
        identity.uuid == token.uuid() && (identity.id == self.id || named())
    }

    /// Keeps what could not be written for the next time.
    fn give_back(&self, notes: Vec<u8>, lost: u64, mut events: VecDeque<(u64, EventText)>) {
        self.has_failed(true);
        let mut waiting = self.waiting.lock();
        let newer = std::mem::replace(&mut waiting.notes, notes);
        waiting.notes.extend_from_slice(&newer);
        waiting.lost += lost;
        events.append(&mut waiting.events);
        waiting.events = events;
        self.oldest.store(self.milliseconds(), Ordering::Relaxed);
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
    fn id(&self) -> [u8; 16] {
        self.id
    }

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
            self.write_sometimes(token, self.unsynced.load(Ordering::Relaxed) >= SYNC_EVERY);
        }
    }

    fn note(&self, token: &Token, event: &Event, now: bool) {
        if self.gather(event) || now {
            self.write_sometimes(token, false);
        }
    }

    fn flush(&self, token: &Token, sync: bool) {
        // In a forked child another thread of the parent may have held the lock.
        if self.process != std::process::id() {
            return;
        }
        let waits = self.oldest.load(Ordering::Relaxed) != u64::MAX;
        let to_sync = || self.unsynced.load(Ordering::Relaxed) > 0 || !self.waiting.lock().events.is_empty();
        let sync = sync && to_sync();
        if waits || sync {
            self.write(token, sync);
        }
    }

    fn works(&self, token: &Token) -> bool {
        if self.failing.load(Ordering::Relaxed) {
            self.write(token, false);
        }
        !self.failing.load(Ordering::Relaxed)
    }
}
