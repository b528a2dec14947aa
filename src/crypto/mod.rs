//! The cryptographic primitives, and the only place that names a cryptographic library.
//!
//! A thin, safe and typed view of the engine (AWS-LC): no length that a caller passes can lead past a buffer or into
//! a panic. Every file stands for one algorithm. `OPENSSL_cleanup` is never called: the library may be initialised
//! again in the same process.

pub mod aead;
pub mod aes;
pub(crate) mod asn1;
pub mod ccm;
pub mod chacha20;
pub mod cipher;
pub mod blake2;
pub(crate) mod cbc_mac;
pub mod cmac;
pub mod cts;
pub mod des;
pub mod digest;
pub mod dsa;
pub mod ec;
pub mod edwards;
mod error;
pub mod ffc;
pub mod feedback;
pub mod fork;
pub mod gcm;
pub mod gmac;
pub mod hash_based;
pub mod hkdf;
pub mod hmac;
pub mod hpke;
pub mod key_file;
pub mod key_wrap;
pub mod lattice;
pub mod lms;
pub mod ml_dsa;
pub mod ml_kem;
pub mod montgomery;
pub mod national;
pub(crate) mod number;
pub mod password;
pub mod pkcs8;
pub mod poly1305;
pub mod random;
pub mod recipient;
pub mod rsa;
pub mod salsa20;
pub mod xts;
pub mod sha512_t;
#[cfg(feature = "cli")]
pub mod sharing;
pub mod slh_dsa;
pub mod shake;
pub mod xcbc;
pub mod xmss;
pub mod tls_prf;

use std::ffi::c_int;
use std::ptr::NonNull;

use subtle::ConstantTimeEq;

pub use error::{Error, Result};

/// True where the two are equal; takes as long for a first difference as for a last one. Lengths are not secret.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Turns the engine's "1 is success" into a `Result`. A failure empties the engine's error queue, which belongs to
/// the host's thread and would grow otherwise.
pub(crate) fn succeed(code: c_int, otherwise: Error) -> Result<()> {
    if code == 1 {
        return Ok(());
    }
    clear_errors();
    Err(otherwise)
}

/// Empties the engine's error queue of this thread; to be called wherever an engine function may have failed.
pub(crate) fn clear_errors() {
    // SAFETY: takes no arguments and touches only this thread's queue.
    unsafe { aws_lc_sys::ERR_clear_error() };
}

/// A heap object of the engine, freed with the engine's own function when it is dropped.
pub(crate) struct Owned<T> {
    object: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes over what an engine constructor answered; NULL there means that no memory was left.
    ///
    /// # Safety
    /// `object` is NULL, or valid, owned by nobody else and to be released by `free`.
    pub(crate) unsafe fn new(object: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self> {
        match NonNull::new(object) {
            Some(object) => Ok(Self { object, free }),
            None => {
                clear_errors();
                Err(Error::Memory)
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *const T {
        self.object.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.object.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` was promised that the object is ours and that this function releases it.
        unsafe { (self.free)(self.object.as_ptr()) }
    }
}

// SAFETY: the engine's objects are tied to no thread; `Owned` hands out `&mut` access to one holder at a time.
unsafe impl<T> Send for Owned<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_equal_only_in_full() {
        assert!(equal(b"", b""));
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }

    #[test]
    fn a_failed_engine_call_leaves_no_error_behind() {
        // SAFETY: puts an error into this thread's queue; the file name is a C string.
        unsafe { aws_lc_sys::ERR_put_error(1, 0, 1, c"test".as_ptr(), 1) };
        assert_eq!(succeed(0, Error::Engine), Err(Error::Engine));
        // SAFETY: reads this thread's queue.
        assert_eq!(unsafe { aws_lc_sys::ERR_peek_error() }, 0);
    }
}
