//! GCM and its nonces (A. Joux, "Authentication Failures in NIST version of GCM", 2006; Böck and others, "Nonce-
//! Disrespecting Adversaries", WOOT 2016), and plaintexts before their tag was checked.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::session::Output;

use crate::host::*;

fn params(tag_bits: u64) -> Params {
    Params::Gcm { iv: vec![1; 12], aad: b"data".to_vec(), tag_bits }
}

#[test]
fn no_byte_of_a_plaintext_is_given_out_before_its_tag_was_right() {
    let host = Host::new();
    let key = host.new_aes(&[yes(CKA_ENCRYPT), yes(CKA_DECRYPT)]);
    let sealed = host.encrypt(CKM_AES_GCM, &params(128), key, &[0x5a; 100]).unwrap();
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        host.session.decrypt_init(CKM_AES_GCM, &params(128), key).unwrap();
        let mut buffer = vec![0xee; 200];
        let refused = host.session.decrypt(&changed, &mut Output::buffer(&mut buffer));
        assert_eq!(refused, Err(Error::EncryptedDataInvalid));
        assert!(!contains(&buffer, &[0x5a; 8]), "a part of the plaintext is in the caller's buffer");

        host.session.decrypt_init(CKM_AES_GCM, &params(128), key).unwrap();
        assert_eq!(filled(|output| host.session.decrypt_update(&changed, output)).unwrap(), b"");
        let refused = filled(|output| host.session.decrypt_final(output));
        assert_eq!(refused, Err(Error::EncryptedDataInvalid));
    }
}

#[test]
fn a_tag_that_is_easily_guessed_is_refused() {
    let host = Host::new();
    let key = host.new_aes(&[yes(CKA_ENCRYPT)]);
    for bits in [0, 1, 8, 16, 31, 33, 127, 129, u64::MAX] {
        let refused = host.session.encrypt_init(CKM_AES_GCM, &params(bits), key);
        assert_eq!(refused, Err(Error::MechanismParamInvalid), "{bits}");
    }
}

/// C_Encrypt takes the nonce from its caller, so that a caller who repeats one tells the difference of two plaintexts.
/// This is the interface; what it costs is shown here so that nobody believes the token would notice.
#[test]
fn a_nonce_that_its_caller_repeats_tells_the_difference_of_two_plaintexts() {
    let host = Host::new();
    let key = host.new_aes(&[yes(CKA_ENCRYPT)]);
    let [first, second] = [b"first  plaintext", b"second plaintext"];
    let seal = |plain: &[u8]| host.encrypt(CKM_AES_GCM, &params(128), key, plain).unwrap();
    let difference = |left: &[u8], right: &[u8]| -> Vec<u8> {
        left.iter().zip(right).map(|(left, right)| left ^ right).collect()
    };
    assert_eq!(difference(&seal(first), &seal(second))[..16], difference(first, second));
}

/// Without a nonce the token would have to invent one and could not give it back.
#[test]
fn a_missing_nonce_is_refused() {
    let host = Host::new();
    let key = host.new_aes(&[yes(CKA_ENCRYPT)]);
    let empty = Params::Gcm { iv: Vec::new(), aad: Vec::new(), tag_bits: 128 };
    assert_eq!(host.session.encrypt_init(CKM_AES_GCM, &empty, key), Err(Error::MechanismParamInvalid));
}
