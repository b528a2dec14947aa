//! Values that are computed, checked or brought into one form.

use super::*;

#[test]
fn lengths_follow_from_the_values() {
    assert_eq!(create(&template(&aes()), &USER).unwrap().ulong(CKA_VALUE_LEN), Some(16));
    assert_eq!(create(&template(&rsa_public()), &USER).unwrap().ulong(CKA_MODULUS_BITS), Some(1024));
    let mut odd = rsa_public();
    odd[2].1 = bytes(&[0, 1, 0xff, 0xff]);
    assert_eq!(create(&template(&odd), &USER).unwrap().ulong(CKA_MODULUS_BITS), Some(17));
}

#[test]
fn key_values_of_impossible_lengths_are_refused() {
    for (key_type, length) in [
        (CKK_AES, 15),
        (CKK_AES_XTS, 16),
        (CKK_CHACHA20, 31),
        (CKK_DES, 16),
        (CKK_DES2, 24),
        (CKK_DES3, 16),
        (CKK_GENERIC_SECRET, 0),
    ] {
        let entries = [(CKA_KEY_TYPE, Value::Ulong(key_type)), (CKA_VALUE, bytes(&vec![1; length]))];
        assert_eq!(
            create(&with(&aes(), &entries), &USER),
            Err(Error::AttributeValueInvalid),
            "{key_type:#x}"
        );
    }
}

#[test]
fn des_keys_need_their_parity() {
    let des =
        |value: [u8; 8]| with(&aes(), &[(CKA_KEY_TYPE, Value::Ulong(CKK_DES)), (CKA_VALUE, bytes(&value))]);
    assert!(create(&des([0x01, 0xfe, 0x02, 0x80, 0x07, 0x0b, 0x0d, 0x0e]), &USER).is_ok());
    assert_eq!(
        create(&des([0x01, 0xfe, 0x02, 0x80, 0x07, 0x0b, 0x0d, 0x0f]), &USER),
        Err(Error::AttributeValueInvalid)
    );
}

#[test]
fn the_halves_of_an_xts_key_differ() {
    let xts =
        |value: &[u8]| with(&aes(), &[(CKA_KEY_TYPE, Value::Ulong(CKK_AES_XTS)), (CKA_VALUE, bytes(value))]);
    for half in [16, 32] {
        assert!(create(&xts(&[vec![1; half], vec![2; half]].concat()), &USER).is_ok());
        assert_eq!(create(&xts(&vec![1; 2 * half]), &USER), Err(Error::AttributeValueInvalid));
    }
}

#[test]
fn a_check_value_is_computed_or_compared_or_not_wanted() {
    let check = |entries: &[_]| create(&with(&aes(), entries), &USER);
    assert_eq!(check(&[]).unwrap().bytes(CKA_CHECK_VALUE), Some(&[7, 7, 7][..]));
    assert!(check(&[(CKA_CHECK_VALUE, bytes(&[7, 7, 7]))]).is_ok());
    assert_eq!(check(&[(CKA_CHECK_VALUE, bytes(&[7, 7, 8]))]), Err(Error::AttributeValueInvalid));
    assert!(!check(&[(CKA_CHECK_VALUE, bytes(&[]))]).unwrap().contains(CKA_CHECK_VALUE));
    let unable = Creator { computed: &(), ..USER };
    let ignored = create(&with(&aes(), &[(CKA_CHECK_VALUE, bytes(&[1, 2, 3]))]), &unable).unwrap();
    assert!(!ignored.contains(CKA_CHECK_VALUE));
}

#[test]
fn a_public_key_info_is_computed_or_compared() {
    let info = [&b"info of "[..], &[0xc5; 128]].concat();
    for entries in [rsa_public(), rsa_private()] {
        let given = |value: &[u8]| create(&with(&entries, &[(CKA_PUBLIC_KEY_INFO, bytes(value))]), &USER);
        assert_eq!(create(&template(&entries), &USER).unwrap().bytes(CKA_PUBLIC_KEY_INFO), Some(&info[..]));
        assert_eq!(given(&[]).unwrap().bytes(CKA_PUBLIC_KEY_INFO), Some(&info[..]));
        assert!(given(&info).is_ok());
        assert_eq!(given(b"of another key"), Err(Error::AttributeValueInvalid));
    }
    let unable = Creator { computed: &(), ..USER };
    let given = with(&rsa_private(), &[(CKA_PUBLIC_KEY_INFO, bytes(&info))]);
    assert_eq!(create(&given, &unable), Err(Error::AttributeTypeInvalid));
    let certificate = with(&certificate(), &[(CKA_PUBLIC_KEY_INFO, bytes(b"whatever"))]);
    assert_eq!(create(&certificate, &USER).unwrap().bytes(CKA_PUBLIC_KEY_INFO), Some(&b"whatever"[..]));
}

