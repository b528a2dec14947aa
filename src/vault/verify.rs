//! The thorough check: every authentication code of the chain, and every sealed part of every live record where the keys
//! open the objects.

use std::sync::Arc;

use super::bytes::slice_at;
use super::chain;
use super::event::Held;
use super::format::{FLAG_PRIVATE, HEAD_LENGTH, HEADER_LENGTH, IDENTITY_LENGTH, Kind};
use super::keys::{Keys, Part};
use super::record::{PutHead, Wrap};
use super::recover::{Place, State, recover};
use super::scan::{self, Next, Position, Transaction};
use super::source::Whole;
use super::survey::{Piece, pieces};
use super::types::{Checked, Entry};
use super::unlocked::Unlocked;
use super::{Error, Vault, encoding};
use crate::secret::Secret;
use crate::store;

impl Vault {
    /// Checks a PIN, with counting as in [`Vault::login`], and verifies everything in the file with the keys that it opens.
    /// `progress` is told how many of how many steps are done.
    ///
    /// Errors: those of [`Vault::login`]; [`Error::Damaged`] and [`Error::Tampered`] name the offset of the first record
    /// that is wrong.
    pub fn verify(
        &self,
        entry: Entry,
        pin: &Secret,
        progress: impl FnMut(u64, u64),
    ) -> Result<Checked, Error> {
        let (_, keys) = self.authenticate(entry, pin)?;
        let image = Arc::clone(&self.view.read().image);
        check(&store::read_to_end(&*image, 0)?, &keys, progress)
    }
}

impl Unlocked {
    /// Reads the file again, whole, and verifies everything in it, as [`Vault::verify`] does.
    pub fn verify(&self, progress: impl FnMut(u64, u64)) -> Result<Checked, Error> {
        let (image, base) = {
            let view = self.vault().view.read();
            (Arc::clone(&view.image), view.state.base)
        };
        let keys = self.keys()?;
        if keys.version() != base.root_version {
            return Err(Error::KeysChanged);
        }
        check(&store::read_to_end(&*image, 0)?, &keys, progress)
    }
}

fn check(contents: &[u8], keys: &Keys, mut progress: impl FnMut(u64, u64)) -> Result<Checked, Error> {
    let recovered = recover(contents)?;
    let state = recovered.state;
    let (transactions, records) = check_codes(contents, state.position.offset, keys)?;
    let mut slots: Vec<_> = state.slots.iter().collect();
    slots.sort_unstable_by_key(|(_, slot)| slot.place.offset);
    let objects = slots.len() as u64;
    let mut tags = Vec::new();
    for ((_, slot), done) in slots.iter().zip(1..) {
        let body = body_at(contents, &slot.place)?;
        match opens(keys, body, slot.flags) {
            Some(tag) => tags.push(tag),
            None if !keys.open_objects() => {}
            None => return Err(Error::Damaged { offset: slot.place.offset, what: SEALS }),
        }
        progress(done, objects);
    }
    check_entries(contents, &state, keys)?;
    check_events(contents, &state, keys)?;
    if let Some(place) = state.index.filter(|_| keys.open_objects()) {
        keys.open_index(state.first_generation, body_at(contents, &place)?)
            .and_then(|plaintext| encoding::decode_index(&plaintext, |_| {}))
            .ok_or(Error::Damaged { offset: place.offset, what: "the INDEX does not open" })?;
    }
    Ok(Checked { records, transactions, objects, tags, notes: recovered.notes })
}

