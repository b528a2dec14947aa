//! The initialised library: its configuration, its slots and its sessions, from C_Initialize to C_Finalize.
#![forbid(unsafe_code)]

mod events;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use once_cell::race::OnceBox;

use crate::ck::*;
use crate::config::{self, Config, Environment};
use crate::error::{Error, Result};
use crate::lifecycle::log::{self, AuditLog};
use crate::lock::{Mutex, RwLock};
use crate::mechanism::{self, Mechanism};
use crate::policy::Profile;
use crate::secret::Secret;
use crate::session::{Session, SessionTable};
use crate::store::{self, FileBackend, folder};
use crate::token::{
    AuditSink, Identity, LABEL_LEN, SessionHandle, Settings, SlotId, Token, TokenInfo, padded, utc_time,
};
use crate::vault;

use events::Events;

/// Slot ids stay below this.
const SLOT_LIMIT: CK_SLOT_ID = 1 << 31;

/// What C_Initialize makes and C_Finalize ends.
pub struct Module {
    config: Arc<Config>,
    sessions: Arc<SessionTable>,
    slots: Mutex<BTreeMap<SlotId, Slot>>,
    /// What C_GetSlotList last counted.
    counted: Mutex<Option<Vec<SlotId>>>,
    events: Events,
    /// Asynchronous sessions need threads, which the application may have forbidden.
    may_create_threads: bool,
}

/// A slot: it always holds a token, made or to be made.
#[derive(Clone)]
struct Slot {
    path: PathBuf,
    content: Content,
}

#[derive(Clone)]
enum Content {
    /// The empty slot that C_InitToken takes.
    Empty,
    Token(Arc<Token>),
    /// A file that is not a usable token, and why.
    Unusable(vault::Error),
}

/// What C_GetSlotInfo tells; the rest is the same for all slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// The file behind the slot.
    pub path: PathBuf,
    pub flags: CK_FLAGS,
}

/// The flags of a mechanism that are uses of it.
const USES: CK_FLAGS = CKF_ENCRYPT
    | CKF_DECRYPT
    | CKF_DIGEST
    | CKF_SIGN
    | CKF_SIGN_RECOVER
    | CKF_VERIFY
    | CKF_VERIFY_RECOVER
    | CKF_GENERATE
    | CKF_GENERATE_KEY_PAIR
    | CKF_WRAP
    | CKF_UNWRAP
    | CKF_DERIVE
    | CKF_ENCAPSULATE
    | CKF_DECAPSULATE
    | CKF_MESSAGE_ENCRYPT
    | CKF_MESSAGE_DECRYPT
    | CKF_MESSAGE_SIGN
    | CKF_MESSAGE_VERIFY;

/// The place of the module in one process. A forked child must not touch the lock that it inherits, for another thread
/// of its parent may have held it; it goes on with a place of its own, at the end of the chain.
struct Place {
    module: RwLock<Option<Arc<Module>>>,
    /// Nobody ever waits for it, so it may be inherited in any state.
    next: OnceBox<Place>,
}

static FIRST: Place = Place::empty();

impl Place {
    const fn empty() -> Self {
        Self { module: RwLock::new(None), next: OnceBox::new() }
    }

    fn current() -> &'static Place {
        let mut place = &FIRST;
        while let Some(next) = place.next.get() {
            place = next;
        }
        place
    }
}

/// Finds, reads and checks the configuration.
pub fn load_config(environment: &Environment) -> std::result::Result<Config, config::Error> {
    let config = Config::load(environment)?;
    let names: Vec<&str> = mechanism::all().iter().map(|row| row.name).collect();
    config.check_mechanisms(&names)?;
    Ok(config)
}

/// C_Initialize. `may_create_threads`: for asynchronous sessions. Errors: CKR_CRYPTOKI_ALREADY_INITIALIZED.
pub fn initialize(config: Config, may_create_threads: bool) -> Result<()> {
    let mut current = Place::current().module.write();
    if current.is_some() {
        return Err(Error::CryptokiAlreadyInitialized);
    }
    mechanism::aead::set_held_limit(config.limits.gcm_decrypt_bytes);
    *current = Some(Arc::new(Module { may_create_threads, ..Module::new(config) }));
    Ok(())
}

