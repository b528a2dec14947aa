//! What a whole transaction has to obey, so that a file whose keyless chain is right holds together as well.

use std::collections::HashSet;

use super::Error;
use super::event::Sealed;
use super::format::{FLAG_PRIVATE, Kind};
use super::record::{Holds, PutHead, Wrap, parse_delete, parse_end};
use super::recover::{Place, Slot, State, damaged};
use super::scan::{Frame, Transaction};
use super::types::{MAXIMUM_INFO, RecordId};
use crate::reserve;

impl State {
    /// The rules that every transaction but the first obeys. Who breaks one has written with a correct keyless
    /// chain, so this is damage wherever it stands.
    pub(super) fn check(
        &self,
        transaction: &Transaction<'_>,
        seen: &mut HashSet<RecordId>,
    ) -> Result<(), Error> {
        let authenticated = transaction.commit.authenticated();
        let commit = &transaction.commit.commit;
        if commit.root_version != self.base.root_version || (!authenticated && commit.code != [0; 32]) {
            return Err(damaged(transaction.commit.offset, "a COMMIT does not fit the file"));
        }
        if transaction.len() == 0 {
            return Err(damaged(transaction.offset, "a transaction is empty"));
        }
        let (mut sequence, mut events) = (self.next_sequence, self.tally.count);
        seen.clear();
        seen.try_reserve(transaction.len()).map_err(|_| Error::TooLarge)?;
        for frame in transaction.records() {
            reserve::check();
            let wrong = |what| Err(damaged(frame.offset, what));
            match frame.head.kind {
                Kind::Put => {
                    let (put, slot) = parse_put(&frame)?;
                    let present = self.slots.get(&put.id);
                    let marked = !slot.authenticated();
                    if put.sequence != sequence || !seen.insert(put.id) {
                        return wrong("a record is out of its sequence");
                    }
                    sequence = sequence.saturating_add(1);
                    if put.replaces != present.map_or(0, |present| present.sequence) {
                        return wrong("a record replaces another version than the present one");
                    }
                    // A mark is never lost, and only an addition without keys brings a new one in.
                    let expected = present.map_or(!authenticated, |present| !present.authenticated());
                    if marked != expected {
                        return wrong("a record is not marked as it must be");
                    }
                    if !authenticated && (present.is_some() || put.key_length > 0) {
                        return wrong("a change was made that needs the keys, without them");
                    }
                }
                Kind::Delete => {
                    let Some((id, version)) = parse_delete(frame.body) else {
                        return wrong("a DEL is malformed");
                    };
                    let present = self.slots.get(&id).map(|slot| slot.sequence);
                    if present != Some(version) || !seen.insert(id) {
                        return wrong("a deleted record does not exist");
                    }
                    if !authenticated {
                        return wrong("a change was made that needs the keys, without them");
                    }
                }
                Kind::Wrap | Kind::Info => {
                    if !authenticated {
                        return wrong("a change was made that needs the keys, without them");
                    }
                    let sound = match frame.head.kind {
                        Kind::Wrap => self.accepts(frame.body),
                        _ => frame.body.len() <= MAXIMUM_INFO,
                    };
                    if !sound {
                        return wrong("an entry or the token information is malformed");
                    }
                }
                Kind::Event => {
                    if !authenticated {
                        return wrong("an event was written without the keys");
                    }
                    checked_event(&frame, events)?;
                    events = events.saturating_add(1);
                }
                Kind::Base | Kind::Index | Kind::Commit | Kind::Tally => {
                    return wrong("a record of this kind belongs into the first transaction only");
                }
            }
        }
        Ok(())
    }

    /// Whether this is the body of a WRAP that fits the file. One that ends an entry names one that is there.
    pub(super) fn accepts(&self, body: &[u8]) -> bool {
        if let Some((entry, version)) = parse_end(body) {
            return version == self.base.root_version && self.wraps.contains_key(&entry);
        }
        let separated = self.identity.separated;
        Wrap::parse(body).is_some_and(|wrap| {
            wrap.root_version == self.base.root_version && (separated || wrap.holds == Holds::Root)
        })
    }
}

/// An EVENT, which has the next number.
pub(super) fn checked_event<'a>(frame: &Frame<'a>, before: u64) -> Result<Sealed<'a>, Error> {
    match Sealed::parse(frame.body) {
        Some(event) if Some(event.number) == before.checked_add(1) => Ok(event),
        Some(_) => Err(damaged(frame.offset, "an event is out of its sequence")),
        None => Err(damaged(frame.offset, "an EVENT is malformed")),
    }
}

pub(super) fn parse_put(frame: &Frame<'_>) -> Result<(PutHead, Slot), Error> {
    let private = frame.head.flags & FLAG_PRIVATE != 0;
    let malformed = damaged(frame.offset, "a PUT is malformed");
    let Some(put) = PutHead::parse(frame.body, private) else { return Err(malformed) };
    let Some(parts) = put.parts(frame.body) else { return Err(malformed) };
    let slot = Slot {
        place: Place::of(frame),
        sequence: put.sequence,
        flags: frame.head.flags,
        has_secret: put.secret_length > 0,
        tag: (!private).then(|| parts.tag.into()),
    };
    Ok((put, slot))
}
