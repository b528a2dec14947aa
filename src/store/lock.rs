//! The lock of a token file: `flock` on a separate file that is made once and never renamed or deleted.
//!
//! `flock` and not POSIX record locks, because those are dropped when *any* descriptor of the file is closed anywhere
//! in the host. The file is opened for each lock and closed afterwards, so that a host that closes descriptors
//! behind our back cannot make us lock something else.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Error, Guard};

/// How many locks one process can hold at once (one for each token it is writing to).
const SLOTS: usize = 64;
const FREE: i32 = -1;
/// How long to wait for a moment without forks where nothing else is waited for.
const OPEN_TIMEOUT: Duration = Duration::from_millis(100);

static HELD: LockDescriptors = LockDescriptors {
    open: [const { AtomicI32::new(FREE) }; SLOTS],
    forks_begun: AtomicU64::new(0),
    forks_ended: AtomicU64::new(0),
};

/// The descriptors of the lock files that this process has open.
///
/// A forked child shares its parent's locks through them: as long as it keeps one open, the lock stays taken
/// even when the parent has died. The fork handlers of this process therefore tell when a fork begins and ends, and
/// close in the child what [`LockDescriptors::take`] returns. All that they call only reads and writes atomics.
///
/// Between the opening of a file and its entry here lies a moment in which a fork would go unnoticed. A lock is taken only
/// through a descriptor in whose moment no fork was under way; another one is closed again, so that what a child may
/// have inherited of it never holds a lock.
pub struct LockDescriptors {
    open: [AtomicI32; SLOTS],
    forks_begun: AtomicU64,
    forks_ended: AtomicU64,
}

impl LockDescriptors {
    /// Before a fork.
    pub fn fork_begins(&self) {
        self.forks_begun.fetch_add(1, Ordering::SeqCst);
    }

    /// After a fork, in the parent.
    pub fn fork_ended(&self) {
        self.forks_ended.fetch_add(1, Ordering::SeqCst);
    }

    /// After a fork, in the child: other threads' forks are not under way here.
    pub fn forked(&self) {
        self.forks_ended.store(self.forks_begun.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Hands out the next registered descriptor and forgets it; `None` when there are no more.
    pub fn take(&self) -> Option<i32> {
        self.open.iter().map(|slot| slot.swap(FREE, Ordering::AcqRel)).find(|descriptor| *descriptor != FREE)
    }

    /// How many forks there were, if none is under way. (Ended ones are asked for first, so that a fork that begins
    /// between the two questions counts.)
    fn between_forks(&self) -> Option<u64> {
        let ended = self.forks_ended.load(Ordering::SeqCst);
        (self.forks_begun.load(Ordering::SeqCst) == ended).then_some(ended)
    }

    fn insert(&self, descriptor: i32) -> Option<usize> {
        self.open.iter().position(|slot| {
            slot.compare_exchange(FREE, descriptor, Ordering::SeqCst, Ordering::Relaxed).is_ok()
        })
    }

    fn remove(&self, slot: usize) {
        if let Some(slot) = self.open.get(slot) {
            slot.store(FREE, Ordering::Release);
        }
    }
}

/// The lock descriptors of this process, for the fork handler.
pub fn lock_descriptors() -> &'static LockDescriptors {
    &HELD
}

/// An opened lock file whose descriptor is registered. What is locked through it is locked until it is dropped.
pub(super) struct FileLock {
    /// There until it is dropped.
    file: Option<File>,
    slot: usize,
    /// Device and inode.
    identity: (u64, u64),
}

impl FileLock {
    /// Opens (or makes, with permissions `mode`) the lock file and waits `timeout` at most for the lock.
    pub(super) fn take(path: &Path, mode: u32, timeout: Duration) -> Result<Self, Error> {
        let mut waiting = Waiting::new(timeout);
        let lock = Self::open(path, mode, &mut waiting)?;
        while !lock.try_with(File::try_lock)? {
            waiting.pause()?;
        }
        Ok(lock)
    }

    /// Shares the lock with others that do the same; `None` while somebody has it alone.
    pub(super) fn share(path: &Path, mode: u32) -> Result<Option<Self>, Error> {
        let lock = Self::open(path, mode, &mut Waiting::new(OPEN_TIMEOUT))?;
        Ok(lock.try_with(File::try_lock_shared)?.then_some(lock))
    }

    /// Opens or makes the lock file, in a moment without forks.
    fn open(path: &Path, mode: u32, waiting: &mut Waiting) -> Result<Self, Error> {
        loop {
            if let Some(forks) = HELD.between_forks() {
                let file =
                    open_lock_file(path, mode).map_err(|error| Error::from_io("open the lock of", &error))?;
                let identity = identity_of(&file)?;
                if let Some(slot) = HELD.insert(file.as_raw_fd()) {
                    let lock = Self { file: Some(file), slot, identity };
                    if HELD.between_forks() == Some(forks) {
                        return Ok(lock);
                    }
                }
            }
            waiting.pause()?;
        }
    }

    /// One try to lock; false if somebody else has the lock.
    fn try_with(&self, lock: fn(&File) -> Result<(), TryLockError>) -> Result<bool, Error> {
        let Some(file) = &self.file else { return Ok(false) };
        match lock(file) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(TryLockError::Error(error)) => Err(Error::from_io("lock", &error)),
        }
    }
}

fn identity_of(file: &File) -> Result<(u64, u64), Error> {
    let metadata = file.metadata().map_err(|error| Error::from_io("examine the lock of", &error))?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Longer and longer pauses until the time is up.
struct Waiting {
    deadline: Instant,
    pause: Duration,
}

impl Waiting {
    fn new(timeout: Duration) -> Self {
        Self { deadline: Instant::now() + timeout, pause: Duration::from_micros(50) }
    }

    /// [`Error::Busy`] when the time is up.
    fn pause(&mut self) -> Result<(), Error> {
        if Instant::now() >= self.deadline {
            return Err(Error::Busy);
        }
        std::thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(Duration::from_millis(2));
        Ok(())
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
        let Some(file) = self.file.take() else { return };
        let ours = identity_of(&file).ok() == Some(self.identity);
        if ours {
            // Unlocked by name, not only by closing: a child forked meanwhile may share the open file.
            let _ = file.unlock();
        }
        HELD.remove(self.slot);
        if !ours {
            // The host has closed our descriptor and opened something else under its number, which is not ours to close.
            let _ = file.into_raw_fd();
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
