//! Keys of ML-DSA and ML-KEM (PKCS#11 sections 6.67 and 6.68): generation, import, and the engine's view of key objects.
//!
//! A private key is stored with its expanded form (CKA_VALUE) and, where it is known, the seed (CKA_SEED) that it comes
//! from.

use crate::ck::*;
use crate::crypto::lattice::{Algorithm, PrivateKey};
use crate::crypto::ml_dsa::ParameterSet::{MlDsa44, MlDsa65, MlDsa87};
use crate::crypto::ml_kem::ParameterSet::{MlKem512, MlKem768, MlKem1024};
use crate::crypto::{Error as CryptoError, pkcs8, random};
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::KeyPair;

/// Key type, CKA_PARAMETER_SET, algorithm.
const SETS: &[(CK_KEY_TYPE, CK_ULONG, Algorithm)] = &[
    (CKK_ML_DSA, CKP_ML_DSA_44, Algorithm::MlDsa(MlDsa44)),
    (CKK_ML_DSA, CKP_ML_DSA_65, Algorithm::MlDsa(MlDsa65)),
    (CKK_ML_DSA, CKP_ML_DSA_87, Algorithm::MlDsa(MlDsa87)),
    (CKK_ML_KEM, CKP_ML_KEM_512, Algorithm::MlKem(MlKem512)),
    (CKK_ML_KEM, CKP_ML_KEM_768, Algorithm::MlKem(MlKem768)),
    (CKK_ML_KEM, CKP_ML_KEM_1024, Algorithm::MlKem(MlKem1024)),
];

/// Errors: CKR_TEMPLATE_INCOMPLETE without CKA_PARAMETER_SET, CKR_PARAMETER_SET_NOT_SUPPORTED.
fn of(key_type: CK_KEY_TYPE, attributes: &Attributes) -> Result<Algorithm> {
    let set = attributes.ulong(CKA_PARAMETER_SET).ok_or(Error::TemplateIncomplete)?;
    let found = SETS.iter().find(|(of_type, number, _)| (*of_type, *number) == (key_type, set));
    found.map(|(_, _, algorithm)| *algorithm).ok_or(Error::ParameterSetNotSupported)
}

/// As `of`, by CKA_KEY_TYPE.
pub(super) fn algorithm(attributes: &Attributes) -> Result<Algorithm> {
    of(attributes.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?, attributes)
}

/// Sets CKA_KEY_TYPE and CKA_PARAMETER_SET.
pub(super) fn identify(attributes: &mut Attributes, algorithm: Algorithm) {
    for (key_type, set, _) in SETS.iter().filter(|(_, _, known)| *known == algorithm) {
        attributes.set(CKA_KEY_TYPE, Value::Ulong(*key_type));
        attributes.set(CKA_PARAMETER_SET, Value::Ulong(*set));
    }
}

/// A new pair with its seed. Errors as `of`.
pub(super) fn generate(key_type: CK_KEY_TYPE, public: &Attributes) -> Result<KeyPair> {
    let algorithm = of(key_type, public)?;
    let seed = random::secret(algorithm.seed_len())?;
    let (value, expanded) = algorithm.expand(seed.as_bytes())?;
    algorithm.check_pair(&value, expanded.as_bytes())?;
    let set = (CKA_PARAMETER_SET, Value::Ulong(public.ulong(CKA_PARAMETER_SET).unwrap_or(UNAVAILABLE)));
    Ok(KeyPair {
        public: Attributes::from_iter([set.clone(), (CKA_VALUE, Value::Bytes(value))]),
        private: Attributes::from_iter([
            set,
            (CKA_SEED, Value::Secret(seed)),
            (CKA_VALUE, Value::Secret(expanded)),
        ]),
    })
}

