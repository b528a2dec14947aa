//! `coffer key`: states, dates and exceptions.

use crate::Home;

/// A token with an AES key `data` and a key pair `web`.
fn home() -> Home {
    let home = Home::with_token();
    home.ok(&["generate", "aes:256", "data"]);
    home.ok(&["generate", "ec:P-256", "web", "--id", "01"]);
    home
}

fn state(home: &Home, key: &str) -> serde_json::Value {
    home.json(&["key", "state", key, "--json"])
}

#[test]
fn a_key_is_suspended_with_a_reason_and_resumed() {
    let home = home();
    assert_eq!(state(&home, "data")["state"], "active");
    let told = home.ok(&["key", "state", "data", "suspend", "--reason", "on leave"]);
    assert_eq!(told, "The key `data` is suspended now.\n");
    assert_eq!(state(&home, "data")["reason"], "on leave");
    let run = home.run(&["explain", "data", "--op", "encrypt"]);
    assert_eq!(run.code, 4);
    assert!(run.out.contains("no   it is suspended\n       → coffer key state 'pkcs11:"), "{}", run.out);
    let remedy = run.out.lines().find_map(|line| line.trim().strip_prefix("→ coffer key state '")).unwrap();
    let uri = remedy.split('\'').next().unwrap();
    home.ok(&["key", "state", uri, "resume"]);
    home.ok(&["key", "state", "data", "suspend"]);
    let told = home.ok(&["key", "except", "data", "--until", "2099-12-31", "--reason", "one file is left"]);
    assert!(told.contains("It may decrypt and verify until 2100-01-01 00:00:00 UTC all the same."), "{told}");
    let excepted = home.ok(&["explain", "data", "--op", "decrypt"]);
    assert!(excepted.contains("it is suspended, with an exception until 2100-01-01"), "{excepted}");
    home.ok(&["key", "state", "data", "resume"]);
    home.ok(&["explain", "data", "--op", "encrypt"]);
}

#[test]
fn both_halves_of_a_pair_are_compromised_with_a_reason_and_there_is_no_way_back() {
    let home = home();
    let refused = home.fails(&["key", "state", "web", "compromise", "--yes"]);
    assert!(refused.contains("add --reason TEXT; nothing was changed"), "{refused}");
    let told = home.ok(&["key", "state", "web", "compromise", "--reason", "laptop lost", "--yes"]);
    assert_eq!(told, "The key `web` with the other half of its pair is compromised now.\n");
    let refused = home.fails(&["key", "state", "--id", "01", "resume"]);
    assert!(refused.contains("the key `web` is compromised, from where no way leads to active"), "{refused}");
    assert!(refused.contains("what it can become (SP 800-57 Part 1, section 7): destroyed"), "{refused}");
    assert_eq!(home.run(&["explain", "web", "--op", "verify"]).code, 4);
    home.ok(&["key", "except", "web", "--until", "7d", "--reason", "the archive is signed anew"]);
    assert_eq!(home.run(&["explain", "web", "--op", "verify"]).code, 0);
    assert_eq!(home.run(&["explain", "web", "--op", "sign"]).code, 4);
}

#[test]
fn dates_and_owners_are_set_and_shown() {
    let home = home();
    home.ok(&[
        "key",
        "set",
        "data",
        "--owner",
        "Zoë",
        "--purpose",
        "backups",
        "--activate",
        "2020-01-01",
        "--protect-until",
        "2098-12-31",
        "--process-until",
        "2099-12-31",
        "--use-limit",
        "1000",
    ]);
    let shown = home.ok(&["key", "state", "data"]);
    for line in [
        "The key `data` is active.",
        "  activation       2020-01-01 00:00:00 UTC",
        "  protect stop     2099-01-01 00:00:00 UTC",
        "  process stop     2100-01-01 00:00:00 UTC",
        "  use limit        1000",
        "  owner            Zoë",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let refused = home.fails(&["key", "set", "data", "--activate", "2099-06-01"]);
    assert!(refused.contains("the dates are not in their order"), "{refused}");
    let refused = home.fails(&["key", "set", "data", "--activate", "soon"]);
    assert!(refused.contains("`soon` is no date"), "{refused}");
    assert!(home.fails(&["key", "set", "data"]).contains("there is nothing to set"));
}

#[test]
fn a_token_that_only_warns_lets_a_deactivated_key_sign() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--lifecycle", "warn"]);
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["lifecycle"], "warn");
    home.ok(&["generate", "ec:P-256", "web"]);
    home.ok(&["key", "state", "web", "deactivate", "--yes"]);
    let run = home.run(&["explain", "web", "--op", "sign"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("yes  it is deactivated, but this token only warns"), "{}", run.out);
}

#[test]
fn the_time_of_a_test_can_be_set() {
    let home = home();
    home.ok(&["key", "set", "data", "--protect-until", "2098-12-31"]);
    let at = |seconds: &str| {
        let mut command = home.command(&["explain", "data", "--op", "encrypt"]);
        command.env("COFFER_FAKE_TIME", seconds).output().unwrap().status.code()
    };
    // 2098-12-31 23:59:59 and the second after.
    let after = 4_070_908_800_u64;
    if cfg!(debug_assertions) {
        assert_eq!(at(&(after - 1).to_string()), Some(0));
        assert_eq!(at(&after.to_string()), Some(4));
    } else {
        println!("skipped: a release build takes its time from the system");
    }
}

