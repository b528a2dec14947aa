//! `coffer rotate`: new keys in the place of old ones.

use clap::{Args, Subcommand};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::rotation::{self, Choice};
use coffer_pkcs11::policy::Life;
use coffer_pkcs11::session::{Rotated, Session};
use serde::Serialize;

use super::generate::random_id;
use crate::context::{Context, Found, TokenOption};
use crate::dates::{self, moment};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, Entry, ObjectDocument, ObjectOption};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::uri::Uri;

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    subcommand_negates_reqs = true
)]
pub struct Rotate {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    due: Due,
}

#[derive(Subcommand)]
enum What {
    /// Make the successor of a key or key pair, with its label, uses and protection; the old one only processes from then on
    Key(Box<Key>),
    /// Give a token's file a new root key; the keys in it, PINs and logins stay as they are
    RootKey(RootKey),
}

/// How successors are made.
#[derive(Args)]
struct How {
    /// Give the new key the id (CKA_ID) of the old one; else it gets an id of its own, and certificates stay with the old key
    #[arg(long)]
    keep_id: bool,
    /// How long the new key protects, such as 90d or 2y; else as long as the old one was to
    #[arg(long, value_name = "TIME", value_parser = dates::length)]
    period: Option<u64>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Key {
    #[command(flatten)]
    objects: ObjectOption,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    how: How,
}

/// For timers: every key whose time is over.
#[derive(Args)]
struct Due {
    /// Rotate every key that by its dates protects no more
    #[arg(long, required = true)]
    due: bool,
    /// Also those that protect no more after this time, such as 30d
    #[arg(long, value_name = "TIME", value_parser = dates::length, default_value = "0d")]
    within: u64,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct RootKey {
    /// The token: its label or a PKCS#11 URI; not needed where there is only one
    #[arg(value_name = "LABEL|URI", env = "COFFER_TOKEN")]
    token: Option<String>,
    /// The token, as other commands are told it
    #[arg(short, long = "token", value_name = "LABEL|URI", hide = true)]
    option: Option<String>,
    /// Log in as the security officer instead of the user
    #[arg(long)]
    so: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    so_pin: SoPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct RotatedRootKey {
    token: String,
    /// Counted from 1.
    root_key_version: u32,
    /// Objects and other records whose keys were wrapped anew.
    records: usize,
    /// The length of the file, in bytes.
    length: u64,
}

/// What became, or would become, of one key.
#[derive(Serialize)]
struct Outcome {
    old: ObjectDocument,
    /// When it protects no more, by its dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    protect_stop: Option<String>,
    /// Of the new key, counted from 1; absent where none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    new: Vec<ObjectDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Outcomes {
    token: String,
    dry_run: bool,
    keys: Vec<Outcome>,
}

impl Rotate {
    pub fn run(self) -> Result<Exit> {
        match self.what {
            Some(What::Key(arguments)) => arguments.run(),
            Some(What::RootKey(arguments)) => arguments.run(),
            None => self.due.run(),
        }
    }
}

impl Key {
    fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.objects.named()?;
        let token = context.token(&wanted)?;
        let session = context.user_session(&token, true, &self.pin, &wanted)?;
        let entry = newest(&session, &wanted, &token)?;
        let outcome = self.how.rotate(&session, &token, &entry)?;
        if !self.how.json {
            self.how.tell(&entry, &outcome)?;
        }
        self.how.finish(&token, vec![outcome], "rotate-key")
    }
}

/// The one key that is meant: the private or secret one that has no successor yet.
fn newest(session: &Session, wanted: &Uri, token: &Found) -> Result<Entry> {
    let found = objects::find(session, wanted)?;
    if found.is_empty() {
        return Err(objects::nothing(wanted, token));
    }
    let (mut keys, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|entry| is_key(entry.class));
    let has_successor = |entry: &Entry| -> Result<bool> {
        Ok(objects::values(session, entry.handle, &[CKA_COFFER_SUCCESSOR])?.contains(CKA_COFFER_SUCCESSOR))
    };
    let mut current = Vec::new();
    let were = keys.len();
    for entry in keys.drain(..) {
        if !has_successor(&entry)? {
            current.push(entry);
        }
    }
    match (current.pop(), current.len()) {
        (Some(entry), 0) => Ok(entry),
        (None, _) if were > 0 => Err(Failure::new(format!("every key that fits {wanted} has a successor"))
            .advise("rotate the newest one; `coffer list` shows it")),
        (None, _) if rest.iter().any(|entry| entry.class == CKO_OTP_KEY) => {
            Err(no_one_time_passwords(wanted))
        }
        (None, _) => Err(Failure::new(format!(
            "{wanted} names {}, and no private or secret key",
            output::count(rest.len(), "object")
        ))
        .advise("a pair is rotated by its private key; public keys and certificates alone are not")),
        (Some(last), _) => {
            current.push(last);
            Err(objects::several(&current, token))
        }
    }
}

/// Why a one-time-password key has no successor that is made here.
fn no_one_time_passwords(wanted: &Uri) -> Failure {
    Failure::new(format!(
        "{wanted} is a one-time-password key, which the service that checks its passwords has as well: a successor that is made \
         here alone would open nothing"
    ))
    .advise("enrol a new key with the service, put it into the token, then end this one: coffer key state LABEL deactivate")
}

fn is_key(class: CK_OBJECT_CLASS) -> bool {
    matches!(class, CKO_PRIVATE_KEY | CKO_SECRET_KEY)
}

/// What the dates of a key say.
fn protect_stop(session: &Session, entry: &Entry) -> Result<Option<u64>> {
    const DATES: &[CK_ATTRIBUTE_TYPE] = &[CKA_END_DATE, CKA_COFFER_PROTECT_STOP_DATE];
    Ok(Life::of(&objects::values(session, entry.handle, DATES)?).protect_stop)
}

impl How {
    fn rotate(&self, session: &Session, token: &Found, entry: &Entry) -> Result<Outcome> {
        if entry.class == CKO_OTP_KEY {
            return Err(no_one_time_passwords(&entry.uri(token)));
        }
        let mut outcome = Outcome {
            old: entry.document(token),
            protect_stop: protect_stop(session, entry)?.map(moment),
            version: None,
            new: Vec::new(),
            error: None,
        };
        if self.dry_run {
            return Ok(outcome);
        }
        let id = if self.keep_id { None } else { Some(random_id(session)?) };
        let choice = Choice { id, period: self.period, reason: self.reason.clone() };
        if rotation::lacks_period(session.token().object(entry.handle)?.attributes(), self.period) {
            return Err(Failure::new(format!(
                "{} was not rotated: its protect stop is not after its beginning, and tells no time for the new key",
                entry.uri(token)
            ))
            .advise("say how long the new key is to protect, such as --period 1y"));
        }
        let rotated = session.rotate_key(entry.handle, &choice).map_err(|error| {
            Failure::from(error).while_doing(&format!("{} was not rotated", entry.uri(token)))
        })?;
        let Rotated { key, public, version } = rotated;
        outcome.version = Some(version);
        for handle in [Some(key), public].into_iter().flatten() {
            outcome.new.push(Entry::read(session, handle)?.document(token));
        }
        Ok(outcome)
    }

