//! The small library (`shim.c`) that stands between Coffer and the C library in some campaigns.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::interface::in_own_process_with;

/// The steps of a change, in the order of `shim.c`.
pub const STEPS: [&str; 17] = [
    "outside",
    "taking the lock",
    "reading what others wrote",
    "cutting off a torn end",
    "write of the transaction",
    "sync of the transaction",
    "commit pointer",
    "failure count",
    "sync of the count",
    "making a new file",
    "writing it",
    "sync of it",
    "giving it its name",
    "sync of the folder",
    "marking the old file",
    "giving back the lock",
    "after the change",
];
pub const OUTSIDE: i32 = 0;
pub const CUT: i32 = 3;
pub const WRITE: i32 = 4;
pub const SYNC: i32 = 5;
pub const POINTER: i32 = 6;
pub const SYNC_COUNT: i32 = 8;
const NEW: i32 = 9;
const MARK: i32 = 14;
pub const UNLOCK: i32 = 15;
pub const ANSWER: i32 = 16;

/// Whether the step belongs to the making of a new file, which follows a change of the PIN.
pub fn is_of_a_new_file(step: i32) -> bool {
    (NEW..=MARK).contains(&step)
}

/// What happens to a process at a step.
#[derive(Clone, Copy)]
pub enum Action {
    Kill = 1,
    Stop = 2,
    /// It forks a child that lives on, and is killed.
    Fork = 3,
    /// As `Fork`, past the handlers of `pthread_atfork`.
    RawFork = 4,
    /// It writes half of what it was about to write, and is killed. Only at a write.
    Tear = 5,
}

/// Which calls lie.
pub const LOCKS_THAT_DO_NOT_LOCK: i32 = 1;
pub const COUNTS_THAT_ARE_NOT_WRITTEN: i32 = 2;
pub const TRANSACTIONS_THAT_ARE_NOT_WRITTEN: i32 = 4;
pub const NAMES_THAT_ARE_TAKEN_TWICE: i32 = 8;
pub const PAGES_THAT_FORKS_DO_NOT_WIPE: i32 = 16;

/// What a process and its parent share.
#[repr(C)]
pub struct Page {
    step: AtomicI32,
    at: AtomicI32,
    after: AtomicI32,
    action: AtomicI32,
    lie: AtomicI32,
    orphan: AtomicI32,
}

impl Page {
    /// A page that children forked from now on share with this process. Never unmapped.
    pub fn new() -> &'static Self {
        // SAFETY: a new mapping of zeros, which are valid atomics.
        unsafe {
            let address = libc::mmap(
                std::ptr::null_mut(),
                size_of::<Page>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(address, libc::MAP_FAILED);
            &*address.cast::<Page>()
        }
    }

    /// As when it was new.
    pub fn clear(&self) {
        for word in [&self.step, &self.at, &self.after, &self.action, &self.lie, &self.orphan] {
            word.store(0, Ordering::SeqCst);
        }
    }

    /// This process notes its steps here from now on, and is lied to as the page says.
    pub fn attach(&'static self) {
        let this = libloading::os::unix::Library::this();
        // SAFETY: the function of shim.c, which is loaded (LD_PRELOAD) and has this type.
        unsafe {
            let attach = this.get::<unsafe extern "C" fn(*const Page)>(b"coffer_shim_use");
            attach.expect("the shim is loaded")(self);
        }
    }

    /// The step that the process is or was in.
    pub fn step(&self) -> usize {
        self.step.load(Ordering::SeqCst) as usize
    }

    /// Does this to the process when it is at the step for the `after`th time more.
    pub fn plan(&self, step: i32, after: i32, action: Action) {
        self.after.store(after, Ordering::SeqCst);
        self.action.store(action as i32, Ordering::SeqCst);
        self.at.store(step, Ordering::SeqCst);
    }

    pub fn lie(&self, calls: i32) {
        self.lie.store(calls, Ordering::SeqCst);
    }

    /// The process that [`Action::Fork`] has left behind.
    pub fn orphan(&self) -> i32 {
        self.orphan.load(Ordering::SeqCst)
    }
}

/// Where files are in memory: what happens to processes is not a matter of the device, and goes on faster there.
fn in_memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}

/// As `in_own_process`, with the shim loaded and the token in memory.
pub fn in_shimmed_process(name: &str, check: impl FnOnce()) {
    let folder = tempfile::tempdir_in(in_memory()).unwrap();
    let library: PathBuf = folder.path().join("shim.so");
    if std::env::var_os("LD_PRELOAD").is_none() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/processes/shim.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&library)
            .args([source, "-ldl"])
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    }
    in_own_process_with(name, &in_memory(), &[("LD_PRELOAD", library.as_os_str())], check);
}
