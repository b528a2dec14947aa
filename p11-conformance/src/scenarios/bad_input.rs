//! Input that no right application gives: it is refused with a code, and the host lives. The codes are those of
//! PKCS#11 3.2, 5.1.6; that the host lives is what the users of a library in their own process need.

use super::keys;
use crate::call;
use crate::expect::{Check, expect, expect_any, holds, refused};
use crate::module::Outcome;
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session, input, len};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::ptr;

/// A length that no memory has.
const HUGE: CK_ULONG = 1 << 62;

/// Begins an operation of a kind with a mechanism that fits.
fn begun(h: &Host, kind: Kind) -> Check<Session<'_>> {
    let session = h.user()?;
    let (mechanism, key) = match kind {
        Kind::Encrypt | Kind::Decrypt => {
            h.needs(&[CKM_AES_CBC])?;
            (Mechanism::bytes(CKM_AES_CBC, &[0; 16]), keys::aes(&session, &[1; 16])?)
        }
        Kind::Digest => {
            h.needs(&[CKM_SHA256])?;
            (Mechanism::plain(CKM_SHA256), 0)
        }
        Kind::Sign | Kind::Verify => {
            h.needs(&[CKM_SHA256_HMAC])?;
            (Mechanism::plain(CKM_SHA256_HMAC), keys::generic(&session, &keys::MAC_KEY)?)
        }
    };
    session.init(kind, &mechanism, key)?;
    Ok(session)
}

/// NULL data with a length above zero.
fn null_data(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    let (mut out, mut length) = ([0_u8; 64], 64);
    let outcome = session.once_raw(kind, ptr::null_mut(), 16, out.as_mut_ptr(), &mut length);
    expect(outcome, CKR_ARGUMENTS_BAD)
}

fn null_part(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    let (mut out, mut length) = ([0_u8; 64], 64);
    let outcome = session.update_raw(kind, ptr::null_mut(), 16, out.as_mut_ptr(), &mut length);
    expect(outcome, CKR_ARGUMENTS_BAD)
}

/// Data whose length goes beyond all memory.
fn huge_data(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    let (data, mut out, mut length) = ([0_u8; 64], [0_u8; 64], 64);
    refused(session.once_raw(kind, input(&data), HUGE, out.as_mut_ptr(), &mut length))
}

fn huge_part(h: &Host, kind: Kind) -> Check {
    let session = begun(h, kind)?;
    let (data, mut out, mut length) = ([0_u8; 64], [0_u8; 64], 64);
    refused(session.update_raw(kind, input(&data), HUGE, out.as_mut_ptr(), &mut length))
}

/// One rule for all five kinds of operation.
macro_rules! for_each_kind {
    ($($name:literal, $rule:literal, $check:ident;)*) => { &[$(
        Scenario::new(concat!("encrypt-", $name), "5.1.6 CKR_ARGUMENTS_BAD / 5.8 C_Encrypt…", $rule, |h| $check(h, Kind::Encrypt)),
        Scenario::new(concat!("decrypt-", $name), "5.1.6 CKR_ARGUMENTS_BAD / 5.10 C_Decrypt…", $rule, |h| $check(h, Kind::Decrypt)),
        Scenario::new(concat!("digest-", $name), "5.1.6 CKR_ARGUMENTS_BAD / 5.12 C_Digest…", $rule, |h| $check(h, Kind::Digest)),
        Scenario::new(concat!("sign-", $name), "5.1.6 CKR_ARGUMENTS_BAD / 5.13 C_Sign…", $rule, |h| $check(h, Kind::Sign)),
        Scenario::new(concat!("verify-", $name), "5.1.6 CKR_ARGUMENTS_BAD / 5.15 C_Verify…", $rule, |h| $check(h, Kind::Verify)),
    )*] };
}

