//! A token: who is logged in, which objects there are, and how they reach the token file.
#![forbid(unsafe_code)]

mod accounts;
mod audit;
mod batch;
#[cfg(test)]
mod batch_tests;
mod consent;
mod counter;
mod erase;
mod event;
mod handle;
mod info;
mod limits;
mod login;
mod objects;
mod recovery;
mod one_time;
mod settings;
mod sync;
mod table;
mod tag;
mod time;
mod transfer;

use std::cell::Cell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Instant;

use crate::lock::OnceCell;

use crate::ck::*;
use crate::config::{Config, PinKdf};
use crate::error::{Error, Result};
use crate::lock::{Mutex, RwLock};
use crate::object::attribute;
use crate::policy::{AlgorithmPolicy, Concern, Control, Mode, Profile, Role, Use, Validity};
use crate::secret::Secret;
use crate::store::{Backend, Guard};
use crate::vault::{self, Argon2Cost, Kdf, NewToken, Revision, Vault};

pub use accounts::{Account, MAXIMUM_ACCOUNTS};
pub use audit::{Audit, AuditMode, AuditSink, LogOpener};
pub use batch::{Batch, LedgerKind, LedgerRecord};
pub use consent::Consent;
pub use erase::Trace;
pub use event::{Event, KeyName, Outcome, What, Who};
pub use handle::{ObjectHandle, SessionHandle, SlotId};
pub use info::{Identity, LABEL_LEN, MANUFACTURER, MODEL, SERIAL_LEN, TokenInfo, padded, utc_time};
pub use login::Login;
pub use recovery::{OfficerReset, has_recovery, unknown_entries};
pub use settings::{DEFAULT_CLOCK_TOLERANCE, Settings};
pub use transfer::Whole;

use table::Table;

/// A token in a slot. Shared by all sessions with it.
///
/// Locks, in this order: `passage`, `attendance`, `known`, `login`, `table`. None is held across cryptography but `passage`,
/// while a login lists the objects, and `known`, which orders the reading of what other processes have committed.
pub struct Token {
    vault: Arc<Vault>,
    config: Arc<Config>,
    /// Held while somebody logs in or out, so that `table` shows what `login` allows whenever nobody does.
    passage: Mutex<()>,
    /// Who is logged in, and how many sessions are open.
    login: RwLock<Login>,
    /// The revision of the token file that `table` shows.
    known: Mutex<Revision>,
    table: RwLock<Table>,
    /// The token objects that were opened, in that order. Held for nothing else.
    open_objects: Mutex<VecDeque<ObjectHandle>>,
    /// Held while a counter of a one-time-password key or a one-time key is taken, or uses of a key are reserved.
    counters: Mutex<()>,
    allowances: limits::Allowances,
    next_handle: AtomicU64,
    /// What this process is, for events.
    who: OnceCell<Who>,
    /// Whether the profile is `strict`: as the file said when it was opened, or initialised anew.
    strict: AtomicBool,
    /// The number of the mode in which the token holds its keys to their life.
    mode: AtomicU8,
    /// Seconds that the clock may be behind the newest time that the token has seen.
    clock_tolerance: AtomicU64,
    seen: time::Seen,
    stateful: AtomicBool,
    /// Whether `algorithms` is something.
    has_policy: AtomicBool,
    /// The algorithm policy of the settings.
    algorithms: RwLock<Option<Arc<AlgorithmPolicy>>>,
    /// Whether `control` is something.
    has_control: AtomicBool,
    /// The rules of dual control.
    control: RwLock<Option<Arc<Control>>>,
    /// What was told of uses that should not have been, in a token that only warns.
    concerns: Mutex<HashMap<(ObjectHandle, Use), Concern>>,
    /// Objects whose values this process was refused.
    refused: Mutex<HashSet<ObjectHandle>>,
    /// Who is told what happens, if anybody; and what of the settings says how much.
    log: RwLock<Option<Arc<dyn AuditSink>>>,
    log_opener: OnceCell<audit::LogOpener>,
    has_log: AtomicBool,
    audit_mode: AtomicU8,
    log_required: AtomicBool,
    /// That of `login`, to be read without its lock.
    era: AtomicU64,
    /// Held while sessions are open, so that other processes know.
    attendance: Mutex<Option<Box<dyn Guard + Send + Sync>>>,
    /// When the file was last asked for changes, in milliseconds since `opened`.
    checked: AtomicU64,
    opened: Instant,
}

