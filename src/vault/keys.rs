//! The keys: PIN → key-encryption key → root key → index key, MAC key, key-wrapping key → object keys. In separated
//! tokens the keys of those who only administer them hang on a key of its own, which opens no objects: root key →
//! administration key → MAC key, PIN-wrapping key.

use sha2::Sha512;
use subtle::ConstantTimeEq;

use super::chain::{Hash, sha256};
use super::record::{Holds, PUBLIC_KEY, SEALED_KEY_LENGTH, Wrap};
use super::scan::CommitSeal;
use super::seal::{self, Key};
use super::types::{Entry, Kdf, Options, RecordId};
use super::{Error, argon2id, random};
use crate::crypto::recipient::{PrivateHalf, PublicHalf};
use crate::secret::Secret;

/// Derives the key that a PIN stands for. Takes as long as the cost says; hold no lock.
pub(super) fn pin_key(pin: &Secret, salt: &[u8; 32], kdf: Kdf, options: &Options) -> Result<Key, Error> {
    let iterations = match kdf {
        Kdf::Pbkdf2Sha512 { iterations } => iterations,
        Kdf::Argon2id(cost) => return argon2id::derive(pin, salt, cost),
    };
    if !(options.minimum_iterations..=options.maximum_iterations).contains(&iterations) || iterations == 0 {
        return Err(Error::KdfRefused);
    }
    let mut key = Key::default();
    pbkdf2::pbkdf2_hmac::<Sha512>(pin.as_bytes(), salt, iterations, &mut *key);
    Ok(key)
}

/// The initialisation of a token that keys belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Realm {
    pub(super) instance: [u8; 16],
    /// Whether there is an administration key.
    pub(super) separated: bool,
}

/// The root key of a token and what is derived from it, or the part of it that an administration key gives.
pub(super) struct Keys {
    realm: Realm,
    version: u32,
    mac: Key,
    event: Key,
    administration: Option<Administration>,
    /// `None` for who holds the administration key alone.
    objects: Option<ObjectKeys>,
}

/// The administration key, and what seals the PIN keys of those who hold it.
struct Administration {
    key: Key,
    pins: Key,
}

/// What opens the objects.
struct ObjectKeys {
    root: Key,
    index: Key,
    wrapping: Key,
}

impl Keys {
    pub(super) fn derive(root: Key, version: u32, realm: Realm) -> Self {
        let pseudorandom_key = seal::hkdf_extract(&realm.instance, &*root);
        let expand = |label| seal::hkdf_expand(&pseudorandom_key, label);
        let base = if realm.separated {
            Self::derive_administration(expand(b"coffer administration key v1"), version, realm)
        } else {
            let (mac, event) = (expand(b"coffer mac key v1"), expand(b"coffer event key v1"));
            Self { realm, version, mac, event, administration: None, objects: None }
        };
        let (index, wrapping) = (expand(b"coffer index key v1"), expand(b"coffer wrapping key v1"));
        Self { objects: Some(ObjectKeys { root, index, wrapping }), ..base }
    }

    fn derive_administration(key: Key, version: u32, realm: Realm) -> Self {
        let pseudorandom_key = seal::hkdf_extract(&realm.instance, &*key);
        let expand = |label| seal::hkdf_expand(&pseudorandom_key, label);
        Self {
            realm,
            version,
            mac: expand(b"coffer mac key v1"),
            event: expand(b"coffer event key v1"),
            administration: Some(Administration { pins: expand(b"coffer pin wrapping key v1"), key }),
            objects: None,
        }
    }

    /// Fresh keys for a token or its rotation.
    pub(super) fn random(version: u32, realm: Realm) -> Result<Self, Error> {
        Ok(Self::derive(Key::new(random::bytes()?), version, realm))
    }

    /// Fresh keys with the next version. Errors: [`Error::NotAllowed`] for who does not open the objects.
    pub(super) fn next(&self) -> Result<Self, Error> {
        self.objects()?;
        Self::random(self.version.checked_add(1).ok_or(Error::TooLarge)?, self.realm)
    }

