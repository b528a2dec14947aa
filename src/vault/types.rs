//! What goes into a vault and what comes out: records, changes, options.

use std::fmt;
use std::ops::{Deref, Range};
use std::time::Duration;

use super::Error;
use super::argon2id::Argon2Cost;
use super::event::EventText;
use crate::secret::Secret;

/// The longest tag of a record in bytes.
pub const MAXIMUM_TAG: usize = 64;
/// The longest metadata and the longest secret of one record in bytes.
pub const MAXIMUM_PART: usize = 16 << 20;
/// The longest token information in bytes.
pub const MAXIMUM_INFO: usize = 64 << 10;

/// The longest text of an event in bytes.
pub const MAXIMUM_EVENT: usize = 4096;
/// The longest text about a further role in bytes.
pub const MAXIMUM_ABOUT: usize = 64;

/// The name of a record: 16 random bytes, never used for another record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// A new name.
    pub fn random() -> Result<Self, Error> {
        super::random::bytes().map(Self)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordId({})", uuid::Uuid::from_bytes(self.0).simple())
    }
}

/// The tag of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TagBytes {
    bytes: [u8; MAXIMUM_TAG],
    length: u8,
}

impl TagBytes {
    /// `None` for more than [`MAXIMUM_TAG`] bytes.
    pub fn new(tag: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAXIMUM_TAG];
        bytes.get_mut(..tag.len())?.copy_from_slice(tag);
        Some(Self { bytes, length: u8::try_from(tag.len()).ok()? })
    }
}

impl Deref for TagBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for TagBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// Whether the metadata of a record can be read without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Tag and metadata are plaintext; the secret part, if there is one, is sealed.
    Public,
    /// Everything is sealed.
    Private,
}

/// What is known of a record without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: RecordId,
    /// What the caller wanted to find the record by (at most [`MAXIMUM_TAG`] bytes); `None` for a private record as
    /// long as it is sealed, which is when it comes from a [`super::Vault`] and not from an [`super::Unlocked`].
    pub tag: Option<TagBytes>,
    pub visibility: Visibility,
    /// False for a record that was added without a login, and for ever. From a [`super::Vault`] this is what the
    /// file says; only an [`super::Unlocked`] has verified it.
    pub authenticated: bool,
    /// The number of this version of the record: unique in the token, growing, the same after a compaction.
    pub sequence: u64,
    pub has_secret: bool,
}

/// The secret part of a record that is written.
pub enum SecretPart {
    /// There is none.
    None,
    /// This one; it is sealed.
    New(Secret),
    /// The one of the record that is replaced, which is not opened for it.
    Keep,
}

/// A record to be written.
pub struct Put {
    pub id: RecordId,
    pub visibility: Visibility,
    pub tag: Vec<u8>,
    pub metadata: Vec<u8>,
    pub secret: SecretPart,
}

/// One change. Several that are committed together happen together or not at all.
pub enum Change {
    /// A record with a new id ([`Error::RecordExists`] otherwise).
    Add(Put),
    /// A new version of a record ([`Error::NoSuchRecord`] if it is gone). With `expected`, only if the present
    /// version has that sequence number ([`Error::Conflict`]).
    Replace { put: Put, expected: Option<u64> },
    /// The end of a record ([`Error::NoSuchRecord`] if it is gone).
    Delete(RecordId),
    /// New token information (opaque bytes).
    Info(Vec<u8>),
    /// New token information, only if the present one is `expected` ([`Error::Conflict`]).
    ReplaceInfo { info: Vec<u8>, expected: Vec<u8> },
    /// Something to be remembered together with the other changes.
    Event(EventText),
}

/// What a commit has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub revision: Revision,
    /// The numbers of the events, in the order in which they were given.
    pub events: Range<u64>,
}

/// The state of the file after a commit: counts the transactions of a token since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// What has happened since the revision that the caller named (see [`super::Vault::refresh`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing.
    None,
    /// These records were added, replaced or deleted, each named once: ask for each what it is now.
    Records {
        revision: Revision,
        ids: Vec<RecordId>,
        /// The token information or a PIN was changed.
        info: bool,
    },
    /// Too much to tell: read everything again.
    All { revision: Revision },
    /// The token was initialised anew: every record and every login of before is void.
    Reinitialised { revision: Revision },
}

