//! `coffer rotate`: new keys in the place of old ones.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::verify::{self, Keys};
use crate::care;
use crate::context::Context;
use crate::failure::{Exit, Result};
use crate::output;

#[derive(Subcommand)]
pub enum Rotate {
    /// Give a token's file a new root key; the keys in it, PINs and logins stay as they are
    RootKey(RootKey),
}

#[derive(Args)]
pub struct RootKey {
    #[command(flatten)]
    keys: Keys,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct RotatedRootKey {
    file: PathBuf,
    label: String,
    /// Counted from 1.
    root_key_version: u32,
    /// Objects and other records whose keys were wrapped anew.
    records: usize,
    /// The length of the file, in bytes.
    length: u64,
}

impl Rotate {
    pub fn run(self) -> Result<Exit> {
        match self {
            Self::RootKey(arguments) => arguments.run(),
        }
    }
}

impl RootKey {
    fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let path = care::file(&context, self.keys.named())?;
        let failed = |error| care::failure(&path, &error);
        let vault = care::open(context.config(), &path).map_err(failed)?;
        let (entry, pin) = self.keys.pin()?;
        vault.login(entry, &pin).map_err(failed)?.rotate_root().map_err(failed)?;
        let label = verify::label(&vault);
        let (version, records, length) = (vault.root_version(), vault.records().len(), vault.sizes().0);
        if self.json {
            let rotated = RotatedRootKey { file: path, label, root_key_version: version, records, length };
            output::json("rotate-root-key", 1, rotated)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "Token `{}` is under its root key number {version} now; {} stay as they were. Copies of the older file still \
             open with the PINs of their time.",
            output::printable(&label),
            output::count(records, "record"),
        ))?;
        Ok(Exit::Success)
    }
}
