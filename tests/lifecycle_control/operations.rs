//! Each operation that can be put under dual control: without approvals nothing has happened, with them it happens once.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::backup::{self, Choice, Plan, Seed};
use coffer_pkcs11::lifecycle::copies::{self, Way};
use coffer_pkcs11::lifecycle::state::{self, Refusal, Step};
use coffer_pkcs11::mechanism::{MessageParams, Params};
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::session::Output;
use coffer_pkcs11::token::What;

use super::board::{Board, value};
use super::common::world::{DAY, TODAY};
use super::common::{USER_PIN, bytes, find_label, secret, template};

#[test]
fn a_key_is_wrapped_once_for_each_approval() {
    let board = Board::new();
    let (by, key) = (board.aes("by"), board.aes("web"));
    assert_eq!(board.wrap(by, key), Err(Error::ActionProhibited));
    assert!(copies::of_key(board.session.token(), &board.unique_id(key)).unwrap().is_empty());
    board.approved(Controlled::Export, board.subject(key));
    assert_eq!(board.wrap(by, key).unwrap().len(), 40);
    assert_eq!(board.wrap(by, key), Err(Error::ActionProhibited));
    let wrapped = board.events().into_iter().find(|event| event.what == What::Wrapped).unwrap();
    assert!(wrapped.detail.contains("approved by bob, carol"), "{}", wrapped.detail);
}

#[test]
fn an_approval_for_one_wrapping_key_serves_under_no_other() {
    let board = Board::new();
    let (by, other, key) = (board.aes("by"), board.aes("other"), board.aes("web"));
    let subject = Subject::wrapped(&board.unique_id(key), &board.unique_id(by));
    board.approved(Controlled::Export, subject);
    assert_eq!(board.wrap(other, key), Err(Error::ActionProhibited));
    let copy = template(&[(CKA_TOKEN, Value::Bool(false))]);
    assert_eq!(board.session.copy_object(key, &copy), Err(Error::ActionProhibited), "nor for a copy");
    board.wrap(by, key).unwrap();
}

#[test]
fn an_authenticated_wrap_is_an_export_too() {
    let board = Board::new();
    let (by, key) = (board.aes("by"), board.aes("web"));
    let wrap = || {
        let message = MessageParams {
            nonce: vec![7; 12],
            fixed_bits: 0,
            generator: CKG_GENERATE_RANDOM,
            tag_len: 16,
            data_len: 0,
        };
        let mut room = [0; 64];
        let mut output = Output::buffer(&mut room);
        board.session.wrap_key_authenticated(CKM_AES_GCM, message, b"", by, key, &mut output).map(|_| ())
    };
    assert_eq!(wrap(), Err(Error::ActionProhibited));
    board.approved(Controlled::Export, board.subject(key));
    wrap().unwrap();
    assert_eq!(wrap(), Err(Error::ActionProhibited));
}

#[test]
fn a_key_that_does_not_hide_its_value_does_so_under_control_and_goes_into_no_session() {
    let board = Board::new();
    let key = board.aes("open");
    assert_eq!(value(&board.session, key, CKA_VALUE), Err(Error::AttributeSensitive));
    assert_eq!(value(&board.session, key, CKA_LABEL), Ok(bytes(b"open")));
    let copy = template(&[(CKA_TOKEN, Value::Bool(false)), (CKA_LABEL, bytes(b"copy"))]);
    assert_eq!(board.session.copy_object(key, &copy), Err(Error::ActionProhibited));
    assert!(find_label(&board.session, "copy").is_empty());
    // Within the token it has not left, and the copy is under the same rules.
    let inside = board.session.copy_object(key, &template(&[(CKA_LABEL, bytes(b"inside"))])).unwrap();
    assert_eq!(value(&board.session, inside, CKA_VALUE), Err(Error::AttributeSensitive));
    assert_eq!(board.session.destroy_object(inside), Err(Error::ActionProhibited));
    board.approved(Controlled::Export, board.subject(key));
    let copy_made = board.session.copy_object(key, &copy).unwrap();
    assert!(value(&board.session, copy_made, CKA_VALUE).is_ok());
    assert_eq!(board.session.copy_object(key, &copy), Err(Error::ActionProhibited));
}

#[test]
fn a_key_is_exported_in_the_open_once_for_each_approval() {
    let board = Board::new();
    let key = board.aes("open");
    let token = board.session.token();
    let object = token.object(key).unwrap();
    let export = || copies::made(token, &object, Way::Exported, What::Exported, "to a file");
    assert_eq!(export(), Err(Error::ActionProhibited));
    board.approved(Controlled::Export, board.subject(key));
    assert_eq!((export(), export()), (Ok(()), Err(Error::ActionProhibited)));
}

#[test]
fn a_backup_takes_in_signature_keys_once_for_each_approval() {
    let board = Board::new();
    let token = board.session.token();
    let recipient = Seed::random().unwrap().public_half().unwrap();
    let make = |signing| -> backup::Result<()> {
        let choice = Choice { signing, only_extractable: false };
        let keys = vec![(recipient.clone(), None)];
        let plan = Plan { keys, choice, destroyed: Vec::new(), now: TODAY };
        let (_, made) = backup::write(token, Vec::new(), &plan, |_, _| {})?;
        backup::record(token, &made, "a file")
    };
    let prohibited = |made| matches!(made, Err(backup::Error::Token(Error::ActionProhibited)));
    assert!(prohibited(make(true)));
    make(false).unwrap();
    board.approved(Controlled::Export, Subject::signing_backup());
    make(true).unwrap();
    assert!(prohibited(make(true)));
}

