//! Accounts: users with names of their own, who log in with C_LoginUser (PKCS#11 section 5.6.8, docs/roles.md). Each has an entry
//! of the token file, which tells its name and its role.

use crate::error::{Error, Result};
use crate::policy::{Controlled, Role, Subject, is_name};
use crate::secret::Secret;
use crate::vault::{self, Change, Unlocked};

use super::event::What;
use super::login::check_new_pin;
use super::{Token, kdf};

/// So many accounts at most: the failures of each, of the user's and of the SO's PIN have a place in the token file.
pub const MAXIMUM_ACCOUNTS: usize = 14;
/// A user with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub role: Role,
    pub(super) entry: vault::Entry,
}

/// The byte of each role in an entry.
const CODES: [(Role, u8); 4] =
    [(Role::KeyManager, 1), (Role::Operator, 2), (Role::Auditor, 3), (Role::Custodian, 4)];

impl Account {
    /// What the entry says; `None` where it is no account's.
    fn decode((entry, about): &(vault::Entry, Vec<u8>)) -> Option<Self> {
        let (code, name) = about.split_first()?;
        let (role, _) = CODES.into_iter().find(|(_, known)| known == code)?;
        let name = String::from_utf8(name.to_vec()).ok().filter(|name| is_name(name))?;
        Some(Self { name, role, entry: *entry })
    }

    /// The account of this name among the entries of a token file.
    pub fn find(entries: &[(vault::Entry, Vec<u8>)], name: &str) -> Option<Self> {
        named(entries, name.as_bytes())
    }

    /// Its entry of the token file.
    pub fn entry(&self) -> vault::Entry {
        self.entry
    }

    fn about(name: &str, role: Role) -> Result<Vec<u8>> {
        let (_, code) = CODES.into_iter().find(|(known, _)| *known == role).ok_or(Error::ArgumentsBad)?;
        Ok([&[code], name.as_bytes()].concat())
    }
}

pub(super) fn is_account(entry: &(vault::Entry, Vec<u8>)) -> bool {
    Account::decode(entry).is_some()
}

fn accounts(entries: &[(vault::Entry, Vec<u8>)]) -> Vec<Account> {
    entries.iter().filter_map(Account::decode).collect()
}

fn named(entries: &[(vault::Entry, Vec<u8>)], name: &[u8]) -> Option<Account> {
    accounts(entries).into_iter().find(|account| account.name.as_bytes() == name)
}

/// An entry for an account of this name, which nobody may have yet.
fn free_entry(entries: &[(vault::Entry, Vec<u8>)], name: &str) -> Option<vault::Entry> {
    let taken = |number: &u16| entries.iter().any(|(entry, _)| *entry == vault::Entry::Other(*number));
    let refused = named(entries, name.as_bytes()).is_some() || accounts(entries).len() >= MAXIMUM_ACCOUNTS;
    (1..u16::MAX).find(|number| !refused && !taken(number)).map(vault::Entry::Other)
}

