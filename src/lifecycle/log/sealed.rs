//! The first key of a log, sealed to auditors: it stands in the log itself, and no machine but theirs can read it.

use crate::error::{Error, Result};
use crate::lifecycle::backup::{self, PublicHalf, Seed, WRAPPED_LEN};
use crate::secret::Secret;
use crate::token::{Event, Token, What};

use super::FirstKey;
use super::format::{HEADER_LENGTH, Identity, Kind, Record};

/// A first key is sealed to no more auditors than this.
pub const MOST_AUDITORS: usize = 16;

/// The first key, sealed for one auditor, and the event that tells of it.
pub(super) struct SealedKey {
    pub(super) wrapped: Box<[u8; WRAPPED_LEN]>,
    pub(super) event: Event,
}

fn context(uuid: &[u8; 16], id: &[u8; 16]) -> Vec<u8> {
    [&b"coffer audit first key v1"[..], uuid, id].concat()
}

/// Seals a first key to each auditor. Errors: CKR_ARGUMENTS_BAD for too many of them.
pub(super) fn seal(
    token: &Token,
    id: &[u8; 16],
    first_key: &FirstKey,
    auditors: &[PublicHalf],
) -> Result<Vec<SealedKey>> {
    if auditors.len() > MOST_AUDITORS {
        return Err(Error::ArgumentsBad);
    }
    let (secret, context) = (Secret::copy_of(&**first_key), context(&token.uuid(), id));
    let seal = |half: &PublicHalf| -> backup::Result<SealedKey> {
        let detail = format!("for the key {}", super::hex(&half.key_id()?));
        let wrapped = Box::new(half.wrap(&secret, &context)?);
        Ok(SealedKey { wrapped, event: token.event(What::FirstKeySealed).detail(&detail) })
    };
    auditors.iter().map(|half| seal(half).map_err(|_| Error::GeneralError)).collect()
}

/// Why a sealed first key does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// It is no audit log.
    NotALog,
    /// No first key is sealed in this log.
    None,
    /// None is sealed to this private key, or they were changed.
    OtherKey,
}

/// Opens the first key that is sealed in a log with the private key of an auditor. `beginning`: of the file, as much as holds the
/// first records. Whether it is the key that the log was begun with, [`super::verify`] shows.
pub fn open_first_key(beginning: &[u8], seed: &Seed) -> std::result::Result<FirstKey, Unopened> {
    let identity = Identity::parse(beginning).ok_or(Unopened::NotALog)?;
    let context = context(&identity.uuid, &identity.id);
    let (mut at, mut reason) = (HEADER_LENGTH, Unopened::None);
    while let Some(record) = beginning.get(at..).and_then(Record::parse) {
        at += record.length;
        let Some(wrapped) = sealed_part(&record) else { continue };
        if let Ok(secret) = seed.unwrap(wrapped, &context)
            && let Ok(key) = secret.as_bytes().try_into()
        {
            return Ok(FirstKey::new(key));
        }
        reason = Unopened::OtherKey;
    }
    Err(reason)
}

fn sealed_part<'a>(record: &Record<'a>) -> Option<&'a [u8; WRAPPED_LEN]> {
    if record.kind == Kind::SealedKey { record.body.first_chunk() } else { None }
}

/// The text of the event behind a sealed key.
pub(super) fn event_of(body: &[u8]) -> Option<Event> {
    Event::decode(body.get(WRAPPED_LEN..)?)
}
