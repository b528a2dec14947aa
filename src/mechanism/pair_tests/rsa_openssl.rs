//! RSA signatures of "message" that OpenSSL made with the key of `crypto::pkcs8::tests`, through the rows.

use super::*;
use crate::crypto::digest::Hash;
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

/// X9.31: hash, its identifier, signature.
const X9_31: &[(Hash, u8, &str)] = &[
    (
        Hash::Sha1,
        0x33,
        "0bd96712690c3572e64e3bb0d76f3d14cd94eaab3fc83796d7c9a0959e28e40412841628f367642f3e7ad2b50e53dc65\
     dcd06059cef9c08ad2a2d4b761178ea0f6130dd7ab33404ffa417e4af1d46aab139e7f1d5fcf67805da1dc70fe4d83f7\
     2b09e23b0472e0ce71d9eec3129e4a2c5a85eedc9352f5968221135d80693340",
    ),
    (
        Hash::Sha256,
        0x34,
        "3e3704ddafb7c3511a0bcd47ef3eefdfaf8434bfed297ac9ab18a75db744572fff2650a73f00ae59c41c1f574262c3d1\
     5c8b618c15c2f717f4c407ef73fed7f767a8727f99a7e920a1450714f8663dd068af118a459b7d43c083103fdac95bc6\
     30e29a68636b6613433271ea212d178246db86aa7447d88d4dcc26c5c68b0278",
    ),
    (
        Hash::Sha512,
        0x35,
        "073d65f9cca61ba47c5b0c2f84b2fb68b482f8870208a05c1b01b0bce5703b5dcb3e7725619489f524e1766796562929\
     ed938dc5f26cfb7ed521d3b8f3afb31fee56e0c55c51f3bca3d0546dc7b1617fb690b322e89586eb8dbc97d8bf5e0542\
     6b3d54f815c9fcc5bfe205491724a195680ae69738dc6b0a127e63f01447eeb0",
    ),
];

#[test]
fn x9_31_signatures_are_those_of_openssl() {
    let Pair { public, private } = pair();
    let none = Params::None;
    for (hash, identifier, signature) in X9_31 {
        let mut data = hash.digest(b"message").unwrap().as_bytes().to_vec();
        data.push(*identifier);
        let mut signature = unhex(signature);
        assert_eq!(sign(CKM_RSA_X9_31, &private, &none, &data).unwrap(), signature);
        verify(CKM_RSA_X9_31, &public, &none, &data, &signature).unwrap();
        if *hash == Hash::Sha1 {
            assert_eq!(sign(CKM_SHA1_RSA_X9_31, &private, &none, b"message").unwrap(), signature);
            verify(CKM_SHA1_RSA_X9_31, &public, &none, b"message", &signature).unwrap();
            let wrong = verify(CKM_SHA1_RSA_X9_31, &public, &none, b"massage", &signature);
            assert_eq!(wrong, Err(Error::SignatureInvalid));
        }
        let short = verify(CKM_RSA_X9_31, &public, &none, &data, &signature[1..]);
        assert_eq!(short, Err(Error::SignatureLenRange));
        signature[60] ^= 1;
        assert_eq!(verify(CKM_RSA_X9_31, &public, &none, &data, &signature), Err(Error::SignatureInvalid));
    }
    // The block without a byte between, and one byte more than there is room.
    let most = vec![5; 126];
    let signature = sign(CKM_RSA_X9_31, &private, &none, &most).unwrap();
    verify(CKM_RSA_X9_31, &public, &none, &most, &signature).unwrap();
    assert_eq!(sign(CKM_RSA_X9_31, &private, &none, &[5; 127]), Err(Error::DataLenRange));
}

#[test]
fn the_larger_root_is_no_x9_31_signature() {
    let Pair { public, private } = pair();
    let signature = sign(CKM_SHA1_RSA_X9_31, &private, &Params::None, b"message").unwrap();
    let modulus = public.object().bytes(CKA_MODULUS).unwrap();
    // modulus - signature, byte by byte.
    let (mut larger, mut borrow) = (signature.clone(), 0);
    for (place, whole) in larger.iter_mut().zip(modulus).rev() {
        let difference = i16::from(*whole) - i16::from(*place) - borrow;
        borrow = i16::from(difference < 0);
        *place = difference.rem_euclid(256) as u8;
    }
    let wrong = verify(CKM_SHA1_RSA_X9_31, &public, &Params::None, b"message", &larger);
    assert_eq!(wrong, Err(Error::SignatureInvalid));
}
