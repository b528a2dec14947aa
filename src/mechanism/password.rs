//! Keys from passwords: PBKDF2 (PKCS#11 section 6.37, RFC 8018) and PKCS #12 (section 6.38, RFC 7292 appendix B).

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::password::{self, Purpose};
use crate::error::{Error, Result};
use crate::object::{Attributes, Value, rules};
use crate::secret::Secret;

use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::{ANY_SECRET, with_parity};

/// The most work that one call does, in evaluations of the hash: some ten seconds. A parameter that asks for more would
/// hang the host.
const MAX_ROUNDS: u64 = 10_000_000;

/// The longest key that PBKDF2 makes, in bytes.
const MAX_DERIVED: usize = 1 << 16;

/// CK_PKCS5_PBKD2_PARAMS and CK_PKCS5_PBKD2_PARAMS2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pbkdf2Params {
    pub salt: Vec<u8>,
    pub iterations: u64,
    /// CKP_PKCS5_PBKD2_HMAC_SHA1 and its like.
    pub prf: u64,
    pub password: Secret,
}

/// CK_PBE_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbeParams {
    pub password: Secret,
    pub salt: Vec<u8>,
    pub iterations: u64,
}

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism {
        id: CKM_PKCS5_PBKD2,
        name: "CKM_PKCS5_PBKD2",
        params: ParamKind::Pbkdf2,
        key: KeyNeed::secret(ANY_SECRET),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { generate_key: Some(pbkdf2), ..Ops::NONE },
    },
    Mechanism {
        ops: Ops {
            generate_key: Some(|params, _| pkcs12_key(params, CKK_DES3, Purpose::Key, 24)),
            generate_iv: Some(pkcs12_iv),
            ..Ops::NONE
        },
        ..pkcs12_row(CKM_PBE_SHA1_DES3_EDE_CBC, "CKM_PBE_SHA1_DES3_EDE_CBC", &[CKK_DES3], true)
    },
    Mechanism {
        ops: Ops {
            generate_key: Some(|params, _| pkcs12_key(params, CKK_DES2, Purpose::Key, 16)),
            generate_iv: Some(pkcs12_iv),
            ..Ops::NONE
        },
        ..pkcs12_row(CKM_PBE_SHA1_DES2_EDE_CBC, "CKM_PBE_SHA1_DES2_EDE_CBC", &[CKK_DES2], true)
    },
    Mechanism {
        ops: Ops {
            generate_key: Some(|params, _| pkcs12_key(params, CKK_GENERIC_SECRET, Purpose::Mac, 20)),
            ..Ops::NONE
        },
        ..pkcs12_row(CKM_PBA_SHA1_WITH_SHA1_HMAC, "CKM_PBA_SHA1_WITH_SHA1_HMAC", &[CKK_GENERIC_SECRET], false)
    },
];

const fn pkcs12_row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    types: &'static [CK_KEY_TYPE],
    iv: bool,
) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::Pbe { iv },
        key: KeyNeed::secret(types),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops::NONE,
    }
}

/// The hash of CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE; `None` for GOST, which Coffer does not have.
fn hash_of(prf: u64) -> Option<Hash> {
    Some(match prf {
        CKP_PKCS5_PBKD2_HMAC_SHA1 => Hash::Sha1,
        CKP_PKCS5_PBKD2_HMAC_SHA224 => Hash::Sha224,
        CKP_PKCS5_PBKD2_HMAC_SHA256 => Hash::Sha256,
        CKP_PKCS5_PBKD2_HMAC_SHA384 => Hash::Sha384,
        CKP_PKCS5_PBKD2_HMAC_SHA512 => Hash::Sha512,
        CKP_PKCS5_PBKD2_HMAC_SHA512_224 => Hash::Sha512_224,
        CKP_PKCS5_PBKD2_HMAC_SHA512_256 => Hash::Sha512_256,
        _ => return None,
    })
}

/// Iterations that the primitives take. CKR_MECHANISM_PARAM_INVALID for none, and for more work than `MAX_ROUNDS`.
fn checked(iterations: u64, blocks: usize) -> Result<u32> {
    let rounds = iterations.checked_mul(blocks.max(1) as u64).filter(|rounds| *rounds <= MAX_ROUNDS);
    match (iterations, rounds, u32::try_from(iterations)) {
        (1.., Some(_), Ok(iterations)) => Ok(iterations),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// A key of the template's type and length. CKR_TEMPLATE_INCOMPLETE without them, CKR_ATTRIBUTE_VALUE_INVALID for a
/// length that cannot be.
fn pbkdf2(params: &Params, template: &Attributes) -> Result<Attributes> {
    let Params::Pbkdf2(params) = params else { return Err(Error::MechanismParamInvalid) };
    let hash = hash_of(params.prf).ok_or(Error::MechanismParamInvalid)?;
    let key_type = template.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?;
    let length = rules::value_len(template)?.ok_or(Error::TemplateIncomplete)?;
    if !(1..=MAX_DERIVED).contains(&length) {
        return Err(Error::AttributeValueInvalid);
    }
    let iterations = checked(params.iterations, length.div_ceil(hash.output_len()))?;
    let value = password::pbkdf2(hash, params.password.as_bytes(), &params.salt, iterations, length)?;
    Ok(key(key_type, with_parity(key_type, value)))
}

fn pkcs12_key(params: &Params, key_type: CK_KEY_TYPE, purpose: Purpose, length: usize) -> Result<Attributes> {
    Ok(key(key_type, with_parity(key_type, pkcs12(params, purpose, length)?)))
}

/// The eight bytes of the IV.
fn pkcs12_iv(params: &Params) -> Result<Vec<u8>> {
    Ok(pkcs12(params, Purpose::Iv, 8)?.as_bytes().to_vec())
}

fn pkcs12(params: &Params, purpose: Purpose, length: usize) -> Result<Secret> {
    let Params::Pbe(params) = params else { return Err(Error::MechanismParamInvalid) };
    let iterations = checked(params.iterations, length.div_ceil(Hash::Sha1.output_len()))?;
    Ok(password::pkcs12(Hash::Sha1, purpose, params.password.as_bytes(), &params.salt, iterations, length)?)
}

fn key(key_type: CK_KEY_TYPE, value: Secret) -> Attributes {
    Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_VALUE_LEN, Value::Ulong(value.len() as u64)),
        (CKA_VALUE, Value::Secret(value)),
    ])
}

#[cfg(test)]
mod tests;
