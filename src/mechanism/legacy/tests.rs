use super::*;
use crate::mechanism::lookup;
use crate::mechanism::testing::{self, *};
use crate::object::{Attributes, Value};

/// The key and the front of the plaintext of SP 800-38A appendix F.
const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const TEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const IV: &str = "000102030405060708090a0b0c0d0e0f";

const FAMILIES: [(CK_KEY_TYPE, [CK_MECHANISM_TYPE; 3]); 2] = [
    (CKK_CAMELLIA, [CKM_CAMELLIA_ECB, CKM_CAMELLIA_CBC, CKM_CAMELLIA_CBC_PAD]),
    (CKK_ARIA, [CKM_ARIA_ECB, CKM_ARIA_CBC, CKM_ARIA_CBC_PAD]),
];

fn iv() -> Params {
    Params::Bytes(unhex(IV))
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

/// RFC 3713 appendix A and RFC 5794 appendix A: one block under keys of 128, 192 and 256 bits.
#[test]
fn single_blocks_are_those_of_the_rfcs() {
    let camellia = "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff";
    let aria = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    for (id, key_type, key, plaintext, ciphertexts) in [
        (
            CKM_CAMELLIA_ECB,
            CKK_CAMELLIA,
            camellia,
            "0123456789abcdeffedcba9876543210",
            [
                "67673138549669730857065648eabe43",
                "b4993401b3e996f84ee5cee7d79b09b9",
                "9acc237dff16d76c20ef7c919e3a7509",
            ],
        ),
        (
            CKM_ARIA_ECB,
            CKK_ARIA,
            aria,
            "00112233445566778899aabbccddeeff",
            [
                "d718fbd6ab644c739da95f3be6451778",
                "26449c1805dbe7aa25a468ce263a9e79",
                "f92bd7c79fb72e2f2b8f80c1972d24fc",
            ],
        ),
    ] {
        for (length, ciphertext) in [32, 48, 64].into_iter().zip(ciphertexts) {
            let key = secret_key(key_type, &unhex(&key[..length]));
            check(id, &key, &Params::None, &unhex(plaintext), &unhex(ciphertext));
        }
    }
}

/// Camellia: the values of NTT over the text of SP 800-38A. ARIA: computed with OpenSSL.
#[test]
fn chained_blocks_are_published_ones() {
    for (id, key_type, ciphertext) in [
        (CKM_CAMELLIA_CBC, CKK_CAMELLIA, "1607cf494b36bbf00daeb0b503c831aba2f2cf671629ef7840c5a5dfb5074887"),
        (CKM_ARIA_CBC, CKK_ARIA, "a9f7b5dccaddf6b43a508169291dd5fb103934265c51b36f2701313975bc27d4"),
    ] {
        check(id, &secret_key(key_type, &unhex(KEY)), &iv(), &unhex(TEXT), &unhex(ciphertext));
    }
}

/// RFC 5528 section 4, vectors 1 and 2; then the definition of the counter.
#[test]
fn camellia_counts_as_rfc_5528_says() {
    for (key, block, plaintext, ciphertext) in [
        (
            "ae6852f8121067cc4bf7a5765577f39e",
            "00000030000000000000000000000001",
            "53696e676c6520626c6f636b206d7367",
            "d09dc29a8214619a20877c76db1f0b3f",
        ),
        (
            "7e24067817fae0d743d6ce1f32539163",
            "006cb6dbc0543b59da48d90b00000001",
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "dbf3c78dc08396d4da7c907765bbcb442b8e8e0f31f0dca72c7417e35360e048",
        ),
    ] {
        let params = Params::AesCtr { counter_bits: 32, counter_block: unhex(block).try_into().unwrap() };
        let key = secret_key(CKK_CAMELLIA, &unhex(key));
        check(CKM_CAMELLIA_CTR, &key, &params, &unhex(plaintext), &unhex(ciphertext));
        check(CKM_CAMELLIA_CTR, &key, &params, &unhex(plaintext)[..7], &unhex(ciphertext)[..7]);
    }
    let last = Params::AesCtr { counter_bits: 1, counter_block: [0xff; 16] };
    let key = secret_key(CKK_CAMELLIA, &unhex(KEY));
    let overflowing = once(encrypting(CKM_CAMELLIA_CTR, &key, &last).unwrap(), &[0; 17]);
    assert_eq!(overflowing, refused(Error::DataLenRange));
    let no_bits = Params::AesCtr { counter_bits: 0, counter_block: [0; 16] };
    assert_eq!(encrypting(CKM_CAMELLIA_CTR, &key, &no_bits).err(), Some(Error::MechanismParamInvalid));
}

/// The rule of RFC 5652 section 6.3.
#[test]
fn padded_cbc_is_cbc_over_the_padded_plaintext() {
    for (key_type, [_, cbc, cbc_pad]) in FAMILIES {
        let key = secret_key(key_type, &unhex(KEY));
        for length in [0, 1, 15, 16, 17, 32] {
            let plaintext: Vec<u8> = (0..length as u8).collect();
            let count = 16 - length % 16;
            let padded = [plaintext.clone(), vec![count as u8; count]].concat();
            let expected = once(encrypting(cbc, &key, &iv()).unwrap(), &padded).unwrap();
            check(cbc_pad, &key, &iv(), &plaintext, &expected);
        }
    }
}

#[test]
fn wrong_lengths_paddings_ivs_and_keys_are_refused() {
    for (key_type, [ecb, cbc, cbc_pad]) in FAMILIES {
        let key = secret_key(key_type, &unhex(KEY));
        for (id, params) in [(ecb, Params::None), (cbc, iv())] {
            assert_eq!(once(encrypting(id, &key, &params).unwrap(), &[1; 15]), refused(Error::DataLenRange));
            let decrypted = once(decrypting(id, &key, &params).unwrap(), &[1; 17]);
            assert_eq!(decrypted, refused(Error::EncryptedDataLenRange));
        }
        let unpadded = once(encrypting(cbc, &key, &iv()).unwrap(), &[0x77; 16]).unwrap();
        let decrypted = once(decrypting(cbc_pad, &key, &iv()).unwrap(), &unpadded);
        assert_eq!(decrypted, refused(Error::EncryptedDataInvalid));
        let short = Params::Bytes(vec![0; 8]);
        assert_eq!(encrypting(cbc, &key, &short).err(), Some(Error::MechanismParamInvalid));
        let odd = secret_key(key_type, &[1; 17]);
        assert_eq!(encrypting(ecb, &odd, &Params::None).err(), Some(Error::KeySizeRange));
    }
}

/// FIPS 113: the last block of CBC from a zero block over the data, filled with zeros.
#[test]
fn a_mac_is_the_front_of_the_last_block_of_cbc() {
    for (key_type, cbc, half, general) in [
        (CKK_CAMELLIA, CKM_CAMELLIA_CBC, CKM_CAMELLIA_MAC, CKM_CAMELLIA_MAC_GENERAL),
        (CKK_ARIA, CKM_ARIA_CBC, CKM_ARIA_MAC, CKM_ARIA_MAC_GENERAL),
    ] {
        let key = secret_key(key_type, &unhex(KEY));
        let data = &unhex(TEXT)[..27];
        let filled = [data, &[0; 5]].concat();
        let zero = Params::Bytes(vec![0; 16]);
        let last = once(encrypting(cbc, &key, &zero).unwrap(), &filled).unwrap()[16..].to_vec();
        assert_eq!(testing::mac(half, &key, &Params::None, &[data]), Ok(last[..8].to_vec()));
        for length in [1, 5, 16] {
            let params = Params::MacGeneral(length as u64);
            let made = testing::mac(general, &key, &params, &[&data[..9], &data[9..]]);
            assert_eq!(made, Ok(last[..length].to_vec()));
            assert_eq!(check_mac(general, &key, &params, data, &last[..length]), Ok(()));
            let other = check_mac(general, &key, &params, &data[1..], &last[..length]);
            assert_eq!(other, refused(Error::SignatureInvalid));
        }
        let long = Params::MacGeneral(17);
        let started = testing::mac(general, &key, &long, &[data]);
        assert_eq!(started, refused(Error::MechanismParamInvalid));
    }
}

#[test]
fn keys_are_wrapped_and_generated() {
    for (key_type, [ecb, _, cbc_pad]) in FAMILIES {
        let key = secret_key(key_type, &unhex(KEY));
        let wrapped = wrap(ecb, &key, &Params::None, &[5; 20]).unwrap();
        assert_eq!(unwrap(ecb, &key, &Params::None, &wrapped), Ok([vec![5; 20], vec![0; 12]].concat()));
        let wrapped = wrap(cbc_pad, &key, &iv(), &[5; 20]).unwrap();
        assert_eq!(unwrap(cbc_pad, &key, &iv(), &wrapped), Ok(vec![5; 20]));
    }
    for id in [CKM_CAMELLIA_KEY_GEN, CKM_ARIA_KEY_GEN] {
        let generate = |length| {
            let template = Attributes::from_iter([(CKA_VALUE_LEN, Value::Ulong(length))]);
            lookup(id).unwrap().ops.generate_key.unwrap()(&Params::None, &template)
        };
        for length in [16, 24, 32] {
            assert_eq!(generate(length).unwrap().bytes(CKA_VALUE).unwrap().len() as u64, length);
        }
        assert_eq!(generate(17).err(), Some(Error::AttributeValueInvalid));
    }
}

#[test]
fn every_row_of_these_ciphers_is_a_legacy_one_and_no_other_is() {
    for row in crate::mechanism::all() {
        let named = ["CKM_CAMELLIA_", "CKM_ARIA_"].iter().any(|name| row.name.starts_with(name));
        assert_eq!(row.is_legacy(), named, "{}", row.name);
    }
}
