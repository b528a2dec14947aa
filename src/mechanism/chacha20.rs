//! ChaCha20 (PKCS#11 section 6.58), ChaCha20-Poly1305 (section 6.61, RFC 8439) and their keys. The length of the nonce
//! tells the variant: 64 bits the original (not with Poly1305), 96 bits that of RFC 8439, 192 bits XChaCha20.

use crate::ck::*;
use crate::crypto::aead::TAG;
use crate::crypto::chacha20::{ChaCha20, ChaCha20Poly1305, KEY, Key};
use crate::crypto::cipher::Direction;
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::aead::{Opening, Sealing};
use super::block_modes::unpadded;
use super::generate;
use super::operation::Cipher;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::wrapping::cipher_ops;

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_CHACHA20_KEY_GEN,
        "CKM_CHACHA20_KEY_GEN",
        ParamKind::None,
        Ops {
            generate_key: Some(|_, template| generate::of_one_length(CKK_CHACHA20, template, KEY as u64)),
            ..Ops::NONE
        },
    ),
    row(
        CKM_CHACHA20,
        "CKM_CHACHA20",
        ParamKind::ChaCha20,
        cipher_ops!(
            |key: &UsableKey, params: &Params| stream(key, params, Direction::Encrypt),
            |key: &UsableKey, params: &Params| stream(key, params, Direction::Decrypt)
        ),
    ),
    row(
        CKM_CHACHA20_POLY1305,
        "CKM_CHACHA20_POLY1305",
        ParamKind::ChaCha20Poly1305,
        Ops {
            message: Some(|message, aad| Params::ChaCha20Poly1305 { nonce: message.nonce, aad }),
            ..cipher_ops!(seal, open)
        },
    ),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    let key = KeyNeed::secret(&[CKK_CHACHA20]);
    let sizes = (KEY as u64, KEY as u64);
    Mechanism { id, name, params, key, sizes, flags: 0, approval: Approval::NotApproved, ops }
}

/// The key of an object, made once and kept in the object.
fn key(key: &UsableKey) -> Result<&Key> {
    key.object().engine_key(|object| {
        let value = object.material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
        Ok(Key::new(value)?)
    })
}

fn stream(usable: &UsableKey, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>> {
    let Params::ChaCha20 { counter, nonce } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    Ok(unpadded(ChaCha20::new(key(usable)?, nonce, *counter)?, direction))
}

fn aead(usable: &UsableKey, params: &Params, direction: Direction) -> Result<ChaCha20Poly1305> {
    let Params::ChaCha20Poly1305 { nonce, aad } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    Ok(ChaCha20Poly1305::new(key(usable)?, direction, nonce, aad)?)
}

fn seal(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    Ok(Sealing::boxed(aead(key, params, Direction::Encrypt)?, TAG))
}

fn open(key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    Ok(Opening::boxed(aead(key, params, Direction::Decrypt)?, TAG))
}

#[cfg(test)]
mod tests;