/// So many uses that should not have been are kept.
const MOST_CONCERNS: usize = 4096;

/// How this process treats token files, from its configuration.
pub fn vault_options(config: &Config) -> vault::Options {
    vault::Options { lock_timeout: config.limits.lock_timeout, ..vault::Options::default() }
}

impl Token {
    /// Makes a token in a storage that has none (C_InitToken).
    pub fn create(
        backend: Arc<dyn Backend>,
        config: Arc<Config>,
        identity: &Identity,
        so_pin: &Secret,
    ) -> Result<Self> {
        login::check_new_pin(&config, so_pin)?;
        let new = new_token(&config, identity, so_pin, None, false)?;
        let event = Event::new(config.clock.now(), Who::here(Role::SecurityOfficer), What::TokenInitialised);
        let event = event.detail(&format!("label `{}`", identity.label_text())).to_text()?;
        let vault = Vault::create_with(backend, vault_options(&config), new, &[event])?;
        Ok(Self::over(vault, config))
    }

    /// Opens the token file in a storage.
    pub fn open(backend: Arc<dyn Backend>, config: Arc<Config>) -> std::result::Result<Self, vault::Error> {
        Ok(Self::over(Vault::open(backend, vault_options(&config))?, config))
    }

    fn over(vault: Arc<Vault>, config: Arc<Config>) -> Self {
        let token = Self {
            vault,
            config,
            passage: Mutex::default(),
            login: RwLock::default(),
            known: Mutex::new(Revision(0)),
            table: RwLock::default(),
            open_objects: Mutex::default(),
            counters: Mutex::default(),
            allowances: limits::Allowances::default(),
            next_handle: AtomicU64::new(1),
            who: OnceCell::new(),
            strict: AtomicBool::new(false),
            mode: AtomicU8::new(Mode::Warn.number()),
            clock_tolerance: AtomicU64::new(u64::from(DEFAULT_CLOCK_TOLERANCE)),
            seen: time::Seen::default(),
            stateful: AtomicBool::new(false),
            has_policy: AtomicBool::new(false),
            algorithms: RwLock::default(),
            has_control: AtomicBool::new(false),
            control: RwLock::default(),
            concerns: Mutex::default(),
            refused: Mutex::default(),
            log: RwLock::default(),
            log_opener: OnceCell::new(),
            has_log: AtomicBool::new(false),
            audit_mode: AtomicU8::new(AuditMode::default().number()),
            log_required: AtomicBool::new(false),
            era: AtomicU64::new(0),
            attendance: Mutex::default(),
            checked: AtomicU64::new(0),
            opened: Instant::now(),
        };
        token.read_information();
        token.list_public();
        token
    }

