//! The states of a key and its dates (NIST SP 800-57 Part 1 Revision 5, section 7), and what each of them allows.
//!
//! The stored attributes say what was decided; the effective state follows from them and the time, and is never written
//! back. `permit` asks; docs/lifecycle.md is the page for people.

use std::sync::Arc;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object};

use super::algorithms::{AlgorithmPolicy, Rule};
use super::dates;
use super::usage::Use;

/// The state of a key, with its number in CKA_COFFER_STATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    PreActive = 1,
    Active = 2,
    Suspended = 3,
    Deactivated = 4,
    Compromised = 5,
    Destroyed = 6,
}

impl State {
    pub const ALL: [State; 6] = [
        State::PreActive,
        State::Active,
        State::Suspended,
        State::Deactivated,
        State::Compromised,
        State::Destroyed,
    ];

    pub fn number(self) -> u64 {
        self as u64
    }

    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    pub fn name(self) -> &'static str {
        match self {
            State::PreActive => "pre-active",
            State::Active => "active",
            State::Suspended => "suspended",
            State::Deactivated => "deactivated",
            State::Compromised => "compromised",
            State::Destroyed => "destroyed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What a use does with the information: the standard's "apply cryptographic protection" and "process protected
/// information".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    Protect,
    Process,
}

impl Use {
    /// A new key from an old one, by derivation or encapsulation, is for protecting.
    pub fn class(self) -> Class {
        match self {
            Use::Sign | Use::SignRecover | Use::Encrypt | Use::Wrap | Use::Derive | Use::Encapsulate => {
                Class::Protect
            }
            Use::Verify | Use::VerifyRecover | Use::Decrypt | Use::Unwrap | Use::Decapsulate => {
                Class::Process
            }
        }
    }
}

/// What a state says to a class of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Only under an exception that was approved, and that expires.
    Exception,
    Denied,
}

/// The one table of states and classes. A suspended key may process "with the risk accepted" (section 7.3), a compromised
/// one "under highly controlled conditions" (section 7.5): both are exceptions here.
pub const fn verdict(state: State, class: Class) -> Verdict {
    match (state, class) {
        (State::Active, _) | (State::Deactivated, Class::Process) => Verdict::Allowed,
        (State::Suspended | State::Compromised, Class::Process) => Verdict::Exception,
        (State::PreActive | State::Destroyed, _) => Verdict::Denied,
        (State::Suspended | State::Deactivated | State::Compromised, Class::Protect) => Verdict::Denied,
    }
}

/// How far a token holds its keys to their states, dates and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Off,
    /// Uses that are not allowed happen, and are told of.
    #[default]
    Warn,
    /// Uses that are not allowed are refused.
    Enforce,
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Off, Mode::Warn, Mode::Enforce];

    pub fn name(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Warn => "warn",
            Mode::Enforce => "enforce",
        }
    }

    /// The number in the token's settings.
    pub fn number(self) -> u8 {
        self as u8
    }

    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.number() == number)
    }
}

/// What a key's attributes decide of its life. Times are seconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// What was decided; `Active` where nothing was.
    pub decided: State,
    /// From this second on the key may be used.
    pub activation: Option<u64>,
    /// From this second on it protects no more.
    pub protect_stop: Option<u64>,
    /// From this second on it processes no more, too.
    pub process_stop: Option<u64>,
    /// Until this second a suspended or compromised key may process.
    pub exception_until: Option<u64>,
}

impl Life {
    /// CKA_START_DATE is an activation, and the day after CKA_END_DATE a protect stop: where there are two, the later
    /// activation and the earlier stop hold. A state that this version does not know allows nothing.
    pub fn of(attributes: &Attributes) -> Self {
        let number = |id| attributes.ulong(id);
        let decided = match number(CKA_COFFER_STATE) {
            Some(stored) => State::from_number(stored).unwrap_or(State::Destroyed),
            None => State::Active,
        };
        let start = attributes.bytes(CKA_START_DATE).and_then(dates::first_second);
        let end = attributes.bytes(CKA_END_DATE).and_then(dates::second_after);
        Self {
            decided,
            activation: number(CKA_COFFER_ACTIVATION_DATE).into_iter().chain(start).max(),
            protect_stop: number(CKA_COFFER_PROTECT_STOP_DATE).into_iter().chain(end).min(),
            process_stop: number(CKA_COFFER_PROCESS_STOP_DATE),
            exception_until: number(CKA_COFFER_EXCEPTION_UNTIL),
        }
    }

    /// The effective state: dates activate a key that is pre-active and deactivate one that is active, and change no other.
    /// A key that was made pre-active without an activation date waits for a person.
    pub fn state(&self, now: u64) -> State {
        let stopped = [self.protect_stop, self.process_stop].into_iter().flatten().any(|stop| now >= stop);
        match (self.decided, self.activation) {
            (State::PreActive, None) => State::PreActive,
            (State::PreActive | State::Active, Some(activation)) if now < activation => State::PreActive,
            (State::PreActive | State::Active, _) if stopped => State::Deactivated,
            (State::PreActive | State::Active, _) => State::Active,
            (decided, _) => decided,
        }
    }

    /// Why the key should not be used so now, if it should not.
    pub fn concern(&self, class: Class, now: u64) -> Option<Concern> {
        let excepted = || self.exception_until.is_some_and(|until| now < until);
        let state = self.state(now);
        match verdict(state, class) {
            Verdict::Denied => Some(self.reason(state)),
            Verdict::Exception if !excepted() => Some(Concern::State(state)),
            Verdict::Exception | Verdict::Allowed => match self.process_stop {
                Some(stop) if now >= stop => Some(Concern::ProcessStopped(stop)),
                _ => None,
            },
        }
    }

