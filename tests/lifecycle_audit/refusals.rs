//! What somebody was not allowed to do is told, with who it was and which object.

use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::approval::{self, ParticipantKey};
use coffer_pkcs11::lifecycle::destruction::{self, Targets};
use coffer_pkcs11::lifecycle::settings;
use coffer_pkcs11::policy::{Control, Controlled, Mode};
use coffer_pkcs11::token::Outcome;

use super::common::{USER_PIN, open, secret};
use super::*;

/// The key of a template, and more of it.
fn key_with(session: &Session, label: &str, more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> ObjectHandle {
    let all = [
        &[
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_LABEL, bytes(label.as_bytes())),
            (CKA_VALUE_LEN, Value::Ulong(32)),
            (CKA_SIGN, Value::Bool(true)),
        ],
        more,
    ]
    .concat();
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&all)).unwrap()
}

/// What was refused: the object, the words, the CK_RV.
fn refusals(audited: &Audited) -> Vec<(String, String, u64)> {
    let denied = events(&audited.contents()).into_iter().filter(|event| event.what == What::Denied);
    let told = denied.map(|event| {
        let Outcome::Denied(code) = event.outcome else { panic!("{event:?}") };
        assert!(event.who.pid == std::process::id() && event.who.role == 2 && event.who.uid != u32::MAX);
        (event.key.unwrap().label, event.detail, code)
    });
    told.collect()
}

#[test]
fn whatever_is_denied_is_told_in_a_log_of_events() {
    let audited = Audited::new(AuditMode::Events);
    let session = audited.fixture.user_session();
    let closed = key_with(
        &session,
        "closed",
        &[
            (CKA_EXTRACTABLE, Value::Bool(false)),
            (CKA_SENSITIVE, Value::Bool(true)),
            (CKA_ENCRYPT, Value::Bool(false)),
            (CKA_DESTROYABLE, Value::Bool(false)),
            (CKA_COPYABLE, Value::Bool(false)),
        ],
    );
    let under = secret_key(&session, "under", true);
    let mut wrapped = [0; 64];
    let mut output = Output::buffer(&mut wrapped);
    let refused = [
        session.wrap_key(CKM_AES_KEY_WRAP, &Params::None, under, closed, &mut output),
        session.destroy_object(closed),
        session.copy_object(closed, &template(&[])).map(|_| ()),
        session.set_attribute_values(closed, &template(&[(CKA_EXTRACTABLE, Value::Bool(true))])),
        session.encrypt_init(CKM_AES_ECB, &Params::None, closed),
    ];
    let codes: Vec<u64> = refused.iter().map(|result| result.unwrap_err().rv()).collect();
    for _ in 0..2 {
        let read = session.attribute_values(closed, &[CKA_LABEL, CKA_VALUE]).unwrap();
        assert_eq!(read[1], Err(Error::AttributeSensitive));
    }
    let told = refusals(&audited);
    assert!(told.iter().all(|(label, ..)| label == "closed"), "{told:?}");
    let expected = [
        "wrap with CKM_AES_KEY_WRAP",
        "destroy",
        "copy",
        "change CKA_EXTRACTABLE",
        "encrypt with CKM_AES_ECB",
        "read CKA_VALUE",
    ];
    // That the value is asked for again and again is told once.
    assert_eq!(told.iter().map(|(_, what, _)| what.as_str()).collect::<Vec<_>>(), expected);
    let codes: Vec<u64> = codes.into_iter().chain([CKR_ATTRIBUTE_SENSITIVE]).collect();
    assert_eq!(told.into_iter().map(|(.., code)| code).collect::<Vec<_>>(), codes);
}

