//! Processes that start at the same instant.

use coffer_pkcs11::ck::*;

use crate::child::*;
use crate::client::*;
use crate::interface::*;
use crate::shim::*;

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

const RIVALS: usize = 16;

/// So many processes initialise the slot at the same instant: what each is answered, and the label that it then sees.
fn rivals(functions: Functions, slot: usize, page: Option<&'static Page>) -> Vec<(CK_RV, String)> {
    let mut gate = Gate::new();
    let mut children: Vec<_> = (0..RIVALS)
        .map(|rival| {
            let gate = &gate;
            fork(move |report| {
                if let Some(page) = page {
                    page.attach();
                }
                initialize(functions);
                let empty = slot as CK_SLOT_ID;
                assert_eq!(slots(functions).last(), Some(&(empty, None)));
                report.line("ready");
                gate.wait();
                let rv = init_token(functions, empty, &format!("r{rival}"));
                report.line(&rv.to_string());
                let (_, label) = slots(functions).swap_remove(slot);
                report.line(&label.unwrap_or_default());
            })
        })
        .collect();
    for child in &mut children {
        assert_eq!(child.next_line().as_deref(), Some("ready"));
    }
    gate.open(RIVALS);
    let told = children.into_iter().map(Child::finish);
    told.map(|lines| (lines[0].parse().unwrap(), lines[1].clone())).collect()
}

#[test]
fn of_many_that_initialise_one_empty_slot_one_wins_and_nothing_is_overwritten() {
    in_shimmed_process(
        "starts::of_many_that_initialise_one_empty_slot_one_wins_and_nothing_is_overwritten",
        || {
            let (functions, rounds) = (functions(), size(5, 300));
            for round in 0..rounds {
                let told = rivals(functions, round, None);
                let winners: Vec<_> = (0..RIVALS).filter(|rival| told[*rival].0 == CKR_OK).collect();
                assert_eq!(winners.len(), 1, "round {round}: {told:?}");
                for (rv, label) in told {
                    assert!([CKR_OK, CKR_FUNCTION_FAILED].contains(&rv), "{rv}");
                    // Whoever has lost sees the winner's token in the slot.
                    assert_eq!(label, format!("r{}", winners[0]));
                }
            }
            println!(
                "starts: {rounds} empty slots, {RIVALS} processes that initialise each at once: one winner each"
            );
            // The proof that this can fail.
            let page = Page::new();
            page.lie(NAMES_THAT_ARE_TAKEN_TWICE);
            let told = rivals(functions, rounds, Some(page));
            let winners = told.iter().filter(|(rv, _)| *rv == CKR_OK).count();
            println!("starts, with names that can be taken twice: {winners} winners reported, as it must");
            assert!(winners > 1, "the campaign did not notice");
        },
    );
}

/// What C_InitToken answers while another process uses the token, and after that was killed.
fn anew_while_in_use(functions: Functions, page: &'static Page) -> [CK_RV; 2] {
    let anew = || {
        let child = fork(|report| {
            page.attach();
            initialize(functions);
            report.line(&init_token(functions, 0, "anew").to_string());
        });
        child.finish()[0].parse::<CK_RV>().unwrap()
    };
    let mut user = fork(|report| {
        page.attach();
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
    let during = anew();
    let idle = user.next_line().unwrap().parse().unwrap();
    user.signal(libc::SIGKILL);
    user.wait();
    let after = anew();
    // SAFETY: the child of the user, which waits for its end.
    assert_eq!(unsafe { libc::kill(idle, libc::SIGKILL) }, 0);
    [during, after]
}

#[test]
fn a_token_with_sessions_elsewhere_is_not_initialised_anew() {
    in_shimmed_process("starts::a_token_with_sessions_elsewhere_is_not_initialised_anew", || {
        let (functions, page) = (functions(), Page::new());
        prepare(functions);
        assert_eq!(anew_while_in_use(functions, page), [CKR_SESSION_EXISTS, CKR_OK]);
        // The proof that this can fail; the token has no user PIN any more.
        std::fs::remove_file(home().join("token-0.coffer")).unwrap();
        prepare(functions);
        page.lie(LOCKS_THAT_DO_NOT_LOCK);
        assert_eq!(anew_while_in_use(functions, page), [CKR_OK, CKR_OK], "the campaign did not notice");
        println!(
            "starts: a token in use was not initialised anew; with locks that do not lock it was, as it must"
        );
    });
}