pub const BY_KIND: &[Scenario] = for_each_kind! {
    "null-data", "NULL data with a length: CKR_ARGUMENTS_BAD", null_data;
    "null-part", "a NULL part with a length: CKR_ARGUMENTS_BAD", null_part;
    "huge-data", "a length of 2^62 is refused, and the host lives (robustness)", huge_data;
    "huge-part", "a part of length 2^62 is refused, and the host lives (robustness)", huge_part;
};

/// A template of one attribute that is bad, added to a data object's.
fn bad_attribute(h: &Host, pointer: *const u8, length: CK_ULONG) -> Check {
    let template = Template::new().class(CKO_DATA).bool(CKA_PRIVATE, false).raw(CKA_VALUE, pointer, length);
    let wanted = [CKR_ATTRIBUTE_VALUE_INVALID, CKR_ARGUMENTS_BAD, CKR_TEMPLATE_INCONSISTENT, CKR_HOST_MEMORY];
    expect_any(h.session()?.create(&template), &[&wanted[..], &[CKR_DEVICE_MEMORY]].concat())
}

/// C_EncryptInit with a parameter that is bad.
fn bad_parameter(h: &Host, pointer: *mut u8, length: CK_ULONG) -> Check {
    h.needs(&[CKM_AES_CBC])?;
    let session = h.user()?;
    let key = keys::aes(&session, &[1; 16])?;
    let mut mechanism = Mechanism::plain(CKM_AES_CBC);
    mechanism.raw.pParameter = pointer.cast();
    mechanism.raw.ulParameterLen = length;
    let outcome = session.init(Kind::Encrypt, &mechanism, key);
    expect_any(outcome, &[CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD])
}

/// C_CreateObject with an array that claims to be longer than it is.
fn create_with_count(session: &Session, count: CK_ULONG) -> Outcome {
    let (template, mut object) = (keys::data("x", b"x"), 0);
    let mut attributes = template.attributes();
    call!(session.module, C_CreateObject, session.handle, attributes.pointer(), count, &mut object)
}

