//! The scenarios, one file per area. Imported by `all`, which gives them in the order of the standard.

use crate::expect::{Check, Verdict};
use crate::module::Outcome;
use crate::scenario::Scenario;
use cryptoki_sys::{CKR_ARGUMENTS_BAD, CKR_MECHANISM_PARAM_INVALID};

mod aes;
mod attribute_tables;
mod attributes;
mod bad_input;
mod buffers;
mod built_in;
mod changes;
mod ciphers;
mod derivation;
mod digest;
mod dual;
mod ec;
mod ec_vectors;
mod ecdh;
mod eddsa;
mod find;
mod finite_fields;
mod fork;
mod gcm;
mod general;
mod hashes;
mod hmac;
pub mod keys;
mod login;
mod objects;
mod operations;
mod random;
mod rsa;
mod rsa_vectors;
mod secret_keys;
mod sessions;
mod slots;
mod threads;
mod wrap;

/// A scenario with the area to which it belongs.
#[derive(Clone, Copy)]
pub struct Entry {
    pub area: &'static str,
    pub scenario: &'static Scenario,
}

impl Entry {
    /// `area/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.area, self.scenario.name)
    }
}

const AREAS: &[(&str, &[Scenario])] = &[
    ("general", general::SCENARIOS),
    ("slots", slots::SCENARIOS),
    ("sessions", sessions::SCENARIOS),
    ("login", login::SCENARIOS),
    ("objects", objects::SCENARIOS),
    ("objects", changes::SCENARIOS),
    ("objects", built_in::SCENARIOS),
    ("attributes", attributes::SCENARIOS),
    ("attributes", attribute_tables::SCENARIOS),
    ("find", find::SCENARIOS),
    ("buffers", buffers::BY_KIND),
    ("buffers", buffers::SCENARIOS),
    ("operations", operations::BY_KIND),
    ("operations", operations::KEYED),
    ("operations", operations::SCENARIOS),
    ("operations", dual::SCENARIOS),
    ("digest", digest::SCENARIOS),
    ("hmac", hmac::SCENARIOS),
    ("random", random::SCENARIOS),
    ("aes", aes::SCENARIOS),
    ("aes", gcm::SCENARIOS),
    ("ciphers", ciphers::SCENARIOS),
    ("rsa", rsa::SCENARIOS),
    ("ec", ec::SCENARIOS),
    ("ecdh", ecdh::SCENARIOS),
    ("eddsa", eddsa::SCENARIOS),
    ("finite-fields", finite_fields::SCENARIOS),
    ("hashes", hashes::SCENARIOS),
    ("keys", secret_keys::SCENARIOS),
    ("derivation", derivation::SCENARIOS),
    ("wrap", wrap::SCENARIOS),
    ("threads", threads::SCENARIOS),
    ("fork", fork::SCENARIOS),
    ("bad-input", bad_input::BY_KIND),
    ("bad-input", bad_input::SCENARIOS),
];

/// An Init with a parameter value that not every token supports (PKCS#11 3.2, 5.1.6 CKR_MECHANISM_PARAM_INVALID).
fn not_every_parameter<T>(outcome: Outcome<T>) -> Check<T> {
    match outcome {
        Err(error) if [CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD].contains(&error.rv) => {
            Err(Verdict::NotSupported(format!("this parameter: {error}")))
        }
        outcome => Ok(outcome?),
    }
}

/// Every scenario.
pub fn all() -> Vec<Entry> {
    let entries =
        AREAS.iter().flat_map(|(area, scenarios)| scenarios.iter().map(|scenario| Entry { area, scenario }));
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_scenarios_have_one_name() {
        let ids: Vec<String> = all().iter().map(Entry::id).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn every_scenario_names_its_section() {
        let starts_well = |section: &str| section.starts_with(|c: char| c.is_ascii_digit());
        for entry in all() {
            assert!(starts_well(entry.scenario.section), "{}", entry.id());
            assert!(!entry.scenario.rule.is_empty(), "{}", entry.id());
        }
    }
}
