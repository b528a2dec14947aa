//! Tests of the families of key pairs, through the rows as the session layer uses them.

mod curves;
mod fields;
mod key_files;
mod keys;
mod rsa;
mod rsa_openssl;
mod transport;

use crate::ck::*;
use crate::error::Result;
use crate::object::{Attributes, Value};
use crate::policy::UsableKey;

use super::{Params, lookup};

pub(super) use super::testing::check_mac as verify;

/// The two halves of a key pair, usable for everything.
pub(super) struct Pair {
    pub public: UsableKey,
    pub private: UsableKey,
}

/// Generates a pair through the row of the mechanism.
pub(super) fn generate(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    template: &[(CK_ATTRIBUTE_TYPE, Value)],
) -> Pair {
    let template = Attributes::from_iter(template.iter().cloned());
    let pair =
        lookup(id).unwrap().ops.generate_key_pair.unwrap()(&Params::None, &template, &Attributes::new())
            .unwrap();
    Pair {
        public: usable(CKO_PUBLIC_KEY, key_type, pair.public),
        private: usable(CKO_PRIVATE_KEY, key_type, pair.private),
    }
}

pub(super) fn usable(class: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE, mut attributes: Attributes) -> UsableKey {
    attributes.set(CKA_CLASS, Value::Ulong(class));
    attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
    UsableKey::unchecked(attributes)
}

/// All attributes of a key, the secret ones among them.
pub(super) fn attributes(key: &UsableKey) -> Attributes {
    let object = key.object();
    let mut all = object.attributes().clone();
    for (id, value) in object.secrets().unwrap().iter() {
        all.set(id, value.clone());
    }
    all
}

pub(super) fn sign(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    message: &[u8],
) -> Result<Vec<u8>> {
    let mut signing = lookup(id).unwrap().ops.sign.unwrap()(key.clone(), params)?;
    let mut signature = vec![0xee; signing.output_len()];
    // Mechanisms that take several parts get two.
    let (first, second) = message.split_at(if signing.multi_part() { message.len() / 2 } else { 0 });
    if !first.is_empty() {
        signing.update(first)?;
    }
    signing.update(second)?;
    let written = signing.finish(&mut signature)?;
    assert_eq!(written, signature.len());
    Ok(signature)
}

pub(super) fn encrypt(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    data: &[u8],
) -> Result<Vec<u8>> {
    super::testing::once(lookup(id).unwrap().ops.encrypt.unwrap()(key.clone(), params)?, data)
}

pub(super) fn decrypt(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    data: &[u8],
) -> Result<Vec<u8>> {
    super::testing::once(lookup(id).unwrap().ops.decrypt.unwrap()(key.clone(), params)?, data)
}
