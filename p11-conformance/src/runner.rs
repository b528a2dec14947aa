//! Runs each scenario in a child process of its own, so that a crash or a hang of a module is one failure.

use crate::expect::Verdict;
use crate::module::Module;
use crate::scenario::{Host, Scenario, finalize};
use crate::scenarios::{self, Entry};
use crate::setup::{Folder, ModuleSpec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What one scenario showed on one module.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Status {
    Passed,
    Failed { got: String, expected: String },
    NotSupported { reason: String },
}

impl From<Result<(), Verdict>> for Status {
    fn from(check: Result<(), Verdict>) -> Status {
        match check {
            Ok(()) => Status::Passed,
            Err(Verdict::NotSupported(reason)) => Status::NotSupported { reason },
            Err(Verdict::Failed { got, expected }) => Status::Failed { got, expected },
        }
    }
}

/// How a child ended.
pub enum Ended<T> {
    /// What it wrote.
    Told(T),
    /// It took too long.
    Stopped(String),
    Died(String),
}

/// How a run behaves.
#[derive(Clone, Copy)]
pub struct Options {
    /// A scenario that runs longer is stopped and has failed.
    pub timeout: Duration,
    /// Child processes at the same time.
    pub jobs: usize,
    /// Whether the modules' own messages (standard error) are shown.
    pub verbose: bool,
}

/// Runs all entries on all modules; the result has one row per entry and one column per module.
pub fn run(modules: &[ModuleSpec], entries: &[Entry], options: Options) -> Result<Vec<Vec<Status>>, String> {
    let prepared: Vec<Prepared> =
        modules.iter().map(|module| Prepared::new(module, options)).collect::<Result<_, _>>()?;
    let results = Mutex::new(vec![vec![Status::Passed; modules.len()]; entries.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    let (row, column) = (job / prepared.len(), job % prepared.len());
                    let (Some(entry), Some(module)) = (entries.get(row), prepared.get(column)) else {
                        return;
                    };
                    let status = module.run(entry);
                    let mut results = results.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    if let Some(place) = results.get_mut(row).and_then(|statuses| statuses.get_mut(column)) {
                        *place = status;
                    }
                }
            });
        }
    });
    Ok(results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// A module with a folder in which its token was made once; each scenario gets a copy of it.
pub struct Prepared {
    spec: ModuleSpec,
    token: Arc<Folder>,
    options: Options,
}

impl Prepared {
    /// Makes the token. A module that cannot is still tried: each scenario then says why.
    pub fn new(spec: &ModuleSpec, options: Options) -> Result<Prepared, String> {
        let token = Arc::new(Folder::new()?);
        spec.prepare(token.path())?;
        let prepared = Prepared { spec: spec.clone(), token, options };
        let child = prepared.spawn(prepared.token.path(), &["prepare"], Stdio::null());
        let (status, _) = wait(child.map_err(|error| error.to_string())?, options.timeout);
        if !status.is_some_and(|status| status.success()) {
            eprintln!("{}: making a token failed; each scenario tries it again", spec.name);
        }
        Ok(prepared)
    }

    /// Another module that finds the same token.
    pub fn with(&self, spec: &ModuleSpec, options: Options) -> Prepared {
        Prepared { spec: spec.clone(), token: Arc::clone(&self.token), options }
    }

    /// Runs one scenario in a child.
    pub fn run(&self, entry: &Entry) -> Status {
        self.try_run(entry).unwrap_or_else(|error| Status::Failed { got: error, expected: "a result".into() })
    }

    fn try_run(&self, entry: &Entry) -> Result<Status, String> {
        Ok(match self.result("scenario", &entry.id(), entry.scenario.blank)? {
            Ended::Told(status) => status,
            Ended::Stopped(got) => Status::Failed { got, expected: "an answer".into() },
            Ended::Died(got) => Status::Failed { got, expected: "the host lives".into() },
        })
    }

    /// Runs a child in this role, in a folder of its own with the token or, if `blank`, without it, and reads the
    /// result that it writes.
    pub fn result<T: DeserializeOwned>(&self, role: &str, id: &str, blank: bool) -> Result<Ended<T>, String> {
        let (folder, result) = (Folder::new()?, Folder::new()?);
        if !blank {
            folder.copy_from(self.token.path())?;
        }
        self.spec.prepare(folder.path())?;
        let file = result.path().join("result.json");
        let arguments = [role, id, &*file.to_string_lossy()];
        let child =
            self.spawn(folder.path(), &arguments, Stdio::null()).map_err(|error| error.to_string())?;
        let (status, stopped) = wait(child, self.options.timeout);
        if stopped {
            let got = format!("no answer within {} s (stopped)", self.options.timeout.as_secs());
            return Ok(Ended::Stopped(got));
        }
        let status = status.ok_or("the child process was lost")?;
        let written = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(match (status.success(), written) {
            (true, Some(told)) => Ended::Told(told),
            _ => Ended::Died(death(status)),
        })
    }

    /// A child of this program, with the module's environment.
    pub fn spawn(&self, folder: &Path, arguments: &[&str], stdout: Stdio) -> std::io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("host").arg(&self.spec.path).args(arguments).stdin(Stdio::piped()).stdout(stdout);
        command.stderr(if self.options.verbose { Stdio::inherit() } else { Stdio::null() });
        self.spec.apply(&mut command, folder);
        command.spawn()
    }

    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The folder with the prepared token.
    pub fn folder(&self) -> &Path {
        self.token.path()
    }
}

