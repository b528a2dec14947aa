//! RSA through its rows.

use super::*;
use crate::crypto::digest::Hash;
use crate::error::Error;
use crate::mechanism::testing::{unwrap, wrap};

fn bits(bits: u64) -> (CK_ATTRIBUTE_TYPE, Value) {
    (CKA_MODULUS_BITS, Value::Ulong(bits))
}

fn pair() -> &'static Pair {
    static PAIR: std::sync::LazyLock<Pair> =
        std::sync::LazyLock::new(|| generate(CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, &[bits(1024)]));
    &PAIR
}

fn pss(hash: CK_MECHANISM_TYPE, mgf: u64, salt_len: u64) -> Params {
    Params::Pss { hash, mgf, salt_len }
}

fn oaep(hash: CK_MECHANISM_TYPE, mgf: u64, label: &[u8]) -> Params {
    Params::Oaep { hash, mgf, label: label.to_vec() }
}

const HASHED: &[(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, u64, Hash)] = &[
    (CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, Hash::Sha1),
    (CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224, CKG_MGF1_SHA224, Hash::Sha224),
    (CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, Hash::Sha256),
    (CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, Hash::Sha384),
    (CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, Hash::Sha512),
    (CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS, CKM_SHA3_224, CKG_MGF1_SHA3_224, Hash::Sha3_224),
    (CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_256, CKG_MGF1_SHA3_256, Hash::Sha3_256),
    (CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_384, CKG_MGF1_SHA3_384, Hash::Sha3_384),
    (CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKM_SHA3_512, CKG_MGF1_SHA3_512, Hash::Sha3_512),
];

#[test]
fn hash_and_sign_is_the_raw_mechanism_over_the_digest() {
    let Pair { public, private } = pair();
    for (pkcs1, pss_id, hash_id, mgf, hash) in HASHED {
        let digest = hash.digest(b"message").unwrap();
        let info = [crate::crypto::rsa::digest_info_prefix(*hash), digest.as_bytes()].concat();
        let signature = sign(*pkcs1, private, &Params::None, b"message").unwrap();
        assert_eq!(signature, sign(CKM_RSA_PKCS, private, &Params::None, &info).unwrap());
        verify(*pkcs1, public, &Params::None, b"message", &signature).unwrap();
        verify(CKM_RSA_PKCS, public, &Params::None, &info, &signature).unwrap();
        assert_eq!(
            verify(*pkcs1, public, &Params::None, b"massage", &signature),
            Err(Error::SignatureInvalid)
        );

        let params = pss(*hash_id, *mgf, hash.output_len() as u64);
        let params = if hash.output_len() == 64 { pss(*hash_id, *mgf, 62) } else { params };
        let signature = sign(*pss_id, private, &params, b"message").unwrap();
        verify(CKM_RSA_PKCS_PSS, public, &params, digest.as_bytes(), &signature).unwrap();
        let signature = sign(CKM_RSA_PKCS_PSS, private, &params, digest.as_bytes()).unwrap();
        verify(*pss_id, public, &params, b"message", &signature).unwrap();
        assert_eq!(verify(*pss_id, public, &params, b"massage", &signature), Err(Error::SignatureInvalid));
    }
}

#[test]
fn signatures_of_another_length_are_told_apart_from_wrong_ones() {
    let Pair { public, private } = pair();
    let params = pss(CKM_SHA256, CKG_MGF1_SHA256, 32);
    for (id, params, message) in [
        (CKM_SHA256_RSA_PKCS, &Params::None, &b"message"[..]),
        (CKM_RSA_PKCS, &Params::None, b"message"),
        (CKM_RSA_X_509, &Params::None, b"message"),
        (CKM_SHA256_RSA_PKCS_PSS, &params, b"message"),
        (CKM_RSA_PKCS_PSS, &params, &[7; 32]),
    ] {
        let mut signature = sign(id, private, params, message).unwrap();
        verify(id, public, params, message, &signature).unwrap();
        for wrong in [&signature[..127], &[], &[&[0], &signature[..]].concat()] {
            assert_eq!(verify(id, public, params, message, wrong), Err(Error::SignatureLenRange));
        }
        signature[64] ^= 1;
        assert_eq!(verify(id, public, params, message, &signature), Err(Error::SignatureInvalid));
        assert_eq!(verify(id, public, params, message, &[0xff; 128]), Err(Error::SignatureInvalid));
    }
}

