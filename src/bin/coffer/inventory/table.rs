//! The inventory as a table for people.

use coffer_pkcs11::policy::State;

use super::last_use::{LastUse, Witness};
use super::{Asset, day};
use crate::output::{self, Cell, Tone};

/// A column that is only shown where some object has something in it.
type Column = (&'static str, fn(&Asset, u64) -> String);

/// Shown where somebody knows it of some key; then it says of which nobody does.
const LAST_USED: &str = "last used";

const OPTIONAL: &[Column] = &[
    ("purpose", |asset, _| asset.purpose.clone()),
    ("owner", |asset, _| asset.owner.clone()),
    ("copies", |asset, _| match asset.copies {
        None | Some(0) => String::new(),
        Some(copies) => copies.to_string(),
    }),
    (LAST_USED, |asset, _| asset.last_use.map(LastUse::told).unwrap_or_default()),
];

pub fn show(assets: &[Asset], now: u64) -> String {
    let mut headings = vec!["type", "kind", "label", "id", "state", "until", "uses", "protection"];
    let known = |asset: &Asset| asset.last_use.is_some_and(|last| last.witness != Witness::Nobody);
    let has_something = |(heading, text): &&Column| {
        let is_something =
            |asset: &Asset| !text(asset, now).is_empty() && (*heading != LAST_USED || known(asset));
        assets.iter().any(is_something)
    };
    let shown: Vec<&Column> = OPTIONAL.iter().filter(has_something).collect();
    headings.extend(shown.iter().map(|(heading, _)| heading));
    let rows = assets.iter().map(|asset| {
        let entry = &asset.entry;
        let mut cells = vec![
            Cell::plain(entry.class_name()),
            Cell::plain(entry.kind()),
            Cell::plain(entry.label()),
            Cell::plain(output::hex(entry.id())),
            Cell {
                text: asset.state.map(State::name).unwrap_or_default().into(),
                tone: tone_of_state(asset),
            },
            Cell { text: until(asset, now), tone: tone_of_end(asset) },
            Cell::plain(entry.uses().join(" ")),
            Cell::plain(entry.protection().join(", ")),
        ];
        cells.extend(shown.iter().map(|(_, text)| Cell::plain(text(asset, now))));
        cells
    });
    output::toned_table(&headings, rows.collect())
}

/// `2027-01-31 (68 days)`.
fn until(asset: &Asset, now: u64) -> String {
    match (asset.protect_stop, asset.days_left(now)) {
        (Some(stop), Some(1)) => format!("{} (1 day)", day(stop)),
        (Some(stop), Some(days)) if days >= 0 => format!("{} ({days} days)", day(stop)),
        (Some(stop), _) => format!("{} (over)", day(stop)),
        (None, _) => String::new(),
    }
}

fn tone_of_state(asset: &Asset) -> Tone {
    match asset.state {
        Some(State::Active) => Tone::Good,
        Some(State::Suspended) => Tone::Warning,
        Some(State::Compromised | State::Destroyed) => Tone::Bad,
        Some(State::PreActive | State::Deactivated) => Tone::Quiet,
        None => Tone::Plain,
    }
}

fn tone_of_end(asset: &Asset) -> Tone {
    let says = |code| asset.findings.iter().any(|finding| finding.code == code);
    match () {
        () if says("expired") => Tone::Bad,
        () if says("expiring") => Tone::Warning,
        () => Tone::Plain,
    }
}