impl Token {
    /// All accounts; what is told before a login is not verified.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.sync()?;
        Ok(accounts(&self.vault.entries()))
    }

    /// The account with this entry, as the file was last seen.
    pub(super) fn account_of(&self, entry: vault::Entry) -> Option<Account> {
        accounts(&self.vault.entries()).into_iter().find(|account| account.entry == entry)
    }

    /// The state of an account's PIN. Errors: CKR_USER_TYPE_INVALID for a name that nobody has.
    pub fn account_pin(&self, name: &str) -> Result<vault::PinState> {
        Ok(self.vault.pin_state(self.account(name.as_bytes())?.entry)?)
    }

    pub(super) fn account(&self, name: &[u8]) -> Result<Account> {
        named(&self.vault.entries(), name).ok_or(Error::UserTypeInvalid)
    }

    /// Whether an account is still what it was, as the token file verifies it.
    pub(super) fn holds_account(unlocked: &Unlocked, account: &Account) -> Result<bool> {
        Ok(named(&unlocked.entries()?, account.name.as_bytes()).as_ref() == Some(account))
    }

    /// Makes an account and gives it a PIN; `with`: what else is to happen in the same transaction. Errors:
    /// CKR_USER_NOT_LOGGED_IN for who may not; CKR_ARGUMENTS_BAD for a name or role that an account cannot have, or a name that
    /// is taken; CKR_PIN_LEN_RANGE, CKR_PIN_INVALID; CKR_DEVICE_MEMORY for one account too many; CKR_FUNCTION_FAILED where somebody else has just taken the name.
    pub fn add_account(&self, name: &str, role: Role, pin: &Secret, with: Vec<Change>) -> Result<()> {
        let unlocked = self.may_manage(role)?;
        if !is_name(name) {
            return Err(Error::ArgumentsBad);
        }
        check_new_pin(&self.config, pin)?;
        let about = (Account::about(name, role)?, self.opens_objects(role));
        let entries = unlocked.entries()?;
        if named(&entries, name.as_bytes()).is_some() {
            return Err(Error::ArgumentsBad);
        }
        if accounts(&entries).len() >= MAXIMUM_ACCOUNTS {
            return Err(Error::DeviceMemory);
        }
        let kdf = kdf(&self.config, self.present_kdf());
        let event = self.event(What::RolesChanged).detail(&format!("account `{name}` made: {}", role.name()));
        let consent = self.consent(Controlled::Policy, &[Subject::account_added(name, role)], None)?;
        self.commit_entry(event, consent, with, |changes| {
            unlocked.add_entry(|entries| free_entry(entries, name), pin, kdf, about, changes)
        })
    }

    /// Gives an account a new PIN, which also unlocks it. Errors: CKR_USER_TYPE_INVALID for a name that nobody has, else as
    /// `add_account`.
    pub fn reset_account_pin(&self, name: &str, pin: &Secret, with: Vec<Change>) -> Result<()> {
        let account = self.account(name.as_bytes())?;
        let unlocked = self.may_manage(account.role)?;
        check_new_pin(&self.config, pin)?;
        let kdf = kdf(&self.config, self.present_kdf());
        let consent = self.consent(Controlled::Policy, &[Subject::account_pin(name)], None)?;
        self.commit_entry(self.event(What::PinSet).detail(name), consent, with, |changes| {
            unlocked.set_entry_with(account.entry, pin, kdf, changes)
        })
    }

    /// Removes an account; its logins elsewhere end, and the token gets a new root key where the caller can give it one.
    /// Errors: CKR_USER_TYPE_INVALID for a name that nobody has, CKR_USER_NOT_LOGGED_IN for who may not.
    pub fn remove_account(&self, name: &str, with: Vec<Change>) -> Result<()> {
        let account = self.account(name.as_bytes())?;
        let unlocked = match self.may_manage(account.role) {
            Err(_) => self.unlocked_for(Role::SecurityOfficer)?,
            Ok(unlocked) => unlocked,
        };
        let detail = format!("account `{name}` removed: {}", account.role.name());
        let event = self.event(What::RolesChanged).detail(&detail);
        let consent = self.consent(Controlled::Policy, &[Subject::account_removed(name)], None)?;
        self.commit_entry(event, consent, with, |changes| unlocked.end_entry(account.entry, changes))
    }

    /// Whether the PIN of such an account opens the objects: in a separated token that of a custodian does not.
    fn opens_objects(&self, role: Role) -> bool {
        role != Role::Custodian || !self.vault.separated()
    }

    /// Whether it is the user who gives such an account a PIN: the SO of a separated token holds no keys to give.
    pub fn user_manages(&self, role: Role) -> bool {
        self.vault.separated() && self.opens_objects(role)
    }

    /// The keys of who is logged in, if it is theirs to give such an account a PIN: the SO's, but in a token whose SO does not
    /// hold the keys the user's, where the account is to hold them.
    fn may_manage(&self, role: Role) -> Result<Unlocked> {
        let manager = match self.user_manages(role) {
            true => Role::User,
            false => Role::SecurityOfficer,
        };
        self.unlocked_for(manager)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_of_an_account_or_is_none() {
        for role in Role::NAMED {
            let about = Account::about("alice@example.org", role).unwrap();
            let account = Account::decode(&(vault::Entry::Other(1), about)).unwrap();
            assert_eq!((account.name.as_str(), account.role), ("alice@example.org", role));
        }
        assert!(Account::about("alice", Role::User).is_err());
        for about in [&b""[..], b"\x01", b"\x05alice", b"\x01so", b"\x01user", b"\x01a b", b"\x01\xff"] {
            assert_eq!(Account::decode(&(vault::Entry::Other(1), about.to_vec())), None);
        }
    }
}
