//! Each footnote of each attribute of each table is kept: the same promises for every row.

use crate::object::attribute;
use crate::object::classes::{Rule, tables};

use super::*;

/// A value that the attribute can have in the table's objects.
fn sample(table: &Table, id: CK_ATTRIBUTE_TYPE) -> Value {
    use crate::object::Kind;
    let length = table.value_lengths.first().copied().unwrap_or(32);
    match (id, attribute::lookup(id).unwrap().kind) {
        (CKA_CLASS, _) => Value::Ulong(table.class),
        (CKA_KEY_TYPE | CKA_CERTIFICATE_TYPE, _) => Value::Ulong(table.subtype.unwrap_or(0)),
        // Of odd parity, as DES keys are, and with two halves that differ, as those of XTS keys do.
        (CKA_VALUE, _) => bytes(&[&vec![1; length - 1][..], &[2]].concat()),
        (CKA_EC_POINT, _) if table.subtype == Some(CKK_EC) => bytes(&[4; 65]),
        (CKA_EC_POINT, _) => bytes(&[9; 32]),
        (CKA_VALUE_LEN, _) => Value::Ulong(length as u64),
        (_, Kind::Bool) => YES,
        (_, Kind::Ulong) => Value::Ulong(1),
        (_, Kind::Date) => bytes(b"20261123"),
        (_, Kind::Mechanisms) => Value::Mechanisms(vec![CKM_AES_CBC]),
        (_, Kind::Template) => Value::Template(Attributes::new()),
        (_, Kind::Bytes | Kind::BigInteger | Kind::Text) => bytes(&[1; 32]),
    }
}

/// The attributes with footnote 1, and CKA_SEED where a key needs that or CKA_VALUE.
fn smallest(table: &'static Table) -> Attributes {
    let required = table.rules().filter(|rule| rule.footnotes.has(1) || rule.id == CKA_SEED);
    required.map(|rule| (rule.id, sample(table, rule.id))).collect()
}

fn with_one(mut attributes: Attributes, id: CK_ATTRIBUTE_TYPE, value: Value) -> Template {
    attributes.set(id, value);
    Template::from(attributes)
}

/// Calls `promise` for each table and each of its rules that has the footnote.
fn for_each(footnote: u8, promise: impl Fn(&'static Table, &'static Rule, &str)) {
    let mut kept = 0;
    for table in tables() {
        for rule in table.rules().filter(|rule| rule.footnotes.has(footnote)) {
            let name = attribute::lookup(rule.id).unwrap().name;
            promise(table, rule, &format!("{name}, class {}, type {:?}", table.class, table.subtype));
            kept += 1;
        }
    }
    assert!(kept > 0);
}

fn object(table: &'static Table, more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Object {
    let mut attributes = smallest(table);
    for (id, value) in more {
        attributes.set(*id, value.clone());
    }
    Object::new(create(&Template::from(attributes), &OFFICER).unwrap())
}

fn is_key(table: &Table) -> bool {
    matches!(table.class, CKO_PUBLIC_KEY | CKO_PRIVATE_KEY | CKO_SECRET_KEY)
}

#[test]
fn footnote_1_must_be_specified_with_create_object() {
    for table in tables() {
        assert!(
            create(&Template::from(smallest(table)), &USER).is_ok(),
            "{} {:?}",
            table.class,
            table.subtype
        );
    }
    for_each(1, |table, rule, place| {
        let mut attributes = smallest(table);
        attributes.remove(rule.id);
        assert_eq!(create(&Template::from(attributes), &USER), Err(Error::TemplateIncomplete), "{place}");
    });
}

#[test]
fn footnote_2_must_not_be_specified_with_create_object() {
    for_each(2, |table, rule, place| {
        let template = with_one(smallest(table), rule.id, sample(table, rule.id));
        assert_eq!(create(&template, &USER), Err(Error::AttributeReadOnly), "{place}");
    });
}

#[test]
fn footnote_3_must_be_specified_with_generate_key() {
    for_each(3, |table, rule, place| {
        let own = table.rules().filter(|rule| rule.footnotes.has(3));
        let mut asked: Attributes = own.map(|rule| (rule.id, sample(table, rule.id))).collect();
        asked.remove(rule.id);
        let generated =
            generate(table.class, table.subtype, &Template::from(asked), Attributes::new(), 1, &USER);
        assert_eq!(generated, Err(Error::TemplateIncomplete), "{place}");
    });
}

#[test]
fn footnote_4_must_not_be_specified_with_generate_key() {
    for_each(4, |table, rule, place| {
        let template = with_one(Attributes::new(), rule.id, sample(table, rule.id));
        let checked = check_generate(table.class, table.subtype, &template, &USER);
        assert_eq!(checked, Err(Error::AttributeReadOnly), "{place}");
    });
}