#[test]
fn what_too_few_have_approved_is_told_once() {
    let audited = Audited::new(AuditMode::Events);
    let session = audited.fixture.user_session();
    let extractable = [(CKA_EXTRACTABLE, Value::Bool(true))];
    let (key, under) = (key_with(&session, "key", &extractable), secret_key(&session, "under", true));
    let people = ["alice", "bob"].map(|name| ParticipantKey::generate(name).unwrap().participant());
    let rules = Controlled::ALL.map(|operation| (operation, 1)).into();
    let control = Control { rules, participants: people.into(), validity: 60 };
    approval::set_control(session.token(), Some(&control)).unwrap();
    let mut wrapped = [0; 64];
    let mut output = Output::buffer(&mut wrapped);
    let targets = Targets { handles: &[key], reason: "", due: 0 };
    let refused = [
        session.wrap_key(CKM_AES_KEY_WRAP, &Params::None, under, key, &mut output),
        session.destroy_object(key),
        session.copy_object(key, &template(&[(CKA_TOKEN, Value::Bool(false))])).map(drop),
        destruction::decide(session.token(), &targets).map(drop),
    ];
    assert!(refused.iter().all(|result| *result == Err(Error::ActionProhibited)), "{refused:?}");
    let told = refusals(&audited);
    let few = |operation: &str| format!("{operation}: too few have approved it");
    let expected = [few("export"), "destroy".into(), few("export"), few("destroy")];
    assert_eq!(told.iter().map(|(_, what, _)| what.clone()).collect::<Vec<_>>(), expected);
    assert!(told.iter().all(|(label, _, code)| label == "key" && *code == CKR_ACTION_PROHIBITED));
}

#[test]
fn a_use_beyond_the_limit_of_a_key_is_told() {
    let audited = Audited::new(AuditMode::Events);
    let session = audited.fixture.user_session();
    settings::change(&audited.token(), None, |settings| settings.lifecycle = Mode::Enforce).unwrap();
    let key = key_with(&session, "once", &[(CKA_COFFER_USE_LIMIT, Value::Ulong(1))]);
    sign(&session, key);
    let again = || -> coffer_pkcs11::error::Result<()> {
        session.sign_init(CKM_AES_CMAC, &Params::None, key)?;
        session.sign(b"data", &mut Output::buffer(&mut [0; 16]))
    };
    assert_eq!(again(), Err(Error::KeyExhausted));
    let told = refusals(&audited);
    assert_eq!(told, [("once".into(), "CKA_SIGN beyond the key's limit".into(), CKR_KEY_EXHAUSTED)]);
}

#[test]
fn a_value_that_is_read_in_the_clear_is_told_each_time() {
    let audited = Audited::new(AuditMode::Events);
    let session = audited.fixture.user_session();
    let open = key_with(
        &session,
        "open",
        &[(CKA_EXTRACTABLE, Value::Bool(true)), (CKA_SENSITIVE, Value::Bool(false))],
    );
    for _ in 0..2 {
        assert!(session.attribute_values(open, &[CKA_VALUE, CKA_LABEL]).unwrap()[0].is_ok());
    }
    let read: Vec<_> =
        events(&audited.contents()).into_iter().filter(|event| event.what == What::ValueRead).collect();
    assert_eq!(read.len(), 2);
    assert_eq!(
        (read[0].key.as_ref().unwrap().label.as_str(), read[0].detail.as_str()),
        ("open", "CKA_VALUE")
    );
}

#[test]
fn every_way_of_trying_a_pin_is_told_when_it_fails() {
    let audited = Audited::new(AuditMode::Events);
    let module = &audited.fixture.module;
    let session = open(module, SlotId(0), true);
    let wrong = secret("wrong-pin-1");
    assert!(session.login(CKU_SO, &wrong).is_err());
    assert!(session.login(CKU_USER, &wrong).is_err());
    assert!(session.login_user(CKU_USER, &wrong, b"nobody").is_err());
    assert!(session.set_pin(&wrong, &secret("another-pin")).is_err());
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    assert!(session.login(CKU_CONTEXT_SPECIFIC, &wrong).is_err());
    audited.token().verify_pin(&wrong).unwrap_err();
    session.logout().unwrap();
    module.close_session(session.handle()).unwrap();
    let label = coffer_pkcs11::token::padded("again");
    assert_eq!(module.init_token(SlotId(0), &wrong, label), Err(Error::PinIncorrect));
    let contents = audited.contents();
    let failed: Vec<_> = events(&contents)
        .into_iter()
        .filter(|event| event.what == What::LoginFailed)
        .map(|event| (event.who.role, event.outcome))
        .collect();
    let wrong = Outcome::Failed(CKR_PIN_INCORRECT);
    let stranger = (0, Outcome::Failed(CKR_USER_TYPE_INVALID));
    // Two of them are told once more, as an event, by the login that succeeded: without it there were no keys.
    for expected in [(1, wrong), (2, wrong), stranger] {
        assert!(failed.contains(&expected), "{expected:?} in {failed:?}");
    }
    assert_eq!(failed.iter().filter(|failed| failed.0 == 1).count(), 2, "{failed:?}");
    assert_eq!(failed.iter().filter(|failed| failed.0 == 2).count(), 4, "{failed:?}");
}
