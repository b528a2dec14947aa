//! The end of keys: what is suspended, what can be undone, what is left in the file, and what is remembered.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::lifecycle::copies::{self, Copies, Way};
use coffer_pkcs11::lifecycle::destruction::{self, Pending, Rewritten, Targets};
use coffer_pkcs11::lifecycle::state::{self, Changes, Refusal, Step};
use coffer_pkcs11::lifecycle::{settings, signer};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{Attributes, SearchTemplate, Value};
use coffer_pkcs11::policy::{Profile, Role, Source, State};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::store::{self, Backend, Guard, Identity as Inode, Image, MemoryBackend};
use coffer_pkcs11::token::{
    Event, Identity, ObjectHandle, SessionHandle, Settings, SlotId, Token, What, padded,
};

use common::world::{DAY, TODAY, World};
use common::{SO_PIN, USER_PIN, bytes, find, find_label, open, secret, template};

type Attribute = (CK_ATTRIBUTE_TYPE, Value);

fn aes(session: &Session, label: &str, more: &[Attribute]) -> ObjectHandle {
    let own = [
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, bytes(label.as_bytes())),
        (CKA_VALUE_LEN, Value::Ulong(32)),
    ];
    let wanted = template(&[&own[..], more].concat());
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap()
}

fn value(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}

fn unique_id(session: &Session, key: ObjectHandle) -> String {
    let id = value(session, key, CKA_UNIQUE_ID).unwrap();
    String::from_utf8(id.as_bytes().unwrap().to_vec()).unwrap()
}

fn decide(session: &Session, keys: &[ObjectHandle], due: u64) -> Result<Pending> {
    destruction::decide(session.token(), &Targets { handles: keys, reason: "the project ended", due })
}

fn encrypts(session: &Session, key: ObjectHandle) -> Result<()> {
    session.encrypt_init(CKM_AES_ECB, &Params::None, key)?;
    session.encrypt_cancel();
    Ok(())
}

fn decrypts(session: &Session, key: ObjectHandle) -> Result<()> {
    session.decrypt_init(CKM_AES_ECB, &Params::None, key)?;
    session.decrypt_cancel();
    Ok(())
}

fn events(session: &Session) -> Vec<Event> {
    let unlocked =
        session.token().vault().login(coffer_pkcs11::vault::Entry::User, &secret(USER_PIN)).unwrap();
    unlocked.events(1).unwrap().iter().map(|(_, text)| Event::decode(text.text()).unwrap()).collect()
}

fn wrap(session: &Session, by: ObjectHandle, key: ObjectHandle) -> Result<Vec<u8>> {
    let mut wrapped = vec![0; 4096];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, by, key, &mut output)?;
    let length = output.length();
    wrapped.truncate(length);
    Ok(wrapped)
}

#[test]
fn the_sealed_bytes_of_a_deleted_key_stay_until_the_file_is_written_anew_and_a_tombstone_stays_for_ever() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let key = aes(&session, "gone", &[]);
    let id = unique_id(&session, key);
    let token = session.token();
    let traces = token.traces(key).unwrap();
    assert_eq!(traces.len(), 4, "tag, object key, metadata and secret");
    session.destroy_object(key).unwrap();
    let file = std::fs::read(world.file()).unwrap();
    let in_file =
        |file: &[u8]| traces.iter().filter(|trace| file.windows(32).any(|bytes| bytes == *trace)).count();
    assert_eq!(in_file(&file), 4, "C_DestroyObject alone leaves them");
    assert!(token.holds_any(&traces).unwrap());
    token.rotate_root().unwrap();
    assert_eq!(in_file(&std::fs::read(world.file()).unwrap()), 0);
    assert!(!token.holds_any(&traces).unwrap());

    let tombstone = destruction::tombstone(token, &id).unwrap().unwrap();
    assert_eq!((tombstone.key.label.as_str(), tombstone.time), ("gone", TODAY));
    assert_eq!(tombstone.certificate, "");
    assert_eq!(destruction::tombstone(token, "another").unwrap(), None);
    // The ledger is no object of PKCS#11.
    assert!(find(&session, &SearchTemplate::new()).is_empty());
}

