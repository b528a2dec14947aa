use super::*;
use crate::mechanism::testing::{check_mac, mac, secret_key, unhex};

/// RFC 4493 section 4 (AES-128) and SP 800-38B appendix D (AES-192, AES-256): 0, 16, 40 and 64 bytes.
#[test]
fn cmac_gives_the_vectors_of_sp_800_38b() {
    let message = unhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    for (value, expected) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            [
                "bb1d6929e95937287fa37d129b756746",
                "070a16b46b4d4144f79bdd9dd04a287c",
                "dfa66747de9ae63030ca32611497c827",
                "51f0bebf7e3b9d92fc49741779363cfe",
            ],
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            [
                "d17ddf46adaacde531cac483de7a9367",
                "9e99a7bf31e710900662f65e617c5184",
                "8a1de5be2eb31aad089a82e6ee908b0e",
                "a1d5df0eed790f794d77589659f39a11",
            ],
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            [
                "028962f61b7bf89efc6b551f4667d983",
                "28a7023f452e8f82bd4bf28d8c37c35c",
                "aaf3d8f1de5640c232f5b169b9c911e6",
                "e1992190549f6ed5696a2c056c315410",
            ],
        ),
    ] {
        let key = secret_key(CKK_AES, &unhex(value));
        for (length, expected) in [0, 16, 40, 64].into_iter().zip(expected) {
            let mac = mac(CKM_AES_CMAC, &key, &Params::None, &[&message[..length]]).unwrap();
            assert_eq!(hex::encode(&mac), expected);
            assert_eq!(check_mac(CKM_AES_CMAC, &key, &Params::None, &message[..length], &mac), Ok(()));
        }
    }
}

/// RFC 3566 section 4.6, all seven test cases.
#[test]
fn xcbc_gives_the_vectors_of_rfc_3566() {
    let key = secret_key(CKK_AES, &(0..16).collect::<Vec<u8>>());
    let counting: Vec<u8> = (0..34).collect();
    for (data, expected) in [
        (&counting[..0], "75f0251d528ac01c4573dfd584d79f29"),
        (&counting[..3], "5b376580ae2f19afe7219ceef172756f"),
        (&counting[..16], "d2a246fa349b68a79998a4394ff7a263"),
        (&counting[..20], "47f51b4564966215b8985c63055ed308"),
        (&counting[..32], "f54f0ec8d2b9f3d36807734bd5283fd4"),
        (&counting[..34], "becbb3bccdb518a30677d5481fb6b4d8"),
        (&[0; 1000], "f0dafee895db30253761103b5d84528f"),
    ] {
        let whole = mac(CKM_AES_XCBC_MAC, &key, &Params::None, &[data]).unwrap();
        assert_eq!(hex::encode(&whole), expected);
        assert_eq!(mac(CKM_AES_XCBC_MAC_96, &key, &Params::None, &[data]).unwrap(), whole[..12]);
        assert_eq!(check_mac(CKM_AES_XCBC_MAC_96, &key, &Params::None, data, &whole[..12]), Ok(()));
    }
}

#[test]
fn xcbc_has_no_keys_but_those_of_128_bits() {
    for length in [24, 32] {
        let key = secret_key(CKK_AES, &vec![0; length]);
        let refused = mac(CKM_AES_XCBC_MAC, &key, &Params::None, &[]);
        assert_eq!(refused.err(), Some(Error::KeySizeRange));
    }
}

fn gcm(iv: &str, aad: &[u8], tag_bits: u64) -> Params {
    Params::Gcm { iv: unhex(iv), aad: aad.to_vec(), tag_bits }
}

/// A vector without plaintext of NIST's gcmEncryptExtIV128 (CAVP), and test case 1 of the GCM specification.
#[test]
fn gmac_gives_the_vectors_of_nist() {
    for (value, iv, data, expected) in [
        (
            "77be63708971c4e240d1cb79e8d77feb",
            "e0e00f19fed7ba0136a797f3",
            "7a43ec1d9c0a5a78a0b16533a6213cab",
            "209fcc8d3675ed938e9c7166709dd946",
        ),
        (
            "00000000000000000000000000000000",
            "000000000000000000000000",
            "",
            "58e2fccefa7e3061367f1d57a4e7455a",
        ),
    ] {
        let (key, data) = (secret_key(CKK_AES, &unhex(value)), unhex(data));
        let whole = mac(CKM_AES_GMAC, &key, &gcm(iv, b"", 128), &[&data]).unwrap();
        assert_eq!(hex::encode(&whole), expected);
        assert_eq!(mac(CKM_AES_GMAC, &key, &gcm(iv, b"", 96), &[&data]).unwrap(), whole[..12]);
        assert_eq!(check_mac(CKM_AES_GMAC, &key, &gcm(iv, b"", 128), &data, &whole), Ok(()));
    }
}

#[test]
fn gmac_takes_its_data_from_the_operation_an_iv_and_a_tag_length_of_gcm() {
    let key = secret_key(CKK_AES, &[1; 16]);
    for wrong in
        [gcm("00", b"data", 128), gcm("", b"", 128), gcm("00", b"", 127), gcm("00", b"", 0), Params::None]
    {
        let refused = mac(CKM_AES_GMAC, &key, &wrong, &[b"data"]);
        assert_eq!(refused.err(), Some(Error::MechanismParamInvalid), "{wrong:?}");
    }
}

/// SP 800-38A F.2.1 (CBC-AES128): its last block is the CBC-MAC of the plaintext with the IV added to the first block.
#[test]
fn cbc_mac_is_the_last_block_of_cbc() {
    let mut data = unhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    data.iter_mut().zip(0..16).for_each(|(byte, iv)| *byte ^= iv);
    let key = secret_key(CKK_AES, &unhex("2b7e151628aed2a6abf7158809cf4f3c"));
    let half = mac(CKM_AES_MAC, &key, &Params::None, &[&data]).unwrap();
    assert_eq!(hex::encode(&half), "3ff1caa1681fac09");
    let whole = mac(CKM_AES_MAC_GENERAL, &key, &Params::MacGeneral(16), &[&data]).unwrap();
    assert_eq!(hex::encode(whole), "3ff1caa1681fac09120eca307586e1a7");
    assert_eq!(check_mac(CKM_AES_MAC, &key, &Params::None, &data, &half), Ok(()));
}

#[test]
fn cbc_mac_pads_with_zeros() {
    let key = secret_key(CKK_AES, &[5; 32]);
    let of = |data: &[u8]| mac(CKM_AES_MAC, &key, &Params::None, &[data]).unwrap();
    assert_eq!(of(b"abc"), of(b"abc\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_eq!(of(b""), of(&[0; 16]));
    assert_ne!(of(&[7; 16]), of(&[7; 17]));
}
