//! Writing a backup of a token.

use std::io::Write;

use super::choice::Choice;
use super::entry::{Copy, Counts, Destroyed, Entry, LeftOut};
use super::error::{Error, Result};
use super::header::{Header, Set};
use super::recipient::PublicHalf;
use super::records::{BackupRecord, RecoverySet};
use super::stream::Writer;
use crate::ck::*;
use crate::crypto::random;
use crate::lifecycle::signer;
use crate::object::Attributes;
use crate::object::codec::decode;
use crate::policy::{Controlled, Subject};
use crate::token::{KeyName, LedgerKind, ObjectHandle, Token, What};

/// What a backup is made of.
pub struct Plan {
    pub keys: Vec<(PublicHalf, Option<Set>)>,
    pub choice: Choice,
    /// Keys that the token has destroyed.
    pub destroyed: Vec<Destroyed>,
    /// Seconds since 1970 UTC.
    pub now: u64,
}

/// A backup that was written.
pub struct Made {
    pub header: Header,
    pub counts: Counts,
    pub left_out: Vec<LeftOut>,
    /// The private and secret keys in it.
    pub keys: Vec<KeyName>,
    /// Private keys that sign were to be taken in.
    pub signing: bool,
}

/// Writes a backup; one object is in memory at a time. `progress` is told how many objects are done, and of how many. Errors:
/// CKR_USER_NOT_LOGGED_IN for anybody but the user, `Refused` without a key that opens it, `Io`; CKR_ACTION_PROHIBITED where others
/// must approve that signature keys are taken in, and have not.
pub fn write<W: Write>(
    token: &Token,
    out: W,
    plan: &Plan,
    mut progress: impl FnMut(u64, u64),
) -> Result<(W, Made)> {
    if plan.choice.signing {
        token.consent(Controlled::Export, &[Subject::signing_backup()], None)?;
    }
    let handles = token.token_objects()?;
    let mut header = new_header(token, plan.now)?;
    let (bytes, keys) = header.seal(&plan.keys)?;
    let mut writer = Writer::new(out, &bytes, keys)?;
    for destroyed in &plan.destroyed {
        writer.entry(&Entry::Destroyed(destroyed.clone()))?;
    }
    let (taken, left_out) = chosen(token, &handles, plan.choice)?;
    for left_out in &left_out {
        writer.entry(&Entry::LeftOut(left_out.clone()))?;
    }
    let mut keys = Vec::new();
    for (done, handle) in (1_u64..).zip(&taken) {
        // One that another process has just destroyed is not there any more.
        let Some(whole) = token.whole(*handle)? else { continue };
        let attributes = decode(whole.attributes.as_bytes())?;
        if is_key(&attributes) {
            keys.push(KeyName::of(&attributes));
        }
        writer.entry(&Entry::Object(Copy {
            unauthenticated: !whole.authenticated,
            attributes: whole.attributes,
            secrets: whole.secrets,
        }))?;
        progress(done, taken.len() as u64);
    }
    let (out, counts) = writer.finish(|message| Ok(signer::sign(token, message)?.1))?;
    Ok((out, Made { header, counts, left_out, keys, signing: plan.choice.signing }))
}

fn new_header(token: &Token, now: u64) -> Result<Header> {
    let signer = signer::ensured(token)?;
    let identity = token.identity()?;
    let mut backup_id = [0; 16];
    random::fill(&mut backup_id)?;
    Ok(Header {
        backup_id,
        token: token.uuid(),
        serial: identity.serial,
        label: identity.label,
        made: now,
        generation: token.revision().0,
        signer: signer.as_slice().try_into().map_err(|_| crate::crypto::Error::Engine)?,
        recipients: Vec::new(),
    })
}

pub(super) fn is_key(attributes: &Attributes) -> bool {
    matches!(attributes.ulong(CKA_CLASS), Some(CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY))
}

/// The objects that are taken in, and those that are not.
fn chosen(
    token: &Token,
    handles: &[ObjectHandle],
    choice: Choice,
) -> Result<(Vec<ObjectHandle>, Vec<LeftOut>)> {
    let (mut taken, mut left_out) = (Vec::new(), Vec::new());
    for handle in handles {
        let object = match token.object(*handle) {
            Err(crate::error::Error::ObjectHandleInvalid) => continue,
            object => object?,
        };
        match choice.leaves_out(object.attributes()) {
            None => taken.push(*handle),
            Some(reason) => {
                let KeyName { unique_id, label, .. } = KeyName::of(object.attributes());
                left_out.push(LeftOut { reason, unique_id, label });
            }
        }
    }
    Ok((taken, left_out))
}

/// Tells the token that a backup is about to be at a place: before it is, so that the token may know of one that never came to
/// be, and does not miss one. Uses up the approval of others where signature keys are in it.
pub fn record(token: &Token, made: &Made, path: &str) -> Result<()> {
    let record = BackupRecord {
        backup_id: made.header.backup_id,
        made: made.header.made,
        path: path.to_owned(),
        status: String::new(),
        keys: made.keys.clone(),
    };
    let Counts { objects, left_out, .. } = made.counts;
    let detail = format!("backup {}: {objects} objects, {left_out} left out; {path}", record.id_text());
    let bytes = record.encode()?;
    token.transact(|batch| {
        if made.signing {
            batch.consent(Controlled::Export, &[Subject::signing_backup()], None)?;
        }
        batch.event(token.event(What::BackupMade).detail(&detail));
        batch.put(LedgerKind::BACKUP, bytes.clone())
    })?;
    Ok(())
}

/// The current set of the token as a key that opens a backup. `Quorum`: there is none.
pub fn recovery_recipient(sets: &[RecoverySet]) -> Result<(PublicHalf, Option<Set>)> {
    let set = sets.last().ok_or_else(|| Error::Quorum("the token has no recovery key".into()))?;
    Ok((set.public.clone(), Some(set.as_recipient()?)))
}
