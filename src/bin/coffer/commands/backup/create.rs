//! `coffer backup create`.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::backup::{self, Choice, Made, Plan, PublicHalf, Set};
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::token::Token;
use serde::Serialize;

use crate::consent;
use crate::context::{Login, LoginOption};
use crate::escrow::{self, Pending};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::progress::Progress;

#[derive(Args)]
pub struct Arguments {
    /// The file; one that exists is never replaced
    file: PathBuf,
    /// The public half of a recipient's key, which opens the backup without the quorum; as often as wanted
    #[arg(long, value_name = "FILE.pub")]
    to: Vec<PathBuf>,
    /// Not for the recovery key: only the recipients can open it
    #[arg(long, requires = "to")]
    no_recovery_key: bool,
    /// Take in private keys that sign, as certification authorities and DNSSEC need it
    #[arg(long)]
    include_signing: bool,
    /// Leave out private and secret keys that are not extractable
    #[arg(long)]
    only_extractable: bool,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    token: String,
    file: String,
    backup: String,
    signer: String,
    objects: u32,
    destroyed: u32,
    opens_with: Vec<String>,
    left_out: Vec<LeftOutDocument>,
}

#[derive(Serialize)]
pub struct LeftOutDocument {
    pub label: String,
    pub unique_id: String,
    pub reason: &'static str,
    pub why: &'static str,
}

impl From<&backup::LeftOut> for LeftOutDocument {
    fn from(left_out: &backup::LeftOut) -> Self {
        let backup::LeftOut { reason, unique_id, label } = left_out;
        let (label, unique_id) = (label.clone(), unique_id.clone());
        Self { label, unique_id, reason: reason.name(), why: reason.text() }
    }
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let Login { session, token: found, context } = self.login.log_in(true)?;
        let token = session.token();
        let keys = self.keys(token)?;
        let choice = Choice { signing: self.include_signing, only_extractable: self.only_extractable };
        let plan = Plan { keys, choice, destroyed: backup::destroyed(token)?, now: context.now() };
        let made = write(token, &self.file, &plan).map_err(|failure| self.not_made(token, failure))?;
        self.tell(&found.label, &plan, &made)
    }

    fn keys(&self, token: &Token) -> Result<Vec<(PublicHalf, Option<Set>)>> {
        let mut keys = Vec::new();
        let sets = backup::recovery_sets(token)?;
        if !self.no_recovery_key && !sets.is_empty() {
            keys.push(backup::recovery_recipient(&sets)?);
        }
        for path in &self.to {
            keys.push((escrow::read_public_half(path)?, None));
        }
        if keys.is_empty() {
            return Err(Failure::new(
                "nobody could open the backup: the token has no recovery key, and no recipient is named",
            )
            .advise(
                "make a recovery key with: coffer recovery create; or name a recipient with --to FILE.pub",
            ));
        }
        Ok(keys)
    }

    /// Too few have approved that signature keys are taken in; else the failure itself.
    fn not_made(&self, token: &Token, failure: Failure) -> Failure {
        let ask = "coffer request export --signing-backup";
        let subjects = [Subject::signing_backup()];
        let missing = match self.include_signing && failure.message == Error::ActionProhibited.to_string() {
            true => consent::missing(token, Controlled::Export, &subjects, ask),
            false => None,
        };
        missing.map_or(failure, |missing| missing.while_doing("no backup was made"))
    }

    fn tell(&self, token: &str, plan: &Plan, made: &Made) -> Result<Exit> {
        let opens_with = plan.keys.iter().map(opener).collect::<Result<Vec<_>>>()?;
        let document = Document {
            token: token.into(),
            file: self.file.display().to_string(),
            backup: output::hex(&made.header.backup_id),
            signer: output::hex(&backup::signer_id(&made.header.signer)?),
            objects: made.counts.objects,
            destroyed: made.counts.destroyed,
            opens_with,
            left_out: made.left_out.iter().map(LeftOutDocument::from).collect(),
        };
        if self.json {
            output::json("backup-create", 1, &document)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "{} of token `{}` in {}.\n  backup      {}\n  signed by   {}\n  opens with  {}",
            output::count(document.objects as usize, "object"),
            output::printable(token),
            document.file,
            document.backup,
            document.signer,
            document.opens_with.join("\n              or ")
        ))?;
        left_out(&document.left_out)?;
        Ok(Exit::Success)
    }
}

fn opener((half, set): &(PublicHalf, Option<Set>)) -> Result<String> {
    Ok(match set {
        Some(set) => format!("any {} of the {} shares of set {}", set.threshold, set.count, set.id),
        None => format!("the recipient's key {}", output::hex(&half.key_id()?)),
    })
}

/// The keys that are not in a backup, for people.
pub fn left_out(keys: &[LeftOutDocument]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    output::line(&format!("Not in it: {}.", output::count(keys.len(), "key")))?;
    for LeftOutDocument { label, unique_id, why, .. } in keys {
        output::line(&format!("  {} ({unique_id}): {why}", output::printable(label)))?;
    }
    Ok(())
}

/// Writes the backup under another name, tells the token of it, and gives it its name.
pub fn write(token: &Token, path: &Path, plan: &Plan) -> Result<Made> {
    let (pending, file) = Pending::begin(path)?;
    let progress = Progress::new("backing up");
    let out = BufWriter::with_capacity(1 << 17, file);
    let (out, made) = backup::write(token, out, plan, |done, total| progress.show(done, total))?;
    drop(progress);
    let failed =
        |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", path.display()));
    out.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    backup::record(token, &made, &super::place(path))?;
    pending.finish()?;
    Ok(made)
}
