//! A secret of 32 bytes closed with a passphrase (Argon2id, ChaCha20-Poly1305), in shares and in recipients' key files.

use super::bytes::Reader;
use super::error::{Error, Result};
use super::seal;
use crate::crypto::random;
use crate::secret::Secret;
use crate::vault::{self, Argon2Cost};

/// Bytes of the secret.
pub(in crate::lifecycle) const LEN: usize = 32;
const SALT: usize = 32;
/// Bytes of cost, salt and sealed secret.
pub(in crate::lifecycle) const CLOSED_LEN: usize = 4 + SALT + LEN + seal::TAG;

/// A secret as it is kept: in the open, or closed with a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    None(Secret),
    /// Cost, salt and sealed secret.
    Passphrase(Box<[u8; CLOSED_LEN]>),
}

const OPEN: u8 = 0;
const CLOSED: u8 = 1;

impl Protection {
    /// Closes a secret; `context` is what it belongs to.
    pub(in crate::lifecycle) fn close(secret: &Secret, passphrase: &Secret, context: &[u8]) -> Result<Self> {
        let cost = Argon2Cost::default();
        let mut salt = [0; SALT];
        random::fill(&mut salt)?;
        let key = vault::argon2id(passphrase, &salt, cost)?;
        let sealed = seal::seal(&key, &seal::NO_NONCE, context, secret.as_bytes())?;
        let closed = [&cost.encode().to_le_bytes()[..], &salt, &sealed].concat();
        let closed = closed.try_into().map_err(|_| crate::crypto::Error::Engine)?;
        Ok(Self::Passphrase(Box::new(closed)))
    }

    pub(in crate::lifecycle) fn is_closed(&self) -> bool {
        matches!(self, Protection::Passphrase(_))
    }

    /// The secret. `Passphrase`: it is closed, and the passphrase is wrong or not there.
    pub(in crate::lifecycle) fn open(&self, passphrase: Option<&Secret>, context: &[u8]) -> Result<Secret> {
        let closed = match self {
            Protection::None(secret) => return Ok(secret.clone()),
            Protection::Passphrase(closed) => closed,
        };
        let passphrase =
            passphrase.ok_or_else(|| Error::Passphrase("it is closed with a passphrase".into()))?;
        let mut reader = Reader::new(&**closed, "the closed secret");
        let cost = Argon2Cost::decode(reader.u32()?);
        let key = vault::argon2id(passphrase, &reader.array()?, cost)?;
        seal::open(&key, &seal::NO_NONCE, context, reader.rest())
            .map_err(|_| Error::Passphrase("the passphrase is wrong".into()))
    }

    pub(in crate::lifecycle) fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Protection::None(secret) => {
                bytes.push(OPEN);
                bytes.extend_from_slice(secret.as_bytes());
            }
            Protection::Passphrase(closed) => {
                bytes.push(CLOSED);
                bytes.extend_from_slice(&**closed);
            }
        }
    }

    pub(in crate::lifecycle) fn decode(reader: &mut Reader) -> Result<Self> {
        match reader.u8()? {
            OPEN => Ok(Self::None(Secret::copy_of(reader.bytes(LEN)?))),
            CLOSED => Ok(Self::Passphrase(Box::new(reader.array()?))),
            _ => Err(Error::NotOurs("it is protected in a way that this version does not know".into())),
        }
    }
}
