use super::*;
use crate::mechanism::testing::{derive, derive_from, derived, length, secret_key, unhex};
use crate::policy::UsableKey;

fn params(extract: bool, expand: bool, salt: Salt, info: &[u8]) -> Params {
    Params::Hkdf(HkdfParams { extract, expand, hash: CKM_SHA256, salt, info: info.to_vec() })
}

fn key(value: &[u8]) -> UsableKey {
    secret_key(CKK_HKDF, value)
}

/// RFC 5869 appendix A.1 and A.3.
#[test]
fn rfc_5869_keys_come_out() {
    let base = key(&[0x0b; 22]);
    let salt = Salt::Data(unhex("000102030405060708090a0b0c"));
    let info = unhex("f0f1f2f3f4f5f6f7f8f9");
    let made = derive(CKM_HKDF_DERIVE, &base, &params(true, true, salt.clone(), &info), Some(42)).unwrap();
    let wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(hex::encode(&made), wanted);
    let prk = derive(CKM_HKDF_DERIVE, &base, &params(true, false, salt, b""), None).unwrap();
    assert_eq!(hex::encode(&prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    let expanded = derive(CKM_HKDF_DERIVE, &key(&prk), &params(false, true, Salt::Null, &info), Some(42));
    assert_eq!(expanded.unwrap(), made);
    let unsalted = derive(CKM_HKDF_DERIVE, &base, &params(true, true, Salt::Null, b""), Some(42)).unwrap();
    let wanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(hex::encode(unsalted), wanted);
}

/// HKDF-Expand-Label of RFC 8446 section 7.1.
fn label(length: u16, label: &str, context: &[u8]) -> Vec<u8> {
    let label = ["tls13 ", label].concat();
    let mut info = length.to_be_bytes().to_vec();
    for part in [label.as_bytes(), context] {
        info.push(part.len() as u8);
        info.extend_from_slice(part);
    }
    info
}

/// The key schedule of TLS 1.3, with the values of RFC 8448 section 3.
#[test]
fn the_key_schedule_of_tls_1_3_is_that_of_rfc_8448() {
    let nothing = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let expand = |secret: &[u8], text, context: &[u8], length: u16| {
        let params = params(false, true, Salt::Null, &label(length, text, context));
        derive(CKM_HKDF_DERIVE, &key(secret), &params, Some(length.into())).unwrap()
    };
    // The salt is a key: the secret before, derived once more.
    let extract = |before: &[u8], secret: &[u8]| {
        let salt = key(&expand(before, "derived", &nothing, 32));
        derive_from(CKM_HKDF_DERIVE, &key(secret), &[salt], &params(true, false, Salt::Key, b""), None)
            .unwrap()
    };
    let early = derive(CKM_HKDF_DERIVE, &key(&[0; 32]), &params(true, false, Salt::Null, b""), None).unwrap();
    assert_eq!(hex::encode(&early), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    let agreed = unhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
    let handshake = extract(&early, &agreed);
    assert_eq!(hex::encode(&handshake), "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    let hello = unhex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
    let client = expand(&handshake, "c hs traffic", &hello, 32);
    assert_eq!(hex::encode(client), "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
    let server = expand(&handshake, "s hs traffic", &hello, 32);
    assert_eq!(hex::encode(&server), "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
    assert_eq!(hex::encode(expand(&server, "key", b"", 16)), "3fce516009c21727d0f2e4e86ee403bc");
    assert_eq!(hex::encode(expand(&server, "iv", b"", 12)), "5d313eb2671276ee13000b30");
    let master = extract(&handshake, &[0; 32]);
    assert_eq!(hex::encode(master), "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
}

#[test]
fn data_is_what_the_key_would_be() {
    let params = params(true, true, Salt::Null, b"info");
    let made = derived(CKM_HKDF_DATA, &key(b"secret"), &[], &params, &length(Some(20))).unwrap();
    let object = made.main.unwrap();
    assert_eq!(object.ulong(CKA_CLASS), Some(CKO_DATA));
    let same = derive(CKM_HKDF_DERIVE, &key(b"secret"), &params, Some(20)).unwrap();
    assert_eq!(object.bytes(CKA_VALUE), Some(&same[..]));
}

#[test]
fn wrong_parameters_and_lengths_are_refused() {
    for id in [CKM_HKDF_DERIVE, CKM_HKDF_DATA] {
        let run = |params: &Params, wanted| derive(id, &key(&[1; 32]), params, wanted).err();
        let both = params(true, true, Salt::Null, b"");
        assert_eq!(run(&both, None), Some(Error::TemplateIncomplete));
        assert_eq!(run(&both, Some(255 * 32 + 1)), Some(Error::KeySizeRange));
        assert_eq!(run(&both, Some(usize::MAX)), Some(Error::KeySizeRange));
        assert_eq!(run(&params(true, false, Salt::Null, b""), Some(31)), Some(Error::KeySizeRange));
        let no_step = params(false, false, Salt::Null, b"");
        assert_eq!(run(&no_step, Some(32)), Some(Error::MechanismParamInvalid));
        let no_key = params(true, false, Salt::Key, b"");
        assert_eq!(run(&no_key, None), Some(Error::MechanismParamInvalid));
        let Params::Hkdf(good) = both else { unreachable!() };
        let unknown = Params::Hkdf(HkdfParams { hash: CKM_SHA256_HMAC, ..good });
        assert_eq!(run(&unknown, Some(32)), Some(Error::MechanismParamInvalid));
        assert_eq!(run(&Params::None, Some(32)), Some(Error::MechanismParamInvalid));
    }
}
