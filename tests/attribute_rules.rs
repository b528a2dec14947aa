//! The rules for attributes, a sentence each, through the sessions of applications: no way around them leads through
//! another function. (Each footnote for each class and type: `object::rules` and its tests.)

mod common;

use std::slice::from_ref;
use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{SearchTemplate, Template, Value};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{ObjectHandle, SlotId};
use common::{Fixture, SO_PIN, USER_PIN, bytes, find, find_label, secret, template};

const P_256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

type Attribute = (CK_ATTRIBUTE_TYPE, Value);

fn start() -> (Fixture, Arc<Session>) {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    (fixture, session)
}

fn yes(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(true))
}

fn no(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(false))
}

fn length(bytes: u64) -> Attribute {
    (CKA_VALUE_LEN, Value::Ulong(bytes))
}

fn only(mechanisms: &[CK_MECHANISM_TYPE]) -> Attribute {
    (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(mechanisms.to_vec()))
}

fn nested(id: CK_ATTRIBUTE_TYPE, attributes: &[Attribute]) -> Attribute {
    (id, Value::Template(attributes.iter().cloned().collect()))
}

fn key_of(key_type: CK_KEY_TYPE, more: &[Attribute]) -> Template {
    let own = [(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(key_type))];
    template(&[&own[..], more].concat())
}

fn aes(session: &Session, more: &[Attribute]) -> Result<ObjectHandle> {
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&[&[length(32)], more].concat()))
}

fn import(session: &Session, value: &[u8], more: &[Attribute]) -> Result<ObjectHandle> {
    session.create_object(&key_of(CKK_AES, &[&[(CKA_VALUE, bytes(value))], more].concat()))
}

fn ec_pair(session: &Session, private: &[Attribute]) -> (ObjectHandle, ObjectHandle) {
    let public = template(&[(CKA_EC_PARAMS, bytes(P_256))]);
    let pair = session.generate_key_pair(CKM_EC_KEY_PAIR_GEN, &Params::None, &public, &template(private));
    pair.unwrap()
}

fn value(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}

fn set(session: &Session, key: ObjectHandle, attribute: Attribute) -> Result<()> {
    session.set_attribute_values(key, &template(&[attribute]))
}

fn copy(session: &Session, key: ObjectHandle, attribute: Attribute) -> Result<ObjectHandle> {
    session.copy_object(key, &template(&[attribute]))
}

fn wrap(session: &Session, by: ObjectHandle, key: ObjectHandle) -> Result<Vec<u8>> {
    let mut wrapped = vec![0; 4096];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, by, key, &mut output)?;
    let length = output.length();
    wrapped.truncate(length);
    Ok(wrapped)
}

fn unwrap(session: &Session, by: ObjectHandle, wrapped: &[u8], wanted: &Template) -> Result<ObjectHandle> {
    session.unwrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, by, wrapped, wanted)
}

fn derive(session: &Session, base: ObjectHandle, wanted: &Template) -> Result<ObjectHandle> {
    let made = session.derive_key(CKM_SHA256_KEY_DERIVATION, &Params::None, base, &[], wanted)?;
    Ok(made.main.unwrap())
}

fn officer(fixture: &Fixture) -> Arc<Session> {
    let session = fixture.open(SlotId(0), true);
    session.login(CKU_SO, &secret(SO_PIN)).unwrap();
    session
}

/// The protections, as they are when they protect.
fn protections() -> [Attribute; 4] {
    [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED), no(CKA_COPYABLE)]
}

fn opposite((id, value): &Attribute) -> Attribute {
    (*id, Value::Bool(!value.as_bool().unwrap()))
}

#[test]
fn a_protection_is_never_taken_back_by_a_change() {
    let (_fixture, session) = start();
    for protection in protections() {
        let loose = aes(&session, &protections().map(|all| opposite(&all))).unwrap();
        set(&session, loose, protection.clone()).unwrap();
        assert_eq!(set(&session, loose, opposite(&protection)), Err(Error::AttributeReadOnly));
        assert_eq!(value(&session, loose, protection.0), Ok(protection.1));
    }
}

