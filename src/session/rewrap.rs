//! Wrapped keys go from under one key to under another, and are seen by nobody in between.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::Params;
use crate::object::{Template, Value};
use crate::token::{ObjectHandle, What};

use super::Session;
use super::output::Output;

/// A wrapped key is longer than what it was before by so many bytes at most.
const ROOM: usize = 4096;

/// A key that wraps or unwraps, and how.
pub struct Wrapping<'a> {
    pub mechanism: CK_MECHANISM_TYPE,
    pub params: &'a Params,
    pub key: ObjectHandle,
}

impl Session {
    /// Unwraps a key as a session object, wraps it under another key and forgets it. What it wraps is told by `class`; where
    /// that is not given, what parses as a private key is one. All rules of C_UnwrapKey and C_WrapKey hold: where the
    /// old key's CKA_UNWRAP_TEMPLATE says that what it unwraps never leaves again, it does not (CKR_TEMPLATE_INCONSISTENT).
    pub fn rewrap(
        &self,
        wrapped: &[u8],
        class: Option<CK_OBJECT_CLASS>,
        from: &Wrapping<'_>,
        to: &Wrapping<'_>,
    ) -> Result<Vec<u8>> {
        let key = match class {
            Some(class) => self.unwrap_to_pass_on(wrapped, class, from)?,
            None => match self.unwrap_to_pass_on(wrapped, CKO_PRIVATE_KEY, from) {
                Err(Error::WrappedKeyInvalid | Error::WrappedKeyLenRange) => {
                    self.unwrap_to_pass_on(wrapped, CKO_SECRET_KEY, from)?
                }
                result => result?,
            },
        };
        let result = self.wrapped_whole(to, key, wrapped.len());
        // Gone with the session in any case.
        let _ = self.destroy_object(key);
        let result = result?;
        self.token.transact(|batch| {
            let (old, new) = (self.token.object(from.key)?, self.token.object(to.key)?);
            let unique_id = |attributes: &crate::object::Attributes| {
                String::from_utf8_lossy(attributes.bytes(CKA_UNIQUE_ID).unwrap_or_default()).into_owned()
            };
            let detail = format!("a wrapped key, from under {}", unique_id(old.attributes()));
            batch.event(self.token.event(What::Rewrapped).about(new.attributes()).detail(&detail));
            Ok(())
        })?;
        Ok(result)
    }

    fn unwrap_to_pass_on(
        &self,
        wrapped: &[u8],
        class: CK_OBJECT_CLASS,
        from: &Wrapping<'_>,
    ) -> Result<ObjectHandle> {
        let mut template = Template::new();
        template.push_value(CKA_CLASS, Value::Ulong(class))?;
        if class == CKO_SECRET_KEY {
            template.push_value(CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET))?;
        }
        template.push_value(CKA_TOKEN, Value::Bool(false))?;
        template.push_value(CKA_PRIVATE, Value::Bool(true))?;
        template.push_value(CKA_SENSITIVE, Value::Bool(true))?;
        template.push_value(CKA_EXTRACTABLE, Value::Bool(true))?;
        self.unwrap_key(from.mechanism, from.params, from.key, wrapped, &template)
    }

    fn wrapped_whole(&self, to: &Wrapping<'_>, key: ObjectHandle, about: usize) -> Result<Vec<u8>> {
        // Whatever a mechanism adds, it is less than an RSA block of 16,384 bits and a key that is wrapped with it.
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(about.saturating_add(ROOM))?;
        buffer.resize(about.saturating_add(ROOM), 0);
        let mut output = Output::buffer(&mut buffer);
        self.wrap_key(to.mechanism, to.params, to.key, key, &mut output)?;
        let length = output.length();
        buffer.truncate(length);
        Ok(buffer)
    }
}
