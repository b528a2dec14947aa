use std::ptr;

use super::*;

fn parse<T>(kind: ParamKind, value: &T, len: usize) -> Result<Params> {
    let parameter = Parameter { place: ptr::from_ref(value).cast(), len: len as CK_ULONG };
    // SAFETY: `value` has at least the length that is read, or the length is refused first.
    unsafe { parameter.params(kind, &mut References::default()) }
}

fn gcm_params(iv: &mut [u8], aad: &mut [u8]) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: iv.len() as CK_ULONG,
        ulIvBits: 0,
        pAAD: aad.as_mut_ptr(),
        ulAADLen: aad.len() as CK_ULONG,
        ulTagBits: 128,
    }
}

#[test]
fn gcm_parameters_are_read_at_exactly_their_size() {
    let (mut iv, mut aad) = ([7; 12], [9; 3]);
    let params = gcm_params(&mut iv, &mut aad);
    let wanted = Params::Gcm { iv: vec![7; 12], aad: vec![9; 3], tag_bits: 128 };
    assert_eq!(parse(ParamKind::Gcm, &params, size_of::<CK_GCM_PARAMS>()), Ok(wanted));
    for len in [0, 40, 47, 49, 56] {
        assert_eq!(parse(ParamKind::Gcm, &params, len), Err(Error::MechanismParamInvalid), "{len}");
    }
}

#[test]
fn ccm_parameters_are_read_at_exactly_their_size() {
    let (mut nonce, mut aad) = ([7; 13], [9; 3]);
    let params = CK_CCM_PARAMS {
        ulDataLen: 5,
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: 13,
        pAAD: aad.as_mut_ptr(),
        ulAADLen: 3,
        ulMACLen: 8,
    };
    let wanted = Params::Ccm { data_len: 5, nonce: vec![7; 13], aad: vec![9; 3], tag_len: 8 };
    assert_eq!(parse(ParamKind::Ccm, &params, 48), Ok(wanted));
    assert_eq!(parse(ParamKind::Ccm, &params, 40), Err(Error::MechanismParamInvalid));
    let no_nonce = CK_CCM_PARAMS { pNonce: ptr::null_mut(), ..params };
    assert_eq!(parse(ParamKind::Ccm, &no_nonce, 48), Err(Error::MechanismParamInvalid));
}

#[test]
fn a_block_counter_has_32_or_64_bits_and_begins_with_its_least_byte() {
    let (mut counter, mut nonce) = ([1, 2, 0, 0, 0, 0, 0, 0x80], [7; 12]);
    let params = CK_CHACHA20_PARAMS {
        pBlockCounter: counter.as_mut_ptr(),
        blockCounterBits: 32,
        pNonce: nonce.as_mut_ptr(),
        ulNonceBits: 96,
    };
    let wanted = |counter| Ok(Params::ChaCha20 { counter, nonce: vec![7; 12] });
    let read = |params: CK_CHACHA20_PARAMS| parse(ParamKind::ChaCha20, &params, 32);
    assert_eq!(read(params), wanted(0x201));
    assert_eq!(read(CK_CHACHA20_PARAMS { blockCounterBits: 64, ..params }), wanted(0x8000_0000_0000_0201));
    for bad in [
        CK_CHACHA20_PARAMS { blockCounterBits: 0, ..params },
        CK_CHACHA20_PARAMS { blockCounterBits: 8, ..params },
        CK_CHACHA20_PARAMS { ulNonceBits: 95, ..params },
        CK_CHACHA20_PARAMS { pBlockCounter: ptr::null_mut(), ..params },
    ] {
        assert_eq!(read(bad), Err(Error::MechanismParamInvalid));
    }
}

#[test]
fn the_block_counter_of_salsa20_has_64_bits() {
    let (mut counter, mut nonce) = ([1, 2, 0, 0, 0, 0, 0, 0x80], [7; 24]);
    let params = CK_SALSA20_PARAMS {
        pBlockCounter: counter.as_mut_ptr(),
        pNonce: nonce.as_mut_ptr(),
        ulNonceBits: 192,
    };
    let wanted = Params::Salsa20 { counter: 0x8000_0000_0000_0201, nonce: vec![7; 24] };
    assert_eq!(parse(ParamKind::Salsa20, &params, 24), Ok(wanted));
    let no_counter = CK_SALSA20_PARAMS { pBlockCounter: ptr::null_mut(), ..params };
    let half_a_byte = CK_SALSA20_PARAMS { ulNonceBits: 60, ..params };
    for bad in [no_counter, half_a_byte] {
        assert_eq!(parse(ParamKind::Salsa20, &bad, 24), Err(Error::MechanismParamInvalid));
    }
}

