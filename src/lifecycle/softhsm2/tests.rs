//! Files that SoftHSM2 2.6.1 wrote (`tests/golden/softhsm2`, user PIN 1234); the expected values were decrypted with openssl.

use super::*;

const TOKEN: &[u8] = include_bytes!("../../../tests/golden/softhsm2/token.object");
const AES: &[u8] = include_bytes!("../../../tests/golden/softhsm2/aes.object");
const WRAPPER: &[u8] = include_bytes!("../../../tests/golden/softhsm2/wrapper.object");
const ED25519: &[u8] = include_bytes!("../../../tests/golden/softhsm2/ed25519.object");
const RSA: &[u8] = include_bytes!("../../../tests/golden/softhsm2/rsa.object");
const DATA_PRIVATE: &[u8] = include_bytes!("../../../tests/golden/softhsm2/data-private.object");
const DATA_PUBLIC: &[u8] = include_bytes!("../../../tests/golden/softhsm2/data-public.object");

fn key() -> TokenKey {
    TokenFile::decode(TOKEN).unwrap().unlock(&Secret::copy_of(b"1234")).unwrap()
}

fn hex_of(attributes: &Attributes, id: CK_ATTRIBUTE_TYPE) -> String {
    hex::encode(attributes.bytes(id).unwrap())
}

