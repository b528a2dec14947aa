//! Objects by handle: look up, find, create, change, destroy.

use std::sync::Arc;

use crate::lock::OnceCell;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::codec::{encode, encoded_len};
use crate::object::{Attributes, Object, SearchTemplate, Value, attribute, matches, split};
use crate::policy::{Function, Source, visible};
use crate::vault::{self, Change, Put, RecordId, SecretPart, Visibility};

use super::Token;
use super::event::{Event, What};
use super::handle::{ObjectHandle, SessionHandle};
use super::table::{Entry, Place};
use super::tag::{Tag, digest};

/// How often a change is tried again when other processes keep changing the same object.
pub(super) const CHANGE_ATTEMPTS: usize = 64;

impl Token {
    /// The object for a use of its key; looks for changes at most once a millisecond.
    /// Errors: CKR_OBJECT_HANDLE_INVALID, which callers turn into the code for their argument.
    pub fn key(&self, handle: ObjectHandle) -> Result<Arc<Object>> {
        self.sync_sometimes()?;
        let (_, object) = self.entry_object(handle)?;
        // Opened here, and not when the operation starts: that the key was destroyed meanwhile is told by the code for the
        // caller's argument. Any other obstacle is the operation's to tell, after the checks of its own.
        match object.secrets() {
            Err(Error::ObjectHandleInvalid) => Err(Error::ObjectHandleInvalid),
            _ => Ok(object),
        }
    }

    /// The object as the token file has it now.
    pub fn object(&self, handle: ObjectHandle) -> Result<Arc<Object>> {
        self.sync()?;
        self.entry_object(handle).map(|(_, object)| object)
    }

    pub(super) fn entry_object(&self, handle: ObjectHandle) -> Result<(Arc<Entry>, Arc<Object>)> {
        let entry = self.table.read().entry(handle).ok_or(Error::ObjectHandleInvalid)?;
        if entry.private && !self.role().may(Function::SeePrivate) {
            return Err(Error::ObjectHandleInvalid);
        }
        let object = self.object_of(&entry).map_err(|error| match error {
            // The user has logged out meanwhile.
            Error::UserNotLoggedIn if entry.private => Error::ObjectHandleInvalid,
            error => error,
        })?;
        Ok((entry, object))
    }

    /// True where the object is a session object.
    pub fn is_session_object(&self, handle: ObjectHandle) -> Result<bool> {
        let entry = self.table.read().entry(handle).ok_or(Error::ObjectHandleInvalid)?;
        Ok(matches!(entry.place, Place::Session(_)))
    }

    /// Objects that match, in the order in which this process came to know them. In a search by CKA_LABEL or CKA_ID, keys
    /// that were rotated come first, the newest version before the others: who takes the first that is found gets the
    /// one that may still be used.
    pub fn find(&self, search: &SearchTemplate) -> Result<Vec<ObjectHandle>> {
        self.sync()?;
        let role = self.role();
        let class = search.ulong(CKA_CLASS).map(|class| u32::try_from(class).unwrap_or(u32::MAX));
        let id = search.bytes(CKA_ID).map(digest);
        let label = search.bytes(CKA_LABEL).map(digest);
        let candidates = self.table.read().candidates(class, id, label);
        let by_name = id.is_some() || label.is_some();
        let mut versions = Vec::new();
        let mut found = Vec::new();
        found.try_reserve_exact(candidates.len())?;
        for entry in candidates {
            if entry.private && !role.may(Function::SeePrivate) {
                continue;
            }
            if let Some(fits) = told_by(&entry, search) {
                if fits {
                    found.push(entry.handle);
                }
                continue;
            }
            match self.object_of(&entry) {
                Ok(object) if visible(role, &object) && matches(&object, search) => {
                    found.push(entry.handle);
                    versions.push(object.attributes().ulong(CKA_COFFER_VERSION).unwrap_or(0));
                }
                Ok(_) | Err(Error::ObjectHandleInvalid) => {}
                // The user has logged out meanwhile.
                Err(Error::UserNotLoggedIn) if entry.private => {}
                Err(error) => return Err(error),
            }
        }
        if by_name && versions.iter().any(|version| *version > 1) {
            // Those that were never rotated keep their order.
            let mut ordered: Vec<_> = versions.into_iter().zip(found).collect();
            ordered.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
            found = ordered.into_iter().map(|(_, handle)| handle).collect();
        }
        Ok(found)
    }

