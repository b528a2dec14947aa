//! X448 (RFC 7748 sections 5 and 6.2), by the crate `x448`: the engine has no curve of this size.

use zeroize::Zeroizing;

use super::super::{Error, Result};
use crate::secret::Secret;

/// Length of private values, public values and shared secrets in bytes.
pub const LEN: usize = 56;

/// A private key: 56 bytes, of which the function clamps a copy.
pub struct PrivateKey(Secret);

impl PrivateKey {
    /// `Key`: not 56 bytes.
    pub fn new(value: &[u8]) -> Result<Self> {
        if value.len() != LEN {
            return Err(Error::Key);
        }
        Ok(Self(Secret::copy_of(value)))
    }

    pub fn value(&self) -> &Secret {
        &self.0
    }

    /// The public value, 56 bytes.
    pub fn public_value(&self) -> Result<[u8; LEN]> {
        x448::x448(*self.scalar()?, x448::X448_BASEPOINT_BYTES).ok_or(Error::Engine)
    }

    /// The shared secret, 56 bytes. `PublicKey`: the other value is not 56 bytes long, or of small order, so that the
    /// result would be zero whatever the private key (RFC 7748 section 6.2).
    pub fn agree(&self, other: &[u8]) -> Result<Secret> {
        let other: [u8; LEN] = other.try_into().map_err(|_| Error::PublicKey)?;
        let shared = Zeroizing::new(x448::x448(*self.scalar()?, other).ok_or(Error::PublicKey)?);
        if super::super::equal(shared.as_slice(), &[0; LEN]) {
            return Err(Error::PublicKey);
        }
        Ok(Secret::copy_of(shared.as_slice()))
    }

    fn scalar(&self) -> Result<Zeroizing<[u8; LEN]>> {
        Ok(Zeroizing::new(self.0.as_bytes().try_into().map_err(|_| Error::Key)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn the_example_of_rfc_7748_section_6_2_agrees() {
        let alice = PrivateKey::new(&bytes(
            "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d\
             9ac2d8c0a598726b",
        ))
        .unwrap();
        let bob = PrivateKey::new(&bytes(
            "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0\
             366f10b65173992d",
        ))
        .unwrap();
        assert_eq!(
            alice.public_value().unwrap().as_slice(),
            bytes(
                "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da8812\
                 0d53177f80e532c41fa0"
            )
        );
        assert_eq!(
            bob.public_value().unwrap().as_slice(),
            bytes(
                "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec\
                 3dae07bdc1c67bf33609"
            )
        );
        let expected = bytes(
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a\
             449a5037514a879d",
        );
        assert_eq!(alice.agree(&bob.public_value().unwrap()).unwrap().as_bytes(), expected);
        assert_eq!(bob.agree(&alice.public_value().unwrap()).unwrap().as_bytes(), expected);
    }

    #[test]
    fn values_of_small_order_and_other_lengths_are_refused() {
        let key = PrivateKey::new(&[7; LEN]).unwrap();
        let prime = [&[0xff; 28][..], &[0xfe], &[0xff; 27]].concat();
        let mut one = [0; LEN];
        assert_eq!(key.agree(&one).err(), Some(Error::PublicKey));
        one[0] = 1;
        assert_eq!(key.agree(&one).err(), Some(Error::PublicKey));
        // Zero and minus one, not reduced and reduced.
        assert_eq!(key.agree(&prime).err(), Some(Error::PublicKey));
        let minus_one = [&[0xfe][..], &prime[1..]].concat();
        assert_eq!(key.agree(&minus_one).err(), Some(Error::PublicKey));
        assert_eq!(key.agree(&[9; 55]).err(), Some(Error::PublicKey));
        assert_eq!(PrivateKey::new(&[9; 57]).err(), Some(Error::Key));
    }
}