/// Whether every entry is one that a holder of the keys has made, so that it opens and outlives a rotation. (The SO of a separated
/// token, who writes with a valid code, could put others there.)
fn check_entries(contents: &[u8], state: &State, keys: &Keys) -> Result<(), Error> {
    for wrap in state.wraps.values() {
        match keys.closer(wrap) {
            Ok(Some(_)) | Err(Error::NotAllowed) => {}
            Ok(None) => {
                let is_it = |piece: &Piece<'_>| match piece {
                    Piece::Record(record) => {
                        record.head.kind == Kind::Wrap && Wrap::parse(record.body).as_ref() == Some(wrap)
                    }
                    Piece::Unreadable(_) => false,
                };
                let offset = pieces(contents)
                    .iter()
                    .rfind(|piece| is_it(piece))
                    .map_or(0, |piece| piece.name().offset);
                return Err(Error::Damaged {
                    offset,
                    what: "the entry of a role was not made with the keys",
                });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens every event that is in the file.
fn check_events(contents: &[u8], state: &State, keys: &Keys) -> Result<(), Error> {
    let end = usize::try_from(state.position.offset).unwrap_or(usize::MAX);
    let records = contents.get(HEADER_LENGTH..end.min(contents.len())).unwrap_or_default();
    Held::of(records, 1, &state.tally)?.open(keys).map(|_| ())
}

const SEALS: &str = "its sealed parts do not open: it was changed, or belongs to another token";

/// The body of a record that was read before, and whose digest is that of its place therefore.
fn body_at<'a>(contents: &'a [u8], place: &Place) -> Result<&'a [u8], Error> {
    let start = usize::try_from(place.offset).ok().and_then(|offset| offset.checked_add(HEAD_LENGTH));
    start
        .and_then(|start| slice_at(contents, start, place.body_length as usize))
        .ok_or(Error::Damaged { offset: place.offset, what: "the file has become shorter" })
}

/// The tag of a PUT, if it and every other sealed part opens.
fn opens(keys: &Keys, body: &[u8], flags: u8) -> Option<Vec<u8>> {
    let private = flags & FLAG_PRIVATE != 0;
    let put = PutHead::parse(body, private)?;
    let parts = put.parts(body)?;
    let tag = if private {
        keys.open_tag(put.id, put.sequence, parts.tag)?.as_bytes().to_vec()
    } else {
        parts.tag.to_vec()
    };
    if !parts.key.is_empty() {
        let key = keys.open_object_key(put.id, parts.key)?;
        if private {
            key.open(Part::Metadata, parts.metadata)?;
        }
        if put.secret_length > 0 {
            key.open(Part::Secret, parts.secret)?;
        }
    }
    Some(tag)
}

/// Verifies every COMMIT that claims to be authenticated, up to `end`. Returns the numbers of transactions and records.
fn check_codes(contents: &[u8], end: u64, keys: &Keys) -> Result<(u64, u64), Error> {
    let block = contents.first_chunk::<IDENTITY_LENGTH>().ok_or(Error::NotOurs)?;
    let offset = HEADER_LENGTH as u64;
    let mut position = Position { offset, generation: 0, chain: chain::genesis(block) };
    let mut generation = None;
    let (mut transactions, mut records) = (0, 0);
    let (mut source, mut marks) = (Whole { bytes: contents, start: 0 }, Vec::new());
    while position.offset < end {
        let Next::Transaction(found) = scan::next(&mut source, &position, generation, &mut marks)? else {
            return Err(Error::Damaged { offset: position.offset, what: "a record does not verify" });
        };
        if found.commit.authenticated() && !keys.verifies(&found.commit) {
            return Err(first_bad(&found, keys));
        }
        transactions += 1;
        records += found.len() as u64 + 1;
        generation = found.generation.checked_add(1);
        position = found.after;
    }
    Ok((transactions, records))
}

/// What is wrong with a transaction whose code does not verify: a record that can be seen to be none of this token's, else
/// its COMMIT.
fn first_bad(transaction: &Transaction<'_>, keys: &Keys) -> Error {
    let puts = transaction.records().filter(|frame| frame.head.kind == Kind::Put);
    let mut bad =
        puts.filter(|frame| keys.open_objects() && opens(keys, frame.body, frame.head.flags).is_none());
    match bad.next() {
        Some(frame) => Error::Damaged { offset: frame.offset, what: SEALS },
        None => Error::Tampered { offset: transaction.commit.offset },
    }
}
