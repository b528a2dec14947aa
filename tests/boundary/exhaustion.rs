//! No memory: each function is called again and again, and each time one allocation earlier there is no more. The answer is
//! what it is with memory, or CKR_HOST_MEMORY; the process lives, and the next call finds everything in order.
//!
//! A small library before the C library (`exhaustion.c`, LD_PRELOAD) refuses the memory, to the calling thread and as
//! long as the call lasts.

use std::ffi::{OsStr, c_long};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use coffer_pkcs11::ck::*;

use super::answers;
use super::arguments::{Maker, Way};
use super::functions::FUNCTIONS;
use super::interface::*;
use super::worker::{PATIENCE, in_slice, is_campaign, lives};
use super::world::{Base, STATES, State, World};
use crate::call;

/// From so many allocations on the slice tries one number in `SLICE`; COFFER_CAMPAIGN=full tries all.
const EVERY: u64 = 8;
const SLICE: u64 = 5;

/// More than the reserve of the library could list.
const OBJECTS: usize = 1500;

/// What children tell their parent.
#[repr(C)]
#[derive(Default)]
struct Counts {
    /// The function that is called, and how many allocations it may make.
    function: AtomicU64,
    allowed: AtomicU64,
    calls: AtomicU64,
    without_memory: AtomicU64,
    wrong: AtomicU64,
}

impl Counts {
    fn shared() -> &'static Self {
        // SAFETY: a new mapping of zeros, which are `Counts`; it is never unmapped.
        unsafe {
            let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let place = libc::mmap(std::ptr::null_mut(), size_of::<Self>(), access, flags, -1, 0);
            assert_ne!(place, libc::MAP_FAILED);
            &*place.cast::<Self>()
        }
    }
}

/// The functions of `exhaustion.c`.
struct Host {
    memory: unsafe extern "C" fn(c_long),
    memory_again: unsafe extern "C" fn() -> c_long,
}

impl Host {
    fn new(with_pages: bool) -> Self {
        let this = libloading::os::unix::Library::this();
        // SAFETY: functions of `exhaustion.c`, which is loaded (LD_PRELOAD), with their types.
        unsafe {
            if !with_pages {
                let without = this.get::<unsafe extern "C" fn()>(b"coffer_test_without_pages");
                without.expect("the small library is loaded")();
            }
            Self {
                memory: *this.get(b"coffer_test_memory").unwrap(),
                memory_again: *this.get(b"coffer_test_memory_again").unwrap(),
            }
        }
    }

    /// Calls with so many allocations; also how many were refused.
    fn call_with<T>(&self, allocations: u64, call: impl FnOnce() -> T) -> (T, u64) {
        // SAFETY: sets and reads numbers of this thread.
        unsafe {
            (self.memory)(allocations as c_long);
            let answer = call();
            (answer, (self.memory_again)() as u64)
        }
    }
}

/// As `in_own_process`, with the small library loaded and the token in memory.
fn in_process_without_memory(name: &str, check: impl FnOnce()) {
    let shared = PathBuf::from("/dev/shm");
    let place = if shared.is_dir() { shared } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(&place).unwrap();
    let library: PathBuf = folder.path().join("exhaustion.so");
    if std::env::var_os("LD_PRELOAD").is_none() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boundary/exhaustion.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&library)
            .arg(source)
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    }
    let preload: &OsStr = library.as_os_str();
    in_own_process_with(name, &place, &[("LD_PRELOAD", preload)], check);
}

#[test]
fn every_function_bears_that_there_is_no_memory() {
    in_process_without_memory("exhaustion::every_function_bears_that_there_is_no_memory", || {
        let without_memory = run(false, "of malloc");
        assert!(without_memory > 50, "the calls have come to nothing");
    });
}

#[test]
fn every_function_bears_that_there_are_no_pages() {
    in_process_without_memory("exhaustion::every_function_bears_that_there_are_no_pages", || {
        run(true, "of pages and malloc");
    });
}

