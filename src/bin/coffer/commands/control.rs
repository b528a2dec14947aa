//! `coffer control`: the rules of dual control, and the keys of those who approve.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::approval::{self, ParticipantKey, Refusal};
use coffer_pkcs11::policy::{Control, Controlled, Participant};
use serde::Serialize;

use crate::consent::{self, Asking, KEY_LABEL, PUBLIC_LABEL};
use crate::context::{Context, Login, LoginOption, TokenOption};
use crate::dates;
use crate::escrow;
use crate::failure::{Exit, Failure, Result};
use crate::keyfile::pem;
use crate::output;
use crate::pin::Passphrase;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the key pair of a participant
    Key(Key),
    /// Make or change the rules of a token: which operations need how many approvals, and whose
    Set(Set),
    /// Show the rules and the participants
    Show(Show),
    /// End the rules
    Off(Change),
}

#[derive(Args)]
struct Key {
    /// Where the private key is written; its public half goes beside it, into FILE.pub
    file: PathBuf,
    /// The participant's name
    #[arg(long)]
    name: String,
    /// Leave the private key in the open, not closed with a passphrase
    #[arg(long)]
    no_passphrase: bool,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Set {
    /// An operation and how many must approve it, such as destroy=2: destroy, export, trust, policy, pin-reset; as often as
    /// wanted. Without policy, that needs as many as the strictest
    #[arg(long, value_name = "OPERATION=N", required = true, value_parser = rule)]
    rule: Vec<(Controlled, u8)>,
    /// The public key of a participant (FILE.pub of coffer control key); once for each
    #[arg(long, value_name = "FILE.pub", required = true)]
    participant: Vec<PathBuf>,
    /// For how long a request holds, at most
    #[arg(long, value_name = "TIME", value_parser = dates::length, default_value = "7d")]
    valid: u64,
    #[command(flatten)]
    change: Change,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    token: TokenOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Who changes the rules, or asks for it.
#[derive(Args)]
struct Change {
    #[command(flatten)]
    login: LoginOption,
    #[command(flatten)]
    asking: Asking,
    /// Why, for those who approve
    #[arg(long, value_name = "TEXT", requires = "request")]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    token: String,
    /// How many approvals each operation needs; none without rules.
    rules: Vec<Rule>,
    participants: Vec<Person>,
    /// Seconds for which a request holds at most.
    valid: Option<u32>,
    /// The request for the change, where it was only asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

#[derive(Serialize)]
struct Rule {
    operation: &'static str,
    approvals: u8,
}

#[derive(Serialize)]
struct Person {
    name: String,
    public_key: String,
}

fn rule(text: &str) -> std::result::Result<(Controlled, u8), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, needed)| Some((Controlled::named(name)?, needed.parse().ok()?)));
    parsed.ok_or_else(|| {
        let names: Vec<&str> = Controlled::ALL.into_iter().map(Controlled::name).collect();
        format!("write OPERATION=N, with one of {}", names.join(", "))
    })
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        match self.command {
            Command::Key(key) => key.run(),
            Command::Set(set) => set.run(),
            Command::Show(show) => show.run(),
            Command::Off(change) => change.run(None),
        }
    }
}

impl Key {
    fn run(self) -> Result<Exit> {
        let key = ParticipantKey::generate(&self.name)?;
        let passphrase = if self.no_passphrase { None } else { Some(self.passphrase.source().read_new()?) };
        let private = pem::encode(KEY_LABEL, key.to_file(passphrase.as_ref())?.as_bytes())?;
        escrow::write_new(&self.file, private.as_bytes(), true)?;
        let mut public = self.file.clone().into_os_string();
        public.push(".pub");
        let public = PathBuf::from(public);
        let contents = pem::encode(PUBLIC_LABEL, &approval::public_file(&key.participant()))?;
        escrow::write_new(&public, contents.as_bytes(), false)?;
        if self.json {
            let (name, public_key) = (self.name.clone(), output::hex(&key.public_key()));
            output::json("control-key", 1, Person { name, public_key })?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "The key of `{}` is in {}. Give {} to whoever makes the rules (coffer control set).\n  public key  {}",
            self.name,
            self.file.display(),
            public.display(),
            output::hex(&key.public_key())
        ))?;
        Ok(Exit::Success)
    }
}

