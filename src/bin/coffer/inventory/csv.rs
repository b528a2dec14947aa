//! The inventory as CSV (RFC 4180), a line an object.

use coffer_pkcs11::policy::State;

use super::last_use::LastUse;
use super::{Asset, iso};
use crate::context::Found;
use crate::failure::{Failure, Result};
use crate::output;

const COLUMNS: [&str; 21] = [
    "token",
    "type",
    "kind",
    "label",
    "id",
    "unique_id",
    "state",
    "created",
    "active_from",
    "protect_until",
    "process_until",
    "days_left",
    "uses",
    "extractable",
    "copies",
    "last_used",
    "owner",
    "custodian",
    "purpose",
    "findings",
    "last_used_from",
];

/// All objects, below a line with the names of the columns.
pub fn write(token: &Found, assets: &[Asset], now: u64) -> Result<String> {
    let failed = |error: csv::Error| Failure::new(format!("the CSV output cannot be made: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    for asset in assets {
        writer.write_record(row(token, asset, now)).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn row(token: &Found, asset: &Asset, now: u64) -> [String; 21] {
    let entry = &asset.entry;
    let time = |time: Option<u64>| time.map(iso).unwrap_or_default();
    let findings: Vec<&str> = asset.findings.iter().map(|finding| finding.code).collect();
    [
        cell(&token.label),
        entry.class_name(),
        entry.kind(),
        cell(&entry.label()),
        output::hex(entry.id()),
        entry.unique_id(),
        asset.state.map(State::name).unwrap_or_default().into(),
        time(asset.created),
        time(asset.activation),
        time(asset.protect_stop),
        time(asset.process_stop),
        asset.days_left(now).map(|days| days.to_string()).unwrap_or_default(),
        entry.uses().join(" "),
        entry.extractable().map(|is| is.to_string()).unwrap_or_default(),
        asset.copies.map(|copies| copies.to_string()).unwrap_or_default(),
        time(asset.last_used()),
        cell(&asset.owner),
        cell(&asset.custodian),
        cell(&asset.purpose),
        findings.join(" "),
        asset.last_use.map(LastUse::witness_name).unwrap_or_default().into(),
    ]
}

/// Text that a label may be. Spreadsheets take cells for formulas that begin with one of these characters; an apostrophe
/// before them says that it is text.
fn cell(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_no_formula() {
        assert_eq!(cell("=cmd|x"), "'=cmd|x");
        assert_eq!(cell("web=1"), "web=1");
    }
}
