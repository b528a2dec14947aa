//! Vectors for RSA, DSA and the elliptic curves.

use coffer_pkcs11::ck::*;

use super::curves::{self, Hash};
use super::parameter::Mechanism;
use super::report::Outcome;
use super::symmetric::{compared, derived, with_key};
use super::token::{Attributes, Token, ulong, yes};
use super::wycheproof::{Outcomes, Vector, bytes, number, text};

pub fn key(
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    values: &[(CK_ATTRIBUTE_TYPE, &[u8])],
) -> Attributes {
    let mut attributes = vec![(CKA_CLASS, ulong(class)), (CKA_KEY_TYPE, ulong(key_type))];
    attributes.extend(values.iter().map(|(id, value)| (*id, value.to_vec())));
    attributes
}

/// `Accepted` where the signature is.
fn verified(
    token: &Token,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    vector: &Vector,
    signature: &[u8],
) -> Outcome {
    verified_data(token, mechanism, key, &vector.bytes("msg"), signature)
}

fn verified_data(
    token: &Token,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
    signature: &[u8],
) -> Outcome {
    match token.verify(mechanism, key, data, signature) {
        Ok(()) => Outcome::Accepted,
        Err(rv) => Outcome::Refused(rv),
    }
}

fn skipped(reason: &'static str) -> Outcomes {
    vec![(0, Outcome::Skipped(reason))]
}

/// The group's hash function, where PKCS#11 has it.
fn hash(vector: &Vector) -> Option<Hash> {
    curves::hash(text(vector.group, "sha"))
}

/// The signature as PKCS#11 passes it: files in DER are taken apart as an application would.
fn raw_signature(vector: &Vector, len: usize) -> Result<Vec<u8>, Outcomes> {
    let signature = vector.bytes("sig");
    if text(vector.group, "type").contains("P1363") {
        // Shorter halves with an even length are right by section 6.3.1, and the vectors call them wrong.
        let short = signature.len() < 2 * len && signature.len().is_multiple_of(2) && !signature.is_empty();
        if short && vector.must_be_refused() {
            return Err(skipped("PKCS#11 takes signatures without leading zeros (section 6.3.1)"));
        }
        return Ok(signature);
    }
    curves::two_numbers(&signature, len)
        .ok_or_else(|| skipped("the application refuses the encoding before it calls PKCS#11"))
}

pub fn ecdsa(token: &Token, vector: &Vector) -> Outcomes {
    let public = &vector.group["publicKey"];
    let Some(id) = hash(vector).and_then(|hash| hash.ecdsa) else {
        return skipped("PKCS#11 has no ECDSA with SHAKE");
    };
    let (params, len) = curves::curve(text(public, "curve")).unwrap();
    let signature = match raw_signature(vector, len) {
        Ok(signature) => signature,
        Err(skipped) => return skipped,
    };
    let point = bytes(public, "uncompressed");
    let attributes = key(CKO_PUBLIC_KEY, CKK_EC, &[(CKA_EC_PARAMS, &params), (CKA_EC_POINT, &point)]);
    on_known_curve(with_key(token, id, &attributes, |key| {
        verified(token, &Mechanism::plain(id), key, vector, &signature)
    }))
}

/// A curve that is not offered is a skip.
fn on_known_curve((id, outcome): (CK_MECHANISM_TYPE, Outcome)) -> Outcomes {
    match outcome {
        Outcome::Refused(CKR_CURVE_NOT_SUPPORTED) => skipped("the curve is not offered"),
        outcome => vec![(id, outcome)],
    }
}

pub fn dsa(token: &Token, vector: &Vector) -> Outcomes {
    let public = &vector.group["publicKey"];
    let id = hash(vector).and_then(|hash| hash.dsa).unwrap();
    let [p, q, g, y] = ["p", "q", "g", "y"].map(|field| bytes_of_number(public, field));
    let signature = match raw_signature(vector, q.len()) {
        Ok(signature) => signature,
        Err(skipped) => return skipped,
    };
    let values: [(_, &[u8]); 4] = [(CKA_PRIME, &p), (CKA_SUBPRIME, &q), (CKA_BASE, &g), (CKA_VALUE, &y)];
    vec![with_key(token, id, &key(CKO_PUBLIC_KEY, CKK_DSA, &values), |key| {
        verified(token, &Mechanism::plain(id), key, vector, &signature)
    })]
}

