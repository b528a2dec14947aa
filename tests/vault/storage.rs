//! Storage that fails: nothing is called committed that is not durable.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coffer_pkcs11::store::{self, Backend, Guard, Identity, Image};
use coffer_pkcs11::vault::{Change, Error, Options, Vault};

use super::*;

/// A file in memory whose writes and syncs fail when told to.
struct Failing {
    inner: Arc<MemoryBackend>,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// The operating system's error of the next sync; 0 for none.
    sync: AtomicU32,
    write: AtomicU32,
}

struct FailingImage(Arc<dyn Image>, Arc<Faults>);

fn fault(code: &AtomicU32) -> io::Result<()> {
    match code.load(Ordering::Relaxed) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code as i32)),
    }
}

impl Backend for Failing {
    fn open(&self) -> Result<Arc<dyn Image>, store::Error> {
        Ok(Arc::new(FailingImage(self.inner.open()?, Arc::clone(&self.faults))))
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
        self.inner.lock(timeout)
    }
}

impl Image for FailingImage {
    fn identity(&self) -> Identity {
        self.0.identity()
    }
    fn writable(&self) -> bool {
        true
    }
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        // Half of it arrives before the device is full.
        let half = &bytes[..bytes.len().div_ceil(2)];
        if fault(&self.1.write).is_err() && half.len() < bytes.len() {
            return self.0.write_at(half, offset);
        }
        fault(&self.1.write)?;
        self.0.write_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        fault(&self.1.sync)?;
        self.0.sync()
    }
}

fn failing() -> (Arc<Vault>, Unlocked, Arc<Faults>, Arc<MemoryBackend>) {
    let inner = Arc::new(MemoryBackend::new());
    token(inner.clone());
    let faults = Arc::new(Faults::default());
    let vault = open(Arc::new(Failing { inner: inner.clone(), faults: Arc::clone(&faults) }));
    let unlocked = user(&vault);
    (vault, unlocked, faults, inner)
}

#[test]
fn a_full_device_is_an_error_and_leaves_the_token_as_it_was() {
    let (_, unlocked, faults, inner) = failing();
    let before = inner.contents().unwrap();
    faults.write.store(libc::ENOSPC as u32, Ordering::Relaxed);
    let error = unlocked.commit(vec![Change::Add(private(1))]).unwrap_err();
    assert_eq!(error, Error::Store(store::Error::Full));
    assert_eq!(inner.contents().unwrap(), before);
    faults.write.store(0, Ordering::Relaxed);
    add(&unlocked, private(1));
    assert_eq!(contents(&user(&open(inner))).len(), 1);
}

#[test]
fn after_a_failed_sync_nothing_more_is_written_until_the_token_is_opened_again() {
    let (_, unlocked, faults, inner) = failing();
    faults.sync.store(libc::EIO as u32, Ordering::Relaxed);
    let error = unlocked.commit(vec![Change::Add(private(1))]).unwrap_err();
    assert_eq!(error, Error::Store(store::Error::Io { operation: "sync", code: Some(libc::EIO) }));
    faults.sync.store(0, Ordering::Relaxed);
    assert_eq!(unlocked.commit(vec![Change::Add(private(1))]), Err(Error::Failed));
    assert!(unlocked.records().unwrap().is_empty(), "reading goes on");
    let again = user(&open(inner));
    assert!(contents(&again).is_empty());
    add(&again, private(1));
}

#[test]
fn an_attempt_that_cannot_be_counted_is_not_made() {
    let (vault, _, faults, _) = failing();
    faults.sync.store(libc::EIO as u32, Ordering::Relaxed);
    let error = vault.login(coffer_pkcs11::vault::Entry::User, &secret(USER_PIN)).err().unwrap();
    assert!(matches!(error, Error::Store(store::Error::Io { .. })), "{error}");
}

#[test]
fn a_lock_that_is_held_elsewhere_is_waited_for_and_then_reported() {
    let inner = Arc::new(MemoryBackend::new());
    token(inner.clone());
    let options = Options { lock_timeout: Duration::from_millis(20), ..options() };
    let vault = Vault::open(inner.clone(), options).unwrap();
    let guard = inner.lock(Duration::ZERO).unwrap();
    let busy = Err(Error::Store(store::Error::Busy));
    assert_eq!(vault.add_unauthenticated(vec![public(1)]), busy);
    drop(guard);
    vault.add_unauthenticated(vec![public(1)]).unwrap();
}
