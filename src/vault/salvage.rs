//! What can be saved from a damaged file, by who knows a PIN. Pure: the file is not touched.
//!
//! Three things speak for a record. A COMMIT whose code verifies proves all that is linked to it by the chain, up to the
//! last break before it. Behind a break, a private record still proves itself: tag, metadata and secret are sealed for its
//! id, but nothing tells whether it is the latest version or was deleted since. A public record behind a break is only
//! as good as one that was added without a login.

use std::collections::HashMap;

use super::bytes::array_at;
use super::format::{FLAG_PRIVATE, FLAG_UNAUTHENTICATED, Kind};
use super::keys::{Keys, Part, pin_key};
use super::record::{Parts, PutHead, Wrap, parse_delete};
use super::survey::{Piece, Sighted, pieces};
use super::types::{Entry, MAXIMUM_INFO, Options, Put, RecordId, RecordName, SecretPart, Visibility};
use super::{Error, format};
use crate::secret::Secret;

/// How well a saved record is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// By nothing but the keyless chain.
    Unauthenticated,
    /// By its own seals: it is genuine, but perhaps an old version, or deleted since.
    Sealed,
    /// By the authentication code of a COMMIT.
    Verified,
}

/// A record that was saved.
pub struct Saved {
    pub put: Put,
    pub proof: Proof,
    sequence: u64,
}

/// A record that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    pub record: RecordName,
    pub why: &'static str,
    /// Which version of which record it is, where that can be read.
    version: Option<(RecordId, u64)>,
}

/// What [`salvage`] has found.
pub struct Salvage {
    /// The token information, if it was found.
    pub info: Option<Vec<u8>>,
    pub records: Vec<Saved>,
    pub lost: Vec<Lost>,
}

/// Saves what verifies from the contents of a file.
///
/// Errors: [`Error::NotOurs`], [`Error::NotInitialised`] (no entry of this role is left), [`Error::PinIncorrect`] (none
/// opens with the PIN), [`Error::KdfRefused`].
pub fn salvage(contents: &[u8], entry: Entry, pin: &Secret, options: &Options) -> Result<Salvage, Error> {
    if !contents.starts_with(format::MAGIC) {
        return Err(Error::NotOurs);
    }
    let instance = array_at::<16>(contents, format::INSTANCE_OFFSET).ok_or(Error::NotOurs)?;
    let pieces = pieces(contents);
    let keys = unlock(&pieces, entry, pin, instance, options)?;
    let covered = covered(&pieces, &keys);
    let mut found = Finding { keys: &keys, info: None, records: HashMap::new(), lost: Vec::new() };
    for (piece, covered) in pieces.iter().zip(covered) {
        match piece {
            Piece::Record(record) => found.take(record, covered),
            Piece::Unreadable(name) => found.lose(*name, "no record can be read here", None),
        }
    }
    Ok(found.finish())
}

