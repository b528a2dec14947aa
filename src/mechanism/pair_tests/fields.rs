//! Finite fields through their rows: DSA, and Diffie-Hellman of PKCS #3 and ANSI X9.42.

use super::*;
use crate::crypto::digest::Hash;
use crate::crypto::dsa::tests as rfc_6979;
use crate::crypto::ffc::{self, tests as rfc_5114};
use crate::crypto::pkcs8::{decode_private, tests as files};
use crate::error::Error;
use crate::mechanism::computed::public_key_info;
use crate::mechanism::import::check_key;
use crate::mechanism::private_key_info::{self, attributes_of};
use crate::mechanism::testing::{derive, unhex};

fn big(id: CK_ATTRIBUTE_TYPE, hex: &str) -> (CK_ATTRIBUTE_TYPE, Value) {
    (id, Value::Bytes(unhex(hex)))
}

fn dsa_group() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        big(CKA_PRIME, rfc_6979::PRIME),
        big(CKA_SUBPRIME, rfc_6979::SUBPRIME),
        big(CKA_BASE, rfc_6979::BASE),
    ]
}

fn x9_42_group() -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    vec![
        big(CKA_PRIME, rfc_5114::PRIME),
        big(CKA_SUBPRIME, rfc_5114::SUBPRIME),
        big(CKA_BASE, rfc_5114::BASE),
    ]
}

fn named_group(bits: usize) -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    let (prime, base) = ffc::group(bits).unwrap().unwrap();
    vec![(CKA_PRIME, Value::Bytes(prime)), (CKA_BASE, Value::Bytes(base))]
}

/// A key object with these parameters and this value.
fn key(
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    group: Vec<(CK_ATTRIBUTE_TYPE, Value)>,
    value: &str,
) -> UsableKey {
    let mut attributes = Attributes::from_iter(group);
    attributes.set(CKA_VALUE, Value::Bytes(unhex(value)));
    let key = usable(class, key_type, attributes);
    check_key(&super::attributes(&key)).unwrap();
    key
}

#[test]
fn dsa_verifies_the_published_signatures_with_every_hash() {
    let public = key(CKO_PUBLIC_KEY, CKK_DSA, dsa_group(), rfc_6979::PUBLIC);
    let private = key(CKO_PRIVATE_KEY, CKK_DSA, dsa_group(), rfc_6979::PRIVATE);
    let ids = [
        (Hash::Sha1, CKM_DSA_SHA1),
        (Hash::Sha224, CKM_DSA_SHA224),
        (Hash::Sha256, CKM_DSA_SHA256),
        (Hash::Sha384, CKM_DSA_SHA384),
        (Hash::Sha512, CKM_DSA_SHA512),
        (Hash::Sha3_224, CKM_DSA_SHA3_224),
        (Hash::Sha3_256, CKM_DSA_SHA3_256),
        (Hash::Sha3_384, CKM_DSA_SHA3_384),
        (Hash::Sha3_512, CKM_DSA_SHA3_512),
    ];
    assert_eq!(ids.len(), rfc_6979::SIGNATURES.len());
    for (hash, signature) in rfc_6979::SIGNATURES {
        let (_, id) = ids.iter().find(|(known, _)| known == hash).unwrap();
        let (none, signature) = (Params::None, unhex(signature));
        verify(*id, &public, &none, b"sample", &signature).unwrap();
        let digest = hash.digest(b"sample").unwrap();
        verify(CKM_DSA, &public, &none, digest.as_bytes(), &signature).unwrap();
        assert_eq!(verify(*id, &public, &none, b"simple", &signature), Err(Error::SignatureInvalid));
        assert_eq!(verify(*id, &public, &none, b"sample", &signature[1..]), Err(Error::SignatureLenRange));
        let own = sign(*id, &private, &none, b"sample").unwrap();
        verify(*id, &public, &none, b"sample", &own).unwrap();
        let own = sign(CKM_DSA, &private, &none, digest.as_bytes()).unwrap();
        verify(*id, &public, &none, b"sample", &own).unwrap();
    }
    assert_eq!(sign(CKM_DSA, &private, &Params::None, b""), Err(Error::DataLenRange));
    assert_eq!(verify(CKM_DSA, &public, &Params::None, b"", &[1; 40]), Err(Error::DataLenRange));
}

