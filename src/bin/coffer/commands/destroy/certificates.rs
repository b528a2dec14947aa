//! `coffer destroy verify` and `coffer destroy certificate`: what is left when a key is gone.

use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::lifecycle::destruction;
use serde::Serialize;

use crate::certificate;
use crate::context::LoginOption;
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
    /// Its number, as the tombstone of the key and `coffer audit` tell it
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
                Err(Failure::new(format!("token `{}` has no certificate {}", login.token.label, self.id)))
            }
        }
    }
}
