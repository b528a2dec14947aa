//! Sessions: what an application does with a token, one call at a time.
#![forbid(unsafe_code)]

mod accounts;
mod asynchronous;
mod built_in;
mod crypt;
mod derive;
mod digest;
mod dual;
mod encapsulate;
mod explain;
mod keys;
mod messages;
#[cfg(all(test, feature = "model"))]
mod model_tests;
mod objects;
mod operation;
mod output;
mod random;
mod rewrap;
mod rotate;
mod saved;
mod table;
mod told;
mod verify_signature;
mod wrap_authenticated;
mod wrappable;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::ck::*;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock::{Mutex, MutexGuard};
use crate::mechanism::{self, Cipher, Digest, Mechanism, Params, Sign, Verify};
use crate::policy::{Class, Role, UsableKey, Use, permit, session_state};
use crate::secret::Secret;
use crate::token::{ObjectHandle, SessionHandle, SlotId, Token};

pub use asynchronous::{Completed, Function, Outcome};
pub use derive::Made;
pub use explain::Explanation;
pub use messages::Sealed;
pub use output::Output;
pub use rewrap::Wrapping;
pub use rotate::Rotated;
pub use table::SessionTable;

use messages::{Opening, Process};
use operation::{Keyed, Operation};
use verify_signature::Check;

/// A session with a token.
pub struct Session {
    handle: SessionHandle,
    slot: SlotId,
    read_write: bool,
    /// Opened with CKF_ASYNC_SESSION.
    asynchronous: bool,
    tasks: Mutex<asynchronous::Tasks>,
    /// It has been closed: what another thread is still doing with it must not outlive it.
    closed: AtomicBool,
    /// The token's when the session was opened; it ends with it.
    era: u64,
    token: Arc<Token>,
    config: Arc<Config>,
    /// All sessions of the application: a logout ends operations in each.
    siblings: Weak<SessionTable>,
    state: Mutex<State>,
}

/// The operations of a session: at most one of each kind.
#[derive(Default)]
struct State {
    digest: Operation<Box<dyn Digest>>,
    sign: Operation<Box<dyn Sign>>,
    sign_recover: Operation<Box<dyn Cipher>>,
    verify: Operation<Box<dyn Verify>>,
    verify_recover: Operation<Box<dyn Cipher>>,
    verify_signature: Operation<Check>,
    encrypt: Operation<Box<dyn Cipher>>,
    decrypt: Operation<Box<dyn Cipher>>,
    message_encrypt: Option<Process<Box<dyn Cipher>>>,
    message_decrypt: Option<Process<Opening>>,
    message_sign: Option<Process<Box<dyn Sign>>>,
    message_verify: Option<Process<Box<dyn Verify>>>,
    /// What was given with C_SeedRandom.
    seed: Option<random::Seed>,
    /// What C_FindObjects has still to give out.
    find: Option<VecDeque<ObjectHandle>>,
}

impl State {
    /// The operations that have a key, each with its flag of C_SessionCancel.
    fn with_keys(&mut self) -> [(CK_FLAGS, &mut dyn Keyed); 11] {
        [
            (CKF_SIGN, &mut self.sign),
            (CKF_SIGN_RECOVER, &mut self.sign_recover),
            (CKF_VERIFY, &mut self.verify),
            (CKF_VERIFY_RECOVER, &mut self.verify_recover),
            (CKF_VERIFY, &mut self.verify_signature),
            (CKF_ENCRYPT, &mut self.encrypt),
            (CKF_DECRYPT, &mut self.decrypt),
            (CKF_MESSAGE_ENCRYPT, &mut self.message_encrypt),
            (CKF_MESSAGE_DECRYPT, &mut self.message_decrypt),
            (CKF_MESSAGE_SIGN, &mut self.message_sign),
            (CKF_MESSAGE_VERIFY, &mut self.message_verify),
        ]
    }
}

/// Everything that C_GetSessionInfo tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    pub slot: SlotId,
    pub state: CK_STATE,
    pub flags: CK_FLAGS,
}

