//! Keys that a secret of 32 bytes is closed for: X25519 and ML-KEM-768 together, so that it stays closed as long as one of
//! the two holds (docs/backup-format.md, "Keys that open backups").

use super::digest::Hash;
use super::ml_kem::{self, ParameterSet};
use super::montgomery::{self, Curve};
use super::{Error, Result, hkdf, hpke, random};
use crate::secret::Secret;

const KEM: ParameterSet = ParameterSet::MlKem768;
/// Bytes of a public half.
pub const PUBLIC_LEN: usize = hpke::KEY_LEN + KEM.public_len();
/// Bytes of a wrapped secret.
pub const WRAPPED_LEN: usize = KEM.ciphertext_len() + hpke::KEY_LEN + SECRET_LEN + hpke::OVERHEAD;
/// Bytes of the secret that is wrapped, and of a seed.
pub const SECRET_LEN: usize = 32;

const LABEL: &[u8] = b"coffer recipient v1";

/// The half that opens, and what both halves are made from: a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateHalf(Secret);

/// The half that closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicHalf(Box<[u8; PUBLIC_LEN]>);

impl PrivateHalf {
    pub fn random() -> Result<Self> {
        Ok(Self(random::secret(SECRET_LEN)?))
    }

    /// `KeySize`: not 32 bytes.
    pub fn new(seed: Secret) -> Result<Self> {
        if seed.len() == SECRET_LEN { Ok(Self(seed)) } else { Err(Error::KeySize) }
    }

    pub fn seed(&self) -> &Secret {
        &self.0
    }

    fn derive(&self, info: &[u8], length: usize) -> Result<Secret> {
        let key = hkdf::extract(Hash::Sha256, self.0.as_bytes(), LABEL)?;
        hkdf::expand(Hash::Sha256, key.as_bytes(), info, length)
    }

    fn x25519(&self) -> Result<montgomery::PrivateKey> {
        montgomery::PrivateKey::new(Curve::X25519, self.derive(b"x25519", hpke::KEY_LEN)?.as_bytes())
    }

    /// The encapsulation key and the expanded decapsulation key.
    fn ml_kem(&self) -> Result<(Vec<u8>, Secret)> {
        KEM.expand(self.derive(b"ml-kem-768", ml_kem::SEED_LEN)?.as_bytes())
    }

    pub fn public_half(&self) -> Result<PublicHalf> {
        PublicHalf::new(&[self.x25519()?.public_value()?, self.ml_kem()?.0].concat())
    }

    /// Opens what was wrapped for the public half. `Decrypt`: for another one, or with another context, or it was changed.
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_LEN], context: &[u8]) -> Result<Secret> {
        let (ciphertext, rest) = wrapped.split_at_checked(KEM.ciphertext_len()).ok_or(Error::Length)?;
        let (encapsulated, sealed) = rest.split_first_chunk().ok_or(Error::Length)?;
        let shared = ml_kem::PrivateKey::new(KEM, self.ml_kem()?.1.as_bytes())?.decapsulate(ciphertext)?;
        let info = [LABEL, context].concat();
        let x25519 = self.x25519()?;
        let mut secret = hpke::open(x25519.value(), encapsulated, &info, ciphertext, sealed)
            .map_err(|_| Error::Decrypt)?;
        mask(&mut secret, &shared, context)?;
        Ok(secret)
    }
}

impl PublicHalf {
    /// `PublicKey`: another length, or no public key.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let half = Self(Box::new(bytes.try_into().map_err(|_| Error::PublicKey)?));
        KEM.check_public(half.parts()?.1).map_err(|_| Error::PublicKey)?;
        Ok(half)
    }

    pub fn as_bytes(&self) -> &[u8; PUBLIC_LEN] {
        &self.0
    }

    fn parts(&self) -> Result<(&[u8], &[u8])> {
        self.0.split_at_checked(hpke::KEY_LEN).ok_or(Error::PublicKey)
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
        wrapped.try_into().map_err(|_| Error::Length)
    }
}

/// Adds the pad that follows from the shared secret of ML-KEM, which is used for this alone.
fn mask(secret: &mut Secret, shared: &Secret, context: &[u8]) -> Result<()> {
    let key = hkdf::extract(Hash::Sha256, shared.as_bytes(), b"coffer recipient pad v1")?;
    let pad = hkdf::expand(Hash::Sha256, key.as_bytes(), context, secret.len())?;
    secret.as_mut_bytes().iter_mut().zip(pad.as_bytes()).for_each(|(byte, pad)| *byte ^= pad);
    Ok(())
}
