//! Keys: generate, list, export, delete, and how they are named.

use crate::{Home, openssl};

#[test]
fn every_kind_of_key_is_made_and_listed() {
    let home = Home::with_token();
    // What is asked for, and its name in the list.
    let kinds = [
        ("rsa:2048", "rsa:2048"),
        ("ec:P-256", "ec:P-256"),
        ("ec:secp384r1", "ec:P-384"),
        ("P-521", "ec:P-521"),
        ("ec:secp256k1", "ec:secp256k1"),
        ("ec:brainpoolP256t1", "ec:brainpoolP256t1"),
        ("ed25519", "ed25519"),
        ("ed448", "ed448"),
        ("x25519", "x25519"),
        ("x448", "x448"),
        ("ml-dsa-44", "ml-dsa-44"),
        ("ml-kem-768", "ml-kem-768"),
        ("aes:128", "aes:128"),
        ("des3", "des3"),
        ("chacha20", "chacha20"),
        ("generic:512", "generic:512"),
    ];
    for (kind, _) in kinds {
        let made = home.json(&["generate", kind, &format!("key {kind}"), "--json"]);
        let pair = !["aes:128", "des3", "chacha20", "generic:512"].contains(&kind);
        assert_eq!(made["objects"].as_array().unwrap().len(), if pair { 2 } else { 1 }, "{made}");
        assert_eq!(made["objects"].as_array().unwrap().last().unwrap()["generated_here"], true);
    }
    let table = home.ok(&["list"]);
    for (_, shown) in kinds {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    assert_eq!(home.json(&["list", "--json"])["objects"].as_array().unwrap().len(), 28);
}

#[test]
fn kinds_that_do_not_exist_are_refused_with_those_that_do() {
    let home = Home::with_token();
    assert!(home.fails(&["generate", "ec:P-257", "x"]).contains("did you mean P-25"));
    assert!(home.fails(&["generate", "rsa:512", "x"]).contains("from 1024 to 8192"));
    assert!(home.fails(&["generate", "ed25519"]).contains("<LABEL>"));
    assert!(home.ok(&["generate", "ed25519", "--label", "option"]).contains("`option`"));
    assert!(home.fails(&["generate", "dsa", "x"]).contains("write rsa:3072"));
}

#[test]
fn uses_limit_what_a_key_can_do() {
    let home = Home::with_token();
    let made = home.json(&["generate", "rsa:2048", "signer", "--uses", "sign", "--json"]);
    assert_eq!(made["objects"][0]["uses"], serde_json::json!(["verify"]));
    assert_eq!(made["objects"][1]["uses"], serde_json::json!(["sign"]));
    let made = home.json(&["generate", "ec:P-256", "agreement", "--uses", "derive", "--json"]);
    assert_eq!(made["objects"][1]["uses"], serde_json::json!(["derive"]));
    let made = home.json(&["generate", "x25519", "exchange", "--json"]);
    assert_eq!(made["objects"][1]["uses"], serde_json::json!(["derive"]));
}

#[test]
fn an_id_is_given_once_unless_forced() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "one", "--id", "0a:0b"]);
    let error = home.fails(&["generate", "ed25519", "two", "--id", "0a0b"]);
    assert!(error.contains("the id 0a0b is that of `one`") && error.contains("--force"), "{error}");
    home.ok(&["generate", "aes:256", "wrap", "--id", "0a0b"]);
    home.ok(&["generate", "ed25519", "two", "--id", "0a0b", "--force"]);
    assert!(home.fails(&["generate", "ed25519", "x", "--id", "xyz"]).contains("not hexadecimal"));
}

