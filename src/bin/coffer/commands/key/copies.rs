//! `coffer key copies`: where copies of a key may be.

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::copies::{self, Copies};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;
use serde::Serialize;

use crate::context::{Context, Found};
use crate::dates::moment;
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, ObjectOption};
use crate::output;
use crate::pin::UserPin;
use crate::uri::Uri;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// The key's unique id, also that of a key that is destroyed
    #[arg(long, value_name = "ID")]
    unique_id: Option<String>,
    /// Say that the copies with this number are destroyed, or `all` of them
    #[arg(long, value_name = "NUMBER|all")]
    confirm_destroyed: Option<String>,
    /// On what grounds, for the record
    #[arg(long, value_name = "TEXT", requires = "confirm_destroyed", default_value = "")]
    note: String,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    token: String,
    unique_id: String,
    label: String,
    /// How many copies may still be there.
    outstanding: u64,
    copies: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    number: usize,
    means: &'static str,
    place: String,
    count: u64,
    first: String,
    last: String,
    /// Nobody has said that they are gone.
    may_exist: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = if self.unique_id.is_some() { self.objects.uri()? } else { self.objects.named()? };
        let token = context.token(&wanted)?;
        let confirms = self.confirm_destroyed.is_some();
        let session = context.user_session(&token, confirms, &self.pin, &wanted)?;
        let unique_id = match &self.unique_id {
            Some(unique_id) => unique_id.clone(),
            None => self.named(&session, &token, &wanted)?,
        };
        if let Some(which) = &self.confirm_destroyed {
            let place = match which.as_str() {
                "all" => None,
                number => {
                    Some(number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).ok_or_else(
                        || Failure::new(format!("`{number}` is no number of copies; write 1, 2 … or all")),
                    )?)
                }
            };
            if copies::confirm_destroyed(session.token(), &unique_id, place, &self.note)? == 0 {
                return Err(Failure::new("nothing is known of such copies, or they were confirmed before")
                    .advise("`coffer key copies` without --confirm-destroyed shows them"));
            }
        }
        let known = copies::of_key(session.token(), &unique_id)?;
        self.show(&token, unique_id, known.into_iter().map(|(_, copies)| copies).collect())
    }

    /// The unique id of the one private or secret key that is named.
    fn named(&self, session: &Session, token: &Found, wanted: &Uri) -> Result<String> {
        let mut found = objects::find(session, wanted)?;
        if found.is_empty() {
            return Err(objects::nothing(wanted, token));
        }
        found.retain(|entry| matches!(entry.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY));
        match (found.pop(), found.is_empty()) {
            (Some(entry), true) => unique_id(session, entry.handle),
            (None, _) => Err(Failure::new(format!("{wanted} names no private or secret key"))),
            (Some(_), false) => Err(Failure::new(format!("{} keys fit {wanted}", found.len() + 1))
                .advise("name one by --id or --unique-id; `coffer list --json` tells both")),
        }
    }

    fn show(&self, token: &Found, unique_id: String, known: Vec<Copies>) -> Result<Exit> {
        let label = known.first().map_or_else(String::new, |copies| copies.key.label.clone());
        let outstanding = copies::outstanding(&known);
        let rows: Vec<Row> = known.iter().zip(1..).map(row).collect();
        if self.json {
            let token = token.uri().to_string();
            output::json("key-copies", 1, Document { token, unique_id, label, outstanding, copies: rows })?;
        } else if rows.is_empty() {
            output::line(
                "No copy is known of. (Older copies of the token file are not among what a token knows.)",
            )?;
        } else {
            let cells = rows.into_iter().map(|row| {
                let status = if row.may_exist { "may exist".into() } else { row.status };
                vec![
                    row.number.to_string(),
                    row.means.into(),
                    row.place,
                    row.count.to_string(),
                    row.first,
                    row.last,
                    status,
                ]
            });
            let headings = ["no.", "how", "where", "count", "first", "last", "status"];
            output::line(&output::table(&headings, cells.collect()))?;
        }
        Ok(Exit::Success)
    }
}

fn row((copies, number): (&Copies, usize)) -> Row {
    Row {
        number,
        means: copies.way.name(),
        place: copies.told(),
        count: copies.count,
        first: moment(copies.first),
        last: moment(copies.last),
        may_exist: !copies.are_confirmed(),
        status: copies.status.clone(),
    }
}

/// CKA_UNIQUE_ID of an object.
pub fn unique_id(session: &Session, handle: ObjectHandle) -> Result<String> {
    let values = objects::values(session, handle, &[CKA_UNIQUE_ID])?;
    Ok(String::from_utf8_lossy(values.bytes(CKA_UNIQUE_ID).unwrap_or_default()).into_owned())
}
