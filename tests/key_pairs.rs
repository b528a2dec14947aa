//! Imported keys of every family through the sessions, against signatures, ciphertexts and secrets that OpenSSL made
//! with the same keys, and against the examples of the RFCs.

mod common;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::ObjectHandle;
use common::{Fixture, bytes, template};

/// An RSA key of 1024 bits: modulus and private exponent. No prime is given, as Java and others do.
const MODULUS: &str = "a85b7f3fb133019e6173a1bc2cbbfc6ce289de7f2e7794b42f768000485215f84e6804f5dd4072ab341728f51fe74b29ca98\
     5357056d1c8cbc852a817a4105e8b201656b516ea88f62458e9281db8b19160edeac62348db376f6abc7bac14b8183db63c8\
     64e4ad59ac1f35672e779fff9fd682ec59813458154e6732078b7b45";
const PRIVATE_EXPONENT: &str = "8c39b961197c7c6aa88ca13794a2f6fad22d372f034b028699c9bf8f7cad3233614aee66c263fd9e6f82a2d0984413acb95b\
     ea7e5ebca4bcec009688c585071f91d0b398ba8974886c39c5621dc5a1d2f27ac001ade0b662d8ab87b4fe1a169a4234f6c5\
     623ccb824d8b01bc52a9fe122ea260d389f819daf62067e08f493bb9";

/// Signatures of "message" with that key: PKCS #1 v1.5 with SHA-256 and SHA-1; PSS with SHA-256, MGF1 of SHA-1 and 17
/// bytes of salt.
const PKCS1_SHA256: &str = "2305432c5fdc23436bbde5167782f65ff0a7bf61c21adadc286ea78ae39aa7c6a830302d8f256c585701421583b55f417f43\
     a72ca5bdbffdb8a6a65332947385892550b5df3fb763d15bf8fac75288d60867610608d02c9b5829b0c6a7e21ea969163603\
     652e509b106e805bab9fc1f5eb60ebfbe2bbe2ff7c57cb9ae61b2a1d";
const PKCS1_SHA1: &str = "86861e649099033b1be8cda11bb99bac958b058ff328024a5b99dee8f729227819c71324807c477876971fe00a12b12b1df4\
     3b221abc7e430bb31701d5e4d63b907ba55a843133cfeb058e8b8ec59bd8af34ea4591feabc84958a9224eb87db72964e8f5\
     5a6ff6dc815197016af025a5b49c85013f4fb5dc377a8a6d8cecad8e";
const PSS: &str = "8b719a88fa30ca976adb82c26703cc6d53df60b51ae1a43931cf4881304418f0cf58362b6350f429a515a57c75b91909fc2a\
     7a4d9f89b8db3449f8dfe2c683ea0ef9950479dc6bb9e1793f17b19567d37c90ae35e79827b9d327281c8927a609998e4803\
     6cfc4c4dbcf0eef31c9db5a727c5bf5b20afdc2f01305a0ce4b5aafa";

/// "secret" encrypted to that key: OAEP with SHA-256, MGF1 of SHA-1 and the label "label"; PKCS #1 v1.5.
const OAEP: &str = "2857a2480e35046bac2c7e8d181c01984ed95161ad4c5648959005f786a6092d8c5a7dcb86e920338839cdf5870b8c7772ac\
     603e1fe18d651bdac28f35bb6bfbe6c64b0cc0803c74670aefc67d082f2d73f5117d2e75422648318d3df14a17100b477c5f\
     2f6bab88ee20553d0d83f518441240c7c1bf3052736248f6207ec1f0";
const PKCS1_CIPHERTEXT: &str = "3a6b4d60bee9ff90d8bd9c1cc3ea303fafef172d938204555a5209992786946fed91072377e7843a1fc426af84d3ee8dca0c\
     83f9364c5a09615aaff981804b7b4c613c5ee4631318e892f4cef20464f8b021945cf2727d03d05ae9c0fb2ed5f3f815a673\
     647f7f61c77ffcb84d7392ba053052ff4709dc02a70b6a259e2ceb3a";

/// An RSA key of 512 bits, as old certificates have them, and its signature of "message" with SHA-256.
const SHORT_MODULUS: &str = "b201be1eda5ac5b204a89fdeb70ef2a7b8c879bb73f8ca8d5352c3eb9b7de468a8fb5452cd642ea8647d6bf654bff0616ef4\
     6843ddcf85cd44b6d04ffd5342e7";
const SHORT_PRIVATE_EXPONENT: &str = "1dc368d4a3d1f5a8545b159019afa8271f20762a3fb3e3ba49aa5713f805cec0e1c00a88870d6ef2f30db2e2b7c16e1c46ac\
     c50c8c10fe83e26edd42c52d24a1";
