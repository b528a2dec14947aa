//! EdDSA (PKCS#11 section 6.3.14, RFC 8032): the five schemes, told apart by the curve and the parameter.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::edwards::{self, Curve};
use crate::crypto::shake::Shake;
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::ec_keys::{self, FLAGS, SIZES_255_448};
use super::operation::{Sign, Verify};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::{self, Message, Scheme};

pub(super) static ROWS: &[Mechanism] = &[Mechanism {
    id: CKM_EDDSA,
    name: "CKM_EDDSA",
    params: ParamKind::OptionalEddsa,
    key: KeyNeed::pair(&[CKK_EC_EDWARDS]),
    sizes: SIZES_255_448,
    flags: FLAGS,
    approval: Approval::Approved,
    ops: Ops { sign: Some(sign), verify: Some(verify), ..Ops::NONE },
}];

fn sign(key: UsableKey, params: &Params) -> Result<Box<dyn Sign>> {
    let curve = ec_keys::edwards_private(&key)?.curve();
    let scheme = Eddsa::new(key, curve, params)?;
    signing::sign(scheme.message()?, scheme)
}

fn verify(key: UsableKey, params: &Params) -> Result<Box<dyn Verify>> {
    let curve = ec_keys::edwards_public(&key)?.curve();
    let scheme = Eddsa::new(key, curve, params)?;
    signing::verify(scheme.message()?, scheme)
}

struct Eddsa {
    key: UsableKey,
    curve: Curve,
    prehash: bool,
    /// Without a prehash, an empty one is the same as none: Ed25519ctx "SHOULD NOT" have it (RFC 8032 section 8.3).
    context: Vec<u8>,
}

impl Eddsa {
    /// CKR_MECHANISM_PARAM_INVALID: a context of more than 255 bytes.
    fn new(key: UsableKey, curve: Curve, params: &Params) -> Result<Self> {
        let (prehash, context) = match params {
            Params::None => (false, Vec::new()),
            Params::Eddsa { prehash, context } if context.len() <= edwards::MAX_CONTEXT => {
                (*prehash, context.clone())
            }
            _ => return Err(Error::MechanismParamInvalid),
        };
        Ok(Self { key, curve, prehash, context })
    }

    fn scheme(&self) -> edwards::Scheme<'_> {
        match (self.prehash, self.context.as_slice()) {
            (true, context) => edwards::Scheme::Prehashed(context),
            (false, []) => edwards::Scheme::Pure,
            (false, context) => edwards::Scheme::Context(context),
        }
    }

    /// Without a prehash the message is read twice, so that it is collected.
    fn message(&self) -> Result<Message> {
        match (self.prehash, self.curve) {
            (false, _) => Ok(Message::collected()),
            (true, Curve::Ed25519) => Message::hashed(Hash::Sha512),
            (true, Curve::Ed448) => Ok(Message::shaken(Shake::Bits256.start(64)?)),
        }
    }
}

impl Scheme for Eddsa {
    fn signature_len(&self) -> Result<usize> {
        Ok(self.curve.signature_len())
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        Ok(ec_keys::edwards_private(&self.key)?.sign(self.scheme(), message, signature)?)
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let key = ec_keys::edwards_public(&self.key)?;
        signing::checked(key.verify(self.scheme(), message, signature))
    }
}
