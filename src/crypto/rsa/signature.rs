//! RSA signatures: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 sections 8.1 and 8.2).

use super::super::digest::Hash;
use super::super::{Error, Result, equal, succeed};
use super::{PrivateKey, PublicKey};

/// Header and padding of a PKCS #1 v1.5 block: 00 01, at least eight FF, 00.
pub const PKCS1_OVERHEAD: usize = 11;

/// The DER encoding of DigestInfo up to the digest (RFC 8017 section 9.2, notes; RFC 8702 for SHA-3).
pub fn digest_info_prefix(hash: Hash) -> &'static [u8] {
    macro_rules! nist {
        ($arc:literal, $length:literal) => {
            &[
                0x30,
                0x11 + $length,
                0x30,
                0x0d,
                0x06,
                0x09,
                0x60,
                0x86,
                0x48,
                0x01,
                0x65,
                0x03,
                0x04,
                0x02,
                $arc,
                0x05,
                0x00,
                0x04,
                $length,
            ]
        };
    }
    match hash {
        Hash::Md5 => &[
            0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00,
            0x04, 0x10,
        ],
        Hash::Sha1 => {
            &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14]
        }
        Hash::Sha256 => nist!(1, 32),
        Hash::Sha384 => nist!(2, 48),
        Hash::Sha512 => nist!(3, 64),
        Hash::Sha224 => nist!(4, 28),
        Hash::Sha512_224 => nist!(5, 28),
        Hash::Sha512_256 => nist!(6, 32),
        Hash::Sha3_224 => nist!(7, 28),
        Hash::Sha3_256 => nist!(8, 32),
        Hash::Sha3_384 => nist!(9, 48),
        Hash::Sha3_512 => nist!(10, 64),
    }
}

/// The longest salt that a key of `bits` bits takes with the hash; `None` where the key is too small for the hash.
pub fn max_salt_len(bits: usize, hash: Hash) -> Option<usize> {
    (bits.saturating_sub(1)).div_ceil(8).checked_sub(hash.output_len() + 2)
}

impl PrivateKey {
    /// Pads `data` (at most `modulus_len` - 11 bytes, otherwise `Length`) as block type 1 and signs it.
    pub fn sign_pkcs1(&self, data: &[u8], signature: &mut [u8]) -> Result<usize> {
        if data.len() + PKCS1_OVERHEAD > self.modulus_len() {
            return Err(Error::Length);
        }
        self.transform(data, aws_lc_sys::RSA_PKCS1_PADDING, signature)?;
        Ok(self.modulus_len())
    }

    /// RSASSA-PSS over a digest. Errors: `Length` for a digest of another length, `Argument` for a salt that does not
    /// fit.
    pub fn sign_pss(
        &self,
        hash: Hash,
        mgf_hash: Hash,
        salt_len: usize,
        digest: &[u8],
        signature: &mut [u8],
    ) -> Result<usize> {
        let salt_len = checked_salt(self.bits, hash, salt_len, digest)?;
        if signature.len() < self.modulus_len() {
            return Err(Error::Buffer);
        }
        let mut written = 0;
        // SAFETY: the key is live and not changed but for its locked caches; pointers and lengths are those of live
        // slices; the digest has the length of `hash`; the engine writes at most `signature.len()` bytes.
        let code = unsafe {
            aws_lc_sys::RSA_sign_pss_mgf1(
                self.rsa.as_ptr().cast_mut(),
                &mut written,
                signature.as_mut_ptr(),
                signature.len(),
                digest.as_ptr(),
                digest.len(),
                hash.engine(),
                mgf_hash.engine(),
                salt_len,
            )
        };
        succeed(code, Error::Engine)?;
        Ok(written)
    }
}

impl PublicKey {
    /// Checks a block type 1 signature by building the block and comparing it (RFC 8017 section 8.2.2), so that
    /// nothing is parsed. Errors: `Length` where data or signature have a wrong length, otherwise `Signature`.
    pub fn verify_pkcs1(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        let length = self.modulus_len();
        if data.len() + PKCS1_OVERHEAD > length || signature.len() != length {
            return Err(Error::Length);
        }
        let mut expected = vec![0xff; length - data.len()];
        if let [first, second, .., separator] = expected.as_mut_slice() {
            (*first, *second, *separator) = (0, 1, 0);
        }
        expected.extend_from_slice(data);
        let block = self.raw(signature).map_err(|_| Error::Signature)?;
        if equal(&block, &expected) { Ok(()) } else { Err(Error::Signature) }
    }

    /// Checks an RSASSA-PSS signature over a digest, with exactly this salt length.
    pub fn verify_pss(
        &self,
        hash: Hash,
        mgf_hash: Hash,
        salt_len: usize,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let salt_len = checked_salt(self.bits, hash, salt_len, digest)?;
        if signature.len() != self.modulus_len() {
            return Err(Error::Length);
        }
        // SAFETY: the key is live and not changed but for its locked caches; pointers and lengths are those of live
        // slices.
        let code = unsafe {
            aws_lc_sys::RSA_verify_pss_mgf1(
                self.rsa.as_ptr().cast_mut(),
                digest.as_ptr(),
                digest.len(),
                hash.engine(),
                mgf_hash.engine(),
                salt_len,
                signature.as_ptr(),
                signature.len(),
            )
        };
        succeed(code, Error::Signature)
    }
}

fn checked_salt(bits: usize, hash: Hash, salt_len: usize, digest: &[u8]) -> Result<i32> {
    if digest.len() != hash.output_len() {
        return Err(Error::Length);
    }
    if max_salt_len(bits, hash).is_none_or(|most| salt_len > most) {
        return Err(Error::Argument);
    }
    i32::try_from(salt_len).map_err(|_| Error::Argument)
}
