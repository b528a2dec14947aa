//! Every `C_` function, one row each, and the macro that makes them.
//!
//! A function is exported under its name, contains panics (CKR_GENERAL_ERROR for that call), turns `Error` into CK_RV,
//! and stands in the function lists of the versions of PKCS#11 that have it. What a row is checked for first:
//!
//! - `anytime`: nothing; may be called before C_Initialize.
//! - `module`: C_Initialize was called in this process (else CKR_CRYPTOKI_NOT_INITIALIZED); the target gets the module.
//! - `closing`: as `module`, and it needs no memory in reserve, so that everything can be closed when there is none.
//! - `session`: as `module`; the first argument in C is a session handle (else CKR_SESSION_HANDLE_INVALID), and the
//!   target gets the session.
//! - `unsupported`: as `module`; then CKR_FUNCTION_NOT_SUPPORTED.
//! - `parallel`: as `module`; then CKR_FUNCTION_NOT_PARALLEL, for any handle (section 5.20).
#![allow(non_snake_case, clippy::missing_safety_doc)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::module::{self, Module};
use crate::pages;
use crate::reserve::{self, OutOfMemory};
use crate::session::Session;
use crate::token::SessionHandle;

use super::{asynchronous, fork, general, key, message, object, operation, random, session, slot, table};

/// Runs the body of a C function. A panic ends the call and not the host. An error for want of memory says so, whatever
/// has become of it on its way here.
fn call(body: impl FnOnce() -> Result<()>) -> CK_RV {
    let refusals = pages::refusals();
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return CKR_OK,
        Ok(Err(error)) => error,
        Err(payload) => {
            let error = if payload.is::<OutOfMemory>() { Error::HostMemory } else { Error::GeneralError };
            // Dropping it could panic again.
            std::mem::forget(payload);
            error
        }
    };
    // A wrong PIN has been counted, and stays one.
    let certain = matches!(error, Error::PinIncorrect | Error::PinLocked);
    if pages::refusals() != refusals && !certain { CKR_HOST_MEMORY } else { error.rv() }
}

/// The module of this process. Errors: CKR_HOST_MEMORY where the call could not be sure of some,
/// CKR_CRYPTOKI_NOT_INITIALIZED, also in the child of a fork.
fn module() -> Result<Arc<Module>> {
    reserve::ready()?;
    module_to_close()
}

/// As `module`, in any case.
fn module_to_close() -> Result<Arc<Module>> {
    if !fork::is_home() {
        return Err(Error::CryptokiNotInitialized);
    }
    module::current()
}

/// Errors: CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID.
fn open_session(handle: CK_SESSION_HANDLE) -> Result<Arc<Session>> {
    module()?.session(SessionHandle(handle))
}

macro_rules! function {
    (anytime $name:ident ($($argument:ident: $type:ty),*) $target:path) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            // SAFETY: the pointers are the caller's, as PKCS#11 describes them for this function.
            call(|| unsafe { $target($($argument),*) })
        }
    };
    (module $name:ident ($($argument:ident: $type:ty),*) $target:path) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            // SAFETY: the pointers are the caller's, as PKCS#11 describes them for this function.
            call(|| unsafe { $target(&*module()?, $($argument),*) })
        }
    };
    (closing $name:ident ($($argument:ident: $type:ty),*) $target:path) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            // SAFETY: the pointers are the caller's, as PKCS#11 describes them for this function.
            call(|| unsafe { $target(&*module_to_close()?, $($argument),*) })
        }
    };
    (session $name:ident ($($argument:ident: $type:ty),*) $target:path) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(session: CK_SESSION_HANDLE, $($argument: $type),*) -> CK_RV {
            // SAFETY: the pointers are the caller's, as PKCS#11 describes them for this function.
            call(|| unsafe { $target(&*open_session(session)?, $($argument),*) })
        }
    };
    (unsupported $name:ident ($($type:ty),*)) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($(_: $type),*) -> CK_RV {
            call(|| module().and(Err(Error::FunctionNotSupported)))
        }
    };
    (parallel $name:ident ($($type:ty),*)) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($(_: $type),*) -> CK_RV {
            call(|| module().and(Err(Error::FunctionNotParallel)))
        }
    };
}

