//! Where the token folder and the configuration file are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::clock::Clock;

/// What the caller's environment says. Empty variables count as unset.
///
/// The library must fill this in with `secure_getenv`, so that a program with raised privileges cannot be led
/// to another folder by whoever starts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `COFFER_HOME`: the token folder.
    pub coffer_home: Option<PathBuf>,
    /// `COFFER_CONF`: the configuration file.
    pub coffer_conf: Option<PathBuf>,
    /// `XDG_DATA_HOME`; ignored when relative, as the XDG base directory specification says.
    pub xdg_data_home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`; ignored when relative, as the XDG base directory specification says.
    pub xdg_config_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// The effective user id.
    pub uid: u32,
    /// The time of day. `COFFER_FAKE_TIME` sets it, in builds with debug assertions alone.
    pub clock: Clock,
}

impl Environment {
    /// Asks `variable` for each variable by its name.
    pub fn from_variables(uid: u32, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            coffer_home: path("COFFER_HOME"),
            coffer_conf: path("COFFER_CONF"),
            xdg_data_home: path("XDG_DATA_HOME"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            home: path("HOME"),
            uid,
            clock: fake_time(&variable).unwrap_or_default(),
        }
    }

    /// The folder that `COFFER_HOME` names; a relative path is resolved against the current folder.
    pub(super) fn forced_folder(&self) -> Option<PathBuf> {
        self.coffer_home.as_deref().map(absolute)
    }

    /// Where the tokens are when no file says otherwise: `$COFFER_HOME`, else `$XDG_DATA_HOME/coffer`, else
    /// `/var/lib/coffer` for root and `~/.local/share/coffer` for everybody else.
    pub fn token_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = self.forced_folder() {
            return Some(folder);
        }
        if let Some(data) = self.xdg_data_home.as_deref().filter(|path| path.is_absolute()) {
            return Some(data.join("coffer"));
        }
        if self.uid == 0 {
            return Some(PathBuf::from("/var/lib/coffer"));
        }
        Some(absolute(self.home.as_deref()?).join(".local/share/coffer"))
    }

    /// Where a configuration file is looked for; the first that exists is the one.
    pub fn candidates(&self) -> Vec<PathBuf> {
        let mut candidates = Vec::new();
        if let Some(folder) = self.token_folder() {
            candidates.push(folder.join("coffer.toml"));
        }
        if let Some(config) = self.xdg_config_home.as_deref().filter(|path| path.is_absolute()) {
            candidates.push(config.join("coffer/coffer.toml"));
        } else if let Some(home) = self.home.as_deref().filter(|_| self.uid != 0) {
            candidates.push(absolute(home).join(".config/coffer/coffer.toml"));
        }
        candidates.push(PathBuf::from("/etc/coffer/coffer.toml"));
        candidates
    }

    /// The configuration file to read. The one that `COFFER_CONF` names must exist, so it is returned unseen.
    pub fn configuration_file(&self) -> Option<PathBuf> {
        if let Some(path) = self.coffer_conf.as_deref() {
            return Some(absolute(path));
        }
        // A file that is there but not accessible must not be passed over: it may forbid mechanisms.
        self.candidates().into_iter().find(|path| match std::fs::metadata(path) {
            Ok(_) => true,
            Err(error) => {
                !matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
            }
        })
    }
}

/// A released library does not let its environment decide what time it is.
fn fake_time(variable: impl Fn(&str) -> Option<OsString>) -> Option<Clock> {
    if cfg!(debug_assertions) { Clock::from_variable(&variable("COFFER_FAKE_TIME")?) } else { None }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
