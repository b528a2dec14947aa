//! The bodies of the records, as bytes and as values.

use super::argon2id::Argon2Cost;
use super::bytes::Reader;
use super::chain::Hash;
use super::types::{Entry, Kdf, MAXIMUM_ABOUT, MAXIMUM_PART, MAXIMUM_TAG, RecordId};
use super::{Error, seal};
use crate::crypto::recipient::{PUBLIC_LEN, WRAPPED_LEN};

pub(super) const SEALED_KEY_LENGTH: usize = 32 + seal::OVERHEAD;
pub(super) const PUT_HEAD_LENGTH: usize = 44;
#[cfg(test)]
pub(super) const WRAP_LENGTH: usize = WRAP_BOUND_LENGTH + 2 * SEALED_KEY_LENGTH;
/// The part of a WRAP of a public key that opens with its private half: the public half, and the root key wrapped for it.
const OPENED_LENGTH: usize = PUBLIC_LEN + WRAPPED_LEN;
/// So much of a WRAP is bound into its two sealed keys.
pub(super) const WRAP_BOUND_LENGTH: usize = 48;
#[cfg(test)]
pub(super) const COMMIT_LENGTH: usize = 40;
/// So much of a COMMIT body is covered by its code.
pub(super) const COMMIT_BOUND_LENGTH: usize = 8;

/// BASE: what this file continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// The chain value of the file that was compacted into this one; zeros for a new token.
    pub(super) chain: Hash,
    pub(super) generation: u64,
    pub(super) next_sequence: u64,
    /// Which root key (counted from 1) the file is sealed under.
    pub(super) root_version: u32,
}

impl Base {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.chain.to_vec();
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.next_sequence.to_le_bytes());
        bytes.extend_from_slice(&self.root_version.to_le_bytes());
        bytes
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let base = Self {
            chain: reader.array()?,
            generation: reader.u64()?,
            next_sequence: reader.u64()?,
            root_version: reader.u32()?,
        };
        reader.end()?;
        Some(base)
    }
}

/// The fixed part of a PUT, from which the places of its four parts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PutHead {
    pub(super) id: RecordId,
    pub(super) sequence: u64,
    /// The sequence number of the version that this one replaces; 0 for a new record.
    pub(super) replaces: u64,
    pub(super) tag_length: u16,
    /// The length of the sealed object key: 96, or 0 where there is nothing to seal.
    pub(super) key_length: u16,
    pub(super) metadata_length: u32,
    pub(super) secret_length: u32,
}

impl PutHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.id.0.to_vec();
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.replaces.to_le_bytes());
        bytes.extend_from_slice(&self.tag_length.to_le_bytes());
        bytes.extend_from_slice(&self.key_length.to_le_bytes());
        bytes.extend_from_slice(&self.metadata_length.to_le_bytes());
        bytes.extend_from_slice(&self.secret_length.to_le_bytes());
        bytes
    }

    /// Reads the head and checks that the lengths fit the body and each other. `private`: see
    /// [`super::format::FLAG_PRIVATE`].
    pub(super) fn parse(body: &[u8], private: bool) -> Option<Self> {
        let mut reader = Reader::new(body);
        let put = Self {
            id: RecordId(reader.array()?),
            sequence: reader.u64()?,
            replaces: reader.u64()?,
            tag_length: reader.u16()?,
            key_length: reader.u16()?,
            metadata_length: reader.u32()?,
            secret_length: reader.u32()?,
        };
        let parts = [
            usize::from(put.tag_length),
            usize::from(put.key_length),
            put.metadata_length as usize,
            put.secret_length as usize,
        ];
        let [tag, key, metadata, secret] = parts;
        let overhead = if private { seal::OVERHEAD } else { 0 };
        let needs_key = private || secret > 0;
        let sound = reader.rest().len() == parts.iter().sum::<usize>()
            && (overhead..=overhead + MAXIMUM_TAG).contains(&tag)
            && (overhead..=overhead + MAXIMUM_PART).contains(&metadata)
            && key == if needs_key { SEALED_KEY_LENGTH } else { 0 }
            && (secret == 0 || (seal::OVERHEAD..=seal::OVERHEAD + MAXIMUM_PART).contains(&secret));
        sound.then_some(put)
    }

    /// The four parts of a body that [`PutHead::parse`] accepted.
    pub(super) fn parts<'a>(&self, body: &'a [u8]) -> Option<Parts<'a>> {
        let mut reader = Reader::new(body);
        reader.take(PUT_HEAD_LENGTH)?;
        Some(Parts {
            tag: reader.take(self.tag_length.into())?,
            key: reader.take(self.key_length.into())?,
            metadata: reader.take(self.metadata_length as usize)?,
            secret: reader.take(self.secret_length as usize)?,
        })
    }
}

