//! Camellia and ARIA: RFC 3713, RFC 5794, and what OpenSSL makes with the key of the latter.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::symmetric::{readable, secret_key};
use super::super::token::{Attributes, ulong};
use super::{Known, derives, encrypts, generates, hex, secret, signs};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const IV: &str = "101112131415161718191a1b1c1d1e1f";
const DATA: &str = "00112233445566778899aabbccddeeff6bc1bee22e409f96e93d7e117393172a";
/// For derivations.
const BLOCK: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

fn of(key_type: CK_KEY_TYPE, len: CK_ULONG) -> Attributes {
    let mut template = readable(key_type);
    template.push((CKA_VALUE_LEN, ulong(len)));
    template
}

/// CK_CAMELLIA_CBC_ENCRYPT_DATA_PARAMS and CK_ARIA_CBC_ENCRYPT_DATA_PARAMS have the same fields.
fn cbc_data(id: CK_MECHANISM_TYPE) -> Mechanism {
    let iv = hex(IV).try_into().unwrap();
    Mechanism::with(id, [&hex(BLOCK)], |[data]| CK_CAMELLIA_CBC_ENCRYPT_DATA_PARAMS {
        iv,
        pData: data.0,
        length: data.1,
    })
}

fn ecb_data(id: CK_MECHANISM_TYPE) -> Mechanism {
    Mechanism::with(id, [&hex(BLOCK)], |[data]| CK_KEY_DERIVATION_STRING_DATA {
        pData: data.0,
        ulLen: data.1,
    })
}

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let (camellia, aria) = (|| secret(CKK_CAMELLIA, KEY), || secret(CKK_ARIA, KEY));
    let (iv, block) = (hex(IV), hex(IV).try_into().unwrap());
    let generic = || of(CKK_GENERIC_SECRET, 16);
    let rfc_3713 = "0123456789abcdeffedcba9876543210";
    vec![
        generates(CKM_CAMELLIA_KEY_GEN, of(CKK_CAMELLIA, 32), of(CKK_CAMELLIA, 17)),
        encrypts(Mechanism::plain(CKM_CAMELLIA_ECB), secret(CKK_CAMELLIA, rfc_3713), rfc_3713, "67673138549669730857065648eabe43"),
        encrypts(Mechanism::bytes(CKM_CAMELLIA_CBC, &iv), camellia(), DATA, "d7eccc51417fce2bd6e469a255fa9b91f803073e4b888e0c963a6838a35c4782"),
        encrypts(Mechanism::ctr(CKM_CAMELLIA_CTR, 128, block), camellia(), DATA, "ef42e7b5957c310a4f4db281b22814f5dfb03b1748eef275b74faea8b13296ca"),
        signs(Mechanism::plain(CKM_CAMELLIA_MAC), camellia(), DATA, "6b0fa463044495c3"),
        signs(Mechanism::number(CKM_CAMELLIA_MAC_GENERAL, 12), camellia(), DATA, "6b0fa463044495c38fc9860e"),
        derives(ecb_data(CKM_CAMELLIA_ECB_ENCRYPT_DATA), secret_key(CKK_CAMELLIA, &hex(KEY)), generic(), "a627ec0acb2be9736a0cbd7ec0183b4f"),
        derives(cbc_data(CKM_CAMELLIA_CBC_ENCRYPT_DATA), secret_key(CKK_CAMELLIA, &hex(KEY)), generic(), "24f3af41cab964484d9978e31a079646"),
        generates(CKM_ARIA_KEY_GEN, of(CKK_ARIA, 32), of(CKK_ARIA, 17)),
        encrypts(Mechanism::plain(CKM_ARIA_ECB), aria(), &DATA[..32], "d718fbd6ab644c739da95f3be6451778"),
        encrypts(Mechanism::bytes(CKM_ARIA_CBC, &iv), aria(), DATA, "9245877b90209acf83e2a429f01476223927fb1f93d5334ae256a475219238af"),
        signs(Mechanism::plain(CKM_ARIA_MAC), aria(), DATA, "fc86273bce05d73c"),
        signs(Mechanism::number(CKM_ARIA_MAC_GENERAL, 12), aria(), DATA, "fc86273bce05d73ce369f345"),
        derives(ecb_data(CKM_ARIA_ECB_ENCRYPT_DATA), secret_key(CKK_ARIA, &hex(KEY)), generic(), "5bf8dd6242290b27d0590955af38a310"),
        derives(cbc_data(CKM_ARIA_CBC_ENCRYPT_DATA), secret_key(CKK_ARIA, &hex(KEY)), generic(), "d33675436ab010999e194ef5f870b01a"),
    ]
}
