//! The bytes of a file as a scan asks for them: from front to back, some at a time. A file is never in memory whole for it,
//! unless one of its transactions is most of it.

use super::Error;
use crate::store::{self, Image};

/// So many bytes of a file are read at a time.
const CHUNK: usize = 256 << 10;

/// A row of bytes that begins somewhere in a file and ends with it.
pub(super) trait Source {
    /// The bytes from `offset` on: so many at least, or as many as there are. None where they do not begin there or
    /// were released.
    fn bytes(&mut self, offset: u64, wanted: usize) -> Result<&[u8], Error>;

    /// The bytes before `offset` are not needed any more.
    fn release(&mut self, offset: u64);

    /// Where the file ends, in bytes from its beginning.
    fn end(&self) -> u64;
}

/// Bytes that are in memory: those of a file from `start` to its end.
pub(super) struct Whole<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: u64,
}

impl Source for Whole<'_> {
    fn bytes(&mut self, offset: u64, _wanted: usize) -> Result<&[u8], Error> {
        Ok(position(self.start, offset).and_then(|at| self.bytes.get(at..)).unwrap_or_default())
    }

    fn release(&mut self, _offset: u64) {}

    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }
}

/// The bytes of an open file, up to its length when the window was made. Each byte is read once, so that what was verified
/// is what is taken in.
pub(super) struct Window<'a> {
    image: &'a dyn Image,
    /// Those at hand, from `start` on.
    buffer: Vec<u8>,
    start: u64,
    released: u64,
    end: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(image: &'a dyn Image) -> Result<Self, Error> {
        let end = image.length().map_err(|error| store::Error::from_io("measure", &error))?;
        Ok(Self { image, buffer: Vec::new(), start: 0, released: 0, end })
    }

    /// Forgets what was released and reads on, to `until` at least.
    fn read_on(&mut self, until: u64) -> Result<(), Error> {
        let released = position(self.start, self.released).unwrap_or(0).min(self.buffer.len());
        self.buffer.drain(..released);
        self.start = self.start.saturating_add(released as u64);
        let held = self.buffer.len();
        let missing = position(self.start, until.min(self.end)).ok_or(Error::TooLarge)?.saturating_sub(held);
        let left = position(self.start, self.end).ok_or(Error::TooLarge)?.saturating_sub(held);
        let length = missing.max(CHUNK).min(left);
        self.buffer.try_reserve(length).map_err(|_| Error::TooLarge)?;
        self.buffer.resize(held.saturating_add(length), 0);
        let from = self.start.saturating_add(held as u64);
        let count = store::read_up_to(self.image, self.buffer.get_mut(held..).unwrap_or_default(), from)?;
        self.buffer.truncate(held.saturating_add(count));
        if count < length {
            self.end = from.saturating_add(count as u64);
        }
        Ok(())
    }
}

impl Source for Window<'_> {
    fn bytes(&mut self, offset: u64, wanted: usize) -> Result<&[u8], Error> {
        let until = offset.saturating_add(wanted as u64).min(self.end);
        if until > self.start.saturating_add(self.buffer.len() as u64) {
            self.read_on(until)?;
        }
        Ok(position(self.start, offset).and_then(|at| self.buffer.get(at..)).unwrap_or_default())
    }

    fn release(&mut self, offset: u64) {
        self.released = self.released.max(offset);
    }

    fn end(&self) -> u64 {
        self.end
    }
}

/// How far `offset` lies behind `start`.
fn position(start: u64, offset: u64) -> Option<usize> {
    offset.checked_sub(start).and_then(|at| usize::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Backend, MemoryBackend};

    #[test]
    fn a_window_gives_every_byte_of_a_file_and_forgets_what_was_released() {
        let length = if cfg!(miri) { CHUNK + 100 } else { 3 * CHUNK + 100 };
        let contents: Vec<u8> = (0..length).map(|at| (at / 7) as u8).collect();
        let image = MemoryBackend::with_contents(contents.clone()).open().unwrap();
        let mut window = Window::new(&*image).unwrap();
        let mut at = 0;
        while at < length {
            let wanted = (at % 1000 + 1).min(length - at);
            let found = window.bytes(at as u64, wanted).unwrap();
            assert!(found.len() >= wanted && contents[at..].starts_with(found), "offset {at}");
            window.release(at as u64);
            at += wanted;
        }
        assert!(window.buffer.len() < 2 * CHUNK);
        assert_eq!(window.bytes(length as u64, 1).unwrap(), b"");
        assert_eq!(window.bytes(length as u64 + 1, 1).unwrap(), b"");
        assert_eq!(window.bytes(0, 1).unwrap(), b"", "what was released is gone");
    }

    #[test]
    fn a_window_holds_as_much_as_is_wanted() {
        let contents = vec![5; 2 * CHUNK + 9];
        let image = MemoryBackend::with_contents(contents.clone()).open().unwrap();
        let mut window = Window::new(&*image).unwrap();
        assert_eq!(window.bytes(3, usize::MAX).unwrap(), &contents[3..]);
        assert_eq!(window.bytes(0, 1).unwrap(), contents);
    }
}
