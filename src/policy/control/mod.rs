//! Dual control: which operations of a token need the consent of several people, and who these are (docs/roles.md).

mod request;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::access::is_name;
use crate::crypto::edwards::{Curve, PublicKey};

pub use request::{Approval, LONGEST_REQUEST, Refusal, Request, SignedRequest};
pub use subject::Subject;

/// Bytes of a participant's public key (Ed25519, RFC 8032).
pub const KEY_LEN: usize = 32;
/// So many participants at most.
pub const MAXIMUM_PARTICIPANTS: usize = 16;
/// The longest that a token may allow, in seconds.
const LONGEST_VALIDITY: u32 = 366 * 86_400;

/// An operation that can be put under dual control. The numbers are those of the token file and of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Controlled {
    /// The end of a private or secret key of the token.
    Destroy,
    /// A private or secret key of the token leaves it: wrapped, read, copied into a session, exported, or as a signature key in
    /// a backup.
    Export,
    /// CKA_TRUSTED becomes true.
    Trust,
    /// Settings, accounts, exceptions, the acceptance of the clock, and these rules themselves.
    Policy,
    /// The SO gives the user another PIN.
    PinReset,
}

impl Controlled {
    pub const ALL: [Self; 5] = [Self::Destroy, Self::Export, Self::Trust, Self::Policy, Self::PinReset];

    pub fn number(self) -> u8 {
        match self {
            Self::Destroy => 1,
            Self::Export => 2,
            Self::Trust => 3,
            Self::Policy => 4,
            Self::PinReset => 5,
        }
    }

    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.number() == number)
    }

    /// Its name for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Export => "export",
            Self::Trust => "trust",
            Self::Policy => "policy",
            Self::PinReset => "pin-reset",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

/// Somebody who asks and approves, known by a signature key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub name: String,
    /// Ed25519.
    pub key: [u8; KEY_LEN],
}

/// The rules of a token: which operations need approvals, how many, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// How many participants besides the one who asks must approve.
    pub rules: BTreeMap<Controlled, u8>,
    pub participants: Vec<Participant>,
    /// For how many seconds a request can be approved and carried out, at most.
    pub validity: u32,
}

impl Control {
    /// Rules that nobody can fulfil: for a token whose own cannot be read.
    pub fn closed() -> Self {
        let rules = Controlled::ALL.into_iter().map(|operation| (operation, u8::MAX)).collect();
        Self { rules, participants: Vec::new(), validity: 0 }
    }

    /// How many approvals the operation needs; `None`: none.
    pub fn needs(&self, operation: Controlled) -> Option<u8> {
        self.rules.get(&operation).copied()
    }

    pub fn participant(&self, name: &str) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.name == name)
    }

    /// Who has this public key.
    pub fn holder(&self, key: &[u8; KEY_LEN]) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.key == *key)
    }

    /// Why these rules cannot be, as a sentence for people.
    pub fn flaw(&self) -> Option<String> {
        let count = self.participants.len();
        if !(2..=MAXIMUM_PARTICIPANTS).contains(&count) {
            return Some(format!(
                "there must be 2 to {MAXIMUM_PARTICIPANTS} participants, and there are {count}"
            ));
        }
        for (at, participant) in self.participants.iter().enumerate() {
            let Participant { name, key } = participant;
            let before = || self.participants.iter().take(at);
            if !is_name(name) {
                return Some(format!(
                    "`{name}` is no name: 1 to 32 ASCII letters, digits, `.`, `_`, `-` and `@`, and neither `user` nor `so`"
                ));
            }
            if before().any(|other| other.name == *name) {
                return Some(format!("`{name}` is named twice"));
            }
            if let Some(other) = before().find(|other| other.key == *key) {
                return Some(format!(
                    "`{name}` and `{}` have the same key, and would count twice",
                    other.name
                ));
            }
            if PublicKey::new(Curve::Ed25519, key).is_err() {
                return Some(format!("the key of `{name}` is no Ed25519 public key"));
            }
        }
        for (operation, needed) in &self.rules {
            if !(1..count).contains(&usize::from(*needed)) {
                return Some(format!(
                    "{} cannot need {needed} approvals: of {count} participants one asks, and 1 to {} can approve",
                    operation.name(),
                    count - 1
                ));
            }
        }
        if self.needs(Controlled::Policy).is_none() {
            return Some(
                "policy must need approvals, too: else these rules could be ended without any".into(),
            );
        }
        let valid = (1..=LONGEST_VALIDITY).contains(&self.validity);
        (!valid).then(|| "requests must hold for 1 second to 366 days".to_owned())
    }

    /// Value of the token file's field: u32 seconds, u8 rules, each u8 operation and u8 approvals, in the order of the
    /// operations; u8 participants, each u8 length of the name, name, public key.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.validity.to_le_bytes().to_vec();
        bytes.push(self.rules.len() as u8);
        for (operation, needed) in &self.rules {
            bytes.extend([operation.number(), *needed]);
        }
        bytes.push(self.participants.len() as u8);
        for Participant { name, key } in &self.participants {
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(key);
        }
        bytes
    }

    /// `None` for anything that `encode` does not make of rules without a flaw.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = request::Reader(bytes);
        let validity = u32::from_le_bytes(bytes.array()?);
        let mut rules = BTreeMap::new();
        for _ in 0..bytes.byte()? {
            let [operation, needed] = bytes.array()?;
            let operation = Controlled::from_number(operation)?;
            // One order, so that there is one encoding.
            if rules.last_key_value().is_some_and(|(last, _)| *last >= operation) {
                return None;
            }
            rules.insert(operation, needed);
        }
        let mut participants = Vec::new();
        for _ in 0..bytes.byte()? {
            let name = bytes.short_text()?;
            participants.push(Participant { name, key: bytes.array()? });
        }
        let control = Self { rules, participants, validity };
        (bytes.0.is_empty() && control.flaw().is_none()).then_some(control)
    }
}
