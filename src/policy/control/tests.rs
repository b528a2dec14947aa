use super::*;
use crate::crypto::edwards::{PrivateKey, Scheme};
use crate::policy::Role;

const TOKEN: [u8; 16] = [7; 16];
const NOW: u64 = 1_000_000;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::new(Curve::Ed25519, &[seed; 32]).unwrap()
}

fn sign(key: &PrivateKey, message: &[u8]) -> [u8; 64] {
    let mut signature = [0; 64];
    key.sign(Scheme::Pure, message, &mut signature).unwrap();
    signature
}

fn participants(names: &[&str]) -> Vec<Participant> {
    let made = (1..).zip(names).map(|(seed, name)| Participant {
        name: (*name).to_owned(),
        key: key(seed).public_point().try_into().unwrap(),
    });
    made.collect()
}

fn control() -> Control {
    Control {
        rules: [(Controlled::Destroy, 2), (Controlled::Policy, 1)].into(),
        participants: participants(&["alice", "bob", "carol"]),
        validity: 1000,
    }
}

fn request() -> SignedRequest {
    let request = Request {
        token: TOKEN,
        id: [9; 16],
        operation: Controlled::Destroy,
        subject: Subject::key("u-1"),
        about: "the key `web`".into(),
        reason: "the end".into(),
        proposal: Vec::new(),
        requester: "alice".into(),
        time: NOW,
        expires: NOW + 1000,
    };
    SignedRequest { signature: sign(&key(1), &request.message()), request, approvals: Vec::new() }
}

fn approval(request: &SignedRequest, name: &str, seed: u8) -> Approval {
    let signature = sign(&key(seed), &request.request.approval_message(name, NOW));
    Approval { approver: name.into(), time: NOW, signature }
}

fn approved() -> SignedRequest {
    let mut request = request();
    request.approvals = vec![approval(&request, "bob", 2), approval(&request, "carol", 3)];
    request
}

#[test]
fn rules_survive_their_encoding_and_nothing_shorter_or_longer_is_one() {
    let control = control();
    let bytes = control.encode();
    assert_eq!(Control::decode(&bytes), Some(control));
    assert_eq!(Control::decode(&[&bytes[..], &[0]].concat()), None);
    assert!((0..bytes.len()).all(|length| Control::decode(&bytes[..length]).is_none()));
}

#[test]
fn rules_that_bind_nobody_or_that_nobody_can_fulfil_are_refused() {
    let flaw = |change: &dyn Fn(&mut Control)| {
        let mut rules = control();
        change(&mut rules);
        assert_eq!(Control::decode(&rules.encode()), None);
        rules.flaw().unwrap()
    };
    assert!(flaw(&|control| control.participants.truncate(1)).contains("2 to 16 participants"));
    assert!(flaw(&|control| control.participants[1].name = "alice".into()).contains("named twice"));
    assert!(flaw(&|control| control.participants[1].name = "so".into()).contains("is no name"));
    let same_key = |control: &mut Control| control.participants[1].key = control.participants[0].key;
    assert!(flaw(&same_key).contains("would count twice"));
    assert!(flaw(&|control| control.participants[1].key = [0xff; 32]).contains("no Ed25519 public key"));
    let needs = |needed| move |control: &mut Control| control.rules.extend([(Controlled::Trust, needed)]);
    assert!(flaw(&needs(3)).contains("1 to 2 can approve"));
    assert!(flaw(&needs(0)).contains("cannot need 0"));
    assert!(
        flaw(&|control| control.rules.retain(|rule, _| *rule != Controlled::Policy))
            .contains("could be ended")
    );
    assert!(flaw(&|control| control.validity = 0).contains("366 days"));
}

#[test]
fn a_request_survives_its_encoding_and_nothing_shorter_or_longer_is_one() {
    let request = approved();
    let bytes = request.encode();
    assert!(bytes.len() < LONGEST_REQUEST);
    assert_eq!(SignedRequest::decode(&bytes), Ok(request));
    assert_eq!(SignedRequest::decode(&[&bytes[..], &[0]].concat()), Err(Refusal::Malformed));
    for length in 0..bytes.len() {
        assert_eq!(SignedRequest::decode(&bytes[..length]), Err(Refusal::Malformed));
    }
}

