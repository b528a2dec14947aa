//! What the doctor looks at.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coffer_pkcs11::config::Config;
use coffer_pkcs11::lifecycle::log::{self, AuditLog};
use coffer_pkcs11::mechanism;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::store::{self, Backend, FileBackend, folder};
use coffer_pkcs11::token::{AuditSink, DEFAULT_CLOCK_TOLERANCE, Identity, has_recovery, unknown_entries};
use coffer_pkcs11::vault::{self, Entry, Vault};

use super::clients;
use super::{Finding, State};
use crate::care;
use crate::dates;
use crate::failure::Result;
use crate::output;
use crate::pin::UserPin;
use crate::progress::Progress;

pub fn library(path: Option<&Path>) -> Finding {
    match path {
        Some(path) => Finding::good(format!("the library is {}", path.display())),
        None => Finding::new(
            State::Attention,
            format!("{} is neither beside this tool nor where libraries are installed", clients::LIBRARY),
        )
        .advise("run scripts/install.sh, or give clients the path of the library that was built"),
    }
}

/// Looks at everything that the configuration names; `labels` gets those of the usable tokens.
pub fn installation(config: Config, findings: &mut Vec<Finding>, labels: &mut Vec<String>) {
    findings.push(match &config.file {
        Some(path) => Finding::good(format!("the configuration is {}", path.display())),
        None => Finding::good("there is no configuration file; the defaults hold"),
    });
    mechanisms(&config, findings);
    token_folder(&config, findings);
    tokens(&config, findings, labels);
    if let Some(path) = clients::p11_kit_module() {
        findings.push(Finding::good(format!("p11-kit knows Coffer from {}", path.display())));
    }
}

fn mechanisms(config: &Config, findings: &mut Vec<Finding>) {
    let names: Vec<&str> = mechanism::all().iter().map(|row| row.name).collect();
    for pattern in config.mechanisms.unmatched(&names) {
        findings.push(
            Finding::new(
                State::Attention,
                format!("the configuration names {pattern}, which is no mechanism of Coffer"),
            )
            .advise("`coffer mechanisms` lists them; correct the name or take it out"),
        );
    }
    let offered = mechanism::all().iter().filter(|row| config.offers(row.name, row.is_legacy())).count();
    let of = if offered == names.len() { String::new() } else { format!(" of {}", names.len()) };
    findings.push(Finding::good(format!("{offered}{of} mechanisms are offered")));
}

fn token_folder(config: &Config, findings: &mut Vec<Finding>) {
    let home = &config.home;
    let Ok(metadata) = std::fs::metadata(home) else {
        let missing = Finding::good(format!("the token folder {} is not there yet", home.display()));
        return findings.push(missing.advise("it is made with the first token: coffer init LABEL"));
    };
    if !metadata.is_dir() {
        let wrong = Finding::new(State::Error, format!("{} is not a folder", home.display()));
        return findings.push(wrong.advise("move it away, or set COFFER_HOME to a folder"));
    }
    let mode = metadata.mode() & 0o777;
    let wanted = config.mode.folder_bits();
    findings.push(if folder::is_exposed(home, care::store_mode(config)) {
        Finding::new(
            State::Attention,
            format!("others can exchange the files in {} (mode {mode:04o})", home.display()),
        )
        .advise(format!("chmod {wanted:04o} {}", output::quoted(&home.display().to_string())))
    } else {
        Finding::good(format!("the tokens are in {} (mode {mode:04o})", home.display()))
    });
}

fn tokens(config: &Config, findings: &mut Vec<Finding>, labels: &mut Vec<String>) {
    let files = match folder::token_files(&config.home) {
        Ok(files) => files,
        Err(error) => return findings.push(Finding::new(State::Error, error.to_string())),
    };
    let mut by_uuid: BTreeMap<[u8; 16], Vec<PathBuf>> = BTreeMap::new();
    for path in files {
        permissions(config, &path, findings);
        clock(config, &path, findings);
        leftovers(&path, findings);
        match care::open(config, &path) {
            Ok(vault) => {
                by_uuid.entry(vault.uuid()).or_default().push(path.clone());
                token(&path, &vault, findings, labels);
                audit_log(config, &path, &vault, findings);
            }
            Err(error) => findings.push(broken(&path, &error)),
        }
    }
    for paths in by_uuid.values().filter(|paths| paths.len() > 1) {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        findings.push(
            Finding::new(
                State::Attention,
                format!("these files are copies of one token, and only one is offered: {}", names.join(", ")),
            )
            .advise("keep the one that is used and move the others out of the folder"),
        );
    }
    if by_uuid.is_empty() {
        findings.push(Finding::good("there is no token yet").advise("make one with: coffer init LABEL"));
    }
}

