//! What C_CreateObject, C_GenerateKey, C_UnwrapKey and C_DeriveKey take and refuse.

use super::*;

#[test]
fn every_sample_template_is_accepted() {
    for entries in [aes(), rsa_public(), rsa_private(), ec_private(), ec_public(), certificate()] {
        create(&template(&entries), &USER).unwrap();
    }
    create(&template(&[(CKA_CLASS, Value::Ulong(CKO_DATA))]), &USER).unwrap();
}

#[test]
fn a_template_without_a_required_attribute_is_incomplete() {
    for entries in [aes(), rsa_public(), rsa_private(), ec_private(), ec_public(), certificate()] {
        for (id, _) in &entries {
            let result = create(&without(&entries, *id), &USER);
            assert_eq!(result, Err(Error::TemplateIncomplete), "{id:#x} of {entries:?}");
        }
    }
    assert_eq!(create(&Template::new(), &USER), Err(Error::TemplateIncomplete));
}

#[test]
fn attributes_of_the_library_are_read_only() {
    let entries = [
        (CKA_UNIQUE_ID, bytes(b"mine")),
        (CKA_LOCAL, NO),
        (CKA_KEY_GEN_MECHANISM, Value::Ulong(CKM_AES_KEY_GEN)),
        (CKA_ALWAYS_SENSITIVE, NO),
        (CKA_NEVER_EXTRACTABLE, NO),
        (CKA_VALUE_LEN, Value::Ulong(16)),
        (CKA_OBJECT_VALIDATION_FLAGS, Value::Ulong(1)),
    ];
    for entry in entries {
        let result = create(&with(&aes(), std::slice::from_ref(&entry)), &USER);
        assert_eq!(result, Err(Error::AttributeReadOnly), "{:#x}", entry.0);
    }
    let bits = create(&with(&rsa_public(), &[(CKA_MODULUS_BITS, Value::Ulong(1024))]), &USER);
    assert_eq!(bits, Err(Error::AttributeReadOnly));
}

#[test]
fn attributes_of_other_classes_are_inconsistent() {
    for entry in [(CKA_MODULUS, bytes(&[1])), (CKA_URL, bytes(b"u")), (CKA_APPLICATION, bytes(b"a"))] {
        let result = create(&with(&aes(), std::slice::from_ref(&entry)), &USER);
        assert_eq!(result, Err(Error::TemplateInconsistent), "{:#x}", entry.0);
    }
}

#[test]
fn classes_and_types_that_coffer_does_not_have_are_bad_values() {
    let nss_trust = CKO_VENDOR_DEFINED | 0x4e53_4353;
    for class in [nss_trust, CKO_HW_FEATURE, CKO_MECHANISM, CKO_PROFILE, CKO_VALIDATION, 77] {
        let result = create(&template(&[(CKA_CLASS, Value::Ulong(class))]), &USER);
        assert_eq!(result, Err(Error::AttributeValueInvalid), "{class:#x}");
    }
    for key_type in [CKK_RSA, CKK_SKIPJACK, CKK_VENDOR_DEFINED | 1] {
        let result = create(&with(&aes(), &[(CKA_KEY_TYPE, Value::Ulong(key_type))]), &USER);
        assert_eq!(result, Err(Error::AttributeValueInvalid), "{key_type:#x}");
    }
}

#[test]
fn only_the_security_officer_makes_trusted_objects() {
    for entries in [aes(), rsa_public(), certificate()] {
        let trusted = with(&entries, &[(CKA_TRUSTED, YES)]);
        assert_eq!(create(&trusted, &USER), Err(Error::AttributeReadOnly));
        assert!(create(&trusted, &OFFICER).unwrap().is_true(CKA_TRUSTED));
        assert!(create(&with(&entries, &[(CKA_TRUSTED, NO)]), &USER).is_ok());
    }
}

#[test]
fn always_authenticate_needs_a_private_object() {
    let asked = [(CKA_ALWAYS_AUTHENTICATE, YES)];
    assert!(create(&with(&rsa_private(), &asked), &USER).unwrap().is_true(CKA_ALWAYS_AUTHENTICATE));
    let public = with(&rsa_private(), &[(CKA_ALWAYS_AUTHENTICATE, YES), (CKA_PRIVATE, NO)]);
    assert_eq!(create(&public, &USER), Err(Error::TemplateInconsistent));
}

fn generated_aes(entries: &[(CK_ATTRIBUTE_TYPE, Value)], creator: &Creator) -> Result<Attributes> {
    let value = Attributes::from_iter([(CKA_VALUE, bytes(&[9; 32]))]);
    generate(CKO_SECRET_KEY, Some(CKK_AES), &template(entries), value, CKM_AES_KEY_GEN, creator)
}

