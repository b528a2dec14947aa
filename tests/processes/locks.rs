//! The holder of the lock is stopped, forks, or dies: nobody waits longer than the configuration says, and nobody holds a
//! lock that is not at work.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::interface::*;
use crate::shim::*;

/// A child that is logged in and then creates objects until something happens to it, at this step of its next change.
fn changes_until(functions: Functions, page: &'static Page, step: i32, action: Action) -> Child {
    let mut child = fork(move |report| {
        page.attach();
        let session = join(functions);
        report.line("ready");
        page.plan(step, 0, action);
        report.line(&create(functions, session, "victim", "v").err().unwrap_or(CKR_OK).to_string());
    });
    assert_eq!(child.next_line().as_deref(), Some("ready"));
    child
}

/// Creates an object in another process; answers what came of it and how long it took.
fn creates_elsewhere(functions: Functions, id: &'static str) -> (CK_RV, Duration) {
    let start = Instant::now();
    let child = fork(move |report| {
        initialize(functions);
        let session = open_session(functions);
        let rv = match login(functions, session, CKU_USER, USER_PIN) {
            CKR_OK => create(functions, session, id, "other").err().unwrap_or(CKR_OK),
            refused => refused,
        };
        report.line(&rv.to_string());
    });
    let rv = child.finish()[0].parse().unwrap();
    (rv, start.elapsed())
}

#[test]
fn a_stopped_holder_of_the_lock_makes_others_time_out_and_not_hang() {
    in_shimmed_process("locks::a_stopped_holder_of_the_lock_makes_others_time_out_and_not_hang", || {
        const LIMIT: Duration = Duration::from_millis(300);
        configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 300\n");
        let functions = functions();
        prepare(functions);
        let mut gate = Gate::new();
        let mut waiting = fork(|report| {
            let session = join(functions);
            let key = create(functions, session, "key", "k").unwrap();
            report.line("ready");
            gate.wait();
            // What changes nothing goes on as if nothing had happened.
            assert_eq!(find(functions, session, None).unwrap(), [key]);
            assert_eq!(sign(functions, session, key), CKR_OK);
            let start = Instant::now();
            assert_eq!(create(functions, session, "more", "m"), Err(CKR_FUNCTION_FAILED));
            assert_eq!(destroy(functions, session, key), CKR_FUNCTION_FAILED);
            assert!(start.elapsed() >= 2 * LIMIT);
        });
        assert_eq!(waiting.next_line().as_deref(), Some("ready"));
        let holder = changes_until(functions, Page::new(), SYNC, Action::Stop);
        holder.wait_until_stopped();
        gate.open(1);
        assert_eq!(waiting.finish(), [""; 0]);
        // A login is counted, which is a change.
        let (rv, time) = creates_elsewhere(functions, "elsewhere");
        assert_eq!(rv, CKR_FUNCTION_FAILED);
        assert!(time >= LIMIT);
        let tool = Command::new(env!("CARGO_BIN_EXE_coffer"))
            .args(["generate", "aes:256", "from the tool"])
            .env_remove("LD_PRELOAD")
            .env("COFFER_PIN", std::str::from_utf8(USER_PIN).unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&tool.stderr);
        assert!(
            !tool.status.success() && text.contains("another process holds the lock of the token"),
            "{text}"
        );

        holder.signal(libc::SIGCONT);
        assert_eq!(holder.finish(), ["0"], "the stopped process finishes its change");
        assert_eq!(creates_elsewhere(functions, "elsewhere").0, CKR_OK);
    });
}

/// Forks in the middle of a change, then the parent is killed: the child lives on. Answers what another process gets.
fn with_orphan(functions: Functions, step: i32, action: Action) -> Option<CK_RV> {
    let page = Page::new();
    let mut parent = changes_until(functions, page, step, action);
    let _ = parent.rest_until_dead();
    let status = parent.wait();
    if status == 0 {
        return None; // A change has no such step.
    }
    assert_eq!(status, libc::SIGKILL);
    let (rv, _) = creates_elsewhere(functions, "after");
    // SAFETY: the orphan that the shim has made; it is nobody else's to reap than init's.
    assert_eq!(unsafe { libc::kill(page.orphan(), libc::SIGKILL) }, 0, "the orphan has lived until now");
    Some(rv)
}

#[test]
fn a_child_forked_in_the_middle_of_a_commit_whose_parent_is_killed_blocks_nobody() {
    in_shimmed_process(
        "locks::a_child_forked_in_the_middle_of_a_commit_whose_parent_is_killed_blocks_nobody",
        || {
            configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 20000\n");
            let functions = functions();
            prepare(functions);
            let (mut orphans, mut steps) = (0, BTreeSet::new());
            for _ in 0..size(1, 200) {
                for (step, name) in STEPS.iter().enumerate().skip(1) {
                    if let Some(rv) = with_orphan(functions, step as i32, Action::Fork) {
                        assert_eq!(rv, CKR_OK, "forked at: {name}");
                        orphans += 1;
                        steps.insert(*name);
                    }
                }
            }
            println!("orphans: {orphans} children of killed parents at {steps:?}: 0 blocked anybody");
            assert!(steps.contains(&STEPS[WRITE as usize]) && steps.contains(&STEPS[SYNC as usize]));
            // The proof that this can fail: past the handlers, the orphan keeps the lock.
            configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 300\n");
            assert_eq!(with_orphan(functions, SYNC, Action::RawFork), Some(CKR_FUNCTION_FAILED));
        },
    );
}

/// A process whose threads change the token while another thread forks without end. It tells the pids of its children.
fn forks_under_commits(functions: Functions, report: &Report) {
    let session = join(functions);
    report.line("ready");
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                for round in 0.. {
                    let object = create(functions, session, &format!("f{thread}.{round}"), "f").unwrap();
                    assert_eq!(destroy(functions, session, object), CKR_OK);
                }
            });
        }
        for _ in 0.. {
            // SAFETY: the child only waits for its end.
            match unsafe { libc::fork() } {
                0 => {
                    // SAFETY: as above. It must not keep the output of the test open, nor outlive it for long.
                    unsafe {
                        close_standard_streams();
                        libc::alarm(HANGS_AFTER);
                        loop {
                            libc::pause();
                        }
                    }
                }
                child => report.line(&child.to_string()),
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    });
}

#[test]
fn children_forked_at_any_moment_of_other_threads_commits_keep_no_lock() {
    in_own_process("locks::children_forked_at_any_moment_of_other_threads_commits_keep_no_lock", || {
        configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 20000\n");
        let functions = functions();
        prepare(functions);
        let (mut random, mut orphans, rounds) = (Random::new(seed()), 0, size(6, 300));
        for round in 0..rounds {
            let mut parent = fork(|report| forks_under_commits(functions, report));
            let mut children: Vec<_> =
                (0..10 + random.below(20)).map(|_| parent.next_line().unwrap()).collect();
            parent.signal(libc::SIGKILL);
            children.extend(parent.rest_until_dead());
            assert_eq!(parent.wait(), libc::SIGKILL);
            let (rv, _) = creates_elsewhere(functions, "after");
            assert_eq!(rv, CKR_OK, "round {round}");
            for child in children.iter().filter_map(|line| line.parse().ok()) {
                orphans += 1;
                // SAFETY: a child of the process that was killed, told by it and still waiting.
                unsafe { libc::kill(child, libc::SIGKILL) };
            }
        }
        println!("orphans of threads: {orphans} left by {rounds} killed parents: 0 blocked anybody");
    });
}
