//! Batches: changes of objects, changes of the ledger and events, in one transaction of the token file.
//!
//! The *ledger* holds administrative records, which are no objects of PKCS#11: they are private records whose tag is a
//! kind and a digest of a name, and not that of an object, so that no search can find one.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object};
use crate::policy::{Controlled, Function, Subject, may_alter, may_make};
use crate::secret::Secret;
use crate::vault::{self, Change, Put, RecordId, SecretPart, Unlocked, Visibility};

use super::Token;
use super::audit::AuditMode;
use super::consent::Consent;
use super::event::{Event, KeyName, What, Who};
use super::handle::ObjectHandle;
use super::info::Identity;
use super::objects::{CHANGE_ATTEMPTS, put};
use super::settings::Settings;
use super::table::Place;
use super::tag::digest;

/// What the tag of a ledger record begins with. Its kind follows, two bytes, and the digest of its name, eight bytes, if it
/// has one; both little-endian.
const LEDGER_TAG: &[u8] = b"ledger";

/// What a ledger record is. The numbers are those of the token file and never get another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerKind(pub u16);

impl LedgerKind {
    /// Known copies of keys: wraps, exports, backups, migrations.
    pub const COPIES: Self = Self(1);
    /// Tombstones of destroyed keys.
    pub const TOMBSTONE: Self = Self(2);
    /// Destructions that wait for their time.
    pub const PLANNED_DESTRUCTION: Self = Self(3);
    /// Roles, their functions and their people.
    pub const ROLE: Self = Self(4);
    /// Requests that wait for approvals, with the approvals that they have.
    pub const REQUEST: Self = Self(5);
    /// Recovery keys and their shares (never the shares themselves), backups.
    pub const RECOVERY: Self = Self(7);
    pub const BACKUP: Self = Self(8);
    /// Policies and exceptions from them.
    pub const POLICY: Self = Self(9);
    pub const EXCEPTION: Self = Self(10);
    /// Rotations: periods, what is due.
    pub const ROTATION: Self = Self(11);
    /// The audit log: what its first key was sealed to, and where it stands.
    pub const AUDIT: Self = Self(12);
    /// The key with which the token signs certificates, and the certificates.
    pub const CERTIFICATE_KEY: Self = Self(13);
    pub const CERTIFICATE: Self = Self(14);
    /// The newest time that the token has seen: u64 seconds since 1970 UTC, little-endian.
    pub const CLOCK: Self = Self(15);

    /// The kind that a record's tag tells; `None` for one that is an object.
    pub fn of_tag(tag: &[u8]) -> Option<Self> {
        LedgerTag::decode(tag).map(|tag| tag.kind)
    }
}

/// What a ledger record is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LedgerTag {
    pub(super) kind: LedgerKind,
    /// The digest of the record's name.
    pub(super) name: Option<u64>,
}

impl LedgerTag {
    fn encode(self) -> Vec<u8> {
        let name = self.name.map(u64::to_le_bytes);
        [LEDGER_TAG, &self.kind.0.to_le_bytes(), name.as_ref().map_or(&[], |name| &name[..])].concat()
    }

    pub(super) fn decode(tag: &[u8]) -> Option<Self> {
        let (kind, name) = tag.strip_prefix(LEDGER_TAG)?.split_first_chunk::<2>()?;
        let name = match name {
            [] => None,
            name => Some(u64::from_le_bytes(name.try_into().ok()?)),
        };
        Some(Self { kind: LedgerKind(u16::from_le_bytes(*kind)), name })
    }
}

/// A record of the ledger as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRecord {
    pub id: RecordId,
    pub kind: LedgerKind,
    /// The number of this version, unique in the token and growing.
    pub sequence: u64,
    /// The digest of its name, if it has one.
    name: Option<u64>,
    /// At most 16 MiB. They are sealed as the attributes of private objects are.
    pub bytes: Vec<u8>,
}

