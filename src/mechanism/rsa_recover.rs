//! RSA signatures from which the data come back (PKCS#11 sections 6.1.6 and 6.1.8): PKCS #1 v1.5, and raw RSA, whose data
//! is the whole block.

use crate::crypto::rsa::PKCS1_OVERHEAD;
use crate::error::{Error, Result};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Cipher, Length};
use super::rsa_cipher::one_part;
use super::rsa_keys;
use super::rsa_sign::{Padding, Signer};
use super::signing::Scheme;

/// C_SignRecover.
pub(super) fn sign(key: UsableKey, padding: Padding) -> Result<Box<dyn Cipher>> {
    let signer = Signer { key, padding };
    let length = signer.signature_len()?;
    Ok(Box::new(Signing { signer, length }))
}

/// C_VerifyRecover.
pub(super) fn verify(key: UsableKey, padding: Padding) -> Result<Box<dyn Cipher>> {
    let modulus = rsa_keys::public(&key)?.modulus_len();
    let length = match padding {
        Padding::Raw => Length::Exact(modulus),
        _ => Length::AtMost(modulus.saturating_sub(PKCS1_OVERHEAD)),
    };
    Ok(Box::new(Recovering { key, padding, length }))
}

struct Signing {
    signer: Signer,
    length: usize,
}

struct Recovering {
    key: UsableKey,
    padding: Padding,
    length: Length,
}

one_part!(Signing, |this| Length::Exact(this.length), |this, data| {
    let mut signature = Secret::zeroed(this.length);
    let written = this.signer.sign(data, signature.as_mut_bytes())?;
    signature.truncate(written);
    Ok(signature)
});
one_part!(Recovering, |this| this.length, |this, signature| {
    let key = rsa_keys::public(&this.key)?;
    if signature.len() != key.modulus_len() {
        return Err(Error::SignatureLenRange);
    }
    let block = Secret::new(key.raw(signature).map_err(|_| Error::SignatureInvalid)?);
    match this.padding {
        Padding::Raw => Ok(block),
        _ => data_of_block(block.as_bytes()).map(Secret::copy_of).ok_or(Error::SignatureInvalid),
    }
});

/// What stands in a block of type 1 (RFC 8017 section 9.2): 00 01, at least eight FF, 00, data.
fn data_of_block(block: &[u8]) -> Option<&[u8]> {
    let padded = block.strip_prefix(&[0, 1])?;
    let zero = padded.iter().position(|byte| *byte != 0xff)?;
    let data = padded.get(zero..)?.strip_prefix(&[0])?;
    (zero >= PKCS1_OVERHEAD - 3).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stands_behind_eight_bytes_of_padding_or_more() {
        let block = |padding: usize| [&[0, 1][..], &vec![0xff; padding], &[0, 7, 8]].concat();
        assert_eq!(data_of_block(&block(8)), Some(&[7, 8][..]));
        assert_eq!(data_of_block(&block(100)), Some(&[7, 8][..]));
        assert_eq!(data_of_block(&block(7)), None);
        assert_eq!(data_of_block(&[&[0, 2][..], &[0xff; 9], &[0, 7]].concat()), None);
        assert_eq!(data_of_block(&[&[0, 1][..], &[0xff; 9], &[1, 7]].concat()), None);
        assert_eq!(data_of_block(&[&[0, 1][..], &[0xff; 9]].concat()), None);
    }
}
