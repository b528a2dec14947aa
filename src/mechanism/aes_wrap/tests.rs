use super::*;
use crate::mechanism::testing::*;

fn key() -> UsableKey {
    secret_key(CKK_AES, &unhex("000102030405060708090a0b0c0d0e0f"))
}

fn default_iv() -> Params {
    Params::Bytes(Vec::new())
}

/// RFC 3394 section 4.1 and RFC 5649 section 6.
#[test]
fn data_and_keys_give_the_vectors_of_the_rfcs() {
    let rfc_5649 = secret_key(CKK_AES, &unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"));
    for (id, key, plaintext, expected) in [
        (
            CKM_AES_KEY_WRAP,
            key(),
            "00112233445566778899aabbccddeeff",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        (
            CKM_AES_KEY_WRAP_KWP,
            rfc_5649.clone(),
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        (CKM_AES_KEY_WRAP_PAD, rfc_5649, "466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ] {
        for params in [Params::None, default_iv()] {
            let encrypted = once(encrypting(id, &key, &params).unwrap(), &unhex(plaintext));
            assert_eq!(encrypted, Ok(unhex(expected)));
            assert_eq!(wrap(id, &key, &params, &unhex(plaintext)), Ok(unhex(expected)));
            assert_eq!(once(decrypting(id, &key, &params).unwrap(), &unhex(expected)), Ok(unhex(plaintext)));
            assert_eq!(unwrap(id, &key, &params, &unhex(expected)), Ok(unhex(plaintext)));
        }
    }
}

/// Section 6.16: PKCS#7 padding to the semiblock, then KW.
#[test]
fn the_pkcs7_form_is_kw_over_the_padded_data() {
    for length in 8..=65usize {
        let data = vec![0x21; length];
        let mut padded = data.clone();
        let count = 8 - length % 8;
        padded.extend(std::iter::repeat_n(count as u8, count));
        let wrapped = wrap(CKM_AES_KEY_WRAP_PKCS7, &key(), &Params::None, &data).unwrap();
        assert_eq!(wrap(CKM_AES_KEY_WRAP, &key(), &Params::None, &padded), Ok(wrapped.clone()));
        assert_eq!(unwrap(CKM_AES_KEY_WRAP_PKCS7, &key(), &Params::None, &wrapped), Ok(data));
    }
}

#[test]
fn a_pkcs7_padding_that_is_wrong_inside_a_right_wrap_is_refused() {
    for last in [0u8, 2, 9, 24, 255] {
        let mut data = [5; 24];
        data[23] = last;
        let wrapped = wrap(CKM_AES_KEY_WRAP, &key(), &Params::None, &data).unwrap();
        assert_eq!(
            unwrap(CKM_AES_KEY_WRAP_PKCS7, &key(), &Params::None, &wrapped),
            refused(Error::WrappedKeyInvalid)
        );
    }
}

#[test]
fn kw_fills_a_key_with_zeros_and_refuses_data_that_does_not_fit() {
    for length in 9..=65usize {
        let material = vec![7; length];
        let mut padded = material.clone();
        padded.resize(length.next_multiple_of(8), 0);
        let wrapped = wrap(CKM_AES_KEY_WRAP, &key(), &Params::None, &material).unwrap();
        assert_eq!(unwrap(CKM_AES_KEY_WRAP, &key(), &Params::None, &wrapped), Ok(padded));
        if length % 8 != 0 {
            let encrypted = once(encrypting(CKM_AES_KEY_WRAP, &key(), &Params::None).unwrap(), &material);
            assert_eq!(encrypted, refused(Error::DataLenRange));
        }
    }
}

#[test]
fn kwp_takes_every_length_but_none() {
    for id in [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD] {
        for length in 1..=65 {
            let material = vec![7; length];
            let wrapped = wrap(id, &key(), &Params::None, &material).unwrap();
            assert_eq!(unwrap(id, &key(), &Params::None, &wrapped), Ok(material));
        }
        assert_eq!(wrap(id, &key(), &Params::None, &[]), refused(Error::KeySizeRange));
        assert_eq!(once(encrypting(id, &key(), &Params::None).unwrap(), &[]), refused(Error::DataLenRange));
    }
}

#[test]
fn a_key_too_short_for_kw_is_a_key_size_error() {
    for length in 0..=8 {
        let short = wrap(CKM_AES_KEY_WRAP, &key(), &Params::None, &vec![1; length]);
        assert_eq!(short, refused(Error::KeySizeRange));
    }
}

#[test]
fn a_flipped_bit_another_key_and_a_wrong_length_are_told_apart_from_success() {
    for row in ROWS {
        let wrapped = wrap(row.id, &key(), &Params::None, &[7; 16]).unwrap();
        let other = secret_key(CKK_AES, &[9; 16]);
        assert_eq!(unwrap(row.id, &other, &Params::None, &wrapped), refused(Error::WrappedKeyInvalid));
        for bit in 0..wrapped.len() * 8 {
            let mut flipped = wrapped.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(row.id, &key(), &Params::None, &flipped), refused(Error::WrappedKeyInvalid));
            let decrypted = once(decrypting(row.id, &key(), &Params::None).unwrap(), &flipped);
            assert_eq!(decrypted, refused(Error::EncryptedDataInvalid));
        }
        for length in [0, 1, 8, 15, 17, 23] {
            let short = vec![1; length];
            assert_eq!(unwrap(row.id, &key(), &Params::None, &short), refused(Error::WrappedKeyLenRange));
            let decrypted = once(decrypting(row.id, &key(), &Params::None).unwrap(), &short);
            assert_eq!(decrypted, refused(Error::EncryptedDataLenRange));
        }
    }
}

#[test]
fn an_initial_value_of_the_caller_is_used_and_a_wrong_length_refused() {
    for row in ROWS {
        let right = if matches!(row.id, CKM_AES_KEY_WRAP | CKM_AES_KEY_WRAP_PKCS7) { 8 } else { 4 };
        for length in 1..=9 {
            let params = Params::Bytes(vec![0x42; length]);
            let wrapped = wrap(row.id, &key(), &params, &[7; 16]);
            if length == right {
                assert_eq!(unwrap(row.id, &key(), &params, &wrapped.clone().unwrap()), Ok(vec![7; 16]));
                let default = unwrap(row.id, &key(), &Params::None, &wrapped.unwrap());
                assert_eq!(default, refused(Error::WrappedKeyInvalid));
            } else {
                assert_eq!(wrapped, refused(Error::MechanismParamInvalid));
            }
        }
    }
}

#[test]
fn key_wrap_has_no_multi_part_form() {
    let mut running = encrypting(CKM_AES_KEY_WRAP_KWP, &key(), &Params::None).unwrap();
    assert!(!running.multi_part());
    assert_eq!(running.update(&[0; 8], &mut []), Err(Error::FunctionNotSupported));
    assert_eq!(running.finish(&mut []), Err(Error::FunctionNotSupported));
}