#[test]
fn a_cryptoperiod_follows_from_the_uses_of_a_key_or_is_told() {
    let home = Home::with_token();
    let until = |key: &str, name: &str| state(&home, key)[name].as_str().map(seconds);
    let years = |from: u64, to: u64| (to - from) / (365 * 86_400);
    home.ok(&["generate", "aes:256", "data", "--cryptoperiod", "auto"]);
    let created = until("data", "created").unwrap();
    assert_eq!(years(created, until("data", "protect_stop").unwrap()), 2);
    assert_eq!(years(created, until("data", "process_stop").unwrap()), 5);
    home.ok(&["generate", "ec:P-256", "web", "--cryptoperiod", "auto"]);
    assert_eq!(years(created, until("web", "protect_stop").unwrap()), 3);
    assert_eq!(until("web", "process_stop"), None);
    home.ok(&["generate", "ec:P-256", "short", "--cryptoperiod", "90d"]);
    let stop = until("short", "protect_stop").unwrap();
    assert!(stop.abs_diff(created + 90 * 86_400) < 60);
    home.ok(&["generate", "ec:P-256", "endless"]);
    assert_eq!(until("endless", "protect_stop"), None);
    let refused = home.fails(&["generate", "aes:256", "x", "--cryptoperiod", "long"]);
    assert!(refused.contains("write auto, none, or a period such as 90d, 6m or 2y"), "{refused}");
}

#[test]
fn a_token_with_an_algorithm_policy_refuses_what_it_forbids_and_says_by_which_rule() {
    let home = Home::empty();
    let made = home.json(&["init", "mine", "--policy", "cnsa2", "--json"]);
    assert_eq!(made["policy"], "cnsa2");
    home.ok(&["generate", "ec:P-256", "web"]);
    home.ok(&["generate", "ml-dsa-87", "new"]);
    let run = home.run(&["explain", "web", "--op", "sign", "--mechanism", "ecdsa_sha384"]);
    assert_eq!(run.code, 4);
    assert!(run.out.contains("(`cnsa2`: CNSSP 15 (CNSA 1.0): ECDSA and ECDH with P-384)"), "{}", run.out);
    assert_eq!(home.run(&["explain", "web", "--op", "verify"]).code, 0);
    assert_eq!(home.run(&["explain", "new", "--op", "sign"]).code, 0);
}

#[test]
fn a_policy_from_a_file_is_kept_in_the_token() {
    let home = Home::empty();
    let text = "name = \"house\"\ntitle = \"House rules\"\n[[rule]]\nalgorithms = [\"aes\"]\nstrength-below = 256\nprotect-until = \"never\"\nsource = \"house rule 7\"\n";
    let file = home.write("house.toml", text.as_bytes());
    home.ok(&["init", "mine", "--policy", &file]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["policy"], "house");
    home.ok(&["generate", "aes:128", "short"]);
    let run = home.run(&["explain", "short", "--op", "encrypt"]);
    assert_eq!(run.code, 4);
    assert!(run.out.contains("(`house`: house rule 7)"), "{}", run.out);
    let bad = home.write("bad.toml", b"name = \"bad\"\n");
    assert!(home.fails(&["init", "other", "--policy", &bad]).contains("is no algorithm policy"));
    let unknown = home.fails(&["init", "other", "--policy", "cnsa3"]);
    assert!(unknown.contains("built in are nist-2030, pqc-2035, cnsa2"), "{unknown}");
}

#[test]
fn a_clock_that_was_set_back_is_told_and_one_that_was_wrong_can_be_accepted() {
    if !cfg!(debug_assertions) {
        println!("skipped: a release build takes its time from the system");
        return;
    }
    let home = Home::with_token();
    let at = |seconds: &str, arguments: &[&str]| {
        let output = home.command(arguments).env("COFFER_FAKE_TIME", seconds).output().unwrap();
        crate::Run::from(output)
    };
    assert_eq!(at("4000000000", &["generate", "aes:256", "data"]).code, 0);
    let run = at("3999990000", &["clock"]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(
        run.err.contains("the clock is 10000 seconds behind the newest time that `mine` has seen"),
        "{}",
        run.err
    );
    assert!(
        run.out.contains("The newest time that `mine` has seen is 2096-10-02 07:06:40 UTC."),
        "{}",
        run.out
    );
    assert!(at("3999990000", &["list", "--login"]).err.contains("the clock is 10000 seconds behind"));
    assert_eq!(at("3999990000", &["clock", "--accept"]).code, 1);
    assert_eq!(at("3999990000", &["clock", "--accept", "--reason", "battery"]).code, 0);
    assert_eq!(at("3999990000", &["clock"]).code, 0);
    let doctor = at("1000000000", &["doctor"]);
    assert!(doctor.out.contains("the clock is behind: "), "{}", doctor.out);
}

#[test]
fn a_date_that_is_over_ends_a_key_only_when_that_is_meant() {
    let home = home();
    for option in ["--protect-until", "--process-until"] {
        let refused = home.fails(&["key", "set", "data", option, "2020-12-31"]);
        assert!(refused.contains("the key `data` will be deactivated for ever"), "{refused}");
    }
    assert_eq!(state(&home, "data")["state"], "active");
    home.ok(&["key", "set", "data", "--protect-until", "2020-12-31", "--yes"]);
    assert_eq!(state(&home, "data")["state"], "deactivated");
    home.ok(&["key", "set", "data", "--owner", "nobody", "--protect-until", "2020-12-30"]);
}

/// The seconds since 1970 of a time in JSON, by the rule of the Gregorian calendar.
fn seconds(time: &str) -> u64 {
    let numbers: Vec<u64> =
        time.split(['-', 'T', ':', 'Z']).filter_map(|number| number.parse().ok()).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { panic!("{time} is no time") };
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    ((days * 24 + hour) * 60 + minute) * 60 + second
}
