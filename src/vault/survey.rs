//! A look at every record of a file that may be damaged: which can be read, and which follow on what stands before them.
//! For naming what is wrong and for saving what is not; nothing here decides what a token contains. Pure.

use super::bytes::array_at;
use super::chain::{self, Hash};
use super::format::{CHAIN_LENGTH, FRAME_MAGIC, HEAD_LENGTH, HEADER_LENGTH, Head, IDENTITY_LENGTH, Kind};
use super::record::Commit;
use super::scan::{CommitSeal, frame_at};
use super::types::RecordName;

/// A record that can be read, right or not.
pub(super) struct Sighted<'a> {
    pub(super) name: RecordName,
    pub(super) head: Head,
    pub(super) body: &'a [u8],
    /// The chain value that stands before it.
    previous: Hash,
    /// Its own chain value follows from that and from what it holds.
    pub(super) linked: bool,
}

impl Sighted<'_> {
    /// The COMMIT that this is, with what its code covers.
    pub(super) fn seal(&self) -> Option<CommitSeal> {
        if self.head.kind != Kind::Commit {
            return None;
        }
        Some(CommitSeal {
            generation: self.head.generation,
            offset: self.name.offset,
            chain_before: self.previous,
            head: self.head,
            commit: Commit::parse(self.body)?,
        })
    }
}

/// A stretch of the file.
pub(super) enum Piece<'a> {
    Record(Sighted<'a>),
    /// No record begins here; counted as one.
    Unreadable(RecordName),
}

impl Piece<'_> {
    pub(super) fn name(&self) -> RecordName {
        match self {
            Self::Record(record) => record.name,
            Self::Unreadable(name) => *name,
        }
    }
}

/// Everything behind the header.
pub(super) fn pieces(contents: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = HEADER_LENGTH;
    // A hostile file may be full of overlapping beginnings of records; more work than this means that it is one.
    let mut budget = contents.len().saturating_mul(4).saturating_add(1 << 20);
    while at < contents.len() {
        let number = pieces.len() as u64 + 1;
        match record_at(contents, at, number, &mut budget) {
            Some((record, length)) => {
                pieces.push(Piece::Record(record));
                at += length;
            }
            None => {
                let name = RecordName { number, offset: at as u64, kind: "unreadable" };
                pieces.push(Piece::Unreadable(name));
                at += 1;
                while at < contents.len() && record_at(contents, at, number, &mut budget).is_none() {
                    at = next_magic(contents, at + 1);
                }
            }
        }
    }
    pieces
}

/// The record at `at` and its length. One that does not follow on what stands before it is only believed to be a record
/// if another one or the end comes after it.
fn record_at<'a>(
    contents: &'a [u8],
    at: usize,
    number: u64,
    budget: &mut usize,
) -> Option<(Sighted<'a>, usize)> {
    let (head, frame) = frame_at(contents, at)?;
    *budget = budget.checked_sub(frame.len())?;
    let previous = match at {
        HEADER_LENGTH => chain::genesis(contents.first_chunk::<IDENTITY_LENGTH>()?),
        _ => array_at::<CHAIN_LENGTH>(contents, at - CHAIN_LENGTH)?,
    };
    let (signed, stored) = frame.split_at_checked(frame.len() - CHAIN_LENGTH)?;
    let linked = chain::next(&previous, &chain::digest(signed)) == *stored;
    let rest = contents.get(at + frame.len()..)?;
    if !linked && !rest.is_empty() && !rest.starts_with(FRAME_MAGIC) {
        return None;
    }
    let name = RecordName { number, offset: at as u64, kind: head.kind.name() };
    let body = signed.get(HEAD_LENGTH..)?;
    Some((Sighted { name, head, body, previous, linked }, frame.len()))
}

/// Where the next record may begin, from `from` on; the end of the file if nowhere.
fn next_magic(contents: &[u8], from: usize) -> usize {
    let rest = contents.get(from..).unwrap_or_default();
    let found = rest.windows(FRAME_MAGIC.len()).position(|window| window == FRAME_MAGIC);
    found.map_or(contents.len(), |found| from + found)
}

/// The record that the byte at `offset` belongs to; `None` for the header.
pub fn record_at_offset(contents: &[u8], offset: u64) -> Option<RecordName> {
    let pieces = pieces(contents);
    let names = pieces.iter().map(Piece::name);
    let found = names.take_while(|name| name.offset <= offset).last();
    // Behind the last record, where nothing stands at all.
    let end = offset >= HEADER_LENGTH as u64 && offset >= contents.len() as u64;
    if end { Some(RecordName { number: pieces.len() as u64 + 1, offset, kind: "missing" }) } else { found }
}
