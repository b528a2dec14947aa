//! Message-based functions: C_Message…Init, C_…Message, C_…MessageBegin, C_…MessageNext and C_Message…Final (PKCS#11
//! sections 5.9, 5.11, 5.14 and 5.16).

use std::ffi::c_void;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::ParamKind;
use crate::session::Session;
use crate::token::ObjectHandle;

use super::mechanism::{self, Message};
use super::operation::ended_by_error;
use super::pointer;

/// The Init and the Final of a process. A NULL mechanism ends it.
macro_rules! process {
    ($init:ident $cancel:ident $finish:ident, $read:expr) => {
        pub(super) unsafe fn $init(
            session: &Session,
            mechanism: *mut CK_MECHANISM,
            key: CK_OBJECT_HANDLE,
        ) -> Result<()> {
            if mechanism.is_null() {
                session.$cancel();
                return Ok(());
            }
            // SAFETY: as the Init describes its arguments.
            let (id, params) = unsafe { $read(mechanism) }?;
            session.$init(id, params, ObjectHandle(key))
        }

        pub(super) unsafe fn $finish(session: &Session) -> Result<()> {
            session.$finish()
        }
    };
}

process!(message_encrypt_init message_encrypt_cancel message_encrypt_final, mechanism::read_without_message);
process!(message_decrypt_init message_decrypt_cancel message_decrypt_final, mechanism::read_without_message);
process!(message_sign_init message_sign_cancel message_sign_final, mechanism::read);
process!(message_verify_init message_verify_cancel message_verify_final, mechanism::read);

/// The parameter that comes with the last part of a message, for its tag; those of other parts are not looked at. Errors:
/// CKR_ARGUMENTS_BAD for flags that nobody knows, and those of `form` and of the parameter.
///
/// # Safety
/// As `Message::read`.
unsafe fn read_with_last(
    flags: CK_FLAGS,
    form: impl FnOnce() -> Result<ParamKind>,
    parameter: *const c_void,
    parameter_len: CK_ULONG,
) -> Result<Option<Message>> {
    match flags {
        0 => Ok(None),
        // SAFETY: passed on from the caller.
        CKF_END_OF_MESSAGE => unsafe { Message::read(form()?, parameter, parameter_len) }.map(Some),
        _ => Err(Error::ArgumentsBad),
    }
}

/// Messages that are signed have no parameter of their own. Errors: CKR_MECHANISM_PARAM_INVALID.
fn no_parameter(len: CK_ULONG) -> Result<()> {
    if len == 0 { Ok(()) } else { Err(Error::MechanismParamInvalid) }
}

/// C_EncryptMessage.
pub(super) unsafe fn encrypt_message(
    session: &Session,
    parameter: *mut c_void,
    parameter_len: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
    text: *mut CK_BYTE,
    text_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_EncryptMessage describes its arguments.
    unsafe {
        let message = Message::read(session.message_encrypt_form()?, parameter, parameter_len)?;
        message.check_tag_place()?;
        let aad = pointer::input(aad, aad_len, output, output_len)?;
        let text = pointer::input(text, text_len, output, output_len)?;
        let sealed = pointer::with_output(output, output_len, |output| {
            session.encrypt_message(message.params.clone(), &aad, &text, output)
        })?;
        message.write_sealed(sealed);
    }
    Ok(())
}

/// C_EncryptMessageBegin.
pub(super) unsafe fn encrypt_message_begin(
    session: &Session,
    parameter: *mut c_void,
    parameter_len: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_EncryptMessageBegin describes its arguments.
    unsafe {
        let message = Message::read(session.message_encrypt_form()?, parameter, parameter_len)?;
        let nonce = session.encrypt_message_begin(message.params.clone(), pointer::bytes(aad, aad_len)?)?;
        message.write_nonce(&nonce);
    }
    Ok(())
}

/// C_EncryptMessageNext.
pub(super) unsafe fn encrypt_message_next(
    session: &Session,
    parameter: *mut c_void,
    parameter_len: CK_ULONG,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
    flags: CK_FLAGS,
) -> Result<()> {
    let work = || {
        // SAFETY: as C_EncryptMessageNext describes its arguments.
        unsafe {
            let form = || session.message_encrypt_form();
            let message = read_with_last(flags, form, parameter, parameter_len)?;
            message.as_ref().map(Message::check_tag_place).transpose()?;
            let part = pointer::input(part, part_len, output, output_len)?;
            let tag = pointer::with_output(output, output_len, |output| {
                session.encrypt_message_next(&part, message.is_some(), output)
            })?;
            if let (Some(message), Some(tag)) = (message, tag) {
                message.write_tag(&tag);
            }
        }
        Ok(())
    };
    ended_by_error(work(), || session.encrypt_message_abandon())
}

