//! Encryption functions (PKCS#11 section 5.8).

use crate::ck::*;
use crate::error::Result;
use crate::session::Session;
use crate::token::ObjectHandle;

use super::{ended_by_error, mechanism, pointer};

/// C_EncryptInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn init(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    if mechanism.is_null() {
        session.encrypt_cancel();
        return Ok(());
    }
    // SAFETY: as C_EncryptInit describes its arguments.
    let (id, params) = unsafe { mechanism::read(mechanism) }?;
    session.encrypt_init(id, &params, ObjectHandle(key))
}

/// C_Encrypt. Input and output may be the same memory.
pub(super) unsafe fn once(
    session: &Session,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Encrypt describes its arguments.
    let result = unsafe {
        pointer::input(data, data_len, output, output_len).and_then(|data| {
            pointer::with_output(output, output_len, |output| session.encrypt(&data, output))
        })
    };
    ended_by_error(result, || session.encrypt_cancel())
}

/// C_EncryptUpdate. Input and output may be the same memory.
pub(super) unsafe fn update(
    session: &Session,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_EncryptUpdate describes its arguments.
    let result = unsafe {
        pointer::input(part, part_len, output, output_len).and_then(|part| {
            pointer::with_output(output, output_len, |output| session.encrypt_update(&part, output))
        })
    };
    ended_by_error(result, || session.encrypt_cancel())
}

/// C_EncryptFinal.
pub(super) unsafe fn finish(
    session: &Session,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_EncryptFinal describes its arguments.
    let result = unsafe { pointer::with_output(output, output_len, |output| session.encrypt_final(output)) };
    ended_by_error(result, || session.encrypt_cancel())
}
