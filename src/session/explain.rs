//! Why a key may be used, or may not: for people, from the checks that decide.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{self, Mechanism, Params};
use crate::object::Object;
use crate::policy::{Answer, Check, Role, Use, explain, roles_that_use};
use crate::token::ObjectHandle;

use super::Session;

/// What can be said of a key and a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Each check in its order; all of them must allow it.
    pub answers: Vec<Answer>,
    /// Where no mechanism was named: those with which the key may be used so.
    pub mechanisms: Vec<&'static str>,
}

impl Explanation {
    pub fn allowed(&self) -> bool {
        self.answers.iter().all(|answer| answer.allowed)
    }
}

impl Session {
    /// Whether a key may be used so, with this mechanism or with any. Errors: CKR_KEY_HANDLE_INVALID,
    /// CKR_MECHANISM_INVALID for one that is not known.
    pub fn explain(
        &self,
        key: ObjectHandle,
        purpose: Use,
        mechanism: Option<CK_MECHANISM_TYPE>,
    ) -> Result<Explanation> {
        let key = self.token.key(key).map_err(|error| super::no_such_key(error, Use::Sign))?;
        match mechanism {
            Some(id) => {
                let row = mechanism::lookup(id).ok_or(Error::MechanismInvalid)?;
                let answers = std::iter::once(self.offered(row, purpose))
                    .chain(self.checks(&key, row, purpose, &Check::ALL))
                    .collect();
                Ok(Explanation { answers, mechanisms: Vec::new() })
            }
            None => Ok(self.explain_any(&key, purpose)),
        }
    }

    /// The roles that may use a key so, whatever else stands against it. Errors: CKR_KEY_HANDLE_INVALID.
    pub fn roles_that_use(&self, key: ObjectHandle, purpose: Use) -> Result<Vec<Role>> {
        let key = self.token.key(key).map_err(|error| super::no_such_key(error, Use::Sign))?;
        Ok(roles_that_use(&key, purpose))
    }

    /// What all mechanisms for the key say alike, and then which of them say yes.
    fn explain_any(&self, key: &Object, purpose: Use) -> Explanation {
        let says_yes = |row: &&Mechanism, checks: &[Check]| {
            self.checks(key, row, purpose, checks).all(|answer| answer.allowed)
        };
        let fitting: Vec<_> = mechanism::all()
            .iter()
            .copied()
            .filter(|row| self.offered(row, purpose).allowed && says_yes(row, &[Check::Type]))
            .collect();
        let Some(first) = fitting.first() else {
            let remedy = "use a key of another class or type (coffer mechanisms)";
            let answer = Answer::denied("no mechanism does this with keys of this class and type", remedy);
            return Explanation { answers: vec![answer], mechanisms: Vec::new() };
        };
        let mut answers: Vec<_> = self
            .checks(key, first, purpose, &[Check::Usage, Check::State, Check::Login, Check::Role])
            .collect();
        let rest = [Check::Mechanism, Check::Size, Check::Profile];
        let mechanisms: Vec<_> =
            fitting.iter().filter(|row| says_yes(row, &rest)).map(|row| row.name).collect();
        match (mechanisms.is_empty(), answers.iter().all(|answer| answer.allowed)) {
            (true, _) => {
                answers.extend(self.checks(key, first, purpose, &rest).filter(|answer| !answer.allowed))
            }
            (false, true) => return Explanation { answers, mechanisms },
            (false, false) => {}
        }
        Explanation { answers, mechanisms: Vec::new() }
    }

    fn offered(&self, row: &Mechanism, purpose: Use) -> Answer {
        let name = row.name;
        if !row.ops.serve(purpose) {
            return Answer::denied(
                format!("{name} has no such function"),
                "leave out the mechanism to see those that have it",
            );
        }
        if !self.config.offers(name, row.is_legacy()) {
            return Answer::denied(
                format!("the configuration does not offer {name}"),
                "change mechanisms.allow, mechanisms.deny or mechanisms.legacy of coffer.toml",
            );
        }
        if purpose == Use::Sign && self.check_stateful(row).is_err() {
            return Answer::denied(
                format!("the token's settings have no stateful signatures, and {name} needs them"),
                "read docs/threat-model.md, and then: coffer settings set --stateful-signatures on",
            );
        }
        Answer::allowed(format!("{name} is offered for this"))
    }

    fn checks<'a>(
        &self,
        key: &'a Object,
        row: &'a Mechanism,
        purpose: Use,
        checks: &'a [Check],
    ) -> impl Iterator<Item = Answer> + use<'a> {
        let (profile, role) = (self.token.profile(), self.token.role());
        let need = row.need(&Params::None, profile, self.token.validity(), role);
        checks.iter().map(move |check| explain(*check, key, &need, row.name, purpose))
    }
}
