//! PINs, logins and what they open (PKCS#11 3.2, 5.5 C_InitPIN and C_SetPIN, 5.6 C_Login and C_Logout).

use super::keys;
use crate::call;
use crate::expect::{Check, Verdict, equal, expect, expect_any, failed, holds, same};
use crate::scenario::{
    Host, SO_PIN, Scenario, USER_PIN, empty_slot, finalize, find_token, init_token, initialize, token_info,
};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::ptr;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("user-logs-in", "5.6 C_Login", "the normal user logs in with the PIN of C_InitPIN", |h| {
        h.user().map(|_| ())
    }),
    Scenario::new("so-logs-in", "5.6 C_Login", "the SO logs in with the PIN of C_InitToken", |h| {
        h.so().map(|_| ())
    }),
    Scenario::new("wrong-user-pin", "5.6 C_Login", "a wrong PIN: CKR_PIN_INCORRECT, and no login", |h| {
        let session = h.session()?;
        expect(session.login(CKU_USER, b"wrong-pin"), CKR_PIN_INCORRECT)?;
        equal("state", session.info()?.state, CKS_RW_PUBLIC_SESSION)?;
        Ok(session.login(CKU_USER, USER_PIN)?)
    }),
    Scenario::new("wrong-so-pin", "5.6 C_Login", "a wrong PIN: CKR_PIN_INCORRECT, and no login", |h| {
        let session = h.session()?;
        expect(session.login(CKU_SO, USER_PIN), CKR_PIN_INCORRECT)?;
        equal("state", session.info()?.state, CKS_RW_PUBLIC_SESSION)
    }),
    Scenario::new(
        "wrong-pin-of-any-length",
        "5.1.6 CKR_PIN_LEN_RANGE",
        "CKR_PIN_LEN_RANGE only applies to functions that set a PIN: C_Login says CKR_PIN_INCORRECT",
        |h| {
            let session = h.session()?;
            expect(session.login(CKU_USER, b"1"), CKR_PIN_INCORRECT)?;
            expect(session.login(CKU_USER, &[b'1'; 300]), CKR_PIN_INCORRECT)
        },
    ),
    Scenario::new(
        "login-with-null-pin",
        "5.6 C_Login",
        "a NULL PIN is only for tokens with a protected authentication path",
        |h| {
            if token_info(&h.module, h.token()?)?.flags & CKF_PROTECTED_AUTHENTICATION_PATH != 0 {
                return Ok(());
            }
            let session = h.session()?;
            let outcome = call!(h.module, C_Login, session.handle, CKU_USER, ptr::null_mut(), 8);
            expect_any(outcome, &[CKR_ARGUMENTS_BAD, CKR_PIN_INCORRECT])
        },
    ),
    Scenario::new(
        "login-twice",
        "5.6 C_Login (client need)",
        "a user who is logged in already gets CKR_USER_ALREADY_LOGGED_IN, also in another session",
        |h| {
            let session = h.user()?;
            expect(session.login(CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN)?;
            expect(h.session()?.login(CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN)
        },
    ),
    Scenario::new(
        "so-login-twice",
        "5.6 C_Login",
        "an SO who is logged in: CKR_USER_ALREADY_LOGGED_IN",
        |h| expect(h.so()?.login(CKU_SO, SO_PIN), CKR_USER_ALREADY_LOGGED_IN),
    ),
    Scenario::new(
        "so-while-user-is-logged-in",
        "5.6 C_Login",
        "while the user is logged in the SO gets CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
        |h| expect(h.user()?.login(CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    ),
    Scenario::new(
        "user-while-so-is-logged-in",
        "5.6 C_Login",
        "while the SO is logged in the user gets CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
        |h| expect(h.so()?.login(CKU_USER, USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    ),
    Scenario::new(
        "so-with-read-only-session-open",
        "5.6 C_Login",
        "while the application has a read-only session the SO gets CKR_SESSION_READ_ONLY_EXISTS",
        |h| {
            h.read_only()?;
            expect(h.session()?.login(CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS)
        },
    ),
    Scenario::new(
        "so-in-read-only-session",
        "5.6 C_Login",
        "the SO does not log in through a read-only session",
        |h| {
            let wanted = [CKR_SESSION_READ_ONLY_EXISTS, CKR_SESSION_READ_ONLY];
            expect_any(h.read_only()?.login(CKU_SO, SO_PIN), &wanted)
        },
    ),
    Scenario::new(
        "user-in-read-only-session",
        "5.6 C_Login",
        "the user may log in through a read-only session",
        |h| {
            let session = h.read_only()?;
            session.login(CKU_USER, USER_PIN)?;
            equal("state", session.info()?.state, CKS_RO_USER_FUNCTIONS)
        },
    ),
    Scenario::new(
        "unknown-user-type",
        "5.6 C_Login",
        "a user type that does not exist: CKR_USER_TYPE_INVALID",
        |h| expect(h.session()?.login(77, USER_PIN), CKR_USER_TYPE_INVALID),
    ),
    Scenario::new(
        "logout-without-login",
        "5.1.6 CKR_USER_NOT_LOGGED_IN",
        "only a logged-in session can be logged out",
        |h| expect(h.session()?.logout(), CKR_USER_NOT_LOGGED_IN),
    ),
    Scenario::new("login-after-logout", "5.6 C_Logout", "after a logout another user may log in", |h| {
        let session = h.user()?;
        session.logout()?;
        session.login(CKU_SO, SO_PIN)?;
        session.logout()?;
        Ok(session.login(CKU_USER, USER_PIN)?)
    }),
    Scenario::new(
        "logout-hides-private-token-objects",
        "5.6 C_Logout",
        "handles of private objects become invalid at logout",
        |h| {
            let (session, object) = private_object(h, true)?;
            session.logout()?;
            expect(session.attribute(object, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "private-token-object-is-back-after-login",
        "5.6 C_Logout",
        "private token objects are found again after the next login, under whatever handle",
        |h| {
            let (session, _) = private_object(h, true)?;
            session.logout()?;
            session.login(CKU_USER, USER_PIN)?;
            equal("objects", session.find(&Template::new().label("private"))?.len(), 1)
        },
    ),
    Scenario::new(
        "logout-destroys-private-session-objects",
        "5.6 C_Logout",
        "private session objects are destroyed at logout, and do not come back",
        |h| {
            let (session, object) = private_object(h, false)?;
            session.logout()?;
            expect(session.attribute(object, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID)?;
            session.login(CKU_USER, USER_PIN)?;
            equal("objects", session.find(&Template::new().label("private"))?.len(), 0)
        },
    ),
    Scenario::new(
        "logout-keeps-public-objects",
        "5.6 C_Logout",
        "public session objects live on after a logout",
        |h| {
            let session = h.user()?;
            let object = session.create(&keys::data("public", b"x"))?;
            session.logout()?;
            same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"public")
        },
    ),
    Scenario::new(
        "logout-during-an-operation",
        "5.6 C_Logout",
        "an active operation may or may not survive a logout; either way the host does, and the next one begins anew",
        |h| {
            h.needs(&[CKM_SHA256_HMAC])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_SHA256_HMAC));
            let key = keys::generic(&session, &keys::MAC_KEY)?;
            session.init(Kind::Sign, &mechanism, key)?;
            session.update(Kind::Sign, b"some")?;
            session.logout()?;
            let _ = session.finish(Kind::Sign);
            session.login(CKU_USER, USER_PIN)?;
            let key = keys::generic(&session, &keys::MAC_KEY)?;
            Ok(session.sign(&mechanism, key, b"data").map(|_| ())?)
        },
    ),
    Scenario::new(
        "private-object-without-login",
        "5.1.6 CKR_USER_NOT_LOGGED_IN",
        "a private object is only created by the normal user",
        |h| expect(h.session()?.create(&keys::secret(CKK_AES, &[1; 16])), CKR_USER_NOT_LOGGED_IN),
    ),
    Scenario::new(
        "so-creates-no-private-object",
        "5.7 C_CreateObject / 5.1.6 CKR_USER_NOT_LOGGED_IN",
        "the SO has no access to private objects and creates none",
        |h| {
            let private = Template::new().class(CKO_DATA).bool(CKA_PRIVATE, true).label("x");
            expect(h.so()?.create(&private), CKR_USER_NOT_LOGGED_IN)
        },
    ),
    Scenario::new(
        "init-pin-without-login",
        "5.5 C_InitPIN",
        "only the SO calls it, else CKR_USER_NOT_LOGGED_IN",
        |h| expect(h.session()?.init_pin(b"new-user-pin"), CKR_USER_NOT_LOGGED_IN),
    ),
    Scenario::new(
        "init-pin-by-user",
        "5.5 C_InitPIN",
        "only the SO calls it, else CKR_USER_NOT_LOGGED_IN",
        |h| expect(h.user()?.init_pin(b"new-user-pin"), CKR_USER_NOT_LOGGED_IN),
    ),
    Scenario::new(
        "init-pin-by-so",
        "5.5 C_InitPIN",
        "the user logs in with the new PIN and no more with the old",
        |h| {
            let session = h.so()?;
            session.init_pin(b"new-user-pin")?;
            session.logout()?;
            expect(session.login(CKU_USER, USER_PIN), CKR_PIN_INCORRECT)?;
            Ok(session.login(CKU_USER, b"new-user-pin")?)
        },
    ),
    Scenario::new(
        "init-pin-keeps-private-objects",
        "5.5 C_InitPIN",
        "setting the user's PIN anew changes the PIN and nothing else",
        |h| {
            let (session, _) = private_object(h, true)?;
            session.logout()?;
            session.login(CKU_SO, SO_PIN)?;
            session.init_pin(b"new-user-pin")?;
            session.logout()?;
            session.login(CKU_USER, b"new-user-pin")?;
            equal("private objects", session.find(&Template::new().label("private"))?.len(), 1)
        },
    ),
    Scenario::new("init-pin-too-short", "5.5 C_InitPIN", "a PIN below ulMinPinLen: CKR_PIN_LEN_RANGE", |h| {
        let info = token_info(&h.module, h.token()?)?;
        if info.ulMinPinLen == 0 {
            return Err(Verdict::NotSupported("PINs of any length are accepted".into()));
        }
        let pin = vec![b'1'; info.ulMinPinLen as usize - 1];
        expect(h.so()?.init_pin(&pin), CKR_PIN_LEN_RANGE)
    }),
    Scenario::new("set-pin-too-long", "5.5 C_SetPIN", "a PIN above ulMaxPinLen: CKR_PIN_LEN_RANGE", |h| {
        let info = token_info(&h.module, h.token()?)?;
        if info.ulMaxPinLen > 65_536 {
            return Err(Verdict::NotSupported("PINs of any length are accepted".into()));
        }
        let pin = vec![b'1'; info.ulMaxPinLen as usize + 1];
        expect(h.user()?.set_pin(USER_PIN, &pin), CKR_PIN_LEN_RANGE)?;
        h.session()?.logout()?;
        h.user().map(|_| ())
    }),
    Scenario::new(
        "pin-of-the-longest-length",
        "3.2 CK_TOKEN_INFO",
        "a PIN of ulMaxPinLen bytes works",
        |h| {
            let info = token_info(&h.module, h.token()?)?;
            let pin = vec![b'7'; info.ulMaxPinLen.min(4096) as usize];
            let session = h.user()?;
            session.set_pin(USER_PIN, &pin)?;
            session.logout()?;
            Ok(session.login(CKU_USER, &pin)?)
        },
    ),
    Scenario::new(
        "pin-of-four-characters",
        "3.2 CK_TOKEN_INFO (client need)",
        "applications' own tests use 1234: a PIN of 4 characters is accepted",
        |h| {
            let session = h.user()?;
            session.set_pin(USER_PIN, b"1234")?;
            session.logout()?;
            Ok(session.login(CKU_USER, b"1234")?)
        },
    ),
    Scenario::new("pin-in-utf8", "3.2 CK_UTF8CHAR PINs", "a PIN is a UTF-8 string", |h| {
        let (session, pin) = (h.user()?, "пароль-密码".as_bytes());
        session.set_pin(USER_PIN, pin)?;
        session.logout()?;
        Ok(session.login(CKU_USER, pin)?)
    }),
    Scenario::new("set-pin-by-user", "5.5 C_SetPIN", "the new PIN works, the old one no more", |h| {
        let session = h.user()?;
        session.set_pin(USER_PIN, b"changed-pin")?;
        session.logout()?;
        expect(session.login(CKU_USER, USER_PIN), CKR_PIN_INCORRECT)?;
        Ok(session.login(CKU_USER, b"changed-pin")?)
    }),
    Scenario::new(
        "set-pin-by-so",
        "5.5 C_SetPIN",
        "when the SO is logged in, the SO's PIN is changed",
        |h| {
            let session = h.so()?;
            session.set_pin(SO_PIN, b"changed-so-pin")?;
            session.logout()?;
            expect(session.login(CKU_SO, SO_PIN), CKR_PIN_INCORRECT)?;
            session.login(CKU_SO, b"changed-so-pin")?;
            session.logout()?;
            Ok(session.login(CKU_USER, USER_PIN)?)
        },
    ),
    Scenario::new(
        "set-pin-without-login",
        "5.5 C_SetPIN",
        "in a public read/write session C_SetPIN changes the user's PIN",
        |h| {
            let session = h.session()?;
            session.set_pin(USER_PIN, b"changed-pin")?;
            Ok(session.login(CKU_USER, b"changed-pin")?)
        },
    ),
    Scenario::new(
        "set-pin-with-wrong-old-pin",
        "5.5 C_SetPIN",
        "the old PIN is wrong: CKR_PIN_INCORRECT",
        |h| expect(h.user()?.set_pin(b"not-the-pin", b"changed-pin"), CKR_PIN_INCORRECT),
    ),
    Scenario::new(
        "set-pin-in-read-only-session",
        "5.5 C_SetPIN",
        "not in a R/O session: CKR_SESSION_READ_ONLY",
        |h| expect(h.read_only()?.set_pin(USER_PIN, b"changed-pin"), CKR_SESSION_READ_ONLY),
    ),
    Scenario::new(
        "set-pin-keeps-private-objects",
        "5.5 C_SetPIN",
        "after a PIN change and a restart the private objects are there",
        |h| {
            let slot = h.token()?;
            let (session, _) = private_object(h, true)?;
            session.set_pin(USER_PIN, b"changed-pin")?;
            finalize(&h.module)?;
            initialize(&h.module)?;
            let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            session.login(CKU_USER, b"changed-pin")?;
            equal("private objects", session.find(&Template::new().label("private"))?.len(), 1)
        },
    ),
    Scenario::new(
        "user-pin-not-initialised",
        "5.6 C_Login",
        "before C_InitPIN the user gets CKR_USER_PIN_NOT_INITIALIZED",
        |h| {
            init_token(h.initialize()?, empty_slot(&h.module)?, SO_PIN, "no user")?;
            let slot = find_token(&h.module, "no user")?.ok_or_else(|| failed("not found", "the token"))?;
            let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            expect(session.login(CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED)
        },
    )
    .blank(),
    Scenario::new(
        "locked-pin",
        "3.2 CK_TOKEN_INFO, CKF_USER_PIN_LOCKED / 5.1.6 CKR_PIN_LOCKED",
        "a PIN that is locked after wrong ones refuses the right one, says so in the flags, and C_InitPIN opens it",
        |h| {
            let (slot, session) = (h.token()?, h.session()?);
            let locked = (0..40).any(|_| {
                session.login(CKU_USER, b"wrong-pin").is_err_and(|error| error.rv == CKR_PIN_LOCKED)
            });
            if !locked {
                return Err(Verdict::NotSupported("40 wrong PINs do not lock".into()));
            }
            expect(session.login(CKU_USER, USER_PIN), CKR_PIN_LOCKED)?;
            let flags = token_info(&h.module, slot)?.flags;
            holds("CKF_USER_PIN_LOCKED is set", flags & CKF_USER_PIN_LOCKED != 0)?;
            session.login(CKU_SO, SO_PIN)?;
            session.init_pin(USER_PIN)?;
            session.logout()?;
            Ok(session.login(CKU_USER, USER_PIN)?)
        },
    ),
    Scenario::new(
        "context-login-without-operation",
        "5.6 C_Login, CKU_CONTEXT_SPECIFIC",
        "without an operation that waits for it: CKR_OPERATION_NOT_INITIALIZED",
        |h| expect(h.user()?.login(CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED),
    ),
    Scenario::new(
        "always-authenticate-is-enforced",
        "4.10 CKA_ALWAYS_AUTHENTICATE",
        "a key with CKA_ALWAYS_AUTHENTICATE signs only after a context-specific login: CKR_USER_NOT_LOGGED_IN",
        |h| {
            let (session, key) = always_authenticate(h)?;
            session.init(Kind::Sign, &Mechanism::plain(CKM_RSA_PKCS), key)?;
            expect(session.once(Kind::Sign, b"data"), CKR_USER_NOT_LOGGED_IN)
        },
    ),
    Scenario::new(
        "context-login-opens-one-operation",
        "4.10 CKA_ALWAYS_AUTHENTICATE",
        "the context-specific login is good for one operation; the next needs another",
        |h| {
            let (session, key) = always_authenticate(h)?;
            let mechanism = Mechanism::plain(CKM_RSA_PKCS);
            session.init(Kind::Sign, &mechanism, key)?;
            session.login(CKU_CONTEXT_SPECIFIC, USER_PIN)?;
            session.once(Kind::Sign, b"data")?;
            session.init(Kind::Sign, &mechanism, key)?;
            expect(session.once(Kind::Sign, b"data"), CKR_USER_NOT_LOGGED_IN)
        },
    ),
    Scenario::new(
        "context-login-with-wrong-pin",
        "5.6 C_Login, CKU_CONTEXT_SPECIFIC",
        "the wrong PIN: CKR_PIN_INCORRECT, and the operation stays closed",
        |h| {
            let (session, key) = always_authenticate(h)?;
            session.init(Kind::Sign, &Mechanism::plain(CKM_RSA_PKCS), key)?;
            expect(session.login(CKU_CONTEXT_SPECIFIC, b"wrong-pin"), CKR_PIN_INCORRECT)?;
            holds("no signature is made", session.once(Kind::Sign, b"data").is_err())
        },
    ),
    Scenario::new(
        "login-is-per-token",
        "5.6 C_Login",
        "a login with one token says nothing about another",
        |h| {
            let session = h.user()?;
            let slot = crate::scenario::make_token(&h.module, "other")?;
            let other = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            equal("state with the other token", other.info()?.state, CKS_RW_PUBLIC_SESSION)?;
            equal("state with the token", session.info()?.state, CKS_RW_USER_FUNCTIONS)
        },
    ),
];

/// A user session with a private data object named "private".
fn private_object(h: &Host, token: bool) -> Check<(Session<'_>, CK_OBJECT_HANDLE)> {
    let session = h.user()?;
    let template = Template::new().class(CKO_DATA).bool(CKA_PRIVATE, true).bool(CKA_TOKEN, token);
    let object = session.create(&template.label("private").bytes(CKA_VALUE, b"x"))?;
    Ok((session, object))
}

/// A user session with an RSA key that wants a context-specific login.
fn always_authenticate(h: &Host) -> Check<(Session<'_>, CK_OBJECT_HANDLE)> {
    h.needs(&[CKM_RSA_PKCS])?;
    let session = h.user()?;
    let private = Template::new().bool(CKA_SIGN, true).bool(CKA_ALWAYS_AUTHENTICATE, true);
    let (_, key) = keys::rsa(h, &session, 2048, Template::new().bool(CKA_VERIFY, true), private)?;
    Ok((session, key))
}
