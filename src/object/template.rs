//! Templates: what a caller asks of an object, parsed and typed, each attribute once.

use std::borrow::Cow;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::attribute::{self, AttributeInfo};
use super::value::{Attributes, Kind, Value};

/// Most attributes that one template may have; the largest table has fewer than seventy.
const MAX_ATTRIBUTES: usize = 256;
/// Most mechanisms in one CKA_ALLOWED_MECHANISMS.
const MAX_MECHANISMS: usize = 4096;
/// How deep CKA_WRAP_TEMPLATE and its like may hold further templates.
const MAX_DEPTH: usize = 3;

/// The attributes that a caller gives to make or change an object. Values that are secret in some objects are held
/// as `Value::Secret` from the start; the object's table decides later which of them are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Attributes);

impl Template {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute in its C layout. Errors: CKR_ATTRIBUTE_TYPE_INVALID for an attribute that PKCS#11 3.2 does
    /// not know, CKR_ATTRIBUTE_VALUE_INVALID for a value of another size or form, CKR_TEMPLATE_INCONSISTENT for an
    /// attribute that the template already has with another value (section 4.1.1; the same value again is one).
    pub fn push(&mut self, id: CK_ATTRIBUTE_TYPE, raw: &[u8]) -> Result<()> {
        let info = attribute::lookup(id).ok_or(Error::AttributeTypeInvalid)?;
        self.insert(id, decode(info, raw)?)
    }

    /// Adds an attribute whose value is an array of attributes, such as CKA_WRAP_TEMPLATE. Errors as `push`.
    pub fn push_template(&mut self, id: CK_ATTRIBUTE_TYPE, nested: Template) -> Result<()> {
        let info = attribute::lookup(id).ok_or(Error::AttributeTypeInvalid)?;
        if info.kind != Kind::Template || depth(&nested.0) >= MAX_DEPTH {
            return Err(Error::AttributeValueInvalid);
        }
        self.insert(id, Value::Template(nested.0))
    }

    /// Adds an attribute that is already typed. Errors as `push`.
    pub fn push_value(&mut self, id: CK_ATTRIBUTE_TYPE, value: Value) -> Result<()> {
        let info = attribute::lookup(id).ok_or(Error::AttributeTypeInvalid)?;
        match value {
            Value::Bytes(bytes) if info.may_be_secret => self.insert(id, Value::Secret(Secret::new(bytes))),
            value => self.insert(id, value),
        }
    }

    fn insert(&mut self, id: CK_ATTRIBUTE_TYPE, value: Value) -> Result<()> {
        match self.0.value(id) {
            Some(held) if *held == value => Ok(()),
            Some(_) => Err(Error::TemplateInconsistent),
            None if self.0.len() >= MAX_ATTRIBUTES => Err(Error::ArgumentsBad),
            None => {
                self.0.set(id, value);
                Ok(())
            }
        }
    }

    pub fn value(&self, id: CK_ATTRIBUTE_TYPE) -> Option<&Value> {
        self.0.value(id)
    }

    pub fn ulong(&self, id: CK_ATTRIBUTE_TYPE) -> Option<u64> {
        self.0.ulong(id)
    }

    /// The bytes of the attribute, secret or not.
    pub fn bytes(&self, id: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.0.bytes(id)
    }

    /// True where the attribute is given and CK_TRUE.
    pub fn is_true(&self, id: CK_ATTRIBUTE_TYPE) -> bool {
        self.0.is_true(id)
    }

    /// The attribute's truth where it is given.
    pub fn bool(&self, id: CK_ATTRIBUTE_TYPE) -> Option<bool> {
        self.0.value(id).and_then(Value::as_bool)
    }

