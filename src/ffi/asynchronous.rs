//! Asynchronous functions (PKCS#11 section 5.21).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::session::{Completed, Function, Outcome, Session};

use super::{host, pointer};

/// Lets a thread do the work of a function. No signal of the host is handled there.
pub(super) fn work_apart(
    session: &Session,
    function: Function,
    work: impl FnOnce(&Session) -> Result<Outcome> + Send + 'static,
) -> Result<()> {
    host::without_signals(|| session.work_apart(function, work))
}

/// C_AsyncComplete. Nothing is written while the function works; where it has failed, only the address of its buffer, which the
/// caller may then free.
pub(super) unsafe fn complete(
    session: &Session,
    function: *mut CK_UTF8CHAR,
    result: *mut CK_ASYNC_DATA,
) -> Result<()> {
    // SAFETY: as C_AsyncComplete describes its arguments.
    unsafe {
        let function = pointer::name(function)?;
        let data = pointer::read(result)?;
        if data.ulVersion != 0 {
            return Err(Error::ArgumentsBad);
        }
        let Completed { buffer, outcome } = session.complete(&function)?;
        let buffer = std::ptr::with_exposed_provenance_mut::<CK_BYTE>(buffer);
        let told = match &outcome {
            Ok(Outcome::Objects { object, additional }) => CK_ASYNC_DATA {
                hObject: object.0,
                hAdditionalObject: additional.map_or(CK_INVALID_HANDLE, |handle| handle.0),
                ..data
            },
            Ok(Outcome::Bytes(bytes)) => {
                // The buffer had this much room when the function began, and "callers must ensure that [it] remains available"
                // (section 5.21.1).
                buffer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                CK_ASYNC_DATA { pValue: buffer, ulValue: bytes.len() as CK_ULONG, ..data }
            }
            Err(_) if buffer.is_null() => data,
            Err(_) => CK_ASYNC_DATA { pValue: buffer, ..data },
        };
        result.write_unaligned(told);
        outcome.map(drop)
    }
}

/// C_AsyncGetID.
pub(super) unsafe fn id(session: &Session, function: *mut CK_UTF8CHAR, id: *mut CK_ULONG) -> Result<()> {
    // SAFETY: as C_AsyncGetID describes its arguments.
    unsafe {
        let (function, place) = (pointer::name(function)?, pointer::Out::new(id)?);
        place.write(session.work_id(&function)?);
    }
    Ok(())
}

/// C_AsyncJoin: no id was ever given out.
pub(super) unsafe fn join(
    _session: &Session,
    function: *mut CK_UTF8CHAR,
    _id: CK_ULONG,
    _data: *mut CK_BYTE,
    _data_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_AsyncJoin describes its arguments.
    unsafe { pointer::name(function) }?;
    Err(Error::SavedStateInvalid)
}
