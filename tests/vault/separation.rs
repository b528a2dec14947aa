//! Who holds which key: further roles with PINs of their own, and tokens whose security officer opens no objects.

use coffer_pkcs11::crypto::recipient::PrivateHalf;
use coffer_pkcs11::vault::Checked;

use super::*;

const ALICE: Entry = Entry::Other(1);

fn separated(backend: Arc<dyn Backend>) -> Arc<Vault> {
    let pin = secret(SO_PIN);
    let vault = Vault::create(backend, options(), NewToken { separated: true, ..new_token(&pin) }).unwrap();
    officer(&vault).start_anew(&secret(USER_PIN), FAST, Vec::new()).unwrap();
    vault
}

fn officer(vault: &Arc<Vault>) -> Unlocked {
    vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap()
}

fn add_alice(unlocked: &Unlocked, opens_objects: bool) -> Result<(), Error> {
    let about = (b"alice".to_vec(), opens_objects);
    unlocked.add_entry(|_| Some(ALICE), &secret(b"wonderland"), FAST, about, Vec::new()).map(|_| ())
}

fn alice(vault: &Arc<Vault>) -> Result<Unlocked, Error> {
    vault.login(ALICE, &secret(b"wonderland"))
}

#[test]
fn the_officers_pin_of_a_separated_token_opens_no_private_record_and_no_secret() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = separated(backend.clone());
    let user = user(&vault);
    user.commit(vec![Change::Add(private(1)), Change::Add(public(2))]).unwrap();
    add(&user, Put { visibility: Visibility::Public, ..private(3) });
    let officer = officer(&vault);
    assert!(!officer.opens_objects().unwrap() && user.opens_objects().unwrap());
    let seen: Vec<_> = officer.records().unwrap().iter().map(|record| record.id).collect();
    assert!(seen.contains(&id(2)) && seen.contains(&id(3)) && seen.len() == 2);
    assert_eq!(officer.record(id(1)), Ok(None));
    assert_eq!(officer.metadata(id(1)), Err(Error::NotAllowed));
    assert_eq!(officer.metadata(id(2)).unwrap(), b"metadata 2");
    for number in [1, 3] {
        assert_eq!(officer.secret(id(number)).err(), Some(Error::NotAllowed));
    }
    // It writes what needs no object key, with a code that the user's login verifies, and nothing else.
    add(&officer, public(4));
    for put in [private(5), Put { visibility: Visibility::Public, ..private(5) }] {
        assert_eq!(officer.commit(vec![Change::Add(put)]), Err(Error::NotAllowed));
    }
    assert_eq!(officer.rotate_root().err(), Some(Error::NotAllowed));
    let kept = contents(&user);
    assert_eq!(kept.len(), 4);
    let Checked { objects, .. } = vault.verify(Entry::SecurityOfficer, &secret(SO_PIN), |_, _| {}).unwrap();
    assert_eq!(objects, 4);
    let bytes = backend.contents().unwrap();
    assert_eq!(
        coffer_pkcs11::vault::salvage(&bytes, Entry::SecurityOfficer, &secret(SO_PIN), &options()).err(),
        Some(Error::NotAllowed)
    );
}

#[test]
fn the_officer_of_a_separated_token_changes_its_own_pin_and_the_user_rotates_both_keys() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = separated(backend.clone());
    let user = user(&vault);
    add(&user, private(1));
    let before = contents(&user);
    // A compaction by the officer copies what it cannot open, and seals no INDEX.
    officer(&vault).set_entry(Entry::SecurityOfficer, &secret(b"another so pin"), FAST).unwrap();
    assert_eq!(vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).err(), Some(Error::PinIncorrect));
    let officer = vault.login(Entry::SecurityOfficer, &secret(b"another so pin")).unwrap();
    assert_eq!(contents(&user), before);
    assert_eq!(contents(&super::user(&open(backend.clone()))), before);
    user.rotate_root().unwrap();
    add(&officer, public(2));
    let reopened = open(backend.clone());
    assert_eq!(contents(&super::user(&reopened)).len(), 2);
    assert!(reopened.login(Entry::SecurityOfficer, &secret(b"another so pin")).is_ok());
    assert_eq!(officer.set_entry(Entry::User, &secret(b"mine now"), FAST).err(), Some(Error::NotAllowed));
    assert_eq!(add_alice(&officer, true), Err(Error::NotAllowed));
}

