//! Separation of duties (docs/roles.md), through the sessions of applications.

mod common;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::lifecycle::approval::{self, ParticipantKey, Refusal};
use coffer_pkcs11::lifecycle::backup::{self, NewSet};
use coffer_pkcs11::lifecycle::state::{self, Step};
use coffer_pkcs11::lifecycle::{copies, destruction, settings};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::policy::{Control, Controlled, Function, Role};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{ObjectHandle, Settings, SlotId};
use common::{Fixture, SO_PIN, USER_PIN, bytes, data, find_label, open, secret, template};

const ACCOUNT_PIN: &str = "pin-of-an-account";

fn yes(attribute: CK_ATTRIBUTE_TYPE) -> (CK_ATTRIBUTE_TYPE, Value) {
    (attribute, Value::Bool(true))
}

fn no(attribute: CK_ATTRIBUTE_TYPE) -> (CK_ATTRIBUTE_TYPE, Value) {
    (attribute, Value::Bool(false))
}

fn label(text: &str) -> (CK_ATTRIBUTE_TYPE, Value) {
    (CKA_LABEL, bytes(text.as_bytes()))
}

/// A token with a user, an account of each role called as the role is, and objects to try things with.
struct Bench {
    fixture: Fixture,
    session: Arc<Session>,
}

fn officer(session: &Session, work: impl FnOnce()) {
    session.login(CKU_SO, &secret(SO_PIN)).unwrap();
    work();
    session.logout().unwrap();
}

impl Bench {
    fn new() -> Self {
        let fixture = Fixture::new();
        let session = fixture.open(SlotId(0), true);
        officer(&session, || {
            for role in Role::NAMED {
                session.add_account(role.name(), role, &secret(ACCOUNT_PIN)).unwrap();
            }
        });
        session.login(CKU_USER, &secret(USER_PIN)).unwrap();
        let bench = Self { fixture, session };
        bench.fill();
        bench.session.logout().unwrap();
        bench
    }

    fn fill(&self) {
        let session = &self.session;
        let uses =
            [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE].map(yes);
        let key =
            [yes(CKA_TOKEN), yes(CKA_EXTRACTABLE), no(CKA_SENSITIVE), (CKA_VALUE_LEN, Value::Ulong(16))];
        for (name, private) in [("private key", true), ("public object's key", false)] {
            let wanted = [&uses[..], &key, &[(CKA_PRIVATE, Value::Bool(private)), label(name)]].concat();
            session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&wanted)).unwrap();
        }
        session.create_object(&data("private data", true, true)).unwrap();
        session.create_object(&data("public data", true, false)).unwrap();
        let p_256 = bytes(&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
        let public = template(&[yes(CKA_TOKEN), label("ec public"), (CKA_EC_PARAMS, p_256)]);
        let private = template(&[yes(CKA_TOKEN), label("ec private")]);
        session.generate_key_pair(CKM_EC_KEY_PAIR_GEN, &Params::None, &public, &private).unwrap();
    }

    fn log_in(&self, role: Role) {
        log_in(&self.session, role);
    }

    /// The handles of the objects: for who is logged in, and where they are hidden, those that the user had.
    fn handles(&self) -> impl Fn(&str) -> ObjectHandle + use<> {
        self.session.login(CKU_USER, &secret(USER_PIN)).unwrap();
        let names =
            ["private key", "public object's key", "private data", "public data", "ec public", "ec private"];
        let found: Vec<_> = names.iter().map(|name| (*name, find_label(&self.session, name)[0])).collect();
        self.session.logout().unwrap();
        let session = Arc::clone(&self.session);
        move |name| {
            let seen = find_label(&session, name).first().copied();
            seen.unwrap_or_else(|| found.iter().find(|(known, _)| *known == name).unwrap().1)
        }
    }
}

