//! The header of a backup: whose it is, who made it, and which keys open it.

use super::bytes::{Reader, digest16, hex};
use super::error::{Error, Result, damaged};
use super::recipient::{PublicHalf, Seed, WRAPPED_LEN};
use super::share::{MAX_SHARES, MIN_THRESHOLD, SetId};
use crate::crypto::digest::{Hash, Value};
use crate::crypto::{equal, hkdf, hmac, random};
use crate::secret::Secret;

const MAGIC: &[u8; 8] = b"COFFERBK";
const VERSION: u16 = 1;
/// Bytes of the header before its recipients, and of each of them.
const FIXED: usize = 146;
const RECIPIENT: usize = 4 + 16 + 16 + WRAPPED_LEN;
const CODE: usize = 32;
/// The most keys that open one backup.
pub(super) const MAX_RECIPIENTS: usize = 32;
/// Bytes from the beginning that tell how long the header is.
pub(super) const PREFIX: usize = 16;

const SET: u8 = 1;
const KEY: u8 = 2;

/// What is told of a backup before anything of it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub backup_id: [u8; 16],
    /// The token's uuid.
    pub token: [u8; 16],
    /// Padded with blanks, as the label.
    pub serial: [u8; 16],
    pub label: [u8; 32],
    /// Seconds since 1970 UTC.
    pub made: u64,
    /// Of the token file.
    pub generation: u64,
    /// The Ed25519 key of the signature.
    pub signer: [u8; 32],
    pub recipients: Vec<Recipient>,
}

/// A key that opens the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The shares that give it; `None` for a key that somebody keeps.
    pub set: Option<Set>,
    pub key_id: [u8; 16],
    wrapped: Box<[u8; WRAPPED_LEN]>,
}

/// The set of shares of a recovery key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set {
    pub threshold: u8,
    pub count: u8,
    pub id: SetId,
}

/// The keys of one backup.
pub(super) struct Keys {
    header: Secret,
    pub(super) payload: Secret,
}

impl Keys {
    fn new(backup_id: &[u8; 16], file_key: &Secret) -> Result<Self> {
        let key = hkdf::extract(Hash::Sha256, file_key.as_bytes(), backup_id)?;
        let expand = |info: &[u8]| hkdf::expand(Hash::Sha256, key.as_bytes(), info, 32);
        Ok(Self {
            header: expand(b"coffer backup header v1")?,
            payload: expand(b"coffer backup payload v1")?,
        })
    }

    fn code(&self, header: &[u8]) -> Result<Value> {
        Ok(hmac::hmac(Hash::Sha256, self.header.as_bytes(), header)?)
    }
}

/// The id by which shares name a token's signing key.
pub fn signer_id(public_key: &[u8]) -> Result<[u8; 16]> {
    digest16(&[b"coffer backup signer v1", public_key])
}

impl Header {
    /// Makes a file key and wraps it for each of the keys, which replace `recipients`. Answers the header as it is written.
    /// `Refused`: no keys, or too many.
    pub(super) fn seal(&mut self, keys: &[(PublicHalf, Option<Set>)]) -> Result<(Vec<u8>, Keys)> {
        if keys.is_empty() || keys.len() > MAX_RECIPIENTS {
            return Err(Error::Refused(format!(
                "1 to {MAX_RECIPIENTS} keys open a backup, and not {}",
                keys.len()
            )));
        }
        let file_key = random::secret(32)?;
        let recipient = |(half, set): &(PublicHalf, Option<Set>)| {
            let wrapped = Box::new(half.wrap(&file_key, &self.backup_id)?);
            Ok(Recipient { set: *set, key_id: half.key_id()?, wrapped })
        };
        self.recipients = keys.iter().map(recipient).collect::<Result<_>>()?;
        let keys = Keys::new(&self.backup_id, &file_key)?;
        let mut bytes = self.encode();
        let code = keys.code(&bytes)?;
        bytes.extend_from_slice(code.as_bytes());
        Ok((bytes, keys))
    }

