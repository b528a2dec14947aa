//! Changing and copying objects (sections 4.1.2 and 4.1.3).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Object;
use crate::object::classes::{self, Rule};
use crate::object::template::Template;
use crate::object::value::{Attributes, Value};

use super::{Creator, classified, initial, same};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Set,
    Copy,
}

/// All attributes of the object, secret ones among them, after C_SetAttributeValue: every attribute of the template
/// is set, or none. Errors: CKR_ACTION_PROHIBITED for an object that is not modifiable or a certificate that is
/// trusted, CKR_ATTRIBUTE_READ_ONLY (also for a new use of a key that the SO trusts), and those of section 4.1.1 but
/// CKR_TEMPLATE_INCOMPLETE.
pub fn set(object: &Object, template: &Template, creator: &Creator) -> Result<Attributes> {
    let trusted_certificate = object.class() == CKO_CERTIFICATE && object.is_true(CKA_TRUSTED);
    let fixed = object.attributes().value(CKA_MODIFIABLE).and_then(Value::as_bool) == Some(false);
    if fixed || (trusted_certificate && !creator.security_officer) {
        return Err(Error::ActionProhibited);
    }
    let attributes = changed(object, template, Change::Set, creator)?;
    // What may be wrapped under a trusted key must not come out by another use of it.
    let gains_use = USES.iter().any(|id| !object.is_true(*id) && attributes.is_true(*id));
    if object.is_true(CKA_TRUSTED) && !creator.security_officer && gains_use {
        return Err(Error::AttributeReadOnly);
    }
    Ok(attributes)
}

/// What a key can be used for.
pub const USES: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_VERIFY,
    CKA_VERIFY_RECOVER,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_DERIVE,
    CKA_ENCAPSULATE,
    CKA_DECAPSULATE,
];

/// All attributes of a copy of the object, secret ones among them (C_CopyObject). It has a new CKA_UNIQUE_ID, and is
/// trusted only if the SO makes it. Errors: CKR_ACTION_PROHIBITED for an object that is not copyable and for a
/// key with a limit of its uses, else as `set`;
/// a private object has no public copies (CKR_TEMPLATE_INCONSISTENT).
pub fn copy(object: &Object, template: &Template, creator: &Creator) -> Result<Attributes> {
    if object.attributes().value(CKA_COPYABLE).and_then(Value::as_bool) == Some(false) {
        return Err(Error::ActionProhibited);
    }
    // Each copy would have the uses of the original once more.
    if object.is_limited() {
        return Err(Error::ActionProhibited);
    }
    let mut attributes = changed(object, template, Change::Copy, creator)?;
    for id in NOT_COPIED {
        attributes.remove(*id);
    }
    if attributes.contains(CKA_TRUSTED) && !creator.security_officer {
        attributes.set(CKA_TRUSTED, Value::Bool(false));
    }
    attributes.set(CKA_UNIQUE_ID, initial::unique_id());
    if let Ok(table) = classes::table_of(&attributes) {
        initial::creation_date(table, &mut attributes, creator);
    }
    Ok(attributes)
}

/// What is told of one key and not of its copy. State, dates and their reason stay: they are of the key's value, and a
/// copy must be no way around them.
const NOT_COPIED: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_COFFER_VERSION,
    CKA_COFFER_PREDECESSOR,
    CKA_COFFER_SUCCESSOR,
    CKA_COFFER_LAST_USED,
    CKA_COFFER_COPIES,
    CKA_COFFER_EXCEPTION_UNTIL,
];

fn changed(object: &Object, template: &Template, change: Change, creator: &Creator) -> Result<Attributes> {
    let table = classes::table_of(object.attributes()).map_err(|_| Error::GeneralError)?;
    let mut attributes = object.attributes().clone();
    for (id, value) in object.secrets()?.iter() {
        attributes.set(id, value.clone());
    }
    for (id, value) in template.iter() {
        let rule = table.rule(id).ok_or(Error::TemplateInconsistent)?;
        permit(rule, attributes.value(id), value, change, creator)?;
        match (id, value.as_bytes()) {
            (CKA_CHECK_VALUE, Some([])) => {
                attributes.remove(id);
            }
            _ => {
                attributes.set(id, value.clone());
            }
        }
    }
    if template.contains(CKA_PUBLIC_KEY_INFO) {
        initial::public_key_info(table, &mut attributes, creator)?;
    }
    (table.check)(&attributes)?;
    Ok(classified(table, attributes))
}

/// Decides whether one attribute may go from `held` to `new`.
fn permit(rule: &Rule, held: Option<&Value>, new: &Value, change: Change, creator: &Creator) -> Result<()> {
    let unchanged = held.is_some_and(|held| same(held, new));
    let held = held.and_then(Value::as_bool);
    match rule.id {
        CKA_UNIQUE_ID => return Err(Error::AttributeReadOnly),
        CKA_CHECK_VALUE => return check_value(unchanged, new),
        CKA_PRIVATE if change == Change::Copy && held == Some(true) && new.as_bool() == Some(false) => {
            return Err(Error::TemplateInconsistent);
        }
        CKA_TOKEN | CKA_PRIVATE | CKA_MODIFIABLE | CKA_DESTROYABLE if change == Change::Copy => return Ok(()),
        _ => {}
    }
    let latch = |footnote, at| rule.footnotes.has(footnote) && held.is_some() && held == Some(at);
    let footnotes = rule.footnotes;
    let permitted = match () {
        // Once true (11) or once false (12) the attribute is read-only.
        () if latch(11, true) || latch(12, false) => unchanged,
        // The SO may both give and take trust.
        () if footnotes.has(10) => creator.security_officer || (change == Change::Copy && !is_true(new)),
        // Footnotes 11 and 12 speak of changes: they permit the one that tightens.
        () if footnotes.has(8) || footnotes.has(11) || (footnotes.has(12) && held.is_some()) => true,
        () => unchanged && change == Change::Copy,
    };
    if permitted { Ok(()) } else { Err(Error::AttributeReadOnly) }
}

/// CKA_CHECK_VALUE can be given as it is, or destroyed "by supplying no-value" (section 4.11).
fn check_value(unchanged: bool, new: &Value) -> Result<()> {
    match unchanged || new.as_bytes().is_some_and(<[u8]>::is_empty) {
        true => Ok(()),
        false => Err(Error::AttributeValueInvalid),
    }
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
}