/// The parts of a PUT as they are stored, plain or sealed.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) tag: &'a [u8],
    pub(super) key: &'a [u8],
    pub(super) metadata: &'a [u8],
    pub(super) secret: &'a [u8],
}

/// The body of a PUT.
pub(super) fn encode_put(
    id: RecordId,
    sequence: u64,
    replaces: u64,
    parts: Parts<'_>,
) -> Result<Vec<u8>, Error> {
    let length = |part: &[u8]| u32::try_from(part.len()).map_err(|_| Error::TooLarge);
    let head = PutHead {
        id,
        sequence,
        replaces,
        tag_length: u16::try_from(parts.tag.len()).map_err(|_| Error::TooLarge)?,
        key_length: u16::try_from(parts.key.len()).map_err(|_| Error::TooLarge)?,
        metadata_length: length(parts.metadata)?,
        secret_length: length(parts.secret)?,
    };
    Ok([&head.encode(), parts.tag, parts.key, parts.metadata, parts.secret].concat())
}

/// The body of a DEL: which version of which record ends.
pub(super) fn encode_delete(id: RecordId, sequence: u64) -> Vec<u8> {
    [&id.0[..], &sequence.to_le_bytes()].concat()
}

pub(super) fn parse_delete(body: &[u8]) -> Option<(RecordId, u64)> {
    let mut reader = Reader::new(body);
    let delete = (RecordId(reader.array()?), reader.u64()?);
    reader.end()?;
    Some(delete)
}

/// The key that a PIN opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Holds {
    Root = 0,
    /// In separated tokens only: the key of those who administer the token without opening its objects.
    Administration = 1,
}

/// WRAP: the key that a PIN opens, under the key that the PIN gives, and that one under a key of the token (for rotation). Or the
/// root key wrapped for a public key, and the digest of that under a key of the token: so nobody can put another one in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrap {
    pub(super) entry: u32,
    pub(super) root_version: u32,
    pub(super) kdf: u16,
    /// What the derivation costs: iterations, or [`Argon2Cost::encode`].
    pub(super) cost: u32,
    pub(super) holds: Holds,
    pub(super) salt: [u8; 32],
    /// 96 bytes; of a public key its public half and the wrapped root key.
    pub(super) sealed_root: Vec<u8>,
    /// Of a public key: its digest.
    pub(super) sealed_pin_key: [u8; SEALED_KEY_LENGTH],
    /// What the layer above says of a further role: its name, for example. At most [`MAXIMUM_ABOUT`] bytes.
    pub(super) about: Vec<u8>,
}

/// The end of a WRAP that takes the PIN of a further role away.
const KDF_NONE: u16 = 0;
const KDF_PBKDF2_SHA512: u16 = 1;
const KDF_ARGON2ID: u16 = 2;
/// It is no PIN that opens the entry.
pub(super) const PUBLIC_KEY: u16 = 3;