#[test]
fn starting_anew_leaves_public_records_and_nothing_that_was_sealed() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = separated(backend.clone());
    let user = user(&vault);
    user.commit(vec![Change::Add(private(1)), Change::Add(public(2))]).unwrap();
    add(&user, Put { visibility: Visibility::Public, ..private(3) });
    add_alice(&user, true).unwrap();
    let officer = officer(&vault);
    let bob = (b"bob".to_vec(), false);
    officer.add_entry(|_| Some(Entry::Other(2)), &secret(b"builder"), FAST, bob, Vec::new()).unwrap();
    assert!(vault.login(Entry::User, &secret(b"wrong")).is_err());

    officer.start_anew(&secret(b"new user pin"), FAST, Vec::new()).unwrap();
    assert_eq!(user.records().err(), Some(Error::KeysChanged));
    assert_eq!(alice(&vault).err(), Some(Error::NotInitialised));
    let bob = vault.login(Entry::Other(2), &secret(b"builder")).unwrap();
    assert!(!bob.opens_objects().unwrap());
    assert_eq!(vault.login(Entry::User, &secret(USER_PIN)).err(), Some(Error::PinIncorrect));
    let anew = vault.login(Entry::User, &secret(b"new user pin")).unwrap();
    assert_eq!(contents(&anew), [(id(2), b"tag 2".to_vec(), b"metadata 2".to_vec(), None)]);
    assert_eq!(vault.pin_state(Entry::User).unwrap().failures, 0);
    add(&anew, private(7));
    add(&officer, public(8));
    assert_eq!(contents(&vault.login(Entry::User, &secret(b"new user pin")).unwrap()).len(), 3);
    assert_eq!(anew.start_anew(&secret(b"new user pin"), FAST, Vec::new()).err(), Some(Error::NotAllowed));
    let joined = token(Arc::new(MemoryBackend::new()));
    assert_eq!(
        super::separation::officer(&joined).start_anew(&secret(USER_PIN), FAST, Vec::new()).err(),
        Some(Error::NotAllowed)
    );
}

#[test]
fn a_further_role_has_a_pin_of_its_own_until_it_is_taken_away() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    let user = user(&vault);
    add(&user, private(1));
    let officer = officer(&vault);
    add_alice(&officer, true).unwrap();
    assert_eq!(add_alice(&officer, true), Err(Error::RecordExists));
    assert_eq!(vault.entries().len(), 3);
    assert!(vault.entries().contains(&(ALICE, b"alice".to_vec())));
    // Its failures are counted apart.
    assert_eq!(vault.login(ALICE, &secret(USER_PIN)).err(), Some(Error::PinIncorrect));
    assert_eq!(vault.pin_state(ALICE).unwrap().failures, 1);
    assert_eq!(vault.pin_state(Entry::User).unwrap().failures, 0);
    let unlocked = alice(&vault).unwrap();
    assert_eq!(contents(&unlocked), contents(&user));
    // What was said about it stays through a new PIN, a compaction and a rotation.
    officer.set_entry(ALICE, &secret(b"wonderland"), FAST).unwrap();
    user.rotate_root().unwrap();
    let reopened = open(backend.clone());
    assert_eq!(reopened.entries(), vault.entries());
    assert_eq!(contents(&alice(&reopened).unwrap()), contents(&user));

    officer.end_entry(ALICE, vec![Change::Add(public(2))]).unwrap();
    assert_eq!(alice(&vault).err(), Some(Error::NotInitialised));
    assert_eq!(unlocked.records().err(), Some(Error::KeysChanged), "the token has a new root key");
    assert_eq!(contents(&user).len(), 2);
    let reopened = open(backend.clone());
    assert_eq!(reopened.entries().len(), 2);
    assert_eq!(alice(&reopened).err(), Some(Error::NotInitialised));
    assert_eq!(officer.end_entry(ALICE, Vec::new()).err(), Some(Error::NotInitialised));
    for entry in [Entry::User, Entry::SecurityOfficer] {
        assert_eq!(officer.end_entry(entry, Vec::new()).err(), Some(Error::NotAllowed));
    }
}

#[test]
fn the_administration_key_needs_a_separated_token() {
    let vault = token(Arc::new(MemoryBackend::new()));
    assert_eq!(add_alice(&officer(&vault), false), Err(Error::NotAllowed));
}

#[test]
fn a_doctored_description_of_a_role_is_found_at_its_login() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    add_alice(&officer(&vault), true).unwrap();
    let mut bytes = backend.contents().unwrap();
    let place = bytes.windows(5).rposition(|window| window == b"alice").unwrap();
    bytes[place] = b'b';
    assert!(Vault::open(memory(&bytes), options()).is_err(), "the chain does not hold");
}

