//! What a token keeps about its recovery and its backups, in its ledger: the sets of shares (never a share), which
//! backups there are, and which keys were destroyed elsewhere.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::bytes::{Reader, hex};
use super::entry::{DESTROYED as DESTROYED_ENTRY, Destroyed, Entry};
use super::error::{Error, Result, damaged};
use super::header::{Set, signer_id};
use super::recipient::{PUBLIC_LEN, PublicHalf};
use super::share::{SetId, ShareHead, name};
use crate::error;
use crate::lifecycle::{destruction, signer};
use crate::token::{KeyName, LedgerKind, LedgerRecord, Token, What};
use crate::vault::encoding;

const VERSION: u8 = 1;
/// So many records are written in one transaction.
const BATCH: usize = 500;
/// The second byte of records of the kind RECOVERY.
const SET: u8 = 1;
const DESTROYED: u8 = 2;

/// A set of shares as the token knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoverySet {
    pub head: ShareHead,
    /// Who keeps the shares, from number 1.
    pub custodians: Vec<String>,
    pub public: PublicHalf,
}

/// A backup as the token knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRecord {
    pub backup_id: [u8; 16],
    /// Seconds since 1970 UTC.
    pub made: u64,
    /// Where it was written to then.
    pub path: String,
    /// What has become of it, for people; empty: not known.
    pub status: String,
    /// The private and secret keys in it.
    pub keys: Vec<KeyName>,
}

impl RecoverySet {
    pub fn id(&self) -> Result<SetId> {
        self.head.set_id()
    }

    /// As the header of a backup names it.
    pub fn as_recipient(&self) -> Result<Set> {
        Ok(Set { threshold: self.head.threshold, count: self.head.count, id: self.id()? })
    }

    /// Tells the token of the set, for all backups to come; and in a token of `init --so-reset quorum` its shares set user PINs
    /// from now on, and no others do.
    pub fn keep(&self, token: &Token) -> Result<()> {
        let (bytes, id) = (self.encode()?, self.id()?);
        let Self { head, custodians, public } = self;
        let detail = format!("set {id}: {} of {} ({})", head.threshold, head.count, custodians.join(", "));
        let event = token.event(What::SharesMade).detail(&detail);
        Ok(token.keep_recovery(id.0, &public.0, bytes, event)?)
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![VERSION, SET];
        self.head.encode(&mut bytes);
        for custodian in &self.custodians {
            bytes.extend(name(custodian)?);
        }
        bytes.extend(self.public.as_bytes());
        Ok(bytes)
    }

    fn decode(mut reader: Reader) -> Result<Self> {
        let head = ShareHead::decode(&mut reader)?;
        let custodian = |_| Ok(String::from_utf8_lossy(reader.short_text()?).into_owned());
        let custodians = (0..head.count).map(custodian).collect::<Result<_>>()?;
        let public = PublicHalf::new(reader.bytes(PUBLIC_LEN)?)?;
        reader.end()?;
        Ok(Self { head, custodians, public })
    }
}

enum Recovery {
    Set(Box<RecoverySet>),
    Destroyed(Destroyed),
}

fn recovery(record: &LedgerRecord) -> Result<Recovery> {
    let mut reader = Reader::new(&record.bytes, "a record of the recovery");
    match reader.array()? {
        [VERSION, SET] => Ok(Recovery::Set(Box::new(RecoverySet::decode(reader)?))),
        [VERSION, DESTROYED] => match Entry::decode(DESTROYED_ENTRY, reader.rest())? {
            Entry::Destroyed(destroyed) => Ok(Recovery::Destroyed(destroyed)),
            _ => Err(damaged("a record of a destroyed key is none")),
        },
        _ => Err(Error::NotOurs("the token keeps records of its recovery that are not known here".into())),
    }
}

