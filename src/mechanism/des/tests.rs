use super::*;
use crate::mechanism::testing::*;
use crate::mechanism::{Params, lookup};

const KEY_3: &str = "0123456789abcdef23456789abcdef01456789abcdef0123";
const IV: &str = "f69f2445df4f9b17";
/// The plaintext of SP 800-38A appendix F.
const TEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

fn key(key_type: CK_KEY_TYPE, value: &str) -> UsableKey {
    secret_key(key_type, &unhex(value))
}

fn iv() -> Params {
    Params::Bytes(unhex(IV))
}

/// FIPS 81 tables B1 and C1.
#[test]
fn des_gives_the_examples_of_fips_81() {
    let key = key(CKK_DES, "0123456789abcdef");
    let text = b"Now is the time for all ";
    let iv = Params::Bytes(unhex("1234567890abcdef"));
    for (id, params, ciphertext) in [
        (CKM_DES_ECB, Params::None, "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53"),
        (CKM_DES_CBC, iv, "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"),
    ] {
        let start = || encrypting(id, &key, &params).unwrap();
        assert_eq!(once(start(), text), Ok(unhex(ciphertext)));
        every_split_agrees(start, text, &Ok(unhex(ciphertext)));
        let start = || decrypting(id, &key, &params).unwrap();
        assert_eq!(once(start(), &unhex(ciphertext)), Ok(text.to_vec()));
        every_split_agrees(start, &unhex(ciphertext), &Ok(text.to_vec()));
    }
}

/// FIPS 81 appendices D and E; the text there ends earlier, so that the later bytes are those of OpenSSL.
#[test]
fn des_with_feedback_gives_the_examples_of_fips_81() {
    let key = key(CKK_DES, "0123456789abcdef");
    let text = b"Now is the time for all ";
    let iv = Params::Bytes(unhex("1234567890abcdef"));
    for (id, ciphertext) in [
        (CKM_DES_CFB8, "f31fda07011462ee187f43d80a7cd9b5b0d290da6e5b9a87"),
        (CKM_DES_CFB64, "f3096249c7f46e51a69e839b1a92f78403467133898ea622"),
        (CKM_DES_OFB64, "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3"),
    ] {
        let start = || encrypting(id, &key, &iv).unwrap();
        assert_eq!(once(start(), text), Ok(unhex(ciphertext)));
        every_split_agrees(start, text, &Ok(unhex(ciphertext)));
        let start = || decrypting(id, &key, &iv).unwrap();
        every_split_agrees(start, &unhex(ciphertext), &Ok(text.to_vec()));
        assert_eq!(once(start(), &unhex(ciphertext)[..13]), Ok(text[..13].to_vec()));
        let short = Params::Bytes(vec![0; 16]);
        assert_eq!(encrypting(id, &key, &short).err(), Some(Error::MechanismParamInvalid));
    }
}

/// SP 800-38A sections 6.3 and 6.4 over single blocks of Triple DES.
#[test]
fn triple_des_with_feedback_follows_the_definition() {
    for key in [key(CKK_DES3, KEY_3), key(CKK_DES2, &KEY_3[..32])] {
        let block =
            |input: &[u8]| once(encrypting(CKM_DES3_ECB, &key, &Params::None).unwrap(), input).unwrap();
        let mix = |text: &[u8], key: Vec<u8>| {
            text.iter().zip(key).map(|(text, key)| text ^ key).collect::<Vec<u8>>()
        };
        let (mut output, mut register) = (unhex(IV), unhex(IV));
        let (mut ofb, mut cfb) = (Vec::new(), Vec::new());
        for text in unhex(TEXT).chunks(8) {
            output = block(&output);
            ofb.extend(mix(text, output.clone()));
            register = mix(text, block(&register));
            cfb.extend(&register);
        }
        assert_eq!(once(encrypting(CKM_DES_OFB64, &key, &iv()).unwrap(), &unhex(TEXT)), Ok(ofb));
        assert_eq!(once(encrypting(CKM_DES_CFB64, &key, &iv()).unwrap(), &unhex(TEXT)), Ok(cfb));
    }
}

/// The example values of NIST for Triple DES in the modes of SP 800-38A: three keys, then two.
#[test]
fn triple_des_gives_the_examples_of_nist() {
    for (key_type, value, id, params, ciphertext) in [
        (
            CKK_DES3,
            KEY_3,
            CKM_DES3_ECB,
            Params::None,
            "714772f339841d34267fcc4bd2949cc3ee11c22a576a303876183f99c0b6de87",
        ),
        (
            CKK_DES3,
            KEY_3,
            CKM_DES3_CBC,
            iv(),
            "2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7",
        ),
        (
            CKK_DES2,
            "0123456789abcdef23456789abcdef01",
            CKM_DES3_ECB,
            Params::None,
            "06ede3d82884090aff322c19f0518486730576972a666e58b6c88cf107340d3d",
        ),
        (
            CKK_DES2,
            "0123456789abcdef23456789abcdef01",
            CKM_DES3_CBC,
            iv(),
            "7401ce1eab6d003caff84bf47b36cc2154f0238f9ffecd8f6acf118392b45581",
        ),
    ] {
        let key = key(key_type, value);
        let start = || encrypting(id, &key, &params).unwrap();
        assert_eq!(once(start(), &unhex(TEXT)), Ok(unhex(ciphertext)), "{key_type}");
        every_split_agrees(start, &unhex(TEXT), &Ok(unhex(ciphertext)));
        let start = || decrypting(id, &key, &params).unwrap();
        assert_eq!(once(start(), &unhex(ciphertext)), Ok(unhex(TEXT)));
        every_split_agrees(start, &unhex(ciphertext), &Ok(unhex(TEXT)));
    }
}

