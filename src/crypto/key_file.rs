//! Key files that are opened with a passphrase: encrypted PKCS#8 (RFC 5958 section 3) and PKCS#12 (RFC 7292).

mod pkcs12;
mod pkcs12_read;

use std::ffi::{c_int, c_void};
use std::ptr;

use aws_lc_sys::{CBB, CBS, EVP_PKEY, EVP_PKEY_free, X509, X509_free, stack_st_X509};

use super::{Error, Owned, Result, clear_errors, random, succeed};
use crate::secret::Secret;

pub use pkcs12::seal_pkcs12;

/// PBKDF2 iterations for files that are written (the engine takes HMAC-SHA-1, for which OWASP names 1,300,000).
const ITERATIONS: c_int = 1_300_000;
const SALT_LEN: usize = 16;

/// What a PKCS#12 file holds.
#[derive(Debug)]
pub struct Content {
    pub private_keys: Vec<Key>,
    /// X.509 certificates in DER.
    pub certificates: Vec<Vec<u8>>,
}

/// A private key in a PKCS#12 file.
#[derive(Debug)]
pub struct Key {
    /// PKCS#8 PrivateKeyInfo.
    pub info: Secret,
    /// What it is called there; told only by files with several keys.
    pub name: Option<String>,
}

/// The PrivateKeyInfo in an EncryptedPrivateKeyInfo. `Decrypt`: the passphrase is wrong, or the file is damaged or
/// encrypted in a way or holds a key of a type that the engine does not know.
pub fn open_pkcs8(der: &[u8], passphrase: &Secret) -> Result<Secret> {
    let mut input = cursor(der);
    // SAFETY: the cursor and the passphrase are live; the passphrase is passed with its length.
    let key = unsafe {
        Owned::new(
            aws_lc_sys::PKCS8_parse_encrypted_private_key(
                &mut input,
                passphrase.as_bytes().as_ptr().cast(),
                passphrase.len(),
            ),
            EVP_PKEY_free,
        )
    };
    private_key_info(&key.map_err(|_| Error::Decrypt)?)
}

/// An EncryptedPrivateKeyInfo of a PrivateKeyInfo: PBES2 with PBKDF2 and AES-256-CBC. `Key`: it is none.
pub fn seal_pkcs8(private_key_info: &[u8], passphrase: &Secret) -> Result<Vec<u8>> {
    let key = parse_key(private_key_info)?;
    let mut salt = [0; SALT_LEN];
    random::fill(&mut salt)?;
    let sealed = written(|output| {
        // SAFETY: everything is live; passphrase and salt are passed with their lengths; the cipher is static.
        unsafe {
            aws_lc_sys::PKCS8_marshal_encrypted_private_key(
                output,
                -1,
                aws_lc_sys::EVP_aes_256_cbc(),
                passphrase.as_bytes().as_ptr().cast(),
                passphrase.len(),
                salt.as_ptr(),
                salt.len(),
                ITERATIONS,
                key.as_ptr(),
            )
        }
    })?;
    Ok(sealed.as_bytes().to_vec())
}

/// The keys and the certificates of a PKCS#12 file. `Decrypt`: the passphrase is wrong, or the file is damaged or holds
/// what the engine does not know.
pub fn open_pkcs12(der: &[u8], passphrase: &Secret) -> Result<Content> {
    // The engine knows BER and ciphers of every age, and one key in a file; ours knows several.
    open_simple_pkcs12(der, passphrase).or_else(|error| pkcs12_read::open(der, passphrase).map_err(|_| error))
}

/// A file with one key at most.
fn open_simple_pkcs12(der: &[u8], passphrase: &Secret) -> Result<Content> {
    let passphrase = Passphrase::new(passphrase)?;
    let mut input = cursor(der);
    let certificates = Certificates::new()?;
    let mut key: *mut EVP_PKEY = ptr::null_mut();
    // SAFETY: the cursor, the list and the passphrase, which ends with a zero, are live; `key` receives a new object.
    let code = unsafe {
        aws_lc_sys::PKCS12_get_key_and_certs(&mut key, certificates.0, &mut input, passphrase.as_ptr())
    };
    // SAFETY: the engine's new key, owned by nobody else, or NULL.
    let key = unsafe { Owned::new(key, EVP_PKEY_free) };
    succeed(code, Error::Decrypt)?;
    let info = key.ok().map(|key| private_key_info(&key)).transpose()?;
    let private_keys = info.map(|info| Key { info, name: None }).into_iter().collect();
    Ok(Content { private_keys, certificates: certificates.ders()? })
}

fn parse_key(private_key_info: &[u8]) -> Result<Owned<EVP_PKEY>> {
    let mut input = cursor(private_key_info);
    // SAFETY: the cursor and the bytes it points to are live; the result is new, or NULL.
    unsafe { Owned::new(aws_lc_sys::EVP_parse_private_key(&mut input), EVP_PKEY_free) }
        .map_err(|_| Error::Key)
}

fn private_key_info(key: &Owned<EVP_PKEY>) -> Result<Secret> {
    // SAFETY: the buffer and the key are live.
    written(|output| unsafe { aws_lc_sys::EVP_marshal_private_key(output, key.as_ptr()) })
}

fn cursor(bytes: &[u8]) -> CBS {
    CBS { data: bytes.as_ptr(), len: bytes.len() }
}

