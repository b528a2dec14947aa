//! Whether a key may leave the token wrapped under another (PKCS#11 sections 4.8 to 4.11 and 5.18.3): each condition with the
//! error of C_WrapKey and what people are told.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Object, Value, fits};
use crate::policy::{Answer, Use};
use crate::token::ObjectHandle;

use super::Session;

/// A condition that the key and the wrapping key fulfil together.
struct Condition {
    holds: fn(key: &Object, wrapping_key: &Object) -> bool,
    error: Error,
    /// What is so where it holds, and where it does not.
    holding: &'static str,
    failing: &'static str,
    remedy: &'static str,
}

const CONDITIONS: &[Condition] = &[
    Condition {
        holds: |key, _| matches!(key.class(), CKO_SECRET_KEY | CKO_PRIVATE_KEY),
        error: Error::KeyNotWrappable,
        holding: "it is a secret or private key",
        failing: "only secret and private keys are wrapped",
        remedy: "public keys need no wrapping (coffer export)",
    },
    Condition {
        holds: |key, _| key.is_true(CKA_EXTRACTABLE),
        error: Error::KeyUnextractable,
        holding: "CKA_EXTRACTABLE of it is true",
        failing: "CKA_EXTRACTABLE of it is false",
        remedy: "make a new key with CKA_EXTRACTABLE: one that is false stays so",
    },
    Condition {
        holds: |key, wrapping_key| !key.is_true(CKA_WRAP_WITH_TRUSTED) || wrapping_key.is_true(CKA_TRUSTED),
        error: Error::KeyNotWrappable,
        holding: "CKA_WRAP_WITH_TRUSTED does not stand against it",
        failing: "CKA_WRAP_WITH_TRUSTED of it is true, and CKA_TRUSTED of the wrapping key is false",
        remedy: "wrap under a key that the security officer trusts (CKA_TRUSTED)",
    },
    // Section 5.18.3 gives this error.
    Condition {
        holds: |key, wrapping_key| match wrapping_key.attributes().value(CKA_WRAP_TEMPLATE) {
            Some(Value::Template(wanted)) => fits(key, wanted),
            _ => true,
        },
        error: Error::KeyHandleInvalid,
        holding: "it matches CKA_WRAP_TEMPLATE of the wrapping key, if that has one",
        failing: "it does not match CKA_WRAP_TEMPLATE of the wrapping key",
        remedy: "wrap under another key: the template of a key never changes",
    },
];

/// Errors: CKR_KEY_NOT_WRAPPABLE, CKR_KEY_UNEXTRACTABLE, CKR_KEY_HANDLE_INVALID.
pub(super) fn check(key: &Object, wrapping_key: &Object) -> Result<()> {
    match CONDITIONS.iter().find(|condition| !(condition.holds)(key, wrapping_key)) {
        Some(condition) => Err(condition.error),
        None => Ok(()),
    }
}

impl Session {
    /// What C_WrapKey looks at in the key that is to be wrapped. Errors: CKR_KEY_HANDLE_INVALID.
    pub fn explain_wrapped(&self, wrapping_key: ObjectHandle, key: ObjectHandle) -> Result<Vec<Answer>> {
        let find = |handle| self.token.key(handle).map_err(|error| super::no_such_key(error, Use::Sign));
        let (wrapping_key, key) = (find(wrapping_key)?, find(key)?);
        let mut answers: Vec<Answer> = CONDITIONS
            .iter()
            .map(|condition| match (condition.holds)(&key, &wrapping_key) {
                true => Answer::allowed(condition.holding),
                false => Answer::denied(condition.failing, condition.remedy),
            })
            .collect();
        let validity = self.token.validity();
        let concern = validity.export_concern(&key);
        match (concern, validity.settle(concern, Error::KeyNotWrappable)) {
            (None, _) => {}
            (Some(concern), Ok(_)) => {
                answers.push(Answer::allowed(format!("{}, but this token only warns", concern.sentence())));
            }
            (Some(concern), Err(_)) => answers.push(Answer::denied(concern.sentence(), concern.remedy())),
        }
        answers.push(match self.token.profile().check_wrap(&wrapping_key, &key) {
            Ok(()) => Answer::allowed("the wrapping key is strong enough for it in this token"),
            Err(_) => Answer::denied(
                "it is stronger than the wrapping key, which the profile `strict` refuses",
                "wrap under a longer key",
            ),
        });
        Ok(answers)
    }
}