    pub fn contains(&self, id: CK_ATTRIBUTE_TYPE) -> bool {
        self.0.contains(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (CK_ATTRIBUTE_TYPE, &Value)> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn attributes(&self) -> &Attributes {
        &self.0
    }

    pub fn into_attributes(self) -> Attributes {
        self.0
    }
}

impl From<Attributes> for Template {
    fn from(attributes: Attributes) -> Self {
        let hide = |(id, value)| match value {
            Value::Bytes(bytes) if attribute::lookup(id).is_some_and(|info| info.may_be_secret) => {
                (id, Value::Secret(Secret::new(bytes)))
            }
            value => (id, value),
        };
        Self(attributes.into_iter().map(hide).collect())
    }
}

/// The C layout of a value, for C_GetAttributeValue: one byte for Bool, eight in the host's order for Ulong and for
/// each of Mechanisms, the bytes themselves for the rest. A Template has no flat layout: the answer is empty, and
/// the caller lays out its attributes one by one.
pub fn encode(value: &Value) -> Cow<'_, [u8]> {
    match value {
        Value::Bool(truth) => Cow::Owned(vec![u8::from(*truth)]),
        Value::Ulong(number) => Cow::Owned(number.to_ne_bytes().to_vec()),
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::Secret(secret) => Cow::Borrowed(secret.as_bytes()),
        Value::Mechanisms(list) => {
            Cow::Owned(list.iter().flat_map(|mechanism| mechanism.to_ne_bytes()).collect())
        }
        Value::Template(_) => Cow::Borrowed(&[]),
    }
}

/// The value from its C layout. Error: CKR_ATTRIBUTE_VALUE_INVALID.
pub(super) fn decode(info: &AttributeInfo, raw: &[u8]) -> Result<Value> {
    match info.kind {
        Kind::Bool => match raw {
            [CK_FALSE] => Ok(Value::Bool(false)),
            [CK_TRUE] => Ok(Value::Bool(true)),
            _ => Err(Error::AttributeValueInvalid),
        },
        Kind::Ulong => ulong(raw).map(Value::Ulong),
        Kind::Mechanisms => mechanisms(raw),
        Kind::Template if raw.is_empty() => Ok(Value::Template(Attributes::new())),
        Kind::Template => Err(Error::AttributeValueInvalid),
        Kind::Date if !is_date(raw) => Err(Error::AttributeValueInvalid),
        Kind::BigInteger => bytes(info, without_leading_zeros(raw)),
        Kind::Date | Kind::Text | Kind::Bytes => bytes(info, raw),
    }
}

fn bytes(info: &AttributeInfo, raw: &[u8]) -> Result<Value> {
    let mut owned = Vec::new();
    owned.try_reserve_exact(raw.len()).map_err(|_| Error::HostMemory)?;
    owned.extend_from_slice(raw);
    Ok(if info.may_be_secret { Value::Secret(Secret::new(owned)) } else { Value::Bytes(owned) })
}

fn ulong(raw: &[u8]) -> Result<u64> {
    raw.try_into().map(u64::from_ne_bytes).map_err(|_| Error::AttributeValueInvalid)
}

fn mechanisms(raw: &[u8]) -> Result<Value> {
    let entries = raw.chunks_exact(size_of::<CK_MECHANISM_TYPE>());
    if !entries.remainder().is_empty() || entries.len() > MAX_MECHANISMS {
        return Err(Error::AttributeValueInvalid);
    }
    entries.map(ulong).collect::<Result<_>>().map(Value::Mechanisms)
}

/// A CK_DATE is empty or `YYYYMMDD` in digits (section 3.4).
fn is_date(raw: &[u8]) -> bool {
    let number =
        |digits: &[u8]| digits.iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit.wrapping_sub(b'0')));
    match raw {
        [] => true,
        [_, _, _, _, month @ .., _, _] if raw.len() == 8 && raw.iter().all(u8::is_ascii_digit) => {
            let day = raw.get(6..).unwrap_or_default();
            (1..=12).contains(&number(month)) && (1..=31).contains(&number(day))
        }
        _ => false,
    }
}

/// A big integer is unsigned, so that leading zeros tell nothing (chapter 4); without them, equal numbers are
/// equal bytes.
fn without_leading_zeros(raw: &[u8]) -> &[u8] {
    let zeros = raw.iter().take_while(|byte| **byte == 0).count();
    raw.get(zeros..).unwrap_or_default()
}

/// The value as a template would hold it: a big integer without its leading zeros.
pub(super) fn canonical(id: CK_ATTRIBUTE_TYPE, value: Value) -> Value {
    match (attribute::lookup(id), value.as_bytes()) {
        (Some(info), Some(integer @ [0, ..])) if info.kind == Kind::BigInteger => {
            decode(info, integer).unwrap_or(value)
        }
        _ => value,
    }
}

