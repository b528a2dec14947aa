//! Sessions, logins and objects under a model checker: the threads of a test come to every lock in another order each time
//! (scripts/model.sh). No deadlock, no lost session, no lost object, and nothing of a login after its logout.
//!
//! COFFER_CAMPAIGN=full tries many more orders; COFFER_SEED makes another random choice.

use std::sync::{Arc, OnceLock};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread;

use crate::ck::*;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::object::{SearchTemplate, Template};
use crate::policy::{Profile, Role};
use crate::secret::Secret;
use crate::store::MemoryBackend;
use crate::token::{Identity, ObjectHandle, SessionHandle, Settings, SlotId, Token, padded};

use super::{Output, Session, SessionTable};

const SLOT: SlotId = SlotId(0);
/// The private key in the token file.
const KEPT: &[u8] = b"kept";
/// A session object of a test.
const PASSING: &[u8] = b"passing";

/// How many orders are tried of each test.
fn orders() -> usize {
    let whole = std::env::var_os("COFFER_CAMPAIGN").is_some_and(|campaign| campaign == "full");
    if whole { 3_000 } else { 150 }
}

fn seed() -> u64 {
    std::env::var("COFFER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20261)
}

fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) {
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 20;
    shuttle::Runner::new(scheduler, config).run(test);
}

/// Tries the test in many orders: half of them by chance, half with few but adverse changes of the running thread.
fn try_orders(test: impl Fn(&Application) + Send + Sync + 'static) {
    prepare();
    let test = Arc::new(test);
    let (first, second) = (Arc::clone(&test), test);
    run(RandomScheduler::new_from_seed(seed(), orders() / 2), move || first(&Application::open()));
    run(PctScheduler::new_from_seed(seed(), 3, orders() / 2), move || second(&Application::open()));
    println!("model: {} orders", orders());
}

fn config() -> Arc<Config> {
    let mut config = Config::with_home("/nowhere");
    config.pin.kdf_iterations = 10_000;
    Arc::new(config)
}

fn pin() -> Secret {
    Secret::copy_of(b"user-1234")
}

/// The file of a token with one private key.
fn image() -> &'static OnceLock<Vec<u8>> {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    &IMAGE
}

fn prepare() {
    if image().get().is_some() {
        return;
    }
    run(RandomScheduler::new_from_seed(1, 1), || {
        let backend = Arc::new(MemoryBackend::new());
        let so_pin = Secret::copy_of(b"so-123456");
        let (label, serial) = (padded("t"), padded("1"));
        let (profile, settings) = (Profile::Compatible, Settings::default());
        let identity = Identity { slot: SLOT, label, serial, profile, settings };
        let token = Arc::new(Token::create(backend.clone(), config(), &identity, &so_pin).unwrap());
        let table = Arc::new(SessionTable::default());
        let application = Application { table, token };
        let session = application.session();
        session.login(CKU_SO, &so_pin).unwrap();
        session.init_pin(&pin()).unwrap();
        session.logout().unwrap();
        session.login(CKU_USER, &pin()).unwrap();
        session.create_object(&key(KEPT, true)).unwrap();
        let _ = image().set(backend.contents().unwrap());
    });
}

/// A private HMAC key.
fn key(label: &[u8], in_file: bool) -> Template {
    let mut template = Template::new();
    for (attribute, value) in [
        (CKA_CLASS, CKO_SECRET_KEY.to_ne_bytes().as_slice()),
        (CKA_KEY_TYPE, CKK_GENERIC_SECRET.to_ne_bytes().as_slice()),
        (CKA_TOKEN, &[u8::from(in_file)]),
        (CKA_PRIVATE, &[CK_TRUE]),
        (CKA_SENSITIVE, &[CK_FALSE]),
        (CKA_LABEL, label),
        (CKA_VALUE, b"0123456789abcdef"),
        (CKA_SIGN, &[CK_TRUE]),
    ] {
        template.push(attribute, value).unwrap();
    }
    template
}