    /// Makes objects, all or none of them; whether each is a session or a token object, its CKA_TOKEN tells.
    pub fn create_objects(
        &self,
        objects: Vec<Attributes>,
        session: SessionHandle,
        source: Source,
    ) -> Result<Vec<ObjectHandle>> {
        let mut places = Vec::new();
        let mut puts = Vec::new();
        let mut events = Vec::new();
        let mut in_memory = Vec::new();
        for attributes in objects {
            self.check_new_trust(&attributes)?;
            if attributes.is_true(CKA_TOKEN) {
                let id = RecordId::random()?;
                events.push(self.event(made_by(source, &attributes)).about(&attributes));
                puts.push(put(id, attributes, None)?);
                places.push(Place::Record(id));
            } else {
                let place = Place::Session(session);
                in_memory.push(in_memory_entry(self.new_handle(), place, attributes, None));
                places.push(place);
            }
        }
        let mut kept = in_memory.iter().map(|entry| entry.handle).collect::<Vec<_>>().into_iter();
        self.keep_in_memory(in_memory)?;
        if !puts.is_empty() {
            let added = self.add(puts, events).and_then(|()| self.sync());
            if let Err(error) = added {
                let mut table = self.table.write();
                kept.for_each(|handle| drop(table.remove(handle)));
                return Err(error);
            }
        }
        let table = self.table.read();
        let handles = places.into_iter().map(|place| match place {
            // Another process may have found and destroyed it already. It was created all the same: the caller gets
            // a handle, and CKR_OBJECT_HANDLE_INVALID when it is used.
            Place::Record(id) => table.handle_of(id).unwrap_or_else(|| self.new_handle()),
            Place::Session(_) => kept.next().unwrap_or_else(|| self.new_handle()),
        });
        Ok(handles.collect())
    }

    /// Makes a session object that is a copy, which counts nonces together with the original. Errors: those of
    /// `create_objects`.
    pub fn create_copy(
        &self,
        attributes: Attributes,
        original: &Object,
        session: SessionHandle,
    ) -> Result<ObjectHandle> {
        self.check_new_trust(&attributes)?;
        let entry = in_memory_entry(self.new_handle(), Place::Session(session), attributes, Some(original));
        let handle = entry.handle;
        self.keep_in_memory(vec![entry])?;
        Ok(handle)
    }

    /// Shows new session objects, all or none. Errors: CKR_USER_NOT_LOGGED_IN for private ones when the user has logged out
    /// meanwhile: they would outlive the logout.
    fn keep_in_memory(&self, entries: Vec<Entry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let login = self.login.read();
        if !login.role.may(Function::SeePrivate) && entries.iter().any(|entry| entry.private) {
            return Err(Error::UserNotLoggedIn);
        }
        let mut table = self.table.write();
        entries.into_iter().for_each(|entry| table.put(entry));
        Ok(())
    }

    /// Writes new records: with the keys where somebody is logged in, otherwise unauthenticated and without events, which
    /// cannot be sealed then.
    fn add(&self, puts: Vec<Put>, events: Vec<Event>) -> Result<()> {
        match self.unlocked() {
            Some(unlocked) => {
                self.commit_recorded(&unlocked, puts.into_iter().map(Change::Add).collect(), events)?;
            }
            None => drop(self.vault.add_unauthenticated(puts).map_err(needs_login_or)?),
        }
        Ok(())
    }

    /// Changes an object: `change` makes the new attributes (without the secret ones, which stay) from the present
    /// object, and is asked again if another process has changed it meanwhile.
    pub fn change(&self, handle: ObjectHandle, change: impl Fn(&Object) -> Result<Attributes>) -> Result<()> {
        self.change_as(Some(What::Changed), handle, change)
    }

