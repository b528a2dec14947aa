//! RSA keys (PKCS#11 section 6.1): generation, and the engine's view of key objects.

use crate::ck::*;
use crate::crypto::{Error as CryptoError, rsa};
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::KeyPair;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

/// Sizes of the modulus of keys that are used, in bits. Old certificates and zones have short ones.
pub(super) const SIZES: (u64, u64) = (512, 8192);
/// And of keys that are made here.
const GENERATED_SIZES: (u64, u64) = (1024, 8192);

/// The public exponent of keys whose template names none (section 6.1.4).
const DEFAULT_EXPONENT: &[u8] = &[1, 0, 1];

pub(super) static ROWS: &[Mechanism] = &[Mechanism {
    id: CKM_RSA_PKCS_KEY_PAIR_GEN,
    name: "CKM_RSA_PKCS_KEY_PAIR_GEN",
    params: ParamKind::None,
    key: KeyNeed::pair(&[CKK_RSA]),
    sizes: GENERATED_SIZES,
    flags: 0,
    approval: Approval::Approved,
    ops: Ops { generate_key_pair: Some(generate), slow: true, ..Ops::NONE },
}];

/// Errors: CKR_TEMPLATE_INCOMPLETE without CKA_MODULUS_BITS, CKR_ATTRIBUTE_VALUE_INVALID for a size that is odd or not
/// from 1024 to 8192, CKR_TEMPLATE_INCONSISTENT for a public exponent that cannot be used (section 6.1.4).
fn generate(_: &Params, public: &Attributes, _: &Attributes) -> Result<KeyPair> {
    let bits = public.ulong(CKA_MODULUS_BITS).ok_or(Error::TemplateIncomplete)?;
    if !(GENERATED_SIZES.0..=GENERATED_SIZES.1).contains(&bits) {
        return Err(Error::AttributeValueInvalid);
    }
    let exponent = public.bytes(CKA_PUBLIC_EXPONENT).unwrap_or(DEFAULT_EXPONENT);
    let key = rsa::generate(usize::try_from(bits)?, exponent).map_err(|error| match error {
        CryptoError::KeySize => Error::AttributeValueInvalid,
        CryptoError::Argument => Error::TemplateInconsistent,
        other => other.into(),
    })?;
    let numbers = key.components()?;
    let half = Attributes::from_iter([
        (CKA_MODULUS, Value::Bytes(numbers.modulus.clone())),
        // As the template has it, should it begin with zeros.
        (CKA_PUBLIC_EXPONENT, Value::Bytes(exponent.to_vec())),
    ]);
    let mut public = half.clone();
    public.set(CKA_MODULUS_BITS, Value::Ulong(bits));
    let mut private = half;
    set_private(&mut private, &numbers);
    Ok(KeyPair { public, private })
}

/// Sets the secret attributes of an RSA private key.
pub(super) fn set_private(attributes: &mut Attributes, numbers: &rsa::Components) {
    let mut set = |id, secret: &Secret| attributes.set(id, Value::Secret(secret.clone()));
    set(CKA_PRIVATE_EXPONENT, &numbers.private_exponent);
    if let Some(crt) = &numbers.crt {
        set(CKA_PRIME_1, &crt.prime_1);
        set(CKA_PRIME_2, &crt.prime_2);
        set(CKA_EXPONENT_1, &crt.exponent_1);
        set(CKA_EXPONENT_2, &crt.exponent_2);
        set(CKA_COEFFICIENT, &crt.coefficient);
    }
}

/// The numbers of a private key, from wherever its attributes come. The CRT parts count only with both primes.
pub(super) fn components<'a, F>(bytes: F) -> Result<rsa::Components>
where
    F: Fn(CK_ATTRIBUTE_TYPE) -> Result<Option<&'a [u8]>>,
{
    let needed = |id| bytes(id)?.filter(|bytes| !bytes.is_empty()).ok_or(Error::TemplateIncomplete);
    let secret = |id| Ok::<_, Error>(Secret::copy_of(bytes(id)?.unwrap_or(&[])));
    let (prime_1, prime_2) = (secret(CKA_PRIME_1)?, secret(CKA_PRIME_2)?);
    let crt = if prime_1.is_empty() || prime_2.is_empty() {
        None
    } else {
        Some(rsa::Crt {
            prime_1,
            prime_2,
            exponent_1: secret(CKA_EXPONENT_1)?,
            exponent_2: secret(CKA_EXPONENT_2)?,
            coefficient: secret(CKA_COEFFICIENT)?,
        })
    };
    Ok(rsa::Components {
        modulus: needed(CKA_MODULUS)?.to_vec(),
        public_exponent: needed(CKA_PUBLIC_EXPONENT)?.to_vec(),
        private_exponent: Secret::copy_of(needed(CKA_PRIVATE_EXPONENT)?),
        crt,
    })
}

/// The engine's key of a private key object, made once.
pub(super) fn private(key: &UsableKey) -> Result<&rsa::PrivateKey> {
    key.object().engine_key(|object: &Object| {
        let numbers = components(|id| object.material(id)).map_err(|_| Error::GeneralError)?;
        Ok(rsa::PrivateKey::new(&numbers)?)
    })
}

/// The engine's key of a public key object, made once.
pub(super) fn public(key: &UsableKey) -> Result<&rsa::PublicKey> {
    key.object().engine_key(|object: &Object| {
        let modulus = object.bytes(CKA_MODULUS).ok_or(Error::GeneralError)?;
        let exponent = object.bytes(CKA_PUBLIC_EXPONENT).ok_or(Error::GeneralError)?;
        Ok(rsa::PublicKey::new(modulus, exponent)?)
    })
}

/// A number as a block of the modulus' length: zeros in front (section 6.1, X.509 raw RSA). `None`: it is longer.
pub(super) fn padded(number: &[u8], length: usize) -> Option<Secret> {
    let mut block = Secret::zeroed(length);
    let start = length.checked_sub(number.len())?;
    block.as_mut_bytes().get_mut(start..)?.copy_from_slice(number);
    Some(block)
}
