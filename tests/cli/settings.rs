//! `coffer settings`: shown, changed, refused with a reason.

use crate::{Home, PIN, Run, SO_PIN};

#[test]
fn settings_are_shown_and_changed_and_the_change_is_told() {
    let home = Home::with_token();
    let shown = home.ok(&["settings", "show"]);
    for line in
        ["lifecycle             enforce\n", "clock tolerance       5min\n", "stateful signatures   off\n"]
    {
        assert!(shown.contains(line), "{line}{shown}");
    }
    let set = ["settings", "set", "--lifecycle", "warn", "--policy", "cnsa2", "--destruction-wait", "7d"];
    let changed = home.ok(&[&set[..], &["--clock-tolerance", "60", "--reason", "the move"]].concat());
    assert_eq!(
        changed,
        "lifecycle: enforce, now warn\nalgorithm policy: none, now cnsa2\ndestruction wait: 0s, now 7d\n\
         clock tolerance: 5min, now 1min\n"
    );
    let document = home.json(&["settings", "show", "--json"]);
    assert_eq!(document["schema"], "coffer.settings");
    assert_eq!(document["lifecycle"], "warn");
    assert_eq!((&document["policy"], &document["destruction_wait"]), (&"cnsa2".into(), &604_800.into()));
    let told = home.ok(&["audit", "show", "--what", "settings-changed"]);
    assert!(told.contains("lifecycle: enforce, now warn; destruction wait: 0s, now 7d"), "{told}");
    assert!(told.contains("reason: the move"), "{told}");
    assert!(home.ok(&["audit", "show", "--what", "policy-changed"]).contains("none, now cnsa2"));
    let again = home.ok(&["settings", "set", "--lifecycle", "warn"]);
    assert_eq!(again, "The settings of `mine` are that already.\n");
    let stateful = home.ok(&["settings", "set", "--stateful-signatures", "on"]);
    assert!(stateful.starts_with("stateful signatures: off, now on\n"), "{stateful}");
    assert!(stateful.contains("no copies, no snapshots, no restoring"), "{stateful}");
    let json = home.json(&["settings", "set", "--policy", "none", "--json"]);
    assert_eq!(json["changed"][0]["setting"], "algorithm policy");
    assert_eq!(json["changed"][0]["after"], "none");
}

#[test]
fn what_cannot_be_set_is_refused_with_what_to_do() {
    let home = Home::with_token();
    assert_ne!(home.run(&["settings", "set"]).code, 0, "nothing was asked for");
    home.ok(&["init", "silent", "--audit=none"]);
    let refused = home.fails(&["settings", "set", "--token", "silent", "--audit", "uses"]);
    home.ok(&["delete", "--entire-token", "--token", "silent", "--yes"]);
    assert!(refused.contains("coffer audit enable"), "{refused}");
    assert!(home.fails(&["settings", "set", "--policy", "cnsa3"]).contains("built in are"));
    let run = |arguments: &[&str], pins: &[(&str, &str)]| {
        let mut command = home.command(arguments);
        Run::from(command.envs(pins.iter().copied()).output().unwrap())
    };
    let alice = [("COFFER_PIN", "wonderland"), ("COFFER_NEW_PIN", "wonderland")];
    assert_eq!(run(&["role", "add", "alice", "--role", "key-manager"], &alice).code, 0);
    let refused = run(&["settings", "set", "--lifecycle", "off", "--as", "alice"], &alice);
    assert!(refused.code == 1 && refused.err.contains("the account's role may not"), "{}", refused.err);
    let officer = [("COFFER_SO_PIN", SO_PIN)];
    assert_eq!(run(&["settings", "set", "--lifecycle", "off", "--so"], &officer).code, 0);
    assert!(home.ok(&["settings", "set", "--audit", "uses"]).starts_with("audit: events, log "));
}

#[test]
fn the_officer_of_a_token_of_so_reset_wipe_changes_nothing_but_the_audit() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--so-reset", "wipe", "--audit=uses"]);
    let refused = home.fails(&["settings", "set", "--lifecycle", "off", "--so"]);
    assert!(
        refused.contains("decides on the audit alone") && refused.contains("leave --so out"),
        "{refused}"
    );
    home.ok(&["settings", "set", "--audit", "events", "--so"]);
    let mut command = home.command(&["settings", "set", "--lifecycle", "off"]);
    assert_eq!(Run::from(command.env("COFFER_PIN", PIN).output().unwrap()).code, 0);
}
