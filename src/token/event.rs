//! Events: who has done what to which key, and what came of it. They are kept in the token file together with the change
//! that they tell of, and copied from there to the audit log.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ck::*;
use crate::error::Error;
use crate::object::Attributes;
use crate::policy::Role;
use crate::vault::{Entry, EventText, encoding};

/// The first byte of an encoded event, and of one that names an account.
const VERSION: u8 = 1;
const VERSION_WITH_ACCOUNT: u8 = 2;
/// Longer texts are cut: bytes of a program's name, a label, a detail.
const PROGRAM_LEN: usize = 64;
const LABEL_LEN: usize = 256;
const DETAIL_LEN: usize = 1024;

macro_rules! whats {
    ($($number:literal $variant:ident $name:literal;)*) => {
        /// What has happened. The numbers are those of the token file and never get another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum What {
            $(#[doc = $name] $variant,)*
            /// Something that a newer version knows.
            Other(u16),
        }

        impl What {
            /// Everything that has a name.
            pub const ALL: &'static [What] = &[$(What::$variant,)*];

            pub fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* Self::Other(number) => number }
            }

            pub fn from_number(number: u16) -> Self {
                match number { $($number => Self::$variant,)* number => Self::Other(number) }
            }

            /// Its name for people and programs, such as `pin-changed`; `other` for what has none here.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* Self::Other(_) => "other" }
            }
        }
    };
}

whats! {
    // The token.
    1 TokenInitialised "token-initialised";
    2 PinSet "pin-set";
    3 PinChanged "pin-changed";
    4 PinUnlocked "pin-unlocked";
    5 LoginFailed "login-failed";
    6 SettingsChanged "settings-changed";
    7 PolicyChanged "policy-changed";
    8 RolesChanged "roles-changed";
    9 AuditEnabled "audit-enabled";
    10 Salvaged "salvaged";
    11 ClockSetBack "clock-set-back";
    // An object comes, changes, goes.
    20 Created "created";
    21 Generated "generated";
    22 Imported "imported";
    23 Unwrapped "unwrapped";
    24 Derived "derived";
    25 Copied "copied";
    26 Changed "changed";
    27 StateChanged "state-changed";
    28 Destroyed "destroyed";
    29 DestructionPlanned "destruction-planned";
    30 DestructionUndone "destruction-undone";
    31 Agreed "agreed";
    32 CopiesConfirmed "copies-confirmed-destroyed";
    // It leaves the token, or comes back.
    40 Wrapped "wrapped";
    41 Exported "exported";
    42 BackupMade "backup-made";
    43 BackupRestored "backup-restored";
    44 SharesMade "shares-made";
    45 SharesCombined "shares-combined";
    46 Migrated "migrated";
    // Rotation.
    60 KeyRotated "key-rotated";
    61 RootKeyRotated "root-key-rotated";
    62 Rewrapped "rewrapped";
    // Decisions of people.
    80 Requested "requested";
    81 Approved "approved";
    82 Rejected "rejected";
    83 Exception "exception";
    84 Denied "denied";
    85 Permitted "permitted-with-warning";
    86 ControlChanged "control-changed";
    87 Withdrawn "withdrawn";
    // Uses, which are in the audit log only.
    1000 LoggedIn "logged-in";
    1001 LoggedOut "logged-out";
    1010 Sign "sign";
    1011 Verify "verify";
    1012 Encrypt "encrypt";
    1013 Decrypt "decrypt";
    1014 Wrap "wrap-with";
    1015 Unwrap "unwrap-with";
    1016 Derive "derive-from";
    1017 Encapsulate "encapsulate";
    1018 Decapsulate "decapsulate";
    1019 Digest "digest-key";
    1020 ValueRead "value-read";
    // Of the audit log itself.
    2000 LogBegun "log-begun";
    2001 LogGap "log-gap";
    2002 FirstKeySealed "first-key-sealed";
}

impl What {
    /// Whether it is the use of a key.
    pub fn is_use(self) -> bool {
        (Self::Sign.number()..=Self::Digest.number()).contains(&self.number())
    }
}

