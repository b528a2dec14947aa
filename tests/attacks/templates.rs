//! Attacks on attributes: reading what is hidden, and making hidden keys readable (Bortolozzo a3, a4 and a5).

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{SearchTemplate, Value};
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{bytes, find, template};
use crate::host::*;

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// All attributes that can hold a part of a key.
const PARTS: [CK_ATTRIBUTE_TYPE; 8] = [
    CKA_VALUE,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_SEED,
];

/// A key of each kind with these attributes: AES, HMAC, RSA, EC.
fn keys(host: &Host, more: &[Attribute]) -> Vec<ObjectHandle> {
    let size = (CKA_MODULUS_BITS, Value::Ulong(RSA_BITS));
    let pair = |id, public: &[Attribute]| {
        let made = host.session.generate_key_pair(id, &Params::None, &template(public), &template(more));
        made.unwrap().1
    };
    vec![
        host.aes(b"0123456789abcdef", more),
        host.secret(CKK_GENERIC_SECRET, b"0123456789abcdef", more),
        host.new_aes(more),
        pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &[size]),
        pair(CKM_EC_KEY_PAIR_GEN, &[(CKA_EC_PARAMS, bytes(P_256))]),
    ]
}

fn is_hidden(host: &Host, key: ObjectHandle) {
    let values = host.session.attribute_values(key, &PARTS).unwrap();
    for (part, value) in PARTS.iter().zip(values) {
        let refused = matches!(value, Err(Error::AttributeSensitive | Error::AttributeTypeInvalid));
        assert!(refused, "{part:#x} of {key:?} is {value:?}");
    }
}

/// Bortolozzo a3.
#[test]
fn no_part_of_a_sensitive_key_is_read() {
    let host = Host::new();
    for key in keys(&host, &[yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]) {
        is_hidden(&host, key);
    }
}

/// Bortolozzo a4: some tokens hide sensitive keys alone.
#[test]
fn no_part_of_a_key_that_is_not_extractable_is_read_even_if_it_is_not_sensitive() {
    let host = Host::new();
    for key in keys(&host, &[no(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]) {
        is_hidden(&host, key);
    }
}

/// Bortolozzo a5.
#[test]
fn no_change_and_no_copy_takes_the_protection_of_a_key_away() {
    let host = Host::new();
    let tight = [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED)];
    let loose = [no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE), no(CKA_WRAP_WITH_TRUSTED)];
    for key in keys(&host, &tight) {
        for change in &loose {
            let wanted = template(std::slice::from_ref(change));
            let set = host.session.set_attribute_values(key, &wanted);
            assert_eq!(set, Err(Error::AttributeReadOnly), "{change:?}");
            let copy = host.session.copy_object(key, &wanted);
            assert!(copy.is_err(), "a copy with {change:?}");
        }
        let copy = host.session.copy_object(key, &template(&[])).unwrap();
        is_hidden(&host, copy);
        for (attribute, value) in &tight {
            assert_eq!(host.read(copy, *attribute).as_ref(), Ok(value));
        }
    }
}

/// The history of a key is the token's word: a template that tells one would let an imported key pass for a key that
/// never left the token.
#[test]
fn no_template_says_that_a_key_was_always_protected() {
    let host = Host::new();
    let value = (CKA_VALUE, bytes(b"0123456789abcdef"));
    for claim in [CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL] {
        let claimed = host.session.create_object(&secret_key(CKK_AES, &[value.clone(), yes(claim)]));
        assert_eq!(claimed.err(), Some(Error::AttributeReadOnly), "{claim:#x}");
        let key = host.aes(b"0123456789abcdef", &[yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]);
        assert!(!host.is(key, claim), "{claim:#x}");
    }
}

/// A search by CKA_VALUE must not be an oracle that confirms guesses.
#[test]
fn a_hidden_value_is_found_by_no_search() {
    let host = Host::new();
    let guess = |value: &[u8]| {
        let mut search = SearchTemplate::new();
        search.push(CKA_VALUE, value).unwrap();
        find(&host.session, &search).len()
    };
    let value = b"0123456789abcdef";
    for hidden in [[yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)], [no(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]] {
        host.aes(value, &hidden);
    }
    assert_eq!(guess(value), 0);
    host.aes(value, &[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]);
    assert_eq!(guess(value), 1);
}

/// Sizes and check values tell no more than they must: C_GetObjectSize is the same for two values.
#[test]
fn the_size_of_an_object_does_not_tell_its_value() {
    let host = Host::new();
    let more = [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)];
    let size = |value: &[u8]| host.session.object_size(host.aes(value, &more)).unwrap();
    assert_eq!(size(&[0; 16]), size(b"0123456789abcdef"));
}
