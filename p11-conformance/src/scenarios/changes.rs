//! Copying and changing objects (PKCS#11 3.2, 4.1.2, 4.1.3, 5.7 C_CopyObject and C_SetAttributeValue).

use super::keys;
use crate::expect::{Check, Verdict, expect, expect_any, failed, holds, refused, same};
use crate::scenario::{SO_PIN, Scenario, USER_PIN, finalize, initialize};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("copy-an-object", "5.7 C_CopyObject", "a copy has all attributes of the original", |h| {
        let session = h.session()?;
        let object = session.create(&keys::data("label", b"value"))?;
        let copy = session.copy(object, &Template::new())?;
        holds("the handle is a new one", copy != object)?;
        same("CKA_VALUE", session.attribute(copy, CKA_VALUE)?, b"value")?;
        same("CKA_LABEL", session.attribute(copy, CKA_LABEL)?, b"label")
    }),
    Scenario::new(
        "copy-with-changes",
        "4.1.3 copying objects",
        "the copy takes the template's values; the original stays as it was",
        |h| {
            let session = h.user()?;
            let object = session.create(&keys::data("label", b"value"))?;
            let copy = session.copy(object, &Template::new().label("copy").bool(CKA_TOKEN, true))?;
            same("CKA_LABEL of the copy", session.attribute(copy, CKA_LABEL)?, b"copy")?;
            holds("the copy is a token object", session.bool(copy, CKA_TOKEN)?)?;
            same("CKA_LABEL of the original", session.attribute(object, CKA_LABEL)?, b"label")?;
            holds("the original is a session object", !session.bool(object, CKA_TOKEN)?)
        },
    ),
    Scenario::new(
        "copy-cannot-open-a-key",
        "4.1.3 copying objects",
        "a copy can become more sensitive, not less",
        |h| {
            let session = h.user()?;
            let template = keys::secret(CKK_AES, &[1; 16]);
            let open = session.create(&template)?;
            let closed = session
                .copy(open, &Template::new().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false))?;
            refused(session.copy(closed, &Template::new().bool(CKA_SENSITIVE, false)))?;
            refused(session.copy(closed, &Template::new().bool(CKA_EXTRACTABLE, true)))
        },
    ),
    Scenario::new(
        "copy-what-is-not-copyable",
        "4.1.3 CKA_COPYABLE",
        "an object with CKA_COPYABLE false: CKR_ACTION_PROHIBITED",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x").bool(CKA_COPYABLE, false))?;
            expect(session.copy(object, &Template::new()), CKR_ACTION_PROHIBITED)
        },
    ),
    Scenario::new(
        "copyable-cannot-come-back",
        "4.4 CKA_COPYABLE",
        "CKA_COPYABLE cannot be set to true once it is false",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x").bool(CKA_COPYABLE, false))?;
            refused(session.set(object, &Template::new().bool(CKA_COPYABLE, true)))
        },
    ),
    Scenario::new("copy-of-nothing", "5.7 C_CopyObject", "no such object: CKR_OBJECT_HANDLE_INVALID", |h| {
        expect(h.session()?.copy(0x7FFF_0001, &Template::new()), CKR_OBJECT_HANDLE_INVALID)
    }),
    Scenario::new("set-a-label", "5.7 C_SetAttributeValue", "a label can be changed", |h| {
        let session = h.session()?;
        let object = session.create(&keys::data("old", b"x"))?;
        session.set(object, &Template::new().label("a new and longer label"))?;
        same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"a new and longer label")
    }),
    Scenario::new(
        "set-is-all-or-nothing",
        "5.7 C_SetAttributeValue (client need)",
        "when one attribute of the template cannot be set, none is",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("old", b"x"))?;
            refused(session.set(object, &Template::new().label("new").class(CKO_SECRET_KEY)))?;
            same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"old")
        },
    ),
    Scenario::new(
        "set-the-class",
        "4.1.1 rule 3",
        "CKA_CLASS cannot be changed: CKR_ATTRIBUTE_READ_ONLY",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            let wanted = [CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT];
            expect_any(session.set(object, &Template::new().class(CKO_CERTIFICATE)), &wanted)
        },
    ),
    Scenario::new(
        "set-what-is-not-modifiable",
        "4.4 CKA_MODIFIABLE",
        "an object with CKA_MODIFIABLE false is not changed: CKR_ACTION_PROHIBITED",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x").bool(CKA_MODIFIABLE, false))?;
            let wanted = [CKR_ACTION_PROHIBITED, CKR_ATTRIBUTE_READ_ONLY];
            expect_any(session.set(object, &Template::new().label("y")), &wanted)
        },
    ),
    Scenario::new(
        "set-sensitive-back",
        "4.11 CKA_SENSITIVE, footnote 11",
        "CKA_SENSITIVE cannot be set back to false: CKR_ATTRIBUTE_READ_ONLY",
        |h| {
            let session = h.user()?;
            let key = session.create(&keys::secret(CKK_AES, &[1; 16]))?;
            session.set(key, &Template::new().bool(CKA_SENSITIVE, true))?;
            expect(session.set(key, &Template::new().bool(CKA_SENSITIVE, false)), CKR_ATTRIBUTE_READ_ONLY)
        },
    ),
    Scenario::new(
        "set-extractable-back",
        "4.11 CKA_EXTRACTABLE, footnote 12",
        "CKA_EXTRACTABLE cannot be set back to true: CKR_ATTRIBUTE_READ_ONLY",
        |h| {
            let session = h.user()?;
            let key = session.create(&keys::secret(CKK_AES, &[1; 16]))?;
            session.set(key, &Template::new().bool(CKA_EXTRACTABLE, false))?;
            expect(session.set(key, &Template::new().bool(CKA_EXTRACTABLE, true)), CKR_ATTRIBUTE_READ_ONLY)
        },
    ),
    Scenario::new(
        "set-the-value-of-a-key",
        "4.11 / 6.10 CKA_VALUE",
        "the value of a key is not modifiable",
        |h| {
            let session = h.user()?;
            let key = session.create(&keys::secret(CKK_AES, &[1; 16]))?;
            refused(session.set(key, &Template::new().bytes(CKA_VALUE, &[2; 16])))?;
            same("CKA_VALUE", session.attribute(key, CKA_VALUE)?, [1; 16])
        },
    ),
    Scenario::new(
        "set-on-nothing",
        "5.7 C_SetAttributeValue",
        "no such object: CKR_OBJECT_HANDLE_INVALID",
        |h| expect(h.session()?.set(0x7FFF_0001, &Template::new().label("x")), CKR_OBJECT_HANDLE_INVALID),
    ),
    Scenario::new(
        "changes-are-kept",
        "5.7 C_SetAttributeValue",
        "a changed attribute of a token object is still changed after a restart",
        |h| {
            let slot = h.token()?;
            let session = h.user()?;
            let object = session.create(&keys::data("old", b"value").bool(CKA_TOKEN, true))?;
            session.set(object, &Template::new().label("new"))?;
            finalize(&h.module)?;
            initialize(&h.module)?;
            let session = Session::open(&h.module, slot, 0)?;
            let found = session.find(&Template::new().label("new"))?;
            let object = found.first().copied().ok_or_else(|| failed("not found", "the object"))?;
            same("CKA_VALUE", session.attribute(object, CKA_VALUE)?, b"value")
        },
    ),
    Scenario::new(
        "changed-usage-is-obeyed",
        "4.11 CKA_ENCRYPT, footnote 8",
        "a key whose CKA_ENCRYPT was set to false encrypts no more: CKR_KEY_FUNCTION_NOT_PERMITTED",
        |h| {
            h.needs(&[CKM_AES_CBC])?;
            let session = h.user()?;
            let (key, mechanism) = (keys::aes(&session, &[1; 16])?, Mechanism::bytes(CKM_AES_CBC, &[0; 16]));
            session.run(Kind::Encrypt, &mechanism, key, &[0; 16])?;
            session.set(key, &Template::new().bool(CKA_ENCRYPT, false))?;
            expect(session.init(Kind::Encrypt, &mechanism, key), CKR_KEY_FUNCTION_NOT_PERMITTED)
        },
    ),
    Scenario::new(
        "token-and-private-are-only-for-copies",
        "4.1.3 copying objects",
        "CKA_TOKEN and CKA_PRIVATE change in a copy and not with C_SetAttributeValue",
        |h| {
            let session = h.user()?;
            let object = session.create(&keys::data("x", b"x"))?;
            refused(session.set(object, &Template::new().bool(CKA_TOKEN, true)))?;
            refused(session.set(object, &Template::new().bool(CKA_PRIVATE, true)))
        },
    ),
    Scenario::new(
        "copy-to-the-token-in-read-only-session",
        "5.7 C_CopyObject / 5.1.6 CKR_SESSION_READ_ONLY",
        "a read-only session makes no token object, nor by copying",
        |h| {
            let session = h.read_only()?;
            let object = session.create(&keys::data("x", b"x"))?;
            expect(session.copy(object, &Template::new().bool(CKA_TOKEN, true)), CKR_SESSION_READ_ONLY)
        },
    ),
    Scenario::new(
        "copy-to-private-without-login",
        "5.7 C_CopyObject / 5.1.6 CKR_USER_NOT_LOGGED_IN",
        "a public session makes no private object, nor by copying",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            expect(session.copy(object, &Template::new().bool(CKA_PRIVATE, true)), CKR_USER_NOT_LOGGED_IN)
        },
    ),
    Scenario::new(
        "so-trusts-a-certificate",
        "4.6 CKA_TRUSTED, footnote 10",
        "the SO sets CKA_TRUSTED of a public certificate to true",
        |h| {
            let session = h.user()?;
            let object = session
                .create(&super::objects::certificate().bool(CKA_TOKEN, true).bool(CKA_PRIVATE, false))?;
            refused(session.set(object, &Template::new().bool(CKA_TRUSTED, true)))?;
            session.logout()?;
            session.login(CKU_SO, SO_PIN)?;
            let found = session.find(&Template::new().class(CKO_CERTIFICATE))?;
            let object = found.first().copied().ok_or_else(|| failed("not found", "the certificate"))?;
            trust(&session, object)?;
            holds("CKA_TRUSTED is true", session.bool(object, CKA_TRUSTED)?)
        },
    ),
    Scenario::new(
        "trusted-key-wraps-what-wants-it",
        "4.11 CKA_WRAP_WITH_TRUSTED, CKA_TRUSTED",
        "a wrapping key that the SO has trusted wraps a key with CKA_WRAP_WITH_TRUSTED",
        |h| {
            h.needs_flags(CKM_AES_KEY_WRAP, CKF_WRAP)?;
            let session = h.user()?;
            let template =
                Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, true);
            let template = template.bool(CKA_PRIVATE, false).bool(CKA_WRAP, true).label("wrapping");
            session.create(&template.bool(CKA_SENSITIVE, false).bytes(CKA_VALUE, &[3; 32]))?;
            session.logout()?;
            session.login(CKU_SO, SO_PIN)?;
            let wrapping = |session: &Session| {
                let found = session.find(&Template::new().label("wrapping"))?;
                found.first().copied().ok_or_else(|| failed("not found", "the wrapping key"))
            };
            trust(&session, wrapping(&session)?)?;
            session.logout()?;
            session.login(CKU_USER, USER_PIN)?;
            let key = session.create(&keys::secret(CKK_AES, &[1; 16]).bool(CKA_WRAP_WITH_TRUSTED, true))?;
            session.wrap(&Mechanism::plain(CKM_AES_KEY_WRAP), wrapping(&session)?, key)?;
            Ok(())
        },
    ),
    Scenario::new(
        "label-can-become-empty",
        "4.4 CKA_LABEL",
        "an attribute of no bytes is a value like others",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            session.set(object, &Template::new().label(""))?;
            same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"")
        },
    ),
];

/// Sets CKA_TRUSTED; a token may be more restrictive than the standard about what can be changed (4.1.2).
fn trust(session: &Session, object: CK_OBJECT_HANDLE) -> Check {
    match session.set(object, &Template::new().bool(CKA_TRUSTED, true)) {
        Err(error) if error.rv == CKR_ATTRIBUTE_READ_ONLY => Err(Verdict::NotSupported(error.to_string())),
        outcome => Ok(outcome?),
    }
}
