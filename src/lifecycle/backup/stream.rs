//! Writing and reading a backup: header, sealed chunks, signature. One chunk and one entry are in memory at a time.

use std::io::{Read, Write};

use super::bytes::{copy, digest};
use super::entry::{Counts, ENTRY_HEAD, Entry};
use super::error::{Error, Result, damaged};
use super::header::{Header, Keys, PREFIX};
use super::recipient::Seed;
use super::seal;
use crate::crypto::digest::{Hash, Hasher};
use crate::crypto::edwards::{Curve, PublicKey, Scheme};
use crate::secret::Secret;

/// Bytes of a chunk's text.
const CHUNK: usize = 1 << 16;
/// The bit of a chunk's length that marks the last one.
const LAST: u32 = 1 << 31;
const SIGNATURE: usize = 64;
const CONTEXT: &[u8] = b"coffer backup v1";

fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    copy(&mut nonce, &number.to_le_bytes());
    nonce
}

fn failed(what: &str, error: &std::io::Error) -> Error {
    Error::Io(format!("the backup cannot be {what}: {error}"))
}

/// A backup in the making.
pub(super) struct Writer<W: Write> {
    out: W,
    hasher: Hasher,
    payload_key: Secret,
    number: u64,
    /// The text of the chunk that is being filled, and how much of it is.
    text: Secret,
    filled: usize,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub(super) fn new(out: W, header: &[u8], keys: Keys) -> Result<Self> {
        let mut writer = Self {
            out,
            hasher: Hasher::new(Hash::Sha512)?,
            payload_key: keys.payload,
            number: 0,
            text: Secret::zeroed(CHUNK),
            filled: 0,
            counts: Counts::default(),
        };
        writer.put(header)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes)?;
        self.out.write_all(bytes).map_err(|error| failed("written", &error))
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> Result<()> {
        self.counts.add(entry)?;
        let encoded = entry.encode()?;
        let mut rest = encoded.as_bytes();
        while !rest.is_empty() {
            if self.filled == CHUNK {
                self.chunk(0)?;
            }
            let room = self.text.as_mut_bytes().get_mut(self.filled..).unwrap_or_default();
            let (now, later) = rest.split_at(room.len().min(rest.len()));
            self.filled += copy(room, now);
            rest = later;
        }
        Ok(())
    }

    fn chunk(&mut self, last: u32) -> Result<()> {
        let word = (self.filled as u32 | last).to_le_bytes();
        let text = self.text.as_bytes().get(..self.filled).unwrap_or_default();
        let sealed = seal::seal(&self.payload_key, &nonce(self.number), &word, text)?;
        self.number += 1;
        self.filled = 0;
        self.put(&word)?;
        self.put(&sealed)
    }

    /// Ends the list, signs, and answers where it was written to and what there is.
    pub(super) fn finish(mut self, sign: impl FnOnce(&[u8]) -> Result<Vec<u8>>) -> Result<(W, Counts)> {
        let counts = self.counts;
        self.entry(&Entry::End(counts))?;
        self.chunk(LAST)?;
        let digest = self.hasher.finish()?;
        let signature = sign(&[CONTEXT, digest.as_bytes()].concat())?;
        if signature.len() != SIGNATURE {
            return Err(crate::crypto::Error::Engine.into());
        }
        self.out.write_all(&signature).map_err(|error| failed("written", &error))?;
        self.out.flush().map_err(|error| failed("written", &error))?;
        Ok((self.out, counts))
    }
}

/// What is known of a backup without a key that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub header: Header,
    pub(super) header_bytes: Vec<u8>,
    /// Of each chunk: the signature is of these, whatever is read later.
    pub(super) chunks: Vec<[u8; 32]>,
    /// Of the file, in bytes.
    pub length: u64,
}

/// Fills the buffer. `Damaged`: the file ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("the backup ends too early: it was cut off"),
        _ => failed("read", &error),
    })
}

fn exchanged() -> Error {
    damaged("the backup was exchanged while it was read")
}

fn header(input: &mut impl Read) -> Result<(Header, Vec<u8>)> {
    let mut prefix = [0; PREFIX];
    fill(input, &mut prefix)?;
    let mut bytes = vec![0; Header::length(&prefix)?];
    let (front, rest) = bytes.split_at_mut(PREFIX);
    front.copy_from_slice(&prefix);
    fill(input, rest)?;
    Ok((Header::decode(&bytes)?, bytes))
}

