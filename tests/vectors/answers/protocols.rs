//! Key derivations of protocols. NIST CAVP: SP 800-108, and the components of SP 800-135 for TLS and IKE. Extended master
//! secrets, exporters and "finished" messages were computed with the HMAC of Python, the longer key of IKE version 1 with a
//! second implementation of RFC 2409.

use std::ptr;

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::report::Outcome;
use super::super::symmetric::{compared, readable, secret_key};
use super::super::token::{Answer as Result, Attributes, Token, ulong};
use super::{Does, Known, derives, hex, secret, signs};

/// Lives as long as the test, for what a parameter points to.
fn kept<T>(value: T) -> *mut T {
    Box::leak(Box::new(value))
}

fn kept_bytes(digits: &str) -> (CK_BYTE_PTR, CK_ULONG) {
    let bytes = hex(digits).leak();
    (bytes.as_mut_ptr(), bytes.len() as CK_ULONG)
}

fn parameter<T>(id: CK_MECHANISM_TYPE, structure: T) -> Mechanism {
    Mechanism::with(id, [], |[]| structure)
}

fn generic(value: &str) -> Attributes {
    secret_key(CKK_GENERIC_SECRET, &hex(value))
}

fn of(len: CK_ULONG) -> Attributes {
    let mut template = readable(CKK_GENERIC_SECRET);
    template.push((CKA_VALUE_LEN, ulong(len)));
    template
}

