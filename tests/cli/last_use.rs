//! When keys were last used, as `coffer list` tells it, and where it says that nobody knows.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::SearchTemplate;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::Output;
use coffer_pkcs11::token::SlotId;

use crate::{Home, PIN};

/// Signs with a key, as an application does.
fn sign(home: &Home, label: &str) {
    let mut config = Config::with_home(home.path("tokens"));
    config.pin.kdf_iterations = 10_000;
    let module = Module::new(config);
    let session = module.open_session(SlotId(0), CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap();
    let session = module.session(session).unwrap();
    session.login(CKU_USER, &Secret::copy_of(PIN.as_bytes())).unwrap();
    let mut search = SearchTemplate::new();
    search.push(CKA_LABEL, label.as_bytes()).unwrap();
    search.push(CKA_CLASS, &CKO_PRIVATE_KEY.to_ne_bytes()).unwrap();
    session.find_init(&search).unwrap();
    let key = session.find(1).unwrap()[0];
    session.find_final().unwrap();
    session.sign_init(CKM_EDDSA, &Params::None, key).unwrap();
    session.sign(b"a message", &mut Output::buffer(&mut [0; 64])).unwrap();
    session.logout().unwrap();
}

/// `last_used` and `last_used_from` of a private key.
fn last_use(home: &Home, label: &str) -> (bool, String) {
    let listed = home.json(&["list", "--login", "--json"]);
    let objects = listed["objects"].as_array().unwrap();
    let key = objects.iter().find(|object| object["label"] == label && object["type"] == "private").unwrap();
    (key["last_used"].is_string(), key["last_used_from"].as_str().unwrap().to_owned())
}

fn told(home: &Home, label: &str) -> String {
    let listed = home.ok(&["list", "--login"]);
    let line = |line: &&str| line.contains(label) && line.contains("private");
    listed.lines().find(line).unwrap_or_else(|| panic!("{listed}")).to_owned()
}

#[test]
fn without_a_limit_and_a_log_of_uses_nobody_knows_and_the_list_says_so() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "plain"]);
    sign(&home, "plain");
    assert_eq!(last_use(&home, "plain"), (false, "not-recorded".into()));
    assert!(!home.ok(&["list", "--login"]).contains("last used"), "the column has nothing to say");

    home.ok(&["generate", "ed25519", "limited"]);
    home.ok(&["key", "set", "limited", "--use-limit", "1000"]);
    assert_eq!(last_use(&home, "limited"), (false, "limit".into()));
    assert!(told(&home, "limited").contains("no use told"));
    assert!(told(&home, "plain").contains("not recorded"));
    sign(&home, "limited");
    assert_eq!(last_use(&home, "limited"), (true, "limit".into()));
}

#[test]
fn a_log_of_uses_tells_of_every_key_when_it_was_last_used() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--audit", "uses"]);
    home.ok(&["generate", "ed25519", "busy"]);
    home.ok(&["generate", "ed25519", "idle"]);
    sign(&home, "busy");
    assert_eq!(last_use(&home, "busy"), (true, "audit-log".into()));
    assert_eq!(last_use(&home, "idle"), (false, "audit-log".into()));
    assert!(told(&home, "idle").contains("no use told"));
    // What was told stays known when no more is told; of the others nothing is known any more.
    home.ok(&["settings", "set", "--audit", "events"]);
    sign(&home, "idle");
    assert_eq!(last_use(&home, "busy"), (true, "audit-log".into()));
    assert_eq!(last_use(&home, "idle"), (false, "not-recorded".into()));
    assert!(home.ok(&["list", "--login", "--csv"]).contains(",not-recorded\n"));
    assert!(home.ok(&["list", "--login", "--cbom"]).contains("coffer:last-used-from"));
}
