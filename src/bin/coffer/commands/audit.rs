//! `coffer audit`: what was told of a token: shown, verified, exported; and the audit log itself.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::log::verify::{self, Against, Anchor, Checked, Entry, TokenSide};
use coffer_pkcs11::lifecycle::log::{self, FirstKey};
use coffer_pkcs11::token::{Audit, AuditMode, Event, Outcome, Token, What};
use serde::Serialize;

use super::import::read_file_up_to;
use crate::context::{Context, Found, TokenOption};
use crate::dates::{self, Edge};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::progress::Progress;

/// Logs larger than this are not taken into memory.
const FILE_LIMIT: u64 = 8 << 30;

#[derive(Subcommand)]
pub enum Command {
    /// Show what was told of a token
    Show(Show),
    /// Find out whether the audit log was tampered with
    Verify(Verify),
    /// Write what was told as JSON lines or CSV
    Export(Export),
    /// Begin an audit log beside a token, or change how much is told
    Enable(Enable),
}

impl Command {
    pub fn run(self) -> Result<Exit> {
        match self {
            Self::Show(arguments) => arguments.run(),
            Self::Verify(arguments) => arguments.run(),
            Self::Export(arguments) => arguments.run(),
            Self::Enable(arguments) => arguments.run(),
        }
    }
}

/// Which token, and who logs in where that is needed.
#[derive(Args)]
struct Login {
    #[command(flatten)]
    token: TokenOption,
    /// Log in as the security officer instead of the user
    #[arg(long)]
    so: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
}

/// A token that was found, and where its log is.
struct Place {
    context: Context,
    found: Found,
    log: PathBuf,
}

impl Login {
    fn place(&self) -> Result<Place> {
        let context = Context::load()?;
        let found = context.token(&self.token.uri()?)?;
        let log = log::path_beside(&context.module.slot_info(found.slot)?.path);
        Ok(Place { context, found, log })
    }

    /// The token, with somebody logged in.
    fn open(&self, place: &Place) -> Result<Arc<Token>> {
        let read_write = place.found.info.flags & CKF_WRITE_PROTECTED == 0;
        if self.so {
            place.context.so_session(&place.found, &self.so_pin)?;
        } else {
            place.context.user_session(&place.found, read_write, &self.pin, &self.token.uri()?)?;
        }
        Ok(place.context.module.token(place.found.slot)?)
    }

    /// What was told: as the log has it, or the token file where there is no log, which needs a login.
    fn entries(&self, filter: &Filter) -> Result<(Place, Vec<Entry>)> {
        let place = self.place()?;
        let mut entries = Vec::new();
        let wanted = filter.compiled(&place)?;
        let mut take = |entry: Entry| {
            if wanted.takes(&entry) {
                entries.push(entry);
            }
        };
        if place.log.exists() {
            let contents = read_file_up_to(&place.log, FILE_LIMIT)?;
            verify::read(contents.as_bytes(), take).ok_or_else(|| no_log(&place.log))?;
        } else {
            for (number, text) in self.open(&place)?.events(1)? {
                let event = Event::decode(text.text());
                take(Entry { number, offset: 0, event_number: Some(number), event });
            }
        }
        Ok((place, entries))
    }
}

fn no_log(path: &Path) -> Failure {
    Failure::damaged(format!("{} is no audit log, or its beginning was changed", path.display()))
        .advise("coffer audit verify says more")
}

/// Which of what was told.
#[derive(Args)]
struct Filter {
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

struct Wanted<'a> {
    since: u64,
    key: Option<&'a str>,
    what: Option<&'a str>,
}

