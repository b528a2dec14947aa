//! Destruction: a key ends, with a waiting period before it and a certificate after it (NIST SP 800-57 Part 1
//! Revision 5, section 8.4).
//!
//! C_DestroyObject takes a key out of the token; its sealed bytes stay in the file until that is written anew. A destruction
//! also rotates the root key and writes the file anew at once, looks for the sealed bytes, and says what it found.

use serde::{Deserialize, Serialize};

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value};
use crate::policy::{Function, Life, Role, State};
use crate::token::{
    Batch, Event, KeyName, LedgerKind, LedgerRecord, ObjectHandle, Outcome, Token, Trace, What,
};
use crate::vault::{RecordId, encoding};

use super::copies::{self, Copies};

/// The first byte of each encoded record.
const VERSION: u8 = 1;

/// Why a key that waits for its end is suspended.
const PENDING: &str = "destruction pending";

/// What remains of a key that was destroyed: that it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    pub key: KeyName,
    /// In seconds since 1970 UTC.
    pub time: u64,
    pub uid: u32,
    pub program: String,
    pub reason: String,
    /// The certificate of destruction; empty for C_DestroyObject, which gives none.
    pub certificate: String,
}

/// A destruction that was decided and has not been certified yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Names this destruction, and its certificate.
    pub certificate: String,
    /// The key, and the public half where it goes too.
    pub keys: Vec<KeyName>,
    /// In seconds since 1970 UTC.
    pub decided: u64,
    pub due: u64,
    pub uid: u32,
    pub reason: String,
    /// CKA_COFFER_STATE and CKA_COFFER_STATE_REASON of each key before, for an undo.
    before: Vec<(Option<u64>, Option<Vec<u8>>)>,
    /// The records of the keys.
    records: Vec<[u8; 16]>,
    /// A key could be read in the clear once, or came from outside: neither CKA_ALWAYS_SENSITIVE nor CKA_NEVER_EXTRACTABLE.
    pub readable: bool,
    /// The objects are gone, and the file has not been written anew and certified yet.
    pub removed: Option<Removed>,
}

/// What is kept between the end of the objects and the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub time: u64,
    /// Of the file before.
    pub root_version: u32,
    traces: Vec<Trace>,
}

/// What a destruction has come to.
#[derive(Clone, Debug)]
pub struct Destruction {
    pub pending: Pending,
    pub removed: u64,
    pub copies: Vec<Copies>,
    pub rewritten: Rewritten,
}

/// Whether the file was written anew under a new root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten {
    /// Root key before and after, and whether sealed bytes of the keys are still in the file.
    Done { before: u32, after: u32, traces_left: bool },
    /// It cannot be replaced, or not now: the sealed bytes are still in it.
    Failed(Error),
}

macro_rules! record {
    ($type:ident) => {
        impl $type {
            fn encode(&self) -> Result<Vec<u8>> {
                let mut bytes = vec![VERSION];
                bytes.extend(encoding::encode(self)?);
                Ok(bytes)
            }

            fn decode(record: &LedgerRecord) -> Result<Self> {
                let (version, rest) = record.bytes.split_first().ok_or(Error::GeneralError)?;
                encoding::decode(rest).filter(|_| *version == VERSION).ok_or(Error::GeneralError)
            }
        }
    };
}

record!(Tombstone);
record!(Pending);

/// The tombstone of a key that was destroyed in this token. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn tombstone(token: &Token, unique_id: &str) -> Result<Option<Tombstone>> {
    Ok(find_tombstone(token, unique_id)?.map(|(_, tombstone)| tombstone))
}

fn find_tombstone(token: &Token, unique_id: &str) -> Result<Option<(LedgerRecord, Tombstone)>> {
    for record in token.ledger_named(LedgerKind::TOMBSTONE, unique_id.as_bytes())? {
        let tombstone = Tombstone::decode(&record)?;
        if tombstone.key.unique_id == unique_id {
            return Ok(Some((record, tombstone)));
        }
    }
    Ok(None)
}

/// All tombstones, the oldest first. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn tombstones(token: &Token) -> Result<Vec<Tombstone>> {
    token.ledger(LedgerKind::TOMBSTONE)?.iter().map(Tombstone::decode).collect()
}

