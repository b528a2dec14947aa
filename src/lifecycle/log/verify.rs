//! Reading an audit log, and finding out what was done to it. Pure.
//!
//! Three things speak for a record: the keyless chain, which shows what was edited, taken out or put in by somebody who left
//! the rest as it was; the codes, which nobody can make anew who does not have the first key; and the token, which knows
//! the number of its events and the head of their chain.

use std::collections::HashMap;
use std::io::{self, Read};

use crate::token::{Event, What};
use crate::vault::{EventText, Tally};

use super::FirstKey;
use super::format::{
    HEADER_LENGTH, Hash, IDENTITY_LENGTH, Identity, Key, Kind, Mark, Record, code, log_id, next_key, same,
};
use super::sealed;
use super::window::Window;

/// So many things that are wrong are listed.
const MOST_FINDINGS: usize = 50;

/// A gap of more records is not followed any further: their number is what the file says.
const MOST_MISSING: u64 = 1 << 24;

/// What the token says of itself, to compare the log with.
#[derive(Clone, Debug, Default)]
pub struct TokenSide {
    pub uuid: [u8; 16],
    /// The id of its log, if its settings name one.
    pub log: Option<[u8; 16]>,
    pub tally: Tally,
    /// The events that are still in the token file.
    pub events: Vec<(u64, EventText)>,
}

/// A place in a log that somebody has written down: after so many records the chain value was this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub records: u64,
    pub head: [u8; 32],
}

/// What the log is compared with.
#[derive(Default)]
pub struct Against<'a> {
    pub first_key: Option<&'a FirstKey>,
    pub token: Option<&'a TokenSide>,
    pub anchor: Option<Anchor>,
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// Bytes from the beginning of the file.
    pub offset: u64,
    /// The number in the token file, for copies of its events.
    pub event_number: Option<u64>,
    /// `None` where this version cannot read it.
    pub event: Option<Event>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The record where it shows; 0: the header.
    pub record: u64,
    /// Bytes from the beginning of the file.
    pub offset: u64,
    pub what: String,
}

/// What a log has turned out to be.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub id: [u8; 16],
    pub records: u64,
    /// Copies of the token's events.
    pub events: Tally,
    /// To be written down somewhere else.
    pub anchor: Option<Anchor>,
    /// Whether the codes were checked from the first record on.
    pub keyed: bool,
    /// Places where the log itself says that something is missing.
    pub gaps: u64,
    /// Events of the token that have not been copied yet.
    pub waiting: u64,
    /// Bytes behind the last record: a process was killed while it wrote.
    pub torn: u64,
    /// Tampering or damage, in the order of the file.
    pub findings: Vec<Finding>,
}

/// Reads all records that can be read, unverified. `false`: it is no audit log.
pub fn read(log: impl Read, mut visit: impl FnMut(Entry)) -> io::Result<bool> {
    let mut window = Window::new(log);
    if Identity::parse(window.ahead()?).is_none() {
        return Ok(false);
    }
    window.take(HEADER_LENGTH);
    loop {
        let at = window.position();
        let Some(record) = Record::parse(window.ahead()?) else { return Ok(true) };
        visit(entry(&record, at));
        let length = record.length;
        window.take(length);
    }
}

fn entry(record: &Record<'_>, offset: u64) -> Entry {
    let copy = record.event();
    let event = match &copy {
        Some((_, text)) => Event::decode(text.text()),
        None => note(record),
    };
    Entry { number: record.number, offset, event_number: copy.map(|(number, _)| number), event }
}

/// What is told here alone.
fn note(record: &Record<'_>) -> Option<Event> {
    match record.kind {
        Kind::Event => None,
        Kind::Note => Event::decode(record.body),
        Kind::SealedKey => sealed::event_of(record.body),
    }
}

