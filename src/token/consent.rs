//! Consent: what others have approved, found in the ledger and used up with what it was given for.
//!
//! Every operation that can be put under dual control asks here, within its own transaction: the request that allows it is
//! removed together with the change, so that it serves once, and is not lost with a change that did not come about.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::ck::CKA_TRUSTED;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object};
use crate::policy::{Control, Controlled, SignedRequest, Subject};
use crate::vault::{Change, RecordId, Unlocked};

use super::Token;
use super::batch::{LedgerKind, LedgerRecord, LedgerTag, subject_of};
use super::event::{Event, KeyName, Outcome, What};
use super::info::Identity;

/// An approved request, to be used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    record: RecordId,
    /// The request and who has approved it, for events.
    told: String,
}

impl Consent {
    /// The change that uses it up.
    pub(super) fn spent(&self) -> Change {
        Change::Delete(self.record)
    }

    /// The event, with the request that allowed what it tells of.
    pub(super) fn tell(&self, event: Event) -> Event {
        let detail = match event.detail.as_str() {
            "" => self.told.clone(),
            detail => format!("{}; {detail}", self.told),
        };
        event.detail(&detail)
    }

    /// The consent in a request, if it holds now and enough others have approved it.
    fn of(id: RecordId, bytes: &[u8], wanted: &Wanted<'_>) -> Option<Self> {
        let request = SignedRequest::decode(bytes).ok()?;
        let fits = request.request.operation == wanted.operation
            && wanted.subjects.contains(&request.request.subject)
            && request.is_approved(wanted.control, &wanted.token, wanted.now);
        let approvers = request.approvers(wanted.control, wanted.now).join(", ");
        let told = format!(
            "request {} of {}, approved by {approvers}",
            request.request.id_text(),
            request.request.requester
        );
        fits.then_some(Self { record: id, told })
    }
}

/// What consent is looked for.
struct Wanted<'a> {
    control: &'a Control,
    token: [u8; 16],
    now: u64,
    operation: Controlled,
    subjects: &'a [Subject],
}

/// The name under which the ledger finds requests for an operation.
fn name(operation: Controlled, subject: &Subject) -> Vec<u8> {
    format!("{} {subject}", operation.name()).into_bytes()
}

impl Token {
    /// The rules of dual control, if there are any.
    pub fn control(&self) -> Option<Arc<Control>> {
        if !self.has_control.load(Ordering::Acquire) {
            return None;
        }
        self.control.read().clone()
    }

    /// Whether the operation needs approvals.
    pub fn is_controlled(&self, operation: Controlled) -> bool {
        self.control().is_some_and(|control| control.needs(operation).is_some())
    }

    /// Takes over the rules. Those of a token that cannot be read are fulfilled by nobody.
    pub(super) fn read_control(&self, identity: Option<&Identity>) {
        let control = match identity {
            Some(identity) => identity.settings.control.clone(),
            None => Some(Control::closed()),
        };
        self.has_control.store(control.is_some(), Ordering::Release);
        *self.control.write() = control.map(Arc::new);
    }

    /// The consent that an operation needs, for one of these subjects; `None` where it needs none. `about`: the key, for the log,
    /// which is told of a refusal. Errors: CKR_ACTION_PROHIBITED where not enough others have approved it,
    /// CKR_USER_NOT_LOGGED_IN.
    pub fn consent(
        &self,
        operation: Controlled,
        subjects: &[Subject],
        about: Option<&Object>,
    ) -> Result<Option<Consent>> {
        let consent = self.consent_untold(operation, subjects);
        if consent == Err(Error::ActionProhibited) {
            self.tell_of_missing(operation, about);
        }
        consent
    }

    /// As [`Token::consent`], where the caller tells the log of refusals.
    pub(super) fn consent_untold(
        &self,
        operation: Controlled,
        subjects: &[Subject],
    ) -> Result<Option<Consent>> {
        let Some(control) = self.control().filter(|control| control.needs(operation).is_some()) else {
            return Ok(None);
        };
        let (token, now) = (self.uuid(), self.validity_time());
        let wanted = Wanted { control: &control, token, now, operation, subjects };
        for subject in subjects {
            for record in self.requests_for(operation, subject)? {
                if let Some(consent) = Consent::of(record.id, &record.bytes, &wanted) {
                    return Ok(Some(consent));
                }
            }
        }
        Err(Error::ActionProhibited)
    }

    /// The requests for an operation that wait, whatever they are worth. Errors: CKR_USER_NOT_LOGGED_IN.
    pub fn requests_for(&self, operation: Controlled, subject: &Subject) -> Result<Vec<LedgerRecord>> {
        self.ledger_named(LedgerKind::REQUEST, &name(operation, subject))
    }

    /// Tells the log that an operation was refused.
    fn tell_of_missing(&self, operation: Controlled, about: Option<&Object>) {
        if self.tells_refusals() {
            let event = self.event(What::Denied).outcome(Outcome::denied(Error::ActionProhibited));
            let event = event.detail(&format!("{}: too few have approved it", operation.name()));
            self.note(&Event { key: about.map(|key| KeyName::of(key.attributes())), ..event });
        }
    }

    /// The consent that a change of an object needs, because it makes it trusted.
    pub(super) fn consent_to_trust(&self, before: &Object, after: &Attributes) -> Result<Option<Consent>> {
        if before.is_true(CKA_TRUSTED) || !after.is_true(CKA_TRUSTED) {
            return Ok(None);
        }
        self.consent_untold(Controlled::Trust, &[subject_of(before)])
    }

    /// What is made cannot be trusted from the start where that needs consent: nobody could have asked for it. Errors:
    /// CKR_ACTION_PROHIBITED.
    pub(super) fn check_new_trust(&self, attributes: &Attributes) -> Result<()> {
        match attributes.is_true(CKA_TRUSTED) && self.is_controlled(Controlled::Trust) {
            true => Err(Error::ActionProhibited),
            false => Ok(()),
        }
    }

    /// As [`Token::consent`], of a token that is about to be initialised anew, by the SO whose login this is.
    pub(super) fn consent_to_wiping(&self, old: &Unlocked) -> std::result::Result<bool, crate::vault::Error> {
        let Some(control) = self.control() else { return Ok(true) };
        // Where keys may end without approvals, the rules still may not.
        let operation = match control.needs(Controlled::Destroy) {
            Some(_) => Controlled::Destroy,
            None => Controlled::Policy,
        };
        let (token, now) = (self.uuid(), self.validity_time());
        let subjects = [Subject::token()];
        let wanted = Wanted { control: &control, token, now, operation, subjects: &subjects };
        for record in old.records()? {
            let kind = record.tag.as_deref().and_then(LedgerTag::decode).map(|tag| tag.kind);
            if kind == Some(LedgerKind::REQUEST)
                && Consent::of(record.id, &old.metadata(record.id)?, &wanted).is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl super::Batch<'_> {
    /// A request that waits for approvals, found by what it is for.
    pub fn put_request(&mut self, request: &SignedRequest) -> Result<RecordId> {
        let name = name(request.request.operation, &request.request.subject);
        self.put_named(LedgerKind::REQUEST, &name, request.encode())
    }

    /// Uses up the consent that an operation needs, together with the changes of the batch; its events tell of it. Errors:
    /// those of [`Token::consent`].
    pub fn consent(
        &mut self,
        operation: Controlled,
        subjects: &[Subject],
        about: Option<&Object>,
    ) -> Result<()> {
        if let Some(consent) = self.token.consent(operation, subjects, about)? {
            self.take(consent);
        }
        Ok(())
    }
}
