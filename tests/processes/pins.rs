//! Logins of many processes, and of processes that are killed in the middle of one.

use std::os::unix::fs::symlink;

use coffer_pkcs11::ck::*;

use crate::call;
use crate::child::*;
use crate::client::*;
use crate::interface::*;
use crate::shim::*;

const LIMIT: usize = 10;
const CROWD: usize = 100;
const WRONG: &[u8] = b"not the PIN";

/// So many processes log in at the same instant with this PIN: what each is answered.
fn at_once(functions: Functions, pin: &'static [u8], page: Option<&'static Page>) -> Vec<CK_RV> {
    let mut gate = Gate::new();
    let children: Vec<_> = (0..CROWD)
        .map(|_| {
            fork(|report| {
                if let Some(page) = page {
                    page.attach();
                }
                initialize(functions);
                let session = open_session(functions);
                gate.wait();
                report.line(&login(functions, session, CKU_USER, pin).to_string());
            })
        })
        .collect();
    gate.open(CROWD);
    children.into_iter().map(|child| child.finish()[0].parse().unwrap()).collect()
}

fn count(answers: &[CK_RV], rv: CK_RV) -> usize {
    answers.iter().filter(|answer| **answer == rv).count()
}

/// What a login in a process of its own is answered.
fn one(functions: Functions, user: CK_USER_TYPE, pin: &'static [u8]) -> CK_RV {
    let child = fork(|report| {
        initialize(functions);
        report.line(&login(functions, open_session(functions), user, pin).to_string());
    });
    child.finish()[0].parse().unwrap()
}

/// The SO sets the user PIN, which sets the count back.
fn unlock(functions: Functions) {
    fork(|_| {
        initialize(functions);
        let session = open_session(functions);
        assert_eq!(login(functions, session, CKU_SO, SO_PIN), CKR_OK);
        let (pin, length) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
        assert_eq!(call!(functions, C_InitPIN, session, pin, length), CKR_OK);
    })
    .finish();
}

#[test]
fn a_hundred_wrong_logins_are_exactly_the_limit_and_a_hundred_right_ones_succeed() {
    in_shimmed_process(
        "pins::a_hundred_wrong_logins_are_exactly_the_limit_and_a_hundred_right_ones_succeed",
        || {
            configure("[pin]\nkdf-iterations = 10000\n[limits]\nlock-timeout-ms = 100000\n");
            let (functions, rounds) = (functions(), size(1, 50));
            prepare(functions);
            for _ in 0..rounds {
                let wrong = at_once(functions, WRONG, None);
                let counts = (count(&wrong, CKR_PIN_INCORRECT), count(&wrong, CKR_PIN_LOCKED));
                assert_eq!(counts, (LIMIT, CROWD - LIMIT));
                assert_eq!(one(functions, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
                unlock(functions);
                assert_eq!(count(&at_once(functions, USER_PIN, None), CKR_OK), CROWD);
            }
            println!(
                "pins: {rounds} times {CROWD} wrong logins at once were {LIMIT} tries, and {CROWD} right ones succeeded"
            );
            // The proof that this can fail.
            let page = Page::new();
            page.lie(COUNTS_THAT_ARE_NOT_WRITTEN);
            let tries = count(&at_once(functions, WRONG, Some(page)), CKR_PIN_INCORRECT);
            println!(
                "pins, with counts that are not written: {tries} tries reported, as it must be more than {LIMIT}"
            );
            assert!(tries > LIMIT, "the campaign did not notice");
        },
    );
}

#[test]
fn a_kill_between_count_and_check_gains_no_try() {
    in_shimmed_process("pins::a_kill_between_count_and_check_gains_no_try", || {
        configure("[pin]\nkdf-iterations = 10000\nattempts = 10\n");
        let functions = functions();
        prepare(functions);
        let page = Page::new();
        // The count is written before this step, and the PIN is looked at after it.
        let killed = |pin: &'static [u8]| {
            page.plan(SYNC_COUNT, 0, Action::Kill);
            let mut child = fork(|_| {
                page.attach();
                initialize(functions);
                login(functions, open_session(functions), CKU_USER, pin);
            });
            assert_eq!(child.wait(), libc::SIGKILL);
        };
        let rounds = size(2, 200);
        for _ in 0..rounds {
            for _ in 0..LIMIT - 1 {
                killed(WRONG);
            }
            assert_eq!(one(functions, CKU_USER, WRONG), CKR_PIN_INCORRECT, "the last try");
            assert_eq!(one(functions, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
            unlock(functions);
            // Nor does the right PIN of a killed process give tries back.
            (0..LIMIT).for_each(|_| killed(USER_PIN));
            assert_eq!(one(functions, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
            unlock(functions);
        }
        assert_eq!(one(functions, CKU_USER, USER_PIN), CKR_OK);
        println!("pins: {} logins killed between count and check: each was a try", rounds * (2 * LIMIT - 1));
    });
}

#[test]
fn where_the_count_cannot_be_written_a_login_is_refused_unless_the_token_allows_it() {
    in_own_process(
        "pins::where_the_count_cannot_be_written_a_login_is_refused_unless_the_token_allows_it",
        || {
            let functions = functions();
            let home = home();
            for (allowed, expected) in [(false, CKR_TOKEN_WRITE_PROTECTED), (true, CKR_OK)] {
                configure(&format!("allow-readonly-login = {allowed}\n[pin]\nkdf-iterations = 10000\n"));
                prepare(functions);
                // As a container shows its secrets: through a link, which is never written through.
                std::fs::rename(home.join("token-0.coffer"), home.join("secret")).unwrap();
                symlink(home.join("secret"), home.join("token-0.coffer")).unwrap();
                let child = fork(|report| {
                    initialize(functions);
                    let mut session = 0;
                    let flags = CKF_SERIAL_SESSION;
                    let opened =
                        call!(functions, C_OpenSession, 0, flags, std::ptr::null_mut(), None, &mut session);
                    assert_eq!(opened, CKR_OK);
                    report.line(&login(functions, session, CKU_USER, USER_PIN).to_string());
                });
                assert_eq!(child.finish()[0], expected.to_string());
                std::fs::remove_file(home.join("token-0.coffer")).unwrap();
            }
        },
    );
}
