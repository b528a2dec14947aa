//! `coffer key except`: lets a suspended or compromised key process for a while, so that data can be saved from it.

use clap::Args;
use coffer_pkcs11::lifecycle::state::{Refusal, except};
use coffer_pkcs11::policy::{Controlled, Subject};

use crate::consent;
use crate::dates::{self, Edge, parse};
use crate::failure::{Exit, Result};
use crate::objects::ObjectOption;
use crate::output;
use crate::pin::UserPin;

use super::Named;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// Until when: the last day, a time, or a period such as 7d
    #[arg(long, value_name = "DATE")]
    until: String,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Result<Exit> {
        let named = Named::find(&self.objects, &self.pin)?;
        let until = parse(&self.until, named.token.now(), Edge::Through)?;
        let excepted = except(&named.token, named.key.handle, until, &self.reason);
        let (changed, state) = excepted.map_err(|refusal| match refusal {
            Refusal::Token(error) => {
                let subjects = [Subject::exception(&named.key.unique_id(), until)];
                let ask = format!(
                    "coffer request policy --exception '{}' --until {}",
                    named.label(),
                    dates::moment(until)
                );
                consent::or_missing(error, &named.token, Controlled::Policy, &subjects, &ask)
            }
            refusal => named.refused(refusal),
        })?;
        named.tell(self.json, &changed, state)?;
        if !self.json {
            output::line(&format!("It may decrypt and verify until {} all the same.", dates::show(until)))?;
        }
        Ok(Exit::Success)
    }
}
