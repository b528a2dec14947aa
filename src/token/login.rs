//! Login and logout, PINs, and the count of sessions that they depend on (PKCS#11 sections 5.5 and 5.6).

use std::sync::atomic::Ordering;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::policy::{Controlled, Role, Subject};
use crate::secret::Secret;
use crate::vault::{self, Change, Committed, Unlocked};

use super::accounts::Account;
use super::audit::AuditMode;
use super::consent::Consent;
use super::event::{Event, Outcome, What, Who};
use super::table::Place;
use super::{Token, kdf};

/// Who is logged in for all sessions of this process, and the sessions that are open.
#[derive(Default)]
pub struct Login {
    pub role: Role,
    /// Who that is: `None` while nobody is logged in.
    pub person: Option<Person>,
    /// The token file's keys: there while somebody is logged in.
    pub unlocked: Option<Unlocked>,
    pub sessions: u64,
    pub read_write_sessions: u64,
    /// Counts how often the token was initialised anew, which ended all sessions of before.
    pub era: u64,
}

/// PIN rules for a new PIN. Errors: CKR_PIN_LEN_RANGE, CKR_PIN_INVALID.
pub(super) fn check_new_pin(config: &Config, pin: &Secret) -> Result<()> {
    if !(config.pin.min_length..=config.pin.max_length).contains(&pin.len()) {
        return Err(Error::PinLenRange);
    }
    if config.pin.characters.permit(pin.as_bytes()) { Ok(()) } else { Err(Error::PinInvalid) }
}

/// Who wants to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    SecurityOfficer,
    User,
    Account(Account),
}

impl Person {
    fn role(&self) -> Role {
        match self {
            Person::SecurityOfficer => Role::SecurityOfficer,
            Person::User => Role::User,
            Person::Account(account) => account.role,
        }
    }

    fn entry(&self) -> vault::Entry {
        match self {
            Person::SecurityOfficer => vault::Entry::SecurityOfficer,
            Person::User => vault::Entry::User,
            Person::Account(account) => account.entry,
        }
    }
}

impl Token {
    /// Counts a new session and answers its era. Errors: CKR_SESSION_READ_WRITE_SO_EXISTS for a read-only one while the
    /// SO is logged in.
    pub fn session_opened(&self, read_write: bool) -> Result<u64> {
        // A session that is opened now does not end because the token was initialised anew before. (What is wrong with
        // the file is told by the first call that needs it.)
        let _ = self.catch_up();
        let mut login = self.login.write();
        if !read_write && login.role == Role::SecurityOfficer {
            return Err(Error::SessionReadWriteSoExists);
        }
        login.sessions += 1;
        login.read_write_sessions += u64::from(read_write);
        let era = login.era;
        drop(login);
        self.tell_of_sessions();
        Ok(era)
    }

    /// Which sessions are alive: those of this era.
    pub fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Tells other processes whether this one has sessions, so that they do not initialise the token anew. Where that
    /// cannot be told, such an initialisation ends the sessions.
    fn tell_of_sessions(&self) {
        let mut attendance = self.attendance.lock();
        if !self.has_sessions() {
            *attendance = None;
        } else if attendance.is_none() {
            *attendance = self.vault.attend().ok().flatten();
        }
    }

    /// The token was initialised anew by another process: logged out, and all sessions are over.
    pub(super) fn end_sessions(&self) {
        let passage = self.passage.lock();
        let mut login = self.login.write();
        *login = Login { era: login.era + 1, ..Login::default() };
        self.read_information();
        self.allowances.forget();
        self.seen.forget();
        self.era.store(login.era, Ordering::Release);
        drop(login);
        self.table.write().retain(|entry| !matches!(entry.place, Place::Session(_)));
        self.list_public();
        drop(passage);
        self.tell_of_sessions();
    }

    /// Forgets a session; the last one's close logs out. `true`: it did.
    pub fn session_closed(&self, read_write: bool, era: u64) -> bool {
        let passage = self.passage.lock();
        let mut login = self.login.write();
        if login.era != era {
            return false;
        }
        login.sessions = login.sessions.saturating_sub(1);
        login.read_write_sessions = login.read_write_sessions.saturating_sub(u64::from(read_write));
        drop(login);
        let last = self.leave_if(|login| login.sessions == 0);
        drop(passage);
        self.tell_of_sessions();
        last
    }

