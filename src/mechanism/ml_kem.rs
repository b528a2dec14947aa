//! ML-KEM (PKCS#11 section 6.68, FIPS 203).

use crate::ck::*;
use crate::crypto::lattice::Algorithm;
use crate::crypto::ml_kem::{ParameterSet, PrivateKey, PublicKey};
use crate::error::{Error, Result};
use crate::object::Object;
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::lattice_keys;
use super::operation::Encapsulation;
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_ML_KEM]),
        // Bytes of public keys.
        sizes: (ParameterSet::MlKem512.public_len() as u64, ParameterSet::MlKem1024.public_len() as u64),
        flags: 0,
        approval: Approval::Approved,
        ops,
    }
}

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_ML_KEM_KEY_PAIR_GEN,
        "CKM_ML_KEM_KEY_PAIR_GEN",
        Ops {
            generate_key_pair: Some(|_, public, _| lattice_keys::generate(CKK_ML_KEM, public)),
            ..Ops::NONE
        },
    ),
    row(
        CKM_ML_KEM,
        "CKM_ML_KEM",
        Ops { encapsulate: Some(encapsulate), decapsulate: Some(decapsulate), ..Ops::NONE },
    ),
];

fn encapsulate(input: &Encapsulation) -> Result<(Vec<u8>, Secret)> {
    Ok(public(input.key)?.encapsulate()?)
}

/// A ciphertext that was not made for this key gives another secret and no error. CKR_WRAPPED_KEY_LEN_RANGE: another length.
fn decapsulate(input: &Encapsulation, ciphertext: &[u8]) -> Result<Secret> {
    let key = private(input.key)?;
    if ciphertext.len() != key.set().ciphertext_len() {
        return Err(Error::WrappedKeyLenRange);
    }
    Ok(key.decapsulate(ciphertext)?)
}

fn set(object: &Object) -> Result<ParameterSet> {
    match lattice_keys::algorithm(object.attributes())? {
        Algorithm::MlKem(set) => Ok(set),
        Algorithm::MlDsa(_) => Err(Error::KeyTypeInconsistent),
    }
}

fn private(key: &UsableKey) -> Result<&PrivateKey> {
    lattice_keys::private(key, set)
}

/// The engine's key of a public key object, made once.
fn public(key: &UsableKey) -> Result<&PublicKey> {
    key.object().engine_key(|object| {
        Ok(PublicKey::new(set(object)?, object.bytes(CKA_VALUE).ok_or(Error::GeneralError)?)?)
    })
}
