//! `coffer recovery create`: makes a recovery key, of which only shares are left.

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::error;
use coffer_pkcs11::lifecycle::backup::{self, NewSet, Opened};
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::Token;
use serde::Serialize;

use crate::consent;
use crate::context::{Login, LoginOption};
use crate::escrow::{self, Passphrases};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin;

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
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Made {
    token: String,
    set: String,
    threshold: u8,
    /// Its shares, and no others, set a new user PIN.
    resets_user_pin: bool,
    shares: Vec<Kept>,
}

#[derive(Serialize)]
pub struct Kept {
    pub number: u8,
    pub custodian: String,
    pub file: String,
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
        let Login { session, token: found, context } = self.login.log_in(true)?;
        let token = session.token();
        let dealt = deal(token, self.threshold, &self.custodian, context.now(), &self.places())?;
        let made = Made {
            token: found.label,
            set: dealt.set,
            threshold: self.threshold,
            resets_user_pin: backup::resetting_set(token)?.is_some(),
            shares: dealt.shares,
        };
        self.tell(&made)
    }

    fn places(&self) -> Places<'_> {
        Places { folder: &self.out, encrypt: self.encrypt, passphrases: &self.passphrases }
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
        if made.resets_user_pin {
            output::line(
                "They also set a new user PIN (coffer pin reset --shares); shares of earlier sets do not any more.",
            )?;
        }
        tell_shares(&made.shares)?;
        Ok(Exit::Success)
    }
}

/// Says where the shares are, and what becomes of them.
pub fn tell_shares(shares: &[Kept]) -> Result<()> {
    for Kept { number, custodian, file } in shares {
        output::line(&format!("  {number}  {}  {file}", output::printable(custodian)))?;
    }
    output::line(
        "Give each custodian the file with his or her name, and delete it here. Each checks it with: coffer recovery check FILE",
    )
}

/// Where the shares of a new set go.
pub struct Places<'a> {
    pub folder: &'a Path,
    /// Close each with a passphrase.
    pub encrypt: bool,
    pub passphrases: &'a Passphrases,
}

/// A set whose shares are written and that the token knows.
pub struct Dealt {
    pub set: String,
    pub shares: Vec<Kept>,
}

/// Makes a recovery key, writes its shares, and tells the token of it.
pub fn deal(token: &Token, threshold: u8, custodians: &[String], now: u64, places: &Places) -> Result<Dealt> {
    let set = NewSet::make(token, threshold, custodians, now).map_err(not_made)?;
    let passphrases = places.passphrases(&set.shares)?;
    let files = write_shares(places.folder, &set.shares, &passphrases)?;
    // The token makes backups for the set from now on: its shares must be safe before.
    set.keep(token).map_err(|error| not_kept(token, error))?;
    let kept = |(share, file): (&Opened, &PathBuf)| Kept {
        number: share.number,
        custodian: share.custodian.clone(),
        file: file.display().to_string(),
    };
    Ok(Dealt { set: set.set.id()?.to_string(), shares: set.shares.iter().zip(&files).map(kept).collect() })
}

/// Why there is no set.
fn not_made(error: backup::Error) -> Failure {
    match error {
        backup::Error::Token(error::Error::UserNotLoggedIn) => {
            Failure::new("only the user and key managers say whose shares open the backups of a token")
                .advise("leave --as out, or name the account of a key manager; nothing was made")
        }
        error => error.into(),
    }
}

/// Why the token does not know the set whose shares were written.
fn not_kept(token: &Token, error: backup::Error) -> Failure {
    let failure = match error {
        backup::Error::Token(error @ error::Error::ActionProhibited) => {
            let ask = "coffer request policy --recovery-key";
            consent::or_missing(error, token, Controlled::Policy, &[Subject::recovery_key()], ask)
        }
        backup::Error::Token(error::Error::UserNotLoggedIn) => {
            Failure::new("only the user gives this token another recovery set: its shares set a new user PIN")
                .advise("leave --as out; delete the shares that were written, which are good for nothing")
        }
        error => {
            Failure::from(error).advise("delete the shares that were written: they are good for nothing")
        }
    };
    failure.while_doing("the token does not take the recovery set")
}

impl Places<'_> {
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
