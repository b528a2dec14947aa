//! Every exported function with NULL, misaligned and overlapping pointers, with absurd lengths and with wrong handles, in
//! every state of the library: a CK_RV of the standard comes back and the host lives.
//!
//! The rows of the functions are read from the source that makes them, so that a new function is tested unasked.

mod interface;

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use interface::*;

/// A C function as its row tells it.
struct Function {
    kind: &'static str,
    name: &'static str,
    /// The C types, the session handle of `session` rows among them.
    types: Vec<&'static str>,
    address: *const c_void,
}

/// The functions in the order of the newest list.
fn functions(list: &CK_FUNCTION_LIST_3_2) -> Vec<Function> {
    let source = include_str!("../src/ffi/entry.rs");
    let (_, rows) = source.split_once("\nfunctions! {").unwrap();
    let mut functions: Vec<_> = rows.split(';').filter_map(parse_row).collect();
    assert_eq!(functions.len(), 104);
    for (index, function) in functions.iter_mut().enumerate() {
        // SAFETY: behind its version the list has one pointer for each row, in the order of the rows.
        function.address = unsafe { *ptr::from_ref(list).cast::<*const c_void>().add(1 + index) };
    }
    functions
}

fn parse_row(row: &'static str) -> Option<Function> {
    let row = row.rsplit('{').next()?.trim();
    let (head, rest) = row.split_once('(')?;
    let (kind, name) = head.trim().split_once(' ')?;
    let (arguments, _) = rest.split_once(')')?;
    let handle = (kind == "session").then_some("CK_SESSION_HANDLE");
    let types = arguments.split(',').map(|argument| argument.rsplit(':').next().unwrap_or_default().trim());
    let types = handle.into_iter().chain(types.filter(|name| !name.is_empty())).collect();
    Some(Function { kind, name, types, address: ptr::null() })
}

impl Function {
    /// All arguments are passed in 64-bit registers or stack places, so that one shape of call serves all functions.
    fn call(&self, arguments: &[u64]) -> CK_RV {
        type Any = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> CK_RV;
        let at = |index: usize| arguments.get(index).copied().unwrap_or_default();
        // SAFETY: integers and pointers are passed alike on 64-bit System V and AArch64; surplus arguments are ignored.
        unsafe {
            let function: Any = std::mem::transmute(self.address);
            function(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9))
        }
    }

    fn is_pointer(&self, index: usize) -> bool {
        let name = self.types[index];
        name.ends_with("_PTR") || name.starts_with('*') || name == "CK_NOTIFY"
    }
}

/// Memory that ends at a page which nobody may touch.
struct Guarded {
    end: u64,
}

/// Bytes before the guard page.
const ROOM: u64 = 1 << 16;

impl Guarded {
    fn new() -> Self {
        let size = ROOM as usize + 4096;
        // SAFETY: a new mapping, and a part of it.
        unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(ptr::null_mut(), size, access, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(start.add(ROOM as usize), 4096, libc::PROT_NONE), 0);
            Self { end: start as u64 + ROOM }
        }
    }

    /// A zeroed place of `size` bytes that ends at the guard page.
    fn place(&self, size: u64) -> u64 {
        // SAFETY: the room is ours.
        unsafe { ptr::write_bytes((self.end - ROOM) as *mut u8, 0, ROOM as usize) };
        self.end - size
    }
}

/// The bytes that a pointer of this type leads to.
fn size_of_target(name: &str) -> u64 {
    let size = match name {
        "CK_MECHANISM_PTR" => size_of::<CK_MECHANISM>(),
        "CK_ATTRIBUTE_PTR" => size_of::<CK_ATTRIBUTE>(),
        "CK_INFO_PTR" => size_of::<CK_INFO>(),
        "CK_SLOT_INFO_PTR" => size_of::<CK_SLOT_INFO>(),
        "CK_TOKEN_INFO_PTR" => size_of::<CK_TOKEN_INFO>(),
        "CK_SESSION_INFO_PTR" => size_of::<CK_SESSION_INFO>(),
        "CK_MECHANISM_INFO_PTR" => size_of::<CK_MECHANISM_INFO>(),
        "CK_INTERFACE_PTR" => size_of::<CK_INTERFACE>(),
        "CK_VOID_PTR" => size_of::<CK_C_INITIALIZE_ARGS>(),
        name if name.ends_with("CK_ASYNC_DATA") => size_of::<CK_ASYNC_DATA>(),
        "CK_UTF8CHAR_PTR" => 32,
        "CK_BYTE_PTR" => 1,
        "CK_VERSION_PTR" => 2,
        name if name.ends_with("CK_ASYNC_DATA") => size_of::<CK_ASYNC_DATA>(),
        _ => 8,
    };
    size as u64
}

