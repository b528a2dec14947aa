//! Checking a backup whole, and putting what is in it into a token.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek, SeekFrom};

use super::bytes::hex;
use super::choice::is_stateful_key;
use super::entry::{Copy, Counts, Destroyed, Entry, LeftOut};
use super::error::{Error, Result, damaged};
use super::recipient::Seed;
use super::records::{BackupRecord, backups, keep_destroyed, unique_ids};
use super::stream::{Contents, Survey};
use crate::ck::*;
use crate::error;
use crate::object::{Attributes, Value};
use crate::policy::{Controlled, Source};
use crate::token::{KeyName, LedgerKind, Token, What, Whole};

/// So many objects, or so many bytes of them, are made in one transaction.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 8 << 20;

/// What a whole backup holds.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    pub counts: Counts,
    pub destroyed: Vec<Destroyed>,
    pub left_out: Vec<LeftOut>,
}

/// Reads and checks everything. Errors: `Mismatch`, `Damaged`, `Io`.
pub fn check(file: &mut (impl Read + Seek), survey: &Survey, seed: &Seed) -> Result<Inside> {
    let mut contents = contents(file, survey, seed)?;
    let mut inside = Inside::default();
    while let Some(entry) = contents.next_entry()? {
        match entry {
            Entry::Object(copy) => drop(attributes(&copy)?),
            Entry::Destroyed(destroyed) => inside.destroyed.push(destroyed),
            Entry::LeftOut(left_out) => inside.left_out.push(left_out),
            Entry::End(counts) => inside.counts = counts,
        }
    }
    Ok(inside)
}

fn contents<'a, F: Read + Seek>(
    file: &'a mut F,
    survey: &Survey,
    seed: &Seed,
) -> Result<Contents<&'a mut F>> {
    let rewound = file.seek(SeekFrom::Start(0));
    rewound.map_err(|error| Error::Io(format!("the backup cannot be read: {error}")))?;
    Contents::open(file, survey, seed)
}

fn attributes(copy: &Copy) -> Result<Attributes> {
    Whole::decoded(&copy.attributes, &copy.secrets).map_err(|_| {
        damaged("an object in the backup is none: it was made by somebody who had the token's keys")
    })
}

/// Tells the token that its keys are in this backup, too: it holds a copy of each, wherever it was made. `path`: where it is.
pub fn remember(token: &Token, survey: &Survey, path: &str, outcome: &Outcome) -> Result<()> {
    let backup_id = survey.header.backup_id;
    let mut known = backups(token)?;
    known.retain(|known| known.backup_id == backup_id);
    let is_new = |name: &&KeyName| known.iter().flat_map(|known| &known.keys).all(|known| known != *name);
    let is_key = |name: &&KeyName| matches!(name.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY);
    let here = outcome.restored.iter().chain(&outcome.existing);
    let keys: Vec<KeyName> = here.filter(is_key).filter(is_new).cloned().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let (path, status) = (path.to_owned(), String::new());
    let record = BackupRecord { backup_id, made: survey.header.made, path, status, keys }.encode()?;
    token.transact(|batch| batch.put(LedgerKind::BACKUP, record.clone()))?;
    Ok(())
}

/// How a backup is put into a token.
pub struct Rules {
    /// Its signer is the token's own: what the objects say of how they came to be holds.
    pub own: bool,
    /// The security officer has agreed: that holds for a foreign signer as well, and CKA_TRUSTED is kept. (For the token's own
    /// signer alone it is not: the officer may have taken it from an object since.)
    pub officer: bool,
    /// Destroyed keys come back, too: a quorum has agreed.
    pub resurrect: bool,
    /// Keys that were destroyed, by their unique ids: in the token, and as newer backups tell.
    pub destroyed: HashMap<String, Destroyed>,
}

/// What has become of the objects of a backup.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub restored: Vec<KeyName>,
    /// An object of the same unique id was there, and stayed as it was.
    pub existing: Vec<KeyName>,
    /// Destroyed since, and left out.
    pub destroyed: Vec<KeyName>,
    /// Destroyed since, and restored with a quorum.
    pub resurrected: Vec<KeyName>,
    /// The token forbids such objects, and why.
    pub refused: Vec<(KeyName, error::Error)>,
    /// Restored without CKA_TRUSTED, which only the security officer may give.
    pub untrusted: Vec<KeyName>,
}

