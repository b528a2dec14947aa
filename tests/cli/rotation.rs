//! New keys in the place of old ones, and wrapped keys under new ones.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{SearchTemplate, Template, Value};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::SlotId;

use crate::{Home, Run};

/// 2026-11-24 00:00:00 UTC.
const TODAY: u64 = 1_795_478_400;
const DAY: u64 = 86_400;

/// Runs the tool at a time.
fn at(home: &Home, time: u64, arguments: &[&str]) -> Run {
    Run::from(home.command(arguments).env("COFFER_FAKE_TIME", time.to_string()).output().unwrap())
}

#[test]
fn a_new_root_key_leaves_keys_and_pins_as_they_are_and_is_counted() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "one", "--id", "01"]);
    let before = home.ok(&["list", "--json", "--login"]);
    let file = std::fs::read(home.path("tokens/token-0.coffer")).unwrap();
    // The two halves of the pair, and the time that the token keeps.
    let said = home.ok(&["rotate", "root-key", "mine"]);
    assert!(said.contains("root key number 2") && said.contains("3 records stay"), "{said}");
    let json = home.json(&["rotate", "root-key", "--so", "--json"]);
    assert_eq!((&json["schema"], &json["root_key_version"]), (&"coffer.rotate-root-key".into(), &3.into()));
    assert_eq!(home.ok(&["list", "--json", "--login"]), before);
    home.ok(&["verify"]);
    assert_ne!(std::fs::read(home.path("tokens/token-0.coffer")).unwrap(), file);
    let wrong = home.command(&["rotate", "root-key"]).env("COFFER_PIN", "9999").output().unwrap();
    assert!(!wrong.status.success());
}

#[test]
fn a_pair_gets_a_successor_under_its_label_and_only_the_newest_is_rotated() {
    let home = Home::with_token();
    home.ok(&["generate", "ec:P-256", "web", "--id", "01"]);
    let dry = home.run(&["rotate", "key", "web", "--dry-run"]);
    assert!(dry.code == 3 && dry.out.contains("would be rotated"), "{}{}", dry.out, dry.err);
    assert_eq!(home.json(&["list", "--json", "--login"])["objects"].as_array().unwrap().len(), 2);
    let json = home.json(&["rotate", "key", "web", "--json", "--reason", "yearly"]);
    let key = &json["keys"][0];
    assert_eq!((&json["schema"], &key["version"]), (&"coffer.rotate-key".into(), &2.into()));
    assert_eq!((&key["old"]["id"], &key["new"][0]["kind"]), (&"01".into(), &"ec:P-256".into()));
    assert_ne!(key["new"][0]["id"], "01");
    assert_eq!(key["new"].as_array().unwrap().len(), 2);
    // By its label the key is still found: the one without a successor.
    let said = home.ok(&["rotate", "key", "web", "--keep-id"]);
    assert!(said.contains("Made version 3 of `web`"), "{said}");
    let error = home.fails(&["rotate", "key", "web", "--id", "01"]);
    assert!(error.contains("has a successor"), "{error}");
    let error = home.fails(&["rotate", "key", "web", "--id", "01", "--type", "public"]);
    assert!(error.contains("no private or secret key"), "{error}");
    assert!(home.fails(&["rotate", "key", "nobody"]).contains("no object that fits"));
}

