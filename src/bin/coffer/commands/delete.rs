//! `coffer delete`: ends objects or a whole token.

use clap::Args;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::log;
use coffer_pkcs11::policy::{Controlled, Subject};
use serde::Serialize;

use crate::consent;
use crate::context::{Context, Found};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, ObjectOption};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// Delete the token file with everything in it; name the token with --token
    #[arg(long, conflicts_with_all = ["object", "id", "class"])]
    entire_token: bool,
    #[command(flatten)]
    pin: UserPin,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Deleted {
    token: String,
    /// The file that is gone, where it was the whole token.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    objects: Vec<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        if self.entire_token {
            if self.objects.token.token.is_none() {
                return Err(Failure::new("the token to delete is not named").advise("name it with --token"));
            }
            let token = context.token(&self.objects.uri()?)?;
            output::confirm(
                &format!("The token `{}` and every key in it will be lost.", token.label),
                self.yes,
            )?;
            let path = delete_token(&context, &token)?;
            let file = path.display().to_string();
            if self.json {
                let token = token.uri().to_string();
                output::json("delete", 1, Deleted { token, file: Some(file), objects: Vec::new() })?;
            } else {
                output::line(&format!("Token `{}` was deleted ({file}).", token.label))?;
                let log = log::path_beside(&path);
                if log.exists() {
                    output::line(&format!("Its audit log stays: {}.", log.display()))?;
                }
            }
            return Ok(Exit::Success);
        }
        let wanted = self.objects.named()?;
        let token = context.token(&wanted)?;
        let session = context.user_session(&token, true, &self.pin, &wanted)?;
        let entries = objects::find(&session, &wanted)?;
        if entries.is_empty() {
            return Err(objects::nothing(&wanted, &token));
        }
        if !self.yes {
            eprintln!("{}", objects::table(&entries));
        }
        let what = output::count(entries.len(), "object");
        output::confirm(&format!("Of token `{}`, {what} will be lost.", token.label), self.yes)?;
        for entry in &entries {
            session.destroy_object(entry.handle).map_err(|error| {
                let subjects = [Subject::key(&entry.unique_id())];
                let ask = format!("coffer request destroy '{}'", entry.uri(&token));
                let failure =
                    consent::or_missing(error, session.token(), Controlled::Destroy, &subjects, &ask)
                        .while_doing(&format!("{} was not deleted", entry.uri(&token)));
                match error {
                    Error::ActionProhibited if token.settings.destruction_wait > 0 => {
                        failure.advise("keys of this token wait before they end: coffer destroy")
                    }
                    _ => failure,
                }
            })?;
        }
        if self.json {
            let objects = entries.iter().map(|entry| entry.uri(&token).to_string()).collect();
            output::json("delete", 1, Deleted { token: token.uri().to_string(), file: None, objects })?;
        } else {
            output::line(&format!("Deleted {what}."))?;
        }
        Ok(Exit::Success)
    }
}

/// Removes a token's file. The lock file stays: it must never be exchanged under a process that holds it.
pub fn delete_token(context: &Context, token: &Found) -> Result<std::path::PathBuf> {
    let control = token.settings.control.as_ref();
    if control.is_some_and(|control| control.needs(Controlled::Destroy).is_some()) {
        let failure = Failure::new(format!(
            "the keys of `{}` end only with the approval of others, and the token with them",
            token.label
        ));
        let failure = Failure { exit: Exit::Quorum, ..failure };
        return Err(failure.advise(
            "initialise it anew with their approval (coffer request initialise, coffer init --slot), then delete it",
        ));
    }
    let path = context.module.slot_info(token.slot)?.path;
    std::fs::remove_file(&path)
        .map_err(|error| Failure::new(format!("{} cannot be deleted: {error}", path.display())))?;
    Ok(path)
}
