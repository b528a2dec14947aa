//! Digests: C_Digest… (PKCS#11 section 5.12).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::policy::Use;
use crate::token::ObjectHandle;

use super::operation::Active;
use super::output::Output;
use super::{Session, no_such_key};

impl Session {
    pub fn digest_init(&self, mechanism: CK_MECHANISM_TYPE, params: &Params) -> Result<()> {
        let mut state = self.state();
        state.digest.check_idle()?;
        let start = self.mechanism(mechanism)?.ops.digest.ok_or(Error::MechanismInvalid)?;
        let run = start(params)?;
        state.digest.start(Active::new(run, false, false));
        Ok(())
    }

    pub fn digest(&self, data: &[u8], digest: &mut Output) -> Result<()> {
        self.state().digest.once(data, digest)
    }

    pub fn digest_update(&self, part: &[u8]) -> Result<()> {
        self.state().digest.update(part, &mut Output::buffer(&mut []))
    }

    /// C_DigestKey: the value of a secret key as the next part. Errors: CKR_KEY_INDIGESTIBLE for other keys, which
    /// ends the operation as every error does.
    pub fn digest_key(&self, key: ObjectHandle) -> Result<()> {
        let mut state = self.state();
        if let Err(Error::OperationActive) = state.digest.check_idle() {
            let object = self.token.key(key).map_err(|error| no_such_key(error, Use::Derive));
            let value = object.and_then(|object| match object.class() {
                CKO_SECRET_KEY => Ok(object),
                _ => Err(Error::KeyIndigestible),
            });
            let updated = value.and_then(|object| {
                let value = object.material(CKA_VALUE)?.ok_or(Error::KeyIndigestible)?;
                state.digest.update(value, &mut Output::buffer(&mut []))
            });
            return updated.inspect_err(|_| {
                state.digest.cancel();
            });
        }
        Err(Error::OperationNotInitialized)
    }

    pub fn digest_final(&self, digest: &mut Output) -> Result<()> {
        self.state().digest.finish(digest)
    }

    pub fn digest_cancel(&self) {
        self.state().digest.cancel();
    }
}
