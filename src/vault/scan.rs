//! Transactions in a row of bytes: whole, torn or damaged. Pure; knows frames and the chain, not what records mean.

use super::Error;
use super::bytes::{array_at, slice_at};
use super::chain::{self, Hash};
use super::format::{CHAIN_LENGTH, FLAG_AUTHENTICATED, FRAME_MAGIC, HEAD_LENGTH, Head, Kind};
use super::record::Commit;
use super::source::Source;
use crate::reserve;

/// A record whose chain value verified.
pub(super) struct Frame<'a> {
    pub(super) head: Head,
    /// Bytes from the beginning of the file.
    pub(super) offset: u64,
    pub(super) body: &'a [u8],
    pub(super) digest: Hash,
}

/// What is kept of a record until its transaction is whole.
pub(super) struct Mark {
    head: Head,
    offset: u64,
    digest: Hash,
}

/// A whole transaction.
pub(super) struct Transaction<'a> {
    pub(super) generation: u64,
    pub(super) offset: u64,
    /// All its records.
    bytes: &'a [u8],
    /// Without the COMMIT.
    marks: &'a [Mark],
    pub(super) commit: CommitSeal,
    /// Where the next one begins.
    pub(super) after: Position,
}

impl<'a> Transaction<'a> {
    /// How many records there are, without the COMMIT.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// The records, without the COMMIT.
    pub(super) fn records(&self) -> impl Iterator<Item = Frame<'a>> {
        let (bytes, start) = (self.bytes, self.offset);
        self.marks.iter().map(move |mark| {
            let at = usize::try_from(mark.offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let body = slice_at(bytes, at.saturating_add(HEAD_LENGTH), mark.head.body_length as usize);
            Frame {
                head: mark.head,
                offset: mark.offset,
                body: body.unwrap_or_default(),
                digest: mark.digest,
            }
        })
    }
}

/// A COMMIT with what its authentication code covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommitSeal {
    pub(super) generation: u64,
    pub(super) offset: u64,
    pub(super) chain_before: Hash,
    pub(super) head: Head,
    pub(super) commit: Commit,
}

impl CommitSeal {
    /// What stands for it until there is one: none that was authenticated.
    pub(super) fn none(position: &Position) -> Self {
        let Position { offset, generation, chain } = *position;
        let head = Head { kind: Kind::Commit, flags: 0, body_length: 0, index: 0, generation };
        let commit = Commit { count: 0, root_version: 0, code: [0; 32] };
        Self { generation, offset, chain_before: chain, head, commit }
    }

    pub(super) fn authenticated(&self) -> bool {
        self.head.flags & FLAG_AUTHENTICATED != 0
    }
}

/// Where a scan stands: everything before is committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Bytes from the beginning of the file.
    pub(super) offset: u64,
    /// Of the last transaction before.
    pub(super) generation: u64,
    pub(super) chain: Hash,
}

/// One transaction, record by record.
pub(super) struct Scan {
    /// Of the record that comes next.
    offset: u64,
    generation: Option<u64>,
    chain: Hash,
    count: u32,
}

/// What a scan has come to.
pub(super) enum Step<'a> {
    Record(Frame<'a>),
    /// The transaction is whole.
    Commit(CommitSeal, Position),
    /// It is not. `offset`: of the first record that does not verify.
    Broken {
        offset: u64,
        what: &'static str,
    },
}

impl Scan {
    /// Of the transaction at `position`. With `generation` `None` the generation is taken from the first record (the first
    /// transaction of a file).
    pub(super) fn new(position: &Position, generation: Option<u64>) -> Self {
        Self { offset: position.offset, generation, chain: position.chain, count: 0 }
    }

    /// Of the record that comes next, in bytes from the beginning of the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Verifies the next record.
    pub(super) fn step<'a>(&mut self, source: &'a mut impl Source) -> Result<Step<'a>, Error> {
        let offset = self.offset;
        let head = source.bytes(offset, HEAD_LENGTH)?.get(..HEAD_LENGTH).and_then(Head::parse);
        let wanted = head.map_or(HEAD_LENGTH, |head| head.frame_length());
        let rest = source.bytes(offset, wanted)?;
        Ok(self.take(rest).unwrap_or_else(|what| Step::Broken { offset, what }))
    }

    /// As `step`, with the bytes from the record on.
    fn take<'a>(&mut self, rest: &'a [u8]) -> Result<Step<'a>, &'static str> {
        const NO_RECORD: &str = "it is no record, or the file ends in it";
        if rest.is_empty() {
            return Err("the file ends in the middle of a transaction");
        }
        let (head, frame) = frame_at(rest, 0).ok_or(NO_RECORD)?;
        let (signed, stored) = frame.split_last_chunk::<CHAIN_LENGTH>().ok_or(NO_RECORD)?;
        let generation = *self.generation.get_or_insert(head.generation);
        let digest = chain::digest(signed);
        let after = chain::next(&self.chain, &digest);
        if head.generation != generation || head.index != self.count {
            return Err("it is not in its place: records before it were moved, taken out or put in");
        }
        if after != *stored {
            return Err("it was changed, or does not follow on the record before it");
        }
        let body = signed.get(HEAD_LENGTH..).unwrap_or_default();
        let (offset, chain_before) = (self.offset, self.chain);
        self.offset = offset.saturating_add(frame.len() as u64);
        self.chain = after;
        if head.kind != Kind::Commit {
            self.count = self.count.saturating_add(1);
            return Ok(Step::Record(Frame { head, offset, body, digest }));
        }
        let commit = Commit::parse(body)
            .filter(|commit| commit.count == self.count)
            .ok_or("it does not count the records of its transaction rightly")?;
        let seal = CommitSeal { generation, offset, chain_before, head, commit };
        Ok(Step::Commit(seal, Position { offset: self.offset, generation, chain: after }))
    }
}

