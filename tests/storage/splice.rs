//! Records that were moved, deleted, repeated, replayed, or taken from another token with the same PINs.
//!
//! Each file is tried as it is and mended (see `frames`), with and without its commit pointers. Accepted may be only a
//! token as it was after one of its transactions: cutting off whole transactions at the end is a rollback, which a file
//! alone cannot tell. What was added without keys after the last authenticated COMMIT can be left out by anyone, as
//! anyone can add it; the tokens here end with an authenticated COMMIT.

use std::collections::BTreeSet;

use super::damage::{Observed, grown, inspect, observed};
use super::frames::{COMMIT, Frame, HEADER, frames, mended, raw, without_pointers};
use super::model::Model;
use super::{Losses, amount, seed};

struct Attack {
    header: Vec<u8>,
    frames: Vec<Frame>,
    /// What the token was after each transaction.
    states: Vec<Observed>,
    keys: bool,
    tried: usize,
    accepted: Losses,
}

impl Attack {
    fn on(bytes: &[u8], models: &[Model], keys: bool) -> Self {
        Self {
            header: bytes[..HEADER].to_vec(),
            frames: frames(bytes),
            states: models.iter().map(observed).collect(),
            keys,
            tried: 0,
            accepted: Losses::default(),
        }
    }

    fn attempt(&mut self, what: impl Fn() -> String, doctored: &[Frame]) {
        if doctored == self.frames {
            return;
        }
        // A rollback: whole transactions at the end are missing.
        let rollback = self.frames.starts_with(doctored);
        let torn = |file: &[u8]| raw(&self.header, &self.frames).starts_with(file);
        for mend in [false, true] {
            let file = if mend { mended(&self.header, doctored) } else { raw(&self.header, doctored) };
            if torn(&file) || rollback {
                continue;
            }
            for file in [without_pointers(&file), file] {
                self.tried += 1;
                let Ok((mut found, _)) = inspect(&file, b"so-pin", self.keys) else { continue };
                if self.keys && self.states.contains(&found) {
                    // Taken for a torn end, and left out: the token as of an earlier transaction.
                    continue;
                }
                if self.keys && self.states.contains(&found) {
                    continue;
                }
                // Anyone may add what stays marked as added without keys.
                let last = self.states.last().and_then(Option::as_ref);
                if let (Some((items, _)), Some((known, _))) = (&mut found, last) {
                    items.retain(|id, item| item.authenticated || known.contains_key(id));
                }
                if !self.keys || !self.states.contains(&found) {
                    self.accepted.report(format!("{} (mended: {mend})", what()));
                }
            }
        }
    }

    /// Every record at every other place, instead of or beside what is there; every record left out.
    fn transplant(&mut self) {
        let all = self.frames.clone();
        for from in 0..all.len() {
            let mut without = all.clone();
            let taken = without.remove(from);
            self.attempt(|| format!("record {from} deleted"), &without);
            for to in 0..all.len() {
                let mut moved = without.clone();
                moved.insert(to.min(moved.len()), taken.clone());
                self.attempt(|| format!("record {from} moved to {to}"), &moved);
                let mut swapped = all.clone();
                swapped.swap(from, to);
                self.attempt(|| format!("records {from} and {to} swapped"), &swapped);
                let mut replayed = all.clone();
                replayed.insert(to, taken.clone());
                self.attempt(|| format!("record {from} replayed at {to}"), &replayed);
            }
            let mut appended = all.clone();
            appended.push(taken);
            self.attempt(|| format!("record {from} replayed at the end"), &appended);
        }
    }

    /// Records and transactions of another token, instead of and beside each of this one.
    fn splice(&mut self, foreign: &[u8]) {
        let (all, foreign) = (self.frames.clone(), frames(foreign));
        for (number, frame) in foreign.iter().enumerate() {
            for place in 0..all.len() {
                let mut exchanged = all.clone();
                exchanged[place] = frame.clone();
                self.attempt(|| format!("foreign record {number} for {place}"), &exchanged);
                let mut inserted = all.clone();
                inserted.insert(place, frame.clone());
                self.attempt(|| format!("foreign record {number} before {place}"), &inserted);
            }
        }
        for transaction in foreign.split_inclusive(|frame| frame.kind() == COMMIT) {
            let appended = [&all[..], transaction].concat();
            self.attempt(|| "a foreign transaction at the end".into(), &appended);
        }
        // This header before the other's records.
        self.attempt(|| "all records of the other token".into(), &foreign);
    }
}

/// A token of about so many records that ends with an authenticated COMMIT, and its models.
fn token(seed: u64, records: usize) -> (Vec<u8>, Vec<Model>) {
    (0..)
        .map(|attempt| grown(seed.wrapping_add(attempt), records * 2 / 5))
        .find(|(bytes, _)| frames(bytes).last().is_some_and(Frame::authenticated))
        .unwrap()
}

#[test]
fn no_record_is_accepted_where_it_does_not_belong() {
    let seed = seed();
    let (bytes, models) = token(seed, amount(25, 100));
    let (foreign, _) = token(seed + 1000, amount(25, 100));
    let mut attack = Attack::on(&bytes, &models, true);
    let kinds: BTreeSet<u8> = attack.frames.iter().map(Frame::kind).collect();
    attack.transplant();
    let moved = attack.tried;
    attack.splice(&foreign);
    println!(
        "splice: seed {seed}, {} records of kinds {kinds:?}, {moved} files with records moved, deleted or repeated, {} with records of another token, {} accepted",
        attack.frames.len(),
        attack.tried - moved,
        attack.accepted.count
    );
    attack.accepted.none();
}

#[test]
fn the_splice_campaign_notices_a_missing_check_of_the_authentication_codes() {
    let (bytes, models) = token(seed(), 15);
    let mut attack = Attack::on(&bytes, &models, false);
    attack.transplant();
    attack.accepted.some("the check of the authentication codes left out");
}
