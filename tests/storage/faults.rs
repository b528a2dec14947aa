//! Errors of the device at every call of every operation.
//!
//! Whatever fails, an operation that answers `Ok` is durable: a power cut right after it changes nothing. One that answers
//! with an error has happened whole or not at all. The process goes on afterwards, and what it then acknowledges is
//! durable as well, or it refuses; another process that opens the file finds a sound token.

use super::disk::{Disk, Fault, Sabotage};
use super::history::{Edit, Operation, Process};
use super::model::{Item, Model, judge};
use super::random::Random;
use super::{Losses, amount, full, seed};

fn item(private: bool, authenticated: bool) -> Item {
    Item {
        private,
        authenticated,
        tag: b"tag".to_vec(),
        metadata: vec![7; 900],
        secret: (private && authenticated).then(|| vec![8; 40]),
    }
}

fn operations() -> Vec<Operation> {
    vec![
        Operation::Commit(vec![Edit::Add([10; 16], item(true, true))]),
        Operation::Commit(vec![
            Edit::Add([11; 16], item(false, true)),
            Edit::Add([12; 16], item(true, true)),
        ]),
        Operation::Commit(vec![Edit::Replace([1; 16], item(false, true))]),
        Operation::Commit(vec![Edit::Delete([1; 16]), Edit::Info(b"changed".to_vec())]),
        Operation::AddUnauthenticated([13; 16], item(false, false)),
        Operation::Login,
        Operation::WrongLogin,
        Operation::UserPin(b"5678".to_vec()),
        Operation::SoPin(b"another".to_vec()),
        Operation::Compact,
        Operation::Rotate,
        Operation::Reinitialise(b"anew".to_vec()),
    ]
}

fn prepared(seed: u64, sabotage: Sabotage) -> (std::sync::Arc<Disk>, Model) {
    let disk = Disk::new(seed, sabotage);
    let mut model = Model::new(b"so-pin", b"info");
    Process::create(disk.backend(), &model).unwrap();
    let mut process = Process::start(disk.backend(), &model).unwrap();
    let first = [
        Operation::UserPinBySo(b"1234".to_vec()),
        Operation::Commit(vec![Edit::Add([1; 16], item(true, true)), Edit::Add([2; 16], item(false, true))]),
    ];
    for operation in first {
        process.run(&operation, &model).unwrap();
        model = operation.apply(&model);
    }
    (disk, model)
}

#[derive(Default)]
struct Counts {
    faults: usize,
    answered_ok: usize,
    refused: usize,
    went_on: usize,
    losses: Losses,
}

impl Counts {
    fn check(&mut self, disk: &Disk, candidates: &[&Model], label: &str, random: &mut Random) {
        for number in 0..6 {
            let media = disk.media();
            let media = if number == 0 { media } else { media.after_power_cut(random) };
            let verdict = match media.file("token") {
                Some(bytes) => judge(bytes, candidates).map(|_| ()),
                None => Err("there is no token".into()),
            };
            if let Err(loss) = verdict {
                self.losses.report(format!("{label}, look {number}: {loss}"));
            }
        }
    }

    /// The operation with this fault at this call. False when the fault was not reached.
    fn one(&mut self, operation: &Operation, call: u64, fault: Fault, sabotage: Sabotage, seed: u64) -> bool {
        let mut random = Random::new(seed ^ call);
        let (disk, before) = prepared(seed ^ call, sabotage);
        let mut process = Process::start(disk.backend(), &before).unwrap();
        disk.fail(call, fault);
        let result = process.run(operation, &before);
        if !disk.repair() {
            return false;
        }
        self.faults += 1;
        let name: String = format!("{operation:?}").chars().take(24).collect();
        let label = format!("{name} with {fault:?} at call {call}, {:?}", result.as_ref().err());
        let after = operation.apply(&before);
        let was_login = matches!(operation, Operation::Login | Operation::WrongLogin);
        // A login that counted its attempt and then failed has cost the attempt.
        let mut counted = Operation::WrongLogin.apply(&before);
        counted.revision = before.revision;
        let candidates: Vec<&Model> = match &result {
            Ok(()) => vec![&after],
            Err(_) if was_login => vec![&before, &after, &counted],
            Err(_) => vec![&before, &after],
        };
        match &result {
            Ok(()) => self.answered_ok += 1,
            Err(_) => self.refused += 1,
        }
        self.check(&disk, &candidates, &label, &mut random);
        // The same process goes on, or refuses; then another one.
        let next = Operation::Commit(vec![Edit::Add([20; 16], item(true, true))]);
        let nexts: Vec<Model> = candidates.iter().map(|model| next.apply(model)).collect();
        let nexts: Vec<&Model> = nexts.iter().collect();
        if process.run(&next, &before).is_ok() {
            self.went_on += 1;
            self.check(&disk, &nexts, &format!("{label}, then gone on"), &mut random);
        } else {
            let model = candidates.iter().find(|model| Process::start(disk.backend(), model).is_ok());
            let Some(model) = model else {
                self.losses.report(format!("{label}: no process can start any more"));
                return true;
            };
            let mut other = Process::start(disk.backend(), model).unwrap();
            match other.run(&next, model) {
                Ok(()) => {
                    self.check(&disk, &nexts, &format!("{label}, then another process"), &mut random);
                }
                Err(error) => self.losses.report(format!("{label}, then another process: {error}")),
            }
        }
        true
    }
}

