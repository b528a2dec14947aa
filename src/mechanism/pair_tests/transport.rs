//! CKM_RSA_AES_KEY_WRAP and the ECDH key wraps against blobs that Python's cryptography put together from OAEP or ECDH
//! and AES-KWP; the key inside is 00 01 .. 17.

use super::curves::{montgomery, params_of, weierstrass};
use super::*;
use crate::crypto::pkcs8::{decode_private, tests::RSA};
use crate::crypto::{ec, montgomery};
use crate::error::Error;
use crate::mechanism::ec_params::Named;
use crate::mechanism::private_key_info::attributes_of;
use crate::mechanism::testing::{unhex, unwrap, wrap};

/// OAEP with SHA-256 and an AES key of 256 bits, for the RSA key of `crypto::pkcs8::tests`.
const RSA_BLOB: &str = "7edbda21707c6325f3075b7300adefd11ce207edd9ad26614fcc8b2204be6573c284ba736321df2b32fda922dfcc613a\
     14c4419860cf0f62712ea7d0c3dd190e8d76640949292d78407a44280abaeec4236bc64862435ea79b4bb21725508c9f\
     88bd37d346bb23a9c27f3010ad5d01ab8d182406008ac4804b53694aadca36463aa7dab5e56726da626e5faa5f7639c9\
     1fc121ae6a4dd4266a203cefbcd8d214";
/// A private value on P-256; for its point: a blob with CKD_SHA256_KDF, "info" and 256 bits.
const P256_VALUE: &str = "0e11b12648c454db1f2202f911cce81973d6e913a71d2f6d8fa0552f0bc24df0";
const P256_BLOB: &str = "04cfd0cfb756e55fb98c9ffa86a9d9d363e9811d2aa871c2288aba804a32aee50f70a6439129fcb1b9204b474a5848cf\
     df6e61e61070ccfcd39a46539db4d64c956c98f38e765062f3f6bdf249710f461b69029d6a052c7077f7da995193d217\
     c5";
/// A private value of X25519; for its public one: a blob with CKD_NULL and 128 bits.
const X25519_VALUE: &str = "9840d2fe0241686f21c7a977f768247e79618d02c7a74158d1fe15b641a8147c";
const X25519_BLOB: &str = "b6283b2ff3864a06340a4dbf6fabcd9802a3b4a58825d5537f6f022e7e633138042cbbc2a6ffba4df737c493f5113d32\
     20ef365856cc7d5203fbd861654728be";
/// A private value of X448; for its public one: a blob with CKD_SHA512_KDF_SP800 and 192 bits.
const X448_VALUE: &str = "6869cde003fa01fc1813ec318130b40ea6c86213b84aef37251fef63eaf7248367afddd1c7244a18764c684d1b78588b\
     d01c5451c82a89d6";
const X448_BLOB: &str = "2d01ef31b3329d0c608b5c6510aff9f8fb9b09b8d5f3ff5efbb4faebd4673f4d0ce024f6ad2a17034393a35975c2c4f5\
     17d7f3e1518dc4ae45239b06f12d2bf6834367d65bce02d1a61ecf3d99577d9b76662888f478c371";

fn inside() -> Vec<u8> {
    (0..24).collect()
}

fn curve_key(key_type: CK_KEY_TYPE, named: Named, value: &str) -> UsableKey {
    let values = [params_of(named), (CKA_VALUE, Value::Bytes(unhex(value)))];
    usable(CKO_PRIVATE_KEY, key_type, Attributes::from_iter(values))
}

fn ecdh(key_bits: u64, kdf: u64, data: &[u8]) -> Params {
    Params::EcdhAesKeyWrap { key_bits, kdf, shared_data: data.to_vec() }
}

fn rsa(key_bits: u64, hash: CK_MECHANISM_TYPE, mgf: u64) -> Params {
    let oaep = Box::new(Params::Oaep { hash, mgf, label: vec![] });
    Params::RsaAesKeyWrap { key_bits, oaep }
}

/// Every byte counts, and what is too short is told apart.
fn no_other_blob_opens(id: CK_MECHANISM_TYPE, key: &UsableKey, params: &Params, blob: &[u8], head: usize) {
    for place in [0, head / 2, head - 1, head, blob.len() - 1] {
        let mut changed = blob.to_vec();
        changed[place] ^= 1;
        assert_eq!(unwrap(id, key, params, &changed), Err(Error::WrappedKeyInvalid), "{place}");
    }
    assert_eq!(unwrap(id, key, params, &blob[..head - 1]), Err(Error::WrappedKeyLenRange));
    assert_eq!(unwrap(id, key, params, &blob[..head]), Err(Error::WrappedKeyInvalid));
}

#[test]
fn a_key_wrapped_under_rsa_and_aes_by_another_implementation_opens() {
    let key = UsableKey::unchecked(attributes_of(decode_private(&unhex(RSA.private)).unwrap()).unwrap());
    let (blob, params) = (unhex(RSA_BLOB), rsa(256, CKM_SHA256, CKG_MGF1_SHA256));
    assert_eq!(unwrap(CKM_RSA_AES_KEY_WRAP, &key, &params, &blob).unwrap(), inside());
    no_other_blob_opens(CKM_RSA_AES_KEY_WRAP, &key, &params, &blob, 128);
    // Another length, another hash: one answer, as for a damaged blob.
    for other in [rsa(128, CKM_SHA256, CKG_MGF1_SHA256), rsa(256, CKM_SHA_1, CKG_MGF1_SHA256)] {
        assert_eq!(unwrap(CKM_RSA_AES_KEY_WRAP, &key, &other, &blob), Err(Error::WrappedKeyInvalid));
    }
    for wrong in [rsa(0, CKM_SHA256, CKG_MGF1_SHA256), rsa(256, CKM_AES_CBC, CKG_MGF1_SHA256), Params::None] {
        let refused = unwrap(CKM_RSA_AES_KEY_WRAP, &key, &wrong, &blob);
        assert_eq!(refused, Err(Error::MechanismParamInvalid));
    }
}

