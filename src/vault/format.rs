//! The byte layout of a token file (`docs/token-format.md`): the header, its fixed places, the frames of records.

use super::Error;
use super::bytes::{Reader, array_at, slice_at};
use super::chain::sha256;
use super::keys::Realm;

pub(super) const MAGIC: &[u8; 8] = b"COFFERTK";
pub(super) const VERSION: u16 = 1;
/// The header: identity block, commit pointers, PIN state.
pub(super) const HEADER_LENGTH: usize = 2048;
/// The part of the header that never changes and that the chain begins with.
pub(super) const IDENTITY_LENGTH: usize = 512;
/// Of the instance, in the identity block.
pub(super) const INSTANCE_OFFSET: usize = 32;
/// Of the flags, in the identity block.
pub(super) const FLAGS_OFFSET: usize = 12;
pub(super) const POINTERS_OFFSET: usize = 512;
/// One commit pointer is 32 bytes long; there are two.
pub(super) const POINTER_LENGTH: usize = 32;
pub(super) const POINTERS_LENGTH: usize = 2 * POINTER_LENGTH;
pub(super) const PIN_STATE_OFFSET: usize = 1024;
/// One place of the PIN state is 512 bytes long (a sector); there are two.
pub(super) const PIN_STATE_LENGTH: usize = 512;

const FLAG_READONLY_LOGIN: u8 = 1;
pub(super) const FLAG_SEPARATED: u8 = 2;
const IDENTITY_CHECKED: usize = IDENTITY_LENGTH - 32;

fn damaged(offset: usize, what: &'static str) -> Error {
    Error::Damaged { offset: offset as u64, what }
}

/// The identity block: what never changes as long as a token is not initialised anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uuid: [u8; 16],
    /// Random, new at each initialisation.
    pub(super) instance: [u8; 16],
    pub(super) allow_readonly_login: bool,
    /// The security officer holds the administration key instead of the root key.
    pub(super) separated: bool,
    pub(super) pin_limit: u8,
}

impl Identity {
    /// What the keys of the token belong to.
    pub(super) fn realm(&self) -> Realm {
        Realm { instance: self.instance, separated: self.separated }
    }

    pub(super) fn encode(&self) -> [u8; IDENTITY_LENGTH] {
        let mut bytes = Vec::with_capacity(IDENTITY_LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(HEADER_LENGTH as u16).to_le_bytes());
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        bytes.push(
            flag(self.allow_readonly_login, FLAG_READONLY_LOGIN) | flag(self.separated, FLAG_SEPARATED),
        );
        bytes.push(self.pin_limit);
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.uuid);
        bytes.extend_from_slice(&self.instance);
        bytes.resize(IDENTITY_CHECKED, 0);
        let check = sha256(&[&bytes]);
        bytes.extend_from_slice(&check);
        bytes.try_into().unwrap_or([0; IDENTITY_LENGTH])
    }

    /// Reads the identity block and checks all of the header that must be zero.
    pub(super) fn parse(file: &[u8]) -> Result<Self, Error> {
        if file.is_empty() {
            return Err(Error::Empty);
        }
        let magic = file.get(..MAGIC.len().min(file.len())).unwrap_or_default();
        if !MAGIC.starts_with(magic) {
            return Err(Error::NotOurs);
        }
        let short = damaged(file.len(), "the file ends within its header");
        let Some(version) = array_at::<2>(file, MAGIC.len()).map(u16::from_le_bytes) else {
            return Err(short);
        };
        if version != VERSION {
            return Err(Error::Version(version));
        }
        let Some(header) = file.get(..HEADER_LENGTH) else { return Err(short) };
        let identity = Self::parse_block(header).ok_or(damaged(0, "the header does not verify"))?;
        let after_pointers = POINTERS_OFFSET + POINTERS_LENGTH;
        if slice_at(header, after_pointers, PIN_STATE_OFFSET - after_pointers)
            .is_none_or(|rest| !is_zero(rest))
        {
            return Err(damaged(after_pointers, "unused bytes of the header are not zero"));
        }
        Ok(identity)
    }

    fn parse_block(header: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(header.get(..IDENTITY_LENGTH)?);
        let checked = header.get(..IDENTITY_CHECKED)?;
        reader.take(MAGIC.len() + 2)?;
        let length = reader.u16()?;
        let (flags, pin_limit, zero) = (reader.u8()?, reader.u8()?, reader.u16()?);
        let (uuid, instance) = (reader.array()?, reader.array()?);
        let unused = reader.take(IDENTITY_CHECKED - 48)?;
        let sound = reader.array::<32>()? == sha256(&[checked])
            && usize::from(length) == HEADER_LENGTH
            && flags & !(FLAG_READONLY_LOGIN | FLAG_SEPARATED) == 0
            && pin_limit > 0
            && zero == 0
            && is_zero(unused);
        sound.then_some(Self {
            uuid,
            instance,
            allow_readonly_login: flags & FLAG_READONLY_LOGIN != 0,
            separated: flags & FLAG_SEPARATED != 0,
            pin_limit,
        })
    }
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What a commit pointer says: how far the file is committed. Advisory, but written only after that much is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) generation: u64,
    /// Bytes from the beginning of the file.
    pub(super) length: u64,
}

