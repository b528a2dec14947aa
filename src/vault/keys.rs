//! The keys: PIN → key-encryption key → root key → index key, MAC key, key-wrapping key → object keys.

use sha2::Sha512;
use subtle::ConstantTimeEq;

use super::chain::Hash;
use super::record::{SEALED_KEY_LENGTH, Wrap};
use super::scan::CommitSeal;
use super::seal::{self, Key};
use super::types::{Entry, Kdf, Options, RecordId};
use super::{Error, argon2id, random};
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

/// The root key of a token and what is derived from it.
pub(super) struct Keys {
    instance: [u8; 16],
    version: u32,
    root: Key,
    index: Key,
    mac: Key,
    wrapping: Key,
    event: Key,
}

impl Keys {
    pub(super) fn derive(root: Key, version: u32, instance: [u8; 16]) -> Self {
        let pseudorandom_key = seal::hkdf_extract(&instance, &*root);
        Self {
            instance,
            version,
            index: seal::hkdf_expand(&pseudorandom_key, b"coffer index key v1"),
            mac: seal::hkdf_expand(&pseudorandom_key, b"coffer mac key v1"),
            wrapping: seal::hkdf_expand(&pseudorandom_key, b"coffer wrapping key v1"),
            event: seal::hkdf_expand(&pseudorandom_key, b"coffer event key v1"),
            root,
        }
    }

    /// Fresh keys for a token or its rotation.
    pub(super) fn random(version: u32, instance: [u8; 16]) -> Result<Self, Error> {
        Ok(Self::derive(Key::new(random::bytes()?), version, instance))
    }

    /// Which root key this is, counted from 1.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// The initialisation of the token that these keys belong to.
    pub(super) fn instance(&self) -> &[u8; 16] {
        &self.instance
    }

