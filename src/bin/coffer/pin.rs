//! Where PINs and passphrases come from: a descriptor, a file, the environment or a prompt; never the command line.

use std::io::{IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::secret::Secret;

use crate::failure::{Failure, Result};

/// Nobody has a longer PIN or passphrase.
const LIMIT: u64 = 4096;

/// The user PIN.
#[derive(Args, Clone, Debug, Default)]
pub struct UserPin {
    /// Read the user PIN from the first line of this file (else COFFER_PIN, else a prompt)
    #[arg(long, value_name = "FILE", conflicts_with = "pin_fd")]
    pub pin_file: Option<PathBuf>,
    /// Read the user PIN from this file descriptor
    #[arg(long, value_name = "N")]
    pub pin_fd: Option<u32>,
    /// Log in with this account instead of the user, and with its PIN (coffer role)
    #[arg(long = "as", value_name = "NAME", env = "COFFER_USER")]
    pub account: Option<String>,
}

/// The PIN of the security officer.
#[derive(Args, Clone, Debug, Default)]
pub struct SoPin {
    /// Read the security officer's PIN from the first line of this file (else COFFER_SO_PIN, else a prompt)
    #[arg(long, value_name = "FILE", conflicts_with = "so_pin_fd")]
    pub so_pin_file: Option<PathBuf>,
    /// Read the security officer's PIN from this file descriptor
    #[arg(long, value_name = "N")]
    pub so_pin_fd: Option<u32>,
}

/// A PIN that is being set.
#[derive(Args, Clone, Debug, Default)]
pub struct NewPin {
    /// Read the new PIN from the first line of this file (else COFFER_NEW_PIN, else a prompt)
    #[arg(long, value_name = "FILE", conflicts_with = "new_pin_fd")]
    pub new_pin_file: Option<PathBuf>,
    /// Read the new PIN from this file descriptor
    #[arg(long, value_name = "N")]
    pub new_pin_fd: Option<u32>,
}

/// The user PIN of the token that keys come from.
#[derive(Args, Clone, Debug, Default)]
pub struct SourcePin {
    /// Read the PIN of the token at the source from the first line of this file (else COFFER_SOURCE_PIN, else a prompt)
    #[arg(long, value_name = "FILE", conflicts_with = "source_pin_fd")]
    pub source_pin_file: Option<PathBuf>,
    /// Read the PIN of the token at the source from this file descriptor
    #[arg(long, value_name = "N")]
    pub source_pin_fd: Option<u32>,
}

/// The passphrase of a file with keys.
#[derive(Args, Clone, Debug, Default)]
pub struct Passphrase {
    /// Read the file's passphrase from the first line of this file (else COFFER_PASSPHRASE, else a prompt)
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    pub passphrase_file: Option<PathBuf>,
    /// Read the file's passphrase from this file descriptor
    #[arg(long, value_name = "N")]
    pub passphrase_fd: Option<u32>,
}

/// One secret that may be asked for.
pub struct Source<'a> {
    file: Option<&'a Path>,
    descriptor: Option<u32>,
    variable: &'static str,
    /// What the prompt calls it, such as "user PIN".
    what: &'static str,
    option: &'static str,
}

impl UserPin {
    pub fn source(&self) -> Source<'_> {
        let (file, descriptor) = (self.pin_file.as_deref(), self.pin_fd);
        Source { file, descriptor, variable: "COFFER_PIN", what: "user PIN", option: "pin" }
    }
}

impl SoPin {
    pub fn source(&self) -> Source<'_> {
        let (file, descriptor) = (self.so_pin_file.as_deref(), self.so_pin_fd);
        Source {
            file,
            descriptor,
            variable: "COFFER_SO_PIN",
            what: "security officer's PIN",
            option: "so-pin",
        }
    }
}

impl NewPin {
    pub fn source(&self) -> Source<'_> {
        let (file, descriptor) = (self.new_pin_file.as_deref(), self.new_pin_fd);
        Source { file, descriptor, variable: "COFFER_NEW_PIN", what: "new PIN", option: "new-pin" }
    }
}

impl SourcePin {
    pub fn source(&self) -> Source<'_> {
        let (file, descriptor) = (self.source_pin_file.as_deref(), self.source_pin_fd);
        Source {
            file,
            descriptor,
            variable: "COFFER_SOURCE_PIN",
            what: "user PIN of the token at the source",
            option: "source-pin",
        }
    }
}

impl Passphrase {
    pub fn source(&self) -> Source<'_> {
        let (file, descriptor) = (self.passphrase_file.as_deref(), self.passphrase_fd);
        Source {
            file,
            descriptor,
            variable: "COFFER_PASSPHRASE",
            what: "passphrase of the file",
            option: "passphrase",
        }
    }
}

