//! Objects as they are: read out whole, and made anew as they were. For backups; no C function comes here.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Attributes;
use crate::object::codec::decode;
use crate::policy::Function;
use crate::secret::Secret;
use crate::vault::{self, Unlocked};

use super::Token;
use super::handle::ObjectHandle;
use super::objects::put;
use super::table::Place;

/// A token object with everything that it is, as the token file keeps it (`docs/object-encoding.md`).
pub struct Whole {
    pub attributes: Secret,
    /// Empty where the object has none.
    pub secrets: Secret,
    /// False for one that was added without a login.
    pub authenticated: bool,
}

impl Token {
    /// The keys of the token file. Errors: CKR_USER_NOT_LOGGED_IN for anybody but the user and key managers.
    fn unlocked_by_user(&self) -> Result<Unlocked> {
        let role = self.role();
        match role.may(Function::Export) && role.may(Function::SeePrivate) {
            true => self.unlocked().ok_or(Error::UserNotLoggedIn),
            false => Err(Error::UserNotLoggedIn),
        }
    }

    /// Whether who is logged in may take keys out of the token, and so say what opens its backups. Errors: CKR_USER_NOT_LOGGED_IN
    /// for anybody but the user and key managers.
    pub fn check_exports(&self) -> Result<()> {
        self.unlocked_by_user().map(drop)
    }

    /// Every token object, in the order in which this process came to know them. Errors: CKR_USER_NOT_LOGGED_IN.
    pub fn token_objects(&self) -> Result<Vec<ObjectHandle>> {
        self.sync()?;
        self.unlocked_by_user()?;
        let entries = self.table.read().candidates(None, None, None);
        let in_file = entries.into_iter().filter(|entry| matches!(entry.place, Place::Record(_)));
        Ok(in_file.map(|entry| entry.handle).collect())
    }

    /// A token object with its secret attributes, whatever protects them from applications. `None`: it is gone. Errors:
    /// CKR_USER_NOT_LOGGED_IN.
    pub fn whole(&self, handle: ObjectHandle) -> Result<Option<Whole>> {
        let unlocked = self.unlocked_by_user()?;
        let Some(entry) = self.table.read().entry(handle) else { return Ok(None) };
        let Place::Record(id) = entry.place else { return Ok(None) };
        let read = || {
            let attributes = Secret::new(unlocked.metadata(id)?);
            let has_secret = unlocked.record(id)?.is_some_and(|record| record.has_secret);
            let secrets = if has_secret { unlocked.secret(id)? } else { Secret::default() };
            Ok(Whole { attributes, secrets, authenticated: entry.authenticated })
        };
        match read() {
            Err(vault::Error::NoSuchRecord) => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// Makes public objects that stay marked as added without a login, as they were where they come from.
    pub fn add_unauthenticated(&self, objects: Vec<Attributes>) -> Result<()> {
        let put = |attributes| put(vault::RecordId::random()?, attributes, None);
        self.vault.add_unauthenticated(objects.into_iter().map(put).collect::<Result<_>>()?)?;
        self.sync()
    }

    /// True where this is the PIN of the security officer; wrong ones are counted. Errors: CKR_PIN_LOCKED.
    pub fn is_officers_pin(&self, pin: &Secret) -> Result<bool> {
        match self.vault.verify_pin(vault::Entry::SecurityOfficer, pin) {
            Ok(()) => Ok(true),
            Err(vault::Error::PinIncorrect) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Whole {
    /// All attributes. Errors: CKR_DEVICE_ERROR for what is no encoding of an object.
    pub fn decoded(attributes: &Secret, secrets: &Secret) -> Result<Attributes> {
        let mut all = decode(attributes.as_bytes())?;
        if !secrets.is_empty() {
            for (id, value) in decode(secrets.as_bytes())? {
                all.set(id, value);
            }
        }
        if all.contains(CKA_CLASS) && all.is_true(CKA_TOKEN) { Ok(all) } else { Err(Error::DeviceError) }
    }
}
