//! The copies inventory: which keys have left the token, how often, and under what. It is what a rotation has to wrap anew
//! and what a destruction cannot reach.
//!
//! One record of the ledger stands for all copies of a key that left in the same way under the same key, so that a host that
//! wraps a key a million times makes one record.

use serde::{Deserialize, Serialize};

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Object;
use crate::policy::{Controlled, Subject, time_text};
use crate::token::{Batch, KeyName, LedgerKind, LedgerRecord, Token, What};
use crate::vault::encoding;

use super::backup::BackupRecord;
use super::destruction;

/// The first byte of an encoded record.
const VERSION: u8 = 1;

/// How a copy came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// C_WrapKey.
    Wrapped,
    /// In the open, or under a password (`coffer export`).
    Exported,
    BackedUp,
    Migrated,
    /// C_CopyObject: another object of this token, or of a session.
    Copied,
}

impl Way {
    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wrapped => "wrapped",
            Self::Exported => "exported",
            Self::BackedUp => "backed up",
            Self::Migrated => "migrated",
            Self::Copied => "copied",
        }
    }
}

/// Copies of one key that left the token in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    pub key: KeyName,
    pub way: Way,
    /// The wrapping key; `None` where it is none of the token's, or none at all.
    pub under: Option<KeyName>,
    /// The mechanism of C_WrapKey, 0 for other ways.
    pub mechanism: u64,
    /// Where to, for people: a file, a program, a token.
    pub place: String,
    pub count: u64,
    /// Seconds since 1970, UTC.
    pub first: u64,
    pub last: u64,
    /// What has become of them, for people; empty: not known.
    pub status: String,
}

impl Copies {
    pub fn encode(&self) -> Vec<u8> {
        // Everything in it is bounded.
        [vec![VERSION], encoding::encode(self).unwrap_or_default()].concat()
    }

    /// `None` for a version that is not known here.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        encoding::decode(rest).filter(|_| *version == VERSION)
    }

    /// Whether anybody has said that they are gone.
    pub fn are_confirmed(&self) -> bool {
        !self.status.is_empty()
    }

    /// Where they went, for people.
    pub fn told(&self) -> String {
        let under = self.under.as_ref().map(|key| format!("under `{}` ({})", key.label, key.unique_id));
        let place = Some(self.place.clone()).filter(|place| !place.is_empty());
        under.into_iter().chain(place).collect::<Vec<_>>().join(", ")
    }

    fn is_like(&self, other: &Self) -> bool {
        let id = |name: &Option<KeyName>| name.as_ref().map(|name| name.unique_id.clone());
        self.key.unique_id == other.key.unique_id
            && (self.way, self.mechanism, &self.place) == (other.way, other.mechanism, &other.place)
            && id(&self.under) == id(&other.under)
    }
}

/// All copies that the token knows of, with the records that tell of them. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn all(token: &Token) -> Result<Vec<(LedgerRecord, Copies)>> {
    Ok(decoded(token.ledger(LedgerKind::COPIES)?))
}

/// Those of the key with this CKA_UNIQUE_ID, the oldest first: their order stays, whatever becomes of them. Each backup that
/// holds the key is a copy, too; one record stands for all keys in it.
pub fn of_key(token: &Token, unique_id: &str) -> Result<Vec<(LedgerRecord, Copies)>> {
    let mut of_key = recorded(token, unique_id)?;
    let backups = token.ledger(LedgerKind::BACKUP)?.into_iter();
    of_key.extend(backups.filter_map(|record| in_backup(&record, unique_id).map(|copies| (record, copies))));
    of_key.sort_by_key(|(record, copies)| (copies.first, record.id));
    Ok(of_key)
}

/// Those that have records of their own.
fn recorded(token: &Token, unique_id: &str) -> Result<Vec<(LedgerRecord, Copies)>> {
    let records = decoded(token.ledger_named(LedgerKind::COPIES, unique_id.as_bytes())?);
    Ok(records.into_iter().filter(|(_, copies)| copies.key.unique_id == unique_id).collect())
}

/// The copy in a backup, if the key is in it.
fn in_backup(record: &LedgerRecord, unique_id: &str) -> Option<Copies> {
    let backup = BackupRecord::decode(&record.bytes).ok()?;
    let key = backup.keys.iter().find(|key| key.unique_id == unique_id)?.clone();
    Some(Copies {
        key,
        way: Way::BackedUp,
        under: None,
        mechanism: 0,
        place: backup.path,
        count: 1,
        first: backup.made,
        last: backup.made,
        status: backup.status,
    })
}

/// The record with another status; that of a backup holds for all keys in it.
fn with_status(record: &LedgerRecord, copies: Copies, status: &str) -> Result<Vec<u8>> {
    let status = status.to_owned();
    if record.kind != LedgerKind::BACKUP {
        return Ok(Copies { status, ..copies }.encode());
    }
    let backup = BackupRecord::decode(&record.bytes).map_err(|_| Error::GeneralError)?;
    BackupRecord { status, ..backup }.encode().map_err(|_| Error::GeneralError)
}

fn decoded(records: Vec<LedgerRecord>) -> Vec<(LedgerRecord, Copies)> {
    let decoded =
        records.into_iter().filter_map(|record| Copies::decode(&record.bytes).map(|copies| (record, copies)));
    decoded.collect()
}

