//! Initialising, finalising, and what a module says about itself (PKCS#11 3.2, 5.4 and 3.6).

use crate::call;
use crate::expect::{Check, Verdict, equal, expect, expect_any, holds};
use crate::module::{Module, Outcome, functions_of};
use crate::scenario::{Host, Scenario, finalize, initialize, slots};
use crate::session::Session;
use crate::unload::{self, How};
use cryptoki_sys::*;
use std::ptr;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "function-list-is-version-2",
        "5.4 C_GetFunctionList",
        "the list that C_GetFunctionList returns is the one of version 2.40, newer ones come from C_GetInterface",
        |h| equal("version.major of the list", h.module.list().version.major, 2),
    )
    .blank(),
    Scenario::new(
        "function-list-is-complete",
        "5.1.6 CKR_FUNCTION_NOT_SUPPORTED",
        "also a function that the library does not support has a stub in the function list",
        |h| equal("functions in the list", count_entries(&h.module), functions_of(h.module.list().version)),
    )
    .blank(),
    Scenario::new(
        "function-list-to-null",
        "5.4 C_GetFunctionList",
        "C_GetFunctionList without a place for the list gets CKR_ARGUMENTS_BAD",
        |h| expect(call!(h.module, C_GetFunctionList, ptr::null_mut()), CKR_ARGUMENTS_BAD),
    )
    .blank(),
    Scenario::new(
        "initialize-without-arguments",
        "5.4 C_Initialize",
        "C_Initialize accepts NULL for its arguments: an application with a single thread",
        |h| Ok(call!(h.module, C_Initialize, ptr::null_mut())?),
    )
    .blank(),
    Scenario::new(
        "initialize-with-os-locking",
        "5.4 C_Initialize",
        "with CKF_OS_LOCKING_OK and no callbacks the library locks with the operating system's means",
        |h| h.initialize().map(|_| ()),
    )
    .blank(),
    Scenario::new(
        "initialize-twice",
        "5.4 C_Initialize",
        "a second C_Initialize without C_Finalize gets CKR_CRYPTOKI_ALREADY_INITIALIZED",
        |h| {
            let module = h.initialize()?;
            expect(initialize(module), CKR_CRYPTOKI_ALREADY_INITIALIZED)
        },
    )
    .blank(),
    Scenario::new(
        "initialize-with-reserved-pointer",
        "5.4 C_Initialize",
        "pReserved of the arguments must be NULL, else CKR_ARGUMENTS_BAD",
        |h| expect(initialize_with(&h.module, 0, CKF_OS_LOCKING_OK, true), CKR_ARGUMENTS_BAD),
    )
    .blank(),
    Scenario::new(
        "initialize-with-one-callback",
        "5.4 C_Initialize",
        "either all four mutex callbacks are given or none, else CKR_ARGUMENTS_BAD",
        |h| expect(initialize_with(&h.module, 1, 0, false), CKR_ARGUMENTS_BAD),
    )
    .blank(),
    Scenario::new(
        "initialize-with-callbacks-and-os-locking",
        "5.4 C_Initialize",
        "with callbacks and CKF_OS_LOCKING_OK the library may use either way of locking, so it has one that works",
        |h| Ok(initialize_with(&h.module, 4, CKF_OS_LOCKING_OK, false)?),
    )
    .blank(),
    Scenario::new(
        "initialize-with-callbacks-alone",
        "5.4 C_Initialize",
        "with callbacks and without CKF_OS_LOCKING_OK the library uses the callbacks or says CKR_CANT_LOCK",
        |h| expect_any(initialize_with(&h.module, 4, 0, false), &[CKR_OK, CKR_CANT_LOCK]),
    )
    .blank(),
    Scenario::new(
        "initialize-without-threads",
        "5.4 C_Initialize",
        "CKF_LIBRARY_CANT_CREATE_OS_THREADS is obeyed, or refused with CKR_NEED_TO_CREATE_THREADS",
        |h| {
            let flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS;
            expect_any(initialize_with(&h.module, 0, flags, false), &[CKR_OK, CKR_NEED_TO_CREATE_THREADS])
        },
    )
    .blank(),
    Scenario::new(
        "finalize-without-initialize",
        "5.4 C_Finalize",
        "C_Finalize of a library that is not initialised gets CKR_CRYPTOKI_NOT_INITIALIZED",
        |h| expect(finalize(&h.module), CKR_CRYPTOKI_NOT_INITIALIZED),
    )
    .blank(),
    Scenario::new(
        "finalize-twice",
        "5.4 C_Finalize",
        "the second C_Finalize gets CKR_CRYPTOKI_NOT_INITIALIZED",
        |h| {
            finalize(h.initialize()?)?;
            expect(finalize(&h.module), CKR_CRYPTOKI_NOT_INITIALIZED)
        },
    )
    .blank(),
    Scenario::new(
        "finalize-with-reserved-pointer",
        "5.4 C_Finalize",
        "pReserved must be NULL, else CKR_ARGUMENTS_BAD",
        |h| {
            let mut something = 1_u8;
            let pointer = ptr::from_mut(&mut something).cast();
            expect(call!(h.initialize()?, C_Finalize, pointer), CKR_ARGUMENTS_BAD)
        },
    )
    .blank(),
    Scenario::new(
        "initialize-again-after-finalize",
        "5.4 C_Finalize",
        "after C_Finalize an application may call C_Initialize again and work",
        |h| {
            for _ in 0..5 {
                initialize(&h.module)?;
                slots(&h.module, false)?;
                finalize(&h.module)?;
            }
            Ok(())
        },
    )
    .blank(),
    Scenario::new(
        "finalize-ends-sessions",
        "5.4 C_Finalize",
        "a session handle from before C_Finalize is not valid after the next C_Initialize",
        |h| {
            let session = h.user()?;
            finalize(&h.module)?;
            initialize(&h.module)?;
            expect(session.info(), CKR_SESSION_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "finalize-ends-the-login",
        "5.6 C_Login",
        "logins belong to sessions: after C_Finalize and C_Initialize a new session is public",
        |h| {
            let slot = h.token()?;
            h.user()?;
            finalize(&h.module)?;
            initialize(&h.module)?;
            let session = Session::open(&h.module, slot, CKF_RW_SESSION)?;
            equal("state", session.info()?.state, CKS_RW_PUBLIC_SESSION)
        },
    ),
    Scenario::new(
        "slots-before-initialize",
        "5.1.6 CKR_CRYPTOKI_NOT_INITIALIZED",
        "functions for slots and tokens get CKR_CRYPTOKI_NOT_INITIALIZED before C_Initialize",
        |h| uninitialized(&slot_calls(&h.module)),
    )
    .blank(),
    Scenario::new(
        "sessions-before-initialize",
        "5.1.6 CKR_CRYPTOKI_NOT_INITIALIZED",
        "functions for sessions and objects get CKR_CRYPTOKI_NOT_INITIALIZED before C_Initialize",
        |h| uninitialized(&session_calls(&h.module)),
    )
    .blank(),
    Scenario::new(
        "operations-before-initialize",
        "5.1.6 CKR_CRYPTOKI_NOT_INITIALIZED",
        "cryptographic functions get CKR_CRYPTOKI_NOT_INITIALIZED before C_Initialize",
        |h| uninitialized(&operation_calls(&h.module)),
    )
    .blank(),
    Scenario::new(
        "everything-after-finalize",
        "5.1.6 CKR_CRYPTOKI_NOT_INITIALIZED",
        "after C_Finalize all functions get CKR_CRYPTOKI_NOT_INITIALIZED again",
        |h| {
            finalize(h.initialize()?)?;
            uninitialized(&slot_calls(&h.module))?;
            uninitialized(&session_calls(&h.module))?;
            uninitialized(&operation_calls(&h.module))
        },
    )
    .blank(),
    Scenario::new(
        "info-is-complete",
        "3.1 CK_INFO",
        "manufacturer and description are filled with blanks and not zero-terminated, and the flags are zero",
        |h| {
            let info = module_info(h)?;
            holds("cryptokiVersion is at least 2.0", info.cryptokiVersion.major >= 2)?;
            equal("flags", info.flags, 0)?;
            blank_padded("manufacturerID", &info.manufacturerID)?;
            blank_padded("libraryDescription", &info.libraryDescription)
        },
    )
    .blank(),
    Scenario::new("info-to-null", "5.4 C_GetInfo", "C_GetInfo without a place for it gets CKR_ARGUMENTS_BAD", |h| {
        expect(call!(h.initialize()?, C_GetInfo, ptr::null_mut()), CKR_ARGUMENTS_BAD)
    })
    .blank(),
    Scenario::new(
        "interfaces-are-complete",
        "3.6 CK_INTERFACE",
        "each listed interface 'PKCS 11' has a list of its version in which no function is missing",
        |h| {
            let interfaces = h.module.interfaces().ok_or_else(no_interfaces)?;
            holds("at least one interface is listed", !interfaces.is_empty())?;
            for interface in interfaces.iter().filter(|interface| interface.name == "PKCS 11") {
                let what = format!("functions of {}.{}", interface.major, interface.minor);
                equal(&what, interface.functions, interface.expected)?;
            }
            Ok(())
        },
    )
    .blank(),
    Scenario::new(
        "interface-by-default",
        "5.4 C_GetInterface",
        "C_GetInterface without a name or version returns the default interface of the library",
        |h| {
            h.module.interfaces().ok_or_else(no_interfaces)?;
            holds("a default interface is returned", h.module.interface(None, None).is_some())
        },
    )
    .blank(),
    Scenario::new(
        "interface-of-every-listed-version",
        "5.4 C_GetInterface",
        "what C_GetInterfaceList lists can be asked for by name and version",
        |h| {
            for found in h.module.interfaces().ok_or_else(no_interfaces)? {
                let again = h.module.interface(Some(&found.name), Some((found.major, found.minor)));
                holds(&format!("{} {}.{} is found", found.name, found.major, found.minor), again.is_some())?;
            }
            Ok(())
        },
    )
    .blank(),
    Scenario::new(
        "interface-of-unknown-name",
        "5.4 C_GetInterface",
        "a name or version that the library does not have is not answered with another interface",
        |h| {
            h.module.interfaces().ok_or_else(no_interfaces)?;
            holds("no interface of an unknown name", h.module.interface(Some("no such interface"), None).is_none())?;
            holds("no interface of version 9.9", h.module.interface(Some("PKCS 11"), Some((9, 9))).is_none())
        },
    )
    .blank(),
    Scenario::new(
        "legacy-functions-are-not-parallel",
        "5.20 C_GetFunctionStatus, C_CancelFunction",
        "the two legacy functions only ever return CKR_FUNCTION_NOT_PARALLEL",
        |h| {
            let session = h.session()?;
            expect(call!(h.module, C_GetFunctionStatus, session.handle), CKR_FUNCTION_NOT_PARALLEL)?;
            expect(call!(h.module, C_CancelFunction, session.handle), CKR_FUNCTION_NOT_PARALLEL)
        },
    ),
    Scenario::new(
        "legacy-functions-with-any-handle",
        "5.20 C_GetFunctionStatus, C_CancelFunction",
        "CKR_FUNCTION_NOT_PARALLEL also without a session (a client was seen to ask this way)",
        |h| {
            h.initialize()?;
            expect(call!(h.module, C_GetFunctionStatus, CK_INVALID_HANDLE), CKR_FUNCTION_NOT_PARALLEL)?;
            expect(call!(h.module, C_CancelFunction, CK_INVALID_HANDLE), CKR_FUNCTION_NOT_PARALLEL)
        },
    )
    .blank(),
    Scenario::new(
        "unload-and-load-again",
        "5.4 C_Finalize",
        "after C_Finalize the application is done with the library: it may unload it and load it again, ten times",
        |_| unload::in_child(How::Again),
    )
    .blank(),
    Scenario::new(
        "unload-beside-a-thread",
        "5.4 C_Finalize (client need)",
        "a host unloads the library while a thread that has called it lives on, and ends later",
        |_| unload::in_child(How::BesideAThread),
    )
    .blank(),
    Scenario::new(
        "unload-without-finalize",
        "5.4 C_Finalize (robustness)",
        "a host that forgets C_Finalize and unloads the library ends as it would have",
        |_| unload::in_child(How::Unfinalized),
    )
    .blank(),
    Scenario::new(
        "only-listed-functions-are-exported-under-their-names",
        "5.4 C_GetFunctionList",
        "the functions are also there under their own names, for applications that link or look them up",
        |h| {
            for name in ["C_Initialize", "C_Finalize", "C_OpenSession", "C_Sign", "C_GetFunctionList"] {
                holds(&format!("{name} is exported"), h.module.exports(name))?;
            }
            Ok(())
        },
    )
    .blank(),
];

/// How many entries of the function list are not NULL.
fn count_entries(module: &Module) -> usize {
    let first = ptr::from_ref(module.list()).cast::<*const ()>();
    // SAFETY: the list is its version followed by so many function pointers.
    (1..=functions_of(module.list().version)).filter(|i| unsafe { !first.add(*i).read().is_null() }).count()
}

fn no_interfaces() -> Verdict {
    Verdict::NotSupported("C_GetInterfaceList is not exported".into())
}

fn module_info(h: &Host) -> Check<CK_INFO> {
    // SAFETY: a C structure of integers and byte arrays; all zeros is a value of it.
    let mut info: CK_INFO = unsafe { std::mem::zeroed() };
    call!(h.initialize()?, C_GetInfo, &mut info)?;
    Ok(info)
}

/// A fixed-length string of the standard: no zero bytes, blanks at the end only, and not empty.
pub fn blank_padded(what: &str, text: &[u8]) -> Check {
    holds(&format!("{what} has no zero bytes"), !text.contains(&0))?;
    holds(&format!("{what} is not blank"), text.iter().any(|byte| *byte != b' '))
}

unsafe extern "C" fn create_mutex(mutex: *mut *mut std::ffi::c_void) -> CK_RV {
    // SAFETY: the library gives the address of a pointer.
    unsafe { *mutex = ptr::NonNull::<u8>::dangling().as_ptr().cast() };
    CKR_OK
}

unsafe extern "C" fn use_mutex(_: *mut std::ffi::c_void) -> CK_RV {
    CKR_OK
}

/// `C_Initialize` with the first `callbacks` of the four callbacks.
fn initialize_with(module: &Module, callbacks: usize, flags: CK_FLAGS, reserved: bool) -> Outcome {
    let mut arguments = CK_C_INITIALIZE_ARGS {
        CreateMutex: (callbacks > 0).then_some(create_mutex),
        DestroyMutex: (callbacks > 1).then_some(use_mutex),
        LockMutex: (callbacks > 2).then_some(use_mutex),
        UnlockMutex: (callbacks > 3).then_some(use_mutex),
        flags,
        pReserved: if reserved { ptr::NonNull::<u8>::dangling().as_ptr().cast() } else { ptr::null_mut() },
    };
    call!(module, C_Initialize, ptr::from_mut(&mut arguments).cast())
}

/// All must be CKR_CRYPTOKI_NOT_INITIALIZED; a stub may say so of itself at any time.
fn uninitialized(calls: &[Outcome]) -> Check {
    let wanted = [CKR_CRYPTOKI_NOT_INITIALIZED, CKR_FUNCTION_NOT_SUPPORTED];
    calls.iter().try_for_each(|outcome| expect_any(*outcome, &wanted))
}

fn slot_calls(m: &Module) -> Vec<Outcome> {
    let (mut number, mut slot) = (0, 0);
    // SAFETY: C structures of integers and byte arrays; all zeros is a value of them.
    let (mut info, mut slot_info, mut token_info): (CK_INFO, CK_SLOT_INFO, CK_TOKEN_INFO) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
    let mut mechanism_info = CK_MECHANISM_INFO { ulMinKeySize: 0, ulMaxKeySize: 0, flags: 0 };
    let mut text = [b' '; 32];
    let text = text.as_mut_ptr();
    vec![
        call!(m, C_GetInfo, &mut info),
        call!(m, C_GetSlotList, CK_FALSE, ptr::null_mut(), &mut number),
        call!(m, C_GetSlotInfo, 0, &mut slot_info),
        call!(m, C_GetTokenInfo, 0, &mut token_info),
        call!(m, C_GetMechanismList, 0, ptr::null_mut(), &mut number),
        call!(m, C_GetMechanismInfo, 0, CKM_SHA256, &mut mechanism_info),
        call!(m, C_InitToken, 0, text, 8, text),
        call!(m, C_WaitForSlotEvent, CKF_DONT_BLOCK, &mut slot, ptr::null_mut()),
        call!(m, C_CloseAllSessions, 0),
        call!(m, C_OpenSession, 0, CKF_SERIAL_SESSION, ptr::null_mut(), None, &mut number),
    ]
}

fn session_calls(m: &Module) -> Vec<Outcome> {
    let mut number = 0;
    let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
    let mut bytes = [0_u8; 32];
    let text = bytes.as_mut_ptr();
    let mut attribute = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: ptr::null_mut(), ulValueLen: 0 };
    vec![
        call!(m, C_InitPIN, 1, text, 8),
        call!(m, C_SetPIN, 1, text, 8, text, 8),
        call!(m, C_CloseSession, 1),
        call!(m, C_GetSessionInfo, 1, &mut info),
        call!(m, C_GetOperationState, 1, ptr::null_mut(), &mut number),
        call!(m, C_SetOperationState, 1, text, 8, 0, 0),
        call!(m, C_Login, 1, CKU_USER, text, 8),
        call!(m, C_Logout, 1),
        call!(m, C_CreateObject, 1, &mut attribute, 1, &mut number),
        call!(m, C_CopyObject, 1, 1, &mut attribute, 0, &mut number),
        call!(m, C_DestroyObject, 1, 1),
        call!(m, C_GetObjectSize, 1, 1, &mut number),
        call!(m, C_GetAttributeValue, 1, 1, &mut attribute, 1),
        call!(m, C_SetAttributeValue, 1, 1, &mut attribute, 1),
        call!(m, C_FindObjectsInit, 1, ptr::null_mut(), 0),
        call!(m, C_FindObjects, 1, &mut 0, 1, &mut number),
        call!(m, C_FindObjectsFinal, 1),
    ]
}

