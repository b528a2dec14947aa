//! `coffer list`: the objects in a token, their states and dates, and what wants attention.

use std::sync::Arc;

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::policy::AlgorithmPolicy;
use serde::Serialize;

use crate::context::{Context, Found};
use crate::failure::{Exit, Failure, Result};
use crate::inventory::destroyed::{self, Destroyed};
use crate::inventory::filter::Filter;
use crate::inventory::{self, Asset, AssetDocument, Question, cbom, csv, table};
use crate::objects::ObjectOption;
use crate::output;
use crate::pin::UserPin;
use crate::policies;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    policy: PolicyOption,
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
    /// Print CSV (RFC 4180), a line an object
    #[arg(long, conflicts_with_all = ["json", "uris"])]
    csv: bool,
    /// Print a cryptography bill of materials (CycloneDX 1.6, JSON)
    #[arg(long, conflicts_with_all = ["json", "uris", "csv"])]
    cbom: bool,
}

/// The algorithm policy that keys are held to.
#[derive(Args, Clone, Default)]
pub struct PolicyOption {
    /// Tell what is against this algorithm policy (nist-2030, pqc-2035, cnsa2, or a file); the token's own where it is left out
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// Only what is against the policy
    #[arg(long)]
    violations: bool,
}

impl PolicyOption {
    /// The policy that was named, or that of the token.
    pub fn choose(&self, token: &Found) -> Result<Option<Arc<AlgorithmPolicy>>> {
        let policy = match &self.policy {
            Some(name) => Some(policies::choose(name)?.policy),
            None => token.settings.algorithms()?,
        };
        if policy.is_none() && self.violations {
            return Err(Failure::new(format!("the token `{}` has no algorithm policy", token.label))
                .advise("name one with --policy, such as --policy cnsa2"));
        }
        Ok(policy)
    }

    fn takes(&self, asset: &Asset) -> bool {
        !self.violations || asset.findings.iter().any(|finding| finding.code == "violation")
    }
}

#[derive(Serialize)]
struct Listing {
    token: String,
    /// False where only public objects could be seen.
    logged_in: bool,
    /// How many of the objects want attention (exit code 3).
    attention: usize,
    objects: Vec<AssetDocument>,
}

#[derive(Serialize)]
struct ListingOfDestroyed {
    token: String,
    logged_in: bool,
    destroyed: Vec<Destroyed>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.objects.uri()?;
        let now = context.now();
        let soon = self.filter.soon(now)?;
        let token = context.token(&wanted)?;
        let policy = self.policy.choose(&token)?;
        let has_pin = token.info.flags & CKF_USER_PIN_INITIALIZED != 0;
        let logged_in = self.filter.is_of_destroyed()
            || self.login
            || (has_pin && (self.pin.source().is_given() || wanted.pin_source.is_some()));
        let session = if logged_in {
            context.user_session(&token, false, &self.pin, &wanted)?
        } else {
            context.session(token.slot, false)?
        };
        if self.filter.is_of_destroyed() {
            return self.destroyed(&token, destroyed::of(&session, &wanted)?);
        }
        let question = Question { now, soon, policy: policy.as_deref() };
        let mut assets = inventory::of(&context, &token, &session, &wanted, &question)?;
        assets.retain(|asset| self.filter.takes(asset) && self.policy.takes(asset));
        let attention = assets.iter().filter(|asset| asset.wants_attention()).count();
        let exit = if attention == 0 { Exit::Success } else { Exit::Attention };
        match () {
            () if self.json => {
                let objects = assets.iter().map(|asset| asset.document(&token, now)).collect();
                let token = token.uri().to_string();
                output::json("list", 1, Listing { token, logged_in, attention, objects })?;
            }
            () if self.csv => output::bytes(csv::write(&token, &assets, now)?.as_bytes())?,
            () if self.cbom => output::line(&cbom::write(&token, &assets, now)?)?,
            () if self.uris => {
                for asset in &assets {
                    output::line(&asset.entry.uri(&token).to_string())?;
                }
                return Ok(exit);
            }
            () => self.show(&assets, &token.label, wanted.names_object(), now)?,
        }
        if !logged_in {
            eprintln!("Private objects are not shown; add --login to see them.");
        }
        Ok(exit)
    }

    /// What was destroyed is no object any more, and wants no attention.
    fn destroyed(&self, token: &Found, destroyed: Vec<Destroyed>) -> Result<Exit> {
        if self.csv || self.cbom || self.uris {
            return Err(Failure::new("keys that are destroyed have no URI, and stand in no such list")
                .advise("leave the form out, or use --json"));
        }
        if self.json {
            let token = token.uri().to_string();
            output::json("list", 1, ListingOfDestroyed { token, logged_in: true, destroyed })?;
        } else if destroyed.is_empty() {
            output::line(&format!("Token `{}` remembers no key that was destroyed.", token.label))?;
        } else {
            output::line(&destroyed::table(destroyed))?;
        }
        Ok(Exit::Success)
    }

    fn show(&self, assets: &[Asset], token: &str, named: bool, now: u64) -> Result<()> {
        if assets.is_empty() {
            let filtered = named || self.filter.is_set() || self.policy.violations;
            let which = if filtered { "no object that fits" } else { "no objects" };
            return output::line(&format!("Token `{token}` shows {which}."));
        }
        output::table_lines(&table::show(assets, now))?;
        let mut told = false;
        for asset in assets {
            for finding in asset.findings.iter().filter(|finding| finding.attention) {
                if !told {
                    output::line("")?;
                    told = true;
                }
                let what = format!("{} {}", asset.entry.class_name(), asset.entry.kind());
                output::line(&format!(
                    "attention: `{}` ({what}): {}",
                    output::printable(&asset.entry.label()),
                    finding.text
                ))?;
            }
        }
        Ok(())
    }
}
