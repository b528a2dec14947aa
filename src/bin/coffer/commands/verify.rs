//! `coffer verify` and `coffer compact`: the care of one token file, with its keys.

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{Identity, LedgerKind};
use coffer_pkcs11::vault::{self, Checked, Entry, Note, Vault};
use serde::Serialize;

use crate::care;
use crate::context::Context;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::progress::Progress;

/// Which file, and who opens it.
#[derive(Args)]
pub struct Keys {
    /// The token: its label, a PKCS#11 URI or the path of its file; not needed where there is only one
    #[arg(value_name = "LABEL|URI|FILE", env = "COFFER_TOKEN")]
    token: Option<String>,
    /// The token, as other commands are told it
    #[arg(short, long = "token", value_name = "LABEL|URI|FILE", hide = true)]
    option: Option<String>,
    /// Log in as the security officer instead of the user
    #[arg(long)]
    so: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
}

impl Keys {
    /// What was said to name the token.
    pub fn named(&self) -> Option<&str> {
        self.option.as_deref().or(self.token.as_deref())
    }

    /// Whose PIN opens the file, and the PIN.
    pub fn pin(&self, vault: &Vault) -> Result<(Entry, Secret)> {
        Ok(if self.so {
            (Entry::SecurityOfficer, self.so_pin.source().read(None)?)
        } else {
            (care::opener(vault, &self.pin)?, self.pin.source().read(None)?)
        })
    }
}

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    keys: Keys,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Compacted {
    file: PathBuf,
    label: String,
    /// Bytes of the file.
    before: u64,
    after: u64,
}

#[derive(Args)]
pub struct Compact {
    #[command(flatten)]
    keys: Keys,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    label: String,
    records: u64,
    transactions: u64,
    objects: u64,
    /// What is no damage, but wants attention.
    notes: Vec<&'static str>,
}

/// The label of the token, as its file says.
pub fn label(vault: &Vault) -> String {
    Identity::decode(&vault.info()).map(|identity| identity.label_text()).unwrap_or_default()
}

impl Verify {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let path = care::file(&context, self.keys.named())?;
        let failed = |error| care::failure(&path, &error);
        // What does not hold together is named before anybody is asked for a PIN.
        let vault = care::open(context.config(), &path).map_err(failed)?;
        let (entry, pin) = self.keys.pin(&vault)?;
        let progress = Progress::new("verifying");
        let checked = vault.verify(entry, &pin, |done, total| progress.show(done, total)).map_err(failed)?;
        drop(progress);
        if checked.notes.contains(&Note::RolledBack) {
            return Err(rolled_back(&path));
        }
        self.report(path, label(&vault), checked)
    }

    fn report(&self, file: PathBuf, label: String, checked: Checked) -> Result<Exit> {
        let Checked { records, transactions, .. } = checked;
        let is_object = |tag: &&Vec<u8>| LedgerKind::of_tag(tag).is_none();
        let objects = checked.tags.iter().filter(is_object).count() as u64;
        let notes: Vec<_> = checked.notes.iter().map(|note| care::note(*note)).collect();
        let exit = if notes.is_empty() { Exit::Success } else { Exit::Attention };
        if self.json {
            let notes = notes.into_iter().map(|(what, _)| what).collect();
            output::json("verify", 1, Report { file, label, records, transactions, objects, notes })?;
            return Ok(exit);
        }
        let count =
            |number: u64, thing: &str| output::count(usize::try_from(number).unwrap_or(usize::MAX), thing);
        output::line(&format!(
            "Token `{}` is authentic: {} in {}, {}.",
            output::printable(&label),
            count(records, "record"),
            count(transactions, "transaction"),
            count(objects, "object"),
        ))?;
        for (what, advice) in notes {
            output::line(&format!("attention: {what}\n  → {advice}"))?;
        }
        Ok(exit)
    }
}

/// The commit pointer names a place behind the end of the file.
fn rolled_back(path: &Path) -> Failure {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let what = care::note(Note::RolledBack).0;
    let error = vault::Error::Damaged { offset: length, what };
    care::failure(path, &error)
}

impl Compact {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let path = care::file(&context, self.keys.named())?;
        let failed = |error| care::failure(&path, &error);
        let vault = care::open(context.config(), &path).map_err(failed)?;
        let (entry, pin) = self.keys.pin(&vault)?;
        let unlocked = vault.login(entry, &pin).map_err(failed)?;
        let (before, _) = vault.sizes();
        unlocked.compact().map_err(failed)?;
        let (after, _) = vault.sizes();
        if self.json {
            output::json("compact", 1, Compacted { file: path, label: label(&vault), before, after })?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "The file of token `{}` has {after} bytes now; before it had {before}.",
            output::printable(&label(&vault))
        ))?;
        Ok(Exit::Success)
    }
}
