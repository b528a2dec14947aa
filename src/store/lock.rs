//! The lock of a token file: `flock` on a separate file that is made once and never renamed or deleted.
//!
//! `flock` and not POSIX record locks, because those are dropped when *any* descriptor of the file is closed anywhere
//! in the host. The file is opened for each lock and closed afterwards, so that a host that closes descriptors
//! behind our back cannot make us lock something else.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use super::{Error, Guard};

/// How many locks one process can hold at once (one for each token it is writing to).
const SLOTS: usize = 64;
const FREE: i32 = -1;

static HELD: LockDescriptors = LockDescriptors([const { AtomicI32::new(FREE) }; SLOTS]);

/// The descriptors of the lock files that this process has open.
///
/// A forked child shares its parent's locks through them: as long as it keeps one open, the lock stays taken
/// even when the parent has died. The fork handler therefore closes in the child what [`LockDescriptors::take`]
/// returns; it only reads and writes atomics, so it may be called there.
pub struct LockDescriptors([AtomicI32; SLOTS]);

impl LockDescriptors {
    /// Hands out the next registered descriptor and forgets it; `None` when there are no more.
    pub fn take(&self) -> Option<i32> {
        self.0.iter().map(|slot| slot.swap(FREE, Ordering::AcqRel)).find(|descriptor| *descriptor != FREE)
    }

    fn insert(&self, descriptor: i32) -> Option<usize> {
        self.0.iter().position(|slot| {
            slot.compare_exchange(FREE, descriptor, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    fn remove(&self, slot: usize) {
        if let Some(slot) = self.0.get(slot) {
            slot.store(FREE, Ordering::Release);
        }
    }
}

/// The lock descriptors of this process, for the fork handler.
pub fn lock_descriptors() -> &'static LockDescriptors {
    &HELD
}

/// A held lock.
pub(super) struct FileLock {
    file: File,
    slot: Option<usize>,
}

impl FileLock {
    /// Opens (or makes, with permissions `mode`) the lock file and waits `timeout` at most for the lock.
    pub(super) fn take(path: &Path, mode: u32, timeout: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + timeout;
        let file = open_lock_file(path, mode).map_err(|error| Error::from_io("open the lock of", &error))?;
        let lock = Self { slot: HELD.insert(file.as_raw_fd()), file };
        let mut pause = Duration::from_micros(50);
        loop {
            match lock.file.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Err(Error::Busy),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(Error::from_io("lock", &error)),
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }
}

/// Opens the lock file, or makes it with exactly these permissions, whatever the umask is.
fn open_lock_file(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    match options.clone().write(true).create_new(true).mode(mode).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(mode))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match options.clone().write(true).open(path) {
                // Reading is enough for `flock`.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => options.open(path),
                result => result,
            }
        }
        Err(error) => Err(error),
    }
}

impl Guard for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Unlocked by name, not only by closing: a child forked meanwhile may share the open file.
        let _ = self.file.unlock();
        if let Some(slot) = self.slot {
            HELD.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_waits_and_then_gives_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.lock");
        let first = FileLock::take(&path, 0o600, Duration::from_secs(1)).unwrap();
        let start = Instant::now();
        assert_eq!(FileLock::take(&path, 0o600, Duration::from_millis(30)).err(), Some(Error::Busy));
        assert!(start.elapsed() >= Duration::from_millis(30));
        drop(first);
        assert!(FileLock::take(&path, 0o600, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_lock_file_that_is_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.lock");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(FileLock::take(&path, 0o600, Duration::ZERO).is_err());
    }
}
