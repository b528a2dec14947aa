//! `coffer recovery show`: which recovery sets there are, who keeps their shares, and which backups were made.

use clap::Args;
use coffer_pkcs11::lifecycle::backup::{self, BackupRecord, RecoverySet};
use serde::Serialize;

use crate::context::{Login, LoginOption};
use crate::dates::moment;
use crate::failure::{Exit, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Known {
    token: String,
    /// By which shares name the key that signs backups.
    signer: String,
    sets: Vec<SetDocument>,
    backups: Vec<BackupDocument>,
}

#[derive(Serialize)]
struct SetDocument {
    set: String,
    /// Backups are made for the last one.
    current: bool,
    threshold: u8,
    custodians: Vec<String>,
    made: String,
}

#[derive(Serialize)]
struct BackupDocument {
    backup: String,
    made: String,
    path: String,
    keys: usize,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let Login { session, token: found, context: _context } = self.login.log_in(true)?;
        let token = session.token();
        let (sets, backups) = (backup::recovery_sets(token)?, backup::backups(token)?);
        let known = Known {
            token: found.label,
            signer: output::hex(&backup::own_signer_id(token)?),
            sets: sets
                .iter()
                .enumerate()
                .map(|(place, set)| document(set, place + 1 == sets.len()))
                .collect::<Result<_>>()?,
            backups: backups.iter().map(backup_document).collect(),
        };
        if self.json {
            output::json("recovery-show", 2, &known)?;
            return Ok(Exit::Success);
        }
        tell(&known)?;
        Ok(Exit::Success)
    }
}

fn document(set: &RecoverySet, current: bool) -> Result<SetDocument> {
    Ok(SetDocument {
        set: set.id()?.to_string(),
        current,
        threshold: set.head.threshold,
        custodians: set.custodians.clone(),
        made: moment(set.head.made),
    })
}

fn backup_document(record: &BackupRecord) -> BackupDocument {
    BackupDocument {
        backup: record.id_text(),
        made: moment(record.made),
        path: record.path.clone(),
        keys: record.keys.len(),
    }
}

fn tell(known: &Known) -> Result<()> {
    if known.sets.is_empty() {
        output::line("There is no recovery key. Make one with: coffer recovery create")?;
    }
    for set in &known.sets {
        output::line(&format!(
            "set {}{}\n  made {}; any {} of these shares are needed:",
            set.set,
            if set.current { "" } else { " (replaced; older backups may need it)" },
            set.made,
            set.threshold
        ))?;
        for (number, custodian) in (1..).zip(&set.custodians) {
            output::line(&format!("  {number}  {}", output::printable(custodian)))?;
        }
    }
    for backup in &known.backups {
        let (path, keys) = (output::printable(&backup.path), output::count(backup.keys, "key"));
        output::line(&format!("backup {} of {}: {keys}, {path}", backup.backup, backup.made))?;
    }
    output::line(&format!("backups are signed by {}", known.signer))
}
