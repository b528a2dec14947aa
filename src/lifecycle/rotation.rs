//! Rotation: what a successor takes over from the key before it, and what becomes of that key (NIST SP 800-57 Part 1
//! Revision 5, sections 5.3 and 8.2.3).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Template, Value, rules};
use crate::policy::{Life, State};

/// What the successor takes over besides the uses, where the key has it: name, protection, owner and limits. Value, ids,
/// dates and counts are its own. What the security officer has said of the key (CKA_TRUSTED) has to be said anew.
const INHERITED: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_LABEL,
    CKA_MODIFIABLE,
    CKA_COPYABLE,
    CKA_DESTROYABLE,
    CKA_SUBJECT,
    CKA_SENSITIVE,
    CKA_EXTRACTABLE,
    CKA_WRAP_WITH_TRUSTED,
    CKA_ALWAYS_AUTHENTICATE,
    CKA_ALLOWED_MECHANISMS,
    CKA_WRAP_TEMPLATE,
    CKA_UNWRAP_TEMPLATE,
    CKA_DERIVE_TEMPLATE,
    CKA_ENCAPSULATE_TEMPLATE,
    CKA_DECAPSULATE_TEMPLATE,
    CKA_COFFER_OWNER,
    CKA_COFFER_CUSTODIAN,
    CKA_COFFER_PURPOSE,
    CKA_COFFER_USE_LIMIT,
    CKA_COFFER_BYTE_LIMIT,
];

/// What a private key tells of how its like is made, for the template of the public half.
const DOMAIN: &[CK_ATTRIBUTE_TYPE] =
    &[CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_PRIME, CKA_SUBPRIME, CKA_BASE, CKA_PARAMETER_SET];

/// As `DOMAIN`, for the template of the private half itself.
const PRIVATE_DOMAIN: &[CK_ATTRIBUTE_TYPE] = &[CKA_HSS_LEVELS, CKA_HSS_LMS_TYPES, CKA_HSS_LMOTS_TYPES];

/// What the one who rotates decides.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// CKA_ID of the successor. Without one it is that of the old key.
    pub id: Option<Vec<u8>>,
    /// How long the successor protects, in seconds. Without it: as long as the old key was to.
    pub period: Option<u64>,
    /// Why, for the record.
    pub reason: String,
}

/// Whether the key may have a successor. Errors: CKR_KEY_TYPE_INCONSISTENT for what is no private or secret key (the private
/// half stands for a pair; a one-time-password key is made by, or with, the service that checks the passwords: a successor that was
/// made here alone would open nothing), CKR_ACTION_PROHIBITED for a key that has a successor, and for one that is in no token.
pub fn check(key: &Object) -> Result<()> {
    if !matches!(key.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY) {
        return Err(Error::KeyTypeInconsistent);
    }
    if !key.is_true(CKA_TOKEN) || key.attributes().contains(CKA_COFFER_SUCCESSOR) {
        return Err(Error::ActionProhibited);
    }
    Ok(())
}

/// The template of the successor of a private or secret key, or of the public half of a pair.
pub fn template(old: &Object, id: &[u8]) -> Result<Template> {
    let attributes = old.attributes();
    let mut template = Template::new();
    let domain = if old.class() == CKO_PRIVATE_KEY { PRIVATE_DOMAIN } else { &[] };
    for id in INHERITED.iter().chain(rules::USES).chain(domain) {
        if let Some(value) = attributes.value(*id) {
            template.push_value(*id, value.clone())?;
        }
    }
    template.push_value(CKA_ID, Value::Bytes(id.to_vec()))?;
    if let Some(length) = attributes.ulong(CKA_VALUE_LEN).filter(|_| old.class() == CKO_SECRET_KEY) {
        template.push_value(CKA_VALUE_LEN, Value::Ulong(length))?;
    }
    Ok(template)
}

