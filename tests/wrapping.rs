//! Every AES mechanism that wraps, through the sessions: the key that comes back does what the first one did.

mod common;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::ObjectHandle;
use common::{Fixture, bytes, template};

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Mechanism, parameter, and whether an unwrapped key needs a length to lose its zeros.
fn mechanisms() -> Vec<(CK_MECHANISM_TYPE, Params, bool)> {
    let iv = Params::Bytes(vec![3; 16]);
    vec![
        (CKM_AES_ECB, Params::None, true),
        (CKM_AES_CBC, iv.clone(), true),
        (CKM_AES_CBC_PAD, iv, false),
        (CKM_AES_GCM, Params::Gcm { iv: vec![1; 12], aad: b"label".to_vec(), tag_bits: 128 }, false),
        (CKM_AES_KEY_WRAP, Params::None, true),
        (CKM_AES_KEY_WRAP, Params::Bytes(vec![8; 8]), true),
        (CKM_AES_KEY_WRAP_PAD, Params::None, false),
        (CKM_AES_KEY_WRAP_KWP, Params::None, false),
        (CKM_AES_KEY_WRAP_KWP, Params::Bytes(vec![4; 4]), false),
        (CKM_AES_KEY_WRAP_PKCS7, Params::None, false),
    ]
}

fn yes(attribute: CK_ATTRIBUTE_TYPE) -> (CK_ATTRIBUTE_TYPE, Value) {
    (attribute, Value::Bool(true))
}

fn wrapping_key(session: &Session) -> ObjectHandle {
    let wanted = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), yes(CKA_WRAP), yes(CKA_UNWRAP)]);
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap()
}

fn wrap(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    params: &Params,
    by: ObjectHandle,
    key: ObjectHandle,
) -> Vec<u8> {
    let mut query = Output::query();
    session.wrap_key(id, params, by, key, &mut query).unwrap();
    let mut wrapped = vec![0; query.length()];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(id, params, by, key, &mut output).unwrap();
    assert_eq!(output.length(), wrapped.len());
    wrapped
}

fn sign(session: &Session, id: CK_MECHANISM_TYPE, key: ObjectHandle, data: &[u8]) -> Vec<u8> {
    session.sign_init(id, &Params::None, key).unwrap();
    let mut signature = vec![0; 512];
    let mut output = Output::buffer(&mut signature);
    session.sign(data, &mut output).unwrap();
    let length = output.length();
    signature.truncate(length);
    signature
}

fn start() -> (Fixture, Arc<Session>, ObjectHandle) {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let by = wrapping_key(&session);
    (fixture, session, by)
}

#[test]
fn a_wrapped_secret_key_of_any_length_comes_back() {
    let (_fixture, session, by) = start();
    for length in [16u64, 20, 24, 31, 32, 64] {
        let wanted = template(&[(CKA_VALUE_LEN, Value::Ulong(length)), yes(CKA_EXTRACTABLE)]);
        let key = session.generate_key(CKM_GENERIC_SECRET_KEY_GEN, &Params::None, &wanted).unwrap();
        let mac = sign(&session, CKM_SHA256_HMAC, key, b"data");
        for (id, params, needs_length) in mechanisms() {
            let wrapped = wrap(&session, id, &params, by, key);
            let mut wanted = template(&[
                (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
                (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET)),
            ]);
            if needs_length {
                wanted.push_value(CKA_VALUE_LEN, Value::Ulong(length)).unwrap();
            }
            let back = session.unwrap_key(id, &params, by, &wrapped, &wanted).unwrap();
            assert_eq!(sign(&session, CKM_SHA256_HMAC, back, b"data"), mac, "{id:#x}, {length} bytes");
        }
    }
}

#[test]
fn a_wrapped_private_key_comes_back_and_signs() {
    let (_fixture, session, by) = start();
    let (public, private) = session
        .generate_key_pair(
            CKM_EC_KEY_PAIR_GEN,
            &Params::None,
            &template(&[(CKA_EC_PARAMS, bytes(P_256))]),
            &template(&[yes(CKA_EXTRACTABLE)]),
        )
        .unwrap();
    for (id, params, _) in mechanisms() {
        let wrapped = wrap(&session, id, &params, by, private);
        let wanted = template(&[
            (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_EC)),
            yes(CKA_SIGN),
        ]);
        let back = session.unwrap_key(id, &params, by, &wrapped, &wanted).unwrap();
        let signature = sign(&session, CKM_ECDSA_SHA256, back, b"data");
        session.verify_init(CKM_ECDSA_SHA256, &Params::None, public).unwrap();
        assert_eq!(session.verify(b"data", &signature), Ok(()), "{id:#x}");
    }
}

#[test]
fn a_changed_wrapped_key_is_refused_by_every_mechanism_that_can_tell() {
    let (_fixture, session, by) = start();
    let wanted = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), yes(CKA_EXTRACTABLE)]);
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap();
    let wanted =
        template(&[(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_AES))]);
    for (id, params, _) in mechanisms() {
        let mut wrapped = wrap(&session, id, &params, by, key);
        let unwrap = |wrapped: &[u8]| session.unwrap_key(id, &params, by, wrapped, &wanted).err();
        assert_eq!(unwrap(&wrapped), None);
        assert_eq!(unwrap(&wrapped[..7]), Some(Error::WrappedKeyLenRange), "{id:#x}");
        if !matches!(id, CKM_AES_ECB | CKM_AES_CBC | CKM_AES_CBC_PAD) {
            wrapped[9] ^= 1;
            assert_eq!(unwrap(&wrapped), Some(Error::WrappedKeyInvalid), "{id:#x}");
        }
    }
}

#[test]
fn a_key_that_is_not_extractable_is_never_wrapped() {
    let (_fixture, session, by) = start();
    let wanted = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_EXTRACTABLE, Value::Bool(false))]);
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap();
    for (id, params, _) in mechanisms() {
        let refused = session.wrap_key(id, &params, by, key, &mut Output::query());
        assert_eq!(refused, Err(Error::KeyUnextractable));
    }
}
