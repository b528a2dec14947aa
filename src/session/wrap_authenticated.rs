//! Keys that are wrapped with a nonce of the token and a tag apart: C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated
//! (PKCS#11 sections 5.18 and 6.13), and C_WrapKey where the nonce may be the token's.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::lifecycle::copies;
use crate::mechanism::{MessageParams, Params};
use crate::object::Template;
use crate::policy::Use;
use crate::token::ObjectHandle;

use super::Session;
use super::messages::{Sealed, check_message, message_params};
use super::output::Output;

impl Session {
    /// C_WrapKeyAuthenticated: the wrapped key, and nonce and tag, which are `None` for a question about the length. Errors as
    /// those of C_WrapKey.
    pub fn wrap_key_authenticated(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        message: MessageParams,
        aad: &[u8],
        wrapping_key: ObjectHandle,
        key: ObjectHandle,
        wrapped: &mut Output,
    ) -> Result<Option<Sealed>> {
        let tag_len = message.tag_len;
        let sealed =
            self.seal_key(mechanism, message, aad, wrapping_key, key, |length| wrapped.measure(length))?;
        let Some((nonce, mut text)) = sealed else { return Ok(None) };
        let tag = text.split_off(text.len().checked_sub(tag_len).ok_or(Error::GeneralError)?);
        wrapped.deliver(&text)?;
        Ok(Some(Sealed { nonce, tag }))
    }

    /// C_WrapKey with CK_GCM_WRAP_PARAMS or CK_CCM_WRAP_PARAMS: the wrapped key with its tag behind it, and the nonce, which is
    /// `None` for a question about the length. Errors as those of C_WrapKey.
    pub fn wrap_key_and_nonce(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        message: MessageParams,
        aad: &[u8],
        wrapping_key: ObjectHandle,
        key: ObjectHandle,
        wrapped: &mut Output,
    ) -> Result<Option<Vec<u8>>> {
        let tag_len = message.tag_len;
        let measure = |length: usize| wrapped.measure(length.saturating_add(tag_len));
        let sealed = self.seal_key(mechanism, message, aad, wrapping_key, key, measure)?;
        let Some((nonce, text)) = sealed else { return Ok(None) };
        wrapped.deliver(&text)?;
        Ok(Some(nonce))
    }

    /// Nonce, and wrapped key with its tag. `fits` hears the length of the key, and says whether it is wanted now.
    fn seal_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        message: MessageParams,
        aad: &[u8],
        wrapping_key: ObjectHandle,
        key: ObjectHandle,
        fits: impl FnOnce(usize) -> Result<bool>,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let row = self.mechanism(mechanism)?;
        let wrap = row.ops.message.and(row.ops.wrap).ok_or(Error::MechanismInvalid)?;
        let wrapping_key = self.usable_key(wrapping_key, row, &Params::None, Use::Wrap)?;
        check_message(row, self.token.profile(), &wrapping_key, &message, Use::Wrap)?;
        let (key, material) = self.material_to_wrap(key, &wrapping_key, row)?;
        if !fits(material.len())? {
            return Ok(None);
        }
        wrapping_key.count_use()?;
        let message = message.for_next_message(&wrapping_key)?;
        let nonce = message.nonce.clone();
        let params = message_params(row, message, aad)?;
        let text = wrap(&wrapping_key, &params, material.as_bytes()).map_err(|error| match error {
            Error::DataLenRange => Error::KeySizeRange,
            error => error,
        })?;
        self.telling(&self.told(wrapping_key.object(), Use::Wrap, row), || {
            copies::wrapped(&self.token, &key, wrapping_key.object(), mechanism)
        })?;
        Ok(Some((nonce, text)))
    }

    /// C_UnwrapKeyAuthenticated. Errors as those of C_UnwrapKey; a wrong tag is CKR_WRAPPED_KEY_INVALID.
    pub fn unwrap_key_authenticated(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        message: MessageParams,
        aad: &[u8],
        unwrapping_key: ObjectHandle,
        (wrapped, tag): (&[u8], &[u8]),
        template: &Template,
    ) -> Result<ObjectHandle> {
        let row = self.mechanism(mechanism)?;
        let mut whole = Vec::new();
        whole.try_reserve_exact(wrapped.len().saturating_add(tag.len()))?;
        whole.extend_from_slice(wrapped);
        whole.extend_from_slice(tag);
        let params = message_params(row, message, aad)?;
        self.unwrap_key(mechanism, &params, unwrapping_key, &whole, template)
    }
}