    /// A login that came when its session had been closed, and no other is open, does not last.
    pub fn end_login_without_sessions(&self) {
        let _passage = self.passage.lock();
        self.leave_if(|login| login.sessions == 0);
    }

    /// Logs out where somebody is logged in and this is so; true if it did. The passage is the caller's.
    fn leave_if(&self, is_to: impl Fn(&Login) -> bool) -> bool {
        let leaves = |login: &Login| login.role != Role::Public && is_to(login);
        if !leaves(&self.login.read()) {
            return false;
        }
        // As long as the keys are there, with which events can be copied.
        if self.tells_refusals() {
            self.note(&self.event(What::LoggedOut));
        }
        self.flush_log(false);
        let mut login = self.login.write();
        if !leaves(&login) {
            return false;
        }
        login.role = Role::Public;
        login.person = None;
        login.unlocked = None;
        drop(login);
        self.list_public();
        true
    }

    pub fn has_sessions(&self) -> bool {
        self.login.read().sessions > 0
    }

    /// All sessions, read-write sessions.
    pub fn session_counts(&self) -> (u64, u64) {
        let login = self.login.read();
        (login.sessions, login.read_write_sessions)
    }

    /// C_Login of the SO or the user. Errors: CKR_USER_ALREADY_LOGGED_IN, CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
    /// CKR_SESSION_READ_ONLY_EXISTS, CKR_USER_PIN_NOT_INITIALIZED, CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
    /// CKR_TOKEN_WRITE_PROTECTED; CKR_USER_TYPE_INVALID for a role that has no user of its own.
    pub fn log_in(&self, role: Role, pin: &Secret) -> Result<()> {
        self.sync()?;
        match role {
            Role::SecurityOfficer => self.log_in_person(Person::SecurityOfficer, pin),
            Role::User => self.log_in_person(Person::User, pin),
            _ => Err(Error::UserTypeInvalid),
        }
    }

    /// C_LoginUser of an account. Errors as `log_in`; CKR_USER_TYPE_INVALID for a name that nobody has.
    pub fn log_in_account(&self, name: &[u8], pin: &Secret) -> Result<()> {
        self.sync()?;
        let account = self.account(name).inspect_err(|error| self.note_stranger(*error))?;
        self.log_in_person(Person::Account(account), pin)
    }

    fn log_in_person(&self, person: Person, pin: &Secret) -> Result<()> {
        check_can_log_in(&self.login.read(), &person)?;
        let entry = person.entry();
        let failures = self.vault.pin_state(entry)?.failures;
        let unlocked = self.vault.login(entry, pin).inspect_err(|error| self.note_failure(entry, error))?;
        if failures > 0 {
            self.tell_of_failures(&unlocked, entry, failures);
        }
        if let Person::Account(account) = &person
            && !Self::holds_account(&unlocked, account)?
        {
            return Err(Error::UserTypeInvalid);
        }
        let passage = self.passage.lock();
        let mut login = self.login.write();
        check_can_log_in(&login, &person)?;
        login.role = person.role();
        login.person = Some(person);
        login.unlocked = Some(unlocked);
        drop(login);
        let entering = Entering(self);
        self.list_all()?;
        std::mem::forget(entering);
        if self.tells_refusals() {
            self.note(&self.event(What::LoggedIn));
        }
        drop(passage);
        self.look_at_clock();
        Ok(())
    }

    /// Tells the log of a login with a name that nobody has. The name is not told: it may be a PIN that was typed too early.
    fn note_stranger(&self, error: Error) {
        if self.tells_refusals() {
            let event = self.event(What::LoginFailed).outcome(Outcome::failed(error));
            self.note(&event.detail("there is no account of this name"));
        }
    }

    /// Tells the log of a login that failed.
    pub(super) fn note_failure(&self, entry: vault::Entry, error: &vault::Error) {
        if self.tells_refusals() {
            let outcome = Outcome::failed(error.clone().into());
            let event = self.event(What::LoginFailed).outcome(outcome);
            self.note(&self.by(entry, event));
        }
    }

    /// Failed logins are told of when one has succeeded: before that there are no keys to seal an event with. Where it
    /// cannot be written the login is none the worse.
    fn tell_of_failures(&self, unlocked: &Unlocked, entry: vault::Entry, failures: u32) {
        let event = self.event(What::LoginFailed).outcome(Outcome::failed(Error::PinIncorrect));
        let event = event.detail(&format!("{failures} failed before this login"));
        let event = self.by(entry, event);
        let _ = self.commit_recorded(unlocked, Vec::new(), vec![event]);
    }

