//! Mechanisms: one row each in the table, one file a family.
//!
//! A mechanism takes a key that `policy::permit` has passed and a parameter that the C boundary has read; it sees
//! no session, no token and no handle.
#![forbid(unsafe_code)]

pub mod computed;
pub mod import;
pub mod operation;
pub mod params;
pub mod private_key_info;
pub mod row;
mod table;

pub use operation::{Cipher, Derived, Digest, KeyPair, Length, Sign, Verify};
pub use params::{ParamKind, Params};
pub use row::{Approval, KeyNeed, Mechanism, Ops};
pub use table::{all, lookup};