const LENGTH: (CK_ATTRIBUTE_TYPE, Value) = (CKA_VALUE_LEN, Value::Ulong(32));

#[test]
fn a_generated_key_says_where_it_came_from() {
    let key = generated_aes(&[LENGTH, (CKA_SENSITIVE, YES)], &USER).unwrap();
    assert!(
        key.is_true(CKA_LOCAL) && key.is_true(CKA_ALWAYS_SENSITIVE) && key.is_true(CKA_NEVER_EXTRACTABLE)
    );
    assert_eq!(key.ulong(CKA_KEY_GEN_MECHANISM), Some(CKM_AES_KEY_GEN));
    assert_eq!((key.ulong(CKA_CLASS), key.ulong(CKA_KEY_TYPE)), (Some(CKO_SECRET_KEY), Some(CKK_AES)));
    let open = generated_aes(&[LENGTH, (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)], &USER).unwrap();
    assert!(!open.is_true(CKA_ALWAYS_SENSITIVE) && !open.is_true(CKA_NEVER_EXTRACTABLE));
}

#[test]
fn a_created_key_was_never_the_tokens_secret() {
    let key = create(&with(&aes(), &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]), &USER).unwrap();
    for id in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert_eq!(key.value(id), Some(&NO), "{id:#x}");
    }
    assert_eq!(key.ulong(CKA_KEY_GEN_MECHANISM), Some(UNAVAILABLE));
}

#[test]
fn generation_wants_what_footnote_3_says_and_refuses_what_footnote_4_says() {
    assert_eq!(generated_aes(&[], &USER), Err(Error::TemplateIncomplete));
    assert_eq!(generated_aes(&[LENGTH, (CKA_VALUE, bytes(&[1; 32]))], &USER), Err(Error::AttributeReadOnly));
    assert_eq!(generated_aes(&[LENGTH, (CKA_LOCAL, YES)], &USER), Err(Error::AttributeReadOnly));
    assert_eq!(
        generated_aes(&[LENGTH, (CKA_CLASS, Value::Ulong(CKO_DATA))], &USER),
        Err(Error::TemplateInconsistent)
    );
    let other_type = (CKA_KEY_TYPE, Value::Ulong(CKK_DES3));
    assert_eq!(generated_aes(&[LENGTH, other_type], &USER), Err(Error::TemplateInconsistent));
    assert_eq!(generated_aes(&[(CKA_VALUE_LEN, Value::Ulong(16))], &USER), Err(Error::TemplateInconsistent));
}

#[test]
fn a_template_can_be_checked_before_the_key_is_generated() {
    let check = |entries: &[_]| check_generate(CKO_SECRET_KEY, Some(CKK_AES), &template(entries), &USER);
    assert_eq!(check(&[LENGTH]), Ok(()));
    assert_eq!(check(&[(CKA_VALUE, bytes(&[1]))]), Err(Error::AttributeReadOnly));
    assert_eq!(check(&[(CKA_MODULUS_BITS, Value::Ulong(2048))]), Err(Error::TemplateInconsistent));
    assert_eq!(check(&[(CKA_TRUSTED, YES)]), Err(Error::AttributeReadOnly));
    assert_eq!(check(&[(CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY))]), Err(Error::TemplateInconsistent));
}

#[test]
fn both_halves_of_a_pair_get_what_the_mechanism_contributes() {
    let given = template(&[(CKA_MODULUS_BITS, Value::Ulong(1024)), (CKA_LABEL, bytes(b"pair"))]);
    let public = Attributes::from_iter([
        (CKA_MODULUS, bytes(&[&[0][..], &[0xc5; 128]].concat())),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
    ]);
    let made =
        generate(CKO_PUBLIC_KEY, Some(CKK_RSA), &given, public, CKM_RSA_PKCS_KEY_PAIR_GEN, &USER).unwrap();
    assert_eq!(made.bytes(CKA_MODULUS), Some(&[0xc5; 128][..]));
    assert_eq!(made.bytes(CKA_LABEL), Some(&b"pair"[..]));
    let contributed = Attributes::from_iter(rsa_private());
    let contributed = contributed.into_iter().chain([(CKA_VALUE, bytes(b"no such attribute"))]).collect();
    let private = Template::new();
    let made =
        generate(CKO_PRIVATE_KEY, Some(CKK_RSA), &private, contributed, CKM_RSA_PKCS_KEY_PAIR_GEN, &USER);
    let made = made.unwrap();
    assert!(!made.contains(CKA_VALUE));
    assert!(matches!(made.value(CKA_PRIVATE_EXPONENT), Some(Value::Secret(_))));
}