/// Who: a process, and who was logged in in it. It is what the process says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The effective user id; `u32::MAX` where it is not known.
    pub uid: u32,
    pub pid: u32,
    /// The name of the program's file, without its folder.
    pub program: String,
    /// The role as the token file numbers it: 0 nobody, 1 security officer, 2 user, 65536 + n the n-th further role.
    pub role: u32,
    /// The name of the account, where it is one: its number may be another account's later.
    #[serde(skip)]
    pub account: String,
}

impl Who {
    /// This process, with the SO or the user logged in; other roles are told by `Token::event`.
    pub fn here(role: Role) -> Self {
        use std::os::unix::fs::MetadataExt;
        let uid = std::fs::metadata("/proc/self").map_or(u32::MAX, |metadata| metadata.uid());
        let program = std::env::current_exe().unwrap_or_default();
        let program = program.file_name().unwrap_or_default().to_string_lossy();
        Self {
            uid,
            pid: std::process::id(),
            program: cut(&program, PROGRAM_LEN),
            role: match role {
                Role::SecurityOfficer => Entry::SecurityOfficer.number(),
                Role::User => Entry::User.number(),
                _ => 0,
            },
            account: String::new(),
        }
    }
}

/// The object that an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyName {
    /// CKA_UNIQUE_ID.
    pub unique_id: String,
    /// CKA_LABEL; what is no text is replaced.
    pub label: String,
    /// CKA_CLASS.
    pub class: u64,
    /// CKA_KEY_TYPE, for keys.
    pub key_type: Option<u64>,
}

impl KeyName {
    pub fn of(attributes: &Attributes) -> Self {
        let text = |attribute| String::from_utf8_lossy(attributes.bytes(attribute).unwrap_or_default());
        Self {
            unique_id: cut(&text(CKA_UNIQUE_ID), LABEL_LEN),
            label: cut(&text(CKA_LABEL), LABEL_LEN),
            class: attributes.ulong(CKA_CLASS).unwrap_or(CK_UNAVAILABLE_INFORMATION),
            key_type: attributes.ulong(CKA_KEY_TYPE),
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    #[default]
    Done,
    /// It was tried and did not succeed; the CK_RV.
    Failed(u64),
    /// It was refused; the CK_RV.
    Denied(u64),
}

impl Outcome {
    pub fn failed(error: Error) -> Self {
        Self::Failed(error.rv())
    }

    pub fn denied(error: Error) -> Self {
        Self::Denied(error.rv())
    }
}

/// One event. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// In seconds since the beginning of 1970, UTC.
    pub time: u64,
    pub who: Who,
    pub what: What,
    pub key: Option<KeyName>,
    pub outcome: Outcome,
    /// What else there is to say, for people.
    pub detail: String,
}

/// An event as it is encoded behind its version.
#[derive(Serialize, Deserialize)]
struct Encoded<'a> {
    time: u64,
    who: Cow<'a, Who>,
    what: u16,
    key: Option<Cow<'a, KeyName>>,
    outcome: Outcome,
    detail: Cow<'a, str>,
}

impl Event {
    /// Something that has just been done.
    pub fn new(time: u64, who: Who, what: What) -> Self {
        Self { time, who, what, key: None, outcome: Outcome::Done, detail: String::new() }
    }

    /// With the object that it is about.
    #[must_use]
    pub fn about(mut self, attributes: &Attributes) -> Self {
        self.key = Some(KeyName::of(attributes));
        self
    }

