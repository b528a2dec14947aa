//! Keeping the table of objects at what the token file says, whoever has changed it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::lock::OnceCell;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::codec::decode;
use crate::object::{Object, Value};
use crate::reserve;
use crate::vault::{self, Changes, Record, RecordId, Revision, Unlocked, Visibility};

use super::Token;
use super::batch::LedgerTag;
use super::handle::ObjectHandle;
use super::table::{Entry, Place, Table};
use super::tag::Tag;

/// The use of a key asks the file for changes at most so often, in milliseconds.
const CHECK_INTERVAL: u64 = 1;
/// So many objects of the token file are kept open; an index of all of them is always there.
const OPENED: usize = if cfg!(test) { 4 } else { 8192 };

/// What has happened to the token file.
enum News {
    /// Nothing but to records.
    Records,
    /// Perhaps to PINs and keys, too.
    Anything,
    /// The token was initialised anew.
    Reinitialised,
}

impl Token {
    /// Brings the table up to date: one read of 64 bytes where nothing has changed. Errors: CKR_SESSION_CLOSED where
    /// another process has initialised the token anew, which ends all sessions.
    pub(super) fn sync(&self) -> Result<()> {
        if self.catch_up()? { Err(Error::SessionClosed) } else { Ok(()) }
    }

    /// As `sync`; true where the token was initialised anew.
    pub(super) fn catch_up(&self) -> Result<bool> {
        match self.take_in() {
            Ok(News::Records) => Ok(false),
            Ok(News::Anything) => {
                self.drop_void_login();
                Ok(false)
            }
            Ok(News::Reinitialised) => {
                self.end_sessions();
                Ok(true)
            }
            Err(error) => {
                self.drop_void_login();
                Err(error)
            }
        }
    }

    /// Shows what has happened.
    fn take_in(&self) -> Result<News> {
        let mut known = self.known.lock();
        // With the lock held: after a logout nobody lists what its keys have opened.
        let unlocked = self.unlocked();
        let (revision, news) = match self.vault.refresh(*known)? {
            Changes::None => return Ok(News::Records),
            Changes::Records { revision, ids, info } => {
                if info {
                    self.read_information();
                }
                let mut table = self.table.write();
                for id in ids {
                    self.show(&mut table, id, unlocked.as_ref())?;
                }
                (revision, if info { News::Anything } else { News::Records })
            }
            Changes::All { revision } => {
                self.read_information();
                self.list(unlocked.as_ref())?;
                (revision, News::Anything)
            }
            Changes::Reinitialised { revision } => (revision, News::Reinitialised),
        };
        *known = revision;
        Ok(news)
    }

    /// As `sync`, but asks the file at most once a millisecond: the use of a key makes no system call.
    pub(super) fn sync_sometimes(&self) -> Result<()> {
        let now = self.opened.elapsed().as_millis() as u64;
        let last = self.checked.load(Ordering::Relaxed);
        if now.saturating_sub(last) < CHECK_INTERVAL {
            return Ok(());
        }
        self.sync()?;
        // Only now: who does not look relies on a look that is over.
        self.checked.store(now, Ordering::Relaxed);
        Ok(())
    }

    /// After a login: private objects too, and public ones verified.
    pub(super) fn list_all(&self) -> Result<()> {
        let mut known = self.known.lock();
        let Some(unlocked) = self.unlocked() else { return Err(Error::UserNotLoggedIn) };
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
        let mut table = self.table.write();
        if table.shows_records() {
            let mut present = std::collections::HashSet::new();
            reserve::need(present.try_reserve(records.len()));
            present.extend(records.iter().map(|record| record.id));
            table.retain(|entry| match entry.place {
                Place::Record(id) => present.contains(&id),
                Place::Session(_) => true,
            });
        }
        table.clear_ledger();
        let mut new = Vec::new();
        reserve::need(new.try_reserve(records.len()));
        for record in &records {
            reserve::check();
            match self.entry_of(&mut table, record, unlocked.is_some()) {
                Some(entry) if table.entry(entry.handle).is_none() => new.push(Arc::new(entry)),
                Some(entry) => table.put(entry),
                None => {}
            }
        }
        table.put_new(new);
        Ok(())
    }

    /// Shows what one record is now.
    fn show(&self, table: &mut Table, id: RecordId, unlocked: Option<&Unlocked>) -> Result<()> {
        let record = match unlocked {
            Some(unlocked) => unlocked.record(id)?,
            None => self.vault.record(id).filter(|record| record.visibility == Visibility::Public),
        };
        match record {
            Some(record) => {
                if let Some(entry) = self.entry_of(table, &record, unlocked.is_some()) {
                    table.put(entry);
                }
            }
            None => {
                if let Some(handle) = table.handle_of(id) {
                    table.remove(handle);
                }
                table.remove_ledger(id);
            }
        }
        Ok(())
    }

    /// The entry of a record that is an object, with its handle or a new one; one of the ledger is put there.
    fn entry_of(&self, table: &mut Table, record: &Record, verified: bool) -> Option<Entry> {
        let tag = record.tag.as_deref().unwrap_or_default();
        if let Some(tag) = LedgerTag::decode(tag) {
            table.put_ledger(record.id, tag, record.sequence);
            return None;
        }
        let tag = Tag::decode(tag)?;
        let handle = table.handle_of(record.id).unwrap_or_else(|| self.new_handle());
        // Only of a key that somebody who is logged in has opened, and for as long.
        let lasting = if verified { table.lasting_of(handle) } else { None };
        Some(Entry {
            handle,
            place: Place::Record(record.id),
            tag,
            private: record.visibility == Visibility::Private,
            sequence: record.sequence,
            authenticated: record.authenticated && verified,
            object: OnceCell::new(),
            lasting,
        })
    }

