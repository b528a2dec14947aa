//! PINs: counting, locking, changing; files that cannot be written to.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coffer_pkcs11::store::{self, Guard, Identity, Image};
use coffer_pkcs11::vault::{Change, Entry, Error, Kdf, NewToken, Options, Vault};

use super::*;

fn try_pin(vault: &Arc<Vault>, pin: &[u8]) -> Result<(), Error> {
    vault.login(Entry::User, &secret(pin)).map(|_| ())
}

#[test]
fn wrong_pins_are_counted_and_lock_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let other = open(file(&path));
    for failures in 1..10 {
        assert_eq!(try_pin(&vault, b"9999"), Err(Error::PinIncorrect));
        let state = other.pin_state(Entry::User).unwrap();
        assert_eq!((state.failures, state.count_low, state.final_try), (failures, true, failures == 9));
        assert!(!state.locked);
    }
    assert_eq!(try_pin(&other, b"9999"), Err(Error::PinIncorrect));
    assert!(vault.pin_state(Entry::User).unwrap().locked);
    assert_eq!(try_pin(&vault, USER_PIN), Err(Error::PinLocked));
    assert_eq!(try_pin(&open(file(&path)), USER_PIN), Err(Error::PinLocked));
    // The other role is not concerned and can help.
    let officer = vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    officer.set_entry(Entry::User, &secret(b"4321"), FAST).unwrap();
    assert_eq!(try_pin(&other, b"4321"), Ok(()));
}

#[test]
fn a_right_pin_sets_the_count_back() {
    let vault = token(Arc::new(MemoryBackend::new()));
    for _ in 0..3 {
        for _ in 0..9 {
            assert_eq!(try_pin(&vault, b"9999"), Err(Error::PinIncorrect));
        }
        assert_eq!(try_pin(&vault, USER_PIN), Ok(()));
        assert!(!vault.pin_state(Entry::User).unwrap().count_low);
    }
}

/// A token whose PIN somebody sets anew so many times, each time just before this process gets the lock.
struct Restless {
    inner: Arc<MemoryBackend>,
    officer: Unlocked,
    changes: AtomicUsize,
}

impl Backend for Restless {
    fn open(&self) -> Result<Arc<dyn Image>, store::Error> {
        self.inner.open()
    }
    fn identity(&self) -> Result<Identity, store::Error> {
        self.inner.identity()
    }
    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, store::Error> {
        self.inner.create(contents)
    }
    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, store::Error> {
        self.inner.replace(old, contents)
    }
    fn sync_name(&self) -> Result<(), store::Error> {
        self.inner.sync_name()
    }
    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, store::Error> {
        if self.changes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            self.officer.set_entry(Entry::User, &secret(USER_PIN), FAST).unwrap();
        }
        self.inner.lock(timeout)
    }
}

/// Found by the campaign with killed processes: after four changes of the PIN by others a right login failed, and
/// C_SetPIN said CKR_USER_NOT_LOGGED_IN.
#[test]
fn a_right_login_succeeds_however_often_others_change_the_pin_meanwhile() {
    let inner = Arc::new(MemoryBackend::new());
    let officer = token(inner.clone()).login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    let backend = Arc::new(Restless { inner, officer, changes: AtomicUsize::new(20) });
    assert_eq!(try_pin(&open(backend.clone()), USER_PIN), Ok(()));
    assert_eq!(backend.changes.load(Ordering::Relaxed), 0);
    // Who never comes to rest is busy, as one who holds the lock.
    backend.changes.store(usize::MAX, Ordering::Relaxed);
    let impatient = Options { lock_timeout: Duration::from_millis(50), ..options() };
    let vault = Vault::open(backend, impatient).unwrap();
    assert_eq!(try_pin(&vault, USER_PIN), Err(Error::Store(store::Error::Busy)));
}

#[test]
fn a_role_without_a_pin_cannot_log_in() {
    let pin = secret(SO_PIN);
    let vault = Vault::create(Arc::new(MemoryBackend::new()), options(), new_token(&pin)).unwrap();
    assert_eq!(try_pin(&vault, USER_PIN), Err(Error::NotInitialised));
    assert!(!vault.pin_state(Entry::User).unwrap().initialised);
    assert!(vault.pin_state(Entry::SecurityOfficer).unwrap().initialised);
}

