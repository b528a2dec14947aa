//! What is to be said of an object: what wants attention (exit code 3), and what is only worth knowing.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::policy::{AlgorithmPolicy, Class, Severity, State};
use serde::Serialize;

use super::{Asset, Question, day};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// For programs: `expired`, `expiring`, `compromised` …
    pub code: &'static str,
    /// False for what is only worth knowing.
    pub attention: bool,
    /// A sentence for people.
    pub text: String,
}

fn attention(code: &'static str, text: String) -> Finding {
    Finding { code, attention: true, text }
}

/// Everything that is to be said of an object.
pub fn of(asset: &Asset, question: &Question<'_>) -> Vec<Finding> {
    let (life, limits) = (of_dates(asset, question), of_limits(asset));
    let state = asset.state.and_then(of_state);
    let open = is_open(asset).then(|| Finding {
        code: "exportable",
        attention: false,
        text: "every application that logs in can read it in the clear".into(),
    });
    let mut all: Vec<Finding> = state.into_iter().chain(life).chain(limits).collect();
    if let Some(policy) = question.policy {
        all.extend(of_policy(policy, asset, question.now));
    }
    all.extend(open);
    all
}

fn of_state(state: State) -> Option<Finding> {
    match state {
        State::Suspended => Some(attention(
            "suspended",
            "it is suspended: decide whether it goes on (coffer key state)".into(),
        )),
        State::Compromised => Some(attention(
            "compromised",
            "it is compromised: protect anew what it protects, then destroy it".into(),
        )),
        State::PreActive | State::Active | State::Deactivated | State::Destroyed => None,
    }
}

/// The end of its time. A key that has a successor has ended as it should.
fn of_dates(asset: &Asset, question: &Question<'_>) -> Option<Finding> {
    let stop = asset.protect_stop?;
    let over = matches!(asset.state, Some(State::Suspended | State::Compromised | State::Destroyed));
    let replaced = asset.entry.attributes.bytes(CKA_COFFER_SUCCESSOR).is_some_and(|id| !id.is_empty());
    if over || replaced {
        return None;
    }
    let what = if asset.state.is_some() { "it protects nothing new" } else { "it is not valid any more" };
    if question.now >= stop {
        return Some(attention("expired", format!("{what} since {}", day(stop))));
    }
    let left = stop - question.now;
    (left <= question.soon)
        .then(|| attention("expiring", format!("it ends on {}, {}", day(stop), days(left))))
}

fn days(seconds: u64) -> String {
    match seconds / super::DAY {
        0 => "in less than a day".into(),
        1 => "in 1 day".into(),
        days => format!("in {days} days"),
    }
}

/// Limits that are used up, or nearly.
fn of_limits(asset: &Asset) -> Option<Finding> {
    let attributes = &asset.entry.attributes;
    [(CKA_COFFER_USES, CKA_COFFER_USE_LIMIT, "uses"), (CKA_COFFER_BYTES, CKA_COFFER_BYTE_LIMIT, "bytes")]
        .into_iter()
        .find_map(|(counted, limit, what)| {
            let limit = attributes.ulong(limit)?;
            let counted = attributes.ulong(counted).unwrap_or(0);
            // Nine tenths, without an overflow.
            match () {
                () if counted >= limit => {
                    Some(attention("exhausted", format!("all its {limit} {what} are reserved")))
                }
                () if counted >= limit - limit / 10 => Some(attention(
                    "nearly-exhausted",
                    format!("{counted} of its {limit} {what} are reserved"),
                )),
                () => None,
            }
        })
}

fn is_open(asset: &Asset) -> bool {
    let attributes = &asset.entry.attributes;
    let is = |id| attributes.value(id).and_then(coffer_pkcs11::object::Value::as_bool);
    matches!(asset.entry.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY)
        && is(CKA_SENSITIVE) == Some(false)
        && is(CKA_EXTRACTABLE) == Some(true)
}

/// What an algorithm policy says of a key: what it forbids now wants attention, the rest is worth knowing. Each rule is told
/// once, by the worst that it says.
fn of_policy(policy: &AlgorithmPolicy, asset: &Asset, now: u64) -> Vec<Finding> {
    if asset.state.is_none() {
        return Vec::new();
    }
    let mut told: Vec<(&str, Finding)> = Vec::new();
    let said = policy.findings(&asset.entry.attributes);
    let (present, later): (Vec<_>, Vec<_>) = said.into_iter().partition(|one| one.from <= now);
    let forbidden = present.iter().filter(|one| one.severity == Severity::Disallowed);
    let deprecated = present.iter().filter(|one| one.severity == Severity::Deprecated);
    let in_time = later.iter().filter(|one| one.severity == Severity::Disallowed);
    for one in forbidden.chain(deprecated).chain(in_time) {
        let source = one.rule.source.as_str();
        if told.iter().any(|(known, _)| *known == source) {
            continue;
        }
        let does = if one.class == Class::Protect { "protecting with it" } else { "processing with it" };
        let (code, what) = match (one.severity, one.from) {
            (Severity::Disallowed, 0) => ("violation", format!("{does} is not allowed")),
            (Severity::Disallowed, from) if from <= now => {
                ("violation", format!("{does} is not allowed since {}", day(from)))
            }
            (Severity::Disallowed, from) => {
                ("disallowed-later", format!("{does} is not allowed from {} on", day(from)))
            }
            (Severity::Deprecated, _) => ("deprecated", format!("{does} is deprecated")),
        };
        let text = format!("{what} by the policy {} ({source})", policy.name);
        told.push((source, Finding { code, attention: code == "violation", text }));
    }
    told.into_iter().map(|(_, finding)| finding).collect()
}
