//! What C_SetAttributeValue and C_CopyObject change and refuse.

use super::*;

fn set_one(object: &Object, id: CK_ATTRIBUTE_TYPE, value: Value, creator: &Creator) -> Result<Attributes> {
    set(object, &template(&[(id, value)]), creator)
}

fn copy_one(object: &Object, id: CK_ATTRIBUTE_TYPE, value: Value, creator: &Creator) -> Result<Attributes> {
    copy(object, &template(&[(id, value)]), creator)
}

#[test]
fn attributes_with_footnote_8_can_be_set() {
    for (id, value) in [
        (CKA_LABEL, bytes(b"new")),
        (CKA_ID, bytes(b"1")),
        (CKA_START_DATE, bytes(b"20270101")),
        (CKA_ENCRYPT, NO),
        (CKA_DERIVE, YES),
    ] {
        let changed = set_one(&made(&aes(), &[]), id, value.clone(), &USER).unwrap();
        assert_eq!(changed.value(id), Some(&value));
        assert_eq!(changed.bytes(CKA_VALUE), Some(&[7; 16][..]));
    }
}

#[test]
fn other_attributes_are_read_only_even_with_their_own_value() {
    for (id, value) in [
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_TOKEN, NO),
        (CKA_PRIVATE, NO),
        (CKA_MODIFIABLE, NO),
        (CKA_DESTROYABLE, NO),
        (CKA_VALUE, bytes(&[7; 16])),
        (CKA_VALUE_LEN, Value::Ulong(16)),
        (CKA_LOCAL, YES),
        (CKA_ALWAYS_SENSITIVE, YES),
        (CKA_NEVER_EXTRACTABLE, YES),
        (CKA_KEY_GEN_MECHANISM, Value::Ulong(1)),
        (CKA_UNIQUE_ID, bytes(b"id")),
        (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![])),
        (CKA_TRUSTED, YES),
        (CKA_TRUSTED, NO),
    ] {
        let result = set_one(&made(&aes(), &[]), id, value, &USER);
        assert_eq!(result, Err(Error::AttributeReadOnly), "{id:#x}");
    }
    assert_eq!(
        set_one(&made(&aes(), &[]), CKA_MODULUS, bytes(&[1]), &USER),
        Err(Error::TemplateInconsistent)
    );
}

#[test]
fn secrecy_only_tightens() {
    let open = made(&aes(), &[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]);
    let closed = made(&aes(), &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO), (CKA_WRAP_WITH_TRUSTED, YES)]);
    for change in [set_one, copy_one] {
        for (id, tight) in [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false), (CKA_WRAP_WITH_TRUSTED, true)] {
            assert_eq!(change(&open, id, Value::Bool(tight), &USER).unwrap().is_true(id), tight);
            assert!(change(&closed, id, Value::Bool(tight), &USER).is_ok());
            assert_eq!(
                change(&closed, id, Value::Bool(!tight), &USER),
                Err(Error::AttributeReadOnly),
                "{id:#x}"
            );
        }
    }
    // What once was in the open stays known as such.
    let tightened = set_one(&open, CKA_SENSITIVE, YES, &USER).unwrap();
    assert!(!tightened.is_true(CKA_ALWAYS_SENSITIVE));
}

#[test]
fn copyable_can_only_be_taken_away() {
    let key = made(&aes(), &[]);
    assert!(!set_one(&key, CKA_COPYABLE, NO, &USER).unwrap().is_true(CKA_COPYABLE));
    assert!(!copy_one(&key, CKA_COPYABLE, NO, &USER).unwrap().is_true(CKA_COPYABLE));
    let fixed = made(&aes(), &[(CKA_COPYABLE, NO)]);
    assert_eq!(set_one(&fixed, CKA_COPYABLE, YES, &USER), Err(Error::AttributeReadOnly));
    assert_eq!(copy(&fixed, &Template::new(), &USER), Err(Error::ActionProhibited));
}

#[test]
fn what_is_not_modifiable_is_not_modified() {
    let fixed = made(&aes(), &[(CKA_MODIFIABLE, NO)]);
    assert_eq!(set_one(&fixed, CKA_LABEL, bytes(b"x"), &USER), Err(Error::ActionProhibited));
    assert!(copy_one(&fixed, CKA_LABEL, bytes(b"x"), &USER).is_ok());
}

#[test]
fn trust_is_given_and_taken_by_the_security_officer() {
    let key = made(&rsa_public(), &[]);
    let trusted = Object::new(set_one(&key, CKA_TRUSTED, YES, &OFFICER).unwrap());
    assert!(trusted.is_true(CKA_TRUSTED));
    assert_eq!(set_one(&trusted, CKA_TRUSTED, NO, &USER), Err(Error::AttributeReadOnly));
    assert!(!set_one(&trusted, CKA_TRUSTED, NO, &OFFICER).unwrap().is_true(CKA_TRUSTED));
    assert!(!copy(&trusted, &Template::new(), &USER).unwrap().is_true(CKA_TRUSTED));
    assert_eq!(copy_one(&trusted, CKA_TRUSTED, YES, &USER), Err(Error::AttributeReadOnly));
    assert!(copy(&trusted, &Template::new(), &OFFICER).unwrap().is_true(CKA_TRUSTED));
}

