//! `coffer destroy`: the end of a key, with time to think before it and a certificate after it.

mod certificates;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::copies;
use coffer_pkcs11::lifecycle::destruction::{self, Destruction, Pending, Rewritten, Targets};
use coffer_pkcs11::lifecycle::signer;
use coffer_pkcs11::object::SearchTemplate;
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;
use serde::Serialize;

use super::key::copies::unique_id;
use crate::certificate;
use crate::consent;
use crate::context::{Context, Found, TokenOption};
use crate::dates::{self, moment};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, Entry, ObjectDocument};
use crate::output;
use crate::pin::UserPin;
use crate::uri::Uri;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Destroy {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    keys: Arguments,
}

#[derive(Subcommand)]
enum What {
    /// Check the signature of a certificate of destruction, and show what it says
    Verify(certificates::Verify),
    /// Show the certificate of a destruction once more, in JSON
    Certificate(certificates::Certificate),
}

#[derive(Args)]
struct Arguments {
    /// The keys: their labels, or PKCS#11 URIs
    #[arg(value_name = "LABEL|URI")]
    keys: Vec<String>,
    /// Only the key with this unique id (CKA_UNIQUE_ID), as `coffer list --json` tells it
    #[arg(long, value_name = "ID")]
    unique_id: Option<String>,
    /// Keep the public half of a pair
    #[arg(long)]
    keep_public: bool,
    /// How long to wait; until then the keys are suspended, and it can be undone
    #[arg(long, value_name = "TIME", value_parser = dates::length, default_value = "7d", conflicts_with = "now")]
    wait: u64,
    /// Do not wait
    #[arg(long)]
    now: bool,
    /// Give back keys that wait for their destruction
    #[arg(long, conflicts_with_all = ["now", "due", "list"])]
    undo: bool,
    /// Carry out what was decided and is due now
    #[arg(long, conflicts_with_all = ["keys", "unique_id", "now"])]
    due: bool,
    /// Show what was decided and not carried out yet
    #[arg(long, conflicts_with_all = ["keys", "unique_id", "now", "due"])]
    list: bool,
    /// Why, for the record and the certificate
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Write the certificates (JSON) into this folder, by their numbers
    #[arg(long, value_name = "FOLDER")]
    certificates: Option<PathBuf>,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    pin: UserPin,
    /// Do not ask; --unique-id must name the key
    #[arg(long, requires = "unique_id")]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What will be destroyed, and what else there is to know before.
#[derive(Serialize)]
struct Plan {
    objects: Vec<ObjectDocument>,
    /// Copies that may be elsewhere.
    copies: Vec<String>,
    /// What only these keys can open.
    lost: Vec<String>,
    #[serde(skip)]
    handles: Vec<ObjectHandle>,
    #[serde(skip)]
    label: String,
}

#[derive(Serialize)]
struct Waiting {
    certificate: String,
    keys: Vec<String>,
    unique_ids: Vec<String>,
    decided: String,
    due: String,
    reason: String,
    /// The objects are gone, but the file could not be written anew.
    unfinished: bool,
}

impl Waiting {
    fn of(pending: &Pending) -> Self {
        Self {
            certificate: pending.certificate.clone(),
            keys: pending.keys.iter().map(|key| key.label.clone()).collect(),
            unique_ids: pending.keys.iter().map(|key| key.unique_id.clone()).collect(),
            decided: moment(pending.decided),
            due: moment(pending.due),
            reason: pending.reason.clone(),
            unfinished: pending.removed.is_some(),
        }
    }
}

impl Waiting {
    /// What will happen, and how to undo it. The halves of a pair have one label, mostly.
    fn sentence(&self) -> String {
        let mut keys: Vec<_> = self.keys.iter().map(|key| format!("`{}`", output::printable(key))).collect();
        keys.dedup();
        let undo = self.unique_ids.first().map_or("", String::as_str);
        format!(
            "{} will be destroyed at {}. Until then: coffer destroy --undo --unique-id {undo}",
            keys.join(" and "),
            self.due
        )
    }
}

#[derive(Serialize)]
struct Report {
    token: String,
    plans: Vec<Plan>,
    waiting: Vec<Waiting>,
    certificates: Vec<serde_json::Value>,
    /// Sealed keys of what was destroyed are still in the file.
    #[serde(skip)]
    sealed_left: bool,
}

impl Destroy {
    pub fn run(self) -> Result<Exit> {
        match self.what {
            Some(What::Verify(arguments)) => arguments.run(),
            Some(What::Certificate(arguments)) => arguments.run(),
            None => self.keys.run(),
        }
    }
}

/// A session with the token that the command works on.
struct Work {
    context: Context,
    token: Found,
    session: std::sync::Arc<Session>,
}

impl Arguments {
    fn run(self) -> Result<Exit> {
        if let Some(folder) = &self.certificates {
            certificates::writable(folder)?;
        }
        let context = Context::load()?;
        let mut wanted = self.token.uri()?;
        if let Some(first) = self.keys.first().filter(|key| Uri::is_uri(key)) {
            let named = Uri::parse(first).map_err(Failure::new)?;
            wanted = Uri { object: None, id: None, class: None, ..named };
        }
        let token = context.token(&wanted)?;
        let session = context.user_session(&token, !self.list, &self.pin, &wanted)?;
        let work = Work { context, token, session };
        match () {
            () if self.list => self.list(&work),
            () if self.due => self.carry_out_due(&work),
            () if self.undo => self.undo(&work),
            () => self.destroy(&work),
        }
    }

