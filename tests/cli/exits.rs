//! The exit codes that `coffer --help` and docs/coffer.md tell, each of a command that ends with it.

use std::fs;

use crate::{Home, Run};

const TOKEN: &str = "tokens/token-0.coffer";

fn ends_with(code: i32, run: &Run) {
    assert_eq!(run.code, code, "{}{}", run.out, run.err);
}

#[test]
fn every_documented_exit_code_is_that_of_a_command() {
    let home = Home::empty();
    ends_with(0, &home.run(&["init", "mine"]));
    ends_with(0, &home.run(&["generate", "aes:256", "data", "--uses", "decrypt"]));

    // Not done, and a wrong call.
    let nobody = home.run(&["delete", "nobody", "--yes"]);
    ends_with(1, &nobody);
    assert!(nobody.err.starts_with("error: ") && nobody.err.contains("advice: "), "{}", nobody.err);
    ends_with(1, &home.run(&["generate", "--no-such-option"]));

    // Something wants attention: a rotation would have something to do.
    ends_with(3, &home.run(&["rotate", "key", "data", "--dry-run"]));

    ends_with(4, &home.run(&["explain", "data", "--op", "sign"]));
    ends_with(0, &home.run(&["explain", "data", "--op", "decrypt"]));

    // One share of two.
    let (folder, backup) = (home.argument("shares"), home.argument("all.backup"));
    let people =
        ["--shares", "2", "--threshold", "2", "--custodian", "Alice", "--custodian", "Bob", "--out", &folder];
    ends_with(0, &home.run(&[&["recovery", "create"], &people[..]].concat()));
    ends_with(0, &home.run(&["backup", "create", &backup]));
    ends_with(0, &home.run(&["init", "restored"]));
    let share = format!("{folder}/share-1-Alice.txt");
    ends_with(5, &home.run(&["backup", "restore", &backup, "--into", "restored", "--share", &share]));

    // A bit of the token file, and one of the log.
    for (file, command) in [
        ("tokens/token-0.coffer.audit", &["audit", "verify", "--token", "mine", "--log-only"][..]),
        (TOKEN, &["verify", "mine"]),
    ] {
        let mut bytes = fs::read(home.path(file)).unwrap();
        let at = bytes.len() - 200;
        bytes[at] ^= 1;
        fs::write(home.path(file), bytes).unwrap();
        ends_with(2, &home.run(command));
    }
}

#[test]
fn the_help_tells_every_exit_code() {
    let help = Home::empty().ok(&["--help"]);
    let codes = help.split_once("Exit codes:").unwrap().1;
    for code in ["0 done", "1 not done", "2 a token", "3 done, but", "4 the use", "5 fewer"] {
        assert!(codes.contains(code), "{code} in {codes}");
    }
}
