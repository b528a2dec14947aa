//! The names of PKCS#11 3.2: types, constants and structures of the C interface.
//!
//! Everything comes from `cryptoki-sys`; what that crate lacks is added here, so that the rest of the
//! library has one place to import from.

pub use cryptoki_sys::*;

/// The value that stands for "this length or value cannot be told" (PKCS#11 section 3.1).
pub const UNAVAILABLE: CK_ULONG = CK_UNAVAILABLE_INFORMATION;
