//! Uses of keys, told to the audit log where the token wants that: what for, which key, with what result.
//!
//! Where it does not, an operation carries `None`, and its steps cost one look at that.

use std::sync::Arc;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Mechanism;
use crate::object::{Attributes, Object, Value, attribute};
use crate::policy::Use;
use crate::token::{KeyName, ObjectHandle, Outcome, Token, What};

use super::operation::Operation;
use super::{Session, State};

/// A use of a key, as it will be told when it is over.
pub struct Used {
    what: What,
    key: KeyName,
    mechanism: &'static str,
}

/// `None` where uses are not told.
pub type Told = Option<Arc<Used>>;

fn what(purpose: Use) -> What {
    match purpose {
        Use::Sign | Use::SignRecover => What::Sign,
        Use::Verify | Use::VerifyRecover => What::Verify,
        Use::Encrypt => What::Encrypt,
        Use::Decrypt => What::Decrypt,
        Use::Wrap => What::Wrap,
        Use::Unwrap => What::Unwrap,
        Use::Derive => What::Derive,
        Use::Encapsulate => What::Encapsulate,
        Use::Decapsulate => What::Decapsulate,
    }
}

/// Tells of a use that is over.
pub(super) fn tell_use<T>(token: &Token, told: &Told, result: &Result<T>) {
    let Some(used) = told else { return };
    let outcome = result.as_ref().err().map_or(Outcome::Done, |error| Outcome::failed(*error));
    let mut event = token.event(used.what).detail(used.mechanism).outcome(outcome);
    event.key = Some(used.key.clone());
    token.note(&event);
}

/// Whether an error says that somebody may not do something, and not that it cannot be done.
fn is_refusal(error: Error) -> bool {
    matches!(
        error,
        Error::ActionProhibited
            | Error::AttributeReadOnly
            | Error::AttributeSensitive
            | Error::KeyFunctionNotPermitted
            | Error::KeyNotWrappable
            | Error::KeyUnextractable
            | Error::UserNotLoggedIn
    )
}

impl Session {
    /// What will be told of this use.
    pub(super) fn told(&self, key: &Object, purpose: Use, row: &'static Mechanism) -> Told {
        if !self.token.tells_uses() {
            return None;
        }
        let key = KeyName::of(key.attributes());
        Some(Arc::new(Used { what: what(purpose), key, mechanism: row.name }))
    }

    /// Tells of a use that is over.
    pub(super) fn tell<T>(&self, told: &Told, result: &Result<T>) {
        tell_use(&self.token, told, result);
    }

    /// Tells that the use of a key was refused.
    pub(super) fn tell_refusal(&self, handle: ObjectHandle, purpose: Use, row: &Mechanism, error: Error) {
        if !self.token.tells_refusals() {
            return;
        }
        let event = self.token.event(What::Denied).outcome(Outcome::denied(error));
        let mut event = event.detail(&format!("{} with {}", what(purpose).name(), row.name));
        event.key = self.token.object(handle).ok().map(|key| KeyName::of(key.attributes()));
        self.token.note(&event);
    }

    /// Does something to an object, or tells that it was refused: `what` as in "wrap with CKM_AES_GCM".
    pub(super) fn unless_refused<T>(
        &self,
        object: &Object,
        what: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let result = work();
        if let Err(error) = &result {
            self.tell_refused(object.attributes(), what, *error);
        }
        result
    }

    /// Tells of what was refused to do with an object; other errors are not told.
    pub(super) fn tell_refused(&self, object: &Attributes, what: &str, error: Error) {
        if self.token.tells_refusals() && is_refusal(error) {
            let event = self.token.event(What::Denied).outcome(Outcome::denied(error)).detail(what);
            self.token.note(&event.about(object));
        }
    }

    /// Tells of a secret value of a token object that was read in the clear, and the first time that it was refused: there are
    /// applications that ask for whatever an object could have.
    pub(super) fn tell_reading(
        &self,
        handle: ObjectHandle,
        object: &Object,
        attribute: CK_ATTRIBUTE_TYPE,
        value: &Result<Value>,
    ) {
        let read = match value {
            Ok(Value::Secret(_)) => true,
            Err(Error::AttributeSensitive) => false,
            _ => return,
        };
        if !object.is_true(CKA_TOKEN) || !self.token.tells_refusals() {
            return;
        }
        let name = attribute::lookup(attribute).map_or("an attribute", |info| info.name);
        if read {
            self.token.note(&self.token.event(What::ValueRead).about(object.attributes()).detail(name));
        } else if self.token.is_first_refusal(handle) {
            self.tell_refused(object.attributes(), &format!("read {name}"), Error::AttributeSensitive);
        }
    }

    /// Takes a step of an operation, and tells of the use if it was the last.
    pub(super) fn step<T>(
        &self,
        place: impl FnOnce(&mut State) -> &mut Operation<T>,
        step: impl FnOnce(&mut Operation<T>) -> Result<()>,
    ) -> Result<()> {
        let mut state = self.state();
        let operation = place(&mut state);
        let told = operation.told();
        let result = step(operation);
        let over = told.is_some() && operation.running().is_err();
        drop(state);
        if over {
            self.tell(&told, &result);
        }
        result
    }

    /// As `step`, for what has one step alone.
    pub(super) fn telling<T>(&self, told: &Told, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = work();
        self.tell(told, &result);
        result
    }
}