/// Makes the functions and the lists. A list names every field of its structure, so that no function is forgotten.
macro_rules! functions {
    (
        v2_40 { $($kind2:ident $name2:ident $arguments2:tt $($target2:path)?;)* }
        v3_0 { $($kind3:ident $name3:ident $arguments3:tt $($target3:path)?;)* }
        v3_2 { $($kind32:ident $name32:ident $arguments32:tt $($target32:path)?;)* }
    ) => {
        $(function!($kind2 $name2 $arguments2 $($target2)?);)*
        $(function!($kind3 $name3 $arguments3 $($target3)?);)*
        $(function!($kind32 $name32 $arguments32 $($target32)?);)*

        pub(super) static LIST_2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: CK_VERSION { major: 2, minor: 40 },
            $($name2: Some($name2),)*
        };
        pub(super) static LIST_3_0: CK_FUNCTION_LIST_3_0 = CK_FUNCTION_LIST_3_0 {
            version: CK_VERSION { major: 3, minor: 0 },
            $($name2: Some($name2),)*
            $($name3: Some($name3),)*
        };
        pub(super) static LIST_3_2: CK_FUNCTION_LIST_3_2 = CK_FUNCTION_LIST_3_2 {
            version: CK_VERSION { major: 3, minor: 2 },
            $($name2: Some($name2),)*
            $($name3: Some($name3),)*
            $($name32: Some($name32),)*
        };
    };
}

