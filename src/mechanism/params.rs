//! The parameters of mechanisms, read once from the caller into owned memory.
//!
//! `ParamKind` tells the C boundary which structure to read; `Params` is what the mechanism gets.

use crate::ck::*;
use crate::policy::Parameter;

use super::hkdf::HkdfParams;
use super::ike::{Ike1ExtendedParams, Ike1PrfParams, IkePrfParams, PrfPlusParams};
use super::password::{PbeParams, Pbkdf2Params};
use super::sp800_108::Sp800108Params;
use super::tls_keys::{KeyMaterialParams, MasterParams, TlsKdfParams, TlsPrfParams};

/// The form of a mechanism's parameter (`pParameter` of CK_MECHANISM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// No parameter: `pParameter` NULL and length 0; anything else is CKR_MECHANISM_PARAM_INVALID.
    None,
    /// Plain bytes, such as an IV; exactly so many.
    Bytes(usize),
    /// Plain bytes of a length in this range, none among them (AES-KEY-WRAP without an IV).
    OptionalBytes(usize),
    /// Plain bytes of any length from 1 (a public value).
    AnyBytes,
    /// CK_MAC_GENERAL_PARAMS: the length of the MAC in bytes.
    MacGeneral,
    /// CK_AES_CTR_PARAMS; CK_CAMELLIA_CTR_PARAMS has the same fields.
    AesCtr,
    /// CK_GCM_PARAMS.
    Gcm,
    /// CK_CCM_PARAMS.
    Ccm,
    /// CK_CHACHA20_PARAMS.
    ChaCha20,
    /// CK_SALSA20_PARAMS.
    Salsa20,
    /// CK_SALSA20_CHACHA20_POLY1305_PARAMS.
    ChaCha20Poly1305,
    /// CK_RSA_PKCS_PSS_PARAMS.
    Pss,
    /// CK_RSA_PKCS_OAEP_PARAMS.
    Oaep,
    /// CK_EDDSA_PARAMS, or none for the pure scheme without a context.
    OptionalEddsa,
    /// CK_SIGN_ADDITIONAL_CONTEXT, or none: hedged, without a context.
    OptionalSignContext,
    /// CK_HASH_SIGN_ADDITIONAL_CONTEXT.
    HashSignContext,
    /// CK_ECDH1_DERIVE_PARAMS.
    Ecdh1,
    /// CK_OTP_PARAMS, or none.
    OptionalOtp,
    /// CK_OBJECT_HANDLE: another key.
    KeyHandle,
    /// CK_KEY_DERIVATION_STRING_DATA: bytes.
    StringData,
    /// CK_EXTRACT_PARAMS: the first bit of a part of a key.
    FirstBit,
    /// CK_AES_CBC_ENCRYPT_DATA_PARAMS and its like, with an IV of so many bytes.
    CbcData(usize),
    /// CK_HKDF_PARAMS.
    Hkdf,
    /// CK_SP800_108_KDF_PARAMS.
    Sp800108,
    /// CK_SP800_108_FEEDBACK_KDF_PARAMS.
    Sp800108Feedback,
    /// CK_PKCS5_PBKD2_PARAMS2 or CK_PKCS5_PBKD2_PARAMS.
    Pbkdf2,
    /// CK_PBE_PARAMS, with a place for an IV or without.
    Pbe { iv: bool },
    /// CK_SSL3_MASTER_KEY_DERIVE_PARAMS with a place for the version.
    TlsMaster,
    /// The same without one.
    TlsMasterDh,
    /// CK_TLS12_MASTER_KEY_DERIVE_PARAMS with a place for the version.
    Tls12Master,
    /// The same without one.
    Tls12MasterDh,
    /// CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS with a place for the version.
    TlsExtendedMaster,
    /// The same without one.
    TlsExtendedMasterDh,
    /// CK_SSL3_KEY_MAT_PARAMS.
    TlsKeyMaterial,
    /// CK_TLS12_KEY_MAT_PARAMS.
    Tls12KeyMaterial,
    /// CK_TLS12_KEY_MAT_PARAMS, of which the IV size is ignored.
    Tls12KeySafe,
    /// CK_TLS_KDF_PARAMS.
    TlsKdf,
    /// CK_TLS_PRF_PARAMS.
    TlsPrf,
    /// CK_TLS_MAC_PARAMS.
    TlsMac,
    /// CK_IKE2_PRF_PLUS_DERIVE_PARAMS.
    Ike2PrfPlus,
    /// CK_IKE_PRF_DERIVE_PARAMS.
    IkePrf,
    /// CK_IKE1_PRF_DERIVE_PARAMS.
    Ike1Prf,
    /// CK_IKE1_EXTENDED_DERIVE_PARAMS.
    Ike1Extended,
    /// CK_X9_42_DH1_DERIVE_PARAMS.
    X942Dh1,
    /// CK_RSA_AES_KEY_WRAP_PARAMS.
    RsaAesKeyWrap,
    /// CK_ECDH_AES_KEY_WRAP_PARAMS.
    EcdhAesKeyWrap,
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
    /// As `ChaCha20`.
    Salsa20 {
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
    SignContext {
        /// CKH_HEDGE_PREFERRED and its like.
        hedge: u64,
        context: Vec<u8>,
        /// What has hashed the data, in CK_HASH_SIGN_ADDITIONAL_CONTEXT.
        hash: Option<CK_MECHANISM_TYPE>,
    },
    /// The number of a bit, from the first bit of the first byte.
    FirstBit(u64),
    CbcData {
        iv: Vec<u8>,
        data: Vec<u8>,
    },
    Hkdf(HkdfParams),
    Sp800108(Sp800108Params),
    Pbkdf2(Pbkdf2Params),
    Pbe(PbeParams),
    TlsMaster(MasterParams),
    TlsKeyMaterial(KeyMaterialParams),
    TlsKdf(TlsKdfParams),
    TlsPrf(TlsPrfParams),
    TlsMac {
        prf: CK_MECHANISM_TYPE,
        /// Bytes.
        length: u64,
        /// 1: server, 2: client.
        side: u64,
    },
    Ike2PrfPlus(PrfPlusParams),
    IkePrf(IkePrfParams),
    Ike1Prf(Ike1PrfParams),
    Ike1Extended(Ike1ExtendedParams),
    Otp {
        counter: Option<u64>,
        flags: CK_FLAGS,
        /// Digits.
        length: Option<u64>,
        format: Option<u64>,
    },
    Ecdh1 {
        kdf: u64,
        shared_data: Vec<u8>,
        public_data: Vec<u8>,
    },
    X942Dh1 {
        kdf: u64,
        other_info: Vec<u8>,
        public_data: Vec<u8>,
    },
    RsaAesKeyWrap {
        key_bits: u64,
        /// `Params::Oaep`.
        oaep: Box<Params>,
    },
    EcdhAesKeyWrap {
        key_bits: u64,
        kdf: u64,
        shared_data: Vec<u8>,
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

    /// What a token's profile asks of a parameter. (Plain bytes are the IV wherever something is encrypted.)
    pub fn told(&self) -> Parameter<'_> {
        let none = Parameter::default();
        match self {
            Params::Bytes(iv) | Params::ChaCha20 { nonce: iv, .. } => Parameter { iv: Some(iv), ..none },
            Params::ChaCha20Poly1305 { nonce, .. } => Parameter { iv: Some(nonce), ..none },
            Params::AesCtr { counter_block, .. } => Parameter { iv: Some(counter_block), ..none },
            Params::Gcm { iv, tag_bits, .. } => Parameter { iv: Some(iv), tag_bits: Some(*tag_bits), ..none },
            Params::Ccm { nonce, tag_len, .. } => {
                Parameter { iv: Some(nonce), tag_bits: Some(tag_len.saturating_mul(8)), ..none }
            }
            Params::Pss { hash, .. } => Parameter { hash: Some(*hash), ..none },
            _ => none,
        }
    }
}
