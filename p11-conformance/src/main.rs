//! `p11-conformance`: asks any PKCS#11 module for the behaviour that the standard demands, side by side.
//!
//! The modules are opened by path. The expectations are transcribed from PKCS#11 3.2; where a scenario goes beyond
//! the standard because real clients need it, its rule says so.

mod attacks;
mod bench;
mod expect;
mod functions;
mod listing;
mod module;
mod names;
mod profiles;
mod report;
mod runner;
mod scale;
mod scenario;
mod scenarios;
mod selftest;
mod session;
mod setup;
mod template;
mod unload;

use clap::{Args, Parser, Subcommand};
use setup::ModuleSpec;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(version, about = "Runs the behaviour that PKCS#11 demands against any module, side by side")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios and print which passed, failed or are not supported
    Run(Run),
    /// List the scenarios with the rule behind each
    Scenarios,
    /// Measure operations per second side by side, with ratios
    Bench {
        #[command(flatten)]
        modules: Modules,
        /// Token objects among which the searches search
        #[arg(long, default_value_t = 1000)]
        objects: usize,
        /// Rounds over all operations and modules; the median counts
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Seconds of one measurement
        #[arg(long, default_value_t = 0.1)]
        seconds: f64,
        /// Program that measures the raw engine; it is run in every round and prints JSON with the nanoseconds
        /// rsa2048_sign_ns, p256_sign_ns, ed25519_sign_ns, aes256gcm_1k_ns, mlkem768_encapsulate_ns,
        /// mlkem768_decapsulate_ns, mldsa65_sign_ns, mldsa65_verify_ns
        #[arg(long, value_name = "PROGRAM")]
        raw_command: Option<PathBuf>,
    },
    /// Measure what things cost among few and among many objects, side by side
    Scale {
        #[command(flatten)]
        modules: Modules,
        /// Objects on the token, growing
        #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
        objects: Vec<usize>,
        /// Processes at each number of objects; the median counts
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// So many objects at most for a module that would take too long with more
        #[arg(long, value_name = "NAME=N")]
        at_most: Vec<String>,
        /// Exit with 1 if creating, destroying, finding or using one object costs more than so many times as much at the
        /// last number of objects as at the first
        #[arg(long, value_name = "NAME=FACTOR")]
        must_not_grow: Vec<String>,
    },
    /// Try published attacks on keys and print which are stopped and which are possible, side by side
    Attacks {
        #[command(flatten)]
        modules: Modules,
        /// Exit with 1 if an attack is possible on this module
        #[arg(long, value_name = "NAME")]
        must_stop: Vec<String>,
        /// Attacks that this module permits, and must: NAME=FILE, lines of an attack and the reason; # starts a comment
        #[arg(long, value_name = "NAME=FILE")]
        permits: Vec<String>,
    },
    /// Print the mechanisms of all modules side by side
    Mechanisms {
        #[command(flatten)]
        modules: Modules,
        /// Fail where another module has a mechanism, or a function of one, that this module lacks
        #[arg(long, value_name = "NAME")]
        superset: Option<String>,
        /// A file of mechanisms that it may lack, each with the reason behind it
        #[arg(long, value_name = "FILE")]
        allow: Option<PathBuf>,
    },
    /// Print the interfaces of all modules, and which functions each module has
    Interfaces {
        #[command(flatten)]
        modules: Modules,
        /// Fail where this module lacks a function of the list of version 3.2
        #[arg(long, value_name = "NAME")]
        complete: Option<String>,
    },
    /// Play test cases of the OASIS document "PKCS #11 Profiles", given by path, side by side
    Profiles {
        #[command(flatten)]
        modules: Modules,
        /// Cases: XML files, or folders of them
        #[arg(long, required = true, num_args = 1.., value_name = "DIR|FILE")]
        cases: Vec<PathBuf>,
        /// A case that is played first and makes the objects that CASE asks for
        #[arg(long, value_name = "CASE=FILE")]
        setup: Vec<String>,
        /// Differences that are permitted: lines of a case, the path of an element, the answer (* for any) and the reason; #
        /// starts a comment
        #[arg(long, value_name = "FILE")]
        permitted: Option<PathBuf>,
        /// Compare the values that the document lets vary, too
        #[arg(long)]
        exact: bool,
    },
    /// Break one behaviour of a module at a time and show that the matching scenario fails
    ProxySelftest {
        #[command(flatten)]
        modules: Modules,
        /// The proxy module; by default the one beside this program
        #[arg(long, value_name = "PATH")]
        proxy: Option<PathBuf>,
    },
    /// The child process of one module (not for people)
    #[command(hide = true)]
    Host { module: PathBuf, role: String, arguments: Vec<String> },
}

