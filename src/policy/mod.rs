//! Who may see and use what. Every check of a key happens here, once, for every mechanism.
#![forbid(unsafe_code)]

mod access;
mod usage;

pub use access::{Role, session_state, visible};
pub use usage::{Need, UsableKey, Use, permit};
