use super::*;
use crate::mechanism::testing::{derived, length, secret_key, unhex};

const COUNTER: CK_MECHANISM_TYPE = CKM_SP800_108_COUNTER_KDF;
const FEEDBACK: CK_MECHANISM_TYPE = CKM_SP800_108_FEEDBACK_KDF;
const PIPELINE: CK_MECHANISM_TYPE = CKM_SP800_108_DOUBLE_PIPELINE_KDF;

fn bits(bits: u64) -> Number {
    Number { little_endian: false, bits }
}

fn bytes(hex: &str) -> PrfData {
    PrfData::Bytes(unhex(hex))
}

fn params(prf: CK_MECHANISM_TYPE, data: Vec<PrfData>, iv: &str) -> Params {
    Params::Sp800108(Sp800108Params { prf, data, iv: unhex(iv), additional: vec![] })
}

fn base(prf: CK_MECHANISM_TYPE, value: &str) -> UsableKey {
    let key_type = match prf {
        CKM_AES_CMAC => CKK_AES,
        CKM_DES3_CMAC => CKK_DES2,
        _ => CKK_GENERIC_SECRET,
    };
    secret_key(key_type, &unhex(value))
}

fn run(id: CK_MECHANISM_TYPE, key: &UsableKey, params: &Params, wanted: Option<usize>) -> Result<String> {
    let made = derived(id, key, &[], params, &length(wanted))?;
    Ok(hex::encode(made.main.unwrap().bytes(CKA_VALUE).unwrap()))
}

/// NIST CAVP, "SP800-108 - KDF", CAVS 14.4: counter before the fixed data, of 8, 16 and 32 bits.
#[test]
fn the_cavp_keys_of_the_counter_mode_come_out() {
    for (prf, width, key, fixed, output) in [
        (
            CKM_AES_CMAC,
            8,
            "dff1e50ac0b69dc40f1051d46c2b069c",
            "c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b33fd8c3b01203a7824485bf0a64060c4648b707d26\
             07935699316ea5",
            "8be8f0869b3c0ba97b71863d1b9f7813",
        ),
        (
            CKM_AES_CMAC,
            8,
            "7aa9973481d560f3be217ac3341144d8",
            "46f88b5af7fb9e29262dd4e010143a0a9c465c627450ec74ab7251889529193e995c4b56ff55bc2fc8992a0df1ee8056f6816b7614\
             fba4c12d3be1a5",
            "1746ae4f09903f74bfbe1b8ae2b79d74576a3b09",
        ),
        (
            CKM_AES_CMAC,
            16,
            "d7e8eefc503a39e70d931f16645958ad06fb789f0cbc518b",
            "b10ea2d67904a8b3b7ce5eef7d9ee49768e8deb3506ee74a2ad8dd8661146fde74137a8f6dfc69a370945d15335e0d6403fa029da1\
             9d34140c7e3da0",
            "95278b8883852f6676c587507b0aa162",
        ),
        (
            CKM_SHA224_HMAC,
            32,
            "f5cb7cc6207f5920dd60155ddb68c3fbbdf5104365305d2c1abcd311",
            "4e5ac7539803da89581ee088c7d10235a10536360054b72b8e9f18f77c25af01019b290656b60428024ce01fccf49022d831941407\
             e6bd27ff9e2d28",
            "0adbaab43edd532b560a322c84ac540e",
        ),
        (
            CKM_SHA256_HMAC,
            32,
            "dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0",
            "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b08f8683d0315bb2911d80a0e8a\
             ba17f3b413faac",
            "10621342bfb0fd40046c0e29f2cfdbf0",
        ),
    ] {
        let params = params(prf, vec![PrfData::Iteration(Some(bits(width))), bytes(fixed)], "");
        assert_eq!(run(COUNTER, &base(prf, key), &params, Some(output.len() / 2)).as_deref(), Ok(output));
    }
}

