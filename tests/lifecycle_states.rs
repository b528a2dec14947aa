//! A token holds its keys to their states and dates, whatever function asks (docs/lifecycle.md). The time is set by the test.

mod common;
#[path = "common/lifecycle.rs"]
mod lifecycle;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::state::{Changes, Refusal, change};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{Value, attribute};
use coffer_pkcs11::policy::{Mode, State};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{ObjectHandle, SlotId};

use crate::lifecycle::{TODAY, World, aes_key, read};
use common::template;

#[test]
fn the_header_names_the_attributes_as_the_library_does() {
    let header = include_str!("../include/coffer.h");
    let named = header.lines().filter_map(|line| line.strip_prefix("#define CKA_COFFER_"));
    let mut count = 0;
    for line in named {
        let (name, value) = line.split_once(' ').unwrap();
        let number = value.split_once('|').unwrap().1.split_once("UL").unwrap().0.trim();
        let info = attribute::by_name(&format!("CKA_COFFER_{name}")).unwrap();
        assert_eq!(info.id, COFFER_VENDOR_DEFINED | number.parse::<u64>().unwrap(), "{name}");
        count += 1;
    }
    let known = attribute::all().iter().filter(|info| info.name.starts_with("CKA_COFFER_"));
    assert_eq!(count, known.count());
}

#[test]
fn a_key_past_its_end_date_still_decrypts_and_encrypts_no_more() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_END_DATE, common::bytes(b"20261124"))]);
    let encrypts =
        || session.encrypt_init(CKM_AES_ECB, &Params::None, key).inspect(|_| session.encrypt_cancel());
    world.set_time(TODAY + 86_399);
    assert_eq!(encrypts(), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_STATE), Ok(Value::Ulong(2)));
    world.set_time(TODAY + 86_400);
    assert_eq!(encrypts(), Err(Error::KeyFunctionNotPermitted));
    assert_eq!(session.decrypt_init(CKM_AES_ECB, &Params::None, key), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_STATE), Ok(Value::Ulong(4)));
    assert_eq!(read(&session, key, CKA_COFFER_CREATION_DATE), Ok(Value::Ulong(TODAY)));
    assert_eq!(read(&session, key, CKA_COFFER_OWNER), Err(Error::AttributeTypeInvalid));
}

#[test]
fn a_token_that_warns_lets_the_use_happen_and_tells_of_it_once() {
    let world = World::new(Mode::Warn);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY))]);
    for _ in 0..2 {
        session.encrypt_init(CKM_AES_ECB, &Params::None, key).unwrap();
        session.encrypt_cancel();
    }
    assert_eq!(world.module.token(SlotId(0)).unwrap().concerns().len(), 1);
}

#[test]
fn templates_may_not_give_what_is_the_token_s_and_dates_become_only_tighter() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let state = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_COFFER_STATE, Value::Ulong(2))]);
    assert_eq!(
        session.generate_key(CKM_AES_KEY_GEN, &Params::None, &state).err(),
        Some(Error::AttributeReadOnly)
    );
    let key = aes_key(&session, &[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 100))]);
    let set = |id, value| session.set_attribute_values(key, &template(&[(id, value)]));
    assert_eq!(set(CKA_COFFER_STATE, Value::Ulong(2)), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 101)), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_END_DATE, common::bytes(b"20991231")), Ok(()));
    assert_eq!(set(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 99)), Ok(()));
    assert_eq!(set(CKA_COFFER_OWNER, common::bytes("Zoë".as_bytes())), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_OWNER), Ok(common::bytes("Zoë".as_bytes())));
}

#[test]
fn a_copy_keeps_the_dates_and_a_key_with_a_limit_has_no_copies() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let stop = (CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 100));
    let key = aes_key(&session, std::slice::from_ref(&stop));
    world.set_time(TODAY + 50);
    let copy = session.copy_object(key, &template(&[])).unwrap();
    assert_eq!(read(&session, copy, stop.0), Ok(stop.1.clone()));
    assert_eq!(read(&session, copy, CKA_COFFER_CREATION_DATE), Ok(Value::Ulong(TODAY + 50)));
    let later = template(&[(stop.0, Value::Ulong(TODAY + 101))]);
    assert_eq!(session.copy_object(key, &later).err(), Some(Error::AttributeReadOnly));
    let limited = aes_key(&session, &[(CKA_COFFER_USE_LIMIT, Value::Ulong(3))]);
    assert_eq!(session.copy_object(limited, &template(&[])).err(), Some(Error::ActionProhibited));
}