    /// False for who holds the administration key alone.
    pub(super) fn open_objects(&self) -> bool {
        self.objects.is_some()
    }

    fn objects(&self) -> Result<&ObjectKeys, Error> {
        self.objects.as_ref().ok_or(Error::NotAllowed)
    }

    pub(super) fn realm(&self) -> Realm {
        self.realm
    }

    /// Which root key this is, counted from 1.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// The initialisation of the token that these keys belong to.
    pub(super) fn instance(&self) -> &[u8; 16] {
        &self.realm.instance
    }

    /// The authentication code of a COMMIT.
    pub(super) fn commit_code(&self, seal: &CommitSeal) -> Key {
        let parts: [&[u8]; 5] = [
            b"coffer commit v1",
            &self.realm.instance,
            &seal.chain_before,
            &seal.head.encode(),
            &seal.commit.bound(),
        ];
        seal::hmac_sha256(&*self.mac, &parts)
    }

    /// Whether a COMMIT was made with these keys.
    pub(super) fn verifies(&self, seal: &CommitSeal) -> bool {
        seal.authenticated()
            && seal.commit.root_version == self.version
            && bool::from(self.commit_code(seal).ct_eq(&seal.commit.code))
    }

    /// The derived keys, for test vectors: index, MAC, wrapping, event, administration and PIN-wrapping key.
    #[cfg(test)]
    pub(super) fn derived(&self) -> [[u8; 32]; 6] {
        let (objects, administration) = (self.objects.as_ref(), self.administration.as_ref());
        let index = objects.map_or([0; 32], |keys| *keys.index);
        let wrapping = objects.map_or([0; 32], |keys| *keys.wrapping);
        let (key, pins) = administration.map_or(([0; 32], [0; 32]), |keys| (*keys.key, *keys.pins));
        [index, *self.mac, wrapping, *self.event, key, pins]
    }

    // --- the entries ---

    /// Makes the entry of a role: the key that it holds under the key of its PIN. Errors: [`Error::NotAllowed`] where these
    /// keys are not enough for it.
    pub(super) fn wrap(&self, entry: NewEntry, pin_key: &Key) -> Result<Wrap, Error> {
        let NewEntry { entry, holds, salt, kdf, about } = entry;
        let (kdf, cost) = kdf.numbers();
        let (entry, root_version) = (entry.number(), self.version);
        let (sealed_root, sealed_pin_key) = (Vec::new(), [0; SEALED_KEY_LENGTH]);
        self.seal_wrap(
            Wrap { entry, root_version, kdf, cost, holds, salt, sealed_root, sealed_pin_key, about },
            pin_key,
        )
    }

    /// Seals the two keys of an entry whose other fields are set.
    fn seal_wrap(&self, mut wrap: Wrap, pin_key: &Key) -> Result<Wrap, Error> {
        let bound = wrap.bound();
        let instance = &self.realm.instance;
        let (held, label) = match wrap.holds {
            Holds::Root => (&self.objects()?.root, ROOT_LABEL),
            Holds::Administration => (&self.administration()?.key, ADMINISTRATION_LABEL),
        };
        wrap.sealed_root = sealed_key(pin_key, &[label, instance, &bound, &wrap.about], held)?.to_vec();
        let context: [&[u8]; 4] = [b"coffer pin key v1", instance, &bound, &wrap.about];
        wrap.sealed_pin_key = sealed_key(self.pin_wrapping(wrap.holds)?, &context, pin_key)?;
        Ok(wrap)
    }

