use super::*;
use crate::mechanism::testing::*;

const KEYS: [&str; 3] = [
    "2b7e151628aed2a6abf7158809cf4f3c",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
];
const IV: &str = "000102030405060708090a0b0c0d0e0f";
const TEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                    30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

fn key(value: &str) -> UsableKey {
    secret_key(CKK_AES, &unhex(value))
}

fn iv() -> Params {
    Params::Bytes(unhex(IV))
}

/// Both directions, in one part and in every split.
fn check(id: CK_MECHANISM_TYPE, key: &UsableKey, plaintext: &[u8], ciphertext: &[u8]) {
    let start = || encrypting(id, key, &iv()).unwrap();
    assert_eq!(once(start(), plaintext), Ok(ciphertext.to_vec()), "{id:#x}");
    every_split_agrees(start, plaintext, &Ok(ciphertext.to_vec()));
    let start = || decrypting(id, key, &iv()).unwrap();
    assert_eq!(once(start(), ciphertext), Ok(plaintext.to_vec()), "{id:#x}");
    every_split_agrees(start, ciphertext, &Ok(plaintext.to_vec()));
}

/// SP 800-38A appendix F.3 and F.4; keys of 128, 192 and 256 bits.
#[test]
fn the_vectors_of_sp_800_38a_come_out() {
    let vectors = [
        (CKM_AES_CFB1, ["68b3", "9359", "9029"]),
        (
            CKM_AES_CFB8,
            [
                "3b79424c9c0dd436bace9e0ed4586a4f32b9",
                "cda2521ef0a905ca44cd057cbf0d47a0678a",
                "dc1f1a8520a64db55fcc8ac554844e889700",
            ],
        ),
        (
            CKM_AES_CFB128,
            [
                "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b\
                 26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
                "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a\
                 2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff",
                "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b\
                 df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
            ],
        ),
        (
            CKM_AES_OFB,
            [
                "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825\
                 9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e",
                "cdc80d6fddf18cab34c25909c99a4174fcc28b8d4c63837c09e81700c1100401\
                 8d9a9aeac0f6596f559c6d4daf59a5f26d9f200857ca6c3e9cac524bd9acc92a",
                "dc7e84bfda79164b7ecd8486985d38604febdc6740d20b3ac88f6ad82a4fb08d\
                 71ab47a086e86eedf39d1c5bba97c4080126141d67f37be8538f5a8be740e484",
            ],
        ),
    ];
    for (id, ciphertexts) in vectors {
        for (value, ciphertext) in KEYS.into_iter().zip(ciphertexts) {
            let ciphertext = unhex(ciphertext);
            check(id, &key(value), &unhex(TEXT)[..ciphertext.len()], &ciphertext);
        }
    }
}

/// SP 800-38A section 6.3 with s = 64, over the mechanism for single blocks.
#[test]
fn segments_of_64_bits_follow_the_definition() {
    for value in KEYS {
        let key = key(value);
        let (mut register, mut expected) = (unhex(IV), Vec::new());
        for segment in unhex(TEXT).chunks(8) {
            let output = once(encrypting(CKM_AES_ECB, &key, &Params::None).unwrap(), &register).unwrap();
            let ciphertext: Vec<u8> = segment.iter().zip(output).map(|(text, key)| text ^ key).collect();
            register = [&register[8..], &ciphertext].concat();
            expected.extend(ciphertext);
        }
        check(CKM_AES_CFB64, &key, &unhex(TEXT), &expected);
    }
}

#[test]
fn any_length_is_taken_and_gives_the_front_of_a_longer_one() {
    for row in ROWS {
        let key = key(KEYS[0]);
        let whole = once(encrypting(row.id, &key, &iv()).unwrap(), &unhex(TEXT)).unwrap();
        for length in 0..64 {
            check(row.id, &key, &unhex(TEXT)[..length], &whole[..length]);
        }
    }
}

#[test]
fn keys_are_wrapped_as_data_is_encrypted() {
    for row in ROWS {
        let key = key(KEYS[2]);
        let wrapped = wrap(row.id, &key, &iv(), b"a key of 21 bytes, so").unwrap();
        assert_eq!(
            Ok(wrapped.clone()),
            once(encrypting(row.id, &key, &iv()).unwrap(), b"a key of 21 bytes, so")
        );
        assert_eq!(unwrap(row.id, &key, &iv(), &wrapped), Ok(b"a key of 21 bytes, so".to_vec()));
    }
}

#[test]
fn an_iv_of_another_length_is_refused() {
    for row in ROWS {
        for length in [0, 8, 15, 17] {
            let params = Params::Bytes(vec![0; length]);
            assert_eq!(encrypting(row.id, &key(KEYS[0]), &params).err(), Some(Error::MechanismParamInvalid));
            assert_eq!(decrypting(row.id, &key(KEYS[0]), &params).err(), Some(Error::MechanismParamInvalid));
        }
    }
}