#[test]
fn a_large_block_that_is_refused_is_a_death() {
    in_process_without_memory("exhaustion::a_large_block_that_is_refused_is_a_death", || {
        let host = Host::new(true);
        // The test has the same allocator, whose reserve is for small blocks.
        assert!(lives(|| drop(host.call_with(0, || Box::new([1u8; 1000])))));
        assert!(!lives(|| drop(host.call_with(0, || vec![1u8; 1 << 20]))));
    });
}

/// The work of some calls grows with the token: what one object costs is little, and all of them are more than there is
/// in reserve.
#[test]
fn a_token_with_many_objects_bears_that_there_is_no_memory() {
    in_process_without_memory("exhaustion::a_token_with_many_objects_bears_that_there_is_no_memory", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let session = open_session(functions);
        log_in(functions, session);
        for number in 0..OBJECTS {
            let (yes, class, value) = ([CK_TRUE], [CKO_DATA], [number as u8; 100]);
            let mut template = [
                attribute(CKA_CLASS, &class),
                attribute(CKA_TOKEN, &yes),
                attribute(CKA_PRIVATE, &yes),
                attribute(CKA_VALUE, &value),
            ];
            let mut object = 0;
            let made =
                call!(functions, C_CreateObject, session, template.as_mut_ptr().cast(), 4, &mut object);
            assert_eq!(made, CKR_OK);
        }
        finalize(functions);
        let host = Host::new(false);
        let (mut calls, mut refusals) = (0, 0);
        let mut try_all = |name: &str, prepare: &dyn Fn(), call: &dyn Fn() -> CK_RV| {
            let (mut allowed, mut step) = (0u64, 1);
            loop {
                prepare();
                // SAFETY: sets a timer that ends a process which hangs.
                unsafe { libc::alarm(PATIENCE) };
                let (rv, refused) = host.call_with(allowed, call);
                assert!(
                    [CKR_OK, CKR_HOST_MEMORY].contains(&rv),
                    "{name} after {allowed}: {}",
                    answers::name(rv)
                );
                calls += 1;
                refusals += u64::from(rv == CKR_HOST_MEMORY);
                if refused == 0 {
                    break;
                }
                (allowed, step) = (allowed + step, step + step / 8 + 1);
            }
        };
        let restart = || {
            call!(functions, C_Finalize, std::ptr::null_mut());
            initialize(functions);
        };
        let (pin, len) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
        let session = std::cell::Cell::new(0);
        let logged_out = || {
            restart();
            session.set(open_session(functions));
        };
        let logged_in = || {
            logged_out();
            log_in(functions, session.get());
        };
        let none = std::ptr::null_mut();
        try_all(
            "C_Initialize",
            &|| {
                call!(functions, C_Finalize, none);
            },
            &|| call!(functions, C_Initialize, none),
        );
        try_all("C_Login", &logged_out, &|| call!(functions, C_Login, session.get(), CKU_USER, pin, len));
        try_all("C_FindObjectsInit", &logged_in, &|| {
            call!(functions, C_FindObjectsInit, session.get(), std::ptr::null_mut(), 0)
        });
        try_all("C_Logout", &logged_in, &|| call!(functions, C_Logout, session.get()));
        println!(
            "boundary: no memory for {OBJECTS} objects: {calls} calls, {refusals} CKR_HOST_MEMORY, 0 host deaths"
        );
        assert!(refusals > 20);
        logged_in();
        assert_eq!(call!(functions, C_FindObjectsInit, session.get(), std::ptr::null_mut(), 0), CKR_OK);
        let (mut found, mut count) = (vec![0; OBJECTS + 1], 0);
        let most = found.len() as CK_ULONG;
        assert_eq!(
            call!(functions, C_FindObjects, session.get(), found.as_mut_ptr(), most, &mut count),
            CKR_OK
        );
        assert_eq!(count as usize, OBJECTS);
    });
}

