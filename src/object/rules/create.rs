//! Making objects: C_CreateObject, C_GenerateKey, C_GenerateKeyPair, C_UnwrapKey and C_DeriveKey (section 4.1.1).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::classes::{self, Rule, Table};
use crate::object::template::{Template, canonical};
use crate::object::value::{Attributes, Value};

use super::inherit::Parents;
use super::{Creator, initial, same};

/// How an object comes to be.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    Created,
    Generated(CK_MECHANISM_TYPE),
    Unwrapped,
    /// From these keys.
    Derived(Parents<'a>),
}

impl Origin<'_> {
    /// The footnote that forbids templates to give an attribute. Derived keys follow the one for unwrapped keys:
    /// in both cases the operation tells the key's value.
    fn forbidden(self) -> u8 {
        match self {
            Origin::Created => 2,
            Origin::Generated(_) => 4,
            Origin::Unwrapped | Origin::Derived(_) => 6,
        }
    }

    /// The footnote that wants templates to give an attribute, beyond footnote 1.
    fn required(self) -> Option<u8> {
        match self {
            Origin::Generated(_) => Some(3),
            Origin::Unwrapped => Some(5),
            Origin::Created | Origin::Derived(_) => None,
        }
    }

    /// The error for a key value of a length that its type cannot have.
    pub(super) fn length_error(self) -> Error {
        match self {
            Origin::Created | Origin::Generated(_) => Error::AttributeValueInvalid,
            Origin::Unwrapped => Error::WrappedKeyLenRange,
            Origin::Derived(_) => Error::TemplateInconsistent,
        }
    }

    /// The error for values that do not go together; the value of an unwrapped key is the wrapped data's fault.
    pub(super) fn value_error(self, error: Error) -> Error {
        match (self, error) {
            (Origin::Unwrapped, Error::AttributeValueInvalid) => Error::WrappedKeyInvalid,
            _ => error,
        }
    }
}

/// The attributes of a new object from a template alone (C_CreateObject). Errors: section 4.1.1.
pub fn create(template: &Template, creator: &Creator) -> Result<Attributes> {
    let table = classes::table_of(template.attributes())?;
    check_given(table, template.attributes(), Origin::Created, creator)?;
    initial::complete(table, template.attributes().clone(), Origin::Created, creator)
}

/// Checks the template of a key before the key is generated, which may take seconds. Errors as `generate`, but for
/// what only the generated attributes can show.
pub fn check_generate(
    class: CK_OBJECT_CLASS,
    key_type: Option<CK_KEY_TYPE>,
    template: &Template,
    creator: &Creator,
) -> Result<()> {
    let table = classes::find(class, key_type).ok_or(Error::TemplateInconsistent)?;
    check_given(table, template.attributes(), Origin::Generated(UNAVAILABLE), creator)?;
    merged(template.attributes(), identity(class, key_type), Error::TemplateInconsistent).map(|_| ())
}

/// The attributes of a generated secret key, of one half of a key pair, or of domain parameters. `generated` is what
/// the mechanism contributes. Errors: section 4.1.1.
pub fn generate(
    class: CK_OBJECT_CLASS,
    key_type: Option<CK_KEY_TYPE>,
    template: &Template,
    generated: Attributes,
    mechanism: CK_MECHANISM_TYPE,
    creator: &Creator,
) -> Result<Attributes> {
    let origin = Origin::Generated(mechanism);
    let table = classes::find(class, key_type).ok_or(Error::TemplateInconsistent)?;
    let material = with(generated, identity(class, key_type));
    check_given(table, template.attributes(), origin, creator)?;
    check_required(table, template.attributes(), &material, origin)?;
    let attributes = merged(template.attributes(), known(table, material), Error::TemplateInconsistent)?;
    initial::complete(table, attributes, origin, creator)
}

/// The attributes of an unwrapped key. `material` is what the wrapped data tells: class, key type and values;
/// `unwrap_template` is CKA_UNWRAP_TEMPLATE of the unwrapping key, which the caller's template may not contradict.
/// Errors: sections 4.1.1 and 5.18.4, among them CKR_WRAPPED_KEY_LEN_RANGE for another CKA_VALUE_LEN.
pub fn unwrap(
    template: &Template,
    material: Attributes,
    unwrap_template: Option<&Attributes>,
    creator: &Creator,
) -> Result<Attributes> {
    let mut given = with_key_templates(template, unwrap_template)?;
    let all = merged(&given, material.clone(), Error::TemplateInconsistent)?;
    let table = classes::table_of(&all)?;
    needless_length(table, &mut given, &material, Origin::Unwrapped)?;
    check_given(table, &given, Origin::Unwrapped, creator)?;
    check_required(table, &given, &Attributes::new(), Origin::Unwrapped)?;
    let attributes = merged(&given, known(table, material), Error::TemplateInconsistent)?;
    initial::complete(table, attributes, Origin::Unwrapped, creator)
}

/// The attributes of a derived key or data object. `material` is what the mechanism contributes; class and key type
/// are the template's where it tells them, else the mechanism's, else a generic secret key. CKA_DERIVE_TEMPLATE of the
/// keys that it comes from may not be contradicted. Errors: section 4.1.1.
pub fn derive(
    template: &Template,
    mut material: Attributes,
    parents: Parents,
    creator: &Creator,
) -> Result<Attributes> {
    let origin = Origin::Derived(parents);
    let mut given = with_key_templates(template, parents.templates())?;
    for id in [CKA_CLASS, CKA_KEY_TYPE] {
        if given.contains(id) {
            material.remove(id);
        }
    }
    let mut all = with(material.clone(), given.clone());
    if !all.contains(CKA_CLASS) {
        material.set(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY));
        all.set(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY));
    }
    if all.ulong(CKA_CLASS) == Some(CKO_SECRET_KEY) && !all.contains(CKA_KEY_TYPE) {
        material.set(CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET));
        all.set(CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET));
    }
    let table = classes::table_of(&all)?;
    needless_length(table, &mut given, &material, origin)?;
    check_given(table, &given, origin, creator)?;
    let mut attributes = merged(&given, known(table, material), Error::TemplateInconsistent)?;
    parents.decide(table, &mut attributes)?;
    initial::complete(table, attributes, origin, creator)
}

