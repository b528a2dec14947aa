//! Keys: generate, wrap and unwrap (PKCS#11 section 5.18).

use std::sync::Arc;

use crate::ck::*;
use crate::crypto::random;
use crate::error::{Error, Result};
use crate::lifecycle::copies;
use crate::mechanism::{Mechanism, Params, import, private_key_info};
use crate::object::{Attributes, Object, Template, Value, rules};
use crate::policy::{Source, UsableKey, Use, may_export, may_make};
use crate::secret::Secret;
use crate::token::ObjectHandle;

use super::Session;
use super::output::Output;
use super::wrappable;

impl Session {
    /// C_GenerateKey, for mechanisms without an IV in their parameter.
    pub fn generate_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        template: &Template,
    ) -> Result<ObjectHandle> {
        self.generate_key_and_iv(mechanism, params, template).map(|(key, _)| key)
    }

    /// C_GenerateKey: the key, and the IV that is written back into the parameter.
    pub fn generate_key_and_iv(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        template: &Template,
    ) -> Result<(ObjectHandle, Option<Vec<u8>>)> {
        let (attributes, source, iv) = self.make_key(mechanism, params, template)?;
        let handles = self.create_objects(vec![attributes], source)?;
        Ok((handles.first().copied().ok_or(Error::GeneralError)?, iv))
    }

    /// A new secret key that may be kept here, where it comes from, and the IV that comes with it.
    pub(super) fn make_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        template: &Template,
    ) -> Result<(Attributes, Source, Option<Vec<u8>>)> {
        let row = self.mechanism(mechanism)?;
        let generate = row.ops.generate_key.ok_or(Error::MechanismInvalid)?;
        let creator = self.creator();
        let key_type = Some(generated_type(row, template)?);
        // C_GenerateKey for an asymmetric key type makes domain parameters (section 5.18.1).
        let class = if row.key.asymmetric { CKO_DOMAIN_PARAMETERS } else { row.key.secret_class };
        rules::check_generate(class, key_type, template, &creator)?;
        self.may_create_from(template, class)?;
        let generated = generate(params, template.attributes())?;
        let iv = row.ops.generate_iv.map(|generate| generate(params)).transpose()?;
        let attributes = rules::generate(class, key_type, template, generated, mechanism, &creator)?;
        let source = if row.takes_password() { Source::Imported } else { Source::Generated };
        self.may_create(&attributes, source)?;
        Ok((attributes, source, iv))
    }

    /// C_GenerateKeyPair: public key, private key; both or none.
    pub fn generate_key_pair(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        public: &Template,
        private: &Template,
    ) -> Result<(ObjectHandle, ObjectHandle)> {
        let (public, private) = self.make_key_pair(mechanism, params, public, private)?;
        match *self.create_objects(vec![public, private], Source::Generated)? {
            [public, private] => Ok((public, private)),
            _ => Err(Error::GeneralError),
        }
    }

    /// A new key pair that may be kept here: public key, private key.
    pub(super) fn make_key_pair(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        public: &Template,
        private: &Template,
    ) -> Result<(Attributes, Attributes)> {
        let row = self.mechanism(mechanism)?;
        let generate = row.ops.generate_key_pair.ok_or(Error::MechanismInvalid)?;
        self.check_stateful(row)?;
        let creator = self.creator();
        let key_type = row.key.types.first().copied();
        rules::check_generate(CKO_PUBLIC_KEY, key_type, public, &creator)?;
        rules::check_generate(CKO_PRIVATE_KEY, key_type, private, &creator)?;
        self.may_create_from(public, CKO_PUBLIC_KEY)?;
        self.may_create_from(private, CKO_PRIVATE_KEY)?;
        // The engine draws most pairs by itself.
        random::renew()?;
        let pair = generate(params, public.attributes(), private.attributes())?;
        let public = rules::generate(CKO_PUBLIC_KEY, key_type, public, pair.public, mechanism, &creator)?;
        let private = rules::generate(CKO_PRIVATE_KEY, key_type, private, pair.private, mechanism, &creator)?;
        self.token.profile().check_pair(&public, &private)?;
        self.may_create(&public, Source::Generated)?;
        self.may_create(&private, Source::Generated)?;
        Ok((public, private))
    }

    /// Refuses early what `may_create` would refuse, before a long generation.
    pub(super) fn may_create_from(&self, template: &Template, class: CK_OBJECT_CLASS) -> Result<()> {
        if template.is_true(CKA_TOKEN) {
            self.need_read_write()?;
        }
        let public = matches!(class, CKO_PUBLIC_KEY | CKO_DOMAIN_PARAMETERS);
        let private = template.bool(CKA_PRIVATE).unwrap_or(!public);
        may_make(self.token.role(), template.is_true(CKA_TOKEN), private)
    }

    /// C_WrapKey. Errors besides those of the mechanism: CKR_KEY_UNEXTRACTABLE, CKR_KEY_NOT_WRAPPABLE.
    pub fn wrap_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        wrapping_key: ObjectHandle,
        key: ObjectHandle,
        wrapped: &mut Output,
    ) -> Result<()> {
        let row = self.mechanism(mechanism)?;
        let wrap = row.ops.wrap.ok_or(Error::MechanismInvalid)?;
        let wrapping_key = self.usable_key(wrapping_key, row, params, Use::Wrap)?;
        let (key, material) = self.material_to_wrap(key, &wrapping_key, row)?;
        let result = wrap(&wrapping_key, params, material.as_bytes()).map_err(|error| match error {
            Error::DataLenRange => Error::KeySizeRange,
            error => error,
        })?;
        if wrapped.measure(result.len())? {
            wrapping_key.count_use()?;
            self.telling(&self.told(wrapping_key.object(), Use::Wrap, row), || {
                copies::wrapped(&self.token, &key, wrapping_key.object(), mechanism)
            })?;
            wrapped.deliver(&result)?;
        }
        Ok(())
    }

    /// The key and what of it leaves the token under `wrapping_key`, if it may: a secret key's value, or a private key as PKCS#8
    /// PrivateKeyInfo (section 6.7). Errors: CKR_KEY_NOT_WRAPPABLE also for a key that is suspended or compromised.
    pub(super) fn material_to_wrap(
        &self,
        handle: ObjectHandle,
        wrapping_key: &UsableKey,
        row: &Mechanism,
    ) -> Result<(Arc<Object>, Secret)> {
        let key = self.token.key(handle).map_err(|error| super::no_such_key(error, Use::Sign))?;
        let material = self.unless_refused(&key, &format!("wrap with {}", row.name), || {
            self.material_of(handle, &key, wrapping_key)
        })?;
        Ok((key, material))
    }

    fn material_of(&self, handle: ObjectHandle, key: &Object, wrapping_key: &UsableKey) -> Result<Secret> {
        may_export(self.token.role(), key)?;
        wrappable::check(key, wrapping_key.object())?;
        let validity = self.token.validity();
        let concern = validity.settle(validity.export_concern(key), Error::KeyNotWrappable)?;
        if let Some(concern) = concern {
            self.token.note_concern(handle, Use::Wrap, concern);
        }
        self.token.profile().check_wrap(wrapping_key.object(), key)?;
        match key.class() {
            CKO_SECRET_KEY => Ok(Secret::copy_of(key.material(CKA_VALUE)?.ok_or(Error::KeyNotWrappable)?)),
            _ => private_key_info::encode(key),
        }
    }

    /// C_UnwrapKey.
    pub fn unwrap_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        unwrapping_key: ObjectHandle,
        wrapped: &[u8],
        template: &Template,
    ) -> Result<ObjectHandle> {
        let row = self.mechanism(mechanism)?;
        let unwrap = row.ops.unwrap.ok_or(Error::MechanismInvalid)?;
        let unwrapping_key = self.usable_key(unwrapping_key, row, params, Use::Unwrap)?;
        let class = template.ulong(CKA_CLASS).ok_or(Error::TemplateIncomplete)?;
        self.may_create_from(template, class)?;
        let told = self.told(unwrapping_key.object(), Use::Unwrap, row);
        let material =
            self.telling(&told, || unwrap(&unwrapping_key, params, wrapped)).map_err(
                |error| match error {
                    Error::EncryptedDataInvalid | Error::AeadDecryptFailed => Error::WrappedKeyInvalid,
                    // CKR_DATA_LEN_RANGE: more blocks than a counter of CKM_AES_CTR has numbers for.
                    Error::EncryptedDataLenRange | Error::DataLenRange => Error::WrappedKeyLenRange,
                    error => error,
                },
            )?;
        let material = match class {
            CKO_SECRET_KEY => {
                let key_type = template.ulong(CKA_KEY_TYPE).ok_or(Error::TemplateIncomplete)?;
                let wanted = rules::value_len(template.attributes())?;
                secret_key(key_type, fit_unwrapped(row, material, wanted)?)
            }
            CKO_PRIVATE_KEY => private_key_info::decode(material.as_bytes())?,
            _ => return Err(Error::TemplateInconsistent),
        };
        let unwrap_template = match unwrapping_key.object().attributes().value(CKA_UNWRAP_TEMPLATE) {
            Some(Value::Template(attributes)) => Some(attributes),
            _ => None,
        };
        let attributes = rules::unwrap(template, material, unwrap_template, &self.creator())?;
        let attributes = import::check_key(&attributes).map_err(|_| Error::WrappedKeyInvalid)?;
        self.keep(attributes, Source::Unwrapped)
    }
}

