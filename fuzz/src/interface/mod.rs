//! The C functions, with arguments that the fuzzer chooses: every function that takes a buffer, alone and in the order
//! that the standard gives, and random sequences of all of them.
//!
//! A host may pass anything that PKCS#11 lets it describe: lengths that are wrong, NULL, wrong handles, unaligned
//! pointers, output buffers of any size. What it may not do is to claim more bytes than it has; so nothing here does,
//! except with lengths that no memory has.

mod arguments;
#[path = "../../../tests/boundary/layouts.rs"]
mod layouts;
mod parameters;
mod rows;
mod sequences;
mod templates;
mod world;

pub use sequences::targets;
