//! The spelling of softhsm2-util: what scripts written for it do and read.

use std::process::Command;

use crate::{Home, Run, exists, openssl};

/// Runs the spelling without any PIN in the environment.
fn util(home: &Home, arguments: &[&str]) -> Run {
    Run::from(home.bare().arg("softhsm2-util").args(arguments).output().unwrap())
}

const INIT: &[&str] = &["--init-token", "--free", "--label", "old", "--pin", "1234", "--so-pin", "5678"];

#[test]
fn a_script_makes_a_token_and_reads_its_slot() {
    let home = Home::empty();
    let run = util(&home, INIT);
    assert_eq!(
        (run.code, run.out.as_str()),
        (
            0,
            "Slot 0 has a free/uninitialized token.\nThe token has been initialized and is reassigned to slot 0\n"
        ),
        "{}",
        run.err
    );
    assert!(run.err.contains("warning: a PIN on the command line"));
    let slots = util(&home, &["--show-slots"]);
    for line in ["Available slots:\n", "Slot 0\n", "Slot 1\n", "    Token info:\n"] {
        assert!(slots.out.contains(line), "{line}: {}", slots.out);
    }
    for line in [
        format!("        Label:            {:<32}\n", "old"),
        "        Initialized:      yes\n".into(),
        "        User PIN init.:   yes\n".into(),
        "        Initialized:      no\n".into(),
    ] {
        assert!(slots.out.contains(&line), "{line}: {}", slots.out);
    }
    assert!(slots.err.is_empty());
}

#[test]
fn a_token_is_initialised_anew_by_slot_label_and_serial() {
    let home = Home::empty();
    util(&home, INIT);
    let again = util(
        &home,
        &["--init-token", "--token", "old", "--label", "new", "--pin", "4321", "--so-pin", "5678"],
    );
    assert_eq!(
        again.out,
        "Found slot 0 with matching token label.\nThe token has been initialized and is reassigned to slot 0\n",
        "{}",
        again.err
    );
    let wrong =
        util(&home, &["--init-token", "--slot", "0", "--label", "x", "--pin", "4321", "--so-pin", "9999"]);
    assert!(wrong.code == 1 && wrong.err.contains("CKR_PIN_INCORRECT"), "{}", wrong.err);
    let slot =
        util(&home, &["--init-token", "--slot", "99", "--label", "x", "--pin", "4321", "--so-pin", "5678"]);
    assert!(slot.code == 1 && slot.err.contains("CKR_SLOT_ID_INVALID"), "{}", slot.err);
    let empty = util(
        &home,
        &["--init-token", "--slot", "1", "--label", "second", "--pin", "4321", "--so-pin", "5678"],
    );
    assert_eq!(empty.code, 0, "{}", empty.err);
}

#[test]
fn pins_from_the_environment_need_no_warning() {
    let home = Home::empty();
    let run = home.run(&["softhsm2-util", "--init-token", "--free", "--label", "quiet"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn a_key_pair_is_imported_and_its_id_not_given_twice() {
    let home = Home::empty();
    util(&home, INIT);
    let key = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
    let file = home.write("key.pem", &key);
    let import = ["--import", &file, "--token", "old", "--label", "zone", "--id", "A1B2", "--pin", "1234"];
    let run = util(&home, &import);
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Found slot 0 with matching token label.\nThe key pair has been imported.\n"),
        "{}",
        run.err
    );
    let twice = util(&home, &import);
    assert!(twice.code == 1 && twice.err.contains("--force"), "{}", twice.err);
    assert_eq!(util(&home, &[&import[..], &["--force"]].concat()).code, 0);
    let list = home.json(&["list", "zone", "--json"]);
    assert_eq!(list["objects"].as_array().unwrap().len(), 4);
    assert_eq!(list["objects"][0]["id"], "a1b2");

    let sealed = openssl(&["pkcs8", "-topk8", "-in", &file, "-passout", "pass:hush"], b"");
    let sealed = home.write("sealed.pem", &sealed);
    let arguments = [
        "--import",
        &sealed,
        "--slot",
        "0",
        "--label",
        "sealed",
        "--id",
        "03",
        "--pin",
        "1234",
        "--file-pin",
        "hush",
    ];
    let run = util(&home, &[&arguments[..], &["--no-public-key"]].concat());
    assert_eq!((run.code, run.out.as_str()), (0, "The key pair has been imported.\n"), "{}", run.err);
    assert_eq!(home.json(&["list", "sealed", "--json"])["objects"].as_array().unwrap().len(), 1);

    let aes = home.write("aes", &[1; 16]);
    let run = util(
        &home,
        &["--import", &aes, "--aes", "--token", "old", "--label", "aes", "--id", "04", "--pin", "1234"],
    );
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(home.ok(&["list"]).contains("aes:128"));
}

#[test]
fn what_is_missing_or_wrong_is_exit_code_one() {
    let home = Home::empty();
    util(&home, INIT);
    let file = home.write("key", b"no key");
    for (arguments, reason) in [
        (&["--init-token", "--free", "--pin", "1234", "--so-pin", "5678"][..], "--label"),
        (
            &["--init-token", "--label", "x", "--pin", "1234", "--so-pin", "5678"],
            "--slot, --token or --serial",
        ),
        (&["--import", &file, "--token", "old", "--id", "01", "--pin", "1234"], "--label"),
        (&["--import", &file, "--token", "old", "--label", "x", "--pin", "1234"], "--id"),
        (
            &["--import", &file, "--token", "none", "--label", "x", "--id", "01", "--pin", "1234"],
            "there is no token",
        ),
        (
            &["--import", &file, "--token", "old", "--label", "x", "--id", "01", "--pin", "1234"],
            "no key or certificate",
        ),
        (&["--delete-token", "--token", "none"], "there is no token"),
        (&["--delete-token"], "--token or --serial"),
        (&["--show-slots", "--version"], "more than one action"),
        (&["--bogus"], "--bogus"),
    ] {
        let run = util(&home, arguments);
        assert!(run.code == 1 && run.err.contains(reason), "{arguments:?}: {} {}", run.code, run.err);
    }
    let usage = util(&home, &[]);
    assert!(usage.code == 1 && usage.out.contains("--init-token"), "{}", usage.out);
    let wrong = util(
        &home,
        &["--import", &file, "--aes", "--token", "old", "--label", "x", "--id", "01", "--pin", "9999"],
    );
    assert_eq!(wrong.code, 1);
}

#[test]
fn a_token_is_deleted() {
    let home = Home::empty();
    util(&home, INIT);
    let run = util(&home, &["--delete-token", "--token", "old"]);
    let path = home.path("tokens/token-0.coffer");
    assert_eq!(
        (run.code, run.out),
        (
            0,
            format!(
                "Found slot 0 with matching token label.\nThe token ({}) has been deleted.\n",
                path.display()
            )
        )
    );
    assert!(!exists(&path));
}

#[test]
fn the_name_of_a_link_is_enough() {
    let home = Home::empty();
    let link = home.path("softhsm2-util");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_coffer"), &link).unwrap();
    let output =
        Command::new(&link).arg("--version").env("COFFER_HOME", home.path("tokens")).output().unwrap();
    assert_eq!(Run::from(output).out, format!("{}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_usage_says_what_the_tool_is_for() {
    let home = Home::empty();
    let run = home.run(&["softhsm2-util"]);
    assert!(run.code == 1 && (run.out + &run.err).contains("Makes, shows and deletes tokens"));
}