#[test]
fn a_destruction_waits_suspends_and_can_be_undone() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let key = aes(&session, "doomed", &[]);
    let id = unique_id(&session, key);
    let pending = decide(&session, &[key], TODAY + 7 * DAY).unwrap();
    assert_eq!((pending.decided, pending.due), (TODAY, TODAY + 7 * DAY));
    assert_eq!(encrypts(&session, key), Err(Error::KeyFunctionNotPermitted));
    assert_eq!(decrypts(&session, key), Err(Error::KeyFunctionNotPermitted));
    assert_eq!(value(&session, key, CKA_COFFER_STATE), Ok(Value::Ulong(State::Suspended.number())));
    assert_eq!(value(&session, key, CKA_COFFER_STATE_REASON), Ok(bytes(b"destruction pending")));
    assert_eq!(decide(&session, &[key], TODAY), Err(Error::ActionProhibited), "it is decided already");
    // Another process sees that it waits, and undoes it.
    let other_module = world.second_module();
    let other = common::user_session(&other_module);
    assert_eq!(destruction::pending(other.token()).unwrap(), [pending]);
    destruction::undo(other.token(), &id).unwrap();
    encrypts(&session, key).unwrap();
    decrypts(&session, key).unwrap();
    assert_eq!(value(&session, key, CKA_COFFER_STATE_REASON), Err(Error::AttributeTypeInvalid));
    assert!(destruction::pending(session.token()).unwrap().is_empty());
    assert_eq!(destruction::undo(session.token(), &id), Err(Error::ObjectHandleInvalid));
    let whats: Vec<_> = events(&session).iter().map(|event| event.what).collect();
    assert!(whats.ends_with(&[What::DestructionPlanned, What::DestructionUndone]), "{whats:?}");
}

#[test]
fn a_pair_is_destroyed_together_and_nothing_sealed_of_it_is_left_in_the_file() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let own = [(CKA_TOKEN, Value::Bool(true)), (CKA_ID, bytes(b"1")), (CKA_LABEL, bytes(b"web"))];
    let params = [(CKA_EC_PARAMS, bytes(&[0x06, 0x03, 0x2b, 0x65, 0x70]))];
    let public = template(&[&own[..], &params].concat());
    let (public, private) = session
        .generate_key_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &Params::None, &public, &template(&own))
        .unwrap();
    let other = aes(&session, "other", &[]);
    let object = session.token().object(private).unwrap();
    assert_eq!(session.public_half(&object).unwrap(), Some(public));
    let (id, public_id) = (unique_id(&session, private), unique_id(&session, public));
    let traces = session.token().traces(private).unwrap();
    let pending = decide(&session, &[private, public], TODAY).unwrap();
    let version = session.token().vault().root_version();
    let done = destruction::carry_out(session.token(), &id).unwrap();
    assert_eq!(done.rewritten, Rewritten::Done { before: version, after: version + 1, traces_left: false });
    let file = std::fs::read(world.file()).unwrap();
    assert!(traces.iter().all(|trace| !file.windows(32).any(|bytes| bytes == trace)));
    assert!(find_label(&session, "web").is_empty());
    encrypts(&session, other).unwrap();

    // Until it is certified it counts as unfinished; then the certificate can be had again.
    assert!(destruction::pending(session.token()).unwrap()[0].removed.is_some());
    destruction::conclude(session.token(), &done, b"{}").unwrap();
    assert!(destruction::pending(session.token()).unwrap().is_empty());
    let certificate = destruction::certificate(session.token(), &pending.certificate).unwrap();
    assert_eq!(certificate.as_deref(), Some(&b"{}"[..]));
    let tombstone = destruction::tombstone(session.token(), &id).unwrap().unwrap();
    assert_eq!(
        (tombstone.certificate, tombstone.reason.as_str()),
        (pending.certificate, "the project ended")
    );
    assert_eq!(destruction::tombstone(session.token(), &public_id).unwrap(), None, "public keys have none");
    let destroyed = events(&session).into_iter().filter(|event| event.what == What::Destroyed);
    assert_eq!(destroyed.count(), 2);
}

