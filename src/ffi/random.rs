//! Random number generation functions (PKCS#11 section 5.19).

use crate::ck::*;
use crate::error::Result;
use crate::session::Session;

use super::pointer;

/// C_SeedRandom.
pub(super) unsafe fn seed(session: &Session, seed: *mut CK_BYTE, seed_len: CK_ULONG) -> Result<()> {
    // SAFETY: as C_SeedRandom describes its arguments.
    session.seed_random(unsafe { pointer::bytes(seed, seed_len) }?)
}

/// C_GenerateRandom.
pub(super) unsafe fn generate(session: &Session, buffer: *mut CK_BYTE, buffer_len: CK_ULONG) -> Result<()> {
    // SAFETY: as C_GenerateRandom describes its arguments.
    session.generate_random(unsafe { pointer::bytes_mut(buffer, buffer_len) }?)
}