/// Errors: those of `of`, CKR_TEMPLATE_INCOMPLETE without a value; CKR_ATTRIBUTE_VALUE_INVALID for one of another length or,
/// for ML-KEM, that is not reduced (FIPS 203 section 7.2).
pub(super) fn check_public(attributes: &Attributes) -> Result<Attributes> {
    let value = attributes.bytes(CKA_VALUE).ok_or(Error::TemplateIncomplete)?;
    algorithm(attributes)?.check_public(value).map_err(invalid)?;
    Ok(attributes.clone())
}

/// The attributes with the expanded form. Errors: those of `of`; CKR_TEMPLATE_INCOMPLETE with neither seed nor value;
/// CKR_ATTRIBUTE_VALUE_INVALID for one of another length, or for a value whose parts do not belong together;
/// CKR_TEMPLATE_INCONSISTENT for a value that is not the seed's.
pub(super) fn check_private(attributes: &Attributes) -> Result<Attributes> {
    let algorithm = algorithm(attributes)?;
    let given = |id| attributes.bytes(id).filter(|bytes| !bytes.is_empty());
    let mut checked = attributes.clone();
    match (given(CKA_SEED), given(CKA_VALUE)) {
        (None, None) => return Err(Error::TemplateIncomplete),
        (None, Some(value)) => {
            algorithm.public_of(value).map_err(invalid)?;
            checked.remove(CKA_SEED);
        }
        (Some(seed), value) => {
            let (_, expanded) = algorithm.expand(seed).map_err(invalid)?;
            if value.is_some_and(|value| Secret::copy_of(value) != expanded) {
                return Err(Error::TemplateInconsistent);
            }
            checked.set(CKA_VALUE, Value::Secret(expanded));
        }
    }
    Ok(checked)
}

fn invalid(error: CryptoError) -> Error {
    match error {
        CryptoError::Key | CryptoError::PublicKey => Error::AttributeValueInvalid,
        other => other.into(),
    }
}

/// The public key that the attributes of either half tell.
pub(super) fn public_half(attributes: &Attributes) -> Option<pkcs8::Public> {
    let algorithm = algorithm(attributes).ok()?;
    let value = match attributes.ulong(CKA_CLASS)? {
        CKO_PUBLIC_KEY => attributes.bytes(CKA_VALUE)?.to_vec(),
        _ => match attributes.bytes(CKA_SEED) {
            Some(seed) => algorithm.expand(seed).ok()?.0,
            None => algorithm.public_of(attributes.bytes(CKA_VALUE)?).ok()?,
        },
    };
    Some(pkcs8::Public::Lattice { algorithm, value })
}

/// A private key as PKCS #8 carries it. CKR_KEY_NOT_WRAPPABLE: a part is missing.
pub(super) fn to_encode(object: &Object) -> Result<pkcs8::Private> {
    let algorithm = algorithm(object.attributes()).map_err(|_| Error::KeyNotWrappable)?;
    let part = |id| object.material(id).map(|bytes| bytes.map(Secret::copy_of));
    Ok(pkcs8::Private::Lattice { algorithm, seed: part(CKA_SEED)?, expanded: part(CKA_VALUE)? })
}

/// The engine's key of a private key object, made once. `set`: its parameter set.
pub(super) fn private<S: Copy + Into<Algorithm> + Send + Sync + 'static>(
    key: &UsableKey,
    set: fn(&Object) -> Result<S>,
) -> Result<&PrivateKey<S>> {
    key.object().engine_key(|object| {
        let set = set(object)?;
        Ok(PrivateKey::new(set, expanded(object, set.into())?.as_bytes())?)
    })
}

/// The expanded form of a private key object.
fn expanded(object: &Object, algorithm: Algorithm) -> Result<Secret> {
    match (object.material(CKA_VALUE)?, object.material(CKA_SEED)?) {
        (Some(value), _) => Ok(Secret::copy_of(value)),
        (None, Some(seed)) => Ok(algorithm.expand(seed)?.1),
        (None, None) => Err(Error::GeneralError),
    }
}