#[test]
fn a_pin_change_writes_one_entry_and_leaves_no_old_one_behind() {
    let backend = Arc::new(MemoryBackend::new());
    let vault = token(backend.clone());
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    let before = backend.contents().unwrap();
    let old_salt = salt_of(&before, 2).unwrap();
    unlocked.set_entry(Entry::User, &secret(b"4321"), FAST).unwrap();
    let after = backend.contents().unwrap();
    assert_eq!(salt_of(&before, 1), salt_of(&after, 1), "the SO's entry is the same");
    assert!(!after.windows(32).any(|window| window == old_salt), "the old entry is gone");
    assert_eq!(try_pin(&vault, USER_PIN), Err(Error::PinIncorrect));
    assert_eq!(try_pin(&vault, b"4321"), Ok(()));
    vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    assert_eq!(unlocked.secret(id(1)).unwrap().as_bytes(), b"secret 1", "the session goes on");
}

/// The salt of an entry's WRAP record, found by its frame.
fn salt_of(bytes: &[u8], entry: u8) -> Option<Vec<u8>> {
    let frame = bytes
        .windows(80)
        .find(|window| window.starts_with(b"CfRc\x05") && window[24..28] == [entry, 0, 0, 0])?;
    Some(frame[24 + 16..24 + 48].to_vec())
}

#[test]
fn a_hundred_right_logins_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let vaults: Vec<_> = (0..4).map(|_| open(file(&path))).collect();
    let results = in_parallel(100, |number| try_pin(&vaults[number % 4], USER_PIN));
    assert!(results.iter().all(|result| *result == Ok(())), "{results:?}");
    assert_eq!(vaults[0].pin_state(Entry::User).unwrap().failures, 0);
}

#[test]
fn a_hundred_wrong_logins_at_once_are_exactly_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let vaults: Vec<_> = (0..4).map(|_| open(file(&path))).collect();
    let results = in_parallel(100, |number| try_pin(&vaults[number % 4], b"9999"));
    let tried = results.iter().filter(|result| **result == Err(Error::PinIncorrect)).count();
    let locked = results.iter().filter(|result| **result == Err(Error::PinLocked)).count();
    assert_eq!((tried, locked), (10, 90));
}

fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                scope.spawn({
                    let work = &work;
                    move || work(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_doctored_iteration_count_is_refused_however_the_file_was_mended() {
    // A reader with limits above and below the count in the file stands for a file with a doctored count.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let strict = Vault::open(file(&path), Options::default()).unwrap();
    assert_eq!(try_pin(&strict, USER_PIN), Err(Error::KdfRefused));
    let cautious = Options { minimum_iterations: 1, maximum_iterations: 1, ..Options::default() };
    assert_eq!(try_pin(&Vault::open(file(&path), cautious).unwrap(), USER_PIN), Err(Error::KdfRefused));
    // And none below the floor can be set.
    let officer = open(file(&path)).login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    let none = Kdf::Pbkdf2Sha512 { iterations: 0 };
    assert_eq!(officer.set_entry(Entry::User, &secret(USER_PIN), none).err(), Some(Error::KdfRefused));
    assert_eq!(strict.pin_state(Entry::User).unwrap().failures, 0);
}

#[test]
fn where_failures_cannot_be_counted_a_login_is_refused_unless_the_token_allows_it() {
    for allow_readonly_login in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.coffer");
        let pin = secret(SO_PIN);
        let vault = token_with(file(&path), NewToken { allow_readonly_login, ..new_token(&pin) });
        let unlocked = user(&vault);
        unlocked.commit(vec![Change::Add(private(1)), Change::Add(public(2))]).unwrap();

        // As the secrets of a container are: behind a link, where nothing can be written.
        let link = folder.path().join("link.coffer");
        symlink(&path, &link).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        let read_only = open(file(&link));
        assert!(!read_only.writable());
        assert_eq!(read_only.metadata(id(2)).unwrap(), b"metadata 2");
        assert_eq!(read_only.add_unauthenticated(vec![public(3)]), Err(Error::ReadOnly));
        if allow_readonly_login {
            assert_eq!(try_pin(&read_only, b"9999"), Err(Error::PinIncorrect));
            let unlocked = user(&read_only);
            assert_eq!(unlocked.secret(id(1)).unwrap().as_bytes(), b"secret 1");
            assert_eq!(unlocked.commit(vec![Change::Delete(id(1))]), Err(Error::ReadOnly));
            assert_eq!(unlocked.compact(), Err(Error::ReadOnly));
        } else {
            assert_eq!(try_pin(&read_only, USER_PIN), Err(Error::ReadOnly));
        }
    }
}