/// An object file of these attributes: number, form and what follows.
fn written(attributes: &[(u64, u64, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    for (id, form, rest) in attributes {
        bytes.extend([&id.to_be_bytes()[..], &form.to_be_bytes(), rest].concat());
    }
    bytes
}

#[test]
fn a_token_tells_its_label_and_opens_with_its_pin_alone() {
    let token = TokenFile::decode(TOKEN).unwrap();
    assert_eq!(token.label, "old");
    assert_eq!(token.serial.len(), 16);
    for wrong in [&b"1235"[..], b"", b"12345678", &[7; 1000]] {
        assert_eq!(token.unlock(&Secret::copy_of(wrong)).err(), Some(Error::PinIncorrect), "{wrong:?}");
    }
    assert!(token.unlock(&Secret::copy_of(b"1234")).is_ok());
}

#[test]
fn keys_that_never_leave_are_read_with_every_attribute() {
    let aes = object(AES, &key()).unwrap();
    assert_eq!(hex_of(&aes, CKA_VALUE), "907b5a45bc17defd8a3a12942ae32f7b5f4d9a389dfdb39d2770111c78fb83e1");
    assert!(matches!(aes.value(CKA_VALUE), Some(Value::Secret(_))));
    assert_eq!(aes.bytes(CKA_LABEL), Some(&b"aes"[..]));
    assert_eq!(aes.bytes(CKA_ID), Some(&[0x10][..]));
    assert_eq!(aes.ulong(CKA_KEY_TYPE), Some(CKK_AES));
    assert!(aes.is_true(CKA_SENSITIVE) && !aes.is_true(CKA_EXTRACTABLE) && !aes.is_true(CKA_WRAP));
    let allowed = Value::Mechanisms(vec![CKM_AES_CBC_PAD, CKM_AES_GCM]);
    assert_eq!(aes.value(CKA_ALLOWED_MECHANISMS), Some(&allowed));
    let edwards = object(ED25519, &key()).unwrap();
    assert_eq!(
        hex_of(&edwards, CKA_VALUE),
        "e714439d4f85b60a1b639cfd88adca4ef54dc9491c891aea7234e5eaba77cf7e"
    );
    let wrapper = object(WRAPPER, &key()).unwrap();
    let nested =
        Attributes::from_iter([(CKA_KEY_TYPE, Value::Ulong(CKK_AES)), (CKA_EXTRACTABLE, Value::Bool(true))]);
    assert_eq!(wrapper.value(CKA_WRAP_TEMPLATE), Some(&Value::Template(nested)));
}

#[test]
fn the_dates_of_a_private_key_are_in_the_clear_and_its_numbers_are_not() {
    let rsa = object(RSA, &key()).unwrap();
    assert_eq!(rsa.bytes(CKA_START_DATE), Some(&b"20260101"[..]));
    assert_eq!(rsa.bytes(CKA_END_DATE), Some(&b"20291231"[..]));
    assert_eq!(hex_of(&rsa, CKA_PUBLIC_EXPONENT), "010001");
    for (id, length) in [(CKA_MODULUS, 256), (CKA_PRIME_1, 128), (CKA_PRIME_2, 128), (CKA_COEFFICIENT, 128)] {
        assert_eq!(rsa.bytes(id).map(<[u8]>::len), Some(length));
    }
}

#[test]
fn data_is_read_private_and_public() {
    let private = object(DATA_PRIVATE, &key()).unwrap();
    assert_eq!(private.bytes(CKA_LABEL), Some("Notiz für später".as_bytes()));
    assert_eq!(private.bytes(CKA_VALUE), Some(&b"secret text"[..]));
    let public = object(DATA_PUBLIC, &key()).unwrap();
    assert_eq!(public.bytes(CKA_VALUE), Some(&b"plain text"[..]));
    assert_eq!(public.value(CKA_MODIFIABLE), Some(&Value::Bool(false)));
}

#[test]
fn the_key_of_another_token_opens_nothing_private() {
    let other = TokenKey::from_bytes([7; 32]);
    assert_eq!(object(AES, &other).err(), Some(Error::Sealed));
    assert!(object(DATA_PUBLIC, &other).is_ok());
}

#[test]
fn every_prefix_of_a_file_is_refused_or_read_and_nothing_panics() {
    let key = key();
    for file in [TOKEN, AES, WRAPPER, DATA_PUBLIC] {
        let whole = file::decode(file).unwrap().len();
        for length in 0..file.len() {
            match file::decode(&file[..length]) {
                Ok(attributes) => assert!(attributes.len() < whole),
                Err(error) => assert!(matches!(error, Error::Malformed(_))),
            }
            let _ = object(&file[..length], &key);
            let _ = TokenFile::decode(&file[..length]);
        }
    }
}

#[test]
fn every_flipped_bit_is_survived() {
    let key = TokenKey::from_bytes([7; 32]);
    for file in [TOKEN, WRAPPER, DATA_PUBLIC] {
        for bit in 0..file.len() * 8 {
            let mut changed = file.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let _ = object(&changed, &key);
            let _ = TokenFile::decode(&changed);
        }
    }
}

#[test]
fn lengths_and_counts_that_the_file_cannot_hold_are_refused_without_memory_for_them() {
    let huge = u64::MAX.to_be_bytes();
    for form in [3, 4, 5] {
        for count in [huge, (1u64 << 40).to_be_bytes(), 9u64.to_be_bytes()] {
            let file = written(&[(CKA_LABEL, form, &count)]);
            assert!(matches!(file::decode(&file), Err(Error::Malformed(_))), "{form}");
        }
    }
    let map = written(&[(CKA_WRAP_TEMPLATE, 4, &[0; 8])]);
    let map_in_map = [&24u64.to_be_bytes()[..], &map[8..]].concat();
    let map_in_map = written(&[(CKA_WRAP_TEMPLATE, 4, &map_in_map)]);
    assert!(matches!(file::decode(&map_in_map), Err(Error::Malformed(_))));
    assert!(matches!(file::decode(&written(&[(CKA_LABEL, 6, &[])])), Err(Error::Malformed(_))));
    assert!(matches!(file::decode(&written(&[(1, 1, &[1][..]); 300])), Err(Error::Malformed(_))));
    assert!(file::decode(&[0; 8]).unwrap().is_empty());
    assert!(file::decode(b"SQLite format 3\0").is_err());
}

#[test]
fn a_token_without_a_user_pin_says_so_and_a_short_one_is_no_token() {
    let long = |bytes: &[u8]| [&(bytes.len() as u64).to_be_bytes()[..], bytes].concat();
    let (label, serial) = (long(b"x   "), long(b"1234"));
    let mut attributes = vec![(TOKEN_LABEL, 3, &label[..]), (TOKEN_SERIAL, 3, &serial[..])];
    let pin = Secret::copy_of(b"1234");
    assert_eq!(TokenFile::decode(&written(&attributes)).unwrap().unlock(&pin).err(), Some(Error::NoPin));
    let short = long(&[1; 40]);
    attributes.push((USER_PIN, 3, &short));
    let token = TokenFile::decode(&written(&attributes)).unwrap();
    assert!(matches!(token.unlock(&pin), Err(Error::PinIncorrect)));
    let none = long(&[1; 23]);
    attributes[2].2 = &none;
    let token = TokenFile::decode(&written(&attributes)).unwrap();
    assert!(matches!(token.unlock(&pin), Err(Error::Malformed(_))));
    assert!(matches!(TokenFile::decode(&written(&attributes[..1])), Err(Error::Malformed(_))));
}
