//! Vectors for mechanisms with secret keys, and for derivations from passwords and secrets.

use coffer_pkcs11::ck::*;

use super::curves;
use super::parameter::Mechanism;
use super::report::Outcome;
use super::token::{Answer, Attributes, Token, agree, ulong, yes};
use super::wycheproof::{Outcomes, Vector, number};

/// A secret key that can be used for everything and read back.
pub fn secret_key(key_type: CK_KEY_TYPE, value: &[u8]) -> Attributes {
    let mut attributes = readable(key_type);
    attributes.push((CKA_VALUE, value.to_vec()));
    attributes
}

/// A secret key without its value.
pub fn readable(key_type: CK_KEY_TYPE) -> Attributes {
    vec![
        (CKA_CLASS, ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, ulong(key_type)),
        (CKA_EXTRACTABLE, yes()),
        (CKA_SENSITIVE, vec![CK_FALSE]),
        (CKA_DERIVE, yes()),
    ]
}

/// `Accepted` where the answer is the published output.
pub fn compared(answer: &Answer<Vec<u8>>, published: &[u8]) -> Outcome {
    match answer {
        Ok(made) if made == published => Outcome::Accepted,
        Ok(made) => Outcome::Wrong(hex::encode(made)),
        Err(rv) => Outcome::Refused(*rv),
    }
}

/// Makes a key, uses it and destroys it. A key that cannot be made is a refusal.
pub fn with_key(
    token: &Token,
    id: CK_MECHANISM_TYPE,
    key: &Attributes,
    work: impl FnOnce(CK_OBJECT_HANDLE) -> Outcome,
) -> (CK_MECHANISM_TYPE, Outcome) {
    if !token.offers(id) {
        return (id, Outcome::NotOffered);
    }
    let outcome = match token.create(key) {
        Ok(handle) => {
            let outcome = work(handle);
            token.destroy(handle);
            outcome
        }
        Err(rv) => Outcome::Refused(rv),
    };
    (id, outcome)
}

/// A MAC of its full length, or cut by the GENERAL form of the mechanism.
pub fn mac(
    token: &Token,
    full: CK_MECHANISM_TYPE,
    general: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    vector: &Vector,
) -> Outcomes {
    let (key, message, tag) = (vector.bytes("key"), vector.bytes("msg"), vector.bytes("tag"));
    let key = secret_key(key_type, &key);
    let cut = with_key(token, general, &key, |key| {
        check_mac(token, &Mechanism::number(general, tag.len()), key, &message, &tag, vector)
    });
    let whole = with_key(token, full, &key, |key| {
        let mechanism = Mechanism::plain(full);
        match token.sign(&mechanism, key, &message) {
            Ok(made) if made.len() != tag.len() => {
                Outcome::Skipped("a shorter tag is the GENERAL mechanism's")
            }
            _ => check_mac(token, &mechanism, key, &message, &tag, vector),
        }
    });
    vec![whole, cut]
}

/// Signs and verifies; a wrong tag must be refused by the verification.
fn check_mac(
    token: &Token,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    message: &[u8],
    tag: &[u8],
    vector: &Vector,
) -> Outcome {
    let verified = token.verify(mechanism, key, message, tag);
    match verified {
        Ok(()) if !vector.must_be_refused() => compared(&sign_both(token, mechanism, key, message), tag),
        Ok(()) => Outcome::Accepted,
        Err(rv) => Outcome::Refused(rv),
    }
}

/// In one part and in several.
pub fn sign_both(
    token: &Token,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    message: &[u8],
) -> Answer<Vec<u8>> {
    let once = token.sign(mechanism, key, message);
    agree(once, token.sign_in_parts(mechanism, key, message))
}

/// In one part and in several.
pub fn encrypt_both(
    token: &Token,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    message: &[u8],
) -> Answer<Vec<u8>> {
    let once = token.encrypt(mechanism, key, message);
    agree(once, token.encrypt_in_parts(mechanism, key, message))
}

pub fn gmac(token: &Token, vector: &Vector) -> Outcomes {
    let key = secret_key(CKK_AES, &vector.bytes("key"));
    let (message, tag) = (vector.bytes("msg"), vector.bytes("tag"));
    let mechanism = Mechanism::gcm(CKM_AES_GMAC, &vector.bytes("iv"), b"", tag.len());
    vec![with_key(token, CKM_AES_GMAC, &key, |key| check_mac(token, &mechanism, key, &message, &tag, vector))]
}

