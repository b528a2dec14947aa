//! Compaction and root-key rotation.

use coffer_pkcs11::vault::{Change, Changes, Entry, Options, Put, SecretPart, Vault};

use super::*;

#[test]
fn a_compaction_keeps_the_records_and_continues_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let unlocked = user(&vault);
    for number in 1..=20 {
        add(&unlocked, private(number));
    }
    for number in 1..=18 {
        unlocked.commit(vec![Change::Delete(id(number))]).unwrap();
    }
    let (before, revision) = (contents(&unlocked), vault.revision());
    let sequence = unlocked.record(id(20)).unwrap().unwrap().sequence;
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(unlocked.compact().unwrap() > revision);
    assert!(std::fs::metadata(&path).unwrap().len() < size / 2);
    assert_eq!(contents(&unlocked), before);
    assert_eq!(unlocked.record(id(20)).unwrap().unwrap().sequence, sequence);
    add(&unlocked, private(30));
    assert!(unlocked.record(id(30)).unwrap().unwrap().sequence > sequence);
    assert_eq!(
        vault.refresh(revision).unwrap(),
        Changes::Records { revision: vault.revision(), ids: vec![id(30)], info: true }
    );
    let again = user(&open(file(&path)));
    assert_eq!(contents(&again).len(), 3);
    again.verify(|_, _| {}).unwrap();
}

#[test]
fn a_file_full_of_garbage_is_compacted_by_itself() {
    let backend = Arc::new(MemoryBackend::new());
    token(backend.clone());
    let options = Options { compact_above: 10_000, ..options() };
    let vault = Vault::open(backend.clone(), options).unwrap();
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    for _ in 0..200 {
        let put = Put { secret: SecretPart::Keep, ..private(1) };
        unlocked.commit(vec![Change::Replace { put, expected: None }]).unwrap();
        assert!(backend.contents().unwrap().len() < 20_000);
    }
    assert_eq!(unlocked.secret(id(1)).unwrap().as_bytes(), b"secret 1");
}

#[test]
fn the_old_file_is_noticed_to_be_superseded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let other = open(file(&path));
    let other_unlocked = user(&other);
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    let since = vault.revision();
    other.refresh(since).unwrap();
    unlocked.compact().unwrap();
    add(&unlocked, private(2));
    assert!(other.changed().unwrap());
    let Changes::Records { ids, .. } = other.refresh(since).unwrap() else { panic!("no records") };
    assert_eq!(ids, [id(2)]);
    assert_eq!(contents(&other_unlocked), contents(&unlocked));
    // And who has not noticed writes into the new one all the same.
    unlocked.compact().unwrap();
    add(&other_unlocked, private(3));
    vault.refresh(since).unwrap();
    assert_eq!(contents(&unlocked).len(), 3);
}

#[test]
fn a_copy_of_a_superseded_file_is_a_token_and_says_what_it_is() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    let old = backend.open().unwrap();
    unlocked.compact().unwrap();
    let copy = open(memory(&coffer_pkcs11::store::read_to_end(&*old, 0).unwrap()));
    assert_eq!(copy.notes(), [coffer_pkcs11::vault::Note::Superseded]);
    let copied = user(&copy);
    add(&copied, private(2));
    assert_eq!(contents(&copied).len(), 2);
}

#[test]
fn a_rotation_changes_the_keys_and_copies_the_payload() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    let unlocked = user(&vault);
    let secret_bytes = vec![0x5a; 100];
    let put = Put { secret: SecretPart::New(Secret::new(secret_bytes.clone())), ..private(1) };
    add(&unlocked, put);
    add(&unlocked, public(2));
    let other = open(backend.clone());
    let other_unlocked = user(&other);
    let before = backend.contents().unwrap();
    let expected = contents(&unlocked);
    unlocked.rotate_root().unwrap();
    let after = backend.contents().unwrap();
    // The body of the PUT of record 1: 44 bytes, tag, sealed object key (96 bytes), metadata, secret.
    let body = |bytes: &[u8]| {
        let at = bytes.windows(16).position(|window| window == [1; 16]).unwrap() - 24;
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        bytes[at + 24..at + 24 + length].to_vec()
    };
    let (old, new) = (body(&before), body(&after));
    let key = 44 + "tag 1".len() + 64;
    assert_ne!(old[44..key], new[44..key], "the tag is sealed anew");
    assert_ne!(old[key..key + 96], new[key..key + 96], "the object key is wrapped anew");
    assert_eq!(old[key + 96..], new[key + 96..], "metadata and secret are copied");
    assert_eq!(contents(&unlocked), expected);
    // Another process that is logged in goes on, and every PIN still works.
    other.refresh(vault.revision()).unwrap();
    assert_eq!(contents(&other_unlocked), expected);
    add(&other_unlocked, private(3));
    let fresh = open(backend.clone());
    for (entry, pin) in [(Entry::User, USER_PIN), (Entry::SecurityOfficer, SO_PIN)] {
        let unlocked = fresh.login(entry, &secret(pin)).unwrap();
        unlocked.verify(|_, _| {}).unwrap();
        assert_eq!(contents(&unlocked).len(), 3);
        unlocked.rotate_root().unwrap();
    }
}

#[test]
fn rotations_disturb_no_thread_that_reads() {
    let vault = token(Arc::new(MemoryBackend::new()));
    let unlocked = user(&vault);
    for number in 1..=5 {
        add(&unlocked, private(number));
    }
    let expected = contents(&unlocked);
    std::thread::scope(|scope| {
        let rotating = scope.spawn(|| {
            for _ in 0..100 {
                unlocked.rotate_root().unwrap();
            }
        });
        while !rotating.is_finished() {
            assert_eq!(contents(&unlocked), expected);
        }
    });
}
