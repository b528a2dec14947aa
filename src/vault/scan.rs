//! Transactions in a row of bytes: whole, torn or damaged. Pure; knows frames and the chain, not what records mean.

use super::bytes::{array_at, slice_at};
use super::chain::{self, Hash};
use super::format::{CHAIN_LENGTH, FLAG_AUTHENTICATED, FRAME_MAGIC, HEAD_LENGTH, Head, Kind};
use super::record::Commit;
use crate::reserve;

/// A record whose chain value verified.
pub(super) struct Frame<'a> {
    pub(super) head: Head,
    /// Bytes from the beginning of the file.
    pub(super) offset: u64,
    pub(super) body: &'a [u8],
    pub(super) digest: Hash,
}

/// A whole transaction.
pub(super) struct Transaction<'a> {
    pub(super) generation: u64,
    pub(super) offset: u64,
    /// Where the next one begins.
    pub(super) end: u64,
    /// Without the COMMIT.
    pub(super) records: Vec<Frame<'a>>,
    pub(super) commit: CommitSeal,
    /// The chain value after it.
    pub(super) chain: Hash,
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

/// Reads the transaction at `position`. `bytes` are those of the file from offset `start` to its end. With `generation`
/// `None` the generation is taken from the first record (the first transaction of a file).
pub(super) fn next<'a>(
    bytes: &'a [u8],
    start: u64,
    position: &Position,
    generation: Option<u64>,
) -> Next<'a> {
    let Some(mut at) = position.offset.checked_sub(start).and_then(|at| usize::try_from(at).ok()) else {
        return Next::Broken { offset: position.offset, what: "the file has become shorter" };
    };
    if at == bytes.len() {
        return Next::End;
    }
    let mut generation = generation;
    let mut chain = position.chain;
    let mut records = Vec::new();
    loop {
        let offset = start + at as u64;
        let broken = |what| Next::Broken { offset, what };
        if at == bytes.len() {
            return broken("the file ends in the middle of a transaction");
        }
        let Some((head, frame)) = frame_at(bytes, at) else {
            return broken("it is no record, or the file ends in it");
        };
        let expected = *generation.get_or_insert(head.generation);
        let (Some(signed), Some(stored)) =
            (frame.get(..frame.len() - CHAIN_LENGTH), frame.last_chunk::<CHAIN_LENGTH>())
        else {
            return broken("it is no record, or the file ends in it");
        };
        let digest = chain::digest(signed);
        let after = chain::next(&chain, &digest);
        if head.generation != expected || head.index as usize != records.len() {
            return broken("it is not in its place: records before it were moved, taken out or put in");
        }
        if after != *stored {
            return broken("it was changed, or does not follow on the record before it");
        }
        let body = signed.get(HEAD_LENGTH..).unwrap_or_default();
        at += frame.len();
        if head.kind != Kind::Commit {
            reserve::check();
            reserve::need(records.try_reserve(1));
            records.push(Frame { head, offset, body, digest });
            chain = after;
            continue;
        }
        let Some(commit) = Commit::parse(body).filter(|commit| commit.count as usize == records.len()) else {
            return broken("it does not count the records of its transaction rightly");
        };
        let seal = CommitSeal { generation: expected, offset, chain_before: chain, head, commit };
        return Next::Transaction(Transaction {
            generation: expected,
            offset: position.offset,
            end: start + at as u64,
            records,
            commit: seal,
            chain: after,
        });
    }
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
        loop {
            match next(bytes, 0, &position, Some(position.generation + 1)) {
                Next::Transaction(found) => {
                    position =
                        Position { offset: found.end, generation: found.generation, chain: found.chain };
                }
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
