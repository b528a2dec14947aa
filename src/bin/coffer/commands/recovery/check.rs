//! `coffer recovery check`: a custodian checks a share, alone.

use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::lifecycle::backup::Opened;
use serde::Serialize;

use crate::escrow::{self, Passphrases};
use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    /// The share
    file: PathBuf,
    /// The set that it must be of, as the transcript or `coffer recovery show` names it
    #[arg(long, value_name = "ID")]
    set: Option<String>,
    #[command(flatten)]
    passphrases: Passphrases,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked {
    custodian: String,
    number: u8,
    shares: u8,
    threshold: u8,
    set: String,
    token_serial: String,
    made: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let Opened { head, number, custodian, .. } = escrow::read_share(&self.file, &self.passphrases)?;
        let checked = Checked {
            custodian,
            number,
            shares: head.count,
            threshold: head.threshold,
            set: head.set_id()?.to_string(),
            token_serial: head.serial_text(),
            made: head.day(),
        };
        if let Some(set) = self.set.as_deref().filter(|set| !set.eq_ignore_ascii_case(&checked.set)) {
            return Err(Failure::damaged(format!(
                "the share is of set {}, and not of set {set}",
                checked.set
            ))
            .advise("it is of an earlier set, of another token, or forged: ask who gave it to you"));
        }
        if self.json {
            output::json("recovery-check", 1, &checked)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "The share is whole, and it is the one that its set names.\n  custodian  {}\n  share      {} of {}, any {} of which \
             give the recovery key\n  set        {}\n  token      {}\n  made       {}",
            output::printable(&checked.custodian),
            checked.number,
            checked.shares,
            checked.threshold,
            checked.set,
            output::printable(&checked.token_serial),
            checked.made
        ))?;
        if self.set.is_none() {
            output::line("Compare the set with the transcript of the ceremony, or name it with --set.")?;
        }
        Ok(Exit::Success)
    }
}
