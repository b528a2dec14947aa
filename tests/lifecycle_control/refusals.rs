//! Approvals that do not count.

use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::approval::{self, ParticipantKey, Refusal};
use coffer_pkcs11::policy::{Controlled, SignedRequest, Subject};
use coffer_pkcs11::token::What;

use super::board::{Board, VALIDITY};
use super::common::world::TODAY;

/// What alice has asked for, as the others get it in a file.
fn file(board: &Board, id: &[u8; 16]) -> SignedRequest {
    approval::show(board.session.token(), id).unwrap().signed
}

/// The file with the approval that this key gives it.
fn signed_by(file: &SignedRequest, key: &ParticipantKey, time: u64) -> SignedRequest {
    SignedRequest { approvals: vec![key.approve(&file.request, time).unwrap()], ..file.clone() }
}

#[test]
fn with_one_approval_too_few_a_key_stays_as_it_is_and_with_enough_it_ends() {
    let board = Board::new();
    let key = board.aes("web");
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    let id = board.ask(Controlled::Destroy, board.subject(key));
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    assert_eq!(board.approve(&id, "bob").unwrap().missing(), 1);
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    assert!(board.works(key), "nothing has happened to it");
    assert!(board.approve(&id, "dora").unwrap().is_approved());
    board.session.destroy_object(key).unwrap();
    assert!(!board.works(key));
    assert_eq!(board.waiting(), 0, "the request is used up");
}

#[test]
fn any_two_others_are_enough_and_more_do_no_harm() {
    for approvers in [&["bob", "carol"][..], &["bob", "dora"], &["carol", "dora"], &["bob", "carol", "dora"]]
    {
        let board = Board::new();
        let key = board.aes("web");
        let id = board.ask(Controlled::Destroy, board.subject(key));
        for name in approvers {
            board.approve(&id, name).unwrap();
        }
        board.session.destroy_object(key).unwrap();
    }
}

#[test]
fn who_asks_does_not_count_among_those_who_approve() {
    let board = Board::new();
    let key = board.aes("web");
    let id = board.ask(Controlled::Destroy, board.subject(key));
    assert_eq!(board.approve(&id, "alice").unwrap_err(), Refusal::Own("alice".into()));
    board.approve(&id, "bob").unwrap();
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    let told = board.events().into_iter().find(|event| event.what == What::Rejected).unwrap();
    assert!(told.detail.contains("`alice` has asked for it"), "{}", told.detail);
}

#[test]
fn a_second_approval_by_the_same_person_does_not_count() {
    let board = Board::new();
    let key = board.aes("web");
    let id = board.ask(Controlled::Destroy, board.subject(key));
    let bob = Refusal::Duplicate("bob".into());
    board.approve(&id, "bob").unwrap();
    assert_eq!(board.approve(&id, "bob").unwrap_err(), bob);
    let again = signed_by(&file(&board, &id), board.key_of("bob"), TODAY + 1);
    assert_eq!(approval::add(board.session.token(), &again).unwrap_err(), bob);
    assert_eq!(
        approval::add(board.session.token(), &file(&board, &id)).unwrap_err(),
        bob,
        "the same once more"
    );
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
}

#[test]
fn an_altered_request_or_approval_is_refused() {
    let board = Board::new();
    let (key, other) = (board.aes("web"), board.aes("other"));
    let id = board.ask(Controlled::Destroy, board.subject(key));
    let file = file(&board, &id);
    let mut for_other = file.clone();
    for_other.request.subject = board.subject(other);
    let altered = approval::add(board.session.token(), &signed_by(&for_other, board.key_of("bob"), TODAY));
    assert_eq!(altered.unwrap_err(), Refusal::Altered("alice".into()));
    let mut later = signed_by(&file, board.key_of("bob"), TODAY);
    later.approvals[0].time += 1;
    let altered = approval::add(board.session.token(), &later);
    assert_eq!(altered.unwrap_err(), Refusal::Altered("bob".into()));
    let mut renamed = signed_by(&file, board.key_of("bob"), TODAY);
    renamed.approvals[0].approver = "carol".into();
    let altered = approval::add(board.session.token(), &renamed);
    assert_eq!(altered.unwrap_err(), Refusal::Altered("carol".into()));
    assert!(board.works(key) && board.works(other));
    assert_eq!(approval::show(board.session.token(), &id).unwrap().missing(), 2);
}

#[test]
fn an_approval_for_one_key_or_one_operation_ends_no_other() {
    let board = Board::new();
    let (key, other) = (board.aes("web"), board.aes("other"));
    board.approved(Controlled::Destroy, board.subject(key));
    board.approved(Controlled::Export, board.subject(other));
    assert_eq!(board.session.destroy_object(other), Err(Error::ActionProhibited));
    assert!(board.works(other));
    assert_eq!(board.waiting(), 2, "and nothing was used up");
}

#[test]
fn what_has_expired_can_neither_be_approved_nor_carried_out() {
    let board = Board::new();
    let (key, slow) = (board.aes("web"), board.aes("slow"));
    board.approved(Controlled::Destroy, board.subject(key));
    let waiting = board.ask(Controlled::Destroy, board.subject(slow));
    board.approve(&waiting, "bob").unwrap();
    board.world.set_time(TODAY + u64::from(VALIDITY));
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    assert!(board.works(key));
    assert_eq!(board.approve(&waiting, "carol").unwrap_err(), Refusal::Expired);
    // A clock that is set back wakes none: the token has seen the later time.
    board.aes("a change that writes the time down");
    board.world.set_time(TODAY);
    assert_eq!(board.session.destroy_object(key), Err(Error::ActionProhibited));
    board.world.set_time(TODAY + u64::from(VALIDITY));
    board.ask(Controlled::Destroy, board.subject(key));
    assert_eq!(board.waiting(), 1, "what has expired goes with the next request");
}

