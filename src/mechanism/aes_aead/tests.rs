use super::*;
use crate::ck::CKK_AES;
use crate::mechanism::Length;
use crate::mechanism::testing::*;

fn gcm(iv: &[u8], aad: &[u8], tag_bits: u64) -> Params {
    Params::Gcm { iv: iv.to_vec(), aad: aad.to_vec(), tag_bits }
}

fn key() -> UsableKey {
    secret_key(CKK_AES, &[7; 32])
}

fn sealing(params: &Params) -> Box<dyn Cipher> {
    encrypting(CKM_AES_GCM, &key(), params).unwrap()
}

fn opening(params: &Params) -> Box<dyn Cipher> {
    decrypting(CKM_AES_GCM, &key(), params).unwrap()
}

struct Vector {
    key: &'static str,
    iv: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    /// Ciphertext and tag.
    sealed: &'static str,
}

const K3: &str = "feffe9928665731c6d6a8f9467308308";
const K9: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c";
const K15: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
const P3: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                  1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const P4: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                  1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const A4: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const IV12: &str = "cafebabefacedbaddecaf888";
const IV8: &str = "cafebabefacedbad";
const IV60: &str = "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728\
                    c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b";

/// The test cases of the GCM specification (McGrew and Viega, appendix B): 1 to 6, 7, 10 to 12 and 13 to 18.
const VECTORS: &[Vector] = &[
    Vector {
        key: "00000000000000000000000000000000",
        iv: "000000000000000000000000",
        aad: "",
        plaintext: "",
        sealed: "58e2fccefa7e3061367f1d57a4e7455a",
    },
    Vector {
        key: "00000000000000000000000000000000",
        iv: "000000000000000000000000",
        aad: "",
        plaintext: "00000000000000000000000000000000",
        sealed: "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
    },
    Vector {
        key: K3,
        iv: IV12,
        aad: "",
        plaintext: P3,
        sealed: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                 21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985\
                 4d5c2af327cd64a62cf35abd2ba6fab4",
    },
    Vector {
        key: K3,
        iv: IV12,
        aad: A4,
        plaintext: P4,
        sealed: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                 21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091\
                 5bc94fbc3221a5db94fae95ae7121a47",
    },
    Vector {
        key: K3,
        iv: IV8,
        aad: A4,
        plaintext: P4,
        sealed: "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423\
                 73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598\
                 3612d2e79e3b0785561be14aaca2fccb",
    },
    Vector {
        key: K3,
        iv: IV60,
        aad: A4,
        plaintext: P4,
        sealed: "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7\
                 01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5\
                 619cc5aefffe0bfa462af43c1699d050",
    },
    Vector {
        key: "000000000000000000000000000000000000000000000000",
        iv: "000000000000000000000000",
        aad: "",
        plaintext: "",
        sealed: "cd33b28ac773f74ba00ed1f312572435",
    },
    Vector {
        key: K9,
        iv: IV12,
        aad: A4,
        plaintext: P4,
        sealed: "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c\
                 7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710\
                 2519498e80f1478f37ba55bd6d27618c",
    },
    Vector {
        key: K9,
        iv: IV8,
        aad: A4,
        plaintext: P4,
        sealed: "0f10f599ae14a154ed24b36e25324db8c566632ef2bbb34f8347280fc4507057\
                 fddc29df9a471f75c66541d4d4dad1c9e93a19a58e8b473fa0f062f7\
                 65dcc57fcf623a24094fcca40d3533f8",
    },
    Vector {
        key: K9,
        iv: IV60,
        aad: A4,
        plaintext: P4,
        sealed: "d27e88681ce3243c4830165a8fdcf9ff1de9a1d8e6b447ef6ef7b79828666e45\
                 81e79012af34ddd9e2f037589b292db3e67c036745fa22e7e9b7373b\
                 dcf566ff291c25bbb8568fc3d376a6d9",
    },
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        iv: "000000000000000000000000",
        aad: "",
        plaintext: "",
        sealed: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        iv: "000000000000000000000000",
        aad: "",
        plaintext: "00000000000000000000000000000000",
        sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
    },
    Vector {
        key: K15,
        iv: IV12,
        aad: "",
        plaintext: P3,
        sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad\
                 b094dac5d93471bdec1a502270e3cc6c",
    },
    Vector {
        key: K15,
        iv: IV12,
        aad: A4,
        plaintext: P4,
        sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                 76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Vector {
        key: K15,
        iv: IV8,
        aad: A4,
        plaintext: P4,
        sealed: "c3762df1ca787d32ae47c13bf19844cbaf1ae14d0b976afac52ff7d79bba9de0\
                 feb582d33934a4f0954cc2363bc73f7862ac430e64abe499f47c9b1f\
                 3a337dbf46a792c45e454913fe2ea8f2",
    },
    Vector {
        key: K15,
        iv: IV60,
        aad: A4,
        plaintext: P4,
        sealed: "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf4\
                 0fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3f\
                 a44a8266ee1c8eb0c8b5d4cf5ae9f19a",
    },
];

