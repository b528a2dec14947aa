//! Completing a new object: what its template leaves out, and what the library alone tells.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::attribute;
use crate::object::classes::{Initial, Rule, Table};
use crate::object::ec_point;
use crate::object::value::{Attributes, Kind, Value};

use super::create::Origin;
use super::{Creator, Defaults, classified};

/// The object's attributes, complete and consistent. Errors: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT,
/// CKR_ATTRIBUTE_VALUE_INVALID, CKR_WRAPPED_KEY_LEN_RANGE.
pub(super) fn complete(
    table: &'static Table,
    attributes: Attributes,
    origin: Origin,
    creator: &Creator,
) -> Result<Attributes> {
    let mut attributes = tidy(table, attributes)?;
    for rule in table.rules() {
        if rule.footnotes.has(1) && !attributes.contains(rule.id) {
            return Err(Error::TemplateIncomplete);
        }
    }
    lengths(table, &mut attributes, origin)?;
    attributes.add_missing(
        table.rules().filter_map(|rule| Some((rule.id, silent(table, rule, origin, creator.defaults)?))),
    );
    provenance(table, &mut attributes, origin);
    creation_date(table, &mut attributes, creator);
    (table.check)(&attributes).map_err(|error| origin.value_error(error))?;
    check_value(table, &mut attributes, creator)?;
    public_key_info(table, &mut attributes, creator)?;
    attributes.set(CKA_UNIQUE_ID, unique_id());
    Ok(classified(table, attributes))
}

/// A new CKA_UNIQUE_ID: a random UUID, 36 characters.
pub(super) fn unique_id() -> Value {
    Value::Bytes(uuid::Uuid::new_v4().to_string().into_bytes())
}

/// The value that an attribute has when nobody gives one. `None`: the object does without.
fn silent(table: &Table, rule: &Rule, origin: Origin, defaults: Defaults) -> Option<Value> {
    match rule.initial {
        Initial::Absent | Initial::Computed => None,
        Initial::Empty => empty(rule.id),
        Initial::False => Some(Value::Bool(rule.id == CKA_SENSITIVE && defaults == Defaults::Strict)),
        Initial::True | Initial::Sensitive => Some(Value::Bool(true)),
        Initial::Ulong(number) => Some(Value::Ulong(number)),
        Initial::Private => Some(Value::Bool(table.private)),
        Initial::Usage => {
            Some(Value::Bool(defaults == Defaults::Compatible && table.usages.contains(&rule.id)))
        }
        Initial::Extractable => Some(Value::Bool(extractable(origin, defaults))),
    }
}

/// CKA_EXTRACTABLE of a key whose template does not tell: true when unwrapped (section 5.18.4); true when derived,
/// because clients read the agreed secret next; false otherwise.
fn extractable(origin: Origin, defaults: Defaults) -> bool {
    match origin {
        Origin::Created | Origin::Generated(_) => false,
        Origin::Unwrapped => true,
        Origin::Derived(_) => defaults == Defaults::Compatible,
    }
}

/// The empty value of an attribute.
pub(super) fn empty(id: CK_ATTRIBUTE_TYPE) -> Option<Value> {
    match attribute::lookup(id)?.kind {
        Kind::Bytes | Kind::BigInteger | Kind::Text | Kind::Date => Some(Value::Bytes(Vec::new())),
        Kind::Mechanisms => Some(Value::Mechanisms(Vec::new())),
        Kind::Template => Some(Value::Template(Attributes::new())),
        Kind::Bool | Kind::Ulong => None,
    }
}

/// Drops optional parts of keys that are given empty, refuses required ones, and brings EC points into their stored
/// form.
fn tidy(table: &'static Table, attributes: Attributes) -> Result<Attributes> {
    let mut tidy = Attributes::new();
    let is_key = !matches!(table.class, CKO_DATA | CKO_CERTIFICATE | CKO_TRUST);
    for (id, value) in attributes {
        let is_empty = value.as_bytes().is_some_and(<[u8]>::is_empty);
        let footnotes = table.rule(id).map(|rule| rule.footnotes).ok_or(Error::TemplateInconsistent)?;
        match (id, value.as_bytes()) {
            _ if is_key && is_empty && footnotes.has(1) => return Err(Error::AttributeValueInvalid),
            _ if is_key && is_empty && footnotes.has(4) => {}
            (CKA_EC_POINT, Some(point)) => {
                tidy.set(id, Value::Bytes(ec_point::wrapped(table.subtype.unwrap_or(CKK_EC), point)?));
            }
            _ => {
                tidy.set(id, value);
            }
        }
    }
    Ok(tidy)
}

