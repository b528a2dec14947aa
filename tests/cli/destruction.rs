//! The end of keys: plan, waiting period, undo, certificate.

use serde_json::Value;

use crate::{Home, Run};

/// 2026-11-24 00:00:00 UTC.
const TODAY: u64 = 1_795_478_400;
const DAY: u64 = 86_400;

fn at(home: &Home, time: u64, arguments: &[&str]) -> Run {
    Run::from(home.command(arguments).env("COFFER_FAKE_TIME", time.to_string()).output().unwrap())
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// A token with a pair `web`, and the unique id of its private key.
fn with_web() -> (Home, String) {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "web", "--id", "01"]);
    let list = home.json(&["list", "web", "--type", "private", "--json", "--login"]);
    let id = list["objects"][0]["unique_id"].as_str().unwrap().to_owned();
    (home, id)
}

#[test]
fn nothing_is_destroyed_without_a_label_typed_or_a_unique_id() {
    let (home, id) = with_web();
    let before = std::fs::read(home.path("tokens/token-0.coffer")).unwrap();
    let error = home.fails(&["destroy", "web"]);
    assert!(error.contains("To be destroyed:") && error.contains("no terminal"), "{error}");
    assert!(home.fails(&["destroy", "web", "--yes"]).contains("--unique-id"));
    let another = home.fails(&["destroy", "web", "--unique-id", "another", "--yes"]);
    assert!(another.contains("no key with the unique id another"), "{another}");
    assert!(home.fails(&["destroy", "--yes", "--unique-id", ""]).contains("no key"));
    // A login writes its count, at the head of the file; the records are the same.
    assert_eq!(std::fs::read(home.path("tokens/token-0.coffer")).unwrap()[2048..], before[2048..]);
    assert!(!id.is_empty());
}

#[test]
fn a_key_waits_is_given_back_and_is_destroyed_when_its_time_has_come() {
    let (home, id) = with_web();
    let destroy =
        ["destroy", "web", "--unique-id", &id, "--yes", "--json", "--wait", "7d", "--reason", "old"];
    let waits = json(&at(&home, TODAY, &destroy));
    assert_eq!(waits["waiting"][0]["due"], "2026-12-01T00:00:00Z");
    assert_eq!(waits["plans"][0]["objects"].as_array().unwrap().len(), 2);
    let list = at(&home, TODAY, &["destroy", "--list"]);
    assert!(list.out.contains("`web` will be destroyed at 2026-12-01"), "{}", list.out);
    let undo: Vec<&str> = list.out.trim().split("Until then: coffer ").nth(1).unwrap().split(' ').collect();
    let undone = at(&home, TODAY, &undo);
    assert!(undone.out.contains("`web` is again what it was"), "{}{}", undone.out, undone.err);
    assert_eq!(home.fails(&["destroy", "web", "--undo"]).lines().count(), 2);

    json(&at(&home, TODAY, &destroy));
    let early = json(&at(&home, TODAY + 6 * DAY, &["destroy", "--due", "--json"]));
    assert_eq!(
        (early["certificates"].as_array().unwrap().len(), early["waiting"][0]["keys"][0].as_str()),
        (0, Some("web"))
    );
    std::fs::create_dir(home.path("out")).unwrap();
    let out = home.argument("out");
    let due = at(&home, TODAY + 7 * DAY, &["destroy", "--due", "--certificates", &out]);
    assert!(due.code == 0 && due.out.contains("Certificate of destruction"), "{}{}", due.out, due.err);
    assert!(
        due.out.contains("NOT confirmed:") && due.out.contains("older copies of the token file"),
        "{}",
        due.out
    );
    assert_eq!(home.json(&["list", "--json", "--login"])["objects"].as_array().unwrap().len(), 0);
    home.ok(&["verify"]);

    // The certificate verifies, outside too, and not when a word of it was changed.
    let file = std::fs::read_dir(home.path("out")).unwrap().next().unwrap().unwrap().path();
    let name = file.to_str().unwrap();
    let verified = home.json(&["destroy", "verify", name, "--json"]);
    let key = verified["public_key"].as_str().unwrap().to_owned();
    assert_eq!(verified["certificate"]["reason"], "old");
    home.ok(&["destroy", "verify", name, "--public-key", &key]);
    let tampered = std::fs::read_to_string(&file).unwrap().replace("\"old\"", "\"new\"");
    let tampered = home.write("tampered.json", tampered.as_bytes());
    let run = home.run(&["destroy", "verify", &tampered]);
    assert!(run.code == 2 && run.err.contains("signature is wrong"), "{}", run.err);
    let run = home.run(&["destroy", "verify", name, "--public-key", &"11".repeat(32)]);
    assert!(run.code == 2 && run.err.contains("another key"), "{}", run.err);
    let id = verified["certificate"]["id"].as_str().unwrap();
    let kept: Value = serde_json::from_str(&home.ok(&["destroy", "certificate", id])).unwrap();
    assert_eq!(kept, verified["certificate"]);
    // Its public key is what `info` says, after a login.
    let info = home.json(&["info", "--json", "--token", "mine", "--login"]);
    assert_eq!(info["tokens"][0]["certificate_key"], key.as_str());
}

/// A destruction that could not be finished has left one, and is tried again.
#[test]
fn an_earlier_certificate_makes_room_for_that_of_the_same_destruction() {
    let (home, id) = with_web();
    let waits = at(&home, TODAY, &["destroy", "web", "--unique-id", &id, "--yes", "--json", "--wait", "1d"]);
    let certificate = json(&waits)["waiting"][0]["certificate"].as_str().unwrap().to_owned();
    std::fs::create_dir(home.path("out")).unwrap();
    let file = home.write(&format!("out/{certificate}.json"), b"of the first try");
    let out = home.argument("out");
    json(&at(&home, TODAY + DAY, &["destroy", "--due", "--json", "--certificates", &out]));
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["id"], certificate.as_str());
    assert_eq!(std::fs::read_dir(home.path("out")).unwrap().count(), 1);
}