    fn tell(&self, entry: &Entry, outcome: &Outcome) -> Result<()> {
        let label = output::printable(&entry.label());
        match (&outcome.error, outcome.version) {
            (Some(error), _) => output::line(&format!("`{label}` was NOT rotated: {error}")),
            (None, Some(version)) => {
                output::line(&format!(
                    "Made version {version} of `{label}`. The version before only verifies, decrypts and unwraps from now on."
                ))?;
                outcome.new.iter().try_for_each(|new| output::line(&format!("  {}", new.uri())))
            }
            (None, None) => output::line(&format!("`{label}` would be rotated.")),
        }
    }

    fn finish(&self, token: &Found, keys: Vec<Outcome>, schema: &str) -> Result<Exit> {
        let failed = keys.iter().any(|outcome| outcome.error.is_some());
        let waits = self.dry_run && !keys.is_empty();
        if self.json {
            output::json(
                schema,
                1,
                Outcomes { token: token.uri().to_string(), dry_run: self.dry_run, keys },
            )?;
        }
        Ok(if failed || waits { Exit::Attention } else { Exit::Success })
    }
}

impl Due {
    fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let token = context.token(&wanted)?;
        let session = context.user_session(&token, !self.how.dry_run, &self.pin, &wanted)?;
        let by = context.config().clock.now().saturating_add(self.within);
        let mut outcomes = Vec::new();
        for entry in objects::find(&session, &wanted)? {
            if !rotation::is_due(&*session.token().object(entry.handle)?, by) {
                continue;
            }
            // One that cannot be rotated does not keep the others from it.
            let outcome = self.how.rotate(&session, &token, &entry).or_else(|failure| {
                Ok::<_, Failure>(Outcome {
                    old: entry.document(&token),
                    protect_stop: protect_stop(&session, &entry)?.map(moment),
                    version: None,
                    new: Vec::new(),
                    error: Some(failure.message),
                })
            })?;
            if !self.how.json {
                self.how.tell(&entry, &outcome)?;
            }
            outcomes.push(outcome);
        }
        if outcomes.is_empty() && !self.how.json {
            output::line(&format!("No key of token `{}` is due.", output::printable(&token.label)))?;
        }
        self.how.finish(&token, outcomes, "rotate-due")
    }
}

impl RootKey {
    fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = TokenOption { token: self.option.clone().or(self.token.clone()) }.uri()?;
        let token = context.token(&wanted)?;
        let session = if self.so {
            context.so_session(&token, &self.so_pin)?
        } else {
            context.user_session(&token, true, &self.pin, &wanted)?
        };
        let version = session.token().rotate_root().map_err(|error| {
            Failure::from(error)
                .while_doing(&format!("the root key of `{}` was not rotated", token.label))
                .advise("the folder must be writable, and the file not a mount point")
        })?;
        let vault = session.token().vault();
        let (records, length) = (vault.records().len(), vault.sizes().0);
        if self.json {
            let token = token.uri().to_string();
            let rotated = RotatedRootKey { token, root_key_version: version, records, length };
            output::json("rotate-root-key", 1, rotated)?;
            return Ok(Exit::Success);
        }
        output::line(&format!(
            "Token `{}` is under its root key number {version} now; {} stay as they were. Copies of the older file still \
             open with the PINs of their time.",
            output::printable(&token.label),
            output::count(records, "record"),
        ))?;
        Ok(Exit::Success)
    }
}
