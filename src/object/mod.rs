//! Objects: what they are made of and the rules for their attributes.
#![forbid(unsafe_code)]

pub mod attribute;
pub mod classes;
pub mod codec;
pub mod ec_point;
pub mod rules;
mod search;
mod template;
mod value;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::lock::OnceCell;

use crate::ck::*;
use crate::error::{Error, Result};

pub use rules::{Computed, Creator, Defaults, split};
pub use search::{SearchTemplate, fits, matches};
pub use template::{Template, encode};
pub use value::{Attributes, Kind, Value};

/// Fetches the sealed attributes of a token object at their first use.
pub type SecretOpener = Box<dyn Fn() -> Result<Attributes> + Send + Sync>;

/// Something that was computed from a key's value once, and stays right whatever other attributes become.
pub type Lasting = Arc<OnceCell<Box<dyn Any + Send + Sync>>>;

/// An object: immutable and shared as `Arc<Object>`; a change makes a new one.
pub struct Object {
    attributes: Attributes,
    secrets: OnceCell<Attributes>,
    opener: Option<SecretOpener>,
    engine_key: OnceCell<Box<dyn Any + Send + Sync>>,
    /// Shared with what a change makes of the object, as the next one.
    lasting: Lasting,
    generated_nonces: Arc<AtomicU64>,
    /// Other processes may have the key too, and generate nonces: it is a token key, or a copy of one.
    elsewhere: bool,
    /// Whether the attributes say anything of the key's life that its use must be asked for.
    governed: bool,
    /// Whether it has a limit of what it may do.
    limited: bool,
}

/// The attributes that bear upon whether a key may be used now.
const GOVERNING: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_COFFER_STATE,
    CKA_COFFER_ACTIVATION_DATE,
    CKA_COFFER_PROTECT_STOP_DATE,
    CKA_COFFER_PROCESS_STOP_DATE,
];

fn is_limited(attributes: &Attributes) -> bool {
    attributes.contains(CKA_COFFER_USE_LIMIT) || attributes.contains(CKA_COFFER_BYTE_LIMIT)
}

fn is_governed(attributes: &Attributes) -> bool {
    let dated = |id: &CK_ATTRIBUTE_TYPE| attributes.bytes(*id).is_some_and(|date| !date.is_empty());
    GOVERNING.iter().any(|id| attributes.contains(*id)) || [CKA_START_DATE, CKA_END_DATE].iter().any(dated)
}

impl Object {
    /// An object whose secret attributes are at hand; values of the kind `Secret` are kept apart.
    pub fn new(attributes: Attributes) -> Self {
        let (secrets, attributes): (Vec<_>, Vec<_>) =
            attributes.into_iter().partition(|(_, value)| matches!(value, Value::Secret(_)));
        let attributes: Attributes = attributes.into_iter().collect();
        Self {
            governed: is_governed(&attributes),
            limited: is_limited(&attributes),
            elsewhere: attributes.is_true(CKA_TOKEN),
            attributes,
            secrets: OnceCell::with_value(secrets.into_iter().collect()),
            opener: None,
            engine_key: OnceCell::new(),
            lasting: Arc::new(OnceCell::new()),
            generated_nonces: Arc::default(),
        }
    }

    /// The same key after a change, or as a copy: it goes on counting its nonces.
    pub fn succeeding(self, before: &Object) -> Self {
        let lasting = Arc::clone(&before.lasting);
        let elsewhere = self.elsewhere || before.elsewhere;
        Self { generated_nonces: Arc::clone(&before.generated_nonces), lasting, elsewhere, ..self }
    }

    /// The same key with what was computed from it before it was changed.
    pub fn with_lasting(self, lasting: Lasting) -> Self {
        Self { lasting, ..self }
    }

    /// What was computed from the key for longer than this object; `None` where there is nothing.
    pub fn lasting(&self) -> Option<&Lasting> {
        Some(&self.lasting).filter(|lasting| lasting.get().is_some())
    }

    /// An object whose secret attributes are opened at their first use.
    pub fn sealed(attributes: Attributes, opener: SecretOpener) -> Self {
        Self {
            governed: is_governed(&attributes),
            limited: is_limited(&attributes),
            elsewhere: attributes.is_true(CKA_TOKEN),
            attributes,
            secrets: OnceCell::new(),
            opener: Some(opener),
            engine_key: OnceCell::new(),
            lasting: Arc::new(OnceCell::new()),
            generated_nonces: Arc::default(),
        }
    }

    /// All attributes but the secret ones.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The secret attributes: key values and the private parts of key pairs.
    pub fn secrets(&self) -> Result<&Attributes> {
        self.secrets.get_or_try_init(|| match &self.opener {
            Some(open) => open(),
            None => Ok(Attributes::new()),
        })
    }

    pub fn class(&self) -> CK_OBJECT_CLASS {
        self.attributes.ulong(CKA_CLASS).unwrap_or(UNAVAILABLE)
    }

    pub fn key_type(&self) -> Option<CK_KEY_TYPE> {
        self.attributes.ulong(CKA_KEY_TYPE)
    }

    /// True where the attribute is present and CK_TRUE.
    pub fn is_true(&self, attribute: CK_ATTRIBUTE_TYPE) -> bool {
        self.attributes.is_true(attribute)
    }

    pub fn ulong(&self, attribute: CK_ATTRIBUTE_TYPE) -> Option<u64> {
        self.attributes.ulong(attribute)
    }

    /// The bytes of an attribute that is not secret.
    pub fn bytes(&self, attribute: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.attributes.bytes(attribute)
    }

    /// The bytes of an attribute, secret or not. `Ok(None)` where the object has none.
    pub fn material(&self, attribute: CK_ATTRIBUTE_TYPE) -> Result<Option<&[u8]>> {
        match self.attributes.bytes(attribute) {
            Some(bytes) => Ok(Some(bytes)),
            None => Ok(self.secrets()?.bytes(attribute)),
        }
    }

    /// The key as the engine wants it: parsed once by `parse`, then kept for the life of the object.
    pub fn engine_key<K, F>(&self, parse: F) -> Result<&K>
    where
        K: Send + Sync + 'static,
        F: FnOnce(&Object) -> Result<K>,
    {
        let key = self.engine_key.get_or_try_init(|| parse(self).map(|key| Box::new(key) as _))?;
        key.downcast_ref::<K>().ok_or(Error::KeyTypeInconsistent)
    }

    /// As `engine_key`, for a key that each use changes, where `parse` takes long: it is kept through changes of the object.
    pub fn lasting_key<K, F>(&self, parse: F) -> Result<&K>
    where
        K: Send + Sync + 'static,
        F: FnOnce(&Object) -> Result<K>,
    {
        let key = self.lasting.get_or_try_init(|| parse(self).map(|key| Box::new(key) as _))?;
        key.downcast_ref::<K>().ok_or(Error::KeyTypeInconsistent)
    }

    /// False where nothing is said of the key's life: it is active, whatever the time.
    pub fn is_governed(&self) -> bool {
        self.governed
    }

    /// Whether what the key does is counted against a limit.
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// How many nonces have been generated for messages under this key, in this process.
    pub fn generated_nonces(&self) -> &AtomicU64 {
        &self.generated_nonces
    }

    /// Whether `generated_nonces` may miss some: the key is, or was copied from, a token key.
    pub fn may_be_elsewhere(&self) -> bool {
        self.elsewhere
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Object(class {:#x})", self.class())
    }
}
