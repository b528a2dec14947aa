//! Digests: C_Digest… (PKCS#11 section 5.12).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::policy::{Use, permit_digest};
use crate::token::ObjectHandle;

use super::operation::{Active, Keyed};
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

    /// C_DigestKey: the value of a secret key as the next part. Errors: CKR_KEY_INDIGESTIBLE for other keys, and for those
    /// that `policy::permit_digest` refuses.
    pub fn digest_key(&self, key: ObjectHandle) -> Result<()> {
        let mut state = self.state();
        if !state.digest.is_active() {
            return Err(Error::OperationNotInitialized);
        }
        let object = self.token.key(key).map_err(|error| no_such_key(error, Use::Derive))?;
        let (profile, role) = (self.token.profile(), self.token.role());
        if let Some(concern) = permit_digest(&object, profile, &self.token.validity(), role)? {
            self.token.note_concern(key, Use::Derive, concern);
        }
        let value = object.material(CKA_VALUE)?.ok_or(Error::KeyIndigestible)?;
        if object.is_limited() {
            self.token.meter(key, Use::Derive).count_use()?;
        }
        state.digest.take_in(value)
    }

    pub fn digest_cancel(&self) {
        self.state().digest.cancel();
    }
}
