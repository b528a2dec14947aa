//! Rotation: a successor takes over, the key before it only processes, and nothing happens by halves. The time is set by the
//! test.

mod common;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::lifecycle::rotation::{self, Choice};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{SearchTemplate, Value};
use coffer_pkcs11::policy::{Profile, State};
use coffer_pkcs11::session::{Output, Session, Wrapping};
use coffer_pkcs11::token::{ObjectHandle, SlotId};

use common::world::{DAY, TODAY, World};
use common::{bytes, find, find_label, template};

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

type Attribute = (CK_ATTRIBUTE_TYPE, Value);

fn yes(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(true))
}

fn pair(session: &Session, label: &str, id: &[u8]) -> (ObjectHandle, ObjectHandle) {
    let own = [yes(CKA_TOKEN), (CKA_LABEL, bytes(label.as_bytes())), (CKA_ID, bytes(id))];
    let public = [&own[..], &[(CKA_EC_PARAMS, bytes(P_256)), yes(CKA_VERIFY)]].concat();
    let private = [&own[..], &[yes(CKA_SIGN), yes(CKA_SENSITIVE), (CKA_SUBJECT, bytes(b"subject"))]].concat();
    let (public, private) = (template(&public), template(&private));
    session.generate_key_pair(CKM_EC_KEY_PAIR_GEN, &Params::None, &public, &private).unwrap()
}

fn aes(session: &Session, label: &str, more: &[Attribute]) -> ObjectHandle {
    let own = [
        yes(CKA_TOKEN),
        (CKA_LABEL, bytes(label.as_bytes())),
        (CKA_VALUE_LEN, Value::Ulong(32)),
        yes(CKA_SENSITIVE),
    ];
    let wanted = template(&[&own[..], more].concat());
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap()
}

fn value(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}

fn number(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Option<u64> {
    value(session, key, attribute).ok().and_then(|value| value.as_ulong())
}

fn choice(id: &[u8]) -> Choice {
    Choice { id: Some(id.to_vec()), period: None, reason: "test".into() }
}

fn signs(session: &Session, key: ObjectHandle) -> Result<Vec<u8>> {
    session.sign_init(CKM_ECDSA_SHA256, &Params::None, key)?;
    let mut signature = [0; 64];
    session.sign(b"data", &mut Output::buffer(&mut signature))?;
    Ok(signature.to_vec())
}

fn verifies(session: &Session, key: ObjectHandle, signature: &[u8]) -> Result<()> {
    session.verify_init(CKM_ECDSA_SHA256, &Params::None, key)?;
    session.verify(b"data", signature)
}

#[test]
fn a_pair_has_a_successor_that_signs_while_the_old_one_only_verifies() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let (old_public, old_private) = pair(&session, "web", b"1");
    let signature = signs(&session, old_private).unwrap();
    let rotated = session.rotate_key(old_private, &choice(b"2")).unwrap();
    let new_public = rotated.public.unwrap();
    assert_eq!(rotated.version, 2);

    verifies(&session, old_public, &signature).unwrap();
    assert_eq!(signs(&session, old_private), Err(Error::KeyFunctionNotPermitted));
    let new_signature = signs(&session, rotated.key).unwrap();
    verifies(&session, new_public, &new_signature).unwrap();
    assert!(verifies(&session, old_public, &new_signature).is_err());

    // Label, uses and protection are taken over, value and ids are new.
    for attribute in
        [CKA_LABEL, CKA_SIGN, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_SUBJECT, CKA_EC_PARAMS, CKA_PRIVATE]
    {
        let (old, new) = (value(&session, old_private, attribute), value(&session, rotated.key, attribute));
        assert_eq!(old, new, "{attribute:#x}");
    }
    assert_eq!(value(&session, rotated.key, CKA_ID), Ok(bytes(b"2")));
    assert_eq!(value(&session, new_public, CKA_ID), Ok(bytes(b"2")));
    assert_eq!(value(&session, old_private, CKA_ID), Ok(bytes(b"1")));
    // CKA_SIGN of the old key is what it was: its state forbids it, not its attributes.
    assert_eq!(value(&session, old_private, CKA_SIGN), Ok(Value::Bool(true)));
    for (old, new) in [(old_private, rotated.key), (old_public, new_public)] {
        let state = |key| number(&session, key, CKA_COFFER_STATE);
        assert_eq!(
            (state(old), state(new)),
            (Some(State::Deactivated.number()), Some(State::Active.number()))
        );
        assert_eq!(value(&session, old, CKA_COFFER_SUCCESSOR), value(&session, new, CKA_UNIQUE_ID));
        assert_eq!(value(&session, new, CKA_COFFER_PREDECESSOR), value(&session, old, CKA_UNIQUE_ID));
        let version = |key| number(&session, key, CKA_COFFER_VERSION);
        assert_eq!((version(old), version(new)), (Some(1), Some(2)));
    }
    // A key has one successor.
    assert_eq!(session.rotate_key(old_private, &choice(b"3")), Err(Error::ActionProhibited));
}