/// Changes that are made together or not at all. Made by [`Token::transact`]. What the role may not do to objects is
/// CKR_ACTION_PROHIBITED here as well (CKR_USER_NOT_LOGGED_IN for new ones).
pub struct Batch<'a> {
    pub(super) token: &'a Token,
    unlocked: &'a Unlocked,
    changes: Vec<Change>,
    events: Vec<Event>,
    /// What others have approved, and is used up.
    consents: Vec<Consent>,
}

impl Batch<'_> {
    /// A new token object, of finished attributes. (Its handle: [`Token::handle_of`], after the commit.)
    pub fn create(&mut self, attributes: Attributes) -> Result<RecordId> {
        if !attributes.is_true(CKA_TOKEN) {
            return Err(Error::GeneralError);
        }
        may_make(self.token.role(), true, attributes.is_true(CKA_PRIVATE))?;
        self.token.check_new_trust(&attributes)?;
        let id = RecordId::random()?;
        self.changes.push(Change::Add(put(id, attributes, None)?));
        Ok(id)
    }

    /// A token object as it is now, and its change: `change` makes the new attributes (without the secret ones, which
    /// stay). Errors: CKR_OBJECT_HANDLE_INVALID, and those of `change`.
    pub fn change(
        &mut self,
        handle: ObjectHandle,
        change: impl FnOnce(&Object) -> Result<Attributes>,
    ) -> Result<()> {
        let (entry, object) = self.token.entry_object(handle)?;
        let Place::Record(id) = entry.place else { return Err(Error::ObjectHandleInvalid) };
        may_alter(self.token.role(), &object, Function::Change)?;
        let attributes = change(&object)?;
        if let Some(consent) = self.token.consent_to_trust(&object, &attributes)? {
            self.take(consent);
        }
        let kept = self.unlocked.record(id)?.is_some_and(|record| record.has_secret);
        let secret = if kept { SecretPart::Keep } else { SecretPart::None };
        let put = put(id, attributes, Some(secret))?;
        self.changes.push(Change::Replace { put, expected: Some(entry.sequence) });
        Ok(())
    }

    /// The end of a token object. Errors: CKR_OBJECT_HANDLE_INVALID; CKR_ACTION_PROHIBITED where the end of private and secret
    /// keys is under dual control and others have not approved it.
    pub fn destroy(&mut self, handle: ObjectHandle) -> Result<()> {
        let (_, object) = self.token.entry_object(handle)?;
        if matches!(object.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY) {
            let consent = self.token.consent_untold(Controlled::Destroy, &[subject_of(&object)])?;
            consent.into_iter().for_each(|consent| self.take(consent));
        }
        self.end(handle)
    }

    /// The end of a token object that was decided before, with the consent that the decision needs ([`Batch::decide_end`]).
    pub fn end(&mut self, handle: ObjectHandle) -> Result<()> {
        let (entry, object) = self.token.entry_object(handle)?;
        let Place::Record(id) = entry.place else { return Err(Error::ObjectHandleInvalid) };
        may_alter(self.token.role(), &object, Function::Destroy)?;
        self.changes.push(Change::Delete(id));
        Ok(())
    }

    /// Uses up the consent to the end of a key that is still to wait. Errors as those of [`Batch::destroy`].
    pub fn decide_end(&mut self, key: &Object) -> Result<()> {
        if !matches!(key.class(), CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY) {
            return Ok(());
        }
        self.consent(Controlled::Destroy, &[subject_of(key)], Some(key))
    }

    /// A new record of the ledger.
    pub fn put(&mut self, kind: LedgerKind, bytes: Vec<u8>) -> Result<RecordId> {
        self.add(LedgerTag { kind, name: None }, bytes)
    }

    /// A new record of the ledger that is found by a name (see [`Token::ledger_named`]).
    pub fn put_named(&mut self, kind: LedgerKind, name: &[u8], bytes: Vec<u8>) -> Result<RecordId> {
        self.add(LedgerTag { kind, name: Some(digest(name)) }, bytes)
    }

    fn add(&mut self, tag: LedgerTag, bytes: Vec<u8>) -> Result<RecordId> {
        let id = RecordId::random()?;
        self.changes.push(Change::Add(ledger_put(id, tag, bytes)));
        Ok(id)
    }

    /// A new record of the ledger with a secret, which is sealed as the values of keys are (see [`Token::ledger_secret`]).
    pub fn put_secret(&mut self, kind: LedgerKind, secret: Secret) -> Result<RecordId> {
        let id = RecordId::random()?;
        let put = ledger_put(id, LedgerTag { kind, name: None }, Vec::new());
        self.changes.push(Change::Add(Put { secret: SecretPart::New(secret), ..put }));
        Ok(id)
    }

    /// A new version of a record of the ledger; the batch is made again if it has been changed since it was read.
    pub fn replace(&mut self, record: &LedgerRecord, bytes: Vec<u8>) {
        let put = ledger_put(record.id, LedgerTag { kind: record.kind, name: record.name }, bytes);
        self.changes.push(Change::Replace { put, expected: Some(record.sequence) });
    }

    /// The end of a record of the ledger. (A request that is used up in the same batch is gone already.)
    pub fn remove(&mut self, record: &LedgerRecord) {
        let gone = |change: &Change| matches!(change, Change::Delete(id) if *id == record.id);
        if !self.changes.iter().any(gone) {
            self.changes.push(Change::Delete(record.id));
        }
    }

    /// Other settings of the token; answers those of before and those that it will have. The batch is made again if somebody
    /// else has changed them meanwhile. Errors: CKR_ARGUMENTS_BAD for settings that are too long or that no token can have;
    /// CKR_ACTION_PROHIBITED where they are under dual control and others have not approved these.
    pub fn settings(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(Settings, Settings)> {
        let expected = self.token.vault.info();
        let mut identity = Identity::decode(&expected)?;
        let before = identity.settings.clone();
        change(&mut identity.settings);
        let info = identity.encode()?;
        if Identity::decode(&info) != Ok(identity.clone()) {
            return Err(Error::ArgumentsBad);
        }
        let subject = identity.settings.subject()?;
        if subject != before.subject()? {
            self.consent(Controlled::Policy, &[subject], None)?;
        }
        if identity.settings != before {
            self.changes.push(Change::ReplaceInfo { info, expected });
        }
        Ok((before, identity.settings))
    }

    /// Uses up what others have approved.
    pub(super) fn take(&mut self, consent: Consent) {
        if !self.consents.contains(&consent) {
            self.changes.push(consent.spent());
            self.consents.push(consent);
        }
    }

    /// An event that is written with the changes (see [`Token::event`]).
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// What requests call a key.
pub(super) fn subject_of(key: &Object) -> Subject {
    Subject::key(&KeyName::of(key.attributes()).unique_id)
}

pub(super) fn ledger_put(id: RecordId, tag: LedgerTag, bytes: Vec<u8>) -> Put {
    let (visibility, secret) = (Visibility::Private, SecretPart::None);
    Put { id, visibility, tag: tag.encode(), metadata: bytes, secret }
}

impl Token {
    /// Makes changes in one transaction. `fill` puts them into the batch after looking at what there is; it is asked
    /// again, with an empty batch, where another thread or process has changed the same records meanwhile.
    ///
    /// Errors: CKR_USER_NOT_LOGGED_IN without a login (of any role), CKR_TOKEN_WRITE_PROTECTED, CKR_OBJECT_HANDLE_INVALID
    /// for what is gone, CKR_FUNCTION_FAILED where others never stop, and those of `fill`.
    pub fn transact<T>(&self, fill: impl Fn(&mut Batch<'_>) -> Result<T>) -> Result<T> {
        for _ in 0..CHANGE_ATTEMPTS {
            self.sync()?;
            let unlocked = self.unlocked().ok_or(Error::UserNotLoggedIn)?;
            let (changes, events, consents) = Default::default();
            let mut batch = Batch { token: self, unlocked: &unlocked, changes, events, consents };
            let made = fill(&mut batch)?;
            let Batch { changes, mut events, consents, .. } = batch;
            for consent in &consents {
                events = events.into_iter().map(|event| consent.tell(event)).collect();
            }
            match self.commit_recorded(&unlocked, changes, events) {
                Ok(()) => return self.sync().map(|()| made),
                Err(vault::Error::Conflict) => {}
                // Perhaps the consent: somebody else has just used it up. What is missing is told by the next look.
                Err(vault::Error::NoSuchRecord) if !consents.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::FunctionFailed)
    }

    /// Commits changes and the events that tell of them.
    pub(super) fn commit_recorded(
        &self,
        unlocked: &Unlocked,
        mut changes: Vec<Change>,
        events: Vec<Event>,
    ) -> std::result::Result<(), vault::Error> {
        let mut texts = Vec::new();
        if self.audit_mode() != AuditMode::Off {
            for event in &events {
                let text = event.to_text()?;
                texts.push(text.clone());
                changes.push(Change::Event(text));
            }
        }
        // It goes with other changes, and is none by itself; and it is sealed as private objects are.
        let due = !changes.is_empty() && unlocked.opens_objects()?;
        let clock = if due { self.clock_change() } else { None };
        let clock = clock.map(|(change, update)| {
            changes.push(change);
            update
        });
        let committed = unlocked.commit_events(changes);
        if let Some(update) = clock {
            self.seen.updated(&update, committed.is_ok());
        }
        let committed = committed?;
        self.committed(committed.events.start, texts);
        Ok(())
    }

    /// An event of now, by this process and whoever is logged in.
    pub fn event(&self, what: What) -> Event {
        let who = self.who.get_or_init(|| Who::here(self.role())).clone();
        let (role, account) = self.logged_in();
        Event::new(self.now(), Who { role, account, ..who }, what)
    }

    /// The ledger's records of a kind, in the order in which they were written. Errors: CKR_USER_NOT_LOGGED_IN.
    pub fn ledger(&self, kind: LedgerKind) -> Result<Vec<LedgerRecord>> {
        self.read_ledger(|tag| tag.kind == kind)
    }

    /// As [`Token::ledger`], but only those of a name, without opening the others. A name stands for 64 bits of its digest: the
    /// caller looks whether the record is the right one.
    pub fn ledger_named(&self, kind: LedgerKind, name: &[u8]) -> Result<Vec<LedgerRecord>> {
        let wanted = LedgerTag { kind, name: Some(digest(name)) };
        self.read_ledger(|tag| *tag == wanted)
    }

    fn read_ledger(&self, wanted: impl Fn(&LedgerTag) -> bool) -> Result<Vec<LedgerRecord>> {
        self.sync()?;
        let unlocked = self.unlocked().ok_or(Error::UserNotLoggedIn)?;
        let mut records = Vec::new();
        let found = self.table.read().ledger(wanted);
        for (id, LedgerTag { kind, name }, sequence) in found {
            match unlocked.metadata(id) {
                Ok(bytes) => records.push(LedgerRecord { id, kind, sequence, name, bytes }),
                // Another process has just removed it.
                Err(vault::Error::NoSuchRecord) => {}
                Err(error) => return Err(error.into()),
            }
        }
        records.sort_unstable_by_key(|record| record.sequence);
        Ok(records)
    }

    /// The secret of a record of the ledger, if it has one. Errors: CKR_USER_NOT_LOGGED_IN.
    pub fn ledger_secret(&self, id: RecordId) -> Result<Option<Secret>> {
        self.sync()?;
        let unlocked = self.unlocked().ok_or(Error::UserNotLoggedIn)?;
        match unlocked.secret(id) {
            Ok(secret) => Ok(Some(secret)),
            Err(vault::Error::NoSuchRecord) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The handle of a token object that was made in a batch; `None` where it is gone already.
    pub fn handle_of(&self, id: RecordId) -> Option<ObjectHandle> {
        self.table.read().handle_of(id)
    }
}
