//! A log read from its beginning to its end, a piece at a time: a log of any length takes little memory.

use std::io::{self, Read};

use super::format::LONGEST_RECORD;

/// So many bytes are asked for at once.
const PIECE: usize = 1 << 20;

/// What of a file is in memory: what has not been taken yet, and at least the next record where there is one.
pub(super) struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    start: usize,
    ended: bool,
    /// Bytes from the beginning of the file to `start`.
    taken: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, bytes: Vec::new(), start: 0, ended: false, taken: 0 }
    }

    /// Bytes from here on: `LONGEST_RECORD`, or all that the file has.
    pub(super) fn ahead(&mut self) -> io::Result<&[u8]> {
        if !self.ended && self.bytes.len() - self.start < LONGEST_RECORD {
            self.bytes.drain(..self.start);
            self.start = 0;
            let wanted = PIECE.saturating_sub(self.bytes.len()) as u64;
            let read = (&mut self.reader).take(wanted).read_to_end(&mut self.bytes)?;
            self.ended = (read as u64) < wanted;
        }
        Ok(self.bytes.get(self.start..).unwrap_or_default())
    }

    /// Goes on behind so many bytes of what `ahead` has answered.
    pub(super) fn take(&mut self, length: usize) {
        self.start = self.start.saturating_add(length).min(self.bytes.len());
        self.taken += length as u64;
    }

    /// How far it is from the beginning of the file.
    pub(super) fn position(&self) -> u64 {
        self.taken
    }

    /// Reads what is left, and tells its length.
    pub(super) fn rest(mut self) -> io::Result<u64> {
        let left = (self.bytes.len() - self.start) as u64;
        Ok(left + io::copy(&mut self.reader, &mut io::sink())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let length = out.len().min(1000);
            self.0.read(&mut out[..length])
        }
    }

    #[test]
    fn everything_is_seen_once_and_in_its_order() {
        let all: Vec<u8> = (0..3 * PIECE as u32 + 17).map(|number| (number / 7) as u8).collect();
        for step in [1000, LONGEST_RECORD] {
            let (mut window, mut seen) = (Window::new(Slow(&all)), Vec::new());
            loop {
                let ahead = window.ahead().unwrap();
                assert!(ahead.len() >= LONGEST_RECORD || seen.len() + ahead.len() == all.len());
                let step = step.min(ahead.len());
                if step == 0 {
                    break;
                }
                seen.extend_from_slice(&ahead[..step]);
                window.take(step);
                assert_eq!(window.position(), seen.len() as u64);
            }
            assert!(seen == all);
        }
        let mut window = Window::new(&all[..]);
        window.ahead().unwrap();
        window.take(5);
        assert_eq!(window.rest().unwrap(), all.len() as u64 - 5);
    }
}
