//! `coffer salvage`: a way out for a damaged token. What verifies goes into a new token; the damaged file is only read.

use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::lifecycle::backup::is_stateful_key;
use coffer_pkcs11::object::codec::decode;
use coffer_pkcs11::policy::{Mode, Profile};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{Audit, Identity, KeyName, LedgerKind, Settings, vault_options};
use coffer_pkcs11::vault::{self, Change, Entry, Proof, Salvage, Vault};
use serde::Serialize;

use super::import::read_file_up_to;
use super::init;
use crate::care;
use crate::context::Context;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::progress::Progress;
use crate::uri::Uri;

/// Token files larger than this are not taken into memory.
const FILE_LIMIT: u64 = 8 << 30;
/// So many records are written in one transaction.
const BATCH: usize = 500;

#[derive(Args)]
pub struct Arguments {
    /// The damaged token file; it is only read
    file: PathBuf,
    /// What the new token is called
    #[arg(long, value_name = "LABEL")]
    into: String,
    /// Open the damaged file with the PIN of the security officer instead of the user's
    #[arg(long)]
    so: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
    /// Allow a label that another token has
    #[arg(long)]
    allow_duplicate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// The new token.
    label: String,
    file: PathBuf,
    /// Saved, and proven by an authentication code.
    verified: usize,
    /// Saved, and proven by their own seals only: perhaps an old version, or deleted since.
    sealed: usize,
    /// Saved, and proven by nothing; marked so for ever.
    unauthenticated: usize,
    /// HSS keys, which are never saved: nobody can tell what they have signed since.
    stateful: Vec<KeyName>,
    lost: Vec<LostRecord>,
}

#[derive(Serialize)]
struct LostRecord {
    number: u64,
    offset: u64,
    kind: &'static str,
    why: &'static str,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let contents = read_file_up_to(&self.file, FILE_LIMIT)?;
        let separated = vault::is_separated(contents.as_bytes());
        let context = Context::load_with(|config| config.pin.separate_officer = Some(separated))?;
        init::check_label(&self.into)?;
        let slot = init::new_slot(&context, &self.into, self.allow_duplicate)?;
        if self.pin.account.is_some() {
            return Err(Failure::new("a damaged file is opened by its user or its security officer")
                .advise("leave out --as and COFFER_USER"));
        }
        let (pin, so_pin) = (self.pin.source().read(None)?, self.so_pin.source().read(None)?);
        let (entry, opens) = if self.so { (Entry::SecurityOfficer, &so_pin) } else { (Entry::User, &pin) };
        let mut found = vault::salvage(contents.as_bytes(), entry, opens, &vault_options(context.config()))
            .map_err(|error| self.failure(&error))?;
        drop(contents);
        let stateful = leave_out_stateful(&mut found);
        let (profile, settings) = rules_of(&found);
        init::make(&context, slot, &self.into, (profile, &settings), &so_pin, Some(&pin))?;
        let token = context.token(&Uri { slot_id: Some(slot.0), ..Uri::default() })?;
        let file = context.module.slot_info(token.slot)?.path;
        let report = Report {
            label: self.into.clone(),
            file: file.clone(),
            verified: count(&found, Proof::Verified),
            sealed: count(&found, Proof::Sealed),
            unauthenticated: count(&found, Proof::Unauthenticated),
            stateful,
            lost: found.lost.iter().map(lost).collect(),
        };
        write(context.config(), &file, found, &pin).map_err(|error| care::failure(&file, &error))?;
        self.tell(&report)
    }

    fn failure(&self, error: &vault::Error) -> Failure {
        let failure = care::failure(&self.file, error);
        match error {
            vault::Error::PinIncorrect | vault::Error::NotInitialised => {
                let other = if self.so { "leave out --so and use the user PIN" } else { "add --so" };
                let why = "no entry of the file opens with this PIN: it is wrong, or the entry is damaged";
                Failure::new(format!("{}: {why}", self.file.display()))
                    .advise(format!("where the PIN is right, the other role may still open it: {other}"))
            }
            _ => failure,
        }
    }

    fn tell(&self, report: &Report) -> Result<Exit> {
        let whole = report.lost.is_empty() && report.sealed == 0 && report.stateful.is_empty();
        let exit = if whole { Exit::Success } else { Exit::Attention };
        if self.json {
            output::json("salvage", 1, report)?;
            return Ok(exit);
        }
        let saved = report.verified + report.sealed + report.unauthenticated;
        output::line(&format!(
            "Saved {} into token `{}` ({}).",
            output::count(saved, "object"),
            report.label,
            report.file.display()
        ))?;
        let kinds = [
            (report.verified, "verified by the token's keys"),
            (report.sealed, "genuine, but perhaps an old version, or deleted since: look at them"),
            (report.unauthenticated, "public and proven by nothing; marked so for ever"),
        ];
        for (number, what) in kinds.into_iter().filter(|(number, _)| *number > 0) {
            output::line(&format!("  {number} {what}"))?;
        }
        for key in &report.stateful {
            output::line(&format!(
                "Not saved: the HSS key `{}` ({}), which may have signed since with what it would sign with again",
                key.label, key.unique_id
            ))?;
        }
        if report.lost.is_empty() {
            return Ok(exit);
        }
        output::line(&format!("Not saved: {}.", output::count(report.lost.len(), "record")))?;
        for LostRecord { number, offset, kind, why } in &report.lost {
            output::line(&format!("  record {number} ({kind}, at byte {offset}): {why}"))?;
        }
        Ok(exit)
    }
}