    /// Initialises the token anew (C_InitToken with the SO PIN): every object and the user PIN are gone.
    /// Errors: CKR_SESSION_EXISTS (also for sessions of other processes), CKR_PIN_INCORRECT, CKR_PIN_LOCKED;
    /// CKR_ACTION_PROHIBITED where it is under dual control and others have not approved it.
    pub fn reinitialise(
        &self,
        label: [u8; LABEL_LEN],
        so_pin: &Secret,
        profile: Profile,
        settings: Settings,
    ) -> Result<()> {
        if self.login.read().sessions > 0 {
            return Err(Error::SessionExists);
        }
        let _alone = self.vault.exclude()?;
        let old = self.identity()?;
        // The log goes on: it tells of this, too. So does the rule for a forgotten user PIN, where nobody says another one.
        let quorum_reset = match self.config.pin.separate_officer {
            Some(_) => settings.quorum_reset,
            None => old.settings.quorum_reset,
        };
        let settings = Settings { audit: old.settings.audit.clone(), quorum_reset, ..settings };
        let identity = Identity { label, profile, settings, ..old };
        let new = new_token(&self.config, &identity, so_pin, self.present_kdf(), self.vault.separated())?;
        let who = Who::here(Role::SecurityOfficer);
        let prohibited = Cell::new(false);
        let wiped = self.vault.reinitialise_with(new, |old| {
            if !self.consent_to_wiping(old)? {
                prohibited.set(true);
                return Err(vault::Error::NotAllowed);
            }
            erase::told_of_wiping(old, &identity.label_text(), self.now(), &who)
        });
        if prohibited.get() {
            return Err(Error::ActionProhibited);
        }
        wiped.inspect_err(|error| {
            if matches!(Error::from(error.clone()), Error::PinIncorrect | Error::PinLocked) {
                self.note_failure(vault::Entry::SecurityOfficer, error);
            }
        })?;
        self.catch_up().map(|_| ())
    }

    pub fn identity(&self) -> Result<Identity> {
        Identity::decode(&self.vault.info())
    }

    /// What the token forbids beyond the standard's rules. Part of the token information, which a login verifies; it
    /// changes only when the token is initialised anew.
    pub fn profile(&self) -> Profile {
        if self.strict.load(Ordering::Relaxed) { Profile::Strict } else { Profile::Compatible }
    }

    /// What the token asks of the life of its keys, now. Part of the token information as the profile.
    pub fn validity(&self) -> Validity {
        let mode = self.mode();
        if mode == Mode::Off {
            return Validity::NONE;
        }
        let has_policy = self.has_policy.load(Ordering::Relaxed);
        let algorithms = if has_policy { self.algorithms.read().clone() } else { None };
        Validity { mode, now: self.validity_time(), algorithms }
    }

    /// How far the token holds its keys to their life.
    pub fn mode(&self) -> Mode {
        Mode::from_number(self.mode.load(Ordering::Relaxed)).unwrap_or(Mode::Enforce)
    }

    /// Whether the token makes HSS keys and signs with them.
    pub fn signs_statefully(&self) -> bool {
        self.stateful.load(Ordering::Relaxed)
    }

    /// Seconds since 1970 UTC.
    pub fn now(&self) -> u64 {
        self.config.clock.now()
    }

    /// Keeps a use that should not have been, each key and use once, and tells the audit log of it.
    pub fn note_concern(&self, key: ObjectHandle, purpose: Use, concern: Concern) {
        let mut concerns = self.concerns.lock();
        let known = concerns.len() >= MOST_CONCERNS || concerns.insert((key, purpose), concern).is_some();
        drop(concerns);
        if known || !self.tells_refusals() {
            return;
        }
        let usage = attribute::lookup(purpose.attribute()).map_or("use", |info| info.name);
        let mut event =
            self.event(What::Permitted).detail(&format!("{usage} although {}", concern.sentence()));
        event.key = self.entry_object(key).ok().map(|(_, key)| KeyName::of(key.attributes()));
        self.note(&event);
    }

    /// Whether nobody has been refused the values of this object before, as far as it is remembered.
    pub fn is_first_refusal(&self, object: ObjectHandle) -> bool {
        let mut refused = self.refused.lock();
        refused.len() < MOST_CONCERNS && refused.insert(object)
    }

    /// Uses of keys by this process that their state or dates speak against, which happened all the same.
    pub fn concerns(&self) -> Vec<(ObjectHandle, Use, Concern)> {
        let concerns = self.concerns.lock();
        concerns.iter().map(|((key, purpose), concern)| (*key, *purpose, *concern)).collect()
    }

