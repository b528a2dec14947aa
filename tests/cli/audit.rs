//! What was told of a token, as `coffer audit` shows and verifies it.

use std::fs;

use crate::Home;

const LOG: &str = "tokens/token-0.coffer.audit";

/// A token with a log, in which a key was made and used up to be deleted.
fn audited() -> (Home, String) {
    let home = Home::empty();
    let made = home.json(&["init", "mine", "--audit", "--json"]);
    let first_key = home.write("first-key", made["audit_first_key"].as_str().unwrap().as_bytes());
    home.ok(&["generate", "aes:256", "data"]);
    home.ok(&["delete", "data", "--yes"]);
    (home, first_key)
}

#[test]
fn what_happened_is_shown_with_who_did_it_and_exported_for_programs() {
    let (home, _) = audited();
    let shown = home.ok(&["audit", "show"]);
    for what in ["token-initialised", "pin-set", "audit-enabled", "generated", "destroyed", "logged-in"] {
        assert!(shown.contains(what), "{what} in {shown}");
    }
    assert!(shown.contains("coffer[") && shown.contains("user"), "{shown}");
    let made = home.json(&["audit", "show", "--json", "--key", "data", "--what", "generated"]);
    let entries = made["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["key"]), (1, &"data".into()));
    let lines = home.ok(&["audit", "export", "--what", "destroyed"]);
    let line: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!(
        (&line["what"], &line["program"], &line["role"]),
        (&"destroyed".into(), &"coffer".into(), &"user".into())
    );
    let out = home.argument("audit.csv");
    home.ok(&["audit", "export", "--format", "csv", "--out", &out]);
    assert!(fs::read_to_string(&out).unwrap().starts_with("number,event,time,what"));
    assert!(home.fails(&["audit", "export", "--out", &out]).contains("audit.csv"));
    assert!(home.fails(&["audit", "show", "--what", "nothing"]).contains("there are: token-initialised"));
}

#[test]
fn an_untouched_log_is_verified_and_prints_an_anchor_that_an_older_copy_does_not_reach() {
    let (home, first_key) = audited();
    let older = [LOG, "tokens/token-0.coffer"].map(|name| (name, fs::read(home.path(name)).unwrap()));
    let said = home.ok(&["audit", "verify", "--first-key", &first_key]);
    assert!(said.contains("holds together") && !said.contains("note:"), "{said}");
    home.ok(&["generate", "aes:256", "later"]);
    let json = home.json(&["audit", "verify", "--json", "--first-key", &first_key]);
    assert_eq!((&json["codes_verified"], &json["compared_with_token"]), (&true.into(), &true.into()));
    let anchor = json["anchor"].as_str().unwrap();
    home.ok(&["audit", "verify", "--anchor", anchor]);
    for (name, contents) in older {
        home.write(name, &contents);
    }
    home.ok(&["audit", "verify", "--first-key", &first_key, "--log-only"]);
    let found = home.run(&["audit", "verify", "--anchor", anchor]);
    assert!(found.code == 2 && found.out.contains("the anchor is of"), "{}{}", found.out, found.err);
}

#[test]
fn a_changed_a_cut_and_a_missing_log_end_with_exit_code_two() {
    let (home, first_key) = audited();
    let whole = fs::read(home.path(LOG)).unwrap();
    let mut changed = whole.clone();
    let last = changed.len() - 100;
    changed[last] ^= 1;
    home.write(LOG, &changed);
    let found = home.run(&["audit", "verify", "--log-only"]);
    assert!(found.code == 2 && found.out.contains("First bad record"), "{}{}", found.out, found.err);
    home.write(LOG, &whole[..whole.len() - 300]);
    let found = home.run(&["audit", "verify", "--log-only", "--first-key", &first_key]);
    assert!(found.code == 2 && found.out.contains("cut off"), "{}{}", found.out, found.err);
    fs::remove_file(home.path(LOG)).unwrap();
    let found = home.run(&["audit", "verify"]);
    assert!(found.code == 2 && found.err.contains("is gone"), "{}{}", found.out, found.err);
    let doctor = home.run(&["doctor"]);
    assert!(doctor.code == 3 && doctor.out.contains("the audit log"), "{}{}", doctor.out, doctor.err);
    home.write(LOG, &fs::read(audited().0.path(LOG)).unwrap());
    let doctor = home.run(&["doctor"]);
    assert!(doctor.out.contains("is not the audit log that its token names"), "{}{}", doctor.out, doctor.err);
}

#[test]
fn without_a_log_the_events_of_the_token_file_are_shown_and_a_log_can_be_begun() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--audit=none"]);
    home.ok(&["generate", "aes:256", "data"]);
    let shown = home.json(&["audit", "show", "--json"]);
    assert_eq!((&shown["log"], shown["entries"].as_array().unwrap().len()), (&false.into(), 3));
    assert!(home.fails(&["audit", "verify"]).contains("has no audit log"));
    let enabled = home.json(&["audit", "enable", "--json", "--mode", "events"]);
    assert_eq!(enabled["first_key"].as_str().unwrap().len(), 64);
    let again = home.json(&["audit", "enable", "--json", "--mode", "uses", "--required"]);
    assert!(again["first_key"].is_null());
    home.ok(&["audit", "verify"]);
    assert!(home.ok(&["audit", "show"]).contains("generated"), "the log begins with the first event");
}

