//! Tokens and their PINs.

use std::os::unix::fs::PermissionsExt;

use crate::{Home, PIN, Run, SO_PIN};

#[test]
fn a_token_is_made_shown_and_deleted() {
    let home = Home::empty();
    assert!(home.ok(&["info"]).contains("There is no token yet"));
    let made = home.json(&["init", "mine", "--json"]);
    assert_eq!((&made["schema"], &made["version"]), (&"coffer.init".into(), &1.into()));
    assert_eq!(
        (&made["label"], &made["slot"], &made["user_pin_set"]),
        (&"mine".into(), &0.into(), &true.into())
    );
    let info = home.json(&["info", "--json"]);
    assert_eq!(info["tokens"][0]["label"], "mine");
    assert_eq!(
        (&info["tokens"][0]["user_pin"], &info["tokens"][0]["so_pin"]),
        (&"set".into(), &"set".into())
    );
    assert!(home.ok(&["info"]).contains("mine"));
    assert!(home.fails(&["delete", "--entire-token"]).contains("not named"));
    assert!(home.fails(&["delete", "--entire-token", "--token", "mine"]).contains("--yes"));
    home.ok(&["delete", "--entire-token", "--token", "mine", "--yes"]);
    assert!(home.ok(&["info"]).contains("There is no token yet"));
}

#[test]
fn a_second_token_of_the_same_name_is_made_only_on_demand() {
    let home = Home::with_token();
    let error = home.fails(&["init", "mine"]);
    assert!(error.contains("already, in slot 0") && error.contains("--allow-duplicate"), "{error}");
    home.ok(&["init", "mine", "--allow-duplicate"]);
    let error = home.fails(&["list"]);
    assert!(error.contains("2 tokens fit") && error.contains("--token"), "{error}");
    home.ok(&["list", "--token", "pkcs11:slot-id=1"]);
}

#[test]
fn a_token_is_initialised_anew_only_with_a_yes_and_the_right_so_pin() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key"]);
    assert!(home.fails(&["init", "new", "--slot", "0"]).contains("will be lost"));
    let wrong = home
        .command(&["init", "new", "--slot", "0", "--yes"])
        .env("COFFER_SO_PIN", "99999")
        .output()
        .unwrap();
    assert!(Run::from(wrong).err.contains("CKR_PIN_INCORRECT"));
    assert!(home.ok(&["list"]).contains("ed25519"));
    home.ok(&["init", "new", "--slot", "0", "--yes"]);
    assert!(home.ok(&["list", "--token", "new"]).contains("no objects"));
}

