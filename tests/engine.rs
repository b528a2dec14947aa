//! What the cryptographic engine needs inside a library that a foreign process loads: its own memory functions, no
//! exports but the C functions, no jitter entropy, and code that stays mapped.

mod common;

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::null_mut;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::crypto::{digest::Hash, random};
use libloading::Library;

/// The functions that a static AWS-LC refers to weakly, and that a host could put in its place.
const WEAK: [&str; 5] = [
    "OPENSSL_memory_alloc",
    "OPENSSL_memory_free",
    "OPENSSL_memory_get_size",
    "OPENSSL_memory_realloc",
    "sdallocx",
];

/// The shared library that was built together with this test: it lies beside the test's own executable.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libcoffer_pkcs11.so")
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(library()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Lines of `nm`: the symbol's kind and its name without a version.
fn symbols(arguments: &[&str]) -> Vec<(char, String)> {
    let text = output_of("nm", arguments);
    let entry = |line: &str| {
        let mut words = line.split_whitespace().rev();
        let name = words.next()?.split('@').next()?.to_owned();
        Some((words.next()?.chars().next()?, name))
    };
    text.lines().filter_map(entry).collect()
}

#[test]
fn the_library_exports_the_c_functions_and_nothing_else() {
    let exported: Vec<String> =
        symbols(&["-D", "--defined-only"]).into_iter().map(|(_, name)| name).collect();
    for name in &exported {
        assert!(name.starts_with("C_"), "{name} is exported");
    }
    for name in ["C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface", "C_Initialize", "C_Finalize"] {
        assert!(exported.iter().any(|exported| exported == name), "{name} is not exported");
    }
}

#[test]
fn no_host_can_put_its_memory_functions_in_place_of_ours() {
    let dynamic = symbols(&["-D"]);
    let all = symbols(&[]);
    for name in WEAK {
        assert!(!dynamic.iter().any(|(_, symbol)| symbol == name), "{name} is visible to the dynamic linker");
        assert!(
            all.iter().any(|(kind, symbol)| *kind == 't' && symbol == name),
            "{name} is not defined inside"
        );
    }
}

/// Set where a test of this file runs again, in a process of its own.
const CHILD: &str = "COFFER_TEST_CHILD";

/// Runs one test of this file again, in a fresh process whose tokens lie in `home`; answers what it prints.
fn in_a_fresh_process(test: &str, home: &Path) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(CHILD, "1")
        .env("COFFER_HOME", home)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{:?}: {text}{}", child.status, String::from_utf8_lossy(&child.stderr));
    text
}

/// A thread that has used the engine keeps thread-local state of it; when the thread ends after dlclose, the
/// destructors must still be there. Without `-z nodelete` this was a SIGSEGV.
#[test]
fn fifty_times_loaded_and_closed_while_a_thread_lives_on() {
    if std::env::var_os(CHILD).is_some() {
        load_and_close_fifty_times();
        println!("all cycles done");
        return;
    }
    assert!(output_of("readelf", &["-d"]).contains("NODELETE"));
    let token = common::Fixture::new();
    let text =
        in_a_fresh_process("fifty_times_loaded_and_closed_while_a_thread_lives_on", token.folder.path());
    assert!(text.contains("all cycles done"), "{text}");
}

type GenerateRandom = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut u8, CK_ULONG) -> CK_RV;

fn load_and_close_fifty_times() {
    let (work, jobs) = mpsc::channel::<(GenerateRandom, CK_SESSION_HANDLE)>();
    let (done, answers) = mpsc::channel();
    let lives_on = std::thread::spawn(move || {
        for (generate_random, session) in jobs {
            let mut bytes = [0; 32];
            // SAFETY: the library is open while this job runs; the buffer has the length told.
            done.send(unsafe { generate_random(session, bytes.as_mut_ptr(), 32) }).unwrap();
        }
    });
    for _ in 0..50 {
        // SAFETY: the functions have the types that PKCS#11 gives them; none is used after the library is closed.
        unsafe {
            let library = Library::new(library()).unwrap();
            let initialize: unsafe extern "C" fn(*mut c_void) -> CK_RV =
                *library.get(b"C_Initialize").unwrap();
            let finalize: unsafe extern "C" fn(*mut c_void) -> CK_RV = *library.get(b"C_Finalize").unwrap();
            let open_session: unsafe extern "C" fn(
                CK_SLOT_ID,
                CK_FLAGS,
                *mut c_void,
                CK_NOTIFY,
                *mut CK_SESSION_HANDLE,
            ) -> CK_RV = *library.get(b"C_OpenSession").unwrap();
            let generate_random: GenerateRandom = *library.get(b"C_GenerateRandom").unwrap();
            assert_eq!(initialize(null_mut()), CKR_OK);
            let mut session = 0;
            assert_eq!(open_session(0, CKF_SERIAL_SESSION, null_mut(), None, &mut session), CKR_OK);
            work.send((generate_random, session)).unwrap();
            assert_eq!(answers.recv(), Ok(CKR_OK));
            assert_eq!(finalize(null_mut()), CKR_OK);
            library.close().unwrap();
        }
    }
    drop(work);
    lives_on.join().unwrap();
}

/// Jitter entropy made the first random number of a process cost some 30 ms. Measured against work of a known size
/// on the same machine, in fresh processes: hashing 4 MiB takes a few milliseconds.
#[test]
fn the_first_random_number_of_a_process_is_cheap() {
    if std::env::var_os(CHILD).is_some() {
        println!("ratio {}", first_random_over_hashing());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let ratio = |_| {
        let text = in_a_fresh_process("the_first_random_number_of_a_process_is_cheap", home.path());
        let ratio =
            text.split_once("ratio ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        ratio.unwrap_or_else(|| panic!("no ratio in {text}"))
    };
    let best = (0..5).map(ratio).fold(f64::INFINITY, f64::min);
    assert!(best < 1.0, "the first random number takes {best} times as long as hashing 4 MiB");
}

fn first_random_over_hashing() -> f64 {
    let start = Instant::now();
    random::fill(&mut [0; 32]).unwrap();
    let random = start.elapsed();
    let data = vec![0; 4 << 20];
    let start = Instant::now();
    Hash::Sha256.digest(&data).unwrap();
    random.as_secs_f64() / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}

#[test]
fn the_engine_has_no_jitter_entropy() {
    let built_in = symbols(&[]).into_iter().find(|(_, name)| name.contains("jent_"));
    assert_eq!(built_in, None);
}