    /// With what else there is to say; cut at 1024 bytes.
    #[must_use]
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = cut(detail, DETAIL_LEN);
        self
    }

    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// For the token file and the audit log: a byte 1, then the fields in their order (`bincode` 2 with little-endian,
    /// fixed-width integers); or, where an account did it, a byte 2, the same, and the name of the account.
    pub fn encode(&self) -> Vec<u8> {
        let encoded = Encoded {
            time: self.time,
            who: Cow::Borrowed(&self.who),
            what: self.what.number(),
            key: self.key.as_ref().map(Cow::Borrowed),
            outcome: self.outcome,
            detail: Cow::Borrowed(&self.detail),
        };
        // Most fit into this.
        let mut bytes = Vec::with_capacity(256);
        // Everything in it is bounded.
        let _ = match self.who.account.as_str() {
            "" => {
                bytes.push(VERSION);
                encoding::encode_onto(&mut bytes, &encoded)
            }
            account => {
                bytes.push(VERSION_WITH_ACCOUNT);
                encoding::encode_onto(&mut bytes, &(encoded, account))
            }
        };
        bytes
    }

    /// `None` for a version that is not known here, and for what is no event.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (encoded, account): (Encoded<'_>, String) = match *version {
            VERSION => (encoding::decode(rest)?, String::new()),
            VERSION_WITH_ACCOUNT => encoding::decode(rest)?,
            _ => return None,
        };
        let Encoded { time, who, what, key, outcome, detail } = encoded;
        let who = Who { account, ..who.into_owned() };
        let (what, key) = (What::from_number(what), key.map(Cow::into_owned));
        Some(Self { time, who, what, key, outcome, detail: detail.into_owned() })
    }

    /// What an encoded event is about, without decoding all of it: for who reads a million of them.
    pub fn what_of(bytes: &[u8]) -> Option<What> {
        let [VERSION | VERSION_WITH_ACCOUNT, rest @ ..] = bytes else { return None };
        // Time, user id and process id stand before the program's name, the role behind it.
        let (length, rest) = rest.get(16..)?.split_first_chunk::<8>()?;
        let program = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let what = rest.get(program.checked_add(4)?..)?.first_chunk()?;
        Some(What::from_number(u16::from_le_bytes(*what)))
    }

    pub(super) fn to_text(&self) -> Result<EventText, crate::vault::Error> {
        EventText::new(&self.encode())
    }
}

/// `text`, cut at a character boundary to `length` bytes at most.
fn cut(text: &str, length: usize) -> String {
    let mut end = text.len().min(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Value;

    #[test]
    fn an_event_survives_its_encoding_and_nothing_shorter_or_longer_is_one() {
        let key = Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_LABEL, Value::Bytes("zöne".repeat(200).into())),
        ]);
        let event = Event::new(5, Who::here(Role::User), What::Wrapped)
            .about(&key)
            .detail(&"x".repeat(5000))
            .outcome(Outcome::denied(Error::KeyUnextractable));
        let bytes = event.encode();
        assert!(bytes.len() < crate::vault::MAXIMUM_EVENT);
        assert_eq!(Event::decode(&bytes), Some(event));
        assert_eq!(Event::what_of(&bytes), Some(What::Wrapped));
        assert_eq!((Event::what_of(&[2]), Event::what_of(&bytes[..30])), (None, None));
        assert_eq!(Event::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Event::decode(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Event::decode(&[&[2], &bytes[1..]].concat()), None);
        assert_eq!(Event::decode(&[&[3], &bytes[1..]].concat()), None);
    }

    #[test]
    fn an_account_is_named_in_its_events_and_the_others_are_as_short_as_ever() {
        let who = Who { role: 65_537, account: "a".repeat(32), ..Who::here(Role::Public) };
        let event = Event::new(5, who, What::Wrapped).detail(&"x".repeat(5000));
        let bytes = event.encode();
        assert!(bytes.len() < crate::vault::MAXIMUM_EVENT);
        assert_eq!((bytes[0], Event::what_of(&bytes)), (2, Some(What::Wrapped)));
        assert_eq!(Event::decode(&bytes), Some(event.clone()));
        assert_eq!(Event::decode(&bytes[..bytes.len() - 1]), None);
        let unnamed = Event { who: Who { account: String::new(), ..event.who }, ..event };
        assert_eq!((unnamed.encode()[0], unnamed.encode().len()), (1, bytes.len() - 8 - 32));
    }

    #[test]
    fn every_number_and_name_stands_for_one_thing() {
        let numbers: std::collections::HashSet<u16> = What::ALL.iter().map(|what| what.number()).collect();
        let names: std::collections::HashSet<_> = What::ALL.iter().map(|what| what.name()).collect();
        assert_eq!((numbers.len(), names.len()), (What::ALL.len(), What::ALL.len()));
        assert!(What::ALL.iter().all(|what| What::from_number(what.number()) == *what));
        assert_eq!(What::from_number(9999), What::Other(9999));
    }
}
