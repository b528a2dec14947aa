//! Points that are not where they should be (Biehl, Meyer, Müller; Antipa and others, "Validation of Elliptic Curve
//! Public Keys", PKC 2003): the secret of a derivation would tell the private key modulo small numbers.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{bytes, template};
use crate::host::*;
use crate::random::Random;

/// Name, DER of the object identifier, bytes of a coordinate.
const CURVES: [(&str, &str, usize); 8] = [
    ("P-224", "06052b81040021", 28),
    ("P-256", "06082a8648ce3d030107", 32),
    ("P-384", "06052b81040022", 48),
    ("P-521", "06052b81040023", 66),
    ("secp256k1", "06052b8104000a", 32),
    ("brainpoolP256r1", "06092b2403030208010107", 32),
    ("brainpoolP384r1", "06092b240303020801010b", 48),
    ("brainpoolP512r1", "06092b240303020801010d", 64),
];
const X25519: &str = "06032b656e";
const X448: &str = "06032b656f";

fn params(oid: &str) -> Attribute {
    (CKA_EC_PARAMS, bytes(&hex::decode(oid).unwrap()))
}

/// A pair that derives, and the public point as it is stored.
fn pair(host: &Host, id: CK_MECHANISM_TYPE, oid: &str) -> Option<(ObjectHandle, Vec<u8>)> {
    let private = template(&[yes(CKA_DERIVE)]);
    let made = host.session.generate_key_pair(id, &Params::None, &template(&[params(oid)]), &private);
    let (public, private) = match made {
        Err(Error::CurveNotSupported) => return None,
        made => made.unwrap(),
    };
    let point = host.read(public, CKA_EC_POINT).unwrap().as_bytes().unwrap().to_vec();
    Some((private, point))
}

fn agree(host: &Host, id: CK_MECHANISM_TYPE, private: ObjectHandle, point: &[u8]) -> Result<ObjectHandle> {
    let params = Params::Ecdh1 { kdf: CKD_NULL, shared_data: Vec::new(), public_data: point.to_vec() };
    host.derive(id, &params, private, &secret_key(CKK_GENERIC_SECRET, &[]))
}

fn import(host: &Host, key_type: CK_KEY_TYPE, oid: &str, point: &[u8]) -> Result<ObjectHandle> {
    host.session.create_object(&template(&[
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        params(oid),
        (CKA_EC_POINT, bytes(point)),
    ]))
}

/// The coordinates of a raw point, which follow its first byte at the end of the stored form.
fn raw(stored: &[u8], length: usize) -> Vec<u8> {
    stored[stored.len() - 1 - 2 * length..].to_vec()
}

#[test]
fn a_point_that_is_not_on_the_curve_is_neither_agreed_with_nor_imported() {
    let host = Host::new();
    let mut random = Random::new(seed());
    let mut tried = 0;
    for (name, oid, length) in CURVES {
        let Some((private, stored)) = pair(&host, CKM_EC_KEY_PAIR_GEN, oid) else { continue };
        let good = raw(&stored, length);
        assert!(agree(&host, CKM_ECDH1_DERIVE, private, &good).is_ok(), "{name}");
        let mut bad = vec![
            vec![0],
            [&[4][..], &vec![0; 2 * length]].concat(),
            [&[4][..], &vec![0xff; 2 * length]].concat(),
        ];
        for _ in 0..amount(20, 2_000) {
            let mut point = good.clone();
            let place = 1 + random.below(2 * length);
            point[place] ^= 1 << random.below(8);
            bad.push(point);
        }
        for point in bad {
            for id in [CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE] {
                let refused = agree(&host, id, private, &point).err();
                assert!(
                    matches!(refused, Some(Error::PublicKeyInvalid | Error::MechanismParamInvalid)),
                    "{name}: {refused:?} for {}",
                    hex::encode(&point)
                );
            }
            assert!(import(&host, CKK_EC, oid, &point).is_err(), "{name}: {}", hex::encode(&point));
            tried += 1;
        }
    }
    println!("{tried} points off their curves");
}

