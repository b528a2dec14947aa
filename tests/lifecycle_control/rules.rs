//! The rules themselves: who makes them, and that they hold.

use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::approval::{self, Refusal, set_control};
use coffer_pkcs11::lifecycle::settings;
use coffer_pkcs11::policy::{Controlled, Mode, Role, Subject};
use coffer_pkcs11::token::{Identity, Settings, SlotId, Token, What, padded};

use super::board::Board;
use super::common::{SO_PIN, USER_PIN, find_label, secret};

/// What would be written of the settings after this change.
fn proposal(token: &Token, change: impl FnOnce(&mut Settings)) -> (Subject, Vec<u8>) {
    let mut settings = token.settings().unwrap();
    change(&mut settings);
    (settings.subject().unwrap(), settings.proposal().unwrap())
}

#[test]
fn the_rules_are_neither_changed_nor_ended_without_a_quorum() {
    let board = Board::new();
    let token = board.session.token();
    let prohibited = Err(Refusal::Token(Error::ActionProhibited));
    let weaker = board.control(1);
    assert_eq!(set_control(token, Some(&weaker)), prohibited);
    assert_eq!(set_control(token, None), prohibited);
    let ended = settings::change(token, None, |settings| settings.control = None);
    assert_eq!(ended, Err(Error::ActionProhibited));
    // One approval is not enough; and two for one change allow no other.
    let (subject, proposal) = proposal(token, |settings| settings.control = Some(weaker.clone()));
    let id = board.try_ask(Controlled::Policy, subject, proposal).unwrap().request.id;
    board.approve(&id, "bob").unwrap();
    assert_eq!(set_control(token, Some(&weaker)), prohibited);
    board.approve(&id, "carol").unwrap();
    assert_eq!(set_control(token, None), prohibited);
    assert_eq!(token.control().as_deref(), Some(&board.control(2)));
    set_control(token, Some(&weaker)).unwrap();
    assert_eq!(token.control().as_deref(), Some(&weaker));
    assert_eq!(board.waiting(), 0);
}

#[test]
fn rules_that_end_take_all_requests_with_them() {
    let board = Board::new();
    let token = board.session.token();
    let key = board.aes("web");
    board.approved(Controlled::Destroy, board.subject(key));
    let (subject, proposal) = proposal(token, |settings| settings.control = None);
    let id = board.try_ask(Controlled::Policy, subject, proposal).unwrap().request.id;
    board.approve(&id, "bob").unwrap();
    board.approve(&id, "dora").unwrap();
    set_control(token, None).unwrap();
    assert_eq!((token.control(), board.waiting()), (None, 0));
    let told = board.events().into_iter().rfind(|event| event.what == What::ControlChanged).unwrap();
    assert!(
        told.detail.contains("approved by bob, dora") && told.detail.ends_with("ended"),
        "{}",
        told.detail
    );
    set_control(token, Some(&board.control(2))).unwrap();
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited), "old approvals are gone");
}

#[test]
fn every_setting_is_under_the_rules_and_so_are_accounts_and_the_clock() {
    let board = Board::new();
    let token = board.session.token();
    let changes: [fn(&mut Settings); 4] = [
        |settings| settings.lifecycle = Mode::Off,
        |settings| settings.algorithm_policy = Some("cnsa2".into()),
        |settings| settings.destruction_wait = 60,
        |settings| settings.audit.required = true,
    ];
    for change in changes {
        assert_eq!(settings::change(token, None, change), Err(Error::ActionProhibited));
    }
    assert_eq!(token.accept_clock("why"), Err(Error::ActionProhibited));
    let (subject, proposal) = proposal(token, changes[1]);
    let id = board.try_ask(Controlled::Policy, subject, proposal).unwrap().request.id;
    board.approve(&id, "bob").unwrap();
    board.approve(&id, "carol").unwrap();
    assert_eq!(settings::change(token, None, changes[0]), Err(Error::ActionProhibited), "another change");
    settings::change(token, None, changes[1]).unwrap();
    assert_eq!(token.settings().unwrap().algorithm_policy.as_deref(), Some("cnsa2"));
    board.approved(Controlled::Policy, Subject::clock());
    token.accept_clock("why").unwrap();

    let pin = secret("pin-of-carl");
    let added = Subject::account_added("carl", Role::Operator);
    board.as_officer(|officer| {
        assert_eq!(officer.add_account("carl", Role::Operator, &pin), Err(Error::ActionProhibited));
    });
    board.approved(Controlled::Policy, added);
    board.as_officer(|officer| {
        let manager = officer.add_account("carl", Role::KeyManager, &pin);
        assert_eq!(manager, Err(Error::ActionProhibited), "another role than was approved");
        officer.add_account("carl", Role::Operator, &pin).unwrap();
        assert_eq!(officer.reset_account_pin("carl", &pin), Err(Error::ActionProhibited));
        assert_eq!(officer.remove_account("carl"), Err(Error::ActionProhibited));
    });
    board.approved(Controlled::Policy, Subject::account_pin("carl"));
    board.approved(Controlled::Policy, Subject::account_removed("carl"));
    board.as_officer(|officer| {
        officer.reset_account_pin("carl", &pin).unwrap();
        officer.remove_account("carl").unwrap();
    });
    assert_eq!(board.waiting(), 0);
}

