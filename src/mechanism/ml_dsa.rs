//! ML-DSA (PKCS#11 section 6.67, FIPS 204): the message itself, its digest, or the message hashed here.

use crate::ck::*;
use crate::crypto;
use crate::crypto::digest::{self, Hash};
use crate::crypto::lattice::Algorithm;
use crate::crypto::ml_dsa::{self, ParameterSet, PrivateKey, PublicKey};
use crate::crypto::shake::{Shake, Shaker};
use crate::error::{Error, Result};
use crate::object::Object;
use crate::policy::UsableKey;

use super::lattice_keys;
use super::operation::{Sign, Verify};
use super::params::{ParamKind, Params};
use super::prehash::{Prehash, context_and_hedge};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::{self, Message, Scheme, signatures};

/// Bytes of public keys.
const SIZES: (u64, u64) =
    (ParameterSet::MlDsa44.public_len() as u64, ParameterSet::MlDsa87.public_len() as u64);

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::pair(&[CKK_ML_DSA]),
        sizes: SIZES,
        flags: 0,
        approval: Approval::Approved,
        ops,
    }
}

macro_rules! hashing {
    ($id:ident, $prehash:expr) => {
        row(
            $id,
            stringify!($id),
            ParamKind::OptionalSignContext,
            signatures!(|key, params| key, params, Form::Hashing($prehash)),
        )
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_ML_DSA_KEY_PAIR_GEN,
        "CKM_ML_DSA_KEY_PAIR_GEN",
        ParamKind::None,
        Ops {
            generate_key_pair: Some(|_, public, _| lattice_keys::generate(CKK_ML_DSA, public)),
            ..Ops::NONE
        },
    ),
    row(
        CKM_ML_DSA,
        "CKM_ML_DSA",
        ParamKind::OptionalSignContext,
        signatures!(|key, params| key, params, Form::Pure),
    ),
    row(
        CKM_HASH_ML_DSA,
        "CKM_HASH_ML_DSA",
        ParamKind::HashSignContext,
        signatures!(|key, params| key, params, Form::Hashed(Prehash::of_parameter(params)?)),
    ),
    hashing!(CKM_HASH_ML_DSA_SHA224, Prehash::Hash(Hash::Sha224)),
    hashing!(CKM_HASH_ML_DSA_SHA256, Prehash::Hash(Hash::Sha256)),
    hashing!(CKM_HASH_ML_DSA_SHA384, Prehash::Hash(Hash::Sha384)),
    hashing!(CKM_HASH_ML_DSA_SHA512, Prehash::Hash(Hash::Sha512)),
    hashing!(CKM_HASH_ML_DSA_SHA3_224, Prehash::Hash(Hash::Sha3_224)),
    hashing!(CKM_HASH_ML_DSA_SHA3_256, Prehash::Hash(Hash::Sha3_256)),
    hashing!(CKM_HASH_ML_DSA_SHA3_384, Prehash::Hash(Hash::Sha3_384)),
    hashing!(CKM_HASH_ML_DSA_SHA3_512, Prehash::Hash(Hash::Sha3_512)),
    hashing!(CKM_HASH_ML_DSA_SHAKE128, Prehash::Shake(Shake::Bits128)),
    hashing!(CKM_HASH_ML_DSA_SHAKE256, Prehash::Shake(Shake::Bits256)),
];

/// What the data of the operation is.
#[derive(Clone, Copy)]
enum Form {
    /// The message; signed as it is.
    Pure,
    /// The digest of the message; one part only.
    Hashed(Prehash),
    /// The message, which is hashed here.
    Hashing(Prehash),
}

fn sign(key: UsableKey, params: &Params, form: Form) -> Result<Box<dyn Sign>> {
    let scheme = MlDsa::new(key, params, form)?;
    let key = private(&scheme.key)?;
    signing::sign(scheme.message(|with| key.representative(with))?, scheme)
}

fn verify(key: UsableKey, params: &Params, form: Form) -> Result<Box<dyn Verify>> {
    let scheme = MlDsa::new(key, params, form)?;
    let key = public(&scheme.key)?;
    signing::verify(scheme.message(|with| key.representative(with))?, scheme)
}

fn set(object: &Object) -> Result<ParameterSet> {
    match lattice_keys::algorithm(object.attributes())? {
        Algorithm::MlDsa(set) => Ok(set),
        Algorithm::MlKem(_) => Err(Error::KeyTypeInconsistent),
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

struct MlDsa {
    key: UsableKey,
    form: Form,
    context: Vec<u8>,
    /// Verification does not look at it.
    hedged: bool,
}

impl MlDsa {
    /// Errors: those of `context_and_hedge`.
    fn new(key: UsableKey, params: &Params, form: Form) -> Result<Self> {
        let (context, hedged) = context_and_hedge(params)?;
        Ok(Self { key, form, context, hedged })
    }

    /// What takes the data; `start` begins the message representative with the key.
    fn message(&self, start: impl FnOnce(ml_dsa::Scheme) -> crypto::Result<Shaker>) -> Result<Message> {
        match self.form {
            Form::Pure => Ok(Message::shaken(start(ml_dsa::Scheme::Pure(&self.context))?)),
            Form::Hashed(prehash) => Ok(Message::raw(prehash.output_len())),
            Form::Hashing(prehash) => prehash.message(),
        }
    }

    /// The message representative, from what `message` has come to. CKR_DATA_LEN_RANGE: no digest of this function.
    fn representative(
        &self,
        taken: &[u8],
        start: impl FnOnce(ml_dsa::Scheme) -> crypto::Result<Shaker>,
    ) -> Result<digest::Value> {
        match self.form {
            Form::Pure => Ok(digest::Value::copy_of(taken)?),
            Form::Hashed(prehash) | Form::Hashing(prehash) => {
                if taken.len() != prehash.output_len() {
                    return Err(Error::DataLenRange);
                }
                let oid = prehash.oid()?;
                let mut shaker = start(ml_dsa::Scheme::Prehashed { context: &self.context, oid: &oid })?;
                shaker.update(taken)?;
                Ok(shaker.finish()?)
            }
        }
    }
}

impl Scheme for MlDsa {
    fn signature_len(&self) -> Result<usize> {
        Ok(set(self.key.object())?.signature_len())
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        let key = private(&self.key)?;
        let representative = self.representative(message, |with| key.representative(with))?;
        Ok(key.sign(representative.as_bytes(), self.hedged, signature)?)
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let key = public(&self.key)?;
        let representative = self.representative(message, |with| key.representative(with))?;
        signing::checked(key.verify(representative.as_bytes(), signature))
    }
}
