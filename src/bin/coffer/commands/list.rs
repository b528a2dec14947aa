//! `coffer list`: the objects in a token.

use clap::Args;
use coffer_pkcs11::ck::*;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Exit, Result};
use crate::objects::{self, ObjectDocument, ObjectOption};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// Log in first, to see private objects too; done without being asked where a PIN is given
    #[arg(long)]
    login: bool,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print a PKCS#11 URI for each object, one a line
    #[arg(long, conflicts_with = "json")]
    uris: bool,
}

#[derive(Serialize)]
struct Listing {
    token: String,
    /// False where only public objects could be seen.
    logged_in: bool,
    objects: Vec<ObjectDocument>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.objects.uri()?;
        let token = context.token(&wanted)?;
        let has_pin = token.info.flags & CKF_USER_PIN_INITIALIZED != 0;
        let logged_in =
            self.login || (has_pin && (self.pin.source().is_given() || wanted.pin_source.is_some()));
        let session = if logged_in {
            context.user_session(&token, false, &self.pin, &wanted)?
        } else {
            context.session(token.slot, false)?
        };
        let entries = objects::find(&session, &wanted)?;
        if self.json {
            let objects = entries.iter().map(|entry| entry.document(&token)).collect();
            output::json("list", 1, Listing { token: token.uri().to_string(), logged_in, objects })?;
            return Ok(Exit::Success);
        }
        if self.uris {
            for entry in &entries {
                output::line(&entry.uri(&token).to_string())?;
            }
            return Ok(Exit::Success);
        }
        if entries.is_empty() {
            let which = if wanted.names_object() { "no object that fits" } else { "no objects" };
            output::line(&format!("Token `{}` shows {which}.", token.label))?;
        } else {
            output::line(&objects::table(&entries))?;
        }
        if !logged_in {
            eprintln!("Private objects are not shown; add --login to see them.");
        }
        Ok(Exit::Success)
    }
}
