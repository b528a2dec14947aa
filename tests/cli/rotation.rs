//! New keys in the place of old ones.

use crate::Home;

#[test]
fn a_new_root_key_leaves_keys_and_pins_as_they_are_and_is_counted() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "one", "--id", "01"]);
    let before = home.ok(&["list", "--json", "--login"]);
    let file = std::fs::read(home.path("tokens/token-0.coffer")).unwrap();
    let said = home.ok(&["rotate", "root-key", "mine"]);
    assert!(said.contains("root key number 2") && said.contains("2 records stay"), "{said}");
    let json = home.json(&["rotate", "root-key", "--so", "--json"]);
    assert_eq!((&json["schema"], &json["root_key_version"]), (&"coffer.rotate-root-key".into(), &3.into()));
    assert_eq!(home.ok(&["list", "--json", "--login"]), before);
    home.ok(&["verify"]);
    assert_ne!(std::fs::read(home.path("tokens/token-0.coffer")).unwrap(), file);
    let wrong = home.command(&["rotate", "root-key"]).env("COFFER_PIN", "9999").output().unwrap();
    assert!(!wrong.status.success());
}
