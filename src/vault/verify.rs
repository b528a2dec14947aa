//! The thorough check: every authentication code of the chain, every sealed part of every live record.

use std::sync::Arc;

use super::chain;
use super::format::{HEADER_LENGTH, IDENTITY_LENGTH};
use super::keys::{Keys, Part};
use super::recover::{Slot, recover};
use super::scan::{self, Next, Position};
use super::types::{RecordId, Visibility};
use super::unlocked::{Unlocked, open_parts};
use super::{Error, encoding};
use crate::store;

impl Unlocked {
    /// Reads the file again, whole, and verifies everything in it. `progress` is told how many of how many steps are
    /// done.
    ///
    /// Errors: [`Error::Damaged`] and [`Error::Tampered`] name the offset of the first record that is wrong.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64)) -> Result<(), Error> {
        let (image, base) = {
            let view = self.vault().view.read();
            (Arc::clone(&view.image), view.state.base)
        };
        let keys = self.keys()?;
        if keys.version() != base.root_version {
            return Err(Error::KeysChanged);
        }
        let contents = store::read_to_end(&*image, 0)?;
        let state = recover(&contents)?.state;
        verify_codes(&contents, state.position.offset, &keys)?;

        let mut slots: Vec<(RecordId, Slot)> = state.slots.into_iter().collect();
        slots.sort_unstable_by_key(|(_, slot)| slot.place.offset);
        let total = slots.len() as u64;
        for ((id, slot), done) in slots.iter().zip(1..) {
            open_parts(&*image, slot, |put, parts| {
                let private = slot.visibility() == Visibility::Private;
                if private {
                    keys.open_tag(*id, slot.sequence, parts.tag)?;
                }
                if private || slot.has_secret {
                    let key = keys.open_object_key(*id, parts.key)?;
                    if private {
                        key.open(Part::Metadata, parts.metadata)?;
                    }
                    if put.secret_length > 0 {
                        key.open(Part::Secret, parts.secret)?;
                    }
                }
                Some(())
            })?;
            progress(done, total);
        }
        if let Some(place) = state.index {
            let body = super::view::read_body(&*image, &place)?;
            keys.open_index(state.first_generation, &body)
                .and_then(|plaintext| encoding::decode_index(&plaintext))
                .ok_or(Error::Damaged { offset: place.offset, what: "the INDEX does not open" })?;
        }
        Ok(())
    }
}

/// Every COMMIT that claims to be authenticated, up to `end`.
fn verify_codes(contents: &[u8], end: u64, keys: &Keys) -> Result<(), Error> {
    let block = contents.first_chunk::<IDENTITY_LENGTH>().ok_or(Error::NotOurs)?;
    let offset = HEADER_LENGTH as u64;
    let mut position = Position { offset, generation: 0, chain: chain::genesis(block) };
    let mut generation = None;
    while position.offset < end {
        let Next::Transaction(found) = scan::next(contents, 0, &position, generation) else {
            return Err(Error::Damaged { offset: position.offset, what: "a record does not verify" });
        };
        if found.commit.authenticated() && !keys.verifies(&found.commit) {
            return Err(Error::Tampered { offset: found.commit.offset });
        }
        generation = found.generation.checked_add(1);
        position = Position { offset: found.end, generation: found.generation, chain: found.chain };
    }
    Ok(())
}
