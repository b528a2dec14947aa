//! Recovery keys, backups and ceremonies, as people run them.

use std::os::unix::fs::PermissionsExt;

use crate::{Home, Run, exists};

/// Makes the recovery key of the token `mine`: 2 of 3. Answers the paths of the shares.
fn shares(home: &Home, folder: &str) -> [String; 3] {
    let out = home.argument(folder);
    home.ok(&[
        "recovery",
        "create",
        "--token",
        "mine",
        "--shares",
        "3",
        "--threshold",
        "2",
        "--custodian",
        "Alice Example",
        "--custodian",
        "Bob",
        "--custodian",
        "Carol",
        "--out",
        &out,
    ]);
    ["share-1-Alice_Example.txt", "share-2-Bob.txt", "share-3-Carol.txt"].map(|name| format!("{out}/{name}"))
}

/// A token with an AES key, a signature key and a certificate-like file, its shares, and its backup.
fn backed_up() -> (Home, [String; 3], String) {
    let home = Home::with_token();
    home.ok(&["generate", "aes:256", "wrapper"]);
    home.ok(&["generate", "ed25519", "signer"]);
    let shares = shares(&home, "shares");
    let file = home.argument("backup");
    home.ok(&["backup", "create", &file, "--token", "mine"]);
    (home, shares, file)
}

fn code(run: &Run, expected: i32) {
    assert_eq!(run.code, expected, "{}{}", run.out, run.err);
}

#[test]
fn a_token_comes_back_from_its_backup_with_any_two_of_three_shares() {
    let (home, shares, file) = backed_up();
    for (number, (one, other)) in [(0, 1), (0, 2), (1, 2)].into_iter().enumerate() {
        let label = format!("restored {number}");
        home.ok(&["init", &label]);
        let (one, other) = (shares[one].as_str(), shares[other].as_str());
        let restored =
            home.ok(&["backup", "restore", &file, "--into", &label, "--share", one, "--share", other]);
        assert!(restored.starts_with("Restored 2 objects of backup "), "{restored}");
        let listed = home.json(&["list", "--token", &label, "--login", "--json"]);
        let mut labels: Vec<_> =
            listed["objects"].as_array().unwrap().iter().map(|object| &object["label"]).collect();
        labels.sort_by_key(|label| label.to_string());
        assert_eq!(labels, ["signer", "wrapper"]);
    }
    home.ok(&["init", "empty"]);
    let run = home.run(&["backup", "restore", &file, "--into", "empty", "--share", &shares[0]]);
    code(&run, 5);
    assert!(run.err.contains("needs 2 shares, and 1 was given: Alice Example (number 1)"), "{}", run.err);
    let run = home.run(&["backup", "restore", &file, "--into", "empty"]);
    code(&run, 5);
    assert!(run.err.contains("opens with 2 of the 3 shares of set "), "{}", run.err);
    assert!(home.ok(&["list", "--token", "empty", "--login", "--json"]).contains("\"objects\": []"));
}

#[test]
fn a_backup_is_private_replaces_nothing_and_lists_what_is_not_in_it() {
    let (home, _, file) = backed_up();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = home.fails(&["backup", "create", &file, "--token", "mine"]);
    assert!(refused.contains("a file that exists is not replaced"), "{refused}");
    let made = home.json(&["backup", "create", &home.argument("second"), "--token", "mine", "--json"]);
    assert_eq!((&made["schema"], &made["objects"]), (&"coffer.backup-create".into(), &2.into()));
    let left_out = made["left_out"].as_array().unwrap();
    assert_eq!(left_out.len(), 1);
    assert_eq!((&left_out[0]["label"], &left_out[0]["reason"]), (&"signer".into(), &"signature-key".into()));
    let all = home.json(&[
        "backup",
        "create",
        &home.argument("third"),
        "--token",
        "mine",
        "--include-signing",
        "--json",
    ]);
    assert_eq!((&all["objects"], all["left_out"].as_array().unwrap().len()), (&3.into(), 0));
    let less = home.json(&[
        "backup",
        "create",
        &home.argument("less"),
        "--token",
        "mine",
        "--only-extractable",
        "--json",
    ]);
    assert_eq!((&less["objects"], less["left_out"].as_array().unwrap().len()), (&1.into(), 2));
    let names = std::fs::read_dir(home.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains(".part")));
    let known = home.json(&["recovery", "show", "--token", "mine", "--json"]);
    assert_eq!(known["backups"].as_array().unwrap().len(), 4);
    assert_eq!(known["sets"][0]["custodians"], serde_json::json!(["Alice Example", "Bob", "Carol"]));
}

