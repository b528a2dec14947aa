//! Decisions on a key's state (NIST SP 800-57 Part 1 Revision 5, section 7): transitions, dates and limits, exceptions. Each is
//! one transaction with the event that tells of it, for both halves of a key pair.

use std::cell::Cell;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::lifecycle::destruction;
use crate::object::{Attributes, Object, SearchTemplate, Value};
use crate::policy::{Controlled, Life, State, Subject, time_text};
use crate::token::{Batch, Event, KeyName, ObjectHandle, Token, What};

/// What can be decided on a key's state. (Destruction is an operation of its own.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Activate,
    Suspend,
    Resume,
    Deactivate,
    Compromise,
}

impl Step {
    /// The state that the step leads to.
    pub fn target(self) -> State {
        match self {
            Step::Activate | Step::Resume => State::Active,
            Step::Suspend => State::Suspended,
            Step::Deactivate => State::Deactivated,
            Step::Compromise => State::Compromised,
        }
    }

    /// The state that it must start from, where not every one with such a transition will do.
    fn origin(self) -> Option<State> {
        match self {
            Step::Activate => Some(State::PreActive),
            Step::Resume => Some(State::Suspended),
            Step::Suspend | Step::Deactivate | Step::Compromise => None,
        }
    }
}

/// Whether SP 800-57 has a transition between two states: numbers 2 to 15 of its figure 3.
pub const fn has_transition(from: State, to: State) -> bool {
    use State::*;
    matches!(
        (from, to),
        (PreActive, Destroyed | Compromised | Active)
            | (Active, Destroyed | Compromised | Suspended | Deactivated)
            | (Suspended, Destroyed | Active | Compromised | Deactivated)
            | (Deactivated, Compromised | Destroyed)
            | (Compromised, Destroyed)
    )
}

/// Why a decision was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such transition from the key's state.
    NoTransition {
        from: State,
        to: State,
    },
    /// A key that is deactivated does not come to life again by another date.
    Over,
    /// The dates would not be in their order: activation, protect stop, process stop.
    Order,
    /// An exception is for suspended and compromised keys.
    NoException(State),
    /// The exception would be over already.
    Past,
    /// The key waits for its destruction, which has to be undone first.
    Waits,
    /// It is no key, or one that is not kept in the token.
    NoTokenKey,
    Token(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Token(error)
    }
}

/// New values of what is told of a key; `None` leaves one as it is. Dates are seconds since 1970 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub owner: Option<String>,
    pub custodian: Option<String>,
    pub purpose: Option<String>,
    pub activation: Option<u64>,
    pub protect_stop: Option<u64>,
    pub process_stop: Option<u64>,
    pub use_limit: Option<u64>,
    pub byte_limit: Option<u64>,
}

impl Changes {
    /// The values by their attributes.
    fn values(&self) -> impl Iterator<Item = (CK_ATTRIBUTE_TYPE, Value)> {
        let text = |text: &Option<String>| text.as_ref().map(|text| Value::Bytes(text.clone().into_bytes()));
        let number = |number: Option<u64>| number.map(Value::Ulong);
        [
            (CKA_COFFER_OWNER, text(&self.owner)),
            (CKA_COFFER_CUSTODIAN, text(&self.custodian)),
            (CKA_COFFER_PURPOSE, text(&self.purpose)),
            (CKA_COFFER_ACTIVATION_DATE, number(self.activation)),
            (CKA_COFFER_PROTECT_STOP_DATE, number(self.protect_stop)),
            (CKA_COFFER_PROCESS_STOP_DATE, number(self.process_stop)),
            (CKA_COFFER_USE_LIMIT, number(self.use_limit)),
            (CKA_COFFER_BYTE_LIMIT, number(self.byte_limit)),
        ]
        .into_iter()
        .filter_map(|(id, value)| Some((id, value?)))
    }

    /// What is changed, in words.
    fn text(&self) -> String {
        let words = [
            ("owner", self.owner.clone()),
            ("custodian", self.custodian.clone()),
            ("purpose", self.purpose.clone()),
            ("activation", self.activation.map(time_text)),
            ("protect stop", self.protect_stop.map(time_text)),
            ("process stop", self.process_stop.map(time_text)),
            ("use limit", self.use_limit.map(|limit| limit.to_string())),
            ("byte limit", self.byte_limit.map(|limit| limit.to_string())),
        ];
        let words = words.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
        words.collect::<Vec<_>>().join("; ")
    }
}

