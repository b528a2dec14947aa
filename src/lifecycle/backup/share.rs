//! One share of a recovery key: what is in it, how it is checked, and the text that a custodian keeps.

use std::fmt;

use super::armour;
use super::bytes::{Reader, digest, digest16, hex};
use super::error::{Error, Result, damaged};
use super::passphrase::Protection;
use crate::secret::Secret;

/// The most bytes of a custodian's name.
pub const MAX_NAME: usize = 64;
/// The most shares of a set.
pub const MAX_SHARES: u8 = 16;
/// The fewest shares that give the key.
pub const MIN_THRESHOLD: u8 = 2;

const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
const BEGIN: &str = "-----BEGIN COFFER RECOVERY SHARE-----";
const END: &str = "-----END COFFER RECOVERY SHARE-----";
/// The longest text that is taken for a share, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// The public name of a set of shares: a digest of what is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId(pub [u8; 16]);

impl fmt::Display for SetId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

/// What all shares of a set say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareHead {
    pub threshold: u8,
    pub count: u8,
    pub token: [u8; 16],
    /// Of the token, padded with blanks.
    pub serial: [u8; 16],
    /// Seconds since 1970 UTC.
    pub made: u64,
    /// Of the recovery key.
    pub key_id: [u8; 16],
    /// Of the key with which the token signs its backups.
    pub signer_id: [u8; 16],
    /// To each share, in their order.
    pub commitments: Vec<[u8; 16]>,
}

impl ShareHead {
    /// Everything, as it stands in the token's ledger.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend([self.threshold, self.count]);
        bytes.extend(self.encode_fixed());
        bytes.extend(self.commitments.as_flattened());
    }

    pub(super) fn decode(reader: &mut Reader) -> Result<Self> {
        let [threshold, count] = reader.array()?;
        Self::decode_rest(reader, threshold, count)
    }

    /// What follows the rule. `Damaged`: it is no rule, or the bytes end.
    fn decode_rest(reader: &mut Reader, threshold: u8, count: u8) -> Result<Self> {
        if threshold < MIN_THRESHOLD || threshold > count || count > MAX_SHARES {
            return Err(damaged(format!("{threshold} of {count} is no rule for shares")));
        }
        let (token, serial, made): ([u8; 16], [u8; 16], u64) =
            (reader.array()?, reader.array()?, reader.u64()?);
        // It stands in the text of a share as it is.
        let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        if !serial.iter().all(printable) || serial.starts_with(b" ") {
            return Err(damaged("the serial number is no text"));
        }
        let (key_id, signer_id) = (reader.array()?, reader.array()?);
        let commitments = (0..count).map(|_| reader.array()).collect::<Result<_>>()?;
        Ok(Self { threshold, count, token, serial, made, key_id, signer_id, commitments })
    }

    fn encode_fixed(&self) -> Vec<u8> {
        let parts: [&[u8]; 5] =
            [&self.token, &self.serial, &self.made.to_le_bytes(), &self.key_id, &self.signer_id];
        parts.concat()
    }

    pub fn set_id(&self) -> Result<SetId> {
        let rules = [self.threshold, self.count];
        let parts: [&[u8]; 4] =
            [b"coffer recovery set v1", &rules, &self.encode_fixed(), self.commitments.as_flattened()];
        digest16(&parts).map(SetId)
    }

    /// What a set says of the share of a number, its custodian and its value.
    pub(super) fn commitment(&self, number: u8, custodian: &str, value: &Secret) -> Result<[u8; 16]> {
        let rules = [self.threshold, self.count, number];
        let name = name(custodian)?;
        let parts: [&[u8]; 5] =
            [b"coffer recovery share v1", &rules, &self.encode_fixed(), &name, value.as_bytes()];
        digest16(&parts)
    }

    pub fn serial_text(&self) -> String {
        String::from_utf8_lossy(&self.serial).trim_end().to_owned()
    }

    /// `YYYY-MM-DD`.
    pub fn day(&self) -> String {
        let moment =
            i64::try_from(self.made).ok().and_then(|at| time::OffsetDateTime::from_unix_timestamp(at).ok());
        match moment {
            Some(at) => format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day()),
            None => "unknown".into(),
        }
    }
}

/// The name behind its length. `Refused`: empty, too long, or with control characters.
pub(super) fn name(custodian: &str) -> Result<Vec<u8>> {
    let length = u8::try_from(custodian.len()).ok().filter(|length| usize::from(*length) <= MAX_NAME);
    match length {
        Some(length)
            if length > 0 && custodian.trim() == custodian && !custodian.contains(char::is_control) =>
        {
            Ok([&[length], custodian.as_bytes()].concat())
        }
        _ => Err(Error::Refused(format!(
            "`{}` cannot name a custodian: a name has 1 to {MAX_NAME} bytes, no control characters and no blanks around it",
            custodian.escape_debug()
        ))),
    }
}

/// A share as its custodian keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub head: ShareHead,
    /// From 1.
    pub number: u8,
    pub custodian: String,
    pub(super) value: Protection,
}

/// A share whose value is at hand and fits the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub head: ShareHead,
    pub number: u8,
    pub custodian: String,
    pub(super) value: Secret,
}

impl Opened {
    /// The share to be kept, closed with the custodian's passphrase where there is one.
    pub fn keep(&self, passphrase: Option<&Secret>) -> Result<Share> {
        let value = match passphrase {
            Some(passphrase) => {
                let context = context(&self.head, self.number, &self.custodian)?;
                Protection::close(&self.value, passphrase, &context)?
            }
            None => Protection::None(self.value.clone()),
        };
        Ok(Share { head: self.head.clone(), number: self.number, custodian: self.custodian.clone(), value })
    }
}

