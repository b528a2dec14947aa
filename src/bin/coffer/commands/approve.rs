//! `coffer approve`: signs that somebody agrees with a request, at the token or elsewhere.

use std::path::{Path, PathBuf};

use clap::Args;
use coffer_pkcs11::lifecycle::approval::{self, ParticipantKey, Refusal, Standing};
use coffer_pkcs11::policy::SignedRequest;
use coffer_pkcs11::token::Token;

use super::request::{id_of, tell_of};
use crate::consent;
use crate::context::{Context, Login, LoginOption};
use crate::escrow::Passphrases;
use crate::failure::{Exit, Failure, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    /// The request: its id in the token or the beginning of it, or a file
    #[arg(value_name = "ID|FILE", required_unless_present = "add")]
    request: Option<String>,
    /// The private key of who approves (coffer control key)
    #[arg(long, value_name = "FILE", required_unless_present = "add")]
    key: Option<PathBuf>,
    #[command(flatten)]
    passphrases: Passphrases,
    /// Write the request with the approval to a file, away from the token; the request must be a file, too
    #[arg(long, value_name = "FILE", requires = "request")]
    out: Option<PathBuf>,
    /// Put the approvals in a file into the token; as often as wanted
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "key", "out"])]
    add: Vec<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        if let (Some(request), Some(out)) = (&self.request, &self.out) {
            return self.elsewhere(Path::new(request), out);
        }
        let Login { session, context: _context, .. } = self.login.log_in(true)?;
        let token = session.token();
        let standing = match &self.request {
            Some(request) => self.at_token(token, request)?,
            None => self.add(token)?,
        };
        let next = match standing.missing() {
            0 => "It is approved: the operation can be carried out once.".to_owned(),
            1 => "1 more must approve it.".to_owned(),
            missing => format!("{missing} more must approve it."),
        };
        tell_of(&standing, Some(&token.settings()?), Some(&next), self.json)
    }

    fn key(&self) -> Result<ParticipantKey> {
        let path = self
            .key
            .as_deref()
            .ok_or_else(|| Failure::new("no key is named").advise("name it with --key"))?;
        consent::read_key(path, &self.passphrases)
    }

    fn at_token(&self, token: &Token, request: &str) -> Result<Standing> {
        let path = Path::new(request);
        let id = match path.is_file() {
            true => consent::read_request(path)?.request.id,
            false => id_of(token, request)?,
        };
        let standing = approval::show(token, &id)?;
        if !self.yes {
            eprintln!("{}", consent::describe(&standing, Some(&token.settings()?)));
        }
        let key = self.key()?;
        output::confirm(&format!("`{}` approves this.", key.name()), self.yes)?;
        Ok(approval::approve(token, &id, &key)?)
    }

    /// Without the token: what it will verify is looked at as far as that is possible.
    fn elsewhere(&self, request: &Path, out: &Path) -> Result<Exit> {
        let mut signed = consent::read_request(request)?;
        let key = self.key()?;
        let context = Context::load()?;
        let refused = |refusal: Refusal| Failure::from(refusal).while_doing("nothing was signed");
        if signed.request.requester == key.name() {
            return Err(refused(Refusal::Own(key.name().to_owned())));
        }
        if signed.approvals.iter().any(|approval| approval.approver == key.name()) {
            return Err(refused(Refusal::Duplicate(key.name().to_owned())));
        }
        if context.now() >= signed.request.expires {
            return Err(refused(Refusal::Expired));
        }
        if !self.yes {
            eprintln!("{}", consent::describe_unverified(&signed));
        }
        output::confirm(&format!("`{}` approves this.", key.name()), self.yes)?;
        signed.approvals.push(key.approve(&signed.request, context.now())?);
        consent::write_request(out, &signed)?;
        output::line(&format!(
            "The approval of `{}` is in {}. At the token: coffer approve --add {}",
            key.name(),
            out.display(),
            out.display()
        ))?;
        Ok(Exit::Success)
    }

    fn add(&self, token: &Token) -> Result<Standing> {
        let mut last = None;
        for path in &self.add {
            let signed: SignedRequest = consent::read_request(path)?;
            let added = approval::add(token, &signed)
                .map_err(|refusal| Failure::from(refusal).while_doing(&path.display().to_string()))?;
            last = Some(added);
        }
        last.ok_or_else(|| Failure::new("no file is named"))
    }
}