#[test]
fn an_approval_that_was_given_before_somebody_left_does_not_count_after_it() {
    let board = Board::new();
    let token = board.session.token();
    let key = board.aes("web");
    let id = board.approved(Controlled::Destroy, board.subject(key));
    let mut without_carol = board.control(2);
    without_carol.participants.retain(|participant| participant.name != "carol");
    let (subject, proposal) = proposal(token, |settings| settings.control = Some(without_carol.clone()));
    let change = board.try_ask(Controlled::Policy, subject, proposal).unwrap().request.id;
    board.approve(&change, "bob").unwrap();
    board.approve(&change, "dora").unwrap();
    set_control(token, Some(&without_carol)).unwrap();
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    assert!(board.approve(&id, "dora").unwrap().is_approved());
    board.session.destroy_object(key).unwrap();
}

#[test]
fn rules_that_cannot_be_are_refused_with_a_reason() {
    let board = Board::without_rules();
    let token = board.session.token();
    let refused = |needed| match set_control(token, Some(&board.control(needed))) {
        Err(Refusal::Rules(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert!(refused(4).contains("1 to 3 can approve"));
    assert!(refused(0).contains("1 to 3 can approve"));
    assert_eq!(token.control(), None);
    set_control(token, Some(&board.control(3))).unwrap();
}

#[test]
fn where_the_officer_does_not_hold_the_keys_what_only_the_officer_does_is_not_put_under_control() {
    let board = Board::without_rules();
    let folder = tempfile::tempdir().unwrap();
    let mut config = board.world.module.config().clone();
    config.home = folder.path().to_owned();
    config.pin.separate_officer = Some(true);
    let board = board.moved_to(coffer_pkcs11::module::Module::new(config));
    let token = board.session.token();
    let mut control = board.control(2);
    assert_eq!(set_control(token, Some(&control)), Err(Refusal::Separated(Controlled::Trust)));
    control.rules.remove(&Controlled::Trust);
    assert_eq!(set_control(token, Some(&control)), Err(Refusal::Separated(Controlled::PinReset)));
    control.rules.remove(&Controlled::PinReset);
    set_control(token, Some(&control)).unwrap();
    let key = board.aes("web");
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    // Nor can the officer wipe the keys, who cannot read what was approved.
    board.as_officer(|officer| {
        assert_eq!(officer.start_anew(&secret(USER_PIN)), Err(Error::ActionProhibited));
    });
    assert!(board.works(find_label(&board.session, "web")[0]));
}

#[test]
fn the_token_is_not_initialised_anew_without_a_quorum() {
    let board = Board::new();
    board.aes("web");
    let anew = |board: &Board| {
        board.session.logout().unwrap();
        board.world.module.close_session(board.session.handle()).unwrap();
        board.world.module.init_token(SlotId(0), &secret(SO_PIN), padded("test"))
    };
    assert_eq!(anew(&board), Err(Error::ActionProhibited));
    let session = board.world.session();
    assert_eq!(find_label(&session, "web").len(), 1);
    let board = Board { session, ..board };
    board.approved(Controlled::Destroy, Subject::token());
    anew(&board).unwrap();
    board.world.set_user_pin();
    let session = board.world.session();
    assert!(find_label(&session, "web").is_empty());
    assert_eq!(session.token().control(), None);
}

#[test]
fn who_may_do_less_than_the_user_makes_no_rules_but_hands_in_approvals() {
    let board = Board::new();
    let pin = secret("pin-of-an-account");
    board.approved(Controlled::Policy, Subject::account_added("kim", Role::Custodian));
    board.as_officer(|officer| officer.add_account("kim", Role::Custodian, &pin).unwrap());
    let key = board.aes("web");
    let id = board.ask(Controlled::Destroy, board.subject(key));
    board.session.logout().unwrap();
    let token = board.session.token();
    assert_eq!(board.approve(&id, "bob").unwrap_err(), Refusal::Token(Error::UserNotLoggedIn));
    assert_eq!(set_control(token, None), Err(Refusal::Token(Error::UserNotLoggedIn)));
    board.session.login_user(coffer_pkcs11::ck::CKU_USER, &pin, b"kim").unwrap();
    assert_eq!(set_control(token, None), Err(Refusal::Token(Error::ActionProhibited)));
    board.approve(&id, "bob").unwrap();
    assert!(board.approve(&id, "carol").unwrap().is_approved());
}

#[test]
fn a_library_that_does_not_know_the_setting_refuses_the_token() {
    let board = Board::new();
    let info = board.session.token().identity().unwrap().encode().unwrap();
    assert!(Identity::decode(&info).unwrap().settings.control.is_some());
    // The field as it would look to such a library: an unknown tag below 128.
    let value = board.control(2).encode();
    let length = u16::try_from(value.len()).unwrap().to_le_bytes();
    let field = [&[9, length[0], length[1]][..], &value].concat();
    let at = info.windows(field.len()).position(|bytes| bytes == field).unwrap();
    let mut unknown = info.clone();
    unknown[at] = 100;
    assert_eq!(Identity::decode(&unknown), Err(Error::TokenNotRecognized));
    // One that knows it refuses rules that it does not understand.
    let mut damaged = info;
    damaged[at + 3..at + 7].fill(0);
    assert_eq!(Identity::decode(&damaged), Err(Error::TokenNotRecognized));
}

#[test]
fn another_process_obeys_rules_at_its_next_look_at_the_file() {
    let board = Board::without_rules();
    let key = board.aes("web");
    let (_module, other) = board.elsewhere();
    let there = find_label(&other, "web")[0];
    set_control(board.session.token(), Some(&board.control(2))).unwrap();
    assert_eq!(other.destroy_object(there), Err(Error::ActionProhibited));
    board.approved(Controlled::Destroy, board.subject(key));
    other.destroy_object(there).unwrap();
    assert!(approval::list(board.session.token()).unwrap().is_empty());
}
