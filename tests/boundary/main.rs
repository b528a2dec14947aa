//! The C boundary, through the shared library: whatever a host passes, a CK_RV comes back and the host lives.

#[path = "../interface/mod.rs"]
mod interface;

mod answers;
mod arguments;
mod exhaustion;
mod functions;
mod layouts;
mod matrix;
mod memory;
mod parameters;
mod threads;
mod worker;
mod world;

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use coffer_pkcs11::ck::*;
use interface::*;

#[test]
fn the_function_lists_have_their_versions_and_no_hole() {
    let loaded = load();
    // SAFETY: the functions have these types; a list begins with its version and has a pointer for each function.
    unsafe {
        let interfaces = loaded
            .library
            .get::<unsafe extern "C" fn(CK_INTERFACE_PTR, CK_ULONG_PTR) -> CK_RV>(b"C_GetInterfaceList");
        let interfaces = interfaces.unwrap();
        let mut count = 0;
        assert_eq!(interfaces(ptr::null_mut(), &mut count), CKR_OK);
        assert_eq!(count, 3);
        let mut list = [CK_INTERFACE::default(); 3];
        count = 2;
        assert_eq!(interfaces(list.as_mut_ptr(), &mut count), CKR_BUFFER_TOO_SMALL);
        assert_eq!(count, 3);
        assert_eq!(interfaces(list.as_mut_ptr(), &mut count), CKR_OK);
        for (interface, (version, functions)) in list.iter().zip([((3, 2), 104), ((3, 0), 92), ((2, 40), 68)])
        {
            let CK_VERSION { major, minor } = *interface.pFunctionList.cast::<CK_VERSION>();
            assert_eq!((major, minor), version);
            assert_eq!(interface.flags & CKF_INTERFACE_FORK_SAFE, 0);
            let pointers = interface.pFunctionList.cast::<*const c_void>().add(1);
            assert!((0..functions).all(|index| !(*pointers.add(index)).is_null()));
        }
        let list_2_40 = loaded
            .library
            .get::<unsafe extern "C" fn(CK_FUNCTION_LIST_PTR_PTR) -> CK_RV>(b"C_GetFunctionList");
        let mut functions = ptr::null_mut();
        assert_eq!(list_2_40.unwrap()(&mut functions), CKR_OK);
        assert_eq!(functions.cast(), list[2].pFunctionList);
    }
}

#[test]
fn initialising_follows_the_table_of_its_arguments() {
    in_own_process("initialising_follows_the_table_of_its_arguments", || {
        unsafe extern "C" fn create(_: CK_VOID_PTR_PTR) -> CK_RV {
            CKR_OK
        }
        unsafe extern "C" fn other(_: CK_VOID_PTR) -> CK_RV {
            CKR_OK
        }
        let functions = load().functions;
        let arguments = |callbacks: usize, flags, reserved| CK_C_INITIALIZE_ARGS {
            CreateMutex: (callbacks > 0).then_some(create),
            DestroyMutex: (callbacks > 1).then_some(other),
            LockMutex: (callbacks > 2).then_some(other),
            UnlockMutex: (callbacks > 3).then_some(other),
            flags,
            pReserved: reserved,
        };
        let (null, reserved) = (ptr::null_mut(), ptr::dangling_mut());
        let no_threads = CKF_LIBRARY_CANT_CREATE_OS_THREADS;
        for (mut arguments, wanted) in [
            (arguments(0, 0, null), CKR_OK),
            (arguments(0, CKF_OS_LOCKING_OK, null), CKR_OK),
            (arguments(4, CKF_OS_LOCKING_OK, null), CKR_OK),
            (arguments(0, no_threads, null), CKR_OK),
            (arguments(4, 0, null), CKR_CANT_LOCK),
            (arguments(1, CKF_OS_LOCKING_OK, null), CKR_ARGUMENTS_BAD),
            (arguments(3, 0, null), CKR_ARGUMENTS_BAD),
            (arguments(0, 0, reserved), CKR_ARGUMENTS_BAD),
        ] {
            assert_eq!(call!(functions, C_Initialize, ptr::from_mut(&mut arguments).cast()), wanted);
            if wanted == CKR_OK {
                assert_eq!(call!(functions, C_Initialize, null), CKR_CRYPTOKI_ALREADY_INITIALIZED);
                assert_eq!(call!(functions, C_Finalize, reserved), CKR_ARGUMENTS_BAD);
                finalize(functions);
            }
            assert_eq!(call!(functions, C_Finalize, null), CKR_CRYPTOKI_NOT_INITIALIZED);
        }
    });
}

