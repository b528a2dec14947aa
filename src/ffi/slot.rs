//! Slot and token management functions (PKCS#11 section 5.5).

use std::ffi::c_void;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::module::Module;
use crate::session::Session;
use crate::token::{LABEL_LEN, MANUFACTURER, MODEL, SERIAL_LEN, SlotId};

use super::general::VERSION;
use super::pointer::{self, Out};

/// C_GetSlotList. Every slot has a token present, made or to be made.
pub(super) unsafe fn list(
    module: &Module,
    _token_present: CK_BBOOL,
    list: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> Result<()> {
    let slots = if list.is_null() { module.count_slots() } else { module.counted_slots() };
    let slots: Vec<CK_SLOT_ID> = slots.into_iter().map(|slot| slot.0).collect();
    // SAFETY: as C_GetSlotList describes its arguments.
    unsafe { pointer::write_list(&slots, list, count) }
}

/// C_GetSlotInfo.
pub(super) unsafe fn info(module: &Module, slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetSlotInfo says.
    let place = unsafe { Out::new(info) }?;
    let flags = module.slot_info(SlotId(slot))?.flags;
    place.write(CK_SLOT_INFO {
        slotDescription: pointer::padded(&format!("Coffer slot {slot}")),
        manufacturerID: pointer::padded(MANUFACTURER),
        flags,
        hardwareVersion: VERSION,
        firmwareVersion: VERSION,
    });
    Ok(())
}

/// C_GetTokenInfo. A token file has no fixed size, so the memory fields are CK_UNAVAILABLE_INFORMATION.
pub(super) unsafe fn token_info(module: &Module, slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetTokenInfo says.
    let place = unsafe { Out::new(info) }?;
    let token = module.token_info(SlotId(slot))?;
    let (label, serial) = match &token.identity {
        Some(identity) => (identity.label, identity.serial),
        None => ([b' '; LABEL_LEN], [b' '; SERIAL_LEN]),
    };
    place.write(CK_TOKEN_INFO {
        label,
        manufacturerID: pointer::padded(MANUFACTURER),
        model: pointer::padded(MODEL),
        serialNumber: serial,
        flags: token.flags,
        ulMaxSessionCount: CK_EFFECTIVELY_INFINITE,
        ulSessionCount: token.session_count,
        ulMaxRwSessionCount: CK_EFFECTIVELY_INFINITE,
        ulRwSessionCount: token.rw_session_count,
        ulMaxPinLen: token.max_pin_len,
        ulMinPinLen: token.min_pin_len,
        ulTotalPublicMemory: UNAVAILABLE,
        ulFreePublicMemory: UNAVAILABLE,
        ulTotalPrivateMemory: UNAVAILABLE,
        ulFreePrivateMemory: UNAVAILABLE,
        hardwareVersion: VERSION,
        firmwareVersion: VERSION,
        utcTime: token.utc_time,
    });
    Ok(())
}

/// C_GetMechanismList.
pub(super) unsafe fn mechanism_list(
    module: &Module,
    slot: CK_SLOT_ID,
    list: *mut CK_MECHANISM_TYPE,
    count: *mut CK_ULONG,
) -> Result<()> {
    let mechanisms = module.mechanism_list(SlotId(slot))?;
    // SAFETY: as C_GetMechanismList describes its arguments.
    unsafe { pointer::write_list(&mechanisms, list, count) }
}

/// C_GetMechanismInfo.
pub(super) unsafe fn mechanism_info(
    module: &Module,
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: *mut CK_MECHANISM_INFO,
) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetMechanismInfo says.
    let place = unsafe { Out::new(info) }?;
    place.write(module.mechanism_info(SlotId(slot), mechanism)?);
    Ok(())
}

/// C_InitToken. There is no protected authentication path: a NULL PIN is CKR_ARGUMENTS_BAD.
pub(super) unsafe fn init_token(
    module: &Module,
    slot: CK_SLOT_ID,
    pin: *mut CK_UTF8CHAR,
    pin_len: CK_ULONG,
    label: *mut CK_UTF8CHAR,
) -> Result<()> {
    // SAFETY: the PIN as C_InitToken describes it; a label has 32 bytes.
    let (pin, label) =
        unsafe { (pointer::pin(pin, pin_len)?, pointer::read(label.cast::<[u8; LABEL_LEN]>())?) };
    module.init_token(SlotId(slot), &pin, label)
}

/// C_InitPIN.
pub(super) unsafe fn init_pin(session: &Session, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG) -> Result<()> {
    // SAFETY: as C_InitPIN describes its arguments.
    session.init_pin(&unsafe { pointer::pin(pin, pin_len) }?)
}

/// C_SetPIN.
pub(super) unsafe fn set_pin(
    session: &Session,
    old: *mut CK_UTF8CHAR,
    old_len: CK_ULONG,
    new: *mut CK_UTF8CHAR,
    new_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_SetPIN describes its arguments.
    let (old, new) = unsafe { (pointer::pin(old, old_len)?, pointer::pin(new, new_len)?) };
    session.set_pin(&old, &new)
}

/// C_WaitForSlotEvent. Tokens that this application makes or initialises itself are no events.
pub(super) unsafe fn wait_for_event(
    module: &Module,
    flags: CK_FLAGS,
    slot: *mut CK_SLOT_ID,
    reserved: *mut c_void,
) -> Result<()> {
    if !reserved.is_null() {
        return Err(Error::ArgumentsBad);
    }
    // SAFETY: NULL, or writable as C_WaitForSlotEvent says.
    let place = unsafe { Out::new(slot) }?;
    let event = if flags & CKF_DONT_BLOCK != 0 { module.slot_event() } else { module.wait_for_slot_event() };
    place.write(event?.0);
    Ok(())
}