const SHORT_SIGNATURE: &str = "3772eee7eedb542fae5a2470689faf9e4eb80b512e05a6549b40899e69733c4d499af69b08aa8d9341c5d38252a04403a683\
     174f741543083edcce72895be952";

/// A point on P-521 and a signature of "message" with SHA-512 by its key, two bytes shorter than the longest.
const P521_POINT: &str = "0400b7f86a03823fe9984d565b96dce8a5ca5182d330280973f4865895e07cd0b648519e60eed7473f84d64754a5cb9327ba\
     05c0a79603b9cea2de5be81e38e031750d008908c7c48afe567dc8853573d15c874643f7f658ec824ee32f6fb6c3ab7ebc81\
     147fd8189c735c83b25eabdbf6d01aa7a697a6a89a88af185db26e50bbd4a2c698";
const P521_SIGNATURE: &str = "83ebc84de18b8e2c523acc4d41628eaeedd7a751f033ef6d5f53157858f5c1146eec05e892eb442b0d4a0cd368a87b242ab6\
     845c4a84d4c7d1d9df65eacfbdafb090683fa72bf4ea31f67f3e66dc5eaf3ea9e891ca1652f6a061b906a65c9071cd267112\
     5699062d60db8d9fa62b8496f5ec814fc57a48aaeb4192c48e3c7c8c3e36";

/// A private value on brainpoolP256r1, another party's point, and the secret of both.
const BRAINPOOL_VALUE: &str = "2229a6773a52d7f06d1381ccd7086a7c5efc0ab8ed50f98f5c22d4523665acc5";
const BRAINPOOL_OTHER: &str = "040e47967faaed5c50a7bb78be6ee96452ace2fb1c4632fcbc6b9e76c7b21c1a4b15a3d6028cf8b77253142d6b1e24323a26\
     e0b890d61b4eb8ce033d99c26ca599";
const BRAINPOOL_SECRET: &str = "0af1a39d5e550d1108473ec65aca5eb8859f2074b2eb84c457cb3e4ae2e88fe8";

const P521: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x23];
const BRAINPOOL_P256R1: &[u8] = &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
const X25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x6e];

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn start() -> (Fixture, Arc<Session>) {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    (fixture, session)
}

fn create(
    session: &Session,
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    values: &[(CK_ATTRIBUTE_TYPE, Value)],
) -> Result<ObjectHandle> {
    let mut all = vec![(CKA_CLASS, Value::Ulong(class)), (CKA_KEY_TYPE, Value::Ulong(key_type))];
    all.extend_from_slice(values);
    session.create_object(&template(&all))
}

fn rsa_public(session: &Session) -> ObjectHandle {
    let values = [(CKA_MODULUS, bytes(&unhex(MODULUS))), (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1]))];
    create(session, CKO_PUBLIC_KEY, CKK_RSA, &values).unwrap()
}

fn rsa_private(session: &Session) -> ObjectHandle {
    let values = [
        (CKA_MODULUS, bytes(&unhex(MODULUS))),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
        (CKA_PRIVATE_EXPONENT, bytes(&unhex(PRIVATE_EXPONENT))),
    ];
    create(session, CKO_PRIVATE_KEY, CKK_RSA, &values).unwrap()
}

fn sign(session: &Session, id: CK_MECHANISM_TYPE, key: ObjectHandle, data: &[u8]) -> Result<Vec<u8>> {
    session.sign_init(id, &Params::None, key)?;
    let mut query = Output::query();
    session.sign(data, &mut query)?;
    let mut signature = vec![0; query.length()];
    session.sign(data, &mut Output::buffer(&mut signature))?;
    Ok(signature)
}

fn verify(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    params: &Params,
    key: ObjectHandle,
    data: &[u8],
    signature: &[u8],
) -> Result<()> {
    session.verify_init(id, params, key)?;
    session.verify(data, signature)
}

fn decrypt(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    params: &Params,
    key: ObjectHandle,
    data: &[u8],
) -> Vec<u8> {
    session.decrypt_init(id, params, key).unwrap();
    let mut message = vec![0; 128];
    let mut output = Output::buffer(&mut message);
    session.decrypt(data, &mut output).unwrap();
    let length = output.length();
    message.truncate(length);
    message
}