    /// Makes the entry of a public key, whose private half opens the root key. Errors: [`Error::NotAllowed`] where these keys
    /// do not open the objects.
    pub(super) fn wrap_for(&self, entry: Entry, public: &PublicHalf, about: Vec<u8>) -> Result<Wrap, Error> {
        let objects = self.objects()?;
        let mut wrap = Wrap {
            entry: entry.number(),
            root_version: self.version,
            kdf: PUBLIC_KEY,
            cost: 0,
            holds: Holds::Root,
            salt: random::bytes()?,
            sealed_root: public.as_bytes().to_vec(),
            sealed_pin_key: [0; SEALED_KEY_LENGTH],
            about,
        };
        let (bound, instance) = (wrap.bound(), &self.realm.instance);
        let context = [ROOT_LABEL, instance, &bound, &wrap.about].concat();
        let root = Secret::copy_of(&*objects.root);
        wrap.sealed_root.extend_from_slice(&public.wrap(&root, &context).map_err(|_| Error::NoRandom)?);
        let digest = Key::new(sha256(&[public.as_bytes()]));
        let context: [&[u8]; 4] = [PUBLIC_KEY_LABEL, instance, &bound, &wrap.about];
        wrap.sealed_pin_key = sealed_key(&objects.wrapping, &context, &digest)?;
        Ok(wrap)
    }

    /// The public key of such an entry; `None` where it is none, or nobody who held these keys has put it there.
    pub(super) fn public_key(&self, wrap: &Wrap) -> Option<PublicHalf> {
        let (public, _) = wrap.public_parts()?;
        let context: [&[u8]; 4] = [PUBLIC_KEY_LABEL, &self.realm.instance, &wrap.bound(), &wrap.about];
        let digest = seal::open_key(&self.objects.as_ref()?.wrapping, &context, &wrap.sealed_pin_key)?;
        let own = bool::from(digest.ct_eq(&sha256(&[public])));
        PublicHalf::new(public).ok().filter(|_| own)
    }

    fn administration(&self) -> Result<&Administration, Error> {
        self.administration.as_ref().ok_or(Error::NotAllowed)
    }

    /// What seals the PIN key of an entry that holds this.
    fn pin_wrapping(&self, holds: Holds) -> Result<&Key, Error> {
        match holds {
            Holds::Root => Ok(&self.objects()?.wrapping),
            Holds::Administration => Ok(&self.administration()?.pins),
        }
    }

    /// Opens an entry; `None` if what opens it is wrong.
    pub(super) fn open(wrap: &Wrap, opener: &Opener, realm: Realm) -> Option<Self> {
        let private = match opener {
            Opener::Pin(pin_key) => return Self::unwrap(wrap, pin_key, realm),
            Opener::Private(private) => private,
        };
        let (_, wrapped) = wrap.public_parts()?;
        let context = [ROOT_LABEL, &realm.instance, &wrap.bound(), &wrap.about].concat();
        let root = private.unwrap(wrapped, &context).ok()?;
        Some(Self::derive(Key::new(root.as_bytes().try_into().ok()?), wrap.root_version, realm))
    }

    /// Opens an entry with the key of its PIN; `None` if that is wrong.
    pub(super) fn unwrap(wrap: &Wrap, pin_key: &Key, realm: Realm) -> Option<Self> {
        let label = match wrap.holds {
            Holds::Root => ROOT_LABEL,
            Holds::Administration => ADMINISTRATION_LABEL,
        };
        let context: [&[u8]; 4] = [label, &realm.instance, &wrap.bound(), &wrap.about];
        let key = seal::open_key(pin_key, &context, &wrap.sealed_root)?;
        match wrap.holds {
            Holds::Root => Some(Self::derive(key, wrap.root_version, realm)),
            Holds::Administration if realm.separated => {
                Some(Self::derive_administration(key, wrap.root_version, realm))
            }
            Holds::Administration => None,
        }
    }

    /// The entry of the same role and PIN, or public key, for the next root key.
    pub(super) fn rewrap(&self, wrap: &Wrap, next: &Self) -> Result<Wrap, Error> {
        next.adopt(wrap, &self.closer(wrap)?.ok_or(Error::KeysChanged)?)
    }

