//! Key conjuring (Clulow; M. Bond, "Attacks on Cryptoprocessor Transaction Sets", CHES 2001): random bytes are unwrapped
//! until some are a key, whose relations to other keys the attacker knows.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;

use crate::host::*;
use crate::random::Random;

#[test]
fn random_bytes_are_unwrapped_by_no_mechanism_that_authenticates() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_UNWRAP)]);
    let (_, private) = host.rsa(RSA_BITS);
    let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() };
    let both = Params::RsaAesKeyWrap { key_bits: 256, oaep: Box::new(oaep.clone()) };
    let modulus = RSA_BITS as usize / 8;
    let mechanisms = [
        (CKM_AES_KEY_WRAP, Params::None, by, 40),
        (CKM_AES_KEY_WRAP_PAD, Params::None, by, 40),
        (CKM_AES_KEY_WRAP_KWP, Params::None, by, 40),
        (CKM_AES_GCM, gcm(), by, 48),
        (CKM_AES_CCM, Params::Ccm { data_len: 32, nonce: vec![1; 12], aad: Vec::new(), tag_len: 16 }, by, 48),
        (CKM_RSA_PKCS_OAEP, oaep, private, modulus),
        (CKM_RSA_AES_KEY_WRAP, both, private, modulus + 40),
    ];
    let mut random = Random::new(seed());
    let tries = amount(200, 100_000);
    for (id, params, key, length) in mechanisms {
        for _ in 0..tries {
            let mut blob = random.bytes(length);
            blob[0] &= 0x3f; // below any modulus
            let made = host.session.unwrap_key(id, &params, key, &blob, &secret_key(CKK_AES, &[]));
            assert_eq!(made.err(), Some(Error::WrappedKeyInvalid), "{id:#x}");
        }
    }
    println!("{tries} random keys for each of 7 mechanisms");
}

/// Nothing in ECB or CBC tells random bytes from a wrapped key. What was conjured says so: it is not local, and was
/// neither always sensitive nor never extractable.
#[test]
fn a_key_that_was_conjured_without_authentication_does_not_pass_for_one_of_the_token() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_UNWRAP)]);
    let wanted = secret_key(CKK_AES, &[yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]);
    for (id, params) in [(CKM_AES_ECB, Params::None), (CKM_AES_CBC, iv())] {
        let key = host.session.unwrap_key(id, &params, by, &[0x5a; 32], &wanted).unwrap();
        for claim in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
            assert!(!host.is(key, claim), "{id:#x}: {claim:#x}");
        }
    }
}

/// A conjured key of the wrong length, or a DES key without its parity, is none.
#[test]
fn random_bytes_that_cannot_be_a_key_of_the_type_make_none() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_UNWRAP)]);
    for length in [16, 48, 64] {
        let made = host.session.unwrap_key(
            CKM_AES_ECB,
            &Params::None,
            by,
            &vec![9; length],
            &secret_key(CKK_AES, &[]),
        );
        assert_eq!(made.is_ok(), length == 16, "{length}");
    }
    let mut random = Random::new(seed());
    for _ in 0..100 {
        let blob = random.bytes(32);
        let made = host.session.unwrap_key(CKM_AES_ECB, &Params::None, by, &blob, &secret_key(CKK_DES3, &[]));
        assert!(made.is_err());
    }
}