/// The head and the sealed text of the next chunk, and whether it is the last one: only that may be short.
fn sealed_chunk(input: &mut impl Read) -> Result<([u8; 4], Vec<u8>, bool)> {
    let mut word = [0; 4];
    fill(input, &mut word)?;
    let number = u32::from_le_bytes(word);
    let (length, last) = ((number & !LAST) as usize, number & LAST != 0);
    if !(1..=CHUNK).contains(&length) || (length < CHUNK && !last) {
        return Err(damaged("a chunk of the backup has an impossible length"));
    }
    let mut sealed = vec![0; length + seal::TAG];
    fill(input, &mut sealed)?;
    Ok((word, sealed, last))
}

/// Reads a whole backup and checks its structure and its signature. Whose the signer is, is for the caller to ask.
/// Errors: `NotOurs`, `Damaged`, `Io`.
pub fn survey(mut input: impl Read) -> Result<Survey> {
    let (header, header_bytes) = header(&mut input)?;
    let mut hasher = Hasher::new(Hash::Sha512)?;
    hasher.update(&header_bytes)?;
    let mut length = header_bytes.len() as u64;
    let mut chunks = Vec::new();
    loop {
        let (word, sealed, last) = sealed_chunk(&mut input)?;
        hasher.update(&word)?;
        hasher.update(&sealed)?;
        chunks.push(digest(&[&word, &sealed])?);
        length += (word.len() + sealed.len()) as u64;
        if last {
            break;
        }
    }
    let mut signature = [0; SIGNATURE];
    fill(&mut input, &mut signature)?;
    if input.read(&mut [0]).map_err(|error| failed("read", &error))? != 0 {
        return Err(damaged("something follows the signature of the backup"));
    }
    let digest = hasher.finish()?;
    let signer = PublicKey::new(Curve::Ed25519, &header.signer);
    let message = [CONTEXT, digest.as_bytes()].concat();
    signer
        .and_then(|signer| signer.verify(Scheme::Pure, &message, &signature))
        .map_err(|_| damaged("the signature of the backup does not fit: it was changed after it was made"))?;
    Ok(Survey { header, header_bytes, chunks, length: length + SIGNATURE as u64 })
}

/// The entries of a backup, one after the other.
pub struct Contents<R: Read> {
    input: R,
    payload_key: Secret,
    /// The digests of the chunks that are still to come.
    chunks: std::vec::IntoIter<[u8; 32]>,
    number: u64,
    text: Secret,
    used: usize,
    last: bool,
    counts: Counts,
    ended: bool,
}

impl<R: Read> Contents<R> {
    /// Reads the header, which must be that of the survey, as all chunks must be, and opens it. Errors: `Mismatch`, `Damaged`,
    /// `Io`.
    pub fn open(mut input: R, survey: &Survey, seed: &Seed) -> Result<Self> {
        let (header, bytes) = header(&mut input)?;
        if bytes != survey.header_bytes {
            return Err(exchanged());
        }
        let chunks = survey.chunks.clone().into_iter();
        let payload_key = header.open(&bytes, seed)?.payload;
        let (text, counts) = (Secret::default(), Counts::default());
        Ok(Self { input, payload_key, chunks, number: 0, text, used: 0, last: false, counts, ended: false })
    }

    /// The next entry; `None` after the last, when all that was promised has come. Errors: `Damaged`, `Io`.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        if self.ended {
            return Ok(None);
        }
        let mut head = [0; ENTRY_HEAD];
        self.take(&mut head)?;
        let (kind, length) = Entry::head(&head)?;
        let mut body = Secret::zeroed(length);
        self.take(body.as_mut_bytes())?;
        let entry = Entry::decode(kind, body.as_bytes())?;
        if let Entry::End(counts) = &entry {
            if !self.last || self.used != self.text.len() || *counts != self.counts {
                return Err(damaged("the backup does not hold what it says"));
            }
            self.ended = true;
        }
        self.counts.add(&entry)?;
        Ok(Some(entry))
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<()> {
        let mut rest = buffer;
        while !rest.is_empty() {
            if self.used == self.text.len() {
                self.next_chunk()?;
            }
            let at_hand = self.text.as_bytes().get(self.used..).unwrap_or_default();
            let now = copy(rest, at_hand);
            self.used += now;
            rest = rest.get_mut(now..).unwrap_or_default();
        }
        Ok(())
    }

    fn next_chunk(&mut self) -> Result<()> {
        if self.last {
            return Err(damaged("the entries of the backup end too early"));
        }
        let (word, sealed, last) = sealed_chunk(&mut self.input)?;
        // Who has a key that opens the backup could seal another text, but not sign it.
        if self.chunks.next() != Some(digest(&[&word, &sealed])?) {
            return Err(exchanged());
        }
        self.text = seal::open(&self.payload_key, &nonce(self.number), &word, &sealed)
            .map_err(|_| damaged(format!("chunk {} of the backup was changed", self.number)))?;
        self.number += 1;
        (self.used, self.last) = (0, last);
        Ok(())
    }
}
