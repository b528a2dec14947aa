//! SLH-DSA and HashSLH-DSA (PKCS#11 section 6.69, FIPS 205): keys, and signatures over the message or over its digest.

use crate::ck::*;
use crate::crypto::Error as CryptoError;
use crate::crypto::digest::Hash;
use crate::crypto::pkcs8::Public;
use crate::crypto::shake::Shake;
use crate::crypto::slh_dsa::{self, Domain, ParameterSet};
use crate::error::{Error, Result};
use crate::object::{Attributes, Value};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{KeyPair, Sign, Verify};
use super::params::{ParamKind, Params};
use super::prehash::{Prehash, context_and_hedge};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::secret_value;
use super::signing::{self, Message, Scheme, signatures};

/// HashSLH-DSA over the message.
macro_rules! hashing {
    ($prehash:expr, $id:ident) => {
        row(
            $id,
            stringify!($id),
            ParamKind::OptionalSignContext,
            signatures!(|key, params| Signer::hashing(key, params, $prehash)?),
        )
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_SLH_DSA_KEY_PAIR_GEN,
        "CKM_SLH_DSA_KEY_PAIR_GEN",
        ParamKind::None,
        Ops { generate_key_pair: Some(|_, public, _| generate(public)), slow: true, ..Ops::NONE },
    ),
    row(
        CKM_SLH_DSA,
        "CKM_SLH_DSA",
        ParamKind::OptionalSignContext,
        signatures!(|key, params| Signer::pure(key, params)?),
    ),
    row(
        CKM_HASH_SLH_DSA,
        "CKM_HASH_SLH_DSA",
        ParamKind::HashSignContext,
        signatures!(|key, params| Signer::hashed(key, params)?),
    ),
    hashing!(Prehash::Hash(Hash::Sha224), CKM_HASH_SLH_DSA_SHA224),
    hashing!(Prehash::Hash(Hash::Sha256), CKM_HASH_SLH_DSA_SHA256),
    hashing!(Prehash::Hash(Hash::Sha384), CKM_HASH_SLH_DSA_SHA384),
    hashing!(Prehash::Hash(Hash::Sha512), CKM_HASH_SLH_DSA_SHA512),
    hashing!(Prehash::Hash(Hash::Sha3_224), CKM_HASH_SLH_DSA_SHA3_224),
    hashing!(Prehash::Hash(Hash::Sha3_256), CKM_HASH_SLH_DSA_SHA3_256),
    hashing!(Prehash::Hash(Hash::Sha3_384), CKM_HASH_SLH_DSA_SHA3_384),
    hashing!(Prehash::Hash(Hash::Sha3_512), CKM_HASH_SLH_DSA_SHA3_512),
    hashing!(Prehash::Shake(Shake::Bits128), CKM_HASH_SLH_DSA_SHAKE128),
    hashing!(Prehash::Shake(Shake::Bits256), CKM_HASH_SLH_DSA_SHAKE256),
];

/// Sizes are those of public keys in bytes.
const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::pair(&[CKK_SLH_DSA]),
        sizes: (32, 64),
        flags: 0,
        approval: Approval::Approved,
        ops,
    }
}

/// CKA_PARAMETER_SET and the sets that its values mean (section 6.69.2).
const SETS: [(CK_SLH_DSA_PARAMETER_SET_TYPE, ParameterSet); 12] = [
    (CKP_SLH_DSA_SHA2_128S, ParameterSet::Sha2_128s),
    (CKP_SLH_DSA_SHAKE_128S, ParameterSet::Shake128s),
    (CKP_SLH_DSA_SHA2_128F, ParameterSet::Sha2_128f),
    (CKP_SLH_DSA_SHAKE_128F, ParameterSet::Shake128f),
    (CKP_SLH_DSA_SHA2_192S, ParameterSet::Sha2_192s),
    (CKP_SLH_DSA_SHAKE_192S, ParameterSet::Shake192s),
    (CKP_SLH_DSA_SHA2_192F, ParameterSet::Sha2_192f),
    (CKP_SLH_DSA_SHAKE_192F, ParameterSet::Shake192f),
    (CKP_SLH_DSA_SHA2_256S, ParameterSet::Sha2_256s),
    (CKP_SLH_DSA_SHAKE_256S, ParameterSet::Shake256s),
    (CKP_SLH_DSA_SHA2_256F, ParameterSet::Sha2_256f),
    (CKP_SLH_DSA_SHAKE_256F, ParameterSet::Shake256f),
];

/// The parameter set of a key or template. Errors: CKR_TEMPLATE_INCOMPLETE, CKR_PARAMETER_SET_NOT_SUPPORTED.
pub(super) fn parameter_set(attributes: &Attributes) -> Result<ParameterSet> {
    let number = attributes.ulong(CKA_PARAMETER_SET).ok_or(Error::TemplateIncomplete)?;
    let found = SETS.iter().find(|(known, _)| *known == number);
    found.map(|(_, set)| *set).ok_or(Error::ParameterSetNotSupported)
}