#[test]
fn x9_42_derives_the_secret_of_rfc_5114_and_its_hash() {
    let private = key(CKO_PRIVATE_KEY, CKK_X9_42_DH, x9_42_group(), rfc_5114::X_A);
    let derived = |kdf, info: &[u8], public: &[u8], wanted| {
        let params = Params::X942Dh1 { kdf, other_info: info.to_vec(), public_data: public.to_vec() };
        derive(CKM_X9_42_DH_DERIVE, &private, &params, wanted)
    };
    let (public, secret) = (unhex(rfc_5114::Y_B), unhex(rfc_5114::SECRET));
    assert_eq!(derived(CKD_NULL, b"", &public, None).unwrap(), secret);
    assert_eq!(derived(CKD_NULL, b"", &public, Some(16)).unwrap(), secret[112..]);
    assert_eq!(derived(CKD_NULL, b"", &public, Some(129)), Err(Error::KeySizeRange));
    let block = |counter: u8| {
        let data = [&secret[..], &[0, 0, 0, counter], b"info"].concat();
        Hash::Sha1.digest(&data).unwrap().as_bytes().to_vec()
    };
    let expected = [block(1), block(2)].concat();
    assert_eq!(derived(CKD_SHA1_KDF_CONCATENATE, b"info", &public, Some(40)).unwrap(), expected);
    assert_eq!(derived(CKD_SHA1_KDF_ASN1, b"info", &public, None), Err(Error::MechanismParamInvalid));
    assert_eq!(derived(CKD_NULL, b"info", &public, None), Err(Error::MechanismParamInvalid));
    assert_eq!(derived(CKD_NULL, b"", b"", None), Err(Error::MechanismParamInvalid));
    for wrong in [&[0][..], &[1], &[2], &[0xff; 128]] {
        assert_eq!(derived(CKD_NULL, b"", wrong, None), Err(Error::PublicKeyInvalid));
    }
}

#[test]
fn pkcs3_derives_secrets_as_long_as_the_prime() {
    let private = key(CKO_PRIVATE_KEY, CKK_DH, named_group(2048), rfc_5114::ZERO_X);
    let derived =
        |public: &[u8], wanted| derive(CKM_DH_PKCS_DERIVE, &private, &Params::Bytes(public.to_vec()), wanted);
    let public = unhex(rfc_5114::ZERO_Y);
    let secret = unhex(rfc_5114::ZERO_SECRET);
    assert_eq!(derived(&public, None).unwrap(), secret);
    assert_eq!(derived(&public, Some(32)).unwrap(), secret[224..]);
    assert_eq!(derived(&public, Some(257)), Err(Error::KeySizeRange));
    let (prime, _) = ffc::group(2048).unwrap().unwrap();
    for wrong in [vec![0], vec![1], prime.clone(), [&prime[..255], &[0xfe]].concat(), vec![0xff; 300]] {
        assert_eq!(derived(&wrong, None), Err(Error::PublicKeyInvalid));
    }
    assert_eq!(derived(b"", None), Err(Error::MechanismParamInvalid));
}

#[test]
fn new_pairs_of_every_kind_work_and_survive_their_files() {
    let dsa = generate(CKM_DSA_KEY_PAIR_GEN, CKK_DSA, &dsa_group());
    let signature = sign(CKM_DSA_SHA256, &dsa.private, &Params::None, b"message").unwrap();
    verify(CKM_DSA_SHA256, &dsa.public, &Params::None, b"message", &signature).unwrap();
    let kinds = [
        (CKM_DSA_KEY_PAIR_GEN, CKK_DSA, dsa_group()),
        (CKM_DH_PKCS_KEY_PAIR_GEN, CKK_DH, named_group(2048)),
        (CKM_X9_42_DH_KEY_PAIR_GEN, CKK_X9_42_DH, x9_42_group()),
    ];
    for (id, key_type, group) in kinds {
        let pair = generate(id, key_type, &group);
        for key in [&pair.public, &pair.private] {
            let attributes = super::attributes(key);
            assert_eq!(check_key(&attributes).unwrap(), attributes);
        }
        let (public, private) = (super::attributes(&pair.public), super::attributes(&pair.private));
        assert_eq!(public_key_info(&public).unwrap(), public_key_info(&private).unwrap());
        let der = private_key_info::encode(pair.private.object()).unwrap();
        assert_eq!(private_key_info::decode(der.as_bytes()).unwrap(), private);
    }
}

#[test]
fn key_files_of_other_implementations_become_keys() {
    for file in [&files::DSA, &files::X9_42_DH, &files::DH] {
        let der = unhex(file.private);
        let attributes = attributes_of(decode_private(&der).unwrap()).unwrap();
        assert_eq!(private_key_info::decode(&der).unwrap(), attributes);
        assert_eq!(public_key_info(&attributes).unwrap(), unhex(file.public));
        let mut out_of_range = attributes.clone();
        out_of_range.set(CKA_VALUE, Value::Bytes(vec![0xff; 300]));
        assert_eq!(check_key(&out_of_range), Err(Error::AttributeValueInvalid));
        let mut no_group = attributes.clone();
        no_group.set(CKA_BASE, Value::Bytes(vec![1]));
        assert_eq!(check_key(&no_group), Err(Error::DomainParamsInvalid));
        no_group.remove(CKA_PRIME);
        assert_eq!(check_key(&no_group), Err(Error::TemplateIncomplete));
    }
}

#[test]
fn public_values_outside_the_group_make_no_key() {
    let kinds = [(CKK_DSA, dsa_group()), (CKK_X9_42_DH, x9_42_group()), (CKK_DH, named_group(1536))];
    for (key_type, group) in kinds {
        let mut attributes = Attributes::from_iter(group);
        attributes.set(CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY));
        attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
        assert_eq!(check_key(&attributes), Err(Error::TemplateIncomplete));
        for wrong in [&[1][..], &[0], &[0xff; 256]] {
            attributes.set(CKA_VALUE, Value::Bytes(wrong.to_vec()));
            assert_eq!(check_key(&attributes), Err(Error::PublicKeyInvalid));
        }
    }
}

