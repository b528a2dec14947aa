//! The known answers of ciphers and MACs beyond the common ones, one row an algorithm. XTS is vector 2 of IEEE 1619, Salsa20
//! vector 0 of set 1 of eSTREAM, DES that of FIPS 81, Camellia that of RFC 3713, ARIA that of RFC 5794; the others were
//! made with OpenSSL and Python.

use crate::ck::*;
use crate::error::Result;

use super::super::Params;
use super::SelfTest;
use super::answers::{DES_KEY, IV, KEY, PLAIN};
use super::check::{cipher, hex, mac};

const KEY_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const XTS_KEY: &str = "1111111111111111111111111111111122222222222222222222222222222222";
const SALSA20_KEY: &str = "8000000000000000000000000000000000000000000000000000000000000000";
const ZEROS: &str = "00000000000000000000000000000000";
const DES_SINGLE: &str = "0123456789abcdef";
/// "Now is t".
const FIPS_81: &str = "4e6f772069732074";
const CAMELLIA: &str = "0123456789abcdeffedcba9876543210";
const ARIA_KEY: &str = "000102030405060708090a0b0c0d0e0f";
const ARIA_PLAIN: &str = "00112233445566778899aabbccddeeff";

#[rustfmt::skip]
pub(super) static TESTS: [SelfTest; 20] = [
    SelfTest::new("AES-CTR", &["AES_CTR"], || cipher(CKM_AES_CTR, CKK_AES, KEY, &counter(), PLAIN, "319c04a8fc0b55deb3635c85f6c18310")),
    SelfTest::new("AES-OFB", &["AES_OFB"], || cipher(CKM_AES_OFB, CKK_AES, KEY, &iv()?, PLAIN, "319c04a8fc0b55deb3635c85f6c18310")),
    SelfTest::new("AES-CFB128", &["AES_CFB128", "AES_CFB64"], || cipher(CKM_AES_CFB128, CKK_AES, KEY, &iv()?, PLAIN, "319c04a8fc0b55deb3635c85f6c18310")),
    SelfTest::new("AES-CFB8", &["AES_CFB8", "AES_CFB1"], || cipher(CKM_AES_CFB8, CKK_AES, KEY, &iv()?, PLAIN, "31680eae5546805a2f2250f1ec754b85")),
    SelfTest::new("AES-XTS", &["AES_XTS"], || cipher(CKM_AES_XTS, CKK_AES_XTS, XTS_KEY, &Params::Bytes(hex("33333333330000000000000000000000")?), &"44".repeat(32), "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0")),
    SelfTest::new("AES-CCM", &["AES_CCM"], || cipher(CKM_AES_CCM, CKK_AES, KEY, &ccm()?, PLAIN, "b00eeb1f8618d31a306762e706998f109f3f536b4b1ddeda1de38815514aef9b")),
    SelfTest::new("AES-XCBC-MAC", &["AES_XCBC", "IKE"], || mac(CKM_AES_XCBC_MAC, CKK_AES, KEY, &Params::None, "bdacb7cf9e3c5c2738a513dc9ce08bbc")),
    SelfTest::new("AES key wrap with padding", &["KEY_WRAP_KWP", "KEY_WRAP_PAD", "AES_KEY_WRAP"], || cipher(CKM_AES_KEY_WRAP_KWP, CKK_AES, KEY, &Params::None, "616263", "92ebcbfed9da46501343b588f22849ff")),
    SelfTest::new("ChaCha20", &["CHACHA20"], || cipher(CKM_CHACHA20, CKK_CHACHA20, KEY_256, &Params::ChaCha20 { counter: 1, nonce: nonce()? }, PLAIN, "25a30f7b4049f4f9aeeccbbae4b6491b")),
    SelfTest::new("ChaCha20-Poly1305", &["CHACHA20_POLY1305"], || cipher(CKM_CHACHA20_POLY1305, CKK_CHACHA20, KEY_256, &Params::ChaCha20Poly1305 { nonce: nonce()?, aad: b"aad".to_vec() }, PLAIN, "25a30f7b4049f4f9aeeccbbae4b6491b4013e24bd1433017696bec9ee4062785")),
    SelfTest::new("Salsa20", &["SALSA20"], || cipher(CKM_SALSA20, CKK_SALSA20, SALSA20_KEY, &Params::Salsa20 { counter: 0, nonce: vec![0; 8] }, ZEROS, "e3be8fdd8beca2e3ea8ef9475b29a6e7")),
    SelfTest::new("Poly1305", &["POLY1305"], || mac(CKM_POLY1305, CKK_POLY1305, KEY_256, &Params::None, "0fc2ef895fe13e19ae97cb5d3a1d3f4f")),
    SelfTest::new("keyed BLAKE2b", &["BLAKE2B"], || mac(CKM_BLAKE2B_256_HMAC, CKK_GENERIC_SECRET, KEY, &Params::None, "cf727a45047674f441476ca10844b8255762ec1246e6ae0403007a4b5c7705bb")),
    SelfTest::new("DES", &["DES_"], || cipher(CKM_DES_ECB, CKK_DES, DES_SINGLE, &Params::None, FIPS_81, "3fa40e8a984d4815")),
    SelfTest::new("DES-OFB", &["DES_OFB"], || cipher(CKM_DES_OFB64, CKK_DES, DES_SINGLE, &short_iv()?, PLAIN, "530245084994658a0598f55c1041670b")),
    SelfTest::new("DES-CFB", &["DES_CFB"], || Ok(cipher(CKM_DES_CFB64, CKK_DES, DES_SINGLE, &short_iv()?, PLAIN, "530245084994658ae8b06eeae721f431")? && cipher(CKM_DES_CFB8, CKK_DES, DES_SINGLE, &short_iv()?, PLAIN, "533ab062e7ee5ad436a28988f1a31f26")?)),
    SelfTest::new("Triple DES CMAC", &["DES3_CMAC", "SP800_108"], || mac(CKM_DES3_CMAC, CKK_DES3, DES_KEY, &Params::None, "f7b99a2963eaf253")),
    SelfTest::new("AES-CBC-MAC", &["AES_MAC"], || mac(CKM_AES_MAC, CKK_AES, KEY, &Params::None, "0c795a305d8c0983")),
    SelfTest::new("Camellia", &["CAMELLIA"], || cipher(CKM_CAMELLIA_ECB, CKK_CAMELLIA, CAMELLIA, &Params::None, CAMELLIA, "67673138549669730857065648eabe43")),
    SelfTest::new("ARIA", &["ARIA"], || cipher(CKM_ARIA_ECB, CKK_ARIA, ARIA_KEY, &Params::None, ARIA_PLAIN, "d718fbd6ab644c739da95f3be6451778")),
];

fn iv() -> Result<Params> {
    hex(IV).map(Params::Bytes)
}

fn short_iv() -> Result<Params> {
    hex("0001020304050607").map(Params::Bytes)
}

fn nonce() -> Result<Vec<u8>> {
    hex("000102030405060708090a0b")
}

fn counter() -> Params {
    let counter_block = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    Params::AesCtr { counter_bits: 128, counter_block }
}

fn ccm() -> Result<Params> {
    Ok(Params::Ccm { data_len: 16, nonce: nonce()?, aad: b"aad".to_vec(), tag_len: 16 })
}
