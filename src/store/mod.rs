//! Where the bytes of a token file live. This layer knows files, locks and durability, and nothing of what the
//! bytes mean.
//!
//! [`Backend`] is a *name* (a path): it opens, creates, replaces and locks. [`Image`] is what a name stood for when
//! it was opened (an inode): it reads, writes and syncs. Both are small on purpose, and an `Image` may be as
//! unhelpful as a real file is (short reads and writes, EINTR), so that a simulated file system can stand in for
//! the real one and the loops that cope with it ([`read_up_to`], [`write_all`]) are tested too.

#![forbid(unsafe_code)]

mod error;
mod file;
pub mod folder;
mod lock;
mod memory;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::reserve;

pub use error::Error;
pub use file::{FileBackend, Mode};
pub use lock::{LockDescriptors, lock_descriptors};
pub use memory::MemoryBackend;

/// What tells two images apart: for a file its device and inode numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// A name under which one token file is stored.
pub trait Backend: Send + Sync {
    /// Opens what the name stands for now.
    ///
    /// Errors: [`Error::NotFound`], [`Error::Denied`], [`Error::Unsafe`] (a file that others may write to, or not
    /// a regular file), [`Error::Io`].
    fn open(&self) -> Result<Arc<dyn Image>, Error>;

    /// What the name stands for now, without opening it.
    fn identity(&self) -> Result<Identity, Error>;

    /// Makes the file with these contents, whole and durable, or not at all. [`Error::Exists`] if the name is
    /// taken: of two processes that create one name, exactly one succeeds.
    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, Error>;

    /// Puts a new image with these contents, and with the owner and permissions of `old`, in the place of the
    /// present one, whole and durable or not at all. The caller holds the lock.
    ///
    /// Errors: [`Error::NotReplaceable`] where the name cannot be renamed over (a bind-mounted file, a folder that
    /// is not writable): nothing has changed then.
    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, Error>;

    /// Makes it durable that the name stands for what it stands for now. Whoever replaced the file may have died, or
    /// have failed, between the rename and the sync of the folder: what is then committed to the new file would be
    /// lost with its name.
    fn sync_name(&self) -> Result<(), Error>;

    /// Takes the lock that keeps out every other writer, in this process and elsewhere, waiting `timeout` at most
    /// ([`Error::Busy`]). It is released when the guard is dropped, and when its holder dies.
    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, Error>;

    /// Tells other processes that this one has sessions with the token, until the guard is dropped or its holder dies.
    /// `None` where that cannot be told (a folder that takes no file, a token that is being initialised).
    fn attend(&self) -> Result<Option<Box<dyn Guard + Send + Sync>>, Error> {
        Ok(None)
    }

    /// Makes sure that nobody has said [`Backend::attend`] ([`Error::InUse`]), as long as the guard lives. `None` where
    /// that cannot be known.
    fn exclude(&self) -> Result<Option<Box<dyn Guard + Send + Sync>>, Error> {
        Ok(None)
    }
}

/// The proof that the lock is held; dropping it releases the lock.
pub trait Guard {}

/// One opened token file. The methods behave as the system calls do: reads and writes may be short, and
/// [`io::ErrorKind::Interrupted`] may be returned.
pub trait Image: Send + Sync {
    /// What was opened.
    fn identity(&self) -> Identity;

    /// True when the image can be written to.
    fn writable(&self) -> bool;

    /// The present length in bytes. An error if the descriptor no longer stands for this image.
    fn length(&self) -> io::Result<u64>;

    /// Reads at `offset` and returns how many bytes were read; 0 is the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset` and returns how many bytes were written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file down to `length` bytes.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Returns when everything written before is durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}

/// Reads from `offset` until `buffer` is full or the file ends; returns how many bytes were read.
pub fn read_up_to(image: &dyn Image, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match image.read_at(rest, offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from_io("read", &error)),
        }
    }
    Ok(done)
}

/// Reads everything from `offset` to the end of the file as it is now.
pub fn read_to_end(image: &dyn Image, offset: u64) -> Result<Vec<u8>, Error> {
    let length = image.length().map_err(|error| Error::from_io("measure", &error))?;
    let wanted = usize::try_from(length.saturating_sub(offset)).map_err(|_| Error::TooLarge)?;
    let mut bytes = zeroed(wanted)?;
    let count = read_up_to(image, &mut bytes, offset)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// So many zero bytes, or [`Error::TooLarge`].
pub fn zeroed(length: usize) -> Result<Vec<u8>, Error> {
    reserve::zeroed(length).map_err(|_| Error::TooLarge)
}

/// Writes all of `bytes` at `offset`.
pub fn write_all(image: &dyn Image, bytes: &[u8], offset: u64) -> Result<(), Error> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match image.write_at(rest, offset.saturating_add(done as u64)) {
            Ok(0) => return Err(Error::Full),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from_io("write", &error)),
        }
    }
    Ok(())
}

/// Makes everything written so far durable. A failure is final: the caller must not try again and call it success,
/// because the system may have dropped the pages that could not be written.
pub fn sync(image: &dyn Image) -> Result<(), Error> {
    loop {
        match image.sync() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(|error| Error::from_io("sync", &error)),
        }
    }
}

/// Cuts the file down to `length` bytes.
pub fn truncate(image: &dyn Image, length: u64) -> Result<(), Error> {
    loop {
        match image.truncate(length) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(|error| Error::from_io("truncate", &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image that reads and writes one byte at a time and is interrupted before each.
    struct Grudging(parking_lot::Mutex<(Vec<u8>, bool)>);

    impl Grudging {
        fn interrupted(&self) -> io::Result<()> {
            let mut state = self.0.lock();
            state.1 = !state.1;
            if state.1 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
        }
    }

    impl Image for Grudging {
        fn identity(&self) -> Identity {
            Identity { device: 0, inode: 0 }
        }
        fn writable(&self) -> bool {
            true
        }
        fn length(&self) -> io::Result<u64> {
            Ok(self.0.lock().0.len() as u64)
        }
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.interrupted()?;
            match self.0.lock().0.get(offset as usize) {
                Some(byte) => {
                    buffer[0] = *byte;
                    Ok(1)
                }
                None => Ok(0),
            }
        }
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            self.interrupted()?;
            let mut state = self.0.lock();
            let length = state.0.len().max(offset as usize + 1);
            state.0.resize(length, 0);
            state.0[offset as usize] = bytes[0];
            Ok(1)
        }
        fn truncate(&self, length: u64) -> io::Result<()> {
            self.interrupted()?;
            self.0.lock().0.truncate(length as usize);
            Ok(())
        }
        fn sync(&self) -> io::Result<()> {
            self.interrupted()
        }
    }

    #[test]
    fn short_and_interrupted_calls_are_carried_on() {
        let image = Grudging(parking_lot::Mutex::new((Vec::new(), false)));
        write_all(&image, b"hello world", 0).unwrap();
        sync(&image).unwrap();
        assert_eq!(read_to_end(&image, 6).unwrap(), b"world");
        truncate(&image, 5).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(read_up_to(&image, &mut buffer, 0).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
    }
}