#[test]
fn without_a_key_that_opens_it_no_backup_is_made() {
    let home = Home::with_token();
    let file = home.argument("backup");
    let refused = home.fails(&["backup", "create", &file]);
    assert!(
        refused.contains("nobody could open the backup") && refused.contains("recovery create"),
        "{refused}"
    );
    assert!(!exists(&home.path("backup")));
}

#[test]
fn verify_tells_whose_a_backup_is_and_with_the_quorum_what_is_in_it() {
    let (home, shares, file) = backed_up();
    let run = home.run(&["backup", "verify", &file]);
    code(&run, 3);
    assert!(
        run.out.contains("is whole") && run.out.contains("nothing was given to tell whose"),
        "{}",
        run.out
    );
    for known in [&["--share", &shares[1]][..], &["--token", "mine"]] {
        let out = home.ok(&[&["backup", "verify", &file], known].concat());
        assert!(out.contains("was not opened"), "{out}");
    }
    let opened =
        home.json(&["backup", "verify", &file, "--share", &shares[0], "--share", &shares[2], "--json"]);
    assert_eq!((&opened["objects"], &opened["signer_known_by"]), (&2.into(), &"share".into()));
    home.ok(&["backup", "verify", &file, "--signer", opened["signer"].as_str().unwrap()]);

    home.ok(&["init", "other"]);
    let run = home.run(&["backup", "verify", &file, "--token", "other"]);
    code(&run, 2);
    assert!(run.err.contains("which is not the token `other`"), "{}", run.err);
}

#[test]
fn a_changed_backup_is_refused_and_nothing_of_it_is_restored() {
    let (home, shares, file) = backed_up();
    home.ok(&["init", "target"]);
    let whole = std::fs::read(&file).unwrap();
    let restore = |file: &str| {
        home.run(&[
            "backup", "restore", file, "--into", "target", "--share", &shares[0], "--share", &shares[1],
        ])
    };
    for (number, change) in [40, 200, whole.len() / 2, whole.len() - 30].into_iter().enumerate() {
        let mut changed = whole.clone();
        changed[change] ^= 1;
        let changed = home.write(&format!("changed-{number}"), &changed);
        for run in [restore(&changed), home.run(&["backup", "verify", &changed])] {
            code(&run, 2);
            assert!(run.err.contains("use another copy"), "{}", run.err);
        }
    }
    let cut = home.write("cut", &whole[..whole.len() - 1]);
    code(&restore(&cut), 2);
    let foreign = home.write("foreign", b"something else entirely");
    assert!(home.fails(&["backup", "verify", &foreign]).contains("this is no backup"));
    assert!(home.ok(&["list", "--token", "target", "--login", "--json"]).contains("\"objects\": []"));
    code(&restore(&file), 0);
}

#[test]
fn a_custodian_checks_a_share_alone() {
    let (home, [alice, bob, _], _) = backed_up();
    let checked = home.ok(&["recovery", "check", &alice]);
    assert!(checked.contains("Alice Example") && checked.contains("1 of 3, any 2 of which"), "{checked}");
    let set = home.json(&["recovery", "check", &bob, "--json"])["set"].as_str().unwrap().to_string();
    home.ok(&["recovery", "check", &alice, "--set", &set]);
    code(&home.run(&["recovery", "check", &alice, "--set", "00"]), 2);
    let text = std::fs::read_to_string(&alice).unwrap();
    let line = text.lines().find(|line| line.starts_with(" 3")).unwrap();
    let mistyped = line.replacen(&line[4..5], if &line[4..5] == "7" { "8" } else { "7" }, 1);
    let wrong = home.write("mistyped", text.replace(line, &mistyped).as_bytes());
    let run = home.run(&["recovery", "check", &wrong]);
    code(&run, 2);
    assert!(run.err.contains("line 3 does not fit its check"), "{}", run.err);
    let renamed = home.write("renamed", text.replace("Alice Example", "Eve").as_bytes());
    code(&home.run(&["recovery", "check", &renamed]), 2);
}

