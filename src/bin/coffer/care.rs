//! Token files as those see them who look after them: by path, without the rest of the module.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer_pkcs11::config::{Config, Mode};
use coffer_pkcs11::lifecycle::log;
use coffer_pkcs11::store::{self, FileBackend};
use coffer_pkcs11::token::{Account, Identity, vault_options};
use coffer_pkcs11::vault::{self, Entry, RecordName, Vault};

use crate::context::{Context, TokenOption};
use crate::failure::{Failure, Result};
use crate::output;
use crate::pin::UserPin;

pub fn store_mode(config: &Config) -> store::Mode {
    match config.mode {
        Mode::Owner => store::Mode::Owner,
        Mode::Group => store::Mode::Group,
    }
}

/// Opens a token file.
pub fn open(config: &Config, path: &Path) -> std::result::Result<Arc<Vault>, vault::Error> {
    let vault = Vault::open(Arc::new(FileBackend::new(path, store_mode(config))), vault_options(config))?;
    // What is not durable in the audit log stays in the token file, whoever writes that anew.
    let beside = log::path_beside(path);
    let named = Identity::decode(&vault.info()).ok().and_then(|identity| identity.settings.audit.log);
    if let Some(id) = named.filter(|_| beside.exists()) {
        let durable = log::durable_events(&FileBackend::new(beside, store_mode(config)), &id).unwrap_or(0);
        vault.keep_events_from(durable.saturating_add(1));
    }
    Ok(vault)
}

/// The file of the token that was named: by the path of its file, by its label or by a URI. Where no token fits and a file
/// in the folder is damaged, that one is probably meant.
pub fn file(context: &Context, named: Option<&str>) -> Result<PathBuf> {
    if let Some(path) = named.map(PathBuf::from).filter(|path| path.is_file()) {
        return Ok(path);
    }
    let wanted = TokenOption { token: named.map(str::to_owned) }.uri()?;
    match context.token(&wanted) {
        Ok(token) => Ok(context.module.slot_info(token.slot)?.path),
        Err(failure) => {
            let damaged = context.damaged().into_iter().next();
            damaged.map(|(_, path, _)| path).ok_or(failure)
        }
    }
}

/// Whose PIN is meant to open the file: the user's, or that of the account that `--as` names.
pub fn opener(vault: &Vault, pin: &UserPin) -> Result<Entry> {
    let Some(name) = &pin.account else { return Ok(Entry::User) };
    let account = Account::find(&vault.entries(), name);
    account.map(|account| account.entry()).ok_or_else(|| {
        Failure::new(format!("there is no account `{}`", output::printable(name)))
            .advise("coffer role list shows those that there are")
    })
}

/// True where the file itself is wrong, and not what was asked of it.
pub fn is_damage(error: &vault::Error) -> bool {
    use vault::Error::{Damaged, Empty, NotOurs, Tampered};
    matches!(error, Damaged { .. } | Tampered { .. } | NotOurs | Empty)
}

/// What is wrong with a file, with the number, the place and the kind of the first bad record.
pub fn describe(path: &Path, error: &vault::Error) -> String {
    let (offset, why) = match error {
        vault::Error::Damaged { offset, what } => (*offset, *what),
        vault::Error::Tampered { offset } => (
            *offset,
            "its code does not verify: it, or a record before it, was written by somebody without the keys",
        ),
        error => return format!("{}: {error}", path.display()),
    };
    let record = std::fs::read(path).ok().and_then(|contents| vault::record_at_offset(&contents, offset));
    match record {
        Some(record) => format!("{}: {}: {why}", path.display(), name(&record)),
        None => format!("{}: header, at byte {offset}: {why}", path.display()),
    }
}

/// `record 5 (PUT, at byte 3456)`.
pub fn name(record: &RecordName) -> String {
    format!("record {} ({}, at byte {})", record.number, record.kind, record.offset)
}

/// What can be done about a damaged file.
pub fn way_out(path: &Path) -> String {
    let file = output::quoted(&path.display().to_string());
    format!("restore it from a backup, or save what verifies: coffer salvage {file} --into LABEL")
}

/// The error of a command that works on a token file.
pub fn failure(path: &Path, error: &vault::Error) -> Failure {
    if is_damage(error) {
        return Failure::damaged(describe(path, error)).advise(way_out(path));
    }
    let failure = Failure::new(describe(path, error));
    match error {
        vault::Error::PinIncorrect => {
            failure.advise("repeated wrong PINs lock it; `coffer info` shows how it stands")
        }
        vault::Error::PinLocked => {
            failure.advise("a locked user PIN is set anew by the security officer: coffer pin reset")
        }
        vault::Error::NotInitialised => failure.advise("set it as the security officer: coffer pin reset"),
        vault::Error::ReadOnly => failure.advise(
            "wrong PINs could not be counted; make the file and its folder writable, or work on a copy of it",
        ),
        vault::Error::Store(store::Error::NotReplaceable) => {
            failure.advise("the folder must be writable, and the file not a mount point")
        }
        _ => failure.advise("coffer doctor tells more about the file and its folder"),
    }
}

/// What stands out about a file without being damage, and what to do.
pub fn note(note: vault::Note) -> (&'static str, &'static str) {
    match note {
        vault::Note::CommitPointer => {
            ("one of its two commit pointers is damaged; the other is used", "the next change writes it anew")
        }
        vault::Note::PinState => {
            ("one of its two PIN counts is damaged; the other is used", "the next login writes it anew")
        }
        vault::Note::RolledBack => (
            "its end is missing: it was cut off, or an old copy was put back",
            "compare it with your backup before you go on",
        ),
        vault::Note::TornTail => (
            "its last change was not written completely",
            "the next change cuts it off; nothing that was confirmed is lost",
        ),
        vault::Note::Superseded => (
            "it is a copy of a file that was replaced since",
            "look for the current file; changes made since are not in this one",
        ),
    }
}