/// Adds to the template of a public key what it takes to make a pair like that of the private key.
pub fn add_domain(public: &mut Template, private: &Object) -> Result<()> {
    let attributes = private.attributes();
    for id in DOMAIN {
        if let Some(value) = attributes.value(*id) {
            public.push_value(*id, value.clone())?;
        }
    }
    if let Some(modulus) = attributes.bytes(CKA_MODULUS) {
        public.push_value(CKA_MODULUS_BITS, Value::Ulong(bits(modulus)))?;
    }
    Ok(())
}

/// The length in bits of an unsigned big-endian number.
fn bits(number: &[u8]) -> u64 {
    let mut significant = number.iter().skip_while(|byte| **byte == 0);
    match significant.next() {
        Some(first) => 8 * significant.count() as u64 + u64::from(8 - first.leading_zeros()),
        None => 0,
    }
}

/// The version of a key: keys that were never rotated are the first.
pub fn version(attributes: &Attributes) -> u64 {
    attributes.ulong(CKA_COFFER_VERSION).unwrap_or(1)
}

/// Makes the attributes of a new key those of the successor of `old`, at the time `now`.
pub fn succeed(new: &mut Attributes, old: &Attributes, now: u64, choice: &Choice) {
    new.set(CKA_COFFER_VERSION, Value::Ulong(version(old).saturating_add(1)));
    if let Some(id) = old.value(CKA_UNIQUE_ID) {
        new.set(CKA_COFFER_PREDECESSOR, id.clone());
    }
    new.set(CKA_COFFER_STATE, Value::Ulong(State::Active.number()));
    new.set(CKA_COFFER_ACTIVATION_DATE, Value::Ulong(now));
    let (protect, process) = stops(old, now, choice.period);
    for (id, stop) in [(CKA_COFFER_PROTECT_STOP_DATE, protect), (CKA_COFFER_PROCESS_STOP_DATE, process)] {
        if let Some(stop) = stop {
            new.set(id, Value::Ulong(stop));
        }
    }
}

/// When the successor protects, and processes, no more: after as long a time as the old key was to, or after `period`; what
/// it has protected may be processed for as much longer as the old key's.
fn stops(old: &Attributes, now: u64, period: Option<u64>) -> (Option<u64>, Option<u64>) {
    let life = Life::of(old);
    let begin = life.activation.or(old.ulong(CKA_COFFER_CREATION_DATE));
    let since_begin = |stop: u64| Some(stop.saturating_sub(begin?)).filter(|length| *length > 0);
    let protects = period.or(life.protect_stop.and_then(since_begin));
    let processes = life.process_stop.and_then(|stop| match life.protect_stop {
        Some(protect) => Some(protects?.saturating_add(stop.saturating_sub(protect))),
        None => since_begin(stop),
    });
    let from_now = |length: u64| now.saturating_add(length);
    (protects.map(from_now), processes.map(from_now))
}

/// Whether the old key was to stop, and its dates do not tell when its successor is to: the stop was not after the beginning.
/// Without a `period` the successor would protect for ever.
pub fn lacks_period(old: &Attributes, period: Option<u64>) -> bool {
    Life::of(old).protect_stop.is_some() && stops(old, 0, period).0.is_none()
}

/// What becomes of the old key: it has a successor, and only processes from `now` on. A key that was suspended or found
/// compromised stays so.
pub fn retire(old: &Attributes, successor: &Attributes, now: u64, choice: &Choice) -> Attributes {
    let mut attributes = old.clone();
    attributes.set(CKA_COFFER_VERSION, Value::Ulong(version(old)));
    if let Some(id) = successor.value(CKA_UNIQUE_ID) {
        attributes.set(CKA_COFFER_SUCCESSOR, id.clone());
    }
    let life = Life::of(old);
    if matches!(life.decided, State::PreActive | State::Active) {
        attributes.set(CKA_COFFER_STATE, Value::Ulong(State::Deactivated.number()));
        let reason = if choice.reason.is_empty() { "rotated" } else { choice.reason.as_str() };
        attributes.set(CKA_COFFER_STATE_REASON, Value::Bytes(reason.as_bytes().to_vec()));
    }
    let stop = old.ulong(CKA_COFFER_PROTECT_STOP_DATE).map_or(now, |stop| stop.min(now));
    attributes.set(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(stop));
    attributes
}

