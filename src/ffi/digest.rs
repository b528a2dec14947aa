//! Message digesting functions (PKCS#11 section 5.12).

use crate::ck::*;
use crate::error::Result;
use crate::session::Session;
use crate::token::ObjectHandle;

use super::{ended_by_error, mechanism, pointer};

/// C_DigestInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn init(session: &Session, mechanism: *mut CK_MECHANISM) -> Result<()> {
    if mechanism.is_null() {
        session.digest_cancel();
        return Ok(());
    }
    // SAFETY: as C_DigestInit describes its arguments.
    let (id, params) = unsafe { mechanism::read(mechanism) }?;
    session.digest_init(id, &params)
}

/// C_Digest.
pub(super) unsafe fn once(
    session: &Session,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    digest: *mut CK_BYTE,
    digest_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Digest describes its arguments.
    let result = unsafe {
        pointer::input(data, data_len, digest, digest_len)
            .and_then(|data| pointer::with_output(digest, digest_len, |digest| session.digest(&data, digest)))
    };
    ended_by_error(result, || session.digest_cancel())
}

/// C_DigestUpdate.
pub(super) unsafe fn update(session: &Session, part: *mut CK_BYTE, part_len: CK_ULONG) -> Result<()> {
    // SAFETY: as C_DigestUpdate describes its arguments.
    let result = unsafe { pointer::bytes(part, part_len) }.and_then(|part| session.digest_update(part));
    ended_by_error(result, || session.digest_cancel())
}

/// C_DigestKey.
pub(super) unsafe fn key(session: &Session, key: CK_OBJECT_HANDLE) -> Result<()> {
    ended_by_error(session.digest_key(ObjectHandle(key)), || session.digest_cancel())
}

/// C_DigestFinal.
pub(super) unsafe fn finish(
    session: &Session,
    digest: *mut CK_BYTE,
    digest_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_DigestFinal describes its arguments.
    let result = unsafe { pointer::with_output(digest, digest_len, |digest| session.digest_final(digest)) };
    ended_by_error(result, || session.digest_cancel())
}