fn depth(attributes: &Attributes) -> usize {
    let below = |value: &Value| match value {
        Value::Template(nested) => 1 + depth(nested),
        _ => 0,
    };
    attributes.iter().map(|(_, value)| below(value)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_by_their_kind_and_encoded_back() {
        let mut template = Template::new();
        template.push(CKA_TOKEN, &[1]).unwrap();
        template.push(CKA_KEY_TYPE, &CKK_AES.to_ne_bytes()).unwrap();
        template.push(CKA_LABEL, b"key").unwrap();
        template
            .push(CKA_ALLOWED_MECHANISMS, &[CKM_AES_CBC.to_ne_bytes(), CKM_AES_GCM.to_ne_bytes()].concat())
            .unwrap();
        template.push(CKA_START_DATE, b"20261123").unwrap();
        assert_eq!(template.bool(CKA_TOKEN), Some(true));
        assert_eq!(template.ulong(CKA_KEY_TYPE), Some(CKK_AES));
        assert_eq!(template.bytes(CKA_LABEL), Some(&b"key"[..]));
        let list = template.value(CKA_ALLOWED_MECHANISMS).unwrap();
        assert_eq!(*list, Value::Mechanisms(vec![CKM_AES_CBC, CKM_AES_GCM]));
        assert_eq!(encode(list).len(), 16);
        assert_eq!(encode(&Value::Bool(true)).as_ref(), [1]);
        assert_eq!(encode(&Value::Ulong(7)).as_ref(), 7u64.to_ne_bytes());
    }

    #[test]
    fn values_of_another_size_or_form_are_refused() {
        let refused: &[(CK_ATTRIBUTE_TYPE, &[u8])] = &[
            (CKA_TOKEN, &[]),
            (CKA_TOKEN, &[2]),
            (CKA_TOKEN, &[1, 0]),
            (CKA_KEY_TYPE, &[1, 2, 3, 4]),
            (CKA_KEY_TYPE, &[]),
            (CKA_ALLOWED_MECHANISMS, &[0; 9]),
            (CKA_START_DATE, b"2026112"),
            (CKA_START_DATE, b"20261323"),
            (CKA_START_DATE, b"20261100"),
            (CKA_START_DATE, b"2026-1-1"),
            (CKA_WRAP_TEMPLATE, &[0; 24]),
        ];
        for (id, raw) in refused {
            assert_eq!(Template::new().push(*id, raw), Err(Error::AttributeValueInvalid), "{id:#x} {raw:?}");
        }
    }

    #[test]
    fn unknown_and_vendor_attributes_are_refused() {
        assert_eq!(Template::new().push(0x7777, &[1]), Err(Error::AttributeTypeInvalid));
        assert_eq!(Template::new().push(CKA_VENDOR_DEFINED | 5, &[1]), Err(Error::AttributeTypeInvalid));
    }

    #[test]
    fn an_attribute_given_twice_counts_once_unless_the_values_differ() {
        let mut template = Template::new();
        template.push(CKA_LABEL, b"one").unwrap();
        assert_eq!(template.push(CKA_LABEL, b"one"), Ok(()));
        assert_eq!(template.push(CKA_LABEL, b"two"), Err(Error::TemplateInconsistent));
        assert_eq!(template.len(), 1);
    }

    #[test]
    fn key_values_do_not_print() {
        let mut template = Template::new();
        template.push(CKA_VALUE, b"hush").unwrap();
        assert!(!format!("{template:?}").contains("104"), "{template:?}");
    }

    #[test]
    fn big_integers_lose_their_leading_zeros() {
        let mut template = Template::new();
        template.push(CKA_MODULUS, &[0, 0, 0x80, 1]).unwrap();
        assert_eq!(template.bytes(CKA_MODULUS), Some(&[0x80, 1][..]));
    }

    #[test]
    fn templates_within_templates_are_bounded_in_depth() {
        let mut nested = Template::new();
        for _ in 0..MAX_DEPTH {
            let mut outer = Template::new();
            outer.push_template(CKA_WRAP_TEMPLATE, nested).unwrap();
            nested = outer;
        }
        assert_eq!(
            Template::new().push_template(CKA_WRAP_TEMPLATE, nested),
            Err(Error::AttributeValueInvalid)
        );
        assert_eq!(
            Template::new().push_template(CKA_LABEL, Template::new()),
            Err(Error::AttributeValueInvalid)
        );
    }
}
