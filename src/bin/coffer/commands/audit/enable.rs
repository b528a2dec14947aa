//! `coffer audit enable`: begins a log, and says how much is told.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use coffer_pkcs11::lifecycle::backup::PublicHalf;
use coffer_pkcs11::lifecycle::log::{self, AuditLog, Begin, MOST_AUDITORS};
use coffer_pkcs11::token::{Audit, AuditMode, AuditSink, What};
use serde::Serialize;

use super::Login;
use crate::context::{Context, Found};
use crate::escrow;
use crate::failure::{Exit, Failure, Result};
use crate::output;

// Off: nothing. Events: changes, refusals, logins. Uses: each use of a key, too.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeOption {
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

/// Who gets the first key of a log.
#[derive(Args, Clone, Debug, Default)]
pub struct SealTo {
    /// Seal the first key of the log to this auditor instead of showing it: FILE.pub of `coffer recovery recipient FILE`; once for
    /// each auditor
    #[arg(long = "seal-to", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl SealTo {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub fn auditors(&self) -> Result<Vec<PublicHalf>> {
        if self.files.len() > MOST_AUDITORS {
            return Err(Failure::new(format!("a log has at most {MOST_AUDITORS} auditors")));
        }
        self.files.iter().map(|path| escrow::read_public_half(path)).collect()
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
    #[command(flatten)]
    seal_to: SealTo,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Enabled {
    file: PathBuf,
    mode: &'static str,
    required: bool,
    /// `null` where the log was there before, and where it was sealed.
    first_key: Option<String>,
    /// The keys of the auditors to whom it was sealed.
    sealed_to: Vec<String>,
    /// Where an older log that stood in the place is now.
    kept: Option<PathBuf>,
}

impl Enable {
    pub fn run(self) -> Result<Exit> {
        let place = self.login.place()?;
        self.login.open(&place)?;
        let mode = AuditMode::from(self.mode);
        if !self.seal_to.is_empty() && has_log(&place.context, &place.found)? {
            return Err(Failure::new(format!("the log {} is there already", place.log.display())).advise(
                "its first key is kept nowhere: only a new log can have one sealed; move this one away, and keep it",
            ));
        }
        let begun = match go_on(&place.context, &place.found, mode, self.required)? {
            Some(begun) => begun,
            None => begin(&place.context, &place.found, mode, self.required, &self.seal_to)?,
        };
        let mode = mode.name();
        if self.json {
            let Begun { file, first_key, sealed_to, kept } = begun;
            let enabled = Enabled { file, mode, required: self.required, first_key, sealed_to, kept };
            output::json("audit-enable", 1, &enabled)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "Audit of `{}`: {mode}; the log is {}.",
            place.found.label,
            begun.file.display()
        ))?;
        begun.tell()?;
        Ok(Exit::Success)
    }
}

/// A log that was begun.
#[derive(Default)]
pub struct Begun {
    pub file: PathBuf,
    pub first_key: Option<String>,
    pub sealed_to: Vec<String>,
    pub kept: Option<PathBuf>,
}

impl Begun {
    /// Says what is to be known of the first key, once.
    pub fn tell(&self) -> Result<()> {
        if let Some(kept) = &self.kept {
            output::line(&format!("An older log that was there is kept as {}.", kept.display()))?;
        }
        if let Some(first_key) = &self.first_key {
            output::line(&format!(
                "First key of the log, shown this once:\n  {first_key}\nGive it to the auditor, and keep it away from this machine: \
                 who has it can write the log anew, and coffer audit verify --first-key shows when somebody without it did."
            ))?;
        }
        if !self.sealed_to.is_empty() {
            output::line(&format!(
                "The first key of the log is sealed in it for {}: coffer audit verify --key FILE",
                self.sealed_to.join(", ")
            ))?;
        }
        Ok(())
    }
}

/// Changes how much the log is told that the token has; `None`: it has none. Somebody is logged in.
pub fn go_on(context: &Context, found: &Found, mode: AuditMode, required: bool) -> Result<Option<Begun>> {
    if !has_log(context, found)? {
        return Ok(None);
    }
    let token = context.module.token(found.slot)?;
    let audit = Audit { mode, required, ..token.settings()?.audit };
    log::configure(&token, What::SettingsChanged, &audit)?;
    let file = log::path_beside(&context.module.slot_info(found.slot)?.path);
    Ok(Some(Begun { file, ..Begun::default() }))
}

/// Whether the log that the token names is in its place.
fn has_log(context: &Context, found: &Found) -> Result<bool> {
    let path = context.module.slot_info(found.slot)?.path;
    let named = context.module.token(found.slot)?.settings()?.audit.log;
    let log = AuditLog::open(context.module.audit_backend(&path), false);
    Ok(log.is_ok_and(|log| Some(log.id()) == named))
}

/// Begins a log for a token in which somebody is logged in. Another log that stands in its place is moved aside.
pub fn begin(
    context: &Context,
    found: &Found,
    mode: AuditMode,
    required: bool,
    seal_to: &SealTo,
) -> Result<Begun> {
    let path = context.module.slot_info(found.slot)?.path;
    let auditors = seal_to.auditors()?;
    let kept = move_aside(context, &path)?;
    let token = context.module.token(found.slot)?;
    let begin = Begin { mode, required, each: context.config().audit_each, auditors: &auditors };
    let first_key = log::enable(&token, context.module.audit_backend(&path), &begin)?;
    let names = auditors.iter().map(|half| Ok(output::hex(&half.key_id()?)));
    Ok(Begun {
        file: log::path_beside(&path),
        first_key: first_key.map(|key| output::hex(&*key)),
        sealed_to: names.collect::<Result<_>>()?,
        kept,
    })
}

/// A log that the token does not name, as that of a token that was here before, gets a name of its own.
fn move_aside(context: &Context, token: &Path) -> Result<Option<PathBuf>> {
    let beside = log::path_beside(token);
    if beside.symlink_metadata().is_err() {
        return Ok(None);
    }
    let log = AuditLog::open(context.module.audit_backend(token), false).map_err(|_| {
        Failure::new(format!("{} is there already, and is no audit log", beside.display()))
            .advise("find out what it is, and move it away")
    })?;
    let mut kept = beside.clone().into_os_string();
    kept.push(format!(".{}", output::hex(&log.id())));
    let kept = PathBuf::from(kept);
    let taken = kept.symlink_metadata().is_ok();
    let moved =
        if taken { Err(std::io::ErrorKind::AlreadyExists.into()) } else { std::fs::rename(&beside, &kept) };
    moved.map_err(|error| {
        Failure::new(format!("{} cannot be moved aside to {}: {error}", beside.display(), kept.display()))
            .advise("move it away, and keep it: it is the log of an earlier token")
    })?;
    Ok(Some(kept))
}
