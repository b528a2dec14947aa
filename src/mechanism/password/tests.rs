use super::*;
use crate::mechanism::lookup;
use crate::mechanism::testing::unhex;

fn generate(
    id: CK_MECHANISM_TYPE,
    params: &Params,
    template: &[(CK_ATTRIBUTE_TYPE, u64)],
) -> Result<Attributes> {
    let template = template.iter().map(|(id, value)| (*id, Value::Ulong(*value))).collect();
    lookup(id).unwrap().ops.generate_key.unwrap()(params, &template)
}

fn pbkdf2_params(prf: u64, password: &[u8], salt: &[u8], iterations: u64) -> Params {
    let password = Secret::copy_of(password);
    Params::Pbkdf2(Pbkdf2Params { salt: salt.to_vec(), iterations, prf, password })
}

fn pbe_params(password: &str, salt: &str, iterations: u64) -> Params {
    let password = [password, "\0"].concat().encode_utf16().flat_map(u16::to_be_bytes).collect();
    Params::Pbe(PbeParams { password: Secret::new(password), salt: unhex(salt), iterations })
}

fn value(made: &Attributes) -> String {
    hex::encode(made.bytes(CKA_VALUE).unwrap())
}

/// RFC 6070 (SHA-1), RFC 7914 section 11 (SHA-256); the others were computed with the `hashlib` of Python.
#[test]
fn published_keys_of_pbkdf2_come_out() {
    for (prf, password, salt, iterations, key) in [
        (CKP_PKCS5_PBKD2_HMAC_SHA1, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            CKP_PKCS5_PBKD2_HMAC_SHA1,
            "passwordPASSWORDpassword",
            "saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
        (CKP_PKCS5_PBKD2_HMAC_SHA1, "pass\0word", "sa\0lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"),
        (
            CKP_PKCS5_PBKD2_HMAC_SHA256,
            "passwd",
            "salt",
            1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
             49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        ),
        (CKP_PKCS5_PBKD2_HMAC_SHA224, "password", "salt", 2, "93200ffa96c5776d38fa10abdf8f5bfc0054b971"),
        (CKP_PKCS5_PBKD2_HMAC_SHA384, "password", "salt", 2, "54f775c6d790f21930459162fc535dbf04a93918"),
        (CKP_PKCS5_PBKD2_HMAC_SHA512, "password", "salt", 2, "e1d9c16aa681708a45f5c7c4e215ceb66e011a2e"),
        (CKP_PKCS5_PBKD2_HMAC_SHA512_224, "password", "salt", 2, "b8878ac5e4509c165c1b508961fa3c3afcef3f37"),
        (CKP_PKCS5_PBKD2_HMAC_SHA512_256, "password", "salt", 2, "fcfd108c99cc888ec0af9f184885aff5f02d19a9"),
    ] {
        let params = pbkdf2_params(prf, password.as_bytes(), salt.as_bytes(), iterations);
        let length = key.len() as u64 / 2;
        let template = [(CKA_KEY_TYPE, CKK_GENERIC_SECRET), (CKA_VALUE_LEN, length)];
        let made = generate(CKM_PKCS5_PBKD2, &params, &template).unwrap();
        assert_eq!(value(&made), key, "{prf}");
    }
}

#[test]
fn a_key_of_one_length_needs_none_and_des_keys_have_their_parity() {
    let params = pbkdf2_params(CKP_PKCS5_PBKD2_HMAC_SHA1, b"password", b"salt", 1);
    let made = generate(CKM_PKCS5_PBKD2, &params, &[(CKA_KEY_TYPE, CKK_DES3)]).unwrap();
    let bytes = made.bytes(CKA_VALUE).unwrap();
    assert_eq!(bytes.len(), 24);
    assert!(bytes.iter().all(|byte| byte.count_ones() % 2 == 1));
}

#[test]
fn pbkdf2_refuses_what_it_cannot_do_or_would_never_end() {
    let aes = [(CKA_KEY_TYPE, CKK_AES), (CKA_VALUE_LEN, 32)];
    let run = |prf, iterations, template: &[_]| {
        generate(CKM_PKCS5_PBKD2, &pbkdf2_params(prf, b"password", b"salt", iterations), template).err()
    };
    let sha1 = CKP_PKCS5_PBKD2_HMAC_SHA1;
    assert_eq!(run(CKP_PKCS5_PBKD2_HMAC_GOSTR3411, 1, &aes), Some(Error::MechanismParamInvalid));
    for iterations in [0, MAX_ROUNDS + 1, MAX_ROUNDS / 2 + 1, 1 << 32, u64::MAX] {
        assert_eq!(run(sha1, iterations, &aes), Some(Error::MechanismParamInvalid), "{iterations}");
    }
    assert_eq!(run(sha1, 1, &aes[1..]), Some(Error::TemplateIncomplete));
    assert_eq!(run(sha1, 1, &aes[..1]), Some(Error::TemplateIncomplete));
    for length in [0, MAX_DERIVED as u64 + 1, u64::MAX] {
        let template = [aes[0], (CKA_VALUE_LEN, length)];
        assert_eq!(run(sha1, 1, &template), Some(Error::AttributeValueInvalid), "{length}");
    }
    assert_eq!(generate(CKM_PKCS5_PBKD2, &Params::None, &aes).err(), Some(Error::MechanismParamInvalid));
}

/// Published values of the PKCS #12 method, with the parity that section 6.38 wants.
#[test]
fn published_keys_and_ivs_of_pkcs_12_come_out() {
    let params = pbe_params("smeg", "0a58cf64530d823f", 1);
    let made = generate(CKM_PBE_SHA1_DES3_EDE_CBC, &params, &[]).unwrap();
    let mut key = unhex("8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3");
    crate::crypto::des::set_odd_parity(&mut key);
    assert_eq!((value(&made), made.ulong(CKA_KEY_TYPE)), (hex::encode(&key), Some(CKK_DES3)));
    let made = generate(CKM_PBE_SHA1_DES2_EDE_CBC, &params, &[]).unwrap();
    assert_eq!((value(&made), made.ulong(CKA_KEY_TYPE)), (hex::encode(&key[..16]), Some(CKK_DES2)));
    for id in [CKM_PBE_SHA1_DES3_EDE_CBC, CKM_PBE_SHA1_DES2_EDE_CBC] {
        let iv = lookup(id).unwrap().ops.generate_iv.unwrap()(&params).unwrap();
        assert_eq!(hex::encode(iv), "79993dfe048d3b76");
    }
    let params = pbe_params("smeg", "3d83c0e4546ac140", 1);
    let made = generate(CKM_PBA_SHA1_WITH_SHA1_HMAC, &params, &[]).unwrap();
    assert_eq!(value(&made), "8d967d88f6caa9d714800ab3d48051d63f73a312");
    assert_eq!(made.ulong(CKA_KEY_TYPE), Some(CKK_GENERIC_SECRET));
    assert!(lookup(CKM_PBA_SHA1_WITH_SHA1_HMAC).unwrap().ops.generate_iv.is_none());
}

#[test]
fn pkcs_12_refuses_iterations_that_never_begin_or_never_end() {
    for row in ROWS.iter().skip(1) {
        for iterations in [0, MAX_ROUNDS + 1, u64::MAX] {
            let refused = generate(row.id, &pbe_params("smeg", "00", iterations), &[]).err();
            assert_eq!(refused, Some(Error::MechanismParamInvalid), "{} {iterations}", row.name);
        }
    }
}