    /// The keys that are named, each a private or secret key.
    fn named(&self, work: &Work) -> Result<Vec<Entry>> {
        let mut wanted = Vec::new();
        for key in &self.keys {
            let uri = if Uri::is_uri(key) {
                Uri::parse(key).map_err(Failure::new)?
            } else {
                Uri { object: Some(key.clone()), ..Uri::default() }
            };
            wanted.push(uri);
        }
        if wanted.is_empty() {
            if self.unique_id.is_none() {
                return Err(Failure::new("no key is named")
                    .advise("name it by its label, --unique-id or a PKCS#11 URI; `coffer list` shows them"));
            }
            wanted.push(Uri::default());
        }
        let mut named = Vec::new();
        for uri in wanted {
            let mut found = self.find(work, &uri)?;
            // A pair is one key; a public key that has no private half is one, too.
            if found.iter().any(|entry| is_secret(entry.class)) {
                found.retain(|entry| is_secret(entry.class));
            }
            match (found.pop(), found.is_empty()) {
                (None, _) => return Err(self.nothing(&uri, &work.token)),
                (Some(entry), true) => named.push(entry),
                (Some(last), false) => return Err(several(&found, &last, &work.token)),
            }
        }
        Ok(named)
    }

    fn find(&self, work: &Work, uri: &Uri) -> Result<Vec<Entry>> {
        let mut found = objects::find(&work.session, uri)?;
        if let Some(unique_id) = &self.unique_id {
            let mut search = SearchTemplate::new();
            search.push(CKA_UNIQUE_ID, unique_id.as_bytes())?;
            let handles = objects::search(&work.session, &search)?;
            found.retain(|entry| handles.contains(&entry.handle));
        }
        found.retain(|entry| is_secret(entry.class) || entry.class == CKO_PUBLIC_KEY);
        Ok(found)
    }

    /// The failure for what names no key.
    fn nothing(&self, uri: &Uri, token: &Found) -> Failure {
        match &self.unique_id {
            None => objects::nothing(uri, token),
            Some(unique_id) => Failure::new(format!(
                "token `{}` has no key with the unique id {} that fits",
                token.label,
                output::printable(unique_id)
            ))
            .advise("`coffer list --json --login` tells them; `coffer list --state destroyed` those of keys that are gone"),
        }
    }

