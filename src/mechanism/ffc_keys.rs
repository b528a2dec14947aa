//! Keys and domain parameters over finite fields (PKCS#11 sections 6.2 and 6.4): DSA, and Diffie-Hellman of PKCS #3 and
//! of ANSI X9.42. Generation, and the engine's view of key objects.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::ffc::{self, Domain};
use crate::crypto::{Error as CryptoError, dsa};
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value};
use crate::policy::UsableKey;

use super::operation::KeyPair;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

/// Sizes of the prime in bits: DSA (FIPS 186-4 section 4.2), Diffie-Hellman.
pub(super) const DSA_SIZES: (u64, u64) = (1024, 3072);
pub(super) const DH_SIZES: (u64, u64) = (1024, 8192);

/// Larger safe primes outside the named groups take minutes to find.
const MAX_SAFE_PRIME: u64 = 2048;

macro_rules! pair_row {
    ($id:ident, $key_type:ident, $sizes:expr, $approval:ident) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::None,
            key: KeyNeed::pair(&[$key_type]),
            sizes: $sizes,
            flags: 0,
            approval: Approval::$approval,
            ops: Ops {
                generate_key_pair: Some(|_, public, private| generate_pair($key_type, public, private)),
                ..Ops::NONE
            },
        }
    };
}

/// C_GenerateKey of an asymmetric key type makes domain parameters.
macro_rules! parameters_row {
    ($id:ident, $key_type:ident, $sizes:expr, $approval:ident, $generate:expr) => {
        Mechanism {
            id: $id,
            name: stringify!($id),
            params: ParamKind::None,
            key: KeyNeed::pair(&[$key_type]),
            sizes: $sizes,
            flags: 0,
            approval: Approval::$approval,
            ops: Ops { generate_key: Some($generate), slow: true, ..Ops::NONE },
        }
    };
}

/// FIPS 186-5 has withdrawn DSA: its signatures may only be verified.
pub(super) static ROWS: &[Mechanism] = &[
    pair_row!(CKM_DSA_KEY_PAIR_GEN, CKK_DSA, DSA_SIZES, Legacy),
    pair_row!(CKM_DH_PKCS_KEY_PAIR_GEN, CKK_DH, DH_SIZES, Approved),
    pair_row!(CKM_X9_42_DH_KEY_PAIR_GEN, CKK_X9_42_DH, DH_SIZES, Approved),
    parameters_row!(CKM_DSA_PARAMETER_GEN, CKK_DSA, DSA_SIZES, Legacy, dsa_parameters),
    parameters_row!(CKM_DH_PKCS_PARAMETER_GEN, CKK_DH, DH_SIZES, Approved, dh_parameters),
    parameters_row!(CKM_X9_42_DH_PARAMETER_GEN, CKK_X9_42_DH, DH_SIZES, Approved, x9_42_parameters),
];

/// CKA_PRIME_BITS. Errors: CKR_TEMPLATE_INCOMPLETE without it, CKR_ATTRIBUTE_VALUE_INVALID for a size outside `sizes`
/// or not in these steps.
fn prime_bits(template: &Attributes, sizes: (u64, u64), step: u64) -> Result<u64> {
    let bits = template.ulong(CKA_PRIME_BITS).ok_or(Error::TemplateIncomplete)?;
    if !(sizes.0..=sizes.1).contains(&bits) || !bits.is_multiple_of(step) {
        return Err(Error::AttributeValueInvalid);
    }
    Ok(bits)
}

/// The defaults of CKA_SUBPRIME_BITS are those of section 6.2.5; the pairs of sizes are those of FIPS 186-4.
fn dsa_parameters(_: &Params, template: &Attributes) -> Result<Attributes> {
    let bits = prime_bits(template, DSA_SIZES, 64)?;
    let usual = match bits {
        1024 => 160,
        2048 => 224,
        3072 => 256,
        _ => return Err(Error::AttributeValueInvalid),
    };
    let subprime_bits = template.ulong(CKA_SUBPRIME_BITS).unwrap_or(usual);
    if subprime_bits != usual && (bits, subprime_bits) != (2048, 256) {
        return Err(Error::AttributeValueInvalid);
    }
    with_subprime(CKK_DSA, bits, subprime_bits)
}