/// Waits for a child; after the time-out it is killed. Returns its status and whether it was stopped.
pub fn wait(mut child: Child, timeout: Duration) -> (Option<ExitStatus>, bool) {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (Some(status), false),
            Ok(None) if start.elapsed() < timeout => std::thread::sleep(pause),
            _ => {
                let _ = child.kill();
                return (child.wait().ok(), true);
            }
        }
        pause = (pause * 2).min(Duration::from_millis(16));
    }
}

/// How a child ended that left no result.
fn death(status: ExitStatus) -> String {
    match status.signal() {
        Some(libc::SIGSEGV) => "host died with SIGSEGV".into(),
        Some(libc::SIGABRT) => "host died with SIGABRT".into(),
        Some(libc::SIGBUS) => "host died with SIGBUS".into(),
        Some(signal) => format!("host died with signal {signal}"),
        None => format!("host ended early ({status})"),
    }
}

/// The child's side of `prepare`: makes the token.
pub fn prepare(module: &Path) -> Result<(), String> {
    let host = Host::new(Module::open(module)?);
    host.token().map_err(|verdict| format!("{verdict:?}"))?;
    finalize(&host.module).map_err(|error| error.to_string())
}

/// The child's side of `scenario`: runs it and writes its status.
pub fn scenario(module: &Path, id: &str, result: &Path) -> Result<(), String> {
    let entry = scenarios::all().into_iter().find(|entry| entry.id() == id).ok_or("no such scenario")?;
    let status = match Module::open(module) {
        Ok(module) => run_scenario(entry.scenario, module),
        Err(error) => Status::Failed { got: error, expected: "the module loads".into() },
    };
    let bytes = serde_json::to_vec(&status).map_err(|error| error.to_string())?;
    std::fs::write(result, bytes).map_err(|error| error.to_string())
}

fn run_scenario(scenario: &Scenario, module: Module) -> Status {
    let host = Host::new(module);
    let status = Status::from((scenario.run)(&host));
    // The module's own end is part of what a host lives through; its return value is a scenario of its own.
    let _ = finalize(&host.module);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(command: &str) -> Child {
        Command::new("sh").arg("-c").arg(command).spawn().expect("a shell")
    }

    #[test]
    fn a_child_that_hangs_is_stopped() {
        let (_, stopped) = wait(shell("sleep 60"), Duration::from_millis(20));
        assert!(stopped);
    }

    #[test]
    fn a_child_that_ends_is_not_stopped() {
        let (status, stopped) = wait(shell("exit 3"), Duration::from_secs(30));
        assert_eq!((status.and_then(|status| status.code()), stopped), (Some(3), false));
    }

    #[test]
    fn a_death_by_signal_is_named() {
        let (status, _) = wait(shell("kill -SEGV $$"), Duration::from_secs(30));
        assert_eq!(status.map(death).as_deref(), Some("host died with SIGSEGV"));
    }
}
