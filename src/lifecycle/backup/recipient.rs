//! The keys that open backups, and sealed first keys of audit logs: X25519 and ML-KEM-768 together, from one seed.

use super::bytes::{Reader, digest16};
use super::error::{Error, Result, damaged};
use super::passphrase::{self, Protection};
use crate::crypto::recipient::{self, PrivateHalf};
use crate::secret::Secret;

pub use crate::crypto::recipient::WRAPPED_LEN;

/// Bytes of a public half.
pub(super) const PUBLIC_LEN: usize = recipient::PUBLIC_LEN;
const FILE_VERSION: u8 = 1;
const FILE_CONTEXT: &[u8] = b"coffer recipient key v1";

/// What both halves of a key are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed(pub(super) PrivateHalf);

/// The half that closes: public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicHalf(pub(super) recipient::PublicHalf);

impl Seed {
    pub fn random() -> Result<Self> {
        Ok(Self(PrivateHalf::random()?))
    }

    /// `Damaged`: not 32 bytes.
    pub(super) fn new(secret: Secret) -> Result<Self> {
        PrivateHalf::new(secret).map(Self).map_err(|_| damaged("the seed has a wrong length"))
    }

    pub(super) fn secret(&self) -> &Secret {
        self.0.seed()
    }

    pub fn public_half(&self) -> Result<PublicHalf> {
        Ok(PublicHalf(self.0.public_half()?))
    }

    /// Opens what was wrapped for the public half. `Mismatch`: for another one, or with another context, or it was changed.
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_LEN], context: &[u8]) -> Result<Secret> {
        self.0.unwrap(wrapped, context).map_err(|error| match error {
            crate::crypto::Error::Decrypt => Error::Mismatch("it is not for this key, or was changed".into()),
            error => error.into(),
        })
    }

    /// The contents of a key file, closed with a passphrase where there is one.
    pub fn to_file(&self, passphrase: Option<&Secret>) -> Result<Secret> {
        let protection = match passphrase {
            Some(passphrase) => Protection::close(self.secret(), passphrase, FILE_CONTEXT)?,
            None => Protection::None(self.secret().clone()),
        };
        let mut bytes = Vec::with_capacity(2 + passphrase::CLOSED_LEN);
        bytes.push(FILE_VERSION);
        protection.encode(&mut bytes);
        Ok(Secret::new(bytes))
    }

    /// Whether the contents of a key file need a passphrase.
    pub fn is_closed(file: &[u8]) -> Result<bool> {
        Ok(read_file(file)?.is_closed())
    }

    /// The seed in the contents of a key file.
    pub fn from_file(file: &[u8], passphrase: Option<&Secret>) -> Result<Self> {
        Self::new(read_file(file)?.open(passphrase, FILE_CONTEXT)?)
    }
}

fn read_file(file: &[u8]) -> Result<Protection> {
    let mut reader = Reader::new(file, "the key file");
    if reader.u8()? != FILE_VERSION {
        return Err(Error::NotOurs("the key file is of a version that is not known here".into()));
    }
    let protection = Protection::decode(&mut reader)?;
    reader.end()?;
    Ok(protection)
}

impl PublicHalf {
    /// `Damaged`: another length, or no public key.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != PUBLIC_LEN {
            return Err(damaged("the public half of the key has a wrong length"));
        }
        let half = recipient::PublicHalf::new(bytes);
        half.map(Self).map_err(|_| damaged("the public half of the key is no public key"))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub fn key_id(&self) -> Result<[u8; 16]> {
        digest16(&[b"coffer recipient id v1", self.as_bytes()])
    }

    /// Closes a secret of 32 bytes, so that the private half opens it with the same context.
    pub fn wrap(&self, secret: &Secret, context: &[u8]) -> Result<[u8; WRAPPED_LEN]> {
        Ok(self.0.wrap(secret, context)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random;

    #[test]
    fn a_wrapped_secret_opens_for_its_key_and_unchanged_only() {
        let (mine, other) = (Seed::random().unwrap(), Seed::random().unwrap());
        let secret = random::secret(32).unwrap();
        let wrapped = mine.public_half().unwrap().wrap(&secret, b"context").unwrap();
        assert_eq!(mine.unwrap(&wrapped, b"context").unwrap(), secret);
        assert!(matches!(other.unwrap(&wrapped, b"context"), Err(Error::Mismatch(_))));
        assert!(matches!(mine.unwrap(&wrapped, b"other"), Err(Error::Mismatch(_))));
        for byte in 0..WRAPPED_LEN {
            let mut flipped = wrapped;
            flipped[byte] ^= 1 << (byte % 8);
            assert!(mine.unwrap(&flipped, b"context").is_err(), "{byte}");
        }
        assert_eq!(WRAPPED_LEN, 1168);
    }

    #[test]
    fn the_public_half_does_not_open_and_depends_on_the_seed_alone() {
        let seed = Seed::new(Secret::copy_of(&[7; 32])).unwrap();
        let half = seed.public_half().unwrap();
        assert_eq!(half, seed.public_half().unwrap());
        assert_eq!(PublicHalf::new(half.as_bytes()).unwrap(), half);
        assert!(PublicHalf::new(&half.as_bytes()[1..]).is_err());
        assert!(PublicHalf::new(&[0xff; PUBLIC_LEN]).is_err());
        assert!(Seed::new(Secret::copy_of(&[7; 31])).is_err());
    }

    #[test]
    fn a_key_file_opens_with_its_passphrase_only() {
        let seed = Seed::random().unwrap();
        let (right, wrong) = (Secret::copy_of(b"right"), Secret::copy_of(b"wrong"));
        let open = seed.to_file(None).unwrap();
        assert!(!Seed::is_closed(open.as_bytes()).unwrap());
        assert_eq!(Seed::from_file(open.as_bytes(), None).unwrap(), seed);
        let closed = seed.to_file(Some(&right)).unwrap();
        assert!(Seed::is_closed(closed.as_bytes()).unwrap());
        assert_eq!(Seed::from_file(closed.as_bytes(), Some(&right)).unwrap(), seed);
        for passphrase in [Some(&wrong), None] {
            let error = Seed::from_file(closed.as_bytes(), passphrase);
            assert!(matches!(error, Err(Error::Passphrase(_))));
        }
        assert!(Seed::from_file(&closed.as_bytes()[..closed.len() - 1], Some(&right)).is_err());
        assert!(Seed::from_file(&[2], None).is_err());
    }
}