/// Takes a key, and the other half of its pair, a step further. Answers the keys that were changed and their state now.
/// Errors: `Refusal`.
pub fn decide(
    token: &Token,
    key: ObjectHandle,
    step: Step,
    reason: Option<&str>,
) -> std::result::Result<(Vec<ObjectHandle>, State), Refusal> {
    let now = token.validity_time();
    let revives = step.target() == State::Active;
    let waiting = if revives { destruction::pending(token)? } else { Vec::new() };
    let waits = |unique_id: &[u8]| {
        waiting.iter().flat_map(|pending| &pending.keys).any(|key| key.unique_id.as_bytes() == unique_id)
    };
    on_pair(token, key, None, |attributes| {
        let from = Life::of(attributes).state(now);
        let to = step.target();
        if revives && attributes.bytes(CKA_UNIQUE_ID).is_some_and(waits) {
            return Err(Refusal::Waits);
        }
        if !has_transition(from, to) || step.origin().is_some_and(|origin| origin != from) {
            return Err(Refusal::NoTransition { from, to });
        }
        attributes.set(CKA_COFFER_STATE, Value::Ulong(to.number()));
        attributes.remove(CKA_COFFER_EXCEPTION_UNTIL);
        match reason {
            Some(reason) => attributes.set(CKA_COFFER_STATE_REASON, Value::Bytes(reason.into())),
            None => attributes.remove(CKA_COFFER_STATE_REASON),
        };
        if step == Step::Activate {
            activate_now(attributes, now);
        }
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        Ok(token.event(What::StateChanged).detail(&format!("{} → {}{why}", from.name(), to.name())))
    })
}

/// What a person decides now is stronger than an activation date that is to come.
fn activate_now(attributes: &mut Attributes, now: u64) {
    attributes.set(CKA_COFFER_ACTIVATION_DATE, Value::Ulong(now));
    if Life::of(attributes).activation.is_some_and(|activation| activation > now) {
        attributes.set(CKA_START_DATE, Value::Bytes(Vec::new()));
    }
}

/// Changes what is told of a key, also to later dates and higher limits. Of a pair, both halves are changed. Errors:
/// `Refusal`.
pub fn change(
    token: &Token,
    key: ObjectHandle,
    changes: &Changes,
) -> std::result::Result<(Vec<ObjectHandle>, State), Refusal> {
    let now = token.validity_time();
    on_pair(token, key, None, |attributes| {
        let was_over = is_over(attributes, now);
        for (id, value) in changes.values() {
            attributes.set(id, value);
        }
        let life = Life::of(attributes);
        let ordered = |earlier: Option<u64>, later: Option<u64>| match (earlier, later) {
            (Some(earlier), Some(later)) => earlier <= later,
            _ => true,
        };
        let pairs = [
            (life.activation, life.protect_stop),
            (life.activation, life.process_stop),
            (life.protect_stop, life.process_stop),
        ];
        if !pairs.into_iter().all(|(earlier, later)| ordered(earlier, later)) {
            return Err(Refusal::Order);
        }
        if was_over && !is_over(attributes, now) {
            return Err(Refusal::Over);
        }
        Ok(token.event(What::Changed).detail(&changes.text()))
    })
}

/// Whether the key protects no more, or would not if it were resumed.
fn is_over(attributes: &Attributes, now: u64) -> bool {
    let life = Life::of(attributes);
    let decided = if life.decided == State::Suspended { State::Active } else { life.decided };
    Life { decided, ..life }.state(now) == State::Deactivated
}

/// Lets a suspended or compromised key process until a time. Errors: `Refusal`.
pub fn except(
    token: &Token,
    key: ObjectHandle,
    until: u64,
    reason: &str,
) -> std::result::Result<(Vec<ObjectHandle>, State), Refusal> {
    let now = token.validity_time();
    let subject = Subject::exception(&KeyName::of(token.object(key)?.attributes()).unique_id, until);
    on_pair(token, key, Some(&subject), |attributes| {
        let state = Life::of(attributes).state(now);
        if !matches!(state, State::Suspended | State::Compromised) {
            return Err(Refusal::NoException(state));
        }
        if until <= now {
            return Err(Refusal::Past);
        }
        attributes.set(CKA_COFFER_EXCEPTION_UNTIL, Value::Ulong(until));
        let detail = format!("may process until {} although {}: {reason}", time_text(until), state.name());
        Ok(token.event(What::Exception).detail(&detail))
    })
}