#[test]
fn what_must_not_be_destroyed_is_refused_and_a_compromised_key_stays_compromised() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let fixed = aes(&session, "fixed", &[(CKA_DESTROYABLE, Value::Bool(false))]);
    assert_eq!(decide(&session, &[fixed], TODAY), Err(Error::ActionProhibited));
    let good = aes(&session, "good", &[]);
    // Both or none.
    assert_eq!(decide(&session, &[good, fixed], TODAY), Err(Error::ActionProhibited));
    encrypts(&session, good).unwrap();
    let bad = aes(&session, "bad", &[]);
    let compromised = Value::Ulong(State::Compromised.number());
    session
        .token()
        .change(bad, |object| {
            let mut attributes = object.attributes().clone();
            attributes.set(CKA_COFFER_STATE, Value::Ulong(State::Compromised.number()));
            Ok(attributes)
        })
        .unwrap();
    decide(&session, &[bad], TODAY + DAY).unwrap();
    assert_eq!(value(&session, bad, CKA_COFFER_STATE), Ok(compromised.clone()));
    destruction::undo(session.token(), &unique_id(&session, bad)).unwrap();
    assert_eq!(value(&session, bad, CKA_COFFER_STATE), Ok(compromised));
}

#[test]
fn an_undo_takes_back_the_destruction_and_nothing_else_that_was_decided() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let token = session.token();
    let leaked = aes(&session, "leaked", &[]);
    decide(&session, &[leaked], TODAY + DAY).unwrap();
    state::decide(token, leaked, Step::Compromise, Some("found in a mail")).unwrap();
    destruction::undo(token, &unique_id(&session, leaked)).unwrap();
    let compromised = Value::Ulong(State::Compromised.number());
    assert_eq!(value(&session, leaked, CKA_COFFER_STATE), Ok(compromised));
    assert_eq!(value(&session, leaked, CKA_COFFER_STATE_REASON), Ok(bytes(b"found in a mail")));
}

#[test]
fn a_deactivated_key_does_not_come_to_life_by_way_of_its_destruction() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let token = session.token();
    let deactivated = Value::Ulong(State::Deactivated.number());
    let later = Changes { protect_stop: Some(TODAY + 300 * DAY), ..Changes::default() };
    let dated = aes(&session, "dated", &[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY))]);
    let old = aes(&session, "old", &[]);
    state::decide(token, old, Step::Deactivate, None).unwrap();
    for key in [old, dated] {
        assert_eq!(value(&session, key, CKA_COFFER_STATE), Ok(deactivated.clone()));
        decide(&session, &[key], TODAY + DAY).unwrap();
        assert_eq!(state::change(token, key, &later), Err(Refusal::Over));
        assert_eq!(state::decide(token, key, Step::Resume, None), Err(Refusal::Waits));
        assert_eq!(encrypts(&session, key), Err(Error::KeyFunctionNotPermitted));
        destruction::undo(token, &unique_id(&session, key)).unwrap();
        assert_eq!(value(&session, key, CKA_COFFER_STATE), Ok(deactivated.clone()));
        decrypts(&session, key).unwrap();
    }
}

#[test]
fn a_token_that_wants_a_waiting_period_lets_no_key_go_sooner() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let wait = u32::try_from(7 * DAY).unwrap();
    settings::change(session.token(), None, |settings| settings.destruction_wait = wait).unwrap();
    let key = aes(&session, "data", &[]);
    assert_eq!(session.destroy_object(key), Err(Error::ActionProhibited));
    assert_eq!(decide(&session, &[key], TODAY + 6 * DAY), Err(Error::ActionProhibited));
    decide(&session, &[key], TODAY + 7 * DAY).unwrap();
    let id = unique_id(&session, key);
    let early = destruction::carry_out(session.token(), &id);
    assert_eq!(early.err(), Some(Error::ActionProhibited));
    world.set_time(TODAY + 7 * DAY);
    destruction::carry_out(session.token(), &id).unwrap();
    // What is no key, and what is in no token, goes at once.
    let data = session.create_object(&common::data("note", true, true)).unwrap();
    session.destroy_object(data).unwrap();
    let in_memory = template(&[(CKA_VALUE_LEN, Value::Ulong(32))]);
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &in_memory).unwrap();
    session.destroy_object(key).unwrap();
}

