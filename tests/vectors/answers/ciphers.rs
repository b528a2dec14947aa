//! Ciphers: SP 800-38A (AES modes), and ciphertexts by OpenSSL.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::{Known, encrypts, hex, secret};

/// The AES-128 key, the first two blocks of the plaintext and the IV of SP 800-38A, appendix F.
const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const IV: &str = "000102030405060708090a0b0c0d0e0f";
const COUNTER: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

/// The example of FIPS 81: key, IV and "Now is the time for all "; the keys that follow it are for Triple DES.
const DES_KEY: &str = "0123456789abcdef";
const DES3_KEY: &str = "0123456789abcdef23456789abcdef01456789abcdef0123";
const DES_IV: &str = "1234567890abcdef";
const DES_PLAIN: &str = "4e6f77206973207468652074696d6520666f7220616c6c20";

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let aes = || secret(CKK_AES, KEY);
    let iv = |id| Mechanism::bytes(id, &hex(IV));
    vec![
        encrypts(Mechanism::plain(CKM_AES_ECB), aes(), PLAIN, "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"),
        encrypts(iv(CKM_AES_CBC), aes(), PLAIN, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"),
        encrypts(Mechanism::ctr(CKM_AES_CTR, 128, hex(COUNTER).try_into().unwrap()), aes(), PLAIN, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"),
        encrypts(iv(CKM_AES_OFB), aes(), PLAIN, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
        encrypts(iv(CKM_AES_CFB128), aes(), PLAIN, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
        encrypts(iv(CKM_AES_CFB1), aes(), "6bc1", "68b3"),
        encrypts(iv(CKM_AES_CFB8), aes(), "6bc1bee22e409f96e93d7e117393172aae2d", "3b79424c9c0dd436bace9e0ed4586a4f32b9"),
        // The first segment of CFB64 is that of CFB128.
        encrypts(iv(CKM_AES_CFB64), aes(), "6bc1bee22e409f96", "3b3fd92eb72dad20"),
        // RFC 3962, appendix B: the last two blocks in the order of CS1.
        encrypts(Mechanism::bytes(CKM_AES_CTS, &[0; 16]), secret(CKK_AES, "636869636b656e207465726979616b69"), "4920776f756c64206c696b652074686520", "97c6353568f2bf8cb4d8a580362da7ff7f"),
        // IEEE 1619, vector 3.
        encrypts(Mechanism::bytes(CKM_AES_XTS, &hex("33333333330000000000000000000000")), secret(CKK_AES_XTS, "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f022222222222222222222222222222222"), "4444444444444444444444444444444444444444444444444444444444444444", "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89"),
        // RFC 8439, section 2.4.2.
        encrypts(Mechanism::chacha20(1, &hex("000000000000004a00000000")), secret(CKK_CHACHA20, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), "4c616469657320616e642047656e746c", "6e2e359a2568f98041ba0728dd0d6981"),
        // eSTREAM, 256 bits, set 1, vector 0.
        encrypts(Mechanism::salsa20(0, &[0; 8]), secret(CKK_SALSA20, "8000000000000000000000000000000000000000000000000000000000000000"), "00000000000000000000000000000000", "e3be8fdd8beca2e3ea8ef9475b29a6e7"),
        encrypts(Mechanism::bytes(CKM_DES_OFB64, &hex(DES_IV)), secret(CKK_DES, DES_KEY), DES_PLAIN, "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3"),
        encrypts(Mechanism::bytes(CKM_DES_CFB64, &hex(DES_IV)), secret(CKK_DES, DES_KEY), DES_PLAIN, "f3096249c7f46e51a69e839b1a92f78403467133898ea622"),
        encrypts(Mechanism::bytes(CKM_DES_CFB8, &hex(DES_IV)), secret(CKK_DES, DES_KEY), DES_PLAIN, "f31fda07011462ee187f43d80a7cd9b5b0d290da6e5b9a87"),
        encrypts(Mechanism::plain(CKM_DES_ECB), secret(CKK_DES, DES_KEY), DES_PLAIN, "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53"),
        encrypts(Mechanism::bytes(CKM_DES_CBC, &hex(DES_IV)), secret(CKK_DES, DES_KEY), DES_PLAIN, "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"),
        encrypts(Mechanism::bytes(CKM_DES_CBC_PAD, &hex(DES_IV)), secret(CKK_DES, DES_KEY), DES_PLAIN, "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f662c16a27e4fcf277"),
        encrypts(Mechanism::plain(CKM_DES3_ECB), secret(CKK_DES3, DES3_KEY), DES_PLAIN, "314f8327fa7a09a84362760cc13ba7daff55c5f80faaac45"),
        encrypts(Mechanism::bytes(CKM_DES3_CBC, &hex(DES_IV)), secret(CKK_DES3, DES3_KEY), DES_PLAIN, "f3c0ff026c023089656fbb169def7edb30ba36075d6f0176"),
        encrypts(Mechanism::bytes(CKM_DES3_CBC_PAD, &hex(DES_IV)), secret(CKK_DES3, DES3_KEY), DES_PLAIN, "f3c0ff026c023089656fbb169def7edb30ba36075d6f0176c55961ed6a941845"),
        // RFC 3394 over the text "messagemessagemessage" and three bytes of padding.
        encrypts(Mechanism::plain(CKM_AES_KEY_WRAP_PKCS7), aes(), "6d6573736167656d6573736167656d657373616765", "d97183f9baf333ef9f50955ff18a075d2236822e83afd61fedeb695eb29bba44"),
    ]
}