#[test]
fn the_nonce_of_chacha20_poly1305_is_told_in_bits_or_bytes() {
    let mut nonce = [7; 24];
    for (told, wanted) in [(96, 12), (12, 12), (192, 24), (24, 24)] {
        let params = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: told,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
        };
        let wanted = Params::ChaCha20Poly1305 { nonce: vec![7; wanted], aad: vec![] };
        assert_eq!(parse(ParamKind::ChaCha20Poly1305, &params, 32), Ok(wanted));
    }
}

#[test]
fn a_structure_may_be_unaligned() {
    let params = CK_AES_CTR_PARAMS { ulCounterBits: 32, cb: [5; 16] };
    let mut bytes = [0; 1 + size_of::<CK_AES_CTR_PARAMS>()];
    // SAFETY: the bytes have room for the structure behind the first.
    unsafe { bytes.as_mut_ptr().add(1).cast::<CK_AES_CTR_PARAMS>().write_unaligned(params) };
    let parameter = Parameter { place: bytes[1..].as_ptr(), len: 24 };
    // SAFETY: as above.
    let read = unsafe { parameter.params(ParamKind::AesCtr, &mut References::default()) };
    assert_eq!(read, Ok(Params::AesCtr { counter_bits: 32, counter_block: [5; 16] }));
}

#[test]
fn a_null_field_with_a_length_or_an_absurd_length_is_refused() {
    let (mut iv, mut aad) = ([7; 12], [9; 3]);
    let good = gcm_params(&mut iv, &mut aad);
    for bad in [
        CK_GCM_PARAMS { pIv: ptr::null_mut(), ..good },
        CK_GCM_PARAMS { pAAD: ptr::null_mut(), ..good },
        CK_GCM_PARAMS { ulAADLen: 1 << 62, ..good },
    ] {
        assert_eq!(parse(ParamKind::Gcm, &bad, 48), Err(Error::MechanismParamInvalid));
    }
    let no_aad = CK_GCM_PARAMS { pAAD: ptr::null_mut(), ulAADLen: 0, ..good };
    assert!(parse(ParamKind::Gcm, &no_aad, 48).is_ok());
}

#[test]
fn plain_bytes_have_the_length_of_the_mechanism() {
    let iv = [3u8; 16];
    assert_eq!(parse(ParamKind::Bytes(16), &iv, 16), Ok(Params::Bytes(vec![3; 16])));
    assert_eq!(parse(ParamKind::Bytes(16), &iv, 12), Err(Error::MechanismParamInvalid));
    assert_eq!(parse(ParamKind::OptionalBytes(8), &iv, 0), Ok(Params::None));
    assert_eq!(parse(ParamKind::None, &iv, 16), Err(Error::MechanismParamInvalid));
    assert_eq!(parse(ParamKind::None, &iv, 0), Ok(Params::None));
}

#[test]
fn an_oaep_label_needs_its_source() {
    let mut label = *b"label";
    let params = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: label.as_mut_ptr().cast(),
        ulSourceDataLen: 5,
    };
    let wanted = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: label.to_vec() };
    assert_eq!(parse(ParamKind::Oaep, &params, 40), Ok(wanted));
    let unspecified = CK_RSA_PKCS_OAEP_PARAMS { source: 0, ..params };
    assert_eq!(parse(ParamKind::Oaep, &unspecified, 40), Err(Error::MechanismParamInvalid));
    let none = CK_RSA_PKCS_OAEP_PARAMS { source: 0, ulSourceDataLen: 0, ..params };
    assert!(parse(ParamKind::Oaep, &none, 40).is_ok());
}

#[test]
fn null_and_unknown_mechanisms_are_told_apart() {
    // SAFETY: NULL is not read; the other is ours.
    unsafe {
        assert_eq!(read(ptr::null()), Err(Error::ArgumentsBad));
        let unknown = CK_MECHANISM { mechanism: 0x7fff_ffff, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        assert_eq!(read(&unknown), Err(Error::MechanismInvalid));
    }
}

#[test]
fn key_wrap_parameters_lead_to_their_oaep_parameters() {
    let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: ptr::null_mut(),
        ulSourceDataLen: 0,
    };
    let params = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, pOAEPParams: &mut oaep };
    let inner = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: vec![] };
    let wanted = Params::RsaAesKeyWrap { key_bits: 256, oaep: Box::new(inner) };
    assert_eq!(parse(ParamKind::RsaAesKeyWrap, &params, 16), Ok(wanted));
    let none = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, pOAEPParams: ptr::null_mut() };
    assert_eq!(parse(ParamKind::RsaAesKeyWrap, &none, 16), Err(Error::MechanismParamInvalid));
}

#[test]
fn a_public_value_has_at_least_one_byte() {
    let value = [3u8; 16];
    assert_eq!(parse(ParamKind::AnyBytes, &value, 16), Ok(Params::Bytes(vec![3; 16])));
    assert_eq!(parse(ParamKind::AnyBytes, &value, 0), Err(Error::MechanismParamInvalid));
}
