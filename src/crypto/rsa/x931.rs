//! RSA signatures of ANSI X9.31: the smaller of two roots of a block that ends in CC.

use super::super::number::Number;
use super::super::{Error, Result, equal};
use super::{PrivateKey, PublicKey};

/// First and last byte of a block.
pub const X931_OVERHEAD: usize = 2;

/// The block 6B BB .. BB BA data CC, or 6A data CC where there is no room between. `Length`: the data is too long.
fn block(data: &[u8], length: usize) -> Result<Vec<u8>> {
    let filling = length.checked_sub(data.len() + X931_OVERHEAD).ok_or(Error::Length)?;
    let mut block = vec![0xbb; length - data.len() - 1];
    if let Some(first) = block.first_mut() {
        *first = if filling == 0 { 0x6a } else { 0x6b };
    }
    if filling > 0
        && let Some(last) = block.last_mut()
    {
        *last = 0xba;
    }
    block.extend_from_slice(data);
    block.push(0xcc);
    Ok(block)
}

impl PrivateKey {
    /// Signs data, at most `modulus_len` - 2 bytes of it (otherwise `Length`), the last of which is the identifier of
    /// its hash function. `Data`: the modulus has not whole bytes.
    pub fn sign_x931(&self, data: &[u8], signature: &mut [u8]) -> Result<usize> {
        let length = self.modulus_len();
        let out = signature.get_mut(..length).ok_or(Error::Buffer)?;
        let root = Number::from_bytes(self.raw(&block(data, length)?)?.as_bytes())?;
        let other = self.modulus()?.minus(&root)?;
        let smaller = if other.compare(&root).is_lt() { other } else { root };
        out.copy_from_slice(smaller.to_secret_of(length)?.as_bytes());
        Ok(length)
    }
}

impl PublicKey {
    /// Errors: `Length` for data that is too long or a signature of another length, otherwise `Signature`.
    pub fn verify_x931(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        let length = self.modulus_len();
        let expected = block(data, length)?;
        if signature.len() != length {
            return Err(Error::Length);
        }
        let opened = Number::from_bytes(&self.raw(signature).map_err(|_| Error::Signature)?)?;
        let modulus = self.modulus()?;
        // The larger root is no signature.
        let given = Number::from_bytes(signature)?;
        if given.compare(&modulus.minus(&given)?).is_gt() {
            return Err(Error::Signature);
        }
        let opened = match opened.to_secret_of(length)?.as_bytes() {
            [.., last] if last & 0x0f == 0x0c => opened,
            _ => modulus.minus(&opened)?,
        };
        if equal(opened.to_secret_of(length)?.as_bytes(), &expected) { Ok(()) } else { Err(Error::Signature) }
    }
}
