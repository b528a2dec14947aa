//! Keys from keys: C_DeriveKey (PKCS#11 section 5.18.5).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{Derivation, Params, import, with_parity};
use crate::object::rules::{self, Parents};
use crate::object::{Attributes, Object, Template, Value};
use crate::policy::{Source, Use};
use crate::secret::Secret;
use crate::token::ObjectHandle;

use super::Session;

/// What a derivation has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The object of the caller's template; `None` for mechanisms that have none (keys and MAC keys of TLS).
    pub main: Option<ObjectHandle>,
    /// Further keys, in the order of their places in the parameter.
    pub further: Vec<ObjectHandle>,
    /// What is written back into the parameter, in the order of its places.
    pub returned: Vec<Vec<u8>>,
}

impl Session {
    /// C_DeriveKey. `others`: the keys that the parameter names, in its order. All objects are made or none.
    pub fn derive_key(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        params: &Params,
        base_key: ObjectHandle,
        others: &[ObjectHandle],
        template: &Template,
    ) -> Result<Made> {
        let row = self.mechanism(mechanism)?;
        let derive = row.ops.derive.ok_or(Error::MechanismInvalid)?;
        let base = self.usable_key(base_key, row, params, Use::Derive)?;
        let others = others.iter().map(|key| self.usable_key(*key, row, params, Use::Derive));
        let others = others.collect::<Result<Vec<_>>>()?;
        let wanted = rules::value_len(template.attributes())?;
        for key in std::iter::once(&base).chain(&others) {
            key.count_use()?;
        }
        let derivation = Derivation { base: &base, keys: &others, params, template, wanted };
        let told = self.told(base.object(), Use::Derive, row);
        let derived = self.telling(&told, || derive(&derivation))?;

        let others: Vec<&Object> = others.iter().map(|key| key.object()).collect();
        let parents = Parents { base: base.object(), others: &others, inheritance: derived.inheritance };
        let main = derived.main.map(|material| self.derived(template, material, parents)).transpose()?;
        let has_main = main.is_some();
        let further = derived.further.into_iter();
        let further = further.map(|(template, material)| self.derived(&template, material, parents));
        let objects = main.into_iter().map(Ok).chain(further).collect::<Result<Vec<_>>>()?;
        for object in &objects {
            self.may_create(object, Source::Derived)?;
        }
        let mut handles = self.create_objects(objects, Source::Derived)?.into_iter();
        let main = if has_main { handles.next() } else { None };
        Ok(Made { main, further: handles.collect(), returned: derived.returned })
    }

    /// The attributes of one derived object. A class that is not what the mechanism makes is
    /// CKR_TEMPLATE_INCONSISTENT.
    fn derived(&self, template: &Template, mut material: Attributes, parents: Parents) -> Result<Attributes> {
        let class = material.ulong(CKA_CLASS).unwrap_or(CKO_SECRET_KEY);
        if template.ulong(CKA_CLASS).is_some_and(|asked| asked != class) {
            return Err(Error::TemplateInconsistent);
        }
        material.set(CKA_CLASS, Value::Ulong(class));
        if class == CKO_SECRET_KEY {
            let told = template.ulong(CKA_KEY_TYPE).or(material.ulong(CKA_KEY_TYPE));
            let key_type = told.unwrap_or(CKK_GENERIC_SECRET);
            let value = material.bytes(CKA_VALUE).map(Secret::copy_of).ok_or(Error::GeneralError)?;
            material.set(CKA_KEY_TYPE, Value::Ulong(key_type));
            material.set(CKA_VALUE_LEN, Value::Ulong(value.len() as u64));
            material.set(CKA_VALUE, Value::Secret(with_parity(key_type, value)));
        }
        import::check_key(&rules::derive(template, material, parents, &self.creator())?)
    }
}
