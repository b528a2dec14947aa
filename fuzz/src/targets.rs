//! The table of targets, and what the environment of a run asks for:
//!
//! - `COFFER_FUZZ_TARGET=NAME` runs one target under libFuzzer; at the end it prints how often it was executed and how
//!   often the code behind it answered with a success.
//! - `COFFER_FUZZ_LIST=1` prints the names.
//! - `COFFER_FUZZ_SEEDS=FOLDER` writes the seeds of the target into that folder.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is fuzzed.
pub struct Target {
    pub name: &'static str,
    /// Answers whether the input was good for a success.
    pub run: fn(&[u8]) -> bool,
    /// Inputs to begin with; one of them must be good for a success.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

static CHOSEN: OnceLock<Target> = OnceLock::new();
static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
static SUCCESSES: AtomicU64 = AtomicU64::new(0);

fn all() -> Vec<Target> {
    [
        crate::storage::targets(),
        crate::decoders::targets(),
        crate::approvals::targets(),
        crate::backups::targets(),
        crate::interface::targets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub fn begin() {
    if std::env::var_os("COFFER_FUZZ_LIST").is_some() {
        all().iter().for_each(|target| println!("{}", target.name));
        std::process::exit(0);
    }
    let name = std::env::var("COFFER_FUZZ_TARGET").expect("COFFER_FUZZ_TARGET names a target");
    let target = all().into_iter().find(|target| target.name == name).expect("there is no such target");
    if let Some(folder) = std::env::var_os("COFFER_FUZZ_SEEDS") {
        write_seeds(&target, Path::new(&folder));
        std::process::exit(0);
    }
    let _ = CHOSEN.set(target);
    // SAFETY: the function takes nothing and does not unwind.
    unsafe { libc::atexit(report) };
}

fn write_seeds(target: &Target, folder: &Path) {
    std::fs::create_dir_all(folder).expect("the folder for the seeds can be made");
    for (number, seed) in (target.seeds)().into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:03}")), seed).expect("a seed can be written");
    }
}

extern "C" fn report() {
    let (executions, successes) = (EXECUTIONS.load(Ordering::Relaxed), SUCCESSES.load(Ordering::Relaxed));
    eprintln!("coffer: {executions} executions, {successes} successes");
}

pub fn run(data: &[u8]) {
    let target = CHOSEN.get().expect("a target was chosen");
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    if (target.run)(data) {
        SUCCESSES.fetch_add(1, Ordering::Relaxed);
    }
}
