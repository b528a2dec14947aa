//! Eight processes with four threads each, all working on the same objects of one token.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::history::*;
use crate::interface::*;
use crate::shim::*;

const PROCESSES: usize = 8;
const THREADS: usize = 4;
/// The token has about so many objects.
const CROWD: usize = 40;
/// Begins the names of objects that are not part of the history.
const BEFORE: &str = "before-";

/// A thread of a process: what it has done, and which handles it knows.
struct Worker<'a> {
    functions: Functions,
    session: CK_SESSION_HANDLE,
    start: Instant,
    random: Random,
    name: String,
    known: BTreeMap<String, CK_OBJECT_HANDLE>,
    names: HashMap<CK_OBJECT_HANDLE, String>,
    wrapped: &'a [u8],
    events: Vec<Event>,
}

impl Worker<'_> {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Notes a call: its answer and value.
    fn note(&mut self, call: Call, object: &str, begin: u64, rv: CK_RV, value: String) {
        let end = self.now();
        if rv != CKR_OK || call == Call::Destroy {
            self.known.remove(object);
        }
        self.events.push(Event { call, object: object.into(), begin, end, rv, value });
    }

    fn step(&mut self, round: usize) {
        let any = self.random.below(self.known.len().max(1) as u64) as usize;
        let any = self.known.iter().nth(any).map(|(id, handle)| (id.clone(), *handle));
        let choice = self.random.below(16);
        let (Some((id, handle)), false) = (any, choice < 2 && self.known.len() < CROWD) else {
            return self.create(round);
        };
        let (functions, session, begin) = (self.functions, self.session, self.now());
        match choice {
            0..5 if self.known.len() > CROWD / 2 => {
                let rv = destroy(functions, session, handle);
                self.note(Call::Destroy, &id, begin, rv, String::new());
            }
            0..7 => {
                let label = format!("{}.{round}", self.name);
                let rv = set_label(functions, session, handle, &label);
                self.note(Call::SetLabel, &id, begin, rv, label);
            }
            7 | 8 => match name(functions, session, handle) {
                Ok((_, _, label)) => self.note(Call::ReadLabel, &id, begin, CKR_OK, label),
                Err(rv) => self.note(Call::ReadLabel, &id, begin, rv, String::new()),
            },
            9 => {
                let found = find(functions, session, Some(&id));
                let count = found.as_ref().map_or(0, Vec::len);
                self.note(Call::Find, &id, begin, found.err().unwrap_or(CKR_OK), count.to_string());
            }
            10..12 => self.list(),
            12 | 13 => {
                let rv = sign(functions, session, handle);
                self.note(Call::Sign, &id, begin, rv, String::new());
            }
            14 => {
                let rv = wrap(functions, session, handle).err().unwrap_or(CKR_OK);
                self.note(Call::Wrap, &id, begin, rv, String::new());
            }
            _ => {
                let rv = unwrap(functions, session, handle, self.wrapped);
                self.note(Call::Unwrap, &id, begin, rv, String::new());
            }
        }
    }

    fn create(&mut self, round: usize) {
        let (id, label, begin) = (format!("{}-{round}", self.name), format!("{}.new", self.name), self.now());
        let made = create(self.functions, self.session, &id, &label);
        self.note(Call::Create, &id, begin, made.err().unwrap_or(CKR_OK), label);
        if let Ok(handle) = made {
            self.known.insert(id.clone(), handle);
            self.names.insert(handle, id);
        }
    }

    /// Finds all objects; asks for the names of those that it does not know yet.
    fn list(&mut self) {
        let begin = self.now();
        let handles = match find(self.functions, self.session, None) {
            Ok(handles) => handles,
            Err(rv) => return self.note(Call::List, "-", begin, rv, String::new()),
        };
        let mut found = Vec::new();
        self.known.clear();
        for handle in handles {
            if !self.names.contains_key(&handle) {
                match name(self.functions, self.session, handle) {
                    Ok((id, _, _)) => drop(self.names.insert(handle, id)),
                    // Destroyed since the search.
                    Err(CKR_OBJECT_HANDLE_INVALID) => continue,
                    Err(rv) => return self.note(Call::List, "-", begin, rv, String::new()),
                }
            }
            let id = self.names[&handle].clone();
            // Session keys of this process, and what a process has made before its threads began.
            if id.is_empty() || id.starts_with(BEFORE) {
                continue;
            }
            found.push(id.clone());
            self.known.insert(id, handle);
        }
        self.note(Call::List, "-", begin, CKR_OK, found.join(","));
    }
}

