//! DER (ITU-T X.690), as much of it as key files need. The reader borrows, never recurses and takes only the one
//! encoding that DER allows; the writer wipes what it held.

use super::{Error, Result};
use crate::secret::Secret;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// A constructed, context-specific tag.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// Reads elements one after the other; every mistake is `Error::Data`.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The contents of the single element that all the bytes are.
    pub(crate) fn only(bytes: &'a [u8], tag: u8) -> Result<Self> {
        let mut outer = Self(bytes);
        let inner = outer.element(tag)?;
        outer.end()?;
        Ok(Self(inner))
    }

    pub(crate) fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Data) }
    }

    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The contents of the next element, which has this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Result<&'a [u8]> {
        if !self.next_is(tag) {
            return Err(Error::Data);
        }
        self.any().map(|(_, contents)| contents)
    }

    /// The next element with all its bytes, and its contents. Tags of more than one byte do not occur.
    pub(crate) fn any(&mut self) -> Result<(&'a [u8], &'a [u8])> {
        let (header, length) = match *self.0 {
            [tag, ..] if tag & 0x1f == 0x1f => return Err(Error::Data),
            [_, length @ ..=0x7f, ..] => (2, usize::from(length)),
            [_, 0x81, length @ 0x80..=0xff, ..] => (3, usize::from(length)),
            [_, 0x82, high @ 1..=0xff, low, ..] => (4, usize::from(high) << 8 | usize::from(low)),
            [_, 0x83, high @ 1..=0xff, middle, low, ..] => {
                (5, usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low))
            }
            _ => return Err(Error::Data),
        };
        let (whole, rest) = self.0.split_at_checked(header + length).ok_or(Error::Data)?;
        self.0 = rest;
        whole.get(header..).map(|contents| (whole, contents)).ok_or(Error::Data)
    }

    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>> {
        self.element(SEQUENCE).map(Reader)
    }

    /// An integer that is not negative, without the zero in front that keeps it so.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8]> {
        match self.element(INTEGER)? {
            [] | [0x80..=0xff, ..] | [0, ..=0x7f, ..] => Err(Error::Data),
            [0] => Ok(&[]),
            [0, positive @ ..] | positive => Ok(positive),
        }
    }

    /// A bit string of whole bytes.
    pub(crate) fn bytes_of_bits(&mut self) -> Result<&'a [u8]> {
        self.element(BIT_STRING)?.strip_prefix(&[0]).ok_or(Error::Data)
    }
}

/// One element around the parts of its contents.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Secret {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // One allocation of the right size: growing would leave copies behind.
    let mut bytes = Vec::with_capacity(length + 10);
    bytes.push(tag);
    match length {
        0..=0x7f => bytes.push(length as u8),
        _ => {
            let digits = length.to_be_bytes();
            let skipped = digits.iter().take_while(|digit| **digit == 0).count();
            bytes.push(0x80 | (digits.len() - skipped) as u8);
            bytes.extend(digits.iter().skip(skipped));
        }
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Secret::new(bytes)
}

/// An unsigned integer, big-endian, with any number of zeros in front.
pub(crate) fn unsigned(number: &[u8]) -> Secret {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or(&[]);
    match number.first() {
        Some(..=0x7f) => element(INTEGER, &[number]),
        _ => element(INTEGER, &[&[0], number]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_at_every_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000] {
            let contents = vec![7; length];
            let written = element(OCTET_STRING, &[&contents]);
            let mut reader = Reader::new(written.as_bytes());
            assert_eq!(reader.element(OCTET_STRING).unwrap(), contents);
            reader.end().unwrap();
        }
        for number in [&[][..], &[1], &[0x80], &[0, 0x80, 1]] {
            let written = unsigned(number);
            let read = Reader::new(written.as_bytes()).unsigned().unwrap();
            assert_eq!(read, number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_other_encoding_is_refused() {
        for wrong in [
            &[][..],
            &[2],
            &[2, 1],
            &[2, 0],
            &[2, 1, 0x80],
            &[2, 2, 0, 1],
            &[2, 0x80, 0, 0],
            &[2, 0x81, 1, 1],
            &[2, 0x82, 0, 1, 1],
            &[2, 0x84, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x1f, 1, 1],
            &[4, 1, 1],
        ] {
            assert_eq!(Reader::new(wrong).unsigned(), Err(Error::Data), "{wrong:02x?}");
        }
        assert!(Reader::only(&[0x30, 0, 0], SEQUENCE).is_err());
    }
}