/// Lengths, counts, flags and handles. All that a pointer of ours cannot satisfy are beyond any address space.
const NUMBERS: [u64; 8] = [0, 1, 1 << 47, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];

/// Ways to fill in the arguments that are not being varied.
const BASES: [Base; 4] = [Base::Null, Base::Placed, Base::Misaligned, Base::Shared];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Base {
    /// NULL and 0 throughout.
    Null,
    /// Each pointer leads to memory of its own that ends at a guard page; numbers are 1.
    Placed,
    /// As `Placed`, one byte off.
    Misaligned,
    /// All pointers lead to the same memory.
    Shared,
}

struct Matrix {
    known: BTreeSet<CK_RV>,
    memory: Vec<Guarded>,
    calls: usize,
}

impl Matrix {
    fn new() -> Self {
        let known = Error::ALL.iter().map(|error| error.rv()).chain([CKR_OK]).collect();
        Self { known, memory: (0..10).map(|_| Guarded::new()).collect(), calls: 0 }
    }

    fn arguments(&self, function: &Function, base: Base, session: CK_SESSION_HANDLE) -> Vec<u64> {
        let argument = |index: usize| match (base, function.is_pointer(index)) {
            _ if function.types[index] == "CK_SESSION_HANDLE" => session,
            (Base::Null, _) => 0,
            (_, false) => 1,
            (Base::Placed, _) => self.memory[index].place(size_of_target(function.types[index])),
            (Base::Misaligned, _) => self.memory[index].place(size_of_target(function.types[index]) + 1),
            (Base::Shared, _) => self.memory[0].place(256),
        };
        (0..function.types.len()).map(argument).collect()
    }

    /// Calls with a base and with each argument varied alone; `check` looks at every answer.
    fn vary(
        &mut self,
        function: &Function,
        base: Base,
        session: CK_SESSION_HANDLE,
        check: &mut dyn FnMut(CK_RV),
    ) {
        let mut filled = vec![self.arguments(function, base, session)];
        for index in 0..function.types.len() {
            let values = if function.is_pointer(index) { &NUMBERS[..1] } else { &NUMBERS[..] };
            for value in values {
                let mut arguments = filled[0].clone();
                arguments[index] = *value;
                filled.push(arguments);
            }
        }
        for mut arguments in filled {
            if function.name == "C_WaitForSlotEvent" {
                // The blocking form waits for another process.
                arguments[0] |= CKF_DONT_BLOCK;
            }
            // The pointers' memory is zeroed anew; the arguments that lead there stay the same.
            self.arguments(function, base, session);
            let rv = function.call(&arguments);
            self.calls += 1;
            assert!(self.known.contains(&rv), "{} {base:?} {arguments:x?}: {rv:#x}", function.name);
            check(rv);
        }
    }
}

#[test]
fn before_initialisation_every_function_says_so() {
    in_own_process("before_initialisation_every_function_says_so", || {
        let list = load().functions;
        let mut matrix = Matrix::new();
        for function in functions(list).iter().filter(|function| function.kind != "anytime") {
            for base in BASES {
                matrix.vary(function, base, 1, &mut |rv| {
                    assert_eq!(rv, CKR_CRYPTOKI_NOT_INITIALIZED, "{} {base:?}", function.name);
                });
            }
        }
        println!("{} calls", matrix.calls);
    });
}

#[test]
fn a_wrong_session_handle_is_told_whatever_else_is_wrong() {
    in_own_process("a_wrong_session_handle_is_told_whatever_else_is_wrong", || {
        let list = load().functions;
        initialize(list);
        make_token(list);
        let mut matrix = Matrix::new();
        for function in functions(list).iter().filter(|function| function.kind == "session") {
            for base in BASES {
                for wrong in [0, 1 << 40, u64::MAX] {
                    let arguments = matrix.arguments(function, base, wrong);
                    assert_eq!(function.call(&arguments), CKR_SESSION_HANDLE_INVALID, "{}", function.name);
                    matrix.calls += 1;
                }
            }
        }
        for function in functions(list).iter().filter(|function| function.kind == "unsupported") {
            for base in BASES {
                matrix.vary(function, base, 1, &mut |rv| assert_eq!(rv, CKR_FUNCTION_NOT_SUPPORTED));
            }
        }
        println!("{} calls", matrix.calls);
    });
}