#[test]
fn trusted_certificates_cannot_be_modified() {
    let plain = made(&certificate(), &[]);
    assert!(set_one(&plain, CKA_ID, bytes(b"1"), &USER).is_ok());
    let trusted = Object::new(set_one(&plain, CKA_TRUSTED, YES, &OFFICER).unwrap());
    assert_eq!(set_one(&trusted, CKA_ID, bytes(b"2"), &USER), Err(Error::ActionProhibited));
    assert!(set_one(&trusted, CKA_ID, bytes(b"2"), &OFFICER).is_ok());
}

#[test]
fn a_template_is_set_whole_or_not_at_all() {
    let key = made(&aes(), &[]);
    let half_bad = template(&[(CKA_LABEL, bytes(b"new")), (CKA_LOCAL, YES)]);
    assert_eq!(set(&key, &half_bad, &USER), Err(Error::AttributeReadOnly));
    assert_eq!(key.bytes(CKA_LABEL), Some(&[][..]));
}

#[test]
fn a_copy_may_move_and_keeps_its_past() {
    let key = made(&aes(), &[(CKA_LABEL, bytes(b"old"))]);
    let moved =
        template(&[(CKA_TOKEN, YES), (CKA_DESTROYABLE, NO), (CKA_MODIFIABLE, NO), (CKA_ID, bytes(b"2"))]);
    let copied = copy(&key, &moved, &USER).unwrap();
    assert!(copied.is_true(CKA_TOKEN) && !copied.is_true(CKA_DESTROYABLE) && !copied.is_true(CKA_MODIFIABLE));
    assert_eq!(copied.bytes(CKA_LABEL), Some(&b"old"[..]));
    assert_eq!(copied.bytes(CKA_VALUE), Some(&[7; 16][..]));
    assert_ne!(copied.bytes(CKA_UNIQUE_ID), key.bytes(CKA_UNIQUE_ID));
    let same_class = template(&[(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY))]);
    assert!(copy(&key, &same_class, &USER).is_ok());
    let other_class = template(&[(CKA_CLASS, Value::Ulong(CKO_DATA))]);
    assert_eq!(copy(&key, &other_class, &USER), Err(Error::AttributeReadOnly));
    assert_eq!(copy_one(&key, CKA_UNIQUE_ID, bytes(b"id"), &USER), Err(Error::AttributeReadOnly));
    assert_eq!(copy_one(&key, CKA_VALUE, bytes(&[8; 16]), &USER), Err(Error::AttributeReadOnly));
}

#[test]
fn a_private_object_has_no_public_copies() {
    let key = made(&aes(), &[]);
    assert_eq!(copy_one(&key, CKA_PRIVATE, NO, &USER), Err(Error::TemplateInconsistent));
    let public = made(&aes(), &[(CKA_PRIVATE, NO)]);
    assert!(copy_one(&public, CKA_PRIVATE, YES, &USER).unwrap().is_true(CKA_PRIVATE));
}

#[test]
fn a_check_value_can_be_destroyed_and_not_forged() {
    let key = made(&aes(), &[]);
    assert!(!set_one(&key, CKA_CHECK_VALUE, bytes(&[]), &USER).unwrap().contains(CKA_CHECK_VALUE));
    assert!(set_one(&key, CKA_CHECK_VALUE, bytes(&[7, 7, 7]), &USER).is_ok());
    assert_eq!(set_one(&key, CKA_CHECK_VALUE, bytes(&[1, 2, 3]), &USER), Err(Error::AttributeValueInvalid));
}

#[test]
fn a_public_key_info_must_belong_to_the_key_it_is_set_on() {
    let key = made(&rsa_private(), &[]);
    let info = key.bytes(CKA_PUBLIC_KEY_INFO).unwrap();
    assert!(set_one(&key, CKA_PUBLIC_KEY_INFO, bytes(info), &USER).is_ok());
    let other = set_one(&key, CKA_PUBLIC_KEY_INFO, bytes(b"other"), &USER);
    assert_eq!(other, Err(Error::AttributeValueInvalid));
}

#[test]
fn only_three_attributes_of_a_certificate_and_its_label_change() {
    let object = made(&certificate(), &[]);
    for id in [CKA_LABEL, CKA_ID, CKA_ISSUER, CKA_SERIAL_NUMBER] {
        assert!(set_one(&object, id, bytes(b"new"), &USER).is_ok(), "{id:#x}");
    }
    for id in [CKA_SUBJECT, CKA_VALUE, CKA_URL, CKA_PUBLIC_KEY_INFO] {
        assert_eq!(set_one(&object, id, bytes(b"new"), &USER), Err(Error::AttributeReadOnly), "{id:#x}");
    }
}

#[test]
fn what_a_later_version_has_added_survives_a_change_and_stays_sealed() {
    let mut attributes = create(&template(&aes()), &USER).unwrap();
    let later = CKA_VENDOR_DEFINED | 7;
    attributes.set(later, Value::Secret(Secret::copy_of(b"sealed")));
    attributes.set(later + 1, bytes(b"open"));
    let key = Object::new(attributes);
    let (metadata, secrets) = split(set_one(&key, CKA_LABEL, bytes(b"new"), &USER).unwrap());
    assert_eq!(secrets.bytes(later), Some(&b"sealed"[..]));
    assert_eq!(metadata.bytes(later + 1), Some(&b"open"[..]));
}
