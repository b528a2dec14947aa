//! A new key for the holder of a private key: C_EncapsulateKey and C_DecapsulateKey (PKCS#11 sections 5.18.8 and 5.18.9).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{Encapsulation, Params, with_parity};
use crate::object::{Attributes, Object, Template, Value, rules};
use crate::policy::{Source, Use};
use crate::secret::Secret;
use crate::token::ObjectHandle;

use super::Session;
use super::output::Output;

impl Session {
    /// C_EncapsulateKey. `None`: only the length of the ciphertext was asked for, and no key was made.
    pub fn encapsulate_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        public_key: ObjectHandle,
        template: &Template,
        ciphertext: &mut Output,
    ) -> Result<Option<ObjectHandle>> {
        let row = self.mechanism(mechanism)?;
        let encapsulate = row.ops.encapsulate.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(public_key, row, params, Use::Encapsulate)?;
        self.may_create_from(template, CKO_SECRET_KEY)?;
        let wanted = rules::value_len(template.attributes())?;
        let told = self.told(key.object(), Use::Encapsulate, row);
        let (made, value) =
            self.telling(&told, || encapsulate(&Encapsulation { key: &key, params, wanted }))?;
        let shared = self.shared_key(template, value, key.object(), CKA_ENCAPSULATE_TEMPLATE);
        // There is no wrapped key whose length could be wrong.
        let shared = shared.map_err(|error| match error {
            Error::WrappedKeyLenRange | Error::WrappedKeyInvalid => Error::KeySizeRange,
            error => error,
        })?;
        self.may_create(&shared, Source::Derived)?;
        if !ciphertext.is_query() {
            key.count_use()?;
        }
        if ciphertext.deliver(&made)? { self.keep(shared, Source::Derived).map(Some) } else { Ok(None) }
    }

    /// C_DecapsulateKey.
    pub fn decapsulate_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        private_key: ObjectHandle,
        template: &Template,
        ciphertext: &[u8],
    ) -> Result<ObjectHandle> {
        let row = self.mechanism(mechanism)?;
        let decapsulate = row.ops.decapsulate.ok_or(Error::MechanismInvalid)?;
        let key = self.usable_key(private_key, row, params, Use::Decapsulate)?;
        self.may_create_from(template, CKO_SECRET_KEY)?;
        let wanted = rules::value_len(template.attributes())?;
        let told = self.told(key.object(), Use::Decapsulate, row);
        let encapsulation = Encapsulation { key: &key, params, wanted };
        let value = self.telling(&told, || decapsulate(&encapsulation, ciphertext))?;
        let shared = self.shared_key(template, value, key.object(), CKA_DECAPSULATE_TEMPLATE)?;
        self.keep(shared, Source::Derived)
    }

    /// The attributes of the new key, which tells of its past what an unwrapped one does. `from` is the attribute with
    /// the template of the key for such keys. CKR_TEMPLATE_INCONSISTENT: another class than a secret key, or a template
    /// that contradicts the key's.
    fn shared_key(
        &self,
        template: &Template,
        value: Secret,
        key: &Object,
        from: CK_ATTRIBUTE_TYPE,
    ) -> Result<Attributes> {
        let of_the_key = match key.attributes().value(from) {
            Some(Value::Template(attributes)) => Some(attributes),
            _ => None,
        };
        let told = template.ulong(CKA_KEY_TYPE).or(of_the_key.and_then(|all| all.ulong(CKA_KEY_TYPE)));
        let key_type = told.unwrap_or(CKK_GENERIC_SECRET);
        let mut template = template.clone();
        if told.is_none() {
            template.push_value(CKA_KEY_TYPE, Value::Ulong(key_type))?;
        }
        let value = with_parity(key_type, value);
        let material = Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(key_type)),
            (CKA_VALUE_LEN, Value::Ulong(value.len() as u64)),
            (CKA_VALUE, Value::Secret(value)),
        ]);
        rules::unwrap(&template, material, of_the_key, &self.creator())
    }
}
