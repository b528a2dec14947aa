//! The newest time that a token has seen, so that a clock that was set back does not wake keys whose dates have passed.
//!
//! It is a record of the ledger that goes with other changes, at most once a minute; no use of a key writes it. Tokens that do
//! not enforce the life of keys do not keep it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::policy::{Controlled, Function, Mode, Role, Subject};
use crate::vault::{Change, RecordId};

use super::Token;
use super::batch::{LedgerKind, LedgerTag, ledger_put};
use super::event::What;

/// Seconds that the time in the file may be behind.
const STEP: u64 = 60;

/// What this process knows of the time.
#[derive(Default)]
pub(super) struct Seen {
    /// The newest time, here and in the file as it was at the login.
    newest: AtomicU64,
    /// The time in the file.
    stored: AtomicU64,
    /// That the clock is behind was written down.
    told: AtomicBool,
}

impl Seen {
    /// What is in the file is not known any more.
    pub(super) fn forget(&self) {
        self.stored.store(0, Ordering::Relaxed);
    }

    fn set(&self, newest: u64, stored: u64) {
        self.newest.store(newest, Ordering::Relaxed);
        self.stored.store(stored, Ordering::Relaxed);
    }

    /// What became of an update of the file.
    pub(super) fn updated(&self, update: &Update, committed: bool) {
        if !committed {
            self.stored.store(update.before, Ordering::Relaxed);
        }
    }
}

/// An update of the time in the file that goes with another change.
pub(super) struct Update {
    /// The time in the file before it.
    before: u64,
}

impl Token {
    /// The time by which dates of keys are judged: the clock's, unless it is behind the newest time that the token has seen by
    /// more than the tolerance.
    pub(super) fn judged_time(&self) -> u64 {
        let now = self.now();
        let newest = self.seen.newest.load(Ordering::Relaxed);
        if now > newest {
            self.seen.newest.fetch_max(now, Ordering::Relaxed);
        }
        if newest.saturating_sub(now) > self.clock_tolerance.load(Ordering::Relaxed) { newest } else { now }
    }

    /// The time by which states are told and dates are judged.
    pub fn validity_time(&self) -> u64 {
        if self.mode() == Mode::Enforce { self.judged_time() } else { self.now() }
    }

    /// Seconds that the clock is behind the newest time that the token has seen, where that is more than the tolerance.
    pub fn clock_behind(&self) -> Option<u64> {
        let behind = self.judged_time().saturating_sub(self.now());
        (behind > 0 && self.mode() == Mode::Enforce).then_some(behind)
    }

    /// The newest time that the token has seen, in seconds since 1970 UTC; known after a login, in a token that enforces.
    pub fn newest_time(&self) -> u64 {
        self.seen.newest.load(Ordering::Relaxed)
    }

    /// After a login: learns the time in the file, and writes it down where the clock is behind it. What cannot be read or
    /// written makes the login no worse.
    pub(super) fn look_at_clock(&self) {
        if self.mode() != Mode::Enforce {
            return;
        }
        if let Ok(Some((time, _))) = self.time_in_file() {
            self.seen.newest.fetch_max(time, Ordering::Relaxed);
            self.seen.stored.fetch_max(time, Ordering::Relaxed);
        }
        let Some(behind) = self.clock_behind() else { return };
        if !self.seen.told.swap(true, Ordering::Relaxed) {
            let detail =
                format!("the clock is {behind} seconds behind the newest time that the token has seen");
            let _ = self.transact(|batch| {
                batch.event(self.event(What::ClockSetBack).detail(&detail));
                Ok(())
            });
        }
    }

    /// The newest time in the file and its record. Errors: CKR_USER_NOT_LOGGED_IN.
    fn time_in_file(&self) -> Result<Option<(u64, RecordId)>> {
        let records = self.ledger(LedgerKind::CLOCK)?;
        let times = records.iter().filter_map(|record| Some((time_of(&record.bytes)?, record.id)));
        Ok(times.max_by_key(|(time, _)| *time))
    }

    /// The change that brings the time in the file up to date, if it is due; it goes with another change.
    pub(super) fn clock_change(&self) -> Option<(Change, Update)> {
        if self.mode() != Mode::Enforce {
            return None;
        }
        let newest = self.judged_time().max(self.newest_time());
        let before = self.seen.stored.load(Ordering::Relaxed);
        if newest < before.saturating_add(STEP) {
            return None;
        }
        // A process that has seen a later time may have written it since the login.
        let there = self.time_in_file().ok()?;
        if let Some((time, _)) = there {
            self.seen.newest.fetch_max(time, Ordering::Relaxed);
            if newest < time.saturating_add(STEP) {
                self.seen.stored.store(time, Ordering::Relaxed);
                return None;
            }
        }
        // One thread writes it.
        self.seen.stored.compare_exchange(before, newest, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        let known = there.map(|(_, record)| record);
        let record = known.or_else(|| RecordId::random().ok())?;
        let tag = LedgerTag { kind: LedgerKind::CLOCK, name: None };
        let put = ledger_put(record, tag, newest.to_le_bytes().to_vec());
        let change = match known {
            Some(_) => Change::Replace { put, expected: None },
            None => Change::Add(put),
        };
        Some((change, Update { before }))
    }

    /// Takes the clock's time for the newest, after it was wrongly set to a later one. Other processes go by what they have seen
    /// until they log in again. Errors: CKR_ACTION_PROHIBITED for a role that may not change objects, and
    /// where others must approve it and have not, CKR_USER_NOT_LOGGED_IN, and those of writing the token.
    pub fn accept_clock(&self, reason: &str) -> Result<()> {
        if self.role() != Role::Public && !self.role().may(Function::Change) {
            return Err(Error::ActionProhibited);
        }
        let now = self.now();
        let (newest, stored) = (self.newest_time(), self.seen.stored.load(Ordering::Relaxed));
        let accepted = self.transact(|batch| {
            // Requests were made, and are judged, by the time that was held for the newest.
            self.seen.set(newest, stored);
            batch.consent(Controlled::Policy, &[Subject::clock()], None)?;
            // Not written once more with the same change.
            self.seen.set(now, now);
            for record in self.ledger(LedgerKind::CLOCK)? {
                batch.replace(&record, now.to_le_bytes().to_vec());
            }
            let detail = format!("the time of the clock was accepted: {reason}");
            batch.event(self.event(What::ClockSetBack).detail(&detail));
            Ok(())
        });
        if accepted.is_err() {
            self.seen.set(newest, stored);
        }
        accepted
    }
}

fn time_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}