#[test]
fn an_unwrapped_key_needs_its_type_and_takes_its_value_from_the_wrapped_data() {
    let material =
        || Attributes::from_iter([(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_VALUE, bytes(&[3; 24]))]);
    let asked = [(CKA_KEY_TYPE, Value::Ulong(CKK_AES))];
    let key = unwrap(&template(&asked), material(), None, &USER).unwrap();
    assert_eq!(key.ulong(CKA_VALUE_LEN), Some(24));
    assert!(key.is_true(CKA_EXTRACTABLE) && !key.is_true(CKA_LOCAL) && !key.is_true(CKA_NEVER_EXTRACTABLE));
    assert_eq!(unwrap(&Template::new(), material(), None, &USER), Err(Error::TemplateIncomplete));
    let length = |length| with(&asked, &[(CKA_VALUE_LEN, Value::Ulong(length))]);
    assert!(unwrap(&length(24), material(), None, &USER).is_ok());
    assert_eq!(unwrap(&length(16), material(), None, &USER), Err(Error::WrappedKeyLenRange));
    let given = with(&asked, &[(CKA_VALUE, bytes(&[3; 24]))]);
    assert_eq!(unwrap(&given, material(), None, &USER), Err(Error::AttributeReadOnly));
    let other_class = with(&asked, &[(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY))]);
    assert_eq!(unwrap(&other_class, material(), None, &USER), Err(Error::TemplateInconsistent));
}

#[test]
fn wrapped_data_that_is_no_key_of_the_type_is_told_apart() {
    let material = |value: &[u8]| {
        Attributes::from_iter([(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_VALUE, bytes(value))])
    };
    let asked = |key_type| template(&[(CKA_KEY_TYPE, Value::Ulong(key_type))]);
    assert_eq!(unwrap(&asked(CKK_AES), material(&[1; 17]), None, &USER), Err(Error::WrappedKeyLenRange));
    assert_eq!(unwrap(&asked(CKK_DES3), material(&[0; 24]), None, &USER), Err(Error::WrappedKeyInvalid));
    assert!(unwrap(&asked(CKK_DES3), material(&[1; 24]), None, &USER).is_ok());
}

#[test]
fn the_length_of_an_unwrapped_key_may_be_told_where_its_type_tells_it_too() {
    let material =
        || Attributes::from_iter([(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_VALUE, bytes(&[1; 24]))]);
    let asked =
        |length| template(&[(CKA_KEY_TYPE, Value::Ulong(CKK_DES3)), (CKA_VALUE_LEN, Value::Ulong(length))]);
    assert!(!unwrap(&asked(24), material(), None, &USER).unwrap().contains(CKA_VALUE_LEN));
    assert_eq!(unwrap(&asked(16), material(), None, &USER), Err(Error::WrappedKeyLenRange));
    let base = made(&aes(), &[]);
    assert!(derive(&asked(24), material(), from_base(&base), &USER).is_ok());
    assert_eq!(derive(&asked(16), material(), from_base(&base), &USER), Err(Error::TemplateInconsistent));
}

#[test]
fn an_unwrap_template_is_added_and_may_not_be_contradicted() {
    let material =
        || Attributes::from_iter([(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_VALUE, bytes(&[3; 16]))]);
    let rule = Attributes::from_iter([(CKA_EXTRACTABLE, NO), (CKA_WRAP, NO)]);
    let asked = |more: &[_]| with(&[(CKA_KEY_TYPE, Value::Ulong(CKK_AES))], more);
    let key = unwrap(&asked(&[]), material(), Some(&rule), &USER).unwrap();
    assert!(!key.is_true(CKA_EXTRACTABLE) && !key.is_true(CKA_WRAP) && key.is_true(CKA_ENCRYPT));
    assert!(unwrap(&asked(&[(CKA_WRAP, NO)]), material(), Some(&rule), &USER).is_ok());
    let against = asked(&[(CKA_EXTRACTABLE, YES)]);
    assert_eq!(unwrap(&against, material(), Some(&rule), &USER), Err(Error::TemplateInconsistent));
    let trusted = Attributes::from_iter([(CKA_TRUSTED, YES)]);
    assert_eq!(unwrap(&asked(&[]), material(), Some(&trusted), &USER), Err(Error::AttributeReadOnly));
}

