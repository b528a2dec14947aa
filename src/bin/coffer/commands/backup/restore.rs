//! `coffer backup restore`.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::lifecycle::backup::{self, Destroyed, Opened, Outcome, Rules, Seed, Survey};
use coffer_pkcs11::token::{KeyName, Token};
use serde::Serialize;

use super::{named, open};
use crate::context::{Context, Found, TokenOption};
use crate::escrow::Opener;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::progress::Progress;

#[derive(Args)]
pub struct Arguments {
    /// The backup
    file: PathBuf,
    /// The token that takes it: its label, or a PKCS#11 URI
    #[arg(long, value_name = "LABEL|URI")]
    into: String,
    #[command(flatten)]
    opener: Opener,
    /// A newer backup of the same token: keys that were destroyed until then stay destroyed
    #[arg(long, value_name = "FILE")]
    newer: Vec<PathBuf>,
    /// Restore keys that were destroyed, too; needs the shares of a quorum
    #[arg(long)]
    resurrect: bool,
    /// The security officer vouches for the token that the backup is of: CKA_TRUSTED is kept
    #[arg(long)]
    trust: bool,
    #[command(flatten)]
    so_pin: SoPin,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    token: String,
    backup: String,
    restored: Vec<Key>,
    /// There already, and left as they were.
    existing: Vec<Key>,
    /// Destroyed, and not restored.
    destroyed: Vec<Key>,
    /// Destroyed, and restored with a quorum.
    resurrected: Vec<Key>,
    /// Restored without CKA_TRUSTED.
    untrusted: Vec<Key>,
    /// The token forbids them.
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Key {
    label: String,
    unique_id: String,
}

#[derive(Serialize)]
struct Refused {
    label: String,
    unique_id: String,
    why: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let (mut file, survey) = open(&self.file)?;
        let context = Context::load()?;
        let wanted = TokenOption { token: Some(self.into.clone()) }.uri()?;
        let found = context.token(&wanted).map_err(|failure| match failure.advice {
            Some(_) => failure,
            None => failure.advise("make a token first: coffer init LABEL"),
        })?;
        let shares = self.opener.shares()?;
        let seed = self.opener.seed(&shares)?.ok_or_else(|| self.no_key(&survey))?;
        backup::check(&mut file, &survey, &seed).map_err(|error| named(&self.file, error))?;
        let newer = self.destroyed_in_newer(&survey, &seed)?;
        let session = context.user_session(&found, true, &self.pin, &wanted)?;
        let token = context.module.token(found.slot)?;
        let resurrect = self.resurrect && self.has_quorum(&token, &shares)?;
        let rules = Rules {
            own: backup::is_own(&token, &survey.header.signer)?,
            officer: self.officer_agrees(&token, &found)?,
            resurrect,
            destroyed: destroyed(&token, newer)?,
        };
        backup::combined(&token, &shares)?;
        let progress = Progress::new("restoring");
        let outcome =
            backup::restore(&token, &mut file, &survey, &seed, &rules, |done| progress.show(done, done))
                .map_err(|error| named(&self.file, error))?;
        backup::remember(&token, &survey, &super::place(&self.file), &outcome)?;
        drop((progress, session));
        self.tell(&found, &survey, &outcome)
    }

    fn no_key(&self, survey: &Survey) -> Failure {
        let why = survey.header.opens_with(&format!("{}: no key was named", self.file.display()));
        let failure = Failure::new(why)
            .advise("name share files with --share, be asked for them with --ask, or name a recipient's private key with --key");
        Failure { exit: Exit::Quorum, ..failure }
    }

    /// What newer backups of the same token say of destroyed keys.
    fn destroyed_in_newer(&self, survey: &Survey, seed: &Seed) -> Result<Vec<Destroyed>> {
        let mut destroyed = Vec::new();
        for path in &self.newer {
            let (mut file, newer) = open(path)?;
            if newer.header.token != survey.header.token || newer.header.signer != survey.header.signer {
                return Err(Failure::new(format!("{} is a backup of another token", path.display())));
            }
            let inside = backup::check(&mut file, &newer, seed).map_err(|error| named(path, error))?;
            destroyed.extend(inside.destroyed);
        }
        Ok(destroyed)
    }