    /// The date that made the state, where it was one.
    fn reason(&self, state: State) -> Concern {
        match (state, self.decided, self.activation, self.protect_stop) {
            (State::PreActive, _, Some(activation), _) => Concern::NotYet(activation),
            (State::Deactivated, State::PreActive | State::Active, _, Some(stop)) => {
                Concern::ProtectStopped(stop)
            }
            _ => Concern::State(state),
        }
    }
}

/// The effective state of a key.
pub fn state(key: &Object, now: u64) -> State {
    if key.is_governed() { Life::of(key.attributes()).state(now) } else { State::Active }
}

/// Why a key should not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concern {
    State(State),
    /// Its activation date is to come.
    NotYet(u64),
    /// It protects no more since then.
    ProtectStopped(u64),
    /// It processes no more since then.
    ProcessStopped(u64),
    /// What its limits allow is used up.
    Exhausted,
    /// The rule of this number of the token's algorithm policy forbids it since then; 0: always.
    Algorithm(usize, u64),
}

/// What a token asks of the life of a key, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Validity {
    pub mode: Mode,
    /// Seconds since 1970 UTC.
    pub now: u64,
    /// What it asks of algorithms, too.
    pub algorithms: Option<Arc<AlgorithmPolicy>>,
}

impl Validity {
    /// Asks nothing: for keys that are in no token.
    pub const NONE: Validity = Validity { mode: Mode::Off, now: 0, algorithms: None };

    /// Why the key should not be used so. A key of which nothing is said costs one comparison, where the token has no
    /// algorithm policy. `mechanism`: with the hash that its parameter tells, where it is known.
    pub fn concern(
        &self,
        key: &Object,
        purpose: Use,
        mechanism: Option<(CK_MECHANISM_TYPE, Option<CK_MECHANISM_TYPE>)>,
    ) -> Option<Concern> {
        if self.mode == Mode::Off {
            return None;
        }
        let life = || Life::of(key.attributes()).concern(purpose.class(), self.now);
        let concern = if key.is_governed() { life() } else { None };
        let algorithms = self.algorithms.as_ref().filter(|_| concern.is_none());
        concern.or_else(|| {
            let (rule, since) = algorithms?.forbids(key.attributes(), purpose, mechanism, self.now)?;
            Some(Concern::Algorithm(rule, since))
        })
    }

    /// The rule of the algorithm policy that a concern speaks of, for people.
    pub fn rule_of(&self, concern: Concern) -> Option<(&str, &Rule)> {
        let Concern::Algorithm(rule, _) = concern else { return None };
        let algorithms = self.algorithms.as_ref()?;
        Some((&algorithms.name, algorithms.rules().get(rule)?))
    }

    /// Why the key should not leave the token wrapped: outside nobody would know what it is. A deactivated key may leave for
    /// an archive, a pre-active one for whoever will use it (SP 800-57 Part 1, section 8).
    pub fn export_concern(&self, key: &Object) -> Option<Concern> {
        if self.mode == Mode::Off || !key.is_governed() {
            return None;
        }
        match Life::of(key.attributes()).state(self.now) {
            state @ (State::Suspended | State::Compromised | State::Destroyed) => Some(Concern::State(state)),
            State::PreActive | State::Active | State::Deactivated => None,
        }
    }

    /// What becomes of a concern: refused with `error`, or told of. Errors: `error`.
    pub fn settle(&self, concern: Option<Concern>, error: Error) -> Result<Option<Concern>> {
        match (concern, self.mode) {
            (Some(_), Mode::Enforce) => Err(error),
            (concern, _) => Ok(concern),
        }
    }

    /// Whether C_SetAttributeValue, or a copy, may change what is said of a key's life so. Coffer's own dates and limits
    /// only become tighter; CKA_START_DATE and CKA_END_DATE too where the token enforces them. Errors:
    /// CKR_ATTRIBUTE_READ_ONLY.
    pub fn check_change(&self, held: &Attributes, new: &Attributes) -> Result<()> {
        let later = |id| held.ulong(id).is_some_and(|was| new.ulong(id).is_none_or(|is| is > was));
        let earlier = |id| held.ulong(id).is_some_and(|was| new.ulong(id).is_none_or(|is| is < was));
        let mut loosened = earlier(CKA_COFFER_ACTIVATION_DATE) || TIGHTENED.iter().any(|id| later(*id));
        if self.mode == Mode::Enforce {
            let (was, is) = (Life::of(held), Life::of(new));
            let stops_later = was.protect_stop.is_some_and(|was| is.protect_stop.is_none_or(|is| is > was));
            loosened |= stops_later || is.activation < was.activation;
        }
        if loosened { Err(Error::AttributeReadOnly) } else { Ok(()) }
    }
}

/// Dates and limits that may only go down.
const TIGHTENED: [CK_ATTRIBUTE_TYPE; 4] =
    [CKA_COFFER_PROTECT_STOP_DATE, CKA_COFFER_PROCESS_STOP_DATE, CKA_COFFER_USE_LIMIT, CKA_COFFER_BYTE_LIMIT];

#[cfg(test)]
#[path = "validity_tests.rs"]
mod tests;
