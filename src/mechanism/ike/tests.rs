use super::*;
use crate::mechanism::testing::{derived, secret_key, unhex, with};
use crate::object::Template;
use crate::policy::UsableKey;

fn key(hex: &str) -> UsableKey {
    with(&secret_key(CKK_GENERIC_SECRET, &unhex(hex)), &[(CKA_EXTRACTABLE, true)])
}

fn template(wanted: Option<u64>) -> Template {
    let length = wanted.map(|wanted| (CKA_VALUE_LEN, Value::Ulong(wanted)));
    let key_type = (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET));
    [key_type].into_iter().chain(length).collect::<Attributes>().into()
}

fn run(
    id: CK_MECHANISM_TYPE,
    base: &str,
    keys: &[&str],
    params: &Params,
    wanted: Option<u64>,
) -> Result<String> {
    let keys: Vec<_> = keys.iter().map(|value| key(value)).collect();
    let made = derived(id, &key(base), &keys, params, &template(wanted))?;
    assert_eq!(made.inheritance, Inheritance::Strictest);
    Ok(hex::encode(made.main.unwrap().bytes(CKA_VALUE).unwrap()))
}

fn initial_params(data_as_key: bool, rekey: bool, nonces: &str) -> Params {
    Params::IkePrf(IkePrfParams { prf: CKM_SHA_1_HMAC, data_as_key, rekey, nonces: unhex(nonces) })
}

fn ike1_params(number: u8) -> Params {
    let cookies = unhex("8c3bcd3a69831d7fd2d9a7ff4fbe95a7");
    Params::Ike1Prf(Ike1PrfParams { prf: CKM_SHA_1_HMAC, cookies, number })
}

fn extended_params(extra: &[u8]) -> Params {
    Params::Ike1Extended(Ike1ExtendedParams { prf: CKM_SHA_1_HMAC, extra: extra.to_vec() })
}

const SKEYSEED: &str = "a9a7b222b59f8f48645f28a1db5b5f5d7479cba7";
/// SK_d and all that follows.
const KEYS: &str = "a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062768b76606f9fa5e99220\
                    4fc5a670bde3f10d6b027113936a5c55b648a194ae587b0088d52204b702c979fa280870d2ed41efa9c549fd11198af1670b\
                    143d384bd275c5f594cf266b05ebadca855e4249520a441a81157435a7a56cc4";
/// Ni and Nr.
const NONCES: &str = "32b50d5f4a3763f39206a04b26564cb1";

/// NIST CAVP, component test of SP 800-135, IKEv2 with SHA-1.
#[test]
fn the_cavp_keys_of_ike_version_2_come_out() {
    let agreed = "4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52";
    let made = run(CKM_IKE_PRF_DERIVE, agreed, &[], &initial_params(true, false, NONCES), None);
    assert_eq!(made.as_deref(), Ok(SKEYSEED));
    let seed = unhex(&[NONCES, "34c9e7c1888687853ff77d760d2b2199"].concat());
    let params = Params::Ike2PrfPlus(PrfPlusParams { prf: CKM_SHA_1_HMAC, seed });
    for length in [132, 40, 15] {
        let made = run(CKM_IKE2_PRF_PLUS_DERIVE, SKEYSEED, &[], &params, Some(length));
        assert_eq!(made.unwrap(), KEYS[..2 * length as usize]);
    }
    let again = "863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330";
    let made = run(CKM_IKE_PRF_DERIVE, &KEYS[..40], &[again], &initial_params(false, true, NONCES), Some(20));
    assert_eq!(made.as_deref(), Ok("63e81194946ebd05df7df5ebf5d8750056bf1f1d"));
}

/// A seed that is a key is the seed that is data.
#[test]
fn a_seed_key_stands_before_the_seed() {
    let seed = unhex("34c9e7c1888687853ff77d760d2b2199");
    let params = Params::Ike2PrfPlus(PrfPlusParams { prf: CKM_SHA_1_HMAC, seed });
    let made = run(CKM_IKE2_PRF_PLUS_DERIVE, SKEYSEED, &[NONCES], &params, Some(132));
    assert_eq!(made.as_deref(), Ok(KEYS));
}

