//! `coffer request OPERATION`: what can be asked for.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::approval::{self, Ask};
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::session::Session;

use super::show::tell_of;
use crate::commands::role::RoleOption;
use crate::consent::{self, Signer};
use crate::context::{Context, Found, TokenOption};
use crate::dates::{self, Edge};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, Entry, ObjectOption};
use crate::output;
use crate::pin::UserPin;
use crate::uri::Uri;

/// What all requests have.
#[derive(Args)]
struct Common {
    #[command(flatten)]
    signer: Signer,
    /// Why, for those who approve
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// For how long it is to hold; else as long as the rules allow
    #[arg(long, value_name = "TIME", value_parser = dates::length)]
    valid: Option<u64>,
    /// Write the request to a file, too, for those who approve elsewhere
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Destroy {
    #[command(flatten)]
    object: ObjectOption,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    object: ObjectOption,
    /// Only wrapped under this key of the token (its label)
    #[arg(long, value_name = "LABEL")]
    under: Option<String>,
    /// That a backup takes in private keys that sign
    #[arg(long, conflicts_with_all = ["object", "id", "class", "under"])]
    signing_backup: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Trust {
    #[command(flatten)]
    object: ObjectOption,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("change").required(true))]
pub struct Policy {
    /// A new account of this name
    #[arg(long, value_name = "NAME", group = "change", requires = "role")]
    add_account: Option<String>,
    /// Its role
    #[arg(long, value_enum, requires = "add_account")]
    role: Option<RoleOption>,
    /// The end of an account
    #[arg(long, value_name = "NAME", group = "change")]
    remove_account: Option<String>,
    /// A new PIN of an account
    #[arg(long, value_name = "NAME", group = "change")]
    account_pin: Option<String>,
    /// A new recovery key, in a token where its shares set user PINs
    #[arg(long, group = "change")]
    recovery_key: bool,
    /// That the clock's time is taken for the newest
    #[arg(long, group = "change")]
    accept_clock: bool,
    /// That a suspended or compromised key (its label) may process until a date
    #[arg(long, value_name = "LABEL", group = "change", requires = "until")]
    exception: Option<String>,
    /// Until when: the last day, or a time; coffer key except must be told the same
    #[arg(long, value_name = "DATE", requires = "exception")]
    until: Option<String>,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct PinReset {
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Initialise {
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    common: Common,
}

/// A token with somebody logged in.
struct Work {
    context: Context,
    found: Found,
    session: Arc<Session>,
}

impl Work {
    fn new(wanted: &Uri, pin: &UserPin) -> Result<Self> {
        let context = Context::load()?;
        let found = context.token(wanted)?;
        let session = context.user_session(&found, true, pin, wanted)?;
        Ok(Self { context, found, session })
    }

    /// The one object that fits; of a pair the private key.
    fn object(&self, wanted: &Uri) -> Result<Entry> {
        let mut found = objects::find(&self.session, wanted)?;
        let is_secret = |entry: &Entry| matches!(entry.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY);
        if found.len() > 1 && found.iter().any(is_secret) {
            found.retain(is_secret);
        }
        match (found.pop(), found.len()) {
            (None, _) => Err(objects::nothing(wanted, &self.found)),
            (Some(entry), 0) => Ok(entry),
            (Some(_), others) => Err(Failure::new(format!("{} objects fit", others + 1))
                .advise("say which with --id or --type, or with its URI (coffer list --uris)")),
        }
    }

    fn labelled(&self, label: &str) -> Result<Entry> {
        self.object(&Uri { object: Some(label.to_owned()), ..Uri::default() })
    }

    fn ask(&self, common: &Common, operation: Controlled, subject: Subject, about: String) -> Result<Exit> {
        let token = self.session.token();
        let ask = Ask {
            operation,
            subject,
            about,
            reason: common.reason.clone(),
            proposal: Vec::new(),
            valid: common.valid,
        };
        let signed = approval::request(token, &common.signer.read()?, &ask)?;
        if let Some(out) = &common.out {
            consent::write_request(out, &signed)?;
        }
        let standing = approval::show(token, &signed.request.id)?;
        let id = signed.request.id_text();
        let next = format!("It waits for approvals: coffer approve {id} --key FILE");
        tell_of(&standing, Some(&token.settings()?), Some(&next), common.json)
    }
}

fn about(entry: &Entry) -> String {
    format!("{} `{}`, {}", entry.class_name(), entry.label(), entry.kind())
}

impl Destroy {
    pub fn run(self) -> Result<Exit> {
        ask_for(&self.object, &self.common, Controlled::Destroy)
    }
}

impl Trust {
    pub fn run(self) -> Result<Exit> {
        ask_for(&self.object, &self.common, Controlled::Trust)
    }
}

fn ask_for(object: &ObjectOption, common: &Common, operation: Controlled) -> Result<Exit> {
    let wanted = object.named()?;
    let work = Work::new(&wanted, &common.pin)?;
    let entry = work.object(&wanted)?;
    work.ask(common, operation, Subject::key(&entry.unique_id()), about(&entry))
}

impl Export {
    pub fn run(self) -> Result<Exit> {
        if self.signing_backup {
            let work = Work::new(&self.object.token.uri()?, &self.common.pin)?;
            let about = "a backup that takes in private keys that sign".to_owned();
            return work.ask(&self.common, Controlled::Export, Subject::signing_backup(), about);
        }
        let wanted = self.object.named()?;
        let work = Work::new(&wanted, &self.common.pin)?;
        let entry = work.object(&wanted)?;
        let (subject, about) = match &self.under {
            Some(label) => {
                let under = work.labelled(label)?;
                let subject = Subject::wrapped(&entry.unique_id(), &under.unique_id());
                (subject, format!("{} under {}", about(&entry), self::about(&under)))
            }
            None => (Subject::key(&entry.unique_id()), about(&entry)),
        };
        work.ask(&self.common, Controlled::Export, subject, about)
    }
}

impl Policy {
    pub fn run(self) -> Result<Exit> {
        let work = Work::new(&self.token.uri()?, &self.common.pin)?;
        let (subject, about) = self.subject(&work)?;
        work.ask(&self.common, Controlled::Policy, subject, about)
    }

    fn subject(&self, work: &Work) -> Result<(Subject, String)> {
        if let (Some(name), Some(role)) = (&self.add_account, self.role) {
            let role = coffer_pkcs11::policy::Role::from(role);
            return Ok((
                Subject::account_added(name, role),
                format!("a new account `{name}`: {}", role.name()),
            ));
        }
        if let Some(name) = &self.remove_account {
            return Ok((Subject::account_removed(name), format!("the end of the account `{name}`")));
        }
        if let Some(name) = &self.account_pin {
            return Ok((Subject::account_pin(name), format!("a new PIN of the account `{name}`")));
        }
        if let (Some(label), Some(until)) = (&self.exception, &self.until) {
            let key = work.labelled(label)?;
            let until = dates::parse(until, work.context.now(), Edge::Through)?;
            let about = format!("{} may process until {}", about(&key), dates::show(until));
            return Ok((Subject::exception(&key.unique_id(), until), about));
        }
        if self.recovery_key {
            return Ok((Subject::recovery_key(), "a new recovery key, whose shares set user PINs".into()));
        }
        Ok((Subject::clock(), "the clock's time is taken for the newest".into()))
    }
}

impl PinReset {
    pub fn run(self) -> Result<Exit> {
        let work = Work::new(&self.token.uri()?, &self.common.pin)?;
        work.ask(&self.common, Controlled::PinReset, Subject::user_pin(), "a new user PIN".into())
    }
}

impl Initialise {
    pub fn run(self) -> Result<Exit> {
        let work = Work::new(&self.token.uri()?, &self.common.pin)?;
        let controlled = work.session.token().is_controlled(Controlled::Destroy);
        let operation = if controlled { Controlled::Destroy } else { Controlled::Policy };
        let about = format!("the token `{}` is initialised anew", output::printable(&work.found.label));
        work.ask(&self.common, operation, Subject::token(), about)
    }
}
