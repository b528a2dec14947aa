//! Reading attributes (C_GetAttributeValue, section 5.7).

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
    if is_sensitive(object, id) {
        return Err(Error::AttributeSensitive);
    }
    if attribute::lookup(id).is_none() {
        return Err(Error::AttributeTypeInvalid);
    }
    if let Some(value) = object.attributes().value(id) {
        return Ok(value.clone());
    }
    let rule = classes::table_of(object.attributes()).ok().and_then(|table| table.rule(id));
    let rule = rule.ok_or(Error::AttributeTypeInvalid)?;
    if rule.footnotes.has(7)
        && let Some(value) = object.secrets()?.value(id)
    {
        return Ok(value.clone());
    }
    // Objects stored by an older version lack attributes that came later.
    match rule.initial {
        Initial::Empty => initial::empty(id).ok_or(Error::AttributeTypeInvalid),
        Initial::False => Ok(Value::Bool(false)),
        Initial::True => Ok(Value::Bool(true)),
        Initial::Ulong(number) => Ok(Value::Ulong(number)),
        _ => Err(Error::AttributeTypeInvalid),
    }
}

/// True where the object hides the attribute: footnote 7, in a key that is sensitive or not extractable.
pub fn is_sensitive(object: &Object, id: CK_ATTRIBUTE_TYPE) -> bool {
    let hides = object.is_true(CKA_SENSITIVE) || !object.is_true(CKA_EXTRACTABLE);
    match classes::table_of(object.attributes()).ok().map(|table| table.rule(id)) {
        Some(Some(rule)) => rule.footnotes.has(7) && hides,
        Some(None) => false,
        // An object of an unknown class hides whatever may be a secret.
        None => attribute::lookup(id).is_some_and(|info| info.may_be_secret),
    }
}
