//! Searching for objects (PKCS#11 3.2, 5.7 C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal).

use super::keys;
use crate::call;
use crate::expect::{Check, equal, expect, expect_any, holds};
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::collections::BTreeSet;
use std::ptr;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "empty-template-finds-all",
        "5.7 C_FindObjectsInit",
        "without attributes all objects match",
        |h| {
            let session = three(h)?;
            equal("objects found", session.find(&Template::new())?.len(), 3)
        },
    ),
    Scenario::new(
        "by-label",
        "5.7 C_FindObjectsInit",
        "an object matches if its attribute is byte for byte equal",
        |h| {
            let session = three(h)?;
            equal("objects labelled 'one'", session.find(&Template::new().label("one"))?.len(), 1)?;
            equal("objects labelled 'on'", session.find(&Template::new().label("on"))?.len(), 0)?;
            equal("objects labelled 'ones'", session.find(&Template::new().label("ones"))?.len(), 0)
        },
    ),
    Scenario::new("by-class", "5.7 C_FindObjectsInit", "objects are found by their class", |h| {
        let session = three(h)?;
        equal("data objects", session.find(&Template::new().class(CKO_DATA))?.len(), 2)?;
        equal("secret keys", session.find(&Template::new().class(CKO_SECRET_KEY))?.len(), 1)?;
        equal("certificates", session.find(&Template::new().class(CKO_CERTIFICATE))?.len(), 0)
    }),
    Scenario::new("by-id", "5.7 C_FindObjectsInit", "keys are found by CKA_ID", |h| {
        let session = three(h)?;
        equal("objects with this id", session.find(&Template::new().bytes(CKA_ID, &[7, 8]))?.len(), 1)?;
        equal("objects with another id", session.find(&Template::new().bytes(CKA_ID, &[7]))?.len(), 0)
    }),
    Scenario::new(
        "by-several-attributes",
        "5.7 C_FindObjectsInit",
        "all attributes of the template must match",
        |h| {
            let session = three(h)?;
            let one = Template::new().class(CKO_DATA).label("one").bool(CKA_TOKEN, false);
            equal("data objects labelled 'one'", session.find(&one)?.len(), 1)?;
            let none = Template::new().class(CKO_SECRET_KEY).label("one");
            equal("secret keys labelled 'one'", session.find(&none)?.len(), 0)
        },
    ),
    Scenario::new(
        "by-boolean-that-was-a-default",
        "5.7 C_FindObjectsInit",
        "attributes that have their default value match like those that were given",
        |h| {
            let session = three(h)?;
            equal("session objects", session.find(&Template::new().bool(CKA_TOKEN, false))?.len(), 3)?;
            equal("token objects", session.find(&Template::new().bool(CKA_TOKEN, true))?.len(), 0)
        },
    ),
    Scenario::new(
        "by-attribute-that-the-class-lacks",
        "5.7 C_FindObjectsInit",
        "an object without the attribute does not match",
        |h| {
            let session = three(h)?;
            equal(
                "objects with CKA_MODULUS",
                session.find(&Template::new().bytes(CKA_MODULUS, &[1]))?.len(),
                0,
            )
        },
    ),
    Scenario::new(
        "by-unknown-attribute",
        "5.7 C_FindObjectsInit",
        "no object has an attribute that is not known: none is found, or CKR_ATTRIBUTE_TYPE_INVALID",
        |h| {
            let session = three(h)?;
            let template = Template::new().bytes(CKA_VENDOR_DEFINED | 0x4321, &[1]);
            match session.find(&template) {
                Ok(found) => equal("objects found", found.len(), 0),
                error => expect(error, CKR_ATTRIBUTE_TYPE_INVALID),
            }
        },
    ),
    Scenario::new(
        "in-small-steps",
        "5.7 C_FindObjects",
        "results come in as many calls as the caller likes, each object once, then none",
        |h| {
            let session = h.session()?;
            for number in 0..10 {
                session.create(&keys::data(&format!("object {number}"), b"x"))?;
            }
            session.find_init(&Template::new())?;
            let mut seen = BTreeSet::new();
            for wanted in [3, 3, 3, 1, 0, 0] {
                let found = session.find_next(3)?;
                equal("objects in this step", found.len(), wanted)?;
                seen.extend(found);
            }
            equal("distinct objects", seen.len(), 10)?;
            Ok(session.find_final()?)
        },
    ),
    Scenario::new(
        "search-can-stop-early",
        "5.7 C_FindObjectsFinal",
        "a search may be ended before all results were fetched, and another begins anew",
        |h| {
            let session = three(h)?;
            session.find_init(&Template::new())?;
            session.find_next(1)?;
            session.find_final()?;
            equal("objects found", session.find(&Template::new())?.len(), 3)
        },
    ),
    Scenario::new(
        "two-searches",
        "5.7 C_FindObjectsInit",
        "a session has one search at a time: CKR_OPERATION_ACTIVE",
        |h| {
            let session = h.session()?;
            session.find_init(&Template::new())?;
            expect(session.find_init(&Template::new()), CKR_OPERATION_ACTIVE)
        },
    ),
    Scenario::new(
        "next-without-init",
        "5.7 C_FindObjects",
        "without C_FindObjectsInit: CKR_OPERATION_NOT_INITIALIZED",
        |h| expect(h.session()?.find_next(1), CKR_OPERATION_NOT_INITIALIZED),
    ),
    Scenario::new(
        "final-without-init",
        "5.7 C_FindObjectsFinal",
        "without C_FindObjectsInit: CKR_OPERATION_NOT_INITIALIZED",
        |h| expect(h.session()?.find_final(), CKR_OPERATION_NOT_INITIALIZED),
    ),
    Scenario::new(
        "next-after-final",
        "5.7 C_FindObjectsFinal",
        "C_FindObjectsFinal terminates the search: CKR_OPERATION_NOT_INITIALIZED from C_FindObjects",
        |h| {
            let session = h.session()?;
            session.find(&Template::new())?;
            expect(session.find_next(1), CKR_OPERATION_NOT_INITIALIZED)
        },
    ),
    Scenario::new(
        "search-beside-a-digest",
        "5.1.6 CKR_OPERATION_ACTIVE",
        "a search beside another operation either works or is refused with CKR_OPERATION_ACTIVE",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.session()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            expect_any(session.find_init(&Template::new()), &[CKR_OK, CKR_OPERATION_ACTIVE])
        },
    ),
    Scenario::new(
        "private-objects-need-a-login",
        "5.7 C_FindObjectsInit",
        "a public session finds no private objects",
        |h| {
            let session = h.user()?;
            session.create(&keys::data("public", b"x").bool(CKA_TOKEN, true))?;
            let private = Template::new()
                .class(CKO_DATA)
                .bool(CKA_PRIVATE, true)
                .bool(CKA_TOKEN, true)
                .label("private");
            session.create(&private)?;
            equal("objects seen by the user", session.find(&Template::new())?.len(), 2)?;
            session.logout()?;
            equal("objects seen without a login", session.find(&Template::new())?.len(), 1)?;
            equal("private objects found by name", session.find(&Template::new().label("private"))?.len(), 0)
        },
    ),
    Scenario::new(
        "so-finds-no-private-objects",
        "5.7 C_FindObjectsInit / Usage Guide, session states",
        "the SO has no access to private objects",
        |h| {
            let session = h.user()?;
            session.create(
                &Template::new().class(CKO_DATA).bool(CKA_PRIVATE, true).bool(CKA_TOKEN, true).label("p"),
            )?;
            session.close()?;
            equal("objects seen by the SO", h.so()?.find(&Template::new().label("p"))?.len(), 0)
        },
    ),
    Scenario::new(
        "destroyed-objects-are-not-found",
        "5.7 C_DestroyObject",
        "an object that was destroyed is found no more, in no session",
        |h| {
            let (session, other) = (h.user()?, h.session()?);
            let object = session.create(&keys::data("x", b"x").bool(CKA_TOKEN, true))?;
            equal("objects before", other.find(&Template::new())?.len(), 1)?;
            session.destroy(object)?;
            equal("objects after", other.find(&Template::new())?.len(), 0)
        },
    ),
    Scenario::new(
        "changed-attributes-are-found",
        "5.7 C_SetAttributeValue",
        "a search sees the new label, not the old",
        |h| {
            let session = h.user()?;
            let object = session.create(&keys::data("old", b"x").bool(CKA_TOKEN, true))?;
            session.set(object, &Template::new().label("new"))?;
            equal("objects with the new label", session.find(&Template::new().label("new"))?.len(), 1)?;
            equal("objects with the old label", session.find(&Template::new().label("old"))?.len(), 0)
        },
    ),
    Scenario::new(
        "handles-name-one-object",
        "5.7 C_FindObjects",
        "the handle that is found is the handle of that object",
        |h| {
            let session = three(h)?;
            for label in ["one", "two", "key"] {
                for object in session.find(&Template::new().label(label))? {
                    let found = session.attribute(object, CKA_LABEL)?;
                    holds("the object found has the label that was asked for", found == label.as_bytes())?;
                }
            }
            Ok(())
        },
    ),
    Scenario::new(
        "empty-label-matches-empty-label",
        "5.7 C_FindObjectsInit",
        "an attribute of no bytes is a value",
        |h| {
            let session = three(h)?;
            session.create(&keys::data("", b"x"))?;
            equal("objects with an empty label", session.find(&Template::new().label(""))?.len(), 1)
        },
    ),
    Scenario::new(
        "many-objects",
        "5.7 C_FindObjects",
        "among 300 objects each is found by its label, and all in one search",
        |h| {
            let session = h.session()?;
            for number in 0..300 {
                session.create(&keys::data(&format!("object {number}"), b"x"))?;
            }
            equal("all objects", session.find(&Template::new().class(CKO_DATA))?.len(), 300)?;
            for number in [0, 150, 299] {
                let found = session.find(&Template::new().label(&format!("object {number}")))?;
                equal("objects of one label", found.len(), 1)?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "results-to-null",
        "5.7 C_FindObjects",
        "without a place for handles or count: CKR_ARGUMENTS_BAD",
        |h| {
            let session = three(h)?;
            session.find_init(&Template::new())?;
            let mut count = 0;
            let outcome = call!(h.module, C_FindObjects, session.handle, ptr::null_mut(), 4, &mut count);
            expect(outcome, CKR_ARGUMENTS_BAD)
        },
    ),
    Scenario::new(
        "template-of-null",
        "5.7 C_FindObjectsInit",
        "a NULL template with a count above zero: CKR_ARGUMENTS_BAD",
        |h| {
            let session = h.session()?;
            expect(call!(h.module, C_FindObjectsInit, session.handle, ptr::null_mut(), 2), CKR_ARGUMENTS_BAD)
        },
    ),
    Scenario::new(
        "null-template-and-no-count",
        "5.7 C_FindObjectsInit",
        "to find all objects the count is 0; the template is then not looked at",
        |h| {
            let session = three(h)?;
            call!(h.module, C_FindObjectsInit, session.handle, ptr::null_mut(), 0)?;
            equal("objects found", session.find_next(10)?.len(), 3)
        },
    ),
];

/// A user session with two data objects ("one", "two") and an AES key ("key", id 7 8).
fn three(h: &Host) -> Check<Session<'_>> {
    let session = h.user()?;
    session.create(&keys::data("one", b"1"))?;
    session.create(&keys::data("two", b"2"))?;
    session.create(&keys::secret(CKK_AES, &[1; 16]).label("key").bytes(CKA_ID, &[7, 8]))?;
    Ok(session)
}
