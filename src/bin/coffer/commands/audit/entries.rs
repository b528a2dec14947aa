//! What was told, as it is chosen and written for people and programs.

use clap::Args;
use coffer_pkcs11::lifecycle::log::verify::Entry;
use coffer_pkcs11::token::{Outcome, What, Who};
use serde::Serialize;

use crate::dates::{self, Edge};
use crate::failure::{Failure, Result};

/// Which of what was told.
#[derive(Args)]
pub struct Filter {
    /// Only what was told from this date on: 2027-01-31, 2027-01-31T12:00:00Z
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only what was told of the key with this label or unique id
    #[arg(long, value_name = "LABEL|ID")]
    key: Option<String>,
    /// Only this, such as `sign`, `wrapped`, `login-failed`
    #[arg(long, value_name = "WHAT")]
    what: Option<String>,
}

pub struct Wanted<'a> {
    since: u64,
    key: Option<&'a str>,
    what: Option<&'a str>,
}

impl Filter {
    /// `now`: seconds since 1970 UTC, for dates that are counted from today.
    pub fn compiled(&self, now: u64) -> Result<Wanted<'_>> {
        let since = self.since.as_deref().map(|since| dates::parse(since, now, Edge::From));
        let what = self.what.as_deref();
        if let Some(unknown) = what.filter(|name| What::ALL.iter().all(|what| what.name() != *name)) {
            let names: Vec<_> = What::ALL.iter().map(|what| what.name()).collect();
            return Err(Failure::new(format!("nothing is called `{unknown}`"))
                .advise(format!("there are: {}", names.join(", "))));
        }
        Ok(Wanted { since: since.transpose()?.unwrap_or(0), key: self.key.as_deref(), what })
    }
}

impl Wanted<'_> {
    pub fn takes(&self, entry: &Entry) -> bool {
        let Some(event) = &entry.event else { return self.key.is_none() && self.what.is_none() };
        let is_key = |wanted: &str| {
            event.key.as_ref().is_some_and(|key| key.label == wanted || key.unique_id == wanted)
        };
        event.time >= self.since
            && self.key.is_none_or(is_key)
            && self.what.is_none_or(|wanted| event.what.name() == wanted)
    }
}

/// An entry for programs.
#[derive(Serialize)]
pub struct Line {
    pub number: u64,
    /// Where it is a copy of an event of the token file: its number there.
    event: Option<u64>,
    pub time: Option<String>,
    pub what: String,
    pub outcome: String,
    pub key: Option<String>,
    key_id: Option<String>,
    pub uid: Option<u32>,
    pub pid: Option<u32>,
    pub program: Option<String>,
    pub role: Option<String>,
    pub detail: String,
}

impl Line {
    pub fn of(entry: &Entry) -> Self {
        let event = entry.event.as_ref();
        let key = event.and_then(|event| event.key.as_ref());
        Self {
            number: entry.number,
            event: entry.event_number,
            time: event.map(|event| dates::moment(event.time)),
            what: event.map_or("of a newer version".into(), |event| match event.what {
                What::Other(number) => format!("other-{number}"),
                what => what.name().into(),
            }),
            outcome: event.map_or(String::new(), |event| outcome(event.outcome)),
            key: key.map(|key| key.label.clone()),
            key_id: key.map(|key| key.unique_id.clone()),
            uid: event.map(|event| event.who.uid),
            pid: event.map(|event| event.who.pid),
            program: event.map(|event| event.who.program.clone()),
            role: event.map(|event| role(&event.who)),
            detail: event.map_or(String::new(), |event| event.detail.clone()),
        }
    }

    pub fn cells(&self) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let event = self.event.map(|event| event.to_string()).unwrap_or_default();
        vec![
            self.number.to_string(),
            event,
            text(&self.time),
            self.what.clone(),
            self.outcome.clone(),
            text(&self.key),
            text(&self.key_id),
            number(self.uid),
            number(self.pid),
            text(&self.program),
            text(&self.role),
            self.detail.clone(),
        ]
    }
}

pub const COLUMNS: [&str; 12] = [
    "number", "event", "time", "what", "outcome", "key", "key_id", "uid", "pid", "program", "role", "detail",
];

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => "done".into(),
        Outcome::Failed(0) => "failed".into(),
        Outcome::Failed(code) => format!("failed {code:#x}"),
        Outcome::Denied(code) => format!("denied {code:#x}"),
    }
}

/// `so`, `user`, or the name of an account.
fn role(who: &Who) -> String {
    match who.role {
        _ if !who.account.is_empty() => who.account.clone(),
        0 => "nobody".into(),
        1 => "so".into(),
        2 => "user".into(),
        131_071 => "quorum".into(),
        number => format!("role {}", number.saturating_sub(65536)),
    }
}
