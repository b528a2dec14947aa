//! Signing and MACing functions (PKCS#11 section 5.13).

use crate::ck::*;
use crate::error::Result;
use crate::session::Session;
use crate::token::ObjectHandle;

use super::{ended_by_error, mechanism, pointer};

/// C_SignInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn init(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    if mechanism.is_null() {
        session.sign_cancel();
        return Ok(());
    }
    // SAFETY: as C_SignInit describes its arguments.
    let (id, params) = unsafe { mechanism::read(mechanism) }?;
    session.sign_init(id, &params, ObjectHandle(key))
}

/// C_Sign.
pub(super) unsafe fn once(
    session: &Session,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Sign describes its arguments.
    let result = unsafe {
        pointer::input(data, data_len, signature, signature_len).and_then(|data| {
            pointer::with_output(signature, signature_len, |signature| session.sign(&data, signature))
        })
    };
    ended_by_error(result, || session.sign_cancel())
}

/// C_SignUpdate.
pub(super) unsafe fn update(session: &Session, part: *mut CK_BYTE, part_len: CK_ULONG) -> Result<()> {
    // SAFETY: as C_SignUpdate describes its arguments.
    let result = unsafe { pointer::bytes(part, part_len) }.and_then(|part| session.sign_update(part));
    ended_by_error(result, || session.sign_cancel())
}

/// C_SignFinal.
pub(super) unsafe fn finish(
    session: &Session,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_SignFinal describes its arguments.
    let result =
        unsafe { pointer::with_output(signature, signature_len, |signature| session.sign_final(signature)) };
    ended_by_error(result, || session.sign_cancel())
}