    /// Who is logged in: `so`, `user` or the name of an account.
    pub fn user_name(&self) -> Option<String> {
        Some(match self.login.read().person.as_ref()? {
            Person::SecurityOfficer => Role::SecurityOfficer.name().into(),
            Person::User => Role::User.name().into(),
            Person::Account(account) => account.name.clone(),
        })
    }

    fn entry(&self) -> Option<vault::Entry> {
        self.login.read().person.as_ref().map(Person::entry)
    }

    /// Who is logged in, as the token file numbers roles (0 for nobody), and the name of the account if it is one.
    pub(super) fn logged_in(&self) -> (u32, String) {
        match &self.login.read().person {
            None => (0, String::new()),
            Some(Person::Account(account)) => (account.entry.number(), account.name.clone()),
            Some(person) => (person.entry().number(), String::new()),
        }
    }

    /// The event as of somebody who is not, or not yet, logged in.
    fn by(&self, entry: vault::Entry, event: Event) -> Event {
        let account = self.account_of(entry).map(|account| account.name).unwrap_or_default();
        Event { who: Who { role: entry.number(), account, ..event.who }, ..event }
    }

    /// The context-specific login: checks the PIN of who is logged in, with counting, and changes nothing else.
    pub fn verify_pin(&self, pin: &Secret) -> Result<()> {
        let entry = self.entry().ok_or(Error::UserNotLoggedIn)?;
        self.vault.verify_pin(entry, pin).inspect_err(|error| self.note_failure(entry, error))?;
        Ok(())
    }

    /// C_Logout: private objects are gone from this process. Errors: CKR_USER_NOT_LOGGED_IN.
    pub fn log_out(&self) -> Result<()> {
        let _passage = self.passage.lock();
        if self.leave_if(|_| true) { Ok(()) } else { Err(Error::UserNotLoggedIn) }
    }

    /// C_InitPIN: the SO gives the user a PIN. Errors: CKR_USER_NOT_LOGGED_IN for anybody else, CKR_PIN_LEN_RANGE;
    /// CKR_ACTION_PROHIBITED where the user has a PIN and the SO does not hold the keys (see `start_anew`), or others have not
    /// approved it.
    pub fn init_pin(&self, pin: &Secret) -> Result<()> {
        let unlocked = self.unlocked_for(Role::SecurityOfficer)?;
        check_new_pin(&self.config, pin)?;
        let kdf = kdf(&self.config, self.present_kdf());
        let event = self.event(What::PinSet).detail("user");
        let has_pin = self.vault.pin_state(vault::Entry::User)?.initialised;
        if !self.vault.separated() {
            let consent = match has_pin {
                true => self.consent(Controlled::PinReset, &[Subject::user_pin()], None)?,
                false => None,
            };
            return self.commit_entry(event, consent, Vec::new(), |changes| {
                unlocked.set_entry_with(vault::Entry::User, pin, kdf, changes)
            });
        }
        if has_pin {
            return Err(Error::ActionProhibited);
        }
        self.commit_entry(event, None, Vec::new(), |changes| unlocked.start_anew(pin, kdf, changes))
    }

    /// Gives the user a PIN where the SO does not hold the keys: every private object and every secret value is gone, and with
    /// them the accounts that held the keys. Errors: CKR_USER_NOT_LOGGED_IN for anybody but such an SO, CKR_PIN_LEN_RANGE;
    /// CKR_ACTION_PROHIBITED where the end of keys is under dual control, for such an SO cannot read approvals.
    pub fn start_anew(&self, pin: &Secret) -> Result<()> {
        let unlocked = self.unlocked_for(Role::SecurityOfficer)?;
        check_new_pin(&self.config, pin)?;
        let wipes = self.vault.pin_state(vault::Entry::User)?.initialised;
        if wipes && self.is_controlled(Controlled::Destroy) {
            return Err(Error::ActionProhibited);
        }
        let detail = "user, under new keys: private objects and secret values destroyed";
        let event = self.event(What::PinSet).detail(detail);
        let kdf = kdf(&self.config, self.present_kdf());
        self.commit_entry(event, None, Vec::new(), |changes| unlocked.start_anew(pin, kdf, changes))
    }