/// The rule of RFC 5652 section 6.3, with a block of eight bytes.
#[test]
fn padded_cbc_is_cbc_over_the_padded_plaintext() {
    for (key, plain, padding) in [
        (key(CKK_DES, "0123456789abcdef"), CKM_DES_CBC, CKM_DES_CBC_PAD),
        (key(CKK_DES3, KEY_3), CKM_DES3_CBC, CKM_DES3_CBC_PAD),
    ] {
        for length in 0..=33usize {
            let plaintext: Vec<u8> = (0..length as u8).collect();
            let count = 8 - length % 8;
            let padded = [plaintext.clone(), vec![count as u8; count]].concat();
            let expected = once(encrypting(plain, &key, &iv()).unwrap(), &padded);
            let start = || encrypting(padding, &key, &iv()).unwrap();
            assert_eq!(once(start(), &plaintext), expected);
            every_split_agrees(start, &plaintext, &expected);
            let start = || decrypting(padding, &key, &iv()).unwrap();
            assert_eq!(once(start(), &expected.clone().unwrap()), Ok(plaintext.clone()));
            every_split_agrees(start, &expected.unwrap(), &Ok(plaintext));
        }
    }
}

#[test]
fn wrong_lengths_paddings_and_ivs_are_refused() {
    let key = key(CKK_DES3, KEY_3);
    for length in [1, 7, 9, 15] {
        let input = vec![1; length];
        for (id, params) in [(CKM_DES3_ECB, Params::None), (CKM_DES3_CBC, iv())] {
            assert_eq!(once(encrypting(id, &key, &params).unwrap(), &input), refused(Error::DataLenRange));
            let decrypted = once(decrypting(id, &key, &params).unwrap(), &input);
            assert_eq!(decrypted, refused(Error::EncryptedDataLenRange));
        }
        let decrypted = once(decrypting(CKM_DES3_CBC_PAD, &key, &iv()).unwrap(), &input);
        assert_eq!(decrypted, refused(Error::EncryptedDataLenRange));
    }
    let unpadded = once(encrypting(CKM_DES3_CBC, &key, &iv()).unwrap(), &[9; 16]).unwrap();
    let decrypted = once(decrypting(CKM_DES3_CBC_PAD, &key, &iv()).unwrap(), &unpadded);
    assert_eq!(decrypted, refused(Error::EncryptedDataInvalid));
    let short = Params::Bytes(vec![0; 7]);
    assert_eq!(encrypting(CKM_DES3_CBC, &key, &short).err(), Some(Error::MechanismParamInvalid));
}

#[test]
fn a_key_is_wrapped_with_zeros_to_the_block_and_comes_back() {
    let key = key(CKK_DES3, KEY_3);
    for (id, params) in [(CKM_DES3_ECB, Params::None), (CKM_DES3_CBC, iv())] {
        for length in 1..=17usize {
            let material: Vec<u8> = (1..=length as u8).collect();
            let wrapped = wrap(id, &key, &params, &material).unwrap();
            assert_eq!(wrapped.len(), length.next_multiple_of(8));
            let mut expected = material;
            expected.resize(wrapped.len(), 0);
            assert_eq!(unwrap(id, &key, &params, &wrapped), Ok(expected));
        }
    }
    let wrapped = wrap(CKM_DES3_CBC_PAD, &key, &iv(), b"twelve bytes").unwrap();
    assert_eq!(unwrap(CKM_DES3_CBC_PAD, &key, &iv(), &wrapped), Ok(b"twelve bytes".to_vec()));
    let cut = unwrap(CKM_DES3_CBC_PAD, &key, &iv(), &wrapped[..15]);
    assert_eq!(cut, refused(Error::WrappedKeyLenRange));
}

#[test]
fn generated_keys_have_their_length_and_parity() {
    for (id, key_type, length) in
        [(CKM_DES_KEY_GEN, CKK_DES, 8), (CKM_DES2_KEY_GEN, CKK_DES2, 16), (CKM_DES3_KEY_GEN, CKK_DES3, 24)]
    {
        let generate = lookup(id).unwrap().ops.generate_key.unwrap();
        let made = || generate(&Params::None, &Attributes::new()).unwrap();
        for _ in 0..50 {
            let key = made();
            let value = key.bytes(CKA_VALUE).unwrap();
            assert_eq!((value.len(), key.ulong(CKA_KEY_TYPE)), (length, Some(key_type)));
            assert!(value.iter().all(|byte| byte.count_ones() % 2 == 1));
            assert!(des::is_strong(value));
        }
        assert_ne!(made(), made());
        for other in [(CKA_KEY_TYPE, Value::Ulong(CKK_AES)), (CKA_VALUE, Value::Bytes(vec![1; length]))] {
            let template = Attributes::from_iter([other]);
            assert_eq!(generate(&Params::None, &template).err(), Some(Error::TemplateInconsistent));
        }
    }
}
