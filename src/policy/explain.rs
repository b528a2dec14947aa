//! What `permit` says, in sentences for people: one for each of its checks, and what would help.

use crate::ck::*;
use crate::object::{Object, Value};

use super::dates;
use super::profile::{Profile, Refusal};
use super::usage::{Check, Need, Use};
use super::validity::{Concern, Life, Mode, State, state};

/// One check, its outcome, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub allowed: bool,
    pub sentence: String,
    /// Only where it is not allowed.
    pub remedy: Option<String>,
}

impl Answer {
    pub fn allowed(sentence: impl Into<String>) -> Self {
        Self { allowed: true, sentence: sentence.into(), remedy: None }
    }

    pub fn denied(sentence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { allowed: false, sentence: sentence.into(), remedy: Some(remedy.into()) }
    }
}

/// Asks one check, for the mechanism of this name.
pub fn explain(check: Check, key: &Object, need: &Need, name: &str, purpose: Use) -> Answer {
    let answer = check.ask(key, need, purpose);
    match (check, answer) {
        (Check::Type, Ok(())) => Answer::allowed(format!("{name} takes keys of this class and type")),
        (Check::Type, Err(_)) => Answer::denied(
            format!("{name} takes another class or type of key for this"),
            "name the other half of the pair, or a mechanism for this type (coffer mechanisms)",
        ),
        (Check::Usage, Ok(())) => Answer::allowed(format!("{} is true", usage_name(purpose))),
        (Check::Usage, Err(_)) => {
            Answer::denied(format!("{} is false", usage_name(purpose)), usage_remedy(key, need, purpose))
        }
        (Check::State, Ok(())) => match need.concern(key, purpose) {
            Some(concern) => Answer::allowed(format!("{}, but this token only warns", told(concern, need))),
            None if need.validity.mode == Mode::Off => {
                Answer::allowed("this token does not look at states and dates")
            }
            None => Answer::allowed(stands(key, need.validity.now)),
        },
        (Check::State, Err(denial)) => match denial.concern {
            Some(concern) => Answer::denied(told(concern, need), concern.remedy()),
            None => Answer::denied(denial.error.to_string(), "use another key"),
        },
        (Check::Mechanism, Ok(())) => {
            Answer::allowed(format!("CKA_ALLOWED_MECHANISMS does not exclude {name}"))
        }
        (Check::Mechanism, Err(_)) => Answer::denied(
            format!("CKA_ALLOWED_MECHANISMS does not list {name}"),
            "use a mechanism of its list, or a new key: the list of a key never changes",
        ),
        (Check::Size, Ok(())) => Answer::allowed(format!("{name} takes keys of this size")),
        (Check::Size, Err(_)) => Answer::denied(
            format!("{name} does not take keys of this size"),
            format!("use a key of {} to {} {}", need.sizes.0, need.sizes.1, size_unit(need)),
        ),
        (Check::Login, Ok(())) if key.is_true(CKA_ALWAYS_AUTHENTICATE) => {
            Answer::allowed("each use needs the PIN once more, after the Init (CKA_ALWAYS_AUTHENTICATE)")
        }
        (Check::Login, Ok(())) => Answer::allowed("no use needs a login of its own"),
        (Check::Login, Err(_)) => Answer::denied(
            "each use needs the PIN once more (CKA_ALWAYS_AUTHENTICATE), for which this function has no place",
            "use a key without CKA_ALWAYS_AUTHENTICATE",
        ),
        (Check::Role, Ok(())) => Answer::allowed(format!("the role `{}` uses keys so", need.role.name())),
        (Check::Role, Err(_)) => Answer::denied(
            format!("the role `{}` does not use keys so", need.role.name()),
            "log in with another account (docs/roles.md)",
        ),
        (Check::Profile, Ok(())) => {
            Answer::allowed(format!("the profile `{}` does not refuse {name}", need.profile.name()))
        }
        (Check::Profile, Err(denial)) => match denial.refusal {
            Some(refusal) => refused(refusal, need.profile),
            None => Answer::denied(denial.error.to_string(), "use another key or mechanism"),
        },
    }
}

