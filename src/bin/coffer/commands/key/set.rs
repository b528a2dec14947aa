//! `coffer key set`: whose a key is, what for, and how long and how often it serves.

use clap::Args;
use coffer_pkcs11::lifecycle::state::{Changes, change};

use crate::dates::{Edge, parse};
use crate::failure::{Exit, Failure, Result};
use crate::objects::ObjectOption;
use crate::output;
use crate::pin::UserPin;

use super::Named;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// Who answers for the key
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// Who looks after it
    #[arg(long, value_name = "TEXT")]
    custodian: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// From when on it may be used: a day (UTC), a time, or a period such as 30d
    #[arg(long, value_name = "DATE")]
    activate: Option<String>,
    /// The last day on which it signs, encrypts, wraps and derives
    #[arg(long, value_name = "DATE")]
    protect_until: Option<String>,
    /// The last day on which it verifies, decrypts and unwraps
    #[arg(long, value_name = "DATE")]
    process_until: Option<String>,
    /// How often it may be used; what was before there was a limit does not count
    #[arg(long, value_name = "N")]
    use_limit: Option<u64>,
    /// How many bytes it may encrypt and sign, counted in the same way
    #[arg(long, value_name = "N")]
    byte_limit: Option<u64>,
    #[command(flatten)]
    pin: UserPin,
    /// Do not ask before a date that ends the key for good
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Result<Exit> {
        let named = Named::find(&self.objects, &self.pin)?;
        let now = named.token.now();
        let date =
            |text: &Option<String>, edge| text.as_deref().map(|text| parse(text, now, edge)).transpose();
        let changes = Changes {
            activation: date(&self.activate, Edge::From)?,
            protect_stop: date(&self.protect_until, Edge::Through)?,
            process_stop: date(&self.process_until, Edge::Through)?,
            owner: self.owner,
            custodian: self.custodian,
            purpose: self.purpose,
            use_limit: self.use_limit,
            byte_limit: self.byte_limit,
        };
        if changes == Changes::default() {
            return Err(Failure::new("there is nothing to set").advise(
                "say what, such as --owner TEXT or --protect-until 2030-12-31 (coffer key set --help)",
            ));
        }
        let is_over =
            [changes.protect_stop, changes.process_stop].into_iter().flatten().any(|stop| stop <= now);
        if is_over && named.serves()? {
            output::confirm(
                &format!("That date is over: the key `{}` will be deactivated for ever.", named.label()),
                self.yes,
            )?;
        }
        let changed = change(&named.token, named.key.handle, &changes);
        let (changed, state) = changed.map_err(|refusal| named.refused(refusal))?;
        named.tell(self.json, &changed, state)
    }
}
