//! Vectors for ML-DSA and ML-KEM.

use coffer_pkcs11::ck::*;

use super::parameter::Mechanism;
use super::public_keys::key;
use super::report::Outcome;
use super::symmetric::{compared, readable, with_key};
use super::token::{Attributes, Token, ulong, yes};
use super::wycheproof::{Outcomes, Vector, bytes, text};

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

fn ml_kem_set(vector: &Vector) -> CK_ULONG {
    match text(vector.group, "parameterSet") {
        "ML-KEM-512" => CKP_ML_KEM_512,
        "ML-KEM-768" => CKP_ML_KEM_768,
        "ML-KEM-1024" => CKP_ML_KEM_1024,
        other => panic!("{other}"),
    }
}

/// Key pairs from seeds, private keys, public keys: what a file has of them tells how it is run.
pub fn ml_kem(token: &Token, vector: &Vector) -> Outcomes {
    let has = |field: &str| !vector.test[field].is_null();
    let set = ml_kem_set(vector);
    match (has("c"), has("seed"), has("dk")) {
        (false, ..) => vec![expanded(token, set, vector)],
        (true, true, _) => vec![decapsulated(token, set, (CKA_SEED, "seed"), vector)],
        (true, false, true) => vec![decapsulated(token, set, (CKA_VALUE, "dk"), vector)],
        (true, false, false) if vector.must_be_refused() => {
            vec![with_key(token, CKM_ML_KEM, &public(CKK_ML_KEM, set, &vector.bytes("ek")), |_| {
                Outcome::Accepted
            })]
        }
        _ => vec![encapsulated(token, set, vector)],
    }
}

/// The random bytes cannot be given, so that only the length of the ciphertext is compared.
fn encapsulated(token: &Token, set: CK_ULONG, vector: &Vector) -> (CK_MECHANISM_TYPE, Outcome) {
    let (id, outcome) = with_key(token, CKM_ML_KEM, &public(CKK_ML_KEM, set, &vector.bytes("ek")), |key| {
        let secret = readable(CKK_GENERIC_SECRET);
        match token.encapsulate(&Mechanism::plain(CKM_ML_KEM), key, &secret) {
            Ok((ciphertext, secret)) => {
                token.destroy(secret);
                let length = vector.bytes("c").len();
                if ciphertext.len() == length { Outcome::Accepted } else { Outcome::Wrong("length".into()) }
            }
            Err(rv) => Outcome::Refused(rv),
        }
    });
    match outcome {
        Outcome::Accepted => (0, Outcome::Skipped("PKCS#11 takes no random bytes from outside")),
        outcome => (id, outcome),
    }
}

/// The seed gives the published halves.
fn expanded(token: &Token, set: CK_ULONG, vector: &Vector) -> (CK_MECHANISM_TYPE, Outcome) {
    let mut seed = private(CKK_ML_KEM, set, &[(CKA_SEED, vector.bytes("seed"))]);
    seed.extend([(CKA_SENSITIVE, vec![CK_FALSE]), (CKA_EXTRACTABLE, yes())]);
    with_key(token, CKM_ML_KEM, &seed, |key| {
        let ek = vector.bytes("ek");
        let info = token.attribute(key, CKA_PUBLIC_KEY_INFO).unwrap();
        match compared(&token.attribute(key, CKA_VALUE), &vector.bytes("dk")) {
            Outcome::Accepted => compared(&Ok(info[info.len() - ek.len()..].to_vec()), &ek),
            outcome => outcome,
        }
    })
}

fn decapsulated(
    token: &Token,
    set: CK_ULONG,
    (attribute, field): (CK_ATTRIBUTE_TYPE, &str),
    vector: &Vector,
) -> (CK_MECHANISM_TYPE, Outcome) {
    let key = private(CKK_ML_KEM, set, &[(attribute, vector.bytes(field))]);
    with_key(token, CKM_ML_KEM, &key, |key| {
        let (mechanism, ciphertext) = (Mechanism::plain(CKM_ML_KEM), vector.bytes("c"));
        let secret = token.decapsulate(&mechanism, key, &readable(CKK_GENERIC_SECRET), &ciphertext);
        let value = secret.and_then(|secret| {
            let value = token.attribute(secret, CKA_VALUE);
            token.destroy(secret);
            value
        });
        match value {
            Ok(value) => compared(&Ok(value), &vector.bytes("K")),
            Err(rv) => Outcome::Refused(rv),
        }
    })
}