#[test]
fn a_token_with_a_waiting_period_says_how_long_it_is() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--destruction-wait", "7d"]);
    home.ok(&["generate", "aes:256", "data"]);
    let list = home.json(&["list", "data", "--json", "--login"]);
    let id = list["objects"][0]["unique_id"].as_str().unwrap().to_owned();
    let error = home.fails(&["destroy", "--unique-id", &id, "--yes", "--now"]);
    assert!(error.contains("sooner than the token allows") && error.contains("--wait 168h"), "{error}");
    assert!(home.fails(&["delete", "data", "--yes"]).contains("coffer destroy"));
    home.ok(&["destroy", "--unique-id", &id, "--yes", "--wait", "168h"]);
}

#[test]
fn the_signature_is_over_the_canonical_form_and_openssl_agrees() {
    let (home, id) = with_web();
    let report = home.json(&["destroy", "--unique-id", &id, "--yes", "--now", "--json"]);
    let mut certificate = report["certificates"][0].clone();
    let signature = certificate.as_object_mut().unwrap().remove("signature").unwrap();
    let bytes = |name: &str| hex::decode(signature[name].as_str().unwrap()).unwrap();
    // serde_json keeps the names in order: what it prints without blanks is the canonical form.
    home.write("text", serde_json::to_string(&certificate).unwrap().as_bytes());
    home.write("signature", &bytes("value"));
    let prefix = hex::decode("302a300506032b6570032100").unwrap();
    home.write("key.der", &[prefix, bytes("public_key")].concat());
    let (key, signature, text) =
        (home.argument("key.der"), home.argument("signature"), home.argument("text"));
    let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &key, "-rawin", "-in", &text];
    crate::openssl(&[&verify[..], &["-sigfile", &signature]].concat(), b"");
}

#[test]
fn copies_are_listed_confirmed_and_told_in_the_certificate() {
    let home = Home::with_token();
    home.ok(&["generate", "ec:P-256", "web", "--exportable"]);
    let list = home.json(&["list", "web", "--type", "private", "--json", "--login"]);
    let id = list["objects"][0]["unique_id"].as_str().unwrap().to_owned();
    assert!(home.ok(&["key", "copies", "web"]).contains("No copy is known of"));
    let pem = home.argument("web.pem");
    home.ok(&["export", "web", "--type", "private", "--out", &pem]);
    let copies = home.json(&["key", "copies", "web", "--json"]);
    assert_eq!((&copies["outstanding"], &copies["copies"][0]["means"]), (&1.into(), &"exported".into()));
    assert!(copies["copies"][0]["place"].as_str().unwrap().contains("web.pem"));
    home.ok(&["export", "web", "--type", "public", "--out", &home.argument("public.pem")]);
    assert_eq!(home.json(&["key", "copies", "web", "--json"])["outstanding"], 1);
    home.ok(&["key", "copies", "web", "--confirm-destroyed", "1", "--note", "shredded"]);
    assert_eq!(home.json(&["key", "copies", "web", "--json"])["outstanding"], 0);
    assert!(home.fails(&["key", "copies", "web", "--confirm-destroyed", "1"]).contains("confirmed before"));
    let report = home.json(&["destroy", "--unique-id", &id, "--yes", "--now", "--json"]);
    let told = |part: &str| report["certificates"][0][part].to_string();
    assert!(told("confirmed").contains("web.pem") && told("confirmed").contains("shredded"));
    assert!(told("not_confirmed").contains("every program that logged in could read it"));
    // What is known of a key's copies outlives it.
    let after = home.json(&["key", "copies", "--unique-id", &id, "--json"]);
    assert_eq!(after["copies"][0]["may_exist"], false);
    assert!(after["copies"][0]["status"].as_str().unwrap().ends_with("shredded"));
}

#[test]
fn nothing_is_destroyed_whose_certificate_has_no_place() {
    let (home, id) = with_web();
    let place = home.write("no-folder", b"");
    let error = home.fails(&["destroy", "--unique-id", &id, "--yes", "--now", "--certificates", &place]);
    assert!(error.contains("nothing was changed"), "{error}");
    home.ok(&["key", "state", "web"]);
    let folder = home.argument("certificates/of/keys");
    home.ok(&["destroy", "--unique-id", &id, "--yes", "--now", "--certificates", &folder]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn keys_that_are_gone_are_listed_with_their_certificates() {
    let (home, id) = with_web();
    assert!(home.ok(&["list", "--state", "destroyed"]).contains("remembers no key that was destroyed"));
    assert!(home.ok(&["destroy", "--due"]).contains("No destruction is due."));
    home.ok(&["generate", "aes:256", "deleted"]);
    home.ok(&["delete", "deleted", "--yes"]);
    home.ok(&["destroy", "--unique-id", &id, "--yes", "--now", "--reason", "old"]);
    let table = home.ok(&["list", "--state", "destroyed"]);
    assert!(table.contains("deleted") && table.contains("none") && table.contains(&id), "{table}");
    let listed = home.json(&["list", "web", "--type", "private", "--state", "destroyed", "--json"]);
    let keys = listed["destroyed"].as_array().unwrap();
    assert_eq!((keys.len(), &keys[0]["reason"]), (1, &"old".into()));
    let certificate = home.ok(&["destroy", "certificate", keys[0]["certificate"].as_str().unwrap()]);
    assert!(certificate.contains(&id), "{certificate}");
    assert!(home.fails(&["list", "--state", "destroyed", "--csv"]).contains("--json"));
}