/// The profile and settings that the file tells; the strictest where it tells none. The audit log stays with the old file.
fn rules_of(found: &Salvage) -> (Profile, Settings) {
    let identity = found.info.as_deref().and_then(|info| Identity::decode(info).ok());
    match identity {
        Some(Identity { profile, settings, .. }) => {
            let audit = Audit { mode: settings.audit.mode, ..Audit::default() };
            (profile, Settings { audit, ..settings })
        }
        None => (Profile::Strict, Settings { lifecycle: Mode::Enforce, ..Settings::default() }),
    }
}

/// Takes out the private keys that must never sign from two states: what was saved may be an older one. Answers their names.
fn leave_out_stateful(found: &mut Salvage) -> Vec<KeyName> {
    let mut left_out = Vec::new();
    found.records.retain(|saved| match decode(&saved.put.metadata) {
        Ok(attributes) if LedgerKind::of_tag(&saved.put.tag).is_none() && is_stateful_key(&attributes) => {
            left_out.push(KeyName::of(&attributes));
            false
        }
        _ => true,
    });
    left_out
}

/// Objects are counted, and not what the ledger tells of them.
fn count(found: &Salvage, proof: Proof) -> usize {
    let objects = found.records.iter().filter(|saved| LedgerKind::of_tag(&saved.put.tag).is_none());
    objects.filter(|saved| saved.proof == proof).count()
}

fn lost(lost: &vault::Lost) -> LostRecord {
    LostRecord {
        number: lost.record.number,
        offset: lost.record.offset,
        kind: lost.record.kind,
        why: lost.why,
    }
}

/// Puts what was saved into the new token: what is proven with its keys, the rest marked as unauthenticated.
fn write(
    config: &Config,
    file: &std::path::Path,
    found: Salvage,
    pin: &Secret,
) -> std::result::Result<(), vault::Error> {
    let vault: std::sync::Arc<Vault> = care::open(config, file)?;
    let unlocked = vault.login(Entry::User, pin)?;
    let progress = Progress::new("writing");
    let Salvage { records, events, entries, .. } = found;
    unlocked.adopt_entries(&entries)?;
    let events = events.into_iter().map(Change::Event);
    let (mut done, total) = (0_u64, (records.len() + events.len()) as u64);
    let (unproven, proven): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|saved| saved.proof == Proof::Unauthenticated);
    // Events get new numbers; what they tell stays.
    let proven = proven.into_iter().map(|saved| Change::Add(saved.put));
    let mut proven = events.chain(proven).peekable();
    while proven.peek().is_some() {
        let batch: Vec<Change> = proven.by_ref().take(BATCH).collect();
        done += batch.len() as u64;
        unlocked.commit(batch)?;
        progress.show(done, total);
    }
    vault.add_unauthenticated(unproven.into_iter().map(|saved| saved.put).collect())?;
    Ok(())
}