/// A process: each of its threads takes so many steps; then it tells all that they did.
fn work(functions: Functions, report: &Report, process: usize, steps: usize, seed: u64, start: Instant) {
    initialize(functions);
    log_in(functions, open_session(functions));
    let session = open_session(functions);
    let own = create(functions, session, &format!("{BEFORE}{process}"), "own").unwrap();
    let wrapped = wrap(functions, session, own).unwrap();
    assert_eq!(destroy(functions, session, own), CKR_OK);
    let events: Vec<Vec<Event>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let wrapped = &wrapped;
                scope.spawn(move || {
                    let mut worker = Worker {
                        functions,
                        session: open_session(functions),
                        start,
                        random: Random::new(seed + (process * THREADS + thread) as u64),
                        name: format!("p{process}t{thread}"),
                        known: BTreeMap::new(),
                        names: HashMap::new(),
                        wrapped,
                        events: Vec::new(),
                    };
                    worker.list();
                    (0..steps).for_each(|round| worker.step(round));
                    worker.events
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for event in events.iter().flatten() {
        report.line(&event.line());
    }
}

/// The objects of the token as a new process sees them: names and labels.
fn look(functions: Functions) -> HashMap<String, String> {
    let child = fork(|report| {
        let session = join(functions);
        for object in find(functions, session, None).unwrap() {
            let (id, _, label) = name(functions, session, object).unwrap();
            report.line(&format!("{id} {label}"));
        }
    });
    let pairs = child.finish();
    pairs
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, label)| (id.into(), label.into()))
        .collect()
}

/// Lets the crowd work on a new token; answers how many calls there were and what contradicts one token.
fn campaign(functions: Functions, steps: usize, seed: u64, lie: i32) -> (Vec<Event>, Vec<String>) {
    let (page, start) = (Page::new(), Instant::now());
    page.lie(lie);
    let mut children: Vec<_> = (0..PROCESSES)
        .map(|process| {
            fork(move |report| {
                page.attach();
                work(functions, report, process, steps, seed, start);
            })
        })
        .collect();
    let (mut events, mut losses) = (Vec::new(), Vec::new());
    for child in &mut children {
        events.extend(child.rest().iter().map(|line| Event::parse(line).expect(line)));
        match child.wait() {
            0 => {}
            status => losses.push(format!("a process ended with {status}")),
        }
    }
    losses.extend(contradictions(&events));
    if losses.is_empty() {
        losses = remains(&events, &look(functions));
    }
    (events, losses)
}

#[test]
fn a_crowd_of_processes_and_threads_sees_one_token() {
    in_shimmed_process("crowd::a_crowd_of_processes_and_threads_sees_one_token", || {
        configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 100000\n");
        let (functions, seed, start) = (functions(), seed(), Instant::now());
        prepare(functions);
        let (events, losses) = campaign(functions, size(60, 4_000), seed, 0);
        let count = |calls: &[Call]| events.iter().filter(|event| calls.contains(&event.call)).count();
        let gone = events.iter().filter(|event| event.rv != CKR_OK).count();
        println!(
            "crowd: seed {seed}, {PROCESSES} processes x {THREADS} threads, {} calls in {:.0} s ({} creations, {} changes, {} \
             destructions, {} searches, {} uses of keys; {gone} found their object destroyed): {} losses",
            events.len(),
            start.elapsed().as_secs_f64(),
            count(&[Call::Create]),
            count(&[Call::SetLabel]),
            count(&[Call::Destroy]),
            count(&[Call::List, Call::Find]),
            count(&[Call::Sign, Call::Wrap, Call::Unwrap]),
            losses.len()
        );
        assert!(losses.is_empty(), "{:#?}", &losses[..losses.len().min(10)]);
        assert!(gone > 0 && count(&[Call::Destroy]) > 0, "the threads did not meet");
    });
}

#[test]
fn the_crowd_notices_locks_that_do_not_lock() {
    in_shimmed_process("crowd::the_crowd_notices_locks_that_do_not_lock", || {
        let functions = functions();
        prepare(functions);
        let (_, losses) = campaign(functions, 300, seed(), LOCKS_THAT_DO_NOT_LOCK);
        println!("crowd, with locks that do not lock: {} losses reported, as it must", losses.len());
        assert!(!losses.is_empty(), "the campaign did not notice");
    });
}
