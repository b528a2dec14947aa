//! `coffer doctor`: checks the installation and prints the lines that clients need.

mod checks;
mod clients;

use clap::Args;
use coffer_pkcs11::module;
use serde::Serialize;

use crate::context::{Context, TokenOption, environment};
use crate::failure::{Exit, Result};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only the checks, without the lines for clients
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Log in to a token and verify every record of it
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    pin: UserPin,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Good,
    Attention,
    Error,
    Damaged,
}

/// One thing that was looked at.
#[derive(Serialize)]
pub struct Finding {
    state: State,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    pub fn new(state: State, what: impl Into<String>) -> Self {
        Self { state, what: what.into(), advice: None }
    }

    pub fn good(what: impl Into<String>) -> Self {
        Self::new(State::Good, what)
    }

    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

#[derive(Serialize)]
struct Report {
    findings: Vec<Finding>,
    /// What to paste, by client.
    clients: Vec<clients::Client>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let library = clients::library();
        let mut findings = vec![checks::library(library.as_deref())];
        let mut labels = Vec::new();
        match module::load_config(&environment()) {
            Ok(config) => checks::installation(config, &mut findings, &mut labels),
            Err(error) => findings.push(Finding::new(State::Error, error.to_string()).advise(
                "until then C_Initialize answers CKR_FUNCTION_FAILED; docs/configuration.md lists the keys",
            )),
        }
        if self.verify {
            findings.push(self.verify()?);
        }
        let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Good);
        let path = library.unwrap_or_else(|| clients::LIBRARY.into());
        let clients = clients::all(&path, labels.first().map_or("LABEL", String::as_str));
        if self.json {
            output::json("doctor", 1, Report { findings, clients })?;
        } else {
            show(&findings)?;
            if !self.quiet {
                show_clients(&clients)?;
            }
        }
        Ok(match worst {
            State::Good => Exit::Success,
            State::Attention => Exit::Attention,
            State::Error => Exit::Error,
            State::Damaged => Exit::Damaged,
        })
    }
}

impl Arguments {
    /// The thorough check of one token, which needs its keys.
    fn verify(&self) -> Result<Finding> {
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let token = context.token(&wanted)?;
        let path = context.module.slot_info(token.slot)?.path;
        let pin = self.pin.source().read(wanted.pin_source.as_deref())?;
        checks::records(context.config(), &path, &token.label, &self.pin, &pin)
    }
}

fn show(findings: &[Finding]) -> Result<()> {
    for finding in findings {
        let mark = match finding.state {
            State::Good => "ok       ",
            State::Attention => "attention",
            State::Error => "ERROR    ",
            State::Damaged => "DAMAGED  ",
        };
        output::line(&format!("{mark}  {}", output::printable(&finding.what)))?;
        if let Some(advice) = &finding.advice {
            output::line(&format!("           → {}", output::printable(advice)))?;
        }
    }
    Ok(())
}

fn show_clients(clients: &[clients::Client]) -> Result<()> {
    output::line("\nLines to paste:")?;
    for client in clients {
        output::line(&format!("\n  {}", client.name))?;
        for line in &client.lines {
            output::line(&format!("    {line}"))?;
        }
    }
    Ok(())
}
