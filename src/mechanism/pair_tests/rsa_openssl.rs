//! RSA signatures of "message" that OpenSSL made with the key of `crypto::pkcs8::tests`, through the rows.

use super::*;
use crate::crypto::pkcs8::{decode_private, decode_public, tests::RSA};
use crate::error::Error;
use crate::mechanism::private_key_info::{attributes_of, public_attributes_of};
use crate::mechanism::testing::unhex;

fn pair() -> Pair {
    let public = public_attributes_of(decode_public(&unhex(RSA.public)).unwrap()).unwrap();
    let private = attributes_of(decode_private(&unhex(RSA.private)).unwrap()).unwrap();
    Pair { public: UsableKey::unchecked(public), private: UsableKey::unchecked(private) }
}

/// PKCS #1 v1.5: there is one signature only.
const PKCS1: &[(CK_MECHANISM_TYPE, &str)] = &[
    (
        CKM_MD5_RSA_PKCS,
        "a4c3e75b0d115745046f998d8e2081a229dd1dd406d444e275b0922b7cdf2a90e571426b5f628172e03de9db63b9cfb9868f\
     ce8833be3d573a2bdb236232c722063e26a2f86b92612ea6cb9b9906561ad8851dbe0c32d55b87d5cc7a153b8d1bdcd30a8a\
     e11fa0b484e62c4f2e041f806dee3d32e9b05ce3803217455c2d7337",
    ),
    (
        CKM_SHA3_224_RSA_PKCS,
        "0d3dbecafb135954027c7fce543b9ffe4639a5f05dc0de704144ff2850473576bdb9dfa1431292bb87b91d79d357c41a28fe\
     466424736e8b4fe557964653b55671a13c30a3c8ddc714c02e8b574668a042adc2e9eb21f8dc6eda3269c542afa507fdfb29\
     081bebd840263dcfda54ca038275085f7a0f8d0a88a2936b93b23b08",
    ),
    (
        CKM_SHA3_256_RSA_PKCS,
        "0bb4493ac393551bca8cd59f10b061cd6bed4ef9c6e277621e353b439467617b17a4dcd3d8090e57be9ff46499f1c0e3b4d3\
     84c133932617bfe41c18acaea616bb2194392c720e82fd9b3cf5474a65be234b2cac02fb0c2668b677d48cef8f9120bc27c0\
     0745781c680d0bdcf9113c4f7d9c8f07ba4223a718f84e7801d7e3fa",
    ),
    (
        CKM_SHA3_384_RSA_PKCS,
        "461e295cbe3eb55e4274ed1cd8ca5237a11808455c432e413c66f8f9e154b1f10f2e0a8c84113f05bcc5159b3360d6aefceb\
     c3211648ce8dde157269f13ad4a5b78c930eacf57f6db73e20f0e202ad0472d675ca4c258570d0b734412a542b3051a29e69\
     5fe11b825381aa0ccae113073b59a69eda7363f33e78e8e05d497738",
    ),
    (
        CKM_SHA3_512_RSA_PKCS,
        "487d7de4aebf3ab3681fe2d1beacee890772f63ed698d50625ce1146bb3409ee069e89d43d8a90c02ac2f71cf365caa4b35e\
     5c2f5649fe59dbdea9800fac15e2bc5550a7b8319430b2cb67bf237a00a32a1560a4c1cbe6ae4a32fafe46719e61d1c427d7\
     af770e7b5489962f276f29a1dfaf7a9280d1214d8d82492e7e15357d",
    ),
];

/// PSS with a salt of 20 bytes: mechanism, hash, mask, signature.
const PSS: &[(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, u64, &str)] = &[
    (
        CKM_SHA3_224_RSA_PKCS_PSS,
        CKM_SHA3_224,
        CKG_MGF1_SHA3_224,
        "92bdb0a57d8652e14cae18255effe6c8e071d3223799991a3f223a07778bfcecad633ebd06377619e076fe9d8c2a6a4777d4\
     80c2cb0db19e797bebc5dcfe1364908245b5d5699fe5212049f0923d9a6a45e93429157face9935a9293cc6812a394b8c39c\
     5699110843054e1a97d5eabbee0b5020683cbbb4a364f2984cfda666",
    ),
    (
        CKM_SHA3_256_RSA_PKCS_PSS,
        CKM_SHA3_256,
        CKG_MGF1_SHA3_256,
        "18dd67ecb3c24793368020bfc0207779ee2f9a678cf1d96d2a61b0c51872b041aa0b24e1de1c20c7bd6ae410d738ca0840df\
     428dbf2b1cd27f57b4f8fe496c4397e73365d7c9be9bbc61de051679ce6eaf1197f08b37a197ae3f1469ef2089377d8910b0\
     c71d5f6f85cf5ffbefc799cc2707c1bb86c9ac372e4e24782261fe77",
    ),
    (
        CKM_SHA3_384_RSA_PKCS_PSS,
        CKM_SHA3_384,
        CKG_MGF1_SHA3_384,
        "6a73cdf0ad8a67b0faed57292fdf3f1529738053605a806d4114cb4a3e050ba504ed0bc1a45d10f2307cee0acfbeabc9427d\
     b8d7e466823a8875bb4c37f5de05cbff3cee039da953918b6adfa7c492e308c43364bc2512b4d030853dfc7c6165968dd2f9\
     84abbd415714bf2c3ee2581b8926490d4e527e6a849cc98d93d8900c",
    ),
    (
        CKM_SHA3_512_RSA_PKCS_PSS,
        CKM_SHA3_512,
        CKG_MGF1_SHA3_512,
        "59fae585ad6fbdead007f1cf51b38466cdffc30bcee17bd47ff5c17fdfcaa1da5f22dd71b799d3b50d091454d21a20ae255e\
     9f8a9ddf875df79cfd84359fd6808a9ec911609a0d6726f72c12dfacb88e18bcd4119ccc4d792211ed26c6280f992dbee0ac\
     04d6812d452fa939873b739446933c907b10424634f9b5b2819b53a1",
    ),
];

#[test]
fn pkcs1_signatures_are_those_of_openssl() {
    let Pair { public, private } = pair();
    for (id, signature) in PKCS1 {
        let mut signature = unhex(signature);
        assert_eq!(sign(*id, &private, &Params::None, b"message").unwrap(), signature);
        verify(*id, &public, &Params::None, b"message", &signature).unwrap();
        signature[60] ^= 1;
        let wrong = verify(*id, &public, &Params::None, b"message", &signature);
        assert_eq!(wrong, Err(Error::SignatureInvalid));
    }
}

#[test]
fn pss_signatures_of_openssl_verify() {
    let Pair { public, .. } = pair();
    for (id, hash, mgf, signature) in PSS {
        let params = Params::Pss { hash: *hash, mgf: *mgf, salt_len: 20 };
        let mut signature = unhex(signature);
        verify(*id, &public, &params, b"message", &signature).unwrap();
        signature[60] ^= 1;
        assert_eq!(verify(*id, &public, &params, b"message", &signature), Err(Error::SignatureInvalid));
    }
}
