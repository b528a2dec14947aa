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
    assert!(run.out.contains("no   it is suspended\n       → coffer key state KEY resume"), "{}", run.out);
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
