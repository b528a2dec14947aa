//! Threads that call everything at once, and processes that end while they do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;

use super::answers;
use super::arguments::{Handles, Maker, Way, ways};
use super::functions::{FUNCTIONS, Kind};
use super::interface::*;
use super::memory::Memory;
use super::worker::{PATIENCE, is_campaign, lives, mixed};
use super::world::{Library, World};
use crate::call;

const THREADS: usize = 16;
/// Sessions that the threads share.
const SESSIONS: usize = 24;

/// Answers that come of what other threads do: they log out, close, finalise, and write the token.
const MEANWHILE: &[CK_RV] = &[
    CKR_CRYPTOKI_ALREADY_INITIALIZED,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED,
    CKR_SESSION_CLOSED,
    CKR_SESSION_HANDLE_INVALID,
    CKR_USER_NOT_LOGGED_IN,
];

/// What the threads share.
struct Crowd {
    library: Library,
    keys: [CK_OBJECT_HANDLE; 5],
    sessions: [AtomicU64; SESSIONS],
    stop: AtomicBool,
    calls: AtomicU64,
    succeeded: AtomicU64,
}

// SAFETY: the library's functions may be called by all threads.
unsafe impl Sync for Crowd {}

/// A thread's own numbers without order.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 += 1;
        (mixed(self.0) % limit as u64) as usize
    }
}

#[test]
fn sixteen_threads_may_call_every_function_at_once() {
    in_own_process("threads::sixteen_threads_may_call_every_function_at_once", || {
        let home = std::env::var("COFFER_HOME").unwrap();
        let configuration = "[pin]\nkdf-iterations = 10000\nattempts = 255\nmin-length = 1\n[limits]\nlock-timeout-ms = 600000\n";
        std::fs::write(format!("{home}/coffer.toml"), configuration).unwrap();
        let functions = load().functions;
        let mut world = World::new(functions);
        world.enter(&super::world::State { base: super::world::Base::User, calls: &[] });
        let crowd = Crowd {
            library: Library::new(functions),
            keys: world.handles.keys,
            sessions: std::array::from_fn(|_| AtomicU64::new(0)),
            stop: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
        };
        let seconds = if is_campaign() { 300 } else { 6 };
        // SAFETY: sets a timer that ends a process which hangs.
        unsafe { libc::alarm(seconds + PATIENCE) };
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let crowd = &crowd;
                scope.spawn(move || mingle(crowd, thread as u64));
            }
            let end = Instant::now() + Duration::from_secs(seconds.into());
            while Instant::now() < end && !crowd.stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            crowd.stop.store(true, Ordering::Relaxed);
        });
        let (calls, succeeded) =
            (crowd.calls.load(Ordering::Relaxed), crowd.succeeded.load(Ordering::Relaxed));
        println!("boundary: {THREADS} threads: {calls} calls, {succeeded} succeeded, 0 wrong, 0 host deaths");
        assert!(succeeded > 100, "the calls have come to nothing");
    });
}