fn change(attribute: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Template {
    let mut template = Template::new();
    template.push(attribute, value).unwrap();
    template
}

/// The token and the sessions of one process.
struct Application {
    table: Arc<SessionTable>,
    token: Arc<Token>,
}

impl Application {
    fn open() -> Self {
        let backend = Arc::new(MemoryBackend::with_contents(image().get().unwrap().clone()));
        let token = Arc::new(Token::open(backend, config()).unwrap());
        Self { table: Arc::default(), token }
    }

    fn open_session(&self) -> Result<SessionHandle> {
        self.table.open(SLOT, Arc::clone(&self.token), config(), true, false)
    }

    fn session(&self) -> Arc<Session> {
        self.table.session(self.open_session().unwrap()).unwrap()
    }

    fn find(&self, label: &[u8]) -> Vec<ObjectHandle> {
        let mut search = SearchTemplate::new();
        search.push(CKA_LABEL, label).unwrap();
        self.token.find(&search).unwrap()
    }

    /// What must be true whenever nothing is running.
    fn check(&self) {
        let open = self.table.of_slot(SLOT).len() as u64;
        assert_eq!(self.token.session_counts(), (open, open), "sessions are counted rightly");
        assert!(open > 0 || self.token.role() == Role::Public, "the last session logs out");
        let kept = self.find(KEPT).len();
        assert_eq!(
            kept,
            usize::from(self.token.role() == Role::User),
            "the key is seen by whom it should be"
        );
    }
}

fn sign(session: &Session) -> Result<()> {
    session.sign(b"data", &mut Output::buffer(&mut [0; 32]))
}

fn is_one_of(result: Result<()>, errors: &[Error]) {
    if let Err(error) = result {
        assert!(errors.contains(&error), "{error:?}");
    }
}

/// What a session says that another thread has closed.
const CLOSED: [Error; 2] = [Error::SessionHandleInvalid, Error::SessionClosed];

#[test]
fn sessions_open_work_and_close_while_others_close_all() {
    for everything in [false, true] {
        try_orders(move |application| {
            let opened = thread::scope(|scope| {
                scope.spawn(|| {
                    let handle = application.open_session().unwrap();
                    let digest = || {
                        let session = application.table.session(handle)?;
                        session.digest_init(CKM_SHA256, &Params::None)?;
                        session.digest(b"data", &mut Output::buffer(&mut [0; 32]))
                    };
                    is_one_of(digest(), &[CLOSED[0], CLOSED[1], Error::OperationNotInitialized]);
                    is_one_of(application.table.close(handle), &CLOSED);
                });
                scope.spawn(|| {
                    if everything {
                        application.table.close_all()
                    } else {
                        application.table.close_slot(SLOT)
                    }
                });
                scope.spawn(|| application.open_session().unwrap()).join().unwrap()
            });
            application.check();
            // A session that nobody has closed is there: it was opened after the others were closed.
            if application.table.session(opened).is_err() {
                assert!(application.table.of_slot(SLOT).is_empty());
            }
            application.table.close_all();
            application.check();
        });
    }
}

#[test]
fn a_login_does_not_outlive_the_last_session() {
    try_orders(|application| {
        let session = application.session();
        thread::scope(|scope| {
            scope.spawn(|| is_one_of(session.login(CKU_USER, &pin()), &CLOSED));
            scope.spawn(|| application.table.close_slot(SLOT));
        });
        application.check();
    });
}

#[test]
fn a_login_is_not_ended_by_the_close_of_earlier_sessions() {
    try_orders(|application| {
        let first = application.session();
        first.login(CKU_USER, &pin()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| application.table.close(first.handle()).unwrap());
            scope.spawn(|| {
                let session = application.session();
                is_one_of(session.login(CKU_USER, &pin()), &[Error::UserAlreadyLoggedIn]);
                // Where the first session is closed by now, this login is ours.
                if application.table.session(first.handle()).is_err()
                    && application.token.role() == Role::User
                {
                    assert_eq!(application.find(KEPT).len(), 1);
                }
            });
        });
        application.check();
    });
}

#[test]
fn a_login_after_a_logout_sees_all_objects() {
    try_orders(|application| {
        let (first, second) = (application.session(), application.session());
        first.login(CKU_USER, &pin()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| first.logout().unwrap());
            scope.spawn(|| is_one_of(second.login(CKU_USER, &pin()), &[Error::UserAlreadyLoggedIn]));
            scope.spawn(|| drop(application.find(KEPT)));
        });
        application.check();
    });
}

#[test]
fn a_private_session_object_does_not_survive_a_logout() {
    try_orders(|application| {
        let (first, second) = (application.session(), application.session());
        first.login(CKU_USER, &pin()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let made = first.create_object(&key(PASSING, false)).map(drop);
                is_one_of(made, &[Error::UserNotLoggedIn]);
            });
            scope.spawn(|| second.logout().unwrap());
        });
        application.check();
        second.login(CKU_USER, &pin()).unwrap();
        assert!(application.find(PASSING).is_empty());
    });
}

#[test]
fn no_key_is_used_after_the_logout() {
    try_orders(|application| {
        let (first, second) = (application.session(), application.session());
        first.login(CKU_USER, &pin()).unwrap();
        let key = application.find(KEPT)[0];
        thread::scope(|scope| {
            scope.spawn(|| {
                let start = first.sign_init(CKM_SHA256_HMAC, &Params::None, key);
                is_one_of(start, &[Error::KeyHandleInvalid, Error::UserNotLoggedIn]);
            });
            scope.spawn(|| {
                second.logout().unwrap();
                is_one_of(sign(&first), &[Error::OperationNotInitialized]);
            });
        });
        assert_eq!(sign(&first), Err(Error::OperationNotInitialized));
        application.check();
    });
}

#[test]
fn of_two_changes_of_a_session_object_none_is_lost() {
    try_orders(|application| {
        let session = application.session();
        session.login(CKU_USER, &pin()).unwrap();
        let object = session.create_object(&key(PASSING, false)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| session.set_attribute_values(object, &change(CKA_SENSITIVE, &[CK_TRUE])).unwrap());
            scope.spawn(|| session.set_attribute_values(object, &change(CKA_LABEL, b"changed")).unwrap());
        });
        assert_eq!(application.find(b"changed"), [object]);
        assert!(application.token.object(object).unwrap().is_true(CKA_SENSITIVE));
    });
}

#[test]
fn a_change_does_not_bring_a_destroyed_object_back() {
    try_orders(|application| {
        let session = application.session();
        session.login(CKU_USER, &pin()).unwrap();
        let object = session.create_object(&key(PASSING, false)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let changed = session.set_attribute_values(object, &change(CKA_LABEL, b"changed"));
                is_one_of(changed, &[Error::ObjectHandleInvalid]);
            });
            scope.spawn(|| session.destroy_object(object).unwrap());
        });
        assert!(application.token.object(object).is_err());
    });
}

#[test]
fn an_object_of_a_session_ends_with_it() {
    try_orders(|application| {
        let (first, second) = (application.session(), application.session());
        second.login(CKU_USER, &pin()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| is_one_of(first.create_object(&key(PASSING, false)).map(drop), &CLOSED));
            scope.spawn(|| application.table.close(first.handle()).unwrap());
        });
        application.check();
        assert!(application.find(PASSING).is_empty());
    });
}
