//! The rule tables: which attributes an object of each class and type has, under which footnotes, with which value
//! when the template is silent. The tables are the standard's (chapters 4 and 6); `rules` is their one interpreter.

mod certificate;
mod data;
mod domain_parameters;
mod key;
mod otp_key;
mod private_key;
mod public_key;
mod secret_key;
mod storage;
mod trust;

use crate::ck::*;
use crate::error::{Error, Result};

use super::value::Attributes;

/// The footnotes of an attribute, as numbered in "Common footnotes for object attribute tables" (section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footnotes(u16);

impl Footnotes {
    const fn of(numbers: &[u8]) -> Self {
        let mut mask = 0;
        let mut rest = numbers;
        while let [number, tail @ ..] = rest {
            mask |= 1 << *number;
            rest = tail;
        }
        Self(mask)
    }

    pub const fn has(self, number: u8) -> bool {
        self.0 & (1 << number) != 0
    }

    /// The numbers in ascending order.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (1..=13).filter(move |number| self.has(*number))
    }
}

/// The value of an attribute that neither the template nor the operation gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// None: the object does without.
    Absent,
    /// The empty value of the attribute's kind.
    Empty,
    False,
    True,
    Ulong(u64),
    /// Told by the library alone: CKA_UNIQUE_ID, CKA_LOCAL, lengths and check values.
    Computed,
    /// Token-specific: CKA_PRIVATE, by class.
    Private,
    /// Token-specific: true where the key type can be used so, unless the defaults are strict.
    Usage,
    /// Token-specific: CKA_SENSITIVE of private keys.
    Sensitive,
    /// Token-specific: CKA_EXTRACTABLE, by class and by how the key came to be.
    Extractable,
}

/// One attribute of a table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub id: CK_ATTRIBUTE_TYPE,
    pub footnotes: Footnotes,
    pub initial: Initial,
}

/// All attributes of the objects of one class and type.
pub struct Table {
    pub class: CK_OBJECT_CLASS,
    /// The key type or certificate type; `None` for classes without types.
    pub subtype: Option<u64>,
    /// From the most common attributes to the type's own.
    sections: &'static [&'static [Rule]],
    /// CKA_PRIVATE when the template is silent.
    pub private: bool,
    /// Usage attributes that make sense for the type; they are true when the template is silent.
    pub usages: &'static [CK_ATTRIBUTE_TYPE],
    /// Lengths of CKA_VALUE in bytes that the type can have; empty: any.
    pub value_lengths: &'static [usize],
    /// What the values must fulfil together: CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT or
    /// CKR_TEMPLATE_INCOMPLETE.
    pub check: fn(&Attributes) -> Result<()>,
}

impl Table {
    /// The rule of an attribute; `None` where such objects have no such attribute.
    pub fn rule(&self, id: CK_ATTRIBUTE_TYPE) -> Option<&'static Rule> {
        self.rules().find(|rule| rule.id == id)
    }

    /// Every rule, each attribute once.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        self.sections.iter().flat_map(|section| section.iter())
    }
}

const TABLES: &[&[Table]] = &[
    data::TABLES,
    certificate::TABLES,
    public_key::TABLES,
    private_key::TABLES,
    secret_key::TABLES,
    otp_key::TABLES,
    domain_parameters::TABLES,
    trust::TABLES,
];

/// Every table.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().flat_map(|tables| tables.iter())
}

/// The attribute that tells the type of an object of this class.
pub fn subtype_attribute(class: CK_OBJECT_CLASS) -> Option<CK_ATTRIBUTE_TYPE> {
    match class {
        CKO_CERTIFICATE => Some(CKA_CERTIFICATE_TYPE),
        CKO_PUBLIC_KEY | CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_OTP_KEY | CKO_DOMAIN_PARAMETERS => {
            Some(CKA_KEY_TYPE)
        }
        _ => None,
    }
}

/// The table for a class and type; `None` where Coffer has no such objects.
pub fn find(class: CK_OBJECT_CLASS, subtype: Option<u64>) -> Option<&'static Table> {
    tables().find(|table| table.class == class && table.subtype == subtype)
}

/// The table for the attributes of an object or template. Errors: CKR_TEMPLATE_INCOMPLETE without a class or type,
/// CKR_ATTRIBUTE_VALUE_INVALID for a class or type that Coffer does not have (vendor-defined ones among them).
pub fn table_of(attributes: &Attributes) -> Result<&'static Table> {
    let class = attributes.ulong(CKA_CLASS).ok_or(Error::TemplateIncomplete)?;
    if !tables().any(|table| table.class == class) {
        return Err(Error::AttributeValueInvalid);
    }
    let subtype = match subtype_attribute(class) {
        Some(attribute) => Some(attributes.ulong(attribute).ok_or(Error::TemplateIncomplete)?),
        None => None,
    };
    find(class, subtype).ok_or(Error::AttributeValueInvalid)
}

/// Rows of a table: `ATTRIBUTE [footnotes] initial value;`
macro_rules! rows {
    ($($id:ident [$($number:literal),*] $initial:expr;)*) => {
        &[$($crate::object::classes::Rule {
            id: $id,
            footnotes: $crate::object::classes::Footnotes::of(&[$($number),*]),
            initial: $initial,
        }),*]
    };
}
use rows;

/// For types whose values are checked elsewhere.
fn unchecked(_: &Attributes) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::attribute;
    use crate::object::value::Kind;

    #[test]
    fn every_row_is_in_the_catalogue_and_every_table_is_unique() {
        for table in tables() {
            for rule in table.rules() {
                assert!(attribute::lookup(rule.id).is_some(), "{:#x}", rule.id);
                assert_eq!(table.rules().filter(|other| other.id == rule.id).count(), 1, "{:#x}", rule.id);
            }
            let same = tables().filter(|other| other.class == table.class && other.subtype == table.subtype);
            assert_eq!(same.count(), 1);
        }
    }

    #[test]
    fn only_attributes_that_may_be_secret_have_footnote_7() {
        let secret = |rule: &Rule| attribute::lookup(rule.id).unwrap().may_be_secret;
        assert!(tables().flat_map(Table::rules).filter(|rule| rule.footnotes.has(7)).all(secret));
        let in_bytes = |info: &attribute::AttributeInfo| matches!(info.kind, Kind::Bytes | Kind::BigInteger);
        assert!(attribute::all().iter().filter(|info| info.may_be_secret).all(in_bytes));
    }

    #[test]
    fn usages_are_attributes_of_their_table() {
        for table in tables() {
            for usage in table.usages {
                assert_eq!(table.rule(*usage).unwrap().initial, Initial::Usage, "{usage:#x}");
            }
        }
    }
}