    /// Whether the shares that were given are a quorum for this token: of a set that it knows, or, where it knows none, of the
    /// one that opened the backup.
    fn has_quorum(&self, token: &Token, shares: &[Opened]) -> Result<bool> {
        let Some(share) = shares.first() else { return Ok(false) };
        let (sets, given) = (backup::recovery_sets(token)?, share.head.set_id()?);
        let known = sets.iter().map(|set| set.id()).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(known.is_empty() || known.contains(&given))
    }

    fn officer_agrees(&self, token: &Token, found: &Found) -> Result<bool> {
        if !self.trust {
            return Ok(false);
        }
        let pin = self.so_pin.source().read(None)?;
        if token.is_officers_pin(&pin)? {
            return Ok(true);
        }
        let what = format!("the PIN of the security officer of `{}` is wrong", found.label);
        Err(Failure::new(what).advise("nothing was restored; repeated wrong PINs lock it"))
    }

    fn tell(&self, found: &Found, survey: &Survey, outcome: &Outcome) -> Result<Exit> {
        let document = Document {
            token: found.label.clone(),
            backup: output::hex(&survey.header.backup_id),
            restored: keys(&outcome.restored),
            existing: keys(&outcome.existing),
            destroyed: keys(&outcome.destroyed),
            resurrected: keys(&outcome.resurrected),
            untrusted: keys(&outcome.untrusted),
            refused: outcome.refused.iter().map(refused).collect(),
        };
        let exit = if !outcome.destroyed.is_empty() {
            Exit::Quorum
        } else if outcome.refused.is_empty() && outcome.untrusted.is_empty() {
            Exit::Success
        } else {
            Exit::Attention
        };
        if self.json {
            output::json("backup-restore", 1, &document)?;
            return Ok(exit);
        }
        self.tell_people(&document)?;
        Ok(exit)
    }

    fn tell_people(&self, document: &Document) -> Result<()> {
        output::line(&format!(
            "Restored {} of backup {} into token `{}`.",
            output::count(document.restored.len(), "object"),
            document.backup,
            output::printable(&document.token)
        ))?;
        list("There already, and left as they were", &document.existing)?;
        list("Destroyed before, and restored with a quorum", &document.resurrected)?;
        list(
            "Restored without CKA_TRUSTED, which only the security officer gives (--trust)",
            &document.untrusted,
        )?;
        for Refused { label, unique_id, why } in &document.refused {
            output::line(&format!("Not restored: {} ({unique_id}): {why}", output::printable(label)))?;
        }
        list("Destroyed, and not restored", &document.destroyed)?;
        if !document.destroyed.is_empty() {
            eprintln!(
                "attention: a destroyed key comes back only by decision of a quorum\n  → give enough shares of the token's \
                 recovery set with --share, and add --resurrect"
            );
        }
        Ok(())
    }
}

fn keys(names: &[KeyName]) -> Vec<Key> {
    names.iter().map(|name| Key { label: name.label.clone(), unique_id: name.unique_id.clone() }).collect()
}

fn refused((name, why): &(KeyName, coffer_pkcs11::error::Error)) -> Refused {
    Refused { label: name.label.clone(), unique_id: name.unique_id.clone(), why: why.to_string() }
}

fn list(heading: &str, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    output::line(&format!("{heading}: {}.", output::count(keys.len(), "object")))?;
    for Key { label, unique_id } in keys {
        output::line(&format!("  {} ({unique_id})", output::printable(label)))?;
    }
    Ok(())
}

/// The keys that must not come back: those of the token, and those that newer backups name.
fn destroyed(token: &Token, newer: Vec<Destroyed>) -> Result<HashMap<String, Destroyed>> {
    let all = backup::destroyed(token)?.into_iter().chain(newer);
    Ok(all.map(|destroyed| (destroyed.unique_id.clone(), destroyed)).collect())
}