impl Session {
    pub fn handle(&self) -> SessionHandle {
        self.handle
    }

    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// The token, for what is no function of PKCS#11.
    pub fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub fn info(&self) -> SessionInfo {
        let read_write = if self.read_write { CKF_RW_SESSION } else { 0 };
        let asynchronous = if self.asynchronous { CKF_ASYNC_SESSION } else { 0 };
        SessionInfo {
            slot: self.slot,
            state: session_state(self.token.role(), self.read_write),
            flags: CKF_SERIAL_SESSION | read_write | asynchronous,
        }
    }

    /// False when another process has initialised the token anew.
    fn is_alive(&self) -> bool {
        self.token.era() == self.era
    }

    /// C_InitPIN. Errors: CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN, CKR_PIN_LEN_RANGE.
    pub fn init_pin(&self, pin: &Secret) -> Result<()> {
        self.need_read_write()?;
        self.token.init_pin(pin)
    }

    /// C_SetPIN. Errors: CKR_SESSION_READ_ONLY, CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_LEN_RANGE.
    pub fn set_pin(&self, old: &Secret, new: &Secret) -> Result<()> {
        self.need_read_write()?;
        self.token.set_pin(old, new)
    }

    /// C_Login. A context-specific login unlocks the one operation that waits for it (CKA_ALWAYS_AUTHENTICATE).
    pub fn login(&self, user_type: CK_USER_TYPE, pin: &Secret) -> Result<()> {
        match user_type {
            CKU_USER => self.token.log_in(Role::User, pin)?,
            CKU_SO => self.token.log_in(Role::SecurityOfficer, pin)?,
            CKU_CONTEXT_SPECIFIC => return self.authenticate(pin),
            _ => return Err(Error::UserTypeInvalid),
        }
        self.end_login_if_closed();
        Ok(())
    }

    /// The session may have been closed while its login was under way.
    fn end_login_if_closed(&self) {
        if self.closed.load(Ordering::SeqCst) {
            self.token.end_login_without_sessions();
        }
    }

    /// C_LoginUser: the SO is called `so` or not at all, the user `user` or not at all; other names are those of accounts, which
    /// are users. A context-specific login may tell the name of who is logged in. Errors besides those of C_Login:
    /// CKR_USER_TYPE_INVALID for a name that nobody has.
    pub fn login_user(&self, user_type: CK_USER_TYPE, pin: &Secret, name: &[u8]) -> Result<()> {
        match (user_type, name) {
            (_, b"") | (CKU_SO, b"so") | (CKU_USER, b"user") => self.login(user_type, pin),
            (CKU_USER, name) => {
                self.token.log_in_account(name, pin)?;
                self.end_login_if_closed();
                Ok(())
            }
            (CKU_CONTEXT_SPECIFIC, name)
                if self.token.user_name().is_some_and(|own| own.as_bytes() == name) =>
            {
                self.login(user_type, pin)
            }
            _ => Err(Error::UserTypeInvalid),
        }
    }

    /// C_GetSessionValidationFlags: no validation of a module stands behind any operation. Errors: CKR_ARGUMENTS_BAD for
    /// flags that nobody knows.
    pub fn validation_flags(&self, kind: CK_SESSION_VALIDATION_FLAGS_TYPE) -> Result<CK_FLAGS> {
        if kind == CKS_LAST_VALIDATION_OK { Ok(0) } else { Err(Error::ArgumentsBad) }
    }

    /// One login is for one operation: the one that was initialised last of those that wait.
    fn authenticate(&self, pin: &Secret) -> Result<()> {
        let mut state = self.state.lock();
        let operations = state.with_keys().into_iter().map(|(_, operation)| operation);
        let waiting = operations.filter(|operation| operation.waits_for_auth().is_some());
        let last = waiting.max_by_key(|operation| operation.waits_for_auth());
        let operation = last.ok_or(Error::OperationNotInitialized)?;
        self.token.verify_pin(pin)?;
        operation.authenticate();
        Ok(())
    }

    /// C_Logout: private objects and the operations that use them end, in every session of the application.
    pub fn logout(&self) -> Result<()> {
        self.token.log_out()?;
        if let Some(sessions) = self.siblings.upgrade() {
            for session in sessions.of_slot(self.slot) {
                session.end_private_operations();
            }
        }
        Ok(())
    }