impl Set {
    fn run(self) -> Result<Exit> {
        let participants = self.participant.iter().map(|path| {
            let block = escrow::read_block(path, PUBLIC_LABEL)?;
            approval::read_public_file(block.as_bytes())
                .map_err(|error| Failure::from(error).while_doing(&path.display().to_string()))
        });
        let participants: Vec<Participant> = participants.collect::<Result<_>>()?;
        let mut rules: std::collections::BTreeMap<_, _> = self.rule.iter().copied().collect();
        let strictest = rules.values().copied().max().unwrap_or(1);
        rules.entry(Controlled::Policy).or_insert(strictest);
        let validity = u32::try_from(self.valid).unwrap_or(u32::MAX);
        let control = Control { rules, participants, validity };
        self.change.run(Some(&control))
    }
}

impl Show {
    fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let token = context.token(&self.token.uri()?)?;
        let control = token.settings.control.as_ref();
        tell(&token.label, control, None, self.json)
    }
}

impl Change {
    /// Changes the rules, or asks for it.
    fn run(&self, control: Option<&Control>) -> Result<Exit> {
        let Login { session, token: found, context: _context } = self.login.log_in(true)?;
        let token = session.token();
        if let Some(control) = control {
            approval::check_rules(token, control)?;
        }
        let mut settings = token.settings()?;
        settings.control = control.cloned();
        let about = control.map_or("no dual control any more".to_owned(), approval::told);
        if let Some(id) = self.asking.ask(token, &settings, &about, self.reason.as_deref())? {
            if self.json {
                return tell(&found.label, token.control().as_deref(), Some(id), true);
            }
            output::line(&Asking::next(&id))?;
            return Ok(Exit::Success);
        }
        approval::set_control(token, control).map_err(|refusal| match refusal {
            Refusal::Token(Error::ActionProhibited) => consent::settings_missing(token, &settings)
                .unwrap_or_else(|| Error::ActionProhibited.into())
                .while_doing("the rules were not changed"),
            refusal => refusal.into(),
        })?;
        tell(&found.label, control, None, self.json)
    }
}

fn tell(label: &str, control: Option<&Control>, request: Option<String>, json: bool) -> Result<Exit> {
    if json {
        let none = std::collections::BTreeMap::new();
        let rules = control.map_or(&none, |control| &control.rules);
        let people = control.map_or(&[][..], |control| &control.participants);
        let document = Document {
            token: label.to_owned(),
            rules: rules
                .iter()
                .map(|(operation, approvals)| Rule { operation: operation.name(), approvals: *approvals })
                .collect(),
            participants: people
                .iter()
                .map(|person| Person { name: person.name.clone(), public_key: output::hex(&person.key) })
                .collect(),
            valid: control.map(|control| control.validity),
            request,
        };
        output::json("control", 1, document)?;
        return Ok(Exit::Success);
    }
    let Some(control) = control else {
        output::line(&format!("`{label}` has no dual control."))?;
        return Ok(Exit::Success);
    };
    output::line(&format!("`{label}` is under dual control."))?;
    let rows = control
        .rules
        .iter()
        .map(|(operation, needed)| vec![operation.name().to_owned(), format!("{needed} besides who asks")]);
    output::line(&output::table(&["operation", "approvals"], rows.collect()))?;
    let rows = control.participants.iter().map(|person| vec![person.name.clone(), output::hex(&person.key)]);
    output::line(&output::table(&["participant", "public key"], rows.collect()))?;
    output::line(&format!("A request holds for {} hours at most.", control.validity / 3600))?;
    Ok(Exit::Success)
}
