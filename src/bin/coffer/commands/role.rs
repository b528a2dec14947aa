//! `coffer role`: accounts, which are users with a name, a role and a PIN of their own (docs/roles.md).

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use coffer_pkcs11::error::Error;
use coffer_pkcs11::policy::{Controlled, Role, Subject};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::Account;
use serde::Serialize;

use crate::consent;
use crate::context::{Context, Found, TokenOption};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{NewPin, SoPin, UserPin};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an account and give it a PIN
    Add {
        /// What the account is called: 1 to 32 letters, digits, `.`, `_`, `-` and `@`
        name: String,
        /// What it may do (docs/roles.md)
        #[arg(long, value_enum, value_name = "ROLE")]
        role: RoleOption,
        #[command(flatten)]
        manager: Manager,
        #[command(flatten)]
        new_pin: NewPin,
    },
    /// Show the accounts
    List {
        #[command(flatten)]
        token: TokenOption,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove an account; the token gets a new root key
    Remove {
        /// What the account is called
        name: String,
        #[command(flatten)]
        manager: Manager,
    },
    /// Give an account a new PIN; this also unlocks it
    Pin {
        /// What the account is called
        name: String,
        #[command(flatten)]
        manager: Manager,
        #[command(flatten)]
        new_pin: NewPin,
    },
}

/// Who manages accounts: the security officer, or the user where the security officer does not hold the keys.
#[derive(Args)]
struct Manager {
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    so_pin: SoPin,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleOption {
    /// Makes, changes, exports and destroys keys, and uses none for data
    KeyManager,
    /// Uses keys, and leaves them as they are
    Operator,
    /// Sees what there is and what has happened
    Auditor,
    /// Holds shares of a recovery key, and sees nothing that is private
    Custodian,
}

impl From<RoleOption> for Role {
    fn from(option: RoleOption) -> Self {
        match option {
            RoleOption::KeyManager => Role::KeyManager,
            RoleOption::Operator => Role::Operator,
            RoleOption::Auditor => Role::Auditor,
            RoleOption::Custodian => Role::Custodian,
        }
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    role: &'static str,
    pin: &'static str,
}

#[derive(Serialize)]
struct Document<'a> {
    accounts: &'a [Row],
}

/// What a command has done to an account.
#[derive(Serialize)]
struct Done<'a> {
    token: &'a str,
    account: &'a str,
    /// `added`, `removed`, `pin-set`.
    done: &'a str,
}

impl Manager {
    /// Tells what was done, in a sentence or as JSON.
    fn tell(&self, done: Done<'_>, sentence: &str) -> Result<()> {
        if self.json { output::json("role", 1, done) } else { output::line(sentence) }
    }

    /// A session of who may manage accounts of this role.
    fn session(&self, context: &Context, role: Role) -> Result<(Found, Arc<Session>)> {
        let wanted = self.token.uri()?;
        let token = context.token(&wanted)?;
        let by_user = context.session(token.slot, true)?.user_manages(role);
        let session = match by_user {
            true => context.user_session(&token, true, &self.pin, &wanted)?,
            false => context.so_session(&token, &self.so_pin)?,
        };
        Ok((token, session))
    }

    /// The same for an account that is there.
    fn session_for(&self, context: &Context, name: &str) -> Result<(Found, Arc<Session>)> {
        let token = context.token(&self.token.uri()?)?;
        let accounts = context.session(token.slot, true)?.accounts()?;
        let account = accounts.into_iter().find(|account| account.name == name);
        let account = account.ok_or_else(|| nobody(&token, name))?;
        self.session(context, account.role)
    }
}

