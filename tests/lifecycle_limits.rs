//! Limits of what a key may do are counted ahead: a crash counts too much and never too little, and processes share one limit.

mod common;
#[path = "common/lifecycle.rs"]
mod lifecycle;

use std::sync::atomic::{AtomicU64, Ordering};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::state::{Changes, change};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::{Concern, Mode};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::ObjectHandle;

use crate::lifecycle::{TODAY, World, aes_key, read};

fn limited(session: &Session, limit: u64) -> ObjectHandle {
    aes_key(session, &[(CKA_COFFER_USE_LIMIT, Value::Ulong(limit)), (CKA_LABEL, common::bytes(b"limited"))])
}

fn uses(session: &Session, key: ObjectHandle) -> u64 {
    read(session, key, CKA_COFFER_USES).map_or(0, |value| value.as_ulong().unwrap())
}

fn sign(session: &Session, key: ObjectHandle) -> Result<(), Error> {
    session.sign_init(CKM_AES_CMAC, &Params::None, key)?;
    session.sign(b"data", &mut Output::buffer(&mut [0; 16]))
}

#[test]
fn a_key_signs_as_often_as_its_limit_says_and_verifies_ever_after() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = limited(&session, 3);
    assert_eq!(read(&session, key, CKA_COFFER_USES), Err(Error::AttributeTypeInvalid));
    world.set_time(TODAY + 5);
    for count in 1..=3 {
        assert_eq!(sign(&session, key), Ok(()));
        assert_eq!(uses(&session, key), count);
    }
    assert_eq!(sign(&session, key), Err(Error::KeyExhausted));
    assert_eq!(session.verify_init(CKM_AES_CMAC, &Params::None, key), Ok(()));
    assert_eq!(session.decrypt_init(CKM_AES_ECB, &Params::None, key), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_LAST_USED), Ok(Value::Ulong(TODAY + 5)));
}

#[test]
fn a_process_that_dies_loses_its_reservation_and_no_use_is_forgotten() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = limited(&session, 1000);
    let mut done = 0;
    for life in 1..=100 {
        // Nothing is finalised or closed: what the process knew is gone, the file is there.
        let process = world.second_module();
        let there = common::user_session(&process);
        let [key] = common::find_label(&there, "limited")[..] else { panic!("one key") };
        assert_eq!(sign(&there, key), Ok(()));
        done += 1;
        assert_eq!(uses(&there, key), life * 10, "ten are reserved at a time");
        drop(process);
    }
    assert!(done <= uses(&session, key));
    assert_eq!(sign(&session, key), Err(Error::KeyExhausted));
}

#[test]
fn processes_and_threads_share_one_limit_to_the_last_use() {
    const LIMIT: u64 = 500;
    let world = World::new(Mode::Enforce);
    limited(&world.session(), LIMIT);
    let other = world.second_module();
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let module = if thread % 2 == 0 { &world.module } else { &other };
            let done = &done;
            scope.spawn(move || {
                let session = common::open(module, coffer_pkcs11::token::SlotId(0), true);
                let _ = session.login(CKU_USER, &common::secret(common::USER_PIN));
                let key = loop {
                    if let [key] = common::find_label(&session, "limited")[..] {
                        break key;
                    }
                };
                loop {
                    match sign(&session, key) {
                        Ok(()) => done.fetch_add(1, Ordering::Relaxed),
                        Err(Error::KeyExhausted) => return,
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        }
    });
    // Both used up what they had reserved before the last of them was refused.
    assert_eq!(done.load(Ordering::Relaxed), LIMIT);
}

#[test]
fn bytes_are_counted_where_they_are_encrypted_and_signed() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_COFFER_BYTE_LIMIT, Value::Ulong(96))]);
    let iv = Params::Bytes(vec![1; 16]);
    let mut buffer = [0; 128];
    session.encrypt_init(CKM_AES_CBC, &iv, key).unwrap();
    session.encrypt_update(&[0; 32], &mut Output::buffer(&mut buffer)).unwrap();
    session.encrypt_update(&[0; 16], &mut Output::buffer(&mut buffer)).unwrap();
    session.encrypt_final(&mut Output::buffer(&mut buffer)).unwrap();
    assert_eq!(read(&session, key, CKA_COFFER_BYTES), Ok(Value::Ulong(48)));
    session.message_sign_init(CKM_AES_CMAC, Params::None, key).unwrap();
    session.sign_message(&[0; 32], &mut Output::buffer(&mut buffer)).unwrap();
    // Sixteen are left: more end the operation.
    session.encrypt_init(CKM_AES_CBC, &iv, key).unwrap();
    assert_eq!(session.encrypt(&[0; 32], &mut Output::query()), Ok(()));
    assert_eq!(session.encrypt(&[0; 32], &mut Output::buffer(&mut buffer)), Err(Error::KeyExhausted));
    assert_eq!(session.encrypt_final(&mut Output::buffer(&mut buffer)), Err(Error::OperationNotInitialized));
    session.decrypt_init(CKM_AES_CBC, &iv, key).unwrap();
    assert_eq!(session.decrypt(&[0; 64], &mut Output::buffer(&mut buffer)), Ok(()));
    session.encrypt_init(CKM_AES_CBC, &iv, key).unwrap();
    assert_eq!(session.encrypt(&[0; 16], &mut Output::buffer(&mut buffer)), Ok(()));
}

