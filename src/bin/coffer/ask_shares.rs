//! Asks custodians for their shares, one after the other: the name of a file, or what stands on paper.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use coffer_pkcs11::lifecycle::backup::Opened;
use coffer_pkcs11::secret::Secret;

use crate::escrow::{CLEAR, Passphrases, open_share, read_share};
use crate::failure::{Exit, Failure, Result};
use crate::output;

/// So often a custodian may try.
const ATTEMPTS: usize = 5;
/// A share has fewer lines.
const MAX_LINES: usize = 64;

/// Shares of one set, as many as it needs.
pub fn ask(passphrases: &Passphrases) -> Result<Vec<Opened>> {
    let mut input = std::io::stdin().lock();
    let mut shares: Vec<Opened> = Vec::new();
    let mut failed = 0;
    loop {
        if let Some(first) = shares.first() {
            let missing = usize::from(first.head.threshold).saturating_sub(shares.len());
            if missing == 0 {
                return Ok(shares);
            }
            eprintln!("{} to go.", output::count(missing, "share"));
        }
        eprint!("File with a share, or an empty line to type one: ");
        let name = line(&mut input)?;
        let share = match name.as_str() {
            "" => typed(&mut input, passphrases),
            path => read_share(Path::new(path), passphrases),
        };
        if std::io::stderr().is_terminal() {
            eprint!("{CLEAR}");
        }
        match share.and_then(|share| fits(share, &shares)) {
            Ok(share) => {
                eprintln!("That is share {} of {}.", share.number, output::printable(&share.custodian));
                shares.push(share);
            }
            Err(failure) if failed < ATTEMPTS => {
                failed += 1;
                eprintln!("{failure}");
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Refuses a share of another set, and one that is there already.
fn fits(share: Opened, shares: &[Opened]) -> Result<Opened> {
    if shares.iter().any(|held| held.head != share.head) {
        let (set, custodian) = (share.head.set_id()?, output::printable(&share.custodian));
        return Err(Failure::new(format!("the share of {custodian} is of another set, {set}")));
    }
    if shares.iter().any(|held| held.number == share.number) {
        return Err(Failure::new(format!(
            "the share of {} is there already",
            output::printable(&share.custodian)
        )));
    }
    Ok(share)
}

fn typed(input: &mut impl BufRead, passphrases: &Passphrases) -> Result<Opened> {
    eprintln!("Type the numbered lines, and an empty line after the last one.");
    let mut text = String::from("-----BEGIN COFFER RECOVERY SHARE-----\n");
    for _ in 0..MAX_LINES {
        let line = line(input)?;
        if line.is_empty() {
            break;
        }
        // The marks may be typed as well.
        if !line.starts_with("-----") {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text.push_str("-----END COFFER RECOVERY SHARE-----\n");
    open_share(&Secret::new(text.into_bytes()), "what was typed", passphrases)
}

/// One line, without blanks around it.
fn line(input: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    match input.read_line(&mut line) {
        Ok(length) if length > 0 => Ok(line.trim().to_owned()),
        _ => {
            let failure = Failure::new("there are not enough shares, and nobody to ask for more");
            Err(Failure { exit: Exit::Quorum, ..failure }.advise("name their files with --share"))
        }
    }
}
