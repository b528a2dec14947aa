//! `coffer recovery create`: makes a recovery key, of which only shares are left.

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::lifecycle::backup::{NewSet, Opened};
use coffer_pkcs11::secret::Secret;
use serde::Serialize;

use crate::context::{Context, TokenOption};
use crate::escrow::{self, Passphrases};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{self, UserPin};

#[derive(Args)]
pub struct Arguments {
    /// How many shares there are; as many custodians are named
    #[arg(long, value_name = "N")]
    shares: u8,
    /// How many of them are needed
    #[arg(long, value_name = "K")]
    threshold: u8,
    /// Who keeps a share; named once for each
    #[arg(long, value_name = "NAME", required = true)]
    custodian: Vec<String>,
    /// The folder in which the shares are written, one file for each custodian
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Close each share with a passphrase of its custodian
    #[arg(long)]
    encrypt: bool,
    #[command(flatten)]
    passphrases: Passphrases,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Made {
    token: String,
    set: String,
    threshold: u8,
    shares: Vec<Kept>,
}

#[derive(Serialize)]
struct Kept {
    number: u8,
    custodian: String,
    file: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        if usize::from(self.shares) != self.custodian.len() {
            return Err(Failure::new(format!(
                "{} for {}",
                output::count(self.shares.into(), "share"),
                output::count(self.custodian.len(), "custodian")
            ))
            .advise("name each custodian once with --custodian NAME"));
        }
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let found = context.token(&wanted)?;
        let _session = context.user_session(&found, true, &self.pin, &wanted)?;
        let token = context.module.token(found.slot)?;
        let set = NewSet::make(&token, self.threshold, &self.custodian, context.now())?;
        let passphrases = self.passphrases(&set.shares)?;
        let files = write_shares(&self.out, &set.shares, &passphrases)?;
        // The token makes backups for the set from now on: its shares must be safe before.
        set.keep(&token)?;
        let kept = |(share, file): (&Opened, &PathBuf)| Kept {
            number: share.number,
            custodian: share.custodian.clone(),
            file: file.display().to_string(),
        };
        let made = Made {
            token: found.label,
            set: set.set.id()?.to_string(),
            threshold: self.threshold,
            shares: set.shares.iter().zip(&files).map(kept).collect(),
        };
        self.tell(&made)
    }

    fn tell(&self, made: &Made) -> Result<Exit> {
        if self.json {
            output::json("recovery-create", 1, made)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "Backups of token `{}` open with any {} of {} from now on.\n  set  {}",
            output::printable(&made.token),
            made.threshold,
            output::count(made.shares.len(), "share"),
            made.set
        ))?;
        for Kept { number, custodian, file } in &made.shares {
            output::line(&format!("  {number}  {}  {file}", output::printable(custodian)))?;
        }
        output::line(
            "Give each custodian the file with his or her name, and delete it here. Each checks it with: coffer recovery check \
             FILE",
        )?;
        Ok(Exit::Success)
    }

    /// One for each share; none where they are not to be closed.
    fn passphrases(&self, shares: &[Opened]) -> Result<Vec<Option<Secret>>> {
        if !self.encrypt {
            if !self.passphrases.passphrase_file.is_empty() {
                return Err(Failure::new("passphrases were given, and the shares are not to be closed")
                    .advise("add --encrypt"));
            }
            return Ok(shares.iter().map(|_| None).collect());
        }
        let given = self.passphrases.given()?;
        if given.len() == shares.len() {
            return Ok(given.into_iter().map(Some).collect());
        }
        if !given.is_empty() {
            return Err(Failure::new(format!(
                "{} for {}",
                output::count(given.len(), "passphrase"),
                output::count(shares.len(), "share")
            ))
            .advise("each custodian has one: give --passphrase-file once for each, in the order of the custodians"));
        }
        let ask = |share: &Opened| {
            pin::ask_new_passphrase(&format!("passphrase for the share of {}", share.custodian))
        };
        shares.iter().map(|share| ask(share).map(Some)).collect()
    }
}

/// The name of a custodian's file.
pub fn file_name(share: &Opened) -> String {
    let letters = |char: char| if char.is_alphanumeric() || char == '-' { char } else { '_' };
    let name: String = share.custodian.chars().map(letters).collect();
    format!("share-{}-{name}.txt", share.number)
}

/// Writes the shares into a folder, which is made where it is not there. Nothing is replaced.
fn write_shares(folder: &Path, shares: &[Opened], passphrases: &[Option<Secret>]) -> Result<Vec<PathBuf>> {
    escrow::make_folder(folder)?;
    let write = |(share, passphrase): (&Opened, &Option<Secret>)| {
        let path = folder.join(file_name(share));
        let text = share.keep(passphrase.as_ref())?.to_text()?;
        escrow::write_new(&path, text.as_bytes(), true)?;
        Ok(path)
    };
    shares.iter().zip(passphrases).map(write).collect()
}
