//! AES with feedback: OFB and CFB in segments of 1, 8, 64 and 128 bits (PKCS#11 section 6.10), after SP 800-38A.

use crate::ck::*;
use crate::crypto::aes::{BLOCK, Direction};
use crate::crypto::feedback::Feedback;
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::block_modes::unpadded;
use super::operation::Cipher;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism};
use super::wrapping::cipher_ops;

/// One row: mechanism, feedback.
macro_rules! row {
    ($id:ident, $feedback:expr) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::Bytes(BLOCK),
            key: KeyNeed::secret(&[CKK_AES]),
            sizes: (16, 32),
            flags: 0,
            approval: Approval::Approved,
            ops: cipher_ops!(
                |key: &UsableKey, params: &Params| start(key, params, $feedback, Direction::Encrypt),
                |key: &UsableKey, params: &Params| start(key, params, $feedback, Direction::Decrypt)
            ),
        }
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    row!(CKM_AES_OFB, Feedback::Ofb),
    row!(CKM_AES_CFB1, Feedback::Cfb1),
    row!(CKM_AES_CFB8, Feedback::Cfb(1)),
    row!(CKM_AES_CFB64, Feedback::Cfb(8)),
    row!(CKM_AES_CFB128, Feedback::Cfb(16)),
];

fn start(
    key: &UsableKey,
    params: &Params,
    feedback: Feedback,
    direction: Direction,
) -> Result<Box<dyn Cipher>> {
    let iv = params.bytes().try_into().map_err(|_| Error::MechanismParamInvalid)?;
    Ok(unpadded(super::aes_key(key)?.feedback(feedback, iv, direction)?, direction))
}

#[cfg(test)]
mod tests;