#[test]
fn pins_come_from_files_descriptors_and_the_environment() {
    let home = Home::with_token();
    let list = |arguments: &[&str]| Run::from(home.bare().arg("list").args(arguments).output().unwrap());
    home.ok(&["generate", "ed25519", "key"]);
    let file = home.write("pin", b"1234\r\nthe rest is not read\n");
    for arguments in [
        vec!["--pin-file", file.as_str()],
        vec![&*format!("pkcs11:token=mine?pin-source=file:{file}")],
        vec![&*format!("pkcs11:token=mine?pin-source={file}")],
    ] {
        let run = list(&arguments);
        assert!(
            run.code == 0 && run.out.contains("private") && run.err.is_empty(),
            "{arguments:?} {}",
            run.err
        );
    }
    // A descriptor: the shell opens it.
    let script = format!("exec \"$0\" list --pin-fd 3 3<'{file}'");
    let mut shell = std::process::Command::new("sh");
    shell
        .env_clear()
        .env("COFFER_HOME", home.path("tokens"))
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_coffer"));
    let run = Run::from(shell.output().unwrap());
    assert!(run.code == 0 && run.out.contains("private"), "{}", run.err);

    std::fs::set_permissions(home.path("pin"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(list(&["--pin-file", &file]).err.contains("warning: others can read"));
    let empty = home.write("empty", b"\n1234\n");
    assert!(list(&["--pin-file", &empty]).err.contains("is empty"));
    assert!(list(&["--pin-file", &home.argument("none")]).err.contains("cannot be read"));
    let nothing = list(&["--login"]);
    assert!(
        nothing.code == 1 && nothing.err.contains("--pin-file FILE, --pin-fd N or COFFER_PIN"),
        "{}",
        nothing.err
    );
    let both = list(&["--pin-file", &file, "--pin-fd", "3"]);
    assert!(both.code == 1 && both.err.contains("cannot be used with"), "{}", both.err);
}

#[test]
fn without_a_pin_only_public_objects_are_shown() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key"]);
    let run = Run::from(home.bare().arg("list").output().unwrap());
    assert!(run.out.contains("public") && !run.out.contains("private"));
    assert!(run.err.contains("add --login"));
    let json = Run::from(home.bare().args(["list", "--json"]).output().unwrap());
    assert!(json.out.contains("\"logged_in\": false"));
}

#[test]
fn the_user_changes_the_pin_and_the_officer_sets_it_anew() {
    let home = Home::with_token();
    let with_new = |arguments: &[&str], pin: &str, new: &str| {
        Run::from(home.command(arguments).env("COFFER_PIN", pin).env("COFFER_NEW_PIN", new).output().unwrap())
    };
    let changed = with_new(&["pin", "change"], PIN, "abcdef");
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert!(home.fails(&["list", "--login"]).contains("CKR_PIN_INCORRECT"));
    assert!(with_new(&["pin", "change"], "abcdef", "abc").err.contains("CKR_PIN_LEN_RANGE"));
    assert_eq!(with_new(&["pin", "reset"], "", PIN).code, 0);
    home.ok(&["list", "--login"]);
    assert_eq!(with_new(&["pin", "change", "--so"], "", "new-so-pin").code, 0);
    let wrong = with_new(&["pin", "reset"], "", PIN);
    assert!(wrong.code == 1 && wrong.err.contains("the security officer cannot log in"), "{}", wrong.err);
    let right = home
        .command(&["pin", "reset"])
        .env("COFFER_SO_PIN", "new-so-pin")
        .env("COFFER_NEW_PIN", PIN)
        .output();
    assert_eq!(Run::from(right.unwrap()).code, 0);
}

#[test]
fn wrong_pins_lock_the_token_and_the_officer_unlocks_it() {
    let home = Home::empty();
    home.write("tokens/coffer.toml", b"[pin]\nkdf-iterations = 10000\nattempts = 3\n");
    home.ok(&["init", "mine"]);
    let wrong = || Run::from(home.command(&["list"]).env("COFFER_PIN", "9999").output().unwrap());
    for _ in 0..3 {
        assert!(wrong().err.contains("CKR_PIN_INCORRECT"));
    }
    assert!(home.fails(&["list"]).contains("coffer pin reset"));
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["user_pin"], "locked");
    let doctor = home.run(&["doctor", "--quiet"]);
    assert!(doctor.code == 3 && doctor.out.contains("the user PIN of `mine` is locked"), "{}", doctor.out);
    let reset = home.command(&["pin", "unlock"]).env("COFFER_NEW_PIN", PIN).output().unwrap();
    assert_eq!(Run::from(reset).code, 0);
    home.ok(&["list", "--login"]);
}

#[test]
fn a_token_without_a_user_pin_says_how_to_set_it() {
    let home = Home::empty();
    assert!(home.ok(&["init", "mine", "--no-user-pin"]).contains("coffer pin reset"));
    assert!(home.fails(&["list", "--login"]).contains("CKR_USER_PIN_NOT_INITIALIZED"));
    assert_eq!(home.json(&["info", "--json"])["tokens"][0]["user_pin"], "not set");
    assert_eq!(home.run(&["doctor"]).code, 3);
}

