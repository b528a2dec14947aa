use super::*;
use crate::mechanism::lookup;
use crate::mechanism::testing::{derive, derived, length, secret_key, unhex};
use crate::policy::UsableKey;

fn key(value: &[u8]) -> UsableKey {
    secret_key(CKK_GENERIC_SECRET, value)
}

fn randoms(client: &str, server: &str) -> Randoms {
    Randoms { client: unhex(client), server: unhex(server) }
}

/// NIST CAVP, component test of SP 800-135: pre-master secret, randoms of the hellos, master secret, randoms of the key
/// expansion, key block.
struct Vector {
    hash: Option<CK_MECHANISM_TYPE>,
    pre_master: &'static str,
    hellos: [&'static str; 2],
    master: &'static str,
    randoms: [&'static str; 2],
    block: &'static str,
}

const VECTORS: [Vector; 2] = [
    Vector {
        hash: Some(CKM_SHA256),
        pre_master: "f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc",
        hellos: [
            "36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c",
            "f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce",
        ],
        master: "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf",
        randoms: [
            "62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616",
            "ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868",
        ],
        block: "d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531016a2530c51a3a0f7e1d6590d0f0566b2f387f8d\
                11fd4f731cdd572d2eae927f6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068bf9a6679485d966f1ad6f68b43495b10\
                a683755ea2b858d70ccac7ec8b053c6bd41ca299d4e51928",
    },
    Vector {
        hash: None,
        pre_master: "bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e780ec55d9844b2f1db02a96453513568d0",
        hellos: [
            "e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693",
            "135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2",
        ],
        master: "2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc2090c5bf51a0891209f46c1e1e998f62",
        randoms: [
            "d58a7b1cd4fedaa232159df652ce188f9d997e061b9bf48e83b62990440931f6",
            "67267e650eb32444119d222a368c191af3082888dc35afe8368e638c828874be",
        ],
        block: "3088825988e77fce68d19f756e18e43eb7fe672433504feaf99b3c503d9091b164f166db301d70c9fc0870b4a94563907bee1a61\
                fb786cb717576890bcc51cb9ead97e01d0a2fea99c953377b195205ff07b369589178796edc963fd80fdbe518a2fc1c35c18ae8d",
    },
];

fn master_params(vector: &Vector) -> Params {
    let seed = MasterSeed::Randoms(randoms(vector.hellos[0], vector.hellos[1]));
    Params::TlsMaster(MasterParams { hash: vector.hash, seed })
}

fn material_params(vector: &Vector, [mac_bits, key_bits, iv_bits]: [u64; 3]) -> Params {
    let randoms = randoms(vector.randoms[0], vector.randoms[1]);
    Params::TlsKeyMaterial(KeyMaterialParams { hash: vector.hash, mac_bits, key_bits, iv_bits, randoms })
}

#[test]
fn the_cavp_master_secrets_come_out_with_the_version_before_them() {
    for (vector, ids) in VECTORS.iter().zip([
        [CKM_TLS12_MASTER_KEY_DERIVE, CKM_TLS12_MASTER_KEY_DERIVE_DH],
        [CKM_TLS_MASTER_KEY_DERIVE, CKM_TLS_MASTER_KEY_DERIVE_DH],
    ]) {
        let base = key(&unhex(vector.pre_master));
        for (id, version) in ids.into_iter().zip([Some(unhex(vector.pre_master)[..2].to_vec()), None]) {
            let made = derived(id, &base, &[], &master_params(vector), &Template::new()).unwrap();
            let object = made.main.unwrap();
            assert_eq!(hex::encode(object.bytes(CKA_VALUE).unwrap()), vector.master, "{id:#x}");
            assert_eq!(made.returned, Vec::from_iter(version));
            assert!(object.is_true(CKA_DERIVE));
            assert_eq!(object.contains(CKA_ALLOWED_MECHANISMS), vector.hash.is_some());
        }
    }
}

/// The value was computed with the HMAC of Python.
#[test]
fn an_extended_master_secret_comes_from_the_hash_of_the_session() {
    let base = key(&unhex(VECTORS[0].master));
    let session = crate::crypto::digest::Hash::Sha256.digest(b"handshake").unwrap();
    let seed = MasterSeed::Session(session.as_bytes().to_vec());
    let params = Params::TlsMaster(MasterParams { hash: Some(CKM_SHA256), seed });
    for id in [CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH] {
        let made = derive(id, &base, &params, Some(48)).unwrap();
        let wanted = "8ce69106a63cf7df0e1cdfa5e805ad431acc5d08ff7600284bb2a56ffdc512230d961e9e77318b6b01f77a28b1adbfd1";
        assert_eq!(hex::encode(made), wanted);
    }
}

#[test]
fn a_master_secret_has_48_bytes_and_the_uses_of_tls() {
    let base = key(&unhex(VECTORS[0].pre_master));
    let ids = [
        (CKM_TLS12_MASTER_KEY_DERIVE, &VECTORS[0]),
        (CKM_TLS12_MASTER_KEY_DERIVE_DH, &VECTORS[0]),
        (CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, &VECTORS[0]),
        (CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, &VECTORS[0]),
        (CKM_TLS_MASTER_KEY_DERIVE, &VECTORS[1]),
        (CKM_TLS_MASTER_KEY_DERIVE_DH, &VECTORS[1]),
    ];
    for (id, vector) in ids {
        let run = |entry| {
            let template = Attributes::from_iter([entry]).into();
            derived(id, &base, &[], &master_params(vector), &template).map(|made| made.main.unwrap())
        };
        let inconsistent = Some(Error::TemplateInconsistent);
        assert_eq!(run((CKA_VALUE_LEN, Value::Ulong(47))).err(), inconsistent);
        assert_eq!(run((CKA_KEY_TYPE, Value::Ulong(CKK_AES))).err(), inconsistent);
        assert!(!run((CKA_DERIVE, Value::Bool(false))).unwrap().contains(CKA_DERIVE));
        let wrong = derived(id, &base, &[], &Params::None, &Template::new());
        assert_eq!(wrong.err(), Some(Error::MechanismParamInvalid));
        if vector.hash.is_some() {
            let only = |id| (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![id]));
            assert_eq!(run(only(CKM_AES_CBC)).err(), inconsistent);
            assert!(!run(only(CKM_TLS12_KEY_SAFE_DERIVE)).unwrap().contains(CKA_ALLOWED_MECHANISMS));
        }
    }
}

#[test]
fn a_pre_master_secret_begins_with_the_version() {
    let generate = |template: &Attributes| {
        lookup(CKM_TLS_PRE_MASTER_KEY_GEN).unwrap().ops.generate_key.unwrap()(
            &Params::Bytes(vec![3, 1]),
            template,
        )
    };
    let first = generate(&Attributes::new()).unwrap();
    assert_eq!(first.bytes(CKA_VALUE).unwrap().len(), 48);
    assert_eq!(first.bytes(CKA_VALUE).unwrap()[..2], [3, 1]);
    assert_ne!(first, generate(&Attributes::new()).unwrap());
    for wrong in [(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_KEY_TYPE, Value::Ulong(CKK_AES))] {
        assert_eq!(generate(&Attributes::from_iter([wrong])).err(), Some(Error::TemplateInconsistent));
    }
}

#[test]
fn the_cavp_key_blocks_come_apart_into_keys_and_ivs() {
    // TLS 1.2: 2 * (32 + 16 + 16) bytes, TLS 1.0: 2 * (20 + 16 + 16).
    for (vector, id, mac) in
        [(&VECTORS[0], CKM_TLS12_KEY_AND_MAC_DERIVE, 32usize), (&VECTORS[1], CKM_TLS_KEY_AND_MAC_DERIVE, 20)]
    {
        let base = key(&unhex(vector.master));
        let template: Template = Attributes::from_iter([
            (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
            (CKA_LABEL, Value::Bytes(b"tls".to_vec())),
        ])
        .into();
        let params = material_params(vector, [mac as u64 * 8, 128, 128]);
        let made = derived(id, &base, &[], &params, &template).unwrap();
        assert!(made.main.is_none());
        assert_eq!(made.inheritance, Inheritance::Same);
        let parts = made.further.iter().map(|(_, key)| key.bytes(CKA_VALUE).unwrap().to_vec());
        let block: Vec<u8> = parts.chain(made.returned.clone()).flatten().collect();
        assert_eq!(hex::encode(block), vector.block);
        let lengths: Vec<_> =
            made.further.iter().map(|(_, key)| key.bytes(CKA_VALUE).unwrap().len()).collect();
        assert_eq!(lengths, [mac, mac, 16, 16]);
        let (mac_template, _) = &made.further[0];
        assert_eq!(mac_template.ulong(CKA_KEY_TYPE), None);
        assert!(mac_template.is_true(CKA_SIGN) && mac_template.is_true(CKA_VERIFY));
        assert_eq!(mac_template.bytes(CKA_LABEL), Some(&b"tls"[..]));
        let (key_template, key) = &made.further[2];
        assert_eq!(key_template, &template);
        assert!(key.is_true(CKA_ENCRYPT) && key.is_true(CKA_DECRYPT) && key.is_true(CKA_DERIVE));
    }
}

#[test]
fn a_cipher_suite_without_macs_or_ivs_has_none() {
    let base = key(&unhex(VECTORS[0].master));
    let run = |sizes| {
        let params = material_params(&VECTORS[0], sizes);
        derived(CKM_TLS12_KEY_SAFE_DERIVE, &base, &[], &params, &Template::new())
    };
    let made = run([0, 256, 0]).unwrap();
    assert_eq!((made.further.len(), made.returned.len()), (2, 0));
    let client = made.further[0].1.bytes(CKA_VALUE).unwrap();
    assert_eq!(hex::encode(client), VECTORS[0].block[..64]);
    for sizes in [[1, 128, 0], [0, 127, 0], [0, 128, 9], [u64::MAX - 7, 0, 0], [0, 1 << 40, 0]] {
        assert_eq!(run(sizes).err(), Some(Error::MechanismParamInvalid), "{sizes:?}");
    }
    for id in [CKM_TLS_KEY_AND_MAC_DERIVE, CKM_TLS12_KEY_AND_MAC_DERIVE, CKM_TLS12_KEY_SAFE_DERIVE] {
        let wrong = derived(id, &base, &[], &Params::None, &Template::new());
        assert_eq!(wrong.err(), Some(Error::MechanismParamInvalid));
    }
    let params = material_params(&Vector { hash: Some(CKM_AES_CBC), ..VECTORS[0] }, [0, 128, 0]);
    let wrong = derived(CKM_TLS12_KEY_SAFE_DERIVE, &base, &[], &params, &Template::new());
    assert_eq!(wrong.err(), Some(Error::MechanismParamInvalid));
}

fn exporter(context: Option<&[u8]>) -> TlsKdfParams {
    let randoms = Randoms { client: vec![1; 32], server: vec![2; 32] };
    TlsKdfParams {
        prf: CKM_SHA256,
        label: b"EXPORTER-test".to_vec(),
        randoms,
        context: context.map(<[u8]>::to_vec),
    }
}

/// The values were computed with the HMAC of Python.
#[test]
fn an_exporter_tells_no_context_from_an_empty_one() {
    let base = key(&unhex(VECTORS[0].master));
    for id in [CKM_TLS_KDF, CKM_TLS12_KDF] {
        for (context, wanted) in [
            (None, "d2d3944cd6c480b302512ab466e5e1ad64800623eec5d219210ae1df4b39f3d8"),
            (Some(&b"abc"[..]), "5883dd1cb8fbcca5d69e98b59a4000571b3ceca6a28b1d8272b3bbe7ffa056cc"),
            (Some(b""), "7d40793775302dbf3afb2cdaf69c7cab152ec09f065838d733debf5fb7ad8b1d"),
        ] {
            let made =
                derived(id, &base, &[], &Params::TlsKdf(exporter(context)), &length(Some(32))).unwrap();
            assert_eq!(hex::encode(made.main.unwrap().bytes(CKA_VALUE).unwrap()), wanted);
            assert_eq!(made.inheritance, Inheritance::Strictest);
        }
        let run = |params: TlsKdfParams, wanted| derive(id, &base, &Params::TlsKdf(params), wanted).err();
        assert_eq!(run(exporter(None), None), Some(Error::TemplateIncomplete));
        assert_eq!(run(exporter(None), Some(MAX_DERIVED + 1)), Some(Error::KeySizeRange));
        assert_eq!(run(exporter(Some(&[0; 65536])), Some(32)), Some(Error::MechanismParamInvalid));
        let unknown = TlsKdfParams { prf: CKM_AES_CBC, ..exporter(None) };
        assert_eq!(run(unknown, Some(32)), Some(Error::MechanismParamInvalid));
    }
}

/// The value was computed with the HMAC of Python.
#[test]
fn the_output_of_the_prf_is_no_key_and_keys_are_no_output() {
    let base = key(&unhex(VECTORS[0].master));
    let params = |label: &[u8], length| {
        let seed = [[1; 32], [2; 32]].concat();
        Params::TlsPrf(TlsPrfParams { seed, label: label.to_vec(), length })
    };
    let run = |params: &Params| derived(CKM_TLS_PRF, &base, &[], params, &Template::new());
    let made = run(&params(b"client EAP encryption", 32)).unwrap();
    assert!(made.main.is_none() && made.further.is_empty());
    let wanted = "d58aa8d6d17c919dc038e768bd102a2854de7381179a0386028c76b3e4a0a0d5";
    assert_eq!(made.returned.iter().map(hex::encode).collect::<Vec<_>>(), [wanted]);
    for label in LABELS_OF_KEYS {
        assert_eq!(run(&params(label, 32)).err(), Some(Error::MechanismParamInvalid));
    }
    for length in [0, MAX_DERIVED as u64 + 1, u64::MAX] {
        assert_eq!(run(&params(b"label", length)).err(), Some(Error::MechanismParamInvalid));
    }
}
