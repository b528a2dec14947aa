//! Algorithm policies: until when an algorithm, at a size, may protect and process. A policy is a data file whose rules name the
//! document that each of them comes from; three are built in (docs/policy.md).

mod rule;

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::ck::*;
use crate::object::Attributes;

use super::usage::Use;
use super::validity::Class;

use rule::Question;
pub use rule::Rule;

/// A longer file is no policy.
pub const LONGEST_POLICY: usize = 32 << 10;
/// More rules than that are no policy: each use of a key asks them.
const MOST_RULES: usize = 64;

/// The policies that need no file.
const BUILT_IN: [&str; 3] =
    [include_str!("nist-2030.toml"), include_str!("pqc-2035.toml"), include_str!("cnsa2.toml")];

/// Rules on algorithms. All that apply hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgorithmPolicy {
    /// Letters, digits, `-` and `_`.
    pub name: String,
    pub title: String,
    #[serde(rename = "rule", default)]
    rules: Vec<Rule>,
}

/// What a policy says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    pub rule: &'a Rule,
    pub severity: Severity,
    /// The class of use that it is about.
    pub class: Class,
    /// Since or from when, in seconds since 1970 UTC; 0: it never was allowed.
    pub from: u64,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It can be done, with a risk that somebody must accept.
    Deprecated,
    Disallowed,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Deprecated => "deprecated",
            Severity::Disallowed => "disallowed",
        }
    }
}

impl AlgorithmPolicy {
    /// The policy in a text. Errors: what is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_POLICY {
            return Err(format!("it has more than {LONGEST_POLICY} bytes"));
        }
        let policy: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let named = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if policy.name.is_empty() || policy.name.len() > 64 || !policy.name.chars().all(named) {
            return Err("its name is not 1 to 64 letters, digits, `-` and `_`".into());
        }
        if policy.rules.is_empty() || policy.rules.len() > MOST_RULES {
            return Err(format!("it has not 1 to {MOST_RULES} rules"));
        }
        Ok(policy)
    }

    /// The built-in policies.
    pub fn built_in() -> &'static [Arc<Self>] {
        static POLICIES: OnceLock<Vec<Arc<AlgorithmPolicy>>> = OnceLock::new();
        POLICIES.get_or_init(|| {
            // A test parses all of them.
            BUILT_IN.into_iter().filter_map(|text| Self::parse(text).ok()).map(Arc::new).collect()
        })
    }

    /// The built-in policy of a name.
    pub fn named(name: &str) -> Option<Arc<Self>> {
        Self::built_in().iter().find(|policy| policy.name == name).cloned()
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that forbids the use now, with the time since which it does. `mechanism`: with the hash that its
    /// parameter tells, where it is known.
    pub fn forbids(
        &self,
        key: &Attributes,
        purpose: Use,
        mechanism: Option<(CK_MECHANISM_TYPE, Option<CK_MECHANISM_TYPE>)>,
        now: u64,
    ) -> Option<(usize, u64)> {
        let question = Question::new(key, purpose, mechanism);
        self.rules.iter().enumerate().find_map(|(number, rule)| {
            let stop = rule.stop(purpose.class()).filter(|stop| now >= *stop)?;
            rule.applies(&question).then_some((number, stop))
        })
    }

    /// What the policy says of a key whatever the mechanism, now (`from` is not after it) and in times to come: each rule
    /// once for each class of use that the key's attributes allow.
    pub fn findings(&self, key: &Attributes) -> Vec<Finding<'_>> {
        let uses: Vec<_> = Use::ALL.into_iter().filter(|purpose| key.is_true(purpose.attribute())).collect();
        let mut findings = Vec::new();
        for rule in &self.rules {
            let applies = |purpose: &&Use| rule.applies(&Question::new(key, **purpose, None));
            for class in [Class::Protect, Class::Process] {
                if !uses.iter().filter(|purpose| purpose.class() == class).any(|purpose| applies(&purpose)) {
                    continue;
                }
                let mut add = |severity, from| findings.push(Finding { rule, severity, class, from });
                if let Some(from) = rule.deprecated_from().filter(|_| class == Class::Protect) {
                    add(Severity::Deprecated, from);
                }
                if let Some(from) = rule.stop(class) {
                    add(Severity::Disallowed, from);
                }
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests;
