//! kill -9 at every system call of every C function that changes a token, by the injection of strace.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::interface::*;
use crate::mutations::*;
use crate::shim::*;

/// The files of the token folder, to start each life from.
struct Prepared {
    home: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Prepared {
    fn take(home: PathBuf) -> Self {
        let paths = std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path());
        let files = paths.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
        Self { home, files }
    }

    fn restore(&self) {
        for entry in std::fs::read_dir(&self.home).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (path, bytes) in &self.files {
            std::fs::write(path, bytes).unwrap();
        }
    }
}

/// Everything that a new process sees: the slots, which PIN opens the token, the objects, and that its key works.
fn state(functions: Functions) -> String {
    let child = fork(|report| {
        initialize(functions);
        let mut words = vec![format!("{:?}", slots(functions))];
        let session = open_session(functions);
        let pins = [USER_PIN, NEW_PIN].map(|pin| login(functions, session, CKU_USER, pin));
        words.push(format!("user {pins:?}"));
        let mut objects: Vec<_> = find(functions, session, None)
            .unwrap()
            .into_iter()
            .map(|object| {
                let (id, class, label) = name(functions, session, object).unwrap();
                if class == CKO_SECRET_KEY.to_string() {
                    assert_eq!(sign(functions, session, object), CKR_OK, "{id} is there by halves");
                }
                format!("{id}/{class}={label}")
            })
            .collect();
        objects.sort();
        report.line(&(words.join(" ") + " " + &objects.join(" ")));
    });
    child.finish().remove(0)
}

/// What one life came to.
struct Life {
    /// Killed, or at its end.
    killed: bool,
    /// What the function had answered before.
    answer: Option<String>,
}

/// Prepares a mutation in a child, attaches strace with these options, lets the child go on, and waits for both.
/// `None` where nobody may trace.
fn traced(
    functions: Functions,
    mutation: &'static Mutation,
    options: &[&str],
    page: &'static Page,
) -> Option<Life> {
    let mut gate = Gate::new();
    let mut child = fork(|report| {
        // SAFETY: allows tracing by a process that is no ancestor, where that is forbidden otherwise.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
        let work = (mutation.prepare)(functions);
        page.attach();
        report.line("ready");
        gate.wait();
        report.line(&work().to_string());
    });
    assert_eq!(child.next_line().as_deref(), Some("ready"));
    let tracer = Command::new("strace")
        .args(["-f", "-p", &child.pid.to_string()])
        .args(options)
        .env_remove("LD_PRELOAD")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tracer) = tracer else { return None };
    let mut told = String::new();
    let mut stderr = BufReader::new(tracer.stderr.take().unwrap());
    stderr.read_line(&mut told).unwrap();
    if !told.contains("attached") {
        tracer.wait().unwrap();
        println!("strace says: {}", told.trim_end());
        return None;
    }
    gate.open(1);
    let answer = child.next_line();
    let status = child.wait();
    std::io::copy(&mut stderr, &mut std::io::sink()).unwrap();
    tracer.wait().unwrap();
    assert!(status == 0 || status == libc::SIGKILL, "{}: {status}", mutation.name);
    Some(Life { killed: status == libc::SIGKILL, answer })
}

/// The system calls of a mutation by name, with their number.
fn calls(log: &Path) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let call = line.split_whitespace().nth(1).and_then(|call| call.split_once('(')).map(|(name, _)| name);
        if let Some(name) =
            call.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

#[derive(Default)]
struct Counts {
    points: usize,
    killed: usize,
    changed: usize,
    unchanged: usize,
    losses: Vec<String>,
}

/// Kills a mutation at one system call and looks at what is left.
fn kill_at(
    functions: Functions,
    mutation: &'static Mutation,
    call: &str,
    number: usize,
    states: [&str; 2],
    page: &'static Page,
    counts: &mut Counts,
) {
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let trace = format!("trace={call}");
    let life = traced(functions, mutation, &["-o", "/dev/null", "-e", &trace, "-e", &inject], page);
    let life = life.unwrap();
    let left = state(functions);
    counts.points += 1;
    counts.killed += usize::from(life.killed);
    let [before, after] = states;
    if left == after {
        counts.changed += 1;
    } else if left == before && life.answer.is_none() {
        counts.unchanged += 1;
    } else {
        counts.losses.push(format!(
            "{} killed at {call} {number} (answered: {:?}) left {left}",
            mutation.name, life.answer
        ));
    }
}

#[test]
fn a_kill_at_any_system_call_of_any_change_loses_and_halves_nothing() {
    in_shimmed_process("syscalls::a_kill_at_any_system_call_of_any_change_loses_and_halves_nothing", || {
        configure("[pin]\nkdf-iterations = 10000\nattempts = 255\n");
        let functions = functions();
        prepare(functions);
        fork(|_| make_objects(functions, join(functions))).finish();
        let prepared = Prepared::take(home());
        let log = home().parent().unwrap().join("calls");
        let (start, limit) = (Instant::now(), Duration::from_secs(limit_in_seconds(25)));
        let (seed, mut points, page) = (seed(), Vec::new(), Page::new());
        let before = state(functions);
        let mut states = Vec::new();
        for (number, mutation) in MUTATIONS.iter().enumerate() {
            prepared.restore();
            let Some(life) = traced(functions, mutation, &["-o", log.to_str().unwrap()], page) else {
                println!("system calls: SKIPPED: strace is missing or may not trace here");
                return;
            };
            assert_eq!(life.answer, Some(mutation.answer.to_string()), "{}", mutation.name);
            states.push(state(functions));
            for (call, count) in calls(&log) {
                points.extend((1..=count).map(|n| (number, call.clone(), n)));
            }
        }
        // In a random order, so that a slice is a fair one.
        let mut random = Random::new(seed);
        for last in (1..points.len()).rev() {
            points.swap(last, random.below(last as u64 + 1) as usize);
        }
        let mut counts: Vec<Counts> = MUTATIONS.iter().map(|_| Counts::default()).collect();
        for (mutation, call, number) in points.iter().take_while(|_| start.elapsed() < limit) {
            prepared.restore();
            let states = [before.as_str(), states[*mutation].as_str()];
            kill_at(functions, &MUTATIONS[*mutation], call, *number, states, page, &mut counts[*mutation]);
        }
        let done: usize = counts.iter().map(|counts| counts.points).sum();
        println!(
            "system calls: seed {seed}, {done} of {} in {:.0} s:",
            points.len(),
            start.elapsed().as_secs_f64()
        );
        for (mutation, counts) in MUTATIONS.iter().zip(&counts) {
            println!(
                "  {}: {} calls, {} kills, {} times changed, {} times unchanged, {} losses",
                mutation.name,
                counts.points,
                counts.killed,
                counts.changed,
                counts.unchanged,
                counts.losses.len()
            );
        }
        let losses: Vec<_> = counts.iter().flat_map(|counts| &counts.losses).collect();
        assert!(losses.is_empty(), "{losses:#?}");
        assert!(counts.iter().any(|counts| counts.killed > 0), "nothing was killed");

        // The proof that this can fail: a change is killed after its answer, and was not written.
        prepared.restore();
        page.lie(TRANSACTIONS_THAT_ARE_NOT_WRITTEN);
        let (states, mut counts) = ([before.as_str(), states[0].as_str()], Counts::default());
        kill_at(functions, &MUTATIONS[0], "exit_group", 1, states, page, &mut counts);
        println!(
            "system calls, with transactions that are not written: {} losses, as it must",
            counts.losses.len()
        );
        assert_eq!(counts.losses.len(), 1, "the campaign did not notice");
    });
}
