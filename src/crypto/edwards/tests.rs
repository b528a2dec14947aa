//! The schemes with a context or a prehash, and Ed448, against the examples of RFC 8032 sections 7.2 to 7.5.

use super::super::digest::Hash;
use super::super::shake::Shake;
use super::*;

/// Curve, scheme, seed, public point, message, signature.
type Example = (Curve, Scheme<'static>, &'static str, &'static str, &'static str, &'static str);

pub(crate) const RFC_8032: &[Example] = &[
    (
        Curve::Ed25519,
        Scheme::Context(b"foo"),
        "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292",
        "f726936d19c800494e3fdaff20b276a8",
        "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9\
             b2d5f6cca685a587b4b21f4b888e4e7edb0d",
    ),
    (
        Curve::Ed25519,
        Scheme::Context(b"bar"),
        "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292",
        "f726936d19c800494e3fdaff20b276a8",
        "fc60d5872fc46b3aa69f8b5b4351d5808f92bcc044606db097abab6dbcb1aee3216c48e8b3b66431b5b186d1d28f\
             8ee15a5ca2df6668346291c2043d4eb3e90d",
    ),
    (
        Curve::Ed25519,
        Scheme::Prehashed(b""),
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "616263",
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062ad\
             f5aaa10b8c61e636062aaad11c2a26083406",
    ),
    (
        Curve::Ed448,
        Scheme::Pure,
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b9449\
             2f8f032e7549a20098f95b",
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e5\
             0f6cd1fa1abeafe8256180",
        "",
        "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd4\
             7d7828c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a1\
             13a0f4dbb61149f05a7363268c71d95808ff2e652600",
    ),
    (
        Curve::Ed448,
        Scheme::Context(b"foo"),
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659\
             949ef8021e954e0a12274e",
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82\
             169c235160627b4c3a9480",
        "03",
        "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d6\
             07217fce6e042f6815ea000c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad\
             10d54d0d5428407e85dcbc98a49155c13764e66c3c00",
    ),
    (
        Curve::Ed448,
        Scheme::Prehashed(b""),
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde\
             69e3ab2cec7c867c6e2c49",
        "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743c09428a131d6b1b57303d90d8132\
             c276d5ed3d5d01c0f53880",
        "616263",
        "822f6901f7480f3d5f562c592994d9693602875614483256505600bbc281ae381f54d6bce2ea911574932f52a4e6\
             cadd78769375ec3ffd1b801a0d9b3f4030cd433964b6457ea39476511214f97469b57dd32dbc560a9a94d00bff07\
             620464a3ad203df7dc7ce360c3cd3696d9d9fab90f00",
    ),
    (
        Curve::Ed448,
        Scheme::Prehashed(b"foo"),
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde\
             69e3ab2cec7c867c6e2c49",
        "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743c09428a131d6b1b57303d90d8132\
             c276d5ed3d5d01c0f53880",
        "616263",
        "c32299d46ec8ff02b54540982814dce9a05812f81962b649d528095916a2aa481065b1580423ef927ecf0af5888f\
             90da0f6a9a85ad5dc3f280d91224ba9911a3653d00e484e2ce232521481c8658df304bb7745a73514cdb9bf3e157\
             84ab71284f8d0704a608c54a6b62d97beb511d132100",
    ),
];

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn hashed(curve: Curve, scheme: Scheme, message: &[u8]) -> Vec<u8> {
    if !matches!(scheme, Scheme::Prehashed(_)) {
        return message.to_vec();
    }
    match curve {
        Curve::Ed25519 => Hash::Sha512.digest(message).unwrap().as_bytes().to_vec(),
        Curve::Ed448 => {
            let mut prehash = [0; 64];
            Shake::Bits256.expand(message, &mut prehash).unwrap();
            prehash.to_vec()
        }
    }
}

#[test]
fn the_examples_of_rfc_8032_are_made_and_verified() {
    for (curve, scheme, seed, point, message, expected) in RFC_8032 {
        let [seed, point, message, expected] = [seed, point, message, expected].map(|text| bytes(text));
        let message = hashed(*curve, *scheme, &message);
        let key = PrivateKey::new(*curve, &seed).unwrap();
        assert_eq!(key.public_point(), point);
        assert_eq!(key.seed().as_bytes(), seed);
        let mut signature = vec![0; curve.signature_len()];
        assert_eq!(key.sign(*scheme, &message, &mut signature), Ok(signature.len()));
        assert_eq!(signature, expected, "{curve:?} {scheme:?}");
        let public = PublicKey::new(*curve, &point).unwrap();
        public.verify(*scheme, &message, &signature).unwrap();
        for other in [Scheme::Context(b"other"), Scheme::Prehashed(b"other"), Scheme::Pure] {
            let message = if message.len() == 64 { message.clone() } else { vec![1; 64] };
            if other != *scheme {
                assert_eq!(public.verify(other, &message, &signature), Err(Error::Signature));
            }
        }
        signature[3] ^= 1;
        assert_eq!(public.verify(*scheme, &message, &signature), Err(Error::Signature));
        assert_eq!(public.verify(*scheme, &message, &signature[1..]), Err(Error::Length));
        assert_eq!(key.sign(*scheme, &message, &mut signature[1..]), Err(Error::Buffer));
    }
}

#[test]
fn a_context_is_at_most_255_bytes_and_a_prehash_is_64() {
    for curve in Curve::ALL.iter().copied() {
        let key = PrivateKey::generate(curve).unwrap();
        let public = PublicKey::new(curve, key.public_point()).unwrap();
        let mut signature = vec![0; curve.signature_len()];
        let (most, too_much) = ([1; MAX_CONTEXT], [1; MAX_CONTEXT + 1]);
        assert!(key.sign(Scheme::Context(&most), b"", &mut signature).is_ok());
        public.verify(Scheme::Context(&most), b"", &signature).unwrap();
        for scheme in [Scheme::Context(&too_much), Scheme::Prehashed(&too_much)] {
            assert_eq!(key.sign(scheme, &[0; 64], &mut signature), Err(Error::Argument));
            assert_eq!(public.verify(scheme, &[0; 64], &signature), Err(Error::Argument));
        }
        assert_eq!(key.sign(Scheme::Prehashed(b""), b"abc", &mut signature), Err(Error::Length));
        let empty = key.sign(Scheme::Context(b""), b"", &mut signature);
        // Ed25519ctx must have one; Ed448 with an empty one is the pure scheme.
        assert_eq!(empty.is_ok(), curve == Curve::Ed448);
    }
}

#[test]
fn bytes_that_are_no_seed_and_no_point_are_refused() {
    for curve in Curve::ALL.iter().copied() {
        let wrong = vec![1; curve.point_len() + 1];
        assert_eq!(PrivateKey::new(curve, &wrong).err(), Some(Error::Key));
        assert_eq!(PublicKey::new(curve, &wrong).err(), Some(Error::PublicKey));
        assert_eq!(PublicKey::new(curve, &vec![0xff; curve.point_len()]).err(), Some(Error::PublicKey));
    }
}

#[test]
fn ed448_takes_points_and_signatures_in_their_one_encoding_only() {
    let key = PrivateKey::new(Curve::Ed448, &[5; 57]).unwrap();
    let (public, mut signature) = (PublicKey::new(Curve::Ed448, key.public_point()).unwrap(), [0; 114]);
    key.sign(Scheme::Pure, b"", &mut signature).unwrap();
    for bit in 0..7 {
        let mut point = key.public_point().to_vec();
        point[56] ^= 1 << bit;
        assert_eq!(PublicKey::new(Curve::Ed448, &point).err(), Some(Error::PublicKey));
        let mut changed = signature;
        changed[56] ^= 1 << bit;
        assert_eq!(public.verify(Scheme::Pure, b"", &changed), Err(Error::Signature));
    }
}

#[test]
fn halves_of_two_pairs_fail_the_pairwise_check() {
    for curve in Curve::ALL.iter().copied() {
        let [mine, other] = [(); 2].map(|()| PrivateKey::generate(curve).unwrap());
        let public = |key: &PrivateKey| PublicKey::new(curve, key.public_point()).unwrap();
        check_pair(&mine, &public(&mine)).unwrap();
        assert_eq!(check_pair(&mine, &public(&other)), Err(Error::Engine));
    }
}