/// Calls functions in no order until it is told to stop.
fn mingle(crowd: &Crowd, thread: u64) {
    let functions = crowd.library.functions;
    let mut memory = Memory::new();
    let mut dice = Dice(thread << 40);
    while !crowd.stop.load(Ordering::Relaxed) {
        let place = &crowd.sessions[dice.below(SESSIONS)];
        let handles = Handles { session: place.load(Ordering::Relaxed), closed: 0, keys: crowd.keys };
        let function = dice.below(FUNCTIONS.len());
        let row = &FUNCTIONS[function];
        // Mostly usual calls, so that something happens; the others have one argument wrong.
        let wrong = if dice.below(4) == 0 { dice.below(row.kinds.len()) } else { usize::MAX };
        memory.clear();
        let mut maker = Maker { memory: &mut memory, handles: &handles, slot: 0, input: None };
        let mut words = Vec::new();
        for (argument, kind) in row.kinds.iter().enumerate() {
            let way = if argument == wrong { one_way(*kind, &mut dice) } else { Way::Usual };
            words.extend(maker.words(*kind, way));
        }
        memory.remember();
        let rv = crowd.library.call(function, &words);
        // docs/conformance.md: another one was faster to make a token in the empty slot.
        let too_late = row.name == "C_InitToken" && rv == CKR_FUNCTION_FAILED;
        let allowed = too_late || answers::is_allowed(function, rv) || MEANWHILE.contains(&rv);
        if !allowed || memory.touched() {
            crowd.stop.store(true, Ordering::Relaxed);
            panic!("{} answers {}, or writes beside its buffers", row.name, answers::name(rv));
        }
        crowd.calls.fetch_add(1, Ordering::Relaxed);
        crowd.succeeded.fetch_add(u64::from(rv == CKR_OK), Ordering::Relaxed);
        match rv {
            CKR_CRYPTOKI_NOT_INITIALIZED => {
                call!(functions, C_Initialize, std::ptr::null_mut());
            }
            CKR_SESSION_HANDLE_INVALID => {
                let (mut session, flags) = (0, CKF_SERIAL_SESSION | CKF_RW_SESSION);
                call!(functions, C_OpenSession, 0, flags, std::ptr::null_mut(), None, &mut session);
                place.store(session, Ordering::Relaxed);
            }
            CKR_USER_NOT_LOGGED_IN if dice.below(8) == 0 => {
                let (pin, len) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
                call!(functions, C_Login, handles.session, CKU_USER, pin, len);
            }
            _ => {}
        }
    }
}

fn one_way(kind: Kind, dice: &mut Dice) -> Way {
    let ways = ways(kind);
    ways[dice.below(ways.len())]
}

/// How many processes end in the middle of their work.
fn rounds() -> usize {
    if is_campaign() { 1000 } else { 30 }
}

/// Sessions of `threads` threads that digest and make random numbers for ever. Returns once each has done something.
fn start_work(functions: &'static CK_FUNCTION_LIST_3_2, threads: usize) {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    STARTED.store(0, Ordering::SeqCst);
    for _ in 0..threads {
        std::thread::spawn(move || {
            let session = open_session(functions);
            let mut bytes = [0u8; 64];
            for round in 0u64.. {
                let worked = digest(functions, session) == CKR_OK
                    && call!(functions, C_GenerateRandom, session, bytes.as_mut_ptr(), 64) == CKR_OK;
                if round == 0 {
                    assert!(worked);
                    STARTED.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    while STARTED.load(Ordering::SeqCst) < threads as u64 {
        std::thread::yield_now();
    }
}

#[test]
fn a_process_ends_in_the_middle_of_its_operations() {
    in_own_process("threads::a_process_ends_in_the_middle_of_its_operations", || {
        assert!(lives(|| {
            let functions = load().functions;
            initialize(functions);
            make_token(functions);
        }));
        for round in 0..rounds() {
            let ended = lives(|| {
                // SAFETY: ends a process that hangs, and then this one as an application does.
                unsafe {
                    libc::alarm(PATIENCE);
                    let loaded = std::mem::ManuallyDrop::new(load());
                    initialize(loaded.functions);
                    start_work(loaded.functions, 4);
                    libc::exit(0)
                }
            });
            assert!(ended, "exit {round}");
        }
        println!("boundary: {} processes have ended with running operations", rounds());
    });
}

#[test]
fn the_library_is_closed_without_c_finalize() {
    in_own_process("threads::the_library_is_closed_without_c_finalize", || {
        assert!(lives(|| {
            let functions = load().functions;
            initialize(functions);
            make_token(functions);
        }));
        for round in 0..rounds() {
            let ended = lives(|| {
                // SAFETY: as above. Threads go on in the library after it was closed.
                unsafe {
                    libc::alarm(PATIENCE);
                    let loaded = load();
                    initialize(loaded.functions);
                    start_work(loaded.functions, 2);
                    let session = open_session(loaded.functions);
                    assert_eq!(digest(loaded.functions, session), CKR_OK);
                    drop(loaded);
                    // And opened once more.
                    let again = std::mem::ManuallyDrop::new(load());
                    assert_eq!(digest(again.functions, session), CKR_OK);
                    libc::exit(0)
                }
            });
            assert!(ended, "dlclose {round}");
        }
        println!("boundary: {} times closed without C_Finalize", rounds());
    });
}
