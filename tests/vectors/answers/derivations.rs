//! Derived keys.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::symmetric::readable;
use super::super::token::{Attributes, ulong};
use super::signatures::{POINT, p256};
use super::{Known, derives, hex};

/// A generic secret of so many bytes that can be read.
pub fn of(len: CK_ULONG) -> Attributes {
    let mut template = readable(CKK_GENERIC_SECRET);
    template.push((CKA_VALUE_LEN, ulong(len)));
    template
}

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    vec![
        // A secret of OpenSSL, and the derivation function of X9.63 written out in Python.
        derives(Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_SHA256_KDF, b"info", &hex(POINT)), p256().private, of(40), "c8dfd57c81ad2e367397acfa5ebe8e5705fcdce5c8a76c7b973759c081d270dffe4790e41151cc51"),
    ]
}
