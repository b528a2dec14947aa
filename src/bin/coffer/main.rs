//! `coffer`: the tool for the people who answer for the keys. One file per group of commands.
#![forbid(unsafe_code)]

mod ask_shares;
mod care;
mod certificate;
mod commands;
mod consent;
mod context;
mod cryptoperiod;
mod dates;
mod escrow;
mod failure;
mod hss;
mod inventory;
mod keyfile;
mod kind;
mod migrate;
mod objects;
mod output;
mod pin;
mod policies;
mod progress;
mod uri;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::{Exit, Result};

/// Makes, shows and looks after Coffer tokens and the keys in them
#[derive(Parser)]
#[command(name = "coffer", version, after_help = AFTER_HELP, propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Tokens and objects are named by their labels or by PKCS#11 URIs (RFC 7512), such as
  'pkcs11:token=mine;object=web;id=%01;type=private'

PINs are never taken from the command line. They come from --pin-fd or --pin-file, else from the
environment (COFFER_PIN, COFFER_SO_PIN, COFFER_NEW_PIN, COFFER_PASSPHRASE), else from a prompt.

Exit codes: 0 done; 1 not done; 2 a token, a log or another file is damaged or was tampered with;
3 done, but something wants attention (doctor, list, rotate, verify and others);
4 the use of a key is denied (explain);
5 fewer people took part than must (backup restore, pin reset, what is under dual control).";

#[derive(Subcommand)]
enum Command {
    /// Make a token
    Init(commands::init::Arguments),
    /// Show the library, its folder and the tokens
    Info(commands::info::Arguments),
    /// Change PINs, or set a new user PIN as the security officer
    Pin(commands::pin::Arguments),
    /// Show and change the settings of a token: what it asks of the life of its keys, and how much is told
    Settings(commands::settings::Arguments),
    /// Make, show and remove accounts: users with a name, a role and a PIN of their own
    Role(commands::role::Arguments),
    /// Make the rules by which chosen operations need the approval of several people (dual control)
    Control(commands::control::Arguments),
    /// Ask others to approve an operation, and show what was asked
    Request(Box<commands::request::Arguments>),
    /// Approve what somebody has asked for
    Approve(commands::approve::Arguments),
    /// Show the objects in a token, their states and dates, and what wants attention
    List(commands::list::Arguments),
    /// Write the inventory of a token as a page for people
    Report(commands::report::Arguments),
    /// Make a key or a key pair in a token
    Generate(commands::generate::Arguments),
    /// Put keys and certificates from a file into a token
    Import(commands::import::Arguments),
    /// Write a public key, a certificate or, where it is allowed, a private key to a file
    Export(commands::export::Arguments),
    /// Decide on the life of a key: its state, dates and limits
    Key(commands::key::Arguments),
    /// Bring over what another token or a file holds, such as a token of SoftHSM2
    Migrate(commands::migrate::Arguments),
    /// Show the time by which a token judges dates, and whether the clock is behind it
    Clock(commands::clock::Arguments),
    /// Tell whether a key may be used for something, why, and what would allow it
    Explain(commands::explain::Arguments),
    /// Delete objects, or a whole token
    Delete(commands::delete::Arguments),
    /// Show what the mechanisms are and can do
    Mechanisms(commands::mechanisms::Arguments),
    /// Check the known answer of every algorithm
    Selftest(commands::selftest::Arguments),
    /// Take a PKCS#11 URI apart, or show the URI of a token
    Uri(commands::uri::Arguments),
    /// Check every record of a token with its keys
    Verify(commands::verify::Verify),
    /// Write a token's file anew without what is of no use any more
    Compact(commands::verify::Compact),
    /// Put a new key in the place of an old one
    Rotate(commands::rotate::Rotate),
    /// Make the recovery key of a token, and look after its shares
    #[command(subcommand)]
    Recovery(commands::recovery::Recovery),
    /// Make, check and restore backups of a token
    #[command(subcommand)]
    Backup(commands::backup::Backup),
    /// Make a token and its recovery key before the eyes of those who keep the shares
    Ceremony(commands::ceremony::Arguments),
    /// Move wrapped keys in files from under one key to under another
    Rewrap(commands::rewrap::Arguments),
    /// Destroy keys, with time to undo it and a signed certificate
    Destroy(commands::destroy::Destroy),
    /// Save what verifies from a damaged token file into a new token
    Salvage(commands::salvage::Arguments),
    /// Show, verify and export what was told of a token
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Check the installation, and print the lines that clients need
    Doctor(commands::doctor::Arguments),
    /// Print the completions for a shell
    Completions(commands::completions::Completions),
    /// Write the manual pages
    Man(commands::completions::Man),
    /// Understand the options of softhsm2-util, so that existing scripts run unchanged
    #[command(name = "softhsm2-util", disable_version_flag = true, infer_long_args = true)]
    Softhsm2Util(commands::softhsm2_util::Arguments),
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Called by that name (a symbolic link), the tool is that tool.
    let arguments = match arguments.first().map(std::path::Path::new).and_then(|path| path.file_name()) {
        Some(name) if name == "softhsm2-util" => ["coffer".into(), "softhsm2-util".into()]
            .into_iter()
            .chain(arguments.into_iter().skip(1))
            .collect(),
        _ => arguments,
    };
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A wrong call is exit code 1 like every other error; clap's own would be 2, which means damage here.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Error as u8 } else { 0 });
        }
    };
    match run(cli.command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Init(arguments) => arguments.run(),
        Command::Info(arguments) => arguments.run(),
        Command::Pin(arguments) => arguments.run(),
        Command::Settings(arguments) => arguments.run(),
        Command::Role(arguments) => arguments.run(),
        Command::Control(arguments) => arguments.run(),
        Command::Request(arguments) => arguments.run(),
        Command::Approve(arguments) => arguments.run(),
        Command::List(arguments) => arguments.run(),
        Command::Report(arguments) => arguments.run(),
        Command::Generate(arguments) => arguments.run(),
        Command::Import(arguments) => arguments.run(),
        Command::Export(arguments) => arguments.run(),
        Command::Key(arguments) => arguments.run(),
        Command::Migrate(arguments) => arguments.run(),
        Command::Clock(arguments) => arguments.run(),
        Command::Explain(arguments) => arguments.run(),
        Command::Delete(arguments) => arguments.run(),
        Command::Mechanisms(arguments) => arguments.run(),
        Command::Selftest(arguments) => arguments.run(),
        Command::Uri(arguments) => arguments.run(),
        Command::Verify(arguments) => arguments.run(),
        Command::Compact(arguments) => arguments.run(),
        Command::Rotate(rotate) => rotate.run(),
        Command::Recovery(recovery) => recovery.run(),
        Command::Backup(backup) => backup.run(),
        Command::Ceremony(arguments) => arguments.run(),
        Command::Rewrap(arguments) => arguments.run(),
        Command::Destroy(destroy) => destroy.run(),
        Command::Salvage(arguments) => arguments.run(),
        Command::Audit(command) => command.run(),
        Command::Doctor(arguments) => arguments.run(),
        Command::Completions(arguments) => arguments.run(),
        Command::Man(arguments) => arguments.run(),
        Command::Softhsm2Util(arguments) => arguments.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_of_the_options_hold_together() {
        super::Cli::command().debug_assert();
    }
}