/// NIST CAVP: feedback mode, without a counter and with one behind the iteration variable.
#[test]
fn the_cavp_keys_of_the_feedback_mode_come_out() {
    let with_iv = params(
        CKM_AES_CMAC,
        vec![
            PrfData::Iteration(None),
            bytes(
                "62afe5fed91e797221a854336b0aadd8a05ad0e3c8345729897b2efcec5a1178a2fa4c063007b67a7015e0d6b7271ea8d86b44",
            ),
        ],
        "28dc945cb8337ab5336c3e9b5bad21c7",
    );
    let made =
        run(FEEDBACK, &base(CKM_AES_CMAC, "5c996c922f65de97d4408373229814c6"), &with_iv, Some(64)).unwrap();
    let wanted = "88a9aae193abdd3fe8143bab66014ae41dc2d12ea9d08f5871588fc5d827924eb9942989d7a36d4b3b107997566472cad594\
                  2bd13cb5cff32b9dae30f1bb6300";
    assert_eq!(made, wanted);
    let with_counter = params(
        CKM_AES_CMAC,
        vec![
            PrfData::Iteration(None),
            PrfData::Counter(bits(16)),
            bytes(
                "fb5294ed40a0e4aa70a7be13913070a4c5cfc05f89b9f7dd26a493b8c63889c7c3b0b60dd6d598ffa296a426224c727a501946",
            ),
        ],
        "",
    );
    let key = base(CKM_AES_CMAC, "d7f5fa7551645de0b36aecd46565f954");
    let wanted = "7164471f559812581a53aaf7fb6d6c53a1293115cda873887efcc7ce6b3a026b2d19f0d38db8590e218a2676df88f53cab33\
                  13ed63bd1e4828f3c066ea5eb1fd";
    assert_eq!(run(FEEDBACK, &key, &with_counter, Some(64)).as_deref(), Ok(wanted));
}

/// NIST CAVP: feedback mode with Triple DES, the first 28 bytes.
#[test]
fn a_cavp_key_of_triple_des_comes_out() {
    let fixed = "28400c621bc2f7ae04de8ab279009803885e7966b2391e7a2cf28ca458f83f48882135066d31f701fb46937cf867dabbfa1bac";
    let params = params(CKM_DES3_CMAC, vec![PrfData::Iteration(None), bytes(fixed)], "9e24eef3fe79719f");
    let key = base(CKM_DES3_CMAC, "1cc91ac93ce93215c74ca11cb900fcb3");
    let wanted = "3f46494db77b4497075e0abea59b15c4d97b5055e48eaf1db3c86012";
    assert_eq!(run(FEEDBACK, &key, &params, Some(28)).as_deref(), Ok(wanted));
}

/// NIST CAVP: double-pipeline mode, without a counter and with one of 8 and 32 bits.
#[test]
fn the_cavp_keys_of_the_double_pipeline_mode_come_out() {
    for (counter, key, fixed, output) in [
        (
            None,
            "ada2452f1f141a82c7a1b7d3e09ffed1",
            "335660eb265d2044efa06eacd848d3f9f57d219011343318f3a964df4a6fb1bf6cbdee711c7fcbe73b8f257f992e47e8b065af",
            "a73bd29176e38e761222ae07d639181f4b2c555a3b261815cde5d88a67c8b95c58b6b66ea4f10608c6d799b051519fc8e89de00cdc\
             556350a7d966475086f9af",
        ),
        (
            Some(8),
            "08a5a251b8e4826fbf73292f4cd6c790",
            "aa5acbce73a98d4c4f361d5c22a2cc6f6bdc30027aa31af1ba8b15a5bd5b6a34d133519ad1a82483c2d2a6dd9a97273a780421",
            "ff1c72ec38b8968a1ce0942a571a1f522ddd2a1c6ffc2b60c90bb54a5c0e9de40d289686cbff127b408ec64ef615b18c1abc0736ae\
             4c94e33e54d832e686276e",
        ),
        (
            Some(32),
            "2451975a33ab0c7535e00abe7b57982335b0471ad857a093c6765e6c58443852",
            "fb95eb3c47dcad3b783b045b29bcb6f5aefc0389735843b92b4d8fab97d61350b76b2a83442d7c5aa497aa1cf441760281a08b",
            "2f157687f782c8b64325826e3c755194c70abffd9d78c4678924b9d73dcced86dcaf7dfa3bf56cf03fa45c7fca05ca1092c41bbd93\
             4131e95db2b204241a9d02",
        ),
    ] {
        let counter = counter.map(|width| PrfData::Counter(bits(width)));
        let data = [PrfData::Iteration(None)].into_iter().chain(counter).chain([bytes(fixed)]).collect();
        let made = run(PIPELINE, &base(CKM_AES_CMAC, key), &params(CKM_AES_CMAC, data, ""), Some(64));
        assert_eq!(made.as_deref(), Ok(output));
    }
}

