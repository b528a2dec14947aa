//! `coffer audit show`: what was told, as a table.

use clap::Args;
use serde::Serialize;

use super::entries::{Filter, Line};
use super::{Source, Told};
use crate::failure::{Exit, Result};
use crate::output;

#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    filter: Filter,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    /// `null` for a copy of a log.
    token: Option<String>,
    /// False where the events of the token file are shown, because there is no log.
    log: bool,
    entries: Vec<Line>,
}

impl Show {
    pub fn run(self) -> Result<Exit> {
        let Told { token, log, entries } = self.source.told(&self.filter)?;
        let entries: Vec<Line> = entries.iter().map(Line::of).collect();
        if self.json {
            output::json("audit-show", 1, Shown { token, log, entries })?;
            return Ok(Exit::Success);
        }
        let row = |line: &Line| {
            let (pid, uid) = (line.pid.unwrap_or_default(), line.uid.unwrap_or_default());
            let program = line.program.clone().unwrap_or_default();
            vec![
                line.number.to_string(),
                line.time.clone().unwrap_or_default(),
                line.what.clone(),
                line.key.clone().unwrap_or_default(),
                line.outcome.clone(),
                format!("{program}[{pid}] uid {uid}, {}", line.role.as_deref().unwrap_or("nobody")),
                line.detail.clone(),
            ]
        };
        let headings = ["no", "time", "what", "key", "outcome", "who", "detail"];
        output::line(&output::table(&headings, entries.iter().map(row).collect()))?;
        Ok(Exit::Success)
    }
}
