//! The modules under test, and the folder and environment that each child process gives them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where Debian puts SoftHSM2.
pub const SOFTHSM2: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A module as the command line describes it.
#[derive(Clone, Debug)]
pub struct ModuleSpec {
    pub name: String,
    pub path: PathBuf,
    /// Environment variables; `{dir}` stands for the folder of the child.
    pub env: Vec<(String, String)>,
    /// A file written into the folder first: name and contents, with `{dir}` as above.
    pub file: Option<(String, String)>,
    /// A shell command run first, with `{dir}` as above.
    pub prepare: Option<String>,
}

impl ModuleSpec {
    pub fn new(name: &str, path: impl Into<PathBuf>) -> ModuleSpec {
        ModuleSpec { name: name.into(), path: path.into(), env: Vec::new(), file: None, prepare: None }
    }

    /// SoftHSM2 with its configuration and its tokens in the folder.
    pub fn softhsm2(path: impl Into<PathBuf>) -> ModuleSpec {
        let mut spec = ModuleSpec::new("softhsm2", path);
        spec.env.push(("SOFTHSM2_CONF".into(), "{dir}/softhsm2.conf".into()));
        let configuration = "directories.tokendir = {dir}\nobjectstore.backend = file\nlog.level = ERROR\n";
        spec.file = Some(("softhsm2.conf".into(), configuration.into()));
        spec
    }

    /// Coffer with its tokens in the folder.
    pub fn coffer(path: impl Into<PathBuf>) -> ModuleSpec {
        let mut spec = ModuleSpec::new("coffer", path);
        spec.env.push(("COFFER_HOME".into(), "{dir}".into()));
        spec
    }

    /// Coffer with as few iterations of its key derivation as it allows, so that a login hides nothing else that it does;
    /// other modules as they are.
    pub fn with_cheap_login(mut self) -> ModuleSpec {
        if self.name == "coffer" && self.file.is_none() {
            self.file = Some(("coffer.toml".into(), "[pin]\nkdf-iterations = 10000\n".into()));
        }
        self
    }

    /// Writes what the module needs into its folder.
    pub fn prepare(&self, folder: &Path) -> Result<(), String> {
        let fill = |text: &str| text.replace("{dir}", &folder.to_string_lossy());
        if let Some((name, contents)) = &self.file {
            fs::write(folder.join(name), fill(contents)).map_err(|error| format!("{name}: {error}"))?;
        }
        if let Some(command) = &self.prepare {
            let status = Command::new("sh").arg("-c").arg(fill(command)).status();
            let status = status.map_err(|error| format!("{command}: {error}"))?;
            if !status.success() {
                return Err(format!("{command}: {status}"));
            }
        }
        Ok(())
    }

    /// Gives a child process the module's environment.
    pub fn apply(&self, command: &mut Command, folder: &Path) {
        for (key, value) in &self.env {
            command.env(key, value.replace("{dir}", &folder.to_string_lossy()));
        }
    }
}

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty folder under the system's temporary folder, readable by its owner alone.
    pub fn new() -> Result<Folder, String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("p11-conformance-{}-{number}", std::process::id()));
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Copies the contents of another folder into this one.
    pub fn copy_from(&self, other: &Path) -> Result<(), String> {
        copy(other, &self.0).map_err(|error| format!("{}: {error}", other.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::DirBuilder::new().recursive(true).create(&target)?;
            fs::set_permissions(&target, entry.metadata()?.permissions())?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