/// The length that marks a file as superseded by a newer one under its name.
const SUPERSEDED: u64 = u64::MAX;

impl Pointer {
    pub(super) fn encode(&self, instance: &[u8; 16]) -> [u8; POINTER_LENGTH] {
        let mut bytes = [0; POINTER_LENGTH];
        let (numbers, check) = bytes.split_at_mut(16);
        let (generation, length) = numbers.split_at_mut(8);
        generation.copy_from_slice(&self.generation.to_le_bytes());
        length.copy_from_slice(&self.length.to_le_bytes());
        let sum = sha256(&[b"coffer pointer v1", instance, numbers]);
        check.copy_from_slice(sum.first_chunk::<16>().unwrap_or(&[0; 16]));
        bytes
    }

    /// Where in the file the pointer of this generation belongs.
    pub(super) fn offset(&self) -> u64 {
        (POINTERS_OFFSET as u64) + (self.generation % 2) * (POINTER_LENGTH as u64)
    }

    /// Both places filled with the superseded mark.
    pub(super) fn superseded(generation: u64, instance: &[u8; 16]) -> [u8; POINTERS_LENGTH] {
        let mark = Self { generation, length: SUPERSEDED }.encode(instance);
        let mut bytes = [0; POINTERS_LENGTH];
        let (first, second) = bytes.split_at_mut(POINTER_LENGTH);
        first.copy_from_slice(&mark);
        second.copy_from_slice(&mark);
        bytes
    }
}

/// Both commit pointers as read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointers {
    /// The newer of those that verify, unless the file is superseded.
    pub(super) newest: Option<Pointer>,
    pub(super) superseded: bool,
    /// A place holds neither a pointer nor only zeros.
    pub(super) spoiled: bool,
}

impl Pointers {
    pub(super) fn parse(bytes: &[u8], instance: &[u8; 16]) -> Self {
        let mut pointers = Self::default();
        for place in bytes.chunks_exact(POINTER_LENGTH) {
            if is_zero(place) {
                continue;
            }
            let mut reader = Reader::new(place);
            let (Some(generation), Some(length)) = (reader.u64(), reader.u64()) else { continue };
            let pointer = Pointer { generation, length };
            if pointer.encode(instance) != *place {
                pointers.spoiled = true;
            } else if length == SUPERSEDED {
                pointers.superseded = true;
            } else if pointers.newest.is_none_or(|newest| newest.generation < generation) {
                pointers.newest = Some(pointer);
            }
        }
        pointers
    }
}

pub(super) const FRAME_MAGIC: &[u8; 4] = b"CfRc";
pub(super) const HEAD_LENGTH: usize = 24;
pub(super) const CHAIN_LENGTH: usize = 32;
/// The longest body of a record.
pub(super) const MAXIMUM_BODY: usize = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Base = 1,
    Put = 2,
    Delete = 3,
    Info = 4,
    Wrap = 5,
    Index = 6,
    Commit = 7,
    Event = 8,
    Tally = 9,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Base,
        Self::Put,
        Self::Delete,
        Self::Info,
        Self::Wrap,
        Self::Index,
        Self::Commit,
        Self::Event,
        Self::Tally,
    ];

    /// Its name in the description of the format.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Base => "BASE",
            Self::Put => "PUT",
            Self::Delete => "DEL",
            Self::Info => "INFO",
            Self::Wrap => "WRAP",
            Self::Index => "INDEX",
            Self::Commit => "COMMIT",
            Self::Event => "EVENT",
            Self::Tally => "TALLY",
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// PUT: tag and metadata are sealed.
pub(super) const FLAG_PRIVATE: u8 = 1;
/// PUT: was added without the keys.
pub(super) const FLAG_UNAUTHENTICATED: u8 = 2;
/// COMMIT: carries an authentication code.
pub(super) const FLAG_AUTHENTICATED: u8 = 1;

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) body_length: u32,
    /// The place of the record in its transaction, from 0.
    pub(super) index: u32,
    pub(super) generation: u64,
}

