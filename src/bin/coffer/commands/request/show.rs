//! `coffer request list | show | withdraw`.

use std::path::Path;

use clap::Args;
use coffer_pkcs11::lifecycle::approval::{self, Standing};
use coffer_pkcs11::token::{Settings, Token};
use serde::Serialize;

use crate::consent::{self, Signer};
use crate::context::{Login, LoginOption};
use crate::dates::moment;
use crate::failure::{Exit, Failure, Result};
use crate::output;

/// The fewest digits of an id that name a request.
const SHORTEST_ID: usize = 4;

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// The request: its id or the beginning of it, or a file
    #[arg(value_name = "ID|FILE")]
    request: String,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Withdraw {
    /// The request: its id or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
pub struct Document {
    id: String,
    operation: &'static str,
    subject: String,
    about: String,
    reason: String,
    requester: String,
    time: String,
    expires: String,
    approvers: Vec<String>,
    needed: Option<u8>,
    /// Whether it can be carried out now.
    approved: bool,
    /// Why it cannot be carried out, whoever approves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    void: Option<String>,
}

#[derive(Serialize)]
struct Requests {
    requests: Vec<Document>,
}

impl Document {
    fn of(standing: &Standing) -> Self {
        let request = &standing.signed.request;
        Self {
            id: request.id_text(),
            operation: request.operation.name(),
            subject: request.subject.to_string(),
            about: request.about.clone(),
            reason: request.reason.clone(),
            requester: request.requester.clone(),
            time: moment(request.time),
            expires: moment(request.expires),
            approvers: standing.approvers.clone(),
            needed: standing.needed,
            approved: standing.is_approved(),
            void: standing.void.as_ref().map(ToString::to_string),
        }
    }
}

/// Tells how a request stands; `next`: what there is to do now, for people.
pub fn tell_of(
    standing: &Standing,
    settings: Option<&Settings>,
    next: Option<&str>,
    json: bool,
) -> Result<Exit> {
    if json {
        output::json("request", 1, Document::of(standing))?;
        return Ok(Exit::Success);
    }
    output::line(&consent::describe(standing, settings))?;
    if let Some(next) = next {
        output::line(next)?;
    }
    Ok(Exit::Success)
}

/// The request of a token that an id, or the beginning of one, names.
pub fn id_of(token: &Token, named: &str) -> Result<[u8; 16]> {
    let named = named.to_ascii_lowercase();
    let requests = approval::list(token)?;
    let fitting: Vec<_> = requests
        .iter()
        .map(|standing| &standing.signed.request)
        .filter(|request| named.len() >= SHORTEST_ID && request.id_text().starts_with(&named))
        .collect();
    match fitting.as_slice() {
        [request] => Ok(request.id),
        [] => Err(Failure::new(format!(
            "no request `{}` waits in the token: it was carried out already, withdrawn, or never made here",
            output::printable(&named)
        ))
        .advise("coffer request list shows those that wait")),
        _ => Err(Failure::new(format!("{} requests begin so", fitting.len())).advise("give more of the id")),
    }
}

impl List {
    pub fn run(self) -> Result<Exit> {
        let Login { session, context: _context, .. } = self.login.log_in(false)?;
        let requests = approval::list(session.token())?;
        if self.json {
            let requests = requests.iter().map(Document::of).collect();
            output::json("requests", 1, Requests { requests })?;
            return Ok(Exit::Success);
        }
        if requests.is_empty() {
            output::line("No request waits.")?;
            return Ok(Exit::Success);
        }
        output::line(&output::table(
            &["id", "operation", "that is", "asked by", "until", "approved by"],
            requests.iter().map(row).collect(),
        ))?;
        Ok(Exit::Success)
    }
}

fn row(standing: &Standing) -> Vec<String> {
    let request = &standing.signed.request;
    let approvals = match (&standing.void, standing.needed) {
        (Some(void), _) => void.to_string(),
        (None, needed) => {
            let names = standing.approvers.join(", ");
            let (have, needed) = (standing.approvers.len(), needed.unwrap_or(0));
            format!("{have} of {needed} {names}").trim_end().to_owned()
        }
    };
    vec![
        request.id_text().get(..8).unwrap_or_default().to_owned(),
        request.operation.name().to_owned(),
        output::printable(&request.about),
        request.requester.clone(),
        moment(request.expires),
        approvals,
    ]
}

impl Show {
    pub fn run(self) -> Result<Exit> {
        let path = Path::new(&self.request);
        if path.is_file() && !self.json {
            let signed = consent::read_request(path)?;
            output::line(&consent::describe_unverified(&signed))?;
            output::line("Nothing of it was verified: the token does that (coffer approve).")?;
            return Ok(Exit::Success);
        }
        let Login { session, context: _context, .. } = self.login.log_in(false)?;
        let token = session.token();
        let id = match path.is_file() {
            true => consent::read_request(path)?.request.id,
            false => id_of(token, &self.request)?,
        };
        tell_of(&approval::show(token, &id)?, Some(&token.settings()?), None, self.json)
    }
}

impl Withdraw {
    pub fn run(self) -> Result<Exit> {
        let Login { session, context: _context, .. } = self.login.log_in(true)?;
        let token = session.token();
        let id = id_of(token, &self.id)?;
        let before = approval::show(token, &id)?;
        match approval::withdraw(token, &id, &self.signer.read()?)? {
            Some(left) => {
                tell_of(&left, Some(&token.settings()?), Some("The approval was taken back."), self.json)
            }
            None if self.json => tell_of(&before, None, None, true),
            None => {
                output::line(&format!("Request {} was taken back.", before.signed.request.id_text()))?;
                Ok(Exit::Success)
            }
        }
    }
}
