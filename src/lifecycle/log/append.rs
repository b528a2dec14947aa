//! Writing to an audit log: under its lock, records first, then the mark, then the old mark is wiped.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::store::{self, Backend, Image};
use crate::vault::{EventText, Tally};

use super::format::{
    HEADER_LENGTH, IDENTITY_LENGTH, Identity, Kind, MARK_LENGTH, Mark, Record, code, next_key, same,
    write_record,
};

/// Why nothing could be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    Store(store::Error),
    /// It is no audit log of this version, or neither of its marks verifies.
    NotALog,
    /// It is the log of another token, or another log of this one.
    Another,
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// What came of writing.
pub(super) struct Appended {
    /// How far the log goes now.
    pub(super) events: Tally,
    /// It is on the disk, as was asked for.
    pub(super) durable: bool,
}

/// The log, held for writing.
pub(super) struct Appender {
    pub(super) mark: Mark,
    bytes: Vec<u8>,
    /// So many records that the mark tells of were not in the file any more.
    pub(super) missing: u64,
}

impl Appender {
    pub(super) fn note(&mut self, event: &[u8]) {
        write_record(&mut self.mark, Kind::Note, &[event], &mut self.bytes);
    }

    /// The first key, sealed for an auditor, and who has sealed it to whom.
    pub(super) fn sealed_key(&mut self, sealed: &[u8], event: &[u8]) {
        write_record(&mut self.mark, Kind::SealedKey, &[sealed, event], &mut self.bytes);
    }

    /// The next event of the token.
    pub(super) fn event(&mut self, event: &EventText) {
        let after = self.mark.events.after(event);
        let body = [&after.count.to_le_bytes()[..], event.as_bytes()];
        write_record(&mut self.mark, Kind::Event, &body, &mut self.bytes);
        self.mark.events = after;
    }
}

/// Makes a log with its first key, and `fill`s it. Errors: [`store::Error::Exists`].
pub(super) fn create(
    backend: &dyn Backend,
    identity: &Identity,
    first_key: &[u8; 32],
    fill: impl FnOnce(&mut Appender),
) -> Result<(), Trouble> {
    let block = identity.encode().ok_or(Trouble::NotALog)?;
    let mark = Mark {
        write: 0,
        records: 0,
        length: HEADER_LENGTH as u64,
        events: identity.before,
        chain: Identity::genesis(&block),
        key: Zeroizing::new(*first_key),
    };
    let mut appender = Appender { mark, bytes: Vec::new(), missing: 0 };
    fill(&mut appender);
    let Appender { mark, bytes, .. } = appender;
    let mut contents = block.to_vec();
    contents.extend_from_slice(&mark.encode(&identity.id));
    contents.resize(HEADER_LENGTH, 0);
    contents.extend_from_slice(&bytes);
    backend.create(&contents)?;
    Ok(())
}

/// The identity of a log, without its lock.
pub(super) fn identity(backend: &dyn Backend) -> Result<Identity, Trouble> {
    let image = backend.open()?;
    let mut block = vec![0; IDENTITY_LENGTH];
    store::read_up_to(&*image, &mut block, 0)?;
    Identity::parse(&block).ok_or(Trouble::NotALog)
}

/// Appends what `fill` puts in, if the log `is_ours`; `sync`: and makes everything durable, or says that it could
/// not: what was written is not to be written again.
pub(super) fn append(
    backend: &dyn Backend,
    timeout: Duration,
    sync: bool,
    is_ours: impl FnOnce(&Identity) -> bool,
    fill: impl FnOnce(&mut Appender),
) -> Result<Appended, Trouble> {
    let _lock = backend.lock(timeout)?;
    let image: Arc<dyn Image> = backend.open()?;
    if !image.writable() {
        return Err(store::Error::ReadOnly.into());
    }
    let mut header = vec![0; HEADER_LENGTH];
    store::read_up_to(&*image, &mut header, 0)?;
    let identity = Identity::parse(&header).ok_or(Trouble::NotALog)?;
    if !is_ours(&identity) {
        return Err(Trouble::Another);
    }
    let id = identity.id;
    let mark = Mark::newest(&header, &id).ok_or(Trouble::NotALog)?;
    let mut appender = Appender { mark, bytes: Vec::new(), missing: 0 };
    let end = settle(&*image, &mut appender)?;
    fill(&mut appender);
    if !appender.bytes.is_empty() {
        appender.mark.length = end + appender.bytes.len() as u64;
        let written = store::write_all(&*image, &appender.bytes, end)
            .and_then(|()| write_mark(&*image, &mut appender.mark, &id));
        if let Err(error) = written {
            // They are told again: without this they would stand there twice.
            let _ = store::truncate(&*image, end);
            return Err(error.into());
        }
    }
    let durable = sync && store::sync(&*image).is_ok();
    Ok(Appended { events: appender.mark.events, durable })
}

fn write_mark(image: &dyn Image, mark: &mut Mark, id: &[u8; 16]) -> Result<(), store::Error> {
    mark.write = mark.write.wrapping_add(1);
    let (place, old) = mark.places();
    store::write_all(image, &Zeroizing::new(mark.encode(id)), place)?;
    // The key of before could write the newest records anew. Where it cannot be wiped, the next mark stands in its place.
    let _ = store::write_all(image, &[0; MARK_LENGTH], old);
    Ok(())
}

/// Brings file and mark together after a writer that was killed between the two, and finds the end of the file. Records
/// behind the mark that were written with its key are taken over; the torn rest is cut off. Records that the mark tells of and
/// that are not there are counted.
fn settle(image: &dyn Image, appender: &mut Appender) -> Result<u64, Trouble> {
    let length = image.length().map_err(|error| store::Error::from_io("measure", &error))?;
    let mark = &mut appender.mark;
    if length == mark.length {
        return Ok(length);
    }
    if length < mark.length {
        let (records, end) = whole_records(&store::read_to_end(image, HEADER_LENGTH as u64)?);
        let end = HEADER_LENGTH as u64 + end;
        appender.missing = mark.records.saturating_sub(records);
        store::truncate(image, end)?;
        return Ok(end);
    }
    let tail = store::read_to_end(image, mark.length)?;
    let mut at = 0;
    while let Some(record) = tail.get(at..).and_then(Record::parse) {
        let right = Some(record.number) == mark.records.checked_add(1)
            && record.chain == record.chain_after(&mark.chain)
            && same(&record.code, &code(&mark.key, &record.chain));
        if !right {
            break;
        }
        if let Some((_, event)) = record.event() {
            mark.events = mark.events.after(&event);
        }
        mark.records = record.number;
        mark.chain = record.chain;
        mark.key = next_key(&mark.key);
        at += record.length;
    }
    mark.length = mark.length.saturating_add(at as u64);
    store::truncate(image, mark.length)?;
    Ok(mark.length)
}

/// How many records stand in a row, and where the last one ends.
fn whole_records(bytes: &[u8]) -> (u64, u64) {
    let (mut records, mut at) = (0, 0);
    while let Some(record) = bytes.get(at..).and_then(Record::parse) {
        records += 1;
        at += record.length;
    }
    (records, at as u64)
}
