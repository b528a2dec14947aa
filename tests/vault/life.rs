//! The ordinary life of a token: make, open, log in, add, change, delete.

use coffer_pkcs11::store;
use coffer_pkcs11::vault::{
    Change, Changes, Entry, Error, NewToken, Put, Revision, SecretPart, Vault, Visibility,
};

use super::*;

#[test]
fn what_was_committed_is_there_after_opening_and_login() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let unlocked = user(&vault);
    unlocked.commit(vec![Change::Add(private(1)), Change::Add(public(2))]).unwrap();
    let before = contents(&unlocked);
    assert_eq!(before[0], (id(1), b"tag 1".into(), b"metadata 1".into(), Some(b"secret 1".into())));
    assert_eq!(before[1], (id(2), b"tag 2".into(), b"metadata 2".into(), None));

    let vault = open(file(&path));
    assert_eq!(vault.info(), INFO);
    assert!(vault.notes().is_empty());
    assert_eq!(vault.metadata(id(2)).unwrap(), b"metadata 2");
    assert_eq!(vault.metadata(id(1)), Err(Error::NotAllowed));
    assert_eq!(vault.record(id(1)).unwrap().tag, None);
    assert_eq!(vault.public_records().len(), 1);
    assert_eq!(contents(&user(&vault)), before);
    let officer = vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    assert_eq!(contents(&officer), before);
    officer.verify(|_, _| {}).unwrap();
}

#[test]
fn nothing_private_is_readable_in_the_file() {
    let backend = Arc::new(MemoryBackend::new());
    add(&user(&token(backend.clone())), private(1));
    let bytes = backend.contents().unwrap();
    for text in ["secret 1", "metadata 1", "tag 1"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}

#[test]
fn a_name_that_is_taken_is_not_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let pin = secret(SO_PIN);
    let again = Vault::create(file(&path), options(), new_token(&pin));
    assert_eq!(again.err(), Some(Error::Store(store::Error::Exists)));
}

#[test]
fn a_change_keeps_the_secret_without_opening_it() {
    let vault = token(Arc::new(MemoryBackend::new()));
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    let first = unlocked.record(id(1)).unwrap().unwrap();
    let put = || Put { secret: SecretPart::Keep, metadata: b"new".to_vec(), ..private(1) };
    let change = |expected| unlocked.commit(vec![Change::Replace { put: put(), expected }]);
    change(Some(first.sequence)).unwrap();
    assert_eq!(unlocked.metadata(id(1)).unwrap(), b"new");
    assert_eq!(unlocked.secret(id(1)).unwrap().as_bytes(), b"secret 1");
    assert!(unlocked.record(id(1)).unwrap().unwrap().sequence > first.sequence);
    // Who still knows the first version must not overwrite the second.
    assert_eq!(change(Some(first.sequence)), Err(Error::Conflict));
    change(None).unwrap();
    // Nor does a change of the visibility need the secret.
    let public = Put { visibility: Visibility::Public, ..put() };
    unlocked.commit(vec![Change::Replace { put: public, expected: None }]).unwrap();
    assert_eq!(vault.metadata(id(1)).unwrap(), b"new");
    assert_eq!(unlocked.secret(id(1)).unwrap().as_bytes(), b"secret 1");
}

#[test]
fn changes_of_records_that_are_not_there_are_refused_and_leave_no_trace() {
    let vault = token(Arc::new(MemoryBackend::new()));
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    let revision = vault.revision();
    let refused = |changes: Vec<Change>| unlocked.commit(changes).unwrap_err();
    let replace = |put| Change::Replace { put, expected: None };
    assert_eq!(refused(vec![Change::Add(private(2)), Change::Delete(id(9))]), Error::NoSuchRecord);
    assert_eq!(refused(vec![replace(private(9))]), Error::NoSuchRecord);
    assert_eq!(refused(vec![Change::Add(private(1))]), Error::RecordExists);
    assert_eq!(refused(vec![Change::Delete(id(1)), Change::Delete(id(1))]), Error::Conflict);
    let long = Put { tag: vec![0; 65], ..private(3) };
    assert_eq!(refused(vec![Change::Add(long)]), Error::TooLarge);
    assert_eq!((vault.revision(), vault.records().len()), (revision, 1));
    unlocked.commit(vec![Change::Delete(id(1))]).unwrap();
    assert_eq!(unlocked.secret(id(1)), Err(Error::NoSuchRecord));
}

