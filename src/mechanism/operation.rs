//! What a started operation can do: bytes in, bytes out. No session, no token, no handle, no permission.
//!
//! Every trait's last step takes `Box<Self>`, so that an operation which has ended cannot be used again.

use crate::error::Result;
use crate::object::Attributes;
use crate::secret::Secret;

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

    /// False for mechanisms without a multi-part form: C_SignUpdate is refused
    /// (CKR_FUNCTION_NOT_SUPPORTED) and the data comes in one `update`.
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

/// What a key-pair generation makes: the attributes that belong to the key type (CKA_MODULUS, CKA_EC_POINT,
/// CKA_PRIVATE_EXPONENT …); class, type, usage and computed attributes are added by the object rules.
pub struct KeyPair {
    pub public: Attributes,
    pub private: Attributes,
}

/// The raw value of a derived key, before the template shortens it.
pub struct Derived {
    pub value: Secret,
    /// True where the mechanism gives as many bytes as are asked for; false where it has one natural
    /// length, from which a shorter key takes the leading (ECDH, DH: see the mechanism) bytes.
    pub expandable: bool,
}
