use super::*;
use crate::mechanism::testing::*;

const KEYS: [&str; 3] = [
    "2b7e151628aed2a6abf7158809cf4f3c",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
];

const PLAINTEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

const IV: &str = "000102030405060708090a0b0c0d0e0f";
const COUNTER: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

fn key() -> UsableKey {
    secret_key(CKK_AES, &unhex(KEYS[0]))
}

fn iv_params() -> Params {
    Params::Bytes(unhex(IV))
}

fn ctr(counter_bits: u64, block: [u8; 16]) -> Params {
    Params::AesCtr { counter_bits, counter_block: block }
}

/// SP 800-38A appendix F.1, F.2 and F.5.
#[test]
fn the_vectors_of_sp_800_38a_come_out() {
    let counter = ctr(128, unhex(COUNTER).try_into().unwrap());
    let vectors = [
        (
            CKM_AES_ECB,
            Params::None,
            [
                "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf\
                 43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
                "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef\
                 ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
                "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870\
                 b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
            ],
        ),
        (
            CKM_AES_CBC,
            iv_params(),
            [
                "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
                 73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
                "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a\
                 571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
                 39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
            ],
        ),
        (
            CKM_AES_CTR,
            counter,
            [
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
                 5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
                "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94\
                 1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
                "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
                 2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
            ],
        ),
    ];
    for (id, params, ciphertexts) in vectors {
        for (value, ciphertext) in KEYS.into_iter().zip(ciphertexts) {
            let key = secret_key(CKK_AES, &unhex(value));
            let encrypted = once(encrypting(id, &key, &params).unwrap(), &unhex(PLAINTEXT));
            assert_eq!(encrypted, Ok(unhex(ciphertext)));
            let start = || encrypting(id, &key, &params).unwrap();
            every_split_agrees(start, &unhex(PLAINTEXT), &encrypted);
            let start = || decrypting(id, &key, &params).unwrap();
            assert_eq!(once(start(), &unhex(ciphertext)), Ok(unhex(PLAINTEXT)));
            every_split_agrees(start, &unhex(ciphertext), &Ok(unhex(PLAINTEXT)));
        }
    }
}

/// The rule of RFC 5652 section 6.3.
#[test]
fn padded_cbc_is_cbc_over_the_padded_plaintext() {
    for length in 0..=65usize {
        let plaintext: Vec<u8> = (0..length as u8).collect();
        let mut padded = plaintext.clone();
        let count = 16 - length % 16;
        padded.extend(std::iter::repeat_n(count as u8, count));
        let expected = once(encrypting(CKM_AES_CBC, &key(), &iv_params()).unwrap(), &padded);
        let start = || encrypting(CKM_AES_CBC_PAD, &key(), &iv_params()).unwrap();
        assert_eq!(once(start(), &plaintext), expected);
        every_split_agrees(start, &plaintext, &expected);
        let start = || decrypting(CKM_AES_CBC_PAD, &key(), &iv_params()).unwrap();
        assert_eq!(once(start(), &expected.clone().unwrap()), Ok(plaintext.clone()));
        every_split_agrees(start, &expected.unwrap(), &Ok(plaintext));
    }
}

#[test]
fn input_that_is_no_multiple_of_the_block_is_a_length_error() {
    for (id, params) in [(CKM_AES_ECB, Params::None), (CKM_AES_CBC, iv_params())] {
        for length in (0..=65).filter(|length| length % 16 != 0) {
            let input = vec![1; length];
            let encrypting = || encrypting(id, &key(), &params).unwrap();
            assert_eq!(once(encrypting(), &input), refused(Error::DataLenRange));
            every_split_agrees(encrypting, &input, &refused(Error::DataLenRange));
            let decrypting = || decrypting(id, &key(), &params).unwrap();
            assert_eq!(once(decrypting(), &input), refused(Error::EncryptedDataLenRange));
            every_split_agrees(decrypting, &input, &refused(Error::EncryptedDataLenRange));
        }
        assert_eq!(once(encrypting(id, &key(), &params).unwrap(), &[]), Ok(vec![]));
        assert_eq!(parts(decrypting(id, &key(), &params).unwrap(), &[]), Ok(vec![]));
    }
}

#[test]
fn a_padded_ciphertext_of_a_wrong_length_or_padding_is_refused() {
    let start = || decrypting(CKM_AES_CBC_PAD, &key(), &iv_params()).unwrap();
    for length in (0..=65).filter(|length| *length == 0 || length % 16 != 0) {
        assert_eq!(once(start(), &vec![1; length]), refused(Error::EncryptedDataLenRange));
        every_split_agrees(start, &vec![1; length], &refused(Error::EncryptedDataLenRange));
    }
    for (place, byte) in [(15, 0u8), (15, 17), (15, 255), (15, 2), (12, 9)] {
        let mut plaintext = [4u8; 16];
        plaintext[place] = byte;
        let ciphertext = once(encrypting(CKM_AES_CBC, &key(), &iv_params()).unwrap(), &plaintext).unwrap();
        assert_eq!(once(start(), &ciphertext), refused(Error::EncryptedDataInvalid), "{place} {byte}");
        every_split_agrees(start, &ciphertext, &refused(Error::EncryptedDataInvalid));
    }
}

