//! What the vectors have shown: counts for each file, skips with their reasons, and which mechanisms were reached.

use std::collections::{BTreeMap, BTreeSet};

use coffer_pkcs11::ck::*;

/// What a mechanism made of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took the vector, and its output was the published one.
    Accepted,
    /// It refused the vector.
    Refused(CK_RV),
    /// It made something else than the published output.
    Wrong(String),
    /// The vector does not apply to PKCS#11.
    Skipped(&'static str),
    NotOffered,
}

/// What a vector demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Accepted,
    Refused,
    /// Both are right ("acceptable").
    Either,
}

#[derive(Default)]
struct Counts {
    passed: usize,
    acceptable: usize,
    skipped: usize,
}

#[derive(Default)]
pub struct Report {
    files: BTreeMap<String, Counts>,
    /// How many vectors of which family were skipped, and why.
    skips: BTreeMap<(String, &'static str), usize>,
    /// Files whose mechanism is not in the list of the token.
    pub not_offered: BTreeSet<String>,
    /// Mechanisms that gave a published output, and mechanisms that refused what is wrong.
    pub accepted: BTreeSet<CK_MECHANISM_TYPE>,
    pub refused: BTreeSet<CK_MECHANISM_TYPE>,
    pub disagreements: Vec<String>,
}

impl Report {
    /// Counts one vector of `file` ("family/name") with one mechanism.
    pub fn count(
        &mut self,
        file: &str,
        id: CK_MECHANISM_TYPE,
        test: &str,
        expected: Expected,
        outcome: Outcome,
    ) {
        let counts = self.files.entry(file.to_owned()).or_default();
        match (expected, &outcome) {
            (_, Outcome::NotOffered) => {
                self.not_offered.insert(file.to_owned());
            }
            // Whatever an application is to refuse itself cannot be right.
            (Expected::Accepted, Outcome::Skipped(reason))
                if reason.starts_with("the application refuses") =>
            {
                self.disagreements.push(format!("{file} {test}: {reason}, but the vector is valid"));
            }
            (_, Outcome::Skipped(reason)) => {
                counts.skipped += 1;
                let family = file.split('/').next().unwrap_or(file).to_owned();
                *self.skips.entry((family, reason)).or_default() += 1;
            }
            (Expected::Accepted, Outcome::Accepted) => {
                counts.passed += 1;
                self.accepted.insert(id);
            }
            (Expected::Refused, Outcome::Refused(_)) => {
                counts.passed += 1;
                self.refused.insert(id);
            }
            (Expected::Either, Outcome::Accepted | Outcome::Refused(_)) => counts.acceptable += 1,
            _ => self.disagreements.push(format!("{file} {id:#x} {test}: {expected:?}, {outcome:x?}")),
        }
    }

    /// The lines of `skips.txt` that are right for this run.
    pub fn skip_lines(&self) -> BTreeSet<String> {
        self.skips.iter().map(|((family, reason), count)| format!("{count}\t{family}\t{reason}")).collect()
    }

    pub fn print(&self) {
        println!("{:<40} {:>8} {:>10} {:>8}", "file", "passed", "acceptable", "skipped");
        let mut all = Counts::default();
        for (file, counts) in &self.files {
            println!("{file:<40} {:>8} {:>10} {:>8}", counts.passed, counts.acceptable, counts.skipped);
            all.passed += counts.passed;
            all.acceptable += counts.acceptable;
            all.skipped += counts.skipped;
        }
        println!("{:<40} {:>8} {:>10} {:>8}", "all", all.passed, all.acceptable, all.skipped);
        println!("{} disagreements", self.disagreements.len());
    }
}
