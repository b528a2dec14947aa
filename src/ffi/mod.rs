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

mod asynchronous;
pub mod entry;
mod fork;
mod general;
pub mod host;
mod key;
mod mechanism;
mod message;
mod object;
mod operation;
mod pointer;
mod random;
mod session;
mod slot;
mod table;
mod template;

#[cfg(test)]
mod blocked_tests;