#[test]
fn a_first_key_that_is_sealed_to_an_auditor_is_shown_to_nobody_and_opens_with_the_private_key() {
    let home = Home::empty();
    for name in ["auditor", "other"] {
        home.ok(&["recovery", "recipient", &home.argument(name)]);
    }
    let public = home.argument("auditor.pub");
    let made = home.json(&["init", "mine", "--audit", "--seal-to", &public, "--json"]);
    assert!(made["audit_first_key"].is_null() && made["audit_sealed_to"][0].is_string(), "{made}");
    home.ok(&["generate", "aes:256", "data"]);
    let said = home.ok(&["audit", "verify", "--key", &home.argument("auditor")]);
    assert!(said.contains("holds together") && !said.contains("note:"), "{said}");
    // The auditor has a copy of the log, and neither the token nor a PIN.
    let copy = home.write("copy.audit", &fs::read(home.path(LOG)).unwrap());
    let elsewhere = Home::empty();
    let key = home.argument("auditor");
    let verify = elsewhere.bare().args(["audit", "verify", "--file", &copy, "--key", &key]).output().unwrap();
    assert!(verify.status.success(), "{verify:?}");
    let shown = elsewhere.json(&["audit", "show", "--file", &copy, "--what", "first-key-sealed", "--json"]);
    assert_eq!(shown["entries"].as_array().unwrap().len(), 1);
    let refused = home.fails(&["audit", "verify", "--key", &home.argument("other")]);
    assert!(refused.contains("is not sealed to this private key"), "{refused}");
    let refused = home.fails(&["audit", "verify", "--key", &public]);
    assert!(refused.contains("COFFER RECIPIENT KEY"), "{refused}");
    let refused = home.fails(&["audit", "enable", "--seal-to", &public]);
    assert!(refused.contains("is there already"), "{refused}");
    // A byte of a record that is changed is found all the same, and named.
    let mut changed = fs::read(home.path(LOG)).unwrap();
    changed[2000] ^= 1;
    home.write(LOG, &changed);
    let found = home.run(&["audit", "verify", "--key", &key]);
    assert!(found.code == 2 && found.out.contains("First bad record: 2"), "{}{}", found.out, found.err);
}

#[test]
fn a_new_token_has_a_log_of_events_unless_told_otherwise_and_keeps_the_log_of_the_one_before() {
    let home = Home::empty();
    let made = home.json(&["init", "mine", "--json"]);
    assert_eq!((&made["audit"], made["audit_first_key"].as_str().unwrap().len()), (&"events".into(), 64));
    home.ok(&["generate", "aes:256", "data"]);
    let wrong = home.command(&["list", "--login"]).env("COFFER_PIN", "9999").output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(home.ok(&["audit", "show", "--what", "login-failed"]).contains("user"));
    // The token is initialised anew, and the log tells of it.
    let said = home.ok(&["init", "again", "--slot", "0", "--yes"]);
    assert!(said.contains("token-0.coffer.audit") && !said.contains("First key"), "{said}");
    let shown = home.ok(&["audit", "show"]);
    assert!(shown.contains("login-failed") && shown.matches("token-initialised").count() == 2, "{shown}");
    home.ok(&["audit", "verify"]);
    // Another token in its place.
    let older = fs::read(home.path(LOG)).unwrap();
    let said = home.ok(&["delete", "--entire-token", "--token", "again", "--yes"]);
    assert!(said.contains("Its audit log stays"), "{said}");
    let said = home.ok(&["init", "other"]);
    assert!(said.contains("An older log that was there is kept as"), "{said}");
    home.ok(&["audit", "verify"]);
    let names = fs::read_dir(home.path("tokens")).unwrap().map(|entry| entry.unwrap().path());
    let kept = names.into_iter().find(|path| fs::read(path).unwrap().starts_with(&older[..512])).unwrap();
    home.ok(&["audit", "verify", "--file", kept.to_str().unwrap()]);
    let bare = Home::empty();
    let made = bare.json(&["init", "mine", "--audit=none", "--json"]);
    assert!(made["audit"].is_null() && !bare.path(LOG).exists(), "{made}");
    assert!(bare.fails(&["init", "x", "--audit=none", "--seal-to", "y"]).contains("no first key to seal"));
}
