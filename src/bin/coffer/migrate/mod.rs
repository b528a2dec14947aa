//! Moving in: what other tokens and files hold, what of it can come over, and bringing it over.
//!
//! A source answers `Item`s; `plan` decides for each with the rules of the token it goes to, and changes nothing; `carry`
//! does what the plan says. Sources are only ever read.

pub mod carry;
pub mod files;
pub mod pkcs11;
pub mod plan;
pub mod softhsm2;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::object::Attributes;

use crate::kind;
use crate::uri::Class;

/// One object of a source.
pub struct Item {
    pub attributes: Attributes,
    pub material: Material,
    /// What restricts the object at the source and cannot be read from there.
    pub unread: Vec<&'static str>,
}

/// Whether what makes the object is at hand.
pub enum Material {
    /// Everything is among the attributes.
    Here,
    /// It is not to be had, and why.
    Missing(String),
}

/// Where objects come from, and what was found there.
pub struct Source {
    /// For people: "SoftHSM2 token `zone` in /var/lib/…".
    pub name: String,
    pub items: Vec<Item>,
    /// What could not even be read, and why.
    pub unreadable: Vec<(String, String)>,
}

impl Item {
    pub fn class(&self) -> CK_OBJECT_CLASS {
        self.attributes.ulong(CKA_CLASS).unwrap_or(UNAVAILABLE)
    }

    pub fn class_name(&self) -> String {
        let class = self.class();
        Class::of(class).map_or_else(|| format!("class-{class:#x}"), |class| class.name().into())
    }

    pub fn label(&self) -> String {
        String::from_utf8_lossy(self.attributes.bytes(CKA_LABEL).unwrap_or_default()).into_owned()
    }

    pub fn id(&self) -> &[u8] {
        self.attributes.bytes(CKA_ID).unwrap_or_default()
    }

    pub fn kind(&self) -> String {
        kind::describe(self.class(), &self.attributes)
    }
}