const LIVES: &str = "a length or count of 2^62 is refused, and the host lives";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "null-template",
        "5.7 C_CreateObject",
        "a NULL template with a count: CKR_ARGUMENTS_BAD",
        |h| {
            let (session, mut object) = (h.session()?, 0);
            expect(
                call!(h.module, C_CreateObject, session.handle, ptr::null_mut(), 3, &mut object),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new("empty-template", "4.1.1 rule 4", "no attributes at all: CKR_TEMPLATE_INCOMPLETE", |h| {
        let (session, mut object) = (h.session()?, 0);
        let outcome = call!(h.module, C_CreateObject, session.handle, ptr::null_mut(), 0, &mut object);
        expect_any(outcome, &[CKR_TEMPLATE_INCOMPLETE, CKR_ARGUMENTS_BAD])
    }),
    Scenario::new("huge-template", "5.7 C_CreateObject (robustness)", LIVES, |h| {
        refused(create_with_count(&h.session()?, HUGE))
    }),
    Scenario::new("null-value", "4.1.1 rule 2", "a NULL value with a length is no valid value", |h| {
        bad_attribute(h, ptr::null(), 8)
    }),
    Scenario::new("huge-value", "4.1.1 rule 2 (robustness)", LIVES, |h| {
        bad_attribute(h, b"x".as_ptr(), HUGE)
    }),
    Scenario::new(
        "value-of-all-ones",
        "4.1.1 rule 2",
        "CK_UNAVAILABLE_INFORMATION is no length of a value",
        |h| bad_attribute(h, b"x".as_ptr(), CK_UNAVAILABLE_INFORMATION),
    ),
    Scenario::new(
        "null-boolean",
        "4.1.1 rule 2",
        "a boolean of no bytes: CKR_ATTRIBUTE_VALUE_INVALID",
        |h| {
            let template = keys::data("x", b"x").raw(CKA_TOKEN, ptr::null(), 0);
            expect_any(h.session()?.create(&template), &[CKR_ATTRIBUTE_VALUE_INVALID, CKR_ARGUMENTS_BAD])
        },
    ),
    Scenario::new(
        "boolean-of-two",
        "3.1 CK_BBOOL",
        "a boolean is CK_TRUE or CK_FALSE: 2 is refused or reads as true",
        |h| {
            let session = h.session()?;
            match session.create(&keys::data("x", b"x").bytes(CKA_MODIFIABLE, &[2])) {
                Ok(object) => holds("it reads as true", session.bool(object, CKA_MODIFIABLE)?),
                refused => expect(refused, CKR_ATTRIBUTE_VALUE_INVALID),
            }
        },
    ),
    Scenario::new("huge-find-template", "5.7 C_FindObjectsInit (robustness)", LIVES, |h| {
        let (session, template) = (h.session()?, keys::data("x", b"x"));
        let mut attributes = template.attributes();
        refused(call!(h.module, C_FindObjectsInit, session.handle, attributes.pointer(), HUGE))
    }),
    Scenario::new("huge-find-value", "5.7 C_FindObjectsInit (robustness)", LIVES, |h| {
        let session = h.session()?;
        session.create(&keys::data("x", b"x"))?;
        let template = Template::new().raw(CKA_VALUE, b"x".as_ptr(), HUGE);
        match session.find(&template) {
            Ok(found) => holds("nothing is found", found.is_empty()),
            Err(_) => Ok(()),
        }
    }),
    Scenario::new(
        "null-get-template",
        "5.7 C_GetAttributeValue",
        "a NULL template: CKR_ARGUMENTS_BAD",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            expect(
                call!(h.module, C_GetAttributeValue, session.handle, object, ptr::null_mut(), 2),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "null-set-template",
        "5.7 C_SetAttributeValue",
        "a NULL template: CKR_ARGUMENTS_BAD",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            expect(
                call!(h.module, C_SetAttributeValue, session.handle, object, ptr::null_mut(), 2),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new("huge-set-template", "5.7 C_SetAttributeValue (robustness)", LIVES, |h| {
        let (session, template) = (h.session()?, Template::new().label("y"));
        let object = session.create(&keys::data("x", b"x"))?;
        let mut attributes = template.attributes();
        let pointer = attributes.pointer();
        refused(call!(h.module, C_SetAttributeValue, session.handle, object, pointer, HUGE))
    }),
    Scenario::new(
        "null-size",
        "5.7 C_GetObjectSize",
        "without a place for the size: CKR_ARGUMENTS_BAD",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            expect(
                call!(h.module, C_GetObjectSize, session.handle, object, ptr::null_mut()),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "null-copy-handle",
        "5.7 C_CopyObject",
        "without a place for the handle: CKR_ARGUMENTS_BAD",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            let (none, nowhere) = (ptr::null_mut(), ptr::null_mut());
            expect(call!(h.module, C_CopyObject, session.handle, object, none, 0, nowhere), CKR_ARGUMENTS_BAD)
        },
    ),
    Scenario::new(
        "null-mechanism-info",
        "5.5 C_GetMechanismInfo",
        "without a place for it: CKR_ARGUMENTS_BAD",
        |h| {
            let slot = h.token()?;
            let id = crate::scenario::mechanisms(&h.module, slot)?.first().copied().unwrap_or(CKM_SHA256);
            expect(call!(h.module, C_GetMechanismInfo, slot, id, ptr::null_mut()), CKR_ARGUMENTS_BAD)
        },
    ),
    Scenario::new(
        "null-generation-mechanism",
        "5.18 C_GenerateKey",
        "a NULL mechanism: CKR_ARGUMENTS_BAD",
        |h| {
            let (session, template, mut key) = (h.user()?, Template::new().ulong(CKA_VALUE_LEN, 16), 0);
            let mut attributes = template.attributes();
            let pointer = attributes.pointer();
            let outcome =
                call!(h.module, C_GenerateKey, session.handle, ptr::null_mut(), pointer, 1, &mut key);
            expect_any(outcome, &[CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID])
        },
    ),
    Scenario::new(
        "null-derivation-mechanism",
        "5.18 C_DeriveKey",
        "a NULL mechanism: CKR_ARGUMENTS_BAD",
        |h| {
            let (session, mut key) = (h.user()?, 0);
            let base = keys::generic(&session, &[1; 32])?;
            let none = ptr::null_mut();
            let outcome =
                call!(h.module, C_DeriveKey, session.handle, ptr::null_mut(), base, none, 0, &mut key);
            expect_any(outcome, &[CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID])
        },
    ),
    Scenario::new(
        "null-parameter",
        "5.1.6 CKR_MECHANISM_PARAM_INVALID",
        "a NULL parameter with a length",
        |h| bad_parameter(h, ptr::null_mut(), 16),
    ),
    Scenario::new("huge-parameter", "5.1.6 CKR_MECHANISM_PARAM_INVALID (robustness)", LIVES, |h| {
        bad_parameter(h, input(&[0; 16]), HUGE)
    }),
    Scenario::new(
        "parameter-with-null-inside",
        "6.13 CK_GCM_PARAMS",
        "a NULL IV with a length is refused",
        |h| {
            h.needs(&[CKM_AES_GCM])?;
            let session = h.user()?;
            let key = keys::aes(&session, &[1; 16])?;
            let parameter = CK_GCM_PARAMS {
                pIv: ptr::null_mut(),
                ulIvLen: 12,
                ulIvBits: 96,
                pAAD: ptr::null_mut(),
                ulAADLen: 0,
                ulTagBits: 128,
            };
            let mechanism = Mechanism::with(CKM_AES_GCM, parameter, Vec::new());
            let outcome = session.init(Kind::Encrypt, &mechanism, key);
            expect_any(outcome, &[CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD])
        },
    ),
    Scenario::new("parameter-with-huge-inside", "6.13 CK_GCM_PARAMS (robustness)", LIVES, |h| {
        h.needs(&[CKM_AES_GCM])?;
        let session = h.user()?;
        let key = keys::aes(&session, &[1; 16])?;
        let parameter = CK_GCM_PARAMS {
            pIv: input(&[0; 12]),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: input(b"aad"),
            ulAADLen: HUGE,
            ulTagBits: 128,
        };
        refused(session.init(Kind::Encrypt, &Mechanism::with(CKM_AES_GCM, parameter, Vec::new()), key))
    }),
    Scenario::new("huge-pin", "5.6 C_Login (robustness)", LIVES, |h| {
        let (session, pin) = (h.session()?, b"1234");
        refused(call!(h.module, C_Login, session.handle, CKU_USER, input(pin), HUGE))
    }),
    Scenario::new("null-new-pin", "5.5 C_SetPIN", "a NULL new PIN with a length is refused", |h| {
        let (session, old) = (h.user()?, crate::scenario::USER_PIN);
        let outcome = call!(h.module, C_SetPIN, session.handle, input(old), len(old), ptr::null_mut(), 8);
        expect_any(outcome, &[CKR_ARGUMENTS_BAD, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE])
    }),
    Scenario::new("huge-random", "5.19 C_GenerateRandom (robustness)", LIVES, |h| {
        let (session, mut buffer) = (h.session()?, [0_u8; 16]);
        refused(call!(h.module, C_GenerateRandom, session.handle, buffer.as_mut_ptr(), HUGE))
    }),
    Scenario::new("huge-seed", "5.19 C_SeedRandom (robustness)", LIVES, |h| {
        let (session, seed) = (h.session()?, [0_u8; 16]);
        refused(call!(h.module, C_SeedRandom, session.handle, input(&seed), HUGE))
    }),
    Scenario::new("null-seed", "5.19 C_SeedRandom", "a NULL seed with a length is refused", |h| {
        let outcome = call!(h.module, C_SeedRandom, h.session()?.handle, ptr::null_mut(), 16);
        expect_any(outcome, &[CKR_ARGUMENTS_BAD, CKR_RANDOM_SEED_NOT_SUPPORTED])
    }),
    Scenario::new(
        "huge-slot-count",
        "5.5 C_GetSlotList",
        "a count that claims 2^62 places is no reason to write them",
        |h| {
            h.token()?;
            let (mut slots, mut count) = ([0; 64], HUGE);
            call!(h.module, C_GetSlotList, CK_FALSE, slots.as_mut_ptr(), &mut count)?;
            holds("the count is right", count < 64)
        },
    ),
    Scenario::new(
        "huge-find-count",
        "5.7 C_FindObjects",
        "a maximum of 2^62 is no reason to reserve memory",
        |h| {
            let session = h.session()?;
            session.create(&keys::data("x", b"x"))?;
            session.find_init(&Template::new())?;
            let (mut found, mut count) = ([0; 16], 0);
            call!(h.module, C_FindObjects, session.handle, found.as_mut_ptr(), HUGE, &mut count)?;
            holds("one object is found", count == 1)
        },
    ),
    Scenario::new("huge-wrapped-key", "5.18 C_UnwrapKey (robustness)", LIVES, |h| {
        h.needs_flags(CKM_AES_KEY_WRAP, CKF_UNWRAP)?;
        let session = h.user()?;
        let (with, mechanism, wrapped, mut key) =
            (keys::aes(&session, &[1; 16])?, CKM_AES_KEY_WRAP, [0_u8; 24], 0);
        let (mechanism, template) = (Mechanism::plain(mechanism), keys::secret(CKK_AES, &[]));
        let mut attributes = template.attributes();
        let (m, pointer, count, data) = (mechanism.pointer(), attributes.pointer(), 3, input(&wrapped));
        refused(call!(h.module, C_UnwrapKey, session.handle, m, with, data, HUGE, pointer, count, &mut key))
    }),
    Scenario::new("huge-signature", "5.15 C_Verify (robustness)", LIVES, |h| {
        let session = begun(h, Kind::Verify)?;
        let (data, mut length, mut signature) = ([0_u8; 16], HUGE, [0_u8; 32]);
        refused(session.once_raw(Kind::Verify, input(&data), 16, signature.as_mut_ptr(), &mut length))
    }),
    Scenario::new(
        "null-signature",
        "5.15 C_Verify",
        "a NULL signature with a length: CKR_ARGUMENTS_BAD",
        |h| {
            let session = begun(h, Kind::Verify)?;
            let (data, mut length) = ([0_u8; 16], 32);
            let outcome = session.once_raw(Kind::Verify, input(&data), 16, ptr::null_mut(), &mut length);
            expect_any(outcome, &[CKR_ARGUMENTS_BAD, CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE])
        },
    ),
    Scenario::new(
        "nested-template-in-itself",
        "4.8 CKA_WRAP_TEMPLATE",
        "templates nested very deeply are taken or refused, and the host lives",
        |h| {
            let mut template = Template::new().bool(CKA_EXTRACTABLE, true);
            for _ in 0..200 {
                template = Template::new().nested(CKA_WRAP_TEMPLATE, template);
            }
            let _: Outcome<_> = h.user()?.create(&keys::secret(CKK_AES, &[1; 16]).and(template));
            Ok(())
        },
    ),
    Scenario::new(
        "handles-of-all-ones",
        "5.1.2, 5.1.6",
        "handles of 2^64-1 are invalid and nothing else",
        |h| {
            let session = h.user()?;
            expect(session.attribute(CK_ULONG::MAX, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID)?;
            expect(session.destroy(CK_ULONG::MAX), CKR_OBJECT_HANDLE_INVALID)?;
            let nobody = Session { module: &h.module, handle: CK_ULONG::MAX };
            expect(nobody.info(), CKR_SESSION_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "object-handle-of-another-token",
        "5.7 objects",
        "an object handle of one token names nothing in another token's session",
        |h| {
            let object = h.user()?.create(&keys::data("first token's", b"x"))?;
            let slot = crate::scenario::make_token(&h.module, "other")?;
            let other = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            expect(other.attribute(object, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID)
        },
    ),
];