    /// As [`Token::change`], told by another event, or by none.
    pub fn change_as(
        &self,
        what: Option<What>,
        handle: ObjectHandle,
        change: impl Fn(&Object) -> Result<Attributes>,
    ) -> Result<()> {
        for _ in 0..CHANGE_ATTEMPTS {
            self.sync()?;
            let (entry, object) = self.entry_object(handle)?;
            let attributes = change(&object)?;
            let consent = self.consent_to_trust(&object, &attributes)?;
            let Place::Record(id) = entry.place else {
                // Nothing is written, with which the consent could be used up.
                if consent.is_some() {
                    return Err(Error::ActionProhibited);
                }
                let mut all = attributes;
                for (attribute, value) in object.secrets()?.iter() {
                    all.set(attribute, value.clone());
                }
                let changed = in_memory_entry(handle, entry.place, all, Some(&object));
                // Another thread may have changed or destroyed it.
                if self.table.write().replace(&entry, changed) {
                    return Ok(());
                }
                continue;
            };
            let unlocked = self.unlocked().ok_or(Error::UserNotLoggedIn)?;
            let kept = unlocked.record(id)?.is_some_and(|record| record.has_secret);
            let secret = if kept { SecretPart::Keep } else { SecretPart::None };
            let mut event = what.map(|what| self.changed(what, &object, &attributes));
            let put = put(id, attributes, Some(secret))?;
            let mut changes = vec![Change::Replace { put, expected: Some(entry.sequence) }];
            if let Some(consent) = &consent {
                changes.push(consent.spent());
                event = event.map(|event| consent.tell(event));
            }
            match self.commit_recorded(&unlocked, changes, event.into_iter().collect()) {
                Ok(()) => return self.sync(),
                Err(vault::Error::Conflict) => continue,
                // The object, or the consent; the next look tells.
                Err(vault::Error::NoSuchRecord) if consent.is_some() => continue,
                Err(vault::Error::NoSuchRecord) => return Err(Error::ObjectHandleInvalid),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::FunctionFailed)
    }

    /// The event of a change: which attributes, not what they hold.
    fn changed(&self, what: What, before: &Object, after: &Attributes) -> Event {
        let before = before.attributes();
        let changed = after.iter().filter(|(attribute, value)| before.value(*attribute) != Some(*value));
        let name = |attribute| attribute::lookup(attribute).map_or("unknown", |info| info.name);
        let names: Vec<_> = changed.map(|(attribute, _)| name(attribute)).collect();
        self.event(what).about(after).detail(&names.join(" "))
    }

    /// C_DestroyObject. Errors: CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN; CKR_ACTION_PROHIBITED where it is under dual
    /// control and others have not approved it.
    pub fn destroy(&self, handle: ObjectHandle) -> Result<()> {
        let (entry, object) = self.entry_object(handle)?;
        if matches!(entry.place, Place::Session(_)) {
            return self.table.write().remove(handle).map(|_| ()).ok_or(Error::ObjectHandleInvalid);
        }
        self.transact(|batch| {
            batch.destroy(handle)?;
            batch.event(self.event(What::Destroyed).about(object.attributes()));
            Ok(())
        })
    }

    /// Bytes that the object takes in the token file or in memory, without what is sealed apart.
    pub fn object_size(&self, handle: ObjectHandle) -> Result<usize> {
        Ok(encoded_len(self.object(handle)?.attributes()))
    }

    /// The session is closed: its objects are gone.
    pub fn drop_session_objects(&self, session: SessionHandle) {
        self.table.write().retain(|entry| entry.place != Place::Session(session));
    }
}

/// The entry of a session object, which may be the changed form of an earlier one, or a copy.
fn in_memory_entry(
    handle: ObjectHandle,
    place: Place,
    attributes: Attributes,
    before: Option<&Object>,
) -> Entry {
    let tag = Tag::of(&attributes);
    let private = attributes.is_true(CKA_PRIVATE);
    let (metadata, secrets) = split(attributes);
    let object = Object::new(metadata.into_iter().chain(secrets).collect());
    let object = match before {
        Some(before) => object.succeeding(before),
        None => object,
    };
    let object = OnceCell::with_value(Arc::new(object));
    Entry { handle, place, tag, private, sequence: 0, authenticated: true, object, lasting: None }
}

/// Whether a candidate matches, where the search asks for nothing but what entries tell, so that no object needs to be
/// opened; `None` where the object itself must be asked.
fn told_by(entry: &Entry, search: &SearchTemplate) -> Option<bool> {
    if search.matches_nothing() {
        return Some(false);
    }
    search.attributes().iter().try_fold(true, |fits, (attribute, wanted)| {
        let holds = match attribute {
            // Candidates were chosen by it.
            CKA_CLASS => true,
            CKA_TOKEN => *wanted == Value::Bool(matches!(entry.place, Place::Record(_))),
            CKA_PRIVATE => *wanted == Value::Bool(entry.private),
            _ => return None,
        };
        Some(fits && holds)
    })
}

/// How an event calls the making of an object.
fn made_by(source: Source, attributes: &Attributes) -> What {
    let key = matches!(attributes.ulong(CKA_CLASS), Some(CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY));
    match source {
        Source::Imported if key => What::Imported,
        Source::Imported => What::Created,
        Source::Generated => What::Generated,
        Source::Unwrapped => What::Unwrapped,
        Source::Derived => What::Derived,
        Source::Copied => What::Copied,
    }
}

/// The record of an object. `secret`: what to do with the secret part; `None` seals that of `attributes`.
pub(super) fn put(id: RecordId, attributes: Attributes, secret: Option<SecretPart>) -> Result<Put> {
    let tag = Tag::of(&attributes).encode();
    let visibility = if attributes.is_true(CKA_PRIVATE) { Visibility::Private } else { Visibility::Public };
    let (metadata, secrets) = split(attributes);
    let secret = match secret {
        Some(secret) => secret,
        None if secrets.is_empty() => SecretPart::None,
        None => SecretPart::New(encode(&secrets)?),
    };
    Ok(Put { id, visibility, tag, metadata: encode(&metadata)?.as_bytes().to_vec(), secret })
}

fn needs_login_or(error: vault::Error) -> Error {
    match error {
        vault::Error::NotAllowed => Error::UserNotLoggedIn,
        error => error.into(),
    }
}
