//! Dual control as people work with it: the rules of a token, requests, and the approvals that others give them. What an approved
//! request is used up with is the token's business (`token/consent.rs`); what counts as approved is that of `policy`.

mod key;

use crate::crypto::random;
use crate::error::{Error, Result};
use crate::lifecycle::settings;
use crate::policy::{Approval, Control, Controlled, Function, Request, SignedRequest, Subject, time_text};
use crate::token::{Batch, LedgerKind, LedgerRecord, Token, What};

pub use crate::policy::ControlRefusal as Refusal;
pub use key::{ParticipantKey, public_file, read_public_file};

type Refusable<T> = std::result::Result<T, Refusal>;

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub operation: Controlled,
    pub subject: Subject,
    /// What the subject is, for those who approve: the label of a key, say.
    pub about: String,
    pub reason: String,
    /// New settings (`Settings::proposal`), where it is about settings.
    pub proposal: Vec<u8>,
    /// For how many seconds it is to hold; `None`: as long as the rules allow.
    pub valid: Option<u64>,
}

/// A request as it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub signed: SignedRequest,
    /// Whose approvals count.
    pub approvers: Vec<String>,
    /// How many must approve; `None` where the operation is not under dual control any more.
    pub needed: Option<u8>,
    /// Why it cannot be carried out, whoever approves it.
    pub void: Option<Refusal>,
}

impl Standing {
    fn of(token: &Token, signed: SignedRequest) -> Self {
        let control = token.control();
        let now = token.validity_time();
        let (void, approvers, needed) = match &control {
            None => (Some(Refusal::NoControl), Vec::new(), None),
            Some(control) => (
                signed.check(control, &token.uuid(), now).err(),
                signed.approvers(control, now).into_iter().map(str::to_owned).collect(),
                control.needs(signed.request.operation),
            ),
        };
        Self { signed, approvers, needed, void }
    }

    /// Whether it can be carried out now.
    pub fn is_approved(&self) -> bool {
        let enough = self.needed.is_some_and(|needed| self.approvers.len() >= usize::from(needed));
        enough && self.void.is_none()
    }

    /// How many approvals are missing.
    pub fn missing(&self) -> usize {
        self.needed.map_or(0, usize::from).saturating_sub(self.approvers.len())
    }
}

/// Makes the rules of a token, changes them, or (`None`) ends them, and with them every request. Errors: `Rules`, `Separated`;
/// CKR_ACTION_PROHIBITED where there are rules already and others have not approved the change, and for who may not change
/// settings.
pub fn set_control(token: &Token, control: Option<&Control>) -> Refusable<()> {
    if let Some(control) = control {
        check_rules(token, control)?;
    }
    let detail = control.map_or("ended".to_owned(), told);
    token.transact(|batch| {
        let (before, after) = batch.settings(|settings| settings.control = control.cloned())?;
        settings::permit(token, &before, &after)?;
        if control.is_none() {
            token.ledger(LedgerKind::REQUEST)?.iter().for_each(|record| batch.remove(record));
        }
        batch.event(token.event(What::ControlChanged).detail(&detail));
        Ok(())
    })?;
    Ok(())
}

/// Whether a token can have such rules.
pub fn check_rules(token: &Token, control: &Control) -> Refusable<()> {
    if let Some(flaw) = control.flaw() {
        return Err(Refusal::Rules(flaw));
    }
    let by_officer = [Controlled::Trust, Controlled::PinReset];
    match by_officer.into_iter().find(|operation| control.needs(*operation).is_some()) {
        Some(operation) if token.vault().separated() => Err(Refusal::Separated(operation)),
        _ => Ok(()),
    }
}

/// Rules for people.
pub fn told(control: &Control) -> String {
    let rules = control.rules.iter().map(|(operation, needed)| format!("{} {needed}", operation.name()));
    let names: Vec<&str> = control.participants.iter().map(|participant| participant.name.as_str()).collect();
    format!("{}; participants {}", rules.collect::<Vec<_>>().join(", "), names.join(", "))
}

