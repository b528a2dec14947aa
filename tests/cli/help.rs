//! What `--help` says, as a snapshot: run with UPDATE_SNAPSHOTS=1 to write it anew.

use crate::{Home, Run};

/// Every command and its subcommands, as their help names them: `[]`, `["init"]`, `["pin"]`, `["pin", "change"]` …
pub fn commands(home: &Home) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while let Some(command) = all.get(at).cloned() {
        at += 1;
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = home.ok(&arguments);
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let below: Vec<Vec<String>> = lines
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(|name| [&command[..], &[name.to_string()]].concat())
            .collect();
        all.splice(at..at, below);
    }
    all
}

#[test]
fn the_help_of_every_command_is_the_one_that_was_reviewed() {
    let home = Home::empty();
    let mut all = String::new();
    for command in commands(&home) {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        all.push_str(&format!("$ coffer {}\n{}\n", arguments.join(" "), home.ok(&arguments)));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cli-help.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &all).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(golden == all, "the help differs from {path}; UPDATE_SNAPSHOTS=1 writes it anew:\n{all}");
}

#[test]
fn a_wrong_call_is_exit_code_one_and_help_is_zero() {
    let home = Home::empty();
    assert!(home.fails(&["lst"]).contains("'list'"));
    assert!(home.fails(&["list", "--jsn"]).contains("--json"));
    home.fails(&[]);
    assert_eq!(home.ok(&["--version"]), format!("coffer {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_self_test_passes_and_is_listed() {
    let home = Home::empty();
    let table = home.ok(&["selftest"]);
    assert!(table.contains("AES-GCM") && table.ends_with("0 tests failed.\n"), "{table}");
    let document: serde_json::Value = serde_json::from_str(&home.ok(&["selftest", "--json"])).unwrap();
    let tests = document["tests"].as_array().unwrap();
    assert!(tests.len() > 10 && tests.iter().all(|test| test["passed"] == true), "{document}");
}

#[test]
fn a_pin_on_the_command_line_is_no_option() {
    let home = Home::empty();
    assert!(home.fails(&["list", "--pin", "1234"]).contains("--pin"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::empty();
    let mut child = home.command(&["mechanisms"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let output = home.command(&["mechanisms", "--markdown"]).output().unwrap();
    assert!(Run::from(output).out.starts_with("| mechanism |"));
}

#[test]
fn the_page_of_the_mechanisms_is_what_the_code_says() {
    let home = Home::empty();
    let table = home.ok(&["mechanisms", "--markdown"]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mechanisms.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (text, rest) = page.split_at(page.find("| mechanism |").expect("the table"));
    let after = rest.find("\n\n").map_or("", |end| &rest[end + 1..]);
    let wanted = format!("{text}{table}{after}");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page == wanted, "docs/mechanisms.md is older than the code; UPDATE_SNAPSHOTS=1 writes it anew");
}
