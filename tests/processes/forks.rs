//! Forks of a process whose threads are busy in the library.

use std::collections::HashSet;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use coffer_pkcs11::ck::*;

use crate::call;
use crate::child::*;
use crate::client::*;
use crate::interface::*;
use crate::shim::*;

/// Children that run at the same time.
const ALONGSIDE: usize = 4;

/// 32 random bytes of the token in hexadecimal digits.
fn random_number(functions: Functions, session: CK_SESSION_HANDLE) -> String {
    let mut bytes = [0u8; 32];
    assert_eq!(call!(functions, C_GenerateRandom, session, bytes.as_mut_ptr(), 32), CKR_OK);
    hex::encode(bytes)
}

/// What every function must answer in a child that has not called C_Initialize.
fn is_refused(functions: Functions, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) {
    let (mut bytes, mut opened) = ([0u8; 32], 0);
    let flags = CKF_SERIAL_SESSION;
    let answers = [
        call!(functions, C_GenerateRandom, session, bytes.as_mut_ptr(), 32),
        call!(functions, C_OpenSession, 0, flags, ptr::null_mut(), None, &mut opened),
        call!(functions, C_CloseSession, session),
        call!(functions, C_Finalize, ptr::null_mut()),
        digest(functions, session),
        sign(functions, session, key),
        destroy(functions, session, key),
        login(functions, session, CKU_USER, USER_PIN),
        find(functions, session, None).err().unwrap_or(CKR_OK),
    ];
    assert_eq!(answers, [CKR_CRYPTOKI_NOT_INITIALIZED; 9], "not refused");
}

/// Ends the parent's threads, also when the test panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the parent's threads do while it forks: one kind of work each.
fn work(functions: Functions, number: usize, key: CK_OBJECT_HANDLE, stop: &AtomicBool, done: &AtomicUsize) {
    let session = open_session(functions);
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match number {
            0 => drop(random_number(functions, session)),
            1 => assert_eq!(sign(functions, session, key), CKR_OK),
            _ => {
                let object = create(functions, session, &format!("w{number}.{round}"), "work").unwrap();
                assert_eq!(destroy(functions, session, object), CKR_OK);
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// The life of a child: refused, then initialised, then of full value. Tells its random number.
fn child(
    functions: Functions,
    report: &Report,
    session: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
    number: usize,
) {
    is_refused(functions, session, key);
    initialize(functions);
    let session = open_session(functions);
    report.line(&random_number(functions, session));
    if number.is_multiple_of(8) {
        log_in(functions, session);
        let [key] = find(functions, session, Some("signing key")).unwrap()[..] else { panic!("no key") };
        assert_eq!(sign(functions, session, key), CKR_OK);
        let object = create(functions, session, &format!("c{number}"), "child").unwrap();
        assert_eq!(destroy(functions, session, object), CKR_OK);
        finalize(functions);
    }
}

/// What became of forks under load.
struct Outcome {
    /// Random numbers of the parent, before and after each fork, and of its children: one that went on with its
    /// parent's would show.
    numbers: Vec<String>,
    /// Calls of the parent's threads meanwhile.
    calls: usize,
}

/// A process forks so many times while its threads work; `child` is what its children do.
fn forks_under_load(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
    forks: usize,
    child: impl Fn(&Report, usize),
) -> Outcome {
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut numbers, mut children) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        for number in 0..4 {
            let (stop, done) = (&stop, &done);
            scope.spawn(move || work(functions, number, key, stop, done));
        }
        for number in 0..forks {
            numbers.push(random_number(functions, session));
            children.push(fork(|report| child(report, number)));
            numbers.push(random_number(functions, session));
            if children.len() == ALONGSIDE {
                numbers.extend(children.drain(..).flat_map(Child::finish));
            }
        }
        numbers.extend(children.drain(..).flat_map(Child::finish));
    });
    Outcome { numbers, calls: done.into_inner() }
}

/// How many of the numbers have been there before.
fn repeated(numbers: &[String]) -> usize {
    numbers.len() - numbers.iter().collect::<HashSet<_>>().len()
}

#[test]
fn children_forked_under_load_are_refused_until_they_initialise_and_then_work() {
    in_own_process(
        "forks::children_forked_under_load_are_refused_until_they_initialise_and_then_work",
        || {
            configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 100000\n");
            let (functions, start, forks) = (functions(), Instant::now(), size(200, 2_000));
            prepare(functions);
            let session = join(functions);
            let key = create(functions, session, "signing key", "k").unwrap();
            let life = |report: &Report, number| child(functions, report, session, key, number);
            let outcome = forks_under_load(functions, session, key, forks, life);
            assert_eq!(outcome.numbers.len(), 3 * forks);
            assert_eq!(repeated(&outcome.numbers), 0, "random numbers were given out twice");
            // The parent is unharmed: it is logged in, and its objects are there.
            assert_eq!(find(functions, session, None).unwrap(), [key]);
            assert_eq!(sign(functions, session, key), CKR_OK);
            println!(
                "forks: {forks} under load in {:.0} s ({} calls of the parent's threads meanwhile), each refused until it \
                 initialised and worked then, {} random numbers all different, 0 hung",
                start.elapsed().as_secs_f64(),
                outcome.calls,
                outcome.numbers.len()
            );
        },
    );
}

/// The numbers alone: where processes share a generator, everything else that they make at random collides, too.
#[test]
fn the_forks_notice_pages_that_are_not_wiped() {
    in_shimmed_process("forks::the_forks_notice_pages_that_are_not_wiped", || {
        let (functions, page) = (functions(), Page::new());
        prepare(functions);
        page.lie(PAGES_THAT_FORKS_DO_NOT_WIPE);
        page.attach();
        let session = join(functions);
        let numbers = (0..8).flat_map(|_| {
            let before = random_number(functions, session);
            let child = fork(|report| {
                initialize(functions);
                report.line(&random_number(functions, open_session(functions)));
            });
            let after = random_number(functions, session);
            [before, after].into_iter().chain(child.finish()).collect::<Vec<_>>()
        });
        let repeated = repeated(&numbers.collect::<Vec<_>>());
        println!(
            "forks, with pages that are not wiped: {repeated} random numbers given out twice, as it must"
        );
        assert!(repeated > 0, "the campaign did not notice");
    });
}