/// NIST CAVP, counter of 8 bits behind the fixed data: 32 bytes, here as two keys of one segment each.
#[test]
fn additional_keys_take_the_segments_behind_the_first() {
    let data = vec![
        bytes(
            "e679861a613465a67385372671b107e6b895a2f64043c934ff4256a7e63cfb8bfacc2124251c90fa670d45745c1c35da9b6e05af77ea\
             9c4ad486fd1a",
        ),
        PrfData::Iteration(Some(bits(8))),
    ];
    let additional = vec![length(Some(16)), length(Some(5))];
    let params = Params::Sp800108(Sp800108Params {
        prf: CKM_AES_CMAC,
        data,
        iv: vec![],
        additional: additional.clone(),
    });
    let key = base(CKM_AES_CMAC, "23eb065be127a881e35a6514d435679f");
    // A first key of three bytes leaves the rest of its segment unused.
    for wanted in [16, 3] {
        let made = derived(COUNTER, &key, &[], &params, &length(Some(wanted))).unwrap();
        assert_eq!(made.inheritance, Inheritance::Base);
        let first = made.main.unwrap();
        let whole = unhex("ea4ebbb4efff4b01684012ed8ff9c64e");
        assert_eq!(first.bytes(CKA_VALUE), whole.get(..wanted));
        let [(template, second), (_, third)] = &made.further[..] else { panic!("{}", made.further.len()) };
        assert_eq!(template, &additional[0]);
        assert_eq!(hex::encode(second.bytes(CKA_VALUE).unwrap()), "70ae38197c36445a6c804a0e44819ac3");
        assert_eq!(third.bytes(CKA_VALUE).unwrap().len(), 5);
    }
}

/// The parts of the input one by one, against HMAC of the whole.
#[test]
fn lengths_numbers_and_keys_stand_where_they_are_put() {
    let little = Number { little_endian: true, bits: 16 };
    let data = vec![
        PrfData::Iteration(Some(little)),
        PrfData::Length { segments: false, form: bits(16) },
        PrfData::Key,
        PrfData::Length { segments: true, form: little },
    ];
    let mut twice = data.clone();
    twice.pop();
    let other = base(CKM_SHA256_HMAC, "c0ffee");
    let key = base(CKM_SHA256_HMAC, "00010203");
    for (data, tail) in [(twice, ""), (data.split_at(1).0.to_vec(), "")] {
        let made = derived(
            COUNTER,
            &key,
            std::slice::from_ref(&other),
            &params(CKM_SHA256_HMAC, data.clone(), ""),
            &length(Some(20)),
        );
        let middle = if data.len() == 1 { "" } else { "00a0c0ffee" };
        let input = unhex(&["0100", middle, tail].concat());
        let wanted =
            crate::crypto::hmac::hmac(crate::crypto::digest::Hash::Sha256, &[0, 1, 2, 3], &input).unwrap();
        assert_eq!(made.unwrap().main.unwrap().bytes(CKA_VALUE), wanted.as_bytes().get(..20));
    }
    let segments = vec![PrfData::Iteration(Some(bits(8))), PrfData::Length { segments: true, form: little }];
    let made = run(COUNTER, &key, &params(CKM_SHA256_HMAC, segments, ""), Some(20)).unwrap();
    let wanted =
        crate::crypto::hmac::hmac(crate::crypto::digest::Hash::Sha256, &[0, 1, 2, 3], &unhex("010001"));
    assert_eq!(made, hex::encode(&wanted.unwrap().as_bytes()[..20]));
}