    /// The keys of the backup, after the code of the header has been checked. `Mismatch`: the seed is that of no key that opens
    /// it.
    pub(super) fn open(&self, bytes: &[u8], seed: &Seed) -> Result<Keys> {
        let key_id = seed.public_half()?.key_id()?;
        let recipient = self.recipients.iter().find(|recipient| recipient.key_id == key_id);
        let recipient =
            recipient.ok_or_else(|| Error::Mismatch(self.opens_with("this key does not open it")))?;
        let changed = |_| damaged("the key for this recipient does not open: the header was changed");
        let file_key = seed.unwrap(&recipient.wrapped, &self.backup_id).map_err(changed)?;
        let keys = Keys::new(&self.backup_id, &file_key)?;
        let (content, code) = bytes.split_at(bytes.len().saturating_sub(CODE));
        if equal(keys.code(content)?.as_bytes(), code) {
            Ok(keys)
        } else {
            Err(damaged("the header was changed"))
        }
    }

    /// A sentence with the keys that open it.
    pub fn opens_with(&self, why: &str) -> String {
        let name = |recipient: &Recipient| match recipient.set {
            Some(Set { threshold, count, id }) => format!("{threshold} of the {count} shares of set {id}"),
            None => format!("the recipient's key {}", hex(&recipient.key_id)),
        };
        let names: Vec<String> = self.recipients.iter().map(name).collect();
        format!("{why}: the backup opens with {}", names.join(", or with "))
    }

    fn encode(&self) -> Vec<u8> {
        let length = FIXED + RECIPIENT * self.recipients.len() + CODE;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend((length as u32).to_le_bytes());
        bytes.extend(self.backup_id);
        bytes.extend(self.token);
        bytes.extend(self.serial);
        bytes.extend(self.label);
        bytes.extend(self.made.to_le_bytes());
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(self.signer);
        bytes.extend((self.recipients.len() as u16).to_le_bytes());
        for Recipient { set, key_id, wrapped } in &self.recipients {
            match set {
                Some(set) => {
                    bytes.extend([SET, set.threshold, set.count, 0]);
                    bytes.extend(set.id.0);
                }
                None => bytes.extend([KEY].into_iter().chain([0; 19])),
            }
            bytes.extend(key_id);
            bytes.extend(wrapped.iter());
        }
        bytes
    }

    /// How long the header is that begins so. Errors: `NotOurs`, `Damaged`.
    pub(super) fn length(prefix: &[u8; PREFIX]) -> Result<usize> {
        let mut reader = Reader::new(prefix, "the backup");
        if reader.bytes(MAGIC.len())? != MAGIC {
            return Err(Error::NotOurs("this is no backup of a token".into()));
        }
        if reader.u16()? != VERSION {
            return Err(Error::NotOurs("the backup has a format version that is not known here".into()));
        }
        let (zero, length) = (reader.u16()?, reader.u32()? as usize);
        let possible = (1..=MAX_RECIPIENTS).any(|recipients| FIXED + RECIPIENT * recipients + CODE == length);
        if zero == 0 && possible { Ok(length) } else { Err(damaged("the header has an impossible length")) }
    }

    /// A whole header, the code not checked. Errors: `NotOurs`, `Damaged`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "the header");
        if Self::length(&reader.array()?)? != bytes.len() {
            return Err(damaged("the header has another length than it says"));
        }
        let (backup_id, token, serial, label) =
            (reader.array()?, reader.array()?, reader.array()?, reader.array()?);
        let (made, generation, signer) = (reader.u64()?, reader.u64()?, reader.array()?);
        let count = usize::from(reader.u16()?);
        if FIXED + RECIPIENT * count + CODE != bytes.len() {
            return Err(damaged("the header has another number of keys than it says"));
        }
        let recipients = (0..count).map(|_| recipient(&mut reader)).collect::<Result<_>>()?;
        reader.bytes(CODE)?;
        reader.end()?;
        Ok(Self { backup_id, token, serial, label, made, generation, signer, recipients })
    }

    pub fn label_text(&self) -> String {
        String::from_utf8_lossy(&self.label).trim_end().to_owned()
    }

    pub fn serial_text(&self) -> String {
        String::from_utf8_lossy(&self.serial).trim_end().to_owned()
    }
}

fn recipient(reader: &mut Reader) -> Result<Recipient> {
    let [kind, threshold, count, zero] = reader.array()?;
    let id: [u8; 16] = reader.array()?;
    let is_rule = (MIN_THRESHOLD..=count).contains(&threshold) && count <= MAX_SHARES;
    let set = match (kind, zero) {
        (SET, 0) if is_rule => Some(Set { threshold, count, id: SetId(id) }),
        (KEY, 0) if threshold == 0 && count == 0 && id == [0; 16] => None,
        _ => return Err(damaged("a key of the header is of an unknown kind")),
    };
    Ok(Recipient { set, key_id: reader.array()?, wrapped: Box::new(reader.array()?) })
}