/// Verifies every record of a token with the keys that a PIN opens: the user's, or that of the account that is named.
pub fn records(config: &Config, path: &Path, label: &str, user: &UserPin, pin: &Secret) -> Result<Finding> {
    let vault = match care::open(config, path) {
        Ok(vault) => vault,
        Err(error) => return Ok(broken(path, &error)),
    };
    let entry = care::opener(&vault, user)?;
    let progress = Progress::new("verifying");
    Ok(match vault.verify(entry, pin, |done, total| progress.show(done, total)) {
        Ok(_) => Finding::good(format!("every record of `{label}` is authentic")),
        Err(error) => broken(path, &error),
    })
}

fn broken(path: &Path, error: &vault::Error) -> Finding {
    if care::is_damage(error) {
        return Finding::new(State::Damaged, care::describe(path, error))
            .advise(format!("{}; the other tokens are not touched by this", care::way_out(path)));
    }
    Finding::new(State::Error, care::describe(path, error)).advise("the other tokens are not touched by this")
}

/// A file that was written later than now: the clock was set back, or had been set forward.
fn clock(config: &Config, path: &Path, findings: &mut Vec<Finding>) {
    let written = std::fs::metadata(path).map_or(0, |metadata| u64::try_from(metadata.mtime()).unwrap_or(0));
    let behind = written.saturating_sub(config.clock.now());
    if behind > u64::from(DEFAULT_CLOCK_TOLERANCE) {
        let what = format!(
            "the clock is behind: {} was written at {}, {behind} seconds from now",
            path.display(),
            dates::show(written)
        );
        findings.push(
            Finding::new(State::Attention, what)
                .advise("set the clock; `coffer clock` tells what the token has seen"),
        );
    }
}

fn permissions(config: &Config, path: &Path, findings: &mut Vec<Finding>) {
    let Ok(metadata) = std::fs::metadata(path) else { return };
    let mode = metadata.mode() & 0o777;
    let wanted = config.mode.file_bits();
    if mode & !wanted & 0o077 != 0 {
        findings.push(
            Finding::new(
                State::Attention,
                format!(
                    "others can read or write {} (mode {mode:04o}), and guess its PINs offline",
                    path.display()
                ),
            )
            .advise(format!("chmod {wanted:04o} {}", output::quoted(&path.display().to_string()))),
        );
    }
}

fn token(path: &Path, vault: &Vault, findings: &mut Vec<Finding>, labels: &mut Vec<String>) {
    let identity = match Identity::decode(&vault.info()) {
        Ok(identity) => identity,
        Err(_) => return findings.push(broken(path, &vault::Error::NotOurs)),
    };
    let label = identity.label_text();
    let access = if vault.writable() { "" } else { ", read only" };
    let objects = output::count(vault.records().len(), "item");
    findings.push(Finding::good(format!(
        "token `{label}`, slot {}, {objects}{access}: {}",
        identity.slot.0,
        path.display()
    )));
    for note in vault.notes() {
        findings.push(note_of(path, note));
    }
    if identity.settings.stateful_signatures {
        findings.push(Finding::good(format!("`{label}` may sign with HSS keys")).advise(
            "keep its file out of backups and snapshots, and never put an older one back (docs/threat-model.md)",
        ));
    }
    space(path, vault, &label, findings);
    let entries = vault.entries();
    let unknown = unknown_entries(&entries);
    if unknown > 0 {
        let what = format!("`{label}` also opens for roles that this version does not know ({unknown})");
        let advice = "a newer version may have made them; if none did, somebody left himself a way in: move the keys to a new token";
        findings.push(Finding::new(State::Attention, what).advise(advice));
    }
    let has_user = entries.iter().any(|(entry, _)| *entry == Entry::User);
    if vault.separated() && identity.settings.quorum_reset && has_user && !has_recovery(&entries) {
        findings.push(
            Finding::new(
                State::Attention,
                format!("`{label}` has no recovery set that could set a new user PIN"),
            )
            .advise("make one before the PIN is forgotten: coffer recovery create"),
        );
    }
    for (entry, who) in [(Entry::User, "user PIN"), (Entry::SecurityOfficer, "PIN of the security officer")] {
        let Ok(pin) = vault.pin_state(entry) else { continue };
        let advice = match entry {
            Entry::User if has_recovery(&entries) => {
                "coffer pin reset --shares sets it anew, with a quorum of the recovery set"
            }
            Entry::User if vault.separated() => {
                "coffer pin reset --wipe sets it anew, and loses what is private"
            }
            Entry::User => "coffer pin reset sets it anew, with the PIN of the security officer",
            _ => "nothing can set it anew; the keys stay usable with the user PIN",
        };
        if pin.locked {
            findings.push(
                Finding::new(State::Attention, format!("the {who} of `{label}` is locked")).advise(advice),
            );
        } else if pin.count_low || pin.final_try {
            let what = format!(
                "the {who} of `{label}` was entered wrongly {}; {} lock it",
                output::count(pin.failures as usize, "time"),
                pin.limit
            );
            findings.push(
                Finding::new(State::Attention, what)
                    .advise("a right login resets the count; if that was not you, look who has access"),
            );
        } else if !pin.initialised && entry == Entry::User {
            findings.push(
                Finding::new(State::Attention, format!("the user PIN of `{label}` is not set"))
                    .advise("coffer pin reset sets it"),
            );
        }
    }
    if !vault.writable() && !vault.allows_readonly_login() {
        findings.push(
            Finding::new(
                State::Attention,
                format!("`{label}` cannot be written, so wrong PINs cannot be counted and nobody can log in"),
            )
            .advise(
                "make the file writable, or make the token with allow-readonly-login = true in coffer.toml",
            ),
        );
    }
    labels.push(label);
}