/// Answers how many calls were CKR_HOST_MEMORY.
fn run(with_pages: bool, what: &str) -> u64 {
    let home = std::env::var("COFFER_HOME").unwrap();
    let configuration = "[pin]\nkdf-iterations = 10000\nattempts = 255\nmin-length = 1\n";
    std::fs::write(format!("{home}/coffer.toml"), configuration).unwrap();
    let functions = load().functions;
    let counts = Counts::shared();
    let mut deaths = Vec::new();
    let told = |counts: &Counts| {
        let (function, allowed) =
            (counts.function.load(Ordering::Relaxed), counts.allowed.load(Ordering::Relaxed));
        format!("{} after {allowed} allocations", FUNCTIONS[function as usize].name)
    };
    let mut first = 0;
    while first < FUNCTIONS.len() && deaths.len() < 30 {
        let survived = lives(|| {
            let host = Host::new(with_pages);
            let mut world = World::new(functions);
            for function in first..FUNCTIONS.len() {
                counts.function.store(function as u64, Ordering::Relaxed);
                exhaust(&mut world, &host, function, counts);
            }
        });
        if survived {
            break;
        }
        deaths.push(told(counts));
        first = counts.function.load(Ordering::Relaxed) as usize + 1;
    }
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    println!(
        "boundary: no memory {what}: {} calls of {} functions, {} CKR_HOST_MEMORY, {} wrong, {} host deaths",
        count(&counts.calls),
        FUNCTIONS.len(),
        count(&counts.without_memory),
        count(&counts.wrong),
        deaths.len()
    );
    assert!(deaths.is_empty(), "host deaths:\n{}", deaths.join("\n"));
    assert_eq!(count(&counts.wrong), 0);
    count(&counts.without_memory)
}

/// Calls one function with no allocation, one, two, until none is refused.
fn exhaust(world: &mut World, host: &Host, function: usize, counts: &Counts) {
    let (state, usual) = usual_answer(world, function);
    for allowed in 0u64.. {
        if !is_campaign() && allowed >= EVERY && !in_slice((function << 20) + allowed as usize, SLICE) {
            continue;
        }
        counts.allowed.store(allowed, Ordering::Relaxed);
        // SAFETY: sets a timer that ends a process which hangs.
        unsafe { libc::alarm(PATIENCE) };
        let (rv, refused) = call_once(world, state, function, |call| host.call_with(allowed, call));
        counts.calls.fetch_add(1, Ordering::Relaxed);
        counts.without_memory.fetch_add(u64::from(rv == CKR_HOST_MEMORY), Ordering::Relaxed);
        if ![usual, CKR_OK, CKR_HOST_MEMORY].contains(&rv) || world.memory.touched() {
            counts.wrong.fetch_add(1, Ordering::Relaxed);
            eprintln!(
                "{} in {:?} {:?} after {allowed} allocations: {}",
                FUNCTIONS[function].name,
                state.base,
                state.calls,
                answers::name(rv)
            );
        }
        if refused == 0 {
            break;
        }
    }
}

/// The state in which the usual call succeeds, if there is one, and its answer.
fn usual_answer(world: &mut World, function: usize) -> (&'static State, CK_RV) {
    let mut order: Vec<_> = STATES.iter().collect();
    // Where the user is logged in most calls succeed.
    order.sort_by_key(|state| state.base != Base::User);
    let mut found = None;
    for state in order {
        let rv = call_once(world, state, function, |call| call());
        if rv == CKR_OK {
            return (state, rv);
        }
        found.get_or_insert((state, rv));
    }
    found.unwrap()
}

fn call_once<T>(
    world: &mut World,
    state: &State,
    function: usize,
    how: impl FnOnce(&mut dyn FnMut() -> CK_RV) -> T,
) -> T {
    assert!(world.enter(state));
    world.memory.clear();
    let mut maker =
        Maker { memory: &mut world.memory, handles: &world.handles, slot: world.slot, input: None };
    let kinds = FUNCTIONS[function].kinds;
    let words: Vec<u64> = kinds.iter().flat_map(|kind| maker.words(*kind, Way::Usual)).collect();
    world.memory.remember();
    let answer = how(&mut || world.library.call(function, &words));
    // Without memory a call may have done its work, whatever it answers.
    world.note(FUNCTIONS[function].name, CKR_OK);
    answer
}
