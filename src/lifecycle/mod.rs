//! The life of keys and of the token that holds them: what has happened to them, and what may happen next.
#![forbid(unsafe_code)]

pub mod approval;
pub mod backup;
pub mod copies;
pub mod destruction;
pub mod event;
pub mod log;
pub mod rotation;
pub mod settings;
pub mod signer;
pub mod state;
pub mod softhsm2;
