//! Message authentication codes that the files of Project Wycheproof do not have: RFC 2202, RFC 3566, RFC 7693 (the key
//! is 00 01 … in the known answers of its reference implementation), RFC 8439, SP 800-38A and 800-38B, FIPS 113.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::{Known, secret, signs};

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let plain = Mechanism::plain;
    let front = Mechanism::number;
    let jefe = "7768617420646f2079612077616e7420666f72206e6f7468696e673f";
    let counting = "000102030405060708090a0b0c0d0e0f";
    let forum = "43727970746f6772617068696320466f72756d2052657365617263682047726f7570";
    // The plaintext of SP 800-38A F.2.1 with its IV added to the first block, so that the last block of CBC is the MAC.
    let blocks = "6bc0bce12a459991e134741a7f9e1925ae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    let aes = || secret(CKK_AES, "2b7e151628aed2a6abf7158809cf4f3c");
    let des3 = || secret(CKK_DES3, "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5");
    let time = "37363534333231204e6f77206973207468652074696d6520666f7220";
    let thrice = || secret(CKK_DES3, "0123456789abcdef0123456789abcdef0123456789abcdef");
    let long = format!("{counting}101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
    let blake2 = |key_type| secret(key_type, &long);
    vec![
        signs(plain(CKM_MD5_HMAC), secret(CKK_MD5_HMAC, "4a656665"), jefe, "750c783e6ab0b503eaa86e310a5db738"),
        signs(front(CKM_MD5_HMAC_GENERAL, 4), secret(CKK_GENERIC_SECRET, "4a656665"), jefe, "750c783e"),
        // t = 256 is SHA-512/256: RFC 2202's key and data, in the implementation of OpenSSL.
        signs(front(CKM_SHA512_T_HMAC, 256), secret(CKK_SHA512_T_HMAC, "4a656665"), jefe, "6df7b24630d5ccb2ee335407081a87188c221489768fa2020513b2d593359456"),
        signs(plain(CKM_BLAKE2B_160_HMAC), blake2(CKK_BLAKE2B_160_HMAC), "616263", "f3464811aec9776024bd78c73dbaad63a62c509b"),
        signs(front(CKM_BLAKE2B_160_HMAC_GENERAL, 4), blake2(CKK_BLAKE2B_160_HMAC), "616263", "f3464811"),
        signs(plain(CKM_BLAKE2B_256_HMAC), blake2(CKK_BLAKE2B_256_HMAC), "616263", "dff38c978666dff5631db35ca15535520d134f5c8060ea569c6a178ad393719f"),
        signs(front(CKM_BLAKE2B_256_HMAC_GENERAL, 4), blake2(CKK_BLAKE2B_256_HMAC), "616263", "dff38c97"),
        signs(plain(CKM_BLAKE2B_384_HMAC), blake2(CKK_BLAKE2B_384_HMAC), "616263", "93043d2104d6cc8ad34b52d905288a06811559eb8e9f8892d79e2b181f91deb536923f536e6da57296e36d9cdb0aa74d"),
        signs(front(CKM_BLAKE2B_384_HMAC_GENERAL, 4), blake2(CKK_BLAKE2B_384_HMAC), "616263", "93043d21"),
        signs(plain(CKM_BLAKE2B_512_HMAC), blake2(CKK_BLAKE2B_512_HMAC), "", "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568"),
        signs(front(CKM_BLAKE2B_512_HMAC_GENERAL, 4), blake2(CKK_BLAKE2B_512_HMAC), "", "10ebb677"),
        signs(front(CKM_AES_CMAC_GENERAL, 4), aes(), "", "bb1d6929"),
        signs(plain(CKM_AES_XCBC_MAC), secret(CKK_AES, counting), counting, "d2a246fa349b68a79998a4394ff7a263"),
        signs(plain(CKM_AES_XCBC_MAC_96), secret(CKK_AES, counting), counting, "d2a246fa349b68a79998a439"),
        signs(plain(CKM_AES_MAC), aes(), blocks, "3ff1caa1681fac09"),
        signs(front(CKM_AES_MAC_GENERAL, 16), aes(), blocks, "3ff1caa1681fac09120eca307586e1a7"),
        signs(plain(CKM_DES3_CMAC), des3(), "6bc1bee22e409f96", "8e8f293136283797"),
        signs(front(CKM_DES3_CMAC_GENERAL, 4), des3(), "6bc1bee22e409f96", "8e8f2931"),
        signs(plain(CKM_DES_MAC), secret(CKK_DES, "0123456789abcdef"), time, "f1d30f68"),
        signs(front(CKM_DES_MAC_GENERAL, 8), secret(CKK_DES, "0123456789abcdef"), time, "f1d30f6849312ca4"),
        signs(plain(CKM_DES3_MAC), thrice(), time, "f1d30f68"),
        signs(front(CKM_DES3_MAC_GENERAL, 8), thrice(), time, "f1d30f6849312ca4"),
        signs(plain(CKM_POLY1305), secret(CKK_POLY1305, "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"), forum, "a8061dc1305136c6c22b8baf0c0127a9"),
    ]
}