/// Sets the lengths that follow from the values: CKA_VALUE_LEN in bytes, the others in bits. Errors for a value that
/// keys of this type cannot have: `Origin::length_error`; for a length that was given and is another:
/// CKR_WRAPPED_KEY_LEN_RANGE for unwrapped keys (section 5.18.4), else CKR_TEMPLATE_INCONSISTENT.
fn lengths(table: &'static Table, attributes: &mut Attributes, origin: Origin) -> Result<()> {
    let length = attributes.bytes(CKA_VALUE).map_or(0, <[u8]>::len);
    if !table.value_lengths.is_empty() && !table.value_lengths.contains(&length) {
        return Err(origin.length_error());
    }
    let of = |attributes: &Attributes, id| attributes.bytes(id).map(<[u8]>::to_vec);
    for (length, id) in [
        (CKA_VALUE_LEN, CKA_VALUE),
        (CKA_MODULUS_BITS, CKA_MODULUS),
        (CKA_PRIME_BITS, CKA_PRIME),
        (CKA_SUBPRIME_BITS, CKA_SUBPRIME),
        (CKA_VALUE_BITS, CKA_VALUE),
    ] {
        let Some(value) = of(attributes, id).map(zeroize::Zeroizing::new) else { continue };
        if table.rule(length).is_none() {
            continue;
        }
        let actual = if length == CKA_VALUE_LEN { value.len() as u64 } else { bits(&value) };
        match attributes.ulong(length) {
            None => {
                attributes.set(length, Value::Ulong(actual));
            }
            // The private value of a Diffie-Hellman key has at most the bits that were asked for.
            Some(told) if told == actual || (length == CKA_VALUE_BITS && actual <= told) => {}
            Some(_) if matches!(origin, Origin::Unwrapped) => return Err(origin.length_error()),
            Some(_) => return Err(Error::TemplateInconsistent),
        }
    }
    Ok(())
}

/// Bits of an unsigned big-endian integer.
fn bits(integer: &[u8]) -> u64 {
    let mut significant = integer.iter().skip_while(|byte| **byte == 0);
    match significant.next() {
        Some(first) => significant.count() as u64 * 8 + u64::from(8 - first.leading_zeros()),
        None => 0,
    }
}

/// Sets what tells where a key came from: CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALWAYS_SENSITIVE and
/// CKA_NEVER_EXTRACTABLE. Derived keys inherit the last two as far as their own attributes agree (chapter 6, at each
/// derivation mechanism).
fn provenance(table: &'static Table, attributes: &mut Attributes, origin: Origin) {
    let (local, mechanism) = match origin {
        Origin::Generated(mechanism) => (true, mechanism),
        _ => (false, UNAVAILABLE),
    };
    let (always_sensitive, never_extractable) = match origin {
        Origin::Generated(_) => (true, true),
        Origin::Derived(keys) => (keys.past(CKA_ALWAYS_SENSITIVE), keys.past(CKA_NEVER_EXTRACTABLE)),
        Origin::Created | Origin::Unwrapped => (false, false),
    };
    let always_sensitive = always_sensitive && attributes.is_true(CKA_SENSITIVE);
    let never_extractable = never_extractable && !attributes.is_true(CKA_EXTRACTABLE);
    for (id, value) in [
        (CKA_LOCAL, Value::Bool(local)),
        (CKA_KEY_GEN_MECHANISM, Value::Ulong(mechanism)),
        (CKA_ALWAYS_SENSITIVE, Value::Bool(always_sensitive)),
        (CKA_NEVER_EXTRACTABLE, Value::Bool(never_extractable)),
    ] {
        if table.rule(id).is_some() {
            attributes.set(id, value);
        }
    }
}

/// When a key came into this token, or into a copy of its own: CKA_COFFER_CREATION_DATE.
pub(super) fn creation_date(table: &'static Table, attributes: &mut Attributes, creator: &Creator) {
    if table.rule(CKA_COFFER_CREATION_DATE).is_some() {
        attributes.set(CKA_COFFER_CREATION_DATE, Value::Ulong(creator.now));
    }
}

/// CKA_CHECK_VALUE (section 4.11): computed; one that is given must be the right one, and an empty one says that
/// none is wanted.
fn check_value(table: &'static Table, attributes: &mut Attributes, creator: &Creator) -> Result<()> {
    if table.rule(CKA_CHECK_VALUE).is_none() {
        return Ok(());
    }
    let computed = creator.computed.check_value(attributes);
    match (attributes.bytes(CKA_CHECK_VALUE), computed) {
        (Some([]), _) => {
            attributes.remove(CKA_CHECK_VALUE);
        }
        (Some(given), Some(computed)) if given != computed => return Err(Error::AttributeValueInvalid),
        // Without a value of its own Coffer "should ignore" the one that is given.
        (Some(_), None) => {
            attributes.remove(CKA_CHECK_VALUE);
        }
        (None, Some(computed)) => {
            attributes.set(CKA_CHECK_VALUE, Value::Bytes(computed));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    Ok(())
}

/// CKA_PUBLIC_KEY_INFO (sections 4.6 to 4.10): computed where nothing is given; one that is given with a key must be
/// the right one. Private keys for which it cannot be told refuse it: CKR_ATTRIBUTE_TYPE_INVALID.
pub(super) fn public_key_info(
    table: &'static Table,
    attributes: &mut Attributes,
    creator: &Creator,
) -> Result<()> {
    if table.rule(CKA_PUBLIC_KEY_INFO).is_none() {
        return Ok(());
    }
    let computed = creator.computed.public_key_info(attributes);
    match (attributes.bytes(CKA_PUBLIC_KEY_INFO), computed) {
        (None | Some([]), computed) => {
            attributes.set(CKA_PUBLIC_KEY_INFO, Value::Bytes(computed.unwrap_or_default()));
        }
        (Some(_), _) if table.class == CKO_CERTIFICATE => {}
        (Some(given), Some(computed)) if given != computed => return Err(Error::AttributeValueInvalid),
        (Some(_), None) if table.class == CKO_PRIVATE_KEY => return Err(Error::AttributeTypeInvalid),
        (Some(_), _) => {}
    }
    Ok(())
}
