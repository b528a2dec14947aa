//! The one interpreter of the rule tables: creating, generating, unwrapping, deriving, copying, changing and
//! revealing objects (sections 4.1 and 4.2).

mod change;
mod create;
mod inherit;
mod initial;
mod reveal;

use crate::ck::*;
use crate::secret::Secret;

use super::attribute;
use super::classes::{self, Table};
use super::value::{Attributes, Value};

pub use change::{USES, copy, set};
pub use create::{check_generate, create, derive, generate, unwrap, value_len};
pub use inherit::{Inheritance, Parents};
pub(super) use reveal::shown;
pub use reveal::{is_sensitive, reveal};

/// On whose behalf and under which policy an object is made or changed.
#[derive(Clone, Copy)]
pub struct Creator<'a> {
    /// True for the SO, who alone may set CKA_TRUSTED to CK_TRUE (footnote 10).
    pub security_officer: bool,
    pub defaults: Defaults,
    /// Seconds since 1970 UTC: the creation date of a new key.
    pub now: u64,
    pub computed: &'a dyn Computed,
}

/// The token-specific values of attributes that a template leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Defaults {
    /// Usage attributes are true where the key type can be used so, because applications leave them out and then
    /// expect keys that work; derived keys are extractable.
    #[default]
    Compatible,
    /// Usage attributes are false unless given; secret keys are sensitive; derived keys are not extractable.
    Strict,
}

/// Attributes that need cryptography; the mechanism layer implements it.
pub trait Computed {
    /// CKA_PUBLIC_KEY_INFO, the DER SubjectPublicKeyInfo, of a public key, a private key or a certificate; `None`
    /// where it cannot be told.
    fn public_key_info(&self, attributes: &Attributes) -> Option<Vec<u8>>;

    /// CKA_CHECK_VALUE, three bytes, of a secret key or a certificate; `None` where it cannot be told.
    fn check_value(&self, attributes: &Attributes) -> Option<Vec<u8>>;
}

/// Computes nothing: for objects without keys.
impl Computed for () {
    fn public_key_info(&self, _: &Attributes) -> Option<Vec<u8>> {
        None
    }

    fn check_value(&self, _: &Attributes) -> Option<Vec<u8>> {
        None
    }
}

/// Parts an object's attributes into what may be read to find it and what is sealed apart: the attributes with
/// footnote 7 of private and secret keys.
pub fn split(attributes: Attributes) -> (Attributes, Attributes) {
    let table = classes::table_of(&attributes).ok();
    let (secrets, metadata): (Vec<_>, Vec<_>) =
        attributes.into_iter().partition(|(id, value)| is_secret(table, *id, value));
    (metadata.into_iter().map(in_the_open).collect(), secrets.into_iter().map(hidden).collect())
}

/// Attributes with each value as its table wants it: `Value::Secret` where footnote 7 stands, `Value::Bytes` else.
fn classified(table: &'static Table, attributes: Attributes) -> Attributes {
    let in_its_form = |(id, value)| {
        if is_secret(Some(table), id, &value) { hidden((id, value)) } else { in_the_open((id, value)) }
    };
    attributes.into_iter().map(in_its_form).collect()
}

/// Without a rule, whatever may be a secret is one, and what a later version has sealed stays sealed.
fn is_secret(table: Option<&'static Table>, id: CK_ATTRIBUTE_TYPE, value: &Value) -> bool {
    if value.as_bytes().is_none() {
        // Flags, numbers and lists are none in any table.
        return false;
    }
    match table.and_then(|table| table.rule(id)) {
        Some(rule) => rule.footnotes.has(7),
        None => {
            attribute::lookup(id).is_some_and(|info| info.may_be_secret) || matches!(value, Value::Secret(_))
        }
    }
}

fn hidden((id, value): (CK_ATTRIBUTE_TYPE, Value)) -> (CK_ATTRIBUTE_TYPE, Value) {
    match value {
        Value::Bytes(bytes) => (id, Value::Secret(Secret::new(bytes))),
        value => (id, value),
    }
}

fn in_the_open((id, value): (CK_ATTRIBUTE_TYPE, Value)) -> (CK_ATTRIBUTE_TYPE, Value) {
    match value {
        Value::Secret(secret) => (id, Value::Bytes(secret.as_bytes().to_vec())),
        value => (id, value),
    }
}

/// True where two values say the same, whichever of them is held as a secret.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Bytes(open), Value::Secret(secret)) | (Value::Secret(secret), Value::Bytes(open)) => {
            *secret == Secret::copy_of(open)
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests;