/// C_DecryptMessage.
pub(super) unsafe fn decrypt_message(
    session: &Session,
    parameter: *mut c_void,
    parameter_len: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
    text: *mut CK_BYTE,
    text_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_DecryptMessage describes its arguments.
    unsafe {
        let message = Message::read(session.message_decrypt_form()?, parameter, parameter_len)?;
        let tag = message.tag()?;
        let aad = pointer::input(aad, aad_len, output, output_len)?;
        let text = pointer::input(text, text_len, output, output_len)?;
        pointer::with_output(output, output_len, |output| {
            session.decrypt_message(message.params, &aad, &text, &tag, output)
        })
    }
}

/// C_DecryptMessageBegin.
pub(super) unsafe fn decrypt_message_begin(
    session: &Session,
    parameter: *mut c_void,
    parameter_len: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_DecryptMessageBegin describes its arguments.
    unsafe {
        let message = Message::read(session.message_decrypt_form()?, parameter, parameter_len)?;
        session.decrypt_message_begin(message.params, pointer::bytes(aad, aad_len)?)
    }
}

/// C_DecryptMessageNext.
pub(super) unsafe fn decrypt_message_next(
    session: &Session,
    parameter: *mut c_void,
    parameter_len: CK_ULONG,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
    flags: CK_FLAGS,
) -> Result<()> {
    let work = || {
        // SAFETY: as C_DecryptMessageNext describes its arguments.
        unsafe {
            let form = || session.message_decrypt_form();
            let message = read_with_last(flags, form, parameter, parameter_len)?;
            let tag = message.map(|message| message.tag()).transpose()?;
            let part = pointer::input(part, part_len, output, output_len)?;
            pointer::with_output(output, output_len, |output| {
                session.decrypt_message_next(&part, tag.as_deref(), output)
            })
        }
    };
    ended_by_error(work(), || session.decrypt_message_abandon())
}

/// C_SignMessage.
pub(super) unsafe fn sign_message(
    session: &Session,
    _parameter: *mut c_void,
    parameter_len: CK_ULONG,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<()> {
    no_parameter(parameter_len)?;
    // SAFETY: as C_SignMessage describes its arguments.
    unsafe {
        let data = pointer::input(data, data_len, signature, signature_len)?;
        pointer::with_output(signature, signature_len, |signature| session.sign_message(&data, signature))
    }
}

/// C_SignMessageBegin.
pub(super) unsafe fn sign_message_begin(
    session: &Session,
    _parameter: *mut c_void,
    parameter_len: CK_ULONG,
) -> Result<()> {
    no_parameter(parameter_len)?;
    session.sign_message_begin()
}

/// C_SignMessageNext. Without a place for the length of the signature, more parts follow.
pub(super) unsafe fn sign_message_next(
    session: &Session,
    _parameter: *mut c_void,
    parameter_len: CK_ULONG,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<()> {
    let work = || {
        no_parameter(parameter_len)?;
        // SAFETY: as C_SignMessageNext describes its arguments.
        unsafe {
            let part = pointer::input(part, part_len, signature, signature_len)?;
            if signature_len.is_null() {
                return session.sign_message_next(&part, None);
            }
            pointer::with_output(signature, signature_len, |signature| {
                session.sign_message_next(&part, Some(signature))
            })
        }
    };
    ended_by_error(work(), || session.sign_message_abandon())
}

/// C_VerifyMessage.
pub(super) unsafe fn verify_message(
    session: &Session,
    _parameter: *mut c_void,
    parameter_len: CK_ULONG,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<()> {
    no_parameter(parameter_len)?;
    // SAFETY: as C_VerifyMessage describes its arguments.
    unsafe {
        session.verify_message(pointer::bytes(data, data_len)?, pointer::bytes(signature, signature_len)?)
    }
}

/// C_VerifyMessageBegin.
pub(super) unsafe fn verify_message_begin(
    session: &Session,
    _parameter: *mut c_void,
    parameter_len: CK_ULONG,
) -> Result<()> {
    no_parameter(parameter_len)?;
    session.verify_message_begin()
}

/// C_VerifyMessageNext. Without a signature, more parts follow.
pub(super) unsafe fn verify_message_next(
    session: &Session,
    _parameter: *mut c_void,
    parameter_len: CK_ULONG,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<()> {
    let work = || {
        no_parameter(parameter_len)?;
        // SAFETY: as C_VerifyMessageNext describes its arguments.
        unsafe {
            let part = pointer::bytes(part, part_len)?;
            let signature = match signature.is_null() {
                true => None,
                false => Some(pointer::bytes(signature, signature_len)?),
            };
            session.verify_message_next(part, signature)
        }
    };
    ended_by_error(work(), || session.verify_message_abandon())
}