/// The keys, by the last entry of the role that opens.
fn unlock(
    pieces: &[Piece<'_>],
    entry: Entry,
    pin: &Secret,
    instance: [u8; 16],
    options: &Options,
) -> Result<Keys, Error> {
    let mut outcome = Error::NotInitialised;
    for piece in pieces.iter().rev() {
        let Piece::Record(record) = piece else { continue };
        if record.head.kind != Kind::Wrap {
            continue;
        }
        let Some(wrap) = Wrap::parse(record.body).filter(|wrap| wrap.entry == entry.number()) else {
            continue;
        };
        let key = wrap.kdf().ok_or(Error::KdfRefused).and_then(|kdf| pin_key(pin, &wrap.salt, kdf, options));
        match key.map(|key| Keys::unwrap(&wrap, &key, instance)) {
            Ok(Some(keys)) => return Ok(keys),
            Ok(None) => outcome = Error::PinIncorrect,
            Err(error) if outcome == Error::NotInitialised => outcome = error,
            Err(_) => {}
        }
    }
    Err(outcome)
}

/// For each piece whether the code of a COMMIT proves it: its own, or that of a later one with no break in between.
fn covered(pieces: &[Piece<'_>], keys: &Keys) -> Vec<bool> {
    let mut trusted = false;
    let mut covered: Vec<bool> = pieces
        .iter()
        .rev()
        .map(|piece| {
            trusted = match piece {
                Piece::Unreadable(_) => false,
                Piece::Record(record) => {
                    record.seal().is_some_and(|seal| keys.verifies(&seal)) || (trusted && record.linked)
                }
            };
            trusted
        })
        .collect();
    covered.reverse();
    covered
}

struct Finding<'a> {
    keys: &'a Keys,
    info: Option<(Vec<u8>, bool)>,
    records: HashMap<RecordId, Saved>,
    lost: Vec<Lost>,
}

impl Finding<'_> {
    fn lose(&mut self, record: RecordName, why: &'static str, version: Option<(RecordId, u64)>) {
        self.lost.push(Lost { record, why, version });
    }

    fn take(&mut self, record: &Sighted<'_>, covered: bool) {
        match record.head.kind {
            Kind::Put => self.take_put(record, covered),
            Kind::Delete => match parse_delete(record.body) {
                Some((id, sequence)) if covered => {
                    self.records.retain(|held, saved| *held != id || saved.sequence > sequence);
                }
                _ => self.lose(record.name, "nothing proves this deletion; it was not carried out", None),
            },
            Kind::Info => self.take_info(record, covered),
            _ if !record.linked => self.lose(record.name, CHANGED, None),
            _ => {}
        }
    }

    fn take_info(&mut self, record: &Sighted<'_>, covered: bool) {
        if !record.linked || record.body.len() > MAXIMUM_INFO {
            return self.lose(record.name, CHANGED, None);
        }
        if covered || self.info.as_ref().is_none_or(|(_, proven)| !proven) {
            self.info = Some((record.body.to_vec(), covered));
        }
    }

    fn take_put(&mut self, record: &Sighted<'_>, covered: bool) {
        let private = record.head.flags & FLAG_PRIVATE != 0;
        let put = PutHead::parse(record.body, private);
        let Some((put, parts)) = put.and_then(|put| Some((put, put.parts(record.body)?))) else {
            return self.lose(record.name, "it is malformed", None);
        };
        let version = Some((put.id, put.sequence));
        let marked = record.head.flags & FLAG_UNAUTHENTICATED != 0;
        let sealed = private || put.secret_length > 0;
        let proof = match (marked, covered) {
            (false, true) => Proof::Verified,
            (_, false) if private => Proof::Sealed,
            (_, false) if sealed => return self.lose(record.name, "nothing proves its attributes", version),
            (_, false) if !record.linked => return self.lose(record.name, CHANGED, version),
            _ => Proof::Unauthenticated,
        };
        let Some(opened) = open(self.keys, &put, parts, private) else {
            return self.lose(record.name, "its sealed parts do not open", version);
        };
        // What nothing proves takes the place of nothing; else the later version counts.
        let newer = self.records.get(&put.id).is_none_or(|held| match proof {
            Proof::Unauthenticated => false,
            _ => held.sequence < put.sequence || held.proof == Proof::Unauthenticated,
        });
        if newer {
            self.records.insert(put.id, Saved { put: opened, proof, sequence: put.sequence });
        }
    }

    fn finish(self) -> Salvage {
        let held = &self.records;
        // A version that was replaced anyway is no loss.
        let replaced = |lost: &Lost| {
            lost.version
                .is_some_and(|(id, sequence)| held.get(&id).is_some_and(|saved| saved.sequence > sequence))
        };
        let lost = self.lost.into_iter().filter(|lost| !replaced(lost)).collect();
        let mut records: Vec<Saved> = self.records.into_values().collect();
        records.sort_by_key(|saved| (saved.sequence, saved.put.id));
        Salvage { info: self.info.map(|(info, _)| info), records, lost }
    }
}

const CHANGED: &str = "it was changed, or is not in its place";

/// Opens everything in a PUT; `None` where something does not open.
fn open(keys: &Keys, put: &PutHead, parts: Parts<'_>, private: bool) -> Option<Put> {
    let key = if parts.key.is_empty() { None } else { Some(keys.open_object_key(put.id, parts.key)?) };
    let (visibility, tag, metadata) = if private {
        let tag = keys.open_tag(put.id, put.sequence, parts.tag)?.as_bytes().to_vec();
        let metadata = key.as_ref()?.open(Part::Metadata, parts.metadata)?.as_bytes().to_vec();
        (Visibility::Private, tag, metadata)
    } else {
        (Visibility::Public, parts.tag.to_vec(), parts.metadata.to_vec())
    };
    let secret = match put.secret_length {
        0 => SecretPart::None,
        _ => SecretPart::New(key.as_ref()?.open(Part::Secret, parts.secret)?),
    };
    Some(Put { id: put.id, visibility, tag, metadata, secret })
}
