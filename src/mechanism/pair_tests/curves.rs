//! Curves of all three families through their rows.

use super::*;
use crate::crypto::ec::Curve;
use crate::crypto::{edwards, montgomery};
use crate::error::Error;
use crate::mechanism::ec_params::{self, Named};
use crate::object::ec_point;

pub(super) fn params_of(named: Named) -> (CK_ATTRIBUTE_TYPE, Value) {
    (CKA_EC_PARAMS, Value::Bytes(ec_params::encode(named)))
}

pub(super) fn weierstrass(curve: Curve) -> Pair {
    generate(CKM_EC_KEY_PAIR_GEN, CKK_EC, &[params_of(Named::Weierstrass(curve))])
}

pub(super) fn edwards(curve: edwards::Curve) -> Pair {
    generate(CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, &[params_of(Named::Edwards(curve))])
}

pub(super) fn montgomery(curve: montgomery::Curve) -> Pair {
    generate(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, &[params_of(Named::Montgomery(curve))])
}

fn point(key: &UsableKey) -> Vec<u8> {
    let wrapped = key.object().bytes(CKA_EC_POINT).unwrap();
    ec_point::raw(key.object().key_type().unwrap(), wrapped).unwrap().to_vec()
}

fn agree(
    id: CK_MECHANISM_TYPE,
    key: &UsableKey,
    (kdf, shared_data): (u64, &[u8]),
    public_data: &[u8],
    wanted: Option<usize>,
) -> Result<Vec<u8>> {
    let params = Params::Ecdh1 { kdf, shared_data: shared_data.to_vec(), public_data: public_data.to_vec() };
    crate::mechanism::testing::derive(id, key, &params, wanted)
}

const PLAIN: (u64, &[u8]) = (CKD_NULL, b"");

#[test]
fn every_curve_signs_with_every_hash_and_without_one() {
    let ids = [
        CKM_ECDSA,
        CKM_ECDSA_SHA1,
        CKM_ECDSA_SHA224,
        CKM_ECDSA_SHA256,
        CKM_ECDSA_SHA384,
        CKM_ECDSA_SHA512,
        CKM_ECDSA_SHA3_224,
        CKM_ECDSA_SHA3_256,
        CKM_ECDSA_SHA3_384,
        CKM_ECDSA_SHA3_512,
    ];
    for curve in Curve::ALL.iter().copied() {
        let Pair { public, private } = weierstrass(curve);
        for id in ids {
            let message = [0x11; 20];
            let signature = sign(id, &private, &Params::None, &message).unwrap();
            assert_eq!(signature.len(), 2 * curve.order_len());
            verify(id, &public, &Params::None, &message, &signature).unwrap();
            assert_eq!(
                verify(id, &public, &Params::None, &[0x12; 20], &signature),
                Err(Error::SignatureInvalid)
            );
        }
    }
}

#[test]
fn a_digest_longer_than_the_order_is_cut_by_the_token() {
    let Pair { public, private } = weierstrass(Curve::P256);
    let digest: Vec<u8> = (0..200).collect();
    let signature = sign(CKM_ECDSA, &private, &Params::None, &digest).unwrap();
    verify(CKM_ECDSA, &public, &Params::None, &digest[..32], &signature).unwrap();
    let verified = verify(CKM_ECDSA, &public, &Params::None, &digest[..31], &signature);
    assert_eq!(verified, Err(Error::SignatureInvalid));
    assert_eq!(sign(CKM_ECDSA, &private, &Params::None, b""), Err(Error::DataLenRange));
}

#[test]
fn a_short_signature_with_halves_padded_on_the_left_is_accepted() {
    let Pair { public, private } = weierstrass(Curve::P521);
    // The order of P-521 begins with 01 ff, so that both halves of every fourth signature begin with 00.
    let (message, signature) = (1..=255u8)
        .map(|number| [number; 20])
        .map(|message| (message, sign(CKM_ECDSA, &private, &Params::None, &message).unwrap()))
        .find(|(_, signature)| signature[0] == 0 && signature[66] == 0)
        .unwrap();
    let short = [&signature[1..66], &signature[67..]].concat();
    verify(CKM_ECDSA, &public, &Params::None, &message, &signature).unwrap();
    verify(CKM_ECDSA, &public, &Params::None, &message, &short).unwrap();
    for wrong in [&signature[1..], &[], &[&signature[..], &[0, 0]].concat()] {
        assert_eq!(verify(CKM_ECDSA, &public, &Params::None, &message, wrong), Err(Error::SignatureLenRange));
    }
}