    /// The authentication code of a COMMIT.
    pub(super) fn commit_code(&self, seal: &CommitSeal) -> Key {
        let parts: [&[u8]; 5] = [
            b"coffer commit v1",
            &self.instance,
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

    /// The derived keys, for test vectors.
    #[cfg(test)]
    pub(super) fn derived(&self) -> [&[u8; 32]; 4] {
        [&self.index, &self.mac, &self.wrapping, &self.event]
    }

    // --- the entries ---

    /// Makes the entry of a role: the root key under the key of its PIN.
    pub(super) fn wrap(&self, entry: Entry, salt: [u8; 32], kdf: Kdf, pin_key: &Key) -> Result<Wrap, Error> {
        self.seal_wrap(entry.number(), kdf.numbers(), salt, pin_key)
    }

    fn seal_wrap(
        &self,
        entry: u32,
        (kdf, cost): (u16, u32),
        salt: [u8; 32],
        pin_key: &Key,
    ) -> Result<Wrap, Error> {
        let mut wrap = Wrap {
            entry,
            root_version: self.version,
            kdf,
            cost,
            salt,
            sealed_root: [0; SEALED_KEY_LENGTH],
            sealed_pin_key: [0; SEALED_KEY_LENGTH],
        };
        let bound = wrap.bound();
        wrap.sealed_root = sealed_key(pin_key, &[b"coffer root key v1", &self.instance, &bound], &self.root)?;
        wrap.sealed_pin_key =
            sealed_key(&self.wrapping, &[b"coffer pin key v1", &self.instance, &bound], pin_key)?;
        Ok(wrap)
    }

    /// Opens an entry with the key of its PIN; `None` if that is wrong.
    pub(super) fn unwrap(wrap: &Wrap, pin_key: &Key, instance: [u8; 16]) -> Option<Self> {
        let context: [&[u8]; 3] = [b"coffer root key v1", &instance, &wrap.bound()];
        let root = seal::open_key(pin_key, &context, &wrap.sealed_root)?;
        Some(Self::derive(root, wrap.root_version, instance))
    }

    /// The entry of the same role and PIN for the next root key.
    pub(super) fn rewrap(&self, wrap: &Wrap, next: &Self) -> Result<Wrap, Error> {
        let context: [&[u8]; 3] = [b"coffer pin key v1", &self.instance, &wrap.bound()];
        let pin_key =
            seal::open_key(&self.wrapping, &context, &wrap.sealed_pin_key).ok_or(Error::KeysChanged)?;
        next.seal_wrap(wrap.entry, (wrap.kdf, wrap.cost), wrap.salt, &pin_key)
    }

    // --- the parts of a record; `None` where something does not verify ---

    pub(super) fn seal_tag(&self, id: RecordId, sequence: u64, tag: &[u8]) -> Result<Vec<u8>, Error> {
        seal::seal(&self.index, &[b"coffer tag v1", &self.instance, &id.0, &sequence.to_le_bytes()], tag)
    }

    pub(super) fn open_tag(&self, id: RecordId, sequence: u64, sealed: &[u8]) -> Option<Secret> {
        seal::open(&self.index, &[b"coffer tag v1", &self.instance, &id.0, &sequence.to_le_bytes()], sealed)
    }

    pub(super) fn seal_index(&self, generation: u64, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        seal::seal(&self.index, &[b"coffer index v1", &self.instance, &generation.to_le_bytes()], plaintext)
    }

    pub(super) fn open_index(&self, generation: u64, sealed: &[u8]) -> Option<Secret> {
        seal::open(&self.index, &[b"coffer index v1", &self.instance, &generation.to_le_bytes()], sealed)
    }

    pub(super) fn seal_event(&self, number: u64, digest: &Hash, event: &[u8]) -> Result<Vec<u8>, Error> {
        let context: [&[u8]; 4] = [b"coffer event v1", &self.instance, &number.to_le_bytes(), digest];
        seal::seal(&self.event, &context, event)
    }

    pub(super) fn open_event(&self, number: u64, digest: &Hash, sealed: &[u8]) -> Option<Secret> {
        let context: [&[u8]; 4] = [b"coffer event v1", &self.instance, &number.to_le_bytes(), digest];
        seal::open(&self.event, &context, sealed)
    }

    pub(super) fn seal_object_key(&self, id: RecordId, key: &Key) -> Result<Vec<u8>, Error> {
        seal::seal(&self.wrapping, &[b"coffer object key v1", &self.instance, &id.0], &**key)
    }

    pub(super) fn open_object_key(&self, id: RecordId, sealed: &[u8]) -> Option<ObjectKey> {
        let key = seal::open_key(&self.wrapping, &[b"coffer object key v1", &self.instance, &id.0], sealed)?;
        Some(ObjectKey { key, id, instance: self.instance })
    }

    /// A fresh key for the record `id`.
    pub(super) fn new_object_key(&self, id: RecordId) -> Result<ObjectKey, Error> {
        Ok(ObjectKey { key: Key::new(random::bytes()?), id, instance: self.instance })
    }
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

    #[test]
    fn an_entry_opens_with_its_pin_key_and_follows_a_rotation() {
        let (pin_key, wrong) = (Key::new([1; 32]), Key::new([2; 32]));
        let keys = Keys::random(1, [3; 16]).unwrap();
        let kdf = Kdf::Pbkdf2Sha512 { iterations: 10 };
        let wrap = keys.wrap(Entry::User, [4; 32], kdf, &pin_key).unwrap();
        assert!(Keys::unwrap(&wrap, &wrong, [3; 16]).is_none());
        assert!(Keys::unwrap(&wrap, &pin_key, [5; 16]).is_none());
        assert_eq!(*Keys::unwrap(&wrap, &pin_key, [3; 16]).unwrap().root, *keys.root);
        let mut cheaper = wrap.clone();
        cheaper.cost = 9;
        assert!(Keys::unwrap(&cheaper, &pin_key, [3; 16]).is_none());

        let next = Keys::random(2, [3; 16]).unwrap();
        let rewrapped = keys.rewrap(&wrap, &next).unwrap();
        assert_eq!(*Keys::unwrap(&rewrapped, &pin_key, [3; 16]).unwrap().root, *next.root);
    }
}
