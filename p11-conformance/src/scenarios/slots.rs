//! Slots, tokens and their mechanisms (PKCS#11 3.2, 5.5).

use super::general::blank_padded;
use super::keys;
use crate::call;
use crate::expect::{equal, expect, failed, holds};
use crate::names;
use crate::scenario::{
    LABEL, SO_PIN, Scenario, USER_PIN, empty_slot, find_token, init_token, make_token, mechanism_info,
    mechanisms, padded_label, slot_info, slots, token_info,
};
use crate::session::{Session, input};
use crate::template::Template;
use cryptoki_sys::*;
use std::collections::BTreeSet;
use std::ptr;

/// A slot id that no module gives out.
const NO_SLOT: CK_SLOT_ID = 0x7ABC_DEF0;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "list-needs-a-count",
        "5.5 C_GetSlotList",
        "without a place for the count: CKR_ARGUMENTS_BAD",
        |h| {
            expect(
                call!(h.initialize()?, C_GetSlotList, CK_FALSE, ptr::null_mut(), ptr::null_mut()),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "list-into-short-buffer",
        "5.5 C_GetSlotList",
        "an array with too few places gets CKR_BUFFER_TOO_SMALL and the count that is needed",
        |h| {
            h.token()?;
            let (wanted, mut count, mut slot) = (slots(&h.module, false)?.len(), 0, 0);
            expect(call!(h.module, C_GetSlotList, CK_FALSE, &mut slot, &mut count), CKR_BUFFER_TOO_SMALL)?;
            equal("*pulCount", count as usize, wanted)
        },
    ),
    Scenario::new(
        "slots-with-token-are-slots",
        "5.5 C_GetSlotList",
        "the slots with a token are a subset of all slots, and each is listed once",
        |h| {
            h.token()?;
            let (all, present) = (slots(&h.module, false)?, slots(&h.module, true)?);
            holds(
                "the slots are a superset of those with a token",
                present.iter().all(|slot| all.contains(slot)),
            )?;
            equal("distinct slots", all.iter().collect::<BTreeSet<_>>().len(), all.len())
        },
    ),
    Scenario::new(
        "slot-ids-stay",
        "5.5 C_GetSlotList",
        "a slot id stays valid for its slot: the same list when it is asked for twice",
        |h| {
            h.token()?;
            let (first, again) = (slots(&h.module, false)?, slots(&h.module, false)?);
            holds("both lists are equal", first == again)
        },
    ),
    Scenario::new(
        "slot-of-a-token-stays-over-finalize",
        "5.5 C_GetSlotList (client need)",
        "an application that was configured with a slot id finds its token there again in the next process",
        |h| {
            let slot = h.token()?;
            crate::scenario::finalize(&h.module)?;
            crate::scenario::initialize(&h.module)?;
            let again = find_token(&h.module, LABEL)?;
            equal("slot id", again.unwrap_or(CK_UNAVAILABLE_INFORMATION), slot)
        },
    ),
    Scenario::new("unknown-slot-info", "5.5 C_GetSlotInfo", "an unknown slot: CKR_SLOT_ID_INVALID", |h| {
        expect(slot_info(h.initialize()?, NO_SLOT), CKR_SLOT_ID_INVALID)
    }),
    Scenario::new(
        "unknown-slot-token-info",
        "5.5 C_GetTokenInfo",
        "an unknown slot: CKR_SLOT_ID_INVALID",
        |h| expect(token_info(h.initialize()?, NO_SLOT), CKR_SLOT_ID_INVALID),
    ),
    Scenario::new(
        "unknown-slot-mechanisms",
        "5.5 C_GetMechanismList",
        "an unknown slot: CKR_SLOT_ID_INVALID",
        |h| expect(mechanisms(h.initialize()?, NO_SLOT), CKR_SLOT_ID_INVALID),
    ),
    Scenario::new(
        "unknown-slot-mechanism",
        "5.5 C_GetMechanismInfo",
        "an unknown slot: CKR_SLOT_ID_INVALID",
        |h| expect(mechanism_info(h.initialize()?, NO_SLOT, CKM_SHA256), CKR_SLOT_ID_INVALID),
    ),
    Scenario::new(
        "unknown-slot-init-token",
        "5.5 C_InitToken",
        "an unknown slot: CKR_SLOT_ID_INVALID",
        |h| expect(init_token(h.initialize()?, NO_SLOT, SO_PIN, "x"), CKR_SLOT_ID_INVALID),
    ),
    Scenario::new(
        "unknown-slot-open-session",
        "5.6 C_OpenSession",
        "an unknown slot: CKR_SLOT_ID_INVALID",
        |h| expect(Session::open(h.initialize()?, NO_SLOT, 0), CKR_SLOT_ID_INVALID),
    ),
    Scenario::new(
        "unknown-slot-close-all",
        "5.6 C_CloseAllSessions",
        "an unknown slot: CKR_SLOT_ID_INVALID",
        |h| expect(call!(h.initialize()?, C_CloseAllSessions, NO_SLOT), CKR_SLOT_ID_INVALID),
    ),
    Scenario::new(
        "slot-info-is-complete",
        "3.2 CK_SLOT_INFO",
        "description and manufacturer are filled with blanks and not zero-terminated; the token is present",
        |h| {
            let slot = h.token()?;
            let info = slot_info(&h.module, slot)?;
            blank_padded("slotDescription", &info.slotDescription)?;
            blank_padded("manufacturerID", &info.manufacturerID)?;
            holds("CKF_TOKEN_PRESENT is set", info.flags & CKF_TOKEN_PRESENT != 0)
        },
    ),
    Scenario::new(
        "slot-info-to-null",
        "5.5 C_GetSlotInfo",
        "without a place for it: CKR_ARGUMENTS_BAD",
        |h| expect(call!(h.module, C_GetSlotInfo, h.token()?, ptr::null_mut()), CKR_ARGUMENTS_BAD),
    ),
    Scenario::new(
        "token-info-to-null",
        "5.5 C_GetTokenInfo",
        "without a place for it: CKR_ARGUMENTS_BAD",
        |h| expect(call!(h.module, C_GetTokenInfo, h.token()?, ptr::null_mut()), CKR_ARGUMENTS_BAD),
    ),
    Scenario::new(
        "empty-slot-shows-a-token",
        "3.2 CK_SLOT_INFO, CK_TOKEN_INFO (client need)",
        "a token that waits for C_InitToken is present, and does not have CKF_TOKEN_INITIALIZED",
        |h| {
            let slot = empty_slot(h.initialize()?)?;
            holds("CKF_TOKEN_PRESENT is set", slot_info(&h.module, slot)?.flags & CKF_TOKEN_PRESENT != 0)?;
            let flags = token_info(&h.module, slot)?.flags;
            holds("CKF_USER_PIN_INITIALIZED is not set", flags & CKF_USER_PIN_INITIALIZED == 0)
        },
    )
    .blank(),
    Scenario::new(
        "no-session-with-an-empty-slot",
        "5.6 C_OpenSession (client need)",
        "a token that is not initialised has no sessions: CKR_TOKEN_NOT_RECOGNIZED",
        |h| {
            let slot = empty_slot(h.initialize()?)?;
            expect(Session::open(&h.module, slot, CKF_RW_SESSION), CKR_TOKEN_NOT_RECOGNIZED)
        },
    )
    .blank(),
    Scenario::new(
        "token-info-is-complete",
        "3.2 CK_TOKEN_INFO",
        "strings are filled with blanks and not zero-terminated, and the label is the one of C_InitToken",
        |h| {
            let slot = h.token()?;
            let info = token_info(&h.module, slot)?;
            holds("the label is that of C_InitToken", info.label.as_slice() == padded_label(LABEL))?;
            blank_padded("manufacturerID", &info.manufacturerID)?;
            blank_padded("model", &info.model)?;
            blank_padded("serialNumber", &info.serialNumber)
        },
    ),
    Scenario::new(
        "token-flags-are-true",
        "3.2 CK_TOKEN_INFO, token information flags",
        "an initialised token with a user PIN says so, and asks for a login",
        |h| {
            let slot = h.token()?;
            let flags = token_info(&h.module, slot)?.flags;
            holds("CKF_TOKEN_INITIALIZED is set", flags & CKF_TOKEN_INITIALIZED != 0)?;
            holds("CKF_USER_PIN_INITIALIZED is set", flags & CKF_USER_PIN_INITIALIZED != 0)?;
            holds("CKF_LOGIN_REQUIRED is set", flags & CKF_LOGIN_REQUIRED != 0)?;
            holds("CKF_WRITE_PROTECTED is not set", flags & CKF_WRITE_PROTECTED == 0)?;
            holds("CKF_USER_PIN_LOCKED is not set", flags & CKF_USER_PIN_LOCKED == 0)?;
            holds("CKF_ERROR_STATE is not set", flags & CKF_ERROR_STATE == 0)
        },
    ),
    Scenario::new(
        "random-flag-is-true",
        "3.2 CK_TOKEN_INFO, CKF_RNG",
        "CKF_RNG says whether the token has a random number generator",
        |h| {
            let session = h.session()?;
            let has = token_info(&h.module, h.token()?)?.flags & CKF_RNG != 0;
            let answers = session.random(16).is_ok();
            holds("CKF_RNG is set exactly when C_GenerateRandom works", has == answers)
        },
    ),
    Scenario::new(
        "session-counts-follow",
        "3.2 CK_TOKEN_INFO",
        "the counts of open sessions and of read/write sessions are right, or CK_UNAVAILABLE_INFORMATION",
        |h| {
            h.session()?;
            h.read_only()?;
            h.read_only()?;
            let info = token_info(&h.module, h.token()?)?;
            let right = |count, wanted| count == CK_UNAVAILABLE_INFORMATION || count == wanted;
            holds("ulSessionCount is 3", right(info.ulSessionCount, 3))?;
            holds("ulRwSessionCount is 1", right(info.ulRwSessionCount, 1))
        },
    ),
    Scenario::new(
        "pin-lengths-allow-four-characters",
        "3.2 CK_TOKEN_INFO (client need)",
        "ulMinPinLen is not above ulMaxPinLen, and PINs of 4 characters are accepted (applications' tests use 1234)",
        |h| {
            let info = token_info(&h.module, h.token()?)?;
            holds("ulMinPinLen <= ulMaxPinLen", info.ulMinPinLen <= info.ulMaxPinLen)?;
            holds("ulMinPinLen <= 4", info.ulMinPinLen <= 4)
        },
    ),
    Scenario::new(
        "clock-is-well-formed",
        "3.2 CK_TOKEN_INFO, utcTime",
        "a token with a clock gives the time as YYYYMMDDhhmmss and two zeros",
        |h| {
            let info = token_info(&h.module, h.token()?)?;
            if info.flags & CKF_CLOCK_ON_TOKEN == 0 {
                return Ok(());
            }
            let text = info.utcTime;
            holds("utcTime is 16 digits", text.iter().all(u8::is_ascii_digit))?;
            holds("utcTime starts with 20 and ends with 00", text.starts_with(b"20") && text.ends_with(b"00"))
        },
    ),
    Scenario::new(
        "mechanism-list-needs-a-count",
        "5.5 C_GetMechanismList",
        "without a place for the count: CKR_ARGUMENTS_BAD",
        |h| {
            let slot = h.token()?;
            expect(
                call!(h.module, C_GetMechanismList, slot, ptr::null_mut(), ptr::null_mut()),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "mechanism-list-into-short-buffer",
        "5.5 C_GetMechanismList",
        "an array with too few places gets CKR_BUFFER_TOO_SMALL and the count that is needed",
        |h| {
            let slot = h.token()?;
            let (wanted, mut count, mut id) = (mechanisms(&h.module, slot)?.len(), 1, 0);
            expect(call!(h.module, C_GetMechanismList, slot, &mut id, &mut count), CKR_BUFFER_TOO_SMALL)?;
            equal("*pulCount", count as usize, wanted)
        },
    ),
    Scenario::new(
        "mechanisms-are-listed-once",
        "5.5 C_GetMechanismList",
        "the list of a token's mechanism types names each type once",
        |h| {
            let list = mechanisms(&h.module, h.token()?)?;
            equal("distinct mechanisms", list.iter().collect::<BTreeSet<_>>().len(), list.len())
        },
    ),
    Scenario::new(
        "every-listed-mechanism-has-info",
        "5.5 C_GetMechanismInfo (client need)",
        "each mechanism that is listed answers C_GetMechanismInfo",
        |h| {
            let slot = h.token()?;
            for id in mechanisms(&h.module, slot)? {
                let info = mechanism_info(&h.module, slot, id);
                info.map_err(|error| failed(format!("{} for {}", error, names::mechanism(id)), "CKR_OK"))?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "mechanism-info-is-sound",
        "3.5 CK_MECHANISM_INFO",
        "the smallest key size is not above the largest, and the flags say what the mechanism is for",
        |h| {
            let slot = h.token()?;
            for id in mechanisms(&h.module, slot)? {
                let Ok(info) = mechanism_info(&h.module, slot, id) else { continue };
                let name = names::mechanism(id);
                holds(
                    &format!("{name}: ulMinKeySize <= ulMaxKeySize"),
                    info.ulMinKeySize <= info.ulMaxKeySize,
                )?;
                holds(
                    &format!("{name} has flags"),
                    !names::mechanism_flags(info.flags & !CKF_HW).is_empty(),
                )?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "unknown-mechanism",
        "5.5 C_GetMechanismInfo",
        "a mechanism that the token does not know gets CKR_MECHANISM_INVALID",
        |h| expect(mechanism_info(&h.module, h.token()?, 0x7FFF_FF01), CKR_MECHANISM_INVALID),
    ),
    Scenario::new(
        "no-event-when-nothing-happens",
        "5.5 C_WaitForSlotEvent",
        "without blocking and without an event: CKR_NO_EVENT",
        |h| {
            h.token()?;
            let mut slot = 0;
            let _ = call!(h.module, C_WaitForSlotEvent, CKF_DONT_BLOCK, &mut slot, ptr::null_mut());
            expect(
                call!(h.module, C_WaitForSlotEvent, CKF_DONT_BLOCK, &mut slot, ptr::null_mut()),
                CKR_NO_EVENT,
            )
        },
    ),
    Scenario::new(
        "init-token-makes-a-token",
        "5.5 C_InitToken",
        "a fresh token gets its label, CKF_TOKEN_INITIALIZED, and no user PIN yet",
        |h| {
            init_token(h.initialize()?, empty_slot(&h.module)?, SO_PIN, "fresh")?;
            let slot = find_token(&h.module, "fresh")?
                .ok_or_else(|| failed("not found", "a slot with the token"))?;
            let flags = token_info(&h.module, slot)?.flags;
            holds("CKF_USER_PIN_INITIALIZED is not set", flags & CKF_USER_PIN_INITIALIZED == 0)
        },
    )
    .blank(),
    Scenario::new(
        "two-tokens-side-by-side",
        "5.5 C_InitToken",
        "a second token has a slot, a serial number and objects of its own",
        |h| {
            let first = h.token()?;
            let second = make_token(&h.module, "second")?;
            holds("the slots differ", first != second)?;
            let (one, two) = (token_info(&h.module, first)?, token_info(&h.module, second)?);
            holds("the serial numbers differ", one.serialNumber != two.serialNumber)?;
            let session = h.user()?;
            session.create(&keys::data("only in the first", b"x").bool(CKA_TOKEN, true))?;
            let other = Session::open(&h.module, second, CKF_RW_SESSION)?;
            equal("objects in the second token", other.find(&Template::new())?.len(), 0)?;
            equal("state of the second token's session", other.info()?.state, CKS_RW_PUBLIC_SESSION)
        },
    ),
    Scenario::new(
        "init-token-with-open-session",
        "5.5 C_InitToken",
        "a token with which any session is open is not initialised: CKR_SESSION_EXISTS",
        |h| {
            h.session()?;
            expect(init_token(&h.module, h.token()?, SO_PIN, LABEL), CKR_SESSION_EXISTS)
        },
    ),
    Scenario::new(
        "init-token-with-wrong-pin",
        "5.5 C_InitToken",
        "an initialised token is only initialised again with the SO PIN, else CKR_PIN_INCORRECT",
        |h| {
            expect(init_token(&h.module, h.token()?, b"not-the-so-pin", LABEL), CKR_PIN_INCORRECT)?;
            h.user().map(|_| ())
        },
    ),
    Scenario::new(
        "init-token-again-empties-it",
        "5.5 C_InitToken",
        "initialising again destroys the objects and takes away the normal user's access",
        |h| {
            let session = h.user()?;
            session.create(&keys::data("gone", b"x").bool(CKA_TOKEN, true))?;
            session.close()?;
            init_token(&h.module, h.token()?, SO_PIN, "again")?;
            let slot = find_token(&h.module, "again")?.ok_or_else(|| failed("not found", "the token"))?;
            let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            equal("objects", session.find(&Template::new())?.len(), 0)?;
            expect(session.login(CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED)?;
            Ok(session.login(CKU_SO, SO_PIN)?)
        },
    ),
    Scenario::new(
        "init-token-without-pin",
        "5.5 C_InitToken",
        "a NULL PIN is only for tokens with a protected authentication path",
        |h| {
            let slot = empty_slot(h.initialize()?)?;
            if token_info(&h.module, slot)?.flags & CKF_PROTECTED_AUTHENTICATION_PATH != 0 {
                return Ok(());
            }
            let label = padded_label("x");
            expect(call!(h.module, C_InitToken, slot, ptr::null_mut(), 8, input(&label)), CKR_ARGUMENTS_BAD)
        },
    )
    .blank(),
];