#[test]
fn a_protection_is_never_taken_back_in_a_copy() {
    let (_fixture, session) = start();
    for protection in protections() {
        let key = aes(&session, from_ref(&protection)).unwrap();
        let expected =
            if protection.0 == CKA_COPYABLE { Error::ActionProhibited } else { Error::AttributeReadOnly };
        assert_eq!(copy(&session, key, opposite(&protection)).err(), Some(expected));
        if protection.0 == CKA_COPYABLE {
            continue;
        }
        let loose = aes(&session, &[opposite(&protection)]).unwrap();
        let copied = copy(&session, loose, protection.clone()).unwrap();
        assert_eq!(value(&session, copied, protection.0), Ok(protection.1.clone()));
        assert_eq!(copy(&session, copied, opposite(&protection)).err(), Some(Error::AttributeReadOnly));
    }
}

#[test]
fn a_key_that_became_secret_does_not_claim_that_it_always_was() {
    let (_fixture, session) = start();
    let key = aes(&session, &[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]).unwrap();
    let copied = session.copy_object(key, &template(&[yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)])).unwrap();
    for past in [CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert_eq!(value(&session, copied, past), Ok(Value::Bool(false)));
        assert_eq!(set(&session, copied, yes(past)), Err(Error::AttributeReadOnly));
        assert_eq!(copy(&session, copied, yes(past)).err(), Some(Error::AttributeReadOnly));
    }
}

#[test]
fn an_object_that_is_not_modifiable_or_destroyable_stays_as_it_is() {
    let (_fixture, session) = start();
    let key = aes(&session, &[no(CKA_MODIFIABLE), no(CKA_DESTROYABLE)]).unwrap();
    assert_eq!(set(&session, key, (CKA_LABEL, bytes(b"new"))), Err(Error::ActionProhibited));
    assert_eq!(set(&session, key, yes(CKA_MODIFIABLE)), Err(Error::ActionProhibited));
    assert_eq!(session.destroy_object(key), Err(Error::ActionProhibited));
    let other = aes(&session, &[]).unwrap();
    for fixed in [no(CKA_MODIFIABLE), no(CKA_DESTROYABLE), yes(CKA_TOKEN), no(CKA_PRIVATE)] {
        assert_eq!(set(&session, other, fixed), Err(Error::AttributeReadOnly));
    }
}

#[test]
fn trust_comes_from_the_security_officer_alone_whatever_the_function() {
    let (_fixture, session) = start();
    let trusted = yes(CKA_TRUSTED);
    let refused = Some(Error::AttributeReadOnly);
    assert_eq!(aes(&session, from_ref(&trusted)).err(), refused);
    assert_eq!(import(&session, &[1; 32], from_ref(&trusted)).err(), refused);
    let key = aes(&session, &[yes(CKA_EXTRACTABLE), yes(CKA_DERIVE)]).unwrap();
    let by = aes(&session, &[nested(CKA_UNWRAP_TEMPLATE, from_ref(&trusted))]).unwrap();
    let wrapped = wrap(&session, by, key).unwrap();
    assert_eq!(unwrap(&session, by, &wrapped, &key_of(CKK_AES, &[])).err(), refused);
    let plain = aes(&session, &[]).unwrap();
    let wrapped = wrap(&session, plain, key).unwrap();
    assert_eq!(unwrap(&session, plain, &wrapped, &key_of(CKK_AES, from_ref(&trusted))).err(), refused);
    assert_eq!(derive(&session, key, &key_of(CKK_AES, &[length(32), trusted.clone()])).err(), refused);
    assert_eq!(set(&session, key, trusted.clone()).err(), refused);
    assert_eq!(copy(&session, key, trusted).err(), refused);
}