#[test]
fn decisions_put_dates_off_and_raise_limits_but_wake_no_key() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let stop = |seconds| (CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(seconds));
    let key = aes_key(&session, &[stop(TODAY + 100)]);
    let until = |seconds| Changes { protect_stop: Some(seconds), ..Changes::default() };
    let token = world.token();
    assert_eq!(change(&token, key, &until(TODAY + 200)).map(|(_, state)| state), Ok(State::Active));
    assert_eq!(read(&session, key, stop(0).0), Ok(Value::Ulong(TODAY + 200)));
    let backwards = Changes { activation: Some(TODAY + 300), ..Changes::default() };
    assert_eq!(change(&token, key, &backwards), Err(Refusal::Order));
    world.set_time(TODAY + 200);
    assert_eq!(change(&token, key, &until(TODAY + 300)), Err(Refusal::Over));
    let owner = Changes { owner: Some("Zoë".into()), ..Changes::default() };
    assert_eq!(change(&token, key, &owner).map(|(_, state)| state), Ok(State::Deactivated));
    assert_eq!(read(&session, key, CKA_COFFER_OWNER), Ok(common::bytes("Zoë".as_bytes())));
}

/// Whether the key may encrypt now.
fn encrypts(session: &Session, key: ObjectHandle) -> bool {
    session.encrypt_init(CKM_AES_ECB, &Params::None, key).inspect(|_| session.encrypt_cancel()).is_ok()
}

#[test]
fn a_clock_that_is_set_back_wakes_no_key() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 1000))]);
    world.set_time(TODAY + 1000);
    assert!(!encrypts(&session, key));
    // Within the tolerance of 300 seconds the clock is believed.
    world.set_time(TODAY + 700);
    assert!(encrypts(&session, key));
    assert_eq!(world.token().clock_behind(), None);
    world.set_time(TODAY + 699);
    assert!(!encrypts(&session, key));
    assert_eq!(world.token().clock_behind(), Some(301));
    assert_eq!(read(&session, key, CKA_COFFER_STATE), Ok(Value::Ulong(State::Deactivated.number())));
}

#[test]
fn the_newest_time_is_kept_with_other_changes_and_another_process_learns_of_it() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_LABEL, common::bytes(b"old"))]);
    session
        .set_attribute_values(key, &template(&[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 1000))]))
        .unwrap();
    world.set_time(TODAY + 2000);
    let revision = world.token().revision();
    assert!(!encrypts(&session, key));
    assert_eq!(world.token().revision(), revision, "the use of a key writes nothing");
    aes_key(&session, &[]);
    world.set_time(TODAY);
    let other = world.second_module();
    let there = common::user_session(&other);
    let token = other.token(SlotId(0)).unwrap();
    assert_eq!((token.newest_time(), token.clock_behind()), (TODAY + 2000, Some(2000)));
    let [found] = common::find_label(&there, "old")[..] else { panic!("one key") };
    assert!(!encrypts(&there, found));
    // The clock had been wrong, and somebody says so.
    token.accept_clock("the battery was empty").unwrap();
    assert_eq!(token.clock_behind(), None);
    assert!(encrypts(&there, found));
    let third = world.second_module();
    let session = common::user_session(&third);
    assert_eq!(third.token(SlotId(0)).unwrap().newest_time(), TODAY);
    drop(session);
}

#[test]
fn a_process_that_was_there_before_the_clock_was_set_back_does_not_make_the_token_forget() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let before = world.second_module();
    let idle = common::user_session(&before);
    world.set_time(TODAY + 2000);
    aes_key(&session, &[]);
    world.set_time(TODAY + 100);
    // It has not seen the later time itself.
    aes_key(&idle, &[]);
    let third = world.second_module();
    let _session = common::user_session(&third);
    assert_eq!(third.token(SlotId(0)).unwrap().newest_time(), TODAY + 2000);
    assert_eq!(before.token(SlotId(0)).unwrap().clock_behind(), Some(1900));
}

#[test]
fn a_token_that_does_not_enforce_keeps_no_time() {
    let world = World::new(Mode::Warn);
    let session = world.session();
    world.set_time(TODAY + 2000);
    aes_key(&session, &[]);
    world.set_time(TODAY);
    let other = world.second_module();
    common::user_session(&other);
    let token = other.token(SlotId(0)).unwrap();
    assert_eq!((token.newest_time(), token.clock_behind()), (0, None));
}