#[test]
fn data_that_a_mode_does_not_have_is_refused() {
    let number = || Some(bits(8));
    let (counter, fixed) = (|| PrfData::Counter(bits(8)), || bytes("00"));
    let form = |width| PrfData::Length { segments: false, form: bits(width) };
    let refused: Vec<(CK_MECHANISM_TYPE, Vec<PrfData>)> = vec![
        (COUNTER, vec![]),
        (COUNTER, vec![fixed()]),
        (COUNTER, vec![PrfData::Iteration(None), fixed()]),
        (COUNTER, vec![PrfData::Iteration(number()), PrfData::Iteration(number())]),
        (COUNTER, vec![PrfData::Iteration(number()), counter()]),
        (COUNTER, vec![PrfData::Iteration(Some(bits(7)))]),
        (COUNTER, vec![PrfData::Iteration(Some(bits(0)))]),
        (COUNTER, vec![PrfData::Iteration(Some(bits(40)))]),
        (COUNTER, vec![PrfData::Iteration(Some(bits(u64::MAX)))]),
        (COUNTER, vec![PrfData::Iteration(number()), bytes("")]),
        (COUNTER, vec![PrfData::Iteration(number()), PrfData::Key]),
        (COUNTER, vec![PrfData::Iteration(number()), form(16), form(16)]),
        (COUNTER, vec![PrfData::Iteration(number()), form(9)]),
        // 256 bits do not fit into a byte.
        (COUNTER, vec![PrfData::Iteration(number()), form(8)]),
        (FEEDBACK, vec![PrfData::Iteration(number()), fixed()]),
        (FEEDBACK, vec![PrfData::Iteration(None), counter(), counter()]),
        (PIPELINE, vec![PrfData::Iteration(number()), fixed()]),
        (PIPELINE, vec![counter(), fixed()]),
    ];
    let key = base(CKM_SHA256_HMAC, "00010203");
    for (id, data) in refused {
        let made = run(id, &key, &params(CKM_SHA256_HMAC, data.clone(), ""), Some(32));
        assert_eq!(made, Err(Error::MechanismParamInvalid), "{id:#x} {data:?}");
    }
    let data = vec![PrfData::Iteration(number())];
    assert_eq!(
        run(COUNTER, &key, &params(CKM_SHA256, data.clone(), ""), Some(32)),
        Err(Error::MechanismParamInvalid)
    );
    assert_eq!(run(COUNTER, &key, &Params::None, Some(32)), Err(Error::MechanismParamInvalid));
    for (prf, other) in
        [(CKM_AES_CMAC, CKM_SHA256_HMAC), (CKM_DES3_CMAC, CKM_AES_CMAC), (CKM_SHA256_HMAC, CKM_AES_CMAC)]
    {
        let key = base(other, &"00".repeat(16));
        let made = run(COUNTER, &key, &params(prf, data.clone(), ""), Some(32));
        assert_eq!(made, Err(Error::KeyTypeInconsistent));
    }
    let xcbc = params(CKM_AES_XCBC_MAC, data, "");
    let made = run(COUNTER, &base(CKM_AES_CMAC, &"00".repeat(16)), &xcbc, Some(16));
    assert_eq!(made, Err(Error::MechanismParamInvalid));
}

#[test]
fn more_than_the_counter_counts_is_refused() {
    let key = base(CKM_SHA256_HMAC, "00010203");
    let params = params(CKM_SHA256_HMAC, vec![PrfData::Iteration(Some(bits(8)))], "");
    assert!(run(COUNTER, &key, &params, Some(255 * 32)).is_ok());
    for wanted in [0, 255 * 32 + 1, MAX_DERIVED + 1, usize::MAX] {
        assert_eq!(run(COUNTER, &key, &params, Some(wanted)), Err(Error::KeySizeRange), "{wanted}");
    }
    assert_eq!(run(COUNTER, &key, &params, None), Err(Error::TemplateIncomplete));
}