#[test]
fn a_request_holds_no_longer_than_the_rules_allow() {
    let board = Board::new();
    let ask = approval::Ask {
        operation: Controlled::Trust,
        subject: Subject::key("any"),
        about: String::new(),
        reason: String::new(),
        proposal: Vec::new(),
        valid: Some(u64::from(VALIDITY) + 1),
    };
    let refused = approval::request(board.session.token(), board.key_of("alice"), &ask);
    assert_eq!(refused.unwrap_err(), Refusal::TooLong);
}

#[test]
fn approvals_that_were_used_or_withdrawn_cannot_be_handed_in_again() {
    let board = Board::new();
    let key = board.aes("web");
    let id = board.approved(Controlled::Destroy, board.subject(key));
    let used = file(&board, &id);
    board.session.destroy_object(key).unwrap();
    assert_eq!(approval::add(board.session.token(), &used).unwrap_err(), Refusal::Unknown);
    assert_eq!(board.approve(&id, "dora").unwrap_err(), Refusal::Unknown);

    let other = board.aes("other");
    let id = board.approved(Controlled::Destroy, board.subject(other));
    let left = approval::withdraw(board.session.token(), &id, board.key_of("bob")).unwrap();
    assert_eq!(left.unwrap().missing(), 1);
    assert_eq!(board.session.destroy_object(other), Err(Error::ActionProhibited), "bob has withdrawn");
    let refused = approval::withdraw(board.session.token(), &id, board.key_of("dora"));
    assert_eq!(refused.unwrap_err(), Refusal::NotTheirs("dora".into()));
    let withdrawn = file(&board, &id);
    assert!(approval::withdraw(board.session.token(), &id, board.key_of("alice")).unwrap().is_none());
    assert_eq!(approval::add(board.session.token(), &withdrawn).unwrap_err(), Refusal::Unknown);
    assert!(board.works(other));
}

#[test]
fn approvals_of_another_token_are_refused_though_the_people_are_the_same() {
    let (board, other) = (Board::new(), Board::without_rules());
    let same_people = board.control(2);
    approval::set_control(other.session.token(), Some(&same_people)).unwrap();
    let key = other.aes("web");
    let id = board.approved(Controlled::Destroy, other.subject(key));
    let foreign = file(&board, &id);
    assert_eq!(approval::add(other.session.token(), &foreign).unwrap_err(), Refusal::OtherToken);
    assert_eq!(other.session.destroy_object(key), Err(Error::ActionProhibited));
}

#[test]
fn who_is_no_participant_can_neither_ask_nor_approve() {
    let board = Board::new();
    let key = board.aes("web");
    let id = board.ask(Controlled::Destroy, board.subject(key));
    let stranger = |name: &str| Refusal::Stranger(name.into());
    let mallory = ParticipantKey::generate("mallory").unwrap();
    let impostor = ParticipantKey::generate("bob").unwrap();
    let token = board.session.token();
    assert_eq!(approval::approve(token, &id, &mallory).unwrap_err(), stranger("mallory"));
    assert_eq!(approval::approve(token, &id, &impostor).unwrap_err(), stranger("bob"));
    let by_mallory = signed_by(&file(&board, &id), &mallory, TODAY);
    assert_eq!(approval::add(token, &by_mallory).unwrap_err(), stranger("mallory"));
    let by_impostor = signed_by(&file(&board, &id), &impostor, TODAY);
    assert_eq!(approval::add(token, &by_impostor).unwrap_err(), Refusal::Altered("bob".into()));
    let ask = approval::Ask {
        operation: Controlled::Destroy,
        subject: board.subject(key),
        about: String::new(),
        reason: String::new(),
        proposal: Vec::new(),
        valid: None,
    };
    assert_eq!(approval::request(token, &mallory, &ask).unwrap_err(), stranger("mallory"));
    assert!(board.works(key));
}

#[test]
fn approvals_come_in_from_files_one_by_one_or_together() {
    let board = Board::new();
    let (key, other) = (board.aes("web"), board.aes("other"));
    let token = board.session.token();
    let id = board.ask(Controlled::Destroy, board.subject(key));
    let asked = SignedRequest::decode(&file(&board, &id).encode()).unwrap();
    approval::add(token, &signed_by(&asked, board.key_of("bob"), TODAY)).unwrap();
    let standing = approval::add(token, &signed_by(&asked, board.key_of("carol"), TODAY)).unwrap();
    assert_eq!((standing.approvers, standing.void), (vec!["bob".into(), "carol".into()], None));
    board.session.destroy_object(key).unwrap();

    let id = board.ask(Controlled::Destroy, board.subject(other));
    let mut both = signed_by(&file(&board, &id), board.key_of("bob"), TODAY);
    let carol = board.key_of("carol").approve(&both.request, TODAY).unwrap();
    both.approvals.push(carol);
    assert!(approval::add(token, &both).unwrap().is_approved());
    board.session.destroy_object(other).unwrap();
    let told: Vec<_> = board.events().into_iter().filter(|event| event.what == What::Destroyed).collect();
    assert!(told[1].detail.contains("approved by bob, carol"), "{}", told[1].detail);
}
