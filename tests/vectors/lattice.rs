//! Vectors for ML-DSA and ML-KEM.

use coffer_pkcs11::ck::*;

use super::parameter::Mechanism;
use super::public_keys::key;
use super::report::Outcome;
use super::symmetric::{compared, with_key};
use super::token::{Attributes, Token, ulong};
use super::wycheproof::{Outcomes, Vector, bytes};

/// A private key by its seed or its value.
fn private(key_type: CK_KEY_TYPE, set: CK_ULONG, values: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) -> Attributes {
    let mut attributes = key(CKO_PRIVATE_KEY, key_type, &[(CKA_PARAMETER_SET, &ulong(set))]);
    attributes.extend(values.iter().cloned());
    attributes
}

fn public(key_type: CK_KEY_TYPE, set: CK_ULONG, value: &[u8]) -> Attributes {
    key(CKO_PUBLIC_KEY, key_type, &[(CKA_PARAMETER_SET, &ulong(set)), (CKA_VALUE, value)])
}

fn ml_dsa_set(vector: &Vector) -> CK_ULONG {
    match vector.algorithm {
        "ML-DSA-44" => CKP_ML_DSA_44,
        "ML-DSA-65" => CKP_ML_DSA_65,
        "ML-DSA-87" => CKP_ML_DSA_87,
        other => panic!("{other}"),
    }
}

/// The context of the vector, or none.
fn context(vector: &Vector) -> Vec<u8> {
    if vector.test["ctx"].is_null() { Vec::new() } else { vector.bytes("ctx") }
}

/// The signature that is always the same, in one part and in parts.
pub fn ml_dsa_sign(token: &Token, vector: &Vector) -> Outcomes {
    if vector.test["msg"].is_null() {
        return vec![(0, Outcome::Skipped("PKCS#11 takes no message representative from outside"))];
    }
    if !vector.test["rnd"].is_null() {
        return vec![(0, Outcome::Skipped("PKCS#11 takes no random bytes from outside"))];
    }
    let seed = !vector.group["privateSeed"].is_null();
    let (attribute, field) = if seed { (CKA_SEED, "privateSeed") } else { (CKA_VALUE, "privateKey") };
    let key = private(CKK_ML_DSA, ml_dsa_set(vector), &[(attribute, bytes(vector.group, field))]);
    let mechanism = Mechanism::sign_context(CKM_ML_DSA, CKH_DETERMINISTIC_REQUIRED, &context(vector));
    vec![with_key(token, CKM_ML_DSA, &key, |key| {
        let (message, signature) = (vector.bytes("msg"), vector.bytes("sig"));
        match compared(&token.sign(&mechanism, key, &message), &signature) {
            Outcome::Accepted => compared(&token.sign_in_parts(&mechanism, key, &message), &signature),
            outcome => outcome,
        }
    })]
}

pub fn ml_dsa_verify(token: &Token, vector: &Vector) -> Outcomes {
    let key = public(CKK_ML_DSA, ml_dsa_set(vector), &bytes(vector.group, "publicKey"));
    let mechanism = Mechanism::sign_context(CKM_ML_DSA, CKH_HEDGE_PREFERRED, &context(vector));
    vec![with_key(token, CKM_ML_DSA, &key, |key| {
        match token.verify(&mechanism, key, &vector.bytes("msg"), &vector.bytes("sig")) {
            Ok(()) => Outcome::Accepted,
            Err(rv) => Outcome::Refused(rv),
        }
    })]
}
