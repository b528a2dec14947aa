//! Crashes at every write, sync and rename of random histories.
//!
//! While an operation runs, the disk records at each change what a crash in the middle of it would find. Each of these
//! moments is turned into several crashes: the process alone dies (the cache stays), or the power goes (what was not
//! synced is kept in part). Afterwards the file must be the token of before the operation or of after it, once the
//! operation has answered that of after it, and never anything in between; it must verify and take the next commit. Now
//! and then the history itself goes through a crash and continues on what is left.

use std::collections::BTreeMap;

use super::disk::{Disk, Sabotage, Step};
use super::history::{Operation, Process, next};
use super::media::Media;
use super::model::{Model, judge};
use super::random::Random;
use super::{Losses, amount, seed};

#[derive(Default)]
struct Counts {
    operations: usize,
    restarts: usize,
    steps: BTreeMap<Step, usize>,
    losses: Losses,
}

impl Counts {
    fn crashes(&self) -> usize {
        self.steps.values().sum()
    }

    fn print(&self, name: &str, seed: u64) {
        println!(
            "{name}: seed {seed}, {} operations, {} crashes, {} of them gone on from, {} losses",
            self.operations,
            self.crashes(),
            self.restarts,
            self.losses.count
        );
        for (step, count) in &self.steps {
            println!("  {count:>8} crashes in {step:?}");
        }
    }
}

/// One token from its making through a number of operations.
struct Life {
    disk: std::sync::Arc<Disk>,
    random: Random,
    model: Model,
    /// What the token may be as well after a power cut: unacknowledged leftovers of an earlier crash.
    others: Vec<Model>,
    label: String,
    crashes_each: usize,
}

impl Life {
    /// Crashes the machine at this moment in several ways and looks at the file.
    fn crash(&mut self, step: Step, media: &Media, candidates: &[&Model], counts: &mut Counts) {
        for number in 0..self.crashes_each {
            let after = match number {
                0 => media.clone(),
                _ => media.after_power_cut(&mut self.random),
            };
            *counts.steps.entry(step).or_default() += 1;
            let verdict = match after.file("token") {
                Some(bytes) => judge(bytes, candidates).map(|_| ()),
                None => Err("there is no token".into()),
            };
            if let Err(loss) = verdict {
                counts.losses.report(format!("{} at {step:?} (crash {number}): {loss}", self.label));
            }
        }
    }

    /// The token is made; until that is acknowledged it may be absent, and must be whole if it is there.
    fn create(&mut self, counts: &mut Counts) -> Result<(), String> {
        self.disk.record();
        Process::create(self.disk.backend(), &self.model).map_err(|error| error.to_string())?;
        for (step, media) in self.disk.recorded() {
            for _ in 0..self.crashes_each {
                *counts.steps.entry(step).or_default() += 1;
                let after = media.after_power_cut(&mut self.random);
                if let Some(Err(loss)) = after.file("token").map(|bytes| judge(bytes, &[&self.model])) {
                    counts.losses.report(format!("{} at {step:?}: {loss}", self.label));
                }
            }
        }
        let (media, model) = (self.disk.media(), self.model.clone());
        self.crash(Step::Answered, &media, &[&model], counts);
        Ok(())
    }

    fn operation(&mut self, process: &mut Process, counts: &mut Counts) -> Result<bool, String> {
        let operation = next(&self.model, &mut self.random);
        self.label = format!("{:?}", operation).chars().take(60).collect();
        let (before, after) = (self.model.clone(), operation.apply(&self.model));
        counts.operations += 1;
        let dies = self.random.chance(12);
        if dies {
            self.disk.stop_after(self.random.below(7) as u64);
        }
        self.disk.record();
        let result = process.run(&operation, &before);
        let moments = self.disk.recorded();
        let mut candidates = vec![&before, &after];
        let others = self.others.clone();
        candidates.extend(&others);
        for (step, media) in &moments {
            self.crash(*step, media, &candidates, counts);
        }
        if let Some(step) = self.disk.stopped_in() {
            counts.restarts += 1;
            // What was acknowledged although the machine had stopped must be there all the same.
            let allowed = if result.is_ok() { vec![&after] } else { candidates };
            return self.go_on_from(step, &allowed, result.is_ok()).map(|()| false);
        }
        self.disk.restart(self.disk.media());
        result.map_err(|error| format!("{}: {error}", self.label))?;
        let revision = process.vault.revision().0;
        self.model = Model { revision, ..after };
        // A login and a compaction make everything before them durable as well.
        self.others.clear();
        let (media, model) = (self.disk.media(), self.model.clone());
        self.crash(Step::Answered, &media, &[&model], counts);
        Ok(!matches!(operation, Operation::Reinitialise(_)) || self.random.chance(2))
    }

