//! Session management functions (PKCS#11 section 5.6).

use std::ffi::c_void;

use crate::ck::*;
use crate::error::Result;
use crate::module::Module;
use crate::session::Session;
use crate::token::{ObjectHandle, SessionHandle, SlotId};

use super::pointer::{self, Out};

/// C_OpenSession. Coffer never calls back, so the notification function is not kept.
pub(super) unsafe fn open(
    module: &Module,
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    _application: *mut c_void,
    _notify: CK_NOTIFY,
    handle: *mut CK_SESSION_HANDLE,
) -> Result<()> {
    // SAFETY: NULL, or writable as C_OpenSession says.
    let place = unsafe { Out::new(handle) }?;
    place.write(module.open_session(SlotId(slot), flags)?.0);
    Ok(())
}

/// C_CloseSession.
pub(super) unsafe fn close(module: &Module, session: CK_SESSION_HANDLE) -> Result<()> {
    module.close_session(SessionHandle(session))
}

/// C_CloseAllSessions.
pub(super) unsafe fn close_all(module: &Module, slot: CK_SLOT_ID) -> Result<()> {
    module.close_all_sessions(SlotId(slot))
}

/// C_GetSessionInfo.
pub(super) unsafe fn info(session: &Session, info: *mut CK_SESSION_INFO) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetSessionInfo says.
    let place = unsafe { Out::new(info) }?;
    let info = session.info();
    place.write(CK_SESSION_INFO {
        slotID: info.slot.0,
        state: info.state,
        flags: info.flags,
        ulDeviceError: 0,
    });
    Ok(())
}

/// C_GetOperationState.
pub(super) unsafe fn operation_state(
    session: &Session,
    state: *mut CK_BYTE,
    state_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_GetOperationState describes its arguments.
    unsafe { pointer::with_output(state, state_len, |state| session.operation_state(state)) }
}

/// C_SetOperationState.
pub(super) unsafe fn set_operation_state(
    session: &Session,
    state: *mut CK_BYTE,
    state_len: CK_ULONG,
    encryption_key: CK_OBJECT_HANDLE,
    authentication_key: CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_SetOperationState describes its arguments.
    let state = unsafe { pointer::bytes(state, state_len) }?;
    session.set_operation_state(state, [ObjectHandle(encryption_key), ObjectHandle(authentication_key)])
}

/// C_Login.
pub(super) unsafe fn login(
    session: &Session,
    user_type: CK_USER_TYPE,
    pin: *mut CK_UTF8CHAR,
    pin_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Login describes its arguments.
    session.login(user_type, &unsafe { pointer::pin(pin, pin_len) }?)
}

/// C_LoginUser.
pub(super) unsafe fn login_user(
    session: &Session,
    user_type: CK_USER_TYPE,
    pin: *mut CK_UTF8CHAR,
    pin_len: CK_ULONG,
    name: *mut CK_UTF8CHAR,
    name_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_LoginUser describes its arguments.
    let (pin, name) = unsafe { (pointer::pin(pin, pin_len)?, pointer::short_bytes(name, name_len)?) };
    session.login_user(user_type, &pin, name)
}

/// C_Logout.
pub(super) unsafe fn logout(session: &Session) -> Result<()> {
    session.logout()
}

/// C_SessionCancel.
pub(super) unsafe fn cancel(session: &Session, flags: CK_FLAGS) -> Result<()> {
    session.cancel(flags)
}

/// C_GetSessionValidationFlags.
pub(super) unsafe fn validation_flags(
    session: &Session,
    kind: CK_SESSION_VALIDATION_FLAGS_TYPE,
    flags: *mut CK_FLAGS,
) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetSessionValidationFlags says.
    let place = unsafe { Out::new(flags) }?;
    place.write(session.validation_flags(kind)?);
    Ok(())
}
