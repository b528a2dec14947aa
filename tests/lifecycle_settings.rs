//! Settings that are changed while a token is in use: who may, what is told, and that every process obeys.

mod common;
#[path = "common/lifecycle.rs"]
mod common_lifecycle;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::log::{self, Begin, verify};
use coffer_pkcs11::lifecycle::settings::{self, Difference};
use coffer_pkcs11::lifecycle::state::{self, Step};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::{Mode, Profile, Role};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{AuditMode, Event, ObjectHandle, Settings, SlotId, What, padded};
use coffer_pkcs11::vault::Entry;

use common::{SO_PIN, USER_PIN, bytes, find_label, open, secret, template, user_session};
use common_lifecycle::{TODAY, World};

fn generate(session: &Session, label: &str) -> ObjectHandle {
    let wanted = [
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, bytes(label.as_bytes())),
        (CKA_SIGN, Value::Bool(true)),
        (CKA_VALUE_LEN, Value::Ulong(16)),
    ];
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&wanted)).unwrap()
}

/// Signs after a look at the file, which a search always takes.
fn sign(session: &Session, key: &str) -> Result<(), Error> {
    let found = find_label(session, key)[0];
    session.sign_init(CKM_AES_CMAC, &Params::None, found)?;
    let mut signature = vec![0; 16];
    session.sign(b"a message", &mut Output::buffer(&mut signature))
}

fn change(session: &Session, change: impl Fn(&mut Settings)) -> Result<Vec<Difference>, Error> {
    settings::change(session.token(), Some("a test"), change)
}

fn events(session: &Session) -> Vec<Event> {
    let unlocked = session.token().vault().login(Entry::User, &secret(USER_PIN)).unwrap();
    unlocked.events(1).unwrap().iter().map(|(_, text)| Event::decode(text.text()).unwrap()).collect()
}

fn told(session: &Session, what: What) -> Vec<String> {
    events(session).into_iter().filter(|event| event.what == what).map(|event| event.detail).collect()
}

/// A session of another process that uses the token already.
fn elsewhere(world: &World) -> (Module, Arc<Session>) {
    let module = world.second_module();
    let session = user_session(&module);
    sign(&session, "key").unwrap();
    (module, session)
}

fn with_key(lifecycle: Mode) -> (World, Arc<Session>) {
    let world = World::new(lifecycle);
    let session = world.session();
    generate(&session, "key");
    (world, session)
}

