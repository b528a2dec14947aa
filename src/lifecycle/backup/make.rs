//! Making recovery keys and backups of a token.

use std::io::Write;

use super::choice::Choice;
use super::entry::{Copy, Counts, Destroyed, Entry, LeftOut};
use super::error::{Error, Result, damaged};
use super::header::{Header, Set};
use super::recipient::{PublicHalf, Seed};
use super::records::{BackupRecord, RecoverySet, own_signer_id};
use super::set::{SetRules, combine, split};
use super::share::{Opened, SetId};
use super::stream::Writer;
use crate::ck::*;
use crate::crypto::random;
use crate::error;
use crate::lifecycle::signer;
use crate::object::Attributes;
use crate::object::codec::decode;
use crate::policy::{Controlled, Subject};
use crate::secret::Secret;
use crate::token::{KeyName, LedgerKind, ObjectHandle, Token, What};

/// A recovery key that was split, and that the token does not know yet. Its shares must be in their custodians' hands before
/// `keep`: from then on backups are made for it.
pub struct NewSet {
    pub set: RecoverySet,
    /// One for each custodian.
    pub shares: Vec<Opened>,
}

impl NewSet {
    /// Makes a recovery key and splits it, and tries quorums in which every share has its part. Errors: `Refused` for rules
    /// and names; CKR_USER_NOT_LOGGED_IN.
    pub fn make(token: &Token, threshold: u8, custodians: &[String], now: u64) -> Result<Self> {
        let rules = SetRules {
            threshold,
            custodians,
            token: token.uuid(),
            serial: token.identity()?.serial,
            made: now,
            signer_id: own_signer_id(token)?,
        };
        let seed = Seed::random()?;
        let shares = split(&seed, &rules)?;
        for quorum in shares.windows(threshold.into()) {
            if combine(quorum)? != seed {
                return Err(damaged("the shares that were made do not give the key"));
            }
        }
        let head = shares.first().map(|share| share.head.clone());
        let head = head.ok_or_else(|| damaged("no shares were made"))?;
        let set = RecoverySet { head, custodians: custodians.to_vec(), public: seed.public_half()? };
        Ok(Self { set, shares })
    }

    /// Tells the token of the set, for all backups to come; and in a token of `init --so-reset quorum` its shares set user PINs
    /// from now on, and no others do.
    pub fn keep(&self, token: &Token) -> Result<()> {
        let (bytes, id) = (self.set.encode()?, self.set.id()?);
        let RecoverySet { head, custodians, .. } = &self.set;
        let detail = format!("set {id}: {} of {} ({})", head.threshold, head.count, custodians.join(", "));
        let event = token.event(What::SharesMade).detail(&detail);
        Ok(token.keep_recovery(id.0, self.set.public.inner(), bytes, event)?)
    }
}

/// The set whose shares set a new user PIN; `None`: there is none.
pub fn resetting_set(token: &Token) -> Result<Option<SetId>> {
    Ok(token.recovery_entry()?.map(SetId))
}

/// Gives the user a new PIN, with the shares of a quorum and without any other PIN; nothing is lost. Errors: `Refused` where
/// no shares reset; `Mismatch` for those of another set; `Quorum` for too few; `Damaged` where the token does not open with what
/// they give; CKR_PIN_LEN_RANGE, CKR_PIN_INVALID for the PIN.
pub fn reset_pin(token: &Token, shares: &[Opened], pin: &Secret) -> Result<()> {
    let wanted = resetting_set(token)?
        .ok_or_else(|| Error::Refused("the token has no recovery set whose shares set a user PIN".into()))?;
    for share in shares {
        let set = share.head.set_id()?;
        if set != wanted {
            let (whose, number) = (&share.custodian, share.number);
            return Err(Error::Mismatch(format!(
                "the share of {whose} (number {number}) is of set {set}, and the user PIN is set with shares of set {wanted}"
            )));
        }
    }
    let seed = combine(shares)?;
    let names: Vec<&str> = shares.iter().map(|share| share.custodian.as_str()).collect();
    let detail = format!("with the shares of {} (set {wanted})", names.join(", "));
    token.reset_user_pin(seed.private_half(), pin, &detail).map_err(|error| match error {
        error::Error::PinIncorrect => {
            damaged("the token does not open with what the shares of its recovery set give")
        }
        error => error.into(),
    })
}

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

/// Tells the token whose shares gave its recovery key back; nothing where there are none.
pub fn combined(token: &Token, shares: &[Opened]) -> Result<()> {
    let Some(first) = shares.first() else { return Ok(()) };
    let names: Vec<&str> = shares.iter().map(|share| share.custodian.as_str()).collect();
    let detail = format!("set {}: the shares of {}", first.head.set_id()?, names.join(", "));
    Ok(token.transact(|batch| {
        batch.event(token.event(What::SharesCombined).detail(&detail));
        Ok(())
    })?)
}

/// The current set of the token as a key that opens a backup. `Quorum`: there is none.
pub fn recovery_recipient(sets: &[RecoverySet]) -> Result<(PublicHalf, Option<Set>)> {
    let set = sets.last().ok_or_else(|| Error::Quorum("the token has no recovery key".into()))?;
    Ok((set.public.clone(), Some(set.as_recipient()?)))
}