#[test]
fn data_too_long_for_the_block_is_out_of_range() {
    let Pair { public, private } = pair();
    let pss = pss(CKM_SHA256, CKG_MGF1_SHA256, 32);
    for (id, params, longest) in [(CKM_RSA_PKCS, &Params::None, 117), (CKM_RSA_X_509, &Params::None, 128)] {
        let message = [vec![0; 1], vec![1; longest - 1]].concat();
        let signature = sign(id, private, params, &message).unwrap();
        verify(id, public, params, &message, &signature).unwrap();
        let longer = [&[0], &message[..]].concat();
        assert_eq!(sign(id, private, params, &longer), Err(Error::DataLenRange));
        assert_eq!(verify(id, public, params, &longer, &signature), Err(Error::DataLenRange));
        assert_eq!(encrypt(id, public, params, &longer), Err(Error::DataLenRange));
    }
    for length in [0, 31, 33] {
        assert_eq!(sign(CKM_RSA_PKCS_PSS, private, &pss, &vec![1; length]), Err(Error::DataLenRange));
    }
    assert_eq!(sign(CKM_RSA_X_509, private, &Params::None, &[0xff; 128]), Err(Error::DataInvalid));
    assert_eq!(encrypt(CKM_RSA_X_509, public, &Params::None, &[0xff; 128]), Err(Error::DataInvalid));
    assert_eq!(
        decrypt(CKM_RSA_X_509, private, &Params::None, &[0xff; 128]),
        Err(Error::EncryptedDataInvalid)
    );
}

#[test]
fn parameters_that_make_no_sense_are_refused_at_once() {
    let Pair { public, private } = pair();
    for params in [
        Params::None,
        pss(CKM_SHA256, 0, 32),
        pss(CKM_AES_CBC, CKG_MGF1_SHA256, 32),
        pss(CKM_SHA256, CKG_MGF1_SHA256, 95),
        pss(CKM_SHA256, CKG_MGF1_SHA256, u64::MAX),
        pss(CKM_SHA384, CKG_MGF1_SHA256, 32),
    ] {
        let start = |id: CK_MECHANISM_TYPE| {
            let ops = &lookup(id).unwrap().ops;
            (
                ops.sign.unwrap()(private.clone(), &params).err(),
                ops.verify.unwrap()(public.clone(), &params).err(),
            )
        };
        let refused = (Some(Error::MechanismParamInvalid), Some(Error::MechanismParamInvalid));
        assert_eq!(start(CKM_SHA256_RSA_PKCS_PSS), refused, "{params:?}");
    }
    for params in [Params::None, oaep(CKM_SHA256, 0, b""), oaep(0, CKG_MGF1_SHA1, b"")] {
        assert_eq!(encrypt(CKM_RSA_PKCS_OAEP, public, &params, b""), Err(Error::MechanismParamInvalid));
    }
    let large = oaep(CKM_SHA512, CKG_MGF1_SHA512, b"");
    assert_eq!(encrypt(CKM_RSA_PKCS_OAEP, public, &large, b""), Err(Error::KeySizeRange));
    assert_eq!(wrap(CKM_RSA_PKCS_OAEP, public, &large, b""), Err(Error::WrappingKeySizeRange));
}

#[test]
fn what_is_encrypted_or_wrapped_comes_back() {
    let Pair { public, private } = pair();
    let mixed = oaep(CKM_SHA256, CKG_MGF1_SHA1, b"label");
    for (id, params, longest) in [
        (CKM_RSA_PKCS, Params::None, 117),
        (CKM_RSA_PKCS_OAEP, oaep(CKM_SHA_1, CKG_MGF1_SHA1, b""), 86),
        (CKM_RSA_PKCS_OAEP, mixed, 62),
    ] {
        for length in [0, 16, longest] {
            let data = vec![3; length];
            let ciphertext = encrypt(id, public, &params, &data).unwrap();
            assert_eq!(ciphertext.len(), 128);
            assert_eq!(decrypt(id, private, &params, &ciphertext).unwrap(), data);
            let wrapped = wrap(id, public, &params, &data).unwrap();
            assert_eq!(unwrap(id, private, &params, &wrapped).unwrap(), data);
        }
        assert_eq!(encrypt(id, public, &params, &vec![3; longest + 1]), Err(Error::DataLenRange));
        assert_eq!(wrap(id, public, &params, &vec![3; longest + 1]), Err(Error::KeySizeRange));
        assert_eq!(decrypt(id, private, &params, &[1; 127]), Err(Error::EncryptedDataLenRange));
        assert_eq!(unwrap(id, private, &params, &[1; 127]), Err(Error::WrappedKeyLenRange));
        assert_eq!(decrypt(id, private, &params, &[0xff; 128]), Err(Error::EncryptedDataInvalid));
        assert_eq!(unwrap(id, private, &params, &[0xff; 128]), Err(Error::WrappedKeyInvalid));
    }
    let block = encrypt(CKM_RSA_X_509, public, &Params::None, b"key").unwrap();
    let opened = decrypt(CKM_RSA_X_509, private, &Params::None, &block).unwrap();
    assert_eq!(opened, [&[0; 125][..], b"key"].concat());
}