#[test]
fn the_test_cases_of_the_gcm_specification_come_out_whole_and_in_parts() {
    for vector in VECTORS {
        let key = secret_key(CKK_AES, &unhex(vector.key));
        let params = gcm(&unhex(vector.iv), &unhex(vector.aad), 128);
        let (plaintext, sealed) = (unhex(vector.plaintext), unhex(vector.sealed));
        let start = || encrypting(CKM_AES_GCM, &key, &params).unwrap();
        assert_eq!(once(start(), &plaintext), Ok(sealed.clone()));
        every_split_agrees(start, &plaintext, &Ok(sealed.clone()));
        let start = || decrypting(CKM_AES_GCM, &key, &params).unwrap();
        assert_eq!(once(start(), &sealed), Ok(plaintext.clone()));
        every_split_agrees(start, &sealed, &Ok(plaintext));
    }
}

#[test]
fn a_shorter_tag_is_the_front_of_the_full_one() {
    let full = once(sealing(&gcm(&[1; 12], b"aad", 128)), b"message").unwrap();
    for bits in [128, 120, 112, 104, 96, 64, 32] {
        let params = gcm(&[1; 12], b"aad", bits);
        let sealed = once(sealing(&params), b"message").unwrap();
        assert_eq!(sealed, full[..7 + bits as usize / 8]);
        assert_eq!(once(opening(&params), &sealed), Ok(b"message".to_vec()));
    }
}

#[test]
fn every_length_of_text_iv_and_additional_data_comes_back() {
    for length in 0..=65usize {
        let text: Vec<u8> = (0..length as u8).collect();
        let params = gcm(&vec![3; length + 1], &text, 128);
        let sealed = once(sealing(&params), &text).unwrap();
        every_split_agrees(|| sealing(&params), &text, &Ok(sealed.clone()));
        every_split_agrees(|| opening(&params), &sealed, &Ok(text));
    }
}

#[test]
fn every_flipped_bit_and_every_other_parameter_is_found_and_nothing_is_released() {
    let params = gcm(&[1; 12], b"aad", 96);
    let sealed = once(sealing(&params), b"a secret message").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut output = vec![0xee; 16];
        let refused = opening(&params).once(&flipped, &mut output);
        assert_eq!((refused, output), (Err(Error::EncryptedDataInvalid), vec![0; 16]));
        assert_eq!(parts(opening(&params), &[&flipped]).err(), Some(Error::EncryptedDataInvalid));
    }
    for other in [gcm(&[2; 12], b"aad", 96), gcm(&[1; 12], b"add", 96), gcm(&[1; 12], b"", 96)] {
        assert_eq!(once(opening(&other), &sealed), refused(Error::EncryptedDataInvalid));
    }
}

#[test]
fn a_truncated_ciphertext_is_refused() {
    let params = gcm(&[1; 12], b"", 128);
    let sealed = once(sealing(&params), b"message").unwrap();
    for length in 0..sealed.len() {
        let expected = if length < 16 { Error::EncryptedDataLenRange } else { Error::EncryptedDataInvalid };
        assert_eq!(once(opening(&params), &sealed[..length]), refused(expected));
        assert_eq!(parts(opening(&params), &[&sealed[..length]]), refused(expected));
    }
}

#[test]
fn decryption_in_parts_gives_nothing_before_the_end() {
    let params = gcm(&[1; 12], b"", 128);
    let sealed = once(sealing(&params), &[9; 100]).unwrap();
    let mut running = opening(&params);
    assert_eq!(running.update_len(sealed.len()), Length::Exact(0));
    assert_eq!(running.update(&sealed, &mut []), Ok(0));
    assert_eq!(running.finish_len(), Length::Exact(100));
}

#[test]
fn a_decryption_in_parts_holds_no_more_than_the_limit() {
    let params = gcm(&[1; 12], b"", 128);
    let (cipher, tag_len) = start_gcm(&key(), &params, Direction::Decrypt).unwrap();
    let mut small = Opening::new(cipher, tag_len, 20);
    assert_eq!(small.update(&[0; 20], &mut []), Ok(0));
    assert_eq!(small.update(&[0; 1], &mut []), Err(Error::EncryptedDataLenRange));
}

#[test]
fn an_empty_iv_or_an_odd_tag_length_is_a_parameter_error() {
    assert_eq!(
        encrypting(CKM_AES_GCM, &key(), &gcm(&[], b"", 128)).err(),
        Some(Error::MechanismParamInvalid)
    );
    for bits in (0..=136).filter(|bits| ![32, 64, 96, 104, 112, 120, 128].contains(bits)).chain([u64::MAX]) {
        let params = gcm(&[1; 12], b"", bits);
        assert_eq!(encrypting(CKM_AES_GCM, &key(), &params).err(), Some(Error::MechanismParamInvalid));
        assert_eq!(decrypting(CKM_AES_GCM, &key(), &params).err(), Some(Error::MechanismParamInvalid));
    }
    assert_eq!(encrypting(CKM_AES_GCM, &key(), &Params::None).err(), Some(Error::MechanismParamInvalid));
}

#[test]
fn a_wrapped_key_comes_back_and_a_changed_one_does_not() {
    let params = gcm(&[1; 12], b"name", 128);
    let mut wrapped = wrap(CKM_AES_GCM, &key(), &params, &[5; 33]).unwrap();
    assert_eq!(unwrap(CKM_AES_GCM, &key(), &params, &wrapped), Ok(vec![5; 33]));
    assert_eq!(unwrap(CKM_AES_GCM, &key(), &params, &wrapped[..15]), refused(Error::WrappedKeyLenRange));
    wrapped[40] ^= 1;
    assert_eq!(unwrap(CKM_AES_GCM, &key(), &params, &wrapped), refused(Error::WrappedKeyInvalid));
}
