//! The settings of a token, kept as fields behind its identity in the token file's INFO record.
//!
//! A field is a tag (one byte), a length (two bytes, little-endian) and a value; tags ascend. A library that does not know a
//! tag below 128 refuses the token, because it would break a promise; it keeps those from 128 on and leaves them alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::policy::{AlgorithmPolicy, Control, Mode, Subject};

use super::audit::Audit;

/// How far a token holds its keys to their life.
const LIFECYCLE: u8 = 2;
/// The name of the algorithm policy.
const ALGORITHM_POLICY: u8 = 3;
/// Seconds that the clock may be behind.
const CLOCK_TOLERANCE: u8 = 4;
/// The text of an algorithm policy that is not built in.
const POLICY_TEXT: u8 = 5;
/// Seconds that have to pass before a key is destroyed.
const DESTRUCTION_WAIT: u8 = 7;
/// Whether the shares of a recovery key set a new user PIN.
const QUORUM_RESET: u8 = 8;
/// The rules of dual control.
const CONTROL: u8 = 9;
/// Whether keys may be made and used that must sign only once with each of their parts (HSS).
const STATEFUL_SIGNATURES: u8 = 10;
/// How much is told of what happens.
const AUDIT: u8 = 128;
/// Tags from here on may be passed over by who does not know them.
const OPTIONAL: u8 = 128;

/// Seconds that the clock may be behind the newest time that the token has seen, where nobody says.
pub const DEFAULT_CLOCK_TOLERANCE: u32 = 300;

/// The longest name of an algorithm policy in bytes.
const LONGEST_NAME: usize = 64;

/// What was chosen for a token beyond its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub lifecycle: Mode,
    /// The name of the algorithm policy; `None`: none.
    pub algorithm_policy: Option<String>,
    /// Its text, where it is not built in.
    pub policy_text: Option<String>,
    /// Seconds that the clock may be behind the newest time that the token has seen.
    pub clock_tolerance: u32,
    pub audit: Audit,
    /// Seconds that have to pass between the decision to destroy a private or secret key and its end, at least. Where it is
    /// not 0, C_DestroyObject ends none.
    pub destruction_wait: u32,
    /// In tokens whose security officer does not hold the keys: the shares of a recovery key set a new user PIN.
    pub quorum_reset: bool,
    /// Which operations need the approval of several people.
    pub control: Option<Control>,
    /// Whether the token makes HSS keys and signs with them. A copy of its file would sign with the same one-time keys.
    pub stateful_signatures: bool,
    /// Fields with tags from 128 on that this version does not know.
    pub others: BTreeMap<u8, Vec<u8>>,
}

