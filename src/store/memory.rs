//! A token file in memory, for tests and for tokens that are to vanish with the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Backend, Error, Guard, Identity, Image};

/// A name that stands for bytes in memory.
#[derive(Default)]
pub struct MemoryBackend {
    current: Mutex<Option<Arc<MemoryImage>>>,
    locked: Arc<AtomicBool>,
    images: AtomicU64,
}

impl MemoryBackend {
    /// A name without a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name whose file has these contents.
    pub fn with_contents(contents: Vec<u8>) -> Self {
        let backend = Self::new();
        *backend.current.lock() = Some(backend.image(contents));
        backend
    }

    /// A copy of the present contents, if there is a file.
    pub fn contents(&self) -> Option<Vec<u8>> {
        let image = self.current.lock().clone()?;
        let bytes = image.bytes.lock().clone();
        Some(bytes)
    }

    fn image(&self, contents: Vec<u8>) -> Arc<MemoryImage> {
        let inode = self.images.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(MemoryImage { inode, bytes: Mutex::new(contents) })
    }
}

impl Backend for MemoryBackend {
    fn open(&self) -> Result<Arc<dyn Image>, Error> {
        let image = self.current.lock().clone().ok_or(Error::NotFound)?;
        Ok(image)
    }

    fn identity(&self) -> Result<Identity, Error> {
        self.current.lock().as_ref().map(|image| image.identity()).ok_or(Error::NotFound)
    }

    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        let mut current = self.current.lock();
        if current.is_some() {
            return Err(Error::Exists);
        }
        let image = self.image(contents.to_vec());
        *current = Some(Arc::clone(&image));
        Ok(image)
    }

    fn replace(&self, _old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        let image = self.image(contents.to_vec());
        *self.current.lock() = Some(Arc::clone(&image));
        Ok(image)
    }

    fn sync_name(&self) -> Result<(), Error> {
        Ok(())
    }

    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, Error> {
        let deadline = Instant::now() + timeout;
        while self.locked.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            if Instant::now() >= deadline {
                return Err(Error::Busy);
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(Box::new(MemoryGuard(Arc::clone(&self.locked))))
    }
}

struct MemoryGuard(Arc<AtomicBool>);

impl Guard for MemoryGuard {}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

struct MemoryImage {
    inode: u64,
    bytes: Mutex<Vec<u8>>,
}

impl Image for MemoryImage {
    fn identity(&self) -> Identity {
        Identity { device: 0, inode: self.inode }
    }

    fn writable(&self) -> bool {
        true
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.bytes.lock();
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut contents = self.bytes.lock();
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let end = start.checked_add(bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
        if contents.len() < end {
            let missing = end - contents.len();
            contents.try_reserve(missing).map_err(|_| io::ErrorKind::StorageFull)?;
            contents.resize(end, 0);
        }
        if let Some(place) = contents.get_mut(start..end) {
            place.copy_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.bytes.lock().truncate(length);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_creations_one_succeeds() {
        let backend = MemoryBackend::new();
        assert!(backend.create(b"a").is_ok());
        assert_eq!(backend.create(b"b").err(), Some(Error::Exists));
        assert_eq!(backend.contents().unwrap(), b"a");
    }

    #[test]
    fn an_opened_image_survives_its_replacement() {
        let backend = MemoryBackend::with_contents(b"old".to_vec());
        let old = backend.open().unwrap();
        backend.replace(&*old, b"new").unwrap();
        assert_ne!(old.identity(), backend.identity().unwrap());
        assert_eq!(super::super::read_to_end(&*old, 0).unwrap(), b"old");
    }
}