#[test]
fn a_derived_key_is_as_secret_as_its_base_was() {
    let base = |sensitive, extractable| {
        let entries =
            [LENGTH, (CKA_SENSITIVE, Value::Bool(sensitive)), (CKA_EXTRACTABLE, Value::Bool(extractable))];
        Object::new(generated_aes(&entries, &USER).unwrap())
    };
    let derived = |base: &Object, sensitive, extractable| {
        let asked =
            template(&[(CKA_SENSITIVE, Value::Bool(sensitive)), (CKA_EXTRACTABLE, Value::Bool(extractable))]);
        let value = Attributes::from_iter([(CKA_VALUE, bytes(&[5; 40]))]);
        let key = derive(&asked, value, from_base(base), &USER).unwrap();
        assert!(!key.is_true(CKA_LOCAL));
        (key.is_true(CKA_ALWAYS_SENSITIVE), key.is_true(CKA_NEVER_EXTRACTABLE))
    };
    assert_eq!(derived(&base(true, false), true, false), (true, true));
    assert_eq!(derived(&base(true, false), false, true), (false, false));
    assert_eq!(derived(&base(false, true), true, false), (false, false));
}

#[test]
fn a_derived_key_is_a_generic_secret_unless_somebody_says_otherwise() {
    let base = Object::new(generated_aes(&[LENGTH], &USER).unwrap());
    let value = |length| Attributes::from_iter([(CKA_VALUE, bytes(&vec![5; length]))]);
    let key = derive(&Template::new(), value(40), from_base(&base), &USER).unwrap();
    assert_eq!((key.ulong(CKA_KEY_TYPE), key.ulong(CKA_VALUE_LEN)), (Some(CKK_GENERIC_SECRET), Some(40)));
    let aes = template(&[(CKA_KEY_TYPE, Value::Ulong(CKK_AES))]);
    assert!(derive(&aes, value(32), from_base(&base), &USER).is_ok());
    assert_eq!(derive(&aes, value(40), from_base(&base), &USER), Err(Error::TemplateInconsistent));
    let given = template(&[(CKA_VALUE, bytes(&[5; 40]))]);
    assert_eq!(derive(&given, value(40), from_base(&base), &USER), Err(Error::AttributeReadOnly));
    let data = template(&[(CKA_CLASS, Value::Ulong(CKO_DATA))]);
    let data = derive(&data, value(40), from_base(&base), &USER).unwrap();
    assert_eq!(data.value(CKA_VALUE), Some(&bytes(&[5; 40])));
    let rule = Value::Template(Attributes::from_iter([(CKA_EXTRACTABLE, NO)]));
    let base = Object::new(generated_aes(&[LENGTH, (CKA_DERIVE_TEMPLATE, rule)], &USER).unwrap());
    let against = template(&[(CKA_EXTRACTABLE, YES)]);
    assert_eq!(derive(&against, value(40), from_base(&base), &USER), Err(Error::TemplateInconsistent));
}

#[test]
fn a_derived_key_inherits_what_its_mechanism_says() {
    let key = |sensitive, extractable| {
        let entries =
            [LENGTH, (CKA_SENSITIVE, Value::Bool(sensitive)), (CKA_EXTRACTABLE, Value::Bool(extractable))];
        Object::new(generated_aes(&entries, &USER).unwrap())
    };
    let (hidden, open) = (key(true, false), key(false, true));
    let derived = |base: &Object, other: &Object, inheritance, asked: &[(CK_ATTRIBUTE_TYPE, Value)]| {
        let value = Attributes::from_iter([(CKA_VALUE, bytes(&[5; 40]))]);
        let key = derive(&template(asked), value, Parents { base, others: &[other], inheritance }, &USER)?;
        Ok([CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE]
            .map(|id| key.is_true(id)))
    };
    let refused = Err(Error::TemplateInconsistent);
    let (hide, show) = ([(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)], [(CKA_EXTRACTABLE, YES)]);
    // One key that is hidden hides the result; its past is that of both.
    assert_eq!(derived(&open, &hidden, Inheritance::Strictest, &[]), Ok([true, false, false, false]));
    assert_eq!(derived(&hidden, &hidden, Inheritance::Strictest, &[]), Ok([true, false, true, true]));
    assert_eq!(derived(&open, &hidden, Inheritance::Strictest, &show), refused);
    assert_eq!(derived(&open, &open, Inheritance::Strictest, &hide), Ok([true, false, false, false]));
    // The template, else the base key; a past that any of the keys has.
    assert_eq!(derived(&hidden, &open, Inheritance::Base, &[]), Ok([true, false, true, true]));
    assert_eq!(derived(&open, &hidden, Inheritance::Base, &[]), Ok([false, true, false, false]));
    assert_eq!(derived(&open, &hidden, Inheritance::Base, &hide), Ok([true, false, true, true]));
    // The base key alone.
    assert_eq!(derived(&hidden, &open, Inheritance::Same, &[]), Ok([true, false, true, true]));
    assert_eq!(derived(&open, &hidden, Inheritance::Same, &[]), Ok([false, true, false, false]));
    assert_eq!(derived(&hidden, &open, Inheritance::Same, &show), refused);
    assert_eq!(derived(&open, &hidden, Inheritance::Same, &hide), refused);
}