/// Restores a backup that [`check`] has found whole. Each transaction holds some objects and their events; a restore that was
/// interrupted goes on where it stopped when it is run again. Errors: CKR_USER_NOT_LOGGED_IN, `Damaged`, `Io`.
pub fn restore(
    token: &Token,
    file: &mut (impl Read + Seek),
    survey: &Survey,
    seed: &Seed,
    rules: &Rules,
    mut progress: impl FnMut(u64),
) -> Result<Outcome> {
    let mut contents = contents(file, survey, seed)?;
    let mut restoring = Restoring {
        token,
        rules,
        present: unique_ids(token)?,
        backup: hex(&survey.header.backup_id),
        batch: Vec::new(),
        bytes: 0,
        unauthenticated: Vec::new(),
        outcome: Outcome::default(),
    };
    // Those that a newer backup has named, too: nobody may name it the next time.
    let mut destroyed: Vec<Destroyed> = rules.destroyed.values().cloned().collect();
    while let Some(entry) = contents.next_entry()? {
        match entry {
            Entry::Object(copy) => restoring.take(&copy)?,
            Entry::Destroyed(told) if rules.destroyed.contains_key(&told.unique_id) => continue,
            Entry::Destroyed(told) => destroyed.push(told),
            Entry::LeftOut(_) | Entry::End(_) => continue,
        }
        progress(restoring.done());
    }
    let outcome = restoring.finish()?;
    keep_destroyed(token, &destroyed)?;
    Ok(outcome)
}

struct Restoring<'a> {
    token: &'a Token,
    rules: &'a Rules,
    present: HashSet<String>,
    /// The backup id, for the events.
    backup: String,
    batch: Vec<Attributes>,
    bytes: usize,
    unauthenticated: Vec<Attributes>,
    outcome: Outcome,
}

impl Restoring<'_> {
    fn take(&mut self, copy: &Copy) -> Result<()> {
        let mut object = attributes(copy)?;
        let name = KeyName::of(&object);
        if !name.unique_id.is_empty() && !self.present.insert(name.unique_id.clone()) {
            self.outcome.existing.push(name);
            return Ok(());
        }
        if self.rules.destroyed.contains_key(&name.unique_id) {
            if !self.rules.resurrect {
                self.outcome.destroyed.push(name);
                return Ok(());
            }
            self.outcome.resurrected.push(name.clone());
        }
        // A key of which somebody outside may know the value counts as imported, unless its origin is known.
        let source = if self.rules.own || self.rules.officer { Source::Copied } else { Source::Imported };
        // No backup of ours has one: its state may be older than what was signed since.
        let allowed = if is_stateful_key(&object) {
            Err(error::Error::ActionProhibited)
        } else {
            self.token.profile().check_new(&object, source)
        };
        if let Err(error) = allowed {
            self.outcome.refused.push((name, error));
            return Ok(());
        }
        let untrusted = !self.rules.officer || self.token.is_controlled(Controlled::Trust);
        if untrusted && object.is_true(CKA_TRUSTED) {
            object.set(CKA_TRUSTED, Value::Bool(false));
            self.outcome.untrusted.push(name.clone());
        }
        self.outcome.restored.push(name);
        if copy.unauthenticated {
            self.unauthenticated.push(object);
        } else {
            self.bytes += copy.attributes.len() + copy.secrets.len();
            self.batch.push(object);
        }
        if self.batch.len() + self.unauthenticated.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let objects = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if !objects.is_empty() {
            let detail = format!("backup {}", self.backup);
            self.token.transact(|batch| {
                for object in &objects {
                    batch.create(object.clone())?;
                    batch.event(self.token.event(What::BackupRestored).about(object).detail(&detail));
                }
                Ok(())
            })?;
        }
        let unauthenticated = std::mem::take(&mut self.unauthenticated);
        if !unauthenticated.is_empty() {
            self.token.add_unauthenticated(unauthenticated)?;
        }
        Ok(())
    }

    /// Objects that were looked at.
    fn done(&self) -> u64 {
        let Outcome { restored, existing, destroyed, refused, .. } = &self.outcome;
        (restored.len() + existing.len() + destroyed.len() + refused.len()) as u64
    }

    fn finish(mut self) -> Result<Outcome> {
        self.commit()?;
        Ok(self.outcome)
    }
}