    /// The settings as the token file has them.
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.identity()?.settings)
    }

    /// Information that cannot be read forbids rather too much.
    fn read_information(&self) {
        let strictest = || Settings { lifecycle: Mode::Enforce, ..Settings::default() };
        let identity = self.identity();
        self.read_control(identity.as_ref().ok());
        let (profile, settings) = match identity {
            Ok(identity) => (identity.profile, identity.settings),
            Err(_) => (Profile::Strict, strictest()),
        };
        let (mode, algorithms) = (settings.lifecycle, settings.algorithms().unwrap_or_default());
        self.clock_tolerance.store(u64::from(settings.clock_tolerance), Ordering::Relaxed);
        self.stateful.store(settings.stateful_signatures, Ordering::Relaxed);
        self.has_policy.store(algorithms.is_some(), Ordering::Relaxed);
        *self.algorithms.write() = algorithms;
        self.read_audit();
        self.strict.store(profile == Profile::Strict, Ordering::Relaxed);
        self.mode.store(mode.number(), Ordering::Relaxed);
    }

    pub fn uuid(&self) -> [u8; 16] {
        self.vault.uuid()
    }

    /// What `coffer` needs for the care of the file.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// C_GetTokenInfo, fresh from the file (PKCS#11 section 3.2, CK_TOKEN_INFO).
    pub fn info(&self) -> Result<TokenInfo> {
        self.catch_up()?;
        let user = self.vault.pin_state(vault::Entry::User)?;
        let so = self.vault.pin_state(vault::Entry::SecurityOfficer)?;
        let flags = [
            (true, CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED),
            // A saved state is a digest's: no key is in it.
            (true, CKF_CLOCK_ON_TOKEN | CKF_DUAL_CRYPTO_OPERATIONS | CKF_RESTORE_KEY_NOT_NEEDED),
            (!self.vault.writable(), CKF_WRITE_PROTECTED),
            (user.initialised, CKF_USER_PIN_INITIALIZED),
            (user.count_low, CKF_USER_PIN_COUNT_LOW),
            (user.final_try, CKF_USER_PIN_FINAL_TRY),
            (user.locked, CKF_USER_PIN_LOCKED),
            (so.count_low, CKF_SO_PIN_COUNT_LOW),
            (so.final_try, CKF_SO_PIN_FINAL_TRY),
            (so.locked, CKF_SO_PIN_LOCKED),
        ];
        let (session_count, rw_session_count) = self.session_counts();
        Ok(TokenInfo {
            identity: Some(self.identity()?),
            flags: flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag),
            session_count,
            rw_session_count,
            max_pin_len: self.config.pin.max_length as u64,
            min_pin_len: self.config.pin.min_length as u64,
            utc_time: utc_time(),
        })
    }

    /// How the token derives keys from PINs: as for the one PIN that every token has.
    fn present_kdf(&self) -> Option<Kdf> {
        self.vault.kdf(vault::Entry::SecurityOfficer)
    }

    pub fn role(&self) -> Role {
        self.login.read().role
    }

    fn new_handle(&self) -> ObjectHandle {
        ObjectHandle(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }
}

/// The parameters of a new token file.
fn new_token<'a>(
    config: &Config,
    identity: &Identity,
    so_pin: &'a Secret,
    present: Option<Kdf>,
    separated: bool,
) -> Result<NewToken<'a>> {
    Ok(NewToken {
        info: identity.encode()?,
        so_pin,
        kdf: kdf(config, present),
        allow_readonly_login: config.allow_readonly_login,
        pin_limit: u8::try_from(config.pin.attempts).unwrap_or(u8::MAX),
        separated: config.pin.separate_officer.unwrap_or(separated),
    })
}

/// How keys of new PINs are derived. `present`: how the token does it; what costs memory too is not given up.
fn kdf(config: &Config, present: Option<Kdf>) -> Kdf {
    match (config.pin.kdf, present) {
        (PinKdf::Argon2id, _) | (_, Some(Kdf::Argon2id(_))) => Kdf::Argon2id(Argon2Cost::default()),
        (PinKdf::Pbkdf2, _) => Kdf::Pbkdf2Sha512 { iterations: config.pin.kdf_iterations },
    }
}