/// The destructions that wait, or that were interrupted, in the order of their decisions. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn pending(token: &Token) -> Result<Vec<Pending>> {
    token.ledger(LedgerKind::PLANNED_DESTRUCTION)?.iter().map(Pending::decode).collect()
}

/// True for objects whose end is worth a tombstone: private and secret keys.
fn is_key(object: &Object) -> bool {
    matches!(object.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY)
}

fn bury(
    token: &Token,
    batch: &mut Batch<'_>,
    key: KeyName,
    event: &Event,
    reason: &str,
    certificate: &str,
) -> Result<()> {
    let tombstone = Tombstone {
        time: event.time,
        uid: event.who.uid,
        program: event.who.program.clone(),
        reason: reason.to_owned(),
        certificate: certificate.to_owned(),
        key,
    };
    let name = tombstone.key.unique_id.clone();
    match find_tombstone(token, &name)? {
        // A restored key that ends once more.
        Some((record, _)) => batch.replace(&record, tombstone.encode()?),
        None => {
            batch.put_named(LedgerKind::TOMBSTONE, name.as_bytes(), tombstone.encode()?)?;
        }
    }
    Ok(())
}

/// C_DestroyObject: the object is gone, and a tombstone is there where it was a key. Errors: those of `Token::destroy`, and
/// CKR_ACTION_PROHIBITED for a private or secret key of a token that wants a waiting period, or the approval of others.
pub fn destroy_object(token: &Token, handle: ObjectHandle) -> Result<()> {
    let object = token.object(handle)?;
    if !object.is_true(CKA_TOKEN) || !is_key(&object) || token.is_locked() {
        return token.destroy(handle);
    }
    if token.settings()?.destruction_wait > 0 {
        return Err(Error::ActionProhibited);
    }
    token.transact(|batch| {
        batch.destroy(handle)?;
        let event = token.event(What::Destroyed).about(object.attributes());
        bury(token, batch, KeyName::of(object.attributes()), &event, "", "")?;
        batch.event(event);
        Ok(())
    })
}

/// What is to be destroyed together: a key, and the public half of its pair.
pub struct Targets<'a> {
    pub handles: &'a [ObjectHandle],
    pub reason: &'a str,
    /// When it is to happen, in seconds since 1970 UTC.
    pub due: u64,
}

/// Decides a destruction: the keys are suspended until it is due. Where others must approve it, this is what they approve, and
/// what is decided needs no more approvals to be carried out. Errors: CKR_ACTION_PROHIBITED for a key with CKA_DESTROYABLE
/// false, for one that waits already, where it is due sooner than the token's settings allow, and where too few have approved
/// it; CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN.
pub fn decide(token: &Token, targets: &Targets<'_>) -> Result<Pending> {
    let wait = u64::from(token.settings()?.destruction_wait);
    if targets.due < token.now().saturating_add(wait) && wait > 0 {
        return Err(Error::ActionProhibited);
    }
    let certificate = uuid::Uuid::from_bytes(RecordId::random()?.0).to_string();
    let now = token.validity_time();
    token.transact(|batch| {
        let event = token.event(What::DestructionPlanned);
        let mut pending = Pending {
            certificate: certificate.clone(),
            keys: Vec::new(),
            decided: event.time,
            due: targets.due,
            uid: event.who.uid,
            reason: targets.reason.to_owned(),
            before: Vec::new(),
            records: Vec::new(),
            readable: false,
            removed: None,
        };
        for handle in targets.handles {
            let object = token.object(*handle)?;
            let attributes = object.attributes();
            let fixed = attributes.value(CKA_DESTROYABLE) == Some(&Value::Bool(false));
            if fixed || !object.is_true(CKA_TOKEN) {
                return Err(Error::ActionProhibited);
            }
            // A key only ever becomes sensitive, and not extractable: what tells of its past tells how it began.
            let guarded = object.is_true(CKA_ALWAYS_SENSITIVE) || object.is_true(CKA_NEVER_EXTRACTABLE);
            pending.readable |= is_key(&object) && !guarded;
            let reason = attributes.bytes(CKA_COFFER_STATE_REASON).map(<[u8]>::to_vec);
            pending.before.push((attributes.ulong(CKA_COFFER_STATE), reason));
            pending.keys.push(KeyName::of(attributes));
            pending.records.push(token.record_of(*handle)?.0);
            batch.decide_end(&object)?;
            batch.change(*handle, |object| Ok(suspended(object, now)))?;
        }
        let first = pending.keys.first().ok_or(Error::ArgumentsBad)?;
        for key in &pending.keys {
            match find(token, &key.unique_id) {
                Ok(_) => return Err(Error::ActionProhibited),
                Err(Error::ObjectHandleInvalid) => {}
                Err(error) => return Err(error),
            }
        }
        let mut event = event.detail(targets.reason);
        event.key = Some(first.clone());
        batch.event(event);
        batch.put(LedgerKind::PLANNED_DESTRUCTION, pending.encode()?)?;
        Ok(pending)
    })
}

