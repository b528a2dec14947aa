//! HSS keys with the tool: off until somebody turns them on, and in no copy that the tool makes.

use crate::Home;

#[test]
fn a_token_makes_hss_keys_only_where_somebody_has_said_so() {
    let home = Home::with_token();
    let refused = home.fails(&["generate", "hss:5/4", "signer"]);
    assert!(refused.contains("makes no HSS keys") && refused.contains("docs/threat-model.md"), "{refused}");
    home.ok(&["settings", "set", "--stateful-signatures", "on"]);
    let made = home.ok(&["generate", "hss:5/4,5/4", "signer"]);
    assert!(made.contains("hss:5/4,5/4 key pair `signer`"), "{made}");
    let state = home.json(&["key", "state", "signer", "--json"]);
    assert_eq!(state["signatures_left"], 1024);
    home.ok(&["settings", "set", "--stateful-signatures", "off"]);
    let why = home.run(&["explain", "signer", "--op", "sign", "--mechanism", "CKM_HSS"]);
    assert_ne!(why.code, 0, "{}", why.out);
    assert!(why.out.contains("stateful signatures"), "{}{}", why.out, why.err);
    let told = home.ok(&["init", "other", "--stateful-signatures"]);
    assert!(told.contains("no copies, no snapshots"), "{told}");
    home.ok(&["generate", "hss:5/4", "signer", "--token", "other"]);
    let doctor = home.run(&["doctor"]);
    assert!(doctor.out.contains("`other` may sign with HSS keys"), "{}", doctor.out);
    for wrong in ["hss", "hss:5", "hss:6/4", "hss:5/3"] {
        let refused = home.fails(&["generate", wrong, "x", "--token", "other"]);
        assert!(refused.contains("height/width"), "{wrong}: {refused}");
    }
    let refused = home.fails(&["generate", "hss:25/8", "x", "--token", "other"]);
    assert!(refused.contains("CKR_KEY_SIZE_RANGE"), "{refused}");
}

#[test]
fn no_copy_that_the_tool_makes_has_the_key() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--stateful-signatures"]);
    home.ok(&["generate", "hss:5/4", "signer"]);
    home.ok(&["generate", "aes:256", "other"]);
    let out = home.argument("key.pem");
    let exported = home.run(&["export", "signer", "--private", "--out", &out]);
    assert_ne!(exported.code, 0, "{}", exported.out);
    assert!(!crate::exists(&home.path("key.pem")));

    let shares = home.argument("shares");
    let custodians = ["--custodian", "A", "--custodian", "B"];
    let create = ["recovery", "create", "--shares", "2", "--threshold", "2", "--out", &shares];
    home.ok(&[&create[..], &custodians].concat());
    let backup = home.argument("backup");
    let made = home.run(&["backup", "create", &backup, "--include-signing"]);
    assert!(made.out.contains("signer"), "what is left out is named: {}{}", made.out, made.err);

    let file = home.argument("tokens/token-0.coffer");
    let saved = home.run(&["salvage", &file, "--into", "new"]);
    assert_eq!(saved.code, 3, "{}{}", saved.out, saved.err);
    assert!(saved.out.contains("Not saved: the HSS key `signer`"), "{}", saved.out);
    let listed = home.ok(&["list", "--token", "new"]);
    assert!(listed.contains("other") && !listed.contains("private"), "{listed}");
}
