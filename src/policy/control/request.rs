//! Requests and approvals: what is signed, and when a signature counts.

use std::fmt;

use super::{Control, Controlled, KEY_LEN, Participant, Subject};
use crate::crypto::edwards::{Curve, PublicKey, Scheme};
use crate::error::Error;

/// The first byte of an encoded request.
const VERSION: u8 = 1;
/// What a requester's signature is over: this, and the request.
const REQUEST_DOMAIN: &[u8] = b"coffer request v1\0";
/// What an approval's signature is over: this, the request behind its length, name and time of the approver.
const APPROVAL_DOMAIN: &[u8] = b"coffer approval v1\0";
/// The longest texts and proposal, in bytes.
const LONGEST_TEXT: usize = 1024;
const LONGEST_PROPOSAL: usize = 64 << 10;
/// No signed request is longer, in bytes.
pub const LONGEST_REQUEST: usize = 80 << 10;
/// Approvals that are kept with a request.
const MOST_APPROVALS: usize = super::MAXIMUM_PARTICIPANTS;
/// Seconds that the clock of a machine where somebody signs may be ahead.
const TOLERANCE: u64 = 300;
const SIGNATURE_LEN: usize = 64;

/// What somebody asks others to approve. All of it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The unique id of the token.
    pub token: [u8; 16],
    /// Random: it is used once.
    pub id: [u8; 16],
    pub operation: Controlled,
    pub subject: Subject,
    /// What the subject is, in the words of who asks.
    pub about: String,
    pub reason: String,
    /// New settings as they would be written, where it is about settings.
    pub proposal: Vec<u8>,
    /// The participant who asks.
    pub requester: String,
    /// Seconds since 1970 UTC.
    pub time: u64,
    /// From then on it is void.
    pub expires: u64,
}

/// A participant's signature under a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub approver: String,
    /// Seconds since 1970 UTC.
    pub time: u64,
    pub signature: [u8; SIGNATURE_LEN],
}

/// A request with the signature of who asks, and the approvals that it has so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    pub request: Request,
    pub signature: [u8; SIGNATURE_LEN],
    pub approvals: Vec<Approval>,
}

