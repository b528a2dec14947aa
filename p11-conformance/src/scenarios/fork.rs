//! What a forked child meets (PKCS#11 3.2, 3.6 CKF_INTERFACE_FORK_SAFE; Usage Guide, applications and processes:
//! a child is another application and calls C_Initialize itself).

use super::keys;
use crate::expect::{Check, equal, expect, failed, same};
use crate::scenario::{Host, LABEL, Scenario, USER_PIN, finalize, find_token, initialize, slots};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::io::{PipeReader, Read, Write};

/// A forked child and the pipe in which it leaves its verdict, if its work did not pass.
struct Child {
    id: libc::pid_t,
    verdict: PipeReader,
}

/// Runs `work` in a forked child and waits for it. A child that dies by a signal is a failure.
fn in_child(work: impl FnOnce() -> Check) -> Check {
    spawn(work)?.wait()
}

/// Forks; the child ends with 0 when its work passed, else with 1 and its verdict in the pipe.
fn spawn(work: impl FnOnce() -> Check) -> Check<Child> {
    let (reader, mut writer) = std::io::pipe().map_err(|error| failed(error, "a pipe"))?;
    // SAFETY: this process has one thread; the child runs Rust code and the module, which is the very question.
    match unsafe { libc::fork() } {
        -1 => Err(failed("fork failed", "a child")),
        0 => {
            let verdict = work().err();
            if let Some(text) = verdict.as_ref().and_then(|verdict| serde_json::to_vec(verdict).ok()) {
                let _ = writer.write_all(&text);
            }
            // SAFETY: ends the child without the parent's exit handlers, as servers' workers do.
            unsafe { libc::_exit(i32::from(verdict.is_some())) }
        }
        id => Ok(Child { id, verdict: reader }),
    }
}

impl Child {
    fn wait(mut self) -> Check {
        let (mut text, mut status) = (Vec::new(), 0);
        let _ = self.verdict.read_to_end(&mut text);
        // SAFETY: a child of this process, waited for once, and `status` lives.
        if unsafe { libc::waitpid(self.id, &mut status, 0) } != self.id {
            return Err(failed("waitpid failed", "the child's end"));
        }
        if libc::WIFSIGNALED(status) {
            return Err(failed(format!("the child died with signal {}", libc::WTERMSIG(status)), "it lives"));
        }
        match libc::WEXITSTATUS(status) {
            0 => Ok(()),
            code => {
                Err(serde_json::from_slice(&text)
                    .unwrap_or_else(|_| failed(format!("exit code {code}"), "0")))
            }
        }
    }
}

/// `C_Initialize` in a child, for scenarios about something else: a module that thinks it was initialised already
/// is finalised first.
fn begin(h: &Host) -> Check {
    if initialize(&h.module).is_err_and(|error| error.rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        finalize(&h.module)?;
        initialize(&h.module)?;
    }
    Ok(())
}

/// A session of the child with the token.
fn open(h: &Host, flags: CK_FLAGS) -> Check<Session<'_>> {
    let slot = find_token(&h.module, LABEL)?.ok_or_else(|| failed("no token", "the token"))?;
    Ok(Session::open(&h.module, slot, flags)?)
}

/// What a worker does after C_Initialize: logs in and works.
fn worker(h: &Host) -> Check {
    let session = open(h, CKF_RW_SESSION)?;
    session.login(CKU_USER, USER_PIN)?;
    let digest = session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, b"abc")?;
    same("SHA-256 of abc", digest, super::digest::sha256_abc())
}