    /// The object of an entry, read from the token file at its first use.
    pub(super) fn object_of(&self, entry: &Entry) -> Result<Arc<Object>> {
        let Place::Record(id) = entry.place else {
            return entry.object.get().cloned().ok_or(Error::ObjectHandleInvalid);
        };
        let mut fresh = false;
        let object = entry.object.get_or_try_init(|| {
            fresh = true;
            self.read(id, entry)
        })?;
        if fresh {
            self.limit_opened(entry.handle);
        }
        Ok(Arc::clone(object))
    }

    /// Lets go of the object that was opened first when too many are open. Who uses it keeps it; the next use reads it
    /// again.
    fn limit_opened(&self, handle: ObjectHandle) {
        let mut opened = self.open_objects.lock();
        opened.push_back(handle);
        let oldest = if opened.len() > OPENED { opened.pop_front() } else { None };
        drop(opened);
        if let Some(oldest) = oldest {
            self.table.write().close(oldest);
        }
    }

    fn read(&self, id: RecordId, entry: &Entry) -> Result<Arc<Object>> {
        let unlocked = self.unlocked();
        let metadata = match &unlocked {
            Some(unlocked) => unlocked.metadata(id),
            None => self.vault.metadata(id),
        };
        let metadata = metadata.map_err(gone_or)?;
        let mut attributes = decode(&metadata)?;
        if !entry.authenticated && attributes.contains(CKA_TRUSTED) {
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
        let object = Object::sealed(attributes, Box::new(opener));
        Ok(Arc::new(match &entry.lasting {
            Some(lasting) => object.with_lasting(Arc::clone(lasting)),
            None => object,
        }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::object::{Attributes, SearchTemplate};
    use crate::policy::{Profile, Role, Source};
    use crate::secret::Secret;
    use crate::store::MemoryBackend;
    use crate::token::{Identity, SessionHandle, Settings, SlotId, padded};

    fn token() -> Token {
        let mut config = Config::with_home("/nowhere");
        config.pin.kdf_iterations = 10_000;
        let (so_pin, pin) = (Secret::copy_of(b"5678"), Secret::copy_of(b"1234"));
        let identity = Identity {
            slot: SlotId(0),
            label: padded("t"),
            serial: padded("1"),
            profile: Profile::Compatible,
            settings: Settings::default(),
        };
        let token =
            Token::create(Arc::new(MemoryBackend::new()), Arc::new(config), &identity, &so_pin).unwrap();
        token.session_opened(true).unwrap();
        token.log_in(Role::SecurityOfficer, &so_pin).unwrap();
        token.init_pin(&pin).unwrap();
        token.log_out().unwrap();
        token.log_in(Role::User, &pin).unwrap();
        token
    }

    fn data(label: &str, in_file: bool) -> Attributes {
        Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_DATA)),
            (CKA_TOKEN, Value::Bool(in_file)),
            (CKA_PRIVATE, Value::Bool(true)),
            (CKA_LABEL, Value::Bytes(label.into())),
        ])
    }

    fn search(entries: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> SearchTemplate {
        let mut search = SearchTemplate::new();
        for (attribute, value) in entries {
            search.push(*attribute, value).unwrap();
        }
        search
    }

    #[test]
    fn more_objects_than_are_kept_open_are_all_found_and_read() {
        let token = token();
        let labels: Vec<String> = (0..3 * OPENED).map(|number| format!("object {number}")).collect();
        let objects = labels.iter().map(|label| data(label, true)).collect();
        let handles = token.create_objects(objects, SessionHandle(1), Source::Generated).unwrap();
        let first = token.object(handles[0]).unwrap();
        for _ in 0..2 {
            for (label, handle) in labels.iter().zip(&handles) {
                assert_eq!(token.find(&search(&[(CKA_LABEL, label.as_bytes())])).unwrap(), [*handle]);
                assert_eq!(token.object(*handle).unwrap().bytes(CKA_LABEL), Some(label.as_bytes()));
            }
        }
        // Who had it keeps it, and the token reads it anew.
        assert_eq!(first.bytes(CKA_LABEL), Some(labels[0].as_bytes()));
        assert!(!Arc::ptr_eq(&first, &token.object(handles[0]).unwrap()));
        let open =
            |handle| token.table.read().entry(handle).is_some_and(|entry| entry.object.get().is_some());
        assert_eq!(handles.iter().filter(|handle| open(**handle)).count(), OPENED);
    }

    #[test]
    fn a_search_by_what_entries_tell_opens_no_object() {
        let token = token();
        let in_file = token
            .create_objects(vec![data("a", true), data("b", true)], SessionHandle(1), Source::Generated)
            .unwrap();
        let in_memory =
            token.create_objects(vec![data("c", false)], SessionHandle(1), Source::Generated).unwrap();
        let class = CKO_DATA.to_ne_bytes();
        assert_eq!(token.find(&search(&[])).unwrap().len(), 3);
        assert_eq!(token.find(&search(&[(CKA_CLASS, &class), (CKA_TOKEN, &[1])])).unwrap(), in_file);
        assert_eq!(token.find(&search(&[(CKA_TOKEN, &[0]), (CKA_PRIVATE, &[1])])).unwrap(), in_memory);
        assert!(token.find(&search(&[(CKA_PRIVATE, &[0])])).unwrap().is_empty());
        assert!(token.find(&search(&[(CKA_CLASS, &CKO_SECRET_KEY.to_ne_bytes())])).unwrap().is_empty());
        assert!(token.find(&search(&[(CKA_CLASS, b"junk")])).unwrap().is_empty());
        let opened =
            |handle| token.table.read().entry(handle).is_some_and(|entry| entry.object.get().is_some());
        assert!(in_file.iter().all(|handle| !opened(*handle)));
    }
}
