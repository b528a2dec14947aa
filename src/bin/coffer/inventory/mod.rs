//! The inventory: the objects of a token as those see them who answer for them, with states, dates and what wants attention.

pub mod cbom;
pub mod csv;
pub mod destroyed;
pub mod filter;
pub mod finding;
pub mod last_use;
pub mod report;
pub mod table;

use std::collections::HashMap;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::copies;
use coffer_pkcs11::policy::{AlgorithmPolicy, Life, State, time_text};
use coffer_pkcs11::session::Session;
use serde::Serialize;

use crate::context::{Context, Found};
use crate::failure::Result;
use crate::objects::{self, Entry, ObjectDocument};
use crate::uri::Uri;
use finding::Finding;
use last_use::{LastUse, Told};

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// An object and what is known of its life. Times are seconds since 1970 UTC.
pub struct Asset {
    pub entry: Entry,
    /// `None` for what is no key.
    pub state: Option<State>,
    pub created: Option<u64>,
    pub activation: Option<u64>,
    /// Until then it protects; the end of its validity for a certificate.
    pub protect_stop: Option<u64>,
    pub process_stop: Option<u64>,
    /// `None` for what is no key.
    pub last_use: Option<LastUse>,
    /// Known copies outside of the token; `None` where that cannot be told without a login.
    pub copies: Option<u64>,
    pub owner: String,
    pub custodian: String,
    pub purpose: String,
    pub findings: Vec<Finding>,
}

/// What is asked of the objects besides their description.
pub struct Question<'a> {
    /// Seconds since 1970 UTC.
    pub now: u64,
    /// An end within so many seconds is told.
    pub soon: u64,
    pub policy: Option<&'a AlgorithmPolicy>,
}

/// The objects that `wanted` names.
pub fn of(
    context: &Context,
    token: &Found,
    session: &Session,
    wanted: &Uri,
    question: &Question<'_>,
) -> Result<Vec<Asset>> {
    let copies = known_copies(context, token);
    let entries = objects::find(session, wanted)?;
    let told = Told::by(context, token);
    Ok(entries.into_iter().map(|entry| asset(entry, copies.as_ref(), &told, question)).collect())
}

/// How many copies of each key are known, by its CKA_UNIQUE_ID.
fn known_copies(context: &Context, token: &Found) -> Option<HashMap<String, u64>> {
    let token = context.module.token(token.slot).ok()?;
    let mut known = HashMap::new();
    for (_, copies) in copies::all(&token).ok()? {
        *known.entry(copies.key.unique_id).or_default() += copies.count;
    }
    Some(known)
}

fn asset(entry: Entry, copies: Option<&HashMap<String, u64>>, told: &Told, question: &Question<'_>) -> Asset {
    let attributes = &entry.attributes;
    let text = |id| String::from_utf8_lossy(attributes.bytes(id).unwrap_or_default()).into_owned();
    let life = Life::of(attributes);
    let is_key = attributes.contains(CKA_KEY_TYPE);
    let validity = if entry.class == CKO_CERTIFICATE { validity(attributes.bytes(CKA_VALUE)) } else { None };
    let unique_id = text(CKA_UNIQUE_ID);
    let secret = matches!(entry.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY);
    let mut asset = Asset {
        state: is_key.then(|| life.state(question.now)),
        created: attributes.ulong(CKA_COFFER_CREATION_DATE),
        activation: validity.map_or(life.activation, |(from, _)| Some(from)),
        protect_stop: validity.map_or(life.protect_stop, |(_, until)| Some(until)),
        process_stop: life.process_stop,
        last_use: is_key.then(|| told.of(&unique_id, attributes)),
        copies: copies.filter(|_| secret).map(|known| known.get(&unique_id).copied().unwrap_or(0)),
        owner: text(CKA_COFFER_OWNER),
        custodian: text(CKA_COFFER_CUSTODIAN),
        purpose: text(CKA_COFFER_PURPOSE),
        findings: Vec::new(),
        entry,
    };
    asset.findings = finding::of(&asset, question);
    asset
}

/// The first and the last second of a certificate, as it says itself.
fn validity(der: Option<&[u8]>) -> Option<(u64, u64)> {
    use x509_cert::der::Decode;
    let certificate = x509_cert::Certificate::from_der(der?).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    Some((seconds(validity.not_before), seconds(validity.not_after)))
}

impl Asset {
    /// Whole days from `now` until it protects no more; negative ones since then.
    pub fn days_left(&self, now: u64) -> Option<i64> {
        let stop = i128::from(self.protect_stop?);
        i64::try_from((stop - i128::from(now)).div_euclid(i128::from(DAY))).ok()
    }

    pub fn last_used(&self) -> Option<u64> {
        self.last_use.and_then(|last| last.time)
    }

    pub fn wants_attention(&self) -> bool {
        self.findings.iter().any(|finding| finding.attention)
    }

    pub fn document(&self, token: &Found, now: u64) -> AssetDocument {
        let attributes = &self.entry.attributes;
        let text = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
        AssetDocument {
            object: self.entry.document(token),
            state: self.state.map(State::name),
            state_reason: attributes
                .bytes(CKA_COFFER_STATE_REASON)
                .and_then(|reason| text(&String::from_utf8_lossy(reason))),
            created: self.created.map(iso),
            active_from: self.activation.map(iso),
            protect_until: self.protect_stop.map(iso),
            process_until: self.process_stop.map(iso),
            days_left: self.days_left(now),
            last_used: self.last_used().map(iso),
            last_used_from: self.last_use.map(LastUse::witness_name),
            uses_counted: attributes.ulong(CKA_COFFER_USES),
            use_limit: attributes.ulong(CKA_COFFER_USE_LIMIT),
            bytes_counted: attributes.ulong(CKA_COFFER_BYTES),
            byte_limit: attributes.ulong(CKA_COFFER_BYTE_LIMIT),
            key_version: attributes.ulong(CKA_COFFER_VERSION),
            copies: self.copies,
            owner: text(&self.owner),
            custodian: text(&self.custodian),
            purpose: text(&self.purpose),
            findings: self.findings.clone(),
        }
    }
}

/// An object with its life in JSON. Times are in UTC (RFC 3339).
#[derive(Serialize)]
pub struct AssetDocument {
    #[serde(flatten)]
    object: ObjectDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protect_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
    /// Who knows: `limit`, `audit-log`, or `not-recorded`, where a missing time does not say that the key was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_counted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_counted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copies: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custodian: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    findings: Vec<Finding>,
}

/// `2027-01-31T12:00:00Z` (RFC 3339).
pub fn iso(seconds: u64) -> String {
    time_text(seconds).replacen(' ', "T", 1).replace(" UTC", "Z")
}

/// `2027-01-31`.
pub fn day(seconds: u64) -> String {
    iso(seconds).split('T').next().unwrap_or_default().to_string()
}