#[test]
fn a_key_that_was_readable_once_is_told_of_however_well_it_is_kept_now() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let key = |label, sensitive, extractable| {
        let kept = [(CKA_SENSITIVE, Value::Bool(sensitive)), (CKA_EXTRACTABLE, Value::Bool(extractable))];
        aes(&session, label, &kept)
    };
    let (hidden, fixed, wrapped) =
        (key("hidden", true, false), key("fixed", false, false), key("wrapped", true, true));
    let hidden_later = key("hidden later", false, true);
    let set = |id, to| session.set_attribute_values(hidden_later, &template(&[(id, Value::Bool(to))]));
    set(CKA_SENSITIVE, true).unwrap();
    set(CKA_EXTRACTABLE, false).unwrap();
    for (key, readable) in [(hidden, false), (fixed, false), (wrapped, false), (hidden_later, true)] {
        assert_eq!(decide(&session, &[key], TODAY + DAY).unwrap().readable, readable);
    }
}

#[test]
fn every_wrap_of_a_key_in_the_token_is_remembered_and_told_when_it_ends() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let kek = aes(&session, "kek", &[]);
    let key = aes(&session, "data", &[(CKA_EXTRACTABLE, Value::Bool(true))]);
    let id = unique_id(&session, key);
    for _ in 0..3 {
        wrap(&session, kek, key).unwrap();
    }
    // A question about the length gives nothing away.
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, kek, key, &mut Output::query()).unwrap();
    let in_memory = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_EXTRACTABLE, Value::Bool(true))]);
    let session_key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &in_memory).unwrap();
    wrap(&session, kek, session_key).unwrap();
    world.set_time(TODAY + 1);
    session.copy_object(key, &template(&[(CKA_LABEL, bytes(b"copy"))])).unwrap();

    let known = || -> Vec<Copies> {
        copies::of_key(session.token(), &id).unwrap().into_iter().map(|(_, copies)| copies).collect()
    };
    let told: Vec<_> = known().iter().map(|copies| (copies.way, copies.count)).collect();
    assert_eq!(told, [(Way::Wrapped, 3), (Way::Copied, 1)]);
    assert_eq!(known()[0].under.as_ref().unwrap().unique_id, unique_id(&session, kek));
    assert_eq!(copies::outstanding(&known()), 4);
    assert_eq!(value(&session, key, CKA_COFFER_COPIES), Ok(Value::Ulong(4)));
    assert_eq!(value(&session, kek, CKA_COFFER_COPIES), Ok(Value::Ulong(0)));
    assert_eq!(copies::all(session.token()).unwrap().len(), 2, "session keys are not remembered");

    assert_eq!(copies::confirm_destroyed(session.token(), &id, Some(0), "shredded").unwrap(), 1);
    assert_eq!(copies::confirm_destroyed(session.token(), &id, Some(0), "again").unwrap(), 0);
    assert_eq!(copies::confirm_destroyed(session.token(), "another", None, "").unwrap(), 0);
    decide(&session, &[key], TODAY).unwrap();
    let done = destruction::carry_out(session.token(), &id).unwrap();
    assert!(done.copies[0].status.ends_with(": shredded"), "{}", done.copies[0].status);
    assert!(!done.copies[1].are_confirmed());
    assert_eq!(copies::outstanding(&done.copies), 1);
}

#[test]
fn a_token_signs_with_a_key_of_its_own_that_is_made_once_and_is_no_object() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    assert_eq!(signer::public_key(session.token()).unwrap(), None);
    let (public_key, signature) = signer::sign(session.token(), b"text").unwrap();
    assert!(signer::verifies(&public_key, b"text", &signature));
    assert!(!signer::verifies(&public_key, b"another text", &signature));
    assert!(!signer::verifies(&public_key[1..], b"text", &signature));
    let other_module = world.second_module();
    let other = common::user_session(&other_module);
    assert_eq!(signer::sign(other.token(), b"text").unwrap(), (public_key.clone(), signature));
    assert_eq!(signer::public_key(other.token()).unwrap(), Some(public_key));
    assert!(find(&session, &SearchTemplate::new()).is_empty());
    let public = open(&world.module, SlotId(0), false);
    session.logout().unwrap();
    assert_eq!(signer::public_key(public.token()), Err(Error::UserNotLoggedIn));
}