#[test]
fn an_unusable_configuration_fails_the_initialisation() {
    in_own_process("an_unusable_configuration_fails_the_initialisation", || {
        let functions = load().functions;
        let home = std::env::var("COFFER_HOME").unwrap();
        std::fs::write(format!("{home}/coffer.toml"), "no-such-key = 1\n").unwrap();
        assert_eq!(call!(functions, C_Initialize, ptr::null_mut()), CKR_FUNCTION_FAILED);
        std::fs::remove_file(format!("{home}/coffer.toml")).unwrap();
        initialize(functions);
    });
}

#[test]
fn general_information_is_true() {
    in_own_process("general_information_is_true", || {
        let functions = load().functions;
        initialize(functions);
        let mut info = CK_INFO::default();
        assert_eq!(call!(functions, C_GetInfo, &mut info), CKR_OK);
        assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor, info.flags), (3, 2, 0));
        let version = format!("{}.{}", info.libraryVersion.major, info.libraryVersion.minor);
        assert!(env!("CARGO_PKG_VERSION").starts_with(&version));
        assert!(info.manufacturerID.ends_with(b" ") && !info.libraryDescription.contains(&0));
        let mut slot = 0;
        let none = ptr::null_mut();
        assert_eq!(call!(functions, C_WaitForSlotEvent, CKF_DONT_BLOCK, &mut slot, none), CKR_NO_EVENT);
        for session in [0, 1, CK_ULONG::MAX] {
            assert_eq!(call!(functions, C_GetFunctionStatus, session), CKR_FUNCTION_NOT_PARALLEL);
            assert_eq!(call!(functions, C_CancelFunction, session), CKR_FUNCTION_NOT_PARALLEL);
        }
    });
}

#[test]
fn encryption_in_place_is_the_same_as_beside() {
    in_own_process("encryption_in_place_is_the_same_as_beside", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let session = open_session(functions);
        let key = aes_key(functions, session);
        let iv = [7u8; 16];
        let mut cbc = mechanism_with(CKM_AES_CBC, &iv);
        let plain: Vec<u8> = (0..64).collect();
        let mut wanted = [0u8; 64];
        let (mut len, mut input) = (64, plain.clone());
        assert_eq!(call!(functions, C_EncryptInit, session, &mut *cbc, key), CKR_OK);
        let output = wanted.as_mut_ptr();
        assert_eq!(call!(functions, C_Encrypt, session, input.as_mut_ptr(), 64, output, &mut len), CKR_OK);
        // The output begins before, at, and behind the input, in one part and in two.
        for (from, to) in [(0, 0), (8, 0), (0, 8), (1, 0), (0, 63)] {
            for parts in [1, 2] {
                let mut memory = [0u8; 160];
                memory[from..from + 64].copy_from_slice(&plain);
                let start = memory.as_mut_ptr();
                assert_eq!(call!(functions, C_EncryptInit, session, &mut *cbc, key), CKR_OK);
                len = 64;
                // SAFETY: both ranges lie within `memory`.
                let (input, output) = unsafe { (start.add(from), start.add(to)) };
                if parts == 1 {
                    assert_eq!(call!(functions, C_Encrypt, session, input, 64, output, &mut len), CKR_OK);
                } else {
                    assert_eq!(
                        call!(functions, C_EncryptUpdate, session, input, 64, output, &mut len),
                        CKR_OK
                    );
                    let mut rest = 0;
                    assert_eq!(call!(functions, C_EncryptFinal, session, output, &mut rest), CKR_OK);
                }
                assert_eq!((len, &memory[to..to + 64]), (64, &wanted[..]), "{from} {to} {parts}");
            }
        }
    });
}

