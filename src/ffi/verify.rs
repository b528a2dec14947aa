//! Functions for verifying signatures and MACs (PKCS#11 section 5.15).

use crate::ck::*;
use crate::error::Result;
use crate::session::Session;
use crate::token::ObjectHandle;

use super::{ended_by_error, mechanism, pointer};

/// C_VerifyInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn init(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    if mechanism.is_null() {
        session.verify_cancel();
        return Ok(());
    }
    // SAFETY: as C_VerifyInit describes its arguments.
    let (id, params) = unsafe { mechanism::read(mechanism) }?;
    session.verify_init(id, &params, ObjectHandle(key))
}

/// C_Verify.
pub(super) unsafe fn once(
    session: &Session,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Verify describes its arguments.
    let (data, signature) =
        unsafe { (pointer::bytes(data, data_len), pointer::bytes(signature, signature_len)) };
    let result = data.and_then(|data| session.verify(data, signature?));
    ended_by_error(result, || session.verify_cancel())
}

/// C_VerifyUpdate.
pub(super) unsafe fn update(session: &Session, part: *mut CK_BYTE, part_len: CK_ULONG) -> Result<()> {
    // SAFETY: as C_VerifyUpdate describes its arguments.
    let result = unsafe { pointer::bytes(part, part_len) }.and_then(|part| session.verify_update(part));
    ended_by_error(result, || session.verify_cancel())
}

/// C_VerifyFinal.
pub(super) unsafe fn finish(
    session: &Session,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_VerifyFinal describes its arguments.
    let signature = unsafe { pointer::bytes(signature, signature_len) };
    let result = signature.and_then(|signature| session.verify_final(signature));
    ended_by_error(result, || session.verify_cancel())
}
