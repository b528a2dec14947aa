//! Every mechanism in the list of the token gives published output and refuses what is wrong, through the C functions of
//! the loaded library.
//!
//! `COFFER_VECTORS=mac/Hmac cargo test --test mechanisms` runs the files and answers whose names contain the text, alone.
//!
//! - Files of Project Wycheproof: one row a file in `tests/vectors/wycheproof.rs`.
//! - Known answers for what these lack: one row an answer in `tests/vectors/answers/`.
//! - What the vectors do not say about PKCS#11 is skipped, each reason with its exact count in `tests/vectors/skips.txt`.

mod interface;
mod vectors;

use std::collections::BTreeSet;

use interface::in_own_process;
use vectors::{Report, Token, answers, wycheproof};

#[test]
fn every_mechanism_gives_published_output_and_refuses_what_is_wrong() {
    in_own_process("every_mechanism_gives_published_output_and_refuses_what_is_wrong", || {
        let token = Token::new();
        let pattern = std::env::var("COFFER_VECTORS").unwrap_or_default();
        let mut report = Report::default();
        wycheproof::run(&token, &pattern, &mut report);
        answers::run(&token, &pattern, &mut report);
        report.print();
        let mut problems = report.disagreements.clone();
        if pattern.is_empty() {
            problems.extend(skips(&report));
            problems.extend(coverage(&token, &report));
        }
        assert!(problems.is_empty(), "{problems:#?}");
    });
}

/// The skips are the ones of the file, each with its exact count.
fn skips(report: &Report) -> Vec<String> {
    let lines = include_str!("vectors/skips.txt").lines();
    let told: BTreeSet<String> =
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect();
    let found = report.skip_lines();
    let more = found.difference(&told).map(|line| format!("skips.txt lacks: {line}"));
    let fewer = told.difference(&found).map(|line| format!("skips.txt has too much: {line}"));
    more.chain(fewer).collect()
}

/// Every row of the table is offered, and was reached by a published output and by a refusal.
fn coverage(token: &Token, report: &Report) -> Vec<String> {
    let problem = |row: &&coffer_pkcs11::mechanism::Mechanism| {
        let (accepted, refused) = (report.accepted.contains(&row.id), report.refused.contains(&row.id));
        let offered = token.offers(row.id);
        (!(accepted && refused && offered)).then(|| {
            format!(
                "{}: offered: {offered}, a published output was compared: {accepted}, a wrong call was refused: {refused}",
                row.name
            )
        })
    };
    coffer_pkcs11::mechanism::all().iter().filter_map(problem).collect()
}