#[test]
fn every_error_but_a_small_buffer_ends_the_operation() {
    in_own_process("every_error_but_a_small_buffer_ends_the_operation", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let session = open_session(functions);
        let mut sha256 = mechanism(CKM_SHA256);
        let (mut data, mut digest, mut len) = ([1u8; 4], [0u8; 32], 0);
        let (data, digest) = (data.as_mut_ptr(), digest.as_mut_ptr());
        let null = ptr::null_mut();
        let over = CKR_OPERATION_NOT_INITIALIZED;

        assert_eq!(call!(functions, C_DigestInit, session, &mut sha256), CKR_OK);
        assert_eq!(call!(functions, C_Digest, session, data, 4, null, &mut len), CKR_OK);
        assert_eq!(len, 32);
        len = 31;
        assert_eq!(call!(functions, C_Digest, session, data, 4, digest, &mut len), CKR_BUFFER_TOO_SMALL);
        assert_eq!(len, 32);
        assert_eq!(call!(functions, C_Digest, session, data, 4, digest, &mut len), CKR_OK);
        assert_eq!(call!(functions, C_Digest, session, data, 4, digest, &mut len), over);

        assert_eq!(call!(functions, C_DigestInit, session, &mut sha256), CKR_OK);
        assert_eq!(call!(functions, C_Digest, session, data, 4, digest, null.cast()), CKR_ARGUMENTS_BAD);
        assert_eq!(call!(functions, C_Digest, session, data, 4, digest, &mut len), over);
        assert_eq!(call!(functions, C_DigestInit, session, &mut sha256), CKR_OK);
        assert_eq!(call!(functions, C_DigestUpdate, session, null, 4), CKR_ARGUMENTS_BAD);
        assert_eq!(call!(functions, C_DigestFinal, session, digest, &mut len), over);
        assert_eq!(call!(functions, C_DigestInit, session, &mut sha256), CKR_OK);
        assert_eq!(call!(functions, C_DigestInit, session, ptr::null_mut()), CKR_OK);
        assert_eq!(call!(functions, C_DigestFinal, session, digest, &mut len), over);
    });
}

#[test]
fn attributes_are_told_whatever_becomes_of_the_others() {
    in_own_process("attributes_are_told_whatever_becomes_of_the_others", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let session = open_session(functions);
        let key = aes_key(functions, session);
        let (mut value, mut label, mut class) = ([[0u8; 16]; 3], [0u8; 3], [0 as CK_ULONG]);
        let [first, second, third] = &mut value;
        let mut length = asked::<u8>(CKA_VALUE_LEN, &mut []);
        length.pValue = ptr::null_mut();
        let mut asked = [
            asked(CKA_VALUE, first),
            asked(CKA_LABEL, &mut label),
            asked(CKA_MODULUS, second),
            asked(CKA_CLASS, &mut class),
            length,
            asked(0x7777_7777, third),
        ];
        let count = asked.len() as CK_ULONG;
        let outcome = call!(functions, C_GetAttributeValue, session, key, asked.as_mut_ptr().cast(), count);
        assert!([CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID].contains(&outcome), "{outcome:#x}");
        let unavailable = CK_UNAVAILABLE_INFORMATION;
        let lengths = asked.map(|attribute| attribute.ulValueLen);
        assert_eq!(lengths, [unavailable, 3, unavailable, 8, 8, unavailable]);
        assert_eq!((&label, class, value), (b"key", [CKO_SECRET_KEY], [[0; 16]; 3]));
    });
}

#[test]
fn finalising_while_others_call_harms_nobody() {
    in_own_process("finalising_while_others_call_harms_nobody", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let stop = AtomicBool::new(false);
        let answered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let mut session = 0;
                        let flags = CKF_SERIAL_SESSION;
                        let opened =
                            call!(functions, C_OpenSession, 0, flags, ptr::null_mut(), None, &mut session);
                        let outcome = if opened == CKR_OK { digest(functions, session) } else { opened };
                        let allowed = [
                            CKR_OK,
                            CKR_CRYPTOKI_NOT_INITIALIZED,
                            CKR_SESSION_HANDLE_INVALID,
                            CKR_SESSION_CLOSED,
                            CKR_OPERATION_NOT_INITIALIZED,
                        ];
                        assert!(allowed.contains(&outcome), "{outcome:#x}");
                        let closed = call!(functions, C_CloseSession, session);
                        assert!(allowed.contains(&closed), "{closed:#x}");
                        answered.fetch_add(usize::from(outcome == CKR_OK), Ordering::Relaxed);
                    }
                });
            }
            for _ in 0..60 {
                finalize(functions);
                initialize(functions);
                std::thread::yield_now();
            }
            while answered.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
}

