//! Campaigns against the storage of a token, inside one process: the code of the vault runs on a simulated disk or on
//! doctored files, and a model says what a token must contain.
//!
//! Each campaign prints its seed and its counts (`--nocapture`), and proves that it can fail: with a sabotaged disk or a
//! check left out, it must report losses. What runs by default is a slice; `COFFER_CAMPAIGN=full` runs all of it, and
//! `COFFER_SEED=NUMBER` another random choice (`scripts/campaign.sh`).

mod crash;
mod damage;
mod disk;
mod faults;
mod frames;
mod history;
mod media;
mod model;
mod random;
mod splice;

/// Whether the whole campaign was asked for.
pub fn full() -> bool {
    std::env::var("COFFER_CAMPAIGN").is_ok_and(|value| value == "full")
}

/// The seed of this run.
pub fn seed() -> u64 {
    match std::env::var("COFFER_SEED") {
        Ok(seed) => seed.parse().expect("COFFER_SEED is a number"),
        Err(_) => 20_261,
    }
}

/// `slice` by default, `all` in a full campaign.
pub fn amount(slice: usize, all: usize) -> usize {
    if full() { all } else { slice }
}

/// The losses that a campaign has found: the first few in words, and how many.
#[derive(Default)]
pub struct Losses {
    pub count: usize,
    examples: Vec<String>,
}

impl Losses {
    pub fn report(&mut self, loss: String) {
        self.count += 1;
        if self.examples.len() < 10 {
            self.examples.push(loss);
        }
    }

    pub fn none(&self) {
        assert!(self.count == 0, "{} losses:\n{}", self.count, self.examples.join("\n"));
    }

    /// For a sabotaged run: it must have found some.
    pub fn some(&self, sabotage: &str) {
        println!("  with {sabotage}: {} losses reported, as it must", self.count);
        assert!(self.count > 0, "the campaign did not notice {sabotage}");
    }
}
