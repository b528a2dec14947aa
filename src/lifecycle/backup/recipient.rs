//! The keys that open backups, and sealed first keys of audit logs: X25519 and ML-KEM-768 together, from one seed.

use super::bytes::{Reader, digest16};
use super::error::{Error, Result, damaged};
use super::passphrase::{self, Protection};
use super::share::SetId;
use crate::crypto::digest::Hash;
use crate::crypto::ml_kem::{self, ParameterSet};
use crate::crypto::montgomery::{self, Curve};
use crate::crypto::{hkdf, hpke, random};
use crate::secret::Secret;

const KEM: ParameterSet = ParameterSet::MlKem768;
/// Bytes of a public half.
pub(super) const PUBLIC_LEN: usize = hpke::KEY_LEN + KEM.public_len();
/// Bytes of a wrapped secret.
pub const WRAPPED_LEN: usize = KEM.ciphertext_len() + hpke::KEY_LEN + SECRET_LEN + hpke::OVERHEAD;
/// Bytes of the secret that is wrapped, and of a seed.
const SECRET_LEN: usize = 32;

const LABEL: &[u8] = b"coffer recipient v1";
const FILE_VERSION: u8 = 1;
const FILE_CONTEXT: &[u8] = b"coffer recipient key v1";

/// What both halves of a key are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed(Secret);

/// The half that closes: public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicHalf(Box<[u8; PUBLIC_LEN]>);

impl Seed {
    pub fn random() -> Result<Self> {
        Ok(Self(random::secret(SECRET_LEN)?))
    }

    /// `Damaged`: not 32 bytes.
    pub(super) fn new(secret: Secret) -> Result<Self> {
        if secret.len() == SECRET_LEN {
            Ok(Self(secret))
        } else {
            Err(damaged("the seed has a wrong length"))
        }
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.0
    }

    fn derive(&self, info: &[u8], length: usize) -> Result<Secret> {
        let key = hkdf::extract(Hash::Sha256, self.0.as_bytes(), LABEL)?;
        Ok(hkdf::expand(Hash::Sha256, key.as_bytes(), info, length)?)
    }

    fn x25519(&self) -> Result<montgomery::PrivateKey> {
        let value = self.derive(b"x25519", hpke::KEY_LEN)?;
        Ok(montgomery::PrivateKey::new(Curve::X25519, value.as_bytes())?)
    }

    /// The encapsulation key and the expanded decapsulation key.
    fn ml_kem(&self) -> Result<(Vec<u8>, Secret)> {
        Ok(KEM.expand(self.derive(b"ml-kem-768", ml_kem::SEED_LEN)?.as_bytes())?)
    }

    pub fn public_half(&self) -> Result<PublicHalf> {
        PublicHalf::new(&[self.x25519()?.public_value()?, self.ml_kem()?.0].concat())
    }

    /// What opens the token of this set, where its shares set user PINs (docs/token-format.md): as good as a PIN, for it
    /// alone, and no way back to the seed.
    pub(super) fn pin_key(&self, token: &[u8; 16], set: SetId) -> Result<Secret> {
        let key = hkdf::extract(Hash::Sha256, self.0.as_bytes(), b"coffer pin reset v1")?;
        Ok(hkdf::expand(Hash::Sha256, key.as_bytes(), &[&token[..], &set.0].concat(), SECRET_LEN)?)
    }

    /// Opens what was wrapped for the public half. `Mismatch`: for another one, or with another context, or it was changed.
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_LEN], context: &[u8]) -> Result<Secret> {
        let mut reader = Reader::new(wrapped, "the wrapped key");
        let ciphertext = reader.bytes(KEM.ciphertext_len())?;
        let encapsulated = reader.array()?;
        let shared = ml_kem::PrivateKey::new(KEM, self.ml_kem()?.1.as_bytes())?.decapsulate(ciphertext)?;
        let info = [LABEL, context].concat();
        let x25519 = self.x25519()?;
        let mut secret = hpke::open(x25519.value(), &encapsulated, &info, ciphertext, reader.rest())
            .map_err(|_| Error::Mismatch("it is not for this key, or was changed".into()))?;
        mask(&mut secret, &shared, context)?;
        Ok(secret)
    }

    /// The contents of a key file, closed with a passphrase where there is one.
    pub fn to_file(&self, passphrase: Option<&Secret>) -> Result<Secret> {
        let protection = match passphrase {
            Some(passphrase) => Protection::close(&self.0, passphrase, FILE_CONTEXT)?,
            None => Protection::None(self.0.clone()),
        };
        let mut bytes = Vec::with_capacity(2 + passphrase::CLOSED_LEN);
        bytes.push(FILE_VERSION);
        protection.encode(&mut bytes);
        Ok(Secret::new(bytes))
    }

    /// Whether the contents of a key file need a passphrase.
    pub fn is_closed(file: &[u8]) -> Result<bool> {
        Ok(read_file(file)?.is_closed())
    }

    /// The seed in the contents of a key file.
    pub fn from_file(file: &[u8], passphrase: Option<&Secret>) -> Result<Self> {
        Self::new(read_file(file)?.open(passphrase, FILE_CONTEXT)?)
    }
}

fn read_file(file: &[u8]) -> Result<Protection> {
    let mut reader = Reader::new(file, "the key file");
    if reader.u8()? != FILE_VERSION {
        return Err(Error::NotOurs("the key file is of a version that is not known here".into()));
    }
    let protection = Protection::decode(&mut reader)?;
    reader.end()?;
    Ok(protection)
}

