//! `coffer migrate`: brings over what another token or a file holds.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;
use serde::Serialize;

use crate::context::{Context, Found, TokenOption};
use crate::failure::{Exit, Result};
use crate::migrate::plan::{self, Step, Verdict};
use crate::migrate::{Source, carry, files, pkcs11, softhsm2};
use crate::output;
use crate::pin::{Passphrase, SoPin, SourcePin, UserPin};
use crate::uri::Uri;

#[derive(Args)]
pub struct Arguments {
    /// Where from: softhsm2 (the folder that its configuration names), softhsm2:FOLDER, a PKCS#11 URI with a module-path, or
    /// a file with keys (PKCS#12, PEM, DER)
    #[arg(long, value_name = "SOURCE")]
    from: From,
    /// The token at the source, where there are several: its label or serial number
    #[arg(long, value_name = "LABEL")]
    source_token: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the plan is carried out
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Take keys whose id another key has
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    source_pin: SourcePin,
    #[command(flatten)]
    passphrase: Passphrase,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--from` names.
#[derive(Clone, Debug)]
enum From {
    Softhsm2(Option<PathBuf>),
    Module(Box<Uri>),
    File(PathBuf),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            None if text == "softhsm2" => Ok(From::Softhsm2(None)),
            Some(("softhsm2", folder)) if !folder.is_empty() => Ok(From::Softhsm2(Some(folder.into()))),
            _ if Uri::is_uri(text) => Ok(From::Module(Box::new(Uri::parse(text)?))),
            _ if text.is_empty() || text == "softhsm2:" => {
                Err("write softhsm2, softhsm2:FOLDER, 'pkcs11:token=LABEL?module-path=FILE' or the name of a file".into())
            }
            _ => Ok(From::File(text.into())),
        }
    }
}

#[derive(Serialize)]
struct Document {
    source: String,
    token: String,
    dry_run: bool,
    objects: Vec<Object>,
    unreadable: Vec<Unreadable>,
    moved: usize,
    present: usize,
    stayed: usize,
    /// Objects that are trusted at the source and not here.
    not_trusted: usize,
}

#[derive(Serialize)]
struct Object {
    /// `move`, `present` or `stays`.
    action: &'static str,
    #[serde(rename = "type")]
    class: String,
    kind: String,
    label: String,
    /// CKA_ID in hexadecimal.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Unreadable {
    file: String,
    reason: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let token = context.token(&wanted)?;
        let mut source = self.source()?;
        let unreadable = std::mem::take(&mut source.unreadable);
        let name = source.name.clone();
        let session = context.user_session(&token, true, &self.pin, &wanted)?;
        let steps = plan::of(source, &session, self.force)?;
        let mut document = self.document(&name, &token, &steps, unreadable);
        if !self.json {
            show(&document, &token)?;
        }
        if !self.dry_run && document.moved > 0 {
            let question =
                format!("Make {} in token `{}`?", output::count(document.moved, "object"), token.label);
            output::confirm(&question, self.yes)?;
            let trusted = carry::out(&steps, &name, &session)?;
            document.not_trusted -= self.trust(&context, &token, &session, &trusted)?;
        }
        if self.json {
            output::json("migrate", 1, &document)?;
        } else {
            self.tell(&document, &token)?;
        }
        let complete = document.stayed + document.unreadable.len() + document.not_trusted == 0;
        Ok(if complete { Exit::Success } else { Exit::Attention })
    }

    fn source(&self) -> Result<Source> {
        match &self.from {
            From::Softhsm2(folder) => {
                softhsm2::read(folder.as_deref(), self.source_token.as_deref(), &self.source_pin)
            }
            From::Module(uri) => pkcs11::read(uri, &self.source_pin),
            From::File(path) => files::read(path, &self.passphrase),
        }
    }

    /// Lets the security officer trust what was trusted, where the PIN is at hand. Answers for how many that worked.
    fn trust(
        &self,
        context: &Context,
        token: &Found,
        session: &Session,
        handles: &[ObjectHandle],
    ) -> Result<usize> {
        if handles.is_empty() || !self.so_pin.source().is_given() {
            return Ok(0);
        }
        session.logout()?;
        let officer = context.so_session(token, &self.so_pin)?;
        carry::trust(&officer, handles)
    }

    fn document(
        &self,
        source: &str,
        token: &Found,
        steps: &[Step],
        unreadable: Vec<(String, String)>,
    ) -> Document {
        let count = |name: &str| steps.iter().filter(|step| step.verdict.name() == name).count();
        let moving = |step: &&Step| matches!(step.verdict, Verdict::Move(_));
        Document {
            source: source.to_string(),
            token: token.uri().to_string(),
            dry_run: self.dry_run,
            objects: steps.iter().map(describe).collect(),
            unreadable: unreadable.into_iter().map(|(file, reason)| Unreadable { file, reason }).collect(),
            moved: count("move"),
            present: count("present"),
            stayed: count("stays"),
            not_trusted: steps.iter().filter(moving).filter(|step| carry::is_trusted(step)).count(),
        }
    }

    fn tell(&self, document: &Document, token: &Found) -> Result<()> {
        let moved = output::count(document.moved, "object");
        if self.dry_run {
            return output::line(&format!(
                "Nothing was done: {moved} would be made in token `{}`.",
                token.label
            ));
        }
        output::line(&format!(
            "{moved} made in token `{}`; nothing was changed at the source.",
            token.label
        ))?;
        if document.not_trusted > 0 {
            output::line(&format!(
                "{} trusted at the source and not here. The security officer trusts public objects when the PIN is given \
                 with --so-pin-file; private ones cannot be trusted.",
                match document.not_trusted {
                    1 => "1 object is".to_string(),
                    more => format!("{more} objects are"),
                }
            ))?;
        }
        Ok(())
    }
}

fn describe(step: &Step) -> Object {
    let reason = match &step.verdict {
        Verdict::Stays(why) => Some(why.clone()),
        Verdict::Move(_) | Verdict::Present => None,
    };
    Object {
        action: step.verdict.name(),
        class: step.item.class_name(),
        kind: step.item.kind(),
        label: step.item.label(),
        id: output::hex(step.item.id()),
        reason,
        notes: step.notes.clone(),
    }
}

fn show(document: &Document, token: &Found) -> Result<()> {
    output::line(&format!("From {} into token `{}`:", document.source, token.label))?;
    let rows = document.objects.iter().map(|object| {
        let action = match object.action {
            "present" => "is there",
            action => action,
        };
        let remarks: Vec<&str> = object.reason.iter().chain(&object.notes).map(String::as_str).collect();
        let cells = [action, &object.class, &object.kind, &object.label, &object.id, &remarks.join("; ")];
        cells.into_iter().map(String::from).collect()
    });
    if !document.objects.is_empty() {
        output::line(&output::table(&["plan", "type", "kind", "label", "id", ""], rows.collect()))?;
    }
    for unreadable in &document.unreadable {
        output::line(&format!("cannot be read: {}: {}", unreadable.file, unreadable.reason))?;
    }
    output::line(&format!(
        "{} to make, {} there already, {} staying behind.",
        output::count(document.moved, "object"),
        document.present,
        document.stayed + document.unreadable.len()
    ))
}
