//! The encrypted token file, on real files and in memory: what it promises to those who use it, and to those who find
//! it damaged, copied or edited.

mod compaction;
mod damage;
#[path = "../storage/frames.rs"]
#[allow(dead_code, reason = "shared with the campaigns, which use all of it")]
mod frames;
mod golden;
mod killed;
mod life;
mod pins;
mod scale;
mod separation;
mod sharing;
mod storage;

use std::path::Path;
use std::sync::Arc;

use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::store::{Backend, FileBackend, MemoryBackend, Mode};
use coffer_pkcs11::vault::{
    Change, Entry, Error, Kdf, NewToken, Options, Put, RecordId, SecretPart, Unlocked, Vault, Visibility,
};

pub const SO_PIN: &[u8] = b"so-pin-87654321";
pub const USER_PIN: &[u8] = b"1234";
pub const INFO: &[u8] = b"label and serial number";

/// So few iterations that a test can log in ten thousand times.
pub const FAST: Kdf = Kdf::Pbkdf2Sha512 { iterations: 2 };

pub fn options() -> Options {
    Options { minimum_iterations: 1, ..Options::default() }
}

pub fn secret(bytes: &[u8]) -> Secret {
    Secret::copy_of(bytes)
}

pub fn new_token(so_pin: &Secret) -> NewToken<'_> {
    NewToken {
        info: INFO.to_vec(),
        so_pin,
        kdf: FAST,
        allow_readonly_login: false,
        pin_limit: 10,
        separated: false,
    }
}

pub fn file(path: &Path) -> Arc<dyn Backend> {
    Arc::new(FileBackend::new(path, Mode::Owner))
}

pub fn memory(contents: &[u8]) -> Arc<MemoryBackend> {
    Arc::new(MemoryBackend::with_contents(contents.to_vec()))
}

/// A new token with a user PIN.
pub fn token(backend: Arc<dyn Backend>) -> Arc<Vault> {
    token_with(backend, new_token(&secret(SO_PIN)))
}

pub fn token_with(backend: Arc<dyn Backend>, new: NewToken<'_>) -> Arc<Vault> {
    let vault = Vault::create(backend, options(), new).unwrap();
    let officer = vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    officer.set_entry(Entry::User, &secret(USER_PIN), FAST).unwrap();
    vault
}

pub fn open(backend: Arc<dyn Backend>) -> Arc<Vault> {
    Vault::open(backend, options()).unwrap()
}

pub fn user(vault: &Arc<Vault>) -> Unlocked {
    vault.login(Entry::User, &secret(USER_PIN)).unwrap()
}

pub fn id(number: u8) -> RecordId {
    RecordId([number; 16])
}

/// A private record whose parts tell its number.
pub fn private(number: u8) -> Put {
    Put {
        id: id(number),
        visibility: Visibility::Private,
        tag: format!("tag {number}").into_bytes(),
        metadata: format!("metadata {number}").into_bytes(),
        secret: SecretPart::New(Secret::new(format!("secret {number}").into_bytes())),
    }
}

/// A public record without a secret.
pub fn public(number: u8) -> Put {
    Put { visibility: Visibility::Public, secret: SecretPart::None, ..private(number) }
}

pub fn add(unlocked: &Unlocked, put: Put) {
    unlocked.commit(vec![Change::Add(put)]).unwrap();
}

/// Everything that a token holds, in order, opened: (id, tag, metadata, secret).
pub type Contents = Vec<(RecordId, Vec<u8>, Vec<u8>, Option<Vec<u8>>)>;

pub fn contents(unlocked: &Unlocked) -> Contents {
    let mut records = unlocked.records().unwrap();
    records.sort_by_key(|record| record.id);
    let open = |record: &coffer_pkcs11::vault::Record| {
        let secret = record.has_secret.then(|| unlocked.secret(record.id).unwrap().as_bytes().to_vec());
        (record.id, record.tag.unwrap().to_vec(), unlocked.metadata(record.id).unwrap(), secret)
    };
    records.iter().map(open).collect()
}

/// A small token with each kind of record and transaction, in memory.
pub fn small_token() -> Vec<u8> {
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    let unlocked = user(&vault);
    unlocked.commit(vec![Change::Add(private(1)), Change::Add(public(2))]).unwrap();
    vault.add_unauthenticated(vec![public(3)]).unwrap();
    add(&unlocked, private(4));
    unlocked.commit(vec![Change::Replace { put: public(2), expected: None }]).unwrap();
    unlocked.commit(vec![Change::Info(b"other information".to_vec())]).unwrap();
    unlocked.commit(vec![Change::Delete(id(4))]).unwrap();
    backend.contents().unwrap()
}
