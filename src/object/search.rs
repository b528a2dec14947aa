//! Finding objects by their attributes (C_FindObjectsInit, section 5.7), and the templates of wrapping keys.

use crate::ck::*;
use crate::error::Result;

use super::Object;
use super::attribute;
use super::ec_point;
use super::rules;
use super::template::{Template, decode};
use super::value::{Attributes, Kind, Value};

/// What an application searches for. An attribute that PKCS#11 does not know, or a value that no such attribute can
/// have, is no error: it matches nothing.
#[derive(Clone, Debug, Default)]
pub struct SearchTemplate {
    attributes: Attributes,
    impossible: bool,
}

impl SearchTemplate {
    /// A search that every object matches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute in its C layout. Error: CKR_HOST_MEMORY.
    pub fn push(&mut self, id: CK_ATTRIBUTE_TYPE, raw: &[u8]) -> Result<()> {
        match attribute::lookup(id).map(|info| decode(info, raw)) {
            Some(Ok(value)) => self.insert(id, value),
            Some(Err(crate::error::Error::HostMemory)) => return Err(crate::error::Error::HostMemory),
            _ => self.impossible = true,
        }
        Ok(())
    }

    /// Adds an attribute whose value is an array of attributes, such as CKA_WRAP_TEMPLATE.
    pub fn push_template(&mut self, id: CK_ATTRIBUTE_TYPE, nested: Template) {
        match attribute::lookup(id) {
            Some(info) if info.kind == Kind::Template => {
                self.insert(id, Value::Template(nested.into_attributes()))
            }
            _ => self.impossible = true,
        }
    }

    fn insert(&mut self, id: CK_ATTRIBUTE_TYPE, value: Value) {
        if self.attributes.value(id).is_some_and(|held| *held != value) {
            self.impossible = true;
        }
        self.attributes.set(id, value);
    }

    /// True where no object can match.
    pub fn matches_nothing(&self) -> bool {
        self.impossible
    }

    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && !self.impossible
    }

    pub fn ulong(&self, id: CK_ATTRIBUTE_TYPE) -> Option<u64> {
        self.attributes.ulong(id)
    }

    pub fn bytes(&self, id: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.attributes.bytes(id)
    }

    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl From<Attributes> for SearchTemplate {
    fn from(attributes: Attributes) -> Self {
        Self { attributes: Template::from(attributes).into_attributes(), impossible: false }
    }
}

/// True where the object has every attribute of the search with the same value. Attributes that the object hides
/// match nothing, not even their own value: a search must not be a way to guess them.
pub fn matches(object: &Object, search: &SearchTemplate) -> bool {
    !search.impossible && fits(object, &search.attributes)
}

/// True where the object has every one of the attributes with the same value, by the rules of a search: what
/// CKA_WRAP_TEMPLATE asks of a key that is to be wrapped (section 5.18.3).
pub fn fits(object: &Object, attributes: &Attributes) -> bool {
    attributes.iter().all(|(id, wanted)| holds(object, id, wanted))
}

fn holds(object: &Object, id: CK_ATTRIBUTE_TYPE, wanted: &Value) -> bool {
    let Ok(held) = rules::shown(object, id) else { return false };
    if id == CKA_EC_POINT
        && let (Some(held), Some(wanted)) = (held.as_bytes(), wanted.as_bytes())
    {
        let key_type = object.key_type().unwrap_or(CKK_EC);
        return held == wanted || ec_point::raw(key_type, held) == Some(wanted);
    }
    rules::same(&held, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn key(sensitive: bool, extractable: bool) -> Object {
        Object::new(Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
            (CKA_LABEL, Value::Bytes(b"key".to_vec())),
            (CKA_SENSITIVE, Value::Bool(sensitive)),
            (CKA_EXTRACTABLE, Value::Bool(extractable)),
            (CKA_VALUE, Value::Secret(Secret::copy_of(&[7; 16]))),
        ]))
    }

    fn search(entries: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> SearchTemplate {
        let mut search = SearchTemplate::new();
        for (id, raw) in entries {
            search.push(*id, raw).unwrap();
        }
        search
    }

    #[test]
    fn an_empty_search_matches_every_object() {
        assert!(matches(&key(true, false), &SearchTemplate::new()));
    }

    #[test]
    fn every_attribute_of_the_search_must_match() {
        let key = key(true, false);
        let class = CKO_SECRET_KEY.to_ne_bytes();
        assert!(matches(&key, &search(&[(CKA_CLASS, &class), (CKA_LABEL, b"key")])));
        assert!(!matches(&key, &search(&[(CKA_CLASS, &class), (CKA_LABEL, b"other")])));
        assert!(!matches(&key, &search(&[(CKA_MODULUS, &[1])])));
    }

    #[test]
    fn an_attribute_that_was_never_set_matches_its_default() {
        assert!(matches(&key(true, false), &search(&[(CKA_ID, b"")])));
        assert!(matches(&key(true, false), &search(&[(CKA_TRUSTED, &[0])])));
        assert!(!matches(&key(true, false), &search(&[(CKA_TRUSTED, &[1])])));
    }

    #[test]
    fn hidden_values_never_match_and_shown_ones_do() {
        let value = search(&[(CKA_VALUE, &[7; 16])]);
        assert!(!matches(&key(true, true), &value));
        assert!(!matches(&key(false, false), &value));
        assert!(matches(&key(false, true), &value));
        assert!(!matches(&key(false, true), &search(&[(CKA_VALUE, &[8; 16])])));
    }

    #[test]
    fn unknown_attributes_and_impossible_values_match_nothing() {
        let key = key(true, false);
        assert!(!matches(&key, &search(&[(CKA_VENDOR_DEFINED | 1, b"x")])));
        assert!(!matches(&key, &search(&[(0x7777, b"x")])));
        assert!(!matches(&key, &search(&[(CKA_CLASS, b"xyz")])));
        assert!(!matches(&key, &search(&[(CKA_LABEL, b"key"), (CKA_LABEL, b"other")])));
        assert!(matches(&key, &search(&[(CKA_LABEL, b"key"), (CKA_LABEL, b"key")])));
    }

    #[test]
    fn a_point_is_found_raw_and_wrapped() {
        let raw = [&[4][..], &[0x11; 64]].concat();
        let wrapped = ec_point::wrapped(CKK_EC, &raw).unwrap();
        let key = Object::new(Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_EC)),
            (CKA_EC_POINT, Value::Bytes(wrapped.clone())),
        ]));
        assert!(matches(&key, &search(&[(CKA_EC_POINT, &raw)])));
        assert!(matches(&key, &search(&[(CKA_EC_POINT, &wrapped)])));
        assert!(!matches(&key, &search(&[(CKA_EC_POINT, &raw[1..])])));
    }
}
