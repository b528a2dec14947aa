//! The promises of the interpreter, on templates as clients send them.

mod change;
mod create;
mod defaults;
mod footnotes;
mod reveal;
mod values;

use super::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Template, Value};

/// Check values and public key infos that need no cryptography.
struct Fake;

impl Computed for Fake {
    fn public_key_info(&self, attributes: &Attributes) -> Option<Vec<u8>> {
        let public = attributes.bytes(CKA_MODULUS).or(attributes.bytes(CKA_EC_PARAMS))?;
        Some([b"info of ", public].concat())
    }

    fn check_value(&self, attributes: &Attributes) -> Option<Vec<u8>> {
        attributes.bytes(CKA_VALUE)?.get(..3).map(<[u8]>::to_vec)
    }
}

const USER: Creator =
    Creator { security_officer: false, defaults: Defaults::Compatible, now: 1_700_000_000, computed: &Fake };
const OFFICER: Creator = Creator { security_officer: true, ..USER };
const STRICT: Creator = Creator { defaults: Defaults::Strict, ..USER };

const YES: Value = Value::Bool(true);
const NO: Value = Value::Bool(false);

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

fn template(entries: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Template {
    Template::from(Attributes::from_iter(entries.iter().cloned()))
}

fn with(entries: &[(CK_ATTRIBUTE_TYPE, Value)], more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Template {
    Template::from(Attributes::from_iter(entries.iter().chain(more).cloned()))
}

fn without(entries: &[(CK_ATTRIBUTE_TYPE, Value)], left_out: CK_ATTRIBUTE_TYPE) -> Template {
    let mut attributes = Attributes::from_iter(entries.iter().cloned());
    attributes.remove(left_out);
    Template::from(attributes)
}

fn from_base(base: &Object) -> Parents<'_> {
    Parents { base, others: &[], inheritance: Inheritance::Template }
}

fn aes() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_VALUE, bytes(&[7; 16])),
    ]
}

fn rsa_public() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_MODULUS, bytes(&[0xc5; 128])),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
    ]
}

fn rsa_private() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_MODULUS, bytes(&[0xc5; 128])),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
        (CKA_PRIVATE_EXPONENT, bytes(&[0x33; 128])),
    ]
}

fn ec_private() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_EC)),
        (CKA_EC_PARAMS, bytes(&[6, 5, 43, 129, 4, 0, 34])),
        (CKA_VALUE, bytes(&[0x44; 48])),
    ]
}

fn ec_public() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_EC)),
        (CKA_EC_PARAMS, bytes(&[6, 5, 43, 129, 4, 0, 34])),
        (CKA_EC_POINT, bytes(&[&[4][..], &[0x55; 96]].concat())),
    ]
}

fn certificate() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        (CKA_CLASS, Value::Ulong(CKO_CERTIFICATE)),
        (CKA_CERTIFICATE_TYPE, Value::Ulong(CKC_X_509)),
        (CKA_SUBJECT, bytes(b"subject")),
        (CKA_VALUE, bytes(b"certificate")),
    ]
}

fn made(entries: &[(CK_ATTRIBUTE_TYPE, Value)], more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Object {
    Object::new(create(&with(entries, more), &USER).unwrap())
}
