//! Tokens of `init --so-reset quorum`: the shares of a recovery set give the user a new PIN.

use crate::{Home, PIN, Run, SO_PIN};

const CUSTODIANS: [&str; 6] = ["--custodian", "Alice", "--custodian", "Bob", "--custodian", "Carol"];

fn files(home: &Home, folder: &str) -> [String; 3] {
    ["share-1-Alice.txt", "share-2-Bob.txt", "share-3-Carol.txt"]
        .map(|name| format!("{}/{name}", home.argument(folder)))
}

/// A token `mine` with a key, and the shares of its set: 2 of 3.
fn quorum_token() -> (Home, [String; 3]) {
    let home = Home::empty();
    let out = home.argument("shares");
    let init = ["init", "mine", "--so-reset", "quorum", "--threshold", "2", "--shares-to", &out];
    let made = home.ok(&[&init[..], &CUSTODIANS].concat());
    assert!(made.contains("Any 2 of 3 shares open its backups, and set a new user PIN."), "{made}");
    home.ok(&["generate", "aes:256", "data"]);
    let shares = files(&home, "shares");
    (home, shares)
}

/// A run with another PIN for the user.
fn with_pin(home: &Home, pin: &str, arguments: &[&str]) -> Run {
    let mut command = home.command(arguments);
    Run::from(command.env("COFFER_PIN", pin).output().unwrap())
}

/// `pin reset` without the officer's PIN, to this one.
fn reset(home: &Home, new: &str, arguments: &[&str]) -> Run {
    let mut command = home.command(&[&["pin", "reset"], arguments].concat());
    command.env_remove("COFFER_PIN").env_remove("COFFER_SO_PIN").env("COFFER_NEW_PIN", new);
    Run::from(command.output().unwrap())
}

#[test]
fn a_quorum_of_shares_sets_a_forgotten_user_pin_and_the_keys_stay() {
    let (home, shares) = quorum_token();
    for _ in 0..10 {
        assert_eq!(with_pin(&home, "9999", &["list", "--login"]).code, 1);
    }
    assert!(with_pin(&home, PIN, &["list", "--login"]).err.contains("locked"));
    let one = reset(&home, "4321", &["--share", &shares[1]]);
    assert_eq!(one.code, 5, "{}", one.err);
    assert!(one.err.contains("needs 2 shares, and 1 was given: Bob (number 2)"), "{}", one.err);
    assert!(one.err.contains("nothing was changed"), "{}", one.err);
    let done = reset(&home, "4321", &["--share", &shares[1], "--share", &shares[2]]);
    assert_eq!((done.code, done.out.as_str()), (0, "The user PIN of `mine` was set.\n"), "{}", done.err);
    let listed = with_pin(&home, "4321", &["list", "--login"]);
    assert!(listed.code == 0 && listed.out.contains("data"), "{}{}", listed.out, listed.err);
    assert!(home.json(&["info", "--json"])["tokens"][0]["user_pin"] == "set");
}

#[test]
fn shares_are_asked_for_one_after_the_other() {
    let (home, shares) = quorum_token();
    let mut command = home.command(&["pin", "reset", "--shares", "--json"]);
    command.env("COFFER_NEW_PIN", "4321").stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = format!("{}\n{}\n{}\n", shares[0], shares[0], shares[2]);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("the share of Alice is there already"), "{}", run.err);
    assert_eq!(with_pin(&home, "4321", &["list", "--login"]).code, 0);
    let mut command = home.command(&["pin", "reset", "--shares"]);
    let none = Run::from(command.env("COFFER_NEW_PIN", "4321").output().unwrap());
    assert!(none.code == 5 && none.err.contains("not enough shares"), "{}", none.err);
}