/// C_Finalize: closes every session. Calls that are running in other threads end on their own.
/// Errors: CKR_CRYPTOKI_NOT_INITIALIZED.
pub fn finalize() -> Result<()> {
    let module = Place::current().module.write().take().ok_or(Error::CryptokiNotInitialized)?;
    module.events.end();
    module.sessions.close_all();
    module.flush_logs();
    Ok(())
}

/// The module of this process. Errors: CKR_CRYPTOKI_NOT_INITIALIZED.
pub fn current() -> Result<Arc<Module>> {
    Place::current().module.read().clone().ok_or(Error::CryptokiNotInitialized)
}

/// In a forked child, before its C_Initialize: leaves what it inherited where it is, without locking or freeing it.
pub fn forget() {
    // Only one thread can be here, and a place is given its successor once.
    let _ = Place::current().next.set(Box::new(Place::empty()));
}

impl Module {
    /// A module of its own; `coffer` uses it without the C boundary.
    pub fn new(config: Config) -> Self {
        let module = Self {
            config: Arc::new(config),
            sessions: Arc::default(),
            slots: Mutex::new(BTreeMap::new()),
            counted: Mutex::default(),
            events: Events::default(),
            may_create_threads: true,
        };
        module.look_for_tokens();
        // What was there at the start is no event.
        while module.events.take().is_some() {}
        module
    }

