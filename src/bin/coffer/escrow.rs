//! What the commands of recovery and backup share: passphrases, shares and keys that open backups, and files that are written
//! whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::lifecycle::backup::{self, Error, Opened, PublicHalf, Seed, Share};
use coffer_pkcs11::secret::Secret;

use crate::ask_shares;
use crate::commands::import::read_file_up_to;
use crate::failure::{Exit, Failure, Result};
use crate::keyfile::pem;
use crate::pin;

/// No share and no key file is longer.
const SMALL: u64 = 64 << 10;
pub const PUBLIC_LABEL: &str = "COFFER RECIPIENT";
/// Clears the screen and what can be scrolled back to.
pub const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";
pub const PRIVATE_LABEL: &str = "COFFER RECIPIENT KEY";

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Failure::new(error.to_string());
        match error {
            Error::Damaged(_) => Failure { exit: Exit::Damaged, ..failure },
            Error::Quorum(_) => Failure { exit: Exit::Quorum, ..failure },
            Error::Token(error) => Failure::from(error),
            _ => failure,
        }
    }
}

/// Where the passphrases of closed shares and keys come from.
#[derive(Args, Clone, Debug, Default)]
pub struct Passphrases {
    /// Read a passphrase from the first line of this file; once for each that is needed (else COFFER_PASSPHRASE, else
    /// prompts)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Vec<PathBuf>,
}

impl Passphrases {
    /// Those that were given, in their order.
    pub fn given(&self) -> Result<Vec<Secret>> {
        let mut given =
            self.passphrase_file.iter().map(|path| pin::passphrase_file(path)).collect::<Result<Vec<_>>>()?;
        if given.is_empty() {
            given.extend(pin::passphrase_variable()?);
        }
        Ok(given)
    }

    /// Opens something closed: with one of those that were given, or with what a prompt answers. `None`: it is open.
    pub fn open<T>(
        &self,
        closed: bool,
        what: &str,
        open: impl Fn(Option<&Secret>) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        if !closed {
            return Ok(open(None)?);
        }
        let given = self.given()?;
        for passphrase in &given {
            match open(Some(passphrase)) {
                Err(Error::Passphrase(_)) => {}
                result => return Ok(result?),
            }
        }
        if !given.is_empty() {
            return Err(Failure::new(format!("no passphrase that was given opens {what}"))
                .advise("each closed share or key needs the passphrase that was chosen for it"));
        }
        Ok(open(Some(&pin::ask_passphrase(&format!("passphrase of {what}"))?))?)
    }
}

/// Reads one share and checks it against its set.
pub fn read_share(path: &Path, passphrases: &Passphrases) -> Result<Opened> {
    open_share(&read_file_up_to(path, SMALL)?, &path.display().to_string(), passphrases)
}

/// The share of a text, which came from `whence`.
pub fn open_share(text: &Secret, whence: &str, passphrases: &Passphrases) -> Result<Opened> {
    let named = |failure: Failure| failure.while_doing(whence);
    let share = Share::from_text(text.as_bytes()).map_err(|error| named(error.into()))?;
    let what = format!("the share of {}", share.custodian);
    passphrases.open(share.is_closed(), &what, |passphrase| share.open(passphrase)).map_err(named)
}

/// What opens a backup.
#[derive(Args, Clone, Debug, Default)]
pub struct Opener {
    /// A recovery share; as many times as the set needs shares
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub share: Vec<PathBuf>,
    /// Ask for the shares one after the other: their files, or what stands on paper
    #[arg(long, conflicts_with_all = ["key", "share"])]
    pub ask: bool,
    /// A recipient's private key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

impl Opener {
    pub fn shares(&self) -> Result<Vec<Opened>> {
        if self.ask {
            return ask_shares::ask(&self.passphrases);
        }
        self.share.iter().map(|path| read_share(path, &self.passphrases)).collect()
    }