impl Filter {
    fn compiled(&self, place: &Place) -> Result<Wanted<'_>> {
        let since = self.since.as_deref().map(|since| dates::parse(since, place.context.now(), Edge::From));
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
    fn takes(&self, entry: &Entry) -> bool {
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
struct Line {
    number: u64,
    /// Where it is a copy of an event of the token file: its number there.
    event: Option<u64>,
    time: Option<String>,
    what: String,
    outcome: String,
    key: Option<String>,
    key_id: Option<String>,
    uid: Option<u32>,
    pid: Option<u32>,
    program: Option<String>,
    role: Option<String>,
    detail: String,
}

impl Line {
    fn of(entry: &Entry) -> Self {
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
            role: event.map(|event| role(event.who.role)),
            detail: event.map_or(String::new(), |event| event.detail.clone()),
        }
    }

    fn cells(&self) -> Vec<String> {
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

const COLUMNS: [&str; 12] = [
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

fn role(number: u32) -> String {
    match number {
        0 => "nobody".into(),
        1 => "so".into(),
        2 => "user".into(),
        131_071 => "quorum".into(),
        number => format!("role {}", number.saturating_sub(65536)),
    }
}

#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    filter: Filter,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    token: String,
    /// False where the events of the token file are shown, because there is no log.
    log: bool,
    entries: Vec<Line>,
}

impl Show {
    fn run(self) -> Result<Exit> {
        let (place, entries) = self.login.entries(&self.filter)?;
        let entries: Vec<Line> = entries.iter().map(Line::of).collect();
        if self.json {
            let (token, log) = (place.found.uri().to_string(), place.log.exists());
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    filter: Filter,
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Export {
    fn run(self) -> Result<Exit> {
        let (_, entries) = self.login.entries(&self.filter)?;
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

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    login: Login,
    /// The first key of the log, 64 hexadecimal digits in a file: shows also what was written anew with a later key
    #[arg(long, value_name = "FILE")]
    first_key: Option<PathBuf>,
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
    fn run(self) -> Result<Exit> {
        let place = self.login.place()?;
        if !place.log.exists() {
            return Err(self.missing(&place));
        }
        let first_key = self.first_key.as_deref().map(read_first_key).transpose()?;
        let anchor = self.anchor.as_deref().map(read_anchor).transpose()?;
        let side = if self.log_only { None } else { Some(token_side(self.login.open(&place)?.as_ref())?) };
        let contents = read_file_up_to(&place.log, FILE_LIMIT)?;
        let against = Against { first_key: first_key.as_ref(), token: side.as_ref(), anchor };
        let progress = Progress::new("verifying");
        let checked = verify::verify(contents.as_bytes(), &against, |done, total| progress.show(done, total));
        drop(progress);
        self.report(place.log.clone(), checked)
    }

    /// There is no log: that is fine, or somebody has taken it away.
    fn missing(&self, place: &Place) -> Failure {
        if place.found.settings.audit.log.is_some() {
            return Failure::damaged(format!("the audit log {} is gone", place.log.display()))
                .advise("find out who deleted it; the token's own events are shown by coffer audit show");
        }
        Failure::new(format!("the token `{}` has no audit log", place.found.label))
            .advise("begin one: coffer audit enable; the token's own events are verified by coffer verify")
    }

    fn report(&self, file: PathBuf, checked: Checked) -> Result<Exit> {
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
            compared_with_token: !self.log_only,
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
        (!report.codes_verified, "without the first key (--first-key) it is not shown whether somebody who read the file wrote it anew".into()),
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

// Off: nothing. Events: changes, refusals, logins. Uses: each use of a key, too.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeOption {
    Off,
    Events,
    Uses,
}

impl From<ModeOption> for AuditMode {
    fn from(option: ModeOption) -> Self {
        match option {
            ModeOption::Off => Self::Off,
            ModeOption::Events => Self::Events,
            ModeOption::Uses => Self::Uses,
        }
    }
}

#[derive(Args)]
pub struct Enable {
    #[command(flatten)]
    login: Login,
    /// How much is told
    #[arg(long, value_enum, default_value_t = ModeOption::Uses)]
    mode: ModeOption,
    /// Refuse uses of keys while the log cannot be written to
    #[arg(long)]
    required: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Enabled {
    file: PathBuf,
    mode: &'static str,
    required: bool,
    /// `null` where the log was there before.
    first_key: Option<String>,
}

impl Enable {
    fn run(self) -> Result<Exit> {
        let place = self.login.place()?;
        let token = self.login.open(&place)?;
        let known = token.settings()?.audit;
        let first_key = if known.log.is_some() && place.log.exists() {
            let audit = Audit { mode: self.mode.into(), required: self.required, ..known };
            log::configure(&token, What::SettingsChanged, &audit)?;
            None
        } else {
            Some(begin(&place.context, &place.found, self.mode.into(), self.required)?)
        };
        let enabled = Enabled {
            file: place.log.clone(),
            mode: AuditMode::from(self.mode).name(),
            required: self.required,
            first_key: first_key.map(|key| output::hex(&*key)),
        };
        if self.json {
            output::json("audit-enable", 1, &enabled)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "Audit of `{}`: {}; the log is {}.",
            place.found.label,
            enabled.mode,
            enabled.file.display()
        ))?;
        if let Some(first_key) = &enabled.first_key {
            output::line(&first_key_text(first_key))?;
        }
        Ok(Exit::Success)
    }
}

/// Begins a log for a token in which somebody is logged in.
pub fn begin(context: &Context, found: &Found, mode: AuditMode, required: bool) -> Result<FirstKey> {
    let path = context.module.slot_info(found.slot)?.path;
    let beside = log::path_beside(&path);
    if beside.exists() {
        return Err(Failure::new(format!(
            "{} is there already, and the token does not know it",
            beside.display()
        ))
        .advise("move it away, and keep it: it may be the log of an earlier token"));
    }
    let token = context.module.token(found.slot)?;
    let backend = context.module.audit_backend(&path);
    Ok(log::enable(&token, backend, context.config().audit_each, mode, required)?)
}

/// What is said of a first key.
pub fn first_key_text(first_key: &str) -> String {
    format!(
        "First key of the log, shown this once:\n  {first_key}\nGive it to the auditor, and keep it away from this machine: \
         who has it can write the log anew, and coffer audit verify --first-key shows when somebody without it did."
    )
}
