//! The life of keys and of the token that holds them: what has happened to them, and what may happen next.
#![forbid(unsafe_code)]

pub mod copies;
pub mod backup;
pub mod event;
pub mod state;