#[test]
fn eddsa_signs_in_one_part_and_in_several_with_every_scheme() {
    for curve in edwards::Curve::ALL.iter().copied() {
        let Pair { public, private } = edwards(curve);
        let eddsa = |prehash, context: &[u8]| Params::Eddsa { prehash, context: context.to_vec() };
        let schemes = [
            Params::None,
            eddsa(false, b"context"),
            eddsa(true, b""),
            eddsa(true, b"context"),
            eddsa(false, b""),
        ];
        for params in &schemes {
            let message = b"a message in four parts";
            let signature = sign(CKM_EDDSA, &private, params, message).unwrap();
            assert_eq!(signature.len(), curve.signature_len());
            let mut parts = lookup(CKM_EDDSA).unwrap().ops.verify.unwrap()(public.clone(), params).unwrap();
            for part in [&b"a message"[..], b"", b" in four", b" parts"] {
                parts.update(part).unwrap();
            }
            assert!(parts.multi_part());
            parts.finish(&signature).unwrap();
            let pure = |params: &Params| matches!(params, Params::None) || *params == eddsa(false, b"");
            for other in &schemes {
                let same = other == params || (pure(other) && pure(params));
                let verified = verify(CKM_EDDSA, &public, other, message, &signature);
                assert_eq!(verified.is_ok(), same, "{params:?} {other:?}");
            }
            let wrong = verify(CKM_EDDSA, &public, params, b"another", &signature);
            assert_eq!(wrong, Err(Error::SignatureInvalid));
            let short = verify(CKM_EDDSA, &public, params, message, &signature[1..]);
            assert_eq!(short, Err(Error::SignatureLenRange));
        }
        for params in [eddsa(true, &[1; 256]), eddsa(false, &[1; 256]), Params::Bytes(vec![])] {
            assert_eq!(sign(CKM_EDDSA, &private, &params, b""), Err(Error::MechanismParamInvalid));
        }
    }
}

#[test]
fn eddsa_gives_the_signatures_of_rfc_8032() {
    for (curve, scheme, seed, point, message, expected) in edwards::tests::RFC_8032 {
        let [seed, point, message, expected] =
            [seed, point, message, expected].map(|text| hex::decode(text).unwrap());
        let key = |class, id, value| {
            let values = [params_of(Named::Edwards(*curve)), (id, Value::Bytes(value))];
            usable(class, CKK_EC_EDWARDS, Attributes::from_iter(values))
        };
        let private = key(CKO_PRIVATE_KEY, CKA_VALUE, seed);
        let public = key(CKO_PUBLIC_KEY, CKA_EC_POINT, point);
        let params = match scheme {
            edwards::Scheme::Pure => Params::None,
            edwards::Scheme::Context(context) => Params::Eddsa { prehash: false, context: context.to_vec() },
            edwards::Scheme::Prehashed(context) => Params::Eddsa { prehash: true, context: context.to_vec() },
        };
        assert_eq!(sign(CKM_EDDSA, &private, &params, &message).unwrap(), expected);
        verify(CKM_EDDSA, &public, &params, &message, &expected).unwrap();
        let wrong = verify(CKM_EDDSA, &public, &params, b"another", &expected);
        assert_eq!(wrong, Err(Error::SignatureInvalid));
    }
}

#[test]
fn two_parties_derive_the_same_secret_from_raw_and_wrapped_points() {
    for curve in Curve::ALL.iter().copied() {
        let (mine, theirs) = (weierstrass(curve), weierstrass(curve));
        let shared = agree(CKM_ECDH1_DERIVE, &mine.private, PLAIN, &point(&theirs.public), None).unwrap();
        assert_eq!(shared.len(), curve.field_len());
        let wrapped = mine.public.object().bytes(CKA_EC_POINT).unwrap();
        let other = agree(CKM_ECDH1_COFACTOR_DERIVE, &theirs.private, PLAIN, wrapped, None).unwrap();
        assert_eq!(other, shared);
    }
    for curve in montgomery::Curve::ALL.iter().copied() {
        let (mine, theirs) = (montgomery(curve), montgomery(curve));
        let shared = agree(CKM_ECDH1_DERIVE, &mine.private, PLAIN, &point(&theirs.public), None).unwrap();
        assert_eq!(shared.len(), curve.value_len());
        let wrapped = mine.public.object().bytes(CKA_EC_POINT).unwrap();
        assert_eq!(agree(CKM_ECDH1_DERIVE, &theirs.private, PLAIN, wrapped, None).unwrap(), shared);
    }
}

