use super::*;
use crate::object::Value;

fn key(class: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE, more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Attributes {
    let identity = [(CKA_CLASS, Value::Ulong(class)), (CKA_KEY_TYPE, Value::Ulong(key_type))];
    identity.into_iter().chain(more.iter().cloned()).collect()
}

fn rsa(bits: usize) -> Attributes {
    let modulus = Value::Bytes([&[0x80][..], &vec![1; bits / 8 - 1]].concat());
    key(CKO_PRIVATE_KEY, CKK_RSA, &[(CKA_MODULUS, modulus), (CKA_SIGN, Value::Bool(true))])
}

fn lattice(key_type: CK_KEY_TYPE, parameter_set: u64) -> Attributes {
    key(CKO_PRIVATE_KEY, key_type, &[(CKA_PARAMETER_SET, Value::Ulong(parameter_set))])
}

fn aes(bytes: u64) -> Attributes {
    key(CKO_SECRET_KEY, CKK_AES, &[(CKA_VALUE_LEN, Value::Ulong(bytes)), (CKA_ENCRYPT, Value::Bool(true))])
}

fn curve(oid: &[u8]) -> Attributes {
    key(CKO_PRIVATE_KEY, CKK_EC, &[(CKA_EC_PARAMS, Value::Bytes(oid.to_vec()))])
}

const P_256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P_384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];

/// First seconds of 2026, 2031, 2034 and 2036.
const Y2026: u64 = 1_767_225_600;
const Y2031: u64 = 1_924_992_000;
const Y2034: u64 = 2_019_686_400;
const Y2036: u64 = 2_082_758_400;

fn forbidden(policy: &str, key: &Attributes, purpose: Use, mechanism: CK_MECHANISM_TYPE, now: u64) -> bool {
    let policy = AlgorithmPolicy::named(policy).unwrap();
    policy.forbids(key, purpose, Some((mechanism, None)), now).is_some()
}

#[test]
fn the_built_in_policies_are_whole_and_name_the_source_of_each_rule() {
    let names: Vec<_> = AlgorithmPolicy::built_in().iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["nist-2030", "pqc-2035", "cnsa2"]);
    for text in BUILT_IN {
        let policy = AlgorithmPolicy::parse(text).unwrap();
        assert!(policy.rules().iter().all(|rule| !rule.source.is_empty()));
    }
}

#[test]
fn nist_2030_ends_112_bits_with_the_year_and_lets_what_was_protected_be_processed() {
    let signs = |key: &Attributes, now| forbidden("nist-2030", key, Use::Sign, CKM_SHA256_RSA_PKCS, now);
    assert!(signs(&rsa(1024), Y2026));
    assert!(!signs(&rsa(2048), Y2026));
    assert!(!signs(&rsa(2048), Y2031 - 1));
    assert!(signs(&rsa(2048), Y2031));
    assert!(!signs(&rsa(3072), Y2036));
    assert!(!forbidden("nist-2030", &rsa(1024), Use::Verify, CKM_SHA256_RSA_PKCS, Y2036));
    assert!(forbidden("nist-2030", &rsa(3072), Use::Sign, CKM_SHA1_RSA_PKCS, Y2026));
    assert!(!forbidden("nist-2030", &rsa(3072), Use::Sign, CKM_SHA224_RSA_PKCS, Y2026));
    assert!(forbidden("nist-2030", &rsa(3072), Use::Sign, CKM_SHA224_RSA_PKCS, Y2031));
    let des3 = key(CKO_SECRET_KEY, CKK_DES3, &[]);
    assert!(forbidden("nist-2030", &des3, Use::Encrypt, CKM_DES3_CBC, Y2026));
    assert!(!forbidden("nist-2030", &des3, Use::Decrypt, CKM_DES3_CBC, Y2026));
    assert!(!forbidden("nist-2030", &aes(16), Use::Encrypt, CKM_AES_ECB, Y2036));
}

#[test]
fn a_hash_in_the_parameter_counts_as_the_one_in_the_mechanism() {
    let policy = AlgorithmPolicy::named("nist-2030").unwrap();
    let pss = |hash| policy.forbids(&rsa(3072), Use::Sign, Some((CKM_RSA_PKCS_PSS, Some(hash))), Y2026);
    assert!(pss(CKM_SHA_1).is_some());
    assert!(pss(CKM_SHA384).is_none());
}