fn operation_calls(m: &Module) -> Vec<Outcome> {
    let mut length = 32;
    let mut bytes = [0_u8; 32];
    let data = bytes.as_mut_ptr();
    let mut key = 0;
    let mut mechanism =
        CK_MECHANISM { mechanism: CKM_SHA256, pParameter: ptr::null_mut(), ulParameterLen: 0 };
    let mechanism = &mut mechanism as *mut CK_MECHANISM;
    let none = ptr::null_mut();
    vec![
        call!(m, C_EncryptInit, 1, mechanism, 1),
        call!(m, C_Encrypt, 1, data, 16, data, &mut length),
        call!(m, C_EncryptUpdate, 1, data, 16, data, &mut length),
        call!(m, C_EncryptFinal, 1, data, &mut length),
        call!(m, C_DecryptInit, 1, mechanism, 1),
        call!(m, C_Decrypt, 1, data, 16, data, &mut length),
        call!(m, C_DecryptUpdate, 1, data, 16, data, &mut length),
        call!(m, C_DecryptFinal, 1, data, &mut length),
        call!(m, C_DigestInit, 1, mechanism),
        call!(m, C_Digest, 1, data, 16, data, &mut length),
        call!(m, C_DigestUpdate, 1, data, 16),
        call!(m, C_DigestKey, 1, 1),
        call!(m, C_DigestFinal, 1, data, &mut length),
        call!(m, C_SignInit, 1, mechanism, 1),
        call!(m, C_Sign, 1, data, 16, data, &mut length),
        call!(m, C_SignUpdate, 1, data, 16),
        call!(m, C_SignFinal, 1, data, &mut length),
        call!(m, C_SignRecoverInit, 1, mechanism, 1),
        call!(m, C_SignRecover, 1, data, 16, data, &mut length),
        call!(m, C_VerifyInit, 1, mechanism, 1),
        call!(m, C_Verify, 1, data, 16, data, 16),
        call!(m, C_VerifyUpdate, 1, data, 16),
        call!(m, C_VerifyFinal, 1, data, 16),
        call!(m, C_VerifyRecoverInit, 1, mechanism, 1),
        call!(m, C_VerifyRecover, 1, data, 16, data, &mut length),
        call!(m, C_DigestEncryptUpdate, 1, data, 16, data, &mut length),
        call!(m, C_DecryptDigestUpdate, 1, data, 16, data, &mut length),
        call!(m, C_SignEncryptUpdate, 1, data, 16, data, &mut length),
        call!(m, C_DecryptVerifyUpdate, 1, data, 16, data, &mut length),
        call!(m, C_GenerateKey, 1, mechanism, none, 0, &mut key),
        call!(m, C_GenerateKeyPair, 1, mechanism, none, 0, none, 0, &mut key, &mut key.clone()),
        call!(m, C_WrapKey, 1, mechanism, 1, 1, data, &mut length),
        call!(m, C_UnwrapKey, 1, mechanism, 1, data, 16, none, 0, &mut key),
        call!(m, C_DeriveKey, 1, mechanism, 1, none, 0, &mut key),
        call!(m, C_SeedRandom, 1, data, 16),
        call!(m, C_GenerateRandom, 1, data, 16),
    ]
}