#[test]
fn a_change_is_told_with_what_was_before_and_what_is_now() {
    let (_world, session) = with_key(Mode::Warn);
    let changed = change(&session, |settings| {
        settings.lifecycle = Mode::Enforce;
        settings.destruction_wait = 7 * 86_400;
        settings.algorithm_policy = Some("cnsa2".into());
    });
    let difference = |name, before: &str, after: &str| Difference {
        name,
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let expected = [
        difference("lifecycle", "warn", "enforce"),
        difference("algorithm policy", "none", "cnsa2"),
        difference("destruction wait", "0s", "7d"),
    ];
    assert_eq!(changed.unwrap(), expected);
    assert_eq!(
        told(&session, What::SettingsChanged),
        ["lifecycle: warn, now enforce; destruction wait: 0s, now 7d; reason: a test"]
    );
    assert_eq!(told(&session, What::PolicyChanged), ["algorithm policy: none, now cnsa2; reason: a test"]);
    // The same once more is no change, and nothing is told.
    let before = session.token().revision();
    assert_eq!(change(&session, |settings| settings.lifecycle = Mode::Enforce), Ok(Vec::new()));
    assert_eq!(session.token().revision(), before);
}

#[test]
fn another_process_holds_keys_to_the_new_mode_and_policy_at_its_next_look() {
    let (world, session) = with_key(Mode::Warn);
    let (_module, other) = elsewhere(&world);
    let key = find_label(&session, "key")[0];
    state::decide(session.token(), key, Step::Suspend, None).unwrap();
    assert_eq!(sign(&other, "key"), Ok(()), "it is warned of, and happens");
    change(&session, |settings| settings.lifecycle = Mode::Enforce).unwrap();
    assert_eq!(sign(&other, "key"), Err(Error::KeyFunctionNotPermitted));
    change(&session, |settings| settings.lifecycle = Mode::Off).unwrap();
    assert_eq!(sign(&other, "key"), Ok(()));
    state::decide(session.token(), key, Step::Resume, None).unwrap();
    change(&session, |settings| {
        settings.lifecycle = Mode::Enforce;
        settings.algorithm_policy = Some("cnsa2".into());
    })
    .unwrap();
    assert_eq!(sign(&other, "key"), Err(Error::KeyFunctionNotPermitted), "cnsa2 wants 256 bits");
    change(&session, |settings| settings.algorithm_policy = None).unwrap();
    assert_eq!(sign(&other, "key"), Ok(()));
}

#[test]
fn another_process_keeps_to_the_new_waiting_period_and_clock_tolerance() {
    let (world, session) = with_key(Mode::Enforce);
    let (_module, other) = elsewhere(&world);
    let doomed = generate(&session, "doomed");
    change(&session, |settings| settings.destruction_wait = 86_400).unwrap();
    let there = find_label(&other, "doomed")[0];
    assert_eq!(other.destroy_object(there), Err(Error::ActionProhibited));
    change(&session, |settings| settings.destruction_wait = 0).unwrap();
    let _ = find_label(&other, "doomed");
    assert_eq!(other.destroy_object(there), Ok(()));
    let _ = doomed;

    // The clock is an hour behind what the token has seen.
    world.set_time(TODAY + 3600);
    generate(&session, "later");
    let _ = sign(&other, "later");
    world.set_time(TODAY);
    let _ = find_label(&other, "key");
    assert_eq!(other.token().clock_behind(), Some(3600));
    change(&session, |settings| settings.clock_tolerance = 7200).unwrap();
    let _ = find_label(&other, "key");
    assert_eq!(other.token().clock_behind(), None);
}

#[test]
fn another_process_tells_a_log_that_was_begun_after_it_had_opened_the_token() {
    let (world, session) = with_key(Mode::Off);
    let (_module, other) = elsewhere(&world);
    let path = world.module.slot_info(SlotId(0)).unwrap().path;
    let backend = world.module.audit_backend(&path);
    let begin = Begin { mode: AuditMode::Uses, ..Begin::default() };
    log::enable(session.token(), backend, &begin).unwrap();
    let uses = || {
        other.token().flush_log(false);
        session.token().flush_log(false);
        let contents = std::fs::read(log::path_beside(&path)).unwrap();
        let mut uses = 0;
        verify::read(&contents[..], |entry| {
            uses += usize::from(entry.event.is_some_and(|event| event.what == What::Sign));
        })
        .unwrap();
        uses
    };
    sign(&other, "key").unwrap();
    assert_eq!(uses(), 1);
    change(&session, |settings| settings.audit.mode = AuditMode::Events).unwrap();
    sign(&other, "key").unwrap();
    assert_eq!(uses(), 1);
    change(&session, |settings| settings.audit.mode = AuditMode::Uses).unwrap();
    sign(&other, "key").unwrap();
    assert_eq!(uses(), 2);
    // Who turns it off is told of, and nothing is after that.
    change(&session, |settings| settings.audit.mode = AuditMode::Off).unwrap();
    sign(&other, "key").unwrap();
    assert_eq!(uses(), 2);
    generate(&other, "silent");
    let last = events(&session).pop().unwrap();
    assert_eq!(last.what, What::SettingsChanged);
    assert!(last.detail.starts_with("audit: uses, log "), "{}", last.detail);
}

#[test]
fn two_who_change_different_settings_at_once_lose_nothing() {
    let (world, session) = with_key(Mode::Warn);
    let (_module, other) = elsewhere(&world);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                change(&session, |settings| settings.clock_tolerance += 1).unwrap();
            }
        });
        for _ in 0..20 {
            change(&other, |settings| settings.destruction_wait += 1).unwrap();
        }
    });
    let _ = find_label(&session, "key");
    let settings = session.token().settings().unwrap();
    assert_eq!((settings.clock_tolerance, settings.destruction_wait), (320, 20));
}

#[test]
fn settings_that_no_token_can_have_are_refused_and_nothing_changes() {
    let (_world, session) = with_key(Mode::Warn);
    let before = session.token().settings().unwrap();
    type Change = fn(&mut Settings);
    let refused: [Change; 5] = [
        |settings| settings.algorithm_policy = Some("no such policy".into()),
        |settings| settings.algorithm_policy = Some("x".repeat(65)),
        |settings| settings.policy_text = Some("not a policy".into()),
        |settings| settings.audit.required = true,
        |settings| settings.quorum_reset = true,
    ];
    for wrong in refused {
        assert_eq!(change(&session, wrong), Err(Error::ArgumentsBad));
    }
    assert_eq!(session.token().settings().unwrap(), before);
}

#[test]
fn the_officer_who_does_not_hold_the_keys_decides_on_the_audit_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(&folder);
    config.pin.separate_officer = Some(true);
    let module = Module::new(config);
    module
        .init_token_as(SlotId(0), &secret(SO_PIN), padded("test"), Profile::Compatible, Settings::default())
        .unwrap();
    let session = open(&module, SlotId(0), true);
    session.login(CKU_SO, &secret(SO_PIN)).unwrap();
    session.init_pin(&secret(USER_PIN)).unwrap();
    let looser: fn(&mut Settings) = |settings| settings.lifecycle = Mode::Off;
    let audit: fn(&mut Settings) = |settings| settings.audit.mode = AuditMode::Off;
    assert_eq!(session.token().role(), Role::SecurityOfficer);
    assert_eq!(change(&session, looser), Err(Error::ActionProhibited));
    assert_eq!(change(&session, audit).map(|changed| changed.len()), Ok(1));
    session.logout().unwrap();
    assert_eq!(change(&session, looser), Err(Error::UserNotLoggedIn));
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    assert_eq!(change(&session, looser).map(|changed| changed.len()), Ok(1));
}