    fn plan(&self, work: &Work, entry: &Entry) -> Result<Plan> {
        let token = work.session.token();
        let mut entries = vec![Entry::read(&work.session, entry.handle)?];
        let object = token.object(entry.handle)?;
        if !self.keep_public
            && let Some(public) = work.session.public_half(&object)?
        {
            entries.push(Entry::read(&work.session, public)?);
        }
        let unique_id = unique_id(&work.session, entry.handle)?;
        let known = copies::of_key(token, &unique_id)?;
        let outstanding = known.iter().map(|(_, copies)| copies).filter(|copies| !copies.are_confirmed());
        let copies =
            outstanding.map(|copies| format!("{} × {} {}", copies.count, copies.way.name(), copies.told()));
        let mut lost = Vec::new();
        for (_, other) in copies::all(token)? {
            if other.under.is_some_and(|under| under.unique_id == unique_id) {
                lost.push(format!("{} × `{}`, wrapped under this key", other.count, other.key.label));
            }
        }
        Ok(Plan {
            objects: entries.iter().map(|entry| entry.document(&work.token)).collect(),
            copies: copies.collect(),
            lost,
            handles: entries.iter().map(|entry| entry.handle).collect(),
            label: entry.label(),
        })
    }

    fn destroy(&self, work: &Work) -> Result<Exit> {
        let entries = self.named(work)?;
        let plans = entries.iter().map(|entry| self.plan(work, entry)).collect::<Result<Vec<_>>>()?;
        if !self.json || !self.yes {
            plans.iter().for_each(show);
        }
        for plan in &plans {
            confirm(&plan.label, self.yes)?;
        }
        let now = work.context.config().clock.now();
        let due = if self.now { now } else { now.saturating_add(self.wait) };
        let mut report = Report::new(work);
        for plan in &plans {
            let targets = Targets { handles: &plan.handles, reason: &self.reason, due };
            let pending = destruction::decide(work.session.token(), &targets).map_err(|error| {
                refused(error, work, plan).while_doing(&format!("`{}` was not destroyed", plan.label))
            })?;
            if due > now {
                report.waiting.push(Waiting::of(&pending));
            } else {
                self.carry_out(work, &pending, &mut report)?;
            }
        }
        report.plans = plans;
        self.finish(report)
    }

    fn carry_out_due(&self, work: &Work) -> Result<Exit> {
        let token = work.session.token();
        let now = work.context.config().clock.now();
        let mut report = Report::new(work);
        for pending in destruction::pending(token)? {
            if pending.due <= now || pending.removed.is_some() {
                self.carry_out(work, &pending, &mut report)?;
            } else {
                report.waiting.push(Waiting::of(&pending));
            }
        }
        if !self.json && report.certificates.is_empty() {
            output::line("No destruction is due.")?;
        }
        self.finish(report)
    }

    /// Destroys, certifies and writes the certificate.
    fn carry_out(&self, work: &Work, pending: &Pending, report: &mut Report) -> Result<()> {
        let token = work.session.token();
        let unique_id = pending.keys.first().map_or("", |key| key.unique_id.as_str());
        let destruction: Destruction = destruction::carry_out(token, unique_id)?;
        let document = certificate::make(&work.token, &destruction, |text| Ok(signer::sign(token, text)?))?;
        destruction::conclude(token, &destruction, document.to_string().as_bytes())?;
        let left = match destruction.rewritten {
            Rewritten::Failed(error) => {
                Some(format!("the file of the token could not be written anew ({error})"))
            }
            Rewritten::Done { traces_left: true, .. } => {
                Some("another program has written to the file of the token meanwhile".to_owned())
            }
            Rewritten::Done { .. } => None,
        };
        if let Some(why) = left {
            report.sealed_left = true;
            eprintln!(
                "attention: {why}; the sealed keys are still in it. Run `coffer destroy --due` when it can be written anew"
            );
        }
        if let Some(folder) = &self.certificates {
            certificates::write(&folder.join(format!("{}.json", pending.certificate)), &document)?;
        }
        report.certificates.push(document);
        Ok(())
    }

    fn undo(&self, work: &Work) -> Result<Exit> {
        for entry in self.named(work)? {
            let unique_id = unique_id(&work.session, entry.handle)?;
            destruction::undo(work.session.token(), &unique_id).map_err(|error| {
                Failure::from(error)
                    .while_doing(&format!("nothing was undone for `{}`", entry.label()))
                    .advise("coffer destroy --list shows what waits")
            })?;
            if !self.json {
                output::line(&format!("`{}` is again what it was.", output::printable(&entry.label())))?;
            }
        }
        let mut report = Report::new(work);
        report.waiting = destruction::pending(work.session.token())?.iter().map(Waiting::of).collect();
        if self.json {
            output::json("destroy", 1, report)?;
        }
        Ok(Exit::Success)
    }

