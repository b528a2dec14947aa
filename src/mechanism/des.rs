//! Triple DES (PKCS#11 section 6.18, SP 800-67) and DES for old data: key generation, ECB, CBC, CBC with PKCS#7
//! padding, OFB and CFB.

use crate::ck::*;
use crate::crypto::cipher::{self, Direction};
use crate::crypto::des::{self, BLOCK, Mode};
use crate::crypto::feedback::Feedback;
use crate::crypto::random;
use crate::error::{Error, Result};
use crate::object::{Attributes, Value};
use crate::policy::UsableKey;

use super::block_modes::{BlockCipher, Modes, unpadded};
use super::operation::Cipher;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

const DES: KeyNeed = KeyNeed::secret(&[CKK_DES]);
const DES3: KeyNeed = KeyNeed::secret(&[CKK_DES3, CKK_DES2]);

/// One row: mechanism, keys, parameter, approval, functions. SP 800-131A allows Triple DES for data that exists
/// already; DES was never to be used again after FIPS 46-3 had been withdrawn. Key sizes mean nothing: the type tells
/// them.
macro_rules! row {
    ($id:ident, $key:expr, $params:expr, $approval:ident, $ops:expr) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: $params,
            key: $key,
            sizes: (0, 0),
            flags: 0,
            approval: Approval::$approval,
            ops: $ops,
        }
    };
}

/// One row of key generation: mechanism, type of the key that it makes.
macro_rules! generate {
    ($id:ident, $key_type:ident) => {
        row!(
            $id,
            KeyNeed::secret(&[$key_type]),
            ParamKind::None,
            NotApproved,
            Ops { generate_key: Some(|_, template| generate($key_type, template)), ..Ops::NONE }
        )
    };
}

/// One row with feedback, for keys of all three types: mechanism, feedback. Section 6.18 wraps no keys with it.
macro_rules! feedback {
    ($id:ident, $feedback:expr) => {
        row!(
            $id,
            KeyNeed::secret(&[CKK_DES3, CKK_DES2, CKK_DES]),
            ParamKind::Bytes(BLOCK),
            Legacy,
            Ops {
                encrypt: Some(|key, params| feedback(&key, params, $feedback, Direction::Encrypt)),
                decrypt: Some(|key, params| feedback(&key, params, $feedback, Direction::Decrypt)),
                ..Ops::NONE
            }
        )
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    generate!(CKM_DES_KEY_GEN, CKK_DES),
    generate!(CKM_DES2_KEY_GEN, CKK_DES2),
    generate!(CKM_DES3_KEY_GEN, CKK_DES3),
    row!(CKM_DES_ECB, DES, ParamKind::None, NotApproved, Modes::<Des>::ECB),
    row!(CKM_DES_CBC, DES, ParamKind::Bytes(BLOCK), NotApproved, Modes::<Des>::CBC),
    row!(CKM_DES_CBC_PAD, DES, ParamKind::Bytes(BLOCK), NotApproved, Modes::<Des>::CBC_PAD),
    feedback!(CKM_DES_OFB64, Feedback::Ofb),
    feedback!(CKM_DES_CFB64, Feedback::Cfb(BLOCK)),
    feedback!(CKM_DES_CFB8, Feedback::Cfb(1)),
    row!(CKM_DES3_ECB, DES3, ParamKind::None, Legacy, Modes::<Des>::ECB),
    row!(CKM_DES3_CBC, DES3, ParamKind::Bytes(BLOCK), Legacy, Modes::<Des>::CBC),
    row!(CKM_DES3_CBC_PAD, DES3, ParamKind::Bytes(BLOCK), Legacy, Modes::<Des>::CBC_PAD),
];

pub(super) struct Des;

impl BlockCipher for Des {
    type Mode = cipher::Cipher;

    fn ecb(key: &UsableKey, direction: Direction) -> Result<Self::Mode> {
        Ok(des_key(key)?.start(&Mode::Ecb, direction)?)
    }

    fn cbc(key: &UsableKey, iv: &[u8], direction: Direction) -> Result<Self::Mode> {
        let iv = iv.try_into().map_err(|_| Error::MechanismParamInvalid)?;
        Ok(des_key(key)?.start(&Mode::Cbc(iv), direction)?)
    }
}

fn feedback(
    key: &UsableKey,
    params: &Params,
    feedback: Feedback,
    direction: Direction,
) -> Result<Box<dyn Cipher>> {
    let iv = params.bytes().try_into().map_err(|_| Error::MechanismParamInvalid)?;
    Ok(unpadded(des_key(key)?.feedback(feedback, iv, direction)?, direction))
}

/// The DES, DES2 or DES3 key of an object, made once and kept in the object.
pub(super) fn des_key(key: &UsableKey) -> Result<&des::Key> {
    key.object().engine_key(|object| {
        let value = object.material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
        Ok(des::Key::new(value)?)
    })
}

/// The mechanism contributes CKA_CLASS, CKA_KEY_TYPE and CKA_VALUE, with odd parity, no weak key and no key twice.
/// CKR_TEMPLATE_INCONSISTENT where the template asks for another class or type or brings a value.
fn generate(key_type: CK_KEY_TYPE, template: &Attributes) -> Result<Attributes> {
    let other = |attribute, own| template.ulong(attribute).is_some_and(|asked| asked != own);
    if other(CKA_CLASS, CKO_SECRET_KEY) || other(CKA_KEY_TYPE, key_type) || template.contains(CKA_VALUE) {
        return Err(Error::TemplateInconsistent);
    }
    let length = match key_type {
        CKK_DES => BLOCK,
        CKK_DES2 => 2 * BLOCK,
        _ => 3 * BLOCK,
    };
    let mut value = random::secret(length)?;
    while !des::is_strong(value.as_bytes()) {
        value = random::secret(length)?;
    }
    des::set_odd_parity(value.as_mut_bytes());
    Ok(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_VALUE, Value::Secret(value)),
    ]))
}

#[cfg(test)]
mod tests;
