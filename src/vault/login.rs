//! Logins: who knows a PIN gets the keys, and who does not is counted.
//!
//! The slow derivation of the key runs without any lock; then, under the lock, the attempt is counted durably, verified,
//! and the count set back when it was right. No attempt is in flight outside the lock, so that a hundred right logins at
//! once all succeed and a hundred wrong ones are exactly the limit.

use std::sync::Arc;
use std::time::Instant;

use super::event::EventText;
use super::keys::{Keys, Opener, Realm, pin_key};
use super::record::{Base, Wrap};
use super::seal::Key;
use super::types::{Entry, NewToken, PinState, Revision};
use super::unlocked::Unlocked;
use super::view::Look;
use super::{Error, Vault, new_file, pin, random};
use crate::crypto::recipient::PrivateHalf;
use crate::secret::Secret;
use crate::store;

impl Vault {
    /// The state of a PIN, fresh from the file.
    pub fn pin_state(&self, entry: Entry) -> Result<PinState, Error> {
        self.catch_up(Look::Glance)?;
        let (image, identity, initialised) = {
            let view = self.view.read();
            let initialised = view.state.wraps.contains_key(&entry.number());
            (Arc::clone(&view.image), view.state.identity.clone(), initialised)
        };
        let failures = pin::counts(&*image, &identity.instance)?.of(entry.number());
        let limit = u32::from(identity.pin_limit);
        Ok(PinState {
            failures,
            limit,
            initialised,
            locked: failures >= limit,
            final_try: failures.checked_add(1) == Some(limit),
            count_low: failures > 0,
        })
    }

    /// Logs in: derives the key, counts the attempt durably, verifies, and verifies the chain of the file.
    ///
    /// Errors: [`Error::PinIncorrect`], [`Error::PinLocked`], [`Error::NotInitialised`], [`Error::ReadOnly`] (the
    /// failure cannot be counted), [`Error::KdfRefused`], [`Error::Tampered`], [`Error::Store`] (Busy as well where others
    /// change the PIN again and again for as long as a lock is waited for).
    pub fn login(self: &Arc<Self>, entry: Entry, pin: &Secret) -> Result<Unlocked, Error> {
        let (pin_key, keys) = self.authenticate(entry, pin)?;
        let unlocked = Unlocked::new(Arc::clone(self), entry, Opener::Pin(pin_key), keys);
        unlocked.keys()?;
        Ok(unlocked)
    }

    /// Opens the entry of a public key (see [`Unlocked::set_public_entry`]) with its private half, also where nothing can be
    /// written. Nothing is counted: nobody can guess it. Errors: [`Error::NotInitialised`] where there is no such entry,
    /// [`Error::PinIncorrect`] for another key, [`Error::Tampered`], [`Error::Store`].
    pub fn open_entry(self: &Arc<Self>, entry: Entry, private: &PrivateHalf) -> Result<Unlocked, Error> {
        self.catch_up(Look::Glance)?;
        let (wrap, realm) = {
            let view = self.view.read();
            let wrap = view.state.wraps.get(&entry.number()).cloned();
            let wrap = wrap.filter(|wrap| wrap.public_parts().is_some());
            (wrap.ok_or(Error::NotInitialised)?, view.state.identity.realm())
        };
        let opener = Opener::Private(private.clone());
        let keys = Keys::open(&wrap, &opener, realm).ok_or(Error::PinIncorrect)?;
        let unlocked = Unlocked::new(Arc::clone(self), entry, opener, keys);
        unlocked.keys()?;
        Ok(unlocked)
    }

    /// The keys that a PIN opens, with counting; the chain is not verified. Errors as [`Vault::login`].
    pub(super) fn authenticate(&self, entry: Entry, pin: &Secret) -> Result<(Key, Keys), Error> {
        // The PIN may be changed by somebody else while the key is being derived; then it is derived again.
        let start = Instant::now();
        loop {
            let state = self.pin_state(entry)?;
            let (wrap, realm) = {
                let view = self.view.read();
                let wrap = view.state.wraps.get(&entry.number()).cloned();
                (wrap.ok_or(Error::NotInitialised)?, view.state.identity.realm())
            };
            if state.locked {
                return Err(Error::PinLocked);
            }
            let kdf = wrap.kdf().ok_or(Error::KdfRefused)?;
            let pin_key = pin_key(pin, &wrap.salt, kdf, &self.options)?;
            if let Some(keys) = self.attempt(entry, &wrap, realm, &pin_key)? {
                return Ok((pin_key, keys));
            }
            if start.elapsed() >= self.options.lock_timeout {
                return Err(store::Error::Busy.into());
            }
        }
    }

