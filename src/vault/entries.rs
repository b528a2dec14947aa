//! The entries: who has a PIN, and what it opens.

use std::sync::Arc;

use super::commit::Group;
use super::format::Kind;
use super::keys::{Keys, NewEntry, pin_key};
use super::record::{Holds, Wrap, encode_end};
use super::salvage::SavedEntry;
use super::seal::Key;
use super::types::{Change, Committed, Entry, Kdf, MAXIMUM_ABOUT, Revision, Visibility};
use super::unlocked::Unlocked;
use super::write::Writing;
use super::{Error, Vault, pin, random};
use crate::crypto::recipient::PublicHalf;
use crate::secret::Secret;

impl Vault {
    /// Who has a PIN, and what was said about each (see [`Unlocked::add_entry`]). Not verified before a login.
    pub fn entries(&self) -> Vec<(Entry, Vec<u8>)> {
        let view = self.view.read();
        let named = |wrap: &Wrap| Some((Entry::of_number(wrap.entry)?, wrap.about.clone()));
        view.state.wraps.values().filter_map(named).collect()
    }
}

impl Unlocked {
    /// As [`Vault::entries`], after verification of the chain.
    pub fn entries(&self) -> Result<Vec<(Entry, Vec<u8>)>, Error> {
        self.keys()?;
        Ok(self.vault().entries())
    }

    /// Whether the PIN of this login opens the objects (see [`super::NewToken::separated`]).
    pub fn opens_objects(&self) -> Result<bool, Error> {
        Ok(self.keys()?.open_objects())
    }

    /// Sets the PIN of an entry and its failure count to zero. Whether the caller may do that is the caller's to
    /// decide (C_InitPIN: the SO for the user; C_SetPIN: after [`Vault::verify_pin`]). What is said about the entry, and what
    /// it opens, stay. [`Error::NotAllowed`] where it opens more than the caller's.
    ///
    /// One new entry is appended; then, where an older one was there, the file is compacted, because whoever knows the
    /// old PIN could open what is left of it. Where that is not possible it happens with the next compaction. A separated token
    /// also gets a new root key, if the caller opens the objects.
    pub fn set_entry(&self, entry: Entry, pin: &Secret, kdf: Kdf) -> Result<Revision, Error> {
        self.set_entry_with(entry, pin, kdf, Vec::new()).map(|committed| committed.revision)
    }

    /// As [`Unlocked::set_entry`], with these changes in the same transaction.
    pub fn set_entry_with(
        &self,
        entry: Entry,
        pin: &Secret,
        kdf: Kdf,
        changes: Vec<Change>,
    ) -> Result<Committed, Error> {
        let (salt, new_key) = self.derive(pin, kdf)?;
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        let present = writing.state(|state| state.wraps.get(&entry.number()).cloned());
        let replaces = present.is_some();
        let (holds, about) = present.map_or((Holds::Root, Vec::new()), |wrap| (wrap.holds, wrap.about));
        let new = NewEntry { entry, holds, salt, kdf, about };
        let committed = self.write_entry(&writing, &keys, new, new_key, &changes)?;
        if replaces {
            self.forget_entry(&writing, &keys)?;
        }
        Ok(committed)
    }

    /// Lets whoever has the private half of this key open the token, as a further role that is called so (`about`, as for
    /// [`Unlocked::add_entry`]), in the place of the key that the role has had. Unlike a PIN's, the entry gives nothing away to who
    /// has held an older root key, and outlives rotations all the same. `changes` are made in the same transaction. Errors:
    /// [`Error::NotAllowed`] for who does not open the objects; [`Error::TooLarge`].
    pub fn set_public_entry(
        &self,
        entry: Entry,
        public: &PublicHalf,
        about: Vec<u8>,
        changes: Vec<Change>,
    ) -> Result<Committed, Error> {
        if about.len() > MAXIMUM_ABOUT || !matches!(entry, Entry::Other(_)) {
            return Err(Error::TooLarge);
        }
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        let replaces = writing.state(|state| state.wraps.contains_key(&entry.number()));
        let wrap = keys.wrap_for(entry, public, about)?;
        let mut group = Group::new(&writing, &keys);
        let events = group.add(&changes)?;
        group.add_record(Kind::Wrap, wrap.encode());
        let revision = group.finish(self)?;
        if replaces {
            self.forget_entry(&writing, &keys)?;
        }
        Ok(Committed { revision, events })
    }

