//! Errors: a sentence, an advice, an exit code. These texts are what people read; a change here is on purpose.

use crate::{Home, Run};

#[test]
fn errors_say_what_is_wrong_and_what_to_do() {
    let home = Home::empty();
    let folder = home.argument("tokens");
    let expect = |arguments: &[&str], text: &str| {
        assert_eq!(home.fails(arguments), text.replace("FOLDER", &folder), "{arguments:?}");
    };
    expect(
        &["list"],
        "error: there is no token in FOLDER\n\
         advice: make one with: coffer init LABEL; or set COFFER_HOME to the folder that holds yours\n",
    );
    home.ok(&["init", "mine"]);
    expect(
        &["list", "--token", "yours"],
        "error: there is no token that fits pkcs11:token=yours in FOLDER\nadvice: there are: `mine`\n",
    );
    expect(
        &["export", "key"],
        "error: token `mine` has no object that fits pkcs11:object=key\n\
         advice: coffer list --token mine --login shows what there is\n",
    );
    expect(
        &["init", "mine"],
        "error: there is a token `mine` already, in slot 0\n\
         advice: take another label, add --allow-duplicate, or initialise that one anew with --slot 0\n",
    );
    let wrong = Run::from(home.command(&["list"]).env("COFFER_PIN", "4321").output().unwrap());
    assert_eq!(
        wrong.err,
        "error: the user cannot log in to `mine`: the PIN is not right (CKR_PIN_INCORRECT)\n\
         advice: repeated wrong PINs lock it; `coffer info` shows how it stands\n"
    );
}

#[test]
fn a_configuration_error_stops_every_command_and_suggests_the_right_key() {
    let home = Home::empty();
    home.write("tokens/coffer.toml", b"[pin]\nmin_length = 6\n");
    for command in
        [&["info"][..], &["list"], &["init", "x"], &["mechanisms"], &["softhsm2-util", "--show-slots"]]
    {
        let error = home.fails(command);
        assert!(
            error.contains("there is no key `pin.min_length`; did you mean `pin.min-length`?"),
            "{error}"
        );
    }
    home.write("tokens/coffer.toml", b"[pin]\nkdf-iterations = 1\n");
    assert!(home.fails(&["info"]).contains("must be a number from 10000 to 10000000"));
    home.write("tokens/coffer.toml", b"[pin\n");
    assert!(home.fails(&["info"]).contains("this is not TOML"));
}

#[test]
fn a_named_configuration_that_is_missing_is_an_error() {
    let home = Home::empty();
    let run = Run::from(home.command(&["info"]).env("COFFER_CONF", home.path("none.toml")).output().unwrap());
    assert!(run.code == 1 && run.err.contains("none.toml cannot be read"), "{}", run.err);
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let home = Home::empty();
    home.write("file", b"");
    let run =
        Run::from(home.command(&["init", "x"]).env("COFFER_HOME", home.path("file/below")).output().unwrap());
    assert!(run.code == 1 && run.err.contains("in which you may write"), "{} {}", run.code, run.err);
}

#[test]
fn pins_never_appear_in_what_is_printed() {
    let home = Home::with_token();
    for arguments in [&["list"][..], &["info"], &["doctor"], &["generate", "ed25519", "x"], &["pin", "reset"]]
    {
        let run =
            home.command(arguments).env("COFFER_PIN", "87654321").env("COFFER_SO_PIN", "99887766").output();
        let run = Run::from(run.unwrap());
        assert!(!format!("{}{}", run.out, run.err).contains("87654321"), "{arguments:?}");
        assert!(!format!("{}{}", run.out, run.err).contains("99887766"), "{arguments:?}");
    }
}

#[test]
fn a_label_does_not_steer_the_terminal() {
    let home = Home::with_token();
    let label = "evil\u{1b}[2J\u{7}\rlabel";
    let said = [
        home.ok(&["generate", "aes:256", label]),
        home.ok(&["list", "--login"]),
        home.ok(&["key", "state", label]),
        home.ok(&["explain", label, "--op", "encrypt"]),
        home.fails(&["generate", "aes:257", label]),
        home.fails(&["export", label]),
        home.fails(&["delete", &format!("{label}x")]),
        home.ok(&["init", label]),
    ];
    for text in said {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\r']), "{text:?}");
    }
}

#[test]
fn advice_about_names_with_blanks_and_quotes_can_be_pasted_into_a_shell() {
    let home = Home::empty();
    home.ok(&["init", "it's mine"]);
    let error = home.fails(&["export", "nothing"]);
    let advice = error.lines().find_map(|line| line.strip_prefix("advice: ")).unwrap();
    let pasted = advice.strip_suffix(" shows what there is").unwrap().strip_prefix("coffer ").unwrap();
    let coffer = home.command(&[]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{} {pasted}", coffer.get_program().to_str().unwrap())]);
    shell.envs(coffer.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = crate::Run::from(shell.output().unwrap());
    assert!(run.code == 0 && run.out.contains("no objects"), "{advice}: {}{}", run.out, run.err);
}