#[test]
fn a_trusted_key_gets_no_further_use_and_no_trusted_copy_from_the_user() {
    let fixture = Fixture::new();
    let so = officer(&fixture);
    let public = [no(CKA_PRIVATE), yes(CKA_TOKEN), (CKA_LABEL, bytes(b"kek")), no(CKA_DECRYPT)];
    let kek = aes(&so, &public).unwrap();
    set(&so, kek, yes(CKA_TRUSTED)).unwrap();
    so.logout().unwrap();
    fixture.module.close_session(so.handle()).unwrap();
    let session = fixture.user_session();
    let kek = find_label(&session, "kek")[0];
    let key = aes(&session, &[yes(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED)]).unwrap();
    assert!(wrap(&session, kek, key).is_ok());
    assert_eq!(set(&session, kek, yes(CKA_DECRYPT)), Err(Error::AttributeReadOnly));
    assert_eq!(set(&session, kek, no(CKA_TRUSTED)), Err(Error::AttributeReadOnly));
    set(&session, kek, no(CKA_ENCRYPT)).unwrap();
    let copied = copy(&session, kek, (CKA_LABEL, bytes(b"copy"))).unwrap();
    assert_eq!(value(&session, copied, CKA_TRUSTED), Ok(Value::Bool(false)));
    assert_eq!(wrap(&session, copied, key).err(), Some(Error::KeyNotWrappable));
}

#[test]
fn a_search_for_a_hidden_value_finds_nothing_and_says_nothing() {
    let (_fixture, session) = start();
    let hidden = [yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE), (CKA_LABEL, bytes(b"hidden"))];
    import(&session, &[7; 32], &hidden).unwrap();
    import(&session, &[7; 32], &[no(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]).unwrap();
    let shown = import(&session, &[7; 32], &[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]).unwrap();
    let search = |value: &[u8]| {
        let mut search = SearchTemplate::new();
        search.push(CKA_VALUE, value).unwrap();
        find(&session, &search)
    };
    assert_eq!(search(&[7; 32]), [shown]);
    assert!(search(&[8; 32]).is_empty());
    // Neither do the private parts of key pairs, which no search can name either.
    let (_, private) = ec_pair(&session, &[]);
    assert_eq!(value(&session, private, CKA_VALUE), Err(Error::AttributeSensitive));
    assert!(search(&[]).is_empty());
}

#[test]
fn the_size_of_an_object_does_not_depend_on_its_secret() {
    let (_fixture, session) = start();
    for token in [yes(CKA_TOKEN), no(CKA_TOKEN)] {
        let size = |value: &[u8]| {
            let key = import(&session, value, from_ref(&token)).unwrap();
            session.object_size(key).unwrap()
        };
        assert_eq!(size(&[0; 32]), size(&[0xff; 32]));
        assert_eq!(size(&[1; 16]), size(&[1; 32]));
        let sizes: Vec<usize> = (0..8)
            .map(|_| {
                let (_, private) = ec_pair(&session, from_ref(&token));
                session.object_size(private).unwrap()
            })
            .collect();
        assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}");
    }
}

#[test]
fn the_state_of_an_operation_holds_no_key() {
    let (_fixture, session) = start();
    let key = import(&session, &[0x5a; 32], &[]).unwrap();
    session.digest_init(CKM_SHA256, &Params::None).unwrap();
    session.digest_key(key).unwrap();
    let mut state = vec![0; 4096];
    let mut output = Output::buffer(&mut state);
    session.operation_state(&mut output).unwrap();
    let length = output.length();
    assert!(!state[..length].windows(4).any(|window| window == [0x5a; 4]));
}

