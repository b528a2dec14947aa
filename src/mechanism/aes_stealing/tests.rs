use super::*;
use crate::mechanism::lookup;
use crate::mechanism::testing::*;
use crate::object::Value;

/// Both directions, in one part and in every split.
fn check(id: CK_MECHANISM_TYPE, key: &UsableKey, iv: &Params, plaintext: &[u8], ciphertext: &[u8]) {
    let start = || encrypting(id, key, iv).unwrap();
    assert_eq!(once(start(), plaintext), Ok(ciphertext.to_vec()));
    every_split_agrees(start, plaintext, &Ok(ciphertext.to_vec()));
    let start = || decrypting(id, key, iv).unwrap();
    assert_eq!(once(start(), ciphertext), Ok(plaintext.to_vec()));
    every_split_agrees(start, ciphertext, &Ok(plaintext.to_vec()));
}

fn iv(hex_value: &str) -> Params {
    let mut bytes = unhex(hex_value);
    bytes.resize(16, 0);
    Params::Bytes(bytes)
}

fn cts_key() -> UsableKey {
    secret_key(CKK_AES, b"chicken teriyaki")
}

/// RFC 3962 appendix B, whose variant is CS3. CS1 has the last two blocks in the other order: the cut one first.
#[test]
fn cts_gives_the_vectors_of_rfc_3962_in_the_order_of_cs1() {
    let text = b"I would like the General Gau's Chicken, please, wonton soup.";
    let vectors = [
        (17, "97c6353568f2bf8cb4d8a580362da7ff7f"),
        (31, "97687268d6ecccc0c07b25e25ecfe5fc00783e0efdb2c1d445d4c8eff7ed22"),
        (32, "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8"),
        (
            47,
            "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5\
             b3fffd940c16a18c1b5549d2f838029e",
        ),
        (
            48,
            "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8\
             9dad8bbb96c4cdc03bc103e1a194bbd8",
        ),
    ];
    for (length, ciphertext) in vectors {
        check(CKM_AES_CTS, &cts_key(), &iv(""), &text[..length], &unhex(ciphertext));
    }
}

/// The addendum to SP 800-38A: CS1 of whole blocks is CBC.
#[test]
fn cts_of_whole_blocks_is_cbc() {
    let text: Vec<u8> = (0..96).collect();
    let params = iv("000102030405060708090a0b0c0d0e0f");
    for blocks in 1..=6 {
        let text = &text[..blocks * 16];
        let cbc = once(encrypting(CKM_AES_CBC, &cts_key(), &params).unwrap(), text).unwrap();
        check(CKM_AES_CTS, &cts_key(), &params, text, &cbc);
    }
}

/// IEEE 1619 appendix B, vectors 2, 3 and 15 to 18.
#[test]
fn xts_gives_the_vectors_of_ieee_1619() {
    let (ones, twos) = ("11111111111111111111111111111111", "22222222222222222222222222222222");
    let (down, low) = ("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0", "bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0");
    let fours = [0x44; 32];
    let count: Vec<u8> = (0..20).collect();
    let vectors = [
        (
            ones,
            twos,
            "3333333333",
            &fours[..],
            "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
        ),
        (
            down,
            twos,
            "3333333333",
            &fours[..],
            "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89",
        ),
        (down, low, "9a78563412", &count[..17], "6c1625db4671522d3d7599601de7ca09ed"),
        (down, low, "9a78563412", &count[..18], "d069444b7a7e0cab09e24447d24deb1fedbf"),
        (down, low, "9a78563412", &count[..19], "e5df1351c0544ba1350b3363cd8ef4beedbf9d"),
        (down, low, "9a78563412", &count[..20], "9d84c813f719aa2c7be3f66171c7c5c2edbf9dac"),
    ];
    for (data, tweak, number, plaintext, ciphertext) in vectors {
        let key = secret_key(CKK_AES_XTS, &unhex(&format!("{data}{tweak}")));
        check(CKM_AES_XTS, &key, &iv(number), plaintext, &unhex(ciphertext));
    }
}

fn xts_key(length: u8) -> UsableKey {
    secret_key(CKK_AES_XTS, &(0..length).collect::<Vec<u8>>())
}

#[test]
fn every_length_from_a_block_comes_back() {
    let text: Vec<u8> = (0..=80).collect();
    for (id, key) in [(CKM_AES_CTS, cts_key()), (CKM_AES_XTS, xts_key(32)), (CKM_AES_XTS, xts_key(64))] {
        for length in 16..=text.len() {
            let ciphertext = once(encrypting(id, &key, &iv("01")).unwrap(), &text[..length]).unwrap();
            check(id, &key, &iv("01"), &text[..length], &ciphertext);
        }
    }
}

#[test]
fn less_than_a_block_is_a_length_error() {
    for (id, key) in [(CKM_AES_CTS, cts_key()), (CKM_AES_XTS, xts_key(64))] {
        for length in 0..16 {
            let input = vec![7; length];
            let start = || encrypting(id, &key, &iv("")).unwrap();
            assert_eq!(once(start(), &input), refused(Error::DataLenRange));
            every_split_agrees(start, &input, &refused(Error::DataLenRange));
            let start = || decrypting(id, &key, &iv("")).unwrap();
            assert_eq!(once(start(), &input), refused(Error::EncryptedDataLenRange));
        }
        assert_eq!(wrap(id, &key, &iv(""), &[7; 15]), refused(Error::KeySizeRange));
        let wrapped = wrap(id, &key, &iv(""), &[7; 20]).unwrap();
        assert_eq!(unwrap(id, &key, &iv(""), &wrapped), Ok(vec![7; 20]));
        assert_eq!(unwrap(id, &key, &iv(""), &wrapped[..15]), refused(Error::WrappedKeyLenRange));
    }
}

#[test]
fn a_wrong_iv_and_a_key_with_equal_halves_are_refused() {
    for (id, key) in [(CKM_AES_CTS, cts_key()), (CKM_AES_XTS, xts_key(32))] {
        for length in [0, 15, 17] {
            let params = Params::Bytes(vec![0; length]);
            assert_eq!(encrypting(id, &key, &params).err(), Some(Error::MechanismParamInvalid));
        }
    }
    let equal = secret_key(CKK_AES_XTS, &[5; 32]);
    assert!(encrypting(CKM_AES_XTS, &equal, &iv("")).is_err());
}

#[test]
fn generated_xts_keys_have_one_of_two_lengths() {
    let generate = |length| {
        let template = Attributes::from_iter([(CKA_VALUE_LEN, Value::Ulong(length))]);
        lookup(CKM_AES_XTS_KEY_GEN).unwrap().ops.generate_key.unwrap()(&Params::None, &template)
    };
    for length in [32, 64] {
        let key = generate(length).unwrap();
        assert_eq!(key.ulong(CKA_KEY_TYPE), Some(CKK_AES_XTS));
        assert_eq!(key.bytes(CKA_VALUE).unwrap().len() as u64, length);
        assert_ne!(generate(length).unwrap(), key);
    }
    for length in [0, 16, 48, 63, 65, u64::MAX] {
        assert_eq!(generate(length).err(), Some(Error::AttributeValueInvalid));
    }
}
