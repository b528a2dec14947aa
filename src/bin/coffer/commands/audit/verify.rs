//! `coffer audit verify`: what was done to a log.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::lifecycle::log::verify::{self, Against, Anchor, Checked, TokenSide};
use coffer_pkcs11::lifecycle::log::{self, FirstKey, Unopened};
use coffer_pkcs11::token::Token;
use serde::Serialize;

use super::{Place, Source, open_log, unreadable};
use crate::commands::import::read_file_up_to;
use crate::escrow::{self, Passphrases};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::progress::Progress;

/// Sealed first keys stand within so many bytes from the beginning of a log.
const BEGINNING: u64 = 64 << 10;

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    source: Source,
    /// The first key of the log, 64 hexadecimal digits in a file: shows also what was written anew with a later key
    #[arg(long, value_name = "FILE")]
    first_key: Option<PathBuf>,
    /// The private key of an auditor to whom the first key was sealed
    #[arg(long, value_name = "FILE", conflicts_with = "first_key")]
    key: Option<PathBuf>,
    #[command(flatten)]
    passphrases: Passphrases,
    /// An anchor that was written down: number of records, a colon, chain value
    #[arg(long, value_name = "COUNT:HEX")]
    anchor: Option<String>,
    /// Do not log in: leave out the comparison with the events that the token has counted
    #[arg(long)]
    log_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    records: u64,
    events: u64,
    /// Whether the codes were verified from the first record on.
    codes_verified: bool,
    /// Whether the events were compared with the token.
    compared_with_token: bool,
    events_to_be_copied: u64,
    gaps: u64,
    torn_bytes: u64,
    anchor: String,
    findings: Vec<FoundWrong>,
}

#[derive(Serialize)]
struct FoundWrong {
    record: u64,
    offset: u64,
    what: String,
}

impl Verify {
    pub fn run(self) -> Result<Exit> {
        let (path, side) = self.place()?;
        let (first_key, unopened) = self.first_key(&path)?;
        let anchor = self.anchor.as_deref().map(read_anchor).transpose()?;
        let log = open_log(&path)?;
        let length = log.metadata().map_or(0, |metadata| metadata.len());
        let against = Against { first_key: first_key.as_ref(), token: side.as_ref(), anchor };
        let progress = Progress::new("verifying");
        let checked = verify::verify(log, &against, |done| progress.show(done, length));
        drop(progress);
        let checked = checked.map_err(|error| unreadable(&path, &error))?;
        match unopened {
            // What was done to the log may be why it does not open.
            Some(reason) if checked.findings.is_empty() => Err(self.not_opened(&path, reason)),
            _ => self.report(path, checked, side.is_some()),
        }
    }

    /// The log, and what its token says.
    fn place(&self) -> Result<(PathBuf, Option<TokenSide>)> {
        if let Some(path) = &self.source.file {
            return Ok((path.clone(), None));
        }
        let place = self.source.login.place()?;
        if !place.log.exists() {
            return Err(missing(&place));
        }
        if self.log_only {
            return Ok((place.log, None));
        }
        let side = token_side(self.source.login.open(&place)?.as_ref())?;
        Ok((place.log.clone(), Some(side)))
    }

    /// The first key that was given, or that the auditor's key opens; or why that opens none.
    fn first_key(&self, log: &Path) -> Result<(Option<FirstKey>, Option<Unopened>)> {
        let Some(key) = &self.key else {
            return Ok((self.first_key.as_deref().map(read_first_key).transpose()?, None));
        };
        let seed = escrow::read_private_key(key, &self.passphrases)?;
        let mut beginning = Vec::new();
        open_log(log)?
            .take(BEGINNING)
            .read_to_end(&mut beginning)
            .map_err(|error| unreadable(log, &error))?;
        Ok(match log::open_first_key(&beginning, &seed) {
            Ok(first_key) => (Some(first_key), None),
            Err(reason) => (None, Some(reason)),
        })
    }

    fn not_opened(&self, path: &Path, reason: Unopened) -> Failure {
        let log = path.display();
        match reason {
            Unopened::OtherKey => {
                Failure::new(format!("the first key in {log} is not sealed to this private key"))
                    .advise("coffer audit show --what first-key-sealed names the keys that open it")
            }
            Unopened::None => Failure::new(format!("no first key is sealed in {log}"))
                .advise("it was shown when the log was begun: give it with --first-key"),
            Unopened::NotALog => Failure::damaged(format!("{log} is no audit log")),
        }
    }