#[test]
fn the_last_block_is_held_back_until_it_is_known_to_be_the_last() {
    let mut running = decrypting(CKM_AES_CBC_PAD, &key(), &iv_params()).unwrap();
    let mut output = [0; 64];
    assert_eq!(running.update_len(16), Length::Exact(0));
    assert_eq!(running.update(&[1; 16], &mut output), Ok(0));
    assert_eq!(running.update_len(1), Length::Exact(16));
    assert_eq!(running.update(&[1; 1], &mut output), Ok(16));
    assert_eq!(running.update_len(31), Length::Exact(16));
    assert_eq!(running.update(&[1; 31], &mut output), Ok(16));
    assert_eq!(running.finish_len(), Length::AtMost(15));
}

/// The example of section 6.11: two counter bits that start as 1 leave three blocks.
#[test]
fn data_that_would_overflow_the_counter_bits_is_refused() {
    let mut block = [0xff; 16];
    block[15] = 0b1111_1101;
    let start = || encrypting(CKM_AES_CTR, &key(), &ctr(2, block)).unwrap();
    assert_eq!(once(start(), &[0; 48]).unwrap().len(), 48);
    assert_eq!(once(start(), &[0; 49]), refused(Error::DataLenRange));
    assert_eq!(parts(start(), &[&[0; 47], &[0; 1]]).unwrap().len(), 48);
    assert_eq!(parts(start(), &[&[0; 47], &[0; 2]]), refused(Error::DataLenRange));
    assert_eq!(parts(start(), &[&[0; 48], &[]]).unwrap().len(), 48);
}

#[test]
fn the_room_of_the_counter_is_counted_to_its_limits() {
    let ones = [0xff; 16];
    assert_eq!(counter_capacity(0, &ones), None);
    assert_eq!(counter_capacity(129, &ones), None);
    assert_eq!(counter_capacity(u64::MAX, &ones), None);
    for bits in 1..=128 {
        assert_eq!(counter_capacity(bits, &ones), Some(16));
    }
    assert_eq!(counter_capacity(32, &[0; 16]), Some(16 << 32));
    assert_eq!(counter_capacity(128, &[0; 16]), Some(u128::MAX));
}

#[test]
fn a_wrong_iv_length_or_counter_width_is_a_parameter_error() {
    for length in [0, 1, 12, 15, 17, 32] {
        for id in [CKM_AES_CBC, CKM_AES_CBC_PAD] {
            let params = Params::Bytes(vec![0; length]);
            assert_eq!(encrypting(id, &key(), &params).err(), Some(Error::MechanismParamInvalid));
            assert_eq!(decrypting(id, &key(), &params).err(), Some(Error::MechanismParamInvalid));
        }
    }
    for bits in [0, 129, 1 << 32, u64::MAX] {
        let refused = encrypting(CKM_AES_CTR, &key(), &ctr(bits, [0; 16])).err();
        assert_eq!(refused, Some(Error::MechanismParamInvalid));
    }
}

#[test]
fn a_wrapped_key_is_filled_with_zeros_to_the_block() {
    for (id, params) in [(CKM_AES_ECB, Params::None), (CKM_AES_CBC, iv_params())] {
        for length in 1..=65 {
            let material = vec![7; length];
            let mut padded = material.clone();
            padded.resize(length.next_multiple_of(16), 0);
            let wrapped = wrap(id, &key(), &params, &material).unwrap();
            assert_eq!(Ok(&wrapped), once(encrypting(id, &key(), &params).unwrap(), &padded).as_ref());
            assert_eq!(unwrap(id, &key(), &params, &wrapped), Ok(padded));
        }
        assert_eq!(unwrap(id, &key(), &params, &[0; 17]), refused(Error::WrappedKeyLenRange));
    }
}

#[test]
fn padded_cbc_wraps_any_length_and_gives_it_back() {
    for length in 0..=65 {
        let material = vec![7; length];
        let wrapped = wrap(CKM_AES_CBC_PAD, &key(), &iv_params(), &material).unwrap();
        assert_eq!(wrapped.len(), length / 16 * 16 + 16);
        assert_eq!(unwrap(CKM_AES_CBC_PAD, &key(), &iv_params(), &wrapped), Ok(material));
    }
    let wrapped = wrap(CKM_AES_CBC, &key(), &iv_params(), &[0; 16]).unwrap();
    assert_eq!(unwrap(CKM_AES_CBC_PAD, &key(), &iv_params(), &wrapped), refused(Error::WrappedKeyInvalid));
    assert_eq!(unwrap(CKM_AES_CBC_PAD, &key(), &iv_params(), &[0; 15]), refused(Error::WrappedKeyLenRange));
}

#[test]
fn a_key_value_of_a_wrong_length_is_a_key_size_error() {
    let broken = secret_key(CKK_AES, &[0; 17]);
    assert_eq!(encrypting(CKM_AES_ECB, &broken, &Params::None).err(), Some(Error::KeySizeRange));
}
