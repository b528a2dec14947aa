//! A token holds its keys to their states and dates, whatever function asks (docs/lifecycle.md). The time is set by the test.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::clock::Clock;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{Value, attribute};
use coffer_pkcs11::policy::{Mode, Profile};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{ObjectHandle, Settings, SlotId, padded};

use common::{SO_PIN, USER_PIN, config, secret, template};

/// 2026-11-24 00:00:00 UTC.
const TODAY: u64 = 1_795_478_400;

/// A token of a mode in a folder of its own, with a clock that the test sets.
struct World {
    _folder: tempfile::TempDir,
    module: Module,
    time: Arc<AtomicU64>,
}

impl World {
    fn new(lifecycle: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicU64::new(TODAY));
        let mut config = config(&folder);
        config.clock = Clock::set_to(Arc::clone(&time));
        let module = Module::new(config);
        let settings = Settings { lifecycle, ..Settings::default() };
        module
            .init_token_as(SlotId(0), &secret(SO_PIN), padded("test"), Profile::Compatible, settings)
            .unwrap();
        let session = common::open(&module, SlotId(0), true);
        session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        session.init_pin(&secret(USER_PIN)).unwrap();
        session.logout().unwrap();
        module.close_session(session.handle()).unwrap();
        Self { _folder: folder, module, time }
    }

    fn session(&self) -> Arc<Session> {
        common::user_session(&self.module)
    }

    fn set_time(&self, seconds: u64) {
        self.time.store(seconds, Ordering::Relaxed);
    }
}

fn aes_key(session: &Session, more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> ObjectHandle {
    let mut attributes = vec![(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_TOKEN, Value::Bool(true))];
    attributes.extend_from_slice(more);
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&attributes)).unwrap()
}

fn read(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value, Error> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}

#[test]
fn the_header_names_the_attributes_as_the_library_does() {
    let header = include_str!("../include/coffer.h");
    let named = header.lines().filter_map(|line| line.strip_prefix("#define CKA_COFFER_"));
    let mut count = 0;
    for line in named {
        let (name, value) = line.split_once(' ').unwrap();
        let number = value.split_once('|').unwrap().1.split_once("UL").unwrap().0.trim();
        let info = attribute::by_name(&format!("CKA_COFFER_{name}")).unwrap();
        assert_eq!(info.id, COFFER_VENDOR_DEFINED | number.parse::<u64>().unwrap(), "{name}");
        count += 1;
    }
    let known = attribute::all().iter().filter(|info| info.name.starts_with("CKA_COFFER_"));
    assert_eq!(count, known.count());
}

#[test]
fn a_key_past_its_end_date_still_decrypts_and_encrypts_no_more() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_END_DATE, common::bytes(b"20261124"))]);
    let encrypts =
        || session.encrypt_init(CKM_AES_ECB, &Params::None, key).inspect(|_| session.encrypt_cancel());
    world.set_time(TODAY + 86_399);
    assert_eq!(encrypts(), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_STATE), Ok(Value::Ulong(2)));
    world.set_time(TODAY + 86_400);
    assert_eq!(encrypts(), Err(Error::KeyFunctionNotPermitted));
    assert_eq!(session.decrypt_init(CKM_AES_ECB, &Params::None, key), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_STATE), Ok(Value::Ulong(4)));
    assert_eq!(read(&session, key, CKA_COFFER_CREATION_DATE), Ok(Value::Ulong(TODAY)));
    assert_eq!(read(&session, key, CKA_COFFER_OWNER), Err(Error::AttributeTypeInvalid));
}

#[test]
fn a_token_that_warns_lets_the_use_happen_and_tells_of_it_once() {
    let world = World::new(Mode::Warn);
    let session = world.session();
    let key = aes_key(&session, &[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY))]);
    for _ in 0..2 {
        session.encrypt_init(CKM_AES_ECB, &Params::None, key).unwrap();
        session.encrypt_cancel();
    }
    assert_eq!(world.module.token(SlotId(0)).unwrap().concerns().len(), 1);
}

#[test]
fn templates_may_not_give_what_is_the_token_s_and_dates_become_only_tighter() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let state = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_COFFER_STATE, Value::Ulong(2))]);
    assert_eq!(
        session.generate_key(CKM_AES_KEY_GEN, &Params::None, &state).err(),
        Some(Error::AttributeReadOnly)
    );
    let key = aes_key(&session, &[(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 100))]);
    let set = |id, value| session.set_attribute_values(key, &template(&[(id, value)]));
    assert_eq!(set(CKA_COFFER_STATE, Value::Ulong(2)), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 101)), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_END_DATE, common::bytes(b"20991231")), Ok(()));
    assert_eq!(set(CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 99)), Ok(()));
    assert_eq!(set(CKA_COFFER_OWNER, common::bytes("Zoë".as_bytes())), Ok(()));
    assert_eq!(read(&session, key, CKA_COFFER_OWNER), Ok(common::bytes("Zoë".as_bytes())));
}

#[test]
fn a_copy_keeps_the_dates_and_a_key_with_a_limit_has_no_copies() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let stop = (CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + 100));
    let key = aes_key(&session, std::slice::from_ref(&stop));
    world.set_time(TODAY + 50);
    let copy = session.copy_object(key, &template(&[])).unwrap();
    assert_eq!(read(&session, copy, stop.0), Ok(stop.1.clone()));
    assert_eq!(read(&session, copy, CKA_COFFER_CREATION_DATE), Ok(Value::Ulong(TODAY + 50)));
    let later = template(&[(stop.0, Value::Ulong(TODAY + 101))]);
    assert_eq!(session.copy_object(key, &later).err(), Some(Error::AttributeReadOnly));
    let limited = aes_key(&session, &[(CKA_COFFER_USE_LIMIT, Value::Ulong(3))]);
    assert_eq!(session.copy_object(limited, &template(&[])).err(), Some(Error::ActionProhibited));
}