#[test]
fn allowed_mechanisms_are_obeyed_by_every_function_that_takes_a_key() {
    let (_fixture, session) = start();
    let uses = [yes(CKA_DERIVE), yes(CKA_EXTRACTABLE), only(&[CKM_AES_CTR])];
    let key = aes(&session, &uses).unwrap();
    let iv = Params::Bytes(vec![1; 16]);
    let refused = Error::MechanismInvalid;
    assert_eq!(session.encrypt_init(CKM_AES_CBC, &iv, key), Err(refused));
    assert_eq!(session.decrypt_init(CKM_AES_CBC, &iv, key), Err(refused));
    assert_eq!(session.sign_init(CKM_AES_CMAC, &Params::None, key), Err(refused));
    assert_eq!(session.verify_init(CKM_AES_CMAC, &Params::None, key), Err(refused));
    let target = aes(&session, &[yes(CKA_EXTRACTABLE)]).unwrap();
    assert_eq!(wrap(&session, key, target).err(), Some(refused));
    assert_eq!(unwrap(&session, key, &[0; 40], &key_of(CKK_AES, &[])).err(), Some(refused));
    assert_eq!(derive(&session, key, &key_of(CKK_GENERIC_SECRET, &[])).err(), Some(refused));
    // As the second key of a derivation.
    let base = aes(&session, &[yes(CKA_DERIVE)]).unwrap();
    let joined = session.derive_key(
        CKM_CONCATENATE_BASE_AND_KEY,
        &Params::None,
        base,
        &[key],
        &key_of(CKK_GENERIC_SECRET, &[]),
    );
    assert_eq!(joined.err(), Some(refused));
    session.digest_init(CKM_SHA256, &Params::None).unwrap();
    assert_eq!(session.digest_key(key), Err(Error::KeyIndigestible));
    // The list never changes, and a copy has the same one.
    assert_eq!(set(&session, key, only(&[CKM_AES_CBC])), Err(Error::AttributeReadOnly));
    assert_eq!(copy(&session, key, only(&[CKM_AES_CBC])).err(), Some(Error::AttributeReadOnly));
    let copied = copy(&session, key, (CKA_LABEL, bytes(b"copy"))).unwrap();
    assert_eq!(session.encrypt_init(CKM_AES_CBC, &iv, copied), Err(refused));
    let (_, signing) = ec_pair(&session, &[only(&[CKM_ECDSA_SHA384])]);
    assert_eq!(session.sign_init(CKM_ECDSA_SHA256, &Params::None, signing), Err(refused));
    assert!(session.sign_init(CKM_ECDSA_SHA384, &Params::None, signing).is_ok());
}

#[test]
fn a_wrap_template_keeps_other_keys_in() {
    let (_fixture, session) = start();
    let wanted = [(CKA_KEY_TYPE, Value::Ulong(CKK_AES)), yes(CKA_SENSITIVE)];
    let by = aes(&session, &[nested(CKA_WRAP_TEMPLATE, &wanted)]).unwrap();
    let fitting = aes(&session, &[yes(CKA_EXTRACTABLE), yes(CKA_SENSITIVE)]).unwrap();
    assert!(wrap(&session, by, fitting).is_ok());
    let other = aes(&session, &[yes(CKA_EXTRACTABLE), no(CKA_SENSITIVE)]).unwrap();
    assert_eq!(wrap(&session, by, other).err(), Some(Error::KeyHandleInvalid));
    let (_, private) = ec_pair(&session, &[yes(CKA_EXTRACTABLE)]);
    assert_eq!(wrap(&session, by, private).err(), Some(Error::KeyHandleInvalid));
    let easier = nested(CKA_WRAP_TEMPLATE, &[]);
    assert_eq!(set(&session, by, easier.clone()), Err(Error::AttributeReadOnly));
    assert_eq!(copy(&session, by, easier).err(), Some(Error::AttributeReadOnly));
}