    /// Starts the machine again after a crash that the history itself goes through.
    fn go_on_from(&mut self, step: Step, candidates: &[&Model], answered: bool) -> Result<(), String> {
        let media = self.disk.media();
        let power_cut = self.random.chance(2);
        let media = if power_cut { media.after_power_cut(&mut self.random) } else { media };
        let bytes = media.file("token").ok_or("there is no token")?.to_vec();
        let found = judge(&bytes, candidates)
            .map_err(|loss| format!("{} at {step:?}, gone on from: {loss}", self.label))?;
        let vault = super::model::open(&bytes).map_err(|error| error.to_string())?;
        let allowed = candidates.iter().flat_map(|model| model.failures_allowed.clone()).collect();
        let failures =
            vault.pin_state(coffer_pkcs11::vault::Entry::User).map_err(|error| error.to_string())?;
        let model =
            Model { failures: failures.failures, failures_allowed: allowed, ..candidates[found].clone() };
        self.others = match power_cut || answered {
            true => Vec::new(),
            false => candidates.iter().map(|model| (*model).clone()).collect(),
        };
        self.model = model;
        self.disk.restart(media);
        Ok(())
    }

    fn run(&mut self, operations: usize, counts: &mut Counts) -> Result<(), String> {
        self.create(counts)?;
        let mut process = None;
        for _ in 0..operations {
            let mut running = match process.take() {
                Some(process) => process,
                None => Process::start(self.disk.backend(), &self.model)
                    .map_err(|error| format!("after {}: it does not start: {error}", self.label))?,
            };
            // Often the same process goes on, sometimes another one.
            if self.operation(&mut running, counts)? && !self.random.chance(6) {
                process = Some(running);
            }
        }
        Ok(())
    }
}

fn campaign(seed: u64, lives: usize, operations: usize, crashes_each: usize, sabotage: Sabotage) -> Counts {
    let mut counts = Counts::default();
    for number in 0..lives {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let disk = Disk::new(random.number(), sabotage);
        let model = Model::new(&random.bytes(8), &random.bytes(20));
        let mut life =
            Life { disk, random, model, others: Vec::new(), label: "the making".into(), crashes_each };
        if let Err(loss) = life.run(operations, &mut counts) {
            counts.losses.report(format!("life {number}: {loss}"));
        }
    }
    counts
}

#[test]
fn a_crash_at_any_write_sync_or_rename_loses_nothing_that_was_acknowledged() {
    let seed = seed();
    let counts = campaign(seed, amount(25, 600), 40, 4, Sabotage::default());
    counts.print("crash", seed);
    counts.losses.none();
    if super::full() {
        for (step, count) in &counts.steps {
            assert!(*count >= 50, "only {count} crashes fell into {step:?}");
        }
        assert_eq!(counts.steps.len(), 15, "a step was never reached");
    }
}

/// A process died between the rename of a compaction and the sync of the folder. Others committed to the new file, and
/// the power cut that followed took its name away, and with it what had been acknowledged.
#[test]
fn a_commit_after_an_interrupted_compaction_survives_with_its_name() {
    for changes in 0..12 {
        let disk = Disk::new(1, Sabotage::default());
        let model = Model::new(b"so-pin", b"info");
        Process::create(disk.backend(), &model).unwrap();
        let mut process = Process::start(disk.backend(), &model).unwrap();
        disk.stop_after(changes);
        let _ = process.run(&Operation::Compact, &model);
        disk.restart(disk.media());
        let mut other = Process::start(disk.backend(), &model).unwrap();
        let user_pin = Operation::UserPinBySo(b"1234".to_vec());
        other.run(&user_pin, &model).unwrap();
        let model = user_pin.apply(&model);
        for seed in 0..20 {
            let after = disk.media().after_power_cut(&mut Random::new(seed));
            judge(after.file("token").unwrap(), &[&model]).unwrap();
        }
    }
}

#[test]
fn the_crash_campaign_notices_a_disk_that_does_not_sync() {
    let campaign = |sabotage| campaign(seed(), 4, 30, 4, sabotage).losses;
    println!("crash, sabotaged:");
    campaign(Sabotage { no_sync: true, ..Sabotage::default() }).some("syncs that do nothing");
    campaign(Sabotage { no_folder_sync: true, ..Sabotage::default() }).some("folder syncs that do nothing");
    campaign(Sabotage { no_counts: true, ..Sabotage::default() }).some("failures that are not counted");
}
