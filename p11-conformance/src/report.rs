//! The tables that people read, and the same as JSON.

use crate::runner::Status;
use crate::scenarios::Entry;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::collections::BTreeMap;

/// Passed, failed and not supported scenarios of one module.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
    pub not_supported: usize,
}

/// Counts one column.
pub fn count(results: &[Vec<Status>], column: usize) -> Count {
    let mut count = Count::default();
    for status in results.iter().filter_map(|row| row.get(column)) {
        match status {
            Status::Passed => count.passed += 1,
            Status::Failed { .. } => count.failed += 1,
            Status::NotSupported { .. } => count.not_supported += 1,
        }
    }
    count
}

/// An empty table in the style of this program.
pub fn table(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.into_iter().collect::<Vec<_>>());
    table
}

/// The side-by-side table, the failures, and one count line for each module.
pub fn print(modules: &[String], entries: &[Entry], results: &[Vec<Status>], summary: bool) {
    if summary {
        println!("{}", by_area(modules, entries, results));
    } else {
        println!("{}", by_scenario(modules, entries, results));
    }
    for (column, module) in modules.iter().enumerate() {
        print_failures(module, column, entries, results);
    }
    for (column, module) in modules.iter().enumerate() {
        let Count { passed, failed, not_supported } = count(results, column);
        println!("{module}: {passed} passed, {failed} failed, {not_supported} not supported");
    }
}

fn word(status: &Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed { .. } => "FAILED",
        Status::NotSupported { .. } => "not supported",
    }
}

fn by_scenario(modules: &[String], entries: &[Entry], results: &[Vec<Status>]) -> Table {
    let mut table = table(["scenario".to_owned()].into_iter().chain(modules.iter().cloned()));
    for (entry, row) in entries.iter().zip(results) {
        table.add_row([entry.id()].into_iter().chain(row.iter().map(|status| word(status).to_owned())));
    }
    table
}

fn by_area(modules: &[String], entries: &[Entry], results: &[Vec<Status>]) -> Table {
    let mut table = table(["area".to_owned()].into_iter().chain(modules.iter().cloned()));
    let mut areas: Vec<&str> = entries.iter().map(|entry| entry.area).collect();
    areas.dedup();
    for area in areas {
        let rows = entries.iter().zip(results).filter(|(entry, _)| entry.area == area);
        let rows: Vec<Vec<Status>> = rows.map(|(_, row)| row.clone()).collect();
        let cells = (0..modules.len()).map(|column| {
            let Count { passed, failed, not_supported } = count(&rows, column);
            format!("{passed} / {failed} / {not_supported}")
        });
        table.add_row([area.to_owned()].into_iter().chain(cells));
    }
    table
}

fn print_failures(module: &str, column: usize, entries: &[Entry], results: &[Vec<Status>]) {
    for (entry, row) in entries.iter().zip(results) {
        match row.get(column) {
            Some(Status::Failed { got, expected }) => {
                println!("\n{module} FAILED {}", entry.id());
                println!("    got       {got}");
                println!("    expected  {expected}");
                println!("    PKCS#11 {}: {}", entry.scenario.section, entry.scenario.rule);
            }
            Some(Status::NotSupported { reason }) => {
                println!("\n{module} not supported {}: {reason}", entry.id())
            }
            _ => {}
        }
    }
    println!();
}

#[derive(Serialize)]
struct Report<'a> {
    counts: BTreeMap<&'a str, Count>,
    scenarios: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    scenario: String,
    section: &'a str,
    rule: &'a str,
    results: BTreeMap<&'a str, &'a Status>,
}

/// The whole result as JSON.
pub fn json(
    modules: &[String],
    entries: &[Entry],
    results: &[Vec<Status>],
) -> Result<String, serde_json::Error> {
    let counts =
        modules.iter().enumerate().map(|(column, name)| (name.as_str(), count(results, column))).collect();
    let scenarios = entries.iter().zip(results).map(|(entry, row)| Row {
        scenario: entry.id(),
        section: entry.scenario.section,
        rule: entry.scenario.rule,
        results: modules.iter().map(String::as_str).zip(row).collect(),
    });
    serde_json::to_string_pretty(&Report { counts, scenarios: scenarios.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_counted_by_itself() {
        let failed = || Status::Failed { got: "this".into(), expected: "that".into() };
        let missing = || Status::NotSupported { reason: "none".into() };
        let results = [vec![Status::Passed, failed()], vec![missing(), Status::Passed]];
        let Count { passed, failed, not_supported } = count(&results, 0);
        assert_eq!((passed, failed, not_supported), (1, 0, 1));
        let Count { passed, failed, not_supported } = count(&results, 1);
        assert_eq!((passed, failed, not_supported), (1, 1, 0));
    }
}
