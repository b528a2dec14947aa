//! The length convention of PKCS#11 section 5.2, once: a call asks for a length, brings a buffer that is large
//! enough, or brings one that is too small.

use crate::error::{Error, Result};

/// The caller's output: a buffer, or the question how long it must be.
#[derive(Debug)]
pub struct Output<'a> {
    buffer: Option<&'a mut [u8]>,
    length: usize,
}

impl<'a> Output<'a> {
    /// The caller passed NULL: it wants to know the length.
    pub fn query() -> Self {
        Self { buffer: None, length: 0 }
    }

    pub fn buffer(buffer: &'a mut [u8]) -> Self {
        Self { buffer: Some(buffer), length: 0 }
    }

    /// Tells the length that will be written. `Ok(false)`: that was the question. Errors: CKR_BUFFER_TOO_SMALL.
    pub(super) fn measure(&mut self, length: usize) -> Result<bool> {
        self.tell(length);
        match self.is_query() {
            true => Ok(false),
            false if length > self.capacity() => Err(Error::BufferTooSmall),
            false => Ok(true),
        }
    }

    pub fn is_query(&self) -> bool {
        self.buffer.is_none()
    }

    /// What goes to `*pulLen`: the bytes written, the bytes needed (CKR_BUFFER_TOO_SMALL), or the answer to a query.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Bytes that the caller's buffer holds; zero for a query.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.len())
    }

    /// Tells the caller the length that is or will be written.
    pub(super) fn tell(&mut self, length: usize) {
        self.length = length;
    }

    /// The caller's buffer, empty for a query.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        self.buffer.as_deref_mut().unwrap_or(&mut [])
    }

    /// What was written; empty for a query.
    pub(super) fn written(&self) -> &[u8] {
        self.buffer.as_deref().and_then(|buffer| buffer.get(..self.length)).unwrap_or(&[])
    }

    /// Hands over a finished result: answers a query, refuses a short buffer, or copies. `Ok(true)`: it was written.
    pub fn deliver(&mut self, result: &[u8]) -> Result<bool> {
        self.length = result.len();
        let Some(buffer) = &mut self.buffer else { return Ok(false) };
        let target = buffer.get_mut(..result.len()).ok_or(Error::BufferTooSmall)?;
        target.copy_from_slice(result);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_measured_refused_or_written() {
        let mut query = Output::query();
        assert_eq!(query.deliver(b"abc"), Ok(false));
        assert_eq!(query.length(), 3);

        let mut short = [0; 2];
        let mut output = Output::buffer(&mut short);
        assert_eq!(output.deliver(b"abc"), Err(Error::BufferTooSmall));
        assert_eq!(output.length(), 3);

        let mut large = [9; 4];
        let mut output = Output::buffer(&mut large);
        assert_eq!(output.deliver(b"abc"), Ok(true));
        assert_eq!(&large, b"abc\x09");
    }
}
