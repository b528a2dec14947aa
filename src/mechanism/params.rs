//! The parameters of mechanisms, read once from the caller into owned memory.
//!
//! `ParamKind` tells the C boundary which structure to read; `Params` is what the mechanism gets.

use crate::ck::*;

/// The form of a mechanism's parameter (`pParameter` of CK_MECHANISM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// No parameter: `pParameter` NULL and length 0; anything else is CKR_MECHANISM_PARAM_INVALID.
    None,
    /// Plain bytes, such as an IV; exactly so many.
    Bytes(usize),
    /// Plain bytes of a length in this range, none among them (AES-KEY-WRAP without an IV).
    OptionalBytes(usize),
    /// CK_MAC_GENERAL_PARAMS: the length of the MAC in bytes.
    MacGeneral,
    /// CK_AES_CTR_PARAMS.
    AesCtr,
    /// CK_GCM_PARAMS.
    Gcm,
    /// CK_CCM_PARAMS.
    Ccm,
    /// CK_CHACHA20_PARAMS.
    ChaCha20,
    /// CK_SALSA20_CHACHA20_POLY1305_PARAMS.
    ChaCha20Poly1305,
    /// CK_RSA_PKCS_PSS_PARAMS.
    Pss,
    /// CK_RSA_PKCS_OAEP_PARAMS.
    Oaep,
    /// CK_EDDSA_PARAMS, or none for the pure scheme without a context.
    OptionalEddsa,
    /// CK_ECDH1_DERIVE_PARAMS.
    Ecdh1,
}

/// A mechanism's parameter, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Params {
    None,
    Bytes(Vec<u8>),
    /// Length of the MAC in bytes.
    MacGeneral(u64),
    AesCtr {
        counter_bits: u64,
        counter_block: [u8; 16],
    },
    Gcm {
        iv: Vec<u8>,
        aad: Vec<u8>,
        tag_bits: u64,
    },
    /// Lengths in bytes.
    Ccm {
        data_len: u64,
        nonce: Vec<u8>,
        aad: Vec<u8>,
        tag_len: u64,
    },
    /// `counter`: the first block of the key stream.
    ChaCha20 {
        counter: u64,
        nonce: Vec<u8>,
    },
    ChaCha20Poly1305 {
        nonce: Vec<u8>,
        aad: Vec<u8>,
    },
    Pss {
        hash: CK_MECHANISM_TYPE,
        mgf: u64,
        salt_len: u64,
    },
    Oaep {
        hash: CK_MECHANISM_TYPE,
        mgf: u64,
        label: Vec<u8>,
    },
    Eddsa {
        prehash: bool,
        context: Vec<u8>,
    },
    Ecdh1 {
        kdf: u64,
        shared_data: Vec<u8>,
        public_data: Vec<u8>,
    },
}

impl Params {
    /// The bytes of `Params::Bytes`; empty for every other form.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Params::Bytes(bytes) => bytes,
            _ => &[],
        }
    }
}