/// Half of all x coordinates belong to the twist: compressed, such a point looks like one of the curve.
#[test]
fn a_compressed_point_of_the_twist_is_refused() {
    let host = Host::new();
    let (private, _) = pair(&host, CKM_EC_KEY_PAIR_GEN, CURVES[1].1).unwrap();
    let mut random = Random::new(seed());
    let (mut on, mut off) = (0, 0);
    for _ in 0..200 {
        let mut point = random.bytes(33);
        (point[0], point[1]) = (2 + point[0] % 2, 0);
        match agree(&host, CKM_ECDH1_DERIVE, private, &point) {
            Ok(_) => on += 1,
            Err(error) => {
                assert_eq!(error, Error::PublicKeyInvalid);
                off += 1;
            }
        }
    }
    assert!(on > 60 && off > 60, "{on} on the curve and {off} off it");
}

#[test]
fn a_point_of_another_curve_of_the_same_length_is_refused() {
    let host = Host::new();
    let (private, _) = pair(&host, CKM_EC_KEY_PAIR_GEN, CURVES[1].1).unwrap();
    for (name, oid, length) in [CURVES[4], CURVES[5]] {
        let Some((_, stored)) = pair(&host, CKM_EC_KEY_PAIR_GEN, oid) else { continue };
        let refused = agree(&host, CKM_ECDH1_DERIVE, private, &raw(&stored, length));
        assert_eq!(refused.err(), Some(Error::PublicKeyInvalid), "{name}");
    }
}

/// The points of small order of Curve25519 and Curve448 (RFC 7748 section 6: the secret would be zero whatever the
/// private key is). The list of Curve25519 is that of <https://cr.yp.to/ecdh.html>.
#[test]
fn a_point_of_small_order_is_refused_by_x25519_and_x448() {
    let host = Host::new();
    let last = |bytes: &str, last: u8| {
        let mut point = hex::decode(bytes).unwrap();
        let end = point.len() - 1;
        point[end] = last;
        point
    };
    let mut one = vec![0; 32];
    one[0] = 1;
    let near_prime = |first: u8| {
        let mut point = vec![0xff; 32];
        (point[0], point[31]) = (first, 0x7f);
        point
    };
    let order_8 = [
        last("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", 0),
        last("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", 0x57),
    ];
    let small_25519 = [vec![0; 32], one, near_prime(0xec), near_prime(0xed), near_prime(0xee)];
    let (private, _) = pair(&host, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, X25519).unwrap();
    for mut point in small_25519.into_iter().chain(order_8) {
        for high_bit in [0, 0x80] {
            point[31] |= high_bit;
            let refused = agree(&host, CKM_ECDH1_DERIVE, private, &point).err();
            assert_eq!(refused, Some(Error::PublicKeyInvalid), "{}", hex::encode(&point));
        }
    }
    let mut minus_one = vec![0xff; 56];
    (minus_one[0], minus_one[28]) = (0xfe, 0xfe);
    let mut prime = vec![0xff; 56];
    prime[28] = 0xfe;
    let mut one = vec![0; 56];
    one[0] = 1;
    let (private, _) = pair(&host, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, X448).unwrap();
    for point in [vec![0; 56], one, minus_one, prime] {
        let refused = agree(&host, CKM_ECDH1_DERIVE, private, &point).err();
        assert_eq!(refused, Some(Error::PublicKeyInvalid), "{}", hex::encode(&point));
    }
}

/// The same points where a wrapped key begins with one.
#[test]
fn a_wrapped_key_that_begins_with_a_point_off_the_curve_is_refused_like_any_other() {
    let host = Host::new();
    let private = template(&[yes(CKA_UNWRAP)]);
    let public = template(&[params(CURVES[1].1), yes(CKA_WRAP)]);
    let made = host.session.generate_key_pair(CKM_EC_KEY_PAIR_GEN, &Params::None, &public, &private);
    let (public, private) = made.unwrap();
    let params = Params::EcdhAesKeyWrap { key_bits: 256, kdf: CKD_SHA256_KDF, shared_data: Vec::new() };
    let key = host.aes(&[5; 32], &[yes(CKA_EXTRACTABLE)]);
    let good = host.wrap(CKM_ECDH_AES_KEY_WRAP, &params, public, key).unwrap();
    let wanted = secret_key(CKK_AES, &[]);
    let unwrap = |wrapped: &[u8]| {
        host.session.unwrap_key(CKM_ECDH_AES_KEY_WRAP, &params, private, wrapped, &wanted).err()
    };
    assert_eq!(unwrap(&good), None);
    for place in [1, 20, 40, 64, 70, 90] {
        let mut wrapped = good.clone();
        wrapped[place] ^= 1;
        assert_eq!(unwrap(&wrapped), Some(Error::WrappedKeyInvalid), "byte {place}");
    }
}