    /// What closes an entry; `None` where it does not verify. [`Error::NotAllowed`] for an entry that opens more than these
    /// keys.
    pub(super) fn closer(&self, wrap: &Wrap) -> Result<Option<Closer>, Error> {
        let wrapping = self.pin_wrapping(wrap.holds)?;
        if wrap.kdf == PUBLIC_KEY {
            return Ok(self.public_key(wrap).map(Closer::Public));
        }
        let context: [&[u8]; 4] = [b"coffer pin key v1", &self.realm.instance, &wrap.bound(), &wrap.about];
        Ok(seal::open_key(wrapping, &context, &wrap.sealed_pin_key).map(Closer::Pin))
    }

    /// An entry of other keys, perhaps of another token, for these: whoever opened it opens them.
    pub(super) fn adopt(&self, wrap: &Wrap, closer: &Closer) -> Result<Wrap, Error> {
        match closer {
            Closer::Pin(pin_key) => {
                self.seal_wrap(Wrap { root_version: self.version, ..wrap.clone() }, pin_key)
            }
            Closer::Public(public) => {
                let entry = Entry::of_number(wrap.entry).ok_or(Error::NotAllowed)?;
                self.wrap_for(entry, public, wrap.about.clone())
            }
        }
    }

    // --- the parts of a record; `None` where something does not verify ---

    pub(super) fn seal_tag(&self, id: RecordId, sequence: u64, tag: &[u8]) -> Result<Vec<u8>, Error> {
        let context: [&[u8]; 4] = [b"coffer tag v1", &self.realm.instance, &id.0, &sequence.to_le_bytes()];
        seal::seal(&self.objects()?.index, &context, tag)
    }

    pub(super) fn open_tag(&self, id: RecordId, sequence: u64, sealed: &[u8]) -> Option<Secret> {
        let context: [&[u8]; 4] = [b"coffer tag v1", &self.realm.instance, &id.0, &sequence.to_le_bytes()];
        seal::open(&self.objects.as_ref()?.index, &context, sealed)
    }

    pub(super) fn seal_index(&self, generation: u64, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let context: [&[u8]; 3] = [b"coffer index v1", &self.realm.instance, &generation.to_le_bytes()];
        seal::seal(&self.objects()?.index, &context, plaintext)
    }

    pub(super) fn open_index(&self, generation: u64, sealed: &[u8]) -> Option<Secret> {
        let context: [&[u8]; 3] = [b"coffer index v1", &self.realm.instance, &generation.to_le_bytes()];
        seal::open(&self.objects.as_ref()?.index, &context, sealed)
    }

    pub(super) fn seal_event(&self, number: u64, digest: &Hash, event: &[u8]) -> Result<Vec<u8>, Error> {
        let context: [&[u8]; 4] = [b"coffer event v1", &self.realm.instance, &number.to_le_bytes(), digest];
        seal::seal(&self.event, &context, event)
    }

    pub(super) fn open_event(&self, number: u64, digest: &Hash, sealed: &[u8]) -> Option<Secret> {
        let context: [&[u8]; 4] = [b"coffer event v1", &self.realm.instance, &number.to_le_bytes(), digest];
        seal::open(&self.event, &context, sealed)
    }

    pub(super) fn seal_object_key(&self, id: RecordId, key: &Key) -> Result<Vec<u8>, Error> {
        let context: [&[u8]; 3] = [b"coffer object key v1", &self.realm.instance, &id.0];
        seal::seal(&self.objects()?.wrapping, &context, &**key)
    }

    pub(super) fn open_object_key(&self, id: RecordId, sealed: &[u8]) -> Option<ObjectKey> {
        let context: [&[u8]; 3] = [b"coffer object key v1", &self.realm.instance, &id.0];
        let key = seal::open_key(&self.objects.as_ref()?.wrapping, &context, sealed)?;
        Some(ObjectKey { key, id, instance: self.realm.instance })
    }

    /// A fresh key for the record `id`.
    pub(super) fn new_object_key(&self, id: RecordId) -> Result<ObjectKey, Error> {
        Ok(ObjectKey { key: Key::new(random::bytes()?), id, instance: self.realm.instance })
    }
}

