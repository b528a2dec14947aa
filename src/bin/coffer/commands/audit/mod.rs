//! `coffer audit`: what was told of a token: shown, verified, exported; and the audit log itself.

mod enable;
mod entries;
mod export;
mod show;
mod verify;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::log::{self, verify::Entry};
use coffer_pkcs11::token::{Event, Token};

use self::entries::Filter;
use crate::context::{Context, Found, TokenOption};
use crate::failure::{Exit, Failure, Result};
use crate::pin::{SoPin, UserPin};

pub use enable::{Begun, SealTo, begin, go_on};

#[derive(Subcommand)]
pub enum Command {
    /// Show what was told of a token
    Show(show::Show),
    /// Find out whether the audit log was tampered with
    Verify(verify::Verify),
    /// Write what was told as JSON lines or CSV
    Export(export::Export),
    /// Begin an audit log beside a token, or change how much is told
    Enable(enable::Enable),
}

impl Command {
    pub fn run(self) -> Result<Exit> {
        match self {
            Self::Show(arguments) => arguments.run(),
            Self::Verify(arguments) => arguments.run(),
            Self::Export(arguments) => arguments.run(),
            Self::Enable(arguments) => arguments.run(),
        }
    }
}

/// Which token, and who logs in where that is needed.
#[derive(Args)]
struct Login {
    #[command(flatten)]
    token: TokenOption,
    /// Log in as the security officer instead of the user
    #[arg(long)]
    so: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
}

/// A token that was found, and where its log is.
struct Place {
    context: Context,
    found: Found,
    log: PathBuf,
}

impl Login {
    fn place(&self) -> Result<Place> {
        let context = Context::load()?;
        let found = context.token(&self.token.uri()?)?;
        let log = log::path_beside(&context.module.slot_info(found.slot)?.path);
        Ok(Place { context, found, log })
    }

    /// The token, with somebody logged in.
    fn open(&self, place: &Place) -> Result<Arc<Token>> {
        let read_write = place.found.info.flags & CKF_WRITE_PROTECTED == 0;
        if self.so {
            place.context.so_session(&place.found, &self.so_pin)?;
        } else {
            place.context.user_session(&place.found, read_write, &self.pin, &self.token.uri()?)?;
        }
        Ok(place.context.module.token(place.found.slot)?)
    }
}

/// Where what was told is read.
#[derive(Args)]
struct Source {
    /// Read this copy of an audit log, as an auditor has it: without its token and without a login
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    login: Login,
}

/// What was told.
struct Told {
    /// The URI of the token, where it is there.
    token: Option<String>,
    /// False for the events of the token file, because there is no log.
    log: bool,
    entries: Vec<Entry>,
}

impl Source {
    /// What was told: as the log has it, or the token file where there is no log, which needs a login.
    fn told(&self, filter: &Filter) -> Result<Told> {
        let mut entries = Vec::new();
        if let Some(path) = &self.file {
            let wanted = filter.compiled(Context::load()?.now())?;
            read_log(path, |entry| entries.extend(Some(entry).filter(|entry| wanted.takes(entry))))?;
            return Ok(Told { token: None, log: true, entries });
        }
        let place = self.login.place()?;
        let wanted = filter.compiled(place.context.now())?;
        let mut take = |entry| entries.extend(Some(entry).filter(|entry| wanted.takes(entry)));
        let log = place.log.exists();
        if log {
            read_log(&place.log, take)?;
        } else {
            for (number, text) in self.login.open(&place)?.events(1)? {
                let event = Event::decode(text.text());
                take(Entry { number, offset: 0, event_number: Some(number), event });
            }
        }
        Ok(Told { token: Some(place.found.uri().to_string()), log, entries })
    }
}

fn read_log(path: &Path, visit: impl FnMut(Entry)) -> Result<()> {
    let is_log = log::verify::read(open_log(path)?, visit).map_err(|error| unreadable(path, &error))?;
    if is_log {
        return Ok(());
    }
    Err(Failure::damaged(format!("{} is no audit log, or its beginning was changed", path.display()))
        .advise("coffer audit verify says more"))
}

fn open_log(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be read: {error}", path.display()))
}
