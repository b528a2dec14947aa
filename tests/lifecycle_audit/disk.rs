//! The disk under a log, when it does not do what it should.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use coffer_pkcs11::store::{Backend, Error, Guard, Identity, Image};

/// What goes wrong.
#[derive(Default)]
pub struct Faults {
    /// Nothing is written at or beyond this byte; 0: there is room.
    pub full_at: AtomicU64,
    /// The header takes no write.
    pub header_fails: AtomicBool,
    pub sync_fails: AtomicBool,
    /// Somebody has the lock, and does not give it back.
    pub locked: AtomicBool,
}

/// A backend on such a disk.
pub struct Disk {
    pub inner: Arc<dyn Backend>,
    pub faults: Arc<Faults>,
}

struct Opened {
    inner: Arc<dyn Image>,
    faults: Arc<Faults>,
}

impl Backend for Disk {
    fn open(&self) -> Result<Arc<dyn Image>, Error> {
        Ok(Arc::new(Opened { inner: self.inner.open()?, faults: Arc::clone(&self.faults) }))
    }

    fn identity(&self) -> Result<Identity, Error> {
        self.inner.identity()
    }

    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        self.inner.create(contents)
    }

    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        self.inner.replace(old, contents)
    }

    fn sync_name(&self) -> Result<(), Error> {
        self.inner.sync_name()
    }

    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, Error> {
        if self.faults.locked.load(Relaxed) {
            // Whoever waits waits as long as it wants to.
            std::thread::park_timeout(timeout);
            return Err(Error::Busy);
        }
        self.inner.lock(timeout)
    }
}

impl Image for Opened {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn writable(&self) -> bool {
        true
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if offset < 1024 && self.faults.header_fails.load(Relaxed) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let room = match self.faults.full_at.load(Relaxed) {
            0 => u64::MAX,
            _ if offset < 1024 => u64::MAX,
            full_at => full_at.saturating_sub(offset),
        };
        match bytes.get(..usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len())) {
            Some([]) if !bytes.is_empty() => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            Some(fits) => self.inner.write_at(fits, offset),
            None => Ok(0),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.inner.truncate(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.faults.sync_fails.load(Relaxed) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        self.inner.sync()
    }
}