/// NIST CAVP, component test of SP 800-135, IKEv1 with SHA-1: digital signatures and a pre-shared key.
#[test]
fn the_cavp_keys_of_ike_version_1_come_out() {
    let agreed = "8ba4cbc73c0187301dc19a975823854dbd641c597f637f8d053a83b9514673eb";
    let skeyid = "707197817fb2d90cf54d1842606bdea59b9f4823";
    let nonces = initial_params(true, false, "69a62284195f168080c94ba25c8abda5");
    assert_eq!(run(CKM_IKE_PRF_DERIVE, agreed, &[], &nonces, None).as_deref(), Ok(skeyid));
    let mut before = None;
    for (number, wanted) in [
        (0, "384be709a8a5e63c3ed160cfe3921c4b37d5b32d"),
        (1, "48b327575abe3adba0f279849e289022a13e2b47"),
        (2, "a4a415c8e0c38c0da847c356cc61c24df8025560"),
    ] {
        let keys: Vec<_> = before.into_iter().chain([agreed]).collect();
        let made = run(CKM_IKE1_PRF_DERIVE, skeyid, &keys, &ike1_params(number), None);
        assert_eq!(made.as_deref(), Ok(wanted));
        let short = run(CKM_IKE1_PRF_DERIVE, skeyid, &keys, &ike1_params(number), Some(5));
        assert_eq!(short.as_deref(), Ok(&wanted[..10]));
        before = Some(wanted);
    }
    let shared = run(
        CKM_IKE_PRF_DERIVE,
        "c0",
        &[],
        &initial_params(false, false, "03a6f25a83c8c2a39d958a6618f77e7f"),
        None,
    );
    assert_eq!(shared.as_deref(), Ok("ab3be41bc62f2ef0c41a3076d58768be77fadd2e"));
}

/// RFC 2409 appendix B and section 5.5, with values that a second implementation of it gives.
#[test]
fn longer_keys_of_ike_version_1_come_out() {
    let base = "63e81194946ebd05df7df5ebf5d8750056bf1f1d";
    let run = |params, length| {
        super::tests::run(CKM_IKE1_EXTENDED_DERIVE, base, &[], &params, Some(length)).unwrap()
    };
    let long = "933347a07de5782247dd36d1562ffe0eecade1eb4134165257e3af1000af8ae3f165063828cbb60d";
    assert_eq!(run(extended_params(b""), 40), long);
    assert_eq!(run(extended_params(b""), 15), base[..30]);
    let quick = "933347a07de5782247dd36d1562ffe0eecade1ebaeaa476a5f578c34a9b2b7101a621202f61db924";
    assert_eq!(run(extended_params(&[0]), 40), quick);
}

/// RFC 4615 section 4.
#[test]
fn cmac_takes_keys_of_every_length() {
    let message = unhex("000102030405060708090a0b0c0d0e0f10111213");
    for (key, wanted) in [
        ("000102030405060708090a0b0c0d0e0fedcb", "84a348a4a45d235babfffc0d2b4da09a"),
        ("000102030405060708090a0b0c0d0e0f", "980ae87b5f4c9c5214f5b6a8455e4c2d"),
        ("00010203040506070809", "290d9e112edb09ee141fcf64c0b72f3d"),
    ] {
        assert_eq!(hex::encode(output(Prf::AesCmac, &unhex(key), &[&message]).unwrap()), wanted);
    }
}

/// RFC 4434 section 2.
#[test]
fn xcbc_takes_keys_of_every_length() {
    let message = unhex("000102030405060708090a0b0c0d0e0f10111213");
    for (key, wanted) in [
        ("000102030405060708090a0b0c0d0e0f", "47f51b4564966215b8985c63055ed308"),
        ("00010203040506070809", "0fa087af7d866e7653434e602fdde835"),
        ("000102030405060708090a0b0c0d0e0fedcb", "8cd3c93ae598a9803006ffb67c40e9e4"),
    ] {
        assert_eq!(hex::encode(output(Prf::AesXcbc, &unhex(key), &[&message]).unwrap()), wanted);
    }
}