    /// Checks a PIN, with counting as in [`Vault::login`], and keeps nothing.
    pub fn verify_pin(self: &Arc<Self>, entry: Entry, pin: &Secret) -> Result<(), Error> {
        self.login(entry, pin).map(|_| ())
    }

    /// One counted attempt; `None` if the entry is not the one any more that the key was derived for.
    fn attempt(&self, entry: Entry, wrap: &Wrap, realm: Realm, pin_key: &Key) -> Result<Option<Keys>, Error> {
        let (number, instance) = (entry.number(), &realm.instance);
        let writing = match self.begin() {
            Ok(writing) => writing,
            Err(Error::ReadOnly) if self.allows_readonly_login() => {
                return Keys::unwrap(wrap, pin_key, realm).map(Some).ok_or(Error::PinIncorrect);
            }
            Err(error) => return Err(error),
        };
        let (present, limit) = writing.state(|state| {
            let present = state.identity.realm() == realm && state.wraps.get(&number) == Some(wrap);
            (present, u32::from(state.identity.pin_limit))
        });
        if !present {
            return Ok(None);
        }
        let failures = pin::counts(&*writing.image, instance)?.of(number);
        if failures >= limit {
            return Err(Error::PinLocked);
        }
        pin::set(&*writing.image, instance, number, failures + 1, true)?;
        let keys = Keys::unwrap(wrap, pin_key, realm).ok_or(Error::PinIncorrect)?;
        // Not waited for: if it is lost, the next right login makes up for it.
        pin::set(&*writing.image, instance, number, 0, false)?;
        Ok(Some(keys))
    }

    /// Initialises the token anew: verifies the SO PIN `new.so_pin` (counted as in [`Vault::login`]), then replaces the
    /// file by one without records and without a user PIN, with new keys and the same uuid. Logins of before are
    /// void, here and in other processes.
    pub fn reinitialise(self: &Arc<Self>, new: NewToken<'_>) -> Result<Revision, Error> {
        self.reinitialise_with(new, |_| Ok(Vec::new()))
    }

    /// As [`Vault::reinitialise`]. Events outlive it: those that a compaction would keep, and then those that `events`
    /// makes of what was there before.
    pub fn reinitialise_with(
        self: &Arc<Self>,
        new: NewToken<'_>,
        events: impl FnOnce(&Unlocked) -> Result<Vec<EventText>, Error>,
    ) -> Result<Revision, Error> {
        let unlocked = self.login(Entry::SecurityOfficer, new.so_pin)?;
        let uuid = self.uuid();
        let salt = random::bytes()?;
        let pin_key = pin_key(new.so_pin, &salt, new.kdf, &self.options)?;
        let writing = self.begin()?;
        let keys = unlocked.keys()?;
        let events = events(&unlocked)?;
        let past = unlocked.held_events(&writing, &keys)?;
        let (position, next_sequence) = writing.state(|state| (state.position, state.next_sequence));
        let base =
            Base { chain: position.chain, generation: position.generation, next_sequence, root_version: 1 };
        writing.replace(&new_file(&new, uuid, &base, (salt, &pin_key), past, &events)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Backend, MemoryBackend};
    use crate::vault::{Kdf, NewToken, Options};

    /// Found by fuzzing: the sum with the next attempt overflowed.
    #[test]
    fn the_highest_count_that_a_doctored_file_can_hold_is_a_locked_pin() {
        let backend = Arc::new(MemoryBackend::new());
        let (so_pin, kdf) = (Secret::copy_of(b"1234"), Kdf::Pbkdf2Sha512 { iterations: 1 });
        let new = NewToken {
            info: Vec::new(),
            so_pin: &so_pin,
            kdf,
            allow_readonly_login: false,
            pin_limit: 10,
            separated: false,
        };
        let options = Options { minimum_iterations: 1, ..Options::default() };
        let vault = Vault::create(backend.clone(), options, new).unwrap();
        let instance = vault.view.read().state.identity.instance;
        let entry = Entry::SecurityOfficer;
        pin::set(&*backend.open().unwrap(), &instance, entry.number(), u32::MAX, true).unwrap();
        let state = vault.pin_state(entry).unwrap();
        assert!(state.locked && !state.final_try && state.failures == u32::MAX);
        assert_eq!(vault.login(entry, &so_pin).err(), Some(Error::PinLocked));
    }
}