fn log_in(session: &Session, role: Role) {
    match role {
        Role::Public => {}
        Role::SecurityOfficer => session.login(CKU_SO, &secret(SO_PIN)).unwrap(),
        Role::User => session.login(CKU_USER, &secret(USER_PIN)).unwrap(),
        role => session.login_user(CKU_USER, &secret(ACCOUNT_PIN), role.name().as_bytes()).unwrap(),
    }
}

fn value(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<()> {
    session.attribute_values(key, &[attribute])?.remove(0).map(|_| ())
}

fn iv() -> Params {
    Params::Bytes(vec![0; 16])
}

fn aes(private: bool, token: bool) -> Template {
    let place = [(CKA_PRIVATE, Value::Bool(private)), (CKA_TOKEN, Value::Bool(token))];
    template(&[&place[..], &[(CKA_VALUE_LEN, Value::Ulong(16))]].concat())
}

fn derived(token: bool) -> Template {
    let made = [(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET))];
    template(&[&made[..], &[yes(CKA_PRIVATE), (CKA_TOKEN, Value::Bool(token))]].concat())
}

fn unwrapped(token: bool) -> Template {
    let made = [(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_AES))];
    template(&[&made[..], &[yes(CKA_PRIVATE), (CKA_TOKEN, Value::Bool(token))]].concat())
}

fn wrap(session: &Session, key: ObjectHandle) -> Result<Vec<u8>> {
    let mut room = vec![0; 100];
    let mut output = Output::buffer(&mut room);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, key, key, &mut output)?;
    let length = output.length();
    room.truncate(length);
    Ok(room)
}

fn make_rules(session: &Session) -> Result<()> {
    let participants = ["alice", "bob"].map(|name| ParticipantKey::generate(name).unwrap().participant());
    let rules = [(Controlled::Policy, 1)].into();
    let control = Control { rules, participants: participants.into(), validity: 60 };
    approval::set_control(session.token(), Some(&control)).map_err(|refusal| match refusal {
        Refusal::Token(error) => error,
        other => panic!("{other}"),
    })
}

/// Does what a line of the table names. `wrapped`: a key wrapped under the private key.
fn attempt(bench: &Bench, operation: &str, of: &dyn Fn(&str) -> ObjectHandle, wrapped: &[u8]) -> Result<()> {
    let session = &bench.session;
    let private = of("private key");
    let generate = |template: &Template| session.generate_key(CKM_AES_KEY_GEN, &Params::None, template);
    let mac = |key| session.sign_init(CKM_AES_CMAC, &Params::None, key);
    let derive = |token| {
        let params = Params::Bytes(vec![7; 16]);
        session.derive_key(CKM_AES_ECB_ENCRYPT_DATA, &params, private, &[], &derived(token)).map(drop)
    };
    let unwrap = |token| {
        session.unwrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, private, wrapped, &unwrapped(token)).map(drop)
    };
    match operation {
        "find a private key" => match find_label(session, "private key").is_empty() {
            true => Err(Error::ObjectHandleInvalid),
            false => Ok(()),
        },
        "read an attribute of a private key" => value(session, private, CKA_LABEL),
        "read private data" => value(session, of("private data"), CKA_VALUE),
        "read the value of a private key that does not hide it" => value(session, private, CKA_VALUE),
        "read the value of a public object's key that does not hide it" => {
            value(session, of("public object's key"), CKA_VALUE)
        }
        "sign with a private key" => session.sign_init(CKM_ECDSA, &Params::None, of("ec private")),
        "encrypt with a private secret key" => session.encrypt_init(CKM_AES_CBC, &iv(), private),
        "decrypt with a private secret key" => session.decrypt_init(CKM_AES_CBC, &iv(), private),
        "verify with a private secret key" => session.verify_init(CKM_AES_CMAC, &Params::None, private),
        "digest a private secret key" => {
            session.digest_init(CKM_SHA256, &Params::None)?;
            let digested = session.digest_key(private);
            session.digest_cancel();
            digested
        }
        "sign with a public object's key" => mac(of("public object's key")),
        "verify with a public key" => session.verify_init(CKM_ECDSA, &Params::None, of("ec public")),
        "digest data" => session.digest_init(CKM_SHA256, &Params::None),
        "make a public session key" => generate(&aes(false, false)).map(drop),
        "make a private session key" => generate(&aes(true, false)).map(drop),
        "make a private token key" => generate(&aes(true, true)).map(drop),
        "make a public token object" => session.create_object(&data("made", true, false)).map(drop),
        "import a private session object" => session.create_object(&data("made", false, true)).map(drop),
        "import a private token object" => session.create_object(&data("made", true, true)).map(drop),
        "derive a private session key" => derive(false),
        "derive a private token key" => derive(true),
        "unwrap to a private session key" => unwrap(false),
        "unwrap to a private token key" => unwrap(true),
        "copy a private token key to the session" => {
            session.copy_object(private, &template(&[no(CKA_TOKEN)])).map(drop)
        }
        "change a private token key" => {
            session.set_attribute_values(private, &template(&[label("private key")]))
        }
        "change a public token object" => {
            session.set_attribute_values(of("public data"), &template(&[label("public data")]))
        }
        "destroy a private token key" => session.destroy_object(of("ec private")),
        "destroy a public token object" => session.destroy_object(of("ec public")),
        "wrap a private key" => wrap(session, private).map(drop),
        "set the user PIN" => session.init_pin(&secret(USER_PIN)),
        "change the settings" => {
            let wait = |settings: &mut Settings| settings.clock_tolerance += 1;
            settings::change(session.token(), None, wait).map(drop)
        }
        "add an account" => session.add_account("new", Role::Auditor, &secret(ACCOUNT_PIN)),
        "remove an account" => session.remove_account("custodian"),
        "make the rules of dual control" => make_rules(session),
        other => panic!("the test does not know how to {other}"),
    }
}