impl PublicHalf {
    /// `Damaged`: another length, or no public key.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let bytes: [u8; PUBLIC_LEN] =
            bytes.try_into().map_err(|_| damaged("the public half of the key has a wrong length"))?;
        let half = Self(Box::new(bytes));
        KEM.check_public(half.parts()?.1)
            .map_err(|_| damaged("the public half of the key is no public key"))?;
        Ok(half)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    pub fn key_id(&self) -> Result<[u8; 16]> {
        digest16(&[b"coffer recipient id v1", self.as_bytes()])
    }

    fn parts(&self) -> Result<(&[u8], &[u8])> {
        let mut reader = Reader::new(self.as_bytes(), "the public half");
        Ok((reader.bytes(hpke::KEY_LEN)?, reader.rest()))
    }

    /// Closes a secret of 32 bytes, so that the private half opens it with the same context.
    pub fn wrap(&self, secret: &Secret, context: &[u8]) -> Result<[u8; WRAPPED_LEN]> {
        let (x25519, ml_kem) = self.parts()?;
        let (ciphertext, shared) = ml_kem::PublicKey::new(KEM, ml_kem)?.encapsulate()?;
        let mut masked = secret.clone();
        mask(&mut masked, &shared, context)?;
        let info = [LABEL, context].concat();
        let (encapsulated, sealed) = hpke::seal(x25519, &info, &ciphertext, masked.as_bytes())?;
        let wrapped = [&ciphertext[..], &encapsulated, &sealed].concat();
        wrapped.try_into().map_err(|_| crate::crypto::Error::Engine.into())
    }
}

/// Adds the pad that follows from the shared secret of ML-KEM, which is used for this alone.
fn mask(secret: &mut Secret, shared: &Secret, context: &[u8]) -> Result<()> {
    let key = hkdf::extract(Hash::Sha256, shared.as_bytes(), b"coffer recipient pad v1")?;
    let pad = hkdf::expand(Hash::Sha256, key.as_bytes(), context, secret.len())?;
    secret.as_mut_bytes().iter_mut().zip(pad.as_bytes()).for_each(|(byte, pad)| *byte ^= pad);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_secret_opens_for_its_key_and_unchanged_only() {
        let (mine, other) = (Seed::random().unwrap(), Seed::random().unwrap());
        let secret = random::secret(32).unwrap();
        let wrapped = mine.public_half().unwrap().wrap(&secret, b"context").unwrap();
        assert_eq!(mine.unwrap(&wrapped, b"context").unwrap(), secret);
        assert!(matches!(other.unwrap(&wrapped, b"context"), Err(Error::Mismatch(_))));
        assert!(matches!(mine.unwrap(&wrapped, b"other"), Err(Error::Mismatch(_))));
        for byte in 0..WRAPPED_LEN {
            let mut flipped = wrapped;
            flipped[byte] ^= 1 << (byte % 8);
            assert!(mine.unwrap(&flipped, b"context").is_err(), "{byte}");
        }
        assert_eq!(WRAPPED_LEN, 1168);
    }

    #[test]
    fn the_public_half_does_not_open_and_depends_on_the_seed_alone() {
        let seed = Seed::new(Secret::copy_of(&[7; 32])).unwrap();
        let half = seed.public_half().unwrap();
        assert_eq!(half, seed.public_half().unwrap());
        assert_eq!(PublicHalf::new(half.as_bytes()).unwrap(), half);
        assert!(PublicHalf::new(&half.as_bytes()[1..]).is_err());
        assert!(PublicHalf::new(&[0xff; PUBLIC_LEN]).is_err());
        assert!(Seed::new(Secret::copy_of(&[7; 31])).is_err());
    }

    /// The value of docs/backup-format.md, which was computed apart from this code.
    #[test]
    fn the_key_that_opens_a_token_is_that_of_the_format() {
        let seed = Seed::new(Secret::new((0..32).collect())).unwrap();
        let (token, set): ([u8; 16], [u8; 16]) =
            (std::array::from_fn(|at| 0xa0 + at as u8), std::array::from_fn(|at| 0xb0 + at as u8));
        let key = seed.pin_key(&token, SetId(set)).unwrap();
        let expected = "658c86b2170f0fd512a6eef53005dfa6cdf62e1d842d6da546199b77b6c5b4dd";
        assert_eq!(super::super::bytes::hex(key.as_bytes()), expected);
        assert_ne!(seed.pin_key(&set, SetId(token)).unwrap(), key);
    }

    #[test]
    fn a_key_file_opens_with_its_passphrase_only() {
        let seed = Seed::random().unwrap();
        let (right, wrong) = (Secret::copy_of(b"right"), Secret::copy_of(b"wrong"));
        let open = seed.to_file(None).unwrap();
        assert!(!Seed::is_closed(open.as_bytes()).unwrap());
        assert_eq!(Seed::from_file(open.as_bytes(), None).unwrap(), seed);
        let closed = seed.to_file(Some(&right)).unwrap();
        assert!(Seed::is_closed(closed.as_bytes()).unwrap());
        assert_eq!(Seed::from_file(closed.as_bytes(), Some(&right)).unwrap(), seed);
        for passphrase in [Some(&wrong), None] {
            let error = Seed::from_file(closed.as_bytes(), passphrase);
            assert!(matches!(error, Err(Error::Passphrase(_))));
        }
        assert!(Seed::from_file(&closed.as_bytes()[..closed.len() - 1], Some(&right)).is_err());
        assert!(Seed::from_file(&[2], None).is_err());
    }
}