/// A compromised key stays so: that is worse. One that protects no more gets that as a date, which holds if it is resumed.
fn suspended(object: &Object, now: u64) -> Attributes {
    let mut attributes = object.attributes().clone();
    if attributes.ulong(CKA_COFFER_STATE) != Some(State::Compromised.number()) {
        if Life::of(&attributes).state(now) == State::Deactivated {
            let stop = attributes.ulong(CKA_COFFER_PROTECT_STOP_DATE).map_or(now, |stop| stop.min(now));
            attributes.set(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(stop));
        }
        attributes.set(CKA_COFFER_STATE, Value::Ulong(State::Suspended.number()));
        attributes.set(CKA_COFFER_STATE_REASON, Value::Bytes(PENDING.as_bytes().to_vec()));
    }
    attributes
}

/// Whether a key is as the decision to destroy it has left it.
fn is_as_decided(attributes: &Attributes) -> bool {
    attributes.ulong(CKA_COFFER_STATE) == Some(State::Suspended.number())
        && attributes.bytes(CKA_COFFER_STATE_REASON) == Some(PENDING.as_bytes())
}

/// Whether who is logged in decides of the end of keys. Errors: CKR_ACTION_PROHIBITED; where nobody is logged in, the
/// transaction says CKR_USER_NOT_LOGGED_IN.
pub(super) fn check_ends(token: &Token) -> Result<()> {
    let role = token.role();
    if role == Role::Public || role.may(Function::Destroy) { Ok(()) } else { Err(Error::ActionProhibited) }
}

/// The record of a destruction that waits for one of these unique ids.
fn find(token: &Token, unique_id: &str) -> Result<(LedgerRecord, Pending)> {
    for record in token.ledger(LedgerKind::PLANNED_DESTRUCTION)? {
        let pending = Pending::decode(&record)?;
        if pending.keys.iter().any(|key| key.unique_id == unique_id) {
            return Ok((record, pending));
        }
    }
    Err(Error::ObjectHandleInvalid)
}

/// Undoes a decision: the keys are again what they were, but for what was decided on them meanwhile. Errors: CKR_OBJECT_HANDLE_INVALID where nothing waits,
/// CKR_ACTION_PROHIBITED where the objects are gone already, and for a role that ends no keys.
pub fn undo(token: &Token, unique_id: &str) -> Result<Pending> {
    check_ends(token)?;
    token.transact(|batch| {
        let (record, pending) = find(token, unique_id)?;
        if pending.removed.is_some() {
            return Err(Error::ActionProhibited);
        }
        for (record, (state, reason)) in pending.records.iter().zip(&pending.before) {
            // One that another program has destroyed meanwhile cannot be given back.
            let Some(handle) = token.handle_of(RecordId(*record)) else { continue };
            if !is_as_decided(token.object(handle)?.attributes()) {
                continue;
            }
            batch.change(handle, |object| {
                let mut attributes = object.attributes().clone();
                put_back(&mut attributes, CKA_COFFER_STATE, state.map(Value::Ulong));
                put_back(&mut attributes, CKA_COFFER_STATE_REASON, reason.clone().map(Value::Bytes));
                Ok(attributes)
            })?;
        }
        batch.remove(&record);
        let mut event = token.event(What::DestructionUndone);
        event.key = pending.keys.first().cloned();
        batch.event(event);
        Ok(pending)
    })
}

fn put_back(attributes: &mut Attributes, id: CK_ATTRIBUTE_TYPE, value: Option<Value>) {
    match value {
        Some(value) => drop(attributes.set(id, value)),
        None => drop(attributes.remove(id)),
    }
}