#[test]
fn a_request_with_enough_approvals_of_others_holds_for_its_token_and_its_time() {
    let (control, request) = (control(), approved());
    assert!(request.is_approved(&control, &TOKEN, NOW));
    assert!(request.is_approved(&control, &TOKEN, NOW + 999));
    assert_eq!(request.check(&control, &TOKEN, NOW + 1000), Err(Refusal::Expired));
    assert_eq!(request.check(&control, &[8; 16], NOW), Err(Refusal::OtherToken));
    assert_eq!(request.check(&control, &TOKEN, NOW - 301), Err(Refusal::Early));
    let shorter = Control { validity: 999, ..control };
    assert_eq!(request.check(&shorter, &TOKEN, NOW), Err(Refusal::TooLong));
}

#[test]
fn no_bit_of_a_request_can_be_flipped_without_it_being_refused() {
    let (control, bytes) = (control(), approved().encode());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let held = SignedRequest::decode(&flipped);
        let holds = held.is_ok_and(|request| request.is_approved(&control, &TOKEN, NOW));
        assert!(!holds, "bit {bit}");
    }
}

#[test]
fn who_asks_who_approves_twice_and_who_is_a_stranger_do_not_count() {
    let control = control();
    let mut request = request();
    let own = approval(&request, "alice", 1);
    assert_eq!(request.check_approval(&control, &own, NOW), Err(Refusal::Own("alice".into())));
    let stranger = approval(&request, "mallory", 9);
    assert_eq!(request.check_approval(&control, &stranger, NOW), Err(Refusal::Stranger("mallory".into())));
    let forged = approval(&request, "carol", 2);
    assert_eq!(request.check_approval(&control, &forged, NOW), Err(Refusal::Altered("carol".into())));
    let bob = approval(&request, "bob", 2);
    request.approvals = vec![own, bob.clone(), bob, stranger, forged];
    assert_eq!(request.approvers(&control, NOW), ["bob"]);
    assert!(!request.is_approved(&control, &TOKEN, NOW));
    // Who has left does not count any more.
    let mut request = approved();
    request.request.operation = Controlled::Policy;
    request.signature = sign(&key(1), &request.request.message());
    request.approvals = vec![approval(&request, "carol", 3)];
    assert!(request.is_approved(&control, &TOKEN, NOW));
    let without_carol = Control { participants: participants(&["alice", "bob"]), ..control };
    assert!(!request.is_approved(&without_carol, &TOKEN, NOW));
}

#[test]
fn a_proposal_other_than_what_is_signed_for_is_no_request() {
    let control = control();
    let mut request = request();
    request.request.operation = Controlled::Policy;
    request.request.subject = Subject::settings(b"these").unwrap();
    for (proposal, holds) in [(&b"these"[..], Ok(())), (b"those", Err(Refusal::Malformed))] {
        request.request.proposal = proposal.to_vec();
        request.signature = sign(&key(1), &request.request.message());
        assert_eq!(request.check(&control, &TOKEN, NOW), holds);
    }
}

#[test]
fn subjects_that_differ_have_different_texts() {
    let subjects = [
        Subject::key("a"),
        Subject::key("b"),
        Subject::wrapped("a", "b"),
        Subject::signing_backup(),
        Subject::settings(b"1").unwrap(),
        Subject::settings(b"2").unwrap(),
        Subject::account_added("a", Role::Operator),
        Subject::account_added("a", Role::Auditor),
        Subject::account_removed("a"),
        Subject::account_pin("a"),
        Subject::user_pin(),
        Subject::recovery_key(),
        Subject::clock(),
        Subject::exception("a", 1),
        Subject::exception("a", 2),
        Subject::token(),
    ];
    let texts: std::collections::HashSet<_> = subjects.iter().map(Subject::as_str).collect();
    assert_eq!(texts.len(), subjects.len());
}
