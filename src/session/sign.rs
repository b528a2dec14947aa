//! Signatures and MACs: C_Sign… and C_Verify… (PKCS#11 sections 5.13 and 5.15).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::policy::Use;
use crate::token::ObjectHandle;

use super::output::Output;
use super::{Session, active};

impl Session {
    pub fn sign_init(&self, mechanism: CK_MECHANISM_TYPE, params: &Params, key: ObjectHandle) -> Result<()> {
        let mut state = self.state();
        state.sign.check_idle()?;
        let row = self.mechanism(mechanism)?;
        let start = row.ops.sign.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(key, row, Use::Sign)?;
        let run = start(key.clone(), params)?;
        state.sign.start(active(run, &key, key.needs_auth()));
        Ok(())
    }

    pub fn sign(&self, data: &[u8], signature: &mut Output) -> Result<()> {
        self.state().sign.once(data, signature)
    }

    pub fn sign_update(&self, data: &[u8]) -> Result<()> {
        self.state().sign.update(data, &mut Output::buffer(&mut []))
    }

    pub fn sign_final(&self, signature: &mut Output) -> Result<()> {
        self.state().sign.finish(signature)
    }

    pub fn verify_init(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        key: ObjectHandle,
    ) -> Result<()> {
        let mut state = self.state();
        state.verify.check_idle()?;
        let row = self.mechanism(mechanism)?;
        let start = row.ops.verify.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(key, row, Use::Verify)?;
        let run = start(key.clone(), params)?;
        // CKA_ALWAYS_AUTHENTICATE speaks of private keys and of the use of a secret, which a MAC's check is as well.
        state.verify.start(active(run, &key, key.needs_auth()));
        Ok(())
    }

    pub fn verify(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        self.state().verify.verify(data, signature)
    }

    pub fn verify_update(&self, data: &[u8]) -> Result<()> {
        self.state().verify.verify_update(data)
    }

    pub fn verify_final(&self, signature: &[u8]) -> Result<()> {
        self.state().verify.verify_final(signature)
    }

    /// C_SignInit with a NULL mechanism ends the operation (section 5.2). The same for every other Init.
    pub fn sign_cancel(&self) {
        self.state().sign.cancel();
    }

    pub fn verify_cancel(&self) {
        self.state().verify.cancel();
    }
}