/// Section 6.4.13: primes from 1024 bits in steps of 256, subprimes from 160 bits; the lengths of hash functions.
fn x9_42_parameters(_: &Params, template: &Attributes) -> Result<Attributes> {
    let bits = prime_bits(template, DH_SIZES, 256)?;
    let subprime_bits = template.ulong(CKA_SUBPRIME_BITS).ok_or(Error::TemplateIncomplete)?;
    with_subprime(CKK_X9_42_DH, bits, subprime_bits)
}

fn with_subprime(key_type: CK_KEY_TYPE, bits: u64, subprime_bits: u64) -> Result<Attributes> {
    let generated = ffc::generate(usize::try_from(bits)?, usize::try_from(subprime_bits)?);
    let (prime, subprime, base) = generated.map_err(|error| match error {
        CryptoError::KeySize => Error::AttributeValueInvalid,
        other => other.into(),
    })?;
    let mut attributes = parameters(key_type, prime, base);
    attributes.set(CKA_SUBPRIME, Value::Bytes(subprime));
    Ok(attributes)
}

/// The group of RFC 3526 where there is one of this size, which is the only kind that SP 800-56A approves of; else a
/// new safe prime p with the base 4, which has the order (p - 1) / 2.
fn dh_parameters(_: &Params, template: &Attributes) -> Result<Attributes> {
    let bits = prime_bits(template, DH_SIZES, 64)?;
    let named = ffc::group(usize::try_from(bits)?)?;
    let (prime, base) = match named {
        Some(named) => named,
        None if bits > MAX_SAFE_PRIME => return Err(Error::AttributeValueInvalid),
        None => (ffc::safe_prime(usize::try_from(bits)?)?, vec![4]),
    };
    Ok(parameters(CKK_DH, prime, base))
}

fn parameters(key_type: CK_KEY_TYPE, prime: Vec<u8>, base: Vec<u8>) -> Attributes {
    Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_DOMAIN_PARAMETERS)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_PRIME, Value::Bytes(prime)),
        (CKA_BASE, Value::Bytes(base)),
    ])
}

/// Errors: CKR_TEMPLATE_INCOMPLETE; CKR_DOMAIN_PARAMS_INVALID for parameters that make no group;
/// CKR_ATTRIBUTE_VALUE_INVALID for a size that is not offered or a CKA_VALUE_BITS that the prime does not allow.
fn generate_pair(key_type: CK_KEY_TYPE, public: &Attributes, private: &Attributes) -> Result<KeyPair> {
    let domain = domain_of(public, key_type)?;
    let sizes = if key_type == CKK_DSA { DSA_SIZES } else { DH_SIZES };
    if !(sizes.0..=sizes.1).contains(&(domain.bits() as u64)) {
        return Err(Error::AttributeValueInvalid);
    }
    let bits = match (key_type, private.ulong(CKA_VALUE_BITS)) {
        (CKK_DH, Some(bits)) => Some(usize::try_from(bits)?),
        _ => None,
    };
    let value = domain.random_private(bits).map_err(|error| match error {
        CryptoError::Argument => Error::AttributeValueInvalid,
        other => other.into(),
    })?;
    let shown = domain.public_of(value.as_bytes())?;
    domain.check_public(&shown).map_err(|_| Error::FunctionFailed)?;
    let held = [CKA_PRIME, CKA_SUBPRIME, CKA_BASE];
    let parameters = held.iter().filter_map(|id| Some((*id, public.value(*id)?.clone())));
    let parameters: Attributes = parameters.collect();
    let (mut public, mut private) = (parameters.clone(), parameters);
    public.set(CKA_VALUE, Value::Bytes(shown));
    private.set(CKA_VALUE, Value::Secret(value));
    match key_type {
        CKK_DSA => check_pair(&public, &private)?,
        // SP 800-56A section 5.6.2.1.4: the public value again, from the private one.
        _ => check_again(&domain, &public, &private)?,
    }
    Ok(KeyPair { public, private })
}

/// The pairwise check of a DSA key pair: what the private key signs, the public one verifies.
fn check_pair(public: &Attributes, private: &Attributes) -> Result<()> {
    let signing = dsa::PrivateKey::new(&numbers(private)?, needed(private, CKA_VALUE)?)?;
    let verifying = dsa::PublicKey::new(&numbers(public)?, needed(public, CKA_VALUE)?)?;
    let digest = Hash::Sha256.digest(b"pairwise check")?;
    let mut signature = vec![0; signing.signature_len()];
    signing.sign(digest.as_bytes(), &mut signature)?;
    verifying.verify(digest.as_bytes(), &signature).map_err(|_| Error::FunctionFailed)
}