#[test]
fn objects_are_named_by_label_id_type_and_uri() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "the key; 100%", "--id", "01"]);
    home.ok(&["generate", "ed25519", "other", "--id", "02"]);
    let count = |arguments: &[&str]| {
        let arguments = [&["list", "--json"], arguments].concat();
        home.json(&arguments)["objects"].as_array().unwrap().len()
    };
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&["the key; 100%"]), 2);
    assert_eq!(count(&["--id", "01"]), 2);
    assert_eq!(count(&["--id", "01", "--type", "private"]), 1);
    assert_eq!(count(&["pkcs11:object=the%20key%3B%20100%25;type=public"]), 1);
    assert_eq!(count(&["pkcs11:id=%01;type=private"]), 1);
    assert_eq!(count(&["pkcs11:token=mine;id=%03"]), 0);
    assert_eq!(count(&["pkcs11:manufacturer=Coffer;model=Coffer%20token"]), 4);
    for uri in home.ok(&["list", "--uris"]).lines() {
        assert_eq!(count(&[uri]), 1, "{uri}");
    }
    assert!(home.fails(&["list", "pkcs11:token=yours"]).contains("there are: `mine`"));
    assert!(home.fails(&["list", "pkcs11:tokn=mine"]).contains("did you mean token?"));
    assert!(home.fails(&["list", "pkcs11:id=%1"]).contains("two hexadecimal digits"));
    let refused = home.fails(&["list", "pkcs11:token=mine?pin-value=4321"]);
    assert!(refused.contains("pin-source") && !refused.contains("4321"), "{refused}");
}

#[test]
fn uris_are_taken_apart() {
    let home = Home::with_token();
    let parts = home.json(&["uri", "pkcs11:token=a%20b;id=%00%FF;type=cert", "--json"]);
    assert_eq!(
        (&parts["token"], &parts["id"], &parts["type"]),
        (&"a b".into(), &"00ff".into(), &"cert".into())
    );
    assert!(home.ok(&["uri"]).starts_with("pkcs11:token=mine;serial="));
}

#[test]
fn a_public_key_is_exported_and_fits_its_private_key() {
    let home = Home::with_token();
    for kind in ["rsa:2048", "ec:P-256", "ed25519", "x25519"] {
        home.ok(&["generate", kind, kind, "--exportable"]);
        let public = home.ok(&["export", kind]);
        let private = home.ok(&["export", kind, "--type", "private"]);
        let derived = openssl(&["pkey", "-pubout"], private.as_bytes());
        assert_eq!(String::from_utf8(derived).unwrap(), public, "{kind}");
        let der = home.command(&["export", kind, "--der"]).output().unwrap().stdout;
        assert_eq!(openssl(&["pkey", "-pubin", "-inform", "DER"], &der), public.as_bytes());
    }
}

#[test]
fn a_private_key_leaves_only_where_that_was_allowed() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "kept"]);
    home.ok(&["generate", "ed25519", "wrappable", "--extractable"]);
    home.ok(&["generate", "aes:256", "secret"]);
    home.ok(&["generate", "aes:256", "open", "--exportable"]);
    let error = home.fails(&["export", "kept", "--type", "private"]);
    assert!(error.contains("never leaves the token") && error.contains("--exportable"), "{error}");
    let error = home.fails(&["export", "wrappable", "--type", "private"]);
    assert!(error.contains("only wrapped") && error.contains("AES-KEY-WRAP"), "{error}");
    assert!(home.fails(&["export", "secret"]).contains("never leaves the token"));
    assert_eq!(home.command(&["export", "open"]).output().unwrap().stdout.len(), 32);
    assert!(home.fails(&["export", "nothing"]).contains("has no object that fits"));
    assert!(home.fails(&["export"]).contains("no object is named"));
}

#[test]
fn an_export_never_replaces_a_file_and_keeps_keys_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key", "--exportable"]);
    let file = home.argument("key.pem");
    home.ok(&["export", "key", "--type", "private", "--out", &file]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(home.fails(&["export", "key", "--out", &file]).contains("not replaced"));
}

#[test]
fn deleting_needs_a_yes_and_then_happens() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key"]);
    let error = home.fails(&["delete", "key"]);
    assert!(error.contains("2 objects will be lost") && error.contains("nothing was changed"), "{error}");
    assert_eq!(home.ok(&["delete", "key", "--type", "public", "--yes"]), "Deleted 1 object.\n");
    assert_eq!(home.ok(&["delete", "key", "--yes"]), "Deleted 1 object.\n");
    assert!(home.fails(&["delete", "key", "--yes"]).contains("has no object that fits"));
    assert!(home.fails(&["delete", "--yes"]).contains("no object is named"));
}

