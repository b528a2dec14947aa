//! Processes that start at the same instant.

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::interface::*;

const CROWD: usize = 100;

#[test]
fn a_hundred_processes_that_start_at_once_all_find_the_token() {
    in_own_process("starts::a_hundred_processes_that_start_at_once_all_find_the_token", || {
        configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 100000\n");
        let functions = functions();
        prepare(functions);
        fork(|_| {
            create(functions, join(functions), "signing key", "k").unwrap();
        })
        .finish();
        let rounds = size(1, 50);
        for _ in 0..rounds {
            let mut gate = Gate::new();
            let children: Vec<_> = (0..CROWD)
                .map(|_| {
                    fork(|_| {
                        gate.wait();
                        initialize(functions);
                        assert_eq!(slots(functions), [(0, Some(String::new())), (1, None)]);
                        let session = open_session(functions);
                        log_in(functions, session);
                        let [key] = find(functions, session, Some("signing key")).unwrap()[..] else {
                            panic!("the key is not there")
                        };
                        assert_eq!(sign(functions, session, key), CKR_OK);
                        finalize(functions);
                    })
                })
                .collect();
            gate.open(CROWD);
            children.into_iter().for_each(|child| drop(child.finish()));
        }
        println!(
            "starts: {rounds} times {CROWD} processes at the same instant: all found the token and signed"
        );
    });
}

#[test]
fn of_many_that_initialise_one_empty_slot_one_wins_and_nothing_is_overwritten() {
    const RIVALS: usize = 16;
    in_own_process(
        "starts::of_many_that_initialise_one_empty_slot_one_wins_and_nothing_is_overwritten",
        || {
            let (functions, rounds) = (functions(), size(5, 300));
            for round in 0..rounds {
                let mut gate = Gate::new();
                let children: Vec<_> = (0..RIVALS)
                    .map(|rival| {
                        let gate = &gate;
                        fork(move |report| {
                            initialize(functions);
                            let empty = round as CK_SLOT_ID;
                            assert_eq!(slots(functions).last(), Some(&(empty, None)));
                            report.line("ready");
                            gate.wait();
                            let rv = init_token(functions, empty, &format!("r{rival}"));
                            report.line(&rv.to_string());
                            // Whoever has lost sees the winner's token in the slot.
                            let (_, label) = slots(functions).swap_remove(round);
                            report.line(&label.unwrap_or_default());
                        })
                    })
                    .collect();
                let mut children = children;
                for child in &mut children {
                    assert_eq!(child.next_line().as_deref(), Some("ready"));
                }
                gate.open(RIVALS);
                let told: Vec<_> = children.into_iter().map(Child::finish).collect();
                let winners: Vec<_> =
                    (0..RIVALS).filter(|rival| told[*rival][0] == CKR_OK.to_string()).collect();
                assert_eq!(winners.len(), 1, "round {round}: {told:?}");
                for lines in told {
                    assert!(
                        [CKR_OK, CKR_FUNCTION_FAILED].map(|rv| rv.to_string()).contains(&lines[0]),
                        "{lines:?}"
                    );
                    assert_eq!(lines[1], format!("r{}", winners[0]));
                }
            }
            println!(
                "starts: {rounds} empty slots, {RIVALS} processes that initialise each at once: one winner each"
            );
        },
    );
}

#[test]
fn a_token_with_sessions_elsewhere_is_not_initialised_anew() {
    in_own_process("starts::a_token_with_sessions_elsewhere_is_not_initialised_anew", || {
        let functions = functions();
        prepare(functions);
        let anew = || {
            let child = fork(|report| {
                initialize(functions);
                report.line(&init_token(functions, 0, "anew").to_string());
            });
            child.finish()[0].parse::<CK_RV>().unwrap()
        };
        let mut user = fork(|report| {
            let session = join(functions);
            report.line("in use");
            // A child of the user does not keep the token in use.
            let mut idle = fork(|report| {
                // SAFETY: it is to outlive its parent, but not to keep the output of the test open.
                unsafe {
                    libc::prctl(libc::PR_SET_PDEATHSIG, 0);
                    close_standard_streams();
                }
                report.line("idle");
                loop {
                    // SAFETY: waits for the end.
                    unsafe { libc::pause() };
                }
            });
            assert_eq!(idle.next_line().as_deref(), Some("idle"));
            report.line(&idle.pid.to_string());
            std::mem::forget(idle);
            assert!(find(functions, session, None).is_ok());
            loop {
                // SAFETY: as above.
                unsafe { libc::pause() };
            }
        });
        assert_eq!(user.next_line().as_deref(), Some("in use"));
        assert_eq!(anew(), CKR_SESSION_EXISTS);
        let idle = user.next_line().unwrap().parse().unwrap();
        user.signal(libc::SIGKILL);
        user.wait();
        let answer = anew();
        // SAFETY: the child of the user, which waits for its end.
        assert_eq!(unsafe { libc::kill(idle, libc::SIGKILL) }, 0);
        assert_eq!(answer, CKR_OK, "the user was killed, and its child has no session");
    });
}
