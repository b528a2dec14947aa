//! Ed448 and Ed448ph (RFC 8032 section 5.2), by the crate `ed448-goldilocks`: the engine has no curve of this size.

use ed448_goldilocks::{PreHash, Signature, SigningKey, VerifyingKey};

use super::super::{Error, Result};
use super::Scheme;
use crate::secret::Secret;

pub const POINT_LEN: usize = 57;
const SIGNATURE_LEN: usize = 114;

/// A private key: the seed and what follows from it; the crate wipes both.
pub struct PrivateKey {
    key: SigningKey,
    point: [u8; POINT_LEN],
}

/// A point of the curve, not the neutral one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PrivateKey {
    /// From the seed of 57 bytes. `Key`: another length.
    pub fn new(seed: &[u8]) -> Result<Self> {
        let key = SigningKey::try_from(seed).map_err(|_| Error::Key)?;
        let point = key.verifying_key().to_bytes();
        Ok(Self { key, point })
    }

    pub fn seed(&self) -> Secret {
        Secret::copy_of(self.key.as_bytes())
    }

    pub fn public_point(&self) -> &[u8] {
        &self.point
    }

    /// Writes 114 bytes. `Buffer`: the signature has fewer.
    pub fn sign(&self, scheme: Scheme, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        let signature = signature.first_chunk_mut::<SIGNATURE_LEN>().ok_or(Error::Buffer)?;
        let made = match scheme {
            Scheme::Pure => self.key.sign_ctx(&[], message),
            Scheme::Context(context) => self.key.sign_ctx(context, message),
            Scheme::Prehashed(context) => self.key.sign_prehashed(Some(context), Hashed(message)),
        };
        *signature = made.map_err(|_| Error::Argument)?.to_bytes();
        Ok(SIGNATURE_LEN)
    }
}

impl PublicKey {
    /// `PublicKey`: not 57 bytes, or not the one encoding of a point of the curve.
    pub fn new(point: &[u8]) -> Result<Self> {
        let point: &[u8; POINT_LEN] = point.try_into().map_err(|_| Error::PublicKey)?;
        if !is_canonical(point) {
            return Err(Error::PublicKey);
        }
        Ok(Self(VerifyingKey::from_bytes(point).map_err(|_| Error::PublicKey)?))
    }

    /// Errors: `Length` for a signature that has not 114 bytes, otherwise `Signature`.
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<()> {
        let signature: &[u8; SIGNATURE_LEN] = signature.try_into().map_err(|_| Error::Length)?;
        if !signature.first_chunk().is_some_and(is_canonical) {
            return Err(Error::Signature);
        }
        let signature = Signature::from(signature);
        let verified = match scheme {
            Scheme::Pure => self.0.verify_ctx(&signature, &[], message),
            Scheme::Context(context) => self.0.verify_ctx(&signature, context, message),
            Scheme::Prehashed(context) => self.0.verify_prehashed(&signature, Some(context), Hashed(message)),
        };
        verified.map_err(|_| Error::Signature)
    }
}

/// Whether the y of an encoded point is below the field's prime 2^448 - 2^224 - 1, and the seven bits between it and
/// the sign of x are zero (RFC 8032 section 5.2.3). The crate looks at neither in the first half of a signature.
fn is_canonical(point: &[u8; POINT_LEN]) -> bool {
    let [y @ .., last] = point;
    // Bytes 0 to 27 and 29 to 55 of the prime are ff, byte 28 is fe, the least significant first.
    let all_ones = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0xff);
    let (low, high) = y.split_at(28);
    let below = match high {
        [0xff, rest @ ..] if all_ones(rest) => false,
        [0xfe, rest @ ..] if all_ones(rest) => !all_ones(low),
        _ => true,
    };
    below && last & 0x7f == 0
}

/// A message that has been hashed already: the crate asks for its 64 bytes.
struct Hashed<'a>(&'a [u8]);

impl PreHash for Hashed<'_> {
    fn fill_bytes(&mut self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(self.0) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_y_is_below_the_prime() {
        let prime: [u8; POINT_LEN] =
            [&[0xff; 28][..], &[0xfe], &[0xff; 27], &[0]].concat().try_into().unwrap();
        let (mut less, mut more, mut sign) = (prime, [0; POINT_LEN], [0; POINT_LEN]);
        less[0] = 0xfe;
        more[28..56].fill(0xff);
        sign[56] = 0x80;
        assert!(is_canonical(&less) && is_canonical(&sign));
        assert!(!is_canonical(&prime) && !is_canonical(&more));
    }
}