/// Verifies a log from its first byte to its last. `progress` hears how many bytes are done.
pub fn verify(log: impl Read, against: &Against<'_>, mut progress: impl FnMut(u64)) -> io::Result<Checked> {
    let mut window = Window::new(log);
    let header = window.ahead()?;
    let Some(identity) = Identity::parse(header) else {
        let mut checked = Checked::default();
        checked.findings.push(Finding {
            record: 0,
            offset: 0,
            what: "the header does not verify: it is no audit log, or its beginning was changed".into(),
        });
        return Ok(checked);
    };
    let mut walk = Walk::new(header, &identity, against);
    walk.header(&identity);
    window.take(HEADER_LENGTH);
    walk.at = window.position();
    while let Some(record) = Record::parse(window.ahead()?) {
        walk.record(&record);
        let length = record.length;
        window.take(length);
        walk.at = window.position();
        if walk.checked.records.is_multiple_of(4096) {
            progress(walk.at);
        }
    }
    walk.checked.torn = window.rest()?;
    walk.end();
    Ok(walk.checked)
}

/// A log being verified, up to the record at `at`.
struct Walk<'a> {
    against: &'a Against<'a>,
    /// The token's events by number.
    told: HashMap<u64, &'a EventText>,
    mark: Option<Mark>,
    at: u64,
    chain: Hash,
    /// The key of the next record: from the first key, or from the mark on.
    key: Option<Key>,
    /// The tally when it had the token's count.
    at_token: Option<Tally>,
    checked: Checked,
}

impl<'a> Walk<'a> {
    fn new(header: &[u8], identity: &Identity, against: &'a Against<'a>) -> Self {
        let block = header.get(..IDENTITY_LENGTH).unwrap_or_default();
        let mark = Mark::newest(header, &identity.id);
        let told = against.token.map_or(&[][..], |token| &token.events);
        let checked = Checked {
            id: identity.id,
            events: identity.before,
            keyed: against.first_key.is_some(),
            ..Checked::default()
        };
        Self {
            against,
            told: told.iter().map(|(number, event)| (*number, event)).collect(),
            mark,
            at: 0,
            chain: Identity::genesis(block),
            key: against.first_key.cloned(),
            at_token: None,
            checked,
        }
    }

    fn find(&mut self, record: u64, what: String) {
        if self.checked.findings.len() < MOST_FINDINGS {
            self.checked.findings.push(Finding { record, offset: self.at, what });
        }
    }

