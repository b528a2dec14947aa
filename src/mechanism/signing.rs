//! What all signature mechanisms share: the message is hashed, collected or cut on its way in, and signed at the end.

use crate::crypto;
use crate::crypto::digest::{Hash, Hasher, Value};
use crate::crypto::shake::Shaker;
use crate::error::{Error, Result};

use super::operation::{Sign, Verify};

/// What a signature mechanism serves: `sign` and `verify` of its file, called alike.
macro_rules! signatures {
    (|$key:ident, $params:pat_param| $($argument:expr),+) => {
        $crate::mechanism::row::Ops {
            sign: Some(|$key, $params| sign($($argument),+)),
            verify: Some(|$key, $params| verify($($argument),+)),
            ..$crate::mechanism::row::Ops::NONE
        }
    };
}

pub(super) use signatures;

/// The answer to a signature that the engine has checked. CKR_SIGNATURE_LEN_RANGE: it has another length than that of the
/// scheme.
pub(super) fn checked(result: crypto::Result<()>) -> Result<()> {
    result.map_err(|error| match error {
        crypto::Error::Length => Error::SignatureLenRange,
        other => other.into(),
    })
}

/// The most that a mechanism collects which must see the whole message at once, in bytes.
const MAX_COLLECTED: usize = 64 << 20;

/// The message on its way in.
pub(super) enum Message {
    /// Only its digest is kept.
    Hashed(Hasher),
    /// Only what SHAKE makes of it is kept.
    Shaken(Shaker),
    /// All of it is kept, up to so many bytes; more is CKR_DATA_LEN_RANGE. One part only.
    Raw(Vec<u8>, usize),
    /// Its first bytes are kept, up to so many; the rest does not count. One part only.
    Prefix(Vec<u8>, usize),
    /// All of it is kept, in as many parts as come; beyond 64 MiB it is CKR_TOKEN_RESOURCE_EXCEEDED.
    Collected(Vec<u8>),
}

impl Message {
    pub(super) fn hashed(hash: Hash) -> Result<Self> {
        Ok(Message::Hashed(Hasher::new(hash)?))
    }

    pub(super) fn shaken(shaker: Shaker) -> Self {
        Message::Shaken(shaker)
    }

    pub(super) fn raw(most: usize) -> Self {
        Message::Raw(Vec::new(), most)
    }

    pub(super) fn prefix(most: usize) -> Self {
        Message::Prefix(Vec::new(), most)
    }

    pub(super) fn collected() -> Self {
        Message::Collected(Vec::new())
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        match self {
            Message::Hashed(hasher) => Ok(hasher.update(data)?),
            Message::Shaken(shaker) => Ok(shaker.update(data)?),
            Message::Raw(held, most) => append(held, data, *most, Error::DataLenRange),
            Message::Prefix(held, most) => {
                let room = most.saturating_sub(held.len()).min(data.len());
                append(held, data.get(..room).unwrap_or(data), *most, Error::DataLenRange)
            }
            Message::Collected(held) => append(held, data, MAX_COLLECTED, Error::TokenResourceExceeded),
        }
    }

    fn finish(self) -> Result<Finished> {
        match self {
            Message::Hashed(hasher) => Ok(Finished::Digest(hasher.finish()?)),
            Message::Shaken(shaker) => Ok(Finished::Digest(shaker.finish()?)),
            Message::Raw(held, _) | Message::Prefix(held, _) | Message::Collected(held) => {
                Ok(Finished::Bytes(held))
            }
        }
    }

    fn multi_part(&self) -> bool {
        matches!(self, Message::Hashed(_) | Message::Shaken(_) | Message::Collected(_))
    }
}

/// Adds data to what is held, which then has `most` bytes at the most; `otherwise` is what more of them are answered with.
pub(super) fn append(held: &mut Vec<u8>, data: &[u8], most: usize, otherwise: Error) -> Result<()> {
    if data.len() > most.saturating_sub(held.len()) {
        return Err(otherwise);
    }
    held.try_reserve(data.len())?;
    held.extend_from_slice(data);
    Ok(())
}

/// What is signed: a digest or bytes.
enum Finished {
    Digest(Value),
    Bytes(Vec<u8>),
}

impl Finished {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Finished::Digest(value) => value.as_bytes(),
            Finished::Bytes(bytes) => bytes,
        }
    }
}

/// A signature scheme with its key and its parameters.
pub(super) trait Scheme: Send {
    /// Bytes of every signature.
    fn signature_len(&self) -> Result<usize>;

    /// As `Sign::slow`.
    fn slow(&self) -> bool {
        false
    }

    /// `message` is what `Message` made of it.
    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize>;

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()>;
}

struct Signing<S> {
    message: Message,
    scheme: S,
    length: usize,
}

struct Verifying<S> {
    message: Message,
    scheme: S,
}

pub(super) fn sign<S: Scheme + 'static>(message: Message, scheme: S) -> Result<Box<dyn Sign>> {
    let length = scheme.signature_len()?;
    Ok(Box::new(Signing { message, scheme, length }))
}

pub(super) fn verify<S: Scheme + 'static>(message: Message, scheme: S) -> Result<Box<dyn Verify>> {
    Ok(Box::new(Verifying { message, scheme }))
}

impl<S: Scheme> Sign for Signing<S> {
    fn output_len(&self) -> usize {
        self.length
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.message.update(data)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        self.scheme.sign(self.message.finish()?.as_bytes(), signature)
    }

    fn slow(&self) -> bool {
        self.scheme.slow()
    }

    fn multi_part(&self) -> bool {
        self.message.multi_part()
    }
}

impl<S: Scheme> Verify for Verifying<S> {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.message.update(data)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        self.scheme.verify(self.message.finish()?.as_bytes(), signature)
    }

    fn multi_part(&self) -> bool {
        self.message.multi_part()
    }
}
