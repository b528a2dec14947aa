//! Published attacks, tried on any module and printed side by side: stopped, possible, or not applicable.
//!
//! An attack is 'possible' only where it reached its goal: a secret value that the test knows was read, or an answer was
//! seen that tells what it must not tell. Where the module refuses one of the attacker's steps it is 'stopped', and the
//! table says by what. Where the module lacks a mechanism, does not make the victim's key at all, or ends the host, it is
//! 'not applicable'.

mod derivation;
mod keys;
mod oracles;
mod points;
mod wrapping;

use crate::expect::Verdict;
use crate::module::{CallError, Module, Outcome};
use crate::report::table;
use crate::runner::{Ended, Options, Prepared};
use crate::scenario::{Host, finalize};
use crate::setup::ModuleSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// How an attack went.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Finding {
    /// What stopped it.
    Stopped(String),
    /// What it gained.
    Possible(String),
    NotApplicable(String),
}

/// The end of an attack before its goal.
pub enum Obstacle {
    Refused(String),
    Missing(String),
}

/// What the attacker has gained, or why nothing.
type Attempt<T = String> = Result<T, Obstacle>;

/// A refusal of one of the attacker's calls.
impl From<CallError> for Obstacle {
    fn from(error: CallError) -> Obstacle {
        Obstacle::Refused(error.to_string())
    }
}

/// What the surroundings of an attack say: a session or a mechanism that is not there.
impl From<Verdict> for Obstacle {
    fn from(verdict: Verdict) -> Obstacle {
        match verdict {
            Verdict::NotSupported(reason) => Obstacle::Missing(reason),
            Verdict::Failed { got, .. } => Obstacle::Missing(got),
        }
    }
}

impl From<Attempt> for Finding {
    fn from(attempt: Attempt) -> Finding {
        match attempt {
            Ok(gained) => Finding::Possible(gained),
            Err(Obstacle::Refused(by)) => Finding::Stopped(by),
            Err(Obstacle::Missing(what)) => Finding::NotApplicable(what),
        }
    }
}

/// One published attack.
pub struct Attack {
    pub name: &'static str,
    /// Who published it, or what it is known as.
    pub reference: &'static str,
    run: fn(&Host) -> Attempt,
}

const fn attack(name: &'static str, reference: &'static str, run: fn(&Host) -> Attempt) -> Attack {
    Attack { name, reference, run }
}

/// Every attack.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [wrapping::ATTACKS, keys::ATTACKS, derivation::ATTACKS, oracles::ATTACKS, points::ATTACKS]
        .into_iter()
        .flatten()
}

/// The attacker has seen that the module does the right thing.
fn stopped<T>(by: impl ToString) -> Attempt<T> {
    Err(Obstacle::Refused(by.to_string()))
}

/// A step of the victim: where it fails there is nothing to attack.
fn victim<T>(outcome: Outcome<T>) -> Attempt<T> {
    outcome.map_err(|error| Obstacle::Missing(format!("no victim: {error}")))
}

/// Tries several ways; the first that gains something counts, else all that stopped them.
fn any_of<T>(ways: impl IntoIterator<Item = T>, mut attempt: impl FnMut(T) -> Attempt) -> Attempt {
    let (mut refused, mut missing) = (Vec::new(), Vec::new());
    for way in ways {
        match attempt(way) {
            Ok(gained) => return Ok(gained),
            Err(Obstacle::Refused(by)) => refused.push(by),
            Err(Obstacle::Missing(what)) => missing.push(what),
        }
    }
    if refused.is_empty() {
        return Err(Obstacle::Missing(missing.pop().unwrap_or_else(|| "no way".into())));
    }
    refused.sort();
    refused.dedup();
    stopped(refused.join(", "))
}

/// Runs all attacks on all modules and prints them; false where the module `must_stop` let one through that is not in
/// `allowed`.
pub fn run(
    modules: &[ModuleSpec],
    options: Options,
    must_stop: &BTreeMap<String, Vec<String>>,
) -> Result<bool, String> {
    let prepared: Vec<Prepared> =
        modules.iter().map(|module| Prepared::new(module, options)).collect::<Result<_, _>>()?;
    let header = ["attack", "reference"].map(str::to_owned).into_iter();
    let mut rows = table(header.chain(modules.iter().map(|module| module.name.clone())));
    let mut details = Vec::new();
    let mut counts = vec![[0; 3]; modules.len()];
    let mut good = true;
    for attack in all() {
        let mut cells = vec![attack.name.to_owned(), attack.reference.to_owned()];
        for (module, counts) in prepared.iter().zip(&mut counts) {
            let (word, column, reason) = match outcome(module, attack)? {
                Finding::Stopped(by) => ("stopped", 0, by),
                Finding::Possible(gained) => ("POSSIBLE", 1, gained),
                Finding::NotApplicable(what) => ("not applicable", 2, what),
            };
            counts[column] += 1;
            cells.push(word.to_owned());
            details.push(format!("{} {}: {word}: {reason}", module.name(), attack.name));
            if let Some(allowed) = must_stop.get(module.name()) {
                let expected = allowed.iter().any(|name| name == attack.name);
                if (column == 1) != expected {
                    details.push(format!("{} {}: NOT AS EXPECTED", module.name(), attack.name));
                    good = false;
                }
            }
        }
        rows.add_row(cells);
    }
    println!("{rows}\n");
    details.sort();
    details.iter().for_each(|detail| println!("{detail}"));
    println!();
    for (module, [stopped, possible, missing]) in modules.iter().zip(counts) {
        println!("{}: {stopped} stopped, {possible} possible, {missing} not applicable", module.name);
    }
    Ok(good)
}

fn outcome(module: &Prepared, attack: &Attack) -> Result<Finding, String> {
    Ok(match module.result("attack", attack.name, false)? {
        Ended::Told(finding) => finding,
        Ended::Stopped(got) | Ended::Died(got) => Finding::NotApplicable(got),
    })
}

/// The child's side: runs one attack and writes what it found.
pub fn host(module: &Path, name: &str, result: &Path) -> Result<(), String> {
    let attack = all().find(|attack| attack.name == name).ok_or("no such attack")?;
    let host = Host::new(Module::open(module)?);
    let finding = Finding::from((attack.run)(&host));
    let _ = finalize(&host.module);
    let bytes = serde_json::to_vec(&finding).map_err(|error| error.to_string())?;
    std::fs::write(result, bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_attacks_have_one_name() {
        let names: Vec<&str> = all().map(|attack| attack.name).collect();
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn an_attack_that_succeeds_in_one_way_is_possible() {
        let attempt = |way: u8| match way {
            0 => stopped("a refusal"),
            1 => Err(Obstacle::Missing("a mechanism".into())),
            _ => Ok("a key".into()),
        };
        assert_eq!(Finding::from(any_of([0, 1, 2], attempt)), Finding::Possible("a key".into()));
        assert_eq!(Finding::from(any_of([1, 0, 0], attempt)), Finding::Stopped("a refusal".into()));
        assert_eq!(Finding::from(any_of([1, 1], attempt)), Finding::NotApplicable("a mechanism".into()));
    }
}
