//! What can be saved from a damaged file, by who knows a PIN. Pure: the file is not touched.
//!
//! Three things speak for a record. A COMMIT whose code verifies proves all that is linked to it by the chain, up to the
//! last break before it. Behind a break, a private record still proves itself: tag, metadata and secret are sealed for its
//! id, but nothing tells whether it is the latest version or was deleted since. A public record behind a break is only
//! as good as one that was added without a login.

use std::collections::{BTreeMap, HashMap};

use super::bytes::array_at;
use super::event::{EventText, Sealed};
use super::format::{FLAG_PRIVATE, FLAG_UNAUTHENTICATED, Kind};
use super::keys::{Closer, Keys, Part, Realm, pin_key};
use super::record::{Parts, PutHead, Wrap, parse_delete, parse_end};
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

/// The entry of a further role that was saved, with what closes it again.
pub struct SavedEntry {
    pub(super) wrap: Wrap,
    pub(super) closer: Closer,
}

impl SavedEntry {
    /// What was said about it (see [`super::Unlocked::add_entry`]).
    pub fn about(&self) -> &[u8] {
        &self.wrap.about
    }
}

/// What [`salvage`] has found.
pub struct Salvage {
    /// The token information, if it was found.
    pub info: Option<Vec<u8>>,
    /// Whether the security officer's PIN opened no objects (see [`super::NewToken::separated`]).
    pub separated: bool,
    /// The entries of further roles, as far as an authentication code proves that they are the last ones.
    pub entries: Vec<SavedEntry>,
    pub records: Vec<Saved>,
    /// The events that open, in their order.
    pub events: Vec<EventText>,
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
    let realm = Realm { instance, separated: is_separated(contents) };
    let pieces = pieces(contents);
    let keys = unlock(&pieces, entry, pin, realm, options)?;
    if !keys.open_objects() {
        return Err(Error::NotAllowed);
    }
    let covered = covered(&pieces, &keys);
    let mut found = Finding {
        keys: &keys,
        info: None,
        entries: BTreeMap::new(),
        records: HashMap::new(),
        events: BTreeMap::new(),
        lost: Vec::new(),
    };
    for (piece, covered) in pieces.iter().zip(covered) {
        match piece {
            Piece::Record(record) => found.take(record, covered),
            Piece::Unreadable(name) => found.lose(*name, "no record can be read here", None),
        }
    }
    Ok(found.finish())
}

/// Whether the file says that the security officer's PIN opens no objects; who asks it for that will see that it is so.
pub fn is_separated(contents: &[u8]) -> bool {
    array_at::<1>(contents, format::FLAGS_OFFSET).is_some_and(|[flags]| flags & format::FLAG_SEPARATED != 0)
}

