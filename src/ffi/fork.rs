//! Knowing that this process is a forked child, which must not touch what it inherited (PKCS#11 section 2.3 and
//! DESIGN section 5: locks may be held by threads that do not exist here).
//!
//! A page that the kernel wipes in every child (MADV_WIPEONFORK, Linux 4.14) holds `HOME` in the process that called
//! C_Initialize. Asking costs one read of memory, and no way of forking slips past it.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use crate::crypto;
use crate::error::{Error, Result};
use crate::store;

/// What the page holds: in a child all zero, `HOME` where C_Initialize was called, `ADOPTING` for a moment between.
const CHILD: u32 = 0;
const ADOPTING: u32 = 1;
const HOME: u32 = 2;

/// The page; NULL before the first C_Initialize. Never unmapped.
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
/// The page is not wiped by this kernel: the process id tells.
static ASK_PROCESS_ID: AtomicBool = AtomicBool::new(false);
/// The process that called C_Initialize; zero before the first call.
static PROCESS_ID: AtomicU32 = AtomicU32::new(0);

/// True where this process may use what C_Initialize made: it is the one that called it.
#[inline]
pub(super) fn is_home() -> bool {
    match page() {
        Some(page) => {
            page.load(Ordering::Acquire) == HOME
                && (!ASK_PROCESS_ID.load(Ordering::Relaxed)
                    || PROCESS_ID.load(Ordering::Relaxed) == process_id())
        }
        None => false,
    }
}

/// Makes this process the home of the library: before C_Initialize makes anything. In a forked child `forget` is
/// called once, to leave behind what was inherited. Errors: CKR_HOST_MEMORY.
pub(super) fn settle(forget: impl FnOnce()) -> Result<()> {
    let page = match page() {
        Some(page) => page,
        None => make_page()?,
    };
    if page.load(Ordering::Acquire) == HOME && !is_home() {
        page.store(CHILD, Ordering::Release);
    }
    match page.compare_exchange(CHILD, ADOPTING, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            if PROCESS_ID.swap(process_id(), Ordering::Relaxed) != 0 {
                forget();
            }
            page.store(HOME, Ordering::Release);
        }
        // Another thread of this child is doing the same.
        Err(_) => {
            while page.load(Ordering::Acquire) != HOME {
                std::thread::yield_now();
            }
        }
    }
    Ok(())
}

fn page() -> Option<&'static AtomicU32> {
    // SAFETY: NULL, or the page of `make_page`, which is never unmapped.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}

/// Maps the page and asks for the fork handlers; the first of several threads wins.
fn make_page() -> Result<&'static AtomicU32> {
    let size = size_of::<AtomicU32>();
    // SAFETY: a new anonymous mapping; the kernel rounds the size up to a page.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(Error::HostMemory);
    }
    let candidate = address.cast::<AtomicU32>();
    match PAGE.compare_exchange(ptr::null_mut(), candidate, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            // SAFETY: the page is ours; the handlers below are async-signal-safe.
            unsafe {
                if libc::madvise(address, size, libc::MADV_WIPEONFORK) != 0 {
                    ASK_PROCESS_ID.store(true, Ordering::Relaxed);
                }
                if libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) != 0 {
                    return Err(Error::HostMemory);
                }
            }
        }
        Err(_) => {
            // SAFETY: mapped above and seen by nobody.
            unsafe { libc::munmap(address, size) };
        }
    }
    page().ok_or(Error::HostMemory)
}

/// Runs before every `fork`: no lock of the engine may be held when it happens, nor a lock file be opened unnoticed.
extern "C" fn before() {
    store::lock_descriptors().fork_begins();
    crypto::fork::before();
}

/// Runs in the parent after every `fork`.
extern "C" fn in_parent() {
    crypto::fork::after_in_parent();
    store::lock_descriptors().fork_ended();
}

/// Runs in every child that `fork` makes: marks it, and closes the inherited locks of token files, which would stay
/// taken as long as any process holds their descriptors. Async-signal-safe: atomics and `close` only.
extern "C" fn in_child() {
    if let Some(page) = page() {
        page.store(CHILD, Ordering::Release);
    }
    crypto::fork::after_in_child();
    store::lock_descriptors().forked();
    while let Some(descriptor) = store::lock_descriptors().take() {
        // SAFETY: the descriptor of a lock file; its owner in this process is never run or dropped.
        unsafe { libc::close(descriptor) };
    }
}

fn process_id() -> u32 {
    std::process::id()
}
