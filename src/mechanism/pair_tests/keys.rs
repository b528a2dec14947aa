//! Keys on their way in and out: checks, completion, PrivateKeyInfo, SubjectPublicKeyInfo.

use super::curves::{edwards, montgomery, weierstrass};
use super::*;
use crate::crypto::ec::Curve;
use crate::crypto::edwards::Curve::{Ed448, Ed25519};
use crate::crypto::montgomery::Curve::{X448, X25519};
use crate::error::Error;
use crate::mechanism::computed::public_key_info;
use crate::mechanism::import::check_key;
use crate::mechanism::private_key_info::{decode, encode};
use crate::object::Object;
use crate::secret::Secret;

fn rsa() -> Pair {
    generate(CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, &[(CKA_MODULUS_BITS, Value::Ulong(1024))])
}

fn all_pairs() -> Vec<Pair> {
    let mut pairs = vec![rsa(), edwards(Ed25519), edwards(Ed448), montgomery(X25519), montgomery(X448)];
    pairs.extend(Curve::ALL.iter().copied().map(weierstrass));
    pairs
}

fn without(attributes: &Attributes, ids: &[CK_ATTRIBUTE_TYPE]) -> Attributes {
    let mut fewer = attributes.clone();
    for id in ids {
        fewer.remove(*id);
    }
    fewer
}

fn with(attributes: &Attributes, id: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Attributes {
    let mut more = attributes.clone();
    more.set(id, Value::Bytes(value.to_vec()));
    more
}

#[test]
fn generated_keys_pass_the_checks_unchanged() {
    for pair in all_pairs() {
        for key in [&pair.public, &pair.private] {
            let attributes = attributes(key);
            assert_eq!(check_key(&attributes).unwrap(), attributes);
        }
    }
}

#[test]
fn both_halves_tell_the_same_public_key() {
    for pair in all_pairs() {
        let public = public_key_info(&attributes(&pair.public)).unwrap();
        let private = attributes(&pair.private);
        assert_eq!(public_key_info(&private).unwrap(), public);
        assert_eq!(public_key_info(&without(&private, &[CKA_EC_POINT])).unwrap(), public);
    }
    assert_eq!(public_key_info(&Attributes::new()), None);
}

#[test]
fn an_rsa_key_without_primes_gets_all_its_parts() {
    let complete = attributes(&rsa().private);
    let crt = [CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT];
    assert_eq!(check_key(&without(&complete, &crt)).unwrap(), complete);
    for id in crt {
        assert_eq!(check_key(&without(&complete, &[id])).unwrap(), complete);
        assert_eq!(check_key(&with(&complete, id, &[])).unwrap(), complete);
        assert_eq!(check_key(&with(&complete, id, &[5])), Err(Error::TemplateInconsistent));
    }
    for id in [CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT] {
        assert_eq!(check_key(&without(&complete, &[id])), Err(Error::TemplateIncomplete));
    }
    assert_eq!(check_key(&with(&complete, CKA_MODULUS, &[0xff; 20])), Err(Error::AttributeValueInvalid));
    let public = attributes(&rsa().public);
    assert_eq!(check_key(&with(&public, CKA_MODULUS, &[0xfe; 128])), Err(Error::AttributeValueInvalid));
}

#[test]
fn points_and_private_values_of_curves_are_checked_and_brought_into_one_form() {
    for pair in
        [weierstrass(Curve::P384), edwards(Ed25519), montgomery(X25519), edwards(Ed448), montgomery(X448)]
    {
        let (public, private) = (attributes(&pair.public), attributes(&pair.private));
        let wrapped = public.bytes(CKA_EC_POINT).unwrap().to_vec();
        let raw = &wrapped[2..];
        assert_eq!(check_key(&with(&public, CKA_EC_POINT, raw)).unwrap(), public);
        assert_eq!(check_key(&with(&private, CKA_EC_POINT, raw)).unwrap(), private);
        let value = private.bytes(CKA_VALUE).unwrap();
        let other = attributes(&weierstrass(Curve::P384).private);
        let foreign = match raw.len() {
            length @ (32 | 56 | 57) => vec![9; length],
            _ => other.bytes(CKA_EC_POINT).unwrap().to_vec(),
        };
        assert_eq!(check_key(&with(&private, CKA_EC_POINT, &foreign)), Err(Error::TemplateInconsistent));
        let long = [&[1; 40][..], value].concat();
        assert_eq!(check_key(&with(&private, CKA_VALUE, &long)), Err(Error::AttributeValueInvalid));
        let prime239v1 = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 4];
        assert_eq!(check_key(&with(&public, CKA_EC_PARAMS, &prime239v1)), Err(Error::CurveNotSupported));
        assert_eq!(check_key(&with(&private, CKA_EC_PARAMS, &[5, 0])), Err(Error::DomainParamsInvalid));
    }
    let public = attributes(&weierstrass(Curve::P256).public);
    let mut off = public.bytes(CKA_EC_POINT).unwrap().to_vec();
    *off.last_mut().unwrap() ^= 1;
    assert_eq!(check_key(&with(&public, CKA_EC_POINT, &off)), Err(Error::PublicKeyInvalid));
    let private = attributes(&weierstrass(Curve::P256).private);
    let short = without(&with(&private, CKA_VALUE, &[7]), &[CKA_EC_POINT]);
    let stored = check_key(&short).unwrap();
    assert_eq!(stored.bytes(CKA_VALUE).unwrap(), [&[0; 31][..], &[7]].concat());
    assert_eq!(check_key(&with(&short, CKA_VALUE, &[0; 32])), Err(Error::AttributeValueInvalid));
}

#[test]
fn private_keys_survive_their_private_key_info() {
    for pair in all_pairs() {
        let der = encode(pair.private.object()).unwrap();
        let decoded = decode(der.as_bytes()).unwrap();
        let mut expected = attributes(&pair.private);
        if expected.ulong(CKA_KEY_TYPE) != Some(CKK_EC) && expected.ulong(CKA_KEY_TYPE) != Some(CKK_RSA) {
            expected.remove(CKA_EC_POINT);
        }
        assert_eq!(decoded, expected);
        for end in 0..der.len() {
            assert!(decode(&der.as_bytes()[..end]).is_err());
        }
    }
}

#[test]
fn other_objects_are_not_wrapped_and_other_bytes_are_no_key() {
    assert_eq!(encode(rsa().public.object()).err(), Some(Error::KeyNotWrappable));
    let bare = Object::new(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_PRIVATE_EXPONENT, Value::Secret(Secret::new(vec![1]))),
    ]));
    assert_eq!(encode(&bare).err(), Some(Error::KeyNotWrappable));
    for wrong in [&[][..], &[0x30, 0], &[0x30, 3, 2, 1, 0], b"-----BEGIN PRIVATE KEY-----"] {
        assert_eq!(decode(wrong), Err(Error::WrappedKeyInvalid));
    }
    let der = encode(weierstrass(Curve::P256).private.object()).unwrap();
    let mut other_curve = der.as_bytes().to_vec();
    let place = other_curve.windows(3).position(|bytes| bytes == [3, 1, 7]).unwrap();
    other_curve[place + 2] = 4;
    assert_eq!(decode(&other_curve), Err(Error::CurveNotSupported));
}
