//! Decryption functions (PKCS#11 section 5.10).

use crate::ck::*;
use crate::error::Result;
use crate::session::Session;
use crate::token::ObjectHandle;

use super::{ended_by_error, mechanism, pointer};

/// C_DecryptInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn init(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    if mechanism.is_null() {
        session.decrypt_cancel();
        return Ok(());
    }
    // SAFETY: as C_DecryptInit describes its arguments.
    let (id, params) = unsafe { mechanism::read(mechanism) }?;
    session.decrypt_init(id, &params, ObjectHandle(key))
}

/// C_Decrypt. Input and output may be the same memory.
pub(super) unsafe fn once(
    session: &Session,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Decrypt describes its arguments.
    let result = unsafe {
        pointer::input(data, data_len, output, output_len).and_then(|data| {
            pointer::with_output(output, output_len, |output| session.decrypt(&data, output))
        })
    };
    ended_by_error(result, || session.decrypt_cancel())
}

/// C_DecryptUpdate. Input and output may be the same memory.
pub(super) unsafe fn update(
    session: &Session,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_DecryptUpdate describes its arguments.
    let result = unsafe {
        pointer::input(part, part_len, output, output_len).and_then(|part| {
            pointer::with_output(output, output_len, |output| session.decrypt_update(&part, output))
        })
    };
    ended_by_error(result, || session.decrypt_cancel())
}

/// C_DecryptFinal.
pub(super) unsafe fn finish(
    session: &Session,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_DecryptFinal describes its arguments.
    let result = unsafe { pointer::with_output(output, output_len, |output| session.decrypt_final(output)) };
    ended_by_error(result, || session.decrypt_cancel())
}
