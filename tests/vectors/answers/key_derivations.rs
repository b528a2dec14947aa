//! Keys derived from keys and passwords: concatenations written out, encryptions by OpenSSL, RFC 5869 (appendix A.1), and
//! the method of PKCS #12 written out in Python (its key of 192 bits is a published one).

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::symmetric::{readable, secret_key};
use super::super::token::{Attributes, ulong};
use super::{Known, derives, derives_with_key, generates, generates_known, hex};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const DATA: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const IV: &str = "101112131415161718191a1b1c1d1e1f";
const DES_KEY: &str = "0123456789abcdef";
const DES3_KEY: &str = "0123456789abcdef23456789abcdef01456789abcdef0123";

/// A generic secret of so many bytes that can be read.
fn of(len: CK_ULONG) -> Attributes {
    let mut template = readable(CKK_GENERIC_SECRET);
    template.push((CKA_VALUE_LEN, ulong(len)));
    template
}

fn string(id: CK_MECHANISM_TYPE) -> Mechanism {
    Mechanism::with(id, [&hex(DATA)], |[data]| CK_KEY_DERIVATION_STRING_DATA { pData: data.0, ulLen: data.1 })
}

fn aes_cbc() -> Mechanism {
    let iv = hex(IV).try_into().unwrap();
    Mechanism::with(CKM_AES_CBC_ENCRYPT_DATA, [&hex(DATA)], |[data]| CK_AES_CBC_ENCRYPT_DATA_PARAMS {
        iv,
        pData: data.0,
        length: data.1,
    })
}

fn des_cbc(id: CK_MECHANISM_TYPE) -> Mechanism {
    let iv = hex(&IV[..16]).try_into().unwrap();
    Mechanism::with(id, [&hex(DATA)], |[data]| CK_DES_CBC_ENCRYPT_DATA_PARAMS {
        iv,
        pData: data.0,
        length: data.1,
    })
}

/// A password of PKCS #12, its salt, and the place for an IV.
fn password(id: CK_MECHANISM_TYPE) -> Mechanism {
    let (password, salt) = (hex("0073006d006500670000"), hex("0a58cf64530d823f"));
    Mechanism::with(id, [&password, &salt, &[0; 8]], |[password, salt, iv]| CK_PBE_PARAMS {
        pInitVector: iv.0,
        pPassword: password.0,
        ulPasswordLen: password.1,
        pSalt: salt.0,
        ulSaltLen: salt.1,
        ulIteration: 1,
    })
}

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let base = || secret_key(CKK_GENERIC_SECRET, &hex(KEY));
    let data_object = vec![(CKA_CLASS, ulong(CKO_DATA)), (CKA_VALUE_LEN, ulong(42))];
    vec![
        derives_with_key(CKM_CONCATENATE_BASE_AND_KEY, base(), secret_key(CKK_GENERIC_SECRET, &hex(DATA)), of(32), &[KEY, DATA].concat()),
        derives(string(CKM_CONCATENATE_BASE_AND_DATA), base(), of(32), &[KEY, DATA].concat()),
        derives(string(CKM_CONCATENATE_DATA_AND_BASE), base(), of(32), &[DATA, KEY].concat()),
        derives(string(CKM_XOR_BASE_AND_DATA), base(), of(16), "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0"),
        derives(Mechanism::number(CKM_EXTRACT_KEY_FROM_KEY, 21), base(), of(8), "406080a0c0e10121"),
        derives(string(CKM_AES_ECB_ENCRYPT_DATA), secret_key(CKK_AES, &hex(KEY)), of(16), "66a7c7e8345231489751de073316adad"),
        derives(aes_cbc(), secret_key(CKK_AES, &hex(KEY)), of(16), "de8e8d962b69074b2a38943bad35bc52"),
        derives(string(CKM_DES_ECB_ENCRYPT_DATA), secret_key(CKK_DES, &hex(DES_KEY)), of(16), "052ad9e2daeeec7d83a56ee03df1ac44"),
        derives(des_cbc(CKM_DES_CBC_ENCRYPT_DATA), secret_key(CKK_DES, &hex(DES_KEY)), of(16), "7283009f5507cd0f742063fd089fc1c6"),
        derives(string(CKM_DES3_ECB_ENCRYPT_DATA), secret_key(CKK_DES3, &hex(DES3_KEY)), of(16), "80e76e3aa67907de34731a630a870692"),
        derives(des_cbc(CKM_DES3_CBC_ENCRYPT_DATA), secret_key(CKK_DES3, &hex(DES3_KEY)), of(16), "8bcf168b6b4e99dfe63792a91a6558ed"),
        derives(
            Mechanism::hkdf(CKM_HKDF_DATA, CKM_SHA256, &hex("000102030405060708090a0b0c"), &hex("f0f1f2f3f4f5f6f7f8f9")),
            secret_key(CKK_HKDF, &[0x0b; 22]), data_object,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        generates(CKM_HKDF_KEY_GEN, { let mut key = readable(CKK_HKDF); key.push((CKA_VALUE_LEN, ulong(32))); key }, readable(CKK_HKDF)),
        // RFC 6070.
        generates_known(Mechanism::pbkdf2(CKP_PKCS5_PBKD2_HMAC_SHA1, b"password", b"salt", 2), of(20), "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
        generates_known(password(CKM_PBE_SHA1_DES3_EDE_CBC), readable(CKK_DES3), "8aabe6297a6db04643ab5b077951294fb6138f1a2a7fbca2"),
        generates_known(password(CKM_PBE_SHA1_DES2_EDE_CBC), readable(CKK_DES2), "8aabe6297a6db04643ab5b077951294f"),
        generates_known(password(CKM_PBA_SHA1_WITH_SHA1_HMAC), readable(CKK_GENERIC_SECRET), "9ba6ef317b8cb9f4760ab2fa2e51c066f0dce645"),
    ]
}