    /// Writes the file anew without the entry that was replaced, where that is possible; a separated token under a new root
    /// key, if these keys can give it one.
    fn forget_entry(&self, writing: &Writing<'_>, keys: &Arc<Keys>) -> Result<(), Error> {
        // The SO of a separated token, who has set the first user PIN, may have kept a copy of the file that it opens.
        let next = if keys.realm().separated { keys.next().ok() } else { None };
        if self.write_snapshot(writing, keys, next.as_ref()).is_ok() {
            self.keys()?;
        }
        Ok(())
    }

    /// Gives a further role a PIN. `choose`: its entry, from those that are there; `None` refuses. `about`: opaque bytes,
    /// readable before a login, at most [`MAXIMUM_ABOUT`]. `opens_objects`: false gives the administration key alone, and is
    /// possible in separated tokens. `changes` are made in the same transaction. Errors: [`Error::RecordExists`] where the entry
    /// is refused or taken; [`Error::NotAllowed`] for one that opens more than the caller's; [`Error::TooLarge`].
    pub fn add_entry(
        &self,
        choose: impl FnOnce(&[(Entry, Vec<u8>)]) -> Option<Entry>,
        pin: &Secret,
        kdf: Kdf,
        (about, opens_objects): (Vec<u8>, bool),
        changes: Vec<Change>,
    ) -> Result<Committed, Error> {
        if about.len() > MAXIMUM_ABOUT {
            return Err(Error::TooLarge);
        }
        let (salt, new_key) = self.derive(pin, kdf)?;
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        let entry = choose(&self.vault().entries()).ok_or(Error::RecordExists)?;
        if writing.state(|state| state.wraps.contains_key(&entry.number())) {
            return Err(Error::RecordExists);
        }
        let holds = if opens_objects { Holds::Root } else { Holds::Administration };
        self.write_entry(&writing, &keys, NewEntry { entry, holds, salt, kdf, about }, new_key, &changes)
    }

    /// Takes over entries that were saved from another file (see [`super::salvage`]), each with the PIN or public key that it had. An entry
    /// that is there already stays.
    pub fn adopt_entries(&self, entries: &[SavedEntry]) -> Result<(), Error> {
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        let is_new =
            |saved: &&SavedEntry| !writing.state(|state| state.wraps.contains_key(&saved.wrap.entry));
        let mut group = Group::new(&writing, &keys);
        let mut any = false;
        for SavedEntry { wrap, closer } in entries.iter().filter(is_new) {
            group.add_record(Kind::Wrap, keys.adopt(wrap, closer)?.encode());
            any = true;
        }
        if any { group.finish(self).map(drop) } else { Ok(()) }
    }

    fn derive(&self, pin: &Secret, kdf: Kdf) -> Result<([u8; 32], Key), Error> {
        let salt = random::bytes()?;
        Ok((salt, pin_key(pin, &salt, kdf, &self.vault().options)?))
    }

    fn write_entry(
        &self,
        writing: &Writing<'_>,
        keys: &Arc<Keys>,
        new: NewEntry,
        new_key: Key,
        changes: &[Change],
    ) -> Result<Committed, Error> {
        let entry = new.entry;
        let wrap = keys.wrap(new, &new_key)?;
        let mut group = Group::new(writing, keys);
        let events = group.add(changes)?;
        group.add_record(Kind::Wrap, wrap.encode());
        let revision = group.finish(self)?;
        self.changed_pin(entry, new_key);
        pin::set(&*writing.image, keys.instance(), entry.number(), 0, true)?;
        Ok(Committed { revision, events })
    }

