//! AES in Galois/Counter Mode (SP 800-38D): any IV from one byte, tags of 4 to 16 bytes.

use std::ffi::c_int;

use aws_lc_sys::EVP_CTRL_AEAD_SET_IVLEN;

use super::aead::{Aead, Engine};
use super::aes::{self, Direction, Key, Mode};
use super::{Error, Result, succeed};

pub use super::aead::TAG;

/// The most plaintext under one IV, in bytes (SP 800-38D section 5.2.1.1: 2^39 - 256 bits).
const MAX_TEXT: u64 = (1 << 36) - 32;

/// The most additional data, in bytes (SP 800-38D section 5.2.1.1: below 2^64 bits).
pub(super) const MAX_AAD: u64 = (1 << 61) - 1;

/// An authenticated encryption or decryption in any number of parts.
pub struct Gcm(Engine);

impl Gcm {
    /// `Error::Argument` for an empty IV or one that the engine cannot take, `Error::Length` for too much `aad`.
    pub fn new(key: &Key, direction: Direction, iv: &[u8], aad: &[u8]) -> Result<Self> {
        let iv_len = c_int::try_from(iv.len()).map_err(|_| Error::Argument)?;
        if iv_len == 0 {
            return Err(Error::Argument);
        }
        if aad.len() as u64 > MAX_AAD {
            return Err(Error::Length);
        }
        let mut context = aes::context(key, &Mode::Gcm, direction)?;
        let null = std::ptr::null_mut();
        if iv_len != 12 {
            // SAFETY: an initialised GCM context; this control takes a length and no pointer.
            let code = unsafe {
                aws_lc_sys::EVP_CIPHER_CTX_ctrl(context.as_mut_ptr(), EVP_CTRL_AEAD_SET_IVLEN, iv_len, null)
            };
            succeed(code, Error::Argument)?;
        }
        // SAFETY: the context has its cipher and key; the IV has the length that was set (12 is the default).
        let code = unsafe {
            let iv = iv.as_ptr();
            aws_lc_sys::EVP_CipherInit_ex(
                context.as_mut_ptr(),
                std::ptr::null(),
                null.cast(),
                std::ptr::null(),
                iv,
                -1,
            )
        };
        succeed(code, Error::Engine)?;
        let mut gcm = Self(Engine { context, left: MAX_TEXT });
        gcm.authenticate(aad)?;
        Ok(gcm)
    }

    /// Takes in additional data, in any number of parts before any text.
    pub(super) fn authenticate(&mut self, aad: &[u8]) -> Result<()> {
        self.0.authenticate(aad)
    }
}

impl Aead for Gcm {
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.0.update(input, output)
    }

    fn tag(self) -> Result<[u8; TAG]> {
        self.0.tag()
    }

    fn verify(self, tag: &[u8]) -> Result<()> {
        self.0.verify(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GHASH of SP 800-38D section 6.4, bit by bit, over the padded parts and their lengths.
    fn ghash(subkey: u128, parts: [&[u8]; 2]) -> u128 {
        let multiply = |x: u128| {
            let (mut product, mut v) = (0, subkey);
            for bit in (0..128).rev() {
                product ^= if x >> bit & 1 == 1 { v } else { 0 };
                v = v >> 1 ^ if v & 1 == 1 { 0xe1 << 120 } else { 0 };
            }
            product
        };
        let blocks = parts.iter().flat_map(|part| part.chunks(16)).fold(0, |sum, chunk| {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            multiply(sum ^ u128::from_be_bytes(block))
        });
        let bits = |part: &[u8]| part.len() as u128 * 8;
        multiply(blocks ^ ((bits(parts[0]) << 64) | bits(parts[1])))
    }

    /// SP 800-38D section 7.1, written once more over another implementation of AES.
    fn sealed_by_the_book(key: [u8; 32], iv: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        use ::aes::cipher::{BlockCipherEncrypt, KeyInit};
        let cipher = ::aes::Aes256::new(&key.into());
        let encrypt = |block: u128| {
            let mut block = block.to_be_bytes().into();
            cipher.encrypt_block(&mut block);
            u128::from_be_bytes(block.into())
        };
        let subkey = encrypt(0);
        let first = match <[u8; 12]>::try_from(iv) {
            Ok(iv) => iv.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)) << 32 | 1,
            Err(_) => ghash(subkey, [&[], iv]),
        };
        let mut sealed = Vec::new();
        for (index, chunk) in plaintext.chunks(16).enumerate() {
            let counter = first & !0xffff_ffff | u128::from((first as u32).wrapping_add(index as u32 + 1));
            let stream = encrypt(counter).to_be_bytes();
            sealed.extend(chunk.iter().zip(stream).map(|(text, stream)| text ^ stream));
        }
        let tag = ghash(subkey, [aad, &sealed]) ^ encrypt(first);
        sealed.extend(tag.to_be_bytes());
        sealed
    }

    #[test]
    fn every_iv_length_agrees_with_the_definition_in_sp_800_38d() {
        let bytes: Vec<u8> = (0..200u8).map(|number| number.wrapping_mul(7)).collect();
        let key = Key::new(&[7; 32]).unwrap();
        for length in 1..=130 {
            let (iv, aad, text) = (&bytes[..length], &bytes[length..][..length % 37], &bytes[..length % 51]);
            let mut sealed = text.to_vec();
            let mut gcm = Gcm::new(&key, Direction::Encrypt, iv, aad).unwrap();
            gcm.update(text, &mut sealed).unwrap();
            sealed.extend(gcm.tag().unwrap());
            assert_eq!(sealed, sealed_by_the_book([7; 32], iv, aad, text), "an IV of {length} bytes");
        }
    }

    #[test]
    fn an_empty_iv_a_short_output_and_a_wrong_tag_length_are_errors() {
        let key = Key::new(&[7; 16]).unwrap();
        assert_eq!(Gcm::new(&key, Direction::Encrypt, b"", b"").err(), Some(Error::Argument));
        let mut gcm = Gcm::new(&key, Direction::Decrypt, b"iv", b"").unwrap();
        assert_eq!(gcm.update(&[0; 9], &mut [0; 8]), Err(Error::Buffer));
        for length in [0, 17] {
            let gcm = Gcm::new(&key, Direction::Decrypt, b"iv", b"").unwrap();
            assert_eq!(gcm.verify(&vec![0; length]), Err(Error::Argument));
        }
    }
}
