//! Encryption and decryption: C_Encrypt… and C_Decrypt… (PKCS#11 sections 5.8 and 5.10).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::policy::Use;
use crate::token::ObjectHandle;

use super::output::Output;
use super::{Session, active};

impl Session {
    pub fn encrypt_init(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        key: ObjectHandle,
    ) -> Result<()> {
        let mut state = self.state();
        state.encrypt.check_idle()?;
        let row = self.mechanism(mechanism)?;
        let start = row.ops.encrypt.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(key, row, Use::Encrypt)?;
        let run = start(key.clone(), params)?;
        state.encrypt.start(active(run, &key, key.needs_auth()));
        Ok(())
    }

    pub fn encrypt(&self, data: &[u8], output: &mut Output) -> Result<()> {
        self.state().encrypt.once(data, output)
    }

    pub fn encrypt_update(&self, part: &[u8], output: &mut Output) -> Result<()> {
        self.state().encrypt.update(part, output)
    }

    pub fn encrypt_final(&self, output: &mut Output) -> Result<()> {
        self.state().encrypt.finish(output)
    }

    pub fn decrypt_init(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        key: ObjectHandle,
    ) -> Result<()> {
        let mut state = self.state();
        state.decrypt.check_idle()?;
        let row = self.mechanism(mechanism)?;
        let start = row.ops.decrypt.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(key, row, Use::Decrypt)?;
        let run = start(key.clone(), params)?;
        state.decrypt.start(active(run, &key, key.needs_auth()));
        Ok(())
    }

    pub fn decrypt(&self, data: &[u8], output: &mut Output) -> Result<()> {
        self.state().decrypt.once(data, output)
    }

    pub fn decrypt_update(&self, part: &[u8], output: &mut Output) -> Result<()> {
        self.state().decrypt.update(part, output)
    }

    pub fn decrypt_final(&self, output: &mut Output) -> Result<()> {
        self.state().decrypt.finish(output)
    }

    pub fn encrypt_cancel(&self) {
        self.state().encrypt.cancel();
    }

    pub fn decrypt_cancel(&self) {
        self.state().decrypt.cancel();
    }
}
