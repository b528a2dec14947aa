//! Where a token tells what happens, beside its own file.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::vault::EventText;

use super::Token;
use super::event::{Event, What};

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// No events, neither in the token file nor in the log.
    Off,
    /// Events in the token file, with copies in the log where there is one, and refusals and failed logins in the log.
    #[default]
    Events,
    /// And in the log each use of a key.
    Uses,
}

impl AuditMode {
    pub const ALL: [Self; 3] = [Self::Off, Self::Events, Self::Uses];

    /// Its number in the token file.
    pub fn number(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Events => 1,
            Self::Uses => 2,
        }
    }

    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.number() == number)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Events => "events",
            Self::Uses => "uses",
        }
    }
}

/// The audit settings of a token. In the token file: mode (one byte), flags (one byte; bit 0: `required`), and the id of the log
/// (16 bytes), if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    pub mode: AuditMode,
    /// Keys are not used while the log cannot be written to.
    pub required: bool,
    /// The log that belongs to the token.
    pub log: Option<[u8; 16]>,
}

impl Audit {
    pub(super) fn encode(&self) -> Vec<u8> {
        let head = [self.mode.number(), u8::from(self.required)];
        [&head[..], self.log.as_ref().map_or(&[], |id| &id[..])].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, id) = bytes.split_first_chunk::<2>()?;
        let [mode, flags] = *head;
        let log = match id {
            [] => None,
            id => Some(id.try_into().ok()?),
        };
        (flags <= 1).then_some(Self { mode: AuditMode::from_number(mode)?, required: flags == 1, log })
    }
}

/// What takes in what a token tells: the audit log. None of it fails; what cannot be written is counted and told later.
pub trait AuditSink: Send + Sync {
    /// The log's id.
    fn id(&self) -> [u8; 16];

    /// Events that this process has committed to the token file, with their numbers.
    fn committed(&self, token: &Token, events: Vec<(u64, EventText)>);

    /// Something that the token file is not told; `now`: it is written at once.
    fn note(&self, token: &Token, event: &Event, now: bool);

    /// Writes what was gathered; `sync`: and makes it durable.
    fn flush(&self, token: &Token, sync: bool);

    /// Whether it can be written to.
    fn works(&self, token: &Token) -> bool;
}

/// Opens the log of that id which belongs to a token, if it is there.
pub type LogOpener = Box<dyn Fn(&Token, &[u8; 16]) -> Option<Arc<dyn AuditSink>> + Send + Sync>;

impl Token {
    /// Gives the token its log. Events are then kept in the token file until they are durable in the log.
    pub fn attach_log(&self, log: Arc<dyn AuditSink>) {
        self.vault.keep_events_from(1);
        *self.log.write() = Some(log);
        self.has_log.store(true, Ordering::Release);
    }

    /// Says where logs come from: the one that the settings name is attached now, and whenever they name another one.
    pub fn find_log_with(&self, opener: LogOpener) {
        let _ = self.log_opener.set(opener);
        self.read_audit();
    }

    /// Attaches the log that the settings name; another one is let go.
    fn look_for_log(&self, named: Option<[u8; 16]>) {
        if self.log().map(|log| log.id()) == named {
            return;
        }
        self.has_log.store(false, Ordering::Release);
        *self.log.write() = None;
        let open = |id| self.log_opener.get().and_then(|open| open(self, &id));
        if let Some(log) = named.and_then(open) {
            self.attach_log(log);
        }
    }

    fn log(&self) -> Option<Arc<dyn AuditSink>> {
        if !self.has_log.load(Ordering::Acquire) {
            return None;
        }
        self.log.read().clone()
    }

    pub fn audit_mode(&self) -> AuditMode {
        AuditMode::from_number(self.audit_mode.load(Ordering::Relaxed)).unwrap_or(AuditMode::Uses)
    }

    /// Tells as much as this until the settings are read again.
    pub fn audit_as(&self, mode: AuditMode) {
        self.audit_mode.store(mode.number(), Ordering::Relaxed);
    }

    /// Takes over what the settings say of auditing.
    pub fn read_audit(&self) {
        let audit = self.settings().map(|settings| settings.audit).unwrap_or_default();
        self.audit_mode.store(audit.mode.number(), Ordering::Relaxed);
        self.log_required.store(audit.required, Ordering::Relaxed);
        self.look_for_log(audit.log);
    }

    /// Whether each use of a key is told.
    pub fn tells_uses(&self) -> bool {
        self.has_log.load(Ordering::Acquire) && self.audit_mode() == AuditMode::Uses
    }

    /// Whether refusals and failed logins are told.
    pub fn tells_refusals(&self) -> bool {
        self.has_log.load(Ordering::Acquire) && self.audit_mode() != AuditMode::Off
    }

    /// Tells the log; the token file is not told.
    pub fn note(&self, event: &Event) {
        if let Some(log) = self.log() {
            log.note(self, event, matches!(event.what, What::LoginFailed));
        }
    }

    /// Writes what the log was told; `sync`: and makes it durable.
    pub fn flush_log(&self, sync: bool) {
        if let Some(log) = self.log() {
            log.flush(self, sync);
        }
    }

    /// Whether keys are used only while the log can be written to.
    pub fn requires_log(&self) -> bool {
        self.log_required.load(Ordering::Relaxed)
    }

    /// Errors: CKR_FUNCTION_REJECTED where the token must not be used without its log, and cannot write to it.
    pub fn check_log(&self) -> Result<()> {
        if !self.requires_log() {
            return Ok(());
        }
        if self.log().is_none() {
            // It may be there again.
            self.read_audit();
        }
        match self.log() {
            Some(log) if log.works(self) => Ok(()),
            _ => Err(Error::FunctionRejected),
        }
    }

    /// Tells the log of events that were committed.
    pub(super) fn committed(&self, first: u64, events: Vec<EventText>) {
        if events.is_empty() {
            return;
        }
        if let Some(log) = self.log() {
            log.committed(self, (first..).zip(events).collect());
        }
    }

    /// The events from number `from` on that are still in the token file. Errors: CKR_USER_NOT_LOGGED_IN.
    pub fn events(&self, from: u64) -> Result<Vec<(u64, EventText)>> {
        Ok(self.unlocked().ok_or(Error::UserNotLoggedIn)?.events(from)?)
    }
}