/// Makes a request and puts it into the token. Errors: `NoControl`, `NotControlled`, `Stranger` for a key that is no participant's,
/// `TooLong`, `Role`; CKR_ARGUMENTS_BAD for texts that are too long.
pub fn request(token: &Token, key: &ParticipantKey, ask: &Ask) -> Refusable<SignedRequest> {
    let control = rules(token)?;
    if control.needs(ask.operation).is_none() {
        return Err(Refusal::NotControlled(ask.operation));
    }
    let requester = participant(&control, key)?;
    let mut id = [0; 16];
    random::fill(&mut id).map_err(Error::from)?;
    let time = token.validity_time();
    let valid = ask.valid.unwrap_or_else(|| control.validity.into());
    let request = Request {
        token: token.uuid(),
        id,
        operation: ask.operation,
        subject: ask.subject.clone(),
        about: ask.about.clone(),
        reason: ask.reason.clone(),
        proposal: ask.proposal.clone(),
        requester,
        time,
        expires: time.saturating_add(valid),
    };
    if !request.fits() {
        return Err(Error::ArgumentsBad.into());
    }
    let signature = key.sign(&request.message())?;
    let signed = SignedRequest { request, signature, approvals: Vec::new() };
    signed.check(&control, &token.uuid(), time)?;
    token.transact(|batch| {
        remove_void(token, batch, &control, time)?;
        batch.put_request(&signed)?;
        tell(token, batch, What::Requested, &signed.request, &signed.request.requester);
        Ok(())
    })?;
    Ok(signed)
}

/// Requests that nobody can carry out any more go.
fn remove_void(token: &Token, batch: &mut Batch<'_>, control: &Control, now: u64) -> Result<()> {
    for record in token.ledger(LedgerKind::REQUEST)? {
        let checked =
            SignedRequest::decode(&record.bytes).and_then(|signed| signed.check(control, &token.uuid(), now));
        // Those of another token came with what was saved of it.
        if matches!(checked, Err(Refusal::Expired | Refusal::OtherToken | Refusal::Malformed)) {
            batch.remove(&record);
        }
    }
    Ok(())
}

/// The event of something that was done to a request.
fn tell(token: &Token, batch: &mut Batch<'_>, what: What, request: &Request, by: &str) {
    let detail = format!(
        "{by}: request {} to {} {} ({}); until {}",
        request.id_text(),
        request.operation.name(),
        request.subject,
        request.about,
        time_text(request.expires)
    );
    batch.event(token.event(what).detail(&detail));
}

/// Approves a request that waits in the token. Errors: `Unknown`, `Stranger`, `Own`, `Duplicate`, and those of the request itself.
pub fn approve(token: &Token, id: &[u8; 16], key: &ParticipantKey) -> Refusable<Standing> {
    let control = rules(token)?;
    participant(&control, key)?;
    let signed = find(token, id)?.1;
    let approval = key.approve(&signed.request, token.validity_time())?;
    add_approvals(token, &SignedRequest { approvals: vec![approval], ..signed })
}

/// Takes in the approvals that a request has got elsewhere. Those that the token has already are passed over. Errors: as those of
/// [`approve`]; `Altered`, `OtherToken`; `Duplicate` where there is nothing new.
pub fn add(token: &Token, given: &SignedRequest) -> Refusable<Standing> {
    if given.request.token != token.uuid() {
        return Err(Refusal::OtherToken);
    }
    let kept = find(token, &given.request.id)?.1;
    if kept.request != given.request {
        return refused(token, &given.request, Refusal::Altered(kept.request.requester));
    }
    let mut new = given.clone();
    new.approvals.retain(|approval| !kept.approvals.contains(approval));
    match (new.approvals.is_empty(), given.approvals.first()) {
        (true, Some(Approval { approver, .. })) => Err(Refusal::Duplicate(approver.clone())),
        (true, None) => Err(Refusal::Malformed),
        (false, _) => add_approvals(token, &new),
    }
}

fn add_approvals(token: &Token, given: &SignedRequest) -> Refusable<Standing> {
    let refusal = std::cell::Cell::new(None);
    let added = token.transact(|batch| {
        let attempt = add_in(token, batch, given);
        attempt.map_err(|reason| match reason {
            Refusal::Token(error) => error,
            reason => {
                refusal.set(Some(reason));
                Error::ActionProhibited
            }
        })
    });
    match (added, refusal.take()) {
        (Err(_), Some(refusal)) => refused(token, &given.request, refusal),
        (Ok(signed), _) => Ok(Standing::of(token, signed)),
        (Err(error), None) => Err(error.into()),
    }
}

