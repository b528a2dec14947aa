//! What the tests of the symmetric families share.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Template, Value, rules};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::{Cipher, Derivation, Derived, Params, lookup};

pub(super) fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// A secret key that has passed no check.
pub(super) fn secret_key(key_type: CK_KEY_TYPE, value: &[u8]) -> UsableKey {
    UsableKey::unchecked(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_VALUE, Value::Secret(Secret::copy_of(value))),
        (CKA_VALUE_LEN, Value::Ulong(value.len() as u64)),
    ]))
}

pub(super) fn encrypting(id: CK_MECHANISM_TYPE, key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    lookup(id).unwrap().ops.encrypt.unwrap()(key.clone(), params)
}

pub(super) fn decrypting(id: CK_MECHANISM_TYPE, key: &UsableKey, params: &Params) -> Result<Box<dyn Cipher>> {
    lookup(id).unwrap().ops.decrypt.unwrap()(key.clone(), params)
}

/// One part, with exactly the room that was announced; an exact length must come true.
pub(super) fn once(cipher: Box<dyn Cipher>, input: &[u8]) -> Result<Vec<u8>> {
    let length = cipher.once_len(input.len());
    let mut output = vec![0xee; length.most()];
    let written = cipher.once(input, &mut output)?;
    told(length, written);
    output.truncate(written);
    Ok(output)
}

/// Any number of parts, each step with exactly the room that was announced.
pub(super) fn parts(mut cipher: Box<dyn Cipher>, input: &[&[u8]]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for part in input {
        let length = cipher.update_len(part.len());
        let mut output = vec![0xee; length.most()];
        let written = cipher.update(part, &mut output)?;
        told(length, written);
        all.extend_from_slice(&output[..written]);
    }
    let length = cipher.finish_len();
    let mut output = vec![0xee; length.most()];
    let written = cipher.finish(&mut output)?;
    told(length, written);
    all.extend_from_slice(&output[..written]);
    Ok(all)
}

fn told(length: super::Length, written: usize) {
    match length {
        super::Length::Exact(exact) => assert_eq!(written, exact),
        super::Length::AtMost(most) => assert!(written <= most),
    }
}

/// Every split into two parts, and single bytes, must give what one part gives.
pub(super) fn every_split_agrees(
    start: impl Fn() -> Box<dyn Cipher>,
    input: &[u8],
    expected: &Result<Vec<u8>>,
) {
    for split in 0..=input.len() {
        let (left, right) = input.split_at(split);
        assert_eq!(&parts(start(), &[left, right]), expected, "split at {split} of {}", input.len());
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(&parts(start(), &bytes), expected, "single bytes of {}", input.len());
}

/// Wraps and unwraps through the row.
pub(super) fn wrap(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    material: &[u8],
) -> Result<Vec<u8>> {
    lookup(id).unwrap().ops.wrap.unwrap()(key, params, material)
}

pub(super) fn unwrap(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    wrapped: &[u8],
) -> Result<Vec<u8>> {
    Ok(lookup(id).unwrap().ops.unwrap.unwrap()(key, params, wrapped)?.as_bytes().to_vec())
}

/// The value of a key that is derived without others and without a template but for its length.
pub(super) fn derive(
    id: CK_MECHANISM_TYPE,
    base: &UsableKey,
    params: &Params,
    wanted: Option<usize>,
) -> Result<Vec<u8>> {
    derive_from(id, base, &[], params, wanted)
}

/// As `derive`, with the keys that the parameter names.
pub(super) fn derive_from(
    id: CK_MECHANISM_TYPE,
    base: &UsableKey,
    keys: &[UsableKey],
    params: &Params,
    wanted: Option<usize>,
) -> Result<Vec<u8>> {
    let made = derived(id, base, keys, params, &length(wanted))?;
    Ok(made.main.unwrap().bytes(CKA_VALUE).unwrap().to_vec())
}

/// Everything that a derivation makes.
pub(super) fn derived(
    id: CK_MECHANISM_TYPE,
    base: &UsableKey,
    keys: &[UsableKey],
    params: &Params,
    template: &Template,
) -> Result<Derived> {
    let wanted = rules::value_len(template.attributes())?;
    lookup(id).unwrap().ops.derive.unwrap()(&Derivation { base, keys, params, template, wanted })
}

/// A template that asks for so many bytes, or for none.
pub(super) fn length(bytes: Option<usize>) -> Template {
    let length = bytes.map(|bytes| (CKA_VALUE_LEN, Value::Ulong(bytes as u64)));
    Attributes::from_iter(length).into()
}

/// The key with further attributes.
pub(super) fn with(key: &UsableKey, more: &[(CK_ATTRIBUTE_TYPE, bool)]) -> UsableKey {
    let own = key.object().attributes().iter().chain(key.object().secrets().unwrap().iter());
    let mut attributes: Attributes = own.map(|(id, value)| (id, value.clone())).collect();
    for (id, value) in more {
        attributes.set(*id, Value::Bool(*value));
    }
    UsableKey::unchecked(attributes)
}

/// `Err` with this error, for comparisons.
pub(super) fn refused<T>(error: Error) -> Result<T> {
    Err(error)
}

/// The MAC of data that comes in parts, with exactly the room that was announced.
pub(super) fn mac(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    parts: &[&[u8]],
) -> Result<Vec<u8>> {
    let mut running = lookup(id).unwrap().ops.sign.unwrap()(key.clone(), params)?;
    let mut output = vec![0; running.output_len()];
    for part in parts {
        running.update(part)?;
    }
    assert_eq!(running.finish(&mut output)?, output.len());
    Ok(output)
}

/// Verifies a MAC, or a signature.
pub(super) fn check_mac(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    params: &Params,
    data: &[u8],
    mac: &[u8],
) -> Result<()> {
    let mut running = lookup(id).unwrap().ops.verify.unwrap()(key.clone(), params)?;
    running.update(data)?;
    running.finish(mac)
}

/// The digest of data that comes in parts.
pub(super) fn digest(id: CK_MECHANISM_TYPE, params: &Params, parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut running = lookup(id).unwrap().ops.digest.unwrap()(params)?;
    let mut output = vec![0; running.output_len()];
    for part in parts {
        running.update(part)?;
    }
    assert_eq!(running.finish(&mut output)?, output.len());
    Ok(output)
}