/// The type of the key that a mechanism generates: its own, or the template's where it makes keys of several types
/// (section 6.37). CKR_TEMPLATE_INCOMPLETE where nobody tells it, CKR_TEMPLATE_INCONSISTENT for another one.
fn generated_type(row: &Mechanism, template: &Template) -> Result<CK_KEY_TYPE> {
    match (row.key.types, template.ulong(CKA_KEY_TYPE)) {
        ([own], _) => Ok(*own),
        (_, None) => Err(Error::TemplateIncomplete),
        (types, Some(asked)) if types.contains(&asked) => Ok(asked),
        _ => Err(Error::TemplateInconsistent),
    }
}

fn secret_key(key_type: CK_KEY_TYPE, value: Secret) -> Attributes {
    Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_VALUE_LEN, Value::Ulong(value.len() as u64)),
        (CKA_VALUE, Value::Secret(value)),
    ])
}

/// Cuts what an unpadded mechanism has added: zeros after the key (ECB, CBC), or bytes before it (X.509 RSA).
fn fit_unwrapped(row: &Mechanism, value: Secret, wanted: Option<usize>) -> Result<Secret> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != value.len()) else { return Ok(value) };
    if wanted > value.len() {
        return Err(Error::WrappedKeyLenRange);
    }
    if row.id == CKM_RSA_X_509 {
        return Ok(trailing(&value, wanted));
    }
    let (key, padding) = value.as_bytes().split_at_checked(wanted).ok_or(Error::WrappedKeyLenRange)?;
    // Zeros to the block; for CKM_AES_KEY_WRAP to the semiblock of eight bytes (section 6.16).
    let block = match row.id {
        CKM_AES_KEY_WRAP | CKM_DES_ECB | CKM_DES_CBC | CKM_DES3_ECB | CKM_DES3_CBC => 8,
        _ => 16,
    };
    if padding.len() < block && padding.iter().all(|byte| *byte == 0) {
        Ok(Secret::copy_of(key))
    } else {
        Err(Error::WrappedKeyLenRange)
    }
}

/// The last `length` bytes.
fn trailing(value: &Secret, length: usize) -> Secret {
    let start = value.len().saturating_sub(length);
    Secret::copy_of(value.as_bytes().get(start..).unwrap_or_default())
}