/// What stands at a position.
pub(super) enum Next<'a> {
    Transaction(Transaction<'a>),
    /// Nothing: the file ends here.
    End,
    /// No whole transaction. `offset`: of the first record that does not verify.
    Broken {
        offset: u64,
        what: &'static str,
    },
}

/// Reads the transaction at `position`; `generation` as for [`Scan::new`]. `marks` are the scan's own.
pub(super) fn next<'a>(
    source: &'a mut impl Source,
    position: &Position,
    generation: Option<u64>,
    marks: &'a mut Vec<Mark>,
) -> Result<Next<'a>, Error> {
    let offset = position.offset;
    if source.end() < offset {
        return Ok(Next::Broken { offset, what: "the file has become shorter" });
    }
    source.release(offset);
    if source.bytes(offset, 1)?.is_empty() {
        return Ok(Next::End);
    }
    marks.clear();
    let mut scan = Scan::new(position, generation);
    let (commit, after) = loop {
        match scan.step(source)? {
            Step::Record(Frame { head, offset, digest, body: _ }) => {
                reserve::check();
                reserve::need(marks.try_reserve(1));
                marks.push(Mark { head, offset, digest });
            }
            Step::Commit(commit, after) => break (commit, after),
            Step::Broken { offset, what } => return Ok(Next::Broken { offset, what }),
        }
    };
    let length = usize::try_from(after.offset.saturating_sub(offset)).map_err(|_| Error::TooLarge)?;
    let bytes = source.bytes(offset, length)?;
    Ok(Next::Transaction(Transaction { generation: after.generation, offset, bytes, marks, commit, after }))
}

/// The frame (head, body, chain value) that begins at `at`, if it is there whole.
pub(super) fn frame_at(bytes: &[u8], at: usize) -> Option<(Head, &[u8])> {
    let head = Head::parse(slice_at(bytes, at, HEAD_LENGTH)?)?;
    Some((head, slice_at(bytes, at, head.frame_length())?))
}

/// True if a record of a later transaction than `generation` stands somewhere after `position`, on the chain value
/// before it: then what is broken at `position` is not the torn end of the file.
pub(super) fn has_later_transaction(bytes: &[u8], start: u64, position: &Position) -> bool {
    let Some(from) = position.offset.checked_sub(start).and_then(|at| usize::try_from(at).ok()) else {
        return true;
    };
    // A hostile file may be full of overlapping beginnings of records; more work than this means that it is one.
    let mut budget = bytes.len().saturating_mul(4).saturating_add(1 << 20);
    let mut at = from + 1;
    while let Some(found) = bytes.get(at..).and_then(find_magic) {
        at += found;
        let previous =
            at.checked_sub(CHAIN_LENGTH).and_then(|before| array_at::<CHAIN_LENGTH>(bytes, before));
        if let (Some((head, frame)), Some(previous)) = (frame_at(bytes, at), previous)
            && head.generation > position.generation.saturating_add(1)
        {
            let Some(rest) = budget.checked_sub(frame.len()) else { return true };
            budget = rest;
            let (signed, stored) = frame.split_at(frame.len() - CHAIN_LENGTH);
            if chain::next(&previous, &chain::digest(signed)) == *stored {
                return true;
            }
        }
        at += 1;
    }
    false
}

fn find_magic(bytes: &[u8]) -> Option<usize> {
    bytes.windows(FRAME_MAGIC.len()).position(|window| window == FRAME_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::super::source::Whole;
    use super::super::transaction::Builder;
    use super::*;

    fn transactions(count: u64) -> (Vec<u8>, Vec<u64>) {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        let mut position = Position { offset: 0, generation: 0, chain: [9; 32] };
        for generation in 1..=count {
            let mut builder = Builder::new(&position);
            for body in [b"one".as_slice(), b"two", b"three"] {
                builder.record(Kind::Info, 0, body).unwrap();
            }
            let made = builder.finish(1, None).unwrap();
            bytes.extend_from_slice(&made.bytes);
            position = Position { offset: bytes.len() as u64, generation, chain: made.chain };
            ends.push(position.offset);
        }
        (bytes, ends)
    }

    fn count(bytes: &[u8]) -> (u64, bool, Position) {
        let mut position = Position { offset: 0, generation: 0, chain: [9; 32] };
        let (mut source, mut marks) = (Whole { bytes, start: 0 }, Vec::new());
        loop {
            match next(&mut source, &position, Some(position.generation + 1), &mut marks).unwrap() {
                Next::Transaction(found) => position = found.after,
                Next::End => return (position.generation, true, position),
                Next::Broken { .. } => return (position.generation, false, position),
            }
        }
    }

    #[test]
    fn every_prefix_holds_the_transactions_that_ended_before() {
        let (bytes, ends) = transactions(3);
        for length in (0..=bytes.len()).step_by(if cfg!(miri) { 37 } else { 1 }) {
            let whole = ends.iter().filter(|end| **end <= length as u64).count() as u64 - 1;
            let (found, clean, position) = count(&bytes[..length]);
            assert_eq!((found, clean), (whole, ends.contains(&(length as u64))), "length {length}");
            assert!(!has_later_transaction(&bytes[..length], 0, &position), "length {length}");
        }
    }

    #[test]
    fn a_flip_before_the_last_transaction_is_not_taken_for_a_torn_end() {
        let (mut bytes, ends) = transactions(3);
        for bit in (0..ends[2] as usize * 8).step_by(if cfg!(miri) { 211 } else { 1 }) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (found, _, position) = count(&bytes);
            assert!(found < 2, "bit {bit}");
            assert!(has_later_transaction(&bytes, 0, &position), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
