//! Several vaults, threads and copies of one file.

use coffer_pkcs11::vault::{Change, Changes, Error, Put, SecretPart, TagBytes};

use super::*;

#[test]
fn two_vaults_on_one_file_see_what_the_other_commits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let (first, second) = (token(file(&path)), open(file(&path)));
    let (one, two) = (user(&first), user(&second));
    add(&one, private(1));
    let since = second.revision();
    assert!(second.changed().unwrap());
    assert!(matches!(second.refresh(since).unwrap(), Changes::Records { ids, .. } if ids == [id(1)]));
    assert_eq!(two.secret(id(1)).unwrap().as_bytes(), b"secret 1");
    let put = Put { secret: SecretPart::New(secret(b"changed")), ..private(1) };
    two.commit(vec![Change::Replace { put, expected: None }]).unwrap();
    // A writer need not refresh first: it catches up by itself.
    add(&one, private(2));
    assert_eq!(one.secret(id(1)).unwrap().as_bytes(), b"changed");
    one.commit(vec![Change::Delete(id(1))]).unwrap();
    let gone = two.commit(vec![Change::Replace { put: private(1), expected: None }]);
    assert_eq!(gone, Err(Error::NoSuchRecord));
    assert_eq!(contents(&one), contents(&two));
}

#[test]
fn threads_of_several_vaults_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let vaults: Vec<_> = (0..3).map(|_| open(file(&path))).collect();
    let unlocked: Vec<_> = vaults.iter().map(user).collect();
    std::thread::scope(|scope| {
        for thread in 0..6_u8 {
            let unlocked = &unlocked[usize::from(thread % 3)];
            scope.spawn(move || {
                for step in 0..15 {
                    let number = thread * 20 + step;
                    add(unlocked, private(number));
                    assert!(unlocked.record(id(number)).unwrap().is_some());
                    if step == 7 && thread % 2 == 0 {
                        unlocked.compact().unwrap();
                    }
                    if step % 3 == 0 {
                        unlocked.commit(vec![Change::Delete(id(number))]).unwrap();
                    }
                }
            });
        }
    });
    let fresh = user(&open(file(&path)));
    fresh.verify(|_, _| {}).unwrap();
    let expected = contents(&fresh);
    assert_eq!(expected.len(), 6 * 10);
    for (vault, unlocked) in vaults.iter().zip(&unlocked) {
        vault.refresh(vault.revision()).unwrap();
        assert_eq!(contents(unlocked), expected);
    }
}

#[test]
fn threads_that_commit_together_share_transactions_and_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let unlocked = user(&vault);
    add(&unlocked, private(255));
    let before = vault.revision();
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let unlocked = unlocked.clone();
            scope.spawn(move || {
                for step in 0..20 {
                    let number = thread * 20 + step;
                    add(&unlocked, private(number));
                    assert_eq!(
                        unlocked.secret(id(number)).unwrap().as_bytes(),
                        format!("secret {number}").as_bytes()
                    );
                    let refused = unlocked.commit(vec![Change::Add(private(200)), Change::Add(private(255))]);
                    assert_eq!(refused, Err(Error::RecordExists));
                    // All of them change one record, one after the other.
                    let put = Put { secret: SecretPart::Keep, ..private(255) };
                    unlocked.commit(vec![Change::Replace { put, expected: None }]).unwrap();
                }
            });
        }
    });
    assert_eq!(contents(&unlocked).len(), 161);
    let transactions = vault.revision().0 - before.0;
    assert!((160..=320).contains(&transactions), "{transactions} transactions");
    let fresh = user(&open(file(&path)));
    fresh.verify(|_, _| {}).unwrap();
    assert_eq!(contents(&fresh), contents(&unlocked));
}

#[test]
fn a_plain_copy_of_a_live_token_is_a_valid_token() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("t.coffer"), folder.path().join("copy.coffer"));
    let vault = token(file(&path));
    let unlocked = user(&vault);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1..=60 {
                add(&unlocked, private(number));
            }
        });
        while !writer.is_finished() {
            std::fs::copy(&path, &copy).unwrap();
            let copied = user(&open(file(&copy)));
            copied.verify(|_, _| {}).unwrap();
            for (found, number) in contents(&copied).iter().zip(1..) {
                assert_eq!(found.3, Some(format!("secret {number}").into_bytes()));
            }
        }
    });
    std::fs::copy(&path, &copy).unwrap();
    let copied = open(file(&copy));
    assert_eq!(copied.uuid(), vault.uuid(), "the caller tells copies by their uuid");
    assert_eq!(contents(&user(&copied)).len(), 60);
}

#[test]
fn both_of_two_copies_that_go_on_seal_under_different_keys() {
    let backend = Arc::new(MemoryBackend::new());
    token(backend.clone());
    let copy = memory(&backend.contents().unwrap());
    add(&user(&open(backend.clone())), private(1));
    add(&user(&open(copy.clone())), private(1));
    let (one, two) = (backend.contents().unwrap(), copy.contents().unwrap());
    assert_eq!(one.len(), two.len());
    // Two texts under one keystream would be equal here, since the plaintexts are.
    let sealed = |bytes: &[u8]| bytes[bytes.len() - 300..bytes.len() - 250].to_vec();
    assert_ne!(sealed(&one), sealed(&two));
}

#[test]
fn a_cold_open_does_not_open_secrets() {
    // A secret that does not verify hinders neither the login nor the list of records with their tags, only its own
    // use: so it was not opened before.
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    unlocked.compact().unwrap();
    let fresh = open(backend.clone());
    let body = backend.contents().unwrap().windows(16).position(|window| window == [1; 16]).unwrap();
    coffer_pkcs11::store::write_all(&*backend.open().unwrap(), &[0; 8], body as u64 + 44 + 300).unwrap();
    let fresh_unlocked = user(&fresh);
    assert_eq!(fresh_unlocked.records().unwrap()[0].tag, TagBytes::new(b"tag 1"));
    assert!(matches!(fresh_unlocked.secret(id(1)), Err(Error::Damaged { .. })));
}
