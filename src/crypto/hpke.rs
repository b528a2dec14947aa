//! Hybrid Public Key Encryption (RFC 9180) in base mode, one message for each encapsulated key:
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.

use aws_lc_sys::{EVP_HPKE_AEAD, EVP_HPKE_CTX, EVP_HPKE_KDF, EVP_HPKE_KEM, EVP_HPKE_KEY};

use super::{Error, Owned, Result, succeed};
use crate::secret::Secret;

/// Bytes of private keys, public keys and encapsulated keys.
pub const KEY_LEN: usize = 32;
/// Bytes that a ciphertext has more than its plaintext.
pub const OVERHEAD: usize = 16;

/// The three parts of the suite, as the engine names them: static data.
fn suite() -> (*const EVP_HPKE_KEM, *const EVP_HPKE_KDF, *const EVP_HPKE_AEAD) {
    // SAFETY: these functions take nothing and answer pointers to static data.
    unsafe {
        (
            aws_lc_sys::EVP_hpke_x25519_hkdf_sha256(),
            aws_lc_sys::EVP_hpke_hkdf_sha256(),
            aws_lc_sys::EVP_hpke_chacha20_poly1305(),
        )
    }
}

fn context() -> Result<Owned<EVP_HPKE_CTX>> {
    // SAFETY: a new context is ours and is released by the engine's own function.
    unsafe { Owned::new(aws_lc_sys::EVP_HPKE_CTX_new(), aws_lc_sys::EVP_HPKE_CTX_free) }
}

/// The encapsulated key of a sender that is set up with one of the engine's two functions for it: that of the tests takes the
/// ephemeral key, too.
macro_rules! set_up_sender {
    ($function:ident, $context:expr, $recipient:expr, $info:expr $(, $ephemeral:expr)?) => {{
        let ((kem, kdf, aead), mut encapsulated, mut length) = (suite(), [0; KEY_LEN], 0);
        // SAFETY: each pointer has the length of its slice, and the engine writes at most `KEY_LEN` bytes of the key.
        let code = unsafe {
            aws_lc_sys::$function(
                $context.as_mut_ptr(),
                encapsulated.as_mut_ptr(),
                &mut length,
                KEY_LEN,
                kem,
                kdf,
                aead,
                $recipient.as_ptr(),
                $recipient.len(),
                $info.as_ptr(),
                $info.len(),
                $($ephemeral.as_ptr(), $ephemeral.len(),)?
            )
        };
        match succeed(code, Error::PublicKey) {
            Ok(()) if length != KEY_LEN => Err(Error::Engine),
            result => result.map(|()| encapsulated),
        }
    }};
}