/// What a passphrase closes a value for.
fn context(head: &ShareHead, number: u8, custodian: &str) -> Result<Vec<u8>> {
    Ok([&head.set_id()?.0[..], &[number], &name(custodian)?].concat())
}

impl Share {
    pub fn is_closed(&self) -> bool {
        self.value.is_closed()
    }

    /// Checks the value against the set. `Passphrase`: it is closed, and the passphrase is wrong or not there.
    /// `Damaged`: the value is not the one that the set names.
    pub fn open(&self, passphrase: Option<&Secret>) -> Result<Opened> {
        let Share { head, number, custodian, value } = self;
        let value = value.open(passphrase, &context(head, *number, custodian)?)?;
        let expected = head.commitments.get(usize::from(*number).wrapping_sub(1));
        if expected != Some(&head.commitment(*number, custodian, &value)?) {
            return Err(damaged(
                "the share does not fit the set that it names: it was altered, or put together of two",
            ));
        }
        Ok(Opened { head: head.clone(), number: *number, custodian: custodian.clone(), value })
    }

    /// The body of the share.
    pub fn encode(&self) -> Result<Secret> {
        let head = &self.head;
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend([VERSION, head.threshold, head.count, self.number]);
        bytes.extend(head.encode_fixed());
        bytes.extend(head.commitments.as_flattened());
        bytes.extend(name(&self.custodian)?);
        self.value.encode(&mut bytes);
        let checksum = digest(&[&bytes])?;
        bytes.extend(checksum.iter().take(CHECKSUM));
        Ok(Secret::new(bytes))
    }

    /// Errors: `Damaged`, `NotOurs`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.first() != Some(&VERSION) {
            return Err(Error::NotOurs("the share is of a version that is not known here".into()));
        }
        let mut reader = Reader::new(bytes, "the share");
        let length = bytes.len().checked_sub(CHECKSUM).ok_or_else(|| reader.short())?;
        let content = reader.bytes(length)?;
        let checksum = digest(&[content])?;
        if !checksum.starts_with(reader.rest()) {
            return Err(damaged("the share does not fit its checksum"));
        }
        let mut reader = Reader::new(content, "the share");
        let [_, threshold, count, number] = reader.array()?;
        let head = ShareHead::decode_rest(&mut reader, threshold, count)?;
        if !(1..=count).contains(&number) {
            return Err(damaged(format!("there is no share {number} of {count}")));
        }
        let text = std::str::from_utf8(reader.short_text()?).map_err(|_| damaged("the name is not text"))?;
        let custodian = text.to_owned();
        name(&custodian).map_err(|error| damaged(error.to_string()))?;
        let value = Protection::decode(&mut reader)?;
        reader.end()?;
        Ok(Self { head, number, custodian, value })
    }

    /// The words that stand above the lines, each with its value.
    fn words(&self) -> Result<[(&'static str, String); 6]> {
        let Share { head, number, custodian, value } = self;
        let rule =
            format!("{number} of {}, any {} of which give the recovery key", head.count, head.threshold);
        Ok([
            ("Custodian", custodian.clone()),
            ("Share", rule),
            ("Set", head.set_id()?.to_string()),
            ("Token", head.serial_text()),
            ("Made", head.day()),
            ("Passphrase", if value.is_closed() { "yes" } else { "no" }.into()),
        ])
    }

    /// The text that the custodian keeps. A secret, unless it is closed.
    pub fn to_text(&self) -> Result<Secret> {
        let mut text = String::with_capacity(4096);
        text.push_str(BEGIN);
        text.push('\n');
        for (word, value) in self.words()? {
            text.push_str(&format!("{word}: {value}\n"));
        }
        text.push('\n');
        for line in armour::lines(self.encode()?.as_bytes())? {
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
        Ok(Secret::new(text.into_bytes()))
    }

    /// The numbered lines of the text, for a custodian who types some of them again.
    pub fn lines(&self) -> Result<Vec<String>> {
        armour::lines(self.encode()?.as_bytes())
    }

    /// Reads the text of one share, with whatever stands around it. Errors: `NotOurs`, `Damaged`.
    pub fn from_text(text: &[u8]) -> Result<Self> {
        let lines = armoured(text)?;
        let (numbered, words): (Vec<&str>, Vec<&str>) =
            lines.into_iter().partition(|line| line.starts_with(|first: char| first.is_ascii_digit()));
        let bytes = Secret::new(armour::bytes(&numbered)?);
        let share = Self::decode(bytes.as_bytes())?;
        let expected = share.words()?;
        for line in words {
            let (word, value) = line.split_once(':').unwrap_or((line, ""));
            let told = expected.iter().find(|(name, _)| *name == word.trim());
            if told.is_none_or(|(_, expected)| expected != value.trim()) {
                return Err(damaged(format!(
                    "the line `{}` is not what the share itself says",
                    line.escape_debug()
                )));
            }
        }
        Ok(share)
    }
}

/// The lines between the marks, without what mail programs put before them.
fn armoured(text: &[u8]) -> Result<Vec<&str>> {
    let not_ours = |why: &str| Error::NotOurs(format!("this is no recovery share: {why}"));
    if text.len() > MAX_TEXT {
        return Err(not_ours("it is too long"));
    }
    let text = std::str::from_utf8(text).map_err(|_| not_ours("it is not text"))?;
    let mut lines = text.lines().map(|line| line.trim_start_matches(['>', ' ', '\t']).trim_end());
    if !lines.any(|line| line == BEGIN) {
        return Err(not_ours(&format!("the line `{BEGIN}` is missing")));
    }
    let mut within = Vec::new();
    for line in lines {
        match line {
            END => return Ok(within),
            "" => {}
            line => within.push(line),
        }
    }
    Err(damaged(format!("the share ends before the line `{END}`")))
}