fn word(outcome: Result<()>) -> String {
    match outcome {
        Ok(()) => "yes".into(),
        Err(Error::UserNotLoggedIn) => "login".into(),
        Err(Error::ActionProhibited) => "prohibited".into(),
        Err(Error::AttributeSensitive) => "sensitive".into(),
        Err(Error::ObjectHandleInvalid | Error::KeyHandleInvalid | Error::UnwrappingKeyHandleInvalid) => {
            "hidden".into()
        }
        Err(Error::WrappingKeyHandleInvalid) => "hidden".into(),
        Err(other) => format!("{other:?}"),
    }
}

#[test]
fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let table =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/roles.tsv")).unwrap();
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    let roles: Vec<&str> = lines.next().unwrap().split('\t').skip(1).collect();
    assert_eq!(roles, Role::ALL.map(Role::name));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    let mut wrong = Vec::new();
    for (column, role) in Role::ALL.into_iter().enumerate() {
        let bench = Bench::new();
        let of = bench.handles();
        bench.session.login(CKU_USER, &secret(USER_PIN)).unwrap();
        let wrapped = wrap(&bench.session, of("private key")).unwrap();
        bench.session.logout().unwrap();
        bench.log_in(role);
        for row in &rows {
            let found = word(attempt(&bench, row[0], &of, &wrapped));
            bench.session.cancel(CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST).unwrap();
            if found != row[column + 1] {
                wrong.push(format!("{}, {}: {found}, not {}", role.name(), row[0], row[column + 1]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_of_the_roles_shows_the_table_of_the_code() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.md")).unwrap();
    for function in coffer_pkcs11::policy::Function::ALL {
        let cells = Role::ALL.map(|role| if role.may(function) { "yes" } else { "–" });
        let row = format!("| {} | {} |", function.name(), cells.join(" | "));
        assert!(page.contains(&row), "docs/roles.md lacks:\n{row}");
    }
}

#[test]
fn an_account_logs_in_with_its_name_and_pin_for_all_sessions_of_the_application() {
    let bench = Bench::new();
    let other = bench.fixture.open(SlotId(0), false);
    let session = &bench.session;
    session.login_user(CKU_USER, &secret(ACCOUNT_PIN), b"operator").unwrap();
    assert_eq!(session.info().state, CKS_RW_USER_FUNCTIONS);
    assert_eq!(other.info().state, CKS_RO_USER_FUNCTIONS);
    assert_eq!(find_label(&other, "private key").len(), 1);
    let again = |name: &[u8]| other.login_user(CKU_USER, &secret(ACCOUNT_PIN), name);
    assert_eq!(again(b"operator"), Err(Error::UserAlreadyLoggedIn));
    assert_eq!(again(b"auditor"), Err(Error::UserAnotherAlreadyLoggedIn));
    assert_eq!(other.login(CKU_USER, &secret(USER_PIN)), Err(Error::UserAnotherAlreadyLoggedIn));
    other.logout().unwrap();
    assert_eq!(session.info().state, CKS_RW_PUBLIC_SESSION);

    let log_in = |kind, pin: &str, name: &[u8]| session.login_user(kind, &secret(pin), name);
    assert_eq!(log_in(CKU_USER, USER_PIN, b"operator"), Err(Error::PinIncorrect));
    assert_eq!(log_in(CKU_USER, ACCOUNT_PIN, b"nobody"), Err(Error::UserTypeInvalid));
    assert_eq!(log_in(CKU_SO, ACCOUNT_PIN, b"operator"), Err(Error::UserTypeInvalid));
    assert_eq!(log_in(CKU_USER, SO_PIN, b"so"), Err(Error::UserTypeInvalid));
    assert_eq!(log_in(CKU_USER, USER_PIN, b"user"), Ok(()));
}

#[test]
fn wrong_pins_lock_the_account_alone_until_the_officer_gives_it_a_new_one() {
    let bench = Bench::new();
    let session = &bench.session;
    let log_in = |pin: &str| session.login_user(CKU_USER, &secret(pin), b"operator");
    for _ in 0..10 {
        assert_eq!(log_in("wrong pin"), Err(Error::PinIncorrect));
    }
    assert_eq!(log_in(ACCOUNT_PIN), Err(Error::PinLocked));
    session.login_user(CKU_USER, &secret(ACCOUNT_PIN), b"auditor").unwrap();
    session.logout().unwrap();
    officer(session, || session.reset_account_pin("operator", &secret("a new pin")).unwrap());
    assert_eq!(log_in("a new pin"), Ok(()));
    // C_SetPIN changes the PIN of who is logged in.
    session.set_pin(&secret("a new pin"), &secret("my own pin")).unwrap();
    session.logout().unwrap();
    assert_eq!(log_in("my own pin"), Ok(()));
    session.logout().unwrap();
    assert_eq!(session.login(CKU_USER, &secret(USER_PIN)), Ok(()));
}

#[test]
fn a_removed_account_is_logged_out_wherever_it_is() {
    let bench = Bench::new();
    let elsewhere = bench.fixture.second_module();
    let operator = open(&elsewhere, SlotId(0), true);
    operator.login_user(CKU_USER, &secret(ACCOUNT_PIN), b"operator").unwrap();
    let key = find_label(&operator, "private key")[0];
    officer(&bench.session, || bench.session.remove_account("operator").unwrap());
    assert!(find_label(&operator, "private key").is_empty());
    assert_eq!(operator.sign_init(CKM_AES_CMAC, &Params::None, key), Err(Error::KeyHandleInvalid));
    assert_eq!(operator.info().state, CKS_RW_PUBLIC_SESSION);
    let again = operator.login_user(CKU_USER, &secret(ACCOUNT_PIN), b"operator");
    assert_eq!(again, Err(Error::UserTypeInvalid));
    // Others go on.
    assert_eq!(bench.session.login_user(CKU_USER, &secret(ACCOUNT_PIN), b"auditor"), Ok(()));
}

#[test]
fn names_are_taken_once_and_have_letters_that_everybody_can_type() {
    let bench = Bench::new();
    let session = &bench.session;
    let add = |name: &str, role| session.add_account(name, role, &secret(ACCOUNT_PIN));
    officer(session, || {
        for name in ["", "so", "user", "two words", "naïve", "operator", &"x".repeat(33)] {
            assert_eq!(add(name, Role::Auditor), Err(Error::ArgumentsBad), "{name}");
        }
        assert_eq!(add("root", Role::SecurityOfficer), Err(Error::ArgumentsBad));
        assert_eq!(session.add_account("short", Role::Auditor, &secret("1")), Err(Error::PinLenRange));
        for number in 5..=14 {
            assert_eq!(add(&format!("a.b_c-d@{number}"), Role::Operator), Ok(()));
        }
        assert_eq!(add("one-more", Role::Operator), Err(Error::DeviceMemory));
    });
    let accounts = session.accounts().unwrap();
    assert_eq!(accounts.len(), 14);
    assert!(accounts.iter().any(|account| account.name == "a.b_c-d@7" && account.role == Role::Operator));
}

#[test]
fn the_state_of_a_key_is_decided_by_who_may_change_it_and_by_nobody_else() {
    for role in Role::NAMED.into_iter().chain([Role::User]) {
        let bench = Bench::new();
        let handle = bench.handles();
        bench.log_in(role);
        let decided =
            state::decide(bench.session.token(), handle("private key"), Step::Suspend, Some("lost"));
        match role {
            Role::User | Role::KeyManager => assert!(decided.is_ok(), "{role:?}: {decided:?}"),
            _ => assert!(decided.is_err(), "{role:?}"),
        }
        let clock = bench.session.token().accept_clock("set right");
        assert_eq!(clock.is_ok(), role.may(Function::Change), "{role:?}");
    }
}

/// Whose shares open the backups to come has their keys.
#[test]
fn a_recovery_set_is_made_by_who_may_export_keys_and_by_nobody_else() {
    let custodians = ["Mallory", "Mallory once more"].map(str::to_owned);
    for role in Role::ALL {
        let bench = Bench::new();
        bench.log_in(role);
        let token = bench.session.token();
        let kept = NewSet::make(token, 2, &custodians, 1_900_000_000).and_then(|set| set.keep(token));
        assert_eq!(kept.is_ok(), matches!(role, Role::User | Role::KeyManager), "{role:?}: {kept:?}");
        if role == Role::Public {
            continue;
        }
        let sets = backup::recovery_sets(token).unwrap();
        assert_eq!(sets.len(), usize::from(kept.is_ok()), "{role:?}");
    }
}

#[test]
fn that_copies_are_gone_and_a_destruction_is_off_says_who_may_end_keys_and_nobody_else() {
    for role in Role::NAMED.into_iter().chain([Role::User]) {
        let bench = Bench::new();
        let handle = bench.handles();
        bench.log_in(Role::User);
        let token = bench.session.token();
        let key = handle("private key");
        let targets = destruction::Targets { handles: &[key], reason: "", due: u64::MAX };
        let pending = destruction::decide(token, &targets).unwrap();
        state::decide(token, key, Step::Compromise, Some("seen")).unwrap();
        bench.session.logout().unwrap();
        bench.log_in(role);
        let unique_id = &pending.keys[0].unique_id;
        let ends = role.may(Function::Destroy);
        assert_eq!(copies::confirm_destroyed(token, unique_id, None, "burnt").is_ok(), ends, "{role:?}");
        let undone = destruction::undo(token, unique_id);
        assert_eq!(undone.is_ok(), ends, "{role:?}");
        assert!(ends || undone == Err(Error::ActionProhibited), "{role:?}: {undone:?}");
    }
}