/// Carries out what was decided, or goes on where it was interrupted: the objects go, the root key is rotated, the file is
/// written anew and searched. The record of the decision stays until [`conclude`]. Errors: CKR_OBJECT_HANDLE_INVALID where
/// nothing waits for this unique id, CKR_ACTION_PROHIBITED before it is due, and those of the token.
pub fn carry_out(token: &Token, unique_id: &str) -> Result<Destruction> {
    let pending = remove_objects(token, unique_id)?;
    let removed = pending.removed.clone().ok_or(Error::GeneralError)?;
    let rewritten = match token.rotate_root() {
        Ok(after) => Rewritten::Done {
            before: removed.root_version,
            after,
            traces_left: token.holds_any(&removed.traces)?,
        },
        Err(error) => Rewritten::Failed(error),
    };
    let mut copies = Vec::new();
    for key in &pending.keys {
        copies.extend(copies::of_key(token, &key.unique_id)?.into_iter().map(|(_, copies)| copies));
    }
    Ok(Destruction { removed: removed.time, copies, rewritten, pending })
}

/// The objects end, with their tombstones and the event, in one transaction. Nothing where they have ended already.
fn remove_objects(token: &Token, unique_id: &str) -> Result<Pending> {
    token.transact(|batch| {
        let (record, mut pending) = find(token, unique_id)?;
        if pending.removed.is_some() {
            return Ok(pending);
        }
        let event = token.event(What::Destroyed);
        if event.time < pending.due {
            return Err(Error::ActionProhibited);
        }
        let mut traces = Vec::new();
        for (key, record) in pending.keys.iter().zip(&pending.records) {
            let Some(handle) = token.handle_of(RecordId(*record)) else { continue };
            traces.extend(token.traces(handle)?);
            batch.end(handle)?;
            if matches!(key.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY) {
                bury(token, batch, key.clone(), &event, &pending.reason, &pending.certificate)?;
            }
            let mut event = event.clone().detail(&pending.reason);
            event.key = Some(key.clone());
            batch.event(event);
        }
        let root_version = token.vault().root_version();
        pending.removed = Some(Removed { time: event.time, root_version, traces });
        batch.replace(&record, pending.encode()?);
        Ok(pending)
    })
}

/// Ends a destruction with its certificate, which is kept in the token. Where the file could not be written anew, the
/// record stays, so that [`carry_out`] can be tried again.
pub fn conclude(token: &Token, destruction: &Destruction, certificate: &[u8]) -> Result<()> {
    let unique_id = destruction.pending.keys.first().map_or("", |key| key.unique_id.as_str());
    let finished = matches!(destruction.rewritten, Rewritten::Done { traces_left: false, .. });
    token.transact(|batch| {
        let (record, _) = find(token, unique_id)?;
        if finished {
            batch.remove(&record);
        }
        let name = &destruction.pending.certificate;
        match find_certificate(token, name)? {
            Some(earlier) => batch.replace(&earlier, kept(name, certificate)),
            None => {
                batch.put_named(LedgerKind::CERTIFICATE, name.as_bytes(), kept(name, certificate))?;
            }
        }
        if let Rewritten::Failed(error) = destruction.rewritten {
            let event = token.event(What::RootKeyRotated).detail("after a destruction");
            let key = destruction.pending.keys.first().cloned();
            batch.event(Event { key, ..event.outcome(Outcome::failed(error)) });
        }
        Ok(())
    })
}

/// A certificate as it is kept: its name, and behind a line end its text.
fn kept(name: &str, certificate: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"\n", certificate].concat()
}

fn find_certificate(token: &Token, name: &str) -> Result<Option<LedgerRecord>> {
    let mut records = token.ledger_named(LedgerKind::CERTIFICATE, name.as_bytes())?.into_iter();
    Ok(records.find(|record| record.bytes.starts_with(&kept(name, b""))))
}

/// A certificate as it was given to [`conclude`]. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn certificate(token: &Token, name: &str) -> Result<Option<Vec<u8>>> {
    let record = find_certificate(token, name)?;
    Ok(record.map(|record| record.bytes.get(name.len() + 1..).unwrap_or_default().to_vec()))
}