#[test]
fn a_search_by_label_or_id_finds_the_newest_version_first_and_others_in_their_order() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let first = aes(&session, "data", &[(CKA_ID, bytes(b"same"))]);
    let other = aes(&session, "data", &[]);
    let keep = Choice::default();
    let second = session.rotate_key(first, &keep).unwrap().key;
    let third = session.rotate_key(second, &keep).unwrap().key;
    assert_eq!(find_label(&session, "data"), [third, second, first, other]);
    let mut by_id = SearchTemplate::new();
    by_id.push(CKA_ID, b"same").unwrap();
    assert_eq!(find(&session, &by_id), [third, second, first]);
    // Another process, and one that comes later, find them alike.
    let again = world.module.config().clone();
    let other_module = Module::new(again);
    let other_session = common::user_session(&other_module);
    let found = find_label(&other_session, "data");
    let versions: Vec<_> = found.iter().map(|key| number(&other_session, *key, CKA_COFFER_VERSION)).collect();
    assert_eq!(versions, [Some(3), Some(2), Some(1), None]);
    // A search for nothing of the kind keeps the order in which keys came.
    let mut by_class = SearchTemplate::new();
    by_class.push(CKA_CLASS, &CKO_SECRET_KEY.to_ne_bytes()).unwrap();
    assert_eq!(find(&session, &by_class), [first, other, second, third]);
}

#[test]
fn a_secret_key_is_succeeded_by_one_of_its_length_and_still_decrypts() {
    let world = World::new(Profile::Strict);
    let session = world.session();
    let key = aes(&session, "data", &[yes(CKA_ENCRYPT), yes(CKA_DECRYPT)]);
    let iv = Params::Gcm { iv: vec![1; 12], aad: Vec::new(), tag_bits: 128 };
    let encrypt = |key| session.encrypt_init(CKM_AES_GCM, &iv, key).inspect(|_| session.encrypt_cancel());
    let rotated = session.rotate_key(key, &choice(b"2")).unwrap();
    assert_eq!(rotated.public, None);
    assert_eq!(number(&session, rotated.key, CKA_VALUE_LEN), Some(32));
    assert_eq!(encrypt(key), Err(Error::KeyFunctionNotPermitted));
    session.decrypt_init(CKM_AES_GCM, &iv, key).unwrap();
    assert_eq!(value(&session, rotated.key, CKA_DECRYPT), Ok(Value::Bool(true)));
    assert_eq!(value(&session, rotated.key, CKA_WRAP), Ok(Value::Bool(false)), "no use was added");
}