#[test]
fn a_key_becomes_trusted_once_for_each_approval_and_is_not_made_so() {
    let board = Board::new();
    let certificate = template(&[
        (CKA_CLASS, Value::Ulong(CKO_CERTIFICATE)),
        (CKA_CERTIFICATE_TYPE, Value::Ulong(CKC_X_509)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, bytes(b"ca")),
        (CKA_SUBJECT, bytes(b"\x30\x00")),
        (CKA_VALUE, bytes(b"\x30\x00")),
    ]);
    board.session.create_object(&certificate).unwrap();
    let trusted = template(&[(CKA_TRUSTED, Value::Bool(true))]);
    let trust = || {
        board.as_officer(|officer| {
            let handle = find_label(officer, "ca")[0];
            let set = officer.set_attribute_values(handle, &trusted);
            (set, value(officer, handle, CKA_TRUSTED).unwrap())
        })
    };
    assert_eq!(trust(), (Err(Error::ActionProhibited), Value::Bool(false)));
    let made = board.as_officer(|officer| {
        let mut certificate = certificate.clone();
        certificate.push_value(CKA_TRUSTED, Value::Bool(true)).unwrap();
        officer.create_object(&certificate)
    });
    assert_eq!(made, Err(Error::ActionProhibited), "nobody could have approved that");
    board.approved(Controlled::Trust, board.subject(find_label(&board.session, "ca")[0]));
    assert_eq!(trust(), (Ok(()), Value::Bool(true)));
    assert_eq!(board.waiting(), 0);
    // To end the trust needs nobody's approval.
    let ended = template(&[(CKA_TRUSTED, Value::Bool(false))]);
    board.as_officer(|officer| {
        officer.set_attribute_values(find_label(officer, "ca")[0], &ended).unwrap();
    });
    assert_eq!(trust(), (Err(Error::ActionProhibited), Value::Bool(false)));
}

#[test]
fn the_user_pin_is_reset_once_for_each_approval() {
    let board = Board::new();
    let reset = |pin: &str| board.as_officer_until(|officer| officer.init_pin(&secret(pin)));
    assert_eq!(reset("another-pin"), Err(Error::ActionProhibited));
    board.log_in(USER_PIN).unwrap();
    board.approved(Controlled::PinReset, Subject::user_pin());
    reset("another-pin").unwrap();
    assert_eq!(board.log_in(USER_PIN), Err(Error::PinIncorrect));
    assert_eq!(reset(USER_PIN), Err(Error::ActionProhibited));
    board.log_in("another-pin").unwrap();
    assert_eq!(board.waiting(), 0);
}

#[test]
fn a_first_user_pin_needs_no_approval_and_a_user_changes_its_own() {
    let board = Board::new();
    board.session.set_pin(&secret(USER_PIN), &secret("my-new-pin")).unwrap();
    board.session.logout().unwrap();
    board.log_in("my-new-pin").unwrap();
}

#[test]
fn an_exception_for_a_suspended_key_needs_approval_for_its_very_time() {
    let board = Board::new();
    let key = board.aes("web");
    let token = board.session.token();
    state::decide(token, key, Step::Suspend, None).unwrap();
    let except = |until| state::except(token, key, until, "to save what it holds").map(|_| ());
    let prohibited = Err(Refusal::Token(Error::ActionProhibited));
    assert_eq!(except(TODAY + DAY), prohibited);
    board.approved(Controlled::Policy, Subject::exception(&board.unique_id(key), TODAY + DAY));
    assert_eq!(except(TODAY + 2 * DAY), prohibited);
    except(TODAY + DAY).unwrap();
    assert_eq!(except(TODAY + DAY), prohibited);
}

#[test]
fn what_the_rules_do_not_name_needs_nobody() {
    let board = Board::without_rules();
    let mut control = board.control(2);
    control.rules.retain(|operation, _| matches!(operation, Controlled::Policy));
    coffer_pkcs11::lifecycle::approval::set_control(board.session.token(), Some(&control)).unwrap();
    let (by, key) = (board.aes("by"), board.aes("web"));
    board.wrap(by, key).unwrap();
    assert!(value(&board.session, key, CKA_VALUE).is_ok());
    board.session.destroy_object(key).unwrap();
    let session_key = template(&[(CKA_VALUE_LEN, Value::Ulong(16)), (CKA_TOKEN, Value::Bool(false))]);
    let session_key = board.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &session_key).unwrap();
    board.session.destroy_object(session_key).unwrap();
}

#[test]
fn keys_that_end_with_the_session_are_not_under_control() {
    let board = Board::new();
    let by = board.aes("by");
    let session_key = template(&[
        (CKA_VALUE_LEN, Value::Ulong(16)),
        (CKA_TOKEN, Value::Bool(false)),
        (CKA_EXTRACTABLE, Value::Bool(true)),
    ]);
    let key = board.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &session_key).unwrap();
    board.wrap(by, key).unwrap();
    board.session.destroy_object(key).unwrap();
}