impl Wrap {
    /// The part that the sealed keys are bound to.
    pub(super) fn bound(&self) -> [u8; WRAP_BOUND_LENGTH] {
        let mut bytes = [0; WRAP_BOUND_LENGTH];
        let fields: [&[u8]; 6] = [
            &self.entry.to_le_bytes(),
            &self.root_version.to_le_bytes(),
            &self.kdf.to_le_bytes(),
            &(self.holds as u16).to_le_bytes(),
            &self.cost.to_le_bytes(),
            &self.salt,
        ];
        for (to, from) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.bound()[..], &self.sealed_root, &self.sealed_pin_key, &self.about].concat()
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (entry, root_version, kdf) = (reader.u32()?, reader.u32()?, reader.u16()?);
        let holds = match reader.u16()? {
            0 => Holds::Root,
            1 => Holds::Administration,
            _ => return None,
        };
        let wrap = Self {
            entry,
            root_version,
            kdf,
            cost: reader.u32()?,
            holds,
            salt: reader.array()?,
            sealed_root: reader
                .take(if kdf == PUBLIC_KEY { OPENED_LENGTH } else { SEALED_KEY_LENGTH })?
                .to_vec(),
            sealed_pin_key: reader.array()?,
            about: reader.rest().to_vec(),
        };
        let further = entry >= FIRST_FURTHER_ROLE;
        let longest = if further { MAXIMUM_ABOUT } else { 0 };
        let fits = kdf != PUBLIC_KEY || (further && holds == Holds::Root && wrap.cost == 0);
        (entry != 0 && fits && wrap.about.len() <= longest).then_some(wrap)
    }

    /// Of the entry of a public key: its public half, and the root key wrapped for it.
    pub(super) fn public_parts(&self) -> Option<(&[u8; PUBLIC_LEN], &[u8; WRAPPED_LEN])> {
        let (public, wrapped) = self.sealed_root.split_first_chunk()?;
        (self.kdf == PUBLIC_KEY).then_some((public, wrapped.try_into().ok()?))
    }

    /// The key derivation that the entry asks for, if it is known.
    pub(super) fn kdf(&self) -> Option<Kdf> {
        match self.kdf {
            KDF_PBKDF2_SHA512 => Some(Kdf::Pbkdf2Sha512 { iterations: self.cost }),
            KDF_ARGON2ID => Some(Kdf::Argon2id(Argon2Cost::decode(self.cost))),
            _ => None,
        }
    }
}

impl Kdf {
    /// Its number and its cost, as a WRAP has them.
    pub(super) fn numbers(self) -> (u16, u32) {
        match self {
            Self::Pbkdf2Sha512 { iterations } => (KDF_PBKDF2_SHA512, iterations),
            Self::Argon2id(cost) => (KDF_ARGON2ID, cost.encode()),
        }
    }
}

/// The body of the WRAP that takes the PIN of a further role away.
pub(super) fn encode_end(entry: u32, root_version: u32) -> Vec<u8> {
    [&entry.to_le_bytes()[..], &root_version.to_le_bytes(), &KDF_NONE.to_le_bytes(), &[0; 6]].concat()
}

/// The role and the version of the root key of such a body; `None` for other bodies.
pub(super) fn parse_end(body: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(body);
    let (entry, root_version) = (reader.u32()?, reader.u32()?);
    (entry >= FIRST_FURTHER_ROLE && body == encode_end(entry, root_version)).then_some((entry, root_version))
}

const FIRST_FURTHER_ROLE: u32 = 0x0001_0000;

impl Entry {
    /// The role of this number in the file; `None` where there is none.
    pub(super) fn of_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::SecurityOfficer),
            2 => Some(Self::User),
            _ => u16::try_from(number.checked_sub(FIRST_FURTHER_ROLE)?).ok().map(Self::Other),
        }
    }

    /// The number of the role in the file.
    pub fn number(self) -> u32 {
        match self {
            Self::SecurityOfficer => 1,
            Self::User => 2,
            Self::Other(number) => FIRST_FURTHER_ROLE + u32::from(number),
        }
    }
}

/// COMMIT: the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// How many records stand before it in its transaction.
    pub(super) count: u32,
    pub(super) root_version: u32,
    /// The authentication code; zeros where the keys were not at hand.
    pub(super) code: [u8; 32],
}

