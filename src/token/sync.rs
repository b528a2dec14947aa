//! Keeping the table of objects at what the token file says, whoever has changed it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use once_cell::sync::OnceCell;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::codec::decode;
use crate::object::{Object, Value};
use crate::vault::{self, Changes, Record, RecordId, Revision, Unlocked, Visibility};

use super::Token;
use super::table::{Entry, Place, Table};
use super::tag::Tag;

/// The use of a key asks the file for changes at most so often, in milliseconds.
const CHECK_INTERVAL: u64 = 1;

impl Token {
    /// Brings the table up to date: one read of 64 bytes where nothing has changed.
    pub(super) fn sync(&self) -> Result<()> {
        let unlocked = self.unlocked();
        let mut known = self.known.lock();
        let revision = match self.vault.refresh(*known)? {
            Changes::None => return Ok(()),
            Changes::Records { revision, ids, .. } => {
                let mut table = self.table.write();
                for id in ids {
                    self.show(&mut table, id, unlocked.as_ref())?;
                }
                revision
            }
            Changes::All { revision } => {
                self.list(unlocked.as_ref())?;
                revision
            }
            Changes::Reinitialised { revision } => {
                *known = revision;
                drop(known);
                self.end_login();
                return Ok(());
            }
        };
        *known = revision;
        Ok(())
    }

    /// As `sync`, but asks the file at most once a millisecond: the use of a key makes no system call.
    pub(super) fn sync_sometimes(&self) -> Result<()> {
        let now = self.opened.elapsed().as_millis() as u64;
        let last = self.checked.load(Ordering::Relaxed);
        if now.saturating_sub(last) < CHECK_INTERVAL {
            return Ok(());
        }
        self.checked.store(now, Ordering::Relaxed);
        self.sync()
    }

    /// After a login: private objects too, and public ones verified.
    pub(super) fn list_all(&self) -> Result<()> {
        let Some(unlocked) = self.unlocked() else { return Err(Error::UserNotLoggedIn) };
        let mut known = self.known.lock();
        let revision = self.vault.revision();
        self.list(Some(&unlocked))?;
        *known = revision;
        Ok(())
    }

    /// Without a login: public objects only. Private session objects are gone, too.
    pub(super) fn list_public(&self) {
        let mut known = self.known.lock();
        let revision = self.vault.revision();
        self.table.write().retain(|entry| !entry.private);
        // Without keys there is nothing that could fail to open.
        let _ = self.list(None);
        *known = revision;
    }

    /// Lists every record anew; handles of records that are still there stay.
    fn list(&self, unlocked: Option<&Unlocked>) -> Result<()> {
        let mut records = match unlocked {
            Some(unlocked) => unlocked.records()?,
            None => self.vault.public_records(),
        };
        records.sort_unstable_by_key(|record| record.sequence);
        let present: std::collections::HashSet<RecordId> = records.iter().map(|record| record.id).collect();
        let mut table = self.table.write();
        table.retain(|entry| match entry.place {
            Place::Record(id) => present.contains(&id),
            Place::Session(_) => true,
        });
        for record in records {
            self.put(&mut table, record, unlocked.is_some());
        }
        Ok(())
    }

    /// Shows what one record is now.
    fn show(&self, table: &mut Table, id: RecordId, unlocked: Option<&Unlocked>) -> Result<()> {
        let record = match unlocked {
            Some(unlocked) => unlocked.record(id)?,
            None => self.vault.record(id).filter(|record| record.visibility == Visibility::Public),
        };
        match record {
            Some(record) => self.put(table, record, unlocked.is_some()),
            None => {
                if let Some(handle) = table.handle_of(id) {
                    table.remove(handle);
                }
            }
        }
        Ok(())
    }

    fn put(&self, table: &mut Table, record: Record, verified: bool) {
        let Some(tag) = record.tag.as_deref().and_then(Tag::decode) else { return };
        let handle = table.handle_of(record.id).unwrap_or_else(|| self.new_handle());
        table.put(Entry {
            handle,
            place: Place::Record(record.id),
            tag,
            private: record.visibility == Visibility::Private,
            sequence: record.sequence,
            authenticated: record.authenticated && verified,
            object: OnceCell::new(),
        });
    }

    /// The object of an entry, read from the token file at its first use.
    pub(super) fn object_of(&self, entry: &Entry) -> Result<Arc<Object>> {
        let Place::Record(id) = entry.place else {
            return entry.object.get().cloned().ok_or(Error::ObjectHandleInvalid);
        };
        entry.object.get_or_try_init(|| self.read(id, entry.authenticated)).cloned()
    }

    fn read(&self, id: RecordId, authenticated: bool) -> Result<Arc<Object>> {
        let unlocked = self.unlocked();
        let metadata = match &unlocked {
            Some(unlocked) => unlocked.metadata(id),
            None => self.vault.metadata(id),
        };
        let metadata = metadata.map_err(gone_or)?;
        let mut attributes = decode(&metadata)?;
        if !authenticated && attributes.contains(CKA_TRUSTED) {
            // Nobody who holds the keys has said so.
            attributes.set(CKA_TRUSTED, Value::Bool(false));
        }
        let record = self.vault.record(id).ok_or(Error::ObjectHandleInvalid)?;
        if !record.has_secret {
            return Ok(Arc::new(Object::new(attributes)));
        }
        let opener = move || match unlocked.as_ref() {
            Some(unlocked) => decode(unlocked.secret(id).map_err(gone_or)?.as_bytes()),
            None => Err(Error::UserNotLoggedIn),
        };
        Ok(Arc::new(Object::sealed(attributes, Box::new(opener))))
    }

    /// The revision that the table shows.
    pub fn revision(&self) -> Revision {
        *self.known.lock()
    }
}

/// A record that another process has just deleted is an object that is not there.
fn gone_or(error: vault::Error) -> Error {
    match error {
        vault::Error::NoSuchRecord => Error::ObjectHandleInvalid,
        error => error.into(),
    }
}