    fn end_private_operations(&self) {
        self.void_private_work();
        let mut state = self.state.lock();
        for (_, operation) in state.with_keys() {
            operation.logout();
        }
        state.find = None;
    }

    /// C_SessionCancel: ends the operations that `flags` name (CKF_SIGN, CKF_FIND_OBJECTS …, section 5.6.9). Errors:
    /// CKR_OPERATION_CANCEL_FAILED for a signature that a thread works on.
    pub fn cancel(&self, flags: CK_FLAGS) -> Result<()> {
        if flags & CKF_SIGN != 0 && self.signs_apart() {
            return Err(Error::OperationCancelFailed);
        }
        let mut state = self.state.lock();
        if flags & CKF_DIGEST != 0 {
            state.digest.cancel();
        }
        for (flag, operation) in state.with_keys() {
            if flags & flag != 0 {
                operation.cancel();
            }
        }
        if flags & CKF_FIND_OBJECTS != 0 {
            state.find = None;
        }
        Ok(())
    }

    /// The session is closed: its objects are gone, and the last session of a token logs out.
    fn close(&self) {
        self.end_work();
        self.closed.store(true, Ordering::SeqCst);
        *self.state.lock() = State::default();
        self.token.drop_session_objects(self.handle);
        self.token.session_closed(self.read_write, self.era);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn need_read_write(&self) -> Result<()> {
        if self.read_write { Ok(()) } else { Err(Error::SessionReadOnly) }
    }

    /// The row of a mechanism that the configuration allows and that has passed its self-tests. Errors:
    /// CKR_MECHANISM_INVALID, CKR_DEVICE_ERROR.
    fn mechanism(&self, id: CK_MECHANISM_TYPE) -> Result<&'static Mechanism> {
        let row = mechanism::ready(id)?;
        if self.config.offers(row.name, row.is_legacy()) { Ok(row) } else { Err(Error::MechanismInvalid) }
    }

    /// Errors: CKR_MECHANISM_INVALID where the mechanism makes or uses keys with a state and the token's settings have none.
    fn check_stateful(&self, row: &Mechanism) -> Result<()> {
        let refused = row.ops.stateful && !self.token.signs_statefully();
        if refused { Err(Error::MechanismInvalid) } else { Ok(()) }
    }

    /// The key behind a handle, if it may be used so. Errors: those of `policy::permit`.
    fn usable_key(
        &self,
        handle: ObjectHandle,
        row: &Mechanism,
        params: &Params,
        purpose: Use,
    ) -> Result<UsableKey> {
        self.token.check_log()?;
        if purpose == Use::Sign {
            self.check_stateful(row)?;
        }
        let object = self.token.key(handle).map_err(|error| no_such_key(error, purpose))?;
        let need = row.need(params, self.token.profile(), self.token.validity(), self.token.role());
        let key = permit(object, &need, purpose)
            .inspect_err(|error| self.tell_refusal(handle, purpose, row, *error))?;
        if let Some(concern) = key.concern() {
            self.token.note_concern(handle, purpose, concern);
        }
        let limited = key.object().is_limited() && purpose.class() == Class::Protect;
        let key = if limited { key.with_meter(self.token.meter(handle, purpose)) } else { key };
        let token = Arc::clone(&self.token);
        Ok(match (key.object().class(), key.object().key_type()) {
            (CKO_OTP_KEY, _) => key.with_counter(Arc::new(move || token.take_counter(handle))),
            (CKO_PRIVATE_KEY, Some(CKK_HSS)) => {
                key.with_counter(Arc::new(move || token.take_one_time_key(handle)))
            }
            _ => key,
        })
    }
}

/// The code for a handle that names no key, by the argument in which it stood.
fn no_such_key(error: Error, purpose: Use) -> Error {
    match (error, purpose) {
        (Error::ObjectHandleInvalid, Use::Wrap) => Error::WrappingKeyHandleInvalid,
        (Error::ObjectHandleInvalid, Use::Unwrap | Use::Decapsulate) => Error::UnwrappingKeyHandleInvalid,
        (Error::ObjectHandleInvalid, _) => Error::KeyHandleInvalid,
        (error, _) => error,
    }
}