/// Whose PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entry {
    SecurityOfficer,
    User,
    /// Further roles, numbered by the caller.
    Other(u16),
}

/// What is known of a PIN; read from the file for each question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinState {
    /// Wrong attempts since the last right one.
    pub failures: u32,
    /// So many lock it.
    pub limit: u32,
    /// The role has a PIN.
    pub initialised: bool,
    /// No further attempt is allowed.
    pub locked: bool,
    /// The next wrong attempt locks it.
    pub final_try: bool,
    /// There has been at least one wrong attempt since the last right one.
    pub count_low: bool,
}

/// How the key that opens an entry is derived from its PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kdf {
    /// PBKDF2 with HMAC-SHA-512 (SP 800-132).
    Pbkdf2Sha512 { iterations: u32 },
    /// Argon2id (RFC 9106).
    Argon2id(Argon2Cost),
}

impl Default for Kdf {
    fn default() -> Self {
        Self::Pbkdf2Sha512 { iterations: 210_000 }
    }
}

/// What a token is made with.
pub struct NewToken<'a> {
    /// Opaque bytes that the caller keeps in the token, readable without a login, authenticated with one, replaceable by
    /// [`Change::Info`].
    pub info: Vec<u8>,
    pub so_pin: &'a Secret,
    pub kdf: Kdf,
    /// Allow a login where the failure count cannot be written (a read-only file).
    pub allow_readonly_login: bool,
    /// So many wrong attempts lock a PIN, 1 to 255.
    pub pin_limit: u8,
    /// The security officer's PIN does not open the objects: it holds the administration key, and a user PIN that it sets
    /// gives the token a new root key (see [`super::Unlocked::start_anew`]).
    pub separated: bool,
}

/// How a vault behaves in this process.
#[derive(Clone, Debug)]
pub struct Options {
    /// The lowest iteration count that is accepted, whatever the file says.
    pub minimum_iterations: u32,
    /// The highest iteration count that is accepted: a doctored file cannot hang the host.
    pub maximum_iterations: u32,
    /// How long to wait for the lock of the file.
    pub lock_timeout: Duration,
    /// Compact the file by itself when more than so many bytes of it, and more than half, are of no use any more.
    pub compact_above: u64,
    /// Compact the file by itself when more than so many records, and more than a quarter of all, were written since the
    /// last time, so that a login finds the others in the INDEX.
    pub index_above: usize,
    /// A compaction keeps so many of the newest events where nobody has said what becomes of them (see
    /// [`super::Vault::keep_events_from`]).
    pub keep_events: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            minimum_iterations: 10_000,
            maximum_iterations: 10_000_000,
            lock_timeout: Duration::from_secs(10),
            compact_above: 1 << 20,
            index_above: 1000,
            keep_events: 10_000,
        }
    }
}

/// A record of the file, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordName {
    /// Counted from 1.
    pub number: u64,
    /// Of its head, in bytes from the beginning of the file.
    pub offset: u64,
    /// As `docs/token-format.md` calls it, or `unreadable`, or `missing` behind the end of the file.
    pub kind: &'static str,
}

/// What a thorough check has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// All records in the file, of all transactions.
    pub records: u64,
    pub transactions: u64,
    /// The records that are live.
    pub objects: u64,
    /// Their tags, opened, in the order of the records.
    pub tags: Vec<Vec<u8>>,
    pub notes: Vec<Note>,
}

/// Something about the file that is no damage but that a careful owner wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// One of the two commit pointers does not verify. One of the next two commits writes it anew.
    CommitPointer,
    /// One of the two places of the failure counts does not verify. The other one is used.
    PinState,
    /// The file ends before the place that its commit pointer names: transactions at its end are missing.
    RolledBack,
    /// The last transaction was not written completely; the next commit cuts it off.
    TornTail,
    /// The file says that it was superseded, although its name stands for it: it is a copy of an old file.
    Superseded,
}
