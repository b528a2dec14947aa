//! `coffer clock`: the time by which a token judges the dates of its keys.

use clap::Args;
use coffer_pkcs11::policy::{Controlled, Subject};
use serde::Serialize;

use crate::consent;
use crate::context::{Context, TokenOption};
use crate::dates;
use crate::failure::{Exit, Result};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    token: TokenOption,
    /// Take the clock's time for the newest, after the clock had been set to a later one by mistake
    #[arg(long, requires = "reason")]
    accept: bool,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT", requires = "accept")]
    reason: Option<String>,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    now: String,
    /// The newest time that the token has seen; left out where it keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<String>,
    tolerance: u32,
    /// Seconds that the clock is behind, where that is more than the tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<u64>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let found = context.token(&wanted)?;
        let session = context.user_session(&found, self.accept, &self.pin, &wanted)?;
        let token = context.module.token(session.slot())?;
        if let Some(reason) = self.reason.as_deref().filter(|_| self.accept) {
            token.accept_clock(reason).map_err(|error| {
                let subjects = [Subject::clock()];
                let ask = "coffer request policy --accept-clock";
                consent::or_missing(error, &token, Controlled::Policy, &subjects, ask)
                    .while_doing(&format!("the clock was not accepted by `{}`", found.label))
            })?;
        }
        let behind = token.clock_behind();
        let (now, newest) = (token.now(), Some(token.newest_time()).filter(|newest| *newest > 0));
        let document = Document {
            now: dates::moment(now),
            newest: newest.map(dates::moment),
            tolerance: found.settings.clock_tolerance,
            behind,
        };
        if self.json {
            output::json("clock", 2, &document)?;
        } else {
            output::line(&format!("The clock says {}.", dates::show(now)))?;
            match newest {
                Some(newest) => output::line(&format!(
                    "The newest time that `{}` has seen is {}.",
                    found.label,
                    dates::show(newest)
                ))?,
                None => {
                    output::line(&format!("`{}` keeps no time: it does not enforce dates.", found.label))?
                }
            }
        }
        Ok(if behind.is_some() { Exit::Attention } else { Exit::Success })
    }
}