/// Whether the audit log that the token names is in its place.
fn audit_log(config: &Config, path: &Path, vault: &Vault, findings: &mut Vec<Finding>) {
    let Ok(Identity { settings, .. }) = Identity::decode(&vault.info()) else { return };
    let Some(named) = settings.audit.log else { return };
    let beside = log::path_beside(path);
    let backend = Arc::new(FileBackend::new(beside.clone(), care::store_mode(config)));
    if AuditLog::open(backend, false).is_ok_and(|log| log.id() == named) {
        return;
    }
    let refused = if settings.audit.required { ", and keys are not used without it" } else { "" };
    let what = if beside.exists() {
        format!("{} is not the audit log that its token names{refused}", beside.display())
    } else {
        format!("the audit log {} is gone{refused}", beside.display())
    };
    findings.push(
        Finding::new(State::Attention, what)
            .advise("find out who did that and bring it back; or begin another one: coffer audit enable"),
    );
}

/// Files beside a token that an interrupted program has left, and a lock that somebody does not give back.
fn leftovers(path: &Path, findings: &mut Vec<Finding>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    for entry in beside.into_iter().flatten().flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        if other.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".new")) {
            let what = format!("{} was left by a program that was interrupted", entry.path().display());
            let advice = "it is not used; delete it when no program is writing to the token";
            findings.push(Finding::new(State::Attention, what).advise(advice));
        }
    }
    let backend = FileBackend::new(path, store::Mode::Owner);
    let lock = path.with_file_name(format!("{name}.lock"));
    if lock.exists() && matches!(backend.lock(LOCK_PATIENCE), Err(store::Error::Busy)) {
        let what = format!("another program has held the lock of {} for a second", path.display());
        let advice =
            "nobody can log in or write meanwhile; look for a program that is stopped (fuser shows it)";
        findings.push(Finding::new(State::Attention, what).advise(advice));
    }
}

/// How long another program may hold the lock without being named.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// What of the file is of no use any more, and whether there is room to write it anew.
fn space(path: &Path, vault: &Vault, label: &str, findings: &mut Vec<Finding>) {
    let (length, garbage) = vault.sizes();
    if garbage > length / 2 && garbage > 1 << 20 {
        let what = format!("{} of {} KiB of `{label}` are of no use any more", garbage >> 10, length >> 10);
        findings
            .push(Finding::new(State::Attention, what).advise(format!("coffer compact {}", path.display())));
    }
    let folder = path.parent().unwrap_or(path);
    if let Some(room) = store::folder::room(folder).filter(|room| *room < 2 * length.max(1 << 20)) {
        let what = format!("{} has only {} KiB of room left", folder.display(), room >> 10);
        let advice = "a token is written anew from time to time, beside the old file; make room";
        findings.push(Finding::new(State::Attention, what).advise(advice));
    }
}

fn note_of(path: &Path, note: vault::Note) -> Finding {
    let (what, advice) = care::note(note);
    Finding::new(State::Attention, format!("{}: {what}", path.display())).advise(advice)
}
