//! What the vault answers when it cannot do what was asked.

use std::fmt;

use crate::store;

/// A failure of the vault. None of these carries a secret, a path or bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The storage failed before anything was changed, or where nothing was to be changed.
    Store(store::Error),
    /// The file is empty: a token was about to be made here.
    Empty,
    /// The file is no Coffer token.
    NotOurs,
    /// The file is a Coffer token of a format version that this program does not know.
    Version(u16),
    /// The file does not hold together at this offset (bytes from its beginning): it has been damaged or edited.
    Damaged { offset: u64, what: &'static str },
    /// The file holds together, but what stands before this offset was not written by a holder of the keys.
    Tampered { offset: u64 },
    /// The PIN is wrong. The attempt has been counted.
    PinIncorrect,
    /// The PIN has been entered wrongly too often; the other role can set it anew.
    PinLocked,
    /// The role has no PIN yet.
    NotInitialised,
    /// The failure count (or anything else) cannot be written here.
    ReadOnly,
    /// The key derivation that the file asks for is unknown, below the floor or above the ceiling.
    KdfRefused,
    /// The record does not exist, or no longer.
    NoSuchRecord,
    /// A record with this id exists already.
    RecordExists,
    /// The record has been changed since the caller read it.
    Conflict,
    /// What was asked needs the keys: the record may not be changed, or has a part that must be sealed.
    NotAllowed,
    /// The token has been given new keys or been initialised anew; a new login is needed.
    KeysChanged,
    /// An earlier write could not be made durable; the vault must be opened again before it takes further changes.
    Failed,
    /// A record, a tag or the token information is longer than the format allows.
    TooLarge,
    /// The operating system gives no random numbers.
    NoRandom,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Store(error) => return error.fmt(formatter),
            Self::Version(version) => {
                return write!(
                    formatter,
                    "the token file has format version {version}, which this program does not know; use a newer one"
                );
            }
            Self::Damaged { offset, what } => {
                return write!(
                    formatter,
                    "the token file is damaged at byte {offset}: {what}; restore it from a copy"
                );
            }
            Self::Tampered { offset } => {
                return write!(
                    formatter,
                    "the token file was changed before byte {offset} by somebody without its keys; restore it from a copy"
                );
            }
            Self::Empty => {
                "the token file is empty; its initialisation was interrupted: delete it and start again"
            }
            Self::NotOurs => "the file is not a Coffer token",
            Self::PinIncorrect => "the PIN is wrong",
            Self::PinLocked => {
                "the PIN is locked after too many wrong attempts; the security officer can set a new user PIN"
            }
            Self::NotInitialised => "no PIN has been set for this role yet",
            Self::ReadOnly => "the token file cannot be written to",
            Self::KdfRefused => {
                "the token file asks for an unknown key derivation or for a cost outside the limits"
            }
            Self::NoSuchRecord => "the record does not exist any more",
            Self::RecordExists => "a record with this id exists already",
            Self::Conflict => "the record has been changed by somebody else; read it again",
            Self::NotAllowed => "this change needs a login",
            Self::KeysChanged => "the keys of the token have been changed; log in again",
            Self::Failed => {
                "an earlier change could not be written to the device; reopen the token when the device is repaired"
            }
            Self::TooLarge => "the record is too large",
            Self::NoRandom => "the operating system gives no random numbers",
        };
        formatter.write_str(sentence)
    }
}

impl std::error::Error for Error {}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::ReadOnly => Self::ReadOnly,
            error => Self::Store(error),
        }
    }
}