fn refused(refusal: Refusal, profile: Profile) -> Answer {
    let (what, remedy) = match refusal {
        Refusal::BrokenHash => ("signatures over SHA-1 and MD5", "sign over SHA-256 or longer"),
        Refusal::Des => ("DES and Triple DES", "use AES"),
        Refusal::Padding => ("RSA decryption without OAEP", "use CKM_RSA_PKCS_OAEP"),
        Refusal::WeakKey => ("keys below 112 bits of security", "use RSA of 2048 bits or more, or P-256"),
        Refusal::Unauthenticated => (
            "wrapping that does not notice changes",
            "use CKM_AES_KEY_WRAP_KWP, CKM_AES_GCM or CKM_RSA_PKCS_OAEP",
        ),
        Refusal::CallersNonce => (
            "wrapping under a nonce of the caller",
            "use CKM_AES_KEY_WRAP_KWP, or let the token make the nonce",
        ),
        Refusal::ShortTag => ("tags below 96 bits", "ask for a tag of 128 bits"),
        Refusal::ZeroIv => ("an IV of zeros", "use a fresh random IV"),
    };
    Answer::denied(format!("the profile `{}` refuses {what}", profile.name()), remedy)
}

/// The state of a key whose use it does not forbid. What is suspended or compromised needs an exception for that.
fn stands(key: &Object, now: u64) -> String {
    let state = state(key, now);
    match Life::of(key.attributes()).exception_until {
        Some(until) if matches!(state, State::Suspended | State::Compromised) => {
            format!("it is {}, with an exception until {}", state.name(), dates::text(until))
        }
        _ => format!("it is {}", state.name()),
    }
}

/// The concern as a sentence, with the rule behind it.
fn told(concern: Concern, need: &Need) -> String {
    match need.validity.rule_of(concern) {
        Some((name, rule)) => format!("{} (`{name}`: {})", concern.sentence(), rule.source),
        None => concern.sentence(),
    }
}

impl Concern {
    /// What speaks against the use, as a sentence without its end.
    pub fn sentence(self) -> String {
        match self {
            Concern::State(state) => format!("it is {}", state.name()),
            Concern::NotYet(date) => format!("it is pre-active until {}", dates::text(date)),
            Concern::ProtectStopped(date) => {
                format!("it is deactivated: it protects nothing since {}", dates::text(date))
            }
            Concern::ProcessStopped(date) => format!("it processes nothing since {}", dates::text(date)),
            Concern::Exhausted => "what its limits allow is used up".into(),
            Concern::Algorithm(_, 0) => "the algorithm policy of the token does not allow it".into(),
            Concern::Algorithm(_, since) => {
                format!("the algorithm policy of the token does not allow it since {}", dates::text(since))
            }
        }
    }

    /// What would help.
    pub fn remedy(self) -> &'static str {
        match self {
            Concern::State(State::PreActive) | Concern::NotYet(_) => "coffer key state KEY activate",
            Concern::State(State::Suspended) => {
                "coffer key state KEY resume; or, to process only, coffer key except KEY --until DATE --reason TEXT"
            }
            Concern::State(State::Compromised) => {
                "use a new key; to process what there is, coffer key except KEY --until DATE --reason TEXT"
            }
            Concern::State(_) | Concern::ProtectStopped(_) | Concern::Exhausted => {
                "use its successor, or make a new key"
            }
            Concern::Algorithm(..) => {
                "use a key of another algorithm or size, or another mechanism (docs/policy.md)"
            }
            Concern::ProcessStopped(_) => "coffer key set KEY --process-until DATE",
        }
    }
}

fn usage_name(purpose: Use) -> &'static str {
    crate::object::attribute::lookup(purpose.attribute()).map_or("the usage", |info| info.name)
}

fn usage_remedy(key: &Object, need: &Need, purpose: Use) -> String {
    let usage = usage_name(purpose);
    let fixed = key.attributes().value(CKA_MODIFIABLE).and_then(Value::as_bool) == Some(false);
    match (need.profile, fixed) {
        (Profile::Strict, _) => {
            format!("make a new key with {usage}: in a strict token a usage that is false stays so")
        }
        (Profile::Compatible, true) => {
            format!("make a new key with {usage}: CKA_MODIFIABLE of this one is false")
        }
        (Profile::Compatible, false) => format!("C_SetAttributeValue can set {usage}"),
    }
}

fn size_unit(need: &Need) -> &'static str {
    if need.asymmetric { "bits" } else { "bytes" }
}