/// Changes a key and the other half of its pair together with an event for each. `change` may be asked again. `approved`: what
/// others must have approved, where that is under dual control.
fn on_pair(
    token: &Token,
    key: ObjectHandle,
    approved: Option<&Subject>,
    change: impl Fn(&mut Attributes) -> std::result::Result<Event, Refusal>,
) -> std::result::Result<(Vec<ObjectHandle>, State), Refusal> {
    let refused = Cell::new(None);
    let result = token.transact(|batch| {
        let mut state = State::Active;
        if let Some(subject) = approved {
            batch.consent(Controlled::Policy, std::slice::from_ref(subject), None)?;
        }
        let keys = with_other_halves(token, key)?;
        let mut changed = Vec::new();
        for handle in keys {
            match on_one(token, batch, handle, &change, &refused) {
                Ok(now) if handle == key => state = now,
                Ok(_) => {}
                // Another half that is not in such a state stays as it is.
                Err(_) if handle != key && refused.take().is_some() => continue,
                Err(error) => return Err(error),
            }
            changed.push(handle);
        }
        Ok((changed, state))
    });
    match (result, refused.take()) {
        (Err(_), Some(refusal)) => Err(refusal),
        (Err(Error::KeyHandleInvalid), None) => Err(Refusal::NoTokenKey),
        (result, _) => Ok(result?),
    }
}

/// Changes one key in a batch; answers its state. Why it was refused goes into `refused`.
fn on_one(
    token: &Token,
    batch: &mut Batch<'_>,
    handle: ObjectHandle,
    change: &impl Fn(&mut Attributes) -> std::result::Result<Event, Refusal>,
    refused: &Cell<Option<Refusal>>,
) -> Result<State> {
    let mut made = None;
    batch.change(handle, |object| {
        let mut attributes = object.attributes().clone();
        let event = change(&mut attributes).map_err(|refusal| {
            refused.set(Some(refusal));
            Error::ActionProhibited
        })?;
        made = Some((event.about(&attributes), Life::of(&attributes).state(token.validity_time())));
        Ok(attributes)
    })?;
    let (event, state) = made.ok_or(Error::GeneralError)?;
    batch.event(event);
    Ok(state)
}

/// The key, and every token object that is a half of the same pair: "both the public and private keys shall be suspended at the
/// same time" (section 7.3). Errors: CKR_KEY_HANDLE_INVALID for what is no token key.
fn with_other_halves(token: &Token, handle: ObjectHandle) -> Result<Vec<ObjectHandle>> {
    let key = token.object(handle)?;
    if key.key_type().is_none() || key.class() == CKO_DOMAIN_PARAMETERS || !key.is_true(CKA_TOKEN) {
        return Err(Error::KeyHandleInvalid);
    }
    let mut keys = vec![handle];
    if !matches!(key.class(), CKO_PUBLIC_KEY | CKO_PRIVATE_KEY) {
        return Ok(keys);
    }
    for class in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
        for found in token.find(&same_pair(&key, class)?)? {
            if found != handle {
                keys.push(found);
            }
        }
    }
    Ok(keys)
}

/// A search for the halves of the key's pair: by the public key itself, else by CKA_ID.
fn same_pair(key: &Object, class: CK_OBJECT_CLASS) -> Result<SearchTemplate> {
    let held = |id| key.bytes(id).filter(|value| !value.is_empty());
    let mut search = SearchTemplate::from(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(class)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_KEY_TYPE, Value::Ulong(key.key_type().unwrap_or(UNAVAILABLE))),
    ]));
    match (held(CKA_PUBLIC_KEY_INFO), held(CKA_ID)) {
        (Some(info), _) => search.push(CKA_PUBLIC_KEY_INFO, info)?,
        (None, Some(id)) => search.push(CKA_ID, id)?,
        // Nothing says which is the other half: the key's own unique id finds no other.
        (None, None) => search.push(CKA_UNIQUE_ID, held(CKA_UNIQUE_ID).unwrap_or_default())?,
    }
    Ok(search)
}