/// What is active in the session while a function is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Public,
    User,
    Encrypting,
    Digesting,
    Searching,
}

fn enter(list: &CK_FUNCTION_LIST_3_2, state: State) -> CK_SESSION_HANDLE {
    let _ = call!(list, C_Initialize, ptr::null_mut());
    let _ = call!(list, C_CloseAllSessions, 0);
    let session = open_session(list);
    match state {
        State::Public => {}
        State::User => {
            // The PIN may have been changed by a call before: then the state is that of a public session.
            let (pin, len) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
            let _ = call!(list, C_Login, session, CKU_USER, pin, len);
        }
        State::Encrypting => {
            let key = aes_key(list, session);
            let mut ecb = mechanism(CKM_AES_ECB);
            assert_eq!(call!(list, C_EncryptInit, session, &mut ecb, key), CKR_OK);
        }
        State::Digesting => {
            let mut sha256 = mechanism(CKM_SHA256);
            assert_eq!(call!(list, C_DigestInit, session, &mut sha256), CKR_OK);
        }
        State::Searching => {
            assert_eq!(call!(list, C_FindObjectsInit, session, ptr::null_mut(), 0), CKR_OK);
        }
    }
    session
}

#[test]
fn no_argument_in_any_state_harms_the_host() {
    in_own_process("no_argument_in_any_state_harms_the_host", || {
        let list = load().functions;
        initialize(list);
        make_token(list);
        let mut matrix = Matrix::new();
        for state in [State::Public, State::User, State::Encrypting, State::Digesting, State::Searching] {
            for function in functions(list) {
                for base in BASES {
                    let session = enter(list, state);
                    matrix.vary(&function, base, session, &mut |rv| {
                        // A crash inside would be a panic that the boundary has caught.
                        assert_ne!(rv, CKR_GENERAL_ERROR, "{} {state:?} {base:?}", function.name);
                    });
                }
            }
        }
        println!("{} calls", matrix.calls);
        let session = enter(list, State::Public);
        assert_eq!(digest(list, session), CKR_OK);
    });
}

#[test]
fn no_mechanism_parameter_of_any_length_harms_the_host() {
    in_own_process("no_mechanism_parameter_of_any_length_harms_the_host", || {
        let list = load().functions;
        initialize(list);
        make_token(list);
        let mut matrix = Matrix::new();
        let session = open_session(list);
        let key = aes_key(list, session);
        let mut count = 0;
        assert_eq!(call!(list, C_GetMechanismList, 0, ptr::null_mut(), &mut count), CKR_OK);
        let mut mechanisms = vec![0; count as usize];
        assert_eq!(call!(list, C_GetMechanismList, 0, mechanisms.as_mut_ptr(), &mut count), CKR_OK);
        let names =
            ["C_EncryptInit", "C_DecryptInit", "C_SignInit", "C_VerifyInit", "C_DigestInit", "C_DeriveKey"];
        let functions = functions(list);
        let starts: Vec<_> = functions.iter().filter(|function| names.contains(&function.name)).collect();
        let absurd = [1 << 31, 1 << 47, 1 << 62, u64::MAX];
        for id in mechanisms {
            for len in (0..=64).chain(absurd) {
                // All pointers in the parameter NULL with no length, and all leading nowhere with an absurd length.
                for fill in [0u8, 0xff] {
                    let place = matrix.memory[0].place(len.min(64));
                    // SAFETY: the place has so many bytes.
                    unsafe { ptr::write_bytes(place as *mut u8, fill, len.min(64) as usize) };
                    let parameter = if len > 64 { ptr::null_mut() } else { place as *mut c_void };
                    let mut mechanism =
                        CK_MECHANISM { mechanism: id, pParameter: parameter, ulParameterLen: len };
                    for start in &starts {
                        let mechanism = ptr::from_mut(&mut mechanism) as u64;
                        let rv = start.call(&[session, mechanism, key, 0, 0, matrix.memory[1].end - 8]);
                        matrix.calls += 1;
                        assert!(matrix.known.contains(&rv), "{} {id:#x} {len}: {rv:#x}", start.name);
                        assert_ne!(rv, CKR_GENERAL_ERROR, "{} {id:#x} {len}", start.name);
                        let _ = start.call(&[session, 0, key]);
                    }
                }
            }
        }
        println!("{} calls", matrix.calls);
    });
}