/// The derived key's value, read back.
fn derive(session: &Session, key: ObjectHandle, point: &[u8]) -> Result<Vec<u8>> {
    let params = Params::Ecdh1 { kdf: CKD_NULL, shared_data: vec![], public_data: point.to_vec() };
    let wanted = template(&[
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET)),
        (CKA_SENSITIVE, Value::Bool(false)),
        (CKA_EXTRACTABLE, Value::Bool(true)),
    ]);
    let derived = session.derive_key(CKM_ECDH1_DERIVE, &params, key, &[], &wanted)?.main.unwrap();
    let values = session.attribute_values(derived, &[CKA_VALUE])?;
    Ok(values.into_iter().next().unwrap().unwrap().as_bytes().unwrap().to_vec())
}

#[test]
fn an_rsa_key_that_is_too_short_to_be_made_still_signs_as_openssl_does() {
    let (_fixture, session) = start();
    let public = [(CKA_MODULUS, bytes(&unhex(SHORT_MODULUS))), (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1]))];
    let exponent = (CKA_PRIVATE_EXPONENT, bytes(&unhex(SHORT_PRIVATE_EXPONENT)));
    let private = [&public[..], &[exponent]].concat();
    let public = create(&session, CKO_PUBLIC_KEY, CKK_RSA, &public).unwrap();
    let private = create(&session, CKO_PRIVATE_KEY, CKK_RSA, &private).unwrap();
    let signature = unhex(SHORT_SIGNATURE);
    assert_eq!(sign(&session, CKM_SHA256_RSA_PKCS, private, b"message").unwrap(), signature);
    verify(&session, CKM_SHA256_RSA_PKCS, &Params::None, public, b"message", &signature).unwrap();
    let too_short = sign(&session, CKM_SHA512_RSA_PKCS, private, b"message");
    assert_eq!(too_short, Err(Error::KeySizeRange), "no room for a digest of 64 bytes");
}

#[test]
fn an_rsa_key_without_primes_signs_as_openssl_does() {
    let (_fixture, session) = start();
    let private = rsa_private(&session);
    for (id, signature) in [(CKM_SHA256_RSA_PKCS, PKCS1_SHA256), (CKM_SHA1_RSA_PKCS, PKCS1_SHA1)] {
        assert_eq!(sign(&session, id, private, b"message").unwrap(), unhex(signature));
    }
}

#[test]
fn signatures_of_openssl_verify() {
    let (_fixture, session) = start();
    let public = rsa_public(&session);
    let none = Params::None;
    verify(&session, CKM_SHA256_RSA_PKCS, &none, public, b"message", &unhex(PKCS1_SHA256)).unwrap();
    let params = Params::Pss { hash: CKM_SHA256, mgf: CKG_MGF1_SHA1, salt_len: 17 };
    verify(&session, CKM_SHA256_RSA_PKCS_PSS, &params, public, b"message", &unhex(PSS)).unwrap();
    let point = (CKA_EC_POINT, bytes(&unhex(P521_POINT)));
    let public = create(&session, CKO_PUBLIC_KEY, CKK_EC, &[(CKA_EC_PARAMS, bytes(P521)), point]).unwrap();
    // Padded on the left by two bytes less than the order has, as Java passes it.
    let mut signature = unhex(P521_SIGNATURE);
    verify(&session, CKM_ECDSA_SHA512, &none, public, b"message", &signature).unwrap();
    signature[100] ^= 1;
    let wrong = verify(&session, CKM_ECDSA_SHA512, &none, public, b"message", &signature);
    assert_eq!(wrong, Err(Error::SignatureInvalid));
}

#[test]
fn ciphertexts_of_openssl_decrypt() {
    let (_fixture, session) = start();
    let private = rsa_private(&session);
    let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA1, label: b"label".to_vec() };
    assert_eq!(decrypt(&session, CKM_RSA_PKCS_OAEP, &oaep, private, &unhex(OAEP)), b"secret");
    assert_eq!(decrypt(&session, CKM_RSA_PKCS, &Params::None, private, &unhex(PKCS1_CIPHERTEXT)), b"secret");
    let mut changed = unhex(PKCS1_CIPHERTEXT);
    changed[99] ^= 1;
    let message = decrypt(&session, CKM_RSA_PKCS, &Params::None, private, &changed);
    assert_eq!(decrypt(&session, CKM_RSA_PKCS, &Params::None, private, &changed), message);
}