/// Runs `check` in a forked child; answers its exit code, or `None` if a signal ended it (also when it hangs).
fn forked(check: impl FnOnce() -> i32) -> Option<i32> {
    // SAFETY: the child calls only what this test means to show: the library after a fork.
    unsafe {
        match libc::fork() {
            0 => {
                libc::alarm(worker::PATIENCE);
                let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_or(99);
                libc::_exit(code)
            }
            child => {
                assert!(child > 0, "fork failed");
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
            }
        }
    }
}

/// What a child must find: nothing of its parent's, and a library that starts afresh.
fn child_starts_afresh(functions: &CK_FUNCTION_LIST_3_2, inherited: CK_SESSION_HANDLE) -> i32 {
    let mut info = CK_INFO::default();
    if call!(functions, C_GetInfo, &mut info) != CKR_CRYPTOKI_NOT_INITIALIZED {
        return 1;
    }
    if digest(functions, inherited) != CKR_CRYPTOKI_NOT_INITIALIZED {
        return 2;
    }
    if call!(functions, C_Finalize, ptr::null_mut()) != CKR_CRYPTOKI_NOT_INITIALIZED {
        return 3;
    }
    if call!(functions, C_Initialize, ptr::null_mut()) != CKR_OK {
        return 4;
    }
    if digest(functions, inherited) != CKR_SESSION_HANDLE_INVALID {
        return 5;
    }
    let session = open_session(functions);
    log_in(functions, session);
    if digest(functions, session) != CKR_OK {
        return 6;
    }
    0
}

#[test]
fn the_child_of_a_fork_starts_afresh_while_its_parent_goes_on() {
    in_own_process("the_child_of_a_fork_starts_afresh_while_its_parent_goes_on", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let session = open_session(functions);
        log_in(functions, session);
        let grandchild = || match child_starts_afresh(functions, session) {
            0 => {
                // The child's own session, opened first in its own numbering.
                let code = forked(|| child_starts_afresh(functions, CK_ULONG::MAX));
                if code == Some(0) && call!(functions, C_Finalize, ptr::null_mut()) == CKR_OK { 0 } else { 7 }
            }
            code => code,
        };
        assert_eq!(forked(grandchild), Some(0));
        assert_eq!(digest(functions, session), CKR_OK);
        finalize(functions);
        // A child that finds the library finalised initialises it as well.
        let child = || if call!(functions, C_Initialize, ptr::null_mut()) == CKR_OK { 0 } else { 1 };
        assert_eq!(forked(child), Some(0));
    });
}

#[test]
fn children_forked_while_threads_work_never_hang() {
    in_own_process("children_forked_while_threads_work_never_hang", || {
        let functions = load().functions;
        initialize(functions);
        make_token(functions);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let session = open_session(functions);
                    while !stop.load(Ordering::Relaxed) {
                        let mut bytes = [0u8; 32];
                        assert_eq!(digest(functions, session), CKR_OK);
                        assert_eq!(
                            call!(functions, C_GenerateRandom, session, bytes.as_mut_ptr(), 32),
                            CKR_OK
                        );
                        let other = open_session(functions);
                        assert_eq!(call!(functions, C_CloseSession, other), CKR_OK);
                    }
                });
            }
            for round in 0..50 {
                assert_eq!(forked(|| child_starts_afresh(functions, 1 << 40)), Some(0), "fork {round}");
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn a_child_made_by_the_bare_system_call_is_known_as_one() {
    in_own_process("a_child_made_by_the_bare_system_call_is_known_as_one", || {
        let functions = load().functions;
        initialize(functions);
        let none = 0usize;
        // SAFETY: fork without the C library's handlers; the child makes one call and leaves.
        unsafe {
            let child = libc::syscall(libc::SYS_clone, libc::SIGCHLD as usize, none, none, none, none);
            if child == 0 {
                let mut info = CK_INFO::default();
                let told = call!(functions, C_GetInfo, &mut info) == CKR_CRYPTOKI_NOT_INITIALIZED;
                libc::_exit(if told { 0 } else { 1 });
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child as i32, &mut status, 0), child as i32);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status:#x}");
        }
    });
}
