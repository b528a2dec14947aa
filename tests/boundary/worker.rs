//! Calls in a child process, which may die of them: the parent counts that and goes on behind.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use coffer_pkcs11::ck::*;

use super::answers;
use super::functions::FUNCTIONS;
use super::world::World;

/// Seconds after which a call, or the short life of a process, has hung. It ends a test that would never end by itself and
/// measures nothing: a machine that does many other things makes everything slow.
pub const PATIENCE: u32 = 600;

/// What the worker has done, in memory that survives it.
#[repr(C)]
pub struct Progress {
    /// The case that is worked on, counted from 1; zero before the first.
    pub current: AtomicU64,
    pub succeeded: AtomicU64,
    pub refused: AtomicU64,
    /// Functions that Coffer does not have, and states that it cannot be in.
    pub unsupported: AtomicU64,
    pub wrong: AtomicU32,
    /// Calls of each function that Coffer has, and those that succeeded.
    pub answered: [[AtomicU32; 2]; FUNCTIONS.len()],
}

impl Progress {
    /// In memory that children share with their parent.
    pub fn shared() -> &'static Self {
        // SAFETY: a new mapping of zeros, which are a `Progress`; it is never unmapped.
        unsafe {
            let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let place = libc::mmap(std::ptr::null_mut(), size_of::<Self>(), access, flags, -1, 0);
            assert_ne!(place, libc::MAP_FAILED);
            &*place.cast::<Self>()
        }
    }

    /// Runs `work` for all cases from a first one on, in children, until none is left or 50 have died. Answers the cases
    /// that have killed one.
    pub fn run(&self, count: usize, mut work: impl FnMut(usize)) -> Vec<usize> {
        let mut deaths = Vec::new();
        let current = || self.current.load(Ordering::Relaxed) as usize;
        while current() < count && deaths.len() < 50 {
            let first = current();
            if !lives(|| work(first)) {
                assert!(current() > first, "the worker died before its first call");
                deaths.push(current() - 1);
            }
        }
        deaths
    }

    /// The next case is worked on: one that hangs ends the worker.
    pub fn next(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
        // SAFETY: sets a timer.
        unsafe { libc::alarm(PATIENCE) };
    }

    /// Calls a function of the table, and counts what comes of it. Where there is only one right answer, it is `wanted`.
    pub fn call(
        &self,
        world: &mut World,
        function: usize,
        words: &[u64],
        wanted: Option<CK_RV>,
        told: impl Fn() -> String,
    ) {
        let row = &FUNCTIONS[function];
        world.memory.remember();
        let rv = world.library.call(function, words);
        if !answers::is_allowed(function, rv) || wanted.is_some_and(|wanted| rv != wanted) {
            self.mistake(&format!("{} from {}", answers::name(rv), told()));
        }
        if world.memory.touched() {
            self.mistake(&format!("bytes beside the buffers changed: {}", told()));
        }
        world.note(row.name, rv);
        let counter = match rv {
            CKR_OK => &self.succeeded,
            CKR_FUNCTION_NOT_SUPPORTED => &self.unsupported,
            _ => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if ![CKR_FUNCTION_NOT_SUPPORTED, CKR_CRYPTOKI_NOT_INITIALIZED].contains(&rv) {
            let [answered, succeeded] = &self.answered[function];
            answered.fetch_add(1, Ordering::Relaxed);
            succeeded.fetch_add(u32::from(rv == CKR_OK), Ordering::Relaxed);
        }
    }

    /// Counts a mistake, and tells the first ones.
    fn mistake(&self, mistake: &str) {
        if self.wrong.fetch_add(1, Ordering::Relaxed) < 100 {
            eprintln!("{mistake}");
        }
    }

    /// The counts for people; a failure where something was wrong.
    pub fn judge(&self, what: &str, deaths: &[String]) {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (succeeded, wrong) = (count(&self.succeeded), self.wrong.load(Ordering::Relaxed));
        println!(
            "boundary: {what}: {} calls, {succeeded} succeeded, {} refused, {} not supported, {wrong} wrong, {} host deaths",
            count(&self.current),
            count(&self.refused),
            count(&self.unsupported),
            deaths.len(),
        );
        assert!(deaths.is_empty(), "host deaths:\n{}", deaths.join("\n"));
        assert_eq!(wrong, 0);
        assert!(succeeded > count(&self.current) / 200, "the calls have come to nothing");
    }
}

/// Runs `work` in a child; false if a signal ended it.
pub fn lives(work: impl FnOnce()) -> bool {
    // SAFETY: the child works with the library, which the parent has not initialised, and leaves without cleaning up.
    unsafe {
        match libc::fork() {
            0 => {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                libc::_exit(i32::from(outcome.is_err()))
            }
            child => {
                assert!(child > 0, "fork failed");
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                assert!(
                    !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) == 0,
                    "the worker has given up"
                );
                libc::WIFEXITED(status)
            }
        }
    }
}

/// Whether all cases are asked for, and not a slice.
pub fn is_campaign() -> bool {
    std::env::var_os("COFFER_CAMPAIGN").is_some_and(|campaign| campaign == "full")
}

/// Whether a case belongs to the slice, of which there is one in `of`; another one for each COFFER_SEED.
pub fn in_slice(index: usize, of: u64) -> bool {
    let seed: u64 = std::env::var("COFFER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    mixed(seed ^ (index as u64) << 8).is_multiple_of(of)
}

/// A number without order, for the choice of a slice (SplitMix64).
pub fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn a_death_and_a_byte_beside_the_buffers_are_noticed() {
    use super::memory::{Memory, Pointer};

    assert!(!lives(|| std::process::abort()));
    assert!(lives(|| {}));
    let mut memory = Memory::new();
    let place = memory.room(16, Pointer::Odd);
    let input = memory.place(b"input", Pointer::End, false);
    memory.remember();
    // SAFETY: our own memory, and a byte behind the buffer that still can be written.
    unsafe {
        place.write_bytes(1, 16);
        assert!(!memory.touched());
        place.add(16).write(1);
        assert!(memory.touched());
        place.add(16).write(0xa5);
        input.write(0);
        assert!(memory.touched());
    }
}
