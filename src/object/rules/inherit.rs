//! What a derived key takes over from the keys that it comes from (chapter 6, at each derivation mechanism).

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Object;
use crate::object::classes::Table;
use crate::object::value::{Attributes, Value};

/// How CKA_SENSITIVE and CKA_EXTRACTABLE of a derived key, and what it tells of the past (CKA_ALWAYS_SENSITIVE,
/// CKA_NEVER_EXTRACTABLE), follow from the keys before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inheritance {
    /// The template or the default tells the first two, the base key the past: most mechanisms.
    #[default]
    Template,
    /// The template, else the base key; the past of any of the keys (section 6.42, SP 800-108).
    Base,
    /// Sensitive if any of the keys is, not extractable if any is not; the past of all of them (section 6.43).
    Strictest,
    /// As the base key in everything (sections 6.39 and 6.40, keys and MAC keys).
    Same,
}

/// The keys that a derived object comes from.
#[derive(Clone, Copy)]
pub struct Parents<'a> {
    pub base: &'a Object,
    /// Those that the parameter names.
    pub others: &'a [&'a Object],
    pub inheritance: Inheritance,
}

impl<'a> Parents<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Object> + use<'a> {
        std::iter::once(self.base).chain(self.others.iter().copied())
    }

    /// CKA_DERIVE_TEMPLATE of each key that has one.
    pub(super) fn templates(&self) -> impl Iterator<Item = &'a Attributes> + use<'a> {
        self.all().filter_map(|key| match key.attributes().value(CKA_DERIVE_TEMPLATE) {
            Some(Value::Template(attributes)) => Some(attributes),
            _ => None,
        })
    }

    /// Whether the keys' past is the derived key's: `id` is CKA_ALWAYS_SENSITIVE or CKA_NEVER_EXTRACTABLE.
    pub(super) fn past(&self, id: CK_ATTRIBUTE_TYPE) -> bool {
        match self.inheritance {
            Inheritance::Template | Inheritance::Same => self.base.is_true(id),
            Inheritance::Base => self.all().any(|key| key.is_true(id)),
            Inheritance::Strictest => self.all().all(|key| key.is_true(id)),
        }
    }

    /// Sets what the keys decide. Errors: CKR_TEMPLATE_INCONSISTENT where the template says otherwise.
    pub(super) fn decide(&self, table: &'static Table, attributes: &mut Attributes) -> Result<()> {
        for (id, strict) in [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false)] {
            if table.rule(id).is_none() {
                continue;
            }
            let given = attributes.value(id).and_then(Value::as_bool);
            let decided = match self.inheritance {
                Inheritance::Template => None,
                Inheritance::Base => given.is_none().then(|| self.base.is_true(id)),
                Inheritance::Strictest => self.all().any(|key| key.is_true(id) == strict).then_some(strict),
                Inheritance::Same => Some(self.base.is_true(id)),
            };
            match (given, decided) {
                (Some(given), Some(decided)) if given != decided => return Err(Error::TemplateInconsistent),
                (_, Some(decided)) => {
                    attributes.set(id, Value::Bool(decided));
                }
                (_, None) => {}
            }
        }
        Ok(())
    }
}