    fn list(&self, work: &Work) -> Result<Exit> {
        let mut report = Report::new(work);
        report.waiting = destruction::pending(work.session.token())?.iter().map(Waiting::of).collect();
        if !self.json && report.waiting.is_empty() {
            output::line("No key waits for its destruction.")?;
        }
        self.finish(report)
    }

    fn finish(&self, report: Report) -> Result<Exit> {
        let unfinished = report.sealed_left || report.waiting.iter().any(|waiting| waiting.unfinished);
        if self.json {
            output::json("destroy", 1, report)?;
        } else {
            for certificate in &report.certificates {
                output::line(&certificate::text(certificate))?;
            }
            for waiting in &report.waiting {
                output::line(&waiting.sentence())?;
            }
        }
        Ok(if unfinished { Exit::Attention } else { Exit::Success })
    }
}

impl Report {
    fn new(work: &Work) -> Self {
        let token = work.token.uri().to_string();
        Self { token, plans: Vec::new(), waiting: Vec::new(), certificates: Vec::new(), sealed_left: false }
    }
}

fn is_secret(class: CK_OBJECT_CLASS) -> bool {
    matches!(class, CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY)
}

fn several(found: &[Entry], last: &Entry, token: &Found) -> Failure {
    let uris: Vec<String> =
        found.iter().chain([last]).map(|entry| format!("  {}", entry.uri(token))).collect();
    Failure::new(format!("{} keys fit:\n{}", uris.len(), uris.join("\n")))
        .advise("name one of them by --unique-id, or a URI with its id; `coffer list --json` tells both")
}

/// Why a destruction was not even decided.
fn refused(error: Error, work: &Work, plan: &Plan) -> Failure {
    let wait = work.token.settings.destruction_wait;
    if error == Error::ActionProhibited {
        let unique_id = plan.handles.first().and_then(|key| unique_id(&work.session, *key).ok());
        let subjects = [Subject::key(&unique_id.unwrap_or_default())];
        let ask =
            format!("coffer request destroy '{}'", plan.objects.first().map_or("", ObjectDocument::uri));
        if let Some(missing) = consent::missing(work.session.token(), Controlled::Destroy, &subjects, &ask) {
            return missing;
        }
    }
    match error {
        Error::ActionProhibited if wait > 0 => Failure::new(
            "it may not be destroyed (CKA_DESTROYABLE), waits for its destruction already, or is to go sooner than the token allows",
        )
        .advise(format!("a key of this token waits {} hours at least: --wait {}h", wait / 3600, wait.div_ceil(3600))),
        Error::ActionProhibited => {
            Failure::new("it may not be destroyed (CKA_DESTROYABLE), or waits for its destruction already")
                .advise("coffer destroy --list shows what waits")
        }
        error => error.into(),
    }
}

/// What will happen, on stderr: stdout is for what has happened.
fn show(plan: &Plan) {
    eprintln!("To be destroyed:");
    for object in &plan.objects {
        eprintln!("  {}", object.uri());
    }
    for (title, entries) in [
        ("Copies that may be elsewhere, and that this does not destroy:", &plan.copies),
        ("What nobody can open any more:", &plan.lost),
    ] {
        if !entries.is_empty() {
            eprintln!("{title}");
        }
        for entry in entries {
            eprintln!("  {}", output::printable(entry));
        }
    }
    eprintln!("Older copies of the token file keep these keys, and open with the PINs of their time.");
}

/// The label must be typed, so that nobody destroys the wrong key by a habit.
fn confirm(label: &str, yes: bool) -> Result<()> {
    use std::io::IsTerminal;
    if yes {
        return Ok(());
    }
    let shown = output::printable(label);
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!(
            "`{shown}` would be destroyed, and there is no terminal to ask at"
        ))
        .advise("add --yes and --unique-id if that is meant; nothing was changed"));
    }
    eprint!("Type the label ({shown}) to go on: ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && answer.trim_end_matches(['\n', '\r']) == label {
        return Ok(());
    }
    Err(Failure::new("not confirmed").advise("nothing was changed"))
}