#[test]
fn the_entry_of_a_public_key_opens_with_its_private_half_until_another_takes_its_place() {
    for is_separated in [false, true] {
        let backend = Arc::new(MemoryBackend::new());
        let vault = if is_separated { separated(backend.clone()) } else { token(backend.clone()) };
        let user = user(&vault);
        add(&user, private(1));
        let (first, second) = (PrivateHalf::random().unwrap(), PrivateHalf::random().unwrap());
        let replace = |key: &PrivateHalf, about: &[u8]| {
            user.set_public_entry(ALICE, &key.public_half().unwrap(), about.to_vec(), vec![]).unwrap();
        };
        assert_eq!(vault.open_entry(ALICE, &first).err(), Some(Error::NotInitialised));
        replace(&first, b"set one");
        let opened = vault.open_entry(ALICE, &first).unwrap();
        assert_eq!(contents(&opened), contents(&user));
        let before = backend.contents().unwrap();
        replace(&second, b"set two");
        for _ in 0..20 {
            assert_eq!(vault.open_entry(ALICE, &first).err(), Some(Error::PinIncorrect));
        }
        assert_eq!(vault.pin_state(ALICE).unwrap().failures, 0);
        assert_eq!(contents(&vault.open_entry(ALICE, &second).unwrap()), contents(&user));
        assert!(vault.entries().contains(&(ALICE, b"set two".to_vec())));
        // Nothing of the old entry is left in the file; an older copy of the file is what it was.
        let bytes = backend.contents().unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"set one"));
        if is_separated {
            assert_eq!(opened.records().err(), Some(Error::KeysChanged), "the token has a new root key");
        }
        assert!(open(memory(&before)).open_entry(ALICE, &first).is_ok());
        // It gives the user a new PIN, and goes on after it and after rotations, also those of others.
        let opened = vault.open_entry(ALICE, &second).unwrap();
        opened.set_entry(Entry::User, &secret(b"another user pin"), FAST).unwrap();
        assert_eq!(vault.login(Entry::User, &secret(USER_PIN)).err(), Some(Error::PinIncorrect));
        let user = vault.login(Entry::User, &secret(b"another user pin")).unwrap();
        user.rotate_root().unwrap();
        assert_eq!(contents(&opened), contents(&user));
        let reopened = open(backend.clone());
        assert_eq!(contents(&reopened.open_entry(ALICE, &second).unwrap()), contents(&user));
        // No PIN opens it, and it opens no PIN's.
        assert_eq!(vault.login(ALICE, &secret(USER_PIN)).err(), Some(Error::KdfRefused));
        assert_eq!(vault.open_entry(Entry::User, &second).err(), Some(Error::NotInitialised));
    }
}

#[test]
fn the_administration_makes_no_entry_that_opens_and_exchanges_no_public_key() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = separated(backend.clone());
    let user = user(&vault);
    let (key, own) = (PrivateHalf::random().unwrap(), PrivateHalf::random().unwrap());
    user.set_public_entry(ALICE, &key.public_half().unwrap(), b"set".to_vec(), vec![]).unwrap();
    let officer = officer(&vault);
    let refused = officer.set_public_entry(ALICE, &own.public_half().unwrap(), vec![], vec![]);
    assert_eq!(refused.err(), Some(Error::NotAllowed));
    // It copies the entry when it compacts.
    officer.compact().unwrap();
    assert!(vault.open_entry(ALICE, &key).unwrap().opens_objects().unwrap());
}

#[test]
fn further_roles_are_saved_from_a_damaged_file_with_their_pins() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = separated(backend.clone());
    let user = user(&vault);
    add_alice(&user, true).unwrap();
    officer(&vault)
        .add_entry(|_| Some(Entry::Other(2)), &secret(b"builder"), FAST, (b"bob".to_vec(), false), vec![])
        .unwrap();
    let recovery = PrivateHalf::random().unwrap();
    let public = recovery.public_half().unwrap();
    user.set_public_entry(Entry::Other(3), &public, b"carol".to_vec(), vec![]).unwrap();
    add(&user, private(1));
    let found = |bytes: &[u8]| {
        coffer_pkcs11::vault::salvage(bytes, Entry::User, &secret(USER_PIN), &options()).unwrap()
    };
    let saved = found(&backend.contents().unwrap());
    let named: Vec<&[u8]> = saved.entries.iter().map(|entry| entry.about()).collect();
    assert!(saved.separated && named == [&b"alice"[..], b"bob", b"carol"]);

    let fresh = Arc::new(MemoryBackend::new());
    let anew = separated(fresh.clone());
    super::user(&anew).adopt_entries(&saved.entries).unwrap();
    super::user(&anew).adopt_entries(&saved.entries).unwrap();
    assert!(alice(&anew).unwrap().opens_objects().unwrap());
    let bob = anew.login(Entry::Other(2), &secret(b"builder")).unwrap();
    assert!(!bob.opens_objects().unwrap());
    super::user(&anew).rotate_root().unwrap();
    assert!(alice(&open(fresh.clone())).is_ok());
    assert!(open(fresh).open_entry(Entry::Other(3), &recovery).is_ok());

    // Who was removed does not come back, and neither does who nothing speaks for any more.
    user.end_entry(ALICE, vec![]).unwrap();
    assert_eq!(found(&backend.contents().unwrap()).entries.len(), 2);
    let mut bytes = backend.contents().unwrap();
    let place = bytes.windows(3).rposition(|window| window == b"bob").unwrap();
    bytes[place] = b'r';
    let left = found(&bytes).entries;
    assert!(left.iter().all(|entry| entry.about() == b"carol"), "bob is gone");
}