#[test]
fn keys_wrapped_after_an_agreement_by_another_implementation_open() {
    let p256 = curve_key(CKK_EC, Named::Weierstrass(ec::Curve::P256), P256_VALUE);
    let (blob, params) = (unhex(P256_BLOB), ecdh(256, CKD_SHA256_KDF, b"info"));
    assert_eq!(unwrap(CKM_ECDH_AES_KEY_WRAP, &p256, &params, &blob).unwrap(), inside());
    no_other_blob_opens(CKM_ECDH_AES_KEY_WRAP, &p256, &params, &blob, 65);
    let other = unwrap(CKM_ECDH_AES_KEY_WRAP, &p256, &ecdh(256, CKD_SHA256_KDF, b"other"), &blob);
    assert_eq!(other, Err(Error::WrappedKeyInvalid));
    // The same point in an OCTET STRING.
    let wrapped = [&[4, 65], &blob[..]].concat();
    assert_eq!(unwrap(CKM_ECDH_COF_AES_KEY_WRAP, &p256, &params, &wrapped).unwrap(), inside());
    no_other_blob_opens(CKM_ECDH_COF_AES_KEY_WRAP, &p256, &params, &wrapped, 67);

    let x25519 = curve_key(CKK_EC_MONTGOMERY, Named::Montgomery(montgomery::Curve::X25519), X25519_VALUE);
    let x448 = curve_key(CKK_EC_MONTGOMERY, Named::Montgomery(montgomery::Curve::X448), X448_VALUE);
    let cases = [
        (&x25519, X25519_BLOB, ecdh(128, CKD_NULL, b""), 32),
        (&x448, X448_BLOB, ecdh(192, CKD_SHA512_KDF_SP800, b""), 56),
    ];
    for (key, blob, params, head) in cases {
        for id in [CKM_ECDH_X_AES_KEY_WRAP, CKM_ECDH_AES_KEY_WRAP] {
            assert_eq!(unwrap(id, key, &params, &unhex(blob)).unwrap(), inside());
            let mut changed = unhex(blob);
            changed[head + 3] ^= 1;
            assert_eq!(unwrap(id, key, &params, &changed), Err(Error::WrappedKeyInvalid));
            let small = [&vec![0; head][..], &changed[head..]].concat();
            assert_eq!(unwrap(id, key, &params, &small), Err(Error::WrappedKeyInvalid));
            assert_eq!(unwrap(id, key, &params, &changed[..head - 1]), Err(Error::WrappedKeyLenRange));
        }
    }
    for wrong in [ecdh(512, CKD_SHA256_KDF, b""), ecdh(256, 0xffff, b""), ecdh(256, CKD_NULL, b"info")] {
        let refused = unwrap(CKM_ECDH_AES_KEY_WRAP, &p256, &wrong, &blob);
        assert_eq!(refused, Err(Error::MechanismParamInvalid));
    }
}

#[test]
fn what_is_wrapped_here_opens_here() {
    let material = vec![7; 1000];
    for curve in [ec::Curve::P521, ec::Curve::BrainpoolP160t1] {
        let Pair { public, private } = weierstrass(curve);
        for id in [CKM_ECDH_AES_KEY_WRAP, CKM_ECDH_COF_AES_KEY_WRAP] {
            let params = ecdh(128, CKD_NULL, b"");
            let blob = wrap(id, &public, &params, &material).unwrap();
            assert_ne!(wrap(id, &public, &params, &material).unwrap(), blob);
            assert_eq!(unwrap(id, &private, &params, &blob).unwrap(), material);
            assert_eq!(wrap(id, &public, &params, b""), Err(Error::KeySizeRange));
        }
    }
    // The secret of this curve has 160 bits.
    let public = weierstrass(ec::Curve::BrainpoolP160t1).public;
    let long = wrap(CKM_ECDH_AES_KEY_WRAP, &public, &ecdh(256, CKD_NULL, b""), &material);
    assert_eq!(long, Err(Error::MechanismParamInvalid));
    for curve in montgomery::Curve::ALL {
        let Pair { public, private } = montgomery(*curve);
        let params = ecdh(256, CKD_SHA3_256_KDF, b"info");
        let blob = wrap(CKM_ECDH_X_AES_KEY_WRAP, &public, &params, &material).unwrap();
        assert_eq!(unwrap(CKM_ECDH_X_AES_KEY_WRAP, &private, &params, &blob).unwrap(), material);
    }
    let pair = generate(CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, &[(CKA_MODULUS_BITS, Value::Ulong(1024))]);
    let params = rsa(192, CKM_SHA3_256, CKG_MGF1_SHA3_256);
    let blob = wrap(CKM_RSA_AES_KEY_WRAP, &pair.public, &params, &material).unwrap();
    assert_eq!(unwrap(CKM_RSA_AES_KEY_WRAP, &pair.private, &params, &blob).unwrap(), material);
}
