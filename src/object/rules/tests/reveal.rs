//! What C_GetAttributeValue shows and hides.

use super::*;

#[test]
fn secrets_are_shown_only_by_keys_that_are_neither_sensitive_nor_unextractable() {
    for (sensitive, extractable, shown) in
        [(false, true, true), (true, true, false), (false, false, false), (true, false, false)]
    {
        let secrecy = [(CKA_SENSITIVE, Value::Bool(sensitive)), (CKA_EXTRACTABLE, Value::Bool(extractable))];
        for (entries, id) in
            [(aes(), CKA_VALUE), (rsa_private(), CKA_PRIVATE_EXPONENT), (ec_private(), CKA_VALUE)]
        {
            let key = made(&entries, &secrecy);
            match shown {
                true => assert!(reveal(&key, id).unwrap().as_bytes().is_some()),
                false => assert_eq!(reveal(&key, id), Err(Error::AttributeSensitive)),
            }
            assert_eq!(is_sensitive(&key, id), !shown);
        }
    }
}

#[test]
fn the_parts_that_a_sensitive_key_lacks_are_hidden_too() {
    let key = made(&rsa_private(), &[]);
    assert_eq!(reveal(&key, CKA_PRIME_1), Err(Error::AttributeSensitive));
    let open = made(&rsa_private(), &[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]);
    assert_eq!(reveal(&open, CKA_PRIME_1), Err(Error::AttributeTypeInvalid));
}

#[test]
fn public_values_are_always_shown() {
    assert!(reveal(&made(&certificate(), &[]), CKA_VALUE).is_ok());
    assert!(reveal(&made(&rsa_private(), &[]), CKA_MODULUS).is_ok());
    assert!(reveal(&made(&aes(), &[]), CKA_CHECK_VALUE).is_ok());
    assert_eq!(reveal(&made(&aes(), &[]), CKA_LABEL), Ok(bytes(&[])));
}

#[test]
fn what_an_object_does_not_have_is_an_invalid_type() {
    let key = made(&aes(), &[]);
    for id in [CKA_MODULUS, CKA_WRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS, 0x7777, CKA_VENDOR_DEFINED | 1] {
        assert_eq!(reveal(&key, id), Err(Error::AttributeTypeInvalid), "{id:#x}");
    }
}

#[test]
fn an_object_of_an_older_version_shows_the_defaults_of_what_came_later() {
    let old = Object::new(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
    ]));
    assert_eq!(reveal(&old, CKA_DESTROYABLE), Ok(YES));
    assert_eq!(reveal(&old, CKA_ID), Ok(bytes(&[])));
    assert_eq!(reveal(&old, CKA_OBJECT_VALIDATION_FLAGS), Ok(Value::Ulong(0)));
}

#[test]
fn an_object_of_an_unknown_class_hides_its_value() {
    let unknown = Object::new(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_OTP_KEY)),
        (CKA_VALUE, bytes(b"seed")),
        (CKA_LABEL, bytes(b"otp")),
    ]));
    assert_eq!(reveal(&unknown, CKA_VALUE), Err(Error::AttributeSensitive));
    assert_eq!(reveal(&unknown, CKA_LABEL), Ok(bytes(b"otp")));
}