#[derive(Args)]
struct Modules {
    /// A module: NAME=PATH, optionally followed by environment variables: NAME=PATH,KEY=VALUE,…
    #[arg(long = "module", value_name = "NAME=PATH")]
    module: Vec<String>,
    /// An environment variable of a module: NAME:KEY=VALUE; {dir} is its throw-away folder
    #[arg(long, value_name = "NAME:KEY=VALUE")]
    env: Vec<String>,
    /// A shell command that prepares a module's folder {dir}: NAME:COMMAND
    #[arg(long, value_name = "NAME:COMMAND")]
    prepare: Vec<String>,
    /// SoftHSM2 with a throw-away configuration
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = setup::SOFTHSM2)]
    softhsm2: Option<PathBuf>,
    /// Coffer with a throw-away folder
    #[arg(long, value_name = "PATH")]
    coffer: Option<PathBuf>,
    /// Show what the modules write to standard error
    #[arg(long)]
    verbose: bool,
    /// Stop a child process after so many seconds
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Child processes at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    modules: Modules,
    /// Only these areas
    #[arg(long)]
    area: Vec<String>,
    /// Only scenarios whose AREA/NAME contains this
    #[arg(long)]
    scenario: Option<String>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Print one row per area instead of one per scenario
    #[arg(long)]
    summary: bool,
    /// Exit with 1 if this module fails anything, or does not support something that is not allowed
    #[arg(long, value_name = "NAME")]
    must_pass: Vec<String>,
    /// Scenarios that may be 'not supported': lines of AREA/NAME and the reason; # starts a comment
    #[arg(long, value_name = "FILE")]
    allow_unsupported: Option<PathBuf>,
}

impl Modules {
    /// The modules of the command line, in its order.
    fn specs(&self) -> Result<Vec<ModuleSpec>, String> {
        let mut specs = Vec::new();
        specs.extend(self.coffer.as_ref().map(|path| ModuleSpec::coffer(path.clone())));
        specs.extend(self.softhsm2.as_ref().map(|path| ModuleSpec::softhsm2(path.clone())));
        for module in &self.module {
            let mut parts = module.split(',');
            let (name, path) = split(parts.next().unwrap_or_default(), '=')?;
            let mut spec = ModuleSpec::new(name, path);
            for part in parts {
                let (key, value) = split(part, '=')?;
                spec.env.push((key.into(), value.into()));
            }
            specs.push(spec);
        }
        for entry in &self.env {
            let (name, pair) = split(entry, ':')?;
            let (key, value) = split(pair, '=')?;
            named(&mut specs, name)?.env.push((key.into(), value.into()));
        }
        for entry in &self.prepare {
            let (name, command) = split(entry, ':')?;
            named(&mut specs, name)?.prepare = Some(command.into());
        }
        if specs.is_empty() {
            return Err("name a module: --module NAME=PATH, --softhsm2 or --coffer PATH".into());
        }
        Ok(specs)
    }

    fn options(&self) -> runner::Options {
        runner::Options { timeout: Duration::from_secs(self.timeout), jobs: self.jobs, verbose: self.verbose }
    }
}

fn split(text: &str, at: char) -> Result<(&str, &str), String> {
    text.split_once(at).ok_or_else(|| format!("'{text}' has no '{at}'"))
}

fn named<'a>(specs: &'a mut [ModuleSpec], name: &str) -> Result<&'a mut ModuleSpec, String> {
    specs.iter_mut().find(|spec| spec.name == name).ok_or_else(|| format!("no module is named '{name}'"))
}

fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("p11-conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs a command; false means that something that had to pass did not.
fn dispatch(command: Command) -> Result<bool, String> {
    match command {
        Command::Run(run) => run_scenarios(&run),
        Command::Scenarios => {
            for entry in scenarios::all() {
                println!("{}\n    PKCS#11 {}: {}", entry.id(), entry.scenario.section, entry.scenario.rule);
            }
            Ok(true)
        }
        Command::Bench { modules, objects, rounds, seconds, raw_command } => {
            let settings = bench::Settings { rounds, seconds, objects };
            bench::run(&modules.specs()?, &settings, raw_command.as_deref(), modules.options())
        }
        Command::Scale { modules, mut objects, rounds, at_most, must_not_grow } => {
            objects.sort_unstable();
            let specs = modules.specs()?;
            let settings = scale::Settings {
                sizes: objects,
                rounds,
                at_most: by_module(&specs, &at_most)?,
                must_not_grow: by_module(&specs, &must_not_grow)?,
            };
            scale::run(&specs, &settings, modules.options())
        }
        Command::Attacks { modules, must_stop, permits } => {
            let specs = modules.specs()?;
            let judged = judged(&specs, must_stop, &permits)?;
            attacks::run(&specs, modules.options(), &judged)
        }
        Command::Mechanisms { modules, superset, allow } => {
            listing::mechanisms(&modules.specs()?, modules.options(), superset.as_deref(), allow.as_deref())
        }
        Command::Interfaces { modules, complete } => {
            listing::interfaces(&modules.specs()?, modules.options(), complete.as_deref())
        }
        Command::Profiles { modules, cases, setup, permitted, exact } => {
            let settings = profiles::Settings { cases, setup, permitted, exact };
            let specs: Vec<ModuleSpec> =
                modules.specs()?.into_iter().map(ModuleSpec::with_cheap_login).collect();
            profiles::run(&specs, &settings, modules.options())
        }
        Command::ProxySelftest { modules, proxy } => {
            let specs = modules.specs()?;
            let [spec] = specs.as_slice() else { return Err("name one module".into()) };
            selftest::run(spec, &proxy.map_or_else(beside, Ok)?, modules.options())
        }
        Command::Host { module, role, arguments } => host(&module, &role, &arguments).map(|()| true),
    }
}

/// For each module that must stop attacks, those that it permits.
fn judged(
    specs: &[ModuleSpec],
    must_stop: Vec<String>,
    permits: &[String],
) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut judged: BTreeMap<String, Vec<String>> =
        must_stop.into_iter().map(|name| (name, Vec::new())).collect();
    if let Some(name) = judged.keys().find(|name| !specs.iter().any(|spec| spec.name == **name)) {
        return Err(format!("--must-stop: no module is named '{name}'"));
    }
    for entry in permits {
        let (name, file) = split(entry, '=')?;
        let permitted =
            judged.get_mut(name).ok_or_else(|| format!("--permits: '{name}' is not in --must-stop"))?;
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let names = text
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| !word.starts_with('#'));
        permitted.extend(names.map(str::to_owned));
        if let Some(unknown) =
            permitted.iter().find(|name| !attacks::all().any(|attack| attack.name == **name))
        {
            return Err(format!("{file}: no attack is named '{unknown}'"));
        }
    }
    Ok(judged)
}

/// Entries NAME=NUMBER, by module.
fn by_module<N: std::str::FromStr>(
    specs: &[ModuleSpec],
    entries: &[String],
) -> Result<BTreeMap<String, N>, String> {
    let number = |entry: &String| {
        let (name, number) = split(entry, '=')?;
        if !specs.iter().any(|spec| spec.name == name) {
            return Err(format!("no module is named '{name}'"));
        }
        Ok((name.to_owned(), number.parse().map_err(|_| format!("'{number}' is not a number"))?))
    };
    entries.iter().map(number).collect()
}

/// The proxy module beside this program.
fn beside() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(program.with_file_name("libp11_conformance_proxy.so"))
}

