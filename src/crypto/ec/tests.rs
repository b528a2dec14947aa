//! The curves against published vectors, then against themselves.

use super::*;
use crate::crypto::digest::Hash;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// RFC 6979 appendix A.2: curve, private value, public point, hash, r, s over "sample".
type Example = (Curve, &'static str, &'static str, &'static str, Hash, &'static str, &'static str);

const RFC_6979: &[Example] = &[
    (
        Curve::P256,
        "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
        "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
        "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
        Hash::Sha256,
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    (
        Curve::P384,
        "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
        "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
        "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
        Hash::Sha384,
        "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
        "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    ),
];

#[test]
fn the_examples_of_rfc_6979_verify_and_their_keys_have_these_points() {
    for (curve, value, x, y, hash, r, s) in RFC_6979 {
        let key = PrivateKey::new(*curve, &bytes(value)).unwrap();
        let point = [vec![4], bytes(x), bytes(y)].concat();
        assert_eq!(key.public_point().unwrap(), point);
        assert_eq!(key.value().unwrap().as_bytes(), bytes(value));
        let public = PublicKey::new(*curve, &point).unwrap();
        let digest = hash.digest(b"sample").unwrap();
        let mut signature = [bytes(r), bytes(s)].concat();
        public.verify(digest.as_bytes(), &signature).unwrap();
        signature[9] ^= 1;
        assert_eq!(public.verify(digest.as_bytes(), &signature), Err(Error::Signature));
    }
}

#[test]
fn every_curve_signs_verifies_and_agrees() {
    for curve in Curve::ALL.iter().copied() {
        let (mine, other) = (PrivateKey::generate(curve).unwrap(), PrivateKey::generate(curve).unwrap());
        let public = PublicKey::new(curve, &mine.public_point().unwrap()).unwrap();
        let mut signature = vec![0; 2 * curve.order_len()];
        for length in [1, 20, 32, 64, 128] {
            let digest = vec![0xd1; length];
            assert_eq!(mine.sign(&digest, &mut signature), Ok(signature.len()), "{curve:?}");
            public.verify(&digest, &signature).unwrap();
        }
        let theirs = PublicKey::new(curve, &other.public_point().unwrap()).unwrap();
        let shared = mine.agree(&theirs).unwrap();
        assert_eq!(shared.len(), curve.field_len());
        assert_eq!(other.agree(&public).unwrap(), shared, "{curve:?}");
        assert_eq!(PrivateKey::new(curve, mine.value().unwrap().as_bytes()).unwrap().value(), mine.value());
    }
}

#[test]
fn lengths_are_those_of_the_engine() {
    for curve in Curve::ALL {
        // SAFETY: static groups.
        let (degree, order) = unsafe {
            (
                aws_lc_sys::EC_GROUP_get_degree(curve.engine().unwrap()) as usize,
                aws_lc_sys::EC_GROUP_order_bits(curve.engine().unwrap()) as usize,
            )
        };
        assert_eq!((curve.bits(), curve.order_len()), (degree, order.div_ceil(8)), "{curve:?}");
        assert_eq!(Curve::from_oid(curve.oid()), Some(*curve));
        assert_eq!(Curve::from_name(curve.names()[0]), Some(*curve));
    }
    assert_eq!(Curve::from_name("prime239v1"), None);
}

#[test]
fn a_compressed_point_is_the_same_key() {
    let (curve, value, x, ..) = RFC_6979[0];
    let key = PrivateKey::new(curve, &bytes(value)).unwrap();
    let public = PublicKey::new(curve, &[vec![3], bytes(x)].concat()).unwrap();
    assert_eq!(public.point().unwrap(), key.public_point().unwrap());
}

#[test]
fn points_off_the_curve_or_malformed_are_refused() {
    let curve = Curve::P256;
    let point = PrivateKey::generate(curve).unwrap().public_point().unwrap();
    let mut off = point.clone();
    *off.last_mut().unwrap() ^= 1;
    let too_large = [vec![4], vec![0xff; 64]].concat();
    let hybrid = [vec![6 | point[64] & 1], point[1..].to_vec()].concat();
    for wrong in
        [off, too_large, vec![0], vec![], vec![4], point[..64].to_vec(), [&point[..], &[0]].concat(), hybrid]
    {
        assert_eq!(PublicKey::new(curve, &wrong).err(), Some(Error::PublicKey), "{wrong:02x?}");
    }
    assert_eq!(PublicKey::new(Curve::Secp256k1, &point).err(), Some(Error::PublicKey));
}

#[test]
fn private_values_are_from_one_to_below_the_order() {
    for curve in Curve::ALL.iter().copied() {
        assert_eq!(PrivateKey::new(curve, &[0]).err(), Some(Error::Key));
        assert_eq!(PrivateKey::new(curve, &[]).err(), Some(Error::Key));
        assert_eq!(PrivateKey::new(curve, &vec![0xff; curve.order_len()]).err(), Some(Error::Key));
        assert_eq!(PrivateKey::new(curve, &vec![1; curve.order_len() + 1]).err(), Some(Error::Key));
        assert!(PrivateKey::new(curve, &[0, 0, 1]).is_ok());
    }
}

#[test]
fn signatures_of_impossible_length_or_value_are_refused() {
    let key = PrivateKey::generate(Curve::P521).unwrap();
    let public = PublicKey::new(Curve::P521, &key.public_point().unwrap()).unwrap();
    for length in [0, 1, 65, 134, 1 << 20] {
        assert_eq!(public.verify(b"digest", &vec![1; length]), Err(Error::Length), "{length}");
    }
    for value in [0, 0xff] {
        assert_eq!(public.verify(b"digest", &[value; 132]), Err(Error::Signature));
    }
    assert_eq!(key.sign(b"digest", &mut [0; 131]), Err(Error::Buffer));
}

#[test]
fn keys_of_two_curves_do_not_agree() {
    let mine = PrivateKey::generate(Curve::P256).unwrap();
    let other = PrivateKey::generate(Curve::BrainpoolP256r1).unwrap();
    let public = PublicKey::new(Curve::BrainpoolP256r1, &other.public_point().unwrap()).unwrap();
    assert_eq!(mine.agree(&public).err(), Some(Error::Curve));
}

#[test]
fn halves_of_two_pairs_fail_the_pairwise_check() {
    let [mine, other] = [(); 2].map(|()| PrivateKey::generate(Curve::P256).unwrap());
    let public = |key: &PrivateKey| PublicKey::new(Curve::P256, &key.public_point().unwrap()).unwrap();
    check_pair(&mine, &public(&mine).key).unwrap();
    assert_eq!(check_pair(&mine, &public(&other).key), Err(Error::Engine));
}
