//! Why a primitive refused to work. What that means at the C boundary is told in `error.rs` of the library, or by the
//! mechanism that knows better.

use std::fmt;

/// An error of the cryptographic layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The random number generator gave nothing.
    Random,
    /// No memory was left.
    Memory,
    /// The key has a size that the algorithm does not know.
    KeySize,
    /// The private or secret key is not valid.
    Key,
    /// The public key is not valid.
    PublicKey,
    /// The domain parameters are not valid or not supported.
    Parameters,
    /// The curve is not one of those supported.
    Curve,
    /// An IV, a tag length, a salt length or the like is outside what the algorithm takes.
    Argument,
    /// The input has a length that the algorithm does not take.
    Length,
    /// The output buffer is shorter than the result.
    Buffer,
    /// The input has a right length and a value that the algorithm does not take.
    Data,
    /// A ciphertext does not decrypt: wrong tag, wrong padding, wrong check value.
    Decrypt,
    /// A signature does not match.
    Signature,
    /// The engine does not offer this.
    Unsupported,
    /// The engine failed without a reason that the input explains.
    Engine,
}

pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Error::Random => "no random numbers are to be had",
            Error::Memory => "no memory is left",
            Error::KeySize => "the key size is not supported",
            Error::Key => "the key is not valid",
            Error::PublicKey => "the public key is not valid",
            Error::Parameters => "the domain parameters are not valid",
            Error::Curve => "the curve is not supported",
            Error::Argument => "a parameter of the algorithm is out of range",
            Error::Length => "the input has a wrong length",
            Error::Buffer => "the output buffer is too short",
            Error::Data => "the input has a value that cannot be processed",
            Error::Decrypt => "the ciphertext does not decrypt",
            Error::Signature => "the signature does not match",
            Error::Unsupported => "the algorithm is not supported",
            Error::Engine => "the cryptographic engine failed",
        })
    }
}

impl std::error::Error for Error {}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Self {
        Error::Memory
    }
}
