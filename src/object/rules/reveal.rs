//! Reading attributes (C_GetAttributeValue, section 5.7).

use std::borrow::Cow;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Object;
use crate::object::attribute;
use crate::object::classes::{self, Initial};
use crate::object::value::Value;

use super::initial;

/// The value of one attribute for the application. Errors: CKR_ATTRIBUTE_SENSITIVE for one that the object hides,
/// CKR_ATTRIBUTE_TYPE_INVALID for one that the object does not have; whatever opening the secrets meets.
pub fn reveal(object: &Object, id: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    shown(object, id).map(Cow::into_owned)
}

/// The same without a copy where the object holds the value.
pub(in crate::object) fn shown(object: &Object, id: CK_ATTRIBUTE_TYPE) -> Result<Cow<'_, Value>> {
    let info = attribute::lookup(id).ok_or(Error::AttributeTypeInvalid)?;
    if info.may_be_secret && is_sensitive(object, id) {
        return Err(Error::AttributeSensitive);
    }
    if let Some(value) = object.attributes().value(id) {
        return Ok(Cow::Borrowed(value));
    }
    let rule = classes::table_of(object.attributes()).ok().and_then(|table| table.rule(id));
    let rule = rule.ok_or(Error::AttributeTypeInvalid)?;
    if rule.footnotes.has(7)
        && let Some(value) = object.secrets()?.value(id)
    {
        return Ok(Cow::Borrowed(value));
    }
    // Objects stored by an older version lack attributes that came later.
    let value = match rule.initial {
        Initial::Empty => initial::empty(id),
        Initial::False => Some(Value::Bool(false)),
        Initial::True => Some(Value::Bool(true)),
        Initial::Ulong(number) => Some(Value::Ulong(number)),
        _ => None,
    };
    value.map(Cow::Owned).ok_or(Error::AttributeTypeInvalid)
}

/// True where the object hides the attribute: footnote 7, in a key that is sensitive or not extractable.
pub fn is_sensitive(object: &Object, id: CK_ATTRIBUTE_TYPE) -> bool {
    match classes::table_of(object.attributes()) {
        Ok(table) => {
            let hides = object.is_true(CKA_SENSITIVE) || !object.is_true(CKA_EXTRACTABLE);
            hides && table.rule(id).is_some_and(|rule| rule.footnotes.has(7))
        }
        // An object of an unknown class hides whatever may be a secret.
        Err(_) => attribute::lookup(id).is_some_and(|info| info.may_be_secret),
    }
}
