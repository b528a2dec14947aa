use super::*;
use crate::mechanism::testing::{check_mac, mac, secret_key, unhex};

/// SP 800-38B appendices D.4 (three keys) and D.5 (two keys): 0, 8, 20 and 32 bytes.
#[test]
fn cmac_gives_the_vectors_of_sp_800_38b() {
    let message = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    for (key_type, value, expected) in [
        (
            CKK_DES3,
            "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
            ["b7a688e122ffaf95", "8e8f293136283797", "743ddbe0ce2dc2ed", "33e6b1092400eae5"],
        ),
        (
            CKK_DES2,
            "4cf15134a2850dd58a3d10ba80570d38",
            ["bd2ebf9a3ba00361", "4ff2ab813c53ce83", "62dd1b471902bd4e", "31b1e431dabc4eb8"],
        ),
    ] {
        let key = secret_key(key_type, &unhex(value));
        for (length, expected) in [0, 8, 20, 32].into_iter().zip(expected) {
            let data = &message[..length];
            let whole = mac(CKM_DES3_CMAC, &key, &Params::None, &[data]).unwrap();
            assert_eq!(hex::encode(&whole), expected);
            assert_eq!(check_mac(CKM_DES3_CMAC, &key, &Params::None, data, &whole), Ok(()));
            let front = mac(CKM_DES3_CMAC_GENERAL, &key, &Params::MacGeneral(5), &[data]).unwrap();
            assert_eq!(front, whole[..5]);
        }
    }
}

/// FIPS 113 appendix 2. The same key three times makes Triple DES the single one.
#[test]
fn cbc_mac_gives_the_example_of_fips_113() {
    let (value, data) = (unhex("0123456789abcdef"), b"7654321 Now is the time for ".as_slice());
    for (key, half, general) in [
        (secret_key(CKK_DES, &value), CKM_DES_MAC, CKM_DES_MAC_GENERAL),
        (secret_key(CKK_DES3, &value.repeat(3)), CKM_DES3_MAC, CKM_DES3_MAC_GENERAL),
    ] {
        let front = mac(half, &key, &Params::None, &[data]).unwrap();
        assert_eq!(hex::encode(&front), "f1d30f68");
        assert_eq!(check_mac(half, &key, &Params::None, data, &front), Ok(()));
        let whole = mac(general, &key, &Params::MacGeneral(8), &[data]).unwrap();
        assert_eq!(hex::encode(whole), "f1d30f6849312ca4");
    }
}
