//! Events: what the layer above wants to be remembered together with a change, numbered and chained for the life of the
//! token, whatever becomes of the file. Only their number and the head of their chain are kept in memory.
//!
//! The digest of an event stands in the open and is the same for ever, so that the chain outlives a new root key, and so
//! that a copy of an event can be compared with the token without its keys. Every event begins with random bytes,
//! therefore: nobody can guess at what stands behind a digest.

use super::bytes::Reader;
use super::chain::{Hash, sha256};
use super::format::{HEAD_LENGTH, Kind};
use super::keys::Keys;
use super::scan;
use super::types::MAXIMUM_EVENT;
use super::{Error, random, seal};

/// So many random bytes stand before the text of an event.
const BLIND_LENGTH: usize = 16;
/// Number and digest, which stand before the sealed event.
const OPEN_LENGTH: usize = 8 + 32;

/// An event as it is sealed into the token: random bytes, then the text of the layer above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventText(Vec<u8>);

impl EventText {
    /// An event with this text. Errors: [`Error::TooLarge`] above [`MAXIMUM_EVENT`] bytes, [`Error::NoRandom`].
    pub fn new(text: &[u8]) -> Result<Self, Error> {
        if text.len() > MAXIMUM_EVENT {
            return Err(Error::TooLarge);
        }
        let mut bytes = Vec::with_capacity(BLIND_LENGTH + text.len());
        bytes.extend_from_slice(&random::bytes::<BLIND_LENGTH>()?);
        bytes.extend_from_slice(text);
        Ok(Self(bytes))
    }

    /// An event from what [`EventText::as_bytes`] gave; `None` for what cannot be one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let length = BLIND_LENGTH..=BLIND_LENGTH + MAXIMUM_EVENT;
        length.contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// The random bytes and the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text alone.
    pub fn text(&self) -> &[u8] {
        self.0.get(BLIND_LENGTH..).unwrap_or_default()
    }
}

/// How many events there have been in the life of the token, and the head of the chain over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of the last event; they count from 1.
    pub count: u64,
    /// Zeros before the first one.
    pub head: [u8; 32],
}

impl Tally {
    /// The tally after one more event.
    #[must_use]
    pub fn after(&self, event: &EventText) -> Self {
        let count = self.count.saturating_add(1);
        self.after_digest(&digest(count, event))
    }

    pub(super) fn after_digest(&self, digest: &Hash) -> Self {
        let head = sha256(&[b"coffer event chain v1", &self.head, digest]);
        Self { count: self.count.saturating_add(1), head }
    }

    /// The body of a TALLY.
    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.count.to_le_bytes()[..], &self.head].concat()
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let tally = Self { count: reader.u64()?, head: reader.array()? };
        reader.end()?;
        Some(tally)
    }
}

fn digest(number: u64, event: &EventText) -> Hash {
    sha256(&[b"coffer event v1", &number.to_le_bytes(), &event.0])
}

/// The body of an EVENT.
pub(super) struct Sealed<'a> {
    pub(super) number: u64,
    pub(super) digest: Hash,
    sealed: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (number, digest) = (reader.u64()?, reader.array()?);
        let sealed = reader.rest();
        let least = seal::OVERHEAD + BLIND_LENGTH;
        let sound = number > 0 && (least..=least + MAXIMUM_EVENT).contains(&sealed.len());
        sound.then_some(Self { number, digest, sealed, body })
    }

    /// The event; `None` where it does not open or is another one than its digest says.
    pub(super) fn open(&self, keys: &Keys) -> Option<EventText> {
        let opened = keys.open_event(self.number, &self.digest, self.sealed)?;
        let event = EventText::from_bytes(opened.as_bytes())?;
        (digest(self.number, &event) == self.digest).then_some(event)
    }
}

/// Makes the body of the EVENT that follows on `before`, and the tally after it.
pub(super) fn seal_event(keys: &Keys, before: &Tally, event: &EventText) -> Result<(Vec<u8>, Tally), Error> {
    let number = before.count.checked_add(1).ok_or(Error::TooLarge)?;
    let digest = digest(number, event);
    let sealed = keys.seal_event(number, &digest, &event.0)?;
    let mut body = Vec::with_capacity(OPEN_LENGTH + sealed.len());
    body.extend_from_slice(&number.to_le_bytes());
    body.extend_from_slice(&digest);
    body.extend_from_slice(&sealed);
    Ok((body, before.after_digest(&digest)))
}

/// The events from number `keep` on that stand in a file, and the tally before them.
pub(super) struct Held<'a> {
    pub(super) before: Tally,
    pub(super) events: Vec<Sealed<'a>>,
}

impl<'a> Held<'a> {
    /// `records`: a file behind its header, whose chain was verified and after which the tally is `after`.
    pub(super) fn of(records: &'a [u8], keep: u64, after: &Tally) -> Result<Self, Error> {
        let mut held = Self { before: Tally::default(), events: Vec::new() };
        let mut tally = Tally::default();
        let mut at = 0;
        while let Some((head, frame)) = scan::frame_at(records, at) {
            at += frame.len();
            let body = frame.get(HEAD_LENGTH..HEAD_LENGTH + head.body_length as usize).unwrap_or_default();
            match head.kind {
                Kind::Tally => tally = Tally::parse(body).unwrap_or_default(),
                Kind::Event => {
                    let Some(event) = Sealed::parse(body) else { break };
                    tally = tally.after_digest(&event.digest);
                    if event.number >= keep {
                        held.events.push(event);
                        continue;
                    }
                }
                _ => continue,
            }
            held.before = tally;
        }
        let changed = Error::Damaged { offset: 0, what: "the events have changed since they were verified" };
        if tally == *after { Ok(held) } else { Err(changed) }
    }

    /// The events themselves.
    pub(super) fn open(&self, keys: &Keys) -> Result<Vec<EventText>, Error> {
        let sealed = Error::Damaged { offset: 0, what: "an event does not open" };
        self.events.iter().map(|event| event.open(keys).ok_or_else(|| sealed.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_opens_under_its_number_only_and_chains_as_a_copy_of_it_does() {
        let realm = crate::vault::keys::Realm { instance: [3; 16], separated: false };
        let keys = Keys::random(1, realm).unwrap();
        let event = EventText::new(b"a key was made").unwrap();
        let (body, tally) = seal_event(&keys, &Tally::default(), &event).unwrap();
        let sealed = Sealed::parse(&body).unwrap();
        assert_eq!(sealed.open(&keys), Some(event.clone()));
        assert_eq!(tally, Tally::default().after(&event));
        assert_eq!(Tally::parse(&tally.encode()), Some(tally));
        for at in (0..body.len()).step_by(if cfg!(miri) { 7 } else { 1 }) {
            let mut changed = body.clone();
            changed[at] ^= 1;
            let opened = Sealed::parse(&changed).and_then(|sealed| sealed.open(&keys));
            assert_eq!(opened, None, "byte {at}");
        }
        assert!(EventText::new(&[0; MAXIMUM_EVENT + 1]).is_err());
    }
}
