//! Coffer: a PKCS#11 token in software. The layers, top to bottom; a layer imports only what stands below it
//! (`scripts/layers.sh` checks this list).

#[cfg(panic = "abort")]
compile_error!("Coffer must be built with panic = \"unwind\": a panic may not kill the host application");

pub mod ffi; // the C boundary: every C_ function, and the only raw pointers
pub mod module; // the initialised library: configuration, slots, sessions
pub mod session; // what an application does, one call at a time
pub mod lifecycle; // the life of keys: audit, states, rotation, backup
pub mod token; // who is logged in, which objects there are, how they reach the file
pub mod mechanism; // what can be done with which key: one row a mechanism
pub mod policy; // who may see and use what
pub mod object; // attributes, templates and their rules
pub mod error; // one variant per CK_RV
pub mod vault; // the encrypted token file: format, seal, PIN
pub mod crypto; // the primitives, and the only place that names a cryptographic library
pub mod store; // where the bytes of a token live: file, memory
pub mod config; // coffer.toml
pub mod clock; // the time of day
pub mod ck; // the names of PKCS#11
pub mod secret; // bytes that wipe themselves
pub mod pages; // memory for them: locked, not dumped, wiped
pub mod reserve; // what is left when the system has no memory
pub mod lock; // locks that a forked child can go on with