/// A version of TLS: pre-master secret, randoms of the hellos, master secret, randoms of the key expansion, key block.
struct Tls {
    pre_master: &'static str,
    hellos: [&'static str; 2],
    master: &'static str,
    randoms: [&'static str; 2],
    block: &'static str,
}

/// With SHA-256.
const TLS_1_2: Tls = Tls {
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
};

/// The same for versions 1.0 and 1.1.
const TLS_1_0: Tls = Tls {
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
};

fn random([client, server]: [&str; 2]) -> CK_SSL3_RANDOM_DATA {
    let (client, server) = (kept_bytes(client), kept_bytes(server));
    CK_SSL3_RANDOM_DATA {
        pClientRandom: client.0,
        ulClientRandomLen: client.1,
        pServerRandom: server.0,
        ulServerRandomLen: server.1,
    }
}

/// A place for the version, or none for the Diffie-Hellman forms.
fn version(wanted: bool) -> *mut CK_VERSION {
    if wanted { kept(CK_VERSION { major: 0, minor: 0 }) } else { ptr::null_mut() }
}

fn tls_master(id: CK_MECHANISM_TYPE, with_version: bool) -> Known {
    let params = CK_SSL3_MASTER_KEY_DERIVE_PARAMS {
        RandomInfo: random(TLS_1_0.hellos),
        pVersion: version(with_version),
    };
    derives(parameter(id, params), generic(TLS_1_0.pre_master), vec![], TLS_1_0.master)
}

fn tls12_master(id: CK_MECHANISM_TYPE, with_version: bool) -> Known {
    let params = CK_TLS12_MASTER_KEY_DERIVE_PARAMS {
        RandomInfo: random(TLS_1_2.hellos),
        pVersion: version(with_version),
        prfHashMechanism: CKM_SHA256,
    };
    derives(parameter(id, params), generic(TLS_1_2.pre_master), vec![], TLS_1_2.master)
}

fn extended_master(id: CK_MECHANISM_TYPE, with_version: bool) -> Known {
    let session = kept_bytes(HANDSHAKE);
    let params = CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS {
        prfHashMechanism: CKM_SHA256,
        pSessionHash: session.0,
        ulSessionHashLen: session.1,
        pVersion: version(with_version),
    };
    let wanted =
        "8ce69106a63cf7df0e1cdfa5e805ad431acc5d08ff7600284bb2a56ffdc512230d961e9e77318b6b01f77a28b1adbfd1";
    derives(parameter(id, params), generic(TLS_1_2.master), vec![], wanted)
}

/// SHA-256 of "handshake".
const HANDSHAKE: &str = "dfff30d188055f20aaa1610f29102805528465bbad91709ded764e8899f5ad2b";

fn exporter(id: CK_MECHANISM_TYPE) -> Known {
    let label = kept_bytes(&hex::encode("EXPORTER-test"));
    let context = kept_bytes(&hex::encode("abc"));
    let params = CK_TLS_KDF_PARAMS {
        prfMechanism: CKM_SHA256,
        pLabel: label.0,
        ulLabelLength: label.1,
        RandomInfo: random([&"01".repeat(32), &"02".repeat(32)]),
        pContextData: context.0,
        ulContextDataLength: context.1,
    };
    let wanted = "5883dd1cb8fbcca5d69e98b59a4000571b3ceca6a28b1d8272b3bbe7ffa056cc";
    derives(parameter(id, params), generic(TLS_1_2.master), of(32), wanted)
}

fn finished(id: CK_MECHANISM_TYPE, prf: CK_MECHANISM_TYPE, mac: &str) -> Known {
    let params = CK_TLS_MAC_PARAMS { prfHashMechanism: prf, ulMacLength: 12, ulServerOrClient: 2 };
    signs(parameter(id, params), secret(CKK_GENERIC_SECRET, TLS_1_2.master), HANDSHAKE, mac)
}

fn calls(
    id: CK_MECHANISM_TYPE,
    right: fn(&Token) -> Result<Outcome>,
    wrong: fn(&Token) -> Result<()>,
) -> Known {
    Known { mechanism: Mechanism::plain(id), does: Does::Calls { right, wrong } }
}

/// What comes back through the parameter of a key-and-MAC derivation: MAC keys, keys and IVs, as one block.
fn key_block(token: &Token, id: CK_MECHANISM_TYPE, iv: bool, export: CK_BBOOL) -> Result<Vec<u8>> {
    let (tls, mac_bits) = if id == CKM_TLS_KEY_AND_MAC_DERIVE { (TLS_1_0, 160) } else { (TLS_1_2, 256) };
    let mut ivs = [[0u8; 16]; 2];
    let mut out = CK_SSL3_KEY_MAT_OUT {
        hClientMacSecret: 0,
        hServerMacSecret: 0,
        hClientKey: 0,
        hServerKey: 0,
        pIVClient: ivs[0].as_mut_ptr(),
        pIVServer: ivs[1].as_mut_ptr(),
    };
    let (iv_bits, random) = (if iv { 128 } else { 0 }, random(tls.randoms));
    let mechanism = if id == CKM_TLS_KEY_AND_MAC_DERIVE {
        let params = CK_SSL3_KEY_MAT_PARAMS {
            ulMacSizeInBits: mac_bits,
            ulKeySizeInBits: 128,
            ulIVSizeInBits: iv_bits,
            bIsExport: export,
            RandomInfo: random,
            pReturnedKeyMaterial: &mut out,
        };
        parameter(id, params)
    } else {
        let params = CK_TLS12_KEY_MAT_PARAMS {
            ulMacSizeInBits: mac_bits,
            ulKeySizeInBits: 128,
            ulIVSizeInBits: iv_bits,
            bIsExport: export,
            RandomInfo: random,
            pReturnedKeyMaterial: &mut out,
            prfHashMechanism: CKM_SHA256,
        };
        parameter(id, params)
    };
    let base = token.create(&generic(tls.master))?;
    let derived = token.derive_into_parameter(&mechanism, base, &vec![(CKA_KEY_TYPE, ulong(CKK_AES))]);
    token.destroy(base);
    derived?;
    let mut block = Vec::new();
    for key in [out.hClientMacSecret, out.hServerMacSecret, out.hClientKey, out.hServerKey] {
        block.extend(token.attribute(key, CKA_VALUE)?);
        token.destroy(key);
    }
    block.extend(if iv { ivs.concat() } else { vec![] });
    Ok(block)
}

fn key_blocks() -> [Known; 3] {
    [
        calls(
            CKM_TLS_KEY_AND_MAC_DERIVE,
            |token| {
                Ok(compared(
                    &key_block(token, CKM_TLS_KEY_AND_MAC_DERIVE, true, CK_FALSE),
                    &hex(TLS_1_0.block),
                ))
            },
            |token| key_block(token, CKM_TLS_KEY_AND_MAC_DERIVE, true, CK_TRUE).map(drop),
        ),
        calls(
            CKM_TLS12_KEY_AND_MAC_DERIVE,
            |token| {
                Ok(compared(
                    &key_block(token, CKM_TLS12_KEY_AND_MAC_DERIVE, true, CK_FALSE),
                    &hex(TLS_1_2.block),
                ))
            },
            |token| key_block(token, CKM_TLS12_KEY_AND_MAC_DERIVE, true, CK_TRUE).map(drop),
        ),
        // Without the IVs, the last 32 bytes.
        calls(
            CKM_TLS12_KEY_SAFE_DERIVE,
            |token| {
                let block = hex(TLS_1_2.block);
                Ok(compared(
                    &key_block(token, CKM_TLS12_KEY_SAFE_DERIVE, false, CK_FALSE),
                    &block[..block.len() - 32],
                ))
            },
            |token| key_block(token, CKM_TLS12_KEY_SAFE_DERIVE, false, CK_TRUE).map(drop),
        ),
    ]
}

/// The first 32 bytes that the PRF of TLS 1.0 makes with this label.
fn prf(token: &Token, label: &str) -> Result<Vec<u8>> {
    let (seed, label) =
        (kept_bytes(&["01".repeat(32), "02".repeat(32)].concat()), kept_bytes(&hex::encode(label)));
    let (mut output, mut length) = ([0u8; 32], 32);
    let params = CK_TLS_PRF_PARAMS {
        pSeed: seed.0,
        ulSeedLen: seed.1,
        pLabel: label.0,
        ulLabelLen: label.1,
        pOutput: output.as_mut_ptr(),
        pulOutputLen: &mut length,
    };
    let base = token.create(&generic(TLS_1_2.master))?;
    let derived = token.derive_into_parameter(&parameter(CKM_TLS_PRF, params), base, &vec![]);
    token.destroy(base);
    derived.map(|()| output.to_vec())
}

/// Two pre-master secrets: 48 bytes that begin with the version, and otherwise differ.
fn pre_masters(token: &Token) -> Result<Outcome> {
    let mechanism = Mechanism::bytes(CKM_TLS_PRE_MASTER_KEY_GEN, &[3, 1]);
    let visible = vec![(CKA_EXTRACTABLE, vec![CK_TRUE])];
    let keys = [token.generate(&mechanism, &visible)?, token.generate(&mechanism, &visible)?];
    let values = [token.attribute(keys[0], CKA_VALUE)?, token.attribute(keys[1], CKA_VALUE)?];
    keys.iter().for_each(|key| token.destroy(*key));
    let formed = values.iter().all(|value| value.len() == 48 && value.starts_with(&[3, 1]));
    let right = formed && values[0] != values[1];
    Ok(if right { Outcome::Accepted } else { Outcome::Wrong("no pre-master secrets".into()) })
}

fn sp800_108(
    id: CK_MECHANISM_TYPE,
    key: &str,
    counter: Option<CK_ULONG>,
    fixed: &str,
    iv: &str,
    output: &str,
) -> Known {
    let form = |bits| CK_SP800_108_COUNTER_FORMAT { bLittleEndian: CK_FALSE, ulWidthInBits: bits };
    let number = |type_, bits: Option<CK_ULONG>| CK_PRF_DATA_PARAM {
        type_,
        pValue: bits.map_or(ptr::null_mut(), |bits| kept(form(bits)).cast()),
        ulValueLen: if bits.is_some() { size_of::<CK_SP800_108_COUNTER_FORMAT>() as CK_ULONG } else { 0 },
    };
    let (fixed, iv) = (kept_bytes(fixed), kept_bytes(iv));
    let fixed =
        CK_PRF_DATA_PARAM { type_: CK_SP800_108_BYTE_ARRAY, pValue: fixed.0.cast(), ulValueLen: fixed.1 };
    let data = match (id, counter) {
        (CKM_SP800_108_COUNTER_KDF, _) => vec![number(CK_SP800_108_ITERATION_VARIABLE, counter), fixed],
        (_, None) => vec![number(CK_SP800_108_ITERATION_VARIABLE, None), fixed],
        _ => {
            vec![number(CK_SP800_108_ITERATION_VARIABLE, None), number(CK_SP800_108_COUNTER, counter), fixed]
        }
    };
    let data = data.leak();
    let (count, data) = (data.len() as CK_ULONG, data.as_mut_ptr());
    let mechanism = if id == CKM_SP800_108_FEEDBACK_KDF {
        let params = CK_SP800_108_FEEDBACK_KDF_PARAMS {
            prfType: CKM_AES_CMAC,
            ulNumberOfDataParams: count,
            pDataParams: data,
            ulIVLen: iv.1,
            pIV: iv.0,
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: ptr::null_mut(),
        };
        parameter(id, params)
    } else {
        let params = CK_SP800_108_KDF_PARAMS {
            prfType: CKM_AES_CMAC,
            ulNumberOfDataParams: count,
            pDataParams: data,
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: ptr::null_mut(),
        };
        parameter(id, params)
    };
    derives(mechanism, secret_key(CKK_AES, &hex(key)), of(output.len() as CK_ULONG / 2), output)
}

/// Ni and Nr.
const NONCES: &str = "32b50d5f4a3763f39206a04b26564cb1";
const SKEYSEED: &str = "a9a7b222b59f8f48645f28a1db5b5f5d7479cba7";

fn ike2() -> [Known; 2] {
    let (ni, nr) = (kept_bytes(&NONCES[..16]), kept_bytes(&NONCES[16..]));
    let initial = CK_IKE_PRF_DERIVE_PARAMS {
        prfMechanism: CKM_SHA_1_HMAC,
        bDataAsKey: CK_TRUE,
        bRekey: CK_FALSE,
        pNi: ni.0,
        ulNiLen: ni.1,
        pNr: nr.0,
        ulNrLen: nr.1,
        hNewKey: CK_INVALID_HANDLE,
    };
    let seed = kept_bytes(&[NONCES, "34c9e7c1888687853ff77d760d2b2199"].concat());
    let plus = CK_IKE2_PRF_PLUS_DERIVE_PARAMS {
        prfMechanism: CKM_SHA_1_HMAC,
        bHasSeedKey: CK_FALSE,
        hSeedKey: CK_INVALID_HANDLE,
        pSeedData: seed.0,
        ulSeedDataLen: seed.1,
    };
    let agreed = "4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52";
    let keys = "a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062";
    [
        derives(parameter(CKM_IKE_PRF_DERIVE, initial), generic(agreed), of(20), SKEYSEED),
        derives(parameter(CKM_IKE2_PRF_PLUS_DERIVE, plus), generic(SKEYSEED), of(40), keys),
    ]
}

/// SKEYID_d of version 1 from SKEYID and the secret that was agreed on.
fn skeyid_d(token: &Token, number: CK_BYTE) -> Result<Vec<u8>> {
    let agreed = generic("8ba4cbc73c0187301dc19a975823854dbd641c597f637f8d053a83b9514673eb");
    let (base, agreed) =
        (token.create(&generic("707197817fb2d90cf54d1842606bdea59b9f4823"))?, token.create(&agreed)?);
    let cookies = [kept_bytes("8c3bcd3a69831d7f"), kept_bytes("d2d9a7ff4fbe95a7")];
    let params = CK_IKE1_PRF_DERIVE_PARAMS {
        prfMechanism: CKM_SHA_1_HMAC,
        bHasPrevKey: CK_FALSE,
        hKeygxy: agreed,
        hPrevKey: CK_INVALID_HANDLE,
        pCKYi: cookies[0].0,
        ulCKYiLen: cookies[0].1,
        pCKYr: cookies[1].0,
        ulCKYrLen: cookies[1].1,
        keyNumber: number,
    };
    let key =
        token.derive(&parameter(CKM_IKE1_PRF_DERIVE, params), base, &of(if number == 0 { 20 } else { 21 }));
    token.destroy(base);
    token.destroy(agreed);
    let key = key?;
    let value = token.attribute(key, CKA_VALUE);
    token.destroy(key);
    value
}

fn extended() -> Known {
    let params = CK_IKE1_EXTENDED_DERIVE_PARAMS {
        prfMechanism: CKM_SHA_1_HMAC,
        bHasKeygxy: CK_FALSE,
        hKeygxy: CK_INVALID_HANDLE,
        pExtraData: ptr::null_mut(),
        ulExtraDataLen: 0,
    };
    let base = generic("63e81194946ebd05df7df5ebf5d8750056bf1f1d");
    let wanted = "933347a07de5782247dd36d1562ffe0eecade1eb4134165257e3af1000af8ae3f165063828cbb60d";
    derives(parameter(CKM_IKE1_EXTENDED_DERIVE, params), base, of(40), wanted)
}

pub fn answers() -> Vec<Known> {
    let mut answers = vec![
        tls_master(CKM_TLS_MASTER_KEY_DERIVE, true),
        tls_master(CKM_TLS_MASTER_KEY_DERIVE_DH, false),
        tls12_master(CKM_TLS12_MASTER_KEY_DERIVE, true),
        tls12_master(CKM_TLS12_MASTER_KEY_DERIVE_DH, false),
        extended_master(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, true),
        extended_master(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, false),
        exporter(CKM_TLS_KDF),
        exporter(CKM_TLS12_KDF),
        finished(CKM_TLS_MAC, CKM_TLS_PRF, "ea6dd93a590cfe353574dbd6"),
        finished(CKM_TLS12_MAC, CKM_SHA256, "79b01b6911a3a7a2a471423d"),
        calls(
            CKM_TLS_PRF,
            |token| {
                let wanted = "d58aa8d6d17c919dc038e768bd102a2854de7381179a0386028c76b3e4a0a0d5";
                Ok(compared(&prf(token, "client EAP encryption"), &hex(wanted)))
            },
            |token| prf(token, "key expansion").map(drop),
        ),
        calls(CKM_TLS_PRE_MASTER_KEY_GEN, pre_masters, |token| {
            let mechanism = Mechanism::bytes(CKM_TLS_PRE_MASTER_KEY_GEN, &[3, 1]);
            token.generate(&mechanism, &vec![(CKA_VALUE_LEN, ulong(47))]).map(drop)
        }),
        calls(
            CKM_IKE1_PRF_DERIVE,
            |token| Ok(compared(&skeyid_d(token, 0), &hex("384be709a8a5e63c3ed160cfe3921c4b37d5b32d"))),
            |token| skeyid_d(token, 1).map(drop),
        ),
        extended(),
    ];
    answers.extend(ike2());
    answers.extend(key_blocks());
    answers.extend(key_derivation());
    answers
}

#[rustfmt::skip]
fn key_derivation() -> [Known; 3] {
    [
        sp800_108(
            CKM_SP800_108_COUNTER_KDF, "7aa9973481d560f3be217ac3341144d8", Some(8),
            "46f88b5af7fb9e29262dd4e010143a0a9c465c627450ec74ab7251889529193e995c4b56ff55bc2fc8992a0df1ee8056f6816b7614fba4c12d3be1a5", "",
            "1746ae4f09903f74bfbe1b8ae2b79d74576a3b09",
        ),
        sp800_108(
            CKM_SP800_108_FEEDBACK_KDF, "5c996c922f65de97d4408373229814c6", None,
            "62afe5fed91e797221a854336b0aadd8a05ad0e3c8345729897b2efcec5a1178a2fa4c063007b67a7015e0d6b7271ea8d86b44",
            "28dc945cb8337ab5336c3e9b5bad21c7",
            "88a9aae193abdd3fe8143bab66014ae41dc2d12ea9d08f5871588fc5d827924eb9942989d7a36d4b3b107997566472cad5942bd13cb5cff32b9dae30f1bb6300",
        ),
        sp800_108(
            CKM_SP800_108_DOUBLE_PIPELINE_KDF, "08a5a251b8e4826fbf73292f4cd6c790", Some(8),
            "aa5acbce73a98d4c4f361d5c22a2cc6f6bdc30027aa31af1ba8b15a5bd5b6a34d133519ad1a82483c2d2a6dd9a97273a780421", "",
            "ff1c72ec38b8968a1ce0942a571a1f522ddd2a1c6ffc2b60c90bb54a5c0e9de40d289686cbff127b408ec64ef615b18c1abc0736ae4c94e33e54d832e686276e",
        ),
    ]
}
