//! Message-based processes: one key and mechanism for many messages, from C_Message…Init to C_Message…Final (PKCS#11
//! sections 5.9, 5.11, 5.14 and 5.16).
//!
//! A message is an operation of its own and ends alone: the process goes on after an error, too. A key with
//! CKA_ALWAYS_AUTHENTICATE wants a context-specific login before each message.

mod cipher;
mod sign;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{Mechanism, MessageParams, ParamKind, Params};
use crate::policy::{Check, Need, Profile, Role, UsableKey, Use, Validity};
use crate::token::{ObjectHandle, Token};

use super::operation::{Active, Keyed, Operation, next_number};
use super::told::Told;
use super::{Session, State};

pub use cipher::{Opening, Sealed, message_params};

/// A started process.
pub struct Process<T> {
    row: &'static Mechanism,
    key: UsableKey,
    /// The object of the key, and what it is used for: each message asks for its state anew.
    handle: ObjectHandle,
    purpose: Use,
    /// The parameter of the Init, for every message.
    params: Params,
    /// What is told of each message.
    told: Told,
    /// The token's.
    profile: Profile,
    /// Later ones have higher numbers.
    number: u64,
    /// The context-specific login for the next message has been given.
    authenticated: bool,
    /// The message that comes in parts.
    message: Operation<T>,
}

impl<T> Process<T> {
    /// Errors: CKR_OPERATION_ACTIVE in the middle of a message, CKR_USER_NOT_LOGGED_IN where the message needs a login
    /// of its own, CKR_KEY_FUNCTION_NOT_PERMITTED where the key's state or a date has come to forbid it.
    fn may_begin(&self, token: &Token) -> Result<()> {
        self.message.check_idle()?;
        if self.key.needs_auth() && !self.authenticated {
            return Err(Error::UserNotLoggedIn);
        }
        let validity = token.validity();
        let mechanism = Some((self.row.id, self.params.told().hash));
        // A key that is gone meanwhile serves to the end of the process, as in any operation.
        let concern = match token.key(self.handle) {
            Ok(key) => validity.concern(&key, self.purpose, mechanism),
            Err(_) => validity.concern(self.key.object(), self.purpose, mechanism),
        };
        if let Some(concern) = validity.settle(concern, Error::KeyFunctionNotPermitted)? {
            token.note_concern(self.handle, self.purpose, concern);
        }
        Ok(())
    }

    /// A message begins: it is a use of the key, and whatever becomes of it, the next one needs a login again. Errors:
    /// CKR_KEY_EXHAUSTED, and those of writing the token.
    fn began(&mut self) -> Result<()> {
        self.key.count_use()?;
        self.authenticated = false;
        Ok(())
    }

    /// So many bytes of a message in one part are protected. Errors as those of `began`.
    fn count_bytes(&self, bytes: usize) -> Result<()> {
        self.key.meter().map_or(Ok(()), |meter| meter.count_bytes(bytes))
    }

    /// Begins a message in parts. The login has been checked already. Errors as those of `began`.
    fn begin(&mut self, run: T) -> Result<()> {
        self.began()?;
        self.message.start(Active::new(run, false, false).metered(&self.key).telling(self.told.clone()));
        Ok(())
    }
}

impl<T> Keyed for Option<Process<T>> {
    fn is_active(&self) -> bool {
        self.is_some()
    }

    fn cancel(&mut self) -> bool {
        self.take().is_some()
    }

    fn logout(&mut self) {
        if self.as_ref().is_some_and(|process| process.key.object().is_true(CKA_PRIVATE)) {
            *self = None;
        }
    }

    fn waits_for_auth(&self) -> Option<u64> {
        let process = self.as_ref().filter(|process| process.key.needs_auth() && !process.authenticated)?;
        Some(process.number)
    }

    fn authenticate(&mut self) {
        if let Some(process) = self {
            process.authenticated = true;
        }
    }
}

/// One kind of process: what its key is used for, where the session keeps it, and whether a mechanism can start it.
struct Kind<T> {
    purpose: Use,
    place: fn(&mut State) -> &mut Option<Process<T>>,
    /// Starts a message to see that key and parameter are right. Errors: CKR_MECHANISM_INVALID where the mechanism has no
    /// messages.
    check: fn(&Mechanism, UsableKey, &Params) -> Result<()>,
}