/// Decrypts, and for a valid vector encrypts too.
fn check_cipher(
    token: &Token,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    plain: &[u8],
    ciphertext: &[u8],
    vector: &Vector,
) -> Outcome {
    match compared(&token.decrypt(mechanism, key, ciphertext), plain) {
        Outcome::Accepted if !vector.must_be_refused() => {
            compared(&encrypt_both(token, mechanism, key, plain), ciphertext)
        }
        // What comes out of a ciphertext that should have been refused is wrong whatever it is.
        outcome => outcome,
    }
}

/// An AEAD whose mechanism is made from IV, additional data, length of the message and length of the tag in bytes.
pub fn aead(
    token: &Token,
    vector: &Vector,
    key_type: CK_KEY_TYPE,
    mechanism: fn(&[u8], &[u8], usize, usize) -> Mechanism,
) -> Outcomes {
    let key = secret_key(key_type, &vector.bytes("key"));
    let (iv, aad, plain) = (vector.bytes("iv"), vector.bytes("aad"), vector.bytes("msg"));
    let ciphertext = [vector.bytes("ct"), vector.bytes("tag")].concat();
    let mechanism = mechanism(&iv, &aad, plain.len(), number(vector.group, "tagSize") / 8);
    vec![with_key(token, mechanism.id, &key, |key| {
        check_cipher(token, &mechanism, key, &plain, &ciphertext, vector)
    })]
}

/// CCM tells the length of the data: of the plaintext when encrypting, of the ciphertext without the MAC when
/// decrypting; both are the same number.
pub fn ccm(token: &Token, vector: &Vector, id: CK_MECHANISM_TYPE, key_type: CK_KEY_TYPE) -> Outcomes {
    let key = secret_key(key_type, &vector.bytes("key"));
    let (iv, aad, plain) = (vector.bytes("iv"), vector.bytes("aad"), vector.bytes("msg"));
    let ciphertext = [vector.bytes("ct"), vector.bytes("tag")].concat();
    let mechanism =
        Mechanism::ccm(id, vector.bytes("ct").len(), &iv, &aad, number(vector.group, "tagSize") / 8);
    vec![with_key(token, id, &key, |key| check_cipher(token, &mechanism, key, &plain, &ciphertext, vector))]
}

pub fn cipher(token: &Token, id: CK_MECHANISM_TYPE, key_type: CK_KEY_TYPE, vector: &Vector) -> Outcomes {
    let key = secret_key(key_type, &vector.bytes("key"));
    let (plain, ciphertext) = (vector.bytes("msg"), vector.bytes("ct"));
    let mechanism = Mechanism::bytes(id, &vector.bytes("iv"));
    vec![with_key(token, id, &key, |key| check_cipher(token, &mechanism, key, &plain, &ciphertext, vector))]
}

/// The vectors tell the number of the sector; the tweak is that number, least significant byte first.
pub fn xts(token: &Token, vector: &Vector) -> Outcomes {
    let key = vector.bytes("key");
    if key.len() == 48 {
        return vec![(CKM_AES_XTS, Outcome::Skipped("PKCS#11 has no XTS with keys of 48 bytes"))];
    }
    let key = secret_key(CKK_AES_XTS, &key);
    let (plain, ciphertext) = (vector.bytes("msg"), vector.bytes("ct"));
    let mut tweak = vector.bytes("iv");
    tweak.resize(16, 0);
    let mechanism = Mechanism::bytes(CKM_AES_XTS, &tweak);
    vec![with_key(token, CKM_AES_XTS, &key, |key| {
        check_cipher(token, &mechanism, key, &plain, &ciphertext, vector)
    })]
}

/// Unwraps, and wraps what came out again; the functions for data must agree.
pub fn wrap(token: &Token, ids: &[CK_MECHANISM_TYPE], vector: &Vector) -> Outcomes {
    let wrapping = secret_key(CKK_AES, &vector.bytes("key"));
    let (plain, wrapped) = (vector.bytes("msg"), vector.bytes("ct"));
    let one = |id| {
        let mechanism = Mechanism::plain(id);
        with_key(token, id, &wrapping, |wrapping| {
            let unwrapped = token.unwrap(&mechanism, wrapping, &wrapped, &readable(CKK_GENERIC_SECRET));
            let by_decryption = token.decrypt(&mechanism, wrapping, &wrapped);
            let key = match unwrapped {
                Ok(key) => key,
                Err(rv) => return Outcome::Refused(rv),
            };
            let value = token.attribute(key, CKA_VALUE);
            assert_eq!(value, by_decryption, "{}", vector.test);
            let again = token.wrap(&mechanism, wrapping, key);
            token.destroy(key);
            match compared(&value, &plain) {
                Outcome::Accepted => compared(&again, &wrapped),
                outcome => outcome,
            }
        })
    };
    ids.iter().map(|id| one(*id)).collect()
}