fn add_in(token: &Token, batch: &mut Batch<'_>, given: &SignedRequest) -> Refusable<SignedRequest> {
    let control = rules(token)?;
    let now = token.validity_time();
    let (record, mut signed) = find(token, &given.request.id)?;
    signed.check(&control, &token.uuid(), now)?;
    // What counts no more, because its participant has left or has another key, makes room.
    signed.approvals.retain(|approval| signed_by_participant(&given.request, &control, approval, now));
    for approval in &given.approvals {
        signed.check_approval(&control, approval, now)?;
        let name = &approval.approver;
        if signed.approvals.iter().any(|known| known.approver == *name) {
            return Err(Refusal::Duplicate(name.clone()));
        }
        signed.approvals.push(approval.clone());
        tell(token, batch, What::Approved, &signed.request, name);
    }
    batch.replace(&record, signed.encode());
    Ok(signed)
}

fn signed_by_participant(request: &Request, control: &Control, approval: &Approval, now: u64) -> bool {
    let alone = SignedRequest { request: request.clone(), signature: [0; 64], approvals: Vec::new() };
    alone.check_approval(control, approval, now).is_ok()
}

/// An approval that was refused leaves an event, where it can.
fn refused<T>(token: &Token, request: &Request, refusal: Refusal) -> Refusable<T> {
    let detail = format!("request {}: {refusal}", request.id_text());
    let _ = token.transact(|batch| {
        batch.event(token.event(What::Rejected).detail(&detail));
        Ok(())
    });
    Err(refusal)
}

/// Takes back what the holder of this key has asked for (the whole request) or approved (that approval). `None`: the request is gone.
/// Errors: `Unknown`, `Stranger`, `NotTheirs`.
pub fn withdraw(token: &Token, id: &[u8; 16], key: &ParticipantKey) -> Refusable<Option<Standing>> {
    let name = participant(&*rules(token)?, key)?;
    let theirs = |signed: &SignedRequest| {
        signed.request.requester == name || signed.approvals.iter().any(|approval| approval.approver == name)
    };
    if !theirs(&find(token, id)?.1) {
        return Err(Refusal::NotTheirs(name));
    }
    let left = token.transact(|batch| {
        let Ok((record, mut signed)) = find(token, id) else { return Ok(None) };
        tell(token, batch, What::Withdrawn, &signed.request, &name);
        if signed.request.requester == name {
            batch.remove(&record);
            return Ok(None);
        }
        signed.approvals.retain(|approval| approval.approver != name);
        batch.replace(&record, signed.encode());
        Ok(Some(signed))
    })?;
    Ok(left.map(|signed| Standing::of(token, signed)))
}

/// The requests in a token, the oldest first. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn list(token: &Token) -> Result<Vec<Standing>> {
    let records = token.ledger(LedgerKind::REQUEST)?;
    let signed = records.iter().filter_map(|record| SignedRequest::decode(&record.bytes).ok());
    Ok(signed.map(|signed| Standing::of(token, signed)).collect())
}

/// The request with this id. Errors: `Unknown`.
pub fn show(token: &Token, id: &[u8; 16]) -> Refusable<Standing> {
    Ok(Standing::of(token, find(token, id)?.1))
}

/// The request for an operation that is nearest to being approved. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn nearest(token: &Token, operation: Controlled, subjects: &[Subject]) -> Result<Option<Standing>> {
    let mut standing = Vec::new();
    for subject in subjects {
        for record in token.requests_for(operation, subject)? {
            standing
                .extend(SignedRequest::decode(&record.bytes).ok().map(|signed| Standing::of(token, signed)));
        }
    }
    standing.retain(|standing| standing.void.is_none());
    Ok(standing.into_iter().min_by_key(Standing::missing))
}

fn rules(token: &Token) -> Refusable<std::sync::Arc<Control>> {
    if !token.role().may(Function::Approve) {
        return Err(Error::UserNotLoggedIn.into());
    }
    token.control().ok_or(Refusal::NoControl)
}

/// The name of the participant whose key this is. Errors: `Stranger`.
fn participant(control: &Control, key: &ParticipantKey) -> Refusable<String> {
    let holder = control.holder(&key.public_key()).filter(|holder| holder.name == key.name());
    holder.map(|holder| holder.name.clone()).ok_or_else(|| Refusal::Stranger(key.name().to_owned()))
}

fn find(token: &Token, id: &[u8; 16]) -> Refusable<(LedgerRecord, SignedRequest)> {
    for record in token.ledger(LedgerKind::REQUEST)? {
        match SignedRequest::decode(&record.bytes) {
            Ok(signed) if signed.request.id == *id => return Ok((record, signed)),
            _ => {}
        }
    }
    Err(Refusal::Unknown)
}