#[test]
fn an_unwrap_template_decides_whatever_the_caller_asks_for() {
    let (_fixture, session) = start();
    let wanted = [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE), no(CKA_DECRYPT), length(32)];
    let by = aes(&session, &[nested(CKA_UNWRAP_TEMPLATE, &wanted)]).unwrap();
    let long = aes(&session, &[yes(CKA_EXTRACTABLE)]).unwrap();
    let wrapped = wrap(&session, by, long).unwrap();
    for asked in &wanted[..3] {
        let refused = unwrap(&session, by, &wrapped, &key_of(CKK_AES, &[opposite(asked)]));
        assert_eq!(refused.err(), Some(Error::TemplateInconsistent), "{:#x}", asked.0);
    }
    let key = unwrap(&session, by, &wrapped, &key_of(CKK_AES, &[])).unwrap();
    for (id, held) in wanted {
        assert_eq!(value(&session, key, id), Ok(held));
    }
    // A length is wanted like everything else.
    let short = session
        .generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&[length(16), yes(CKA_EXTRACTABLE)]))
        .unwrap();
    let wrapped = wrap(&session, by, short).unwrap();
    let refused = unwrap(&session, by, &wrapped, &key_of(CKK_AES, &[length(16)]));
    assert_eq!(refused.err(), Some(Error::TemplateInconsistent));
    assert_eq!(unwrap(&session, by, &wrapped, &key_of(CKK_AES, &[])).err(), Some(Error::WrappedKeyLenRange));
}

#[test]
fn a_derive_template_decides_whatever_the_caller_asks_for() {
    let (_fixture, session) = start();
    let wanted = [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE), no(CKA_SIGN)];
    let base = aes(&session, &[yes(CKA_DERIVE), nested(CKA_DERIVE_TEMPLATE, &wanted)]).unwrap();
    for asked in &wanted {
        let refused = derive(&session, base, &key_of(CKK_AES, &[length(32), opposite(asked)]));
        assert_eq!(refused.err(), Some(Error::TemplateInconsistent));
    }
    let key = derive(&session, base, &key_of(CKK_AES, &[length(32)])).unwrap();
    for (id, held) in wanted {
        assert_eq!(value(&session, key, id), Ok(held));
    }
}

#[test]
fn type_and_length_of_an_unwrapped_key_must_be_those_of_the_data() {
    let (_fixture, session) = start();
    let by = aes(&session, &[]).unwrap();
    let key = aes(&session, &[yes(CKA_EXTRACTABLE)]).unwrap();
    let wrapped = wrap(&session, by, key).unwrap();
    let unwrapped =
        |key_type, more: &[Attribute]| unwrap(&session, by, &wrapped, &key_of(key_type, more)).err();
    assert_eq!(unwrapped(CKK_AES, &[length(32)]), None);
    assert_eq!(unwrapped(CKK_AES, &[length(24)]), Some(Error::WrappedKeyLenRange));
    assert_eq!(unwrapped(CKK_DES3, &[]), Some(Error::WrappedKeyLenRange));
    assert_eq!(unwrapped(CKK_DES2, &[]), Some(Error::WrappedKeyLenRange));
    let (_, private) = ec_pair(&session, &[yes(CKA_EXTRACTABLE)]);
    let wrapped = wrap(&session, by, private).unwrap();
    let as_rsa =
        template(&[(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_RSA))]);
    assert!(matches!(
        unwrap(&session, by, &wrapped, &as_rsa).err(),
        Some(Error::TemplateInconsistent | Error::WrappedKeyInvalid)
    ));
}

#[test]
fn each_operation_with_such_a_key_needs_a_login_of_its_own_after_the_init() {
    let (_fixture, session) = start();
    let (_, key) = ec_pair(&session, &[yes(CKA_ALWAYS_AUTHENTICATE)]);
    let login = || session.login(CKU_CONTEXT_SPECIFIC, &secret(USER_PIN));
    let sign = || session.sign(b"data", &mut Output::buffer(&mut [0; 64]));
    assert_eq!(login(), Err(Error::OperationNotInitialized));
    session.sign_init(CKM_ECDSA_SHA256, &Params::None, key).unwrap();
    assert_eq!(sign(), Err(Error::UserNotLoggedIn));
    for _ in 0..2 {
        session.sign_init(CKM_ECDSA_SHA256, &Params::None, key).unwrap();
        login().unwrap();
        assert_eq!(login(), Err(Error::OperationNotInitialized));
        assert_eq!(sign(), Ok(()));
    }
    session.sign_init(CKM_ECDSA_SHA256, &Params::None, key).unwrap();
    assert_eq!(session.login(CKU_CONTEXT_SPECIFIC, &secret("wrong-pin-1234")), Err(Error::PinIncorrect));
    assert_eq!(sign(), Err(Error::UserNotLoggedIn));
    let copied = copy(&session, key, (CKA_LABEL, bytes(b"copy"))).unwrap();
    session.sign_init(CKM_ECDSA_SHA256, &Params::None, copied).unwrap();
    assert_eq!(sign(), Err(Error::UserNotLoggedIn));
}

