//! The encrypted token: records `(id, bytes)` in one append-only file, sealed under a PIN. It knows no PKCS#11.
//!
//! A [`Vault`] is what can be done without a PIN, an [`Unlocked`] what can be done with one. Both may be shared by
//! any number of threads; any number of vaults, in any number of processes, may use one file. The format is described
//! in `docs/token-format.md`.
//!
//! A vault does not watch its file by itself: what other processes have committed is seen after
//! [`Vault::refresh`] (and after every commit and login). Every commit has a [`Revision`]; the caller keeps the
//! revision up to which it knows the token and is told what has happened since.

#![forbid(unsafe_code)]

mod error;
mod random;
mod types;

use std::sync::Arc;

use crate::secret::Secret;
use crate::store::Backend;

pub use error::Error;
pub use types::*;

/// A token file, without its keys.
pub struct Vault {
    _backend: Arc<dyn Backend>,
    _options: Options,
}

/// A token file with its keys, which are wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Unlocked {
    _vault: Arc<Vault>,
}

/// The part of the interface that is not there yet answers this.
const UNFINISHED: Error = Error::Failed;

impl Vault {
    /// Makes a new token. [`crate::store::Error::Exists`] if the name is taken.
    pub fn create(
        _backend: Arc<dyn Backend>,
        _options: Options,
        _new: NewToken<'_>,
    ) -> Result<Arc<Self>, Error> {
        Err(UNFINISHED)
    }

    /// Opens a token file and reads it whole: structure and keyless chain are checked, nothing is decrypted.
    ///
    /// Errors: [`Error::Empty`], [`Error::NotOurs`], [`Error::Version`], [`Error::Damaged`], [`Error::Store`].
    pub fn open(_backend: Arc<dyn Backend>, _options: Options) -> Result<Arc<Self>, Error> {
        Err(UNFINISHED)
    }

    /// The unique number of the token; kept when it is initialised anew.
    pub fn uuid(&self) -> [u8; 16] {
        [0; 16]
    }

    /// The token information as of the last refresh (not verified before a login).
    pub fn info(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The revision up to which this vault has read the file.
    pub fn revision(&self) -> Revision {
        Revision(0)
    }

    /// False when the file or its storage cannot be written to.
    pub fn writable(&self) -> bool {
        false
    }

    /// Whether logins are allowed where failures cannot be counted.
    pub fn allows_readonly_login(&self) -> bool {
        false
    }

    /// What a careful owner wants to know about the file.
    pub fn notes(&self) -> Vec<Note> {
        Vec::new()
    }

    /// The state of a PIN, fresh from the file.
    pub fn pin_state(&self, _entry: Entry) -> Result<PinState, Error> {
        Err(UNFINISHED)
    }

    /// Whether the file has changed since the last refresh: one read of 64 bytes, no lock.
    pub fn changed(&self) -> Result<bool, Error> {
        Err(UNFINISHED)
    }

    /// Reads what others have committed, and says what has happened since the revision `since`, by whomever. Costs one
    /// read of 64 bytes when nothing has. Takes no file lock.
    pub fn refresh(&self, _since: Revision) -> Result<Changes, Error> {
        Err(UNFINISHED)
    }

    /// All records; the tags of private ones are sealed. No order is promised.
    pub fn records(&self) -> Vec<Record> {
        Vec::new()
    }

    /// The public records.
    pub fn public_records(&self) -> Vec<Record> {
        Vec::new()
    }

    /// One record, if it exists.
    pub fn record(&self, _id: RecordId) -> Option<Record> {
        None
    }

    /// The metadata of a public record; [`Error::NotAllowed`] for a private one.
    pub fn metadata(&self, _id: RecordId) -> Result<Vec<u8>, Error> {
        Err(UNFINISHED)
    }

    /// Adds public records without a login: no secrets, new ids only. They stay marked as not authenticated.
    pub fn add_unauthenticated(&self, _records: Vec<Put>) -> Result<Revision, Error> {
        Err(UNFINISHED)
    }

    /// Logs in: derives the key, counts the attempt durably, verifies, and verifies the chain of the file.
    ///
    /// Errors: [`Error::PinIncorrect`], [`Error::PinLocked`], [`Error::NotInitialised`], [`Error::ReadOnly`] (the
    /// failure cannot be counted), [`Error::KdfRefused`], [`Error::Tampered`].
    pub fn login(self: &Arc<Self>, _entry: Entry, _pin: &Secret) -> Result<Unlocked, Error> {
        Err(UNFINISHED)
    }

    /// Checks a PIN, with counting as in [`Vault::login`], and keeps nothing.
    pub fn verify_pin(self: &Arc<Self>, _entry: Entry, _pin: &Secret) -> Result<(), Error> {
        Err(UNFINISHED)
    }

    /// Initialises the token anew: verifies the SO PIN `new.so_pin` (counted as in [`Vault::login`]), then replaces the
    /// file by one without records and without a user PIN, with new keys and the same uuid. Logins of before are
    /// void, here and in other processes.
    pub fn reinitialise(self: &Arc<Self>, _new: NewToken<'_>) -> Result<Revision, Error> {
        Err(UNFINISHED)
    }
}

impl Unlocked {
    /// The vault that this opens.
    pub fn vault(&self) -> &Arc<Vault> {
        &self._vault
    }

    /// Whose PIN opened it.
    pub fn entry(&self) -> Entry {
        Entry::User
    }

    /// All records with their tags, after verification of the chain. Opens no secrets. No order is promised.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        Err(UNFINISHED)
    }

    /// One record with its tag, if it exists.
    pub fn record(&self, _id: RecordId) -> Result<Option<Record>, Error> {
        Err(UNFINISHED)
    }

    /// The metadata of a record.
    pub fn metadata(&self, _id: RecordId) -> Result<Vec<u8>, Error> {
        Err(UNFINISHED)
    }

    /// The secret part of a record; [`Error::NoSuchRecord`] also for one that has none.
    pub fn secret(&self, _id: RecordId) -> Result<Secret, Error> {
        Err(UNFINISHED)
    }

    /// Makes these changes, together or not at all. When it returns `Ok` they are durable.
    pub fn commit(&self, _changes: Vec<Change>) -> Result<Revision, Error> {
        Err(UNFINISHED)
    }

    /// Sets the PIN of an entry and its failure count to zero. Whether the caller may do that is the caller's to
    /// decide (C_InitPIN: the SO for the user; C_SetPIN: after [`Vault::verify_pin`]).
    pub fn set_entry(&self, _entry: Entry, _pin: &Secret, _kdf: Kdf) -> Result<Revision, Error> {
        Err(UNFINISHED)
    }

    /// Gives the token a new root key, in a new file: object keys are wrapped anew, payloads are copied as they are.
    pub fn rotate_root(&self) -> Result<Revision, Error> {
        Err(UNFINISHED)
    }

    /// Writes the live records into a new file and puts it in the place of the old one.
    pub fn compact(&self) -> Result<Revision, Error> {
        Err(UNFINISHED)
    }

    /// Verifies everything: each authentication code of the chain and each sealed part.
    pub fn verify(&self) -> Result<(), Error> {
        Err(UNFINISHED)
    }
}
