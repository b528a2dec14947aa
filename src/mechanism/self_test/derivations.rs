//! The known answers of key derivations, one row an algorithm: HKDF of RFC 5869, appendix A.1; PBKDF2 of RFC 6070; the
//! method of PKCS #12 and the components of SP 800-108 and SP 800-135 with published values.

use crate::ck::*;
use crate::error::Result;
use crate::secret::Secret;

use super::super::Params;
use super::super::hkdf::{HkdfParams, Salt};
use super::super::ike::{Ike1ExtendedParams, IkePrfParams, PrfPlusParams};
use super::super::password::{PbeParams, Pbkdf2Params};
use super::super::sp800_108::{Number, PrfData, Sp800108Params};
use super::super::tls_keys::{MasterParams, MasterSeed, Randoms};
use super::SelfTest;
use super::check::{derives_secret, generates, hex};

#[rustfmt::skip]
pub(super) static TESTS: [SelfTest; 7] = [
    SelfTest::new("HKDF", &["HKDF"], || derives_secret(CKM_HKDF_DERIVE, CKK_HKDF, &"0b".repeat(22), &hkdf()?, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")),
    SelfTest::new("PBKDF2", &["PKCS5_PBKD2"], || generates(CKM_PKCS5_PBKD2, CKK_GENERIC_SECRET, &pbkdf2(), "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")),
    SelfTest::new("PKCS #12 keys", &["CKM_PBE_", "CKM_PBA_"], || generates(CKM_PBE_SHA1_DES3_EDE_CBC, CKK_DES3, &pbe()?, "8aabe6297a6db04643ab5b077951294fb6138f1a2a7fbca2")),
    SelfTest::new("SP 800-108", &["SP800_108"], || derives_secret(CKM_SP800_108_COUNTER_KDF, CKK_AES, "23eb065be127a881e35a6514d435679f", &counter_kdf()?, "ea4ebbb4efff4b01684012ed8ff9c64e70ae38197c36445a6c804a0e44819ac3")),
    SelfTest::new("PRF of TLS 1.2", &["TLS12", "TLS_MAC", "TLS_KDF", "TLS_PRF"], || derives_secret(CKM_TLS12_MASTER_KEY_DERIVE, CKK_GENERIC_SECRET, "f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc", &tls(Some(CKM_SHA256), "36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c", "f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce")?, "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf")),
    SelfTest::new("PRF of TLS 1.0 and 1.1", &["CKM_TLS_", "TLS12_MAC", "TLS12_KDF"], || derives_secret(CKM_TLS_MASTER_KEY_DERIVE, CKK_GENERIC_SECRET, "bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e780ec55d9844b2f1db02a96453513568d0", &tls(None, "e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693", "135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2")?, "2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc2090c5bf51a0891209f46c1e1e998f62")),
    SelfTest::new("IKE", &["CKM_IKE"], || Ok(derives_secret(CKM_IKE_PRF_DERIVE, CKK_GENERIC_SECRET, "4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52", &ike()?, SKEYSEED)? && derives_secret(CKM_IKE2_PRF_PLUS_DERIVE, CKK_GENERIC_SECRET, SKEYSEED, &prf_plus()?, "a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062")? && derives_secret(CKM_IKE1_EXTENDED_DERIVE, CKK_GENERIC_SECRET, "63e81194946ebd05df7df5ebf5d8750056bf1f1d", &extended(), "933347a07de5782247dd36d1562ffe0eecade1eb4134165257e3af1000af8ae3f165063828cbb60d")?)),
];

const SKEYSEED: &str = "a9a7b222b59f8f48645f28a1db5b5f5d7479cba7";
/// Ni and Nr.
const NONCES: &str = "32b50d5f4a3763f39206a04b26564cb1";

fn hkdf() -> Result<Params> {
    let salt = Salt::Data(hex("000102030405060708090a0b0c")?);
    let info = hex("f0f1f2f3f4f5f6f7f8f9")?;
    Ok(Params::Hkdf(HkdfParams { extract: true, expand: true, hash: CKM_SHA256, salt, info }))
}

fn pbkdf2() -> Params {
    let (salt, password) = (b"salt".to_vec(), Secret::copy_of(b"password"));
    Params::Pbkdf2(Pbkdf2Params { salt, iterations: 2, prf: CKP_PKCS5_PBKD2_HMAC_SHA1, password })
}

fn pbe() -> Result<Params> {
    let (password, salt) = (Secret::new(hex("0073006d006500670000")?), hex("0a58cf64530d823f")?);
    Ok(Params::Pbe(PbeParams { password, salt, iterations: 1 }))
}

fn counter_kdf() -> Result<Params> {
    let fixed = "e679861a613465a67385372671b107e6b895a2f64043c934ff4256a7e63cfb8bfacc2124251c90fa670d45745c1c35da9b6e05af\
                 77ea9c4ad486fd1a";
    let number = Number { little_endian: false, bits: 8 };
    let data = vec![PrfData::Bytes(hex(fixed)?), PrfData::Iteration(Some(number))];
    Ok(Params::Sp800108(Sp800108Params { prf: CKM_AES_CMAC, data, iv: Vec::new(), additional: Vec::new() }))
}

fn tls(hash: Option<CK_MECHANISM_TYPE>, client: &str, server: &str) -> Result<Params> {
    let seed = MasterSeed::Randoms(Randoms { client: hex(client)?, server: hex(server)? });
    Ok(Params::TlsMaster(MasterParams { hash, seed }))
}

fn ike() -> Result<Params> {
    let nonces = hex(NONCES)?;
    Ok(Params::IkePrf(IkePrfParams { prf: CKM_SHA_1_HMAC, data_as_key: true, rekey: false, nonces }))
}

fn prf_plus() -> Result<Params> {
    let seed = hex(&[NONCES, "34c9e7c1888687853ff77d760d2b2199"].concat())?;
    Ok(Params::Ike2PrfPlus(PrfPlusParams { prf: CKM_SHA_1_HMAC, seed }))
}

fn extended() -> Params {
    Params::Ike1Extended(Ike1ExtendedParams { prf: CKM_SHA_1_HMAC, extra: Vec::new() })
}