/// The keys, by the last entry of the role that opens.
fn unlock(
    pieces: &[Piece<'_>],
    entry: Entry,
    pin: &Secret,
    realm: Realm,
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
        match key.map(|key| Keys::unwrap(&wrap, &key, realm)) {
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
    /// By the number of the role; `None` where it has none, or nothing proves which is the last one.
    entries: BTreeMap<u32, Option<SavedEntry>>,
    records: HashMap<RecordId, Saved>,
    events: BTreeMap<u64, EventText>,
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
            Kind::Event => self.take_event(record),
            Kind::Wrap => self.take_wrap(record, covered),
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

    /// The entries of the security officer and the user are made anew.
    fn take_wrap(&mut self, record: &Sighted<'_>, covered: bool) {
        if !record.linked {
            self.lose(record.name, CHANGED, None);
        }
        if let Some((entry, _)) = parse_end(record.body) {
            self.entries.insert(entry, None);
        } else if let Some(wrap) = Wrap::parse(record.body)
            && matches!(Entry::of_number(wrap.entry), Some(Entry::Other(_)))
        {
            let closer = if covered { self.keys.closer(&wrap).ok().flatten() } else { None };
            if closer.is_none() && record.linked {
                self.lose(record.name, "nothing proves that this role has its PIN still", None);
            }
            self.entries.insert(wrap.entry, closer.map(|closer| SavedEntry { wrap, closer }));
        }
    }

    /// An event is sealed for its number, and proves itself.
    fn take_event(&mut self, record: &Sighted<'_>) {
        let event =
            Sealed::parse(record.body).and_then(|sealed| Some((sealed.number, sealed.open(self.keys)?)));
        match event {
            Some((number, event)) => drop(self.events.insert(number, event)),
            None => self.lose(record.name, "it does not open", None),
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

    fn finish(mut self) -> Salvage {
        // What a lost record was a newer version of is itself an old one, whatever covers it.
        for (id, sequence) in self.lost.iter().filter_map(|lost| lost.version) {
            if let Some(saved) = self.records.get_mut(&id).filter(|saved| saved.sequence < sequence) {
                saved.proof = saved.proof.min(Proof::Sealed);
            }
        }
        let held = &self.records;
        // A version that was replaced anyway is no loss.
        let replaced = |lost: &Lost| {
            lost.version
                .is_some_and(|(id, sequence)| held.get(&id).is_some_and(|saved| saved.sequence > sequence))
        };
        let lost = self.lost.into_iter().filter(|lost| !replaced(lost)).collect();
        let mut records: Vec<Saved> = self.records.into_values().collect();
        records.sort_by_key(|saved| (saved.sequence, saved.put.id));
        let events = self.events.into_values().collect();
        Salvage {
            info: self.info.map(|(info, _)| info),
            separated: self.keys.realm().separated,
            entries: self.entries.into_values().flatten().collect(),
            records,
            events,
            lost,
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::MemoryBackend;
    use crate::vault::{Change, Kdf, NewToken, Unlocked, Vault};

    fn options() -> Options {
        Options { minimum_iterations: 1, ..Options::default() }
    }

    fn pin() -> Secret {
        Secret::copy_of(b"1234")
    }

    fn put(number: u8, visibility: Visibility, secret: bool) -> Put {
        let secret = if secret { SecretPart::New(Secret::copy_of(b"secret")) } else { SecretPart::None };
        Put { id: RecordId([number; 16]), visibility, tag: vec![number], metadata: vec![number; 20], secret }
    }

    /// A token to which `fill` has been done, as a file.
    fn file(fill: impl FnOnce(&Unlocked)) -> Vec<u8> {
        let backend = Arc::new(MemoryBackend::new());
        let so_pin = pin();
        let kdf = Kdf::Pbkdf2Sha512 { iterations: 1 };
        let new = NewToken {
            info: vec![1],
            so_pin: &so_pin,
            kdf,
            allow_readonly_login: false,
            pin_limit: 10,
            separated: false,
        };
        let vault = Vault::create(backend.clone(), options(), new).unwrap();
        fill(&vault.login(Entry::SecurityOfficer, &so_pin).unwrap());
        backend.contents().unwrap()
    }

    /// The file with the last byte of the body of its last PUT flipped.
    fn last_put_damaged(mut contents: Vec<u8>) -> Vec<u8> {
        let end = {
            let pieces = pieces(&contents);
            let put = pieces.iter().rposition(|piece| piece.name().kind == "PUT").unwrap();
            pieces[put + 1].name().offset as usize
        };
        contents[end - format::CHAIN_LENGTH - 1] ^= 1;
        contents
    }

    fn saved(contents: &[u8]) -> (Vec<(u8, Proof)>, Vec<&'static str>) {
        let found = salvage(contents, Entry::SecurityOfficer, &pin(), &options()).unwrap();
        let records = found.records.iter().map(|saved| (saved.put.id.0[0], saved.proof)).collect();
        (records, found.lost.iter().map(|lost| lost.why).collect())
    }

    #[test]
    fn behind_a_break_only_what_is_sealed_is_believed() {
        let contents = file(|unlocked| {
            let add = |number, visibility, secret| Change::Add(put(number, visibility, secret));
            unlocked
                .commit(vec![
                    add(1, Visibility::Private, true),
                    add(2, Visibility::Public, false),
                    add(3, Visibility::Public, true),
                    add(4, Visibility::Private, true),
                ])
                .unwrap();
        });
        let all = [1, 2, 3, 4].map(|number| (number, Proof::Verified));
        assert_eq!(saved(&contents), (all.to_vec(), vec![]));
        // Everything before the damaged record lost the code that covered it.
        let expected = vec![(1, Proof::Sealed), (2, Proof::Unauthenticated)];
        let lost = vec!["nothing proves its attributes", "its sealed parts do not open"];
        assert_eq!(saved(&last_put_damaged(contents)), (expected, lost));
    }

    #[test]
    fn an_older_version_is_never_called_verified_where_the_newer_one_is_lost() {
        let contents = file(|unlocked| {
            unlocked.commit(vec![Change::Add(put(1, Visibility::Private, true))]).unwrap();
            let newer = Put { tag: vec![9], ..put(1, Visibility::Private, true) };
            unlocked.commit(vec![Change::Replace { put: newer, expected: None }]).unwrap();
        });
        assert_eq!(saved(&contents).0, [(1, Proof::Verified)]);
        let (records, lost) = saved(&last_put_damaged(contents));
        assert_eq!((records, lost.len()), (vec![(1, Proof::Sealed)], 1));
    }

    #[test]
    fn events_are_saved_in_their_order_whatever_is_lost_between_them() {
        let event = |text: &str| Change::Event(EventText::new(text.as_bytes()).unwrap());
        let contents = file(|unlocked| {
            unlocked.commit(vec![event("one"), event("two")]).unwrap();
            unlocked.commit(vec![Change::Add(put(1, Visibility::Private, true))]).unwrap();
            unlocked.commit(vec![event("three")]).unwrap();
        });
        let found = salvage(&last_put_damaged(contents), Entry::SecurityOfficer, &pin(), &options()).unwrap();
        let texts: Vec<_> = found.events.iter().map(EventText::text).collect();
        assert_eq!(texts, [&b"one"[..], b"two", b"three"]);
    }

    #[test]
    fn any_flipped_bit_loses_one_record_at_most_and_any_prefix_is_survived() {
        let contents = file(|unlocked| {
            for number in 1..=3 {
                unlocked.commit(vec![Change::Add(put(number, Visibility::Private, true))]).unwrap();
            }
        });
        let first = pieces(&contents).iter().find(|piece| piece.name().kind == "PUT").unwrap().name().offset;
        for at in (first as usize..contents.len()).step_by(if cfg!(miri) { 211 } else { 1 }) {
            let mut damaged = contents.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(saved(&damaged).0.len() >= 2, "byte {at}");
        }
        for length in (0..contents.len()).step_by(if cfg!(miri) { 401 } else { 1 }) {
            let _ = salvage(&contents[..length], Entry::SecurityOfficer, &pin(), &options());
        }
    }
}