impl Commit {
    pub(super) fn bound(&self) -> [u8; COMMIT_BOUND_LENGTH] {
        let [a, b, c, d] = self.count.to_le_bytes();
        let [e, f, g, h] = self.root_version.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.bound()[..], &self.code].concat()
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let commit = Self { count: reader.u32()?, root_version: reader.u32()?, code: reader.array()? };
        reader.end()?;
        Some(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_back_and_no_other_length_is_taken() {
        let base = Base { chain: [1; 32], generation: 2, next_sequence: 3, root_version: 4 };
        let wrap = Wrap {
            entry: 1,
            root_version: 2,
            kdf: 1,
            cost: 3,
            holds: Holds::Administration,
            salt: [4; 32],
            sealed_root: vec![5; 96],
            sealed_pin_key: [6; 96],
            about: Vec::new(),
        };
        let commit = Commit { count: 1, root_version: 2, code: [3; 32] };
        assert_eq!(Base::parse(&base.encode()), Some(base));
        assert_eq!(Wrap::parse(&wrap.encode()), Some(wrap.clone()));
        assert_eq!(wrap.encode().len(), WRAP_LENGTH);
        assert_eq!(Commit::parse(&commit.encode()), Some(commit));
        assert_eq!(commit.encode().len(), COMMIT_LENGTH);
        assert_eq!(parse_delete(&encode_delete(RecordId([7; 16]), 8)), Some((RecordId([7; 16]), 8)));
        let named = Wrap { entry: 0x0001_0003, about: vec![7; MAXIMUM_ABOUT], ..wrap.clone() };
        assert_eq!(Wrap::parse(&named.encode()), Some(named.clone()));
        assert_eq!(Wrap::parse(&[&named.encode()[..], &[7]].concat()), None);
        let public = Wrap {
            kdf: PUBLIC_KEY,
            cost: 0,
            holds: Holds::Root,
            sealed_root: [&[8; PUBLIC_LEN][..], &[9; WRAPPED_LEN]].concat(),
            ..named.clone()
        };
        assert_eq!(Wrap::parse(&public.encode()), Some(public.clone()));
        assert_eq!(public.public_parts(), Some((&[8; PUBLIC_LEN], &[9; WRAPPED_LEN])));
        assert_eq!((named.public_parts(), public.kdf()), (None, None));
        for wrong in [
            Wrap { cost: 1, ..public.clone() },
            Wrap { holds: Holds::Administration, ..public.clone() },
            Wrap { entry: 2, about: Vec::new(), ..public.clone() },
            Wrap { sealed_root: vec![5; 96], about: Vec::new(), ..public.clone() },
        ] {
            assert_eq!(Wrap::parse(&wrong.encode()), None);
        }
        let end = encode_end(named.entry, 2);
        assert_eq!((parse_end(&end), Wrap::parse(&end)), (Some((named.entry, 2)), None));
        assert_eq!((parse_end(&named.encode()), parse_end(&encode_end(2, 2))), (None, None));
        for mut bytes in [base.encode(), wrap.encode(), commit.encode()] {
            bytes.push(0);
            assert!(Base::parse(&bytes).is_none());
            assert!(Wrap::parse(&bytes).is_none());
            assert!(Commit::parse(&bytes).is_none());
        }
    }

    #[test]
    fn a_put_with_lengths_that_do_not_fit_is_refused() {
        let parts = Parts { tag: b"t", key: b"", metadata: b"metadata", secret: b"" };
        let body = encode_put(RecordId([1; 16]), 5, 0, parts).unwrap();
        let put = PutHead::parse(&body, false).unwrap();
        assert_eq!(put.parts(&body).unwrap().metadata, b"metadata");
        assert!(PutHead::parse(&body, true).is_none(), "a private one must be sealed");
        assert!(PutHead::parse(&body[..body.len() - 1], false).is_none());
        let secret = [0; 70];
        let body = encode_put(RecordId([1; 16]), 5, 0, Parts { secret: &secret, ..parts }).unwrap();
        assert!(PutHead::parse(&body, false).is_none(), "a secret needs an object key");
    }
}
