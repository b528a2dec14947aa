//! Keys that are wrapped with a nonce of the token and a tag apart: C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated
//! (PKCS#11 sections 5.18 and 6.13).

use crate::ck::*;
use crate::error::{Error, Result};
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
        let row = self.mechanism(mechanism)?;
        let wrap = row.ops.message.and(row.ops.wrap).ok_or(Error::MechanismInvalid)?;
        let wrapping_key = self.usable_key(wrapping_key, row, &Params::None, Use::Wrap)?;
        check_message(row, self.token.profile(), &wrapping_key, &message, Use::Wrap)?;
        let material = self.material_to_wrap(key, &wrapping_key)?;
        if !wrapped.measure(material.len())? {
            return Ok(None);
        }
        let message = message.for_next_message(&wrapping_key)?;
        let nonce = message.nonce.clone();
        let result = wrap(&wrapping_key, &message_params(row, message, aad)?, material.as_bytes())?;
        let (text, tag) = result.split_at_checked(material.len()).ok_or(Error::GeneralError)?;
        wrapped.deliver(text)?;
        Ok(Some(Sealed { nonce, tag: tag.to_vec() }))
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