    fn report(&self, file: PathBuf, checked: Checked, compared_with_token: bool) -> Result<Exit> {
        let exit = match &checked {
            Checked { findings, .. } if !findings.is_empty() => Exit::Damaged,
            Checked { gaps: 0, torn: 0, .. } => Exit::Success,
            _ => Exit::Attention,
        };
        let anchor = checked
            .anchor
            .map_or(String::new(), |anchor| format!("{}:{}", anchor.records, output::hex(&anchor.head)));
        let report = Report {
            file,
            records: checked.records,
            events: checked.events.count,
            codes_verified: checked.keyed,
            compared_with_token,
            events_to_be_copied: checked.waiting,
            gaps: checked.gaps,
            torn_bytes: if exit == Exit::Damaged { 0 } else { checked.torn },
            anchor,
            findings: checked
                .findings
                .into_iter()
                .map(|finding| FoundWrong {
                    record: finding.record,
                    offset: finding.offset,
                    what: finding.what,
                })
                .collect(),
        };
        if self.json {
            output::json("audit-verify", 1, &report)?;
        } else {
            tell(&report, exit)?;
        }
        Ok(exit)
    }
}

fn tell(report: &Report, exit: Exit) -> Result<()> {
    let records = output::count(usize::try_from(report.records).unwrap_or(usize::MAX), "record");
    let file = report.file.display();
    if let Some(first) = report.findings.first() {
        output::line(&format!("{file} was tampered with or is damaged."))?;
        output::line(&format!(
            "First bad record: {}, at byte {}: {}",
            first.record, first.offset, first.what
        ))?;
        for finding in report.findings.iter().skip(1) {
            output::line(&format!(
                "  record {}, at byte {}: {}",
                finding.record, finding.offset, finding.what
            ))?;
        }
    } else {
        output::line(&format!(
            "{file} holds together: {records}, the last event is number {}.",
            report.events
        ))?;
    }
    let notes = [
        (report.gaps > 0, format!("the log tells of gaps ({}): coffer audit show --what log-gap", report.gaps)),
        (report.torn_bytes > 0, "its last record was not written completely; the next writer cuts it off".into()),
        (
            report.events_to_be_copied > 0,
            format!("{} of the token's events will be copied by the next process that logs in", report.events_to_be_copied),
        ),
        (!report.codes_verified, "without the first key (--first-key or --key) it is not shown whether somebody who read the file wrote it anew".into()),
        (!report.compared_with_token, "it was not compared with the events that the token has counted".into()),
    ];
    for (_, note) in notes.iter().filter(|(holds, _)| *holds) {
        output::line(&format!("note: {note}"))?;
    }
    if exit != Exit::Damaged {
        output::line(&format!("anchor: {}", report.anchor))?;
        output::line(
            "Keep the anchor outside of this machine and give it with --anchor next time: it alone shows that log and token \
             were both put back to an earlier copy.",
        )?;
    }
    Ok(())
}

/// There is no log: that is fine, or somebody has taken it away.
fn missing(place: &Place) -> Failure {
    if place.found.settings.audit.log.is_some() {
        return Failure::damaged(format!("the audit log {} is gone", place.log.display()))
            .advise("find out who deleted it; the token's own events are shown by coffer audit show");
    }
    Failure::new(format!("the token `{}` has no audit log", place.found.label))
        .advise("begin one: coffer audit enable; the token's own events are verified by coffer verify")
}

fn token_side(token: &Token) -> Result<TokenSide> {
    Ok(TokenSide {
        uuid: token.uuid(),
        log: token.settings()?.audit.log,
        tally: token.vault().tally(),
        events: token.events(1)?,
    })
}

fn read_first_key(path: &Path) -> Result<FirstKey> {
    let text = read_file_up_to(path, 4096)?;
    let digits = std::str::from_utf8(text.as_bytes()).unwrap_or_default().trim();
    let bytes = output::unhex(digits).unwrap_or_default();
    let key: [u8; 32] = bytes.try_into().map_err(|_| {
        Failure::new(format!("{} holds no first key", path.display()))
            .advise("it is the 64 hexadecimal digits that coffer audit enable has shown")
    })?;
    Ok(FirstKey::new(key))
}

fn read_anchor(text: &str) -> Result<Anchor> {
    let anchor = || {
        let (records, head) = text.split_once(':')?;
        let head = output::unhex(head).ok()?.try_into().ok()?;
        Some(Anchor { records: records.parse().ok()?, head })
    };
    anchor().ok_or_else(|| {
        Failure::new(format!("`{text}` is no anchor"))
            .advise("it is what coffer audit verify prints: a number, a colon and 64 hexadecimal digits")
    })
}