#[test]
fn pqc_2035_ends_what_quantum_computers_break_and_nothing_else() {
    for (key, purpose, mechanism) in [
        (rsa(4096), Use::Sign, CKM_SHA512_RSA_PKCS),
        (curve(P_384), Use::Sign, CKM_ECDSA_SHA384),
        (curve(P_256), Use::Derive, CKM_ECDH1_DERIVE),
    ] {
        assert!(!forbidden("pqc-2035", &key, purpose, mechanism, Y2036 - 1));
        assert!(forbidden("pqc-2035", &key, purpose, mechanism, Y2036));
    }
    let ml_dsa = lattice(CKK_ML_DSA, CKP_ML_DSA_44);
    assert!(!forbidden("pqc-2035", &ml_dsa, Use::Sign, CKM_ML_DSA, Y2036));
    assert!(!forbidden("pqc-2035", &aes(16), Use::Encrypt, CKM_AES_GCM, Y2036));
}

#[test]
fn cnsa2_takes_the_largest_parameters_and_ends_its_predecessor() {
    let protects =
        |key: &Attributes, purpose, mechanism, now| !forbidden("cnsa2", key, purpose, mechanism, now);
    assert!(protects(&aes(32), Use::Encrypt, CKM_AES_GCM, Y2036));
    assert!(!protects(&aes(16), Use::Encrypt, CKM_AES_GCM, Y2026));
    assert!(protects(&lattice(CKK_ML_DSA, CKP_ML_DSA_87), Use::Sign, CKM_ML_DSA, Y2036));
    assert!(!protects(&lattice(CKK_ML_DSA, CKP_ML_DSA_65), Use::Sign, CKM_ML_DSA, Y2026));
    assert!(!protects(&lattice(CKK_ML_KEM, CKP_ML_KEM_768), Use::Encapsulate, CKM_ML_KEM, Y2026));
    assert!(!protects(&curve(P_256), Use::Sign, CKM_ECDSA_SHA384, Y2026));
    assert!(protects(&curve(P_384), Use::Sign, CKM_ECDSA_SHA384, Y2034 - 1));
    assert!(!protects(&curve(P_384), Use::Sign, CKM_ECDSA_SHA384, Y2034));
    assert!(!protects(&curve(P_384), Use::Sign, CKM_ECDSA_SHA256, Y2026));
    assert!(!protects(&rsa(2048), Use::Sign, CKM_SHA384_RSA_PKCS, Y2026));
    // LMS and XMSS are in the suite, with SHA-256 as their hash function.
    assert!(protects(&key(CKO_PRIVATE_KEY, CKK_HSS, &[]), Use::Sign, CKM_HSS, Y2036));
}

#[test]
fn findings_tell_what_is_and_what_will_be() {
    let policy = AlgorithmPolicy::named("pqc-2035").unwrap();
    let told: Vec<_> = policy.findings(&rsa(2048)).iter().map(|found| (found.severity, found.from)).collect();
    assert_eq!(
        told,
        [(Severity::Deprecated, Y2031), (Severity::Disallowed, Y2036), (Severity::Disallowed, Y2036)]
    );
    assert!(policy.findings(&aes(16)).is_empty());
    let verifies = key(CKO_PUBLIC_KEY, CKK_RSA, &[(CKA_VERIFY, Value::Bool(true))]);
    assert!(policy.findings(&verifies).is_empty());
}

#[test]
fn a_policy_of_ones_own_is_read_and_what_is_wrong_with_one_is_told() {
    let own = "name = \"own\"\ntitle = \"t\"\n[[rule]]\nalgorithms = [\"rsa\"]\nprocess-until = \"2026-12-31\"\nsource = \"us\"\n";
    let policy = AlgorithmPolicy::parse(own).unwrap();
    assert!(policy.forbids(&rsa(2048), Use::Verify, None, Y2031).is_some());
    let no_state = AlgorithmPolicy::parse(&own.replace("rsa", "hss")).unwrap();
    let hss = key(CKO_PUBLIC_KEY, CKK_HSS, &[]);
    assert!(no_state.forbids(&hss, Use::Verify, None, Y2031).is_some());
    assert!(policy.forbids(&rsa(2048), Use::Sign, None, Y2031).is_none());
    for (from, to, problem) in [
        ("2026-12-31", "2026-13-31", "is neither a day"),
        ("2026-12-31", "soon", "is neither a day"),
        ("rsa", "rot13", "unknown variant"),
        ("source = \"us\"", "", "missing field `source`"),
        ("process-until", "proces-until", "unknown field"),
        ("\"own\"", "\"a b\"", "its name"),
        ("[[rule]]", "[rule]", "invalid type"),
    ] {
        let error = AlgorithmPolicy::parse(&own.replace(from, to)).unwrap_err();
        assert!(error.contains(problem), "{to}: {error}");
    }
    assert!(AlgorithmPolicy::parse("name = \"own\"\ntitle = \"t\"").unwrap_err().contains("rules"));
}
