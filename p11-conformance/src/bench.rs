//! Speed, side by side: every module in a process of its own, rounds interleaved, medians, ratios.

use crate::report::table;
use crate::runner::{Options, Prepared};
use crate::setup::ModuleSpec;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

mod child;
mod lattice;

pub use child::{curve, pair, searched, serve};

/// What a child prints before each line that is meant for its parent; modules may print lines of their own.
pub const MARK: &str = "p11-conformance\t";

/// What is measured: its name, and the name of the same in the file of the raw engine.
const OPERATIONS: &[(&str, Option<&str>)] = &[
    ("rsa-2048 sign", Some("rsa2048_sign_ns")),
    ("p-256 sign", Some("p256_sign_ns")),
    ("ed25519 sign", Some("ed25519_sign_ns")),
    ("aes-256-gcm 1 KiB", Some("aes256gcm_1k_ns")),
    ("ml-kem-768 encapsulate", Some("mlkem768_encapsulate_ns")),
    ("ml-kem-768 decapsulate", Some("mlkem768_decapsulate_ns")),
    ("ml-dsa-65 sign", Some("mldsa65_sign_ns")),
    ("ml-dsa-65 verify", Some("mldsa65_verify_ns")),
    ("generate aes-256 key", None),
    ("generate p-256 pair", None),
    ("find one by label", None),
    ("find one by id", None),
    ("find all", None),
];

/// How a measurement is made.
pub struct Settings {
    /// Rounds over all modules and operations; the median counts.
    pub rounds: usize,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// Token objects among which the searches search.
    pub objects: usize,
}

/// Nanoseconds of the raw engine by operation.
type Raw = BTreeMap<String, f64>;

/// Measures all modules and prints the table.
pub fn run(
    modules: &[ModuleSpec],
    settings: &Settings,
    raw: Option<&Path>,
    options: Options,
) -> Result<bool, String> {
    let prepared = modules.iter().map(|spec| Prepared::new(spec, options)).collect::<Result<Vec<_>, _>>()?;
    let mut servers = Vec::new();
    for module in &prepared {
        eprintln!("{}: making keys and {} objects", module.name(), settings.objects);
        servers.push(Server::start(module, settings)?);
    }
    let mut raw_samples: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut samples: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); servers.len()]; OPERATIONS.len()];
    for round in 1..=settings.rounds {
        eprintln!("round {round} of {}", settings.rounds);
        for ((name, _), row) in OPERATIONS.iter().zip(&mut samples) {
            for (server, cell) in servers.iter_mut().zip(row) {
                cell.extend(server.measure(name)?);
            }
        }
        for (name, nanoseconds) in raw.map(measure_raw).transpose()?.unwrap_or_default() {
            raw_samples.entry(name).or_default().push(nanoseconds);
        }
    }
    let engine: Raw =
        raw_samples.into_iter().filter_map(|(name, samples)| Some((name, median(samples)?))).collect();
    let medians: Vec<Vec<Option<f64>>> =
        samples.into_iter().map(|row| row.into_iter().map(median).collect()).collect();
    let names: Vec<String> = modules.iter().map(|spec| spec.name.clone()).collect();
    print(&names, &medians, raw.is_some().then_some(&engine));
    Ok(true)
}

/// One run of the program that measures the raw engine, in the same round as the modules, so that a busy machine slows
/// all of them.
fn measure_raw(program: &Path) -> Result<Raw, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", program.display());
    let output = std::process::Command::new(program).output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))
}

pub fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

/// Time and rate of each module, then each against the first module and the first against the raw engine.
fn print(names: &[String], medians: &[Vec<Option<f64>>], raw: Option<&Raw>) {
    let first = names.first().cloned().unwrap_or_default();
    let mut header = vec!["operation".to_owned()];
    header.extend(names.iter().cloned());
    header.extend(names.iter().skip(1).map(|name| format!("{first} : {name}")));
    if raw.is_some() {
        header.extend([
            "raw engine".to_owned(),
            format!("{first} : raw engine"),
            format!("{first} over raw"),
        ]);
    }
    let mut table = table(header);
    for ((operation, key), row) in OPERATIONS.iter().zip(medians) {
        let ours = row.first().copied().flatten();
        let mut cells = vec![(*operation).to_owned()];
        cells.extend(row.iter().map(|time| time.map_or_else(|| "-".to_owned(), time_and_rate)));
        cells.extend(row.iter().skip(1).map(|theirs| ratio(ours, *theirs)));
        if let Some(raw) = raw {
            let engine = key.and_then(|key| raw.get(key).copied());
            cells.push(engine.map_or_else(|| "-".to_owned(), time_and_rate));
            cells.push(ratio(ours, engine));
            let over = ours.zip(engine).map(|(ours, engine)| format!("{:+.2} us", (ours - engine) / 1000.0));
            cells.push(over.unwrap_or_else(|| "-".to_owned()));
        }
        table.add_row(cells);
    }
    println!("{table}");
    println!("A ratio below 1 means that {first} is the faster one (time by time).");
}

fn time_and_rate(nanoseconds: f64) -> String {
    format!("{:.2} us ({:.0}/s)", nanoseconds / 1000.0, 1e9 / nanoseconds.max(1.0))
}

/// The quotient of two times, with as many digits as say something.
pub fn ratio(one: Option<f64>, other: Option<f64>) -> String {
    match one.zip(other).map(|(one, other)| one / other.max(1.0)) {
        Some(ratio) if ratio < 0.01 => format!("{ratio:.5}"),
        Some(ratio) => format!("{ratio:.2}"),
        None => "-".to_owned(),
    }
}

/// A child that measures what it is told.
struct Server {
    name: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(module: &Prepared, settings: &Settings) -> Result<Server, String> {
        let (objects, seconds) = (settings.objects.to_string(), settings.seconds.to_string());
        let arguments = ["bench", objects.as_str(), seconds.as_str()];
        let lost = || format!("{}: no child process", module.name());
        let child = module.spawn(module.folder(), &arguments, Stdio::piped());
        let mut child = child.map_err(|error| format!("{}: {error}", module.name()))?;
        let input = child.stdin.take().ok_or_else(lost)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(lost)?);
        let mut server = Server { name: module.name().to_owned(), child, input, output };
        server.answer()?;
        Ok(server)
    }

    /// Nanoseconds of one operation; `None` where the module does not support it.
    fn measure(&mut self, operation: &str) -> Result<Option<f64>, String> {
        writeln!(self.input, "{operation}").map_err(|error| format!("{}: {error}", self.name))?;
        Ok(self.answer()?.parse().ok())
    }

    /// The next line that is meant for us.
    fn answer(&mut self) -> Result<String, String> {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).map_err(|error| format!("{}: {error}", self.name))?;
            if read == 0 {
                return Err(format!("{}: the process ended early (--verbose shows why)", self.name));
            }
            if let Some(answer) = line.strip_prefix(MARK) {
                return Ok(answer.trim().to_owned());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 200.0]), Some(3.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn small_ratios_keep_their_digits() {
        assert_eq!(ratio(Some(1000.0), Some(2000.0)), "0.50");
        assert_eq!(ratio(Some(1.0), Some(16_000.0)), "0.00006");
        assert_eq!(ratio(None, Some(1.0)), "-");
    }
}