/// The child's side.
fn host(module: &std::path::Path, role: &str, arguments: &[String]) -> Result<(), String> {
    match (role, arguments) {
        ("prepare", []) => runner::prepare(module),
        ("scenario", [id, result]) => runner::scenario(module, id, result.as_ref()),
        ("profile", [play, result]) => profiles::host(module, play, result.as_ref()),
        ("attack", [name, result]) => attacks::host(module, name, result.as_ref()),
        ("bench", [objects, seconds]) => {
            let objects = objects.parse().map_err(|_| "not a number of objects")?;
            bench::serve(module, objects, seconds.parse().map_err(|_| "not a number of seconds")?)
        }
        ("scale-fill", [from, to]) => {
            let (from, to) = (from.parse(), to.parse());
            scale::fill(module, from.map_err(|_| "not a number")?, to.map_err(|_| "not a number")?)
        }
        ("scale", [objects]) => scale::measure(module, objects.parse().map_err(|_| "not a number")?),
        ("unload", [how]) => unload::run(module, how),
        ("mechanisms", []) => listing::host_mechanisms(module),
        ("interfaces", []) => listing::host_interfaces(module),
        _ => Err(format!("no such role: {role}")),
    }
}

fn run_scenarios(run: &Run) -> Result<bool, String> {
    let specs = run.modules.specs()?;
    if let Some(name) = run.must_pass.iter().find(|name| !specs.iter().any(|spec| spec.name == **name)) {
        return Err(format!("--must-pass: no module is named '{name}'"));
    }
    let mut entries = scenarios::all();
    if let Some(area) = run.area.iter().find(|area| !entries.iter().any(|entry| entry.area == area.as_str()))
    {
        return Err(format!("no area is named '{area}'"));
    }
    entries.retain(|entry| run.area.is_empty() || run.area.iter().any(|area| area == entry.area));
    entries.retain(|entry| run.scenario.as_ref().is_none_or(|part| entry.id().contains(part)));
    let results = runner::run(&specs, &entries, run.modules.options())?;
    let names: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    if run.json {
        println!("{}", report::json(&names, &entries, &results).map_err(|error| error.to_string())?);
    } else {
        report::print(&names, &entries, &results, run.summary);
    }
    let allowed = allowed(run.allow_unsupported.as_deref())?;
    let mut all_good = true;
    for (column, name) in names.iter().enumerate().filter(|(_, name)| run.must_pass.contains(name)) {
        for (entry, row) in entries.iter().zip(&results) {
            let good = match row.get(column) {
                Some(runner::Status::Passed) => true,
                Some(runner::Status::NotSupported { .. }) => allowed.contains(&entry.id()),
                _ => false,
            };
            if !good {
                eprintln!("{name} must pass {}", entry.id());
            }
            all_good &= good;
        }
    }
    Ok(all_good)
}

/// The scenario names of the file; each line must give a reason.
fn allowed(file: Option<&std::path::Path>) -> Result<BTreeSet<String>, String> {
    let Some(file) = file else { return Ok(BTreeSet::new()) };
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| split(line, ' ').map(|(id, _)| id.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(arguments: &[&str]) -> Result<Vec<ModuleSpec>, String> {
        let all = ["p11-conformance", "mechanisms"].iter().chain(arguments);
        match Cli::parse_from(all).command {
            Command::Mechanisms { modules, .. } => modules.specs(),
            _ => Err("another command".into()),
        }
    }

    #[test]
    fn a_module_takes_its_environment_from_either_option() {
        let specs =
            specs(&["--module", "a=/lib/a.so,X=1", "--env", "a:Y={dir}/y", "--prepare", "a:touch {dir}/z"]);
        let spec = specs.expect("one module").remove(0);
        assert_eq!(spec.path, PathBuf::from("/lib/a.so"));
        assert_eq!(spec.env, [("X".into(), "1".into()), ("Y".into(), "{dir}/y".into())]);
        assert_eq!(spec.prepare.as_deref(), Some("touch {dir}/z"));
    }

    #[test]
    fn an_environment_for_no_module_is_an_error() {
        assert!(specs(&["--module", "a=/lib/a.so", "--env", "b:X=1"]).is_err());
    }

    #[test]
    fn no_module_is_an_error() {
        assert!(specs(&[]).is_err());
    }

    #[test]
    fn the_first_column_is_the_module_that_is_looked_after() {
        let specs = specs(&["--softhsm2", "--coffer", "/lib/coffer.so"]).expect("two modules");
        assert_eq!(specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["coffer", "softhsm2"]);
    }
}
