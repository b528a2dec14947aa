//! What the doctor looks at.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer_pkcs11::config::{Config, Mode};
use coffer_pkcs11::mechanism;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::store::{self, FileBackend, folder};
use coffer_pkcs11::token::{Identity, vault_options};
use coffer_pkcs11::vault::{self, Entry, Vault};

use super::clients;
use super::{Finding, State};
use crate::output;

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
    let offered = names.iter().filter(|name| config.mechanisms.permit(name)).count();
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
    findings.push(if folder::is_exposed(home, store_mode(config)) {
        Finding::new(
            State::Attention,
            format!("others can exchange the files in {} (mode {mode:04o})", home.display()),
        )
        .advise(format!("chmod {wanted:04o} {}", home.display()))
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
        let backend = Arc::new(FileBackend::new(&path, store_mode(config)));
        match Vault::open(backend, vault_options(config)) {
            Ok(vault) => {
                by_uuid.entry(vault.uuid()).or_default().push(path.clone());
                token(&path, &vault, findings, labels);
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

/// Verifies every record of a token with the keys that the user PIN opens.
pub fn records(config: &Config, path: &Path, label: &str, pin: &Secret) -> Finding {
    let backend = Arc::new(FileBackend::new(path, store_mode(config)));
    let verified = Vault::open(backend, vault_options(config))
        .and_then(|vault| vault.login(Entry::User, pin))
        .and_then(|unlocked| unlocked.verify(|_, _| ()));
    match verified {
        Ok(()) => Finding::good(format!("every record of `{label}` is authentic")),
        Err(error) => broken(path, &error),
    }
}

fn broken(path: &Path, error: &vault::Error) -> Finding {
    let damaged = matches!(
        error,
        vault::Error::Damaged { .. }
            | vault::Error::Tampered { .. }
            | vault::Error::NotOurs
            | vault::Error::Empty
    );
    let state = if damaged { State::Damaged } else { State::Error };
    Finding::new(state, format!("{}: {error}", path.display()))
        .advise("the other tokens are not touched by this")
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
            .advise(format!("chmod {wanted:04o} {}", path.display())),
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
    let objects = output::count(vault.records().len(), "object");
    findings.push(Finding::good(format!(
        "token `{label}`, slot {}, {objects}{access}: {}",
        identity.slot.0,
        path.display()
    )));
    for note in vault.notes() {
        findings.push(note_of(path, note));
    }
    for (entry, who) in [(Entry::User, "user PIN"), (Entry::SecurityOfficer, "PIN of the security officer")] {
        let Ok(pin) = vault.pin_state(entry) else { continue };
        let advice = match entry {
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

fn note_of(path: &Path, note: vault::Note) -> Finding {
    let (what, advice) = match note {
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
    };
    Finding::new(State::Attention, format!("{}: {what}", path.display())).advise(advice)
}

fn store_mode(config: &Config) -> store::Mode {
    match config.mode {
        Mode::Owner => store::Mode::Owner,
        Mode::Group => store::Mode::Group,
    }
}