#[test]
fn a_timer_rotates_what_is_due_and_exit_codes_tell_it_what_was() {
    let home = Home::with_token();
    let run = at(&home, TODAY, &["generate", "aes:256", "data"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let run = at(&home, TODAY, &["rotate", "key", "data", "--period", "90d"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let none = at(&home, TODAY + 59 * DAY, &["rotate", "--due", "--within", "30d"]);
    assert!(none.code == 0 && none.out.contains("No key of token `mine` is due"), "{}", none.out);
    let later = TODAY + 61 * DAY;
    let dry = at(&home, later, &["rotate", "--due", "--within", "30d", "--dry-run", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&dry.out).unwrap();
    assert_eq!(
        (dry.code, &json["dry_run"], &json["keys"][0]["old"]["label"]),
        (3, &true.into(), &"data".into())
    );
    assert_eq!(json["keys"][0]["protect_stop"], "2027-02-22T00:00:00Z");
    let run = at(&home, later, &["rotate", "--due", "--within", "30d"]);
    assert!(run.code == 0 && run.out.contains("Made version 3 of `data`"), "{}{}", run.out, run.err);
    let again = at(&home, later, &["rotate", "--due", "--within", "30d"]);
    assert!(again.out.contains("No key of token `mine` is due"), "{}", again.out);
    assert!(home.fails(&["rotate", "--due", "--within", "soon"]).contains("no length of time"));
}

#[test]
fn a_one_time_password_key_is_not_rotated_and_the_reason_is_told() {
    let home = Home::with_token();
    with_session(&home, |session| {
        let mut template = Template::new();
        let attributes = [
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_LABEL, Value::Bytes(b"door".to_vec())),
            (CKA_OTP_LENGTH, Value::Ulong(6)),
            (CKA_VALUE_LEN, Value::Ulong(20)),
            (CKA_COFFER_PROTECT_STOP_DATE, Value::Ulong(TODAY + DAY)),
        ];
        for (attribute, value) in attributes {
            template.push_value(attribute, value).unwrap();
        }
        session.generate_key(CKM_HOTP_KEY_GEN, &Params::None, &template).unwrap();
    });
    let error = home.fails(&["rotate", "key", "door"]);
    assert!(error.contains("one-time-password key") && error.contains("coffer key state"), "{error}");
    let due = at(&home, TODAY + 2 * DAY, &["rotate", "--due"]);
    assert!(due.code == 3 && due.out.contains("`door` was NOT rotated"), "{}{}", due.out, due.err);
    home.ok(&["key", "state", "door", "deactivate", "--yes"]);
    assert_eq!(at(&home, TODAY + 2 * DAY, &["rotate", "--due"]).code, 0);
}

/// What an application does with the token of the home.
fn with_session<T>(home: &Home, work: impl FnOnce(&Session) -> T) -> T {
    let module = Module::new(Config::with_home(home.path("tokens")));
    let handle = module.open_session(SlotId(0), CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap();
    let session = module.session(handle).unwrap();
    session.login(CKU_USER, &Secret::copy_of(crate::PIN.as_bytes())).unwrap();
    work(&session)
}

fn wrapped(session: &Session, by: &str, key: &str) -> Vec<u8> {
    let find = |label: &str| {
        let mut search = SearchTemplate::new();
        search.push(CKA_LABEL, label.as_bytes()).unwrap();
        session.token().find(&search).unwrap()[0]
    };
    let mut wrapped = vec![0; 256];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, find(by), find(key), &mut output).unwrap();
    let length = output.length();
    wrapped.truncate(length);
    wrapped
}

#[test]
fn wrapped_keys_in_files_are_moved_and_no_file_is_replaced_unasked() {
    let home = Home::with_token();
    home.ok(&["generate", "aes:256", "old-kek", "--uses", "unwrap"]);
    home.ok(&["generate", "rsa:2048", "new-kek", "--uses", "unwrap"]);
    home.ok(&["generate", "aes:256", "data", "--extractable"]);
    let wrap = |by: &str| with_session(&home, |session| wrapped(session, by, "data"));
    let blob = home.write("data.bin", &wrap("old-kek"));
    home.ok(&["generate", "aes:256", "newer-kek", "--uses", "unwrap"]);
    std::fs::create_dir(home.path("moved")).unwrap();
    let moved = home.argument("moved");
    let said = home.ok(&["rewrap", &blob, "--from", "old-kek", "--to", "newer-kek", "--out", &moved]);
    assert!(said.contains("wrapped under `newer-kek` now"), "{said}");
    let moved = std::fs::read(home.path("moved/data.bin")).unwrap();
    assert!(moved == wrap("newer-kek"), "AES-KWP is deterministic");
    home.ok(&["rewrap", &blob, "--from", "old-kek", "--to", "new-kek", "--in-place"]);
    let under_rsa = std::fs::read(home.path("data.bin")).unwrap();
    assert_eq!(under_rsa.len(), 256 + 40, "an RSA block, and the key under AES-KWP");
    home.ok(&["rewrap", &blob, "--from", "new-kek", "--to", "newer-kek", "--in-place"]);
    assert_eq!(std::fs::read(home.path("data.bin")).unwrap(), moved);

    // What is not a wrapped key is refused, and nothing is written.
    let junk = home.write("junk.bin", &[7; 24]);
    std::fs::create_dir(home.path("out")).unwrap();
    let out = home.argument("out");
    let arguments = ["rewrap", &junk, "--from", "old-kek", "--to", "new-kek", "--out", &out];
    let error = home.fails(&arguments);
    assert!(error.contains("junk.bin was not rewrapped"), "{error}");
    assert!(!home.path("out/junk.bin").exists());
    assert!(home.fails(&["rewrap", &junk, "--from", "old-kek", "--to", "new-kek"]).contains("--out"));
    let error = home.fails(&["rewrap", &junk, "--from", "nobody", "--to", "new-kek", "--in-place"]);
    assert!(error.contains("no object that fits"), "{error}");
}

#[test]
fn a_label_stands_for_the_newest_version_of_a_key() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "zone", "--id", "01"]);
    home.ok(&["rotate", "key", "zone"]);
    // The first version only verifies by now.
    assert!(home.ok(&["explain", "zone", "--op", "sign"]).contains("may sign"));
    assert_eq!(home.run(&["explain", "zone", "--id", "01", "--op", "sign"]).code, 4);
    let newest = home.ok(&["export", "zone"]);
    assert_ne!(home.ok(&["export", "zone", "--id", "01"]), newest);
    // Where versions are not it, all that fit are named.
    home.ok(&["generate", "ed25519", "zone", "--id", "03"]);
    let said = home.fails(&["export", "zone"]);
    assert!(said.contains("2 keys fit:") && said.contains("id=%03"), "{said}");
}
