//! `coffer pin`: changes PINs.

use clap::{Args, Subcommand};
use serde::Serialize;

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
    /// Change the user PIN, or with --so the security officer's
    Change {
        #[command(flatten)]
        token: TokenOption,
        /// Change the PIN of the security officer
        #[arg(long)]
        so: bool,
        #[command(flatten)]
        pin: UserPin,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_pin: NewPin,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a new user PIN as the security officer; this also unlocks it
    #[command(visible_alias = "unlock")]
    Reset {
        #[command(flatten)]
        token: TokenOption,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_pin: NewPin,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        match self.command {
            Command::Change { token, so, pin, so_pin, new_pin, json } => {
                let wanted = token.uri()?;
                let token = context.token(&wanted)?;
                // C_SetPIN changes the PIN of who is logged in, and the user's where nobody is.
                let (session, old) = if so {
                    let old = so_pin.source().read(None)?;
                    let session = context.session(token.slot, true)?;
                    crate::context::log_in(&session, coffer_pkcs11::ck::CKU_SO, &old, &token)?;
                    (session, old)
                } else {
                    (context.session(token.slot, true)?, pin.source().read(wanted.pin_source.as_deref())?)
                };
                let new = new_pin.source().read_new()?;
                let whose = if so { "PIN of the security officer" } else { "user PIN" };
                session.set_pin(&old, &new).map_err(|error| {
                    Failure::from(error)
                        .while_doing(&format!("the {whose} of `{}` was not changed", token.label))
                })?;
                let role = if so { "so" } else { "user" };
                tell(json, &token, role, &format!("The {whose} of `{}` was changed.", token.label))?;
            }
            Command::Reset { token, so_pin, new_pin, json } => {
                let token = context.token(&token.uri()?)?;
                let session = context.so_session(&token, &so_pin)?;
                let new = new_pin.source().read_new()?;
                session.init_pin(&new).map_err(|error| {
                    Failure::from(error)
                        .while_doing(&format!("the user PIN of `{}` was not set", token.label))
                })?;
                tell(json, &token, "user", &format!("The user PIN of `{}` was set.", token.label))?;
            }
        }
        Ok(Exit::Success)
    }
}

#[derive(Serialize)]
struct Changed {
    token: String,
    /// Whose PIN it is: `user` or `so`.
    role: &'static str,
}

fn tell(json: bool, token: &Found, role: &'static str, sentence: &str) -> Result<()> {
    match json {
        true => output::json("pin", 1, Changed { token: token.uri().to_string(), role }),
        false => output::line(sentence),
    }
}
