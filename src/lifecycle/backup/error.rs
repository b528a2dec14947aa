//! Why a share or a backup is refused.

use std::fmt;

use crate::{crypto, error, vault};

/// An error of shares and backups; its text is a sentence for people.
#[derive(Debug)]
pub enum Error {
    /// The file is no share, backup or key: another kind of file, or a later version.
    NotOurs(String),
    /// The file was changed or is not complete.
    Damaged(String),
    /// The passphrase, share or key is a right one, but not for this.
    Mismatch(String),
    /// A passphrase is wrong, or needed and not given.
    Passphrase(String),
    /// Fewer shares than the set needs.
    Quorum(String),
    /// What was asked for cannot be done.
    Refused(String),
    /// A file could not be read or written.
    Io(String),
    /// The token refused.
    Token(error::Error),
    /// The cryptographic layer failed.
    Crypto(crypto::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotOurs(text)
            | Error::Damaged(text)
            | Error::Mismatch(text)
            | Error::Passphrase(text)
            | Error::Quorum(text)
            | Error::Refused(text)
            | Error::Io(text) => formatter.write_str(text),
            Error::Token(error) => error.fmt(formatter),
            Error::Crypto(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for Error {}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        Error::Token(error)
    }
}

impl From<crypto::Error> for Error {
    fn from(error: crypto::Error) -> Self {
        Error::Crypto(error)
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Error::Token(error.into())
    }
}

/// `Error::Damaged` with a text.
pub(in crate::lifecycle) fn damaged(text: impl Into<String>) -> Error {
    Error::Damaged(text.into())
}