#[test]
fn shares_of_another_set_are_refused_by_name() {
    let (home, first, file) = backed_up();
    let second = shares(&home, "later");
    home.ok(&["init", "target"]);
    let mixed = ["backup", "restore", &file, "--into", "target", "--share", &first[0], "--share", &second[1]];
    let refused = home.fails(&mixed);
    assert!(refused.contains("the share of Bob (number 2) is of set "), "{refused}");
    let later =
        ["backup", "restore", &file, "--into", "target", "--share", &second[0], "--share", &second[1]];
    let refused = home.fails(&later);
    assert!(refused.contains("this key does not open it"), "{refused}");
}

#[test]
fn closed_shares_need_their_passphrases() {
    let home = Home::with_token();
    let out = home.argument("shares");
    let (one, two) = (home.write("one", b"passphrase one\n"), home.write("two", b"passphrase two\n"));
    let create =
        ["recovery", "create", "--shares", "2", "--threshold", "2", "--custodian", "A", "--custodian", "B"];
    let encrypted = ["--out", &out, "--encrypt", "--passphrase-file", &one, "--passphrase-file", &two];
    home.ok(&[&create[..], &encrypted].concat());
    let share = format!("{out}/share-2-B.txt");
    assert!(home.fails(&["recovery", "check", &share]).contains("no terminal to ask for it"));
    let refused = home.fails(&["recovery", "check", &share, "--passphrase-file", &one]);
    assert!(refused.contains("no passphrase that was given opens the share of B"), "{refused}");
    home.ok(&["recovery", "check", &share, "--passphrase-file", &one, "--passphrase-file", &two]);
}

#[test]
fn a_destroyed_key_comes_back_only_with_a_quorum_and_when_that_is_said() {
    let (home, shares, file) = backed_up();
    let recipient = home.argument("recipient");
    home.ok(&["recovery", "recipient", &recipient]);
    let for_recipient = home.argument("for-recipient");
    home.ok(&["backup", "create", &for_recipient, "--token", "mine", "--to", &format!("{recipient}.pub")]);
    home.ok(&["delete", "wrapper", "--token", "mine", "--yes"]);
    let quorum = ["--share", &shares[0], "--share", &shares[1]];
    let key = ["--key", &recipient, "--resurrect"];
    for (file, with) in [(&file, &quorum[..]), (&for_recipient, &key[..])] {
        let run = home.run(&[&["backup", "restore", file, "--into", "mine"], with].concat());
        code(&run, 5);
        assert!(run.out.contains("Destroyed, and not restored: 1 object.\n  wrapper ("), "{}", run.out);
        assert!(run.err.contains("add --resurrect"), "{}", run.err);
    }
    let restored =
        home.ok(&[&["backup", "restore", &file, "--into", "mine", "--resurrect"], &quorum[..]].concat());
    assert!(restored.contains("restored with a quorum: 1 object.\n  wrapper ("), "{restored}");
    // It is alive again: no backup calls it destroyed.
    let later = home.json(&["backup", "create", &home.argument("later"), "--token", "mine", "--json"]);
    assert_eq!((&later["objects"], &later["destroyed"]), (&2.into(), &0.into()));
}

#[test]
fn shares_are_asked_for_and_typed_from_paper() {
    use std::io::Write;
    let (home, [alice, bob, _], file) = backed_up();
    let paper = std::fs::read_to_string(&bob).unwrap();
    let lines: Vec<String> =
        paper.lines().filter(|line| line.len() > 4 && line.starts_with(' ')).map(str::to_lowercase).collect();
    let typed = format!("{alice}\n{alice}\n\n{}\n\n", lines.join("\n"));
    for (input, code) in [(typed.as_str(), 0), (&format!("{alice}\n"), 5)] {
        let mut command = home.command(&["backup", "verify", &file, "--ask"]);
        let stdio = std::process::Stdio::piped;
        let mut child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let run = Run::from(child.wait_with_output().unwrap());
        assert_eq!(run.code, code, "{}{}", run.out, run.err);
        assert_eq!(run.err.contains("the share of Alice Example is there already"), code == 0, "{}", run.err);
        assert_eq!(run.out.contains("Everything in it was opened"), code == 0);
    }
}

