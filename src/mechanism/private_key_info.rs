//! Private keys as PKCS#8 PrivateKeyInfo.

use crate::error::{Error, Result};
use crate::object::{Attributes, Object};
use crate::secret::Secret;

pub fn encode(_key: &Object) -> Result<Secret> {
    Err(Error::KeyNotWrappable)
}

pub fn decode(_der: &[u8]) -> Result<Attributes> {
    Err(Error::WrappedKeyInvalid)
}