/// Puts one more copy into the batch, together with what else happens then.
pub fn add(token: &Token, batch: &mut Batch<'_>, copy: &Copies) -> Result<()> {
    let known = recorded(token, &copy.key.unique_id)?;
    match known.iter().find(|(_, known)| !known.are_confirmed() && known.is_like(copy)) {
        Some((record, known)) => {
            let count = known.count.saturating_add(copy.count);
            let copies = Copies { count, last: copy.last, ..known.clone() };
            batch.replace(record, copies.encode());
        }
        None => drop(batch.put_named(LedgerKind::COPIES, copy.key.unique_id.as_bytes(), copy.encode())?),
    }
    Ok(())
}

/// How many of these copies may still be there.
pub fn outstanding<'a>(copies: impl IntoIterator<Item = &'a Copies>) -> u64 {
    let left = copies.into_iter().filter(|copies| !copies.are_confirmed());
    left.map(|copies| copies.count).fold(0, u64::saturating_add)
}

/// Somebody says that copies of a key are gone: those at one place of [`of_key`] (from 0), or all. Answers how many records
/// that changes. Errors: CKR_USER_NOT_LOGGED_IN; CKR_ACTION_PROHIBITED for a role that ends no keys, because certificates of
/// destruction say what was confirmed.
pub fn confirm_destroyed(token: &Token, unique_id: &str, place: Option<usize>, note: &str) -> Result<usize> {
    destruction::check_ends(token)?;
    token.transact(|batch| {
        let mut event = token.event(What::CopiesConfirmed).detail(note);
        let status =
            format!("confirmed destroyed by user {} at {}: {note}", event.who.uid, time_text(event.time));
        let mut changed = 0;
        for (at, (record, copies)) in of_key(token, unique_id)?.into_iter().enumerate() {
            if place.is_none_or(|place| place == at) && !copies.are_confirmed() {
                event.key = Some(copies.key.clone());
                batch.replace(&record, with_status(&record, copies, &status)?);
                changed += 1;
            }
        }
        if changed > 0 {
            batch.event(event);
        }
        Ok(changed)
    })
}

/// A token key is about to leave under a wrapping key: an event and the copy are durable before the caller gets it, or it does
/// not leave. Session keys are not recorded; neither are the keys of a token that cannot be written to. Errors:
/// CKR_ACTION_PROHIBITED where others must approve it and have not.
pub fn wrapped(token: &Token, key: &Object, under: &Object, mechanism: CK_MECHANISM_TYPE) -> Result<()> {
    let name = KeyName::of(under.attributes());
    let detail = format!("under `{}` ({}), mechanism {mechanism:#x}", name.label, name.unique_id);
    let copy = copy(key, Way::Wrapped);
    let unique_id = &copy.key.unique_id;
    let subjects = [Subject::wrapped(unique_id, &name.unique_id), Subject::key(unique_id)];
    record(token, key, (What::Wrapped, &detail), Copies { under: Some(name), mechanism, ..copy }, &subjects)
}

/// A private or secret key of the token leaves it in another way, to a place that is told for people. As [`wrapped`].
pub fn made(token: &Token, key: &Object, way: Way, what: What, place: &str) -> Result<()> {
    let subject = Subject::key(&KeyName::of(key.attributes()).unique_id);
    made_for(token, key, (way, what), place, &[subject])
}

/// Whether a private or secret key of the token may leave it, before it does; nothing is used up. Errors: CKR_ACTION_PROHIBITED
/// where others must approve it and have not.
pub fn may_leave(token: &Token, key: &Object) -> Result<()> {
    if !key.is_true(CKA_TOKEN) || !matches!(key.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY) {
        return Ok(());
    }
    let subject = Subject::key(&KeyName::of(key.attributes()).unique_id);
    token.consent(Controlled::Export, &[subject], Some(key)).map(drop)
}

/// A key is copied (C_CopyObject), into a session or within the token; only in a session has it left. As [`wrapped`].
pub fn copied(token: &Token, key: &Object, into_session: bool, place: &str) -> Result<()> {
    let way = (Way::Copied, What::Copied);
    match into_session {
        true => made(token, key, way.0, way.1, place),
        false => made_for(token, key, way, place, &[]),
    }
}

/// `subjects`: what may have been approved; none where nobody has to.
fn made_for(
    token: &Token,
    key: &Object,
    (way, what): (Way, What),
    place: &str,
    subjects: &[Subject],
) -> Result<()> {
    if !matches!(key.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY) {
        return Ok(());
    }
    record(token, key, (what, place), Copies { place: place.to_owned(), ..copy(key, way) }, subjects)
}

fn copy(key: &Object, way: Way) -> Copies {
    let key = KeyName::of(key.attributes());
    let (place, status) = Default::default();
    Copies { key, way, under: None, mechanism: 0, place, count: 1, first: 0, last: 0, status }
}

fn record(
    token: &Token,
    key: &Object,
    (what, detail): (What, &str),
    copy: Copies,
    subjects: &[Subject],
) -> Result<()> {
    if !key.is_true(CKA_TOKEN) {
        return Ok(());
    }
    let controlled = !subjects.is_empty() && token.is_controlled(Controlled::Export);
    if !token.vault().writable() {
        // An approval that cannot be used up would serve again and again.
        return if controlled { Err(Error::ActionProhibited) } else { Ok(()) };
    }
    let event = token.event(what).about(key.attributes()).detail(detail);
    let copy = Copies { first: event.time, last: event.time, ..copy };
    let recorded = token.transact(|batch| {
        if !subjects.is_empty() {
            batch.consent(Controlled::Export, subjects, Some(key))?;
        }
        add(token, batch, &copy)?;
        batch.event(event.clone());
        Ok(())
    });
    match recorded {
        Err(Error::TokenWriteProtected) if !controlled => Ok(()),
        other => other,
    }
}
