//! The scenarios, one file per area. Imported by `all`, which gives them in the order of the standard.

use crate::scenario::Scenario;

mod attributes;
mod digest;
mod find;
mod general;
mod keys;
mod login;
mod objects;
mod sessions;
mod slots;

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
    ("attributes", attributes::SCENARIOS),
    ("find", find::SCENARIOS),
    ("digest", digest::SCENARIOS),
];

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