#[test]
fn the_successor_has_a_cryptoperiod_as_long_as_the_old_one_and_keys_are_due_by_their_dates() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let dates = [
        (CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 90 * DAY)),
        (CKA_COFFER_PROCESS_STOP_DATE, Value::Ulong(TODAY + 100 * DAY)),
    ];
    let key = aes(&session, "data", &dates);
    let ended = aes(&session, "dated", &[(CKA_END_DATE, bytes(b"20261223"))]);
    let eternal = aes(&session, "eternal", &[]);
    let due = |by: u64| {
        let keys = [key, ended, eternal];
        keys.map(|key| rotation::is_due(&session.token().object(key).unwrap(), by))
    };
    assert_eq!(due(TODAY + 29 * DAY), [false, false, false]);
    assert_eq!(due(TODAY + 30 * DAY), [false, true, false]);
    assert_eq!(due(TODAY + 90 * DAY), [true, true, false]);
    let now = TODAY + 80 * DAY;
    world.set_time(now);
    let rotated = session.rotate_key(key, &choice(b"2")).unwrap();
    assert_eq!(number(&session, rotated.key, CKA_COFFER_PROTECT_STOP_DATE), Some(now + 90 * DAY));
    assert_eq!(number(&session, rotated.key, CKA_COFFER_PROCESS_STOP_DATE), Some(now + 100 * DAY));
    assert_eq!(number(&session, key, CKA_COFFER_PROTECT_STOP_DATE), Some(now));
    assert_eq!(due(u64::MAX), [false, true, false]);
    let rotated = session.rotate_key(eternal, &Choice { period: Some(DAY), ..choice(b"3") }).unwrap();
    assert_eq!(number(&session, rotated.key, CKA_COFFER_PROTECT_STOP_DATE), Some(now + DAY));
}

/// A program may have stopped the key at once, by a date of long ago.
#[test]
fn a_key_with_an_end_gets_no_successor_without_one() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let key = aes(&session, "stopped", &[]);
    let stop = template(&[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(1))]);
    session.set_attribute_values(key, &stop).unwrap();
    assert_eq!(session.rotate_key(key, &choice(b"2")), Err(Error::ActionProhibited));
    let rotated = session.rotate_key(key, &Choice { period: Some(DAY), ..choice(b"2") }).unwrap();
    assert_eq!(number(&session, rotated.key, CKA_COFFER_PROTECT_STOP_DATE), Some(TODAY + DAY));
}

#[test]
fn every_kind_of_key_that_can_be_generated_can_be_rotated() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let own = [yes(CKA_TOKEN)];
    let ed25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    let x25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];
    let rsa = [(CKA_MODULUS_BITS, Value::Ulong(2048)), (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1]))];
    let pairs: [(CK_MECHANISM_TYPE, &[Attribute]); 5] = [
        (CKM_RSA_PKCS_KEY_PAIR_GEN, &rsa),
        (CKM_EC_EDWARDS_KEY_PAIR_GEN, &[(CKA_EC_PARAMS, bytes(ed25519))]),
        (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, &[(CKA_EC_PARAMS, bytes(x25519))]),
        (CKM_ML_DSA_KEY_PAIR_GEN, &[(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_DSA_44))]),
        (CKM_ML_KEM_KEY_PAIR_GEN, &[(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_512))]),
    ];
    for (mechanism, public) in pairs {
        let public = template(&[&own[..], public].concat());
        let (_, key) = session.generate_key_pair(mechanism, &Params::None, &public, &template(&own)).unwrap();
        let rotated = session.rotate_key(key, &choice(b"2")).unwrap();
        for attribute in [CKA_KEY_TYPE, CKA_EC_PARAMS, CKA_PARAMETER_SET, CKA_KEY_GEN_MECHANISM] {
            assert_eq!(
                value(&session, key, attribute),
                value(&session, rotated.key, attribute),
                "{mechanism:#x}"
            );
        }
        let modulus = |key| value(&session, key, CKA_MODULUS).ok().map(|n| n.as_bytes().unwrap().len());
        assert_eq!(modulus(key), modulus(rotated.key));
    }
    for (mechanism, length) in [(CKM_GENERIC_SECRET_KEY_GEN, Some(48)), (CKM_DES3_KEY_GEN, None)] {
        let length = length.map(|length| (CKA_VALUE_LEN, Value::Ulong(length)));
        let wanted: Vec<_> = own.iter().cloned().chain(length).collect();
        let key = session.generate_key(mechanism, &Params::None, &template(&wanted)).unwrap();
        let rotated = session.rotate_key(key, &choice(b"2")).unwrap();
        assert_eq!(value(&session, key, CKA_VALUE_LEN), value(&session, rotated.key, CKA_VALUE_LEN));
    }
}

