//! `coffer settings`: what a token asks of the life of its keys, and how much is told; shown and changed.

use clap::{Args, Subcommand, ValueEnum};
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::settings::{self, Difference};
use coffer_pkcs11::policy::Mode;
use coffer_pkcs11::token::{AuditMode, OfficerReset, Settings};
use serde::Serialize;

use super::init::{self, LifecycleOption};
use crate::consent::{self, Asking};
use crate::context::{Context, Found, TokenOption};
use crate::dates;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::policies::{self, Chosen};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the settings of a token, as its file tells them
    Show {
        #[command(flatten)]
        token: TokenOption,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change settings of a token; programs that use it obey at once
    Set(Box<Set>),
}

#[derive(Args)]
struct Set {
    #[command(flatten)]
    wanted: Wanted,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    token: TokenOption,
    /// Log in as the security officer instead of the user
    #[arg(long, conflicts_with = "account")]
    so: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
    #[command(flatten)]
    asking: Asking,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Wanted {
    /// How far the token holds its keys to their states, dates and limits
    #[arg(long, value_enum, value_name = "MODE")]
    lifecycle: Option<LifecycleOption>,
    /// Until when which algorithms may be used: nist-2030, pqc-2035, cnsa2, a file with a policy (docs/policy.md), or none
    #[arg(long, value_name = "NAME|FILE|none")]
    policy: Option<String>,
    /// How long a private or secret key waits at least before it is destroyed, such as 7d; 0d: not at all
    #[arg(long, value_name = "TIME", value_parser = dates::length)]
    destruction_wait: Option<u64>,
    /// How many seconds the clock may be behind the newest time that the token has seen
    #[arg(long, value_name = "SECONDS")]
    clock_tolerance: Option<u32>,
    /// Whether the token makes HSS keys and signs with them: only where its file is never copied or put back (docs/threat-model.md)
    #[arg(long, value_enum, value_name = "ON|OFF")]
    stateful_signatures: Option<Switch>,
    /// How much is told of what happens; `coffer audit enable` begins the log that uses need
    #[arg(long, value_enum, value_name = "MODE")]
    audit: Option<AuditOption>,
}

// Off: nothing. Events: what changes, and refusals in the log. Uses: and each use of a key in the log. See docs/audit.md.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuditOption {
    Off,
    Events,
    Uses,
}