/// SealBase (RFC 9180 section 6.1): the encapsulated key and the ciphertext. `PublicKey`: the recipient's key is not 32 bytes
/// long, or of small order.
pub fn seal(recipient: &[u8], info: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<([u8; KEY_LEN], Vec<u8>)> {
    super::random::renew()?;
    let mut context = context()?;
    let encapsulated = set_up_sender!(EVP_HPKE_CTX_setup_sender, context, recipient, info)?;
    Ok((encapsulated, seal_next(&mut context, aad, plaintext)?))
}

fn seal_next(context: &mut Owned<EVP_HPKE_CTX>, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let room = plaintext.len().checked_add(OVERHEAD).ok_or(Error::Length)?;
    let mut ciphertext = Vec::new();
    ciphertext.try_reserve_exact(room)?;
    ciphertext.resize(room, 0);
    let mut length = 0;
    // SAFETY: a context that was set up; each pointer has the length of its slice, and the engine writes at most `room` bytes.
    let code = unsafe {
        aws_lc_sys::EVP_HPKE_CTX_seal(
            context.as_mut_ptr(),
            ciphertext.as_mut_ptr(),
            &mut length,
            room,
            plaintext.as_ptr(),
            plaintext.len(),
            aad.as_ptr(),
            aad.len(),
        )
    };
    succeed(code, Error::Engine)?;
    if length == room { Ok(ciphertext) } else { Err(Error::Engine) }
}

/// OpenBase (RFC 9180 section 6.1). `Key`: the private key is not 32 bytes long. `Decrypt`: the message is for another key,
/// with another `info` or `aad`, or was changed.
pub fn open(
    private: &Secret,
    encapsulated: &[u8; KEY_LEN],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Secret> {
    let (kem, kdf, aead) = suite();
    // SAFETY: a new key is ours and is released by the engine's own function.
    let mut key: Owned<EVP_HPKE_KEY> =
        unsafe { Owned::new(aws_lc_sys::EVP_HPKE_KEY_new(), aws_lc_sys::EVP_HPKE_KEY_free)? };
    let bytes = private.as_bytes();
    // SAFETY: a new key, and a pointer with the length of its slice.
    let code = unsafe { aws_lc_sys::EVP_HPKE_KEY_init(key.as_mut_ptr(), kem, bytes.as_ptr(), bytes.len()) };
    succeed(code, Error::Key)?;
    let mut context = context()?;
    // SAFETY: an initialised key; each pointer has the length of its slice.
    let code = unsafe {
        aws_lc_sys::EVP_HPKE_CTX_setup_recipient(
            context.as_mut_ptr(),
            key.as_ptr(),
            kdf,
            aead,
            encapsulated.as_ptr(),
            encapsulated.len(),
            info.as_ptr(),
            info.len(),
        )
    };
    succeed(code, Error::Decrypt)?;
    let (mut plaintext, mut length) = (Secret::zeroed(ciphertext.len()), 0);
    let room = plaintext.as_mut_bytes();
    // SAFETY: a context that was set up; each pointer has the length of its slice.
    let code = unsafe {
        aws_lc_sys::EVP_HPKE_CTX_open(
            context.as_mut_ptr(),
            room.as_mut_ptr(),
            &mut length,
            room.len(),
            ciphertext.as_ptr(),
            ciphertext.len(),
            aad.as_ptr(),
            aad.len(),
        )
    };
    succeed(code, Error::Decrypt)?;
    plaintext.truncate(length);
    Ok(plaintext)
}

#[cfg(test)]
mod tests {
    use super::super::montgomery::{Curve, PrivateKey};
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    fn array(text: &str) -> [u8; KEY_LEN] {
        bytes(text).try_into().unwrap()
    }

    const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    const PRIVATE: &str = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
    const ENCAPSULATED: &str = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
    const CIPHERTEXT: &str =
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";

    #[test]
    fn the_vector_of_rfc_9180_appendix_a_2_1_1_opens() {
        let private = Secret::new(bytes(PRIVATE));
        let opened =
            open(&private, &array(ENCAPSULATED), &bytes(INFO), b"Count-0", &bytes(CIPHERTEXT)).unwrap();
        assert_eq!(opened.as_bytes(), b"Beauty is truth, truth beauty");
    }

    #[test]
    fn the_sender_of_rfc_9180_appendix_a_2_1_1_gives_its_ciphertext() {
        let ephemeral = bytes("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600");
        let recipient = bytes("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        let (mut context, info) = (context().unwrap(), bytes(INFO));
        let encapsulated = set_up_sender!(
            EVP_HPKE_CTX_setup_sender_with_seed_for_testing,
            context,
            recipient,
            info,
            ephemeral
        );
        assert_eq!(encapsulated, Ok(array(ENCAPSULATED)));
        let sealed = seal_next(&mut context, b"Count-0", b"Beauty is truth, truth beauty").unwrap();
        assert_eq!(hex::encode(sealed), CIPHERTEXT);
    }

    #[test]
    fn what_is_sealed_opens_for_its_recipient_and_unchanged_only() {
        let [mine, other] = [(); 2].map(|()| PrivateKey::generate(Curve::X25519).unwrap());
        let (encapsulated, sealed) = seal(&mine.public_value().unwrap(), b"info", b"aad", b"text").unwrap();
        let opened = |key: &PrivateKey, info: &[u8], aad: &[u8], sealed: &[u8]| {
            open(key.value(), &encapsulated, info, aad, sealed)
        };
        assert_eq!(opened(&mine, b"info", b"aad", &sealed).unwrap().as_bytes(), b"text");
        assert_eq!(opened(&other, b"info", b"aad", &sealed), Err(Error::Decrypt));
        assert_eq!(opened(&mine, b"inf", b"aad", &sealed), Err(Error::Decrypt));
        assert_eq!(opened(&mine, b"info", b"", &sealed), Err(Error::Decrypt));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&mine, b"info", b"aad", &flipped), Err(Error::Decrypt));
        }
        for length in 0..sealed.len() {
            assert_eq!(opened(&mine, b"info", b"aad", &sealed[..length]), Err(Error::Decrypt));
        }
        assert_eq!(seal(&[1; 31], b"", b"", b"").err(), Some(Error::PublicKey));
        assert_eq!(seal(&[0; 32], b"", b"", b"").err(), Some(Error::PublicKey));
    }
}