#[test]
fn additions_without_a_login_stay_marked_for_ever() {
    let vault = token(Arc::new(MemoryBackend::new()));
    vault.add_unauthenticated(vec![public(1)]).unwrap();
    let unlocked = user(&vault);
    add(&unlocked, private(2));
    let marked = |unlocked: &Unlocked| !unlocked.record(id(1)).unwrap().unwrap().authenticated;
    assert!(marked(&unlocked));
    unlocked.commit(vec![Change::Replace { put: public(1), expected: None }]).unwrap();
    assert!(marked(&unlocked), "a change does not wash it");
    unlocked.compact().unwrap();
    assert!(marked(&unlocked), "nor does a compaction");
    assert!(unlocked.record(id(2)).unwrap().unwrap().authenticated);
}

#[test]
fn without_a_login_only_new_public_records_are_taken() {
    let vault = token(Arc::new(MemoryBackend::new()));
    let unlocked = user(&vault);
    add(&unlocked, public(1));
    let refused = |put| vault.add_unauthenticated(vec![put]).unwrap_err();
    assert_eq!(refused(public(1)), Error::RecordExists);
    assert_eq!(refused(private(2)), Error::NotAllowed);
    let with_secret = Put { secret: SecretPart::New(secret(b"x")), ..public(2) };
    assert_eq!(refused(with_secret), Error::NotAllowed);
    assert_eq!(vault.add_unauthenticated(vec![public(3), public(3)]).unwrap_err(), Error::RecordExists);
}

#[test]
fn a_follower_is_told_what_has_changed() {
    let vault = token(Arc::new(MemoryBackend::new()));
    let unlocked = user(&vault);
    let start = vault.revision();
    assert_eq!(vault.refresh(start).unwrap(), Changes::None);
    add(&unlocked, private(1));
    let revision = unlocked.commit(vec![Change::Add(private(2)), Change::Delete(id(1))]).unwrap();
    let changes = vault.refresh(start).unwrap();
    assert_eq!(changes, Changes::Records { revision, ids: vec![id(2), id(1)], info: false });
    assert!(matches!(vault.refresh(Revision(0)).unwrap(), Changes::All { .. }));
}

#[test]
fn a_token_that_is_initialised_anew_is_empty_and_ends_all_logins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let (uuid, unlocked) = (vault.uuid(), user(&vault));
    add(&unlocked, private(1));
    let (other, other_since) = (open(file(&path)), vault.revision());
    let other_unlocked = user(&other);

    let wrong = secret(b"wrong");
    let refused = vault.reinitialise(new_token(&wrong));
    assert_eq!(refused, Err(Error::PinIncorrect));
    assert_eq!(vault.pin_state(Entry::SecurityOfficer).unwrap().failures, 1);
    let pin = secret(SO_PIN);
    let new = NewToken { info: b"fresh".to_vec(), ..new_token(&pin) };
    let revision = vault.reinitialise(new).unwrap();

    assert!(revision > other_since);
    assert_eq!((vault.uuid(), vault.info()), (uuid, b"fresh".to_vec()));
    assert!(vault.records().is_empty());
    assert!(!vault.pin_state(Entry::User).unwrap().initialised);
    assert_eq!(vault.login(Entry::User, &secret(USER_PIN)).err(), Some(Error::NotInitialised));
    assert_eq!(unlocked.secret(id(1)), Err(Error::NoSuchRecord));
    assert_eq!(unlocked.commit(vec![Change::Add(private(2))]), Err(Error::KeysChanged));
    assert!(matches!(other.refresh(other_since).unwrap(), Changes::Reinitialised { .. }));
    assert_eq!(other_unlocked.records(), Err(Error::KeysChanged));
    vault.login(Entry::SecurityOfficer, &pin).unwrap();
}