#[test]
fn footnote_5_must_be_specified_with_unwrap_key() {
    for_each(5, |table, rule, place| {
        let mut material = smallest(table);
        assert!(material.remove(rule.id).is_some());
        assert_eq!(
            unwrap(&Template::new(), material, None, &USER),
            Err(Error::TemplateIncomplete),
            "{place}"
        );
    });
}

#[test]
fn footnote_6_must_not_be_specified_with_unwrap_key() {
    for_each(6, |table, rule, place| {
        if is_key(table) {
            let asked = Attributes::from_iter([(CKA_KEY_TYPE, sample(table, CKA_KEY_TYPE))]);
            let template = with_one(asked, rule.id, sample(table, rule.id));
            let unwrapped = unwrap(&template, smallest(table), None, &USER);
            assert_eq!(unwrapped, Err(Error::AttributeReadOnly), "{place}");
        }
    });
}

#[test]
fn footnote_7_is_not_revealed_by_sensitive_or_unextractable_keys() {
    for_each(7, |table, rule, place| {
        for (sensitive, extractable) in [(true, true), (false, false), (true, false)] {
            let key = object(
                table,
                &[
                    (rule.id, sample(table, rule.id)),
                    (CKA_SENSITIVE, Value::Bool(sensitive)),
                    (CKA_EXTRACTABLE, Value::Bool(extractable)),
                ],
            );
            assert_eq!(reveal(&key, rule.id), Err(Error::AttributeSensitive), "{place}");
        }
        let open = [(rule.id, sample(table, rule.id)), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
        assert!(reveal(&object(table, &open), rule.id).is_ok(), "{place}");
    });
}

#[test]
fn footnote_8_may_be_modified_and_others_may_not() {
    for table in tables() {
        for rule in table.rules() {
            let latches = rule.footnotes.has(11) || rule.footnotes.has(12);
            if latches || rule.footnotes.has(10) || matches!(rule.id, CKA_PUBLIC_KEY_INFO) {
                continue;
            }
            let result = set(&object(table, &[]), &template(&[(rule.id, sample(table, rule.id))]), &USER);
            let place = format!("{:#x}, class {}, type {:?}", rule.id, table.class, table.subtype);
            match rule.id {
                _ if rule.footnotes.has(8) => assert!(result.is_ok(), "{place}: {result:?}"),
                CKA_CHECK_VALUE => assert_eq!(result, Err(Error::AttributeValueInvalid), "{place}"),
                _ => assert_eq!(result, Err(Error::AttributeReadOnly), "{place}"),
            }
        }
    }
}

#[test]
fn footnote_10_is_set_to_true_by_the_security_officer_alone() {
    for_each(10, |table, rule, place| {
        let trusted = with_one(smallest(table), rule.id, YES);
        assert_eq!(create(&trusted, &USER), Err(Error::AttributeReadOnly), "{place}");
        assert!(create(&trusted, &OFFICER).is_ok(), "{place}");
        let change = template(&[(rule.id, YES)]);
        assert_eq!(set(&object(table, &[]), &change, &USER), Err(Error::AttributeReadOnly), "{place}");
        assert!(set(&object(table, &[]), &change, &OFFICER).is_ok(), "{place}");
    });
}

#[test]
fn footnotes_11_and_12_turn_one_way_only() {
    for (footnote, end) in [(11, true), (12, false)] {
        for_each(footnote, |table, rule, place| {
            if rule.id == CKA_OBJECT_VALIDATION_FLAGS {
                return; // not a boolean, and the library's alone
            }
            let turned = Object::new(
                set(
                    &object(table, &[(rule.id, Value::Bool(!end))]),
                    &template(&[(rule.id, Value::Bool(end))]),
                    &USER,
                )
                .unwrap(),
            );
            let back = template(&[(rule.id, Value::Bool(!end))]);
            assert_eq!(set(&turned, &back, &USER), Err(Error::AttributeReadOnly), "{place}");
        });
    }
}

#[test]
fn an_attribute_without_a_row_is_neither_taken_nor_shown() {
    for table in tables() {
        for info in attribute::all().iter().filter(|info| table.rule(info.id).is_none()) {
            let place = format!("{}, class {}, type {:?}", info.name, table.class, table.subtype);
            let given = with_one(smallest(table), info.id, sample(table, info.id));
            assert_eq!(create(&given, &USER), Err(Error::TemplateInconsistent), "{place}");
            assert_eq!(reveal(&object(table, &[]), info.id), Err(Error::AttributeTypeInvalid), "{place}");
        }
    }
}
