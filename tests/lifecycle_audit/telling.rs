//! What is told, and when.

use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::copies::{self, Way};
use coffer_pkcs11::object::SearchTemplate;
use coffer_pkcs11::token::{Outcome, What};

use super::common::{USER_PIN, secret, user_session};
use super::*;

#[test]
fn events_of_the_token_file_are_copied_in_their_order_and_uses_stand_beside_them() {
    let audited = Audited::new(AuditMode::Uses);
    let session = audited.fixture.user_session();
    let key = secret_key(&session, "mac", true);
    let code = sign(&session, key);
    session.verify_init(CKM_AES_CMAC, &Params::None, key).unwrap();
    session.verify(b"data", &code).unwrap();
    session.verify_init(CKM_AES_CMAC, &Params::None, key).unwrap();
    assert!(session.verify(b"other", &code).is_err());
    session.destroy_object(key).unwrap();
    let contents = audited.contents();
    let all = events(&contents);
    let mut copied: Vec<_> = entries(&contents)
        .into_iter()
        .filter(|entry| entry.event_number.is_some())
        .map(|entry| (entry.event_number.unwrap(), entry.event.unwrap().what))
        .collect();
    let order = [What::TokenInitialised, What::PinSet, What::AuditEnabled, What::Generated, What::Destroyed];
    let expected: Vec<_> = (1..).zip(order).collect();
    copied.sort_by_key(|(number, _)| *number);
    assert_eq!(copied, expected);
    let uses: Vec<_> = all.iter().filter(|event| matches!(event.what, What::Sign | What::Verify)).collect();
    assert_eq!(
        uses.iter().map(|event| event.what).collect::<Vec<_>>(),
        [What::Sign, What::Verify, What::Verify]
    );
    assert!(uses.iter().all(|event| event.key.as_ref().unwrap().label == "mac"));
    assert_eq!(uses[1].outcome, Outcome::Done);
    assert_eq!(uses[2].outcome, Outcome::Failed(CKR_SIGNATURE_INVALID));
    assert!(all.iter().all(|event| event.who.pid == std::process::id() && !event.who.program.is_empty()));
    let checked = audited.check(&contents, &audited.side());
    assert_eq!((checked.findings, checked.gaps, checked.waiting), (vec![], 0, 0));
}

#[test]
fn refusals_failed_logins_and_pin_changes_are_told_and_uses_are_not_in_a_log_of_events() {
    let audited = Audited::new(AuditMode::Events);
    let session = super::common::open(&audited.fixture.module, SlotId(0), true);
    assert_eq!(session.login(CKU_USER, &secret("wrong-pin")), Err(Error::PinIncorrect));
    assert!(told(&std::fs::read(audited.path()).unwrap()).contains(&What::LoginFailed), "written at once");
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    let key = secret_key(&session, "mac", true);
    sign(&session, key);
    assert!(session.decrypt_init(CKM_RSA_PKCS, &Params::None, key).is_err());
    session.set_pin(&secret(USER_PIN), &secret("another-pin")).unwrap();
    let contents = audited.contents();
    let all = told(&contents);
    for what in [What::Denied, What::PinChanged, What::LoggedIn, What::LoginFailed] {
        assert!(all.contains(&what), "{what:?} in {all:?}");
    }
    assert!(!all.contains(&What::Sign));
    let denied = events(&contents).into_iter().find(|event| event.what == What::Denied).unwrap();
    assert_eq!(denied.outcome, Outcome::Denied(CKR_KEY_TYPE_INCONSISTENT));
    assert_eq!(denied.key.unwrap().label, "mac");
}

#[test]
fn a_wrapped_token_key_is_recorded_once_for_each_way_and_a_session_key_is_not() {
    let audited = Audited::new(AuditMode::Events);
    let session = audited.fixture.user_session();
    let (key, under) = (secret_key(&session, "leaves", true), secret_key(&session, "under", true));
    let passing = secret_key(&session, "passing", false);
    let wrap = |key| {
        let mut wrapped = [0; 64];
        session
            .wrap_key(CKM_AES_KEY_WRAP, &Params::None, under, key, &mut Output::buffer(&mut wrapped))
            .unwrap();
    };
    let mut query = Output::query();
    session.wrap_key(CKM_AES_KEY_WRAP, &Params::None, under, key, &mut query).unwrap();
    let token = audited.token();
    assert!(copies::all(&token).unwrap().is_empty(), "a question about the length lets nothing out");
    wrap(key);
    wrap(key);
    wrap(passing);
    let known = copies::all(&token).unwrap();
    assert_eq!(known.len(), 1);
    let (_, copy) = &known[0];
    assert_eq!((copy.key.label.as_str(), copy.way, copy.count), ("leaves", Way::Wrapped, 2));
    assert_eq!(copy.under.as_ref().unwrap().label, "under");
    assert_eq!(told(&audited.contents()).iter().filter(|what| **what == What::Wrapped).count(), 2);
}