    /// Makes the audit logs durable as far as they tell of changes.
    pub fn flush_logs(&self) {
        let slots: Vec<_> = self.slots.lock().values().cloned().collect();
        for slot in slots {
            if let Content::Token(token) = slot.content {
                token.flush_log(true);
            }
        }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All slots, after a look at the folder: tokens that other processes have made appear.
    pub fn slots(&self) -> Vec<SlotId> {
        self.look_for_tokens();
        self.slots.lock().keys().copied().collect()
    }

    /// C_GetSlotList with a NULL list: the slots from here on, until it is called so again (PKCS#11 section 5.5).
    pub fn count_slots(&self) -> Vec<SlotId> {
        let slots = self.slots();
        *self.counted.lock() = Some(slots.clone());
        slots
    }

    /// C_GetSlotList with a list: the slots that were counted, so that a list of that length is long enough whatever
    /// other processes have made since; the present ones where none have been counted.
    pub fn counted_slots(&self) -> Vec<SlotId> {
        let counted = self.counted.lock().clone();
        counted.unwrap_or_else(|| self.slots())
    }

    /// C_WaitForSlotEvent without waiting: the slot of a token that has appeared or disappeared. Errors: CKR_NO_EVENT.
    pub fn slot_event(&self) -> Result<SlotId> {
        self.look_for_tokens();
        self.events.take().ok_or(Error::NoEvent)
    }

    /// C_WaitForSlotEvent. Errors: CKR_CRYPTOKI_NOT_INITIALIZED when C_Finalize is called meanwhile.
    pub fn wait_for_slot_event(&self) -> Result<SlotId> {
        loop {
            match self.slot_event() {
                Err(Error::NoEvent) => self.events.pause()?,
                other => return other,
            }
        }
    }

    /// C_GetSlotInfo. Errors: CKR_SLOT_ID_INVALID.
    pub fn slot_info(&self, id: SlotId) -> Result<SlotInfo> {
        let slot = self.slot(id)?;
        Ok(SlotInfo { path: slot.path, flags: CKF_TOKEN_PRESENT })
    }

    /// C_GetTokenInfo. The empty slot's token lacks CKF_TOKEN_INITIALIZED; a damaged one has CKF_ERROR_STATE.
    pub fn token_info(&self, id: SlotId) -> Result<TokenInfo> {
        let flags = match self.slot(id)?.content {
            Content::Token(token) => {
                let asynchronous = if self.may_create_threads { CKF_ASYNC_SESSION_SUPPORTED } else { 0 };
                return token.info().map(|info| TokenInfo { flags: info.flags | asynchronous, ..info });
            }
            Content::Empty => {
                CKF_RNG
                    | CKF_CLOCK_ON_TOKEN
                    | CKF_DUAL_CRYPTO_OPERATIONS
                    | CKF_RESTORE_KEY_NOT_NEEDED
                    | CKF_LOGIN_REQUIRED
            }
            Content::Unusable(_) => CKF_ERROR_STATE | CKF_TOKEN_INITIALIZED | CKF_WRITE_PROTECTED,
        };
        Ok(TokenInfo {
            identity: None,
            flags,
            session_count: 0,
            rw_session_count: 0,
            max_pin_len: self.config.pin.max_length as u64,
            min_pin_len: self.config.pin.min_length as u64,
            utc_time: utc_time(),
        })
    }

    /// Why the file in a slot is not a usable token; `None` where it is one, or empty.
    pub fn slot_problem(&self, id: SlotId) -> Result<Option<vault::Error>> {
        Ok(match self.slot(id)?.content {
            Content::Unusable(error) => Some(error),
            _ => None,
        })
    }

    /// C_GetMechanismList.
    pub fn mechanism_list(&self, id: SlotId) -> Result<Vec<CK_MECHANISM_TYPE>> {
        let content = self.slot(id)?.content;
        let offered = |row: &&&'static Mechanism| self.offered(&content, row).is_some();
        Ok(mechanism::all().iter().filter(offered).map(|row| row.id).collect())
    }

    /// What C_GetMechanismInfo tells of a mechanism: without the uses that the token's profile refuses to every key, and without
    /// stateful signatures where its settings do not have them. `None`
    /// where nothing is left of it, or the configuration denies it.
    fn offered(&self, content: &Content, row: &Mechanism) -> Option<CK_MECHANISM_INFO> {
        let mut info = row.info();
        let stateful = matches!(content, Content::Token(token) if token.signs_statefully());
        if !self.config.offers(row.name, row.is_legacy()) {
            return None;
        }
        let mut refused = if stateful { 0 } else { row.stateful_flags() };
        if let Content::Token(token) = content {
            refused |= token.profile().refused_flags(row.id, row.key.types) & USES;
        }
        if refused != 0 && info.flags & (USES | CKF_GENERATE_KEY_PAIR) & !refused == 0 {
            return None;
        }
        info.flags &= !refused;
        Some(info)
    }

    /// C_GetMechanismInfo. Errors: CKR_MECHANISM_INVALID.
    pub fn mechanism_info(&self, id: SlotId, mechanism: CK_MECHANISM_TYPE) -> Result<CK_MECHANISM_INFO> {
        let content = self.slot(id)?.content;
        let row = mechanism::lookup(mechanism).ok_or(Error::MechanismInvalid)?;
        self.offered(&content, row).ok_or(Error::MechanismInvalid)
    }

    /// C_InitToken: makes a token in the empty slot, or initialises one anew with its SO PIN; its profile is `compatible`.
    /// Errors as `init_token_as`.
    pub fn init_token(&self, id: SlotId, so_pin: &Secret, label: [u8; LABEL_LEN]) -> Result<()> {
        self.init_token_with(id, so_pin, label, Profile::Compatible)
    }

    /// As C_InitToken, with a profile. Errors as `init_token_as`.
    pub fn init_token_with(
        &self,
        id: SlotId,
        so_pin: &Secret,
        label: [u8; LABEL_LEN],
        profile: Profile,
    ) -> Result<()> {
        self.init_token_as(id, so_pin, label, profile, Settings::default())
    }

    /// As C_InitToken, with a profile and settings.
    /// Errors: CKR_SESSION_EXISTS, CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE, CKR_PIN_INVALID,
    /// CKR_SLOT_ID_INVALID, and CKR_FUNCTION_FAILED where another process has just taken the empty slot.
    pub fn init_token_as(
        &self,
        id: SlotId,
        so_pin: &Secret,
        label: [u8; LABEL_LEN],
        profile: Profile,
        settings: Settings,
    ) -> Result<()> {
        let slot = self.slot(id)?;
        match slot.content {
            Content::Token(token) => token.reinitialise(label, so_pin, profile, settings),
            Content::Empty => {
                let serial = uuid::Uuid::new_v4().simple().to_string();
                let serial = padded(serial.get(..16).unwrap_or_default());
                let identity = Identity { slot: id, label, serial, profile, settings };
                self.make_token(&slot.path, so_pin, &identity)
            }
            Content::Unusable(error) => Err(error.into()),
        }
    }

    fn make_token(&self, path: &Path, so_pin: &Secret, identity: &Identity) -> Result<()> {
        folder::create(&self.config.home, self.store_mode()).map_err(vault::Error::from)?;
        // Where another process was faster, its token is what the slot holds now.
        let token = Token::create(self.backend(path), self.config.clone(), identity, so_pin)
            .inspect_err(|_| self.look_for_tokens())?;
        self.attach_log(&token, path);
        let content = Content::Token(Arc::new(token));
        self.slots.lock().insert(identity.slot, Slot { path: path.to_owned(), content });
        self.look_for_tokens();
        Ok(())
    }

    /// C_OpenSession. Errors: CKR_SESSION_PARALLEL_NOT_SUPPORTED, CKR_SESSION_ASYNC_NOT_SUPPORTED where threads are
    /// forbidden, CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED, CKR_SESSION_READ_WRITE_SO_EXISTS.
    pub fn open_session(&self, id: SlotId, flags: CK_FLAGS) -> Result<SessionHandle> {
        let asynchronous = flags & CKF_ASYNC_SESSION != 0;
        if asynchronous && !self.may_create_threads {
            return Err(Error::SessionAsyncNotSupported);
        }
        if flags & CKF_SERIAL_SESSION == 0 {
            return Err(Error::SessionParallelNotSupported);
        }
        let token = match self.slot(id)?.content {
            Content::Token(token) => token,
            Content::Empty | Content::Unusable(_) => return Err(Error::TokenNotRecognized),
        };
        let read_write = flags & CKF_RW_SESSION != 0;
        if read_write && !token.vault().writable() {
            return Err(Error::TokenWriteProtected);
        }
        self.sessions.open(id, token, self.config.clone(), read_write, asynchronous)
    }

    pub fn session(&self, handle: SessionHandle) -> Result<Arc<Session>> {
        self.sessions.session(handle)
    }

    pub fn close_session(&self, handle: SessionHandle) -> Result<()> {
        self.sessions.close(handle)
    }

    pub fn close_all_sessions(&self, id: SlotId) -> Result<()> {
        self.slot(id)?;
        self.sessions.close_slot(id);
        Ok(())
    }

    /// The token in a slot. Errors: CKR_TOKEN_NOT_RECOGNIZED for an empty slot.
    pub fn token(&self, id: SlotId) -> Result<Arc<Token>> {
        match self.slot(id)?.content {
            Content::Token(token) => Ok(token),
            _ => Err(Error::TokenNotRecognized),
        }
    }

    fn slot(&self, id: SlotId) -> Result<Slot> {
        self.slots.lock().get(&id).cloned().ok_or(Error::SlotIdInvalid)
    }

    /// Brings the slots up to date with the folder. Tokens that are known stay in their slots.
    fn look_for_tokens(&self) {
        let files = folder::token_files(&self.config.home).unwrap_or_default();
        let mut slots = self.slots.lock();
        slots.retain(|id, slot| match &slot.content {
            // A token whose file was deleted stays only for the sessions that are open with it.
            Content::Token(token) => {
                let stays = slot.path.exists() || token.has_sessions();
                if !stays {
                    self.events.add(*id);
                }
                stays
            }
            Content::Empty | Content::Unusable(_) => false,
        });
        let unknown = files.into_iter().filter(|file| !slots.values().any(|slot| slot.path == *file));
        let mut unknown: Vec<_> = unknown.collect();
        // Files with the name that Coffer gives come first: a copy beside the original is the second.
        unknown.sort_by_key(|path| (slot_of_name(path).is_none(), path.clone()));
        for path in unknown {
            let (wanted, content) = self.open(&path);
            if let Content::Token(token) = &content {
                let same = |slot: &Slot| match &slot.content {
                    Content::Token(other) => other.uuid() == token.uuid(),
                    _ => false,
                };
                // A copy beside the original: the first is offered, `coffer doctor` names the second.
                if slots.values().any(same) {
                    continue;
                }
            }
            let Some(id) = free_slot(&slots, wanted) else { continue };
            if let Content::Token(_) = content {
                self.events.add(id);
            }
            slots.insert(id, Slot { path, content });
        }
        if let Some(id) = self.empty_slot(&slots) {
            slots.insert(id, Slot { path: self.token_path(id), content: Content::Empty });
        }
    }

    /// Opens a token file; tells also the slot that it was made in.
    fn open(&self, path: &Path) -> (Option<SlotId>, Content) {
        match Token::open(self.backend(path), self.config.clone()) {
            Ok(token) => match token.identity() {
                Ok(identity) => {
                    self.attach_log(&token, path);
                    (Some(identity.slot), Content::Token(Arc::new(token)))
                }
                Err(_) => (slot_of_name(path), Content::Unusable(vault::Error::NotOurs)),
            },
            Err(error) => (slot_of_name(path), Content::Unusable(error)),
        }
    }

    /// The lowest id that no token and no file has.
    fn empty_slot(&self, slots: &BTreeMap<SlotId, Slot>) -> Option<SlotId> {
        (0..SLOT_LIMIT).map(SlotId).find(|id| !slots.contains_key(id) && !self.token_path(*id).exists())
    }

    fn token_path(&self, id: SlotId) -> PathBuf {
        self.config.home.join(format!("token-{}.{}", id.0, folder::EXTENSION))
    }

    fn backend(&self, path: &Path) -> Arc<dyn store::Backend> {
        Arc::new(FileBackend::new(path, self.store_mode()))
    }

    /// Lets a token find the audit log that stands beside its file, now or later.
    fn attach_log(&self, token: &Token, path: &Path) {
        let (backend, each) = (self.audit_backend(path), self.config.audit_each);
        token.find_log_with(Box::new(move |token, id| {
            let log = AuditLog::open(backend.clone(), each).ok()?;
            // Perhaps that of a token that was here before.
            (*log.uuid() == token.uuid() && log.id() == *id).then(|| Arc::new(log) as Arc<dyn AuditSink>)
        }));
    }

    /// The place of the audit log of a token file.
    pub fn audit_backend(&self, path: &Path) -> Arc<dyn store::Backend> {
        self.backend(&log::path_beside(path))
    }

    fn store_mode(&self) -> store::Mode {
        match self.config.mode {
            crate::config::Mode::Owner => store::Mode::Owner,
            crate::config::Mode::Group => store::Mode::Group,
        }
    }
}

/// The slot id in a file's name, `token-3.coffer`.
fn slot_of_name(path: &Path) -> Option<SlotId> {
    let number = path.file_stem()?.to_str()?.strip_prefix("token-")?;
    number.parse().ok().filter(|id| *id < SLOT_LIMIT).map(SlotId)
}

/// The slot that the token asks for, or the lowest free one.
fn free_slot(slots: &BTreeMap<SlotId, Slot>, wanted: Option<SlotId>) -> Option<SlotId> {
    let free = |id: &SlotId| !slots.contains_key(id);
    wanted.filter(free).or_else(|| (0..SLOT_LIMIT).map(SlotId).find(free))
}
