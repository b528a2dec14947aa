//! The value of an attribute, typed.

use serde::{Deserialize, Serialize};

use crate::ck::*;
use crate::secret::Secret;

/// How an attribute's value is laid out at the C boundary (PKCS#11 section 3.4 and chapter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// CK_BBOOL, one byte: CK_TRUE or CK_FALSE.
    Bool,
    /// CK_ULONG and its aliases, eight bytes in the host's order.
    Ulong,
    /// Bytes of any length.
    Bytes,
    /// An unsigned integer, most significant byte first.
    BigInteger,
    /// RFC 2279 text without a terminating zero.
    Text,
    /// CK_DATE, eight characters `YYYYMMDD`, or empty.
    Date,
    /// An array of CK_MECHANISM_TYPE.
    Mechanisms,
    /// An array of CK_ATTRIBUTE.
    Template,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Bool(bool),
    Ulong(u64),
    /// Bytes, BigInteger, Text and Date.
    Bytes(Vec<u8>),
    /// Bytes that are sealed apart and wiped: key values and the private parts of key pairs.
    Secret(Secret),
    Mechanisms(Vec<CK_MECHANISM_TYPE>),
    Template(Attributes),
}

impl Value {
    /// The bytes of Bytes and Secret values.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Secret(secret) => Some(secret.as_bytes()),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_ulong(&self) -> Option<u64> {
        match self {
            Value::Ulong(value) => Some(*value),
            _ => None,
        }
    }
}

/// Attributes by type, each at most once, in ascending order of their type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes(Vec<(CK_ATTRIBUTE_TYPE, Value)>);

impl Attributes {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn value(&self, attribute: CK_ATTRIBUTE_TYPE) -> Option<&Value> {
        let index = self.position(attribute).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// True where the attribute is present and CK_TRUE.
    pub fn is_true(&self, attribute: CK_ATTRIBUTE_TYPE) -> bool {
        self.value(attribute).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn ulong(&self, attribute: CK_ATTRIBUTE_TYPE) -> Option<u64> {
        self.value(attribute).and_then(Value::as_ulong)
    }

    pub fn bytes(&self, attribute: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.value(attribute).and_then(Value::as_bytes)
    }

    pub fn contains(&self, attribute: CK_ATTRIBUTE_TYPE) -> bool {
        self.position(attribute).is_ok()
    }

    /// Sets the attribute; answers what stood there before.
    pub fn set(&mut self, attribute: CK_ATTRIBUTE_TYPE, value: Value) -> Option<Value> {
        // Most come in their order.
        if self.0.last().is_none_or(|(last, _)| *last < attribute) {
            self.0.push((attribute, value));
            return None;
        }
        match self.position(attribute) {
            Ok(index) => self.0.get_mut(index).map(|(_, held)| std::mem::replace(held, value)),
            Err(index) => {
                self.0.insert(index, (attribute, value));
                None
            }
        }
    }

    /// Adds those of these attributes that are absent, none of which may come twice.
    pub fn add_missing(&mut self, entries: impl Iterator<Item = (CK_ATTRIBUTE_TYPE, Value)>) {
        let mut missing: Vec<_> = entries.filter(|(attribute, _)| !self.contains(*attribute)).collect();
        self.0.append(&mut missing);
        self.0.sort_unstable_by_key(|(attribute, _)| *attribute);
    }

    pub fn remove(&mut self, attribute: CK_ATTRIBUTE_TYPE) -> Option<Value> {
        self.position(attribute).ok().map(|index| self.0.remove(index).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (CK_ATTRIBUTE_TYPE, &Value)> {
        self.0.iter().map(|(attribute, value)| (*attribute, value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, attribute: CK_ATTRIBUTE_TYPE) -> std::result::Result<usize, usize> {
        self.0.binary_search_by_key(&attribute, |(held, _)| *held)
    }
}

impl FromIterator<(CK_ATTRIBUTE_TYPE, Value)> for Attributes {
    /// Of several values of one attribute the last one counts.
    fn from_iter<I: IntoIterator<Item = (CK_ATTRIBUTE_TYPE, Value)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            entries.sort_by_key(|(attribute, _)| *attribute);
            entries.dedup_by(|(later, value), (kept, held)| {
                let same = later == kept;
                if same {
                    std::mem::swap(value, held);
                }
                same
            });
        }
        Self(entries)
    }
}

impl IntoIterator for Attributes {
    type Item = (CK_ATTRIBUTE_TYPE, Value);
    type IntoIter = std::vec::IntoIter<(CK_ATTRIBUTE_TYPE, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_stand_in_the_order_of_their_types_each_once() {
        let number = Value::Ulong;
        let in_order = [(1, number(1)), (2, number(2)), (5, number(5))];
        let mixed = [(5, number(0)), (2, number(2)), (5, number(4)), (1, number(1)), (5, number(5))];
        let attributes = Attributes::from_iter(mixed);
        assert_eq!(attributes, Attributes::from_iter(in_order.clone()));
        assert_eq!(attributes.iter().count(), 3);
        let mut completed = Attributes::from_iter([(2, number(2))]);
        completed.add_missing([(5, number(5)), (2, number(9)), (1, number(1))].into_iter());
        assert_eq!(completed, attributes);
        assert_eq!((completed.set(5, number(6)), completed.set(4, number(4))), (Some(number(5)), None));
        assert_eq!(completed.iter().map(|(id, _)| id).collect::<Vec<_>>(), [1, 2, 4, 5]);
    }
}
