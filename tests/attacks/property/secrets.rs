//! The values that must be in no output, as their runs of eight bytes.

use std::collections::HashSet;

/// Random values share no run of this length.
const RUN: usize = 8;

#[derive(Default)]
pub struct Secrets {
    hidden: HashSet<[u8; RUN]>,
    /// What has left the token wrapped.
    exposed: HashSet<[u8; RUN]>,
    /// Runs that the attacker has chosen or heard.
    known: HashSet<[u8; RUN]>,
}

/// `length` bytes from this bit on, the first bits after the last (CKM_EXTRACT_KEY_FROM_KEY).
pub fn part_of(value: &[u8], first: usize, length: usize) -> Vec<u8> {
    let bit = |index: usize| value[index / 8 % value.len()] >> (7 - index % 8) & 1;
    (0..length).map(|byte| (0..8).fold(0, |made, place| made << 1 | bit(first + 8 * byte + place))).collect()
}

fn runs(bytes: &[u8]) -> impl Iterator<Item = [u8; RUN]> {
    bytes.windows(RUN).filter_map(|run| run.try_into().ok())
}

impl Secrets {
    pub fn hide(&mut self, value: &[u8]) {
        let unknown = |run: &[u8; RUN]| !self.exposed.contains(run) && !self.known.contains(run);
        self.hidden.extend(runs(value).filter(unknown));
    }

    /// True where every run of the value is hidden.
    pub fn holds(&self, value: &[u8]) -> bool {
        runs(value).all(|run| self.hidden.contains(&run))
    }

    /// The value left the token in a way that its attributes allow; whoever has it can make every part of it.
    pub fn expose(&mut self, value: &[u8]) {
        for shift in 0..8 {
            for run in runs(&part_of(value, shift, 2 * value.len())) {
                self.hidden.remove(&run);
                self.exposed.insert(run);
            }
        }
    }

    /// What the attacker says may come back, also as a part of a key that it was joined with.
    pub fn know(&mut self, said: &[u8]) {
        self.known.extend(runs(said));
    }

    /// Panics where a hidden run is in the output.
    pub fn search(&self, output: &[u8]) {
        for run in runs(output) {
            assert!(!self.hidden.contains(&run), "a hidden value has left: {}", hex::encode(run));
        }
    }
}
