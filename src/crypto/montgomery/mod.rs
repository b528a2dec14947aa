//! Diffie-Hellman on Montgomery curves (RFC 7748): both curves behind one interface.

mod x25519;
mod x448;

use super::{Error, Result};
use crate::secret::Secret;

/// The two curves of RFC 7748, named as RFC 8410 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    X25519,
    X448,
}

impl Curve {
    pub const ALL: &'static [Curve] = &[Curve::X25519, Curve::X448];

    /// The content of the object identifier's DER encoding (RFC 8410 section 3).
    pub fn oid(self) -> &'static [u8] {
        match self {
            Curve::X25519 => &[0x2b, 0x65, 0x6e],
            Curve::X448 => &[0x2b, 0x65, 0x6f],
        }
    }

    /// The names of RFC 7748 and RFC 8410.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Curve::X25519 => &["curve25519", "X25519", "id-X25519"],
            Curve::X448 => &["curve448", "X448", "id-X448"],
        }
    }

    /// Bytes of private values, public values and shared secrets.
    pub const fn value_len(self) -> usize {
        match self {
            Curve::X25519 => x25519::LEN,
            Curve::X448 => x448::LEN,
        }
    }
}

/// A private key.
pub enum PrivateKey {
    X25519(x25519::PrivateKey),
    X448(x448::PrivateKey),
}

impl PrivateKey {
    /// `Key`: the value has not `Curve::value_len` bytes.
    pub fn new(curve: Curve, value: &[u8]) -> Result<Self> {
        Ok(match curve {
            Curve::X25519 => PrivateKey::X25519(x25519::PrivateKey::new(value)?),
            Curve::X448 => PrivateKey::X448(x448::PrivateKey::new(value)?),
        })
    }

    pub fn generate(curve: Curve) -> Result<Self> {
        let new = || Self::new(curve, super::random::secret(curve.value_len())?.as_bytes());
        let key = new()?;
        check_pair(&key, &key.public_value()?, &new()?)?;
        Ok(key)
    }

    pub fn curve(&self) -> Curve {
        match self {
            PrivateKey::X25519(_) => Curve::X25519,
            PrivateKey::X448(_) => Curve::X448,
        }
    }

    pub fn value(&self) -> &Secret {
        match self {
            PrivateKey::X25519(key) => key.value(),
            PrivateKey::X448(key) => key.value(),
        }
    }

    pub fn public_value(&self) -> Result<Vec<u8>> {
        Ok(match self {
            PrivateKey::X25519(key) => key.public_value().to_vec(),
            PrivateKey::X448(key) => key.public_value()?.to_vec(),
        })
    }

    /// The shared secret. `PublicKey`: the other value has another length, or is of small order.
    pub fn agree(&self, other: &[u8]) -> Result<Secret> {
        match self {
            PrivateKey::X25519(key) => key.agree(other),
            PrivateKey::X448(key) => key.agree(other),
        }
    }
}

/// The pairwise check: both halves agree with a third party on one secret. `Engine` otherwise.
fn check_pair(private: &PrivateKey, public: &[u8], other: &PrivateKey) -> Result<()> {
    let (one, two) = (private.agree(&other.public_value()?)?, other.agree(public)?);
    if super::equal(one.as_bytes(), two.as_bytes()) { Ok(()) } else { Err(Error::Engine) }
}

/// Every value of the right length is a public key (RFC 7748 section 5). `PublicKey`: it has another one.
pub fn check_public(curve: Curve, value: &[u8]) -> Result<()> {
    if value.len() == curve.value_len() { Ok(()) } else { Err(Error::PublicKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_two_pairs_fail_the_pairwise_check() {
        for curve in Curve::ALL.iter().copied() {
            let [mine, other, third] = [(); 3].map(|()| PrivateKey::generate(curve).unwrap());
            check_pair(&mine, &mine.public_value().unwrap(), &third).unwrap();
            assert_eq!(check_pair(&mine, &other.public_value().unwrap(), &third), Err(Error::Engine));
        }
    }
}