fn check_again(domain: &Domain, public: &Attributes, private: &Attributes) -> Result<()> {
    let again = domain.public_of(needed(private, CKA_VALUE)?)?;
    if needed(public, CKA_VALUE)? == again { Ok(()) } else { Err(Error::FunctionFailed) }
}

fn needed(attributes: &Attributes, id: CK_ATTRIBUTE_TYPE) -> Result<&[u8]> {
    attributes.bytes(id).filter(|bytes| !bytes.is_empty()).ok_or(Error::TemplateIncomplete)
}

/// The group that the attributes of a key or a template describe, checked. Errors: CKR_TEMPLATE_INCOMPLETE,
/// CKR_DOMAIN_PARAMS_INVALID, CKR_ATTRIBUTE_VALUE_INVALID for a size outside 512 to 8192 bits.
pub(super) fn domain_of(attributes: &Attributes, key_type: CK_KEY_TYPE) -> Result<Domain> {
    let made = match key_type {
        CKK_DSA => numbers(attributes)?.domain(),
        CKK_DH => Domain::new(needed(attributes, CKA_PRIME)?, None, needed(attributes, CKA_BASE)?),
        _ => {
            let subprime = Some(needed(attributes, CKA_SUBPRIME)?);
            Domain::new(needed(attributes, CKA_PRIME)?, subprime, needed(attributes, CKA_BASE)?)
        }
    };
    made.map_err(|error| match error {
        CryptoError::KeySize => Error::AttributeValueInvalid,
        other => other.into(),
    })
}

fn numbers(attributes: &Attributes) -> Result<dsa::Numbers<'_>> {
    Ok(dsa::Numbers {
        prime: needed(attributes, CKA_PRIME)?,
        subprime: needed(attributes, CKA_SUBPRIME)?,
        base: needed(attributes, CKA_BASE)?,
    })
}

/// The numbers of an object, whose values were checked when it was made.
fn held(object: &Object) -> Result<dsa::Numbers<'_>> {
    numbers(object.attributes()).map_err(|_| Error::GeneralError)
}

/// The engine's key of a DSA private key object, made once.
pub(super) fn dsa_private(key: &UsableKey) -> Result<&dsa::PrivateKey> {
    key.object().engine_key(|object| {
        let value = object.material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
        Ok(dsa::PrivateKey::new(&held(object)?, value)?)
    })
}

/// The engine's key of a DSA public key object, made once.
pub(super) fn dsa_public(key: &UsableKey) -> Result<&dsa::PublicKey> {
    key.object().engine_key(|object| {
        let value = object.bytes(CKA_VALUE).ok_or(Error::GeneralError)?;
        Ok(dsa::PublicKey::new(&held(object)?, value)?)
    })
}

/// The group of a Diffie-Hellman private key object, checked once.
pub(super) fn dh_domain(key: &UsableKey) -> Result<&Domain> {
    key.object()
        .engine_key(|object| domain_of(object.attributes(), object.key_type().ok_or(Error::GeneralError)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dsa::tests as rfc_6979;

    #[test]
    fn halves_of_two_pairs_fail_the_pairwise_checks() {
        let values =
            [(CKA_PRIME, rfc_6979::PRIME), (CKA_SUBPRIME, rfc_6979::SUBPRIME), (CKA_BASE, rfc_6979::BASE)];
        let group = values.map(|(id, hex)| (id, Value::Bytes(hex::decode(hex).unwrap())));
        let group = Attributes::from_iter(group);
        let pair = || generate_pair(CKK_DSA, &group, &Attributes::new()).unwrap();
        let (mine, other) = (pair(), pair());
        check_pair(&mine.public, &mine.private).unwrap();
        assert_eq!(check_pair(&other.public, &mine.private), Err(Error::FunctionFailed));
        let domain = domain_of(&group, CKK_DSA).unwrap();
        check_again(&domain, &mine.public, &mine.private).unwrap();
        assert_eq!(check_again(&domain, &other.public, &mine.private), Err(Error::FunctionFailed));
    }
}