    /// Takes the PIN of a further role away, and makes these changes in the same transaction. Then the token gets a new root
    /// key, so that the old PIN opens nothing of the new file, and logins of the role that last are void; where that is not
    /// possible, or the caller does not open the objects, what is left of the entry stays until the next compaction.
    /// Errors: [`Error::NotInitialised`] where the role has no PIN; [`Error::NotAllowed`] for the SO and the user.
    pub fn end_entry(&self, entry: Entry, changes: Vec<Change>) -> Result<Committed, Error> {
        if !matches!(entry, Entry::Other(_)) {
            return Err(Error::NotAllowed);
        }
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        if !writing.state(|state| state.wraps.contains_key(&entry.number())) {
            return Err(Error::NotInitialised);
        }
        let mut group = Group::new(&writing, &keys);
        let events = group.add(&changes)?;
        group.add_record(Kind::Wrap, encode_end(entry.number(), keys.version()));
        let revision = group.finish(self)?;
        pin::set(&*writing.image, keys.instance(), entry.number(), 0, true)?;
        let next = keys.next().ok();
        if self.write_snapshot(&writing, &keys, next.as_ref()).is_ok() {
            self.keys()?;
        }
        Ok(Committed { revision, events })
    }

    /// Gives a separated token a new root key, without knowing the old one, and the user this PIN: every record that is private
    /// or has a secret is gone, and with it the entry of every role that held the old root key. The administration's login goes
    /// on. `changes` are made before it. Errors: [`Error::NotAllowed`] in a token that is not separated, and for a login that opens the objects.
    pub fn start_anew(&self, user_pin: &Secret, kdf: Kdf, changes: Vec<Change>) -> Result<Committed, Error> {
        let (salt, new_key) = self.derive(user_pin, kdf)?;
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        if keys.open_objects() {
            return Err(Error::NotAllowed);
        }
        let mut group = Group::new(&writing, &keys);
        let events = group.add(&changes)?;
        group.finish(self)?;
        let version = keys.version().checked_add(1).ok_or(Error::TooLarge)?;
        let next = Keys::random(version, keys.realm())?;
        let mut wraps = Vec::new();
        for wrap in writing.state(|state| state.wraps.clone()).into_values() {
            match wrap.holds {
                Holds::Administration => wraps.push(keys.rewrap(&wrap, &next)?),
                // Zero before the new file copies the counts.
                Holds::Root => pin::set(&*writing.image, keys.instance(), wrap.entry, 0, true)?,
            }
        }
        let about = Vec::new();
        let user = NewEntry { entry: Entry::User, holds: Holds::Root, salt, kdf, about };
        wraps.push(next.wrap(user, &new_key)?);
        let revision = self.write_selected(&writing, &keys, Some(&next), &wraps, |slot| {
            slot.visibility() == Visibility::Public && !slot.has_secret
        })?;
        self.keys()?;
        Ok(Committed { revision, events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryBackend;
    use crate::vault::{NewToken, Options};

    /// The SO of a separated token holds the MAC key, and can put any entry into the file.
    #[test]
    fn an_entry_that_was_not_made_with_the_root_key_is_found_by_verification_and_stops_rotations() {
        let (so_pin, user_pin) = (Secret::copy_of(b"so pin"), Secret::copy_of(b"user pin"));
        let kdf = Kdf::Pbkdf2Sha512 { iterations: 1 };
        let options = Options { minimum_iterations: 1, ..Options::default() };
        let new = NewToken {
            info: Vec::new(),
            so_pin: &so_pin,
            kdf,
            allow_readonly_login: false,
            pin_limit: 10,
            separated: true,
        };
        let vault = Vault::create(Arc::new(MemoryBackend::new()), options, new).unwrap();
        let officer = vault.login(Entry::SecurityOfficer, &so_pin).unwrap();
        officer.start_anew(&user_pin, kdf, Vec::new()).unwrap();
        let user = vault.login(Entry::User, &user_pin).unwrap();
        user.verify(|_, _| {}).unwrap();

        let wrap = |vault: &Vault| vault.view.read().state.wraps.get(&Entry::User.number()).cloned().unwrap();
        let forged = Wrap { entry: Entry::Other(7).number(), ..wrap(&vault) };
        let writing = vault.begin().unwrap();
        let keys = officer.keys().unwrap();
        let mut group = Group::new(&writing, &keys);
        group.add_record(Kind::Wrap, forged.encode());
        group.finish(&officer).unwrap();
        drop(writing);
        assert!(matches!(
            user.verify(|_, _| {}),
            Err(Error::Damaged { offset, what: "the entry of a role was not made with the keys" }) if offset > 2048
        ));
        assert_eq!(user.rotate_root().err(), Some(Error::KeysChanged));
        // Who opens no objects cannot tell.
        officer.verify(|_, _| {}).unwrap();
    }
}