#[test]
fn mechanisms_that_are_denied_are_not_listed_and_not_used() {
    let home = Home::with_token();
    assert!(home.ok(&["mechanisms"]).contains("CKM_RSA_PKCS_KEY_PAIR_GEN"));
    assert!(home.ok(&["mechanisms", "aes_gcm"]).contains("CKM_AES_GCM"));
    home.configure("[mechanisms]\ndeny = ['CKM_RSA*']");
    let listed = home.ok(&["mechanisms"]);
    assert!(!listed.contains("CKM_RSA_PKCS") && listed.contains("denied by the configuration"), "{listed}");
    let error = home.fails(&["generate", "rsa:2048", "x"]);
    assert!(error.contains("CKR_MECHANISM_INVALID") && error.contains("coffer mechanisms"), "{error}");
    let json = home.json(&["mechanisms", "CKM_RSA_PKCS_PSS", "--json"]);
    assert_eq!(json["mechanisms"][0]["offered"], false);
}

#[test]
fn curves_are_known_by_the_names_that_other_tools_give_them() {
    let home = Home::with_token();
    for name in ["ec:p256", "ec:nistp256", "ec:P-256", "ec:prime256v1", "p256"] {
        assert!(home.ok(&["generate", name, name]).contains("the ec:P-256 key pair"), "{name}");
    }
    assert!(home.fails(&["generate", "ec:p255", "no"]).contains("no curve p255"));
}

#[test]
fn the_uri_of_a_key_whose_label_is_no_text_names_it_by_its_id() {
    use coffer_pkcs11::ck::*;
    use coffer_pkcs11::object::{SearchTemplate, Template, Value};
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key", "--id", "07"]);
    let module =
        coffer_pkcs11::module::Module::new(coffer_pkcs11::config::Config::with_home(home.path("tokens")));
    let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    let session = module.open_session(coffer_pkcs11::token::SlotId(0), flags).unwrap();
    let session = module.session(session).unwrap();
    session.login(CKU_USER, &coffer_pkcs11::secret::Secret::copy_of(crate::PIN.as_bytes())).unwrap();
    let mut search = SearchTemplate::new();
    search.push(CKA_CLASS, &CKO_PRIVATE_KEY.to_ne_bytes()).unwrap();
    session.find_init(&search).unwrap();
    let key = session.find(1).unwrap()[0];
    session.find_final().unwrap();
    let mut label = Template::new();
    label.push_value(CKA_LABEL, Value::Bytes(b"bad\xff".to_vec())).unwrap();
    session.set_attribute_values(key, &label).unwrap();
    let uris = home.ok(&["list", "--type", "private", "--uris"]);
    assert_eq!(uris, "pkcs11:token=mine;id=%07;type=private\n");
    home.ok(&["key", "state", uris.trim(), "suspend"]);
}

#[test]
fn what_is_no_text_is_not_written_to_a_terminal() {
    let home = Home::with_token();
    let file = home.write("bytes", b"\x1b]0;title\x07");
    home.ok(&["import", &file, "--data", "--label", "bytes"]);
    home.ok(&["generate", "ed25519", "key"]);
    assert_eq!(home.ok(&["export", "bytes"]), "\x1b]0;title\x07", "a pipe takes everything");
    let terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    for (arguments, code) in
        [(&["export", "bytes"][..], 1), (&["export", "key", "--der"], 1), (&["export", "key"], 0)]
    {
        let coffer = home.command(&[]);
        let mut command = std::process::Command::new("/usr/bin/python3");
        command.args(["-c", terminal]).arg(coffer.get_program()).args(arguments);
        command.envs(coffer.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run = crate::Run::from(command.stdin(std::process::Stdio::null()).output().unwrap());
        assert_eq!(run.code, code, "{arguments:?}: {}{}", run.out, run.err);
        assert_eq!(run.out.contains("name a file with --out"), code == 1, "{}", run.out);
    }
    assert!(home.fails(&["mechanisms", "zzz"]).contains("no mechanism has `ZZZ`"));
}