fn nobody(token: &Found, name: &str) -> Failure {
    Failure::new(format!("`{}` has no account `{name}`", token.label)).advise("coffer role list shows them")
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        match self.command {
            Command::Add { name, role, manager, new_pin } => {
                let role = Role::from(role);
                let (token, session) = manager.session(&context, role)?;
                let new = new_pin.source().read_new()?;
                session.add_account(&name, role, &new).map_err(|error| match error {
                    Error::ActionProhibited => {
                        let subject = Subject::account_added(&name, role);
                        let ask = format!("policy --add-account {name} --role {}", role.name());
                        prohibited(&session, &subject, &ask)
                            .while_doing(&format!("the account `{name}` was not made"))
                    }
                    error => not_added(error, &token, &name),
                })?;
                let done = Done { token: &token.label, account: &name, done: "added" };
                let sentence = format!("`{}` has the account `{name}` now: {}.", token.label, role.name());
                manager.tell(done, &sentence)?;
            }
            Command::List { token, json } => {
                let token = context.token(&token.uri()?)?;
                let session = context.session(token.slot, false)?;
                let rows = session.accounts()?.into_iter().map(|account| row(&session, account));
                list(&rows.collect::<Result<Vec<_>>>()?, json)?;
            }
            Command::Remove { name, manager } => {
                let (token, session) = manager.session_for(&context, &name)?;
                session.remove_account(&name).map_err(|error| {
                    let subject = Subject::account_removed(&name);
                    refused(error, &session, &subject, &format!("policy --remove-account {name}"))
                        .while_doing(&format!("the account `{name}` was not removed"))
                })?;
                let done = Done { token: &token.label, account: &name, done: "removed" };
                manager.tell(done, &format!("`{}` has no account `{name}` any more.", token.label))?;
            }
            Command::Pin { name, manager, new_pin } => {
                let (token, session) = manager.session_for(&context, &name)?;
                let new = new_pin.source().read_new()?;
                session.reset_account_pin(&name, &new).map_err(|error| {
                    let subject = Subject::account_pin(&name);
                    refused(error, &session, &subject, &format!("policy --account-pin {name}"))
                        .while_doing(&format!("the PIN of `{name}` was not set"))
                })?;
                let done = Done { token: &token.label, account: &name, done: "pin-set" };
                manager.tell(done, &format!("The PIN of `{name}` in `{}` was set.", token.label))?;
            }
        }
        Ok(Exit::Success)
    }
}

fn refused(error: Error, session: &Session, subject: &Subject, ask: &str) -> Failure {
    match error {
        Error::ActionProhibited => prohibited(session, subject, ask),
        error => error.into(),
    }
}

/// Too few have approved it; `ask`: what `coffer request` is to be told.
fn prohibited(session: &Session, subject: &Subject, ask: &str) -> Failure {
    let subjects = std::slice::from_ref(subject);
    let ask = format!("coffer request {ask}");
    consent::or_missing(Error::ActionProhibited, session.token(), Controlled::Policy, subjects, &ask)
}

fn not_added(error: Error, token: &Found, name: &str) -> Failure {
    let failure =
        |why: &str| Failure::new(format!("the account `{name}` was not made in `{}`: {why}", token.label));
    match error {
        Error::ArgumentsBad => failure("the name is taken, or no account can have it").advise(
            "names have 1 to 32 letters, digits, `.`, `_`, `-` and `@`, and are not `user` or `so`; coffer role list shows those \
             that are taken",
        ),
        Error::DeviceMemory => {
            failure("it has as many as it can hold").advise("remove one first: coffer role remove")
        }
        error => Failure::from(error).while_doing(&format!("the account `{name}` was not made")),
    }
}

fn row(session: &Session, account: Account) -> Result<Row> {
    let state = session.account_pin(&account.name)?;
    let pin = match (state.locked, state.final_try, state.count_low) {
        (true, _, _) => "locked",
        (_, true, _) => "one try left",
        (_, _, true) => "wrong tries",
        _ => "set",
    };
    Ok(Row { name: account.name, role: account.role.name(), pin })
}

fn list(rows: &[Row], json: bool) -> Result<()> {
    if json {
        return output::json("roles", 1, Document { accounts: rows });
    }
    if rows.is_empty() {
        return output::line("There are no accounts; coffer role add makes one.");
    }
    let cells = rows.iter().map(|row| vec![row.name.clone(), row.role.to_owned(), row.pin.to_owned()]);
    output::line(&output::table(&["account", "role", "pin"], cells.collect()))
}