/// What `write` puts into a buffer of the engine.
fn written(write: impl FnOnce(*mut CBB) -> c_int) -> Result<Secret> {
    // SAFETY: a CBB is plain data, and CBB_zero or CBB_init is what gives it a meaning.
    let mut buffer: CBB = unsafe { std::mem::zeroed() };
    // SAFETY: the buffer is live; the engine allocates.
    succeed(unsafe { aws_lc_sys::CBB_init(&mut buffer, 256) }, Error::Memory)?;
    let mut bytes: *mut u8 = ptr::null_mut();
    let mut length = 0;
    let code = match write(&mut buffer) {
        // SAFETY: an initialised buffer; the places for pointer and length are live.
        1 => unsafe { aws_lc_sys::CBB_finish(&mut buffer, &mut bytes, &mut length) },
        failed => failed,
    };
    if code != 1 || bytes.is_null() {
        // SAFETY: an initialised buffer that was not finished.
        unsafe { aws_lc_sys::CBB_cleanup(&mut buffer) };
        clear_errors();
        return Err(Error::Engine);
    }
    // SAFETY: the finished buffer has `length` bytes and is ours; the engine's free wipes it.
    let copy = unsafe {
        let copy = Secret::copy_of(std::slice::from_raw_parts(bytes, length));
        aws_lc_sys::OPENSSL_free(bytes.cast());
        copy
    };
    Ok(copy)
}

/// A passphrase that ends with a zero, as PKCS#12 functions want it; wiped.
struct Passphrase(Secret);

impl Passphrase {
    fn new(passphrase: &Secret) -> Result<Self> {
        if passphrase.as_bytes().contains(&0) {
            return Err(Error::Argument);
        }
        let mut bytes = Secret::zeroed(passphrase.len() + 1);
        bytes.as_mut_bytes().iter_mut().zip(passphrase.as_bytes()).for_each(|(place, byte)| *place = *byte);
        Ok(Self(bytes))
    }

    fn as_ptr(&self) -> *const std::ffi::c_char {
        self.0.as_bytes().as_ptr().cast()
    }
}

/// A list of certificates that frees them.
struct Certificates(*mut stack_st_X509);

impl Certificates {
    fn new() -> Result<Self> {
        // SAFETY: takes no arguments; a list of certificates is a list.
        let list = unsafe { aws_lc_sys::OPENSSL_sk_new_null() };
        if list.is_null() { Err(Error::Memory) } else { Ok(Self(list.cast())) }
    }

    fn ders(&self) -> Result<Vec<Vec<u8>>> {
        // SAFETY: a live list.
        let count = unsafe { aws_lc_sys::OPENSSL_sk_num(self.0.cast()) };
        (0..count).map(|index| self.der(index)).collect()
    }

    fn der(&self, index: usize) -> Result<Vec<u8>> {
        // SAFETY: a live list of certificates, and an index within it.
        let certificate: *mut X509 = unsafe { aws_lc_sys::OPENSSL_sk_value(self.0.cast(), index) }.cast();
        // SAFETY: a live certificate; without an output the length is answered.
        let length = unsafe { aws_lc_sys::i2d_X509(certificate, ptr::null_mut()) };
        let mut der = vec![0; usize::try_from(length).map_err(|_| Error::Engine)?];
        let mut place = der.as_mut_ptr();
        // SAFETY: the buffer has the length that was just answered for this certificate.
        let written = unsafe { aws_lc_sys::i2d_X509(certificate, &mut place) };
        if written == length { Ok(der) } else { Err(Error::Engine) }
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        unsafe extern "C" fn call(_: aws_lc_sys::OPENSSL_sk_free_func, certificate: *mut c_void) {
            // SAFETY: the list's elements are certificates that it owns.
            unsafe { X509_free(certificate.cast()) }
        }
        // SAFETY: a live list that owns its certificates; `call` frees each.
        unsafe { aws_lc_sys::OPENSSL_sk_pop_free_ex(self.0.cast(), Some(call), None) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ed25519 PrivateKeyInfo (RFC 8410 section 10.3).
    const KEY: &str =
        "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";

    fn key() -> Vec<u8> {
        hex::decode(KEY).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_with_its_passphrase_only() {
        let passphrase = Secret::copy_of(b"correct horse");
        let sealed = seal_pkcs8(&key(), &passphrase).unwrap();
        assert_eq!(open_pkcs8(&sealed, &passphrase).unwrap().as_bytes(), key());
        assert_eq!(open_pkcs8(&sealed, &Secret::copy_of(b"correct hors")).err(), Some(Error::Decrypt));
        assert_eq!(open_pkcs8(&sealed[..40], &passphrase).err(), Some(Error::Decrypt));
        assert_eq!(open_pkcs8(&[], &passphrase).err(), Some(Error::Decrypt));
    }

    #[test]
    fn a_pkcs12_file_of_ours_is_read_by_the_engine() {
        let passphrase = Secret::copy_of("käse".as_bytes());
        let sealed = seal_pkcs12("name", &key(), &[], &passphrase).unwrap();
        let content = open_pkcs12(&sealed, &passphrase).unwrap();
        assert_eq!(content.private_keys[0].info.as_bytes(), key());
        assert!(content.certificates.is_empty());
        assert_eq!(open_pkcs12(&sealed, &Secret::copy_of(b"cheese")).err(), Some(Error::Decrypt));
        assert_eq!(open_pkcs12(&sealed, &Secret::copy_of(b"a\0b")).err(), Some(Error::Argument));
        assert_eq!(open_pkcs12(b"junk", &passphrase).err(), Some(Error::Decrypt));
    }

    #[test]
    fn what_is_no_key_is_not_sealed() {
        assert_eq!(seal_pkcs8(b"junk", &Secret::copy_of(b"x")).err(), Some(Error::Key));
    }
}
