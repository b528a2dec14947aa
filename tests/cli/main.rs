//! The tool `coffer`, run as people run it: each test on a folder of its own, with as few iterations as allowed.

mod audit;
mod backup;
mod care;
mod control;
mod destruction;
mod errors;
mod everywhere;
mod exits;
mod explain;
mod files;
#[path = "../storage/frames.rs"]
#[allow(dead_code, reason = "shared with the campaigns, which use all of it")]
mod frames;
mod help;
mod key;
mod inventory;
mod keys;
mod last_use;
mod migrate;
mod quorum;
mod rotation;
mod settings;
mod roles;
mod softhsm2_util;
mod stateful;
mod tokens;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub const PIN: &str = "1234";
pub const SO_PIN: &str = "56789";

/// A folder for tokens and files.
pub struct Home {
    folder: tempfile::TempDir,
}

/// How a run ended.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Home {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        std::fs::set_permissions(folder.path().join("tokens"), std::fs::Permissions::from_mode(0o700))
            .unwrap();
        let home = Self { folder };
        home.configure("");
        home
    }

    /// A folder with a token `mine`.
    pub fn with_token() -> Self {
        let home = Self::empty();
        home.ok(&["init", "mine"]);
        home
    }

    /// Writes the configuration: `text`, and as few iterations as allowed.
    pub fn configure(&self, text: &str) {
        self.write("tokens/coffer.toml", format!("{text}\n[pin]\nkdf-iterations = 10000\n").as_bytes());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path as an argument.
    pub fn argument(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_string()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        self.argument(name)
    }

    /// The tool with nothing of this machine's environment, no terminal and no PIN.
    pub fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coffer"));
        command
            .env_clear()
            .env("COFFER_HOME", self.path("tokens"))
            .env("COLUMNS", "100")
            .stdin(Stdio::null());
        command
    }

    /// The tool with both PINs in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare();
        command.env("COFFER_PIN", PIN).env("COFFER_SO_PIN", SO_PIN).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().unwrap())
    }

    /// Runs what must succeed; answers what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        run.out
    }

    /// Runs what must fail with exit code 1; answers the error.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}{}", run.out, run.err);
        run.err
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs openssl with this input; it is how the outcome is judged by somebody else.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
