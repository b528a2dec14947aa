use super::*;
use crate::mechanism::testing::{check_mac, mac, secret_key};

/// RFC 4231 test cases 1 to 4, 6 and 7: key, data, HMAC with SHA-224, SHA-256, SHA-384 and SHA-512.
fn rfc_4231() -> Vec<(Vec<u8>, Vec<u8>, [&'static str; 4])> {
    vec![
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            [
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ],
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            [
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ],
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            [
                "7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea",
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
                "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
                "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
            ],
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            [
                "6c11506874013cac6a2abc1bb382627cec6a90d86efc012de7afec5a",
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
                "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
            ],
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            [
                "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ],
        ),
        (
            vec![0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. \
              The key needs to be hashed before being used by the HMAC algorithm."
                .to_vec(),
            [
                "3a854166ac5d9f023f54d517d0b39dbd946770db9c2b95c9f6f565d1",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
                "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
                "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
            ],
        ),
    ]
}

#[test]
fn hmac_gives_the_vectors_of_rfc_4231() {
    let ids = [CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC];
    for (value, data, expected) in rfc_4231() {
        let key = secret_key(CKK_GENERIC_SECRET, &value);
        for (id, expected) in ids.into_iter().zip(expected) {
            let mac = mac(id, &key, &Params::None, &[&data]).unwrap();
            assert_eq!(hex::encode(&mac), expected);
            assert_eq!(check_mac(id, &key, &Params::None, &data, &mac), Ok(()));
        }
    }
}

/// RFC 4231 test case 5: truncation to 128 bits.
#[test]
fn a_shorter_hmac_is_the_front_of_the_full_one() {
    let key = secret_key(CKK_GENERIC_SECRET, &[0x0c; 20]);
    let data = b"Test With Truncation".as_slice();
    for (id, expected) in [
        (CKM_SHA224_HMAC_GENERAL, "0e2aea68a90c8d37c988bcdb9fca6fa8"),
        (CKM_SHA256_HMAC_GENERAL, "a3b6167473100ee06e0c796c2955552b"),
        (CKM_SHA384_HMAC_GENERAL, "3abf34c3503b2a23a46efc619baef897"),
        (CKM_SHA512_HMAC_GENERAL, "415fad6271580a531d4179bc891d87a6"),
    ] {
        let mac = mac(id, &key, &Params::MacGeneral(16), &[data]).unwrap();
        assert_eq!(hex::encode(&mac), expected);
        assert_eq!(check_mac(id, &key, &Params::MacGeneral(16), data, &mac), Ok(()));
    }
}

/// RFC 2202 section 3, test cases 1, 2, 6 and 7.
#[test]
fn hmac_sha_1_gives_the_vectors_of_rfc_2202() {
    for (value, data, expected) in [
        (vec![0x0b; 20], b"Hi There".to_vec(), "b617318655057264e28bc0b6fb378c8ef146be00"),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            vec![0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        ),
        (
            vec![0xaa; 80],
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data".to_vec(),
            "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
        ),
    ] {
        let key = secret_key(CKK_SHA_1_HMAC, &value);
        assert_eq!(hex::encode(mac(CKM_SHA_1_HMAC, &key, &Params::None, &[&data]).unwrap()), expected);
    }
}

/// RFC 2202 section 2, test cases 1, 2, 6 and 7.
#[test]
fn hmac_md5_gives_the_vectors_of_rfc_2202() {
    for (value, data, expected) in [
        (vec![0x0b; 16], &b"Hi There"[..], "9294727a3638bb1c13f48ef8158bfc9d"),
        (b"Jefe".to_vec(), b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
        (
            vec![0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
        ),
        (
            vec![0xaa; 80],
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
            "6f630fad67cda0ee1fb1f562db3aa53e",
        ),
    ] {
        let key = secret_key(CKK_MD5_HMAC, &value);
        assert_eq!(hex::encode(mac(CKM_MD5_HMAC, &key, &Params::None, &[data]).unwrap()), expected);
    }
}

/// NIST's examples with intermediate values for HMAC_SHA3, sample 1 of each.
#[test]
fn hmac_sha_3_gives_the_examples_of_nist() {
    for (id, length, expected) in [
        (CKM_SHA3_224_HMAC, 28, "332cfd59347fdb8e576e77260be4aba2d6dc53117b3bfb52c6d18c04"),
        (CKM_SHA3_256_HMAC, 32, "4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205"),
        (
            CKM_SHA3_384_HMAC,
            48,
            "d588a3c51f3f2d906e8298c1199aa8ff6296218127f6b38a90b6afe2c5617725bc99987f79b22a557b6520db710b7f42",
        ),
        (
            CKM_SHA3_512_HMAC,
            64,
            "4efd629d6c71bf86162658f29943b1c308ce27cdfa6db0d9c3ce81763f9cbce5\
             f7ebe9868031db1a8f8eb7b6b95e5c5e3f657a8996c86a2f6527e307f0213196",
        ),
    ] {
        let key = secret_key(CKK_GENERIC_SECRET, &(0..length).collect::<Vec<u8>>());
        let data = b"Sample message for keylen<blocklen".as_slice();
        assert_eq!(hex::encode(mac(id, &key, &Params::None, &[data]).unwrap()), expected);
    }
}

#[test]
fn an_empty_hmac_key_and_empty_data_work() {
    let key = secret_key(CKK_GENERIC_SECRET, &[]);
    let mac = mac(CKM_SHA256_HMAC, &key, &Params::None, &[]).unwrap();
    assert_eq!(hex::encode(mac), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
