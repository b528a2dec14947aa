//! Which of the objects are shown.

use clap::Args;
use coffer_pkcs11::policy::State;

use super::{Asset, DAY};
use crate::dates::Period;
use crate::failure::{Failure, Result};

/// What `--expiring` means where it is not told.
pub const SOON: u64 = 30 * DAY;

#[derive(Args, Clone, Default)]
pub struct Filter {
    /// Only what ends within this time, or has ended: 30d, 12w, 6m, 1y
    #[arg(long, value_name = "PERIOD")]
    expiring: Option<String>,
    /// Only keys in this state: pre-active, active, suspended, deactivated, compromised; destroyed: those that are gone, of
    /// which the token knows only that they were
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// Only what this person or service owns
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Only what wants attention
    #[arg(long)]
    attention: bool,
}

fn state(name: &str) -> std::result::Result<State, String> {
    State::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = State::ALL.into_iter().map(State::name).collect();
        format!("the states are {}", names.join(", "))
    })
}

impl Filter {
    /// In how many seconds an end is near.
    pub fn soon(&self, now: u64) -> Result<u64> {
        let Some(text) = &self.expiring else { return Ok(SOON) };
        let end = Period::parse(text).and_then(|period| period.after(now));
        end.map(|end| end - now).ok_or_else(|| {
            Failure::new(format!("`{text}` is no period of time")).advise("write 30d, 12w, 6m or 1y")
        })
    }

    pub fn takes(&self, asset: &Asset) -> bool {
        let ends = |asset: &Asset| {
            asset.findings.iter().any(|finding| matches!(finding.code, "expiring" | "expired"))
        };
        (self.expiring.is_none() || ends(asset))
            && self.state.is_none_or(|state| asset.state == Some(state))
            && self.owner.as_ref().is_none_or(|owner| asset.owner == *owner)
            && (!self.attention || asset.wants_attention())
    }

    /// True where keys are asked for that are no longer there.
    pub fn is_of_destroyed(&self) -> bool {
        self.state == Some(State::Destroyed)
    }

    pub fn is_set(&self) -> bool {
        self.expiring.is_some() || self.state.is_some() || self.owner.is_some() || self.attention
    }
}