#[test]
fn a_shorter_key_is_the_tail_of_the_secret_and_a_longer_one_there_is_not() {
    let (mine, theirs) = (weierstrass(Curve::P256), weierstrass(Curve::P256));
    let point = point(&theirs.public);
    let derive = |kdf, wanted| agree(CKM_ECDH1_DERIVE, &mine.private, kdf, &point, wanted);
    let full = derive(PLAIN, None).unwrap();
    assert_eq!(derive(PLAIN, Some(16)).unwrap(), full[16..]);
    assert_eq!(derive(PLAIN, Some(33)), Err(Error::KeySizeRange));
    assert_eq!(derive((CKD_NULL, b"data"), None), Err(Error::MechanismParamInvalid));
    for kdf in
        [CKD_SHA1_KDF, CKD_SHA224_KDF, CKD_SHA256_KDF, CKD_SHA384_KDF, CKD_SHA512_KDF, CKD_SHA256_KDF_SP800]
    {
        let long = derive((kdf, b"data"), Some(100)).unwrap();
        assert_eq!(derive((kdf, b"data"), None).unwrap(), long[..32]);
        assert_ne!(derive((kdf, b""), Some(100)).unwrap(), long);
    }
    assert_eq!(derive((0xffff, b""), None), Err(Error::MechanismParamInvalid));
}

#[test]
fn points_that_are_not_on_the_curve_and_other_bytes_are_refused() {
    let mine = weierstrass(Curve::P256);
    let mut off = point(&weierstrass(Curve::P256).public);
    off[40] ^= 1;
    let derive = |key: &UsableKey, data: &[u8]| agree(CKM_ECDH1_DERIVE, key, PLAIN, data, None);
    assert_eq!(derive(&mine.private, &off), Err(Error::PublicKeyInvalid));
    let other = point(&weierstrass(Curve::Secp256k1).public);
    assert_eq!(derive(&mine.private, &other), Err(Error::PublicKeyInvalid));
    for wrong in [&[][..], &[0], &[4, 1, 2], &off[..64]] {
        assert_eq!(derive(&mine.private, wrong), Err(Error::MechanismParamInvalid));
    }
    let mine = montgomery(montgomery::Curve::X25519);
    assert_eq!(derive(&mine.private, &[0; 32]), Err(Error::PublicKeyInvalid));
    assert_eq!(derive(&mine.private, &[1; 31]), Err(Error::MechanismParamInvalid));
    // A value of the other curve.
    assert_eq!(derive(&mine.private, &[9; 56]), Err(Error::PublicKeyInvalid));
    let mine = montgomery(montgomery::Curve::X448);
    assert_eq!(derive(&mine.private, &[0; 56]), Err(Error::PublicKeyInvalid));
}

#[test]
fn generation_knows_the_curves_of_its_own_family_only() {
    let generate = |id: CK_MECHANISM_TYPE, entries: &[(CK_ATTRIBUTE_TYPE, Value)]| {
        let template = Attributes::from_iter(entries.iter().cloned());
        let generate = lookup(id).unwrap().ops.generate_key_pair.unwrap();
        generate(&Params::None, &template, &Attributes::new()).err()
    };
    let all = [
        Named::Weierstrass(Curve::P256),
        Named::Edwards(edwards::Curve::Ed448),
        Named::Montgomery(montgomery::Curve::X448),
    ];
    let ids = [CKM_EC_KEY_PAIR_GEN, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_MONTGOMERY_KEY_PAIR_GEN];
    for (index, id) in ids.into_iter().enumerate() {
        assert_eq!(generate(id, &[]), Some(Error::TemplateIncomplete));
        for (other, named) in all.into_iter().enumerate() {
            let expected = (index != other).then_some(Error::CurveNotSupported);
            assert_eq!(generate(id, &[params_of(named)]), expected);
        }
        let explicit = (CKA_EC_PARAMS, Value::Bytes(vec![0x30, 3, 2, 1, 1]));
        assert_eq!(generate(id, &[explicit]), Some(Error::DomainParamsInvalid));
    }
}
