//! C_VerifySignature…: a check whose signature is given with the Init (PKCS#11 section 5.15).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{Length, Params, Verify};
use crate::policy::Use;
use crate::token::ObjectHandle;

use super::Session;
use super::operation::{Active, Keyed, Run};
use super::output::Output;

/// The check and its signature. It writes nothing.
pub struct Check {
    run: Box<dyn Verify>,
    signature: Vec<u8>,
}

impl Run for Check {
    fn update_len(&self, _input: usize) -> Length {
        Length::Exact(0)
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.run.update(input).map(|()| 0)
    }

    fn finish_len(&self) -> Length {
        Length::Exact(0)
    }

    fn finish(self, _output: &mut [u8]) -> Result<usize> {
        self.run.finish(&self.signature).map(|()| 0)
    }

    fn once_len(&self, _input: usize) -> Length {
        Length::Exact(0)
    }

    fn once(mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.run.update(input)?;
        self.finish(output)
    }

    fn multi_part(&self) -> bool {
        self.run.multi_part()
    }
}

impl Session {
    /// C_VerifySignatureInit: "any mechanism that supports C_VerifyInit". Errors as those of C_VerifyInit.
    pub fn verify_signature_init(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        key: ObjectHandle,
        signature: &[u8],
    ) -> Result<()> {
        let mut state = self.state();
        state.verify_signature.check_idle()?;
        let row = self.mechanism(mechanism)?;
        let start = row.ops.verify.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(key, row, params, Use::Verify)?;
        let mut kept = Vec::new();
        kept.try_reserve_exact(signature.len())?;
        kept.extend_from_slice(signature);
        let check = Check { run: start(key.clone(), params)?, signature: kept };
        let private = key.object().is_true(CKA_PRIVATE);
        let active = Active::new(check, key.needs_auth(), private);
        state.verify_signature.start(active.telling(self.told(key.object(), Use::Verify, row)));
        Ok(())
    }

    pub fn verify_signature_cancel(&self) {
        self.state().verify_signature.cancel();
    }

    /// C_VerifySignature. Errors: CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE.
    pub fn verify_signature(&self, data: &[u8]) -> Result<()> {
        self.step(|state| &mut state.verify_signature, |check| check.once(data, &mut Output::buffer(&mut [])))
    }

    /// C_VerifySignatureUpdate.
    pub fn verify_signature_update(&self, part: &[u8]) -> Result<()> {
        self.step(|state| &mut state.verify_signature, |check| check.take_in(part))
    }

    /// C_VerifySignatureFinal. Errors as those of `verify_signature`.
    pub fn verify_signature_final(&self) -> Result<()> {
        self.step(|state| &mut state.verify_signature, |check| check.finish(&mut Output::buffer(&mut [])))
    }
}
