//! The few questions to the operating system that safe Rust cannot ask.

use std::ffi::{CStr, CString, OsStr, OsString, c_char};
use std::os::unix::ffi::OsStrExt;

use crate::config::Environment;

unsafe extern "C" {
    /// As getenv, but NULL in a process whose privileges were raised (glibc and musl).
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// What the environment of the host application says. A program with raised privileges (set-user-ID, capabilities)
/// sees no variable at all, so that whoever starts it cannot lead it to another folder.
pub fn environment() -> Environment {
    Environment::from_variables(effective_user(), variable)
}

/// Runs `work` with all signals blocked in this thread. A thread that is made meanwhile never takes one: the signals of
/// the application are for threads of its own.
pub(super) fn without_signals<T>(work: impl FnOnce() -> T) -> T {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both are places for a signal set; the first is filled before it is read.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = work();
    if blocked {
        // SAFETY: the set was written by the successful call above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}

/// The effective user id of this process.
pub fn effective_user() -> u32 {
    // SAFETY: takes nothing and always succeeds.
    unsafe { libc::geteuid() }
}

/// The number at an address of this process; `None` where nothing can be read. The system copies it, so that an address
/// that is none does no harm.
pub(super) fn number_at(address: u64) -> Option<u64> {
    let mut number = [0u8; 8];
    let local = libc::iovec { iov_base: number.as_mut_ptr().cast(), iov_len: number.len() };
    let remote = libc::iovec { iov_base: usize::try_from(address).ok()? as *mut _, iov_len: number.len() };
    // SAFETY: `local` describes eight writable bytes; the system checks `remote` itself.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    (copied == 8).then(|| u64::from_ne_bytes(number))
}

/// An environment variable through `secure_getenv`; `None` where it is unset or may not be trusted.
fn variable(name: &str) -> Option<OsString> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends with a zero byte; the answer is NULL or a C string, copied at once.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        if value.is_null() {
            return None;
        }
        Some(OsStr::from_bytes(CStr::from_ptr(value).to_bytes()).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_at_its_address_and_nowhere_else() {
        let number: u64 = 4711;
        assert_eq!(number_at((&raw const number).addr() as u64), Some(4711));
        for address in [0, 1, 1 << 40, 1 << 63, u64::MAX] {
            assert_eq!(number_at(address), None, "{address:#x}");
        }
    }

    #[test]
    fn variables_are_read_and_missing_ones_are_none() {
        assert_eq!(variable("PATH"), std::env::var_os("PATH"));
        assert_eq!(variable("COFFER_NO_SUCH_VARIABLE"), None);
        assert_eq!(variable("with\0zero"), None);
    }
}
