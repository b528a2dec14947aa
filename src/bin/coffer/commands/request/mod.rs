//! `coffer request`: asks others to approve what is under dual control, and shows what was asked.

mod ask;
mod show;

use clap::{Args, Subcommand};

use crate::failure::{Exit, Result};

pub use show::{id_of, tell_of};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask for the end of a private or secret key
    Destroy(ask::Destroy),
    /// Ask that a private or secret key may leave the token once
    Export(ask::Export),
    /// Ask that a key or certificate becomes trusted (CKA_TRUSTED)
    Trust(ask::Trust),
    /// Ask for a change of accounts, an exception for a key, or the acceptance of the clock. (Settings are asked for by the
    /// commands that change them, with --request)
    Policy(ask::Policy),
    /// Ask that the security officer may give the user another PIN
    PinReset(ask::PinReset),
    /// Ask that the token may be initialised anew, with the end of everything in it
    Initialise(ask::Initialise),
    /// Show the requests of a token
    List(show::List),
    /// Show a request of a token or in a file
    Show(show::Show),
    /// Take back a request, or the approval that one has given it
    Withdraw(show::Withdraw),
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        match self.command {
            Command::Destroy(arguments) => arguments.run(),
            Command::Export(arguments) => arguments.run(),
            Command::Trust(arguments) => arguments.run(),
            Command::Policy(arguments) => arguments.run(),
            Command::PinReset(arguments) => arguments.run(),
            Command::Initialise(arguments) => arguments.run(),
            Command::List(arguments) => arguments.run(),
            Command::Show(arguments) => arguments.run(),
            Command::Withdraw(arguments) => arguments.run(),
        }
    }
}
