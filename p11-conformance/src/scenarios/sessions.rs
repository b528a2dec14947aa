//! Opening and closing sessions, their states, and what lives and dies with them (PKCS#11 3.2, 5.6).

use super::keys;
use crate::expect::{Check, equal, expect, expect_any, holds, refused, same};
use crate::module::Outcome;
use crate::scenario::{SO_PIN, Scenario, USER_PIN};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use crate::{call, call_3_0};
use cryptoki_sys::*;
use std::ptr;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "open-without-serial-flag",
        "5.6 C_OpenSession",
        "for historical reasons CKF_SERIAL_SESSION must be set, else CKR_SESSION_PARALLEL_NOT_SUPPORTED",
        |h| {
            let (slot, mut handle) = (h.token()?, 0);
            let outcome =
                call!(h.module, C_OpenSession, slot, CKF_RW_SESSION, ptr::null_mut(), None, &mut handle);
            expect(outcome, CKR_SESSION_PARALLEL_NOT_SUPPORTED)
        },
    ),
    Scenario::new(
        "open-to-null",
        "5.6 C_OpenSession",
        "without a place for the handle: CKR_ARGUMENTS_BAD",
        |h| {
            let (slot, flags) = (h.token()?, CKF_SERIAL_SESSION);
            expect(
                call!(h.module, C_OpenSession, slot, flags, ptr::null_mut(), None, ptr::null_mut()),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "handles-are-distinct-and-not-zero",
        "3.3 CK_SESSION_HANDLE",
        "a valid session handle is never 0 (CK_INVALID_HANDLE), and no two open sessions share one",
        |h| {
            let (one, two) = (h.session()?, h.session()?);
            holds(
                "the handles are not 0",
                one.handle != CK_INVALID_HANDLE && two.handle != CK_INVALID_HANDLE,
            )?;
            holds("the handles differ", one.handle != two.handle)
        },
    ),
    Scenario::new(
        "many-sessions",
        "5.6 C_OpenSession",
        "an application may have as many sessions open as ulMaxSessionCount allows",
        |h| {
            let slot = h.token()?;
            let max = crate::scenario::token_info(&h.module, slot)?.ulMaxSessionCount;
            let unlimited = max == CK_EFFECTIVELY_INFINITE || max == CK_UNAVAILABLE_INFORMATION;
            let count = if unlimited { 200 } else { max.min(200) };
            (0..count).try_for_each(|_| h.read_only().map(|_| ()))
        },
    ),
    Scenario::new(
        "info-of-a-public-session",
        "3.3 CK_SESSION_INFO",
        "slot, state and flags of a read-only and a read/write session before any login",
        |h| {
            let (slot, read_only, read_write) = (h.token()?, h.read_only()?.info()?, h.session()?.info()?);
            equal("slotID", read_only.slotID, slot)?;
            equal("state of a R/O session", read_only.state, CKS_RO_PUBLIC_SESSION)?;
            equal("flags of a R/O session", read_only.flags, CKF_SERIAL_SESSION)?;
            equal("state of a R/W session", read_write.state, CKS_RW_PUBLIC_SESSION)?;
            equal("flags of a R/W session", read_write.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION)
        },
    ),
    Scenario::new("info-to-null", "5.6 C_GetSessionInfo", "without a place for it: CKR_ARGUMENTS_BAD", |h| {
        expect(call!(h.module, C_GetSessionInfo, h.session()?.handle, ptr::null_mut()), CKR_ARGUMENTS_BAD)
    }),
    Scenario::new(
        "user-login-changes-all-sessions",
        "5.6 C_Login, session states",
        "a user's login moves every session of the application to its user state",
        |h| {
            let (read_only, other, session) = (h.read_only()?, h.session()?, h.session()?);
            session.login(CKU_USER, USER_PIN)?;
            equal("state of the R/O session", read_only.info()?.state, CKS_RO_USER_FUNCTIONS)?;
            equal("state of the other R/W session", other.info()?.state, CKS_RW_USER_FUNCTIONS)?;
            equal("state of the session", session.info()?.state, CKS_RW_USER_FUNCTIONS)
        },
    ),
    Scenario::new(
        "so-login-changes-all-sessions",
        "5.6 C_Login, session states",
        "the SO's login moves every session of the application to CKS_RW_SO_FUNCTIONS",
        |h| {
            let (other, session) = (h.session()?, h.session()?);
            session.login(CKU_SO, SO_PIN)?;
            equal("state of the other session", other.info()?.state, CKS_RW_SO_FUNCTIONS)?;
            equal("state of the session", session.info()?.state, CKS_RW_SO_FUNCTIONS)
        },
    ),
    Scenario::new(
        "logout-changes-all-sessions",
        "5.6 C_Logout, session states",
        "a logout moves every session of the application back to its public state",
        |h| {
            let (read_only, session) = (h.read_only()?, h.user()?);
            session.logout()?;
            equal("state of the R/O session", read_only.info()?.state, CKS_RO_PUBLIC_SESSION)?;
            equal("state of the session", session.info()?.state, CKS_RW_PUBLIC_SESSION)
        },
    ),
    Scenario::new(
        "session-opened-after-login-is-logged-in",
        "5.6 C_OpenSession",
        "a session that is opened while the application is logged in is logged in as well",
        |h| {
            h.user()?;
            equal("state of a R/W session", h.session()?.info()?.state, CKS_RW_USER_FUNCTIONS)?;
            equal("state of a R/O session", h.read_only()?.info()?.state, CKS_RO_USER_FUNCTIONS)
        },
    ),
    Scenario::new(
        "read-only-session-while-so-is-logged-in",
        "5.6 C_OpenSession",
        "no read-only session is opened while the SO is logged in: CKR_SESSION_READ_WRITE_SO_EXISTS",
        |h| {
            h.so()?;
            expect(Session::open(&h.module, h.token()?, 0), CKR_SESSION_READ_WRITE_SO_EXISTS)
        },
    ),
    Scenario::new(
        "closed-handle-is-invalid",
        "5.6 C_CloseSession",
        "a closed session's handle is invalid",
        |h| {
            let session = h.session()?;
            h.session()?;
            session.close()?;
            expect(session.info(), CKR_SESSION_HANDLE_INVALID)?;
            expect(session.close(), CKR_SESSION_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "close-all-sessions",
        "5.6 C_CloseAllSessions",
        "all sessions of the application with the token are closed, and it is logged out",
        |h| {
            let (one, two) = (h.session()?, h.user()?);
            call!(h.module, C_CloseAllSessions, h.token()?)?;
            expect(one.info(), CKR_SESSION_HANDLE_INVALID)?;
            expect(two.info(), CKR_SESSION_HANDLE_INVALID)?;
            equal("state of a new session", h.session()?.info()?.state, CKS_RW_PUBLIC_SESSION)
        },
    ),
    Scenario::new(
        "closing-the-last-session-logs-out",
        "5.6 C_CloseSession",
        "when an application's last session with a token is closed, it is logged out",
        |h| {
            h.user()?.close()?;
            equal("state of a new session", h.session()?.info()?.state, CKS_RW_PUBLIC_SESSION)
        },
    ),
    Scenario::new(
        "closing-another-session-keeps-the-login",
        "5.6 C_CloseSession",
        "only the last session's close logs out",
        |h| {
            let (session, other) = (h.user()?, h.session()?);
            other.close()?;
            equal("state", session.info()?.state, CKS_RW_USER_FUNCTIONS)
        },
    ),
    Scenario::new(
        "invalid-handle-everywhere",
        "5.1.2 CKR_SESSION_HANDLE_INVALID",
        "functions that take a session say so when its handle is not valid",
        |h| {
            let nobody = Session { module: h.initialize()?, handle: 0x7FFF_0123 };
            h.token()?;
            let template = keys::data("x", b"x");
            expect(nobody.info(), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.login(CKU_USER, USER_PIN), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.logout(), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.create(&template), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.destroy(1), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.find_init(&Template::new()), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.find_next(1), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.find_final(), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.attribute(1, CKA_CLASS), CKR_SESSION_HANDLE_INVALID)?;
            expect(nobody.random(8), CKR_SESSION_HANDLE_INVALID)?;
            for kind in [Kind::Encrypt, Kind::Decrypt, Kind::Digest, Kind::Sign, Kind::Verify] {
                expect(nobody.init(kind, &Mechanism::plain(CKM_SHA256), 1), CKR_SESSION_HANDLE_INVALID)?;
                expect(nobody.once(kind, b"x"), CKR_SESSION_HANDLE_INVALID)?;
                expect(nobody.update(kind, b"x"), CKR_SESSION_HANDLE_INVALID)?;
                expect(nobody.finish(kind), CKR_SESSION_HANDLE_INVALID)?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "read-only-session-creates-no-token-object",
        "5.7 C_CreateObject",
        "token objects are not created in a read-only session: CKR_SESSION_READ_ONLY",
        |h| {
            h.user()?;
            let template = keys::data("x", b"x").bool(CKA_TOKEN, true);
            expect(h.read_only()?.create(&template), CKR_SESSION_READ_ONLY)
        },
    ),
    Scenario::new(
        "read-only-session-destroys-no-token-object",
        "5.7 C_DestroyObject",
        "token objects are not destroyed in a read-only session: CKR_SESSION_READ_ONLY",
        |h| {
            let object = h.user()?.create(&keys::data("x", b"x").bool(CKA_TOKEN, true))?;
            expect(h.read_only()?.destroy(object), CKR_SESSION_READ_ONLY)
        },
    ),
    Scenario::new(
        "read-only-session-changes-no-token-object",
        "5.7 C_SetAttributeValue",
        "token objects are not changed in a read-only session: CKR_SESSION_READ_ONLY",
        |h| {
            let object = h.user()?.create(&keys::data("x", b"x").bool(CKA_TOKEN, true))?;
            expect(h.read_only()?.set(object, &Template::new().label("y")), CKR_SESSION_READ_ONLY)
        },
    ),
    Scenario::new(
        "read-only-session-creates-session-objects",
        "5.7 C_CreateObject",
        "a read-only session creates, changes and destroys session objects",
        |h| {
            let session = h.read_only()?;
            let object = session.create(&keys::data("x", b"x").bool(CKA_TOKEN, false))?;
            session.set(object, &Template::new().label("y"))?;
            same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"y")?;
            Ok(session.destroy(object)?)
        },
    ),
    Scenario::new(
        "session-object-is-seen-by-other-sessions",
        "4.4 CKA_TOKEN",
        "all sessions of the application see a session object",
        |h| {
            let (one, two) = (h.session()?, h.read_only()?);
            let object = one.create(&keys::data("shared", b"x"))?;
            same("CKA_LABEL in the other session", two.attribute(object, CKA_LABEL)?, b"shared")
        },
    ),
    Scenario::new(
        "session-object-dies-with-its-session",
        "5.6 C_CloseSession",
        "closing a session destroys the session objects that were created with it, and no others",
        |h| {
            let (one, two) = (h.session()?, h.session()?);
            let first = one.create(&keys::data("first", b"x"))?;
            let second = two.create(&keys::data("second", b"x"))?;
            one.close()?;
            expect(two.attribute(first, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID)?;
            same("CKA_LABEL of the other session's object", two.attribute(second, CKA_LABEL)?, b"second")
        },
    ),
    Scenario::new(
        "operations-of-sessions-are-apart",
        "5.6 sessions",
        "each session has operations of its own: two digests at once do not mix",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let (one, two, sha256) = (h.session()?, h.session()?, Mechanism::plain(CKM_SHA256));
            one.init(Kind::Digest, &sha256, 0)?;
            two.init(Kind::Digest, &sha256, 0)?;
            one.update(Kind::Digest, b"abc")?;
            two.update(Kind::Digest, b"other")?;
            let digest = one.finish(Kind::Digest)?;
            same("SHA-256 of abc", digest, two_digests(&two)?)
        },
    ),
    Scenario::new(
        "closing-a-session-ends-its-operation",
        "5.6 C_CloseSession",
        "an operation of a closed session cannot go on",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.session()?;
            h.session()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            session.close()?;
            expect(session.once(Kind::Digest, b"abc"), CKR_SESSION_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "operation-state-without-operation",
        "5.6 C_GetOperationState",
        "without an active operation there is no state to save: CKR_OPERATION_NOT_INITIALIZED",
        |h| expect(state_length(&h.session()?), CKR_OPERATION_NOT_INITIALIZED),
    ),
    Scenario::new(
        "operation-state-of-a-digest",
        "5.6 C_GetOperationState, C_SetOperationState",
        "a saved digest goes on in another session, or the token says CKR_STATE_UNSAVEABLE",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let (one, two) = (h.session()?, h.session()?);
            one.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            one.update(Kind::Digest, b"ab")?;
            let length = match state_length(&one) {
                Err(error) => return expect(Outcome::<()>::Err(error), CKR_STATE_UNSAVEABLE),
                Ok(length) => length,
            };
            let (mut state, mut length) = (vec![0; length as usize], length);
            call!(h.module, C_GetOperationState, one.handle, state.as_mut_ptr(), &mut length)?;
            call!(h.module, C_SetOperationState, two.handle, state.as_mut_ptr(), length, 0, 0)?;
            two.update(Kind::Digest, b"c")?;
            same("SHA-256 of abc", two.finish(Kind::Digest)?, super::digest::sha256_abc())
        },
    ),
    Scenario::new(
        "operation-state-that-is-none",
        "5.6 C_SetOperationState",
        "bytes that are no saved state get CKR_SAVED_STATE_INVALID",
        |h| {
            let (session, mut junk) = (h.session()?, [7_u8; 40]);
            let outcome = call!(h.module, C_SetOperationState, session.handle, junk.as_mut_ptr(), 40, 0, 0);
            expect(outcome, CKR_SAVED_STATE_INVALID)
        },
    ),
    Scenario::new(
        "cancel-ends-the-operation",
        "5.6 C_SessionCancel",
        "C_SessionCancel with an operation's flag terminates it",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.session()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            call_3_0!(h.module, C_SessionCancel, session.handle, CKF_DIGEST)?;
            expect(session.once(Kind::Digest, b"abc"), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "cancel-leaves-other-operations",
        "5.6 C_SessionCancel",
        "only the operations that the flags name are terminated",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.session()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            call_3_0!(h.module, C_SessionCancel, session.handle, CKF_SIGN | CKF_FIND_OBJECTS)?;
            same("SHA-256 of abc", session.once(Kind::Digest, b"abc")?, super::digest::sha256_abc())
        },
    ),
    Scenario::new(
        "cancel-without-operation",
        "5.6 C_SessionCancel",
        "it is no error to cancel what is not active",
        |h| Ok(call_3_0!(h.module, C_SessionCancel, h.session()?.handle, CKF_SIGN | CKF_DIGEST)?),
    ),
    Scenario::new(
        "init-with-null-cancels",
        "5.8 to 5.15 C_…Init",
        "an Init function with a NULL mechanism terminates the active operation (since 3.0)",
        |h| {
            if h.module.list_3_0().is_none() {
                return Err(crate::expect::Verdict::NotSupported("the module is older than 3.0".into()));
            }
            h.needs(&[CKM_SHA256])?;
            let session = h.session()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            call!(h.module, C_DigestInit, session.handle, ptr::null_mut())?;
            expect(session.once(Kind::Digest, b"abc"), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "other-sessions-object-handle-stays-valid",
        "5.7 objects",
        "an object handle is valid in every session of the application with the token",
        |h| {
            let (one, two) = (h.session()?, h.session()?);
            let object = one.create(&keys::data("x", b"x"))?;
            two.destroy(object)?;
            refused(one.attribute(object, CKA_LABEL))?;
            expect_any(one.destroy(object), &[CKR_OBJECT_HANDLE_INVALID])
        },
    ),
];

/// The length that `C_GetOperationState` asks for.
fn state_length(session: &Session) -> Outcome<CK_ULONG> {
    let mut length = 0;
    call!(session.module, C_GetOperationState, session.handle, ptr::null_mut(), &mut length)?;
    Ok(length)
}

/// Ends the other digest (of "other") and gives the digest of "abc" that the first session should have.
fn two_digests(other: &Session) -> Check<Vec<u8>> {
    let digest = other.finish(Kind::Digest)?;
    holds("the other digest is another one", digest != super::digest::sha256_abc())?;
    Ok(super::digest::sha256_abc())
}
