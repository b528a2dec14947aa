//! Generation of secret keys: AES (PKCS#11 section 6.10), generic secrets (section 6.8) and HMAC keys (section 6.22).

use crate::ck::*;
use crate::crypto::random;
use crate::error::{Error, Result};
use crate::object::{Attributes, Value};

use super::hmac::MAX_KEY;
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};

/// One row: mechanism, type of the key that it makes, sizes in bytes, and which lengths of these are right.
macro_rules! generate {
    ($id:ident, $key_type:ident, $sizes:expr, $right:expr) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::None,
            key: KeyNeed::secret(&[$key_type]),
            sizes: $sizes,
            flags: 0,
            approval: Approval::Approved,
            ops: Ops { generate_key: Some(|_, template| generate($key_type, template, $right)), ..Ops::NONE },
        }
    };
}

/// Lengths of generic secrets and HMAC keys, in bytes.
const SECRET: (u64, u64) = (1, MAX_KEY);

pub(super) static ROWS: &[Mechanism] = &[
    generate!(CKM_AES_KEY_GEN, CKK_AES, (16, 32), |length| matches!(length, 16 | 24 | 32)),
    generate!(CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, SECRET, secret_len),
    generate!(CKM_HKDF_KEY_GEN, CKK_HKDF, SECRET, secret_len),
    generate!(CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, SECRET, secret_len),
    generate!(CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, SECRET, secret_len),
    generate!(CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, SECRET, secret_len),
    generate!(CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, SECRET, secret_len),
    generate!(CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, SECRET, secret_len),
    generate!(CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC, SECRET, secret_len),
    generate!(CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC, SECRET, secret_len),
    generate!(CKM_SHA512_T_KEY_GEN, CKK_SHA512_T_HMAC, SECRET, secret_len),
    generate!(CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, SECRET, secret_len),
    generate!(CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, SECRET, secret_len),
    generate!(CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, SECRET, secret_len),
    generate!(CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, SECRET, secret_len),
];

fn secret_len(length: u64) -> bool {
    (SECRET.0..=SECRET.1).contains(&length)
}

/// The mechanism contributes CKA_CLASS, CKA_KEY_TYPE and CKA_VALUE; the length in bytes is the template's
/// CKA_VALUE_LEN. CKR_TEMPLATE_INCOMPLETE without one, CKR_ATTRIBUTE_VALUE_INVALID for a wrong one,
/// CKR_TEMPLATE_INCONSISTENT where the template asks for another class or type or brings a value.
pub(super) fn generate(
    key_type: CK_KEY_TYPE,
    template: &Attributes,
    right: fn(u64) -> bool,
) -> Result<Attributes> {
    let other = |attribute, own| template.ulong(attribute).is_some_and(|asked| asked != own);
    if other(CKA_CLASS, CKO_SECRET_KEY) || other(CKA_KEY_TYPE, key_type) || template.contains(CKA_VALUE) {
        return Err(Error::TemplateInconsistent);
    }
    let length = template.ulong(CKA_VALUE_LEN).ok_or(Error::TemplateIncomplete)?;
    if !right(length) {
        return Err(Error::AttributeValueInvalid);
    }
    let value = random::secret(usize::try_from(length)?)?;
    Ok(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_VALUE, Value::Secret(value)),
        (CKA_VALUE_LEN, Value::Ulong(length)),
    ]))
}

/// As `generate`, for a type whose keys all have this length in bytes: a template need not tell it.
pub(super) fn of_one_length(key_type: CK_KEY_TYPE, template: &Attributes, length: u64) -> Result<Attributes> {
    if template.ulong(CKA_VALUE_LEN).is_some_and(|asked| asked != length) {
        return Err(Error::AttributeValueInvalid);
    }
    let mut template = template.clone();
    template.set(CKA_VALUE_LEN, Value::Ulong(length));
    generate(key_type, &template, |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::{Params, lookup};

    fn run(id: CK_MECHANISM_TYPE, template: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Result<Attributes> {
        let template = template.iter().cloned().collect();
        lookup(id).unwrap().ops.generate_key.unwrap()(&Params::None, &template)
    }

    fn length(bytes: u64) -> (CK_ATTRIBUTE_TYPE, Value) {
        (CKA_VALUE_LEN, Value::Ulong(bytes))
    }

    #[test]
    fn a_key_has_the_length_and_the_type_that_were_asked_for() {
        for row in ROWS {
            for bytes in [16, 24, 32] {
                let key = run(row.id, &[length(bytes)]).unwrap();
                assert_eq!(key.bytes(CKA_VALUE).unwrap().len() as u64, bytes);
                assert_eq!(key.ulong(CKA_KEY_TYPE), Some(row.key.types[0]));
                assert!(matches!(key.value(CKA_VALUE), Some(Value::Secret(_))));
                assert_ne!(key, run(row.id, &[length(bytes)]).unwrap());
            }
        }
    }

    #[test]
    fn a_key_without_a_length_is_an_incomplete_template() {
        for row in ROWS {
            assert_eq!(run(row.id, &[]).err(), Some(Error::TemplateIncomplete));
        }
    }

    #[test]
    fn a_length_that_the_key_type_cannot_have_is_refused() {
        for bytes in (0..40).filter(|bytes| ![16, 24, 32].contains(bytes)).chain([u64::MAX]) {
            assert_eq!(run(CKM_AES_KEY_GEN, &[length(bytes)]).err(), Some(Error::AttributeValueInvalid));
        }
        for bytes in [0, MAX_KEY + 1, 1 << 62, u64::MAX] {
            let refused = run(CKM_GENERIC_SECRET_KEY_GEN, &[length(bytes)]);
            assert_eq!(refused.err(), Some(Error::AttributeValueInvalid));
        }
    }

    #[test]
    fn another_class_or_type_or_a_value_contradicts_the_mechanism() {
        for other in [
            (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_DES3)),
            (CKA_VALUE, Value::Bytes(vec![0; 16])),
        ] {
            let refused = run(CKM_AES_KEY_GEN, &[length(16), other]);
            assert_eq!(refused.err(), Some(Error::TemplateInconsistent));
        }
    }
}
