//! Compaction and rotation: a new file with what is live, in the place of the old one.
//!
//! Sealed payloads are copied byte for byte. A rotation wraps the object keys and the entries under a new root key;
//! PINs and object keys stay what they are.

use std::sync::Arc;

use super::Error;
use super::event::{EventText, Held, Tally};
use super::format::{HEADER_LENGTH, IDENTITY_LENGTH, PIN_STATE_LENGTH, PIN_STATE_OFFSET};
use super::keys::Keys;
use super::record::{Base, Parts, PutHead, Wrap, encode_put};
use super::recover::Slot;
use super::snapshot::Snapshot;
use super::types::{RecordId, Revision, TagBytes, Visibility};
use super::unlocked::Unlocked;
use super::view::read_body;
use super::write::Writing;
use crate::store;

impl Unlocked {
    /// Writes the live records into a new file and puts it in the place of the old one.
    ///
    /// Errors: [`Error::ReadOnly`], [`store::Error::NotReplaceable`] and those of [`Unlocked::commit`].
    pub fn compact(&self) -> Result<Revision, Error> {
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        self.write_snapshot(&writing, &keys, None)
    }

    /// Gives the token a new root key, in a new file: object keys are wrapped anew, payloads are copied as they are.
    /// Logins of all roles, here and elsewhere, go on; PINs stay the same. [`Error::NotAllowed`] for who does not open the
    /// objects.
    pub fn rotate_root(&self) -> Result<Revision, Error> {
        let writing = self.vault().begin()?;
        let keys = self.keys()?;
        let next = keys.next()?;
        let revision = self.write_snapshot(&writing, &keys, Some(&next))?;
        self.keys()?;
        Ok(revision)
    }

    /// The new file, under `next` if that is given.
    pub(super) fn write_snapshot(
        &self,
        writing: &Writing<'_>,
        keys: &Arc<Keys>,
        next: Option<&Keys>,
    ) -> Result<Revision, Error> {
        let wraps: Vec<Wrap> = writing.state(|state| state.wraps.values().cloned().collect());
        let wraps = match next {
            Some(next) => wraps.iter().map(|wrap| keys.rewrap(wrap, next)).collect::<Result<_, _>>()?,
            None => wraps,
        };
        self.write_selected(writing, keys, next, &wraps, |_| true)
    }

    /// The new file with these entries and those of the records that are to be kept.
    pub(super) fn write_selected(
        &self,
        writing: &Writing<'_>,
        keys: &Arc<Keys>,
        next: Option<&Keys>,
        wraps: &[Wrap],
        keep: impl Fn(&Slot) -> bool,
    ) -> Result<Revision, Error> {
        let image = &*writing.image;
        let mut header = vec![0; PIN_STATE_OFFSET + 2 * PIN_STATE_LENGTH];
        store::read_up_to(image, &mut header, 0)?;
        let identity = header.first_chunk::<IDENTITY_LENGTH>().ok_or(Error::NotOurs)?;
        let (base, info, mut slots) = writing.state(|state| {
            let base = Base {
                chain: state.position.chain,
                generation: state.position.generation,
                next_sequence: state.next_sequence,
                root_version: next.unwrap_or(keys).version(),
            };
            let kept = state.slots.iter().filter(|(_, slot)| keep(slot));
            let slots: Vec<_> = kept.map(|(id, slot)| (*id, slot.clone())).collect();
            (base, state.info.clone(), slots)
        });
        slots.sort_unstable_by_key(|(_, slot)| slot.sequence);
        let pin_state = header.get(PIN_STATE_OFFSET..).unwrap_or_default();
        let mut snapshot = Snapshot::begin(identity, *keys.instance(), pin_state, &base, &info)?;
        for wrap in wraps {
            snapshot.wrap(wrap)?;
        }
        self.keep_events(&mut snapshot, writing, keys, next)?;
        for (id, slot) in &slots {
            let body = read_body(image, &slot.place)?;
            let tag = self.known_tag(*id, slot.sequence);
            copy(&mut snapshot, *id, slot, &body, tag, keys, next)
                .transpose()?
                .ok_or(Error::Damaged { offset: slot.place.offset, what: "a sealed part does not verify" })?;
        }
        writing.replace(&snapshot.finish(next.unwrap_or(keys))?)
    }
}

impl Unlocked {
    /// Copies the events that are kept, under `next` if that is given.
    fn keep_events(
        &self,
        snapshot: &mut Snapshot,
        writing: &Writing<'_>,
        keys: &Keys,
        next: Option<&Keys>,
    ) -> Result<(), Error> {
        if let Some(next) = next {
            let (before, events) = self.held_events(writing, keys)?;
            return snapshot.events(next, before, events.into_iter().map(Ok));
        }
        let tally = writing.state(|state| state.tally);
        let records = read_events(writing, &tally)?;
        let held = Held::of(&records, self.vault().kept_events(&tally), &tally)?;
        snapshot.tally(&held.before)?;
        held.events.iter().try_for_each(|event| snapshot.copied_event(event.body))
    }

    /// The events that a compaction keeps, and the tally before them.
    pub(super) fn held_events(
        &self,
        writing: &Writing<'_>,
        keys: &Keys,
    ) -> Result<(Tally, Vec<EventText>), Error> {
        let tally = writing.state(|state| state.tally);
        let records = read_events(writing, &tally)?;
        let held = Held::of(&records, self.vault().kept_events(&tally), &tally)?;
        Ok((held.before, held.open(keys)?))
    }
}

/// The part of the file in which events stand, if there are any.
fn read_events(writing: &Writing<'_>, tally: &Tally) -> Result<Vec<u8>, Error> {
    if tally.count == 0 {
        return Ok(Vec::new());
    }
    let mut records = store::read_to_end(&*writing.image, HEADER_LENGTH as u64)?;
    let end = writing.position().offset.saturating_sub(HEADER_LENGTH as u64);
    records.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    Ok(records)
}

/// Copies one record; `Ok(None)` where it does not verify.
fn copy(
    snapshot: &mut Snapshot,
    id: RecordId,
    slot: &Slot,
    body: &[u8],
    known_tag: Option<TagBytes>,
    keys: &Keys,
    next: Option<&Keys>,
) -> Option<Result<(), Error>> {
    let private = slot.visibility() == Visibility::Private;
    let parts = PutHead::parse(body, private)?.parts(body)?;
    let tag: Vec<u8> = match known_tag {
        Some(tag) => tag.to_vec(),
        None if private && keys.open_objects() => {
            keys.open_tag(id, slot.sequence, parts.tag)?.as_bytes().into()
        }
        // It is copied as it is, and there will be no INDEX.
        None if private => Vec::new(),
        None => parts.tag.into(),
    };
    let renewed = match next {
        Some(next) if !parts.key.is_empty() => {
            let key = keys.open_object_key(id, parts.key)?.key;
            let sealed_tag = if private { next.seal_tag(id, slot.sequence, &tag) } else { Ok(tag.clone()) };
            match (next.seal_object_key(id, &key), sealed_tag) {
                (Ok(key), Ok(tag)) => Some((key, tag)),
                (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
            }
        }
        _ => None,
    };
    let parts = match &renewed {
        Some((key, tag)) => Parts { key, tag, ..parts },
        None => parts,
    };
    let body = encode_put(id, slot.sequence, 0, parts);
    Some(body.and_then(|body| snapshot.put(id.0, slot.sequence, tag, slot.flags, &body)))
}