#[test]
fn a_question_about_a_length_is_no_use_and_each_message_is_one() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = limited(&session, 3);
    let target = aes_key(&session, &[(CKA_EXTRACTABLE, Value::Bool(true))]);
    let wrap =
        |output: &mut Output| session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, key, target, output);
    assert_eq!(wrap(&mut Output::query()), Ok(()));
    assert_eq!(uses(&session, key), 0);
    assert_eq!(wrap(&mut Output::buffer(&mut [0; 64])), Ok(()));
    session.message_sign_init(CKM_AES_CMAC, Params::None, key).unwrap();
    let message = |output: &mut Output| session.sign_message(b"data", output);
    assert_eq!(message(&mut Output::query()), Ok(()));
    assert_eq!(message(&mut Output::buffer(&mut [0; 16])), Ok(()));
    assert_eq!(message(&mut Output::buffer(&mut [0; 16])), Ok(()));
    assert_eq!(message(&mut Output::buffer(&mut [0; 16])), Err(Error::KeyExhausted));
    assert_eq!(uses(&session, key), 3);
}

#[test]
fn a_session_key_has_limits_too() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let template = [(CKA_VALUE_LEN, Value::Ulong(16)), (CKA_COFFER_USE_LIMIT, Value::Ulong(200))];
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &common::template(&template)).unwrap();
    let signed = (0..).take_while(|_| sign(&session, key) == Ok(())).count();
    assert_eq!(signed, 200);
    assert_eq!(sign(&session, key), Err(Error::KeyExhausted));
}

#[test]
fn a_lower_limit_makes_reservations_void_and_a_higher_one_goes_on() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = limited(&session, 1000);
    assert_eq!(sign(&session, key), Ok(()));
    let lower = common::template(&[(CKA_COFFER_USE_LIMIT, Value::Ulong(10))]);
    session.set_attribute_values(key, &lower).unwrap();
    // Ten were reserved for this process, and are used up as far as anybody knows.
    assert_eq!(sign(&session, key), Err(Error::KeyExhausted));
    let higher = Changes { use_limit: Some(11), ..Changes::default() };
    change(&world.token(), key, &higher).unwrap();
    assert_eq!(sign(&session, key), Ok(()));
    assert_eq!(sign(&session, key), Err(Error::KeyExhausted));
}

#[test]
fn a_token_that_warns_counts_on_and_tells_and_one_without_a_lifecycle_counts_nothing() {
    for (mode, counted) in [(Mode::Warn, 4), (Mode::Off, 0)] {
        let world = World::new(mode);
        let session = world.session();
        let key = limited(&session, 2);
        for _ in 0..4 {
            assert_eq!(sign(&session, key), Ok(()));
        }
        assert_eq!(uses(&session, key), counted);
        let told = world.token().concerns();
        assert_eq!(told.iter().any(|(_, _, concern)| *concern == Concern::Exhausted), mode == Mode::Warn);
    }
}

#[test]
fn a_key_without_a_limit_writes_nothing_when_it_is_used() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = aes_key(&session, &[]);
    let revision = world.token().revision();
    for _ in 0..100 {
        sign(&session, key).unwrap();
    }
    assert_eq!(world.token().revision(), revision);
}
