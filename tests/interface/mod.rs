//! The shared library as a host application sees it: loaded by path, called through its function list, each test in
//! a process and a token folder of its own.
#![allow(dead_code)]

mod borrowing;
pub mod calls;

use std::path::PathBuf;
use std::process::Command;
use std::ptr;

pub use borrowing::*;
use coffer_pkcs11::ck::*;

pub const SO_PIN: &[u8] = b"so-pin-1234";
pub const USER_PIN: &[u8] = b"user-pin-1234";

const CHILD: &str = "COFFER_TEST_IN_OWN_PROCESS";

/// Runs the test `name` in a new process with an empty token folder, because C_Initialize and forks concern a whole
/// process. `name` is the test's own name.
pub fn in_own_process(name: &str, check: impl FnOnce()) {
    in_own_process_with(name, &std::env::temp_dir(), &[], check);
}

/// As [`in_own_process`], with the token folder somewhere in `place` and these variables in its environment.
pub fn in_own_process_with(
    name: &str,
    place: &std::path::Path,
    variables: &[(&str, &std::ffi::OsStr)],
    check: impl FnOnce(),
) {
    if std::env::var_os(CHILD).is_some_and(|running| running == name) {
        return check();
    }
    let folder = tempfile::tempdir_in(place).unwrap();
    let home = folder.path().join("tokens");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("coffer.toml"), "[pin]\nkdf-iterations = 10000\n").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .envs(variables.iter().copied())
        .env(CHILD, name)
        .env("COFFER_HOME", &home)
        .env("HOME", folder.path())
        .env_remove("COFFER_CONF")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{name}: {}\n{text}", output.status);
    print!("{text}");
    assert!(text.contains("1 passed"), "no test is named {name}:\n{text}");
}

/// The library that cargo has built beside this test.
pub fn library_path() -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let path = folder.join("libcoffer_pkcs11.so");
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// The loaded library and its functions. Dropping it unloads the library.
pub struct Loaded {
    pub library: libloading::Library,
    pub functions: &'static CK_FUNCTION_LIST_3_2,
}

pub fn load() -> Loaded {
    // SAFETY: our own library, whose initialisers do nothing; the list is a CK_FUNCTION_LIST_3_2 by its version.
    unsafe {
        let library = libloading::Library::new(library_path()).unwrap();
        let interface = {
            let find = library.get::<unsafe extern "C" fn(
                CK_UTF8CHAR_PTR,
                CK_VERSION_PTR,
                CK_INTERFACE_PTR_PTR,
                CK_FLAGS,
            ) -> CK_RV>(b"C_GetInterface");
            let mut interface = ptr::null_mut();
            let mut version = CK_VERSION { major: 3, minor: 2 };
            let name = c"PKCS 11".as_ptr().cast::<CK_UTF8CHAR>().cast_mut();
            assert_eq!(find.unwrap()(name, &mut version, &mut interface, 0), CKR_OK);
            interface
        };
        Loaded { library, functions: &*(*interface).pFunctionList.cast() }
    }
}

/// Calls a function of the list: `call!(functions, C_Finalize, ptr::null_mut())`.
#[macro_export]
macro_rules! call {
    ($functions:expr, $name:ident $(, $argument:expr)*) => {{
        let function = $functions.$name.unwrap();
        #[allow(unused_unsafe, clippy::macro_metavars_in_unsafe)]
        // SAFETY: the arguments are as PKCS#11 describes them, or wrong in a way that the library must bear.
        unsafe { function($($argument),*) }
    }};
}

pub fn initialize(functions: &CK_FUNCTION_LIST_3_2) {
    assert_eq!(call!(functions, C_Initialize, ptr::null_mut()), CKR_OK);
}

pub fn finalize(functions: &CK_FUNCTION_LIST_3_2) {
    assert_eq!(call!(functions, C_Finalize, ptr::null_mut()), CKR_OK);
}

/// Makes a token with both PINs in slot 0.
pub fn make_token(functions: &CK_FUNCTION_LIST_3_2) {
    let mut label = [b' '; 32];
    let (so_pin, so_len) = (SO_PIN.as_ptr().cast_mut(), SO_PIN.len() as CK_ULONG);
    let (pin, len) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
    assert_eq!(call!(functions, C_InitToken, 0, so_pin, so_len, label.as_mut_ptr()), CKR_OK);
    let session = open_session(functions);
    assert_eq!(call!(functions, C_Login, session, CKU_SO, so_pin, so_len), CKR_OK);
    assert_eq!(call!(functions, C_InitPIN, session, pin, len), CKR_OK);
    assert_eq!(call!(functions, C_CloseSession, session), CKR_OK);
}

/// A read-write session in slot 0.
pub fn open_session(functions: &CK_FUNCTION_LIST_3_2) -> CK_SESSION_HANDLE {
    let mut session = 0;
    let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    assert_eq!(call!(functions, C_OpenSession, 0, flags, ptr::null_mut(), None, &mut session), CKR_OK);
    session
}

/// A session whose user is logged in, with a token of its own. The library is never unloaded.
pub fn logged_in() -> (&'static CK_FUNCTION_LIST_3_2, CK_SESSION_HANDLE) {
    let functions = Box::leak(Box::new(load())).functions;
    initialize(functions);
    make_token(functions);
    let session = open_session(functions);
    log_in(functions, session);
    (functions, session)
}

pub fn log_in(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) {
    let (pin, len) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
    assert_eq!(call!(functions, C_Login, session, CKU_USER, pin, len), CKR_OK);
}

/// A public AES session key that every session may use, logged in or not.
pub fn aes_key(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) -> CK_OBJECT_HANDLE {
    let mut template = [
        attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
        attribute(CKA_KEY_TYPE, &[CKK_AES]),
        attribute(CKA_VALUE, b"0123456789abcdef"),
        attribute(CKA_PRIVATE, &[CK_FALSE]),
        attribute(CKA_SENSITIVE, &[CK_TRUE]),
        attribute(CKA_LABEL, b"key"),
    ];
    let mut key = 0;
    let count = template.len() as CK_ULONG;
    assert_eq!(
        call!(functions, C_CreateObject, session, template.as_mut_ptr().cast(), count, &mut key),
        CKR_OK
    );
    key
}

/// A SHA-256 digest of one byte.
pub fn digest(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) -> CK_RV {
    let mut sha256 = mechanism(CKM_SHA256);
    let (mut data, mut digest, mut len) = ([1u8], [0u8; 32], 32);
    match call!(functions, C_DigestInit, session, &mut sha256) {
        CKR_OK => call!(functions, C_Digest, session, data.as_mut_ptr(), 1, digest.as_mut_ptr(), &mut len),
        refused => refused,
    }
}
