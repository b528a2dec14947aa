//! The C boundary: every `C_` function, and the only raw pointers of the library outside `crypto`.
//!
//! `entry` makes the functions from their rows, `table` the function lists. `pointer`, `template` and `mechanism` read
//! what callers pass, once and unaligned, into slices or owned memory. The other files hold one group of C functions
//! each, in the order of PKCS#11 chapter 5; each function is thin and passes safe values to `module` and `session`.
//!
//! No input may harm the host application: nothing here panics, and if something below does, that call returns
//! CKR_GENERAL_ERROR.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// The functions have the arguments of the standard.
#![allow(clippy::too_many_arguments)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod decrypt;
mod digest;
mod encrypt;
pub mod entry;
mod fork;
mod general;
pub mod host;
mod key;
mod mechanism;
mod object;
mod pointer;
mod random;
mod session;
mod sign;
mod slot;
mod table;
mod template;
mod verify;

use crate::error::{Error, Result};

/// Ends an operation whose function has failed, also when it failed at its pointers: it survives CKR_BUFFER_TOO_SMALL
/// and no other error (PKCS#11 sections 5.8 to 5.15, "terminates the active operation").
fn ended_by_error(result: Result<()>, end: impl FnOnce()) -> Result<()> {
    if result.is_err_and(|error| error != Error::BufferTooSmall) {
        end();
    }
    result
}
