use super::*;
use crate::mechanism::lookup;
use crate::mechanism::testing::*;
use crate::object::{Attributes, Value};

const SUNSCREEN: &[u8] =
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
future, sunscreen would be it.";

fn counted(from: u8) -> UsableKey {
    secret_key(CKK_CHACHA20, &(from..from + 32).collect::<Vec<u8>>())
}

fn stream(nonce: &[u8], counter: u64) -> Params {
    Params::ChaCha20 { counter, nonce: nonce.to_vec() }
}

fn aead(nonce: &str, aad: &str) -> Params {
    Params::ChaCha20Poly1305 { nonce: unhex(nonce), aad: unhex(aad) }
}

/// Both directions, in one part and in every split.
fn check(id: CK_MECHANISM_TYPE, key: &UsableKey, params: &Params, plaintext: &[u8], ciphertext: &[u8]) {
    let start = || encrypting(id, key, params).unwrap();
    assert_eq!(once(start(), plaintext), Ok(ciphertext.to_vec()));
    every_split_agrees(start, plaintext, &Ok(ciphertext.to_vec()));
    let start = || decrypting(id, key, params).unwrap();
    assert_eq!(once(start(), ciphertext), Ok(plaintext.to_vec()));
    every_split_agrees(start, ciphertext, &Ok(plaintext.to_vec()));
}

/// RFC 8439 section 2.4.2.
#[test]
fn chacha20_gives_the_example_of_rfc_8439() {
    let ciphertext = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b\
                      f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8\
                      07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736\
                      5af90bbf74a35be6b40b8eedf2785e42874d";
    let params = stream(&unhex("000000000000004a00000000"), 1);
    check(CKM_CHACHA20, &counted(0), &params, SUNSCREEN, &unhex(ciphertext));
}

/// draft-strombergson-chacha-test-vectors-01, TC1: 256 bits, 20 rounds, a nonce of 64 bits; both blocks.
#[test]
fn the_original_variant_gives_its_key_stream() {
    let key_stream = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7\
                      da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586\
                      9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed\
                      29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f";
    let key = secret_key(CKK_CHACHA20, &[0; 32]);
    check(CKM_CHACHA20, &key, &stream(&[0; 8], 0), &[0; 128], &unhex(key_stream));
    check(CKM_CHACHA20, &key, &stream(&[0; 8], 1), &[0; 64], &unhex(key_stream)[64..]);
}

/// draft-irtf-cfrg-xchacha-03 appendix A.3.2.1: the front of the text under a counter of zero.
#[test]
fn xchacha20_gives_the_example_of_the_draft() {
    let text = b"The dhole (pronounced \"dole\") is also known as the Asiatic wild ";
    let ciphertext = "4559abba4e48c16102e8bb2c05e6947f50a786de162f9b0b7e592a9b53d0d4e9\
                      8d8d6410d540a1a6375b26d80dace4fab52384c731acbf16a5923c0c48d3575d";
    let nonce: Vec<u8> = (0x40..0x57).chain([0x58]).collect();
    check(CKM_CHACHA20, &counted(0x80), &stream(&nonce, 0), &text[..64], &unhex(ciphertext));
}

/// RFC 8439 section 2.8.2, and draft-irtf-cfrg-xchacha-03 appendix A.3.1 with a nonce of 192 bits.
#[test]
fn chacha20_poly1305_gives_the_examples_of_rfc_8439_and_of_the_draft() {
    let aad = "50515253c0c1c2c3c4c5c6c7";
    for (nonce, sealed) in [
        (
            "070000004041424344454647",
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
             3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
             92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
             3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
        ),
        (
            "404142434445464748494a4b4c4d4e4f5051525354555657",
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb\
             731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452\
             2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
             21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
        ),
    ] {
        check(CKM_CHACHA20_POLY1305, &counted(0x80), &aead(nonce, aad), SUNSCREEN, &unhex(sealed));
    }
}