#[test]
fn two_processes_write_one_log_and_the_events_of_a_third_without_one_are_copied_too() {
    let audited = Audited::new(AuditMode::Uses);
    let modules = [audited.fixture.second_module(), audited.fixture.second_module()];
    std::thread::scope(|scope| {
        for module in &modules {
            scope.spawn(move || {
                let session = user_session(module);
                for number in 0..20 {
                    let key = secret_key(&session, &format!("key {number}"), true);
                    sign(&session, key);
                    module.flush_logs();
                }
            });
        }
    });
    let session = audited.fixture.user_session();
    let contents = audited.contents();
    let checked = audited.check(&contents, &audited.side());
    assert_eq!((checked.findings, checked.waiting), (vec![], 0));
    let all = told(&contents);
    assert_eq!(all.iter().filter(|what| **what == What::Generated).count(), 40);
    assert_eq!(all.iter().filter(|what| **what == What::Sign).count(), 40);
    // A compaction drops what is durable in the log, and the count and the head stay.
    let token = audited.token();
    let tally = token.vault().tally();
    secret_key(&session, "last", true);
    token.flush_log(true);
    let changed = session.set_pin(&secret(USER_PIN), &secret("another-pin"));
    changed.unwrap();
    assert!(token.vault().first_event() > tally.count, "the events were dropped");
    let checked = audited.check(&audited.contents(), &audited.side());
    assert_eq!(checked.findings, []);
}

#[test]
fn a_process_that_runs_writes_to_a_log_that_is_begun_meanwhile_and_obeys_its_settings() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let key = secret_key(&session, "mac", true);
    sign(&session, key);
    let other = fixture.second_module();
    let its = user_session(&other);
    let begin = Begin { mode: AuditMode::Uses, required: true, ..Begin::default() };
    let first_key = enable(&other, &begin).unwrap();
    // A search looks at the file at once.
    fixture.module.token(SlotId(0)).unwrap().find(&SearchTemplate::new()).unwrap();
    sign(&session, key);
    let audited = Audited { fixture, first_key };
    let all = told(&audited.contents());
    assert_eq!(all.iter().filter(|what| **what == What::Sign).count(), 1, "{all:?}");
    its.logout().unwrap();
    let checked = audited.check(&audited.contents(), &audited.side());
    assert_eq!((checked.findings, checked.waiting), (vec![], 0));
}

#[test]
fn a_token_that_must_not_be_used_without_its_log_is_not_and_others_count_the_gap() {
    for required in [false, true] {
        let audited = Audited::new(AuditMode::Uses);
        let session = audited.fixture.user_session();
        let key = secret_key(&session, "mac", true);
        let token = audited.token();
        log::configure(
            &token,
            What::SettingsChanged,
            &coffer_pkcs11::token::Audit { required, ..token.settings().unwrap().audit },
        )
        .unwrap();
        token.flush_log(true);
        let kept = std::fs::read(audited.path()).unwrap();
        std::fs::remove_file(audited.path()).unwrap();
        sign(&session, key);
        token.flush_log(false);
        let refused = session.sign_init(CKM_AES_CMAC, &Params::None, key);
        assert_eq!(refused, if required { Err(Error::FunctionRejected) } else { Ok(()) });
        std::fs::write(audited.path(), kept).unwrap();
        if !required {
            session.sign(b"data", &mut Output::buffer(&mut [0; 16])).unwrap();
        }
        sign(&session, key);
        let all = told(&audited.contents());
        assert_eq!(all.iter().filter(|what| **what == What::Sign).count(), if required { 2 } else { 3 });
        assert_eq!(audited.check(&audited.contents(), &audited.side()).findings, []);
    }
}

#[test]
fn nothing_that_is_secret_is_in_the_log() {
    let audited = Audited::new(AuditMode::Uses);
    let session = audited.fixture.user_session();
    let value = [0xa7; 32];
    let key = session
        .create_object(&template(&[
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_VALUE, bytes(&value)),
            (CKA_SIGN, Value::Bool(true)),
        ]))
        .unwrap();
    sign(&session, key);
    session.logout().unwrap();
    let _ = session.login(CKU_USER, &secret("mistyped-pin-77"));
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    let contents = audited.contents();
    let holds = |needle: &[u8]| contents.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"imported") || told(&contents).contains(&What::Imported));
    for needle in [&value[..8], b"mistyped", USER_PIN.as_bytes(), b"so-pin", &audited.first_key[..]] {
        assert!(!holds(needle));
    }
}

#[test]
fn a_forked_child_leaves_alone_what_its_parent_has_gathered() {
    let audited = Audited::new(AuditMode::Uses);
    let session = audited.fixture.user_session();
    let key = secret_key(&session, "mac", false);
    sign(&session, key);
    let token = audited.token();
    // SAFETY: the child takes no lock that another thread could hold, and ends without running what the test runner has set up.
    let child = unsafe { libc::fork() };
    if child == 0 {
        token.flush_log(true);
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    let before = told(&std::fs::read(audited.path()).unwrap());
    assert!(!before.contains(&What::Sign), "the child wrote for its parent");
    let after = told(&audited.contents());
    assert_eq!(after.iter().filter(|what| **what == What::Sign).count(), 1);
}

#[test]
fn telling_of_each_signature_takes_less_time_than_the_signature() {
    let [quiet, telling] = [AuditMode::Events, AuditMode::Uses].map(|mode| {
        let audited = Audited::new(mode);
        let session = audited.fixture.user_session();
        let curve = [(CKA_EC_PARAMS, bytes(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]))];
        let (_, key) = session
            .generate_key_pair(CKM_EC_KEY_PAIR_GEN, &Params::None, &template(&curve), &template(&[]))
            .unwrap();
        let round = || {
            let begun = std::time::Instant::now();
            for _ in 0..100 {
                session.sign_init(CKM_ECDSA, &Params::None, key).unwrap();
                session.sign(&[7; 32], &mut Output::buffer(&mut [0; 64])).unwrap();
            }
            begun.elapsed()
        };
        // The best of many: other work on the machine only ever adds.
        (0..20).map(|_| round()).min().unwrap()
    });
    assert!(telling < quiet * 2, "{telling:?} with a log of uses, {quiet:?} without");
    println!("100 signatures: {quiet:?} untold, {telling:?} told");
}
