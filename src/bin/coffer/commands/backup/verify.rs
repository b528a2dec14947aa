//! `coffer backup verify`.

use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::lifecycle::backup::{self, Header, Inside, Opened};
use serde::Serialize;

use super::create::{LeftOutDocument, left_out};
use super::{named, open};
use crate::context::LoginOption;
use crate::dates::moment;
use crate::escrow::Opener;
use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    opener: Opener,
    /// Whose backup it must be: the id of the signing key, as the transcript or `coffer recovery show` names it
    #[arg(long, value_name = "ID")]
    signer: Option<String>,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    file: String,
    bytes: u64,
    backup: String,
    token: String,
    token_serial: String,
    made: String,
    signer: String,
    /// What has shown that the signer is the one that is expected; `null`: nothing was asked for.
    signer_known_by: Option<&'static str>,
    opens_with: Vec<String>,
    #[serde(flatten)]
    inside: Option<InsideDocument>,
}

#[derive(Serialize)]
struct InsideDocument {
    objects: u32,
    destroyed: Vec<String>,
    left_out: Vec<LeftOutDocument>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let (mut file, survey) = open(&self.file)?;
        let header = &survey.header;
        let shares = self.opener.shares()?;
        let signer = output::hex(&backup::signer_id(&header.signer)?);
        let known_by = self.signer_known_by(header, &signer, &shares)?;
        let seed = match self.opener.seed(&shares) {
            // One share tells who the signer is; it takes more to look inside.
            Err(failure) if failure.exit == Exit::Quorum => None,
            seed => seed?,
        };
        let inside = match &seed {
            Some(seed) => {
                Some(backup::check(&mut file, &survey, seed).map_err(|error| named(&self.file, error))?)
            }
            None => None,
        };
        let document = Document {
            file: self.file.display().to_string(),
            bytes: survey.length,
            backup: output::hex(&header.backup_id),
            token: header.label_text(),
            token_serial: header.serial_text(),
            made: moment(header.made),
            signer,
            signer_known_by: known_by,
            opens_with: header.recipients.iter().map(opener).collect(),
            inside: inside.as_ref().map(document),
        };
        self.tell(&document)
    }

    /// Compares the signer with everything that was given. Damage: it is another one.
    fn signer_known_by(
        &self,
        header: &Header,
        signer: &str,
        shares: &[Opened],
    ) -> Result<Option<&'static str>> {
        let another = |whose: &str| {
            let message = format!("{}: it was signed by {signer}, which is not {whose}", self.file.display());
            Err(Failure::damaged(message).advise("it is of another token, or forged; do not restore it"))
        };
        let mut known = None;
        if let Some(expected) = &self.signer {
            if !expected.eq_ignore_ascii_case(signer) {
                return another("the signer that was asked for");
            }
            known = Some("--signer");
        }
        for share in shares {
            if output::hex(&share.head.signer_id) != signer {
                return another(&format!("the token of the share of {}", share.custodian));
            }
            known = Some("share");
        }
        if self.login.token.token.is_some() {
            let login = self.login.log_in(false)?;
            if !backup::is_own(login.session.token(), &header.signer)? {
                return another(&format!("the token `{}`", login.token.label));
            }
            known = Some("token");
        }
        Ok(known)
    }

    fn tell(&self, document: &Document) -> Result<Exit> {
        let exit = if document.signer_known_by.is_some() { Exit::Success } else { Exit::Attention };
        if self.json {
            output::json("backup-verify", 2, document)?;
            return Ok(exit);
        }
        output::line(&format!(
            "{} is whole, and as its signer made it.\n  backup      {}\n  token       {} (serial number {})\n  made        {}\n  \
             signed by   {}\n  opens with  {}",
            document.file,
            document.backup,
            output::printable(&document.token),
            output::printable(&document.token_serial),
            document.made,
            document.signer,
            document.opens_with.join("\n              or ")
        ))?;
        match &document.inside {
            Some(inside) => {
                output::line(&format!(
                    "Everything in it was opened and checked: {}, {} that the token had destroyed.",
                    output::count(inside.objects as usize, "object"),
                    output::count(inside.destroyed.len(), "key")
                ))?;
                left_out(&inside.left_out)?;
            }
            None => output::line(
                "What is in it was not opened: name shares with --share, or a recipient's key with --key.",
            )?,
        }
        if exit == Exit::Attention {
            output::line(
                "attention: nothing was given to tell whose the signer is\n  → name a share with --share, the token with \
                 --token, or the signer with --signer",
            )?;
        }
        Ok(exit)
    }
}

fn opener(recipient: &backup::Recipient) -> String {
    match recipient.set {
        Some(set) => format!("any {} of the {} shares of set {}", set.threshold, set.count, set.id),
        None => format!("the recipient's key {}", output::hex(&recipient.key_id)),
    }
}

fn document(inside: &Inside) -> InsideDocument {
    InsideDocument {
        objects: inside.counts.objects,
        destroyed: inside.destroyed.iter().map(|destroyed| destroyed.unique_id.clone()).collect(),
        left_out: inside.left_out.iter().map(LeftOutDocument::from).collect(),
    }
}