#[test]
fn secrets_are_those_of_openssl_and_rfc_7748() {
    let (_fixture, session) = start();
    let private = |key_type, params: &[u8], value: &str| {
        let values = [
            (CKA_EC_PARAMS, bytes(params)),
            (CKA_VALUE, bytes(&unhex(value))),
            (CKA_DERIVE, Value::Bool(true)),
        ];
        create(&session, CKO_PRIVATE_KEY, key_type, &values).unwrap()
    };
    let key = private(CKK_EC, BRAINPOOL_P256R1, BRAINPOOL_VALUE);
    assert_eq!(derive(&session, key, &unhex(BRAINPOOL_OTHER)).unwrap(), unhex(BRAINPOOL_SECRET));
    let mut off = unhex(BRAINPOOL_OTHER);
    off[64] ^= 1;
    assert_eq!(derive(&session, key, &off), Err(Error::PublicKeyInvalid));

    // RFC 7748 section 6.1.
    let key = private(
        CKK_EC_MONTGOMERY,
        X25519,
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    );
    let other = unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert_eq!(derive(&session, key, &other).unwrap(), unhex(shared));
    assert_eq!(derive(&session, key, &[&[4, 32], &other[..]].concat()).unwrap(), unhex(shared));
    assert_eq!(derive(&session, key, &[0; 32]), Err(Error::PublicKeyInvalid));
}

#[test]
fn ed25519_signs_the_example_of_rfc_8032() {
    let (_fixture, session) = start();
    let seed = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let values = [(CKA_EC_PARAMS, bytes(ED25519)), (CKA_VALUE, bytes(&seed))];
    let private = create(&session, CKO_PRIVATE_KEY, CKK_EC_EDWARDS, &values).unwrap();
    let signature = unhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
         387b2eaeb4302aeeb00d291612bb0c00",
    );
    assert_eq!(sign(&session, CKM_EDDSA, private, &[0x72]).unwrap(), signature);
    let point = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let values = [(CKA_EC_PARAMS, bytes(ED25519)), (CKA_EC_POINT, bytes(&point))];
    let public = create(&session, CKO_PUBLIC_KEY, CKK_EC_EDWARDS, &values).unwrap();
    verify(&session, CKM_EDDSA, &Params::None, public, &[0x72], &signature).unwrap();
}

#[test]
fn keys_whose_numbers_cannot_be_are_never_made() {
    let (_fixture, session) = start();
    let mut modulus = unhex(MODULUS);
    modulus[127] ^= 1;
    let values = [(CKA_MODULUS, bytes(&modulus)), (CKA_PUBLIC_EXPONENT, bytes(&[3]))];
    let made = create(&session, CKO_PUBLIC_KEY, CKK_RSA, &values);
    assert_eq!(made, Err(Error::AttributeValueInvalid));
    let values = [
        (CKA_MODULUS, bytes(&unhex(MODULUS))),
        (CKA_PUBLIC_EXPONENT, bytes(&[3])),
        (CKA_PRIVATE_EXPONENT, bytes(&unhex(PRIVATE_EXPONENT))),
    ];
    assert_eq!(create(&session, CKO_PRIVATE_KEY, CKK_RSA, &values), Err(Error::TemplateInconsistent));
    let mut off = unhex(P521_POINT);
    off[132] ^= 1;
    let values = [(CKA_EC_PARAMS, bytes(P521)), (CKA_EC_POINT, bytes(&off))];
    assert_eq!(create(&session, CKO_PUBLIC_KEY, CKK_EC, &values), Err(Error::PublicKeyInvalid));
    let values = [(CKA_EC_PARAMS, bytes(P521)), (CKA_VALUE, bytes(&[0xff; 66]))];
    assert_eq!(create(&session, CKO_PRIVATE_KEY, CKK_EC, &values), Err(Error::AttributeValueInvalid));
}

#[test]
fn rsa_wraps_secret_keys_in_every_way_it_has() {
    let (_fixture, session) = start();
    let (public, private) = (rsa_public(&session), rsa_private(&session));
    let oaep = Params::Oaep { hash: CKM_SHA_1, mgf: CKG_MGF1_SHA1, label: vec![] };
    let key = session
        .generate_key(
            CKM_GENERIC_SECRET_KEY_GEN,
            &Params::None,
            &template(&[(CKA_VALUE_LEN, Value::Ulong(24)), (CKA_EXTRACTABLE, Value::Bool(true))]),
        )
        .unwrap();
    let mac = sign(&session, CKM_SHA256_HMAC, key, b"data").unwrap();
    for (id, params) in
        [(CKM_RSA_PKCS, &Params::None), (CKM_RSA_PKCS_OAEP, &oaep), (CKM_RSA_X_509, &Params::None)]
    {
        let mut wrapped = vec![0; 128];
        session.wrap_key(id, params, public, key, &mut Output::buffer(&mut wrapped)).unwrap();
        let wanted = template(&[
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET)),
            (CKA_VALUE_LEN, Value::Ulong(24)),
        ]);
        let back = session.unwrap_key(id, params, private, &wrapped, &wanted).unwrap();
        assert_eq!(sign(&session, CKM_SHA256_HMAC, back, b"data").unwrap(), mac, "{id:#x}");
    }
}
