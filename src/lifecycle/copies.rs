//! The copies inventory: which keys have left the token, how often, and under what. It is what a rotation has to wrap anew
//! and what a destruction cannot reach.
//!
//! One record of the ledger stands for all copies of a key that left in the same way under the same key, so that a host that
//! wraps a key a million times makes one record.

use serde::{Deserialize, Serialize};

use crate::ck::{CK_MECHANISM_TYPE, CKA_TOKEN};
use crate::error::{Error, Result};
use crate::object::Object;
use crate::token::{Batch, Event, KeyName, LedgerKind, LedgerRecord, Token, What};
use crate::vault::encoding;

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

/// Those of the key with this CKA_UNIQUE_ID.
pub fn of_key(token: &Token, unique_id: &str) -> Result<Vec<(LedgerRecord, Copies)>> {
    let records = decoded(token.ledger_named(LedgerKind::COPIES, unique_id.as_bytes())?);
    Ok(records.into_iter().filter(|(_, copies)| copies.key.unique_id == unique_id).collect())
}

fn decoded(records: Vec<LedgerRecord>) -> Vec<(LedgerRecord, Copies)> {
    let decoded =
        records.into_iter().filter_map(|record| Copies::decode(&record.bytes).map(|copies| (record, copies)));
    decoded.collect()
}

/// Puts one more copy into the batch, together with what else happens then.
pub fn add(token: &Token, batch: &mut Batch<'_>, copy: &Copies) -> Result<()> {
    let known = of_key(token, &copy.key.unique_id)?;
    match known.iter().find(|(_, known)| known.is_like(copy)) {
        Some((record, known)) => {
            let count = known.count.saturating_add(copy.count);
            let copies = Copies { count, last: copy.last, ..known.clone() };
            batch.replace(record, copies.encode());
        }
        None => drop(batch.put_named(LedgerKind::COPIES, copy.key.unique_id.as_bytes(), copy.encode())?),
    }
    Ok(())
}

/// A token key is about to leave under a wrapping key: an event and the copy are durable before the caller gets it, or it does
/// not leave. Session keys are not recorded; neither are the keys of a token that cannot be written to.
pub fn wrapped(token: &Token, key: &Object, under: &Object, mechanism: CK_MECHANISM_TYPE) -> Result<()> {
    if !key.is_true(CKA_TOKEN) || !token.vault().writable() {
        return Ok(());
    }
    let event: Event = token.event(What::Wrapped).about(key.attributes());
    let under = KeyName::of(under.attributes());
    let event =
        event.detail(&format!("under `{}` ({}), mechanism {mechanism:#x}", under.label, under.unique_id));
    let copy = Copies {
        key: KeyName::of(key.attributes()),
        way: Way::Wrapped,
        under: Some(under),
        mechanism,
        place: String::new(),
        count: 1,
        first: event.time,
        last: event.time,
        status: String::new(),
    };
    let recorded = token.transact(|batch| {
        add(token, batch, &copy)?;
        batch.event(event.clone());
        Ok(())
    });
    match recorded {
        Err(Error::TokenWriteProtected) => Ok(()),
        other => other,
    }
}