impl Head {
    pub(super) fn encode(&self) -> [u8; HEAD_LENGTH] {
        let mut bytes = [0; HEAD_LENGTH];
        let fields: [&[u8]; 7] = [
            FRAME_MAGIC,
            &[self.kind as u8],
            &[self.flags],
            &[0; 2],
            &self.body_length.to_le_bytes(),
            &self.index.to_le_bytes(),
            &self.generation.to_le_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let sound = reader.array::<4>()? == *FRAME_MAGIC;
        let kind = Kind::from_number(reader.u8()?)?;
        let (flags, zero) = (reader.u8()?, reader.u16()?);
        let head =
            Self { kind, flags, body_length: reader.u32()?, index: reader.u32()?, generation: reader.u64()? };
        let allowed = match kind {
            Kind::Put => FLAG_PRIVATE | FLAG_UNAUTHENTICATED,
            Kind::Commit => FLAG_AUTHENTICATED,
            _ => 0,
        };
        (sound && zero == 0 && flags & !allowed == 0 && head.body_length as usize <= MAXIMUM_BODY)
            .then_some(head)
    }

    /// The length of head, body and chain value.
    pub(super) fn frame_length(&self) -> usize {
        HEAD_LENGTH + self.body_length as usize + CHAIN_LENGTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let (uuid, instance) = ([1; 16], [2; 16]);
        Identity { uuid, instance, allow_readonly_login: true, separated: true, pin_limit: 10 }
    }

    #[test]
    fn an_identity_block_is_read_back_and_any_flipped_bit_refused() {
        let mut header = identity().encode().to_vec();
        header.resize(HEADER_LENGTH, 0);
        assert_eq!(Identity::parse(&header).unwrap(), identity());
        for bit in (0..IDENTITY_LENGTH * 8).step_by(if cfg!(miri) { 31 } else { 1 }) {
            header[bit / 8] ^= 1 << (bit % 8);
            assert!(Identity::parse(&header).is_err(), "bit {bit}");
            header[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn foreign_files_are_told_from_damaged_and_newer_ones() {
        assert_eq!(Identity::parse(b""), Err(Error::Empty));
        assert_eq!(Identity::parse(b"SQLite format 3"), Err(Error::NotOurs));
        assert_eq!(Identity::parse(b"X"), Err(Error::NotOurs));
        assert!(matches!(Identity::parse(b"COFF"), Err(Error::Damaged { offset: 4, .. })));
        assert_eq!(Identity::parse(b"COFFERTK\x02\x00"), Err(Error::Version(2)));
    }

    #[test]
    fn the_newest_pointer_that_verifies_counts() {
        let instance = [2; 16];
        let older = Pointer { generation: 4, length: 5000 };
        let newer = Pointer { generation: 5, length: 6000 };
        let mut bytes = [older.encode(&instance), newer.encode(&instance)].concat();
        assert_eq!(Pointers::parse(&bytes, &instance).newest, Some(newer));
        bytes[32] ^= 1;
        let pointers = Pointers::parse(&bytes, &instance);
        assert_eq!((pointers.newest, pointers.spoiled), (Some(older), true));
        assert_eq!(Pointers::parse(&bytes, &[3; 16]).newest, None);
        assert!(Pointers::parse(&Pointer::superseded(6, &instance), &instance).superseded);
    }

    #[test]
    fn a_head_is_read_back() {
        let head = Head { kind: Kind::Put, flags: 3, body_length: 99, index: 4, generation: 77 };
        assert_eq!(Head::parse(&head.encode()), Some(head));
        assert_eq!(Head::parse(&head.encode()[..23]), None);
    }
}