impl Source<'_> {
    /// True where the secret is given without a prompt.
    pub fn is_given(&self) -> bool {
        self.file.is_some() || self.descriptor.is_some() || std::env::var_os(self.variable).is_some()
    }

    /// The secret; `fallback` is the file that a URI names.
    pub fn read(&self, fallback: Option<&str>) -> Result<Secret> {
        match self.given(fallback)? {
            Some(secret) => Ok(secret),
            None => self.prompt(self.what),
        }
    }

    /// A secret that is being set: at the prompt it is asked for twice.
    pub fn read_new(&self) -> Result<Secret> {
        if let Some(secret) = self.given(None)? {
            return Ok(secret);
        }
        let first = self.prompt(self.what)?;
        let second = self.prompt(&format!("{} again", self.what))?;
        if first != second {
            return Err(Failure::new(format!("the two entries of the {} differ", self.what))
                .advise("nothing was changed; try again"));
        }
        Ok(first)
    }

    fn given(&self, fallback: Option<&str>) -> Result<Option<Secret>> {
        if let Some(descriptor) = self.descriptor {
            return self.first_line(Path::new(&format!("/dev/fd/{descriptor}"))).map(Some);
        }
        if let Some(path) = self.file {
            warn_if_shared(path, self.what);
            return self.first_line(path).map(Some);
        }
        if let Some(source) = fallback {
            let path = Path::new(source.strip_prefix("file:").unwrap_or(source));
            warn_if_shared(path, self.what);
            return self.first_line(path).map(Some);
        }
        let Some(value) = std::env::var_os(self.variable) else { return Ok(None) };
        if value.is_empty() {
            return Err(self.empty(self.variable));
        }
        Ok(Some(Secret::new(std::os::unix::ffi::OsStringExt::into_vec(value))))
    }

    fn first_line(&self, path: &Path) -> Result<Secret> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("the {} cannot be read from {}: {error}", self.what, path.display()))
                .advise("the first line of the file must be the PIN or passphrase")
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        // Room for everything from the start, so that growing leaves no copies behind.
        let mut bytes = Vec::with_capacity(LIMIT as usize + 1);
        let read = file.take(LIMIT + 1).read_to_end(&mut bytes);
        let mut secret = Secret::new(bytes);
        read.map_err(failed)?;
        let line = secret.as_bytes().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let length = line.strip_suffix(b"\r").unwrap_or(line).len();
        if length == 0 {
            return Err(self.empty(&path.display().to_string()));
        }
        if length as u64 > LIMIT {
            return Err(Failure::new(format!(
                "the first line of {} is longer than {LIMIT} bytes",
                path.display()
            )));
        }
        secret.truncate(length);
        Ok(secret)
    }

    fn empty(&self, place: &str) -> Failure {
        Failure::new(format!("the {} in {place} is empty", self.what))
            .advise("its first line must be the PIN or passphrase")
    }

    fn prompt(&self, what: &str) -> Result<Secret> {
        if !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal() {
            return Err(Failure::new(format!(
                "the {} is needed, and there is no terminal to ask for it",
                self.what
            ))
            .advise(format!("give it with --{0}-file FILE, --{0}-fd N or {1}", self.option, self.variable)));
        }
        let answer = rpassword::prompt_password(format!("{what}: "))
            .map_err(|error| Failure::new(format!("the {} cannot be asked for: {error}", self.what)))?;
        if answer.is_empty() {
            return Err(Failure::new(format!("no {} was entered", self.what)).advise("nothing was changed"));
        }
        Ok(Secret::new(answer.into_bytes()))
    }
}

/// A passphrase from the first line of a file.
pub fn passphrase_file(path: &Path) -> Result<Secret> {
    let source = Passphrase { passphrase_file: Some(path.to_owned()), passphrase_fd: None };
    source.source().read(None)
}

/// The passphrase in the environment, where there is one.
pub fn passphrase_variable() -> Result<Option<Secret>> {
    Passphrase::default().source().given(None)
}

/// Asks for a passphrase; `what` is the prompt.
pub fn ask_passphrase(what: &str) -> Result<Secret> {
    Passphrase::default().source().prompt(what)
}

/// Asks for a new passphrase, twice.
pub fn ask_new_passphrase(what: &str) -> Result<Secret> {
    let (first, second) = (ask_passphrase(what)?, ask_passphrase(&format!("{what}, again"))?);
    if first != second {
        return Err(Failure::new("the two entries of the passphrase differ").advise("try again"));
    }
    Ok(first)
}

/// Says so when others can read the file.
fn warn_if_shared(path: &Path, what: &str) {
    let shared = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o044 != 0);
    if shared {
        eprintln!("warning: others can read {}, which holds the {what}; run: chmod 600 {0}", path.display());
    }
}