/// The sets that were made, in that order: the last one counts. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn recovery_sets(token: &Token) -> Result<Vec<RecoverySet>> {
    let mut sets = Vec::new();
    for record in token.ledger(LedgerKind::RECOVERY)? {
        if let Recovery::Set(set) = recovery(&record)? {
            sets.push(*set);
        }
    }
    Ok(sets)
}

/// Whether a backup was signed with the token's own key.
pub fn is_own(token: &Token, public_key: &[u8; 32]) -> Result<bool> {
    Ok(signer::public_key(token)?.is_some_and(|own| own == public_key))
}

/// The id of the key with which the token signs.
pub fn own_signer_id(token: &Token) -> Result<[u8; 16]> {
    signer_id(&signer::ensured(token)?)
}

/// The keys that are destroyed and not in the token: its own, and those that restored backups have told of. Errors:
/// CKR_USER_NOT_LOGGED_IN.
pub fn destroyed(token: &Token) -> Result<Vec<Destroyed>> {
    let buried = |tombstone: destruction::Tombstone| Destroyed {
        when: tombstone.time,
        unique_id: tombstone.key.unique_id,
        label: tombstone.key.label,
    };
    let mut destroyed: Vec<Destroyed> = destruction::tombstones(token)?.into_iter().map(buried).collect();
    for record in token.ledger(LedgerKind::RECOVERY)? {
        if let Recovery::Destroyed(told) = recovery(&record)? {
            destroyed.push(told);
        }
    }
    let present = if destroyed.is_empty() { HashSet::new() } else { unique_ids(token)? };
    let mut seen = HashSet::new();
    destroyed.retain(|told| !present.contains(&told.unique_id) && seen.insert(told.unique_id.clone()));
    Ok(destroyed)
}

/// Keeps what a restored backup tells of destroyed keys, as far as the token does not know it and has no such key.
pub(super) fn keep_destroyed(token: &Token, told: &[Destroyed]) -> Result<()> {
    let known: HashSet<String> = destroyed(token)?.into_iter().map(|known| known.unique_id).collect();
    let present = unique_ids(token)?;
    let is_new = |told: &&Destroyed| !known.contains(&told.unique_id) && !present.contains(&told.unique_id);
    let record = |told: &Destroyed| Ok([&[VERSION, DESTROYED], &*told.body()].concat());
    let records: Vec<Vec<u8>> = told.iter().filter(is_new).map(record).collect::<Result<_>>()?;
    for records in records.chunks(BATCH) {
        token.transact(|batch| {
            records.iter().try_for_each(|record| batch.put(LedgerKind::RECOVERY, record.clone()).map(drop))
        })?;
    }
    Ok(())
}

/// The unique ids of all token objects. Errors: CKR_USER_NOT_LOGGED_IN.
pub(super) fn unique_ids(token: &Token) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    for handle in token.token_objects()? {
        match token.object(handle) {
            Ok(object) => drop(ids.insert(KeyName::of(object.attributes()).unique_id)),
            Err(error::Error::ObjectHandleInvalid) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ids)
}

impl BackupRecord {
    pub(in crate::lifecycle) fn encode(&self) -> Result<Vec<u8>> {
        Ok([vec![VERSION], encoding::encode(self)?].concat())
    }

    pub(in crate::lifecycle) fn decode(bytes: &[u8]) -> Result<Self> {
        let known = bytes.split_first().filter(|(version, _)| **version == VERSION);
        known.and_then(|(_, rest)| encoding::decode(rest)).ok_or_else(|| {
            Error::NotOurs("the token keeps records of backups that are not known here".into())
        })
    }

    /// The backup id in hexadecimal.
    pub fn id_text(&self) -> String {
        hex(&self.backup_id)
    }
}

/// The backups that were made, in that order. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn backups(token: &Token) -> Result<Vec<BackupRecord>> {
    token.ledger(LedgerKind::BACKUP)?.iter().map(|record| BackupRecord::decode(&record.bytes)).collect()
}