#[test]
fn a_tampered_pkcs1_ciphertext_is_no_error_but_another_message() {
    let Pair { public, private } = pair();
    let mut ciphertext = encrypt(CKM_RSA_PKCS, public, &Params::None, b"secret").unwrap();
    ciphertext[100] ^= 1;
    let first = decrypt(CKM_RSA_PKCS, private, &Params::None, &ciphertext).unwrap();
    assert_ne!(first, b"secret");
    assert_eq!(decrypt(CKM_RSA_PKCS, private, &Params::None, &ciphertext).unwrap(), first);
    let params = oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"");
    assert_eq!(decrypt(CKM_RSA_PKCS_OAEP, private, &params, &ciphertext), Err(Error::EncryptedDataInvalid));
}

#[test]
fn raw_mechanisms_have_one_part_and_hashing_ones_several() {
    let Pair { public, private } = pair();
    let parts = |id: CK_MECHANISM_TYPE, params: &Params| {
        lookup(id).unwrap().ops.sign.unwrap()(private.clone(), params).unwrap().multi_part()
    };
    assert!(!parts(CKM_RSA_PKCS, &Params::None));
    assert!(!parts(CKM_RSA_X_509, &Params::None));
    assert!(!parts(CKM_RSA_PKCS_PSS, &pss(CKM_SHA_1, CKG_MGF1_SHA1, 0)));
    assert!(parts(CKM_SHA1_RSA_PKCS, &Params::None));
    let mut cipher =
        lookup(CKM_RSA_PKCS).unwrap().ops.encrypt.unwrap()(public.clone(), &Params::None).unwrap();
    assert!(!cipher.multi_part());
    assert_eq!(cipher.update(b"x", &mut []), Err(Error::FunctionNotSupported));
}

#[test]
fn generation_refuses_sizes_and_exponents_that_cannot_be() {
    let generate = |entries: &[(CK_ATTRIBUTE_TYPE, Value)]| {
        let template = Attributes::from_iter(entries.iter().cloned());
        lookup(CKM_RSA_PKCS_KEY_PAIR_GEN).unwrap().ops.generate_key_pair.unwrap()(
            &Params::None,
            &template,
            &Attributes::new(),
        )
    };
    assert_eq!(generate(&[]).err(), Some(Error::TemplateIncomplete));
    for wrong in [0, 512, 1022, 1025, 8194, u64::MAX] {
        assert_eq!(generate(&[bits(wrong)]).err(), Some(Error::AttributeValueInvalid), "{wrong}");
    }
    for wrong in [vec![], vec![1], vec![2], vec![0xff; 33]] {
        let exponent = (CKA_PUBLIC_EXPONENT, Value::Bytes(wrong));
        assert_eq!(generate(&[bits(1024), exponent]).err(), Some(Error::TemplateInconsistent));
    }
}

#[test]
fn a_generated_pair_has_all_its_parts_and_the_secret_ones_are_secret() {
    let Pair { public, private } = pair();
    assert_eq!(public.object().bytes(CKA_PUBLIC_EXPONENT), Some(&[1, 0, 1][..]));
    assert_eq!(public.object().bytes(CKA_MODULUS), private.object().bytes(CKA_MODULUS));
    for id in
        [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT]
    {
        assert!(private.object().material(id).unwrap().is_some_and(|bytes| !bytes.is_empty()));
        assert!(!private.object().attributes().contains(id) && !public.object().attributes().contains(id));
    }
}