#[test]
fn one_login_serves_one_operation_the_last_of_those_that_wait() {
    let (_fixture, session) = start();
    let public = [(CKA_MODULUS_BITS, Value::Ulong(2048)), (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1]))];
    let (_, key) = session
        .generate_key_pair(
            CKM_RSA_PKCS_KEY_PAIR_GEN,
            &Params::None,
            &template(&public),
            &template(&[yes(CKA_ALWAYS_AUTHENTICATE)]),
        )
        .unwrap();
    session.sign_init(CKM_RSA_PKCS, &Params::None, key).unwrap();
    session.decrypt_init(CKM_RSA_PKCS, &Params::None, key).unwrap();
    session.login(CKU_CONTEXT_SPECIFIC, &secret(USER_PIN)).unwrap();
    let mut room = [0; 256];
    assert_eq!(session.sign(b"data", &mut Output::buffer(&mut room)), Err(Error::UserNotLoggedIn));
    assert!(session.decrypt(&[1; 256], &mut Output::buffer(&mut room)).is_ok());
}

#[test]
fn functions_without_an_init_refuse_keys_that_need_a_login_for_each_use() {
    let (_fixture, session) = start();
    let (public, base) = ec_pair(&session, &[yes(CKA_ALWAYS_AUTHENTICATE), yes(CKA_DERIVE)]);
    let Ok(Value::Bytes(point)) = value(&session, public, CKA_EC_POINT) else { panic!("no point") };
    let params = Params::Ecdh1 { kdf: CKD_NULL, shared_data: Vec::new(), public_data: point };
    let derived = session.derive_key(CKM_ECDH1_DERIVE, &params, base, &[], &key_of(CKK_GENERIC_SECRET, &[]));
    assert_eq!(derived.err(), Some(Error::UserNotLoggedIn));
}

#[test]
fn the_security_officer_sees_makes_and_uses_no_private_object() {
    let (fixture, session) = start();
    let key = aes(&session, &[yes(CKA_TOKEN), (CKA_LABEL, bytes(b"private")), yes(CKA_EXTRACTABLE)]).unwrap();
    session.logout().unwrap();
    let so = officer(&fixture);
    assert!(find_label(&so, "private").is_empty());
    assert!(find(&so, &SearchTemplate::new()).is_empty());
    let iv = Params::Bytes(vec![1; 16]);
    assert_eq!(so.encrypt_init(CKM_AES_CBC, &iv, key), Err(Error::KeyHandleInvalid));
    assert_eq!(so.attribute_values(key, &[CKA_LABEL]).err(), Some(Error::ObjectHandleInvalid));
    assert_eq!(copy(&so, key, no(CKA_PRIVATE)).err(), Some(Error::ObjectHandleInvalid));
    assert_eq!(set(&so, key, (CKA_LABEL, bytes(b"mine"))), Err(Error::ObjectHandleInvalid));
    assert_eq!(so.destroy_object(key), Err(Error::ObjectHandleInvalid));
    assert_eq!(so.object_size(key).err(), Some(Error::ObjectHandleInvalid));
    assert_eq!(aes(&so, &[]).err(), Some(Error::UserNotLoggedIn));
    let public = aes(&so, &[no(CKA_PRIVATE)]).unwrap();
    assert_eq!(wrap(&so, public, key).err(), Some(Error::KeyHandleInvalid));
    assert_eq!(copy(&so, public, yes(CKA_PRIVATE)).err(), Some(Error::UserNotLoggedIn));
}
