//! Tokens of SoftHSM2, as its file backend keeps them, opened with their PIN. `docs/migrate.md` tells the format.
//!
//! A token is a folder: `token.object` describes it, each other `*.object` file is an object. All of them are lists of
//! attributes (`file`); in objects with CKA_PRIVATE the byte strings are encrypted under the token's key (`seal`). Nothing
//! here touches a disk: callers read the files and hand over bytes, which may be anything.

mod file;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::ck::*;
use crate::object::{Attributes, Value, attribute};
use crate::secret::Secret;

use file::Raw;
pub use seal::TokenKey;

/// Larger files are no object of SoftHSM2, which keeps nothing but keys, certificates and small data; in bytes.
pub const FILE_LIMIT: u64 = 16 << 20;

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not have the format; with what is wrong.
    Malformed(&'static str),
    /// The PIN does not open the token's key.
    PinIncorrect,
    /// The token has no user PIN yet, so that it cannot hold private objects.
    NoPin,
    /// A sealed value does not open with the token's key.
    Sealed,
    /// The engine failed.
    Engine,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Error::Malformed(what) => what,
            Error::PinIncorrect => "the PIN is not right",
            Error::NoPin => "the token has no user PIN",
            Error::Sealed => {
                "a value does not open with the token's key; the file is damaged or of another token"
            }
            Error::Engine => "the cryptographic engine failed",
        })
    }
}

impl std::error::Error for Error {}

pub type Result<T> = std::result::Result<T, Error>;

/// The numbers of the attributes of `token.object`: vendor-defined, 0x5348 ("SH") and up.
const TOKEN_LABEL: CK_ATTRIBUTE_TYPE = CKA_VENDOR_DEFINED + 0x5349;
const TOKEN_SERIAL: CK_ATTRIBUTE_TYPE = CKA_VENDOR_DEFINED + 0x534a;
const USER_PIN: CK_ATTRIBUTE_TYPE = CKA_VENDOR_DEFINED + 0x534d;

/// What `token.object` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile {
    pub label: String,
    pub serial: String,
    /// The token's key, sealed by the user PIN; empty where none was set.
    user_pin: Vec<u8>,
}

impl TokenFile {
    /// Reads `token.object`. Errors: `Malformed`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let attributes = file::decode(bytes)?;
        let text = |id| match attributes.iter().find(|(held, _)| *held == id) {
            // Both are padded with blanks, as C_GetTokenInfo gives them out.
            Some((_, Raw::Bytes(bytes))) => Ok(String::from_utf8_lossy(bytes.as_bytes()).trim_end().into()),
            _ => Err(Error::Malformed("it does not describe a token: label or serial number is missing")),
        };
        let user_pin = attributes.iter().find_map(|(id, value)| match value {
            Raw::Bytes(bytes) if *id == USER_PIN => Some(bytes.as_bytes().to_vec()),
            _ => None,
        });
        Ok(Self {
            label: text(TOKEN_LABEL)?,
            serial: text(TOKEN_SERIAL)?,
            user_pin: user_pin.unwrap_or_default(),
        })
    }

    /// The token's key. Errors: `PinIncorrect`, `NoPin`, `Malformed`.
    pub fn unlock(&self, pin: &Secret) -> Result<TokenKey> {
        if self.user_pin.is_empty() {
            return Err(Error::NoPin);
        }
        TokenKey::unseal(&self.user_pin, pin)
    }
}

/// The attributes of an object file, with the names and kinds of PKCS#11: vendor-defined ones are left out. Errors:
/// `Malformed`; `Sealed` for a private object that `key` does not open.
pub fn object(bytes: &[u8], key: &TokenKey) -> Result<Attributes> {
    let raw = file::decode(bytes)?;
    let private = raw.iter().any(|(id, value)| *id == CKA_PRIVATE && matches!(value, Raw::Bool(true)));
    let mut attributes = Attributes::new();
    for (id, value) in raw {
        let Some(info) = attribute::lookup(id) else { continue };
        let value = match value {
            Raw::Bytes(bytes) if private && !is_plain_date(id, bytes.as_bytes()) => {
                Raw::Bytes(key.open(bytes.as_bytes())?)
            }
            value => value,
        };
        attributes.set(id, typed(value, info.may_be_secret));
    }
    Ok(attributes)
}

/// Dates are never sealed, and too short to be taken for something sealed.
fn is_plain_date(id: CK_ATTRIBUTE_TYPE, bytes: &[u8]) -> bool {
    matches!(id, CKA_START_DATE | CKA_END_DATE) && bytes.len() <= 8
}

fn typed(value: Raw, may_be_secret: bool) -> Value {
    match value {
        Raw::Bool(truth) => Value::Bool(truth),
        Raw::Ulong(number) => Value::Ulong(number),
        Raw::Bytes(bytes) if may_be_secret => Value::Secret(bytes),
        Raw::Bytes(bytes) => Value::Bytes(bytes.as_bytes().to_vec()),
        Raw::Mechanisms(list) => Value::Mechanisms(list),
        Raw::Map(nested) => {
            let known = nested.into_iter().filter_map(|(id, value)| {
                attribute::lookup(id).map(|info| (id, typed(value, info.may_be_secret)))
            });
            Value::Template(known.collect())
        }
    }
}