#[test]
fn a_recipient_opens_a_backup_without_the_quorum_and_another_does_not() {
    let home = Home::with_token();
    home.ok(&["generate", "aes:256", "wrapper"]);
    let [right, wrong] = ["right", "wrong"].map(|name| home.argument(name));
    for key in [&right, &wrong] {
        home.ok(&["recovery", "recipient", key]);
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let file = home.argument("backup");
    home.ok(&["backup", "create", &file, "--to", &format!("{right}.pub"), "--token", "mine"]);
    home.ok(&["init", "target"]);
    let refused = home.fails(&["backup", "restore", &file, "--into", "target", "--key", &wrong]);
    assert!(refused.contains("opens with the recipient's key "), "{refused}");
    home.ok(&["backup", "restore", &file, "--into", "target", "--key", &right]);
    let again = home.ok(&["backup", "restore", &file, "--into", "target", "--key", &right]);
    assert!(again.contains("There already, and left as they were: 1 object."), "{again}");
    let private_half =
        home.fails(&["backup", "create", &home.argument("no"), "--to", &right, "--token", "mine"]);
    assert!(private_half.contains("does not hold one COFFER RECIPIENT"), "{private_half}");
}

#[test]
fn a_ceremony_by_script_makes_the_token_the_shares_and_a_transcript_without_secrets() {
    let home = Home::empty();
    let folder = home.argument("shares");
    let script = format!(
        "label = \"Root CA\"\nthreshold = 2\nfolder = \"{folder}\"\nwitness = [\"Wanda\"]\n\
         [[custodian]]\nname = \"Alice\"\n[[custodian]]\nname = \"Bob\"\n[[custodian]]\nname = \"Carol\"\n"
    );
    let (script, transcript) = (home.write("script.toml", script.as_bytes()), home.argument("transcript"));
    let out = home.ok(&["ceremony", "--script", &script, "--transcript", &transcript]);
    let text = std::fs::read_to_string(&transcript).unwrap();
    let digest = crate::openssl(&["dgst", "-sha256", "-r"], text.as_bytes());
    let digest = String::from_utf8(digest).unwrap().split_whitespace().next().unwrap().to_string();
    assert!(out.contains(&digest), "{out}");
    let checked = home.json(&["recovery", "check", &format!("{folder}/share-1-Alice.txt"), "--json"]);
    for part in [
        &format!("set             {}", checked["set"].as_str().unwrap()),
        concat!("software    coffer ", env!("CARGO_PKG_VERSION")),
        "witness     Wanda",
        "rule        any 2 of 3 shares",
        "share 3 went to Carol: written to share-3-Carol.txt, read again and checked",
        "the token makes its backups for this set from now on",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // What a share says in its lines is not in the transcript.
    let share = std::fs::read_to_string(format!("{folder}/share-1-Alice.txt")).unwrap();
    let numbered =
        share.lines().filter(|line| line.starts_with(|char: char| char == ' ' || char.is_ascii_digit()));
    // Four characters can be in a digest or a date by chance; eight are not.
    let groups: Vec<&str> = numbered.flat_map(str::split_whitespace).filter(|word| word.len() == 4).collect();
    assert!(groups.len() > 8, "{share}");
    for pair in groups.windows(2) {
        assert!(!text.contains(&pair.join(" ")) && !text.contains(&pair.concat()), "{pair:?}");
    }
    let file = home.argument("backup");
    home.ok(&["backup", "create", &file]);
    home.ok(&["backup", "verify", &file, "--share", &format!("{folder}/share-2-Bob.txt")]);
    let again = home.fails(&["ceremony", "--script", &script, "--transcript", &transcript]);
    assert!(again.contains("there is a token `Root CA` already"), "{again}");
}

#[test]
fn at_a_terminal_each_custodian_types_a_line_again_and_no_share_stays_on_the_screen() {
    let home = Home::empty();
    let transcript = home.argument("transcript");
    let run = std::process::Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/ceremony.py"))
        .args([env!("CARGO_BIN_EXE_coffer"), &transcript])
        .env("COFFER_HOME", home.path("tokens"))
        .env("COFFER_PIN", crate::PIN)
        .env("COFFER_SO_PIN", crate::SO_PIN)
        .output()
        .expect("python3 is installed");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(&transcript).unwrap();
    assert_eq!(text.matches("was typed again from paper").count(), 2, "{text}");
    home.ok(&["backup", "create", &home.argument("backup"), "--token", "Root CA"]);
}

#[test]
fn a_ceremony_without_a_terminal_and_without_a_script_is_refused() {
    let home = Home::empty();
    let refused = home.fails(&[
        "ceremony",
        "Root CA",
        "--threshold",
        "2",
        "--custodian",
        "A",
        "--custodian",
        "B",
        "--transcript",
        &home.argument("transcript"),
    ]);
    assert!(refused.contains("--script FILE"), "{refused}");
    assert!(!exists(&home.path("transcript")));
}
