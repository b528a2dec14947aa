//! EdDSA (PKCS#11 section 6.3.14, RFC 8032): Ed25519 in its pure form.

use crate::ck::*;
use crate::crypto::{Error as CryptoError, edwards};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::ec_keys::{self, FLAGS, SIZES_25519};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::{self, Message, Scheme};

pub(super) static ROWS: &[Mechanism] = &[Mechanism {
    id: CKM_EDDSA,
    name: "CKM_EDDSA",
    params: ParamKind::OptionalEddsa,
    key: KeyNeed::pair(&[CKK_EC_EDWARDS]),
    sizes: SIZES_25519,
    flags: FLAGS,
    approval: Approval::Approved,
    ops: Ops {
        sign: Some(|key, params| {
            pure(params)?;
            ec_keys::edwards_private(&key)?;
            signing::sign(Message::collected(), Ed25519(key))
        }),
        verify: Some(|key, params| {
            pure(params)?;
            ec_keys::edwards_public(&key)?;
            signing::verify(Message::collected(), Ed25519(key))
        }),
        ..Ops::NONE
    },
}];

/// No parameter, or one that says the same. Ed25519ctx and Ed25519ph: CKR_MECHANISM_PARAM_INVALID.
fn pure(params: &Params) -> Result<()> {
    match params {
        Params::None => Ok(()),
        Params::Eddsa { prehash: false, context } if context.is_empty() => Ok(()),
        _ => Err(Error::MechanismParamInvalid),
    }
}

struct Ed25519(UsableKey);

impl Scheme for Ed25519 {
    fn signature_len(&self) -> Result<usize> {
        Ok(edwards::SIGNATURE_LEN)
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        Ok(ec_keys::edwards_private(&self.0)?.sign(message, signature)?)
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        ec_keys::edwards_public(&self.0)?.verify(message, signature).map_err(|error| match error {
            CryptoError::Length => Error::SignatureLenRange,
            other => other.into(),
        })
    }
}
