//! The script of a ceremony without a terminal.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::commands::import::read_file_up_to;
use crate::failure::{Failure, Result};

/// TOML: what is asked for at a terminal. No PIN and no passphrase stands in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Script {
    pub label: String,
    pub threshold: u8,
    /// Where the shares are written, one file for each custodian.
    pub folder: PathBuf,
    #[serde(default)]
    pub witness: Vec<String>,
    pub custodian: Vec<Custodian>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Custodian {
    pub name: String,
    /// Its first line closes the share.
    pub passphrase_file: Option<PathBuf>,
}

impl Script {
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_file_up_to(path, 64 << 10)?;
        let wrong = |why: String| {
            Failure::new(format!("the script {} cannot be used: {why}", path.display()))
                .advise("docs/backup.md shows one; nothing was made")
        };
        let text = std::str::from_utf8(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        toml::from_str(text).map_err(|error| wrong(error.to_string()))
    }
}
