//! `coffer audit export`: what was told, for programs.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Source;
use super::entries::{COLUMNS, Filter, Line};
use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    filter: Filter,
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Export {
    pub fn run(self) -> Result<Exit> {
        let entries = self.source.told(&self.filter)?.entries;
        let mut text = String::new();
        if self.format == Format::Csv {
            text.push_str(&csv(&COLUMNS.map(String::from)));
        }
        for line in entries.iter().map(Line::of) {
            match self.format {
                Format::Csv => text.push_str(&csv(&line.cells())),
                Format::Jsonl => {
                    let json = serde_json::to_string(&line);
                    text.push_str(&json.map_err(|error| Failure::new(error.to_string()))?);
                    text.push('\n');
                }
            }
        }
        let Some(path) = &self.out else {
            output::bytes(text.as_bytes())?;
            return Ok(Exit::Success);
        };
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?;
        output::line(&format!("Wrote {} to {}.", output::count(entries.len(), "record"), path.display()))?;
        Ok(Exit::Success)
    }
}

/// A line of RFC 4180. A cell that a spreadsheet would take for a formula gets a quotation mark before it.
fn csv(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        let cell = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.clone() };
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}
