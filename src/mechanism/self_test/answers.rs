//! The known answers, one row an algorithm. They were made with OpenSSL and Python (ML-DSA, ML-KEM: dilithium-py, kyber-py) from keys of the standards: the AES key of
//! SP 800-38A, the P-256 key of RFC 6979 (appendix A.2.5) and the Ed25519 key of RFC 8032 (section 7.1, test 2). The
//! digests of "abc" are those of FIPS 180-4 and FIPS 202.

use crate::ck::*;
use crate::crypto::random;
use crate::error::Result;
use crate::object::Value;

use super::super::Params;
use super::SelfTest;
use super::check::{
    bytes, cipher, decapsulates, derives, digest, hex, mac, opens, pair_agrees, secret, signs, signs_to,
    verifies,
};

#[rustfmt::skip]
pub(super) static TESTS: [SelfTest; 28] = [
    SelfTest::new("MD5", &["MD5"], || digest(CKM_MD5, "900150983cd24fb0d6963f7d28e17f72")),
    SelfTest::new("SHA-1", &["SHA_1", "SHA1"], || digest(CKM_SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d")),
    SelfTest::new("SHA-224", &["SHA224"], || digest(CKM_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")),
    SelfTest::new("SHA-256", &["SHA256"], || digest(CKM_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
    SelfTest::new("SHA-384", &["SHA384"], || digest(CKM_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7")),
    SelfTest::new("SHA-512", &["SHA512"], || digest(CKM_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")),
    SelfTest::new("SHA-512/224", &["SHA512_224"], || digest(CKM_SHA512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa")),
    SelfTest::new("SHA-512/256", &["SHA512_256"], || digest(CKM_SHA512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")),
    SelfTest::new("SHA3-256", &["SHA3_", "SHAKE"], || digest(CKM_SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")),
    SelfTest::new("SHA3-512", &["SHA3_512"], || digest(CKM_SHA3_512, "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0")),
    SelfTest::new("BLAKE2b", &["BLAKE2B"], || digest(CKM_BLAKE2B_256, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")),
    SelfTest::new("HMAC", &["HMAC", "HOTP", "HKDF", "PBKD2", "SP800_108", "TLS", "IKE"], || mac(CKM_SHA256_HMAC, CKK_GENERIC_SECRET, KEY, &Params::None, "a8bb9c7b5472df8334fd3c58cd61b39f6cd2d7ef4637e30481847f2e04446de0")),
    SelfTest::new("AES", &["AES"], || cipher(CKM_AES_ECB, CKK_AES, KEY, &Params::None, PLAIN, "61b7dd4882e7e3bfc7d4434f3cea61df")),
    SelfTest::new("AES-CBC", &["AES_CBC", "AES_CTS"], || cipher(CKM_AES_CBC, CKK_AES, KEY, &Params::Bytes(hex(IV)?), PLAIN, "940919324e15bbb84c7cf77dbc110a7c")),
    SelfTest::new("AES-GCM", &["AES_GCM", "AES_GMAC"], || cipher(CKM_AES_GCM, CKK_AES, KEY, &gcm()?, PLAIN, "3aad5832dd0ee92a89b27feacfe7dbe72bdb3b257c7e42d4b0415c2fba63c675")),
    SelfTest::new("AES-CMAC", &["AES_CMAC", "SP800_108"], || mac(CKM_AES_CMAC, CKK_AES, KEY, &Params::None, "be6860f88601597b647dc5b2a07fc0ad")),
    SelfTest::new("AES key wrap", &["KEY_WRAP"], || cipher(CKM_AES_KEY_WRAP, CKK_AES, KEY, &Params::None, PLAIN, "318de7f5f13c3968436dda21a6b7f724bdb72c7e182a5ddd")),
    SelfTest::new("Triple DES", &["DES"], || cipher(CKM_DES3_ECB, CKK_DES3, DES_KEY, &Params::None, PLAIN, "26dd04fa6b92e8513a17869dbda22005")),
    SelfTest::new("RSA signature", &["RSA"], || Ok(signs(CKM_SHA256_RSA_PKCS, CKK_RSA, &rsa_private()?, &Params::None, RSA_SIGNATURE)? && verifies(CKM_SHA256_RSA_PKCS, CKK_RSA, &rsa_public()?, &Params::None, RSA_SIGNATURE)?)),
    SelfTest::new("RSA decryption", &["OAEP", "RSA_AES_KEY_WRAP"], || opens(CKM_RSA_PKCS_OAEP, CKK_RSA, &rsa_private()?, &oaep(), OAEP_CIPHERTEXT, b"abc")),
    SelfTest::new("ECDSA", &["ECDSA", "EC_KEY_PAIR_GEN"], || Ok(verifies(CKM_ECDSA_SHA256, CKK_EC, &p256_public()?, &Params::None, "6ad8830cda6a7bae3f4e3fc3b69945add37193ec7373ded1f10a2112cc69ec15aa23c09048d41b41b18c3bd5bd36a8dcfc41c7dc3dd9cd1f2e6486baa2af29c6")? && pair_agrees(CKM_ECDSA_SHA256, CKK_EC, &p256_private()?, &p256_public()?, &Params::None)?)),
    SelfTest::new("ECDH", &["ECDH"], || derives(CKM_ECDH1_DERIVE, CKO_PRIVATE_KEY, CKK_EC, &p256_private()?, &agreement(P256_POINT)?, "2388ee990c93c4bb757203225b7786d69950d2f0de43cdf23dc71f5efaa169c8")),
    SelfTest::new("EdDSA", &["EDDSA", "EDWARDS"], || Ok(signs(CKM_EDDSA, CKK_EC_EDWARDS, &ed25519_private()?, &Params::None, ED25519_SIGNATURE)? && verifies(CKM_EDDSA, CKK_EC_EDWARDS, &ed25519_public()?, &Params::None, ED25519_SIGNATURE)?)),
    SelfTest::new("X25519", &["MONTGOMERY", "ECDH1_DERIVE"], || derives(CKM_ECDH1_DERIVE, CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY, &x25519_private()?, &agreement("b6c6192e66300f4bbb4e3d870bfd02e416154ebb06661a70a84ea376244b3c20")?, "83f10f5f913264c1ef775297174641d99ddac691105ed54152c0e0957d86a65f")),
    SelfTest::new("ML-DSA", &["ML_DSA"], || signs_to(CKM_ML_DSA, CKK_ML_DSA, &ml_dsa_private()?, &deterministic(), "9c2afc5db0e15c199977be79eaee52ca0b538a1b6f8039dcac032a06120cfa87")),
    // The answer to a ciphertext of zeros is the one of implicit rejection: SHAKE256 of z and the ciphertext.
    SelfTest::new("ML-KEM", &["ML_KEM"], || decapsulates(CKM_ML_KEM, CKK_ML_KEM, &ml_kem_private()?, &[0; 768], "fc3ccf20a37dd91d9f511da5e6cb92039b1414db5b0880741178ccfb143212ff")),
    SelfTest::new("SLH-DSA", &["SLH_DSA"], || signs_to(CKM_SLH_DSA, CKK_SLH_DSA, &slh_dsa_private()?, &deterministic(), "8876947557cbaed2fe32b5ce1dfe43e77ab8ddcf591fe7afc20c26a52f0ba98e")),
    SelfTest::new("random numbers", &["KEY_GEN", "PAIR_GEN"], || Ok(random::secret(32)? != random::secret(32)?)),
];

pub(super) const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
pub(super) const IV: &str = "000102030405060708090a0b0c0d0e0f";
/// "abcdefghijklmnop".
pub(super) const PLAIN: &str = "6162636465666768696a6b6c6d6e6f70";
pub(super) const DES_KEY: &str = "0123456789abcdef23456789abcdef01456789abcdef0123";

const RSA_MODULUS: &str = "ca05c7a26031e7783d9b81043ade213632c54e52284c799f5a60a3c753c59a407eb39c00b785fdb38f2071573c1c4fc73307cdc44db33c68b4c92bf5f8aa7d3b518285ad0951c420eddd125c78ec4816897a129b5cad5efd2531e979add9e67ec2fde1dc254b39fff458885af405046dbd3b20ba45d5fc52fd67a47f128636e9";
const RSA_PRIVATE_EXPONENT: &str = "b96b7aa28ef5dec45e8f3668227bb431e181747435a6934e6e0e1ae41d0055a67263f98032f1593c8fd63010e80bf83115a648f6ae761eb0df9570b2ceebf409756d637a76a542ea3d6b9883a31f5272f46e348bbcaa3c64d0b690212c0ae46a4126a42a74c472d8e3afddc2d07dc65db3e650b9658bf98158a99477d6a42b8d";
const RSA_SIGNATURE: &str = "5325d1abf6f34832b8a1e35902ff99dbd7b3f8d527c2c51449c5dbd83b2b8d3758863a661f276708c47d570e72a0c1a60c12e1c2ef21d2b838550f6d3bbbc1265856ffe4ce729973e89cf4d424a3a6cb015d728a24632604ad9fd525bc3a2003160611ee7e41ba0630cde4716dfd0ac0d8d1746096477b2220a6cc6d6039205e";
const OAEP_CIPHERTEXT: &str = "c684bc650058527b2f322507a3de231bc0bd85002a798a0311166dbb097b1438d5495d4266c6c8b120b4d5eb782f3070ccdc8c697551a19f6c11cc823a7d99660405af9ecf88185e22df28632bb29329aebc390d5e319d23adbbfb4df77c6bc8f001ba0bcee7598c90c2e3d91eade6e4b3f252f13a9e5503d53f140fa49d52d0";

const P256: &str = "06082a8648ce3d030107";
const P256_VALUE: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const P256_POINT: &str = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

const ED25519: &str = "06032b6570";
const X25519: &str = "06032b656e";
pub(super) const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const ED25519_POINT: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const ED25519_SIGNATURE: &str = "a377ba06339de184aa1a88b883d8558b704b96f7e4b2ac3e7984fc297e9549bd4ee1bcbb72553fc768400ec2395a702311e7aed969a713387b3377855a537701";

pub(super) type Values = Vec<(CK_ATTRIBUTE_TYPE, Value)>;

pub(super) fn rsa_public() -> Result<Values> {
    Ok(vec![(CKA_MODULUS, bytes(RSA_MODULUS)?), (CKA_PUBLIC_EXPONENT, bytes("010001")?)])
}

pub(super) fn rsa_private() -> Result<Values> {
    let mut values = rsa_public()?;
    values.push((CKA_PRIVATE_EXPONENT, secret(RSA_PRIVATE_EXPONENT)?));
    Ok(values)
}

fn p256_public() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(P256)?), (CKA_EC_POINT, bytes(&["0441", P256_POINT].concat())?)])
}

fn p256_private() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(P256)?), (CKA_VALUE, secret(P256_VALUE)?)])
}

fn ed25519_public() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(ED25519)?), (CKA_EC_POINT, bytes(&["0420", ED25519_POINT].concat())?)])
}

fn ed25519_private() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(ED25519)?), (CKA_VALUE, secret(SEED)?)])
}

fn x25519_private() -> Result<Values> {
    Ok(vec![(CKA_EC_PARAMS, bytes(X25519)?), (CKA_VALUE, secret(SEED)?)])
}

/// ML-DSA-44 from the seed 00 01 02 … 1f.
fn ml_dsa_private() -> Result<Values> {
    let seed = secret("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")?;
    Ok(vec![(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_DSA_44)), (CKA_SEED, seed)])
}

/// ML-KEM-512 from the seed 00 01 02 … 3f.
fn ml_kem_private() -> Result<Values> {
    let seed = secret(
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
         202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
    )?;
    Ok(vec![(CKA_PARAMETER_SET, Value::Ulong(CKP_ML_KEM_512)), (CKA_SEED, seed)])
}

fn deterministic() -> Params {
    Params::SignContext { hedge: CKH_DETERMINISTIC_REQUIRED, context: Vec::new(), hash: None }
}

pub(super) fn agreement(point: &str) -> Result<Params> {
    Ok(Params::Ecdh1 { kdf: CKD_NULL, shared_data: Vec::new(), public_data: hex(point)? })
}

fn gcm() -> Result<Params> {
    Ok(Params::Gcm { iv: hex("000102030405060708090a0b")?, aad: b"aad".to_vec(), tag_bits: 128 })
}

fn oaep() -> Params {
    Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() }
}

/// The key of SLH-DSA-SHA2-128f in the first answer of the reference implementation.
fn slh_dsa_private() -> Result<[(CK_ATTRIBUTE_TYPE, Value); 2]> {
    let value = "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2db505d7cfad1b497499323c8686325e47fdf7400ab7a5d8c7aba7350ac4092add";
    Ok([(CKA_PARAMETER_SET, Value::Ulong(CKP_SLH_DSA_SHA2_128F)), (CKA_VALUE, secret(value)?)])
}