#[test]
fn points_are_stored_wrapped_however_they_are_given() {
    let raw = [&[4][..], &[0x55; 96]].concat();
    let wrapped = [&[4, 97][..], &raw].concat();
    for given in [&raw, &wrapped] {
        let key = create(&with(&ec_public(), &[(CKA_EC_POINT, bytes(given))]), &USER).unwrap();
        assert_eq!(key.bytes(CKA_EC_POINT), Some(&wrapped[..]));
        let private = create(&with(&ec_private(), &[(CKA_EC_POINT, bytes(given))]), &USER).unwrap();
        assert_eq!(private.bytes(CKA_EC_POINT), Some(&wrapped[..]));
    }
    let wrong = with(&ec_public(), &[(CKA_EC_POINT, bytes(&raw[1..]))]);
    assert_eq!(create(&wrong, &USER), Err(Error::AttributeValueInvalid));
}

#[test]
fn required_parts_of_keys_may_not_be_empty_and_optional_ones_are_dropped() {
    let empty = |id| with(&rsa_private(), &[(id, bytes(&[]))]);
    for id in [CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT] {
        assert_eq!(create(&empty(id), &USER), Err(Error::AttributeValueInvalid), "{id:#x}");
    }
    for id in [CKA_PRIME_1, CKA_COEFFICIENT] {
        assert!(!create(&empty(id), &USER).unwrap().contains(id), "{id:#x}");
    }
}

#[test]
fn a_seed_or_a_value_makes_a_lattice_key() {
    let key = |entries: &[_]| {
        let base = [
            (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_ML_DSA)),
            (CKA_PARAMETER_SET, Value::Ulong(1)),
        ];
        create(&with(&base, entries), &USER)
    };
    assert!(key(&[(CKA_SEED, bytes(&[1; 32]))]).is_ok());
    assert!(key(&[(CKA_VALUE, bytes(&[1; 2560]))]).is_ok());
    assert_eq!(key(&[]), Err(Error::TemplateIncomplete));
}

#[test]
fn a_certificate_has_a_value_or_a_url_with_hashes() {
    let given = |entries: &[_]| create(&with(&certificate(), entries), &USER);
    let empty = (CKA_VALUE, bytes(&[]));
    let url = (CKA_URL, bytes(b"http://example.org/c.der"));
    let hashes =
        [(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, bytes(&[1; 20])), (CKA_HASH_OF_ISSUER_PUBLIC_KEY, bytes(&[2; 20]))];
    assert_eq!(given(std::slice::from_ref(&empty)), Err(Error::TemplateInconsistent));
    assert_eq!(given(&[empty.clone(), url.clone()]), Err(Error::TemplateInconsistent));
    assert!(given(&[empty, url, hashes[0].clone(), hashes[1].clone()]).is_ok());
    assert_eq!(given(&[(CKA_CERTIFICATE_CATEGORY, Value::Ulong(4))]), Err(Error::AttributeValueInvalid));
}

#[test]
fn a_certificate_without_optional_fields_gets_empty_ones() {
    let object = create(&template(&certificate()), &USER).unwrap();
    for id in [CKA_ID, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_URL, CKA_START_DATE] {
        assert_eq!(object.bytes(id), Some(&[][..]), "{id:#x}");
    }
    assert_eq!(object.ulong(CKA_NAME_HASH_ALGORITHM), Some(CKM_SHA_1));
    assert!(matches!(object.value(CKA_VALUE), Some(Value::Bytes(_))));
}

#[test]
fn trust_in_a_certificate_needs_its_hash() {
    let base = [
        (CKA_CLASS, Value::Ulong(CKO_TRUST)),
        (CKA_ISSUER, bytes(b"issuer")),
        (CKA_SERIAL_NUMBER, bytes(b"1")),
    ];
    let anchor = (CKA_TRUST_SERVER_AUTH, Value::Ulong(u64::from(CKT_TRUST_ANCHOR)));
    let hash = (CKA_HASH_OF_CERTIFICATE, bytes(&[1; 20]));
    assert!(create(&template(&base), &USER).is_ok());
    assert_eq!(create(&with(&base, std::slice::from_ref(&anchor)), &USER), Err(Error::TemplateIncomplete));
    assert!(create(&with(&base, &[anchor, hash]), &USER).is_ok());
}

#[test]
fn secrets_are_split_from_what_may_be_read() {
    let (metadata, secrets) = split(create(&template(&rsa_private()), &USER).unwrap());
    assert_eq!(secrets.iter().map(|(id, _)| id).collect::<Vec<_>>(), [CKA_PRIVATE_EXPONENT]);
    assert!(
        metadata.contains(CKA_MODULUS)
            && !metadata.iter().any(|(_, value)| matches!(value, Value::Secret(_)))
    );
    let (metadata, secrets) = split(create(&template(&certificate()), &USER).unwrap());
    assert!(metadata.contains(CKA_VALUE) && secrets.is_empty());
    let unknown = Attributes::from_iter([(CKA_CLASS, Value::Ulong(99)), (CKA_VALUE, bytes(b"?"))]);
    assert!(split(unknown).1.contains(CKA_VALUE));
}
