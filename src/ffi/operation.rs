//! Functions of operations that have an Init: encryption, decryption, digests, signatures, and their checks (PKCS#11
//! sections 5.8 to 5.17). One row makes a C function from the session's function.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::token::ObjectHandle;

use super::{host, mechanism, pointer};

/// Ends an operation whose function has failed, also when it failed at its pointers: it survives CKR_BUFFER_TOO_SMALL
/// and no other error ("terminates the active operation").
pub(super) fn ended_by_error(result: Result<()>, end: impl FnOnce()) -> Result<()> {
    if result.is_err_and(|error| error != Error::BufferTooSmall) {
        end();
    }
    result
}

macro_rules! function {
    // An Init. A NULL mechanism ends the active operation (section 5.2).
    (init $name:ident, $cancel:ident) => {
        pub(in crate::ffi) unsafe fn $name(
            session: &Session,
            mechanism: *mut CK_MECHANISM,
            key: CK_OBJECT_HANDLE,
        ) -> Result<()> {
            if mechanism.is_null() {
                session.$cancel();
                return Ok(());
            }
            // SAFETY: as the C function of this row describes its arguments.
            let (id, params) = unsafe { mechanism::read(mechanism) }?;
            session.$name(id, &params, ObjectHandle(key))
        }
    };
    // Input and output, which may be the same memory.
    (convert $name:ident, $cancel:ident) => {
        pub(in crate::ffi) unsafe fn $name(
            session: &Session,
            data: *mut CK_BYTE,
            data_len: CK_ULONG,
            output: *mut CK_BYTE,
            output_len: *mut CK_ULONG,
        ) -> Result<()> {
            // SAFETY: as the C function of this row describes its arguments.
            let result = unsafe {
                pointer::input(data, data_len, output, output_len).and_then(|data| {
                    pointer::with_output(output, output_len, |output| session.$name(&data, output))
                })
            };
            ended_by_error(result, || session.$cancel())
        }
    };
    // Input alone.
    (take_in $name:ident, $cancel:ident) => {
        pub(in crate::ffi) unsafe fn $name(
            session: &Session,
            part: *mut CK_BYTE,
            part_len: CK_ULONG,
        ) -> Result<()> {
            // SAFETY: as the C function of this row describes its arguments.
            let result = unsafe { pointer::bytes(part, part_len) }.and_then(|part| session.$name(part));
            ended_by_error(result, || session.$cancel())
        }
    };
    // Output alone.
    (finish $name:ident, $cancel:ident) => {
        pub(in crate::ffi) unsafe fn $name(
            session: &Session,
            output: *mut CK_BYTE,
            output_len: *mut CK_ULONG,
        ) -> Result<()> {
            // SAFETY: as the C function of this row describes its arguments.
            let result = unsafe { pointer::with_output(output, output_len, |output| session.$name(output)) };
            ended_by_error(result, || session.$cancel())
        }
    };
}

macro_rules! functions {
    ($($cancel:ident: $($kind:ident $name:ident),*;)*) => {
        $($(function!($kind $name, $cancel);)*)*
    };
}

functions! {
    encrypt_cancel: init encrypt_init, convert encrypt, convert encrypt_update, finish encrypt_final;
    decrypt_cancel: init decrypt_init, convert decrypt, convert decrypt_update, finish decrypt_final;
    digest_cancel: convert digest, take_in digest_update, finish digest_final;
    sign_cancel: init sign_init, take_in sign_update;
    sign_recover_cancel: init sign_recover_init, convert sign_recover;
    verify_cancel: init verify_init, take_in verify_update, take_in verify_final;
    verify_signature_cancel: take_in verify_signature, take_in verify_signature_update;
    verify_recover_cancel: init verify_recover_init, convert verify_recover;
    digest_encrypt_cancel: convert digest_encrypt_update;
    decrypt_digest_cancel: convert decrypt_digest_update;
    sign_encrypt_cancel: convert sign_encrypt_update;
    decrypt_verify_cancel: convert decrypt_verify_update;
}

/// C_Sign. In an asynchronous session it may begin a thread, which handles no signal of the host.
pub(super) unsafe fn sign(
    session: &Session,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_Sign describes its arguments.
    let result = unsafe {
        pointer::input(data, data_len, signature, signature_len).and_then(|data| {
            pointer::with_output(signature, signature_len, |output| {
                maybe_apart(session, || session.sign(&data, output))
            })
        })
    };
    ended_by_error(result, || session.sign_cancel())
}

/// C_SignFinal, as C_Sign.
pub(super) unsafe fn sign_final(
    session: &Session,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_SignFinal describes its arguments.
    let result = unsafe {
        pointer::with_output(signature, signature_len, |output| {
            maybe_apart(session, || session.sign_final(output))
        })
    };
    ended_by_error(result, || session.sign_cancel())
}

fn maybe_apart(session: &Session, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if session.is_asynchronous() { host::without_signals(work) } else { work() }
}

/// C_DigestInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn digest_init(session: &Session, mechanism: *mut CK_MECHANISM) -> Result<()> {
    if mechanism.is_null() {
        session.digest_cancel();
        return Ok(());
    }
    // SAFETY: as C_DigestInit describes its arguments.
    let (id, params) = unsafe { mechanism::read(mechanism) }?;
    session.digest_init(id, &params)
}

/// C_DigestKey.
pub(super) unsafe fn digest_key(session: &Session, key: CK_OBJECT_HANDLE) -> Result<()> {
    ended_by_error(session.digest_key(ObjectHandle(key)), || session.digest_cancel())
}

/// C_Verify.
pub(super) unsafe fn verify(
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

/// C_VerifySignatureInit. A NULL mechanism ends the active operation.
pub(super) unsafe fn verify_signature_init(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<()> {
    if mechanism.is_null() {
        session.verify_signature_cancel();
        return Ok(());
    }
    // SAFETY: as C_VerifySignatureInit describes its arguments.
    unsafe {
        let (id, params) = mechanism::read(mechanism)?;
        let signature = pointer::bytes(signature, signature_len)?;
        session.verify_signature_init(id, &params, ObjectHandle(key), signature)
    }
}

/// C_VerifySignatureFinal.
pub(super) unsafe fn verify_signature_final(session: &Session) -> Result<()> {
    ended_by_error(session.verify_signature_final(), || session.verify_signature_cancel())
}
