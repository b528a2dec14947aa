//! What people hand in who approve operations: requests with approvals, participants' keys; and the rules of a token.

use coffer_pkcs11::lifecycle::approval::{ParticipantKey, public_file, read_public_file};
use coffer_pkcs11::policy::{Control, Controlled, Participant, Request, SignedRequest, Subject};

use crate::targets::Target;

const TOKEN: [u8; 16] = [7; 16];

pub fn targets() -> Vec<Target> {
    vec![
        Target { name: "approval_request", run: request, seeds: requests },
        Target { name: "control_rules", run: rules, seeds: || vec![control(&keys()).encode()] },
        Target { name: "participant_key", run: key, seeds: key_files },
    ]
}

fn keys() -> Vec<ParticipantKey> {
    let names = ["alice", "bob", "carol"];
    names.iter().map(|name| ParticipantKey::generate(name).expect("a name")).collect()
}

fn control(keys: &[ParticipantKey]) -> Control {
    let participants: Vec<Participant> = keys.iter().map(ParticipantKey::participant).collect();
    let rules = [(Controlled::Destroy, 2), (Controlled::Policy, 1)].into();
    Control { rules, participants, validity: 3600 }
}

/// Whatever decodes is encoded the same way, and nothing in it that was not signed is approved.
fn request(data: &[u8]) -> bool {
    let Ok(signed) = SignedRequest::decode(data) else { return false };
    assert_eq!(signed.encode(), data);
    // Keys that are not those of the seeds: no input can be approved under them.
    thread_local!(static STRANGERS: Control = control(&keys()));
    STRANGERS.with(|strangers| {
        let now = signed.request.time;
        assert!(!signed.is_approved(strangers, &signed.request.token, now));
        assert!(signed.approvers(strangers, now).is_empty());
    });
    true
}

fn requests() -> Vec<Vec<u8>> {
    let keys = keys();
    let request = Request {
        token: TOKEN,
        id: [1; 16],
        operation: Controlled::Destroy,
        subject: Subject::key("0b1f"),
        about: "secret-key `web`".into(),
        reason: "the end".into(),
        proposal: Vec::new(),
        requester: "alice".into(),
        time: 1_795_478_400,
        expires: 1_795_482_000,
    };
    let approvals = keys.iter().skip(1).map(|key| key.approve(&request, request.time).expect("a signature"));
    let approved = SignedRequest { signature: [0; 64], approvals: approvals.collect(), request };
    vec![SignedRequest { approvals: Vec::new(), ..approved.clone() }.encode(), approved.encode()]
}

fn rules(data: &[u8]) -> bool {
    let Some(control) = Control::decode(data) else { return false };
    assert_eq!(control.encode(), data);
    assert!(control.flaw().is_none());
    true
}

fn key(data: &[u8]) -> bool {
    if let Ok(participant) = read_public_file(data) {
        assert_eq!(public_file(&participant), data);
        return true;
    }
    ParticipantKey::is_closed(data).is_ok_and(|closed| closed || ParticipantKey::from_file(data, None).is_ok())
}

fn key_files() -> Vec<Vec<u8>> {
    let key = ParticipantKey::generate("alice").expect("a name");
    vec![public_file(&key.participant()), key.to_file(None).expect("a key file").as_bytes().to_vec()]
}