/// Whether a key wants a successor now: it protects no more at the time `by`, because of a date, and has none. Whether it can be
/// rotated, [`check`] says.
pub fn is_due(key: &Object, by: u64) -> bool {
    let life = Life::of(key.attributes());
    let is_key = matches!(key.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY);
    let has_successor = key.attributes().contains(CKA_COFFER_SUCCESSOR);
    (is_key && key.is_true(CKA_TOKEN) && !has_successor)
        && matches!(life.decided, State::PreActive | State::Active)
        && life.protect_stop.is_some_and(|stop| stop <= by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn key(entries: &[(CK_ATTRIBUTE_TYPE, u64)]) -> Attributes {
        let numbers = entries.iter().map(|(id, number)| (*id, Value::Ulong(*number)));
        let class = [
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_UNIQUE_ID, Value::Bytes(b"old".to_vec())),
        ];
        numbers.chain(class).collect()
    }

    #[test]
    fn a_successor_lives_as_long_as_the_key_before_it_was_to() {
        let old = key(&[
            (CKA_COFFER_ACTIVATION_DATE, 100 * DAY),
            (CKA_COFFER_PROTECT_STOP_DATE, 130 * DAY),
            (CKA_COFFER_PROCESS_STOP_DATE, 140 * DAY),
        ]);
        let now = 120 * DAY;
        assert_eq!(stops(&old, now, None), (Some(150 * DAY), Some(160 * DAY)));
        assert_eq!(stops(&old, now, Some(5 * DAY)), (Some(125 * DAY), Some(135 * DAY)));
        assert_eq!(stops(&key(&[]), now, None), (None, None));
        assert_eq!(stops(&key(&[]), now, Some(DAY)), (Some(121 * DAY), None));
        assert!(!lacks_period(&old, None) && !lacks_period(&key(&[]), None));
        let never = key(&[(CKA_COFFER_ACTIVATION_DATE, 9 * DAY), (CKA_COFFER_PROTECT_STOP_DATE, DAY)]);
        assert!(lacks_period(&never, None) && !lacks_period(&never, Some(DAY)));
    }

    #[test]
    fn the_old_key_only_processes_and_one_that_is_worse_off_stays_so() {
        let choice = Choice::default();
        let new = Attributes::from_iter([(CKA_UNIQUE_ID, Value::Bytes(b"new".to_vec()))]);
        let retired = retire(&key(&[]), &new, 7, &choice);
        assert_eq!(retired.ulong(CKA_COFFER_STATE), Some(State::Deactivated.number()));
        assert_eq!(retired.ulong(CKA_COFFER_PROTECT_STOP_DATE), Some(7));
        assert_eq!(retired.bytes(CKA_COFFER_SUCCESSOR), Some(&b"new"[..]));
        let compromised = key(&[(CKA_COFFER_STATE, State::Compromised.number())]);
        let retired = retire(&compromised, &new, 7, &choice);
        assert_eq!(retired.ulong(CKA_COFFER_STATE), Some(State::Compromised.number()));
        assert_eq!(check(&Object::new(retired)), Err(Error::ActionProhibited), "it has a successor");
    }

    #[test]
    fn keys_are_due_by_their_dates_until_they_have_a_successor() {
        let dated = key(&[(CKA_COFFER_PROTECT_STOP_DATE, 10 * DAY)]);
        assert!(is_due(&Object::new(dated.clone()), 10 * DAY));
        assert!(!is_due(&Object::new(dated.clone()), 10 * DAY - 1));
        let retired = retire(&dated, &Attributes::new(), DAY, &Choice::default());
        assert!(!is_due(&Object::new(retired), 10 * DAY));
        assert!(!is_due(&Object::new(key(&[])), u64::MAX));
    }

    #[test]
    fn the_length_of_a_number_is_that_of_its_significant_bits() {
        assert_eq!((bits(&[0, 1, 0]), bits(&[0x80, 0]), bits(&[0]), bits(&[])), (9, 16, 0, 0));
    }
}
