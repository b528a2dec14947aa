//! The key of a participant: Ed25519 (RFC 8032), in a file that can be closed with a passphrase as those of recipients are.

use crate::crypto::edwards::{Curve, PrivateKey, Scheme};
use crate::lifecycle::backup::bytes::Reader;
use crate::lifecycle::backup::error::damaged;
use crate::lifecycle::backup::{Error, Protection, Result};
use crate::policy::{Approval, KEY_LEN, Participant, Request, is_name};
use crate::secret::Secret;

const VERSION: u8 = 1;
/// What the passphrase closes the seed for.
const CONTEXT: &[u8] = b"coffer participant key v1";

/// With what a participant signs.
pub struct ParticipantKey {
    name: String,
    key: PrivateKey,
}

impl ParticipantKey {
    /// A new key. `Refused` for what is no name.
    pub fn generate(name: &str) -> Result<Self> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key: PrivateKey::generate(Curve::Ed25519)? })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The participant whose key this is.
    pub fn participant(&self) -> Participant {
        Participant { name: self.name.clone(), key: self.public_key() }
    }

    pub fn public_key(&self) -> [u8; KEY_LEN] {
        // An Ed25519 point always has this length.
        self.key.public_point().try_into().unwrap_or_default()
    }

    pub(super) fn sign(&self, message: &[u8]) -> crate::error::Result<[u8; 64]> {
        let mut signature = [0; 64];
        self.key.sign(Scheme::Pure, message, &mut signature)?;
        Ok(signature)
    }

    /// Approves a request, under this name and at this time (seconds since 1970 UTC). Whether the approval counts is the token's to
    /// decide.
    pub fn approve(&self, request: &Request, time: u64) -> crate::error::Result<Approval> {
        let signature = self.sign(&request.approval_message(&self.name, time))?;
        Ok(Approval { approver: self.name.clone(), time, signature })
    }

    /// The contents of a key file, closed with a passphrase where there is one: u8 version, u8 length of the name, name, and
    /// the seed in the open or closed (docs/backup-format.md).
    pub fn to_file(&self, passphrase: Option<&Secret>) -> Result<Secret> {
        let protection = match passphrase {
            Some(passphrase) => Protection::close(&self.key.seed(), passphrase, CONTEXT)?,
            None => Protection::None(self.key.seed()),
        };
        let mut bytes = Vec::with_capacity(512);
        write_name(&self.name, &mut bytes);
        protection.encode(&mut bytes);
        Ok(Secret::new(bytes))
    }

    /// Whether the contents of a key file need a passphrase.
    pub fn is_closed(file: &[u8]) -> Result<bool> {
        Ok(read_file(file)?.1.is_closed())
    }

    /// The key in the contents of a key file.
    pub fn from_file(file: &[u8], passphrase: Option<&Secret>) -> Result<Self> {
        let (name, protection) = read_file(file)?;
        let seed = protection.open(passphrase, CONTEXT)?;
        Ok(Self { name, key: PrivateKey::new(Curve::Ed25519, seed.as_bytes())? })
    }
}

fn check_name(name: &str) -> Result<()> {
    match is_name(name) {
        true => Ok(()),
        false => Err(Error::Refused(format!(
            "`{name}` is no name: 1 to 32 ASCII letters, digits, `.`, `_`, `-` and `@`, and neither `user` nor `so`"
        ))),
    }
}

fn write_name(name: &str, bytes: &mut Vec<u8>) {
    bytes.extend([VERSION, name.len() as u8]);
    bytes.extend_from_slice(name.as_bytes());
}

fn read_name(reader: &mut Reader<'_>) -> Result<String> {
    if reader.u8()? != VERSION {
        return Err(Error::NotOurs("the key file is of a version that is not known here".into()));
    }
    let name = String::from_utf8(reader.short_text()?.to_vec());
    let name = name.map_err(|_| damaged("the name in the key file is no text"))?;
    check_name(&name).map(|()| name)
}

fn read_file(file: &[u8]) -> Result<(String, Protection)> {
    let mut reader = Reader::new(file, "the key file");
    let name = read_name(&mut reader)?;
    let protection = Protection::decode(&mut reader)?;
    reader.end()?;
    Ok((name, protection))
}

/// The contents of the file that a participant gives to others: u8 version, u8 length of the name, name, public key.
pub fn public_file(participant: &Participant) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_name(&participant.name, &mut bytes);
    bytes.extend(participant.key);
    bytes
}

/// The participant in such a file.
pub fn read_public_file(file: &[u8]) -> Result<Participant> {
    let mut reader = Reader::new(file, "the public key file");
    let name = read_name(&mut reader)?;
    let key = reader.array()?;
    reader.end()?;
    Ok(Participant { name, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_participants_key_file_opens_with_its_passphrase_only_and_tells_the_name() {
        let key = ParticipantKey::generate("alice").unwrap();
        let (right, wrong) = (Secret::copy_of(b"right"), Secret::copy_of(b"wrong"));
        let open = key.to_file(None).unwrap();
        assert!(!ParticipantKey::is_closed(open.as_bytes()).unwrap());
        let read = ParticipantKey::from_file(open.as_bytes(), None).unwrap();
        assert_eq!(read.participant(), key.participant());
        let closed = key.to_file(Some(&right)).unwrap();
        assert!(ParticipantKey::is_closed(closed.as_bytes()).unwrap());
        let read = ParticipantKey::from_file(closed.as_bytes(), Some(&right)).unwrap();
        assert_eq!(read.participant(), key.participant());
        for passphrase in [Some(&wrong), None] {
            let refused = ParticipantKey::from_file(closed.as_bytes(), passphrase);
            assert!(matches!(refused, Err(Error::Passphrase(_))));
        }
        for length in 0..open.len() {
            assert!(ParticipantKey::from_file(&open.as_bytes()[..length], None).is_err());
        }
        assert!(ParticipantKey::generate("so").is_err());
    }

    #[test]
    fn a_public_file_names_one_participant() {
        let participant = ParticipantKey::generate("bob").unwrap().participant();
        let file = public_file(&participant);
        assert_eq!(read_public_file(&file).unwrap(), participant);
        assert!((0..file.len()).all(|length| read_public_file(&file[..length]).is_err()));
        assert!(read_public_file(&[&file[..], &[0]].concat()).is_err());
    }
}
