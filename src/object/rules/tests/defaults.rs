//! What objects are when their templates are silent.

use super::*;

#[test]
fn storage_attributes_have_the_defaults_of_the_standard() {
    for entries in [aes(), rsa_public(), rsa_private(), certificate()] {
        let object = create(&template(&entries), &USER).unwrap();
        assert_eq!(object.value(CKA_TOKEN), Some(&NO));
        for id in [CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE] {
            assert_eq!(object.value(id), Some(&YES), "{id:#x}");
        }
        assert_eq!(object.bytes(CKA_LABEL), Some(&[][..]));
    }
}

#[test]
fn secrets_and_data_are_private_and_public_things_are_not() {
    let private = |entries: &[_]| create(&template(entries), &USER).unwrap().is_true(CKA_PRIVATE);
    assert!(private(&aes()) && private(&rsa_private()) && private(&[(CKA_CLASS, Value::Ulong(CKO_DATA))]));
    assert!(!private(&rsa_public()) && !private(&certificate()));
}

#[test]
fn usage_attributes_left_out_are_true_where_the_key_type_can_do_it() {
    let usages = |entries: &[_], all: &[_]| {
        let object = create(&template(entries), &USER).unwrap();
        all.iter().copied().filter(|id| object.is_true(*id)).collect::<Vec<_>>()
    };
    const SECRET: &[u64] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
    const PRIVATE: &[u64] = &[CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP, CKA_DECAPSULATE];
    const PUBLIC: &[u64] = &[CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_ENCAPSULATE];
    assert_eq!(usages(&aes(), SECRET), SECRET);
    assert_eq!(usages(&rsa_private(), PRIVATE), PRIVATE);
    assert_eq!(usages(&rsa_public(), PUBLIC), PUBLIC);
    assert_eq!(usages(&ec_private(), PRIVATE), [CKA_SIGN]);
    assert_eq!(usages(&ec_public(), PUBLIC), [CKA_VERIFY]);
    let mut generic = aes();
    generic[1].1 = Value::Ulong(CKK_GENERIC_SECRET);
    assert_eq!(usages(&generic, SECRET), [CKA_SIGN, CKA_VERIFY]);
}

#[test]
fn derivation_and_authentication_for_each_use_must_be_asked_for() {
    for entries in [aes(), rsa_public(), rsa_private(), ec_private()] {
        let object = create(&template(&entries), &USER).unwrap();
        assert_eq!(object.value(CKA_DERIVE), Some(&NO));
        assert!(!object.is_true(CKA_ALWAYS_AUTHENTICATE) && !object.is_true(CKA_WRAP_WITH_TRUSTED));
    }
}

#[test]
fn under_strict_defaults_a_key_does_what_its_template_says() {
    let key = create(&with(&aes(), &[(CKA_ENCRYPT, YES)]), &STRICT).unwrap();
    assert!(key.is_true(CKA_ENCRYPT));
    for id in [CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP] {
        assert_eq!(key.value(id), Some(&NO), "{id:#x}");
    }
}

#[test]
fn keys_do_not_leave_the_token_unless_asked() {
    let private = create(&template(&rsa_private()), &USER).unwrap();
    assert!(private.is_true(CKA_SENSITIVE) && !private.is_true(CKA_EXTRACTABLE));
    let secret = create(&template(&aes()), &USER).unwrap();
    // The standard's default (section 4.11); without CKA_EXTRACTABLE the value is hidden all the same.
    assert!(!secret.is_true(CKA_SENSITIVE) && !secret.is_true(CKA_EXTRACTABLE));
    assert_eq!(reveal(&Object::new(secret), CKA_VALUE), Err(Error::AttributeSensitive));
}

#[test]
fn an_agreed_secret_can_be_read_by_default_and_not_under_strict_defaults() {
    let base = made(&aes(), &[]);
    let value = || Attributes::from_iter([(CKA_VALUE, bytes(&[5; 40]))]);
    let shared = Object::new(derive(&Template::new(), value(), from_base(&base), &USER).unwrap());
    assert_eq!(reveal(&shared, CKA_VALUE).unwrap().as_bytes(), Some(&[5; 40][..]));
    let strict = Object::new(derive(&Template::new(), value(), from_base(&base), &STRICT).unwrap());
    assert_eq!(reveal(&strict, CKA_VALUE), Err(Error::AttributeSensitive));
}

#[test]
fn every_object_has_a_unique_id_of_its_own() {
    let one = create(&template(&aes()), &USER).unwrap();
    let two = create(&template(&aes()), &USER).unwrap();
    assert_eq!(one.bytes(CKA_UNIQUE_ID).map(<[u8]>::len), Some(36));
    assert_ne!(one.bytes(CKA_UNIQUE_ID), two.bytes(CKA_UNIQUE_ID));
}
