//! `coffer migrate` from files, and `import` of files with several keys. Tokens of SoftHSM2 and other modules are the matter of
//! tests/clients/migrate.sh, for which SoftHSM2 must be installed; what is read of its files, of the library's own tests.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Home, Run, openssl};

/// Two private keys and a certificate of the second in one PEM file.
fn several_keys(home: &Home) -> String {
    let first = openssl(&["genpkey", "-algorithm", "ED25519"], b"");
    let second = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], b"");
    let key = home.write("second.pem", &second);
    let certificate =
        openssl(&["req", "-x509", "-new", "-key", &key, "-subj", "/CN=second", "-days", "300"], b"");
    home.write("keys.pem", &[first, second, certificate].concat())
}

fn ids(document: &Value, class: &str) -> BTreeSet<String> {
    let objects = document["objects"].as_array().unwrap().iter();
    objects
        .filter(|object| object["type"] == class)
        .map(|object| object["id"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn each_key_of_a_file_gets_an_id_of_its_own_that_its_certificate_shares() {
    let home = Home::with_token();
    let file = several_keys(&home);
    let imported = home.json(&["import", &file, "--json"]);
    let private = ids(&imported, "private");
    assert_eq!(private.len(), 2, "{imported}");
    assert_eq!(ids(&imported, "public"), private);
    assert!(ids(&imported, "cert").is_subset(&private));
    assert!(private.iter().all(|id| id.len() == 40));
    // The ids follow from the keys: a second import finds them taken.
    assert!(home.fails(&["import", &file]).contains("the id"));
    let one = home.fails(&["import", &file, "--id", "01"]);
    assert!(one.contains("2 private keys") && one.contains("leave --id out"), "{one}");
}

#[test]
fn a_file_is_migrated_after_a_plan_and_a_second_run_makes_nothing() {
    let home = Home::with_token();
    let file = several_keys(&home);
    let plan = home.json(&["migrate", "--from", &file, "--dry-run", "--json"]);
    assert_eq!((&plan["moved"], &plan["dry_run"]), (&5.into(), &true.into()), "{plan}");
    assert_eq!(home.json(&["list", "--json"])["objects"], serde_json::json!([]));
    assert!(home.fails(&["migrate", "--from", &file]).contains("There is no terminal to ask at"));
    let done = home.json(&["migrate", "--from", &file, "--yes", "--json"]);
    assert_eq!(done["moved"], 5);
    assert_eq!(ids(&home.json(&["list", "--json"]), "private"), ids(&plan, "private"));
    let again = home.json(&["migrate", "--from", &file, "--yes", "--json"]);
    assert_eq!((&again["moved"], &again["present"]), (&0.into(), &5.into()));
    let listed = home.json(&["list", "--type", "private", "--json"]);
    let closed = |object: &Value| object["sensitive"] == true && object["extractable"] == false;
    assert!(listed["objects"].as_array().unwrap().iter().all(closed), "{listed}");
}

#[test]
fn a_pkcs12_file_is_migrated_with_its_passphrase() {
    let home = Home::with_token();
    let key = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
    let key = home.write("key.pem", &key);
    let certificate = openssl(&["req", "-x509", "-new", "-key", &key, "-subj", "/CN=x", "-days", "300"], b"");
    let certificate = home.write("certificate.pem", &certificate);
    let bag =
        openssl(&["pkcs12", "-export", "-inkey", &key, "-in", &certificate, "-passout", "pass:word"], b"");
    let bag = home.write("web.p12", &bag);
    let run = |passphrase: &str| {
        let mut command = home.command(&["migrate", "--from", &bag, "--yes", "--json"]);
        Run::from(command.env("COFFER_PASSPHRASE", passphrase).output().unwrap())
    };
    let wrong = run("wrong");
    assert!(wrong.code == 1 && wrong.err.contains("does not open"), "{}", wrong.err);
    let right = run("word");
    assert_eq!(right.code, 0, "{}{}", right.out, right.err);
    let document: Value = serde_json::from_str(&right.out).unwrap();
    assert_eq!(document["moved"], 3);
    assert_eq!(ids(&document, "cert"), ids(&document, "private"));
    assert!(document["objects"].as_array().unwrap().iter().all(|object| object["label"] == "web"));
}

/// The module is Coffer's own, which cargo has built beside this test.
#[test]
fn what_restricts_a_key_and_does_not_come_over_from_a_module_is_told() {
    let module = std::env::current_exe().unwrap().with_file_name("libcoffer_pkcs11.so");
    let home = Home::with_token();
    home.ok(&["init", "there"]);
    let generate = ["generate", "aes:256", "free", "--exportable", "--token", "mine"];
    home.ok(&generate);
    home.ok(&["generate", "aes:256", "dated", "--exportable", "--cryptoperiod", "90d", "--token", "mine"]);
    home.ok(&["generate", "aes:256", "leaked", "--exportable", "--token", "mine"]);
    home.ok(&["key", "state", "leaked", "compromise", "--reason", "seen", "--yes", "--token", "mine"]);
    let from = format!("pkcs11:token=mine?module-path={}", module.display());
    let arguments = ["migrate", "--token", "there", "--from", &from, "--dry-run", "--json"];
    let mut command = home.command(&arguments);
    let run = Run::from(command.env("COFFER_SOURCE_PIN", crate::PIN).output().unwrap());
    let plan: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}{}", run.out, run.err));
    let notes = |label: &str| {
        let objects = plan["objects"].as_array().unwrap();
        objects.iter().find(|object| object["label"] == label).unwrap()["notes"][0].clone()
    };
    assert_eq!(notes("free"), Value::Null, "{plan}");
    assert!(notes("dated").as_str().unwrap().contains("CKA_COFFER_PROTECT_STOP_DATE"), "{plan}");
    assert_eq!(notes("leaked"), "without CKA_COFFER_STATE", "{plan}");
}

#[test]
fn a_source_that_is_none_is_told_with_what_to_do() {
    let home = Home::with_token();
    for (source, text) in [
        ("", "softhsm2:FOLDER"),
        ("pkcs11:token=x", "module-path="),
        ("pkcs11:token=x?module-path=/nowhere.so", "/nowhere.so is no PKCS#11 module"),
        ("none.pem", "cannot be read"),
        ("softhsm2:/nowhere", "directories.tokendir"),
    ] {
        let error = home.fails(&["migrate", "--from", source]);
        assert!(error.contains(text), "{source}: {error}");
    }
}
