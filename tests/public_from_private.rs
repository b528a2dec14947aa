//! CKM_PUB_KEY_FROM_PRIV_KEY: every kind of private key gives its public half, and nothing more.

mod common;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::ObjectHandle;
use common::{Fixture, template};

fn attribute(session: &Session, object: ObjectHandle, id: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    session.attribute_values(object, &[id])?.into_iter().next().unwrap()
}

fn derive(
    session: &Session,
    key: ObjectHandle,
    wanted: &[(CK_ATTRIBUTE_TYPE, Value)],
) -> Result<ObjectHandle> {
    let made = session.derive_key(CKM_PUB_KEY_FROM_PRIV_KEY, &Params::None, key, &[], &template(wanted))?;
    Ok(made.main.unwrap())
}

fn pair(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    public: (CK_ATTRIBUTE_TYPE, Value),
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
) -> (ObjectHandle, ObjectHandle) {
    session.generate_key_pair(id, &Params::None, &template(&[public]), &template(private)).unwrap()
}

#[test]
fn the_public_key_is_the_one_of_the_pair() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let curve = |der: &[u8]| (CKA_EC_PARAMS, Value::Bytes(der.to_vec()));
    let kinds = [
        (
            CKM_RSA_PKCS_KEY_PAIR_GEN,
            (CKA_MODULUS_BITS, Value::Ulong(1024)),
            vec![CKA_MODULUS, CKA_MODULUS_BITS],
        ),
        (CKM_EC_KEY_PAIR_GEN, curve(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]), vec![CKA_EC_POINT]),
        (CKM_EC_EDWARDS_KEY_PAIR_GEN, curve(b"\x13\x0aedwards448"), vec![CKA_EC_PARAMS, CKA_EC_POINT]),
        (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, curve(&[6, 3, 0x2b, 0x65, 0x6f]), vec![CKA_EC_PARAMS, CKA_EC_POINT]),
    ];
    for (id, public, compared) in kinds {
        let given = [
            (CKA_DERIVE, Value::Bool(true)),
            (CKA_ID, Value::Bytes(vec![1, 2, 3])),
            (CKA_SUBJECT, Value::Bytes(b"subject".to_vec())),
        ];
        let (public, private) = pair(&session, id, public, &given);
        let made = derive(&session, private, &[]).unwrap();
        let always = [CKA_KEY_TYPE, CKA_PUBLIC_KEY_INFO];
        for id in compared.into_iter().chain(always) {
            assert_eq!(attribute(&session, made, id), attribute(&session, public, id), "{id:#x}");
        }
        for (id, value) in [
            (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
            (CKA_ID, Value::Bytes(vec![1, 2, 3])),
            (CKA_SUBJECT, Value::Bytes(b"subject".to_vec())),
            (CKA_PRIVATE, Value::Bool(false)),
            (CKA_LOCAL, Value::Bool(false)),
            (CKA_DERIVE, Value::Bool(true)),
            (CKA_TRUSTED, Value::Bool(false)),
        ] {
            assert_eq!(attribute(&session, made, id).unwrap(), value, "{id:#x}");
        }
        for secret in [CKA_PRIVATE_EXPONENT, CKA_VALUE] {
            assert!(attribute(&session, made, secret).is_err());
        }
        let other =
            derive(&session, private, &[(CKA_ID, Value::Bytes(vec![9])), (CKA_VERIFY, Value::Bool(false))]);
        assert_eq!(attribute(&session, other.unwrap(), CKA_ID).unwrap(), Value::Bytes(vec![9]));
    }
}

#[test]
fn a_signature_verifies_with_the_public_key_that_was_derived() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let curve = (CKA_EC_PARAMS, Value::Bytes(vec![6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 8]));
    let (_, private) = pair(&session, CKM_EC_KEY_PAIR_GEN, curve, &[(CKA_DERIVE, Value::Bool(true))]);
    session.sign_init(CKM_ECDSA_SHA3_256, &Params::None, private).unwrap();
    let mut signature = vec![0; 64];
    session.sign(b"message", &mut Output::buffer(&mut signature)).unwrap();
    let public = derive(&session, private, &[]).unwrap();
    session.verify_init(CKM_ECDSA_SHA3_256, &Params::None, public).unwrap();
    session.verify(b"message", &signature).unwrap();
}

#[test]
fn other_classes_types_and_keys_that_do_not_derive_are_refused() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let curve = || (CKA_EC_PARAMS, Value::Bytes(vec![6, 3, 0x2b, 0x65, 0x70]));
    let (public, private) =
        pair(&session, CKM_EC_EDWARDS_KEY_PAIR_GEN, curve(), &[(CKA_DERIVE, Value::Bool(true))]);
    for wrong in [
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_EC_POINT, Value::Bytes(vec![4, 1, 2])),
    ] {
        assert!(derive(&session, private, &[wrong]).is_err());
    }
    assert!(derive(&session, public, &[]).is_err());
    let (_, private) = pair(&session, CKM_EC_EDWARDS_KEY_PAIR_GEN, curve(), &[]);
    assert_eq!(derive(&session, private, &[]), Err(Error::KeyFunctionNotPermitted));
}

#[test]
fn lattice_and_hash_keys_give_their_public_half() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    for (id, set, secrets) in [
        (CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_44, vec![CKA_SEED]),
        (CKM_ML_KEM_KEY_PAIR_GEN, CKP_ML_KEM_512, vec![CKA_SEED]),
        (CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHA2_128F, vec![]),
    ] {
        // One that lives in the session and one whose value is sealed in the file.
        for token in [false, true] {
            let given = [(CKA_DERIVE, Value::Bool(true)), (CKA_TOKEN, Value::Bool(token))];
            let (public, private) = pair(&session, id, (CKA_PARAMETER_SET, Value::Ulong(set)), &given);
            let made = derive(&session, private, &[]).unwrap();
            for id in [CKA_KEY_TYPE, CKA_PARAMETER_SET, CKA_VALUE, CKA_PUBLIC_KEY_INFO, CKA_CLASS] {
                assert_eq!(attribute(&session, made, id), attribute(&session, public, id), "{id:#x}");
            }
            for secret in &secrets {
                assert!(attribute(&session, made, *secret).is_err());
            }
        }
    }
}