const CLIENT: &str = "5.4 C_Initialize (client need)";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "child-is-not-initialised",
        "5.1.6 CKR_CRYPTOKI_NOT_INITIALIZED / Usage Guide (client need)",
        "a forked child is another application; the Usage Guide leaves open what it gets before its C_Initialize and calls CKR_CRYPTOKI_NOT_INITIALIZED the ideal: anything else uses the parent's login and state",
        |h| {
            let session = h.user()?;
            in_child(|| {
                expect(slots(&h.module, false), CKR_CRYPTOKI_NOT_INITIALIZED)?;
                expect(session.info(), CKR_CRYPTOKI_NOT_INITIALIZED)?;
                expect(session.random(8), CKR_CRYPTOKI_NOT_INITIALIZED)
            })
        },
    ),
    Scenario::new(
        "child-initialises",
        CLIENT,
        "C_Initialize works in a forked child, which then logs in and works",
        |h| {
            h.needs(&[CKM_SHA256])?;
            h.user()?;
            in_child(|| {
                initialize(&h.module)?;
                worker(h)
            })
        },
    ),
    Scenario::new(
        "parent-goes-on",
        CLIENT,
        "the parent's session and login are as before while a child works",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.user()?;
            let object = session.create(&keys::data("parent's", b"x"))?;
            in_child(|| begin(h).and_then(|()| worker(h)))?;
            equal("state", session.info()?.state, CKS_RW_USER_FUNCTIONS)?;
            same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"parent's")
        },
    ),
    Scenario::new("several-workers", CLIENT, "four workers at once, as web servers have them", |h| {
        h.needs(&[CKM_SHA256])?;
        let session = h.user()?;
        let children =
            (0..4).map(|_| spawn(|| begin(h).and_then(|()| worker(h)))).collect::<Check<Vec<_>>>()?;
        let results: Vec<Check> = children.into_iter().map(Child::wait).collect();
        equal("state of the parent", session.info()?.state, CKS_RW_USER_FUNCTIONS)?;
        results.into_iter().collect()
    }),
    Scenario::new(
        "child-finalises",
        "5.4 C_Finalize",
        "C_Finalize in a child that initialised ends the child's use of the library, not the parent's",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.user()?;
            in_child(|| {
                begin(h)?;
                worker(h)?;
                Ok(finalize(&h.module)?)
            })?;
            equal("state", session.info()?.state, CKS_RW_USER_FUNCTIONS)
        },
    ),
    Scenario::new(
        "operation-of-the-parent",
        "5.4 C_Initialize / Usage Guide",
        "an operation that the parent began is finished by the parent, whatever the child does",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.user()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            session.update(Kind::Digest, b"ab")?;
            in_child(|| begin(h).and_then(|()| worker(h)))?;
            session.update(Kind::Digest, b"c")?;
            same("SHA-256 of abc", session.finish(Kind::Digest)?, super::digest::sha256_abc())
        },
    ),
    Scenario::new(
        "token-object-of-another-process",
        "4.4 CKA_TOKEN (client need)",
        "a token object that one process makes is seen by another that has the token open",
        |h| {
            let session = h.user()?;
            equal("objects before", session.find(&Template::new().label("from the child"))?.len(), 0)?;
            in_child(|| {
                begin(h)?;
                let session = open(h, CKF_RW_SESSION)?;
                session.login(CKU_USER, USER_PIN)?;
                session.create(&keys::data("from the child", b"x").bool(CKA_TOKEN, true))?;
                Ok(finalize(&h.module)?)
            })?;
            equal("objects after", session.find(&Template::new().label("from the child"))?.len(), 1)
        },
    ),
    Scenario::new(
        "session-object-of-another-process",
        "4.4 CKA_TOKEN",
        "a session object belongs to its application: another process does not see it",
        |h| {
            let session = h.user()?;
            session.create(&keys::data("the parent's own", b"x"))?;
            in_child(|| {
                begin(h)?;
                let session = open(h, 0)?;
                equal("objects", session.find(&Template::new().label("the parent's own"))?.len(), 0)
            })
        },
    ),
    Scenario::new(
        "login-of-another-process",
        "5.6 C_Login",
        "a login belongs to its application: another process is public until it logs in",
        |h| {
            h.user()?;
            in_child(|| {
                begin(h)?;
                let session = open(h, 0)?;
                equal("state", session.info()?.state, CKS_RO_PUBLIC_SESSION)
            })
        },
    ),
];
