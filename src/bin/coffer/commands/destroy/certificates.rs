//! `coffer destroy verify` and `coffer destroy certificate`: what is left when a key is gone.

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::lifecycle::destruction;
use serde::Serialize;

use crate::certificate;
use crate::context::LoginOption;
use crate::escrow;
use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Args)]
pub struct Verify {
    /// The certificate, in JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The public key that it must be signed with, in hexadecimal, as `coffer info` shows it
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Certificate {
    /// Its number, as `coffer list --state destroyed` tells it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    login: LoginOption,
}

impl Verify {
    pub fn run(self) -> Result<Exit> {
        let failed = |why: String| Failure::damaged(format!("{}: {why}", self.file.display()));
        let bytes = std::fs::read(&self.file)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", self.file.display())))?;
        let document: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| failed(format!("it is no JSON: {error}")))?;
        let expected = self.public_key.as_deref().map(output::unhex).transpose().map_err(Failure::new)?;
        let signed_by = certificate::verify(&document, expected.as_deref()).map_err(failed)?;
        if self.json {
            #[derive(Serialize)]
            struct Verified {
                public_key: String,
                /// Whether that is the key that was expected, or none was.
                expected: bool,
                certificate: serde_json::Value,
            }
            let verified = Verified {
                public_key: output::hex(&signed_by),
                expected: expected.is_some(),
                certificate: document,
            };
            output::json("destroy-verify", 1, verified)?;
            return Ok(Exit::Success);
        }
        output::line(&certificate::text(&document))?;
        output::line("\nThe signature is right.")?;
        if expected.is_none() {
            output::line(
                "Whose key that is, it does not tell: compare it with `coffer info`, or give --public-key.",
            )?;
        }
        Ok(Exit::Success)
    }
}

impl Certificate {
    pub fn run(self) -> Result<Exit> {
        let login = self.login.log_in(false)?;
        match destruction::certificate(login.session.token(), &self.id)? {
            Some(certificate) => {
                output::bytes(&certificate)?;
                output::line("")?;
                Ok(Exit::Success)
            }
            None => {
                Err(Failure::new(format!("token `{}` has no certificate {}", login.token.label, self.id))
                    .advise("coffer list --state destroyed tells the numbers of all"))
            }
        }
    }
}

/// Nothing is destroyed for which no certificate could be written.
pub fn writable(folder: &Path) -> Result<()> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| probe(folder));
    tried.map_err(|error| {
        Failure::new(format!("certificates cannot be written into {}: {error}", folder.display()))
            .advise("name another folder with --certificates; nothing was changed")
    })
}

/// Makes an empty file in a folder, and removes it.
fn probe(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".coffer-{}", std::process::id()));
    std::fs::File::create_new(&file)?;
    std::fs::remove_file(file)
}

/// An earlier certificate of the same destruction, which could not be finished then, makes room for this one.
pub fn write(path: &Path, document: &serde_json::Value) -> Result<()> {
    escrow::replace(path, format!("{document:#}\n").as_bytes()).map_err(|error| {
        Failure::new(format!("the key is destroyed, but {} cannot be written: {error}", path.display()))
            .advise(format!(
                "the certificate is kept in the token: coffer destroy certificate {}",
                path.file_stem().unwrap_or_default().display()
            ))
    })
}
