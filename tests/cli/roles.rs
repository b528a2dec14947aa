//! Accounts, and tokens whose security officer does not hold the keys.

use crate::{Home, PIN, Run, SO_PIN};

/// A run with PINs of its own.
fn run(home: &Home, arguments: &[&str], pins: &[(&str, &str)]) -> Run {
    let mut command = home.command(arguments);
    command.envs(pins.iter().copied());
    Run::from(command.output().unwrap())
}

#[test]
fn an_account_is_made_used_locked_out_of_what_it_may_not_and_removed() {
    let home = Home::with_token();
    let alice = [("COFFER_PIN", "wonderland"), ("COFFER_NEW_PIN", "wonderland")];
    let added = run(&home, &["role", "add", "alice", "--role", "operator"], &alice);
    assert_eq!((added.code, added.out.as_str()), (0, "`mine` has the account `alice` now: operator.\n"));
    let again = run(&home, &["role", "add", "alice", "--role", "auditor"], &alice);
    assert!(again.code == 1 && again.err.contains("the name is taken"), "{}", again.err);
    home.ok(&["generate", "aes:256", "data"]);
    let seen = run(&home, &["list", "--as", "alice"], &alice);
    assert!(seen.code == 0 && seen.out.contains("data"), "{}{}", seen.out, seen.err);
    let refused = run(&home, &["generate", "aes:256", "more", "--as", "alice"], &alice);
    assert!(
        refused.code == 1 && refused.err.contains("docs/roles.md"),
        "an operator makes no keys: {}",
        refused.err
    );
    let nobody = run(&home, &["list", "--as", "bob"], &alice);
    assert!(nobody.code == 1 && nobody.err.contains("no such account"), "{}", nobody.err);
    let listed: serde_json::Value = serde_json::from_str(&home.ok(&["role", "list", "--json"])).unwrap();
    assert_eq!(listed["accounts"][0]["name"], "alice");
    assert_eq!(listed["accounts"][0]["role"], "operator");
    home.ok(&["role", "remove", "alice"]);
    assert_eq!(run(&home, &["list", "--as", "alice"], &alice).code, 1);
    assert!(home.ok(&["role", "list"]).contains("no accounts"));
}

#[test]
fn a_token_of_so_reset_wipe_loses_what_is_private_with_its_user_pin_and_only_when_asked() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--so-reset", "wipe"]);
    home.ok(&["generate", "aes:256", "data"]);
    let pins = [("COFFER_NEW_PIN", "4321"), ("COFFER_SO_PIN", SO_PIN)];
    let refused = run(&home, &["pin", "reset"], &pins);
    assert!(refused.code == 1 && refused.err.contains("--wipe"), "{}", refused.err);
    assert!(run(&home, &["list"], &[("COFFER_PIN", PIN)]).out.contains("data"), "nothing has happened");
    let wiped = run(&home, &["pin", "reset", "--wipe", "--yes"], &pins);
    assert_eq!(wiped.code, 0, "{}", wiped.err);
    let listed = run(&home, &["list"], &[("COFFER_PIN", "4321")]);
    assert!(listed.code == 0 && !listed.out.contains("data"), "{}{}", listed.out, listed.err);
    // Accounts that open the keys are the user's to make there.
    let pins = [("COFFER_PIN", "4321"), ("COFFER_NEW_PIN", "wonderland")];
    assert_eq!(run(&home, &["role", "add", "alice", "--role", "operator"], &pins).code, 0);
    assert_eq!(run(&home, &["list", "--as", "alice"], &[("COFFER_PIN", "wonderland")]).code, 0);
    let kept = Home::with_token();
    let refused = run(&kept, &["pin", "reset", "--wipe", "--yes"], &pins);
    assert!(refused.code == 1 && refused.err.contains("leave --wipe out"), "{}", refused.err);
}

#[test]
fn the_audit_log_names_the_account_even_when_another_has_its_place() {
    let home = Home::empty();
    home.ok(&["init", "mine"]);
    home.ok(&["audit", "enable"]);
    for name in ["alice", "bob"] {
        let pins = [("COFFER_PIN", "wonderland"), ("COFFER_NEW_PIN", "wonderland")];
        assert_eq!(run(&home, &["role", "add", name, "--role", "key-manager"], &pins).code, 0);
        let made = run(&home, &["generate", "aes:256", &format!("of-{name}"), "--as", name], &pins);
        assert_eq!(made.code, 0, "{}", made.err);
        home.ok(&["role", "remove", name]);
    }
    let shown = home.ok(&["audit", "show", "--what", "generated"]);
    let of = |key: &str| shown.lines().find(|line| line.contains(key)).unwrap_or_default();
    assert!(of("of-alice").contains(", alice") && of("of-bob").contains(", bob"), "{shown}");
}

#[test]
fn an_account_verifies_a_file_with_its_own_pin() {
    let home = Home::with_token();
    let ann = [("COFFER_PIN", "wonderland"), ("COFFER_NEW_PIN", "wonderland")];
    assert_eq!(run(&home, &["role", "add", "ann", "--role", "auditor"], &ann).code, 0);
    for command in [&["verify"][..], &["compact"], &["doctor", "--quiet", "--verify"]] {
        let own = run(&home, &[command, &["--as", "ann"]].concat(), &ann);
        assert!(!own.err.contains("PIN") && !own.out.contains("PIN"), "{command:?}: {}{}", own.out, own.err);
        let nobody = run(&home, &[command, &["--as", "bob"]].concat(), &ann);
        assert!(nobody.code == 1 && nobody.err.contains("no account `bob`"), "{command:?}: {}", nobody.err);
    }
    assert_eq!(run(&home, &["verify", "--token", "mine", "--as", "ann"], &ann).code, 0);
    let file = home.argument("tokens/token-0.coffer");
    let salvaged = run(&home, &["salvage", &file, "--into", "new", "--as", "ann"], &ann);
    assert!(salvaged.code == 1 && salvaged.err.contains("leave out --as"), "{}", salvaged.err);
}
