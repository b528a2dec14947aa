//! What holds for every command: JSON, completions, manual pages.

use crate::Home;
use crate::help::commands;

/// Commands that answer with something else than sentences: a shell script, the words of another tool, a conversation, a
/// file in a format that was asked for.
const WITHOUT_JSON: &[&str] = &[
    "audit export",
    "ceremony",
    "completions",
    "destroy certificate",
    "recovery recipient",
    "softhsm2-util",
];

/// The commands that have none below them, as one text each.
fn leaves(home: &Home) -> Vec<String> {
    let all = commands(home);
    let below = |command: &Vec<String>| all.iter().filter(|other| other.starts_with(command)).count();
    all.iter().filter(|command| below(command) == 1).map(|command| command.join(" ")).collect()
}

#[test]
fn every_command_that_tells_something_tells_it_as_json_too() {
    let home = Home::empty();
    let leaves = leaves(&home);
    assert!(leaves.len() > 20, "{leaves:?}");
    for command in
        leaves.iter().filter(|command| !WITHOUT_JSON.iter().any(|other| command.starts_with(other)))
    {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        assert!(home.ok(&arguments).contains("--json"), "coffer {command} has no --json");
    }
}

#[test]
fn every_document_has_a_schema_and_a_version() {
    let home = Home::with_token();
    home.ok(&["generate", "ed25519", "key", "--exportable"]);
    let (page, out, folder) = (home.argument("page.html"), home.argument("key.pem"), home.argument("tokens"));
    let runs: &[&[&str]] = &[
        &["info"],
        &["settings", "show"],
        &["settings", "set", "--clock-tolerance", "400"],
        &["list"],
        &["report", "--html", &page],
        &["generate", "aes:128", "more"],
        &["export", "key", "--out", &out],
        &["import", &out, "--label", "again", "--force"],
        &["explain", "key", "--op", "sign"],
        &["mechanisms"],
        &["selftest"],
        &["uri"],
        &["uri", "pkcs11:token=x"],
        &["verify"],
        &["compact"],
        &["man", &folder],
        &["delete", "more", "--yes"],
        &["pin", "change", "--new-pin-file", &home.write("pin", b"1234\n")],
    ];
    for arguments in runs {
        let document = home.json(&[*arguments, &["--json"]].concat());
        let schema = document["schema"].as_str().unwrap_or_default();
        assert!(
            schema.starts_with("coffer.") && document["version"].as_u64() >= Some(1),
            "{arguments:?}: {document}"
        );
    }
}

#[test]
fn completions_know_every_command() {
    let home = Home::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.ok(&["completions", shell]);
        for command in leaves(&home) {
            let first = command.split(' ').next().unwrap();
            assert!(script.contains(first), "{shell}: {first}");
        }
    }
    let script = home.write("coffer.bash", home.ok(&["completions", "bash"]).as_bytes());
    let check = std::process::Command::new("bash").args(["-n", &script]).status().unwrap();
    assert!(check.success(), "bash cannot read its completions");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let home = Home::empty();
    let folder = home.argument("man");
    assert!(home.fails(&["man", &folder]).contains("make the folder first"));
    std::fs::create_dir(&folder).unwrap();
    home.ok(&["man", &folder]);
    for command in commands(&home) {
        let name = [&["coffer".to_string()][..], &command].concat().join("-");
        let page = std::fs::read_to_string(format!("{folder}/{name}.1"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}");
    }
}
