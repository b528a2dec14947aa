//! Dual-function operations: one part of data through a cipher, and through a digest, a signature or its check as well
//! (PKCS#11 section 5.17).
//!
//! The cipher goes first: where its output does not fit, neither operation has moved.

use crate::error::{Error, Result};

use super::Session;
use super::operation::Keyed;
use super::output::Output;

impl Session {
    /// C_DigestEncryptUpdate: the part is digested and encrypted.
    pub fn digest_encrypt_update(&self, part: &[u8], output: &mut Output) -> Result<()> {
        let mut state = self.state();
        both(state.digest.is_active(), state.encrypt.is_active())?;
        state.encrypt.update(part, output)?;
        if output.is_query() { Ok(()) } else { state.digest.take_in(part) }
    }

    /// C_SignEncryptUpdate: the part is signed and encrypted.
    pub fn sign_encrypt_update(&self, part: &[u8], output: &mut Output) -> Result<()> {
        let mut state = self.state();
        both(state.sign.is_active(), state.encrypt.is_active())?;
        state.encrypt.update(part, output)?;
        if output.is_query() { Ok(()) } else { state.sign.take_in(part) }
    }

    /// C_DecryptDigestUpdate: the part is decrypted, and what comes out is digested.
    pub fn decrypt_digest_update(&self, part: &[u8], output: &mut Output) -> Result<()> {
        let mut state = self.state();
        both(state.decrypt.is_active(), state.digest.is_active())?;
        state.decrypt.update(part, output)?;
        if output.is_query() { Ok(()) } else { state.digest.take_in(output.written()) }
    }

    /// C_DecryptVerifyUpdate: the part is decrypted, and what comes out is what the signature is of.
    pub fn decrypt_verify_update(&self, part: &[u8], output: &mut Output) -> Result<()> {
        let mut state = self.state();
        both(state.decrypt.is_active(), state.verify.is_active())?;
        state.decrypt.update(part, output)?;
        if output.is_query() { Ok(()) } else { state.verify.verify_update(output.written()) }
    }

    /// A dual function has failed: both of its operations end. The same for the other three.
    pub fn digest_encrypt_cancel(&self) {
        self.digest_cancel();
        self.encrypt_cancel();
    }

    pub fn sign_encrypt_cancel(&self) {
        self.sign_cancel();
        self.encrypt_cancel();
    }

    pub fn decrypt_digest_cancel(&self) {
        self.decrypt_cancel();
        self.digest_cancel();
    }

    pub fn decrypt_verify_cancel(&self) {
        self.decrypt_cancel();
        self.verify_cancel();
    }
}

/// Errors: CKR_OPERATION_NOT_INITIALIZED where one of the two is missing.
fn both(first: bool, second: bool) -> Result<()> {
    if first && second { Ok(()) } else { Err(Error::OperationNotInitialized) }
}