fn parameters(id: CK_MECHANISM_TYPE, sizes: &[(CK_ATTRIBUTE_TYPE, u64)]) -> Result<Attributes> {
    let template = sizes.iter().map(|(id, size)| (*id, Value::Ulong(*size))).collect();
    lookup(id).unwrap().ops.generate_key.unwrap()(&Params::None, &template)
}

#[test]
fn new_domain_parameters_are_groups_of_the_size_that_is_asked_for() {
    let made = [
        (parameters(CKM_DSA_PARAMETER_GEN, &[(CKA_PRIME_BITS, 1024)]), 128, Some(20)),
        (
            parameters(CKM_X9_42_DH_PARAMETER_GEN, &[(CKA_PRIME_BITS, 1024), (CKA_SUBPRIME_BITS, 224)]),
            128,
            Some(28),
        ),
        (parameters(CKM_DH_PKCS_PARAMETER_GEN, &[(CKA_PRIME_BITS, 2048)]), 256, None),
    ];
    for (made, prime, subprime) in made {
        let made = made.unwrap();
        assert_eq!(made.ulong(CKA_CLASS), Some(CKO_DOMAIN_PARAMETERS));
        assert_eq!(made.bytes(CKA_PRIME).unwrap().len(), prime);
        assert_eq!(made.bytes(CKA_SUBPRIME).map(<[u8]>::len), subprime);
        assert_eq!(check_key(&made).unwrap(), made);
    }
    let named = parameters(CKM_DH_PKCS_PARAMETER_GEN, &[(CKA_PRIME_BITS, 3072)]).unwrap();
    assert_eq!(Value::Bytes(named.bytes(CKA_PRIME).unwrap().to_vec()), named_group(3072)[0].1);
}

#[test]
fn domain_parameters_of_other_sizes_are_refused() {
    for id in [CKM_DSA_PARAMETER_GEN, CKM_DH_PKCS_PARAMETER_GEN, CKM_X9_42_DH_PARAMETER_GEN] {
        assert_eq!(parameters(id, &[]), Err(Error::TemplateIncomplete));
        for bits in [0, 512, 1000, 9000, u64::MAX] {
            let sizes = [(CKA_PRIME_BITS, bits), (CKA_SUBPRIME_BITS, 160)];
            assert_eq!(parameters(id, &sizes), Err(Error::AttributeValueInvalid), "{bits}");
        }
    }
    let no_subprime = parameters(CKM_X9_42_DH_PARAMETER_GEN, &[(CKA_PRIME_BITS, 2048)]);
    assert_eq!(no_subprime, Err(Error::TemplateIncomplete));
    for (bits, subprime_bits) in [(1024, 256), (2048, 160), (3072, 224), (2048, 7)] {
        let sizes = [(CKA_PRIME_BITS, bits), (CKA_SUBPRIME_BITS, subprime_bits)];
        assert_eq!(parameters(CKM_DSA_PARAMETER_GEN, &sizes), Err(Error::AttributeValueInvalid));
    }
    // A safe prime of this size would take minutes, and there is no named group.
    let large = parameters(CKM_DH_PKCS_PARAMETER_GEN, &[(CKA_PRIME_BITS, 2560)]);
    assert_eq!(large, Err(Error::AttributeValueInvalid));
}

#[test]
fn a_pair_needs_a_group_and_may_have_a_shorter_private_value() {
    let pair = |id: CK_MECHANISM_TYPE, group: &[(CK_ATTRIBUTE_TYPE, Value)], bits: Option<u64>| {
        let private = bits.map(|bits| (CKA_VALUE_BITS, Value::Ulong(bits))).into_iter().collect();
        let public = Attributes::from_iter(group.iter().cloned());
        lookup(id).unwrap().ops.generate_key_pair.unwrap()(&Params::None, &public, &private)
    };
    let group = named_group(2048);
    let made = pair(CKM_DH_PKCS_KEY_PAIR_GEN, &group, Some(256)).unwrap();
    let value = made.private.bytes(CKA_VALUE).unwrap();
    assert!(value.len() == 32 && value[0] >= 0x80);
    for bits in [0, 100, 2048, 1 << 40] {
        let refused = pair(CKM_DH_PKCS_KEY_PAIR_GEN, &group, Some(bits)).err();
        assert_eq!(refused, Some(Error::AttributeValueInvalid));
    }
    for id in [CKM_DSA_KEY_PAIR_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, CKM_X9_42_DH_KEY_PAIR_GEN] {
        assert_eq!(pair(id, &[], None).err(), Some(Error::TemplateIncomplete));
        let mut wrong = dsa_group();
        wrong[2].1 = Value::Bytes(vec![1]);
        assert_eq!(pair(id, &wrong, None).err(), Some(Error::DomainParamsInvalid));
    }
}
