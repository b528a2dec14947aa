//! `p11-conformance profiles` on the module that the workspace builds (or $COFFER_MODULE), with cases of our own in the form
//! of the document "PKCS #11 Profiles": a right expectation passes, a wrong one fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn module() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_p11-conformance")).with_file_name("libcoffer_pkcs11.so");
    let module = std::env::var_os("COFFER_MODULE").map_or(beside, PathBuf::from);
    assert!(module.exists(), "{} is missing: build the workspace first", module.display());
    module
}

/// Plays the cases in this folder under tests/profiles.
fn play(folder: &str, case: &str, more: &[&str]) -> Output {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/profiles");
    let setup = format!("{case}={}", profiles.join("setup/rsa-key-pair.xml").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_p11-conformance"));
    command.args(["profiles", "--setup", &setup, "--exact"]).args(more);
    command.arg("--coffer").arg(module()).arg("--cases").arg(profiles.join(folder));
    command.output().expect("the program runs")
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[test]
fn cases_with_right_expectations_pass() {
    let output = play("cases", "signature", &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output).matches("passed, 0 values vary").count(), 2, "{}", text(&output));
}

#[test]
fn a_case_with_a_wrong_expectation_fails() {
    let output = play("wrong", "wrong-signature", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("C_Sign/Signature is "), "{}", text(&output));
}

#[test]
fn a_permission_names_the_answer_and_must_be_needed() {
    let folder = std::env::temp_dir().join(format!("p11-conformance-permissions-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let permitted = |name: &str, lines: &str| {
        let file = folder.join(name);
        std::fs::write(&file, lines).expect("a file");
        play("wrong", "wrong-signature", &["--permitted", &file.to_string_lossy()]).status.code()
    };
    let line = "wrong-signature C_Sign/Signature * its first digit is wrong\n";
    let unneeded = "wrong-signature C_Logout/Nothing * not needed\n";
    let any = permitted("any", line);
    let other = permitted("other", &line.replace('*', "00"));
    let unused = permitted("unused", &format!("{line}{unneeded}"));
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert_eq!((any, other, unused), (Some(0), Some(1), Some(1)));
}