    /// Writes an entry of the token file with these changes, the event that tells of it and the consent that it needs. Errors:
    /// CKR_ACTION_PROHIBITED where somebody else has just used up the consent.
    pub(super) fn commit_entry(
        &self,
        event: Event,
        consent: Option<Consent>,
        changes: Vec<Change>,
        write: impl FnOnce(Vec<Change>) -> std::result::Result<Committed, vault::Error>,
    ) -> Result<()> {
        self.commit_entry_telling(&[event], consent, changes, write)
    }

    /// As `commit_entry`, with several events.
    pub(super) fn commit_entry_telling(
        &self,
        events: &[Event],
        consent: Option<Consent>,
        mut changes: Vec<Change>,
        write: impl FnOnce(Vec<Change>) -> std::result::Result<Committed, vault::Error>,
    ) -> Result<()> {
        changes.extend(consent.as_ref().map(Consent::spent));
        let told = if self.audit_mode() == AuditMode::Off { &[][..] } else { events };
        let with_consent = |event: &Event| match &consent {
            Some(consent) => consent.tell(event.clone()).to_text(),
            None => event.to_text(),
        };
        let events = told.iter().map(with_consent).collect::<std::result::Result<Vec<_>, _>>()?;
        changes.extend(events.iter().cloned().map(Change::Event));
        let committed = write(changes).map_err(|error| match error {
            vault::Error::NoSuchRecord if consent.is_some() => Error::ActionProhibited,
            error => error.into(),
        })?;
        self.committed(committed.events.start, events);
        self.sync()
    }

    /// C_SetPIN: changes the PIN of who is logged in, or of the user where nobody is.
    pub fn set_pin(&self, old: &Secret, new: &Secret) -> Result<()> {
        check_new_pin(&self.config, new)?;
        let entry = self.entry();
        let changed = entry.unwrap_or(vault::Entry::User);
        let unlocked =
            self.vault.login(changed, old).inspect_err(|error| self.note_failure(changed, error))?;
        let event = self.by(changed, self.event(What::PinChanged));
        let kdf = kdf(&self.config, self.present_kdf());
        let mut login = self.login.write();
        if login.unlocked.is_some() && login.person.as_ref().map(Person::entry) == entry {
            // It learns the new PIN, which opens the token after a rotation of the root key: one follows at once where the
            // officer does not hold the keys.
            login.unlocked = Some(unlocked.clone());
        }
        drop(login);
        self.commit_entry(event, None, Vec::new(), |changes| {
            unlocked.set_entry_with(changed, new, kdf, changes)
        })
    }

    /// Ends the login where the token file does not know of it any more: the account was removed, or the keys are others.
    pub(super) fn drop_void_login(&self) {
        let (unlocked, person) = {
            let login = self.login.read();
            (login.unlocked.clone(), login.person.clone())
        };
        let (Some(unlocked), Some(person)) = (unlocked, person) else { return };
        let void = match &person {
            Person::Account(account) => Self::holds_account(&unlocked, account).is_ok_and(|holds| !holds),
            _ => false,
        };
        if void || unlocked.entries().err() == Some(vault::Error::KeysChanged) {
            let _passage = self.passage.lock();
            self.leave_if(|login| login.person.as_ref() == Some(&person));
        }
    }

    pub(super) fn unlocked_for(&self, role: Role) -> Result<Unlocked> {
        let login = self.login.read();
        match &login.unlocked {
            Some(unlocked) if login.role == role => Ok(unlocked.clone()),
            _ => Err(Error::UserNotLoggedIn),
        }
    }

    /// The keys of the token file, where somebody is logged in.
    pub(super) fn unlocked(&self) -> Option<Unlocked> {
        self.login.read().unlocked.clone()
    }
}

/// A login whose objects are not listed yet. Where that fails, or ends for want of memory, it was none.
struct Entering<'a>(&'a Token);

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        self.0.leave_if(|_| true);
    }
}

fn check_can_log_in(login: &Login, person: &Person) -> Result<()> {
    match &login.person {
        Some(present) if present == person => return Err(Error::UserAlreadyLoggedIn),
        Some(_) => return Err(Error::UserAnotherAlreadyLoggedIn),
        None => {}
    }
    if *person == Person::SecurityOfficer && login.read_write_sessions < login.sessions {
        return Err(Error::SessionReadOnlyExists);
    }
    Ok(())
}