/// What opens an entry.
pub(super) enum Opener {
    /// The key that its PIN gives.
    Pin(Key),
    Private(PrivateHalf),
}

/// What an entry is closed with again when the root key is another one.
pub(super) enum Closer {
    Pin(Key),
    Public(PublicHalf),
}

const ROOT_LABEL: &[u8] = b"coffer root key v1";
const PUBLIC_KEY_LABEL: &[u8] = b"coffer public key v1";
const ADMINISTRATION_LABEL: &[u8] = b"coffer administration key v1";

/// What a new entry says of itself.
pub(super) struct NewEntry {
    pub(super) entry: Entry,
    pub(super) holds: Holds,
    pub(super) salt: [u8; 32],
    pub(super) kdf: Kdf,
    pub(super) about: Vec<u8>,
}

fn sealed_key(key: &Key, context: seal::Context<'_>, plain: &Key) -> Result<[u8; SEALED_KEY_LENGTH], Error> {
    seal::seal(key, context, &**plain)?.try_into().map_err(|_| Error::TooLarge)
}

/// The key of one record, which seals its metadata and its secret.
pub(super) struct ObjectKey {
    pub(super) key: Key,
    id: RecordId,
    instance: [u8; 16],
}

/// The two parts that an object key seals.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Metadata,
    Secret,
}

impl Part {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Metadata => b"coffer metadata v1",
            Self::Secret => b"coffer secret v1",
        }
    }
}

impl ObjectKey {
    pub(super) fn seal(&self, part: Part, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        seal::seal(&self.key, &[part.label(), &self.instance, &self.id.0], plaintext)
    }