    /// The key, from the recipient's file or from the shares. `None`: neither was named.
    pub fn seed(&self, shares: &[Opened]) -> Result<Option<Seed>> {
        if let Some(path) = &self.key {
            return read_private_key(path, &self.passphrases).map(Some);
        }
        if shares.is_empty() { Ok(None) } else { Ok(Some(backup::combine(shares)?)) }
    }
}

/// The private key of a recipient.
pub fn read_private_key(path: &Path, passphrases: &Passphrases) -> Result<Seed> {
    let block = read_block(path, PRIVATE_LABEL)?;
    let named = |failure: Failure| failure.while_doing(&path.display().to_string());
    let closed = Seed::is_closed(block.as_bytes()).map_err(|error| named(error.into()))?;
    let open = |passphrase: Option<&Secret>| Seed::from_file(block.as_bytes(), passphrase);
    passphrases.open(closed, &path.display().to_string(), open).map_err(named)
}

/// The public half of a recipient's key.
pub fn read_public_half(path: &Path) -> Result<PublicHalf> {
    let block = read_block(path, PUBLIC_LABEL)?;
    PublicHalf::new(block.as_bytes())
        .map_err(|error| Failure::from(error).while_doing(&path.display().to_string()))
}

/// The content of the one PEM block of this label.
pub fn read_block(path: &Path, label: &str) -> Result<Secret> {
    let file = read_file_up_to(path, SMALL)?;
    let mut blocks = pem::blocks(file.as_bytes())
        .map_err(|failure| failure.while_doing(&path.display().to_string()))?
        .into_iter()
        .filter(|block| block.label == label);
    match (blocks.next(), blocks.next()) {
        (Some(block), None) => Ok(block.der),
        _ => Err(Failure::new(format!("{} does not hold one {label}", path.display())).advise(match label {
            PUBLIC_LABEL | PRIVATE_LABEL => {
                "coffer recovery recipient FILE makes a private key FILE and its public half FILE.pub"
            }
            _ => {
                "coffer control key FILE makes a participant's private key FILE and its public half FILE.pub"
            }
        })),
    }
}

/// Makes a folder that only its owner can look into, where it is not there.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().mode(0o700).create(folder).map_err(|error| {
        Failure::new(format!("the folder {} cannot be made: {error}", folder.display()))
            .advise("the folder that holds it must be there and writable")
    })
}

/// Writes a small file that was not there, durably. `secret`: nobody else may read it.
pub fn write_new(path: &Path, content: &[u8], secret: bool) -> Result<()> {
    let failed = |error: std::io::Error| not_written(path, &error);
    let mode = if secret { 0o600 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    sync_folder(path).map_err(failed)
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
        .advise("a file that exists is not replaced; name another one")
}

/// Writes a small public file durably, whole or not at all, in the place of one that may be there.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| std::fs::rename(&temporary, path));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    renamed.and_then(|()| sync_folder(path))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// A file that gets its name when it is whole. Dropped before, it is gone.
pub struct Pending {
    path: PathBuf,
    temporary: PathBuf,
}

impl Pending {
    /// Begins the file; only its owner can read it. Refused where the name is taken.
    pub fn begin(path: &Path) -> Result<(Self, File)> {
        let failed = |error: std::io::Error| not_written(path, &error);
        if path.symlink_metadata().is_ok() {
            return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
        }
        let mut name = path.file_name().ok_or_else(|| Failure::new("the file has no name"))?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(name);
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
        Ok((Self { path: path.to_owned(), temporary }, file))
    }

    /// Gives the file its name; a name that was taken meanwhile is refused.
    pub fn finish(self) -> Result<()> {
        let failed = |error: std::io::Error| not_written(&self.path, &error);
        // A link, unlike a renaming, replaces nothing. Some file systems have none.
        match std::fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
            Err(_) if self.path.symlink_metadata().is_ok() => {
                return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
            }
            Err(_) => std::fs::rename(&self.temporary, &self.path).map_err(failed)?,
        }
        sync_folder(&self.path).map_err(failed)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After a renaming there is nothing left to remove.
        let _ = std::fs::remove_file(&self.temporary);
    }
}
