//! Domain parameters, DSA and Diffie-Hellman through the sessions: what is generated can be used, is stored, and
//! leaves the token wrapped.

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

/// New domain parameters, as the attributes of a public key template.
fn parameters(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    sizes: &[(CK_ATTRIBUTE_TYPE, u64)],
    parts: &[CK_ATTRIBUTE_TYPE],
) -> Vec<(CK_ATTRIBUTE_TYPE, Value)> {
    let sizes: Vec<_> = sizes.iter().map(|(id, size)| (*id, Value::Ulong(*size))).collect();
    let object = session.generate_key(id, &Params::None, &template(&sizes)).unwrap();
    assert_eq!(attribute(session, object, CKA_CLASS).unwrap(), Value::Ulong(CKO_DOMAIN_PARAMETERS));
    assert_eq!(attribute(session, object, CKA_LOCAL).unwrap(), Value::Bool(true));
    for (size, told) in &sizes {
        assert_eq!(attribute(session, object, *size).unwrap(), *told);
    }
    parts.iter().map(|part| (*part, attribute(session, object, *part).unwrap())).collect()
}

fn pair(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    parameters: &[(CK_ATTRIBUTE_TYPE, Value)],
) -> (ObjectHandle, ObjectHandle) {
    let private = template(&[(CKA_DERIVE, Value::Bool(true)), (CKA_EXTRACTABLE, Value::Bool(true))]);
    session.generate_key_pair(id, &Params::None, &template(parameters), &private).unwrap()
}

fn bytes(value: Value) -> Vec<u8> {
    value.as_bytes().unwrap().to_vec()
}

#[test]
fn dsa_parameters_make_pairs_whose_signatures_verify_and_whose_keys_come_back() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let parts = [CKA_PRIME, CKA_SUBPRIME, CKA_BASE];
    let group = parameters(&session, CKM_DSA_PARAMETER_GEN, &[(CKA_PRIME_BITS, 1024)], &parts);
    let (public, private) = pair(&session, CKM_DSA_KEY_PAIR_GEN, &group);
    let sign = |key| -> Vec<u8> {
        session.sign_init(CKM_DSA_SHA256, &Params::None, key).unwrap();
        let mut signature = vec![0; 40];
        session.sign(b"message", &mut Output::buffer(&mut signature)).unwrap();
        signature
    };
    let verify = |message: &[u8], signature: &[u8]| {
        session.verify_init(CKM_DSA_SHA256, &Params::None, public)?;
        session.verify(message, signature)
    };
    let signature = sign(private);
    verify(b"message", &signature).unwrap();
    assert_eq!(verify(b"massage", &signature), Err(Error::SignatureInvalid));

    let length = (CKA_VALUE_LEN, Value::Ulong(32));
    let kek = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&[length])).unwrap();
    let mut wrapped = vec![0; 1000];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, kek, private, &mut output).unwrap();
    let length = output.length();
    let wanted =
        template(&[(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_DSA))]);
    let back =
        session.unwrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, kek, &wrapped[..length], &wanted).unwrap();
    verify(b"message", &sign(back)).unwrap();
}

#[test]
fn two_parties_of_both_kinds_of_diffie_hellman_agree() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let dh =
        parameters(&session, CKM_DH_PKCS_PARAMETER_GEN, &[(CKA_PRIME_BITS, 2048)], &[CKA_PRIME, CKA_BASE]);
    let x9_42 = parameters(
        &session,
        CKM_X9_42_DH_PARAMETER_GEN,
        &[(CKA_PRIME_BITS, 1024), (CKA_SUBPRIME_BITS, 160)],
        &[CKA_PRIME, CKA_SUBPRIME, CKA_BASE],
    );
    let kinds = [
        (CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_DERIVE, dh, 256),
        (CKM_X9_42_DH_KEY_PAIR_GEN, CKM_X9_42_DH_DERIVE, x9_42, 128),
    ];
    for (generate, derive, group, length) in kinds {
        let (mine, theirs) = (pair(&session, generate, &group), pair(&session, generate, &group));
        let agree = |private, public_data: Vec<u8>| {
            let params = match derive {
                CKM_DH_PKCS_DERIVE => Params::Bytes(public_data),
                _ => Params::X942Dh1 { kdf: CKD_NULL, other_info: vec![], public_data },
            };
            let wanted = template(&[
                (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
                (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET)),
                (CKA_SENSITIVE, Value::Bool(false)),
            ]);
            let key = session.derive_key(derive, &params, private, &[], &wanted)?.main.unwrap();
            attribute(&session, key, CKA_VALUE).map(bytes)
        };
        let public = |key| bytes(attribute(&session, key, CKA_VALUE).unwrap());
        let secret = agree(mine.1, public(theirs.0)).unwrap();
        assert_eq!(secret.len(), length);
        assert_eq!(agree(theirs.1, public(mine.0)).unwrap(), secret);
        for wrong in [vec![0], vec![1], vec![0xff; 300]] {
            assert_eq!(agree(mine.1, wrong), Err(Error::PublicKeyInvalid));
        }
    }
}

#[test]
fn domain_parameters_from_outside_must_make_a_group() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let create = |base: u8| {
        session.create_object(&template(&[
            (CKA_CLASS, Value::Ulong(CKO_DOMAIN_PARAMETERS)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_DH)),
            (CKA_PRIME, Value::Bytes(vec![0xfd; 128])),
            (CKA_BASE, Value::Bytes(vec![base])),
        ]))
    };
    let made = create(2).unwrap();
    assert_eq!(attribute(&session, made, CKA_PRIME_BITS).unwrap(), Value::Ulong(1024));
    assert_eq!(attribute(&session, made, CKA_LOCAL).unwrap(), Value::Bool(false));
    assert_eq!(create(1), Err(Error::DomainParamsInvalid));
    assert_eq!(create(0), Err(Error::DomainParamsInvalid));
}
