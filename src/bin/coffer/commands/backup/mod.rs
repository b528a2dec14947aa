//! `coffer backup`: files from which the objects of a token come back.

mod create;
mod restore;
mod verify;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use clap::Subcommand;
use coffer_pkcs11::lifecycle::backup::{self, Survey};

use crate::failure::{Exit, Failure, Result};

#[derive(Subcommand)]
pub enum Backup {
    /// Write the objects of a token into a file that opens with its recovery key or with recipients' keys
    Create(create::Arguments),
    /// Check a backup: without a key its structure and who made it, with one everything that is in it
    Verify(verify::Arguments),
    /// Put the objects of a backup into a token
    Restore(restore::Arguments),
}

impl Backup {
    pub fn run(self) -> Result<Exit> {
        match self {
            Backup::Create(arguments) => arguments.run(),
            Backup::Verify(arguments) => arguments.run(),
            Backup::Restore(arguments) => arguments.run(),
        }
    }
}

/// Opens a backup, and checks all that can be checked without a key.
fn open(path: &Path) -> Result<(BufReader<File>, Survey)> {
    let file = File::open(path)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", path.display())))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let survey = backup::survey(&mut file).map_err(|error| named(path, error))?;
    Ok((file, survey))
}

/// Where a backup is, as the token remembers it.
fn place(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// The failure of a backup, with its name.
fn named(path: &Path, error: backup::Error) -> Failure {
    let failure = Failure::from(error).while_doing(&path.display().to_string());
    match failure.exit {
        Exit::Damaged => failure.advise("nothing was taken from it; use another copy of the backup"),
        _ => failure,
    }
}
