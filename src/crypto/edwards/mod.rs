//! EdDSA (RFC 8032): both curves behind one interface.

mod ed25519;
mod ed448;

use super::{Error, Result};
use crate::secret::Secret;

/// Most bytes of a context (RFC 8032 section 5).
pub const MAX_CONTEXT: usize = 255;

/// The two curves of RFC 8032, named as RFC 8410 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    Ed25519,
    Ed448,
}

impl Curve {
    pub const ALL: &'static [Curve] = &[Curve::Ed25519, Curve::Ed448];

    /// The content of the object identifier's DER encoding (RFC 8410 section 3).
    pub fn oid(self) -> &'static [u8] {
        match self {
            Curve::Ed25519 => &[0x2b, 0x65, 0x70],
            Curve::Ed448 => &[0x2b, 0x65, 0x71],
        }
    }

    /// The names of RFC 8032 and RFC 8410.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Curve::Ed25519 => &["edwards25519", "Ed25519", "id-Ed25519"],
            Curve::Ed448 => &["edwards448", "Ed448", "id-Ed448"],
        }
    }

    /// Bytes of seeds and of points.
    pub const fn point_len(self) -> usize {
        match self {
            Curve::Ed25519 => ed25519::POINT_LEN,
            Curve::Ed448 => ed448::POINT_LEN,
        }
    }

    pub const fn signature_len(self) -> usize {
        2 * self.point_len()
    }
}

/// Which of the schemes of RFC 8032, with its context of at most `MAX_CONTEXT` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// Ed25519 without a context; Ed448 with an empty one.
    Pure,
    /// Ed25519ctx, which must have one, and Ed448.
    Context(&'a [u8]),
    /// Ed25519ph and Ed448ph: the message is its prehash, SHA-512 or 64 bytes of SHAKE256.
    Prehashed(&'a [u8]),
}

/// A private key.
pub enum PrivateKey {
    Ed25519(ed25519::PrivateKey),
    Ed448(Box<ed448::PrivateKey>),
}

/// A point of one of the curves, checked to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    Ed25519(ed25519::PublicKey),
    Ed448(Box<ed448::PublicKey>),
}

impl PrivateKey {
    /// From the seed, `Curve::point_len` bytes. `Key`: another length.
    pub fn new(curve: Curve, seed: &[u8]) -> Result<Self> {
        Ok(match curve {
            Curve::Ed25519 => PrivateKey::Ed25519(ed25519::PrivateKey::new(seed)?),
            Curve::Ed448 => PrivateKey::Ed448(Box::new(ed448::PrivateKey::new(seed)?)),
        })
    }

    pub fn generate(curve: Curve) -> Result<Self> {
        let key = Self::new(curve, super::random::secret(curve.point_len())?.as_bytes())?;
        check_pair(&key, &PublicKey::new(curve, key.public_point())?)?;
        Ok(key)
    }

    pub fn curve(&self) -> Curve {
        match self {
            PrivateKey::Ed25519(_) => Curve::Ed25519,
            PrivateKey::Ed448(_) => Curve::Ed448,
        }
    }

    pub fn seed(&self) -> Secret {
        match self {
            PrivateKey::Ed25519(key) => key.seed(),
            PrivateKey::Ed448(key) => key.seed(),
        }
    }

    /// The public point as RFC 8032 encodes it.
    pub fn public_point(&self) -> &[u8] {
        match self {
            PrivateKey::Ed25519(key) => key.public_point(),
            PrivateKey::Ed448(key) => key.public_point(),
        }
    }

    /// Writes `Curve::signature_len` bytes. Errors: `Buffer` for fewer; `Argument` for a context too long or, with
    /// Ed25519ctx, empty; `Length` for a prehash that has not 64 bytes.
    pub fn sign(&self, scheme: Scheme, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        scheme.check(message)?;
        match self {
            PrivateKey::Ed25519(key) => key.sign(scheme, message, signature),
            PrivateKey::Ed448(key) => key.sign(scheme, message, signature),
        }
    }
}

impl PublicKey {
    /// `PublicKey`: another length, or not the one encoding of a point of the curve.
    pub fn new(curve: Curve, point: &[u8]) -> Result<Self> {
        Ok(match curve {
            Curve::Ed25519 => PublicKey::Ed25519(ed25519::PublicKey::new(point)?),
            Curve::Ed448 => PublicKey::Ed448(Box::new(ed448::PublicKey::new(point)?)),
        })
    }

    pub fn curve(&self) -> Curve {
        match self {
            PublicKey::Ed25519(_) => Curve::Ed25519,
            PublicKey::Ed448(_) => Curve::Ed448,
        }
    }

    /// Errors: `Length` for a signature of another length, otherwise `Signature`; those of the scheme as for `sign`.
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<()> {
        scheme.check(message)?;
        match self {
            PublicKey::Ed25519(key) => key.verify(scheme, message, signature),
            PublicKey::Ed448(key) => key.verify(scheme, message, signature),
        }
    }
}

/// The pairwise check: what the private key signs, the public one verifies. `Engine` otherwise.
fn check_pair(private: &PrivateKey, public: &PublicKey) -> Result<()> {
    let mut signature = vec![0; private.curve().signature_len()];
    private.sign(Scheme::Pure, b"pairwise check", &mut signature)?;
    public.verify(Scheme::Pure, b"pairwise check", &signature).map_err(|_| Error::Engine)
}

impl Scheme<'_> {
    fn check(self, message: &[u8]) -> Result<()> {
        match self {
            Scheme::Context(context) | Scheme::Prehashed(context) if context.len() > MAX_CONTEXT => {
                Err(Error::Argument)
            }
            Scheme::Prehashed(_) if message.len() != 64 => Err(Error::Length),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
