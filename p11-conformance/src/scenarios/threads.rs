//! Several threads at once, each with a session of its own (PKCS#11 3.2, 5.4 C_Initialize, CKF_OS_LOCKING_OK).

use super::keys;
use crate::call;
use crate::expect::{Check, equal, expect, expect_any, failed, holds, same};
use crate::scenario::{Host, Scenario, USER_PIN, finalize, initialize, slots};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const THREADS: usize = 8;
const ROUNDS: usize = 50;

/// Runs `work` in all threads at once, with the number of the thread; the first failure counts.
fn in_threads(work: impl Fn(usize) -> Check + Sync) -> Check {
    let start = Barrier::new(THREADS);
    let (start, work) = (&start, &work);
    std::thread::scope(|scope| {
        let spawn = |number| {
            scope.spawn(move || {
                start.wait();
                work(number)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(spawn).collect();
        let mut results = threads.into_iter().map(|thread| thread.join());
        results.try_for_each(|result| result.unwrap_or_else(|_| Err(failed("a thread panicked", "no panic"))))
    })
}

/// Signs and verifies with one key pair in all threads.
fn sign_together(
    h: &Host,
    mechanism: CK_MECHANISM_TYPE,
    public: CK_OBJECT_HANDLE,
    private: CK_OBJECT_HANDLE,
) -> Check {
    let slot = h.token()?;
    in_threads(|number| {
        let session = Session::open(&h.module, slot, 0)?;
        let mechanism = Mechanism::plain(mechanism);
        for round in 0..ROUNDS {
            let data = [number as u8, round as u8, 3, 4];
            let mut digest = [7; 32];
            digest[..4].copy_from_slice(&data);
            let signature = session.sign(&mechanism, private, &digest)?;
            session.verify(&mechanism, public, &digest, &signature)?;
        }
        Ok(session.close()?)
    })
}

const LOCKING: &str = "with CKF_OS_LOCKING_OK several threads may call the library at once";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("sign-with-one-rsa-key", "5.4 C_Initialize", LOCKING, |h| {
        h.needs(&[CKM_RSA_PKCS])?;
        let session = h.user()?;
        let (public, private) = keys::rsa_2048(h, &session)?;
        sign_together(h, CKM_RSA_PKCS, public, private)
    }),
    Scenario::new("sign-with-one-ec-key", "5.4 C_Initialize", LOCKING, |h| {
        h.needs(&[CKM_ECDSA])?;
        let session = h.user()?;
        let (public, private) = keys::ec(h, &session, keys::P256)?;
        sign_together(h, CKM_ECDSA, public, private)
    }),
    Scenario::new("encrypt-with-one-aes-key", "5.4 C_Initialize", LOCKING, |h| {
        h.needs(&[CKM_AES_CBC])?;
        let (slot, session) = (h.token()?, h.user()?);
        let key = keys::aes(&session, &[1; 32])?;
        in_threads(|number| {
            let session = Session::open(&h.module, slot, 0)?;
            for _ in 0..ROUNDS {
                let (plain, mechanism) =
                    ([number as u8; 64], Mechanism::bytes(CKM_AES_CBC, &[number as u8; 16]));
                let sealed =
                    session.run_parts(Kind::Encrypt, &mechanism, key, &[&plain[..30], &plain[30..]])?;
                same("the plaintext", session.run(Kind::Decrypt, &mechanism, key, &sealed)?, plain)?;
            }
            Ok(())
        })
    }),
    Scenario::new(
        "create-and-destroy-while-others-sign",
        "5.4 C_Initialize",
        "objects come and go in some threads while others sign with a key that stays",
        |h| {
            h.needs(&[CKM_SHA256_HMAC])?;
            let (slot, session) = (h.token()?, h.user()?);
            let key = keys::generic(&session, &keys::MAC_KEY)?;
            let mechanism = || Mechanism::plain(CKM_SHA256_HMAC);
            let mac = session.sign(&mechanism(), key, b"data")?;
            in_threads(|number| {
                let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
                for round in 0..ROUNDS {
                    if number % 2 == 0 {
                        same("the MAC", session.sign(&mechanism(), key, b"data")?, &mac)?;
                        continue;
                    }
                    let label = format!("{number}/{round}");
                    let object = session.create(&keys::data(&label, b"x").bool(CKA_TOKEN, number == 1))?;
                    same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, &label)?;
                    session.destroy(object)?;
                }
                Ok(())
            })
        },
    ),
    Scenario::new(
        "create-token-objects-together",
        "5.4 C_Initialize",
        "token objects made by all threads at once are all there afterwards",
        |h| {
            let (slot, session) = (h.token()?, h.user()?);
            in_threads(|number| {
                let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
                for round in 0..5 {
                    let label = format!("{number}/{round}");
                    session.create(&keys::data(&label, b"x").bool(CKA_TOKEN, true))?;
                }
                Ok(())
            })?;
            equal("token objects", session.find(&Template::new().class(CKO_DATA))?.len(), THREADS * 5)
        },
    ),
    Scenario::new("open-and-close-sessions", "5.4 C_Initialize", LOCKING, |h| {
        let slot = h.token()?;
        h.session()?;
        in_threads(|_| {
            for _ in 0..ROUNDS {
                let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
                equal("state", session.info()?.state, CKS_RW_PUBLIC_SESSION)?;
                session.close()?;
            }
            Ok(())
        })
    }),
    Scenario::new("find-while-objects-change", "5.4 C_Initialize", LOCKING, |h| {
        let (slot, session) = (h.token()?, h.user()?);
        session.create(&keys::data("stays", b"x"))?;
        in_threads(|number| {
            let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            for round in 0..ROUNDS {
                if number % 2 == 0 {
                    equal("objects that stay", session.find(&Template::new().label("stays"))?.len(), 1)?;
                } else {
                    let object = session.create(&keys::data(&format!("{number}/{round}"), b"x"))?;
                    session.set(object, &Template::new().label("changed"))?;
                    session.destroy(object)?;
                }
            }
            Ok(())
        })
    }),
    Scenario::new("random-bytes", "5.4 C_Initialize", "no two threads get the same random bytes", |h| {
        let slot = h.token()?;
        let seen = std::sync::Mutex::new(BTreeSet::new());
        in_threads(|_| {
            let session = Session::open(&h.module, slot, 0)?;
            for _ in 0..ROUNDS {
                let bytes = session.random(16)?;
                let new = seen.lock().is_ok_and(|mut seen| seen.insert(bytes));
                holds("the bytes are new", new)?;
            }
            Ok(())
        })
    }),
    Scenario::new("generate-keys", "5.4 C_Initialize", LOCKING, |h| {
        h.needs(&[CKM_AES_KEY_GEN])?;
        let slot = h.token()?;
        h.user()?;
        in_threads(|_| {
            let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            for _ in 0..10 {
                let key = keys::generate_aes(h, &session, 32, Template::new())?;
                equal("CKA_VALUE_LEN", session.ulong(key, CKA_VALUE_LEN)?, 32)?;
            }
            Ok(())
        })
    }),
    Scenario::new(
        "log-in-together",
        "5.6 C_Login",
        "of many logins at once one succeeds, the others get CKR_USER_ALREADY_LOGGED_IN",
        |h| {
            let slot = h.token()?;
            let successes = AtomicUsize::new(0);
            in_threads(|_| {
                let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
                match session.login(CKU_USER, USER_PIN) {
                    Ok(()) => successes.fetch_add(1, Ordering::SeqCst),
                    refused => return expect(refused, CKR_USER_ALREADY_LOGGED_IN),
                };
                Ok(())
            })?;
            equal("logins that succeeded", successes.into_inner(), 1)
        },
    ),
    Scenario::new(
        "initialize-together",
        "5.4 C_Initialize (robustness)",
        "of several C_Initialize at once one succeeds, the others get CKR_CRYPTOKI_ALREADY_INITIALIZED",
        |h| {
            let successes = AtomicUsize::new(0);
            in_threads(|_| {
                match initialize(&h.module) {
                    Ok(()) => successes.fetch_add(1, Ordering::SeqCst),
                    refused => return expect(refused, CKR_CRYPTOKI_ALREADY_INITIALIZED),
                };
                Ok(())
            })?;
            equal("calls that succeeded", successes.into_inner(), 1)
        },
    )
    .blank(),
    Scenario::new(
        "finalize-while-others-call",
        "5.4 C_Finalize (client need)",
        "C_Finalize does not crash while other threads call in; they get errors then",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let (slot, done) = (h.token()?, AtomicBool::new(false));
            let ended =
                [CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID, CKR_OPERATION_NOT_INITIALIZED];
            in_threads(|number| {
                if number == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    let result = finalize(&h.module);
                    done.store(true, Ordering::SeqCst);
                    return Ok(result?);
                }
                while !done.load(Ordering::SeqCst) {
                    let work = Session::open(&h.module, slot, 0).and_then(|session| {
                        session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, b"abc")?;
                        session.close()
                    });
                    expect_any(work, &[&ended[..], &[CKR_OK, CKR_SESSION_CLOSED]].concat())?;
                }
                let after = slots(&h.module, false).map(|_| ());
                expect(after, CKR_CRYPTOKI_NOT_INITIALIZED)
            })
        },
    ),
    Scenario::new(
        "close-all-while-others-call",
        "5.6 C_CloseAllSessions / 5.1.2 CKR_SESSION_CLOSED (robustness)",
        "sessions that are closed under a running call end with an error and not with a crash",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let slot = h.token()?;
            in_threads(|number| {
                for _ in 0..ROUNDS {
                    if number == 0 {
                        call!(h.module, C_CloseAllSessions, slot)?;
                        continue;
                    }
                    let work = Session::open(&h.module, slot, 0).and_then(|session| {
                        session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, b"abc")
                    });
                    let ended = [
                        CKR_OK,
                        CKR_SESSION_HANDLE_INVALID,
                        CKR_SESSION_CLOSED,
                        CKR_OPERATION_NOT_INITIALIZED,
                    ];
                    expect_any(work, &ended)?;
                }
                Ok(())
            })
        },
    ),
    Scenario::new(
        "destroy-a-key-while-others-sign",
        "5.7 C_DestroyObject",
        "threads that sign with a key that another destroys get an error and not a crash",
        |h| {
            h.needs(&[CKM_SHA256_HMAC])?;
            let (slot, session) = (h.token()?, h.user()?);
            let key = keys::generic(&session, &keys::MAC_KEY)?;
            in_threads(|number| {
                let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
                for round in 0..ROUNDS {
                    if number == 0 && round == ROUNDS / 2 {
                        session.destroy(key)?;
                    }
                    match session.sign(&Mechanism::plain(CKM_SHA256_HMAC), key, b"data") {
                        Ok(mac) => equal("bytes of the MAC", mac.len(), 32)?,
                        Err(error) => holds("an error about the key", error.rv != CKR_GENERAL_ERROR)?,
                    }
                }
                Ok(())
            })
        },
    ),
];