#[test]
fn what_cannot_be_rotated_says_so_and_stays_as_it_was() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let (public, _) = pair(&session, "web", b"1");
    assert_eq!(session.rotate_key(public, &choice(b"2")), Err(Error::KeyTypeInconsistent));
    let in_memory = template(&[(CKA_VALUE_LEN, Value::Ulong(32))]);
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &in_memory).unwrap();
    assert_eq!(session.rotate_key(key, &choice(b"2")), Err(Error::ActionProhibited));
    let read_only = common::open(&world.module, SlotId(0), false);
    let key = aes(&session, "data", &[]);
    assert_eq!(read_only.rotate_key(key, &choice(b"2")), Err(Error::SessionReadOnly));
    assert_eq!(find_label(&session, "data"), [key]);
    assert_eq!(value(&session, key, CKA_COFFER_SUCCESSOR), Err(Error::AttributeTypeInvalid));
}

#[test]
fn of_two_that_rotate_at_the_same_time_one_succeeds() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let key = aes(&session, "data", &[]);
    let results: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4_u8)
            .map(|n| (n, &session))
            .map(|(n, s)| scope.spawn(move || s.rotate_key(key, &choice(&[n]))))
            .collect();
        tries.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(find_label(&session, "data").len(), 2);
}

fn kek(session: &Session, label: &str, more: &[Attribute]) -> ObjectHandle {
    aes(session, label, &[&[yes(CKA_WRAP), yes(CKA_UNWRAP)], more].concat())
}

fn wrap(session: &Session, by: ObjectHandle, key: ObjectHandle) -> Result<Vec<u8>> {
    let mut wrapped = vec![0; 4096];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, by, key, &mut output)?;
    let length = output.length();
    wrapped.truncate(length);
    Ok(wrapped)
}

fn kwp(key: ObjectHandle) -> Wrapping<'static> {
    Wrapping { mechanism: CKM_AES_KEY_WRAP_KWP, params: &Params::None, key }
}

#[test]
fn wrapped_keys_go_to_another_key_and_leave_no_object_behind() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let (old, new) = (kek(&session, "old", &[]), kek(&session, "new", &[]));
    let secret_key = aes(&session, "data", &[yes(CKA_EXTRACTABLE), yes(CKA_ENCRYPT)]);
    let objects = find(&session, &SearchTemplate::new()).len();
    let blob = wrap(&session, old, secret_key).unwrap();
    let moved = session.rewrap(&blob, None, &kwp(old), &kwp(new)).unwrap();
    // What comes out under the new key is what went in under the old one.
    assert_eq!(wrap(&session, new, secret_key).unwrap(), moved, "KWP is deterministic");
    assert_eq!(find(&session, &SearchTemplate::new()).len(), objects);
    let (_, private) = pair(&session, "web", b"1");
    assert_eq!(wrap(&session, old, private), Err(Error::KeyUnextractable));

    // The old key has been deactivated: it still unwraps. The new one must protect.
    let rotated = session.rotate_key(old, &choice(b"2")).unwrap();
    assert_eq!(session.rewrap(&blob, None, &kwp(old), &kwp(rotated.key)).map(|_| ()), Ok(()));
    let back = session.rewrap(&moved, Some(CKO_SECRET_KEY), &kwp(new), &kwp(old));
    assert_eq!(back, Err(Error::KeyFunctionNotPermitted));
}

#[test]
fn what_an_unwrapping_key_keeps_inside_is_not_passed_on() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let inside = common::template(&[(CKA_EXTRACTABLE, Value::Bool(false))]).into_attributes();
    let strict = kek(&session, "strict", &[(CKA_UNWRAP_TEMPLATE, Value::Template(inside))]);
    let new = kek(&session, "new", &[]);
    let key = aes(&session, "data", &[yes(CKA_EXTRACTABLE)]);
    let blob = wrap(&session, strict, key).unwrap();
    assert_eq!(session.rewrap(&blob, None, &kwp(strict), &kwp(new)), Err(Error::TemplateInconsistent));
    let mut damaged = blob;
    damaged[9] ^= 1;
    assert!(session.rewrap(&damaged, None, &kwp(new), &kwp(new)).is_err());
}