impl From<AuditOption> for AuditMode {
    fn from(option: AuditOption) -> Self {
        match option {
            AuditOption::Off => AuditMode::Off,
            AuditOption::Events => AuditMode::Events,
            AuditOption::Uses => AuditMode::Uses,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// What is to be, as it was checked.
struct Plan {
    lifecycle: Option<Mode>,
    /// `Some(None)`: no policy.
    policy: Option<Option<Chosen>>,
    destruction_wait: Option<u32>,
    clock_tolerance: Option<u32>,
    stateful_signatures: Option<bool>,
    audit: Option<AuditMode>,
}

impl Wanted {
    fn plan(&self) -> Result<Plan> {
        let policy = match self.policy.as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(name) => Some(Some(policies::choose(name)?)),
        };
        let destruction_wait =
            self.destruction_wait.map(u32::try_from).transpose().map_err(|_| {
                Failure::new("the waiting period before a destruction is longer than 136 years")
            })?;
        Ok(Plan {
            lifecycle: self.lifecycle.map(Mode::from),
            policy,
            destruction_wait,
            clock_tolerance: self.clock_tolerance,
            stateful_signatures: self.stateful_signatures.map(|switch| switch == Switch::On),
            audit: self.audit.map(AuditMode::from),
        })
    }
}

impl Plan {
    fn change(&self, settings: &mut Settings) {
        settings.lifecycle = self.lifecycle.unwrap_or(settings.lifecycle);
        match &self.policy {
            None => {}
            Some(None) => (settings.algorithm_policy, settings.policy_text) = (None, None),
            Some(Some(chosen)) => chosen.put_into(settings),
        }
        settings.destruction_wait = self.destruction_wait.unwrap_or(settings.destruction_wait);
        settings.clock_tolerance = self.clock_tolerance.unwrap_or(settings.clock_tolerance);
        settings.stateful_signatures = self.stateful_signatures.unwrap_or(settings.stateful_signatures);
        if let Some(mode) = self.audit {
            settings.audit.mode = mode;
            // What is not told needs no log.
            settings.audit.required &= mode != AuditMode::Off;
        }
    }
}

/// For programs. Times are in seconds.
#[derive(Serialize)]
struct Document {
    token: String,
    profile: &'static str,
    so_reset: &'static str,
    lifecycle: &'static str,
    policy: Option<String>,
    /// Where it is not built in: its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_text: Option<String>,
    destruction_wait: u32,
    clock_tolerance: u32,
    stateful_signatures: bool,
    audit: &'static str,
    audit_required: bool,
    audit_log: Option<String>,
}

#[derive(Serialize)]
struct Changed {
    token: String,
    changed: Vec<Change>,
    /// The request for the change, where it was only asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

#[derive(Serialize)]
struct Change {
    setting: &'static str,
    before: String,
    after: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        match self.command {
            Command::Show { token, json } => show(&token, json),
            Command::Set(set) => set.run(),
        }
    }
}

fn show(token: &TokenOption, json: bool) -> Result<Exit> {
    let context = Context::load()?;
    let found = context.token(&token.uri()?)?;
    let so_reset = context.module.token(found.slot)?.officer_reset()?;
    if json {
        output::json("settings", 1, document(&found, so_reset))?;
        return Ok(Exit::Success);
    }
    let fixed = [("profile", found.profile.name().to_owned()), ("so-reset", so_reset.name().to_owned())];
    for (name, value) in fixed {
        output::line(&format!("{name:<22}{value} (since it was made)"))?;
    }
    for (name, value) in settings::shown(&found.settings)? {
        output::line(&format!("{name:<22}{}", output::printable(&value)))?;
    }
    Ok(Exit::Success)
}

fn document(found: &Found, so_reset: OfficerReset) -> Document {
    let Settings { audit, .. } = &found.settings;
    Document {
        token: found.label.clone(),
        profile: found.profile.name(),
        so_reset: so_reset.name(),
        lifecycle: found.settings.lifecycle.name(),
        policy: found.settings.algorithm_policy.clone(),
        policy_text: found.settings.policy_text.clone(),
        destruction_wait: found.settings.destruction_wait,
        clock_tolerance: found.settings.clock_tolerance,
        stateful_signatures: found.settings.stateful_signatures,
        audit: audit.mode.name(),
        audit_required: audit.required,
        audit_log: audit.log.map(|id| output::hex(&id)),
    }
}

impl Set {
    fn run(self) -> Result<Exit> {
        let plan = self.wanted.plan()?;
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let found = context.token(&wanted)?;
        if plan.audit == Some(AuditMode::Uses) && found.settings.audit.log.is_none() {
            return Err(Failure::new(format!(
                "`{}` has no audit log, and uses are told to a log alone",
                found.label
            ))
            .advise("begin one: coffer audit enable; nothing was changed"));
        }
        let session = if self.so {
            context.so_session(&found, &self.so_pin)?
        } else {
            context.user_session(&found, true, &self.pin, &wanted)?
        };
        let token = session.token();
        let mut wished = token.settings()?;
        plan.change(&mut wished);
        let about = "the settings that would be";
        if let Some(id) = self.asking.ask(token, &wished, about, self.reason.as_deref())? {
            return self.asked(&found, id);
        }
        let changed = settings::change(token, self.reason.as_deref(), |settings| plan.change(settings))
            .map_err(|error| {
                let missing = consent::settings_missing(token, &wished);
                missing
                    .filter(|_| error == Error::ActionProhibited)
                    .unwrap_or_else(|| self.refused(error, token.vault().separated()))
                    .while_doing(&format!("the settings of `{}` were not changed", found.label))
            })?;
        self.tell(&found, changed)
    }

    fn asked(&self, found: &Found, request: String) -> Result<Exit> {
        if self.json {
            let (token, changed) = (found.label.clone(), Vec::new());
            output::json("settings-set", 1, Changed { token, changed, request: Some(request) })?;
        } else {
            output::line(&Asking::next(&request))?;
        }
        Ok(Exit::Success)
    }

    /// Why nothing was changed.
    fn refused(&self, error: Error, separated: bool) -> Failure {
        match error {
            Error::ActionProhibited if self.so && separated => Failure::new(
                "the security officer of this token does not hold its keys, and decides on the audit alone",
            )
            .advise("leave --so out: the user changes them"),
            Error::ActionProhibited => Failure::new("the account's role may not do it")
                .advise("the user changes settings, and the security officer with --so (docs/roles.md)"),
            Error::ArgumentsBad => Failure::new("no token can have these settings")
                .advise("an algorithm policy has at most 32 KiB, and its name at most 64 bytes"),
            error => error.into(),
        }
    }

    fn tell(&self, found: &Found, changed: Vec<Difference>) -> Result<Exit> {
        let change = |Difference { name, before, after }| Change { setting: name, before, after };
        let changed: Vec<Change> = changed.into_iter().map(change).collect();
        if self.json {
            let token = found.label.clone();
            output::json("settings-set", 1, Changed { token, changed, request: None })?;
            return Ok(Exit::Success);
        }
        if changed.is_empty() {
            output::line(&format!("The settings of `{}` are that already.", found.label))?;
        }
        for Change { setting, before, after } in &changed {
            let (before, after) = (output::printable(before), output::printable(after));
            output::line(&format!("{setting}: {before}, now {after}"))?;
        }
        if changed.iter().any(|change| change.setting == settings::STATEFUL && change.after == "on") {
            output::line(init::STATEFUL_RISK)?;
        }
        Ok(Exit::Success)
    }
}
