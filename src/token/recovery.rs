//! The shares of a recovery key as a way back to a forgotten user PIN, in tokens whose security officer does not hold the keys
//! (docs/threat-model.md, "The security officer and the keys").
//!
//! They give the private half of a key, and the root key of the token is wrapped for its public half, in an entry of its own.
//! Nothing counts wrong ones, because nobody guesses 256 bits.

use crate::crypto::recipient::{PrivateHalf, PublicHalf};
use crate::error::{Error, Result};
use crate::policy::{Controlled, Role, Subject};
use crate::secret::Secret;
use crate::vault::{self, Change, RecordId};

use super::accounts::is_account;
use super::batch::{LedgerKind, LedgerTag, ledger_put};
use super::event::{Event, Outcome, What, Who};
use super::login::check_new_pin;
use super::{Token, kdf};

/// The entry that a recovery key opens. Accounts have lower numbers.
const ENTRY: vault::Entry = vault::Entry::Other(u16::MAX);
/// What the entry says of itself begins with this byte, which is no role; the id of the set follows.
const RECOVERY: u8 = 128;

/// What a security officer can do about a forgotten user PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfficerReset {
    /// Set a new one; the officer's PIN opens the keys.
    Preserve,
    /// Set a new one under new keys; what was sealed is lost.
    Wipe,
    /// As `Wipe`; but the shares of a recovery key set a new one, and the keys stay.
    Quorum,
}

impl OfficerReset {
    pub fn name(self) -> &'static str {
        match self {
            Self::Preserve => "preserve",
            Self::Wipe => "wipe",
            Self::Quorum => "quorum",
        }
    }
}

/// Whether one of these entries of a token file is opened by the shares of a recovery set.
pub fn has_recovery(entries: &[(vault::Entry, Vec<u8>)]) -> bool {
    resetting_set(entries).is_some()
}

/// How many of these entries of a token file nobody here knows: neither the SO's nor the user's, no account's and no recovery
/// set's.
pub fn unknown_entries(entries: &[(vault::Entry, Vec<u8>)]) -> usize {
    let known = |entry: &&(vault::Entry, Vec<u8>)| match entry {
        (vault::Entry::SecurityOfficer | vault::Entry::User, _) => true,
        (ENTRY, _) => has_recovery(entries),
        _ => is_account(entry),
    };
    entries.iter().filter(|entry| !known(entry)).count()
}

fn resetting_set(entries: &[(vault::Entry, Vec<u8>)]) -> Option<[u8; 16]> {
    let (_, about) = entries.iter().find(|(entry, _)| *entry == ENTRY)?;
    about.strip_prefix(&[RECOVERY])?.try_into().ok()
}

impl Token {
    /// What the token was made for, as the file says.
    pub fn officer_reset(&self) -> Result<OfficerReset> {
        Ok(match (self.vault.separated(), self.settings()?.quorum_reset) {
            (false, _) => OfficerReset::Preserve,
            (true, false) => OfficerReset::Wipe,
            (true, true) => OfficerReset::Quorum,
        })
    }

    /// The id of the set whose shares set a new user PIN; `None`: there is none. What is told before a login is not verified.
    pub fn recovery_entry(&self) -> Result<Option<[u8; 16]>> {
        self.sync()?;
        Ok(resetting_set(&self.vault.entries()))
    }

    /// Keeps a new recovery set: its record in the ledger, and the event that tells of it. Where shares set user PINs, the
    /// private half of `key`, which those of the set (`id`) give, opens the token from now on, and that of the set before does
    /// not any more. Errors: CKR_USER_NOT_LOGGED_IN for anybody but the user in such a token, and but the user and key managers in
    /// others, where backups are opened by the set; CKR_ACTION_PROHIBITED where others must approve it there and have not, and
    /// those of `transact`.
    pub fn keep_recovery(&self, id: [u8; 16], key: &PublicHalf, record: Vec<u8>, event: Event) -> Result<()> {
        self.check_exports()?;
        // A set that could reset must not go on doing so, whatever the settings have become.
        if self.officer_reset()? != OfficerReset::Quorum && self.recovery_entry()?.is_none() {
            return self.transact(|batch| {
                batch.event(event.clone());
                batch.put(LedgerKind::RECOVERY, record.clone()).map(drop)
            });
        }
        let unlocked = self.unlocked_for(Role::User)?;
        let tag = LedgerTag { kind: LedgerKind::RECOVERY, name: None };
        let put = ledger_put(RecordId::random()?, tag, record);
        let about = [&[RECOVERY][..], &id].concat();
        // It lets people in, as an account does.
        let consent = self.consent(Controlled::Policy, &[Subject::recovery_key()], None)?;
        self.commit_entry(event, consent, vec![Change::Add(put)], |changes| {
            unlocked.set_public_entry(ENTRY, key, about, changes)
        })
    }

    /// Gives the user a new PIN, which also unlocks it; nothing is lost. `key`: what the shares of the recovery set give; no
    /// login is needed. `detail` tells for people whose shares they were. Errors: CKR_PIN_LEN_RANGE, CKR_PIN_INVALID;
    /// CKR_USER_PIN_NOT_INITIALIZED where no shares reset; CKR_PIN_INCORRECT for a key that is not the one;
    /// CKR_TOKEN_WRITE_PROTECTED.
    pub fn reset_user_pin(&self, key: &PrivateHalf, pin: &Secret, detail: &str) -> Result<()> {
        check_new_pin(&self.config, pin)?;
        self.sync()?;
        let who = |event: Event| Event { who: Who { role: ENTRY.number(), ..event.who.clone() }, ..event };
        let unlocked = match self.vault.open_entry(ENTRY, key) {
            Err(vault::Error::NotInitialised) => return Err(Error::UserPinNotInitialized),
            Err(error) => {
                let error = Error::from(error);
                if self.tells_refusals() {
                    self.note(&who(self.event(What::LoginFailed).outcome(Outcome::failed(error))));
                }
                return Err(error);
            }
            Ok(unlocked) => unlocked,
        };
        let state = self.vault.pin_state(vault::Entry::User)?;
        let told = match state.failures {
            0 => format!("user, {detail}"),
            failures => format!("user, {detail}; {failures} wrong attempts before"),
        };
        let mut events = vec![who(self.event(What::PinSet).detail(&told))];
        if state.locked {
            events.push(who(self.event(What::PinUnlocked).detail("user")));
        }
        let kdf = kdf(&self.config, self.present_kdf());
        self.commit_entry_telling(&events, None, Vec::new(), |changes| {
            unlocked.set_entry_with(vault::Entry::User, pin, kdf, changes)
        })
    }
}
