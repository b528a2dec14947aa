use super::*;
use crate::mechanism::Length;
use crate::mechanism::testing::*;

const KEY: &str = "404142434445464748494a4b4c4d4e4f";

fn key() -> UsableKey {
    secret_key(CKK_AES, &unhex(KEY))
}

fn ccm(data_len: usize, nonce: &[u8], aad: &[u8], tag_len: u64) -> Params {
    Params::Ccm { data_len: data_len as u64, nonce: nonce.to_vec(), aad: aad.to_vec(), tag_len }
}

fn sealing(params: &Params) -> Box<dyn Cipher> {
    encrypting(CKM_AES_CCM, &key(), params).unwrap()
}

fn opening(params: &Params) -> Box<dyn Cipher> {
    decrypting(CKM_AES_CCM, &key(), params).unwrap()
}

/// SP 800-38C appendix C, examples 1 to 4.
#[test]
fn the_examples_of_sp_800_38c_come_out_whole_and_in_parts() {
    let count = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    let long_aad: Vec<u8> = count(0, 255).repeat(256);
    let vectors = [
        (count(0x10, 0x16), count(0, 7), count(0x20, 0x23), 4, "7162015b4dac255d"),
        (
            count(0x10, 0x17),
            count(0, 15),
            count(0x20, 0x2f),
            6,
            "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
        ),
        (
            count(0x10, 0x1b),
            count(0, 0x13),
            count(0x20, 0x37),
            8,
            "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
        ),
        (
            count(0x10, 0x1c),
            long_aad,
            count(0x20, 0x3f),
            14,
            "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72\
             b4ac6bec93e8598e7f0dadbcea5b",
        ),
    ];
    for (nonce, aad, plaintext, tag_len, sealed) in vectors {
        let params = ccm(plaintext.len(), &nonce, &aad, tag_len);
        assert_eq!(once(sealing(&params), &plaintext), Ok(unhex(sealed)));
        every_split_agrees(|| sealing(&params), &plaintext, &Ok(unhex(sealed)));
        assert_eq!(once(opening(&params), &unhex(sealed)), Ok(plaintext.clone()));
        every_split_agrees(|| opening(&params), &unhex(sealed), &Ok(plaintext));
    }
}

#[test]
fn every_length_of_text_nonce_and_additional_data_comes_back() {
    let bytes: Vec<u8> = (0..200).collect();
    for length in (0..70).chain([200]) {
        let (nonce, aad) = (&bytes[..7 + length % 7], &bytes[..length / 2]);
        let params = ccm(length, nonce, aad, 4 + 2 * (length as u64 % 7));
        let sealed = once(sealing(&params), &bytes[..length]).unwrap();
        every_split_agrees(|| sealing(&params), &bytes[..length], &Ok(sealed.clone()));
        every_split_agrees(|| opening(&params), &sealed, &Ok(bytes[..length].to_vec()));
    }
}

#[test]
fn every_flipped_bit_and_every_other_parameter_is_found_and_nothing_is_released() {
    let params = ccm(16, &[1; 12], b"aad", 8);
    let sealed = once(sealing(&params), b"a secret message").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut output = [0xee; 16];
        assert_eq!(opening(&params).once(&flipped, &mut output), refused(Error::EncryptedDataInvalid));
        assert_eq!(output, [0; 16]);
    }
    for other in [ccm(16, &[2; 12], b"aad", 8), ccm(16, &[1; 12], b"add", 8), ccm(16, &[1; 12], b"", 8)] {
        assert_eq!(once(opening(&other), &sealed), refused(Error::EncryptedDataInvalid));
    }
    let mut running = opening(&params);
    assert_eq!(running.update_len(sealed.len()), Length::Exact(0));
    assert_eq!(running.update(&sealed, &mut []), Ok(0));
    assert_eq!(running.finish_len(), Length::Exact(16));
}

#[test]
fn data_of_another_length_than_told_is_a_length_error() {
    let params = ccm(16, &[1; 12], b"", 8);
    for length in [0, 15, 17] {
        assert_eq!(once(sealing(&params), &vec![0; length]), refused(Error::DataLenRange));
        let in_parts = parts(sealing(&params), &[&vec![0; length]]);
        assert_eq!(in_parts, refused(Error::DataLenRange));
    }
    for length in [0, 7, 23, 25] {
        assert_eq!(once(opening(&params), &vec![0; length]), refused(Error::EncryptedDataLenRange));
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let nonce = [1; 13];
    for params in [
        ccm(1, &nonce[..6], b"", 8),
        ccm(1, &[1; 14], b"", 8),
        ccm(1, &nonce, b"", 0),
        ccm(1, &nonce, b"", 2),
        ccm(1, &nonce, b"", 7),
        ccm(1, &nonce, b"", 18),
        ccm(0x1_0000, &nonce, b"", 16),
        Params::Ccm { data_len: 1, nonce: vec![1; 12], aad: vec![], tag_len: u64::MAX },
    ] {
        assert_eq!(encrypting(CKM_AES_CCM, &key(), &params).err(), Some(Error::MechanismParamInvalid));
        assert_eq!(decrypting(CKM_AES_CCM, &key(), &params).err(), Some(Error::MechanismParamInvalid));
    }
}

#[test]
fn keys_are_wrapped_whatever_length_of_data_is_told() {
    let told = ccm(999, &[1; 12], b"name", 16);
    let wrapped = wrap(CKM_AES_CCM, &key(), &told, &[5; 33]).unwrap();
    let by_encryption = once(sealing(&ccm(33, &[1; 12], b"name", 16)), &[5; 33]);
    assert_eq!(Ok(wrapped.clone()), by_encryption);
    assert_eq!(unwrap(CKM_AES_CCM, &key(), &told, &wrapped), Ok(vec![5; 33]));
    assert_eq!(unwrap(CKM_AES_CCM, &key(), &told, &wrapped[..15]), refused(Error::WrappedKeyLenRange));
    assert_eq!(unwrap(CKM_AES_CCM, &key(), &told, &wrapped[..40]), refused(Error::WrappedKeyInvalid));
}
