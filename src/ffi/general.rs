//! General-purpose functions: C_Initialize, C_Finalize, C_GetInfo (PKCS#11 section 5.4).

use std::ffi::c_void;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism;
use crate::module::{self, Module};
use crate::reserve;
use crate::token::MANUFACTURER;

use super::pointer::{self, Out};
use super::{fork, host};

/// The version of the library, from its manifest.
pub(super) const VERSION: CK_VERSION = CK_VERSION {
    major: number(env!("CARGO_PKG_VERSION_MAJOR")),
    minor: number(env!("CARGO_PKG_VERSION_MINOR")),
};

/// C_Initialize. In the child of a fork it leaves behind what was inherited and starts afresh. Errors:
/// CKR_ARGUMENTS_BAD, CKR_CANT_LOCK, CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_FUNCTION_FAILED where the configuration
/// is not usable (`coffer doctor` tells why), CKR_HOST_MEMORY.
pub(super) unsafe fn initialize(arguments: *mut c_void) -> Result<()> {
    reserve::ready()?;
    let mut may_create_threads = true;
    if !arguments.is_null() {
        // SAFETY: not NULL, so a CK_C_INITIALIZE_ARGS as C_Initialize says.
        let arguments = unsafe { pointer::read(arguments.cast::<CK_C_INITIALIZE_ARGS>()) }?;
        check_arguments(&arguments)?;
        may_create_threads = arguments.flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS == 0;
    }
    if fork::is_home() && module::current().is_ok() {
        return Err(Error::CryptokiAlreadyInitialized);
    }
    let config = module::load_config(&host::environment()).map_err(|_| Error::FunctionFailed)?;
    // Made before any fork, so that no child can inherit it half made.
    let _ = mechanism::all();
    fork::settle(module::forget)?;
    module::initialize(config, may_create_threads)
}

/// The four ways of locking (section 5.4, C_Initialize). Coffer locks with the operating system's primitives: that
/// also serves callers with one thread, but not those who insist on their own functions (CKR_CANT_LOCK).
fn check_arguments(arguments: &CK_C_INITIALIZE_ARGS) -> Result<()> {
    if !arguments.pReserved.is_null() {
        return Err(Error::ArgumentsBad);
    }
    let callbacks = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    let os_locking = arguments.flags & CKF_OS_LOCKING_OK != 0;
    match callbacks.iter().filter(|given| **given).count() {
        0 => Ok(()),
        4 if os_locking => Ok(()),
        4 => Err(Error::CantLock),
        _ => Err(Error::ArgumentsBad),
    }
}

/// C_Finalize. Calls that other threads are making end on their own.
pub(super) unsafe fn finalize(_module: &Module, reserved: *mut c_void) -> Result<()> {
    if !reserved.is_null() {
        return Err(Error::ArgumentsBad);
    }
    module::finalize()
}

/// C_GetInfo.
pub(super) unsafe fn info(_module: &Module, info: *mut CK_INFO) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetInfo says.
    unsafe { Out::new(info) }?.write(CK_INFO {
        cryptokiVersion: CK_VERSION { major: CRYPTOKI_VERSION_MAJOR, minor: CRYPTOKI_VERSION_MINOR },
        manufacturerID: pointer::padded(MANUFACTURER),
        flags: 0,
        libraryDescription: pointer::padded("Coffer PKCS#11 token"),
        libraryVersion: VERSION,
    });
    Ok(())
}

/// A decimal number below 256, for constants.
const fn number(digits: &str) -> u8 {
    match u8::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    unsafe extern "C" fn create(_: CK_VOID_PTR_PTR) -> CK_RV {
        CKR_OK
    }

    unsafe extern "C" fn other(_: CK_VOID_PTR) -> CK_RV {
        CKR_OK
    }

    fn arguments(callbacks: [bool; 4], flags: CK_FLAGS) -> CK_C_INITIALIZE_ARGS {
        let [first, second, third, fourth] = callbacks;
        CK_C_INITIALIZE_ARGS {
            CreateMutex: first.then_some(create),
            DestroyMutex: second.then_some(other),
            LockMutex: third.then_some(other),
            UnlockMutex: fourth.then_some(other),
            flags,
            pReserved: ptr::null_mut(),
        }
    }

    #[test]
    fn the_four_ways_of_locking_are_told_apart() {
        let no_threads = CKF_LIBRARY_CANT_CREATE_OS_THREADS;
        for extra in [0, no_threads] {
            assert_eq!(check_arguments(&arguments([false; 4], extra)), Ok(()));
            assert_eq!(check_arguments(&arguments([false; 4], CKF_OS_LOCKING_OK | extra)), Ok(()));
            assert_eq!(check_arguments(&arguments([true; 4], CKF_OS_LOCKING_OK | extra)), Ok(()));
            assert_eq!(check_arguments(&arguments([true; 4], extra)), Err(Error::CantLock));
        }
        for some in 1..15u8 {
            let callbacks = std::array::from_fn(|bit| some & (1 << bit) != 0);
            assert_eq!(check_arguments(&arguments(callbacks, CKF_OS_LOCKING_OK)), Err(Error::ArgumentsBad));
        }
        let reserved = CK_C_INITIALIZE_ARGS { pReserved: ptr::dangling_mut(), ..arguments([false; 4], 0) };
        assert_eq!(check_arguments(&reserved), Err(Error::ArgumentsBad));
    }
}