/// The bytes that a template asks for: CKA_VALUE_LEN, or the length of its key type where that has only one. `None`
/// where it tells neither. Errors: CKR_ATTRIBUTE_VALUE_INVALID.
pub fn value_len(template: &Attributes) -> Result<Option<usize>> {
    if let Some(length) = template.ulong(CKA_VALUE_LEN) {
        return usize::try_from(length).map(Some).map_err(|_| Error::AttributeValueInvalid);
    }
    let key_type = template.ulong(CKA_KEY_TYPE);
    Ok(match classes::find(CKO_SECRET_KEY, key_type).map(|table| table.value_lengths) {
        Some([length]) => Some(*length),
        _ => None,
    })
}

/// Checks each attribute that the caller gives. Errors: CKR_TEMPLATE_INCONSISTENT for an attribute of other classes
/// or types (the standard's own example), CKR_ATTRIBUTE_READ_ONLY for one that only the library or only the SO may
/// set.
fn check_given(table: &'static Table, given: &Attributes, origin: Origin, creator: &Creator) -> Result<()> {
    if given.contains(CKA_UNIQUE_ID) {
        return Err(Error::AttributeReadOnly);
    }
    for (id, value) in given.iter() {
        let rule = table.rule(id).ok_or(Error::TemplateInconsistent)?;
        let of_the_officer =
            rule.footnotes.has(10) && value.as_bool() == Some(true) && !creator.security_officer;
        if rule.footnotes.has(origin.forbidden()) || of_the_officer {
            return Err(Error::AttributeReadOnly);
        }
    }
    Ok(())
}

/// Takes CKA_VALUE_LEN out of a template for keys whose type tells their length, and for derived data: the template
/// "MAY specify" it, but it must be the right one (section 5.18.4), and the object has no such attribute.
fn needless_length(
    table: &'static Table,
    given: &mut Attributes,
    material: &Attributes,
    origin: Origin,
) -> Result<()> {
    if !matches!(table.class, CKO_SECRET_KEY | CKO_DATA) || table.rule(CKA_VALUE_LEN).is_some() {
        return Ok(());
    }
    let actual = material.bytes(CKA_VALUE).map_or(0, <[u8]>::len);
    match given.remove(CKA_VALUE_LEN).and_then(|told| told.as_ulong()) {
        Some(told) if told != actual as u64 => Err(origin.length_error()),
        _ => Ok(()),
    }
}

/// Checks that nothing is missing that the caller (or, where it can, the operation) must tell.
fn check_required(
    table: &'static Table,
    given: &Attributes,
    material: &Attributes,
    origin: Origin,
) -> Result<()> {
    let required = |rule: &&Rule| origin.required().is_some_and(|footnote| rule.footnotes.has(footnote));
    match table.rules().filter(required).all(|rule| given.contains(rule.id) || material.contains(rule.id)) {
        true => Ok(()),
        false => Err(Error::TemplateIncomplete),
    }
}

/// The template together with the keys' own templates for new keys; a conflict is CKR_TEMPLATE_INCONSISTENT, a length
/// among them.
fn with_key_templates<'a>(
    template: &Template,
    of_the_keys: impl IntoIterator<Item = &'a Attributes>,
) -> Result<Attributes> {
    of_the_keys.into_iter().try_fold(template.attributes().clone(), |given, of_the_key| {
        match (given.ulong(CKA_VALUE_LEN), of_the_key.ulong(CKA_VALUE_LEN)) {
            (Some(asked), Some(wanted)) if asked != wanted => return Err(Error::TemplateInconsistent),
            _ => {}
        }
        merged(&given, of_the_key.clone(), Error::TemplateInconsistent)
    })
}

fn identity(class: CK_OBJECT_CLASS, key_type: Option<CK_KEY_TYPE>) -> Attributes {
    let key_type = key_type.map(|key_type| (CKA_KEY_TYPE, Value::Ulong(key_type)));
    [(CKA_CLASS, Value::Ulong(class))].into_iter().chain(key_type).collect()
}

/// `base` with everything of `more`, which wins.
fn with(mut base: Attributes, more: Attributes) -> Attributes {
    for (id, value) in more {
        base.set(id, value);
    }
    base
}

/// What the operation contributes, as far as such objects have it: "extra attributes are likely to be thrown away"
/// (section 6.1.3). Big integers get the form that templates give them.
fn known(table: &'static Table, material: Attributes) -> Attributes {
    let known = material.into_iter().filter(|(id, _)| table.rule(*id).is_some());
    known.map(|(id, value)| (id, canonical(id, value))).collect()
}

/// Both together; `conflict` where they give one attribute different values. CKA_VALUE_LEN is compared later, with
/// the value itself.
fn merged(given: &Attributes, more: Attributes, conflict: Error) -> Result<Attributes> {
    let mut all = given.clone();
    for (id, value) in more {
        match given.value(id) {
            Some(held) if id != CKA_VALUE_LEN && !same(held, &value) => return Err(conflict),
            Some(_) => {}
            None => {
                all.set(id, value);
            }
        }
    }
    Ok(all)
}