#[test]
fn the_officers_pin_alone_is_refused_with_what_to_do_instead() {
    let (home, _) = quorum_token();
    let mut command = home.command(&["pin", "reset"]);
    let refused = Run::from(command.env("COFFER_NEW_PIN", "4321").output().unwrap());
    assert_eq!(refused.code, 1);
    for part in ["--so-reset quorum", "--share FILE", "--wipe"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    assert_eq!(with_pin(&home, PIN, &["list", "--login"]).code, 0, "nothing has happened");
}

#[test]
fn a_new_set_ends_what_the_old_one_could() {
    let (home, old) = quorum_token();
    let out = home.argument("new");
    let create = ["recovery", "create", "--shares", "3", "--threshold", "2", "--out", &out];
    let made = home.ok(&[&create[..], &CUSTODIANS].concat());
    assert!(made.contains("shares of earlier sets do not any more"), "{made}");
    let new = files(&home, "new");
    let refused = reset(&home, "4321", &["--share", &old[0], "--share", &old[1]]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("a new recovery set has taken the place of that one"), "{}", refused.err);
    let mixed = reset(&home, "4321", &["--share", &new[0], "--share", &old[1]]);
    assert_eq!(mixed.code, 1, "{}", mixed.err);
    assert_eq!(reset(&home, "4321", &["--share", &new[0], "--share", &new[1]]).code, 0);
}

#[test]
fn a_token_without_a_set_says_what_comes_next() {
    let home = Home::empty();
    let made = home.ok(&["init", "mine", "--so-reset", "quorum"]);
    assert!(made.contains("coffer recovery create. Until then nobody can."), "{made}");
    let share = home.write("share", b"");
    let refused = reset(&home, "4321", &["--share", &share]);
    assert!(refused.code == 1 && refused.err.contains("no recovery set yet"), "{}", refused.err);
    let doctor = home.run(&["doctor"]);
    assert!(doctor.out.contains("`mine` has no recovery set"), "{}", doctor.out);
    let info = home.json(&["info", "--json"]);
    assert_eq!(info["tokens"][0]["so_reset"], "quorum");
    assert!(info["tokens"][0]["recovery_set"].is_null());
    let set = home.json(
        &[
            &["recovery", "create", "--shares", "3", "--threshold", "3", "--json"][..],
            &["--out", &home.argument("shares")],
            &CUSTODIANS,
        ]
        .concat(),
    );
    assert_eq!(set["resets_user_pin"], true);
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["recovery_set"], set["set"]);
    assert!(!home.run(&["doctor"]).out.contains("has no recovery set"));

    for (mode, advice) in [("wipe", "use --wipe"), ("preserve", "leave --share and --shares out")] {
        let home = Home::empty();
        home.ok(&["init", "mine", "--so-reset", mode]);
        let share = home.write("share", b"");
        let refused = reset(&home, "4321", &["--share", &share]);
        assert!(refused.code == 1 && refused.err.contains(advice), "{}", refused.err);
    }
}

#[test]
fn what_cannot_be_a_set_is_refused_before_a_token_is_made() {
    let home = Home::empty();
    let out = home.argument("shares");
    let init = ["init", "mine", "--so-reset", "quorum", "--shares-to", &out];
    let refused = home.fails(&[&init[..], &["--threshold", "4"], &CUSTODIANS].concat());
    assert!(refused.contains("4 of 3 is no rule for shares"), "{refused}");
    for arguments in [&["--threshold", "2"][..], &CUSTODIANS, &["--no-user-pin"]] {
        assert_ne!(home.run(&[&init[..], arguments].concat()).code, 0, "{arguments:?}");
    }
    assert!(home.json(&["info", "--json"])["tokens"].as_array().unwrap().is_empty());
}

#[test]
fn a_salvaged_token_keeps_its_officer_away_from_the_keys_and_its_way_back() {
    let (home, shares) = quorum_token();
    let mut command = home.command(&["role", "add", "alice", "--role", "operator"]);
    assert_eq!(command.env("COFFER_NEW_PIN", "wonderland").output().unwrap().status.code(), Some(0));
    let file = home.json(&["info", "--json"])["tokens"][0]["file"].as_str().unwrap().to_owned();
    std::fs::rename(&file, home.path("damaged")).unwrap();
    let saved = home.run(&["salvage", &home.argument("damaged"), "--into", "saved"]);
    assert_eq!(saved.code, 0, "{}{}", saved.out, saved.err);
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["so_reset"], "quorum");
    assert_eq!(with_pin(&home, "wonderland", &["list", "--as", "alice"]).code, 0);
    let mut command = home.command(&["pin", "reset"]);
    let refused =
        Run::from(command.env("COFFER_NEW_PIN", "4321").env("COFFER_SO_PIN", SO_PIN).output().unwrap());
    assert_eq!(refused.code, 1, "{}", refused.err);
    let done = reset(&home, "4321", &["--share", &shares[0], "--share", &shares[2]]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(with_pin(&home, "4321", &["list", "--login"]).out.contains("data"));
}

#[test]
fn a_ceremony_makes_such_a_token_with_closed_shares_and_says_so_in_its_transcript() {
    let home = Home::empty();
    home.write("alice.pass", b"alice's own\n");
    let script = format!(
        "label = \"Root\"\nthreshold = 2\nfolder = {:?}\n[[custodian]]\nname = \"Alice\"\npassphrase-file = {:?}\n\
         [[custodian]]\nname = \"Bob\"\n[[custodian]]\nname = \"Carol\"\n",
        home.argument("shares"),
        home.argument("alice.pass")
    );
    let (script, transcript) = (home.write("script.toml", script.as_bytes()), home.argument("transcript"));
    let ceremony = ["ceremony", "--script", &script, "--transcript", &transcript, "--so-reset", "quorum"];
    home.ok(&ceremony);
    let text = std::fs::read_to_string(&transcript).unwrap();
    assert!(text.contains("so-reset        quorum"), "{text}");
    assert!(text.contains("the shares of this set give the token's user a new PIN"), "{text}");
    let shares = files(&home, "shares");
    let closed = reset(&home, "4321", &["--share", &shares[0], "--share", &shares[1]]);
    assert_ne!(closed.code, 0, "a passphrase is needed");
    let passphrase = home.argument("alice.pass");
    let arguments = ["--share", &shares[0], "--share", &shares[1], "--passphrase-file", &passphrase];
    let done = reset(&home, "4321", &arguments);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(with_pin(&home, "4321", &["list", "--login"]).code, 0);
}