#[test]
fn pins_and_labels_that_are_not_possible_are_refused_before_anything_is_made() {
    let home = Home::empty();
    let short = home.command(&["init", "mine"]).env("COFFER_PIN", "123").output().unwrap();
    assert!(Run::from(short).err.contains("must have 4 to 255 bytes"));
    assert!(home.fails(&["init", "a label of more than thirty-two bytes"]).contains("1 to 32 bytes"));
    assert!(home.fails(&["init", ""]).contains("1 to 32 bytes"));
    assert!(home.ok(&["info"]).contains("There is no token yet"));
    assert_eq!((PIN.len(), SO_PIN.len()), (4, 5));
}

#[test]
fn the_doctor_is_content_with_a_new_token_and_prints_lines_for_every_client() {
    let home = Home::with_token();
    let report = home.ok(&["doctor"]);
    for client in
        ["pkcs11-tool", "OpenSSL 3, pkcs11 engine", "pkcs11 provider", "Java", "NSS", "p11-kit", "OpenSSH"]
    {
        assert!(report.contains(client), "{client} is missing: {report}");
    }
    assert!(report.contains("libcoffer_pkcs11.so") && report.contains("pkcs11:token=mine"));
    let json = home.json(&["doctor", "--json"]);
    assert!(json["findings"].as_array().unwrap().iter().all(|finding| finding["state"] == "good"), "{json}");
}

#[test]
fn the_doctor_names_what_is_wrong() {
    let home = Home::with_token();
    let token = home.path("tokens/token-0.coffer");
    let doctor = |code: i32, sentence: &str| {
        let run = home.run(&["doctor", "--quiet"]);
        assert!(
            run.code == code && run.out.contains(sentence),
            "{code} {sentence}: {} {}",
            run.code,
            run.out
        );
    };
    std::fs::copy(&token, home.path("tokens/copy.coffer")).unwrap();
    doctor(3, "copies of one token");
    std::fs::remove_file(home.path("tokens/copy.coffer")).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    doctor(3, "others can read or write");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    home.configure("[mechanisms]\ndeny = ['CKM_NONSENSE']");
    doctor(3, "CKM_NONSENSE, which is no mechanism");
    home.configure("hom = 1");
    doctor(1, "did you mean `home`?");
    home.configure("");
    std::fs::write(home.path("tokens/token-1.coffer"), b"this is no token").unwrap();
    doctor(2, "token-1.coffer");
    assert_eq!(home.run(&["info"]).code, 2);
    home.ok(&["list", "--token", "mine"]);
    std::fs::remove_file(home.path("tokens/token-1.coffer")).unwrap();
    home.ok(&["generate", "ed25519", "one"]);
    home.ok(&["generate", "ed25519", "two"]);
    let verified = home.run(&["doctor", "--quiet", "--verify"]);
    assert!(
        verified.out.contains("every record of `mine` is authentic"),
        "{} {}",
        verified.out,
        verified.err
    );
    let mut bytes = std::fs::read(&token).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&token, bytes).unwrap();
    doctor(2, "token-0.coffer");
    let run = home.run(&["list"]);
    assert!(run.code == 2 && run.err.contains("coffer doctor"), "{} {}", run.code, run.err);
}

#[test]
fn a_token_can_be_made_with_argon2id_and_goes_on_with_it() {
    let home = Home::empty();
    home.ok(&["init", "mine", "--kdf", "argon2id"]);
    let derivations = || -> Vec<u16> {
        let file = std::fs::read(home.path("tokens/token-0.coffer")).unwrap();
        let wraps = crate::frames::frames(&file).into_iter().filter(|frame| frame.kind() == 5);
        wraps.map(|wrap| u16::from_le_bytes([wrap.0[24 + 8], wrap.0[24 + 9]])).collect()
    };
    assert_eq!(derivations(), [2, 2]);
    home.ok(&["generate", "ed25519", "key"]);
    let change = home.command(&["pin", "change"]).env("COFFER_NEW_PIN", "another").output().unwrap();
    assert_eq!(Run::from(change).code, 0);
    assert_eq!(derivations(), [2, 2]);
    assert!(home.fails(&["list", "--login"]).contains("CKR_PIN_INCORRECT"));
    let list = home.command(&["list", "--login"]).env("COFFER_PIN", "another").output().unwrap();
    assert_eq!(Run::from(list).code, 0);
}