/// Why a request or an approval does not count; a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The token has no rules.
    NoControl,
    /// The rules do not name the operation.
    NotControlled(Controlled),
    /// Rules that cannot be.
    Rules(String),
    /// The SO of this token does not hold its keys, and could not see the approvals.
    Separated(Controlled),
    /// Bytes that are no request.
    Malformed,
    OtherToken,
    /// The signature of this participant does not verify.
    Altered(String),
    /// It was asked at a time that is to come.
    Early,
    /// It is to hold for longer than the rules allow.
    TooLong,
    Expired,
    /// No request with this id waits.
    Unknown,
    Stranger(String),
    Own(String),
    Duplicate(String),
    /// Who wants to withdraw has neither asked nor approved.
    NotTheirs(String),
    Token(Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoControl => formatter.write_str("the token has no dual control"),
            Self::NotControlled(operation) => {
                write!(formatter, "{} needs no approvals in this token", operation.name())
            }
            Self::Rules(flaw) => formatter.write_str(flaw),
            Self::Separated(operation) => write!(
                formatter,
                "{} cannot be put under dual control in this token: its security officer, who does it, does not hold the keys \
                 and cannot read approvals",
                operation.name()
            ),
            Self::Malformed => formatter.write_str("it is no request, or it is not complete"),
            Self::OtherToken => formatter.write_str("the request is for another token"),
            Self::Altered(name) => {
                write!(formatter, "the signature of `{name}` does not verify: something of it was altered")
            }
            Self::Early => formatter.write_str("it was signed at a time that is still to come; check the clocks"),
            Self::TooLong => formatter.write_str("the request is to hold for longer than the token allows"),
            Self::Expired => formatter.write_str("the request has expired"),
            Self::Unknown => formatter.write_str(
                "no such request waits in this token: it was carried out already, withdrawn, or never made here",
            ),
            Self::Stranger(name) => write!(formatter, "`{name}` is no participant of this token"),
            Self::Own(name) => {
                write!(formatter, "`{name}` has asked for it, and so does not count among those who approve it")
            }
            Self::Duplicate(name) => write!(formatter, "`{name}` has approved it already"),
            Self::NotTheirs(name) => write!(formatter, "`{name}` has neither asked for it nor approved it"),
            Self::Token(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl Request {
    /// What who asks signs.
    pub fn message(&self) -> Vec<u8> {
        [REQUEST_DOMAIN, &self.encode()].concat()
    }

    /// What `approver` signs at this time.
    pub fn approval_message(&self, approver: &str, time: u64) -> Vec<u8> {
        let request = self.encode();
        let mut message = APPROVAL_DOMAIN.to_vec();
        message.extend((request.len() as u32).to_le_bytes());
        message.extend(request);
        message.push(approver.len() as u8);
        message.extend(approver.as_bytes());
        message.extend(time.to_le_bytes());
        message
    }

    /// The id as people see it.
    pub fn id_text(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// False for texts and a proposal that are too long.
    pub fn fits(&self) -> bool {
        [&self.subject.0, &self.about, &self.reason].into_iter().all(|text| text.len() <= LONGEST_TEXT)
            && self.proposal.len() <= LONGEST_PROPOSAL
            && self.requester.len() <= usize::from(u8::MAX)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.token);
        bytes.extend(self.id);
        bytes.push(self.operation.number());
        bytes.extend(self.time.to_le_bytes());
        bytes.extend(self.expires.to_le_bytes());
        bytes.push(self.requester.len() as u8);
        bytes.extend(self.requester.as_bytes());
        for text in [&self.subject.0, &self.about, &self.reason] {
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend((self.proposal.len() as u32).to_le_bytes());
        bytes.extend(&self.proposal);
        bytes
    }

    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        if bytes.byte()? != VERSION {
            return None;
        }
        let (token, id) = (bytes.array()?, bytes.array()?);
        let operation = Controlled::from_number(bytes.byte()?)?;
        let (time, expires) = (u64::from_le_bytes(bytes.array()?), u64::from_le_bytes(bytes.array()?));
        let requester = bytes.short_text()?;
        let [subject, about, reason] = [bytes.text()?, bytes.text()?, bytes.text()?];
        let length = usize::try_from(u32::from_le_bytes(bytes.array()?)).ok()?;
        let proposal = bytes.bytes(length)?.to_vec();
        let subject = Subject(subject);
        let request =
            Self { token, id, operation, subject, about, reason, proposal, requester, time, expires };
        request.fits().then_some(request)
    }
}

impl SignedRequest {
    /// For the token and for files: the request, the signature, u8 approvals, each with u8 length of the name, name, u64 time,
    /// signature.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.request.encode();
        bytes.extend(self.signature);
        bytes.push(self.approvals.len() as u8);
        for Approval { approver, time, signature } in &self.approvals {
            bytes.push(approver.len() as u8);
            bytes.extend(approver.as_bytes());
            bytes.extend(time.to_le_bytes());
            bytes.extend(signature);
        }
        bytes
    }

    /// From bytes that anybody may have written. `Malformed` for anything that `encode` does not make.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::read(&mut Reader(bytes)).ok_or(Refusal::Malformed)
    }

    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        let request = Request::read(bytes)?;
        let signature = bytes.array()?;
        let mut approvals = Vec::new();
        let count = usize::from(bytes.byte()?);
        if count > MOST_APPROVALS {
            return None;
        }
        for _ in 0..count {
            let approver = bytes.short_text()?;
            let time = u64::from_le_bytes(bytes.array()?);
            approvals.push(Approval { approver, time, signature: bytes.array()? });
        }
        bytes.0.is_empty().then_some(Self { request, signature, approvals })
    }

    /// Whether the request is one for this token that holds now. `now`: seconds since 1970 UTC.
    pub fn check(&self, control: &Control, token: &[u8; 16], now: u64) -> Result<(), Refusal> {
        let Request { operation, time, expires, .. } = self.request;
        if self.request.token != *token {
            return Err(Refusal::OtherToken);
        }
        let requester = known(control, &self.request.requester)?;
        verify(requester, &self.request.message(), &self.signature)?;
        if !self.request.subject.fits(&self.request.proposal) {
            return Err(Refusal::Malformed);
        }
        if control.needs(operation).is_none() {
            return Err(Refusal::NotControlled(operation));
        }
        if time > now.saturating_add(TOLERANCE) {
            return Err(Refusal::Early);
        }
        if expires > time.saturating_add(control.validity.into()) {
            return Err(Refusal::TooLong);
        }
        if now >= expires { Err(Refusal::Expired) } else { Ok(()) }
    }

    /// Whether an approval counts for this request: by somebody else than who asks, and not altered.
    pub fn check_approval(&self, control: &Control, approval: &Approval, now: u64) -> Result<(), Refusal> {
        let Approval { approver, time, signature } = approval;
        let participant = known(control, approver)?;
        verify(participant, &self.request.approval_message(approver, *time), signature)?;
        if *approver == self.request.requester {
            return Err(Refusal::Own(approver.clone()));
        }
        if *time >= self.request.expires {
            return Err(Refusal::Expired);
        }
        if *time > now.saturating_add(TOLERANCE) { Err(Refusal::Early) } else { Ok(()) }
    }

    /// Who has approved it, each once, as the rules and keys are now.
    pub fn approvers(&self, control: &Control, now: u64) -> Vec<&str> {
        let mut approvers: Vec<&str> = Vec::new();
        for approval in &self.approvals {
            let name = approval.approver.as_str();
            if !approvers.contains(&name) && self.check_approval(control, approval, now).is_ok() {
                approvers.push(name);
            }
        }
        approvers
    }

    /// Whether it may be carried out now: it holds, and enough others have approved it.
    pub fn is_approved(&self, control: &Control, token: &[u8; 16], now: u64) -> bool {
        let needed = control.needs(self.request.operation).map(usize::from);
        self.check(control, token, now).is_ok()
            && needed.is_some_and(|needed| self.approvers(control, now).len() >= needed)
    }
}

fn known<'a>(control: &'a Control, name: &str) -> Result<&'a Participant, Refusal> {
    control.participant(name).ok_or_else(|| Refusal::Stranger(name.to_owned()))
}

fn verify(participant: &Participant, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
    let key: &[u8; KEY_LEN] = &participant.key;
    let verified = PublicKey::new(Curve::Ed25519, key)
        .is_ok_and(|key| key.verify(Scheme::Pure, message, signature).is_ok());
    if verified { Ok(()) } else { Err(Refusal::Altered(participant.name.clone())) }
}

/// Bytes that are read from the front; `None` where they end too early.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// A text behind its length in one byte.
    pub(super) fn short_text(&mut self) -> Option<String> {
        let length = self.byte()?;
        String::from_utf8(self.bytes(length.into())?.to_vec()).ok()
    }

    /// A text behind its length in two bytes.
    fn text(&mut self) -> Option<String> {
        let length = u16::from_le_bytes(self.array()?);
        String::from_utf8(self.bytes(length.into())?.to_vec()).ok()
    }
}