/// A number in hexadecimal, of an odd number of digits too, without leading zeros.
fn bytes_of_number(of: &serde_json::Value, field: &str) -> Vec<u8> {
    let digits = text(of, field);
    let bytes =
        hex::decode(if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") })
            .unwrap();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

pub fn eddsa(token: &Token, vector: &Vector) -> Outcomes {
    let public = &vector.group["publicKey"];
    let (params, _) = curves::curve(text(public, "curve")).unwrap();
    let point = bytes(public, "pk");
    let values: [(_, &[u8]); 2] = [(CKA_EC_PARAMS, &params), (CKA_EC_POINT, &point)];
    // Ed448 always has a parameter (section 6.3.14).
    let mechanism = match text(public, "curve") {
        "edwards25519" => Mechanism::plain(CKM_EDDSA),
        _ => Mechanism::eddsa(false, &[]),
    };
    on_known_curve(with_key(token, CKM_EDDSA, &key(CKO_PUBLIC_KEY, CKK_EC_EDWARDS, &values), |key| {
        verified(token, &mechanism, key, vector, &vector.bytes("sig"))
    }))
}

fn rsa_public(vector: &Vector) -> Attributes {
    let public = &vector.group["publicKey"];
    let [n, e] = ["modulus", "publicExponent"].map(|field| bytes_of_number(public, field));
    key(CKO_PUBLIC_KEY, CKK_RSA, &[(CKA_MODULUS, &n), (CKA_PUBLIC_EXPONENT, &e)])
}

fn rsa_private(vector: &Vector) -> Attributes {
    let private = &vector.group["privateKey"];
    let fields = [
        (CKA_MODULUS, "modulus"),
        (CKA_PUBLIC_EXPONENT, "publicExponent"),
        (CKA_PRIVATE_EXPONENT, "privateExponent"),
    ];
    let mut attributes = key(CKO_PRIVATE_KEY, CKK_RSA, &[]);
    attributes.push((CKA_DECRYPT, yes()));
    attributes.extend(fields.map(|(id, field)| (id, bytes_of_number(private, field))));
    attributes
}

pub fn pkcs1_verify(token: &Token, vector: &Vector) -> Outcomes {
    let Some(id) = hash(vector).and_then(|hash| hash.pkcs1) else {
        return skipped("PKCS#11 has no RSA signature with SHA-512/t");
    };
    vec![with_key(token, id, &rsa_public(vector), |key| {
        verified(token, &Mechanism::plain(id), key, vector, &vector.bytes("sig"))
    })]
}

/// With the mechanism that hashes, and with CKM_RSA_PKCS_PSS over a digest.
pub fn pss(token: &Token, vector: &Vector) -> Outcomes {
    let Some(hash) = hash(vector) else { return skipped("PKCS#11 has no PSS with SHAKE") };
    let Some(mask) = curves::hash(text(vector.group, "mgfSha")).and_then(|hash| hash.mask) else {
        return skipped("PKCS#11 has no mask generation with SHA-512/t");
    };
    let (salt_len, signature) = (number(vector.group, "sLen"), vector.bytes("sig"));
    let pss = |id| Mechanism::pss(id, hash.digest, mask, salt_len);
    let over_message = hash.pss.map(|id| {
        with_key(token, id, &rsa_public(vector), |key| verified(token, &pss(id), key, vector, &signature))
    });
    let digest = token.digest(&Mechanism::plain(hash.digest), &vector.bytes("msg")).unwrap();
    let over_digest = with_key(token, CKM_RSA_PKCS_PSS, &rsa_public(vector), |key| {
        verified_data(token, &pss(CKM_RSA_PKCS_PSS), key, &digest, &signature)
    });
    over_message.into_iter().chain([over_digest]).collect()
}

pub fn oaep(token: &Token, vector: &Vector) -> Outcomes {
    let Some(mask) = curves::hash(text(vector.group, "mgfSha")).and_then(|hash| hash.mask) else {
        return skipped("PKCS#11 has no mask generation with SHA-512/t");
    };
    let mechanism = Mechanism::oaep(hash(vector).unwrap().digest, mask, &vector.bytes("label"));
    vec![with_key(token, CKM_RSA_PKCS_OAEP, &rsa_private(vector), |key| {
        compared(&token.decrypt(&mechanism, key, &vector.bytes("ct")), &vector.bytes("msg"))
    })]
}

/// Wrong padding gives a message that nobody encrypted: the decryption of an invalid vector may answer anything but
/// what is inside.
pub fn pkcs1_decrypt(token: &Token, vector: &Vector) -> Outcomes {
    vec![with_key(token, CKM_RSA_PKCS, &rsa_private(vector), |key| {
        let (message, mechanism) = (vector.bytes("msg"), Mechanism::plain(CKM_RSA_PKCS));
        match compared(&token.decrypt(&mechanism, key, &vector.bytes("ct")), &message) {
            Outcome::Wrong(_) if vector.must_be_refused() => Outcome::Refused(CKR_OK),
            outcome => outcome,
        }
    })]
}

pub fn ecdh(token: &Token, vector: &Vector) -> Outcomes {
    let Some((params, len)) = curves::curve(text(vector.group, "curve")) else {
        return skipped("the curve is not offered");
    };
    let mut point = vector.bytes("public");
    if text(vector.group, "encoding") == "asn" {
        // The application takes the key file apart: another curve or other parameters are its to refuse.
        match point_of_file(&point, &params) {
            Some(inside) => point = inside,
            None => return skipped("the application refuses the key file before it calls PKCS#11"),
        }
    }
    // A number of any length in the vectors.
    let number = bytes_of_number(vector.test, "private");
    let zeros = vec![0; len.saturating_sub(number.len())];
    agreed(
        token,
        CKK_EC,
        &[CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE],
        &params,
        &[zeros, number].concat(),
        &point,
        vector,
    )
}

/// The point in a SubjectPublicKeyInfo on this curve.
fn point_of_file(file: &[u8], params: &[u8]) -> Option<Vec<u8>> {
    const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let (info, rest) = curves::der(0x30, file)?;
    let (algorithm, key) = curves::der(0x30, info)?;
    let (bits, behind) = curves::der(3, key)?;
    let named = algorithm.strip_prefix(EC_PUBLIC_KEY)? == params;
    let point = bits.strip_prefix(&[0])?;
    (named && rest.is_empty() && behind.is_empty()).then(|| point.to_vec())
}

pub fn xdh(token: &Token, vector: &Vector) -> Outcomes {
    let (params, _) = curves::curve(text(vector.group, "curve")).unwrap();
    let (value, point) = (vector.bytes("private"), vector.bytes("public"));
    agreed(token, CKK_EC_MONTGOMERY, &[CKM_ECDH1_DERIVE], &params, &value, &point, vector)
}

fn agreed(
    token: &Token,
    key_type: CK_KEY_TYPE,
    ids: &[CK_MECHANISM_TYPE],
    params: &[u8],
    value: &[u8],
    point: &[u8],
    vector: &Vector,
) -> Outcomes {
    let shared = vector.bytes("shared");
    let mut private = key(CKO_PRIVATE_KEY, key_type, &[(CKA_EC_PARAMS, params), (CKA_VALUE, value)]);
    private.push((CKA_DERIVE, yes()));
    let one = |id: &CK_MECHANISM_TYPE| {
        let mechanism = Mechanism::ecdh(*id, CKD_NULL, &[], point);
        on_known_curve(with_key(token, *id, &private, |base| {
            derived(token, &mechanism, base, shared.len(), &shared)
        }))
    };
    ids.iter().flat_map(one).collect()
}
