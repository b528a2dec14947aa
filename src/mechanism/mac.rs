//! What the families of message authentication codes share: signing and checking with the leading bytes of a MAC.

use crate::crypto;
use crate::crypto::digest::Accumulate;
use crate::error::{Error, Result};

use super::operation::{Sign, Verify};
use super::params::Params;

/// A row of a MAC: `mac!(mechanism, form of the parameter, key types, sizes, approval, start)`, where `start` takes the
/// key and the parameter and makes a `Leading`.
macro_rules! mac {
    ($id:ident, $params:ident, $key_types:expr, $sizes:expr, $approval:ident, $start:expr) => {
        $crate::mechanism::row::Mechanism {
            id: $id,
            name: stringify!($id),
            params: $crate::mechanism::params::ParamKind::$params,
            key: $crate::mechanism::row::KeyNeed::secret($key_types),
            sizes: $sizes,
            flags: 0,
            approval: $crate::mechanism::row::Approval::$approval,
            ops: $crate::mechanism::row::Ops {
                sign: Some(|key, params| Ok(Box::new($start(&key, params)?))),
                verify: Some(|key, params| Ok(Box::new($start(&key, params)?))),
                ..$crate::mechanism::row::Ops::NONE
            },
        }
    };
}
pub(super) use mac;

/// A MAC of which the leading `length` bytes count.
pub(super) struct Leading<M> {
    mac: M,
    length: usize,
}

impl<M: Accumulate> Leading<M> {
    /// As long as the parameter says, or in full without one. A length from the parameter (CK_MAC_GENERAL_PARAMS) lies
    /// between 1 and the full length (section 6.22); others are CKR_MECHANISM_PARAM_INVALID.
    pub(super) fn asked(mac: M, params: &Params) -> Result<Self> {
        let full = mac.output_len();
        let length = match params {
            Params::MacGeneral(length) => {
                usize::try_from(*length).ok().filter(|length| (1..=full).contains(length))
            }
            Params::None => Some(full),
            _ => None,
        };
        Ok(Self { mac, length: length.ok_or(Error::MechanismParamInvalid)? })
    }

    /// As long as the mechanism says.
    pub(super) fn fixed(mac: M, length: usize) -> Self {
        Self { mac, length }
    }

    fn value(self, take: impl FnOnce(&[u8]) -> Result<usize>) -> Result<usize> {
        let value = self.mac.finish()?;
        take(value.as_bytes().get(..self.length).ok_or(Error::GeneralError)?)
    }
}

impl<M: Accumulate> Sign for Leading<M> {
    fn output_len(&self) -> usize {
        self.length
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        Ok(self.mac.update(data)?)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        self.value(|value| super::put(value, signature))
    }
}

impl<M: Accumulate> Verify for Leading<M> {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        Ok(self.mac.update(data)?)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        if signature.len() != self.length {
            return Err(Error::SignatureLenRange);
        }
        self.value(
            |value| if crypto::equal(value, signature) { Ok(0) } else { Err(Error::SignatureInvalid) },
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
