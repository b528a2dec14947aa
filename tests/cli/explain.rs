//! `coffer explain` says what the token does.

use crate::{Home, Run};

fn explain(home: &Home, arguments: &[&str]) -> Run {
    home.run(&[&["explain"], arguments].concat())
}

#[test]
fn an_allowed_use_is_told_with_its_mechanisms() {
    let home = Home::with_token();
    home.ok(&["generate", "rsa:2048", "key"]);
    let run = explain(&home, &["key", "--op", "sign"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("The private key `key`") && run.out.contains("may sign:"), "{}", run.out);
    assert!(run.out.contains("CKA_SIGN is true") && run.out.contains("CKM_SHA256_RSA_PKCS"), "{}", run.out);
    let run = explain(&home, &["key", "--op", "verify", "--mechanism", "sha256-rsa-pkcs"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("The public key") && !run.out.contains("  no   "), "{}", run.out);
}

#[test]
fn a_denied_use_is_exit_code_four_and_says_what_would_allow_it() {
    let home = Home::with_token();
    home.ok(&["generate", "rsa:2048", "key", "--uses", "decrypt"]);
    let run = explain(&home, &["key", "--op", "sign"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.out.contains("CKA_SIGN is false") && run.out.contains("C_SetAttributeValue"), "{}", run.out);
    let run = explain(&home, &["key", "--op", "sign", "--mechanism", "CKM_ECDSA_SHA256"]);
    assert_eq!(run.code, 4);
    assert!(run.out.contains("no   CKM_ECDSA_SHA256 takes another class or type"), "{}", run.out);
    let run = explain(&home, &["key", "--op", "derive"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    let run = explain(&home, &["key", "--op", "decrypt", "--mechanism", "AES_GCM", "--json"]);
    assert_eq!(run.code, 4);
    let document: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&document["schema"], &document["allowed"]), (&"coffer.explain".into(), &false.into()));
    assert!(document["checks"].as_array().unwrap().iter().any(|check| check["remedy"].is_string()));
}

#[test]
fn a_strict_token_names_its_profile() {
    let home = Home::empty();
    assert_eq!(home.json(&["init", "mine", "--profile", "strict", "--json"])["profile"], "strict");
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["profile"], "strict");
    assert!(home.ok(&["info"]).contains("strict"));
    home.ok(&["generate", "rsa:2048", "key", "--uses", "decrypt"]);
    let run = explain(&home, &["key", "--op", "decrypt", "--mechanism", "CKM_RSA_PKCS"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.out.contains("the profile `strict` refuses RSA decryption without OAEP"), "{}", run.out);
    let run = explain(&home, &["key", "--op", "decrypt"]);
    assert_eq!((run.code, run.out.contains("with CKM_RSA_PKCS_OAEP\n")), (0, true), "{}", run.out);
    let run = explain(&home, &["key", "--op", "sign"]);
    assert!(run.out.contains("a usage that is false stays so"), "{}", run.out);
}

#[test]
fn keys_of_a_strict_token_are_made_for_something() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--profile", "strict"]);
    assert!(home.fails(&["generate", "aes:256", "key"]).contains("add --uses"));
    home.ok(&["generate", "aes:256", "key", "--uses", "unwrap"]);
    assert!(
        home.fails(&["generate", "aes:256", "other", "--uses", "unwrap,decrypt"])
            .contains("TEMPLATE_INCONSISTENT")
    );
    let file = home.write("value", &[7; 32]);
    assert!(home.fails(&["import", &file, "--secret", "aes"]).contains("add --uses"));
    home.ok(&["import", &file, "--secret", "aes", "--label", "theirs", "--uses", "decrypt"]);
    assert_eq!(explain(&home, &["theirs", "--op", "decrypt"]).code, 0);
    assert_eq!(explain(&home, &["theirs", "--op", "wrap"]).code, 4);
}

#[test]
fn a_key_that_is_to_be_wrapped_is_looked_at_too() {
    let home = Home::with_token();
    home.ok(&["generate", "aes:256", "wrapping"]);
    home.ok(&["generate", "aes:256", "stays"]);
    let run = explain(&home, &["wrapping", "--op", "wrap", "--of", "stays"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.out.contains("no   CKA_EXTRACTABLE of it is false"), "{}", run.out);
    home.ok(&["generate", "aes:256", "leaves", "--extractable"]);
    let run = explain(
        &home,
        &["wrapping", "--op", "wrap", "--of", "leaves", "--mechanism", "CKM_AES_KEY_WRAP_KWP"],
    );
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(home.fails(&["explain", "wrapping", "--op", "sign", "--of", "leaves"]).contains("say --op wrap"));
    assert!(
        home.fails(&["explain", "wrapping", "--op", "wrap", "--of", "none"]).contains("no object that fits")
    );
}

#[test]
fn a_use_that_the_configuration_denies_is_told_so() {
    let home = Home::with_token();
    home.ok(&["generate", "aes:256", "key"]);
    home.configure("[mechanisms]\ndeny = [\"CKM_AES_ECB\"]\n");
    let run = explain(&home, &["key", "--op", "encrypt", "--mechanism", "CKM_AES_ECB"]);
    assert_eq!(run.code, 4, "{}{}", run.out, run.err);
    assert!(run.out.contains("the configuration does not offer CKM_AES_ECB"), "{}", run.out);
    assert!(!explain(&home, &["key", "--op", "encrypt"]).out.contains("CKM_AES_ECB,"));
}

#[test]
fn keys_and_mechanisms_that_are_not_there_are_errors() {
    let home = Home::with_token();
    assert!(home.fails(&["explain", "none", "--op", "sign"]).contains("no object that fits"));
    home.ok(&["generate", "aes:256", "key"]);
    let error = home.fails(&["explain", "key", "--op", "encrypt", "--mechanism", "CKM_NONE"]);
    assert!(error.contains("no mechanism `CKM_NONE`"), "{error}");
}

#[test]
fn those_whose_role_lets_them_use_a_key_are_named() {
    let home = Home::with_token();
    for (name, role) in [("op", "operator"), ("ann", "auditor"), ("km", "key-manager"), ("cy", "custodian")] {
        let mut add = home.command(&["role", "add", name, "--role", role]);
        assert_eq!(Run::from(add.env("COFFER_NEW_PIN", "wonderland").output().unwrap()).code, 0);
    }
    home.ok(&["generate", "rsa:2048", "key"]);
    let who =
        |arguments: &[&str]| home.json(&[&["explain", "key", "--json"], arguments].concat())["who"].clone();
    assert_eq!(who(&["--op", "sign"]), serde_json::json!(["user", "op"]));
    assert_eq!(who(&["--op", "unwrap"]), serde_json::json!(["user", "op", "km"]));
    assert_eq!(who(&["--op", "verify"]), serde_json::json!(["public"]));
    let mut auditor = home.command(&["explain", "key", "--op", "sign", "--as", "ann"]);
    let run = Run::from(auditor.env("COFFER_PIN", "wonderland").output().unwrap());
    assert!(run.code == 4 && run.out.contains("roles allow it to: user, op"), "{}{}", run.out, run.err);
}