impl Default for Settings {
    /// Those of a token that says nothing, as every token did before there were settings.
    fn default() -> Self {
        Self {
            lifecycle: Mode::Warn,
            algorithm_policy: None,
            policy_text: None,
            clock_tolerance: DEFAULT_CLOCK_TOLERANCE,
            audit: Audit::default(),
            destruction_wait: 0,
            quorum_reset: false,
            control: None,
            stateful_signatures: false,
            others: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The algorithm policy: built in, or the text. Errors: CKR_TOKEN_NOT_RECOGNIZED for a name or text that this version
    /// does not understand.
    pub fn algorithms(&self) -> Result<Option<Arc<AlgorithmPolicy>>> {
        match (&self.policy_text, &self.algorithm_policy) {
            (Some(text), _) => {
                let policy = AlgorithmPolicy::parse(text).map_err(|_| Error::TokenNotRecognized)?;
                Ok(Some(Arc::new(policy)))
            }
            (None, Some(name)) => AlgorithmPolicy::named(name).map(Some).ok_or(Error::TokenNotRecognized),
            (None, None) => Ok(None),
        }
    }

    /// What is chosen, without which audit log belongs to the token: as a request for these settings carries it. Errors:
    /// CKR_ARGUMENTS_BAD for settings that are too long.
    pub fn proposal(&self) -> Result<Vec<u8>> {
        let (mut fields, mut bytes) = (BTreeMap::new(), Vec::new());
        Self { audit: Audit { log: None, ..self.audit.clone() }, ..self.clone() }.encode(&mut fields);
        write(&fields, &mut bytes)?;
        Ok(bytes)
    }

    /// The settings of a request. Errors: CKR_TOKEN_NOT_RECOGNIZED for what this version does not understand.
    pub fn proposed(proposal: &[u8]) -> Result<Self> {
        Self::decode(read(proposal)?)
    }

    /// What a request for these settings is about. Errors: CKR_ARGUMENTS_BAD for settings that are too long.
    pub fn subject(&self) -> Result<Subject> {
        Subject::settings(&self.proposal()?)
    }

    /// The fields that differ from what holds without them.
    pub(super) fn encode(&self, fields: &mut BTreeMap<u8, Vec<u8>>) {
        let default = Self::default();
        if self.lifecycle != default.lifecycle {
            fields.insert(LIFECYCLE, vec![self.lifecycle.number()]);
        }
        let text = |text: &String| text.as_bytes().to_vec();
        fields.extend(self.algorithm_policy.as_ref().map(|name| (ALGORITHM_POLICY, text(name))));
        fields.extend(self.policy_text.as_ref().map(|policy| (POLICY_TEXT, text(policy))));
        if self.clock_tolerance != default.clock_tolerance {
            fields.insert(CLOCK_TOLERANCE, self.clock_tolerance.to_le_bytes().to_vec());
        }
        if self.audit != default.audit {
            fields.insert(AUDIT, self.audit.encode());
        }
        if self.destruction_wait != default.destruction_wait {
            fields.insert(DESTRUCTION_WAIT, self.destruction_wait.to_le_bytes().to_vec());
        }
        if self.quorum_reset {
            fields.insert(QUORUM_RESET, vec![1]);
        }
        fields.extend(self.control.as_ref().map(|control| (CONTROL, control.encode())));
        if self.stateful_signatures {
            fields.insert(STATEFUL_SIGNATURES, vec![1]);
        }
        fields.extend(self.others.iter().map(|(tag, value)| (*tag, value.clone())));
    }

    /// Errors: CKR_TOKEN_NOT_RECOGNIZED for a field that this version must know and does not, or with a value that it
    /// cannot have.
    pub(super) fn decode(fields: BTreeMap<u8, Vec<u8>>) -> Result<Self> {
        let mut settings = Self::default();
        for (tag, value) in fields {
            match (tag, value.as_slice()) {
                (LIFECYCLE, [mode]) => {
                    settings.lifecycle = Mode::from_number(*mode).ok_or(Error::TokenNotRecognized)?;
                }
                (ALGORITHM_POLICY, name) if (1..=LONGEST_NAME).contains(&name.len()) => {
                    settings.algorithm_policy = Some(text(name)?);
                }
                (POLICY_TEXT, policy) => settings.policy_text = Some(text(policy)?),
                (CLOCK_TOLERANCE, [a, b, c, d]) => {
                    settings.clock_tolerance = u32::from_le_bytes([*a, *b, *c, *d]);
                }
                (AUDIT, audit) => settings.audit = Audit::decode(audit).ok_or(Error::TokenNotRecognized)?,
                (DESTRUCTION_WAIT, [a, b, c, d]) => {
                    settings.destruction_wait = u32::from_le_bytes([*a, *b, *c, *d]);
                }
                (QUORUM_RESET, [1]) => settings.quorum_reset = true,
                (CONTROL, control) => {
                    settings.control = Some(Control::decode(control).ok_or(Error::TokenNotRecognized)?);
                }
                (STATEFUL_SIGNATURES, [1]) => settings.stateful_signatures = true,
                (OPTIONAL.., _) => {
                    settings.others.insert(tag, value);
                }
                _ => return Err(Error::TokenNotRecognized),
            }
        }
        // A policy that is not understood must not be taken for none.
        settings.algorithms().map(|_| settings)
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Error::TokenNotRecognized)
}

/// Fields as bytes. Errors: CKR_ARGUMENTS_BAD for a value that is too long.
pub(super) fn write(fields: &BTreeMap<u8, Vec<u8>>, bytes: &mut Vec<u8>) -> Result<()> {
    for (tag, value) in fields {
        let length = u16::try_from(value.len()).map_err(|_| Error::ArgumentsBad)?;
        bytes.push(*tag);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(value);
    }
    Ok(())
}

/// Fields from bytes. Errors: CKR_TOKEN_NOT_RECOGNIZED for anything that `write` does not make.
pub(super) fn read(mut bytes: &[u8]) -> Result<BTreeMap<u8, Vec<u8>>> {
    let mut fields = BTreeMap::new();
    while let [tag, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (value, rest) = rest.split_at_checked(length).ok_or(Error::TokenNotRecognized)?;
        if fields.last_key_value().is_some_and(|(last, _)| last >= tag) {
            return Err(Error::TokenNotRecognized);
        }
        fields.insert(*tag, value.to_vec());
        bytes = rest;
    }
    if bytes.is_empty() { Ok(fields) } else { Err(Error::TokenNotRecognized) }
}

#[cfg(test)]
mod tests {
    use super::super::audit::AuditMode;
    use super::*;
    use crate::crypto::edwards::{Curve, PrivateKey};
    use crate::policy::{Controlled, Participant};

    const OWN: &str = "name = \"own\"\ntitle = \"t\"\n[[rule]]\nalgorithms = [\"rsa\"]\nprotect-until = \"never\"\nsource = \"us\"\n";

    #[test]
    fn a_policy_that_is_not_understood_is_refused() {
        let with = |tag, text: &str| Settings::decode(BTreeMap::from([(tag, text.as_bytes().to_vec())]));
        assert!(with(ALGORITHM_POLICY, "cnsa2").unwrap().algorithms().unwrap().is_some());
        assert_eq!(with(ALGORITHM_POLICY, "cnsa3"), Err(Error::TokenNotRecognized));
        assert_eq!(with(POLICY_TEXT, "[[rule]]"), Err(Error::TokenNotRecognized));
    }

    fn control() -> Control {
        let key =
            |seed| PrivateKey::new(Curve::Ed25519, &[seed; 32]).unwrap().public_point().try_into().unwrap();
        Control {
            rules: BTreeMap::from([(Controlled::Policy, 1)]),
            participants: vec![
                Participant { name: "a".into(), key: key(1) },
                Participant { name: "b".into(), key: key(2) },
            ],
            validity: 60,
        }
    }

    #[test]
    fn rules_that_are_not_understood_are_refused_and_those_that_are_change_what_is_asked_for() {
        let with = |value: Vec<u8>| Settings::decode(BTreeMap::from([(CONTROL, value)]));
        let settings = with(control().encode()).unwrap();
        assert_eq!(settings.control, Some(control()));
        assert_eq!(with(Vec::new()), Err(Error::TokenNotRecognized));
        assert_eq!(Settings::proposed(&settings.proposal().unwrap()), Ok(settings.clone()));
        assert_ne!(settings.subject(), Settings::default().subject());
        let log = Audit { log: Some([3; 16]), ..Audit::default() };
        assert_eq!(Settings { audit: log, ..settings.clone() }.subject(), settings.subject());
    }

    fn survives(settings: &Settings) -> bool {
        let (mut fields, mut bytes) = (BTreeMap::new(), Vec::new());
        settings.encode(&mut fields);
        write(&fields, &mut bytes).unwrap();
        read(&bytes).and_then(Settings::decode).as_ref() == Ok(settings)
    }

    #[test]
    fn settings_survive_their_encoding() {
        assert!(survives(&Settings::default()));
        for lifecycle in Mode::ALL {
            assert!(survives(&Settings {
                lifecycle,
                algorithm_policy: Some("own".into()),
                policy_text: Some(OWN.into()),
                clock_tolerance: 0,
                audit: Audit { mode: AuditMode::Uses, required: true, log: Some([3; 16]) },
                destruction_wait: 86_400,
                quorum_reset: true,
                control: Some(control()),
                stateful_signatures: true,
                others: BTreeMap::from([(200, vec![1, 2]), (255, vec![])]),
            }));
        }
    }

    #[test]
    fn an_unknown_field_is_refused_below_128_and_kept_above() {
        let with = |tag| Settings::decode(BTreeMap::from([(tag, vec![1])]));
        assert_eq!(with(127), Err(Error::TokenNotRecognized));
        assert!(survives(&with(129).unwrap()));
        assert_eq!(with(LIFECYCLE).unwrap().lifecycle, Mode::Warn);
        assert_eq!(Settings::decode(BTreeMap::from([(LIFECYCLE, vec![3])])), Err(Error::TokenNotRecognized));
    }

    #[test]
    fn fields_that_are_cut_repeated_or_out_of_order_are_refused() {
        for bytes in [&[1][..], &[1, 0], &[1, 1, 0], &[2, 0, 0, 1, 0, 0], &[1, 0, 0, 1, 0, 0]] {
            assert_eq!(read(bytes), Err(Error::TokenNotRecognized), "{bytes:?}");
        }
    }
}
