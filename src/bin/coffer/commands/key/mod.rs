//! `coffer key`: the life of a key.

pub mod copies;
mod except;
mod set;
mod state;

use std::sync::Arc;

use clap::{Args, Subcommand};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::state::Refusal;
use coffer_pkcs11::policy::State;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{ObjectHandle, Token};
use serde::Serialize;

use crate::context::{Context, Found};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, Entry, ObjectOption};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the state of a key, or decide on it; both halves of a pair go together
    State(state::Arguments),
    /// Say whose a key is and what for, and set its dates and limits
    Set(set::Arguments),
    /// Let a suspended or compromised key decrypt and verify until a date
    Except(except::Arguments),
    /// Show where copies of a key may be, or say that they are gone
    Copies(copies::Arguments),
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        match self.command {
            Command::State(arguments) => arguments.run(),
            Command::Set(arguments) => arguments.run(),
            Command::Except(arguments) => arguments.run(),
            Command::Copies(arguments) => arguments.run(),
        }
    }
}

/// A key that was named, in a session whose user is logged in.
struct Named {
    /// Its sessions are open as long as it is there.
    _context: Context,
    session: Arc<Session>,
    found: Found,
    token: Arc<Token>,
    key: Entry,
}

impl Named {
    /// Of a pair, the private half is the key.
    fn find(objects: &ObjectOption, pin: &UserPin) -> Result<Self> {
        let context = Context::load()?;
        let wanted = objects.named()?;
        let found = context.token(&wanted)?;
        let session = context.user_session(&found, true, pin, &wanted)?;
        let mut keys = objects::find(&session, &wanted)?;
        keys.retain(|entry| entry.attributes.contains(CKA_KEY_TYPE) && entry.class != CKO_DOMAIN_PARAMETERS);
        if keys.len() > 1 {
            keys.retain(|key| key.class != CKO_PUBLIC_KEY);
        }
        if keys.len() > 1 {
            return Err(objects::several(&keys, &found));
        }
        let Some(key) = keys.pop() else { return Err(objects::nothing(&wanted, &found)) };
        let token = context.module.token(found.slot)?;
        Ok(Self { _context: context, session, found, token, key })
    }

    /// The failure of a decision, in words.
    fn refused(&self, refusal: Refusal) -> Failure {
        let label = self.label();
        match refusal {
            Refusal::NoTransition { from, to } if from == to => {
                Failure::new(format!("the key `{label}` is {} already", from.name()))
            }
            Refusal::NoTransition { from, to } => {
                let possible: Vec<_> = State::ALL
                    .into_iter()
                    .filter(|to| coffer_pkcs11::lifecycle::state::has_transition(from, *to))
                    .map(State::name)
                    .collect();
                Failure::new(format!(
                    "the key `{label}` is {}, from where no way leads to {}",
                    from.name(),
                    to.name()
                ))
                .advise(format!("what it can become (SP 800-57 Part 1, section 7): {}", possible.join(", ")))
            }
            Refusal::Over => {
                Failure::new(format!("the key `{label}` is deactivated and does not come back to life"))
                    .advise("make a new key; this one still decrypts and verifies until its process stop")
            }
            Refusal::Order => Failure::new("the dates are not in their order").advise(
                "a key is activated first, then stops to protect, then to process; nothing was changed",
            ),
            Refusal::NoException(state) => Failure::new(format!("the key `{label}` is {}", state.name()))
                .advise("exceptions are for keys that are suspended or compromised"),
            Refusal::Past => {
                Failure::new("the exception would be over already").advise("give a date to come")
            }
            Refusal::Waits => Failure::new(format!("the key `{label}` waits for its destruction"))
                .advise("coffer destroy --undo makes it what it was; coffer destroy --list shows what waits"),
            Refusal::NoTokenKey => Failure::new(format!("`{label}` is no key of the token")),
            Refusal::Token(error) => Failure::from(error),
        }
    }

    /// Tells what became of the key.
    fn tell(&self, json: bool, changed: &[ObjectHandle], state: State) -> Result<Exit> {
        let uri = self.key.uri(&self.found).to_string();
        if json {
            output::json("key", 1, Document { uri, state: state.name(), changed: changed.len() })?;
        } else {
            let label = self.label();
            let pair = if changed.len() > 1 { " with the other half of its pair" } else { "" };
            output::line(&format!("The key `{label}`{pair} is {} now.", state.name()))?;
        }
        Ok(Exit::Success)
    }

    /// True as long as the key may become or is of use to protect.
    fn serves(&self) -> Result<bool> {
        let held = objects::values(&self.session, self.key.handle, &[CKA_COFFER_STATE])?;
        let state = held.ulong(CKA_COFFER_STATE).and_then(State::from_number);
        Ok(matches!(state, Some(State::PreActive | State::Active)))
    }

    fn label(&self) -> String {
        output::printable(&self.key.label())
    }
}

#[derive(Serialize)]
struct Document {
    uri: String,
    state: &'static str,
    /// Keys that were changed.
    changed: usize,
}