    pub(super) fn open(&self, part: Part, sealed: &[u8]) -> Option<Secret> {
        seal::open(&self.key, &[part.label(), &self.instance, &self.id.0], sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options { minimum_iterations: 10, ..Options::default() }
    }

    #[test]
    fn a_count_outside_the_limits_is_refused_before_any_work() {
        let pin = Secret::copy_of(b"1234");
        for iterations in [0, 1, 9, 10_000_001, u32::MAX] {
            let kdf = Kdf::Pbkdf2Sha512 { iterations };
            assert_eq!(pin_key(&pin, &[0; 32], kdf, &options()).err(), Some(Error::KdfRefused));
        }
        assert!(pin_key(&pin, &[0; 32], Kdf::Pbkdf2Sha512 { iterations: 10 }, &options()).is_ok());
    }

    fn new_entry(holds: Holds) -> NewEntry {
        let kdf = Kdf::Pbkdf2Sha512 { iterations: 10 };
        NewEntry { entry: Entry::Other(3), holds, salt: [4; 32], kdf, about: b"someone".to_vec() }
    }

    #[test]
    fn an_entry_opens_with_its_pin_key_and_follows_a_rotation() {
        let (pin_key, wrong) = (Key::new([1; 32]), Key::new([2; 32]));
        for separated in [false, true] {
            let realm = Realm { instance: [3; 16], separated };
            let keys = Keys::random(1, realm).unwrap();
            let wrap = keys.wrap(new_entry(Holds::Root), &pin_key).unwrap();
            assert!(Keys::unwrap(&wrap, &wrong, realm).is_none());
            assert!(Keys::unwrap(&wrap, &pin_key, Realm { instance: [5; 16], ..realm }).is_none());
            assert_eq!(Keys::unwrap(&wrap, &pin_key, realm).unwrap().derived(), keys.derived());
            let cheaper = Wrap { cost: 9, ..wrap.clone() };
            assert!(Keys::unwrap(&cheaper, &pin_key, realm).is_none());
            let renamed = Wrap { about: b"anybody".to_vec(), ..wrap.clone() };
            assert!(Keys::unwrap(&renamed, &pin_key, realm).is_none());

            let next = Keys::random(2, realm).unwrap();
            let rewrapped = keys.rewrap(&wrap, &next).unwrap();
            assert_eq!(Keys::unwrap(&rewrapped, &pin_key, realm).unwrap().derived(), next.derived());
        }
    }

    #[cfg_attr(miri, ignore = "Miri does not run the engine")]
    #[test]
    fn a_public_key_is_closed_for_again_only_where_a_holder_of_the_root_key_has_put_it() {
        let realm = Realm { instance: [3; 16], separated: true };
        let keys = Keys::random(1, realm).unwrap();
        let (private, other) = (PrivateHalf::random().unwrap(), PrivateHalf::random().unwrap());
        let public = private.public_half().unwrap();
        let wrap = keys.wrap_for(Entry::Other(3), &public, b"set".to_vec()).unwrap();
        let open = |wrap: &Wrap, private: &PrivateHalf| {
            Keys::open(wrap, &Opener::Private(private.clone()), realm).map(|keys| keys.derived())
        };
        assert_eq!(open(&wrap, &private), Some(keys.derived()));
        assert_eq!(open(&wrap, &other), None);
        assert!(Keys::open(&wrap, &Opener::Pin(Key::new([1; 32])), realm).is_none());
        // Who knows the keys of before learns the public key from the entry, and nothing that opens the next one.
        assert!(matches!(keys.closer(&wrap), Ok(Some(Closer::Public(found))) if found == public));
        let next = Keys::random(2, realm).unwrap();
        let rewrapped = keys.rewrap(&wrap, &next).unwrap();
        assert_eq!(open(&rewrapped, &private), Some(next.derived()));
        assert!(matches!(keys.closer(&rewrapped), Ok(None)));
        // Somebody who writes to the file puts a key of his own in its place, or another name: the next rotation stops.
        let mut exchanged = wrap.clone();
        let own = keys.wrap_for(Entry::Other(4), &other.public_half().unwrap(), b"set".to_vec()).unwrap();
        exchanged.sealed_root = own.sealed_root;
        let renamed = Wrap { about: b"other".to_vec(), ..wrap.clone() };
        let unvouched = Wrap { sealed_pin_key: own.sealed_pin_key, ..exchanged.clone() };
        for doctored in [exchanged, renamed, unvouched] {
            assert_eq!(keys.rewrap(&doctored, &next).err(), Some(Error::KeysChanged));
            assert_eq!(open(&doctored, &private), None);
        }
    }

    #[test]
    fn an_administration_key_gives_the_mac_key_and_nothing_that_opens_objects() {
        let pin_key = Key::new([1; 32]);
        let realm = Realm { instance: [3; 16], separated: true };
        let keys = Keys::random(1, realm).unwrap();
        let wrap = keys.wrap(new_entry(Holds::Administration), &pin_key).unwrap();
        let held = Keys::unwrap(&wrap, &pin_key, realm).unwrap();
        let [_, mac, _, event, administration, pins] = keys.derived();
        assert_eq!(held.derived(), [[0; 32], mac, [0; 32], event, administration, pins]);
        let id = RecordId([6; 16]);
        let sealed = keys.seal_object_key(id, &Key::new([7; 32])).unwrap();
        assert!(keys.open_object_key(id, &sealed).is_some() && held.open_object_key(id, &sealed).is_none());
        // It can set its own PIN, and no entry that holds the root key.
        assert!(held.wrap(new_entry(Holds::Administration), &pin_key).is_ok());
        assert_eq!(held.wrap(new_entry(Holds::Root), &pin_key).err(), Some(Error::NotAllowed));
        // A doctored entry does not turn one key into the other.
        let doctored = Wrap { holds: Holds::Root, ..wrap.clone() };
        assert!(Keys::unwrap(&doctored, &pin_key, realm).is_none());
        let joined = Realm { separated: false, ..realm };
        assert!(Keys::unwrap(&wrap, &pin_key, joined).is_none());
        // A rotation by who holds the root key takes it along.
        let next = Keys::random(2, realm).unwrap();
        let rewrapped = keys.rewrap(&wrap, &next).unwrap();
        assert_eq!(Keys::unwrap(&rewrapped, &pin_key, realm).unwrap().derived()[1], next.derived()[1]);
    }
}