impl Session {
    /// Errors besides those of the mechanism: CKR_OPERATION_ACTIVE, CKR_MECHANISM_INVALID, and those of
    /// `policy::permit`.
    fn start_process<T>(
        &self,
        kind: &Kind<T>,
        mechanism: CK_MECHANISM_TYPE,
        params: Params,
        key: ObjectHandle,
    ) -> Result<()> {
        let mut state = self.state();
        let place = (kind.place)(&mut state);
        if place.is_some() {
            return Err(Error::OperationActive);
        }
        let row = self.mechanism(mechanism)?;
        let (handle, purpose) = (key, kind.purpose);
        let key = self.usable_key(handle, row, &params, purpose)?;
        (kind.check)(row, key.clone(), &params)?;
        let (profile, number) = (self.token.profile(), next_number());
        let (authenticated, message) = (false, Operation::Idle);
        let told = self.told(key.object(), purpose, row);
        *place = Some(Process {
            row,
            key,
            handle,
            purpose,
            params,
            told,
            profile,
            number,
            authenticated,
            message,
        });
        Ok(())
    }
}

/// What the token's profile says of the parameter of a message: `policy::permit` has seen none. Errors:
/// CKR_MECHANISM_PARAM_INVALID.
pub fn check_message(
    row: &Mechanism,
    profile: Profile,
    key: &UsableKey,
    message: &MessageParams,
    purpose: Use,
) -> Result<()> {
    // State and role were asked when the process began.
    let need =
        Need { parameter: message.told(), ..row.need(&Params::None, profile, Validity::NONE, Role::User) };
    Check::Profile.ask(key.object(), &need, purpose).map_err(|denial| denial.error)
}

/// The form of a message's parameter: that of the mechanism of the process.
fn form<T>(process: &Option<Process<T>>) -> Result<ParamKind> {
    process.as_ref().map(|process| process.row.params).ok_or(Error::OperationNotInitialized)
}

impl Session {
    /// Errors: CKR_OPERATION_NOT_INITIALIZED.
    pub fn message_encrypt_form(&self) -> Result<ParamKind> {
        form(&self.state().message_encrypt)
    }

    /// Errors: CKR_OPERATION_NOT_INITIALIZED.
    pub fn message_decrypt_form(&self) -> Result<ParamKind> {
        form(&self.state().message_decrypt)
    }
}

/// For each kind its Init, the end of it (an Init with a NULL mechanism), its Final, and the end of a message of which
/// a part has failed.
macro_rules! kinds {
    ($($field:ident $purpose:ident $check:path: $init:ident $cancel:ident $finish:ident $abandon:ident;)*) => {
        impl Session {
            $(
                pub fn $init(
                    &self,
                    mechanism: CK_MECHANISM_TYPE,
                    params: Params,
                    key: ObjectHandle,
                ) -> Result<()> {
                    let kind = Kind { purpose: Use::$purpose, place: |state| &mut state.$field, check: $check };
                    self.start_process(&kind, mechanism, params, key)
                }

                pub fn $cancel(&self) {
                    self.state().$field = None;
                }

                /// Errors: CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE in the middle of a message.
                pub fn $finish(&self) -> Result<()> {
                    let mut state = self.state();
                    state.$field.as_ref().ok_or(Error::OperationNotInitialized)?.message.check_idle()?;
                    state.$field = None;
                    Ok(())
                }

                pub fn $abandon(&self) {
                    if let Some(process) = &mut self.state().$field {
                        process.message = Operation::Idle;
                    }
                }
            )*
        }
    };
}

kinds! {
    message_encrypt Encrypt cipher::check_encrypt:
        message_encrypt_init message_encrypt_cancel message_encrypt_final encrypt_message_abandon;
    message_decrypt Decrypt cipher::check_decrypt:
        message_decrypt_init message_decrypt_cancel message_decrypt_final decrypt_message_abandon;
    message_sign Sign sign::check_sign:
        message_sign_init message_sign_cancel message_sign_final sign_message_abandon;
    message_verify Verify sign::check_verify:
        message_verify_init message_verify_cancel message_verify_final verify_message_abandon;
}
