//! What a started operation can do: bytes in, bytes out. No session, no token, no handle, no permission.
//!
//! Every trait's last step takes `Box<Self>`, so that an operation which has ended cannot be used again.

use crate::ck::CKA_VALUE;
use crate::error::{Error, Result};
use crate::object::rules::Inheritance;
use crate::object::{Attributes, Template, Value};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::params::Params;

/// The length in bytes that a step will write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Known before the work is done.
    Exact(usize),
    /// Known only afterwards (unpadding): never more than this.
    AtMost(usize),
}

impl Length {
    pub fn most(self) -> usize {
        match self {
            Length::Exact(length) | Length::AtMost(length) => length,
        }
    }
}

/// A signature or MAC in the making.
pub trait Sign: Send {
    /// Bytes that `finish` writes, exactly.
    fn output_len(&self) -> usize;

    fn update(&mut self, data: &[u8]) -> Result<()>;

    /// Writes the signature to the front of `signature`, which has at least `output_len` bytes.
    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize>;

    /// True where `finish` takes so long that an asynchronous session has a thread of its own work on it.
    fn slow(&self) -> bool {
        false
    }

    /// False for mechanisms without a multi-part form: C_SignUpdate is refused (CKR_FUNCTION_NOT_SUPPORTED). The parts
    /// of a message (C_SignMessageNext) are taken all the same.
    fn multi_part(&self) -> bool {
        true
    }
}

/// A signature or MAC being checked.
pub trait Verify: Send {
    fn update(&mut self, data: &[u8]) -> Result<()>;

    /// `Ok` only for a right signature; otherwise CKR_SIGNATURE_INVALID or CKR_SIGNATURE_LEN_RANGE.
    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()>;

    fn multi_part(&self) -> bool {
        true
    }
}

/// A digest in the making.
pub trait Digest: Send {
    fn output_len(&self) -> usize;

    fn update(&mut self, data: &[u8]) -> Result<()>;

    fn finish(self: Box<Self>, digest: &mut [u8]) -> Result<usize>;

    /// A second digest in the same state.
    fn copy(&self) -> Result<Box<dyn Digest>>;
}

/// An encryption or a decryption in progress.
pub trait Cipher: Send {
    /// Bytes that the next `update` with `input` bytes will write.
    fn update_len(&self, input: usize) -> Length;

    /// Writes to the front of `output`, which has room for `update_len(input.len()).most()` bytes; answers how many.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize>;

    /// Bytes that `finish` will write now.
    fn finish_len(&self) -> Length;

    fn finish(self: Box<Self>, output: &mut [u8]) -> Result<usize>;

    /// Bytes that a fresh operation will write for `input` bytes in one part.
    fn once_len(&self, input: usize) -> Length;

    /// The one-part form: `output` has room for `once_len(input.len()).most()` bytes.
    fn once(self: Box<Self>, input: &[u8], output: &mut [u8]) -> Result<usize>;

    fn multi_part(&self) -> bool {
        true
    }
}

/// The methods of a `Cipher` that serves one part only: all but `once_len` and `once`.
macro_rules! one_part_only {
    () => {
        fn update_len(&self, _: usize) -> Length {
            Length::Exact(0)
        }

        fn update(&mut self, _: &[u8], _: &mut [u8]) -> Result<usize> {
            Err(Error::FunctionNotSupported)
        }

        fn finish_len(&self) -> Length {
            Length::Exact(0)
        }

        fn finish(self: Box<Self>, _: &mut [u8]) -> Result<usize> {
            Err(Error::FunctionNotSupported)
        }

        fn multi_part(&self) -> bool {
            false
        }
    };
}

pub(super) use one_part_only;

/// What a key-pair generation makes: the attributes that belong to the key type (CKA_MODULUS, CKA_EC_POINT,
/// CKA_PRIVATE_EXPONENT …); class, type, usage and computed attributes are added by the object rules.
pub struct KeyPair {
    pub public: Attributes,
    pub private: Attributes,
}

/// What a derivation works with. Every key has passed `policy::permit` for this mechanism.
pub struct Derivation<'a> {
    pub base: &'a UsableKey,
    /// The keys that the parameter names, in its order.
    pub keys: &'a [UsableKey],
    pub params: &'a Params,
    pub template: &'a Template,
    /// The bytes that the template asks for: CKA_VALUE_LEN, or the only length of its key type.
    pub wanted: Option<usize>,
}

/// What an encapsulation or a decapsulation works with. The key has passed `policy::permit` for this mechanism.
pub struct Encapsulation<'a> {
    pub key: &'a UsableKey,
    pub params: &'a Params,
    /// As for a derivation.
    pub wanted: Option<usize>,
}

/// What a derivation makes.
pub struct Derived {
    /// What the mechanism contributes to the object of the template: a secret key's CKA_VALUE (of the length that is
    /// wanted), or class and attributes of a public key or of data. `None` for mechanisms that have no such object.
    pub main: Option<Attributes>,
    /// Further keys with templates of their own, in the order of their places in the parameter.
    pub further: Vec<(Template, Attributes)>,
    /// What is written back into the parameter, in the order of its places: IVs, a version.
    pub returned: Vec<Vec<u8>>,
    pub inheritance: Inheritance,
}

impl Derived {
    /// One secret key, of exactly this value.
    pub fn key(value: Secret) -> Self {
        Self::object(Attributes::from_iter([(CKA_VALUE, Value::Secret(value))]))
    }

    /// One object with these attributes, CKA_CLASS among them where it is no secret key.
    pub fn object(attributes: Attributes) -> Self {
        Self { main: Some(attributes), ..Self::nothing() }
    }

    /// No object yet.
    pub fn nothing() -> Self {
        Self { main: None, further: Vec::new(), returned: Vec::new(), inheritance: Inheritance::Template }
    }

    pub fn inheriting(self, inheritance: Inheritance) -> Self {
        Self { inheritance, ..self }
    }
}

/// Which end of a longer value a shorter key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Leading,
    /// "The truncation removes bytes from the leading end of the secret value" (sections 6.3 and 6.4).
    Trailing,
}

/// The `wanted` bytes of one end, or the whole value where nothing is wanted. Errors: CKR_KEY_SIZE_RANGE for more bytes
/// than there are.
pub fn cut(mut value: Secret, wanted: Option<usize>, end: End) -> Result<Secret> {
    let Some(wanted) = wanted else { return Ok(value) };
    let surplus = value.len().checked_sub(wanted).ok_or(Error::KeySizeRange)?;
    match end {
        End::Leading => value.truncate(wanted),
        End::Trailing => {
            return value.as_bytes().get(surplus..).map(Secret::copy_of).ok_or(Error::KeySizeRange);
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_key_is_one_end_of_the_value_and_a_longer_one_is_refused() {
        let value = || Secret::copy_of(&[1, 2, 3, 4]);
        assert_eq!(cut(value(), None, End::Leading), Ok(value()));
        assert_eq!(cut(value(), Some(3), End::Leading), Ok(Secret::copy_of(&[1, 2, 3])));
        assert_eq!(cut(value(), Some(3), End::Trailing), Ok(Secret::copy_of(&[2, 3, 4])));
        for end in [End::Leading, End::Trailing] {
            assert_eq!(cut(value(), Some(5), end), Err(Error::KeySizeRange));
        }
    }
}