#[test]
fn initialising_a_token_anew_tells_which_keys_went() {
    let world = World::new(Profile::Compatible);
    let session = world.session();
    let key = aes(&session, "gone", &[]);
    let id = unique_id(&session, key);
    session.create_object(&common::data("note", true, true)).unwrap();
    world.module.close_session(session.handle()).unwrap();
    let again = world.module.init_token(SlotId(0), &secret(SO_PIN), padded("again"));
    again.unwrap();
    world.set_user_pin();
    let session = world.session();
    let events = events(&session);
    let initialised = events.iter().rfind(|event| event.what == What::TokenInitialised).unwrap();
    assert!(initialised.detail.contains("2 objects destroyed, 1 of them keys"), "{}", initialised.detail);
    let gone: Vec<_> = events.iter().filter(|event| event.what == What::Destroyed).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].key.as_ref().unwrap().unique_id, id);
}

type Stored<T> = std::result::Result<T, store::Error>;

/// A file that cannot be replaced for a while, as one that is bind-mounted.
#[derive(Default)]
struct Fixed {
    memory: MemoryBackend,
    fixed: AtomicBool,
}

impl Backend for Fixed {
    fn open(&self) -> Stored<Arc<dyn Image>> {
        self.memory.open()
    }
    fn identity(&self) -> Stored<Inode> {
        self.memory.identity()
    }
    fn create(&self, contents: &[u8]) -> Stored<Arc<dyn Image>> {
        self.memory.create(contents)
    }
    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Stored<Arc<dyn Image>> {
        match self.fixed.load(Ordering::Relaxed) {
            true => Err(store::Error::NotReplaceable),
            false => self.memory.replace(old, contents),
        }
    }
    fn sync_name(&self) -> Stored<()> {
        Ok(())
    }
    fn lock(&self, timeout: Duration) -> Stored<Box<dyn Guard>> {
        self.memory.lock(timeout)
    }
}

fn token_over(backend: Arc<Fixed>) -> Token {
    let mut config = Config::with_home("/nowhere");
    config.pin.kdf_iterations = 10_000;
    let identity = Identity {
        slot: SlotId(0),
        label: padded("t"),
        serial: padded("1"),
        profile: Profile::Compatible,
        settings: Settings::default(),
    };
    let token = Token::create(backend, Arc::new(config), &identity, &secret(SO_PIN)).unwrap();
    token.session_opened(true).unwrap();
    token.log_in(Role::SecurityOfficer, &secret(SO_PIN)).unwrap();
    token.init_pin(&secret(USER_PIN)).unwrap();
    token.log_out().unwrap();
    token.log_in(Role::User, &secret(USER_PIN)).unwrap();
    token
}

#[test]
fn where_the_file_cannot_be_written_anew_the_destruction_says_so_and_is_finished_later() {
    let backend = Arc::new(Fixed::default());
    let token = token_over(backend.clone());
    let key = Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_PRIVATE, Value::Bool(true)),
        (CKA_UNIQUE_ID, bytes(b"the-key")),
        (CKA_VALUE, Value::Secret(secret("0123456789abcdef"))),
    ]);
    let key = token.create_objects(vec![key], SessionHandle(1), Source::Generated).unwrap()[0];
    let traces = token.traces(key).unwrap();
    backend.fixed.store(true, Ordering::Relaxed);
    destruction::decide(&token, &Targets { handles: &[key], reason: "", due: 0 }).unwrap();
    let done = destruction::carry_out(&token, "the-key").unwrap();
    assert!(matches!(done.rewritten, Rewritten::Failed(_)), "{:?}", done.rewritten);
    assert!(token.object(key).is_err(), "the object is gone all the same");
    assert!(token.holds_any(&traces).unwrap());
    destruction::conclude(&token, &done, b"not confirmed").unwrap();
    let pending = destruction::pending(&token).unwrap();
    assert!(pending[0].removed.is_some());
    assert_eq!(destruction::undo(&token, "the-key"), Err(Error::ActionProhibited));

    backend.fixed.store(false, Ordering::Relaxed);
    let done = destruction::carry_out(&token, "the-key").unwrap();
    assert!(matches!(done.rewritten, Rewritten::Done { traces_left: false, .. }), "{:?}", done.rewritten);
    destruction::conclude(&token, &done, b"confirmed").unwrap();
    assert!(destruction::pending(&token).unwrap().is_empty());
    let certificate = destruction::certificate(&token, &done.pending.certificate).unwrap();
    assert_eq!(certificate.as_deref(), Some(&b"confirmed"[..]));
    assert!(!token.holds_any(&traces).unwrap());
}