fn campaign(seed: u64, rounds: usize, sabotage: Sabotage) -> Counts {
    let mut counts = Counts::default();
    let mut kinds = vec![
        Fault::Once(libc::EIO),
        Fault::Once(libc::ENOSPC),
        Fault::Once(libc::EINTR),
        Fault::Lasting(libc::EIO),
        Fault::Lasting(libc::ENOSPC),
        Fault::Short,
    ];
    if full() {
        kinds.extend([Fault::Once(libc::EROFS), Fault::Once(libc::EDQUOT), Fault::Lasting(libc::EROFS)]);
    }
    for round in 0..rounds as u64 {
        for operation in operations() {
            for fault in &kinds {
                let reached =
                    |call: &u64| counts.one(&operation, *call, *fault, sabotage, seed + round * 7919);
                let calls = (1..10_000).take_while(reached).count();
                assert!((3..9_999).contains(&calls), "{operation:?} makes {calls} calls");
            }
        }
    }
    counts
}

#[test]
fn an_operation_that_answers_ok_is_durable_whatever_failed() {
    let seed = seed();
    let counts = campaign(seed, amount(1, 8), Sabotage::default());
    println!(
        "faults: seed {seed}, {} faults, {} times Ok all the same, {} times an error, {} times gone on in the same process, {} losses",
        counts.faults, counts.answered_ok, counts.refused, counts.went_on, counts.losses.count
    );
    counts.losses.none();
}

/// A disk failed, so that neither the sync of a commit nor the removal of its bytes worked. The system went on showing
/// bytes that it had not stored; the next process built on them, and the power cut that followed left a hole before what
/// that one had been told was durable.
#[test]
fn a_commit_on_top_of_one_whose_sync_failed_survives_a_power_cut() {
    let failing = Operation::Commit(vec![Edit::Add([10; 16], item(true, true))]);
    let next = Operation::Commit(vec![Edit::Add([20; 16], item(true, true))]);
    let mut left_behind = 0;
    for call in 1..15 {
        let (disk, before) = prepared(call, Sabotage::default());
        let length = disk.media().file("token").unwrap().len();
        let mut process = Process::start(disk.backend(), &before).unwrap();
        disk.fail(call, Fault::Lasting(libc::EIO));
        let failed = process.run(&failing, &before).is_err();
        disk.repair();
        if !failed || disk.media().file("token").unwrap().len() == length {
            continue;
        }
        left_behind += 1;
        let mut other = Process::start(disk.backend(), &before).unwrap();
        other.run(&next, &before).unwrap();
        let model = next.apply(&failing.apply(&before));
        for seed in 0..40 {
            let after = disk.media().after_power_cut(&mut Random::new(seed));
            judge(after.file("token").unwrap(), &[&model]).unwrap();
        }
    }
    assert!(left_behind > 0, "no fault left bytes behind");
}

#[test]
fn the_campaign_of_faults_notices_errors_that_are_hidden() {
    let sabotage = Sabotage { hidden_errors: true, ..Sabotage::default() };
    println!("faults, sabotaged:");
    campaign(seed(), 1, sabotage).losses.some("failed syncs that are reported as done");
}