functions! {
    v2_40 {
        anytime C_Initialize(arguments: CK_VOID_PTR) general::initialize;
        closing C_Finalize(reserved: CK_VOID_PTR) general::finalize;
        module C_GetInfo(info: CK_INFO_PTR) general::info;
        anytime C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) table::function_list;
        module C_GetSlotList(token_present: CK_BBOOL, list: CK_SLOT_ID_PTR, count: CK_ULONG_PTR) slot::list;
        module C_GetSlotInfo(slot: CK_SLOT_ID, info: CK_SLOT_INFO_PTR) slot::info;
        module C_GetTokenInfo(slot: CK_SLOT_ID, info: CK_TOKEN_INFO_PTR) slot::token_info;
        module C_GetMechanismList(slot: CK_SLOT_ID, list: CK_MECHANISM_TYPE_PTR, count: CK_ULONG_PTR)
            slot::mechanism_list;
        module C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: CK_MECHANISM_INFO_PTR)
            slot::mechanism_info;
        module C_InitToken(slot: CK_SLOT_ID, pin: CK_UTF8CHAR_PTR, pin_len: CK_ULONG, label: CK_UTF8CHAR_PTR)
            slot::init_token;
        session C_InitPIN(pin: CK_UTF8CHAR_PTR, pin_len: CK_ULONG) slot::init_pin;
        session C_SetPIN(old: CK_UTF8CHAR_PTR, old_len: CK_ULONG, new: CK_UTF8CHAR_PTR, new_len: CK_ULONG)
            slot::set_pin;
        module C_OpenSession(slot: CK_SLOT_ID, flags: CK_FLAGS, application: CK_VOID_PTR, notify: CK_NOTIFY,
            handle: CK_SESSION_HANDLE_PTR) session::open;
        closing C_CloseSession(session: CK_SESSION_HANDLE) session::close;
        closing C_CloseAllSessions(slot: CK_SLOT_ID) session::close_all;
        session C_GetSessionInfo(info: CK_SESSION_INFO_PTR) session::info;
        session C_GetOperationState(state: CK_BYTE_PTR, state_len: CK_ULONG_PTR) session::operation_state;
        session C_SetOperationState(state: CK_BYTE_PTR, state_len: CK_ULONG, encryption_key: CK_OBJECT_HANDLE,
            authentication_key: CK_OBJECT_HANDLE) session::set_operation_state;
        session C_Login(user_type: CK_USER_TYPE, pin: CK_UTF8CHAR_PTR, pin_len: CK_ULONG) session::login;
        session C_Logout() session::logout;
        session C_CreateObject(template: CK_ATTRIBUTE_PTR, count: CK_ULONG, object: CK_OBJECT_HANDLE_PTR)
            object::create;
        session C_CopyObject(original: CK_OBJECT_HANDLE, template: CK_ATTRIBUTE_PTR, count: CK_ULONG, object:
            CK_OBJECT_HANDLE_PTR) object::copy;
        session C_DestroyObject(object: CK_OBJECT_HANDLE) object::destroy;
        session C_GetObjectSize(object: CK_OBJECT_HANDLE, size: CK_ULONG_PTR) object::size;
        session C_GetAttributeValue(object: CK_OBJECT_HANDLE, template: CK_ATTRIBUTE_PTR, count: CK_ULONG)
            object::attribute_values;
        session C_SetAttributeValue(object: CK_OBJECT_HANDLE, template: CK_ATTRIBUTE_PTR, count: CK_ULONG)
            object::set_attribute_values;
        session C_FindObjectsInit(template: CK_ATTRIBUTE_PTR, count: CK_ULONG) object::find_init;
        session C_FindObjects(objects: CK_OBJECT_HANDLE_PTR, most: CK_ULONG, count: CK_ULONG_PTR)
            object::find;
        session C_FindObjectsFinal() object::find_final;
        session C_EncryptInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) operation::encrypt_init;
        session C_Encrypt(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::encrypt;
        session C_EncryptUpdate(part: CK_BYTE_PTR, part_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::encrypt_update;
        session C_EncryptFinal(output: CK_BYTE_PTR, output_len: CK_ULONG_PTR) operation::encrypt_final;
        session C_DecryptInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) operation::decrypt_init;
        session C_Decrypt(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::decrypt;
        session C_DecryptUpdate(part: CK_BYTE_PTR, part_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::decrypt_update;
        session C_DecryptFinal(output: CK_BYTE_PTR, output_len: CK_ULONG_PTR) operation::decrypt_final;
        session C_DigestInit(mechanism: CK_MECHANISM_PTR) operation::digest_init;
        session C_Digest(data: CK_BYTE_PTR, data_len: CK_ULONG, digest: CK_BYTE_PTR, digest_len: CK_ULONG_PTR)
            operation::digest;
        session C_DigestUpdate(part: CK_BYTE_PTR, part_len: CK_ULONG) operation::digest_update;
        session C_DigestKey(key: CK_OBJECT_HANDLE) operation::digest_key;
        session C_DigestFinal(digest: CK_BYTE_PTR, digest_len: CK_ULONG_PTR) operation::digest_final;
        session C_SignInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) operation::sign_init;
        session C_Sign(data: CK_BYTE_PTR, data_len: CK_ULONG, signature: CK_BYTE_PTR, signature_len:
            CK_ULONG_PTR) operation::sign;
        session C_SignUpdate(part: CK_BYTE_PTR, part_len: CK_ULONG) operation::sign_update;
        session C_SignFinal(signature: CK_BYTE_PTR, signature_len: CK_ULONG_PTR) operation::sign_final;
        session C_SignRecoverInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE)
            operation::sign_recover_init;
        session C_SignRecover(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::sign_recover;
        session C_VerifyInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) operation::verify_init;
        session C_Verify(data: CK_BYTE_PTR, data_len: CK_ULONG, signature: CK_BYTE_PTR, signature_len:
            CK_ULONG) operation::verify;
        session C_VerifyUpdate(part: CK_BYTE_PTR, part_len: CK_ULONG) operation::verify_update;
        session C_VerifyFinal(signature: CK_BYTE_PTR, signature_len: CK_ULONG) operation::verify_final;
        session C_VerifyRecoverInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE)
            operation::verify_recover_init;
        session C_VerifyRecover(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::verify_recover;
        session C_DigestEncryptUpdate(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::digest_encrypt_update;
        session C_DecryptDigestUpdate(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::decrypt_digest_update;
        session C_SignEncryptUpdate(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::sign_encrypt_update;
        session C_DecryptVerifyUpdate(data: CK_BYTE_PTR, data_len: CK_ULONG, output: CK_BYTE_PTR, output_len:
            CK_ULONG_PTR) operation::decrypt_verify_update;
        session C_GenerateKey(mechanism: CK_MECHANISM_PTR, template: CK_ATTRIBUTE_PTR, count: CK_ULONG, key:
            CK_OBJECT_HANDLE_PTR) key::generate;
        session C_GenerateKeyPair(mechanism: CK_MECHANISM_PTR, public: CK_ATTRIBUTE_PTR, public_count:
            CK_ULONG, private: CK_ATTRIBUTE_PTR, private_count: CK_ULONG, public_key: CK_OBJECT_HANDLE_PTR,
            private_key: CK_OBJECT_HANDLE_PTR) key::generate_pair;
        session C_WrapKey(mechanism: CK_MECHANISM_PTR, wrapping_key: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
            wrapped: CK_BYTE_PTR, wrapped_len: CK_ULONG_PTR) key::wrap;
        session C_UnwrapKey(mechanism: CK_MECHANISM_PTR, unwrapping_key: CK_OBJECT_HANDLE, wrapped:
            CK_BYTE_PTR, wrapped_len: CK_ULONG, template: CK_ATTRIBUTE_PTR, count: CK_ULONG, key:
            CK_OBJECT_HANDLE_PTR) key::unwrap;
        session C_DeriveKey(mechanism: CK_MECHANISM_PTR, base_key: CK_OBJECT_HANDLE, template:
            CK_ATTRIBUTE_PTR, count: CK_ULONG, key: CK_OBJECT_HANDLE_PTR) key::derive;
        session C_SeedRandom(seed: CK_BYTE_PTR, seed_len: CK_ULONG) random::seed;
        session C_GenerateRandom(buffer: CK_BYTE_PTR, buffer_len: CK_ULONG) random::generate;
        parallel C_GetFunctionStatus(CK_SESSION_HANDLE);
        parallel C_CancelFunction(CK_SESSION_HANDLE);
        module C_WaitForSlotEvent(flags: CK_FLAGS, slot: CK_SLOT_ID_PTR, reserved: CK_VOID_PTR)
            slot::wait_for_event;
    }
    v3_0 {
        anytime C_GetInterfaceList(list: CK_INTERFACE_PTR, count: CK_ULONG_PTR) table::interface_list;
        anytime C_GetInterface(name: CK_UTF8CHAR_PTR, version: CK_VERSION_PTR, interface:
            CK_INTERFACE_PTR_PTR, flags: CK_FLAGS) table::interface;
        session C_LoginUser(user_type: CK_USER_TYPE, pin: CK_UTF8CHAR_PTR, pin_len: CK_ULONG, name:
            CK_UTF8CHAR_PTR, name_len: CK_ULONG) session::login_user;
        session C_SessionCancel(flags: CK_FLAGS) session::cancel;
        session C_MessageEncryptInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) message::message_encrypt_init;
        session C_EncryptMessage(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, aad: CK_BYTE_PTR, aad_len: CK_ULONG,
            text: CK_BYTE_PTR, text_len: CK_ULONG, output: CK_BYTE_PTR, output_len: CK_ULONG_PTR)
            message::encrypt_message;
        session C_EncryptMessageBegin(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, aad: CK_BYTE_PTR, aad_len:
            CK_ULONG) message::encrypt_message_begin;
        session C_EncryptMessageNext(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, part: CK_BYTE_PTR, part_len:
            CK_ULONG, output: CK_BYTE_PTR, output_len: CK_ULONG_PTR, flags: CK_FLAGS) message::encrypt_message_next;
        session C_MessageEncryptFinal() message::message_encrypt_final;
        session C_MessageDecryptInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) message::message_decrypt_init;
        session C_DecryptMessage(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, aad: CK_BYTE_PTR, aad_len: CK_ULONG,
            text: CK_BYTE_PTR, text_len: CK_ULONG, output: CK_BYTE_PTR, output_len: CK_ULONG_PTR)
            message::decrypt_message;
        session C_DecryptMessageBegin(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, aad: CK_BYTE_PTR, aad_len:
            CK_ULONG) message::decrypt_message_begin;
        session C_DecryptMessageNext(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, part: CK_BYTE_PTR, part_len:
            CK_ULONG, output: CK_BYTE_PTR, output_len: CK_ULONG_PTR, flags: CK_FLAGS) message::decrypt_message_next;
        session C_MessageDecryptFinal() message::message_decrypt_final;
        session C_MessageSignInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) message::message_sign_init;
        session C_SignMessage(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, data: CK_BYTE_PTR, data_len: CK_ULONG,
            signature: CK_BYTE_PTR, signature_len: CK_ULONG_PTR) message::sign_message;
        session C_SignMessageBegin(parameter: CK_VOID_PTR, parameter_len: CK_ULONG) message::sign_message_begin;
        session C_SignMessageNext(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, part: CK_BYTE_PTR, part_len:
            CK_ULONG, signature: CK_BYTE_PTR, signature_len: CK_ULONG_PTR) message::sign_message_next;
        session C_MessageSignFinal() message::message_sign_final;
        session C_MessageVerifyInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE) message::message_verify_init;
        session C_VerifyMessage(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, data: CK_BYTE_PTR, data_len: CK_ULONG,
            signature: CK_BYTE_PTR, signature_len: CK_ULONG) message::verify_message;
        session C_VerifyMessageBegin(parameter: CK_VOID_PTR, parameter_len: CK_ULONG) message::verify_message_begin;
        session C_VerifyMessageNext(parameter: CK_VOID_PTR, parameter_len: CK_ULONG, part: CK_BYTE_PTR, part_len:
            CK_ULONG, signature: CK_BYTE_PTR, signature_len: CK_ULONG) message::verify_message_next;
        session C_MessageVerifyFinal() message::message_verify_final;
    }
    v3_2 {
        session C_EncapsulateKey(mechanism: CK_MECHANISM_PTR, public_key: CK_OBJECT_HANDLE, template:
            CK_ATTRIBUTE_PTR, count: CK_ULONG, ciphertext: CK_BYTE_PTR, ciphertext_len: CK_ULONG_PTR, key:
            CK_OBJECT_HANDLE_PTR) key::encapsulate;
        session C_DecapsulateKey(mechanism: CK_MECHANISM_PTR, private_key: CK_OBJECT_HANDLE, template:
            CK_ATTRIBUTE_PTR, count: CK_ULONG, ciphertext: CK_BYTE_PTR, ciphertext_len: CK_ULONG, key:
            CK_OBJECT_HANDLE_PTR) key::decapsulate;
        session C_VerifySignatureInit(mechanism: CK_MECHANISM_PTR, key: CK_OBJECT_HANDLE, signature: CK_BYTE_PTR,
            signature_len: CK_ULONG) operation::verify_signature_init;
        session C_VerifySignature(data: CK_BYTE_PTR, data_len: CK_ULONG) operation::verify_signature;
        session C_VerifySignatureUpdate(part: CK_BYTE_PTR, part_len: CK_ULONG) operation::verify_signature_update;
        session C_VerifySignatureFinal() operation::verify_signature_final;
        session C_GetSessionValidationFlags(kind: CK_SESSION_VALIDATION_FLAGS_TYPE, flags: CK_FLAGS_PTR)
            session::validation_flags;
        session C_AsyncComplete(function: CK_UTF8CHAR_PTR, result: *mut CK_ASYNC_DATA) asynchronous::complete;
        session C_AsyncGetID(function: CK_UTF8CHAR_PTR, id: CK_ULONG_PTR) asynchronous::id;
        session C_AsyncJoin(function: CK_UTF8CHAR_PTR, id: CK_ULONG, data: CK_BYTE_PTR, data_len: CK_ULONG)
            asynchronous::join;
        session C_WrapKeyAuthenticated(mechanism: CK_MECHANISM_PTR, wrapping_key: CK_OBJECT_HANDLE, key:
            CK_OBJECT_HANDLE, aad: CK_BYTE_PTR, aad_len: CK_ULONG, wrapped: CK_BYTE_PTR, wrapped_len: CK_ULONG_PTR)
            key::wrap_authenticated;
        session C_UnwrapKeyAuthenticated(mechanism: CK_MECHANISM_PTR, unwrapping_key: CK_OBJECT_HANDLE, wrapped:
            CK_BYTE_PTR, wrapped_len: CK_ULONG, template: CK_ATTRIBUTE_PTR, count: CK_ULONG, aad: CK_BYTE_PTR,
            aad_len: CK_ULONG, key: CK_OBJECT_HANDLE_PTR) key::unwrap_authenticated;
    }
}