#[test]
fn a_wrong_tag_text_or_parameter_is_found_and_nothing_is_released() {
    let nonce = "070000004041424344454647";
    let params = aead(nonce, "aa");
    let sealed = once(encrypting(CKM_CHACHA20_POLY1305, &counted(1), &params).unwrap(), SUNSCREEN).unwrap();
    for byte in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[byte] ^= 0x10;
        let mut output = vec![0xee; SUNSCREEN.len()];
        let opened =
            decrypting(CKM_CHACHA20_POLY1305, &counted(1), &params).unwrap().once(&flipped, &mut output);
        assert_eq!(opened, refused(Error::EncryptedDataInvalid));
        assert!(output.iter().all(|byte| *byte == 0));
    }
    for (key, params) in [
        (counted(2), aead(nonce, "aa")),
        (counted(1), aead(nonce, "ab")),
        (counted(1), aead(nonce, "")),
        (counted(1), aead("070000004041424344454648", "aa")),
    ] {
        let opened = once(decrypting(CKM_CHACHA20_POLY1305, &key, &params).unwrap(), &sealed);
        assert_eq!(opened, refused(Error::EncryptedDataInvalid));
    }
    let cut = once(decrypting(CKM_CHACHA20_POLY1305, &counted(1), &params).unwrap(), &sealed[..15]);
    assert_eq!(cut, refused(Error::EncryptedDataLenRange));
}

#[test]
fn nonces_and_counters_of_wrong_lengths_are_refused() {
    for (id, params) in [
        (CKM_CHACHA20, stream(&[0; 7], 0)),
        (CKM_CHACHA20, stream(&[0; 16], 0)),
        (CKM_CHACHA20, stream(&[0; 12], 1 << 32)),
        (CKM_CHACHA20_POLY1305, aead("0000000000000000", "")),
        (CKM_CHACHA20_POLY1305, aead("", "")),
    ] {
        assert_eq!(encrypting(id, &counted(0), &params).err(), Some(Error::MechanismParamInvalid));
        assert_eq!(decrypting(id, &counted(0), &params).err(), Some(Error::MechanismParamInvalid));
    }
}

#[test]
fn data_past_the_last_block_is_a_length_error() {
    let params = stream(&[0; 12], u64::from(u32::MAX));
    let start = || encrypting(CKM_CHACHA20, &counted(0), &params).unwrap();
    assert_eq!(once(start(), &[0; 64]).map(|bytes| bytes.len()), Ok(64));
    assert_eq!(once(start(), &[0; 65]), refused(Error::DataLenRange));
}

#[test]
fn keys_are_wrapped_as_data_is_encrypted() {
    for (id, params) in
        [(CKM_CHACHA20, stream(&[1; 12], 0)), (CKM_CHACHA20_POLY1305, aead("070000004041424344454647", ""))]
    {
        let wrapped = wrap(id, &counted(0), &params, b"a key").unwrap();
        assert_eq!(unwrap(id, &counted(0), &params, &wrapped), Ok(b"a key".to_vec()));
    }
}

#[test]
fn generated_keys_have_32_bytes_whether_the_template_says_so_or_not() {
    let generate = |template: &[(CK_ATTRIBUTE_TYPE, Value)]| {
        let template = template.iter().cloned().collect();
        lookup(CKM_CHACHA20_KEY_GEN).unwrap().ops.generate_key.unwrap()(&Params::None, &template)
    };
    for template in [&[][..], &[(CKA_VALUE_LEN, Value::Ulong(32))]] {
        let key: Attributes = generate(template).unwrap();
        assert_eq!(key.bytes(CKA_VALUE).unwrap().len(), 32);
        assert_eq!(key.ulong(CKA_KEY_TYPE), Some(CKK_CHACHA20));
    }
    assert_eq!(generate(&[(CKA_VALUE_LEN, Value::Ulong(16))]).err(), Some(Error::AttributeValueInvalid));
}
