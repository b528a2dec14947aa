//! Asynchronous functions (PKCS#11 section 5.21).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::session::{Function, Outcome, Session};

use super::{host, pointer};

/// Lets a thread do the work of a function. No signal of the host is handled there.
pub(super) fn work_apart(
    session: &Session,
    function: Function,
    work: impl FnOnce(&Session) -> Result<Outcome> + Send + 'static,
) -> Result<()> {
    host::without_signals(|| session.work_apart(function, work))
}

/// C_AsyncComplete. Nothing is written unless the function has succeeded.
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
        let Outcome { object, additional } = session.complete(&function)?;
        let additional = additional.map_or(CK_INVALID_HANDLE, |handle| handle.0);
        result.write_unaligned(CK_ASYNC_DATA { hObject: object.0, hAdditionalObject: additional, ..data });
    }
    Ok(())
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