/// The hash function behind the last hyphen of the algorithm, or behind its last "HMAC".
fn hash_of(vector: &Vector) -> &'static str {
    let all = ["SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"];
    let name = vector.algorithm.to_uppercase().replace('-', "");
    all.into_iter().find(|hash| name.contains(&hash.replace('-', ""))).unwrap()
}

pub fn hkdf(token: &Token, vector: &Vector) -> Outcomes {
    let hash = curves::hash(hash_of(vector)).unwrap().digest;
    let (salt, info, okm) = (vector.bytes("salt"), vector.bytes("info"), vector.bytes("okm"));
    let mechanism = Mechanism::hkdf(CKM_HKDF_DERIVE, hash, &salt, &info);
    let key = secret_key(CKK_HKDF, &vector.bytes("ikm"));
    vec![with_key(token, CKM_HKDF_DERIVE, &key, |base| {
        derived(token, &mechanism, base, number(vector.test, "size"), &okm)
    })]
}

/// Derives a generic secret of so many bytes and compares its value.
pub fn derived(
    token: &Token,
    mechanism: &Mechanism,
    base: CK_OBJECT_HANDLE,
    size: usize,
    published: &[u8],
) -> Outcome {
    let mut template = readable(CKK_GENERIC_SECRET);
    template.push((CKA_VALUE_LEN, ulong(size as CK_ULONG)));
    match token.derive(mechanism, base, &template) {
        Ok(key) => {
            let outcome = compared(&token.attribute(key, CKA_VALUE), published);
            token.destroy(key);
            outcome
        }
        Err(rv) => Outcome::Refused(rv),
    }
}

/// A key of this type and length from the password of a vector.
fn key_of_password(
    token: &Token,
    vector: &Vector,
    key_type: CK_KEY_TYPE,
    len: usize,
) -> Answer<CK_OBJECT_HANDLE> {
    let prf = match hash_of(vector) {
        "SHA-1" => CKP_PKCS5_PBKD2_HMAC_SHA1,
        "SHA-224" => CKP_PKCS5_PBKD2_HMAC_SHA224,
        "SHA-256" => CKP_PKCS5_PBKD2_HMAC_SHA256,
        "SHA-384" => CKP_PKCS5_PBKD2_HMAC_SHA384,
        _ => CKP_PKCS5_PBKD2_HMAC_SHA512,
    };
    let iterations = number(vector.test, "iterationCount") as u64;
    let mechanism = Mechanism::pbkdf2(prf, &vector.bytes("password"), &vector.bytes("salt"), iterations);
    let mut template = readable(key_type);
    template.push((CKA_VALUE_LEN, ulong(len as CK_ULONG)));
    token.generate(&mechanism, &template)
}

pub fn pbkdf2(token: &Token, vector: &Vector) -> Outcomes {
    if !token.offers(CKM_PKCS5_PBKD2) {
        return vec![(CKM_PKCS5_PBKD2, Outcome::NotOffered)];
    }
    if number(vector.test, "iterationCount") > 10_000_000 {
        return vec![(CKM_PKCS5_PBKD2, Outcome::Skipped("more iterations than Coffer takes"))];
    }
    let published = vector.bytes("dk");
    let key = key_of_password(token, vector, CKK_GENERIC_SECRET, published.len());
    let outcome = match key {
        Ok(key) => {
            let value = token.attribute(key, CKA_VALUE);
            token.destroy(key);
            compared(&value, &published)
        }
        Err(rv) => Outcome::Refused(rv),
    };
    vec![(CKM_PKCS5_PBKD2, outcome)]
}

/// PBES2 is a key by PBKDF2 and a CBC encryption with it.
pub fn pbes2(token: &Token, vector: &Vector) -> Outcomes {
    if !token.offers(CKM_PKCS5_PBKD2) {
        return vec![(CKM_PKCS5_PBKD2, Outcome::NotOffered)];
    }
    let bits: usize = vector.algorithm.rsplit('_').next().unwrap().parse().unwrap();
    let outcome = match key_of_password(token, vector, CKK_AES, bits / 8) {
        Ok(key) => {
            let mechanism = Mechanism::bytes(CKM_AES_CBC_PAD, &vector.bytes("iv"));
            let (plain, ciphertext) = (vector.bytes("msg"), vector.bytes("ct"));
            let outcome = check_cipher(token, &mechanism, key, &plain, &ciphertext, vector);
            token.destroy(key);
            outcome
        }
        Err(rv) => Outcome::Refused(rv),
    };
    vec![(CKM_PKCS5_PBKD2, outcome)]
}
