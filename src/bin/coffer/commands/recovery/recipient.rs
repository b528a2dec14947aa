//! `coffer recovery recipient`: a key pair that opens backups.

use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::lifecycle::backup::Seed;

use crate::escrow::{self, PRIVATE_LABEL, PUBLIC_LABEL};
use crate::failure::{Exit, Result};
use crate::keyfile::pem;
use crate::output;
use crate::pin::Passphrase;

#[derive(Args)]
pub struct Arguments {
    /// Where the private key is written; its public half goes beside it, into FILE.pub
    file: PathBuf,
    /// Close the private key with a passphrase
    #[arg(long)]
    encrypt: bool,
    #[command(flatten)]
    passphrase: Passphrase,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let passphrase = if self.encrypt { Some(self.passphrase.source().read_new()?) } else { None };
        let seed = Seed::random()?;
        let half = seed.public_half()?;
        let private = pem::encode(PRIVATE_LABEL, seed.to_file(passphrase.as_ref())?.as_bytes())?;
        escrow::write_new(&self.file, private.as_bytes(), true)?;
        let mut public = self.file.clone().into_os_string();
        public.push(".pub");
        let public = PathBuf::from(public);
        escrow::write_new(&public, pem::encode(PUBLIC_LABEL, half.as_bytes())?.as_bytes(), false)?;
        output::line(&format!(
            "The key {} is in {}. Give {} to those who make backups for it.",
            output::hex(&half.key_id()?),
            self.file.display(),
            public.display()
        ))?;
        Ok(Exit::Success)
    }
}
