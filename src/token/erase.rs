//! What is left of records in the token file, and new keys for it.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::codec::decode;
use crate::vault::{self, EventText, Record, RecordId, Unlocked};

use super::Token;
use super::batch::LedgerKind;
use super::event::{Event, What, Who};
use super::handle::ObjectHandle;
use super::table::Place;

pub use crate::vault::Trace;

/// So many keys are named one by one when a token is initialised anew; more are counted.
const NAMED: usize = 1000;

/// What the first events of a token say that is initialised anew: how much went, and which keys. The security officer, who
/// does this, has the keys of the file, and so can name the private ones too; what does not open is counted.
pub(super) fn told_of_wiping(
    old: &Unlocked,
    label: &str,
    now: u64,
    who: &Who,
) -> std::result::Result<Vec<EventText>, vault::Error> {
    let records = old.records()?;
    let objects: Vec<_> = records.iter().filter(|record| is_object(record)).collect();
    let read = |record: &&&Record| decode(&old.metadata(record.id).ok()?).ok();
    let is_key = |class| matches!(class, Some(CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY));
    let keys = objects.iter().filter_map(|record| read(&record));
    let keys: Vec<_> = keys.filter(|key| is_key(key.ulong(CKA_CLASS))).collect();
    let detail = format!("label `{label}`; {} objects destroyed, {} of them keys", objects.len(), keys.len());
    let first = Event::new(now, who.clone(), What::TokenInitialised).detail(&detail);
    let named = keys.iter().take(NAMED).map(|key| {
        Event::new(now, who.clone(), What::Destroyed).about(key).detail("the token was initialised anew")
    });
    [first].into_iter().chain(named).map(|event| event.to_text()).collect()
}

/// False for a record of the ledger.
fn is_object(record: &Record) -> bool {
    record.tag.as_deref().and_then(LedgerKind::of_tag).is_none()
}

impl Token {
    /// The record of a token object. Errors: CKR_OBJECT_HANDLE_INVALID, for session objects too.
    pub fn record_of(&self, handle: ObjectHandle) -> Result<RecordId> {
        match self.entry_object(handle)?.0.place {
            Place::Record(id) => Ok(id),
            Place::Session(_) => Err(Error::ObjectHandleInvalid),
        }
    }

    /// By what sealed bytes a token object would be found in the file. Errors: CKR_OBJECT_HANDLE_INVALID.
    pub fn traces(&self, handle: ObjectHandle) -> Result<Vec<Trace>> {
        Ok(self.vault.traces(self.record_of(handle)?)?)
    }

    /// True where the file as it is now holds such bytes.
    pub fn holds_any(&self, traces: &[Trace]) -> Result<bool> {
        Ok(self.vault.holds_any(traces)?)
    }

    /// Puts the file under a new root key, which writes it anew without what is of no use any more. Answers the number of
    /// the root key. Errors: CKR_USER_NOT_LOGGED_IN, CKR_TOKEN_WRITE_PROTECTED, CKR_DEVICE_ERROR where the file cannot be
    /// replaced.
    pub fn rotate_root(&self) -> Result<u32> {
        let unlocked = self.unlocked().ok_or(Error::UserNotLoggedIn)?;
        unlocked.rotate_root()?;
        let version = self.vault.root_version();
        // The rotation is durable; that nobody can be told of it would be no reason to call it failed.
        let event = self.event(What::RootKeyRotated).detail(&format!("number {version}"));
        let _ = self.commit_recorded(&unlocked, Vec::new(), vec![event]);
        self.sync()?;
        Ok(version)
    }

    /// True where nobody is logged in: what is written then is neither sealed nor told of.
    pub fn is_locked(&self) -> bool {
        self.unlocked().is_none()
    }
}
