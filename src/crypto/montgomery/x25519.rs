//! X25519 (RFC 7748 sections 5 and 6.1).

use super::super::{Error, Result, succeed};
use crate::secret::Secret;

/// Length of private values, public values and shared secrets in bytes.
pub const LEN: usize = 32;

/// A private key: 32 bytes, of which the function clamps a copy.
pub struct PrivateKey(Secret);

impl PrivateKey {
    /// `Key`: not 32 bytes.
    pub fn new(value: &[u8]) -> Result<Self> {
        if value.len() != LEN {
            return Err(Error::Key);
        }
        Ok(Self(Secret::copy_of(value)))
    }

    pub fn value(&self) -> &Secret {
        &self.0
    }

    /// The public value, 32 bytes.
    pub fn public_value(&self) -> [u8; LEN] {
        let mut public = [0; LEN];
        // SAFETY: the engine reads and writes 32 bytes: the lengths of both buffers.
        unsafe {
            aws_lc_sys::X25519_public_from_private(public.as_mut_ptr(), self.0.as_bytes().as_ptr());
        }
        public
    }

    /// The shared secret, 32 bytes. `PublicKey`: the other value is not 32 bytes long, or of small order, so that the
    /// result would be zero whatever the private key (RFC 7748 section 6.1).
    pub fn agree(&self, other: &[u8]) -> Result<Secret> {
        let other: &[u8; LEN] = other.try_into().map_err(|_| Error::PublicKey)?;
        let mut shared = Secret::zeroed(LEN);
        // SAFETY: the engine reads twice 32 bytes and writes 32: the lengths of the three buffers.
        let code = unsafe {
            aws_lc_sys::X25519(shared.as_mut_bytes().as_mut_ptr(), self.0.as_bytes().as_ptr(), other.as_ptr())
        };
        succeed(code, Error::PublicKey)?;
        Ok(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn the_example_of_rfc_7748_section_6_1_agrees() {
        let bob = PrivateKey::new(&bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
            .unwrap();
        let alice =
            PrivateKey::new(&bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
                .unwrap();
        assert_eq!(
            alice.public_value().as_slice(),
            bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        );
        assert_eq!(
            bob.public_value().as_slice(),
            bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        );
        let expected = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(alice.agree(&bob.public_value()).unwrap().as_bytes(), expected);
        assert_eq!(bob.agree(&alice.public_value()).unwrap().as_bytes(), expected);
    }

    #[test]
    fn values_of_small_order_and_other_lengths_are_refused() {
        let key = PrivateKey::new(&[7; 32]).unwrap();
        let mut one = [0; 32];
        assert_eq!(key.agree(&one).err(), Some(Error::PublicKey));
        one[0] = 1;
        assert_eq!(key.agree(&one).err(), Some(Error::PublicKey));
        assert_eq!(key.agree(&[9; 31]).err(), Some(Error::PublicKey));
        assert_eq!(PrivateKey::new(&[9; 33]).err(), Some(Error::Key));
    }
}