#[test]
fn the_first_key_has_the_type_and_the_length_of_its_function() {
    for (prf, key_type) in [(CKM_SHA256_HMAC, CKK_SHA256_HMAC), (CKM_AES_CMAC, CKK_AES)] {
        let nonces = unhex(NONCES);
        let params = Params::IkePrf(IkePrfParams { prf, data_as_key: true, rekey: false, nonces });
        let made =
            derived(CKM_IKE_PRF_DERIVE, &key("00"), &[], &params, &Template::new()).unwrap().main.unwrap();
        assert_eq!(made.ulong(CKA_KEY_TYPE), Some(key_type));
    }
    for wanted in [19, 21] {
        let made = run(CKM_IKE_PRF_DERIVE, "00", &[], &initial_params(true, false, NONCES), Some(wanted));
        assert_eq!(made, Err(Error::KeySizeRange));
    }
}

#[test]
fn wrong_parameters_and_lengths_are_refused() {
    let run = |id, keys: &[&str], params: &Params, wanted| run(id, SKEYSEED, keys, params, wanted).err();
    let both = initial_params(true, true, NONCES);
    assert_eq!(run(CKM_IKE_PRF_DERIVE, &["00"], &both, None), Some(Error::ArgumentsBad));
    let no_key = initial_params(false, true, NONCES);
    assert_eq!(run(CKM_IKE_PRF_DERIVE, &[], &no_key, None), Some(Error::MechanismParamInvalid));
    assert_eq!(run(CKM_IKE1_PRF_DERIVE, &[], &ike1_params(0), None), Some(Error::MechanismParamInvalid));
    assert_eq!(run(CKM_IKE1_PRF_DERIVE, &["00"], &ike1_params(0), Some(21)), Some(Error::KeySizeRange));
    let untyped = derived(CKM_IKE1_PRF_DERIVE, &key("00"), &[key("00")], &ike1_params(0), &Template::new());
    assert_eq!(untyped.err(), Some(Error::TemplateIncomplete));
    let plus = Params::Ike2PrfPlus(PrfPlusParams { prf: CKM_SHA_1_HMAC, seed: vec![] });
    for (id, params) in [(CKM_IKE2_PRF_PLUS_DERIVE, &plus), (CKM_IKE1_EXTENDED_DERIVE, &extended_params(b""))]
    {
        assert_eq!(run(id, &[], params, None), Some(Error::TemplateIncomplete));
        assert_eq!(run(id, &[], params, Some(255 * 20 + 1)), Some(Error::KeySizeRange));
        assert_eq!(run(id, &[], params, Some(255 * 20)), None);
    }
    for row in ROWS {
        assert_eq!(run(row.id, &["00"], &Params::None, Some(20)), Some(Error::MechanismParamInvalid));
    }
    for prf in [CKM_SHA_1, CKM_DES3_CMAC] {
        let unknown = Params::Ike2PrfPlus(PrfPlusParams { prf, seed: vec![] });
        let refused = run(CKM_IKE2_PRF_PLUS_DERIVE, &[], &unknown, Some(20));
        assert_eq!(refused, Some(Error::MechanismParamInvalid));
    }
}

#[test]
fn a_hidden_key_is_not_cut_to_a_few_bytes() {
    let hidden = with(&key(SKEYSEED), &[(CKA_SENSITIVE, true)]);
    let run = |wanted| {
        derived(CKM_IKE1_EXTENDED_DERIVE, &hidden, &[], &extended_params(b""), &template(Some(wanted)))
    };
    assert_eq!(run(13).err(), Some(Error::KeySizeRange));
    assert!(run(14).is_ok());
}