/// Key type and parameter set of a key.
pub(super) fn set_type(attributes: &mut Attributes, set: ParameterSet) {
    attributes.set(CKA_KEY_TYPE, Value::Ulong(CKK_SLH_DSA));
    if let Some((number, _)) = SETS.iter().find(|(_, known)| *known == set) {
        attributes.set(CKA_PARAMETER_SET, Value::Ulong(*number));
    }
}

fn generate(public: &Attributes) -> Result<KeyPair> {
    let set = parameter_set(public)?;
    let (private_value, public_value) = slh_dsa::generate(set)?;
    let mut public = Attributes::default();
    set_type(&mut public, set);
    let mut private = public.clone();
    public.set(CKA_VALUE, Value::Bytes(public_value));
    private.set(CKA_VALUE, Value::Secret(private_value));
    Ok(KeyPair { public, private })
}

/// The attributes of a key that comes from outside. Errors: those of `parameter_set`, CKR_ATTRIBUTE_VALUE_INVALID for a
/// value of another length, CKR_TEMPLATE_INCONSISTENT for a private key whose parts do not belong together.
pub(super) fn checked(attributes: &Attributes) -> Result<Attributes> {
    let set = parameter_set(attributes)?;
    let value = attributes.bytes(CKA_VALUE).ok_or(Error::TemplateIncomplete)?;
    if attributes.ulong(CKA_CLASS) == Some(CKO_PUBLIC_KEY) {
        slh_dsa::check_public(set, value).map_err(|_| Error::AttributeValueInvalid)?;
    } else if value.len() != set.private_len() {
        return Err(Error::AttributeValueInvalid);
    } else {
        slh_dsa::check_private(set, value).map_err(|error| match error {
            CryptoError::Key => Error::TemplateInconsistent,
            other => other.into(),
        })?;
    }
    Ok(attributes.clone())
}

/// The public key that a public or private key tells.
pub(super) fn public_half(attributes: &Attributes) -> Option<Public> {
    let set = parameter_set(attributes).ok()?;
    let value = attributes.bytes(CKA_VALUE)?;
    let value = match attributes.ulong(CKA_CLASS)? {
        CKO_PRIVATE_KEY => slh_dsa::public_of(set, &Secret::copy_of(value)).ok()?.to_vec(),
        _ => value.to_vec(),
    };
    Some(Public::SlhDsa { set, value })
}

fn sign((message, signer): (Message, Signer)) -> Result<Box<dyn Sign>> {
    signing::sign(message, signer)
}

fn verify((message, signer): (Message, Signer)) -> Result<Box<dyn Verify>> {
    signing::verify(message, signer)
}

/// The key with what tells its signatures apart from others.
struct Signer {
    key: UsableKey,
    set: ParameterSet,
    context: Vec<u8>,
    prehash: Option<Prehash>,
    hedged: bool,
}

impl Signer {
    /// CKM_SLH_DSA: the whole message is needed twice, so it is kept.
    fn pure(key: UsableKey, params: &Params) -> Result<(Message, Self)> {
        Ok((Message::collected(), Self::new(key, params, None)?))
    }

    /// CKM_HASH_SLH_DSA: the data is what the hash function of the parameter has made.
    fn hashed(key: UsableKey, params: &Params) -> Result<(Message, Self)> {
        let prehash = Prehash::of_parameter(params)?;
        Ok((Message::raw(prehash.output_len()), Self::new(key, params, Some(prehash))?))
    }

    /// CKM_HASH_SLH_DSA_SHA256 and its like.
    fn hashing(key: UsableKey, params: &Params, prehash: Prehash) -> Result<(Message, Self)> {
        Ok((prehash.message()?, Self::new(key, params, Some(prehash))?))
    }

    /// Errors: those of `context_and_hedge`.
    fn new(key: UsableKey, params: &Params, prehash: Option<Prehash>) -> Result<Self> {
        let (context, hedged) = context_and_hedge(params)?;
        let set = parameter_set(key.object().attributes())?;
        Ok(Self { key, set, context, prehash, hedged })
    }

    /// Calls `with` with the domain of the message. CKR_DATA_LEN_RANGE: data that the hash function cannot have made.
    fn with_domain<T>(&self, message: &[u8], with: impl FnOnce(Domain) -> Result<T>) -> Result<T> {
        let oid = match self.prehash {
            Some(prehash) if message.len() != prehash.output_len() => return Err(Error::DataLenRange),
            Some(prehash) => Some(prehash.oid()?),
            None => None,
        };
        with(Domain { context: &self.context, prehash: oid.as_ref().map(<[u8; 11]>::as_slice) })
    }
}

impl Scheme for Signer {
    fn signature_len(&self) -> Result<usize> {
        Ok(self.set.signature_len())
    }

    fn slow(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        let private = secret_value(&self.key)?;
        self.with_domain(message, |domain| {
            Ok(slh_dsa::sign(self.set, private, domain, message, self.hedged, signature)?)
        })
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let public = self.key.object().bytes(CKA_VALUE).ok_or(Error::GeneralError)?;
        self.with_domain(message, |domain| {
            signing::checked(slh_dsa::verify(self.set, public, domain, message, signature))
        })
    }
}