    fn header(&mut self, identity: &Identity) {
        if self.mark.is_none() {
            self.find(0, "neither mark in the header verifies: it was changed".into());
        }
        if let Some(token) = self.against.token {
            if token.uuid != identity.uuid {
                self.find(0, "the log belongs to another token".into());
            } else if token.log.is_some_and(|log| log != identity.id) {
                self.find(0, "it is another log than the one that the token names: it was exchanged".into());
            }
        }
        if self.key.as_ref().is_some_and(|key| log_id(&identity.uuid, key) != identity.id) {
            self.find(
                0,
                "it was not begun with this first key: the key is another log's, or the log was begun anew"
                    .into(),
            );
            // It says nothing of the codes.
            (self.key, self.checked.keyed) = (None, false);
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        let expected = self.checked.records.saturating_add(1);
        let number = record.number;
        if number > expected {
            let last = number - 1;
            self.find(expected, format!("records {expected} to {last} are missing: they were taken out"));
        } else if number < expected {
            self.find(expected, format!("record {number} stands in the place of record {expected}"));
        }
        let chained = record.chain == record.chain_after(&self.chain);
        if !chained && number == expected {
            self.find(number, "it was changed, or does not follow on the record before it".into());
        }
        self.check_code(record, chained && number == expected);
        self.copy(record);
        if self.anchor_is_here(number)
            && self.against.anchor.is_some_and(|anchor| anchor.head != record.chain)
        {
            self.find(number, "it is another record than when the anchor was written down".into());
        }
        if record.kind == Kind::Note && Event::what_of(record.body) == Some(What::LogGap) {
            self.checked.gaps += 1;
        }
        self.chain = record.chain;
        self.checked.records = number;
        self.check_mark(number);
    }

    fn anchor_is_here(&self, number: u64) -> bool {
        self.against.anchor.is_some_and(|anchor| anchor.records == number)
    }

    /// The code, under the key that has evolved up to this record.
    fn check_code(&mut self, record: &Record<'_>, in_place: bool) {
        let Some(mut key) = self.key.take() else { return };
        let limit = self.mark.as_ref().map_or(0, |mark| mark.records).saturating_add(1 << 16);
        let missing = record.number.saturating_sub(self.checked.records.saturating_add(1));
        for _ in 0..missing.min(limit).min(MOST_MISSING) {
            key = next_key(&key);
        }
        if in_place && !same(&code(&key, &record.chain), &record.code) {
            self.find(record.number, "it was written anew by somebody who did not have its key".into());
        }
        // A record that repeats an earlier one uses up no key.
        self.key = Some(if record.number > self.checked.records { next_key(&key) } else { key });
    }

    /// A copy of an event is the next one, and what the token has.
    fn copy(&mut self, record: &Record<'_>) {
        let Some((number, event)) = record.event() else { return };
        let expected = self.checked.events.count.saturating_add(1);
        if number > expected {
            let last = number - 1;
            self.find(
                record.number,
                format!("events {expected} to {last} of the token are missing before it"),
            );
        } else if number < expected {
            self.find(record.number, format!("it copies event {number} of the token once more"));
            return;
        }
        if self.told.get(&number).is_some_and(|told| **told != event) {
            self.find(record.number, format!("it is not what the token has as event {number}"));
        }
        let after = self.checked.events.after(&event);
        self.checked.events = Tally { count: number, ..after };
        if self.against.token.is_some_and(|token| token.tally.count == number) {
            self.at_token = Some(self.checked.events);
        }
    }

    /// What the mark says of the place where it was made.
    fn check_mark(&mut self, number: u64) {
        let Some(mark) = self.mark.as_ref().filter(|mark| mark.records == number) else { return };
        if mark.chain != self.chain {
            self.find(
                number,
                "the mark in the header belongs to another last record: the end was exchanged".into(),
            );
        } else if mark.events != self.checked.events {
            self.find(
                number,
                "the mark in the header counts other events of the token than the log has".into(),
            );
        } else if self.checked.keyed && self.key.as_ref().is_some_and(|key| **key != *mark.key) {
            self.find(number, "the key in the header is not the one after this record".into());
        } else if self.key.is_none() {
            // What stands behind the mark was written with its key.
            self.key = Some(mark.key.clone());
        }
    }

    fn end(&mut self) {
        let last = self.checked.records;
        let behind = self.mark.as_ref().map_or(0, |mark| mark.records.saturating_sub(last));
        if behind > 0 {
            let (from, to) = (last.saturating_add(1), last.saturating_add(behind));
            let what = "were cut off, or were lost when the power failed";
            self.find(from, format!("records {from} to {to} {what}"));
        } else if self.checked.torn > 0 && self.mark.as_ref().is_some_and(|mark| mark.length > self.at) {
            self.find(last.saturating_add(1), "what stands here is no record".into());
        }
        if let Some(anchor) = self.against.anchor.filter(|anchor| anchor.records > last) {
            self.find(last, format!("the anchor is of {} records, and there are {last}", anchor.records));
        }
        self.checked.anchor = Some(Anchor { records: last, head: self.chain });
        if let Some(token) = self.against.token {
            self.compare_with_token(token);
        }
    }

    fn compare_with_token(&mut self, token: &TokenSide) {
        let (log, last) = (self.checked.events, self.checked.records);
        if log.count > token.tally.count {
            let (has, knows) = (log.count, token.tally.count);
            self.find(
                last,
                format!(
                    "the log has {has} events and the token knows of {knows}: an older copy of the token"
                ),
            );
        }
        let mut tally = log;
        while tally.count < token.tally.count {
            let Some(event) = self.told.get(&(tally.count.saturating_add(1))) else {
                let (from, to) = (tally.count.saturating_add(1), token.tally.count);
                self.find(last, format!("events {from} to {to} of the token are missing in the log"));
                return;
            };
            tally = tally.after(event);
        }
        self.checked.waiting = token.tally.count.saturating_sub(log.count);
        let compared = if log.count > token.tally.count { self.at_token } else { Some(tally) };
        if compared.is_some_and(|compared| compared.head != token.tally.head) {
            self.find(last, "the events are not those that the token has counted".into());
        }
    }
}
