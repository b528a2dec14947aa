//! `coffer recovery`: the recovery key of a token, in shares.

mod check;
mod create;
mod recipient;
mod show;

use clap::Subcommand;

use crate::failure::{Exit, Result};

pub use create::{Dealt, Kept, Places, deal, file_name, tell_shares};

#[derive(Subcommand)]
pub enum Recovery {
    /// Make a recovery key for the backups of a token, and split it into shares
    Create(create::Arguments),
    /// Check a share, and tell whose it is and of which set
    Check(check::Arguments),
    /// Show the recovery sets of a token and who keeps their shares
    Show(show::Arguments),
    /// Make a key pair of somebody who shall open backups without the quorum
    Recipient(recipient::Arguments),
}

impl Recovery {
    pub fn run(self) -> Result<Exit> {
        match self {
            Recovery::Create(arguments) => arguments.run(),
            Recovery::Check(arguments) => arguments.run(),
            Recovery::Show(arguments) => arguments.run(),
            Recovery::Recipient(arguments) => arguments.run(),
        }
    }
}
